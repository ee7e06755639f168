"""Directory entries of this installation: the one that was on chain when a batch was anchored; the next one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from ledger.adapters.home_files import Agency, HomeRecord
from ledger.bootstrap import Installation
from ledger.core.checks.binding import directory_hash_at
from ledger.core.directory import (
    DirectoryEntry,
    make_directory_entry,
    parse_directory_entry,
    require_directory_signature,
)
from ledger.core.errors import InputError, NotFoundError
from ledger.core.jose import kid_of
from ledger.core.model import Purpose
from ledger.core.x5c import leaf_facts
from ledger.ports import ChainView


def entry_at(here: Installation, view: ChainView) -> Callable[[str, int], str]:
    """The text of an agency's entry as of a time (seconds); the current one where the chain tells none."""

    def find(issuer: str, at: int) -> str:
        for record in view.issuers():
            if record.issuer == issuer:
                digest = directory_hash_at(record, at)
                kept = None if digest is None else here.home.kept_entry(issuer, digest)
                if kept is not None:
                    return kept
        return here.agencies.directory_entry(issuer)

    return find


def next_entry(
    here: Installation,
    issuer: str,
    *,
    name_zh: str | None,
    name_en: str | None,
    division: str | None,
    phone: str | None,
) -> DirectoryEntry:
    """The agency's entry with these changes, signed with its credential key; nothing changed: the current one.

    It is kept, and not in use before the chain has it. The URL (`iss`) never changes: it names the agency in every credential and certificate.

    Raises:
        NotFoundError: ISSUER_NOT_HERE, ISSUER_UNKNOWN.
        InputError: DIRECTORY_SHAPE.
    """
    here.record.agency(issuer)
    current = parse_directory_entry(here.agencies.directory_entry(issuer))
    wanted = (
        name_zh or current.name["zh"],
        name_en or current.name["en"],
        division or current.division,
        phone or current.phone,
    )
    if wanted == (current.name["zh"], current.name["en"], current.division, current.phone):
        return current
    text = make_directory_entry(
        issuer=issuer,
        name_zh=wanted[0],
        name_en=wanted[1],
        iss=current.iss,
        division=wanted[2],
        issued_at=here.clock.now(),
        signer=here.agencies.credential_signer(issuer),
        phone=wanted[3],
    )
    here.home.keep_entry(issuer, text)
    return parse_directory_entry(text)


def foreign_entry(here: Installation, issuer: str, data: bytes, *, has_keys: bool) -> DirectoryEntry:
    """An entry that an agency of another installation signed and sent; kept.

    Args:
        here: the installation.
        issuer: whose it should be.
        data: as it came.
        has_keys: the agency is at work, so its entry must be signed with a credential key that is registered for
            it: verifiers would refuse its certificates otherwise. The signature itself is checked where that
            key's certificate is here. An agency that is being admitted has no key on the ledger yet.

    Raises:
        InputError: DIRECTORY_SHAPE, DIRECTORY_OTHER_ISSUER, DIRECTORY_KEY, DIRECTORY_SIGNATURE.
    """
    entry = parse_directory_entry(data.decode("ascii", "replace").strip())
    if entry.issuer != issuer:
        raise InputError(
            "DIRECTORY_OTHER_ISSUER",
            f"This directory entry is that of {entry.issuer}, not of {issuer}.",
            issuer=issuer,
            entry=entry.issuer,
        )
    if has_keys:
        _require_own_key(here, entry)
    here.home.keep_entry(issuer, entry.text)
    return entry


def _require_own_key(here: Installation, entry: DirectoryEntry) -> None:
    for key in here.view.keys(entry.issuer):
        if kid_of(key.thumbprint) == entry.kid and key.purpose == Purpose.CREDENTIAL:
            leaf = here.home.kept_leaf(key.thumbprint)
            if leaf is not None:
                require_directory_signature(entry, leaf_facts(leaf).public_jwk)
            return
    raise InputError(
        "DIRECTORY_KEY",
        f"This directory entry is signed with the key {entry.kid}, which is no registered credential key of "
        f"{entry.issuer}: let the agency sign it with one of those that `ecert key list` shows.",
        kid=entry.kid,
        issuer=entry.issuer,
    )


def use_entry(here: Installation, entry: DirectoryEntry) -> None:
    """From now on this entry is the agency's here: for its lists, papers and pages."""
    if not here.home.use_entry(entry.issuer, entry.hash):
        raise NotFoundError(
            "ISSUER_UNKNOWN", f"The entry of {entry.issuer} is not here.", issuer=entry.issuer
        )

    def rename(record: HomeRecord) -> HomeRecord:
        return replace(record, agencies=tuple(_named(agency, entry) for agency in record.agencies))

    here.home.change(rename)


def _named(agency: Agency, entry: DirectoryEntry) -> Agency:
    if agency.uscc != entry.issuer:
        return agency
    return replace(
        agency,
        name_zh=entry.name["zh"],
        name_en=entry.name["en"],
        division=entry.division,
        phone=entry.phone,
    )
