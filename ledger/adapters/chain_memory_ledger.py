"""CredentialLedger's rules once more, in Python, for the memory chain. See chain_memory_registry.py."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ledger.adapters.chain_memory_registry import MemoryRegistry, SignatureCheck
from ledger.adapters.chain_memory_state import NOBODY, Context, Function, RevertedError
from ledger.core import eip712
from ledger.core.merkle import hash_leaf, path_length, root_from_inclusion_proof
from ledger.core.model import (
    CREDENTIALS_PER_WORD,
    DOCUMENT_TYPE,
    Batch,
    ReasonClass,
    Role,
    StandingAct,
    WordChange,
)
from ledger.core.status import TRANSITIONS, Status

_ZONE_S = 8 * 3600  # Asia/Shanghai
_DAY_S = 86_400
_LONGEST_STANDING_S = 31 * _DAY_S
_WORDS = 2**32
_LANE = 15
_ALL_ACTS = int(StandingAct.ANCHOR | StandingAct.SUPERSEDE | StandingAct.USE)

Change = tuple[int, int, int]
Approvals = tuple[bytes, bytes, bytes]


class MemoryLedger:
    """One ledger.

    Args:
        domain: EIP-712 domain of the contract.
        registry: whose roles, keys and grants count.
        address: the contract's own, 20 bytes.
    """

    def __init__(
        self,
        domain: eip712.Domain,
        registry: MemoryRegistry,
        is_signed: SignatureCheck,
        address: bytes,
    ) -> None:
        self._domain = domain
        self._registry = registry
        self._is_signed = is_signed
        self._address = address

    def functions(self) -> dict[str, Function]:
        """What can be called from outside, by Solidity name."""
        return {
            "anchor": self._anchor, "anchorMany": self._anchor_many,
            "withdrawBatch": self._withdraw, "suspend": self._suspend,
            "changeStatus": self._change_status, "redeem": self._redeem,
            "registerStanding": self._register_standing, "revokeStanding": self._revoke_standing,
            "importAnchors": self._import_anchors, "open": self._open, "handover": self._handover,
        }  # fmt: skip

    def views(self, registry_address: bytes) -> dict[str, Function]:
        """What can be read, by Solidity name."""
        return {
            "ledgerId": lambda _: self._domain.ledger_id,
            "registry": lambda _: registry_address,
            "domainSeparator": lambda _: self._domain.separator(),
            "isOpen": lambda c: bool(c.tables.get("open", 0)),
            "handedOverTo": lambda c, i: c.tables.get("handed_over", i, bytes(20)),
            "anchorOf": self._require_anchor,
            "isAnchored": lambda c, i, r: c.tables.get("anchor", (i, r)) is not None,
            "statusOf": self._status_of,
            "statusWord": lambda c, i, r, w: c.tables.get("word", (i, r, w), 0),
            "isIncluded": self._is_included,
            "standingOf": self._standing_of,
            "standingUsed": self._standing_used,
            "nonceUsed": lambda c, i, n: c.tables.get("ledger_nonce", (i, n), False),
            "batchDigest": lambda _, b: eip712.batch_digest(self._domain, _batch(b)),
        }

    # batches

    def _anchor(self, c: Context, batch: Any, approvals: Approvals) -> None:
        issuer, type_id, key, root, size, list_, first, pending, maker, approver, deadline = batch
        if not c.tables.get("open", 0):
            raise RevertedError("LedgerNotOpen")
        self._require_writable(c, issuer)
        _require_in_time(c, deadline)
        _require_range(type_id, size, list_, first)
        if type_id == DOCUMENT_TYPE and pending:
            raise RevertedError("LedgerBadDocumentBatch", 0, 0, pending)
        known = c.tables.get("anchor", (issuer, root))
        if known is not None:
            raise RevertedError("LedgerRootAlreadyAnchored", issuer, root, known[3])
        _require_two(maker, approver)
        people = (c.sender_id, maker, approver)
        self._registry.require_anchor(c, issuer, type_id, key, people)
        digest = eip712.batch_digest(self._domain, _batch(batch))
        spend = (issuer, type_id, int(StandingAct.ANCHOR), size)
        self._require_approved(c, digest, maker, approver, approvals, spend)
        c.tables.put("anchor", (issuer, root), (type_id, key, size, c.time, list_, first, 0))
        if pending:
            for word in range(_words(size)):
                c.tables.put("word", (issuer, root, word), _lanes_below(word, size) * Status.PENDING)
        c.emit(
            "BatchAnchored", issuer=issuer, root=root, typeId=type_id, key=key, size=size,
            anchoredAt=c.time, list=list_, firstWord=first, pending=pending, operator=c.sender_id,
            maker=maker, approver=approver, standingId=approvals[2],
        )  # fmt: skip

    def _anchor_many(self, c: Context, batches: Sequence[Any], approvals: Sequence[Any]) -> None:
        if len(batches) != len(approvals):
            raise RevertedError("LedgerLengthMismatch", len(batches), len(approvals))
        for batch, approval in zip(batches, approvals, strict=True):
            self._anchor(c, batch, approval)

    def _withdraw(
        self, c: Context, withdrawal: Any, maker_signature: bytes, approver_signature: bytes
    ) -> None:
        issuer, root, reason, by, maker, approver, deadline = withdrawal
        self._require_writable(c, issuer)
        _require_reason(reason)
        _require_in_time(c, deadline)
        anchor = self._require_live(c, issuer, root)
        if self._registry.is_ancestor(c, by, issuer):
            self._registry.require_acts_for(c, by, by)
        else:
            self._registry.require_acts_for(c, by, issuer)
        _require_two(maker, approver)
        self._registry.require_roles(c, by, (NOBODY, maker, approver))
        digest = eip712.withdrawal_digest(
            self._domain,
            eip712.BatchWithdrawal(issuer.decode(), root, reason, by.decode(), maker, approver, deadline),
        )
        self._require_signed(maker, digest, maker_signature)
        self._require_signed(approver, digest, approver_signature)
        c.tables.put("anchor", (issuer, root), (*anchor[:6], reason))
        c.emit(
            "BatchWithdrawn", issuer=issuer, root=root, reasonClass=reason, by=by, maker=maker,
            approver=approver,
        )  # fmt: skip

    # statuses

    def _suspend(
        self, c: Context, issuer: bytes, root: bytes, by: bytes, reason: int, changes: Sequence[Change]
    ) -> None:
        _require_reason(reason)
        anchor = self._require_credentials(c, issuer, root)
        if by != issuer:
            self._registry.require_acts_for(c, by, issuer)
        self._registry.require_roles(c, by, (c.sender_id, NOBODY, NOBODY))
        for word, mask, value in changes:
            if value != (mask & _LANES) * Status.SUSPENDED:
                raise RevertedError("LedgerNotSuspension", word, mask, value)
        people = (c.sender_id, NOBODY, NOBODY)
        self._apply(c, issuer, root, anchor, changes, (reason, by, *people, bytes(32)))

    def _change_status(
        self, c: Context, change: Any, changes: Sequence[Change], approvals: Approvals
    ) -> None:
        issuer, root, given_hash, reason, by, maker, approver, nonce, deadline = change
        self._require_writable(c, issuer)
        _require_reason(reason)
        _require_in_time(c, deadline)
        anchor = self._require_credentials(c, issuer, root)
        expected = eip712.changes_hash([WordChange(*item) for item in changes])
        if expected != given_hash:
            raise RevertedError("LedgerChangesMismatch", expected, given_hash)
        self._registry.require_acts_for(c, by, issuer)
        _require_two(maker, approver)
        self._registry.require_roles(c, by, (NOBODY, maker, approver))
        if c.tables.get("ledger_nonce", (by, nonce)):
            raise RevertedError("LedgerNonceUsed", by, nonce)
        c.tables.put("ledger_nonce", (by, nonce), value=True)
        digest = eip712.status_change_digest(
            self._domain,
            eip712.StatusChange(
                issuer.decode(), root, given_hash, reason, by.decode(), maker, approver, nonce,
                deadline,
            ),
        )  # fmt: skip
        spend = (by, anchor[0], 0, 0)
        if approvals[2] != bytes(32):
            spend = (by, anchor[0], *_act_of(changes))
        self._require_approved(c, digest, maker, approver, approvals, spend)
        people = (c.sender_id, maker, approver)
        self._apply(c, issuer, root, anchor, changes, (reason, by, *people, approvals[2]))

    def _redeem(self, c: Context, issuer: bytes, root: bytes, changes: Sequence[Change]) -> None:
        self._require_writable(c, issuer)
        anchor = self._require_credentials(c, issuer, root)
        by = self._registry.heir_of(c, issuer)
        if not self._registry.has_role(c, by, c.sender_id, Role.REDEEMER, anchor[0]):
            raise RevertedError("LedgerMissingRole", by, c.sender_id)
        _require_all(changes, Status.USED, StandingAct.USE)
        people = (c.sender_id, NOBODY, NOBODY)
        reason = int(ReasonClass.HOLDER_REQUEST)
        self._apply(c, issuer, root, anchor, changes, (reason, by, *people, bytes(32)))

    def _apply(
        self,
        c: Context,
        issuer: bytes,
        root: bytes,
        anchor: Any,
        changes: Sequence[Change],
        facts: tuple[Any, ...],
    ) -> None:
        """Judge each leaf by the transition table, write the words, tell."""
        if not changes:
            raise RevertedError("LedgerNoChanges")
        values, uses = [], False
        for word, mask, value in changes:
            lanes = mask & _lanes_below(word, anchor[2])
            if not lanes or lanes * _LANE != mask or value & ~mask:
                raise RevertedError("LedgerBadWord", word, mask, value)
            before = c.tables.get("word", (issuer, root, word), 0)
            for shift in _shifts(lanes):
                old, new = before >> shift & _LANE, value >> shift & _LANE
                if new not in TRANSITIONS.get(Status(old), ()):
                    raise RevertedError("LedgerBadTransition", word, before & mask, mask, value)
                uses = uses or new == Status.USED
            values.append(before & ~mask | value)
            c.tables.put("word", (issuer, root, word), values[-1])
        if uses and not self._registry.type_of(c, anchor[0])[2]:
            raise RevertedError("LedgerNotSingleUse", anchor[0])
        reason, by, operator, maker, approver, standing = facts
        c.emit(
            "StatusChanged", issuer=issuer, root=root, reasonClass=reason, by=by,
            operator=operator, maker=maker, approver=approver, standingId=standing,
            words=tuple(change[0] for change in changes), values=tuple(values),
        )  # fmt: skip

    # standing approvals

    def _register_standing(self, c: Context, standing: Any, signature: bytes) -> bytes:
        issuer, type_id, acts, *limits, start, end, approver, nonce = standing
        anchors, supersedes, uses = limits
        record = eip712.StandingApproval(
            issuer.decode(), type_id, acts, anchors, supersedes, uses, start, end, approver, nonce
        )
        number = eip712.standing_digest(self._domain, record)
        if c.tables.get("standing", number) is not None:
            raise RevertedError("LedgerStandingExists", number)
        if not 0 < acts <= _ALL_ACTS:
            raise RevertedError("LedgerStandingWrongAct", number, acts)
        if end <= start or end - start > _LONGEST_STANDING_S:
            raise RevertedError("LedgerStandingTooLong", start, end)
        if c.time >= end or end >= 2**40:
            raise RevertedError("LedgerStandingNotGood", number, c.time)
        if type_id:
            self._registry.type_of(c, type_id)
        if approver == NOBODY:
            raise RevertedError("LedgerMissingRole", issuer, approver)
        self._registry.require_roles(c, issuer, (NOBODY, NOBODY, approver))
        if signature or c.sender_id != approver:
            self._require_signed(approver, number, signature)
        c.tables.put("standing", number, (standing, False))
        names = ("acts", "anchorLimit", "supersedeLimit", "useLimit", "validFrom", "validUntil")
        values = dict(zip(names, (acts, *limits, start, end), strict=True))
        c.emit(
            "StandingRegistered", standingId=number, issuer=issuer, typeId=type_id, **values,
            approver=approver,
        )  # fmt: skip
        return number

    def _revoke_standing(self, c: Context, number: bytes, by: bytes, auth: Any) -> None:
        standing, revoked = self._require_standing(c, number)
        if revoked:
            raise RevertedError("LedgerStandingNotGood", number, c.time)
        issuer, approver = standing[0], standing[8]
        signer, nonce, deadline, signature = auth
        if signer != approver:
            related = by == issuer or self._registry.is_ancestor(c, by, issuer)
            if not related or not self._registry.has_role(c, by, signer, Role.ADMIN, 0):
                raise RevertedError("LedgerMissingRole", by, signer)
        if signature:
            _require_in_time(c, deadline)
            call_hash = eip712.revoke_standing_hash(number, by.decode())
            act = eip712.Authorisation(by.decode(), call_hash, signer, nonce, deadline)
            self._require_signed(signer, eip712.authorisation_digest(self._domain, act), signature)
        elif c.sender_id != signer:
            raise RevertedError("LedgerBadSignature", signer)
        c.tables.put("standing", number, (standing, True))
        c.emit("StandingRevoked", standingId=number, issuer=issuer, signer=signer)

    def _spend(self, c: Context, number: bytes, approver: bytes, spend: tuple[bytes, int, int, int]) -> None:
        """Judge a standing approval and count today's leaves."""
        by, type_id, act, leaves = spend
        standing, revoked = self._require_standing(c, number)
        issuer, its_type, acts, *limits, start, end, its_approver, _ = standing
        if issuer != by:
            raise RevertedError("LedgerStandingWrongIssuer", number, by)
        if its_type != type_id:
            raise RevertedError("LedgerStandingWrongType", number, type_id)
        if not acts & act:
            raise RevertedError("LedgerStandingWrongAct", number, act)
        if its_approver != approver:
            raise RevertedError("LedgerStandingWrongApprover", number, approver)
        if revoked or not start <= c.time < end:
            raise RevertedError("LedgerStandingNotGood", number, c.time)
        place = (number, _day(c.time), act)
        wanted = c.tables.get("standing_use", place, 0) + leaves
        limit = limits[act.bit_length() - 1]
        if wanted > limit:
            raise RevertedError("LedgerStandingLimit", number, act, limit, wanted)
        c.tables.put("standing_use", place, wanted)

    # governance

    def _import_anchors(self, c: Context, records: Sequence[Any]) -> None:
        self._require_governance(c)
        if c.tables.get("open", 0):
            raise RevertedError("LedgerAlreadyOpen")
        for issuer, root, anchor, words in records:
            type_id, _, size, anchored_at, list_, first, withdrawn = anchor
            known = c.tables.get("anchor", (issuer, root))
            if known is not None:
                raise RevertedError("LedgerRootAlreadyAnchored", issuer, root, known[3])
            if not 0 < anchored_at <= c.time:
                raise RevertedError("LedgerExpired", anchored_at, c.time)
            _require_range(type_id, size, list_, first)
            if withdrawn > len(ReasonClass):
                raise RevertedError("LedgerBadReason", withdrawn)
            if type_id == DOCUMENT_TYPE and words:
                raise RevertedError("LedgerBadDocumentBatch", 0, 0, False)  # noqa: FBT003  ABI value
            self._registry.known(c, issuer)
            single_use = type_id != DOCUMENT_TYPE and self._registry.type_of(c, type_id)[2]
            c.tables.put("anchor", (issuer, root), anchor)
            for word, value in enumerate(words):
                allowed = _lanes_below(word, size) * _LANE
                if not allowed or value & ~allowed or not _is_defined(value):
                    raise RevertedError("LedgerBadWord", word, allowed, value)
                if not single_use and any(value >> s & _LANE == Status.USED for s in _shifts(_LANES)):
                    raise RevertedError("LedgerNotSingleUse", type_id)
                c.tables.put("word", (issuer, root, word), value)
            c.emit(
                "BatchImported", issuer=issuer, root=root, typeId=type_id, anchor=anchor,
                words=tuple(words),
            )  # fmt: skip
        c.tables.put("imported", 0, c.tables.get("imported", 0, 0) + len(records))

    def _open(self, c: Context) -> None:
        self._require_governance(c)
        if c.tables.get("open", 0):
            raise RevertedError("LedgerAlreadyOpen")
        c.tables.put("open", 0, value=True)
        c.emit("LedgerOpened", imported=c.tables.get("imported", 0, 0))

    def _handover(self, c: Context, issuer: bytes, successor: bytes) -> None:
        self._require_governance(c)
        if successor in {bytes(20), self._address}:
            raise RevertedError("LedgerBadSuccessor", successor)
        known = c.tables.get("handed_over", issuer)
        if known is not None:
            raise RevertedError("LedgerIsHandedOver", issuer, known)
        c.tables.put("handed_over", issuer, successor)
        c.emit("LedgerHandedOver", issuer=issuer, successor=successor)

    # views

    def _status_of(self, c: Context, issuer: bytes, root: bytes, leaf: int) -> int:
        anchor = self._require_anchor(c, issuer, root)
        if anchor[0] == DOCUMENT_TYPE:
            raise RevertedError("LedgerBadDocumentBatch", 0, 0, False)  # noqa: FBT003  ABI value
        if leaf >= anchor[2]:
            raise RevertedError("LedgerIndexOutOfRange", leaf, anchor[2])
        word: int = c.tables.get("word", (issuer, root, leaf // CREDENTIALS_PER_WORD), 0)
        return word >> 4 * (leaf % CREDENTIALS_PER_WORD) & _LANE

    def _is_included(
        self, c: Context, issuer: bytes, root: bytes, entry: bytes, leaf: int, path: Sequence[bytes]
    ) -> bool:
        size = self._require_anchor(c, issuer, root)[2]
        if leaf >= size:
            raise RevertedError("LedgerIndexOutOfRange", leaf, size)
        expected = path_length(leaf, size)
        if len(path) != expected:
            raise RevertedError("LedgerPathLength", expected, len(path))
        return root_from_inclusion_proof(hash_leaf(entry), leaf, size, path) == root

    def _standing_of(self, c: Context, number: bytes) -> Any:
        return self._require_standing(c, number)

    def _standing_used(self, c: Context, number: bytes) -> tuple[int, ...]:
        self._require_standing(c, number)
        day = _day(c.time)
        return tuple(
            c.tables.get("standing_use", (number, day, int(act)), 0)
            for act in (StandingAct.ANCHOR, StandingAct.SUPERSEDE, StandingAct.USE)
        )

    # questions

    def _require_anchor(self, c: Context, issuer: bytes, root: bytes) -> Any:
        found = c.tables.get("anchor", (issuer, root))
        if found is None:
            raise RevertedError("LedgerNotAnchored", issuer, root)
        return found

    def _require_live(self, c: Context, issuer: bytes, root: bytes) -> Any:
        anchor = self._require_anchor(c, issuer, root)
        if anchor[6]:
            raise RevertedError("LedgerAlreadyWithdrawn", issuer, root, anchor[6])
        return anchor

    def _require_credentials(self, c: Context, issuer: bytes, root: bytes) -> Any:
        anchor = self._require_live(c, issuer, root)
        if anchor[0] == DOCUMENT_TYPE:
            raise RevertedError("LedgerBadDocumentBatch", 0, 0, False)  # noqa: FBT003  ABI value
        return anchor

    def _require_standing(self, c: Context, number: bytes) -> Any:
        found = c.tables.get("standing", number)
        if found is None:
            raise RevertedError("LedgerUnknownStanding", number)
        return found

    def _require_writable(self, c: Context, issuer: bytes) -> None:
        successor = c.tables.get("handed_over", issuer)
        if successor is not None:
            raise RevertedError("LedgerIsHandedOver", issuer, successor)

    def _require_governance(self, c: Context) -> None:
        if c.sender != c.tables.get("governance", 0):
            raise RevertedError("LedgerOnlyGovernance", c.sender)

    def _require_signed(self, signer: bytes, digest: bytes, signature: bytes) -> None:
        if not self._is_signed(signer, digest, signature):
            raise RevertedError("LedgerBadSignature", signer)

    def _require_approved(
        self,
        c: Context,
        digest: bytes,
        maker: bytes,
        approver: bytes,
        approvals: Approvals,
        spend: tuple[bytes, int, int, int],
    ) -> None:
        """Both signatures, or the maker's and a standing approval."""
        maker_signature, approver_signature, standing = approvals
        self._require_signed(maker, digest, maker_signature)
        if standing == bytes(32):
            self._require_signed(approver, digest, approver_signature)
            return
        if approver_signature:
            raise RevertedError("LedgerBadSignature", approver)
        self._spend(c, standing, approver, spend)


_LANES = sum(1 << 4 * lane for lane in range(CREDENTIALS_PER_WORD))


def _batch(values: Any) -> Batch:
    return Batch(values[0].decode(), *values[1:])


def _words(size: int) -> int:
    return (size + CREDENTIALS_PER_WORD - 1) // CREDENTIALS_PER_WORD


def _lanes_below(word: int, size: int) -> int:
    count = max(0, min(CREDENTIALS_PER_WORD, size - word * CREDENTIALS_PER_WORD))
    return _LANES & ((1 << 4 * count) - 1)


def _shifts(lanes: int) -> list[int]:
    return [4 * lane for lane in range(CREDENTIALS_PER_WORD) if lanes >> 4 * lane & 1]


def _is_defined(word: int) -> bool:
    known = set(Status)
    return all(word >> 4 * lane & _LANE in known for lane in range(CREDENTIALS_PER_WORD))


def _day(time: int) -> int:
    return (time + _ZONE_S) // _DAY_S


def _act_of(changes: Sequence[Change]) -> tuple[int, int]:
    """The one act of these changes, by the first status written, and how many leaves change."""
    if not changes:
        raise RevertedError("LedgerNoChanges")
    first = changes[0][2]
    is_use = any(first >> 4 * lane & _LANE == Status.USED for lane in range(CREDENTIALS_PER_WORD))
    act = StandingAct.USE if is_use else StandingAct.SUPERSEDE
    status = Status.USED if is_use else Status.SUPERSEDED
    return int(act), _require_all(changes, status, act)


def _require_all(changes: Sequence[Change], status: Status, act: StandingAct) -> int:
    leaves = 0
    for word, mask, value in changes:
        lanes = mask & _LANES
        if value != lanes * status:
            raise RevertedError("LedgerNotAct", word, int(act))
        leaves += lanes.bit_count()
    return leaves


def _require_range(type_id: int, size: int, list_: int, first: int) -> None:
    if size == 0:
        raise RevertedError("LedgerBadSize", size)
    if type_id == DOCUMENT_TYPE and (list_ or first):
        raise RevertedError("LedgerBadDocumentBatch", list_, first, False)  # noqa: FBT003  ABI value
    if first + _words(size) > _WORDS:
        raise RevertedError("LedgerBadRange", list_, first, size)


def _require_reason(reason: int) -> None:
    if reason not in set(ReasonClass):
        raise RevertedError("LedgerBadReason", reason)


def _require_in_time(c: Context, deadline: int) -> None:
    if c.time > deadline:
        raise RevertedError("LedgerExpired", deadline, c.time)


def _require_two(maker: bytes, approver: bytes) -> None:
    if maker == approver:
        raise RevertedError("LedgerSameSigner", maker)
    if NOBODY in {maker, approver}:
        raise RevertedError("LedgerBadSignature", NOBODY)
