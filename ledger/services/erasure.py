"""Erases a person's data: first the list that outlives backups, then the keys, then the files.

Every step can run twice. A power cut after the first leaves an entry on the list whose key still
exists: the same command finishes it, and so does the next start of the worker.
What stays: anchors and hashes, which say nothing once salts and keys are gone, and rows that nobody
can read. What was handed out is not ours any more.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from ledger.core.erasure import Target
from ledger.core.errors import ConflictError, InputError, NotFoundError
from ledger.core.flow import BatchState
from ledger.core.people import Actor
from ledger.ports import Clock, Vault

ERASABLE = frozenset({BatchState.ANCHORED, BatchState.RELEASED, BatchState.REFUSED, BatchState.DEAD})
LONGEST_REASON = 200


@dataclass(frozen=True, slots=True)
class Erased:
    """What was erased: rows, keys that were there, files that were deleted.

    `copied`, `not_copied`: where else the list of erasures was written, and where that failed.
    """

    rows: int
    keys: int
    files: int
    copied: tuple[str, ...]
    not_copied: tuple[str, ...]


class ErasureBook(Protocol):
    """The list, and its copies elsewhere."""

    def note(self, names: Sequence[bytes], at: int) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Write the names down, flushed; where else they were written, and where that failed.

        Raises: UnavailableError(ERASURES_NOT_WRITTEN), InputError(ERASURES_BROKEN): erase nothing.
        """


class ErasureTargets(Protocol):
    """Finds what goes together."""

    def of_row(self, name: bytes) -> Target | None:
        """By the name of a row (the licence identifier's serial)."""

    def by_beginning(self, name: bytes) -> Sequence[bytes]:
        """Names of rows that begin with these bytes (a proof number shows eight of sixteen); at most two."""


class ErasureService:
    """Erases.

    Args:
        targets: finds rows.
        book: the list of erasures.
        vault: holds the keys.
        remove_files: deletes released bundles and prints of a target; how many there were.
        note: writes the audit log: actor, action, subject, facts.
        clock: times.
    """

    def __init__(
        self,
        targets: ErasureTargets,
        book: ErasureBook,
        vault: Vault,
        remove_files: Callable[[Target], int],
        note: Callable[..., object],
        clock: Clock,
    ) -> None:
        self._targets = targets
        self._book = book
        self._vault = vault
        self._remove_files = remove_files
        self._note = note
        self._clock = clock

    def find(self, name: bytes) -> Target:
        """What goes when this row goes.

        Args:
            name: of a row, 16 bytes, or the first 8 of it.

        Raises:
            NotFoundError: CREDENTIAL_UNKNOWN.
            ConflictError: ERASE_AMBIGUOUS.
        """
        found = self._targets.by_beginning(name)
        if len(found) > 1:
            raise ConflictError("ERASE_AMBIGUOUS", "Several rows have this number; name the identifier.")
        target = self._targets.of_row(found[0]) if found else None
        if target is None:
            raise NotFoundError("CREDENTIAL_UNKNOWN", "No row of this installation has this number.")
        return target

    def erase(self, target: Target, reason: str, *, actor: Actor | None = None, agreed_by: int = 0) -> Erased:
        """Erase a target for good.

        Args:
            target: from `find`.
            reason: kept in the audit log; legal basis or document number, nobody's data.
            actor: who does it; None: an operator at the machine.
            agreed_by: number of the person who agreed; 0: nobody was asked.

        Raises:
            InputError: ERASE_REASON.
            ConflictError: ERASE_TOO_EARLY: a batch that is on its way would stop on the row.
            UnavailableError: ERASURES_NOT_WRITTEN, VAULT_UNAVAILABLE, VAULT_WAL_BUSY; run it again.
        """
        if not 0 < len(reason.strip()) <= LONGEST_REASON:
            raise InputError("ERASE_REASON", f"Say why, in at most {LONGEST_REASON} characters.")
        for place in target.places:
            if place.batch_state not in ERASABLE:
                raise ConflictError(
                    "ERASE_TOO_EARLY",
                    f"Batch {place.batch_id} is on its way ({place.batch_state}): reject it without this row first.",
                    batch=place.batch_id,
                    state=str(place.batch_state),
                )
        now = self._clock.now()
        newest = target.places[-1]
        subject, whose = f"credential/{newest.name.hex()}", newest.issuer
        rows = len(target.places)
        self._note(
            actor, "erasure.begun", subject, uscc=whose, rows=rows, reason=reason.strip(), agreed_by=agreed_by
        )
        copied, not_copied = self._book.note(target.names, now)
        keys = self._vault.erase(target.names, now)
        files = self._remove_files(target)
        self._note(actor, "erasure.done", subject, uscc=whose, keys=keys, files=files)
        return Erased(len(target.places), keys, files, copied, not_copied)
