"""From events to rows: the one place that knows what an event means for the view.

Pure: the same events give the same rows, whoever stores them. Meanings are those of the contracts
(contracts/src/interfaces); a test replays random acts and compares with what the contracts answer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ledger.adapters.chain_view_rows import Rows
from ledger.core.model import CREDENTIALS_PER_WORD, DOCUMENT_TYPE, LedgerEvent, Role
from ledger.core.status import Status

RANGE_OVERLAP = "RANGE_OVERLAP"
_NO_SIGNER = bytes(32)
_NO_ISSUER = bytes(18)
_WORD_BYTES = 32
_COUNT_BYTES = 8
_LANE_BITS = 4
_NO_NUMBER = 2**62


def project(rows: Rows, event: LedgerEvent) -> None:
    """Write what one event changes. Events that the view does not keep are passed over.

    Raises: RuntimeError when an event contradicts the rows before it, which the contracts exclude.
    """
    handler = _HANDLERS.get(event.name)
    if handler is not None:
        handler(rows, event, event.args)
        if event.name not in _ALTER_NOTHING:
            found = rows.get("fact", ("altered",))
            count = 0 if found is None else int.from_bytes(found[0])
            rows.put("fact", ("altered",), ((count + 1).to_bytes(_COUNT_BYTES),))


def pending_words(size: int) -> Iterable[tuple[int, int]]:
    """(word, value) of a batch whose credentials all start as PENDING."""
    for word in range((size + CREDENTIALS_PER_WORD - 1) // CREDENTIALS_PER_WORD):
        lanes = min(CREDENTIALS_PER_WORD, size - word * CREDENTIALS_PER_WORD)
        yield word, sum(Status.PENDING << (_LANE_BITS * lane) for lane in range(lanes))


Args = Mapping[str, Any]


def _uscc(value: bytes) -> str:
    return value.decode("ascii")


def _row(rows: Rows, table: str, key: tuple[Any, ...]) -> tuple[Any, ...]:
    found = rows.get(table, key)
    if found is None:
        raise RuntimeError(f"an event changes a row of {table} that no earlier event made")
    return found


def _issuer_admitted(rows: Rows, event: LedgerEvent, args: Args) -> None:
    issuer, parent = _uscc(args["issuer"]), _uscc(args["parent"])
    is_root = issuer == parent
    rows.put(
        "issuer",
        (issuer,),
        (None if is_root else parent, args["level"], event.block.time, None, None),
    )


def _issuer_dissolved(rows: Rows, event: LedgerEvent, args: Args) -> None:
    key = (_uscc(args["issuer"]),)
    successor = None if args["successor"] == _NO_ISSUER else _uscc(args["successor"])
    rows.put("issuer", key, (*_row(rows, "issuer", key)[:3], event.block.time, successor))


def _directory_set(rows: Rows, event: LedgerEvent, args: Args) -> None:
    issuer = _uscc(args["issuer"])
    number = rows.count("directory", (issuer,))
    rows.put("directory", (issuer, number), (args["directoryHash"], event.block.time))


def _type_registered(rows: Rows, _: LedgerEvent, args: Args) -> None:
    rows.put(
        "type",
        (args["typeId"],),
        (args["code"].decode("ascii"), args["version"], args["fileHash"], int(args["singleUse"])),
    )


def _type_granted(rows: Rows, _: LedgerEvent, args: Args) -> None:
    scope = (_uscc(args["issuer"]), args["typeId"])
    number = rows.count("type_grant", scope)
    row = (args["validFrom"], args["validUntil"], None, None, None)
    rows.put("type_grant", (*scope, number), row)


def _grant_withdrawn(rows: Rows, event: LedgerEvent, args: Args) -> None:
    scope = (_uscc(args["issuer"]), args["typeId"])
    key = (*scope, rows.count("type_grant", scope) - 1)
    interval = _row(rows, "type_grant", key)[:2]
    rows.put("type_grant", key, (*interval, args["since"], event.block.time, args["cause"]))


def _key_registered(rows: Rows, _: LedgerEvent, args: Args) -> None:
    key = (_uscc(args["issuer"]), args["key"])
    interval = (args["validFrom"], args["validUntil"])
    rows.put("signing_key", key, (args["thumbprint"], args["purpose"], *interval, None))
    rows.put("thumbprint", (args["thumbprint"],), key)


def _key_retired(rows: Rows, _: LedgerEvent, args: Args) -> None:
    key = (_uscc(args["issuer"]), args["key"])
    row = _row(rows, "signing_key", key)
    rows.put("signing_key", key, (*row[:3], args["validUntil"], row[4]))


def _key_compromised(rows: Rows, _: LedgerEvent, args: Args) -> None:
    key = (_uscc(args["issuer"]), args["key"])
    rows.put("signing_key", key, (*_row(rows, "signing_key", key)[:4], args["since"]))


def _role_set(rows: Rows, _: LedgerEvent, args: Args) -> None:
    key = (_uscc(args["issuer"]), args["role"], args["typeId"], args["signer"])
    rows.put("role", key, (args["validFrom"], args["validUntil"], args["epoch"]))


def _roles_reset(rows: Rows, _: LedgerEvent, args: Args) -> None:
    """Roles of earlier epochs are over; operators are removed one by one with their own events."""
    for key, (_from, _until, epoch) in list(rows.items("role", (_uscc(args["issuer"]),))):
        if epoch < args["epoch"] and key[1] != Role.OPERATOR:
            rows.put("role", key, (0, 0, epoch))


def _batch_anchored(rows: Rows, event: LedgerEvent, args: Args) -> None:
    facts = (
        args["typeId"], args["key"], args["size"], args["anchoredAt"], args["list"],
        args["firstWord"],
    )  # fmt: skip
    approvals = (args["operator"], args["maker"], args["approver"], args["standingId"])
    _add_anchor(rows, event, facts, (int(args["pending"]), *approvals), None)
    if args["pending"]:
        for word, value in pending_words(args["size"]):
            _put_word(rows, args, word, value)


def _batch_imported(rows: Rows, event: LedgerEvent, args: Args) -> None:
    *facts, withdrawn = args["anchor"]
    unknown = (0, _NO_SIGNER, _NO_SIGNER, _NO_SIGNER, _NO_SIGNER)
    _add_anchor(rows, event, tuple(facts), unknown, withdrawn or None)
    for word, value in enumerate(args["words"]):
        if value:
            _put_word(rows, args, word, value)


def _add_anchor(
    rows: Rows,
    event: LedgerEvent,
    facts: tuple[Any, ...],
    approvals: tuple[Any, ...],
    withdrawn: int | None,
) -> None:
    issuer, root = _uscc(event.args["issuer"]), event.args["root"]  # type: ignore[arg-type]  # ABI bytes18
    withdrawal = (None, None) if withdrawn is None else (event.block.time, withdrawn)
    place = (event.block.number, event.tx_hash)
    rows.put("anchor", (issuer, root), (*facts, *approvals, *place, *withdrawal))
    last = next(rows.below("anchor_order", (), _NO_NUMBER), None)
    rows.put("anchor_order", (0 if last is None else last[0][0] + 1,), (issuer, root))
    type_id, _, size, _, list_number, first_word = facts
    if type_id != DOCUMENT_TYPE:
        words = (size + CREDENTIALS_PER_WORD - 1) // CREDENTIALS_PER_WORD
        _alarm_on_overlap(rows, event, (issuer, list_number), (first_word, words, root))
        rows.put("list_range", (issuer, list_number, first_word, root), (words,))


def _alarm_on_overlap(
    rows: Rows, event: LedgerEvent, scope: tuple[str, int], taken: tuple[int, int, Any]
) -> None:
    """Two batches in one place of a list: harmless for verdicts, but somebody must look at it.

    In a list without an alarm ranges lie apart, so that of those that begin before this one only the last can
    reach into it; a list has thousands of them.
    """
    first, words, root = taken
    is_apart = all(row[1:3] != scope for _, row in rows.items("alarm"))
    overlapping = []
    for (_, _, other_first, other_root), (other_words,) in rows.below("list_range", scope, first + words):
        if first < other_first + other_words:
            overlapping.append(other_root)
        if is_apart and other_first < first:
            break
    for number, other_root in enumerate(reversed(overlapping), rows.count("alarm")):
        rows.put("alarm", (number,), (RANGE_OVERLAP, *scope, root, other_root, event.block.number))


def _batch_withdrawn(rows: Rows, event: LedgerEvent, args: Args) -> None:
    key = (_uscc(args["issuer"]), args["root"])
    row = _row(rows, "anchor", key)
    rows.put("anchor", key, (*row[:-2], event.block.time, args["reasonClass"]))


def _status_changed(rows: Rows, _: LedgerEvent, args: Args) -> None:
    for word, value in zip(args["words"], args["values"], strict=True):
        _put_word(rows, args, word, value)


def _put_word(rows: Rows, args: Args, word: int, value: int) -> None:
    key = (_uscc(args["issuer"]), args["root"], word)
    rows.put("status_word", key, (value.to_bytes(_WORD_BYTES),))


def _standing_registered(rows: Rows, _: LedgerEvent, args: Args) -> None:
    row = (
        _uscc(args["issuer"]), args["typeId"], args["acts"], args["anchorLimit"],
        args["supersedeLimit"], args["useLimit"], args["validFrom"], args["validUntil"],
        args["approver"], None,
    )  # fmt: skip
    rows.put("standing", (args["standingId"],), row)


def _standing_revoked(rows: Rows, event: LedgerEvent, args: Args) -> None:
    key = (args["standingId"],)
    rows.put("standing", key, (*_row(rows, "standing", key)[:-1], event.block.time))


_HANDLERS: Mapping[str, Callable[[Rows, LedgerEvent, Args], None]] = {
    "IssuerAdmitted": _issuer_admitted,
    "IssuerDissolved": _issuer_dissolved,
    "DirectorySet": _directory_set,
    "TypeRegistered": _type_registered,
    "TypeGranted": _type_granted,
    "GrantWithdrawn": _grant_withdrawn,
    "KeyRegistered": _key_registered,
    "KeyRetired": _key_retired,
    "KeyCompromised": _key_compromised,
    "RoleSet": _role_set,
    "RolesReset": _roles_reset,
    "BatchAnchored": _batch_anchored,
    "BatchImported": _batch_imported,
    "BatchWithdrawn": _batch_withdrawn,
    "StatusChanged": _status_changed,
    "StandingRegistered": _standing_registered,
    "StandingRevoked": _standing_revoked,
}

_ALTER_NOTHING = frozenset({
    "BatchAnchored", "BatchImported", "DirectorySet", "RoleSet", "RolesReset", "StandingRegistered",
    "StandingRevoked", "TypeRegistered",
})  # fmt: skip
"""Events after which every batch that was there before shows what it showed (ChainView.altered)."""
