"""Changing what a credential is worth: suspended, resumed, revoked, cancelled; whole batches withdrawn.

Suspending is the operator's alone: it is reversible and must be instant. Everything else needs the
maker's and the approver's signatures over the same struct, given at different times by different
keys: a **case** keeps the maker's until the approver's is there. On chain goes only one of five reason
classes; legal basis and document number stay in the case, which is sealed with a key of the vault.
Every call goes out through the outbox, once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from ledger.core.credential_type import CredentialType
from ledger.core.eip712 import (
    BatchWithdrawal,
    Domain,
    StatusChange,
    ecdsa_signature,
    ledger_domain,
    signer_text,
    status_change_digest,
    withdrawal_digest,
)
from ledger.core.errors import ConflictError, InputError, NotFoundError, RefusedError
from ledger.core.flow import APPROVAL_DAYS, DAY_S, Place
from ledger.core.model import ChainInfo
from ledger.core.status import TRANSITIONS, Status, is_case_id, word_changes
from ledger.ports import (
    BatchStore,
    ChainSigner,
    ChainView,
    Clock,
    DataKey,
    Entropy,
    NonceBook,
    Vault,
)
from ledger.services.cases import Case as Case
from ledger.services.cases import CaseBook as CaseBook
from ledger.services.cases import CaseList as CaseList
from ledger.services.cases import Drafter as Drafter
from ledger.services.cases import Grounds as Grounds
from ledger.services.cases import Part, decode_case, encode_case
from ledger.services.governed import heir_of
from ledger.services.kill_points import Hooks, KillPoint, NoHooks
from ledger.services.status_calls import batch_withdrawal, call_of, status_change

NO_END = 0
ENDINGS = frozenset({Status.CANCELLED, Status.VOID, Status.REVOKED})
"""Statuses by which an agency ends a credential for good; which of them a type knows differs."""
MOST_OPENED = 5_000
"""Cases that are remembered after they were opened for a list."""
ANYBODY = Drafter()
NOBODY = bytes(32)
"""Signer of a case that nobody has signed yet, and of a suspension, which nobody signs."""


EnqueueCall = Callable[..., int]
"""services.calls.enqueue_call with its store: (issuer, call, *, subject, not_after, publish, lists_of) -> id."""


@dataclass(frozen=True, slots=True)
class Target:
    """A credential to be changed, as store and chain know it."""

    place: Place
    leaf_index: int
    root: bytes
    list: int
    status: Status


class StatusService:
    """Suspends at once; makes and approves cases.

    Args:
        batches: finds credentials.
        view: their status now.
        types: credential types by code, for their own transition rules.
        info: chain and contracts the signatures are bound to.
        vault: seals cases.
        cases: keeps them.
        enqueue: puts calls into the outbox.
        clock: dates them.
        entropy: case ids, and what nonces begin with.
        nonces: numbers that make each signed change unlike every other.
        hooks: told about kill points.
    """

    def __init__(
        self,
        *,
        batches: BatchStore,
        view: ChainView,
        types: Mapping[str, CredentialType],
        info: ChainInfo,
        vault: Vault,
        cases: CaseBook,
        enqueue: EnqueueCall,
        clock: Clock,
        entropy: Entropy,
        nonces: NonceBook,
        hooks: Hooks | None = None,
    ) -> None:
        self._batches = batches
        self._view = view
        self._types = types
        self._info = info
        self._domain = ledger_domain(info.chain_id, info.ledger, info.ledger_id)
        self._vault = vault
        self._cases = cases
        self._enqueue = enqueue
        self._clock = clock
        self._entropy = entropy
        self._nonces = nonces
        self._hooks = hooks or NoHooks()
        self._opened: dict[str, tuple[bytes, Case]] = {}

    def targets(self, names: Sequence[bytes], status: Status) -> list[Target]:
        """The credentials of these names, each checked to be allowed to become `status`.

        Raises:
            NotFoundError: CREDENTIAL_UNKNOWN.
            ConflictError: NOT_ANCHORED_YET, STATUS_TRANSITION (`detail.now` says what it is),
                STATUS_NOT_OF_TYPE (`detail.instead` says what the type has instead).
            InputError: SEVERAL_ISSUERS.
        """
        found = [self._target(name, status) for name in dict.fromkeys(names)]
        if len({target.place.issuer for target in found}) > 1:
            raise InputError("SEVERAL_ISSUERS", "Name credentials of one issuer at a time.")
        return found

    def _target(self, name: bytes, wanted: Status) -> Target:
        place = self._batches.place(name)
        if place is None:
            raise NotFoundError(
                "CREDENTIAL_UNKNOWN",
                f"No credential with the serial {name.hex().upper()} was issued here.",
                serial=name.hex().upper(),
            )
        evidence = None
        if place.root is not None and place.leaf_index is not None:
            evidence = self._view.evidence(place.issuer, place.root, place.leaf_index)
        if (
            place.root is None
            or place.leaf_index is None
            or evidence is None
            or evidence.anchor is None
            or evidence.status is None
        ):
            raise ConflictError(
                "NOT_ANCHORED_YET",
                f"{name.hex().upper()} is not on chain yet (batch {place.batch_id}, "
                f"{place.batch_state}): only an anchored credential has a status.",
                batch=place.batch_id,
                state=str(place.batch_state),
            )
        now = Status(evidence.status)
        kind = self._types.get(place.type_code)
        if wanted not in TRANSITIONS[now] or (kind is not None and not kind.allows(now, wanted)):
            raise _cannot_become(name, kind, now, wanted)
        return Target(place, place.leaf_index, place.root, evidence.anchor.list, now)

    def suspend(self, names: Sequence[bytes], grounds: Grounds, drafter: Drafter = ANYBODY) -> Case:
        """Suspend at once, by the operator's transaction alone. Arguments and errors: as `draft`."""
        targets = self.targets(names, Status.SUSPENDED)
        case = replace(_drafted_by(drafter, self._new_case(targets, Status.SUSPENDED, grounds)), state="new")
        self._save(case)
        return self._send(case)

    def draft(
        self, names: Sequence[bytes], status: Status, grounds: Grounds, drafter: Drafter = ANYBODY
    ) -> Case:
        """A case that its maker has not signed yet; saved, so that a closed tab loses nothing.

        Args:
            names: of the credentials.
            status: what they shall become.
            grounds: why.
            drafter: who drafts it, for which agency.

        Raises:
            RefusedError: SUSPEND_ALONE, HEIR_ACTS when another agency acts for the issuer.
            As targets.
        """
        if status is Status.SUSPENDED:
            raise RefusedError("SUSPEND_ALONE", "Suspending needs no case: the operator does it at once.")
        case = _drafted_by(drafter, self._new_case(self.targets(names, status), status, grounds))
        self._save(case)
        return case

    def draft_withdrawal(self, batch_id: int, grounds: Grounds, drafter: Drafter = ANYBODY) -> Case:
        """As `draft`, for a whole anchored batch. Raises: HEIR_ACTS, NOT_ANCHORED_YET, ALREADY_WITHDRAWN."""
        case = _drafted_by(drafter, self._new_withdrawal(batch_id, grounds))
        self._save(case)
        return case

    def make(
        self, names: Sequence[bytes], status: Status, grounds: Grounds, maker: ChainSigner, approver: bytes
    ) -> Case:
        """A case signed by its maker with a key at hand, waiting for `approver` (32-byte signer id).

        Raises:
            RefusedError: SAME_PERSON, SUSPEND_ALONE.
        """
        if status is Status.SUSPENDED:
            raise RefusedError("SUSPEND_ALONE", "Suspending needs no case: the operator does it at once.")
        _require_two(maker.signer_id, approver)
        case = self._new_case(self.targets(names, status), status, grounds)
        return self._signed_by_maker(self._for(case, maker.signer_id, approver), maker)

    def make_withdrawal(self, batch_id: int, grounds: Grounds, maker: ChainSigner, approver: bytes) -> Case:
        """A case that withdraws a whole anchored batch, signed by its maker.

        Raises:
            ConflictError: NOT_ANCHORED_YET, ALREADY_WITHDRAWN.
        """
        _require_two(maker.signer_id, approver)
        case = self._new_withdrawal(batch_id, grounds)
        return self._signed_by_maker(self._for(case, maker.signer_id, approver), maker)

    def make_withdrawal_of(
        self,
        issuer: str,
        root: bytes,
        grounds: Grounds,
        maker: ChainSigner,
        approver: bytes,
        by: str | None = None,
    ) -> Case:
        """As `make_withdrawal`, of a batch that this installation did not make: its leaves are not known here.

        Args:
            issuer: who anchored it.
            root: 32 bytes.
            grounds: why.
            maker: of `by`.
            approver: of `by`, 32-byte signer id.
            by: whose people withdraw it: an agency above the issuer, or (default) who acts for the issuer.

        Raises:
            ConflictError: NOT_ANCHORED_YET, ALREADY_WITHDRAWN.
        """
        _require_two(maker.signer_id, approver)
        case = self._withdrawal_case(issuer, root, "0x" + root.hex(), grounds, by)
        return self._signed_by_maker(self._for(case, maker.signer_id, approver), maker)

    def _new_withdrawal(self, batch_id: int, grounds: Grounds) -> Case:
        batch = self._batches.batch(batch_id)
        if batch.root is None:
            raise _not_anchored(str(batch_id), str(batch.state))
        return self._withdrawal_case(batch.issuer, batch.root, str(batch_id), grounds, None, str(batch.state))

    def _withdrawal_case(
        self,
        issuer: str,
        root: bytes,
        name: str,
        grounds: Grounds,
        by: str | None,
        state: str = "unknown",
    ) -> Case:
        evidence = self._view.evidence(issuer, root, None)
        if evidence is None or evidence.anchor is None:
            raise _not_anchored(name, state)
        if evidence.anchor.withdrawn_at is not None:
            raise ConflictError("ALREADY_WITHDRAWN", f"Batch {name} was withdrawn already.", batch=name)
        now = self._clock.now()
        return Case(
            id=self._entropy.token(16).hex(),
            issuer=issuer,
            status=None,
            grounds=grounds,
            names=(name,),
            parts=(Part(root, evidence.anchor.list, (), 0),),
            maker=NOBODY,
            approver=NOBODY,
            deadline=now + APPROVAL_DAYS * DAY_S,
            made_at=now,
            state="draft",
            by=by or heir_of(self._view.issuers(), issuer),
        )

    def plan_make(self, case_id: str, maker: bytes, approver: bytes) -> Case:
        """The draft as its maker is to sign it: with both signers and an end. Changes nothing.

        Raises:
            RefusedError: SAME_PERSON, HEIR_ACTS when the agency was dissolved meanwhile.
            ConflictError: CASE_STATE, STATUS_TRANSITION when the credentials changed meanwhile.
        """
        _require_two(maker, approver)
        case = self._in_state(case_id, "draft")
        self._require_living(case)
        if case.status is not None:
            self.targets([bytes.fromhex(name) for name in case.names], case.status)
        return self._for(case, maker, approver)

    def finish_make(self, planned: Case, signatures: Sequence[bytes], person: int = 0) -> Case:
        """Store the maker's signatures, one a part, verified by the caller. Raises: ConflictError(CASE_STATE)."""
        self._in_state(planned.id, "draft")
        parts = tuple(
            replace(part, maker_signature=signature)
            for part, signature in zip(planned.parts, signatures, strict=True)
        )
        made = replace(planned, parts=parts, state="made", person_made=person or planned.person_made)
        self._save(made)
        self._hooks.reach(KillPoint.CASE_MADE)
        return made

    def approve(self, case_id: str, approver: ChainSigner) -> Case:
        """Sign as the approver named in the case, with a key at hand, and send it. Raises: as plan_approval."""
        case = self.plan_approval(case_id, approver.signer_id)
        return self.finish_approval(
            case, [ecdsa_signature(approver.sign_digest(digest)) for digest in self.digests(case)]
        )

    def plan_approval(self, case_id: str, approver: bytes) -> Case:
        """The case as its approver is to sign it. Changes nothing.

        Raises:
            NotFoundError: CASE_UNKNOWN.
            RefusedError: WRONG_APPROVER, CASE_EXPIRED, HEIR_ACTS when the agency was dissolved meanwhile.
            ConflictError: CASE_STATE when it was approved before.
        """
        case = self._in_state(case_id, "made")
        self._require_living(case)
        if approver != case.approver:
            raise RefusedError(
                "WRONG_APPROVER",
                f"Case {case_id} names another approver: use the key {signer_text(case.approver)}.",
                case=case_id,
            )
        if self._clock.now() >= case.deadline:
            raise RefusedError(
                "CASE_EXPIRED", f"Case {case_id} waited too long: let the maker make it again.", case=case_id
            )
        return case

    def finish_approval(self, case: Case, signatures: Sequence[bytes], person: int = 0) -> Case:
        """Store the approver's signatures, verified by the caller, and send. Raises: ConflictError(CASE_STATE)."""
        self._in_state(case.id, "made")
        parts = tuple(
            replace(part, approver_signature=signature)
            for part, signature in zip(case.parts, signatures, strict=True)
        )
        approved = replace(case, parts=parts, state="approved", person_approved=person)
        self._save(approved)
        return self._send(approved)

    def drop(self, case_id: str) -> Case:
        """Give a case up before its approver signed it. Raises: ConflictError(CASE_STATE)."""
        dropped = replace(self._in_state(case_id, "draft", "made"), state="dropped")
        self._save(dropped)
        return dropped

    def _require_living(self, case: Case) -> None:
        """Whose people sign it has no successor yet: the ledger would refuse their signatures."""
        heir = heir_of(self._view.issuers(), case.acting)
        if heir != case.acting:
            raise _heir_acts(case.acting, heir)

    def _in_state(self, case_id: str, *states: str) -> Case:
        case = self.case(case_id)
        if case.state not in states:
            raise ConflictError(
                "CASE_STATE", f"Case {case_id} is {case.state} already.", case=case_id, state=case.state
            )
        return case

    def _for(self, case: Case, maker: bytes, approver: bytes) -> Case:
        end = self._clock.now() + APPROVAL_DAYS * DAY_S
        return replace(case, maker=maker, approver=approver, deadline=end)

    def structs(self, case: Case) -> tuple[StatusChange | BatchWithdrawal, ...]:
        """What is signed, one struct a batch that is touched."""
        if case.status is None:
            return tuple(batch_withdrawal(case, part) for part in case.parts)
        return tuple(status_change(case, part) for part in case.parts)

    def digests(self, case: Case) -> tuple[bytes, ...]:
        """EIP-712 digests of `structs`, 32 bytes each."""
        return tuple(self._digest(case, part) for part in case.parts)

    @property
    def domain(self) -> Domain:
        """Where the signatures count."""
        return self._domain

    def case(self, case_id: str) -> Case:
        """Raises NotFoundError(CASE_UNKNOWN)."""
        return self._case_of(case_id, self._vault.load([_case_key(case_id)]) if is_case_id(case_id) else {})

    def _case_of(self, case_id: str, keys: Mapping[bytes, DataKey]) -> Case:
        sealed = self._cases.load(case_id)
        key = keys.get(_case_key(case_id)) if sealed else None
        if sealed is None or key is None:
            raise NotFoundError("CASE_UNKNOWN", f"There is no case {case_id}.", case=case_id)
        before = self._opened.get(case_id)
        if before is not None and before[0] == sealed:
            return before[1]
        case = decode_case(key.open(sealed, b"case:" + case_id.encode()))
        if len(self._opened) >= MOST_OPENED:
            self._opened.clear()
        self._opened[case_id] = (sealed, case)
        return case

    def cases(self) -> CaseList:
        """All cases; what cannot be opened is named and stops nothing."""
        return self._open(self._cases.ids())

    def resend(self) -> int:
        """Send what was decided but not queued when the process died; how many.

        Looks at the few cases that wait, and passes over those that cannot be opened: doctor names them.
        """
        sent = 0
        for case in self._open(self._cases.waiting()).cases:
            if _is_to_be_sent(case):
                self._send(case)
                sent += 1
            elif case.state == "sent":
                self._save(case)  # died between the case and its mark: takes the mark away
        return sent

    def _open(self, case_ids: Sequence[str]) -> CaseList:
        """Keys are looked up together; what was opened before and lies there unchanged is not opened again."""
        cases, unreadable = [], []
        names = [_case_key(case_id) for case_id in case_ids if is_case_id(case_id)]
        keys = self._vault.load(names) if names else {}
        for case_id in case_ids:
            try:
                cases.append(self._case_of(case_id, keys))
            except (InputError, NotFoundError):
                self._opened.pop(case_id, None)
                unreadable.append(case_id)
        cases.sort(key=lambda case: case.made_at)
        return CaseList(tuple(cases), tuple(unreadable))

    def _new_case(self, targets: Sequence[Target], status: Status, grounds: Grounds) -> Case:
        by_batch: dict[tuple[bytes, int], list[int]] = {}
        for target in targets:
            by_batch.setdefault((target.root, target.list), []).append(target.leaf_index)
        is_signed = status is not Status.SUSPENDED  # suspending takes no nonce
        issuer = targets[0].place.issuer
        by = heir_of(self._view.issuers(), issuer)
        parts = tuple(
            Part(
                root,
                number,
                word_changes(leaves, status),
                self._nonces.draw(by, self._entropy) if is_signed else 0,
            )
            for (root, number), leaves in by_batch.items()
        )
        return Case(
            id=self._entropy.token(16).hex(),
            issuer=issuer,
            status=status,
            grounds=grounds,
            names=tuple(target.place.name.hex() for target in targets),
            parts=parts,
            maker=NOBODY,
            approver=NOBODY,
            deadline=self._clock.now() + APPROVAL_DAYS * DAY_S,
            made_at=self._clock.now(),
            state="draft",
            by=by,
        )

    def _signed_by_maker(self, case: Case, maker: ChainSigner) -> Case:
        parts = tuple(
            replace(part, maker_signature=ecdsa_signature(maker.sign_digest(self._digest(case, part))))
            for part in case.parts
        )
        made = replace(case, parts=parts, state="made")
        self._save(made)
        self._hooks.reach(KillPoint.CASE_MADE)
        return made

    def _digest(self, case: Case, part: Part) -> bytes:
        if case.status is None:
            return withdrawal_digest(self._domain, batch_withdrawal(case, part))
        return status_change_digest(self._domain, status_change(case, part))

    def _send(self, case: Case) -> Case:
        self._hooks.reach(KillPoint.CASE_SAVED)
        not_after = NO_END if case.status is Status.SUSPENDED else case.deadline
        for part in case.parts:
            self._enqueue(
                case.acting,
                call_of(case, part),
                subject=f"case:{case.id}:{part.root.hex()[:16]}",
                not_after=not_after,
                publish=(part.list,),
                lists_of=case.issuer,
            )
            self._hooks.reach(KillPoint.CASE_QUEUED)
        sent = replace(case, state="sent")
        self._save(sent)
        self._hooks.reach(KillPoint.CASE_SENT)
        return sent

    def _save(self, case: Case) -> None:
        key = self._vault.create([_case_key(case.id)])[0]
        sealed = key.seal(encode_case(case), b"case:" + case.id.encode())
        self._cases.save(case.id, sealed, waiting=_is_to_be_sent(case))


def _cannot_become(name: bytes, kind: CredentialType | None, now: Status, wanted: Status) -> ConflictError:
    """STATUS_NOT_OF_TYPE where the type has no such status at all, else STATUS_TRANSITION."""
    serial = name.hex().upper()
    if kind is None or wanted in kind.statuses or now.is_final:
        return ConflictError(
            "STATUS_TRANSITION",
            f"{serial} is {now.name}; it cannot become {wanted.name}.",
            serial=serial,
            now=now.name,
            wanted=wanted.name,
        )
    known = kind.transitions.get(now, frozenset()) & ENDINGS
    return ConflictError(
        "STATUS_NOT_OF_TYPE",
        f"Credentials of type {kind.ref} never become {wanted.name}.",
        serial=serial,
        type=kind.ref,
        wanted=wanted.name,
        instead=[status.name for status in sorted(known)],
    )


def _not_anchored(name: str, state: str) -> ConflictError:
    return ConflictError(
        "NOT_ANCHORED_YET",
        f"Batch {name} is not on chain ({state}): reject it instead of withdrawing it.",
        batch=name,
        state=state,
    )


def _drafted_by(drafter: Drafter, case: Case) -> Case:
    if drafter.uscc not in (None, case.acting):
        raise _heir_acts(case.issuer, case.acting)
    return replace(case, id=drafter.case_id or case.id, person_made=drafter.person)


def _heir_acts(issuer: str, heir: str) -> RefusedError:
    return RefusedError(
        "HEIR_ACTS",
        f"{heir} acts for {issuer} now: its people change the status of these credentials.",
        issuer=issuer,
        heir=heir,
    )


def _require_two(maker: bytes, approver: bytes) -> None:
    if maker == approver:
        raise RefusedError("SAME_PERSON", "Maker and approver must be two different keys of two people.")


def _is_to_be_sent(case: Case) -> bool:
    """Suspending needs nobody else; everything else its approver."""
    return case.state == ("new" if case.status is Status.SUSPENDED else "approved")


def _case_key(case_id: str) -> bytes:
    return bytes.fromhex(case_id)
