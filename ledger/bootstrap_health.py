"""Gathers the facts that say whether an installation is well; core.health judges them.

Needs no password. Each question that cannot be asked leaves its fact empty: telling what is missing
must work exactly when something is missing.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any, TypeVar

from ledger.adapters.answers_sql import BUCKETS_S, Answers, SqlAnswers
from ledger.adapters.counters_database import CountersDatabase
from ledger.adapters.home_files import P256_ROLES
from ledger.adapters.signer_file import load_certificates
from ledger.adapters.token_files import TokenFiles
from ledger.adapters.vitals_sql import SqlVitals
from ledger.bootstrap import BoundVerifier, Installation
from ledger.bootstrap_chain import Reader, chain_reader
from ledger.core.errors import LedgerError
from ledger.core.health import VIEW_AGE_S, Expiry, Lack, Vitals, missing, warnings
from ledger.core.status_list import lasts_s
from ledger.core.x5c import leaf_facts

SLOW_EVERY_S = 30.0  # certificates and list tokens are files: not read at every question
Found = TypeVar("Found")


@dataclass(frozen=True, slots=True)
class Health:
    """The facts, and what follows from them."""

    vitals: Vitals
    missing: tuple[Lack, ...]
    warnings: tuple[Lack, ...]


class HealthService:
    """Answers `/readyz`, `/metrics` and the operator's page.

    Args:
        here: the installation.
        verifier: whose view of the chain visitors are answered from.
        counters: database of the counters.
        started_at: when this process started, by the installation's monotonic clock.
    """

    def __init__(
        self, here: Installation, verifier: BoundVerifier, counters: CountersDatabase, started_at: float
    ) -> None:
        self._here = here
        self._verifier = verifier
        self._counters = counters
        self._started_at = started_at
        self.answers = SqlAnswers(counters)
        self._lock = threading.Lock()
        self._slow: tuple[float, tuple[Expiry, ...], tuple[int, int | None]] | None = None

    @cached_property
    def _chain(self) -> Reader:
        return chain_reader(self._here.home, self._here.record)

    def look(self) -> Health:
        """How it is now. Never raises for what is missing."""
        vitals = self._vitals()
        return Health(vitals, missing(vitals), warnings(vitals))

    def totals(self) -> Mapping[tuple[str, int], Answers]:
        """What the web answered so far. Raises UnavailableError(COUNTERS_UNAVAILABLE)."""
        return self.answers.totals()

    @property
    def buckets_s(self) -> tuple[float, ...]:
        """Upper ends of the buckets of `totals`, seconds; one more bucket is open."""
        return BUCKETS_S

    def _vitals(self) -> Vitals:
        now = self._here.clock.now()
        facts: dict[str, Any] = self._store_facts(now) or {}
        has_database = bool(facts)
        head = _told(lambda: None if self._verifier.view is None else self._verifier.view.head())
        if head is not None:
            most = self._verifier.trust.max_age_s.get(head.kind, VIEW_AGE_S)
            facts |= {"view_age_s": max(0, now - head.confirmed_at), "view_block": head.block.number}
            facts["view_most_s"] = most
        chain = _told(lambda: self._chain.head().number)
        expiries, (lists, list_end) = self._slow_facts(now)
        return Vitals(
            at=now,
            has_database=has_database,
            has_counters=_told(self._counters_answer) is not None,
            has_vault=_told(lambda: self._here.vault) is not None,
            chain_block=chain,
            lists=lists,
            list_left_s=None if list_end is None else list_end - now,
            expiries=tuple(Expiry(one.issuer, one.key, one.seconds - now) for one in expiries),
            free_bytes=_told(self._here.home.free_bytes),
            only_verifies=not self._here.record.agencies,
            up_s=self._here.clock.monotonic() - self._started_at,
            **facts,
        )

    def _store_facts(self, now: int) -> dict[str, Any] | None:
        def ask() -> dict[str, Any]:
            vitals = SqlVitals(self._here.store.database)
            queue, dead = vitals.jobs()
            beat_at, backup_at = vitals.beat_at(), vitals.backup_at()
            return {
                "queue": queue,
                "dead": dead,
                "batches": vitals.batches(),
                "beat_age_s": None if beat_at is None else max(0, now - beat_at),
                "backup_age_s": None if backup_at is None else max(0, now - backup_at),
            }

        return _told(ask)

    def _counters_answer(self) -> bool:
        with self._counters.write():  # a full disk still reads
            return True

    def _slow_facts(self, now: int) -> tuple[tuple[Expiry, ...], tuple[int, int | None]]:
        """Ends of certificates (`seconds` since 1970 here), number of lists and when the first of them ends."""
        passed = self._here.clock.monotonic()
        with self._lock:
            known = self._slow
            has_ended = known is not None and known[2][1] is not None and known[2][1] <= now
            # lists that ended may have been published anew a moment ago
            if known is None or has_ended or passed - known[0] >= SLOW_EVERY_S:
                known = self._slow = (passed, self._expiries(), self._list_facts(now))
        return known[1], known[2]

    def _expiries(self) -> tuple[Expiry, ...]:
        found = []
        for agency in self._here.home.load().agencies:
            for who in P256_ROLES:
                x5c = _told(partial(self._certificates, agency.uscc, who))
                if x5c:
                    found.append(Expiry(agency.uscc, who, leaf_facts(x5c[0]).not_after))
        return tuple(found)

    def _certificates(self, uscc: str, who: str) -> tuple[bytes, ...]:
        return tuple(load_certificates(self._here.agencies.uri(uscc, who)))

    def _list_facts(self, now: int) -> tuple[int, int | None]:
        ends = []
        for _, _, token in TokenFiles(self._here.home.published).everything():
            left = _told(partial(lasts_s, token, now))
            ends.append(now + (0 if left is None else left))
        return len(ends), min(ends, default=None)


def _told(ask: Callable[[], Found]) -> Found | None:
    """The answer, None when it cannot be had: a fact that is missing is what we are here to tell."""
    try:
        return ask()
    except (LedgerError, OSError, KeyError, ValueError, TypeError):
        return None
