"""The verifier's desk: checks are kept under seal, receipts ordered, withdrawals watched for.

Nobody outside learns what was checked or is watched: everything is evaluated here, from the chain
view. What may be personal (purpose in words, number, outcomes) is sealed under a data key of its own.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Final, Protocol

from ledger.core.errors import ConflictError, InputError, NotFoundError
from ledger.core.flow import DAY_S
from ledger.core.model import ChainEvidence
from ledger.core.people import Actor
from ledger.core.receipt import parse_bundle
from ledger.core.report import Report
from ledger.core.verified import (
    KEEP_DAYS,
    MAX_WATCH_DAYS,
    CheckContent,
    Kept,
    ListCheck,
    NewVerification,
    PurposeKind,
    ReceiptState,
    Verification,
    content_of,
    watched_words,
)
from ledger.ports import ChainView, Clock, Entropy, Vault
from ledger.services.verified_book import VerifiedBook

NAME_BYTES: Final = 16
CONTENT_CONTEXT: Final = b"verification:"
RECEIPT_CONTEXT: Final = b"verification-receipt:"
PAGE_CONTEXT: Final = b"verification-page:"
LIST_CONTEXT: Final = b"list-check:"
LIST_RESULT_CONTEXT: Final = b"list-result:"
LIST_PIECE_CONTEXT: Final = b"list-piece:"
MAX_LIST_BYTES: Final = 1_048_576


class Judged(Protocol):
    """What the check of something handed in gave (ledger.services.page.Checked and lookup.Found fit)."""

    @property
    def bundle(self) -> bytes | None:
        """The credential's file that was judged."""


class VerifiedService:
    """Keeps and shows checks.

    Args:
        book: where they lie.
        vault: data keys.
        view: what is watched.
        clock, entropy: times and names.
    """

    def __init__(
        self, book: VerifiedBook, vault: Vault, view: ChainView, clock: Clock, entropy: Entropy
    ) -> None:
        self._book = book
        self._vault = vault
        self._view = view
        self._clock = clock
        self._entropy = entropy

    def note(
        self,
        officer: Actor,
        report: Report,
        *,
        kind: str,
        sha256: bytes,
        bundle: bytes | None,
        purpose: tuple[PurposeKind, str],
        item: str = "",
    ) -> int:
        """Keep a check that an officer or a program (person 0) made; gives its number.

        Args:
            officer: who checked, for which organisation.
            report: as it was shown.
            kind: what was handed in: bundle, pdf, qr, number …
            sha256: of what was handed in.
            bundle: the credential's file, None where there was none.
            purpose: from ledger.core.verified.require_purpose.
            item: code of the matter, empty where none was named.
        """
        issuer, root, leaf_index = _place(bundle)
        head = self._view.head()
        seen = None if head is None else (head.block.number, head.block.hash, head.confirmed_at)
        content = content_of(
            report, purpose=purpose[1], sha256=sha256, leaf_index=leaf_index, head=seen, item=item
        )
        name = self._entropy.token(NAME_BYTES)
        [key] = self._vault.create([name])
        summary = report.credential
        return self._book.add(
            NewVerification(
                name=name,
                uscc=officer.uscc,
                person=officer.person,
                at=self._clock.now(),
                kind=kind,
                purpose_kind=purpose[0],
                national=report.verdict.national,
                code=str(report.verdict.code),
                accepted=report.accepted,
                presenter=report.presenter.value,
                issuer=issuer,
                type_ref="" if summary is None else summary.type,
                root=root,
                sealed=key.seal(json.dumps(content.as_json()).encode(), CONTENT_CONTEXT + name),
            )
        )

    def check(self, verification: int, usccs: Collection[str]) -> Verification:
        """One check with its content.

        Raises:
            NotFoundError: CHECK_UNKNOWN (also for one of somebody else).
        """
        return self._open(self._own(verification, usccs))

    def history(
        self, usccs: Collection[str], before: int | None = None, count: int = 20
    ) -> list[Verification]:
        """Checks of these organisations, newest first."""
        return [self._open(kept) for kept in self._book.newest(usccs, before, count)]

    def shares(self, usccs: Collection[str], days: int = 30) -> Mapping[tuple[str, str], int]:
        """How many checks of the last days were for which kind of purpose, by organisation."""
        return self._book.counts(usccs, self._clock.now() - days * DAY_S)

    def order_receipt(self, verification: int, usccs: Collection[str]) -> None:
        """Ask for a signed receipt; a second time has no effect. Raises as `check`."""
        self._own(verification, usccs)
        self._book.order_receipt(verification)

    def receipt(self, verification: int, usccs: Collection[str]) -> tuple[str, bytes]:
        """Token and PDF.

        Raises:
            ConflictError: RECEIPT_NOT_READY, CHECK_ERASED.
        """
        kept = self._own(verification, usccs)
        if kept.check.receipt is not ReceiptState.MADE or kept.receipt is None or kept.receipt_page is None:
            raise ConflictError("RECEIPT_NOT_READY", "The receipt is being made.", check=verification)
        key = self._vault.load([kept.name]).get(kept.name)
        if key is None:
            raise ConflictError("CHECK_ERASED", "The content of this check was erased.", check=verification)
        token = key.open(kept.receipt, RECEIPT_CONTEXT + kept.name).decode()
        return token, key.open(kept.receipt_page, PAGE_CONTEXT + kept.name)

    def watch(self, verification: int, usccs: Collection[str], days: int) -> None:
        """Tell us when what this check relied on stops being good within so many days.

        Raises:
            InputError: WATCH_DAYS, WATCH_NOT_GOOD (nothing to rely on, or no place on the ledger).
        """
        if not 1 <= days <= MAX_WATCH_DAYS:
            raise InputError("WATCH_DAYS", f"Watch for 1 to {MAX_WATCH_DAYS} days.", days=days)
        check = self.check(verification, usccs)
        leaf = None if check.content is None else check.content.leaf_index
        evidence = self._view.evidence(check.issuer, check.root, None) if check.issuer else None
        if not check.accepted or leaf is None or evidence is None or evidence.anchor is None:
            raise InputError("WATCH_NOT_GOOD", "Only a certificate that was found good can be watched.")
        words = watched_words(leaf, evidence.anchor.size)
        # as if never looked at: what changed between the check and now is found too
        self._book.watch(verification, words.start, len(words), b"\0" * 32, self._clock.now() + days * DAY_S)

    def notices(self, uscc: str) -> list[Verification]:
        """Checks whose credential is not good any more, not read yet."""
        return [self._open(kept) for kept in self._book.fired(uscc)]

    def read_notice(self, verification: int, usccs: Collection[str]) -> None:
        """Somebody read it. Raises as `check`."""
        self._own(verification, usccs)
        self._book.told(verification)

    def check_list(self, officer: Actor, purpose: PurposeKind, data: bytes) -> int:
        """Keep a sheet of numbers and codes for the worker.

        Raises:
            InputError: LIST_EMPTY, LIST_TOO_LARGE.
        """
        if not data:
            raise InputError("LIST_EMPTY", "The file is empty.")
        if len(data) > MAX_LIST_BYTES:
            raise InputError("LIST_TOO_LARGE", "A list has at most 1 MiB.", size=len(data))
        name = self._entropy.token(NAME_BYTES)
        [key] = self._vault.create([name])
        sealed = key.seal(data, LIST_CONTEXT + name)
        return self._book.add_list(name, officer.uscc, officer.person, self._clock.now(), purpose, sealed)

    def list_check(self, list_id: int, usccs: Collection[str]) -> ListCheck:
        """Raises NotFoundError(LIST_CHECK_UNKNOWN)."""
        found = self._book.list_check(list_id)
        if found.uscc not in usccs:
            raise NotFoundError("LIST_CHECK_UNKNOWN", f"There is no list {list_id}.", list=list_id)
        return found

    def lists(self, usccs: Collection[str], count: int = 10) -> Sequence[ListCheck]:
        """Newest first."""
        return self._book.lists(usccs, count)

    def list_result(self, list_id: int, usccs: Collection[str]) -> bytes:
        """The sheet with its result column. Raises: ConflictError(LIST_NOT_READY, CHECK_ERASED)."""
        found = self.list_check(list_id, usccs)
        if found.result is None or found.state != "done":
            raise ConflictError("LIST_NOT_READY", "The list is being checked.", list=list_id)
        key = self._vault.load([found.name]).get(found.name)
        if key is None:
            raise ConflictError("CHECK_ERASED", "The content of this list was erased.", list=list_id)
        return key.open(found.result, LIST_RESULT_CONTEXT + found.name)

    def forget_old(self, days: int = KEEP_DAYS) -> int:
        """Remove checks that were kept long enough, and destroy their keys; how many."""
        now = self._clock.now()
        names = self._book.forget(now - days * DAY_S)
        if names:
            self._vault.erase(names, now)
        return len(names)

    def _own(self, verification: int, usccs: Collection[str]) -> Kept:
        kept = self._book.kept(verification)
        if kept.check.uscc not in usccs:
            raise NotFoundError("CHECK_UNKNOWN", f"There is no check {verification}.", check=verification)
        return kept

    def _open(self, kept: Kept) -> Verification:
        return open_check(kept, self._vault)


def guesser(person: int) -> str:
    """Whom wrong codes of the desk are counted for, at its form and in its lists: the officer."""
    return f"officer/{person}"


def open_check(kept: Kept, vault: Vault) -> Verification:
    """The check with its content, without it once its key was destroyed."""
    key = vault.load([kept.name]).get(kept.name)
    if key is None:
        return kept.check
    content = CheckContent.from_json(json.loads(key.open(kept.sealed, CONTENT_CONTEXT + kept.name)))
    return replace(kept.check, content=content)


def range_hash(words: Mapping[int, int], first: int, count: int, evidence: ChainEvidence) -> bytes:
    """SHA-256 over what decides about a range: its status words, the batch, its key and its grants."""
    joined = b"".join(words.get(index, 0).to_bytes(32, "big") for index in range(first, first + count))
    anchor, key = evidence.anchor, evidence.key
    around = (
        None if anchor is None else anchor.withdrawn_at,
        None if key is None else key.compromised_since,
        [(one, grants) for one, grants in sorted(evidence.grants.items())],
    )
    return hashlib.sha256(joined + repr(around).encode()).digest()


def _place(bundle: bytes | None) -> tuple[str, bytes, int | None]:
    """Issuer, root and leaf index of a bundle; empty where they are not told."""
    if bundle is None:
        return "", b"", None
    try:
        receipt = parse_bundle(bundle).receipt
    except InputError:
        return "", b"", None
    if receipt is None:
        return "", b"", None
    return receipt.issuer, receipt.root, receipt.leaf_index
