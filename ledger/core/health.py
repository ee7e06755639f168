"""What an installation must have to do its work, and what is missing: rules over facts, nothing else.

`missing` stops it from answering rightly (a supervisor takes it out, `/readyz` answers 503); `warnings`
must be dealt with, but turning visitors away would help nobody.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

VIEW_AGE_S = 60  # of the embedded chain, unless the trust file says otherwise of this kind of view
BEAT_AGE_S = 60  # a worker beats every few seconds, also during a long job
START_S = (
    60  # page and worker start together; the worker opens keys and chain first, ten seconds on a slow machine
)
BACKUP_AGE_S = 26 * 3600  # a nightly backup and two hours
CERTIFICATE_S = 60 * 86_400


class Lack(StrEnum):
    """What may be missing."""

    DATABASE = "DATABASE_DOWN"
    CHAIN_VIEW = "CHAIN_VIEW_STALE"
    WORKER = "WORKER_SILENT"
    STARTING = "WORKER_STARTING"
    VAULT = "VAULT_LOCKED"
    LISTS = "LISTS_ENDED"
    COUNTERS = "COUNTERS_DOWN"
    DEAD_LETTERS = "DEAD_LETTERS"
    CERTIFICATE = "CERTIFICATE_ENDS"
    BACKUP = "BACKUP_OLD"


@dataclass(frozen=True, slots=True)
class Expiry:
    """A key's certificate in use: `seconds` left, negative once it has ended."""

    issuer: str
    key: str
    seconds: int


@dataclass(frozen=True, slots=True)
class Vitals:
    """What was found, at one moment. None: could not be told, or never happened.

    Args:
        at: seconds since 1970.
        has_database: the store answers.
        has_counters: the counters answer.
        has_vault: the key store is open.
        view_age_s: since the chain view was last confirmed.
        view_block, chain_block: heights of view and chain.
        beat_age_s: since the newest sign of life of a worker.
        list_left_s: how long the published list that ends first still lasts; None without any list.
        lists: how many there are.
        queue, dead: jobs that wait and dead letters, by kind.
        batches: by state.
        expiries: certificates in use.
        backup_age_s: since the newest backup.
        free_bytes: on the disk of the data directory.
        view_most_s: how old the view may be before verification cannot tell (trust file).
        only_verifies: it issues for no agency: no worker, no key store, nothing to back up.
        up_s: since the process that was asked started.
    """

    at: int
    has_database: bool
    has_counters: bool
    has_vault: bool
    view_age_s: int | None = None
    view_block: int | None = None
    chain_block: int | None = None
    beat_age_s: int | None = None
    list_left_s: int | None = None
    lists: int = 0
    queue: Mapping[str, int] = field(default_factory=dict)
    dead: Mapping[str, int] = field(default_factory=dict)
    batches: Mapping[str, int] = field(default_factory=dict)
    expiries: tuple[Expiry, ...] = ()
    backup_age_s: int | None = None
    free_bytes: int | None = None
    view_most_s: int = VIEW_AGE_S
    only_verifies: bool = False
    up_s: float = START_S


def missing(vitals: Vitals) -> tuple[Lack, ...]:
    """What keeps the installation from answering rightly now."""
    found = []
    if not vitals.has_database:
        found.append(Lack.DATABASE)
    if vitals.view_age_s is None or vitals.view_age_s > vitals.view_most_s:
        found.append(Lack.CHAIN_VIEW)
    is_silent = vitals.beat_age_s is None or vitals.beat_age_s > BEAT_AGE_S
    if is_silent and not vitals.only_verifies:
        found.append(Lack.WORKER if vitals.up_s >= START_S else Lack.STARTING)
    if not vitals.has_vault and not vitals.only_verifies:
        found.append(Lack.VAULT)
    if vitals.list_left_s is not None and vitals.list_left_s <= 0:
        found.append(Lack.LISTS)
    if not vitals.has_counters:
        found.append(Lack.COUNTERS)
    return tuple(found)


def warnings(vitals: Vitals) -> tuple[Lack, ...]:
    """What somebody must look after soon."""
    found = []
    if any(vitals.dead.values()):
        found.append(Lack.DEAD_LETTERS)
    if any(expiry.seconds < CERTIFICATE_S for expiry in vitals.expiries):
        found.append(Lack.CERTIFICATE)
    is_overdue = vitals.backup_age_s is None or vitals.backup_age_s > BACKUP_AGE_S
    if is_overdue and not vitals.only_verifies:
        found.append(Lack.BACKUP)
    return tuple(found)
