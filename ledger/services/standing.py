"""Standing approvals: registered by an approver in advance, used by the worker, revoked at once.

The approver signs the terms (type, acts, limits a day, an end after at most 31 days); from then on a
batch of that (issuer, type) needs nobody: the service key signs as its maker, the contract looks up the
approver's consent and counts the leaves. Size and limit are looked at before a batch is queued. What is
not covered waits for people, and so does what the contract refuses all the same.

The list of standing approvals is the chain view's. What was used today is the greater of what this
installation queued and what the contract counted: the one knows what is under way, the other what
other installations did.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from ledger.core.eip712 import (
    Authorisation,
    Domain,
    StandingApproval,
    authorisation_digest,
    ecdsa_signature,
    revoke_standing_hash,
    standing_digest,
)
from ledger.core.errors import ConflictError, InputError, NotFoundError, RefusedError
from ledger.core.flow import BatchRecord, BatchState, JobKind, NewJob, batch_subject
from ledger.core.model import DOCUMENT_TYPE, StandingAct, StandingRecord
from ledger.core.standing import (
    HISTORY_DAYS,
    LONGEST_S,
    StandingAlarm,
    StandingUse,
    alarm_from,
    day_of,
    limit_of,
    used_on,
)
from ledger.ports import ChainSigner, ChainView, Clock, ContractCall, Entropy, Store
from ledger.services.approve import ApproveService
from ledger.services.calls import enqueue_call
from ledger.services.kill_points import Hooks, KillPoint, NoHooks

NONCE_BYTES = 32
LARGEST_LIMIT = 2**32 - 1
REVOKE_WITHIN_S = 3_600
END_MARGIN_S = 30
"""A batch is not queued under an approval that ends before a block can hold it."""
ALL_ACTS = StandingAct.ANCHOR | StandingAct.SUPERSEDE | StandingAct.USE
AskChain = Callable[[bytes], tuple[int, int, int]]
"""Leaves anchored, superseded and used today under a standing approval, as the contract counts them."""


class ServiceKeys(Protocol):
    """The keys by which this installation acts as maker."""

    def service(self, issuer: str) -> ChainSigner | None:
        """The service key of an agency, None when it has none."""


@dataclass(frozen=True, slots=True)
class Standing:
    """A registered standing approval and what was used of it today."""

    terms: StandingRecord
    anchored: int
    superseded: int
    used: int

    def rest(self, act: StandingAct) -> int:
        """Leaves that are left today."""
        spent = {
            StandingAct.ANCHOR: self.anchored,
            StandingAct.SUPERSEDE: self.superseded,
            StandingAct.USE: self.used,
        }[act]
        return max(0, limit_of(self.terms, act) - spent)


@dataclass(frozen=True, slots=True)
class Revocation:
    """What is signed to revoke: by the approver, or by an admin of `by` (the issuer or an ancestor)."""

    standing_id: bytes
    issuer: str
    by: str
    signer: bytes
    nonce: int
    deadline: int


class StandingService:
    """Registers, revokes, lists and uses standing approvals.

    Args:
        store: batches and what they used.
        view: which standing approvals there are.
        approve: what a maker signs over a batch.
        keys: service keys.
        clock, entropy: days and ends; nonces.
        hooks: told about kill points.
        ask_chain: the contract's own count; None where the EVM is not at hand.
        on_alarm: told once a day and approval.
    """

    def __init__(
        self,
        store: Store,
        view: ChainView,
        approve: ApproveService,
        keys: ServiceKeys,
        clock: Clock,
        entropy: Entropy,
        hooks: Hooks | None = None,
        ask_chain: AskChain | None = None,
        on_alarm: Callable[[StandingAlarm], None] = lambda _alarm: None,
    ) -> None:
        self._store = store
        self._view = view
        self._approve = approve
        self._keys = keys
        self._clock = clock
        self._entropy = entropy
        self._hooks = hooks or NoHooks()
        self._ask_chain = ask_chain
        self._on_alarm = on_alarm
        self._days: dict[tuple[str, int], tuple[int, tuple[bytes, ...], tuple[int, ...]]] = {}

    # Registering and revoking.

    def draft(
        self,
        issuer: str,
        type_id: int,
        *,
        approver: bytes,
        anchor_limit: int,
        supersede_limit: int = 0,
        use_limit: int = 0,
        valid_from: int | None = None,
        valid_until: int | None = None,
    ) -> StandingApproval:
        """Terms for an approver to sign; acts are those with a limit.

        Args:
            issuer: USCC.
            type_id: the chain's number; 0 for document batches.
            approver: 32-byte signer id of who will sign.
            anchor_limit: leaves a day (Asia/Shanghai) that may be anchored; 0: none.
            supersede_limit: as anchor_limit, for older credentials that new rows replace.
            use_limit: as anchor_limit, for single-use credentials.
            valid_from: seconds; by default now.
            valid_until: seconds; by default 31 days after the beginning.

        Raises: InputError(STANDING_LIMIT, STANDING_TOO_LONG).
        """
        limits = (anchor_limit, supersede_limit, use_limit)
        if any(not 0 <= limit <= LARGEST_LIMIT for limit in limits) or not any(limits):
            raise InputError(
                "STANDING_LIMIT", "A standing approval needs a limit above 0 for one act at least."
            )
        begins = self._clock.now() if valid_from is None else valid_from
        ends = begins + LONGEST_S if valid_until is None else valid_until
        if not begins < ends <= begins + LONGEST_S or ends <= self._clock.now():
            raise InputError(
                "STANDING_TOO_LONG",
                "A standing approval ends at most 31 days after it begins, and not in the past.",
                valid_from=begins,
                valid_until=ends,
            )
        acts = StandingAct(0)
        for act, limit in zip(StandingAct, limits, strict=True):
            acts |= act if limit else StandingAct(0)
        nonce = int.from_bytes(self._entropy.token(NONCE_BYTES))
        return StandingApproval(issuer, type_id, int(acts), *limits, begins, ends, approver, nonce)

    def digest(self, terms: StandingApproval) -> bytes:
        """What the approver signs, 32 bytes; also the approval's id."""
        return standing_digest(self._approve.domain, terms)

    def register(self, terms: StandingApproval, signature: bytes) -> bytes:
        """Queue the registration; twice has no further effect.

        Args:
            terms: from `draft`.
            signature: over `digest`, as the contracts take it (kind byte first).
        Returns: the id.
        """
        standing_id = self.digest(terms)
        struct = (
            terms.issuer.encode("ascii"),
            terms.type_id,
            terms.acts,
            terms.anchor_limit,
            terms.supersede_limit,
            terms.use_limit,
            terms.valid_from,
            terms.valid_until,
            terms.approver,
            terms.nonce,
        )
        enqueue_call(
            self._store,
            terms.issuer,
            ContractCall("ledger", "registerStanding", (struct, signature)),
            subject=f"standing:{standing_id.hex()}",
            not_after=terms.valid_until - 1,
        )
        return standing_id

    @property
    def domain(self) -> Domain:
        """Where signatures over standing approvals count."""
        return self._approve.domain

    @property
    def keys(self) -> ServiceKeys:
        """The keys by which this installation acts as maker."""
        return self._keys

    def revocation(self, standing_id: bytes, by: str, signer: bytes) -> Revocation:
        """What is to be signed. Raises: NotFoundError(STANDING_UNKNOWN), ConflictError(STANDING_REVOKED)."""
        terms = self._terms(standing_id)
        if terms.revoked_at is not None:
            raise ConflictError("STANDING_REVOKED", "This standing approval is revoked already.")
        deadline = self._clock.now() + REVOKE_WITHIN_S
        nonce = int.from_bytes(self._entropy.token(NONCE_BYTES))
        return Revocation(standing_id, terms.issuer, by, signer, nonce, deadline)

    def revocation_struct(self, wanted: Revocation) -> Authorisation:
        """What `wanted.signer` signs."""
        call_hash = revoke_standing_hash(wanted.standing_id, wanted.by)
        return Authorisation(wanted.by, call_hash, wanted.signer, wanted.nonce, wanted.deadline)

    def revocation_digest(self, wanted: Revocation) -> bytes:
        """Its digest, 32 bytes."""
        return authorisation_digest(self._approve.domain, self.revocation_struct(wanted))

    def revoke(self, wanted: Revocation, signature: bytes, carrier: str | None = None) -> None:
        """Queue the revocation. A batch that is on its way may still be sealed before it.

        Args:
            wanted: what was signed.
            signature: over its digest, as the contracts take it.
            carrier: the agency whose operator sends it; by default the issuer's own.
        """
        authority = (wanted.signer, wanted.nonce, wanted.deadline, signature)
        enqueue_call(
            self._store,
            carrier or wanted.issuer,
            ContractCall(
                "ledger", "revokeStanding", (wanted.standing_id, wanted.by.encode("ascii"), authority)
            ),
            subject=f"standing-revoked:{wanted.standing_id.hex()}:{wanted.nonce:064x}",
            not_after=wanted.deadline,
        )

    # Looking.

    def standings(self, issuer: str | None = None) -> tuple[Standing, ...]:
        """All that were ever registered, with today's use of those that are good."""
        return tuple(self._with_use(terms) for terms in self._view.standings(issuer))

    def standing(self, standing_id: bytes) -> Standing:
        """Raises NotFoundError(STANDING_UNKNOWN)."""
        return self._with_use(self._terms(standing_id))

    def covering(self, issuer: str, type_id: int, leaves: int, superseded: int = 0) -> Standing | None:
        """A standing approval under which a batch of this size can go now; the one that ends first."""
        now = self._clock.now()
        for terms in sorted(self._view.standings(issuer), key=lambda one: one.valid_until):
            if terms.type_id != type_id or not terms.is_good(now) or now + END_MARGIN_S >= terms.valid_until:
                continue
            if leaves > limit_of(terms, StandingAct.ANCHOR):
                continue
            if superseded > limit_of(terms, StandingAct.SUPERSEDE):
                continue
            found = self._with_use(terms)
            enough = leaves <= found.rest(StandingAct.ANCHOR)
            if enough and superseded <= found.rest(StandingAct.SUPERSEDE):
                return found
        return None

    def alarms(self, days: int = HISTORY_DAYS) -> tuple[StandingAlarm, ...]:
        """Alarms of the last days, newest first."""
        return self._store.standing.alarms(day_of(self._clock.now()) - days)

    # Using.

    def sanction_waiting(self) -> int:
        """Queue every signed batch that is covered; how many. A batch that came back once is left to people."""
        now = self._clock.now()
        good = {(terms.issuer, terms.type_id) for terms in self._view.standings() if terms.is_good(now)}
        if not good:
            return 0
        waiting = self._store.batches.batches(states=(BatchState.SIGNED,))
        return sum(
            self.sanction(batch)
            for batch in waiting
            if (batch.issuer, batch.type_id) in good and not batch.reason
        )

    def sanction(self, batch: BatchRecord) -> bool:
        """Make a signed batch with the service key and queue it, if a standing approval covers it.

        Raises: RefusedError(PASSWORD_NEEDED) when the service key is locked.
        """
        if batch.state is not BatchState.SIGNED or self._clock.now() >= batch.expires_on:
            return False
        is_document = batch.type_id == DOCUMENT_TYPE
        superseded = 0 if is_document else len(self._store.approvals.superseded(batch.id))
        covered = self.covering(batch.issuer, batch.type_id, batch.size, superseded)
        service = None if covered is None else self._keys.service(batch.issuer)
        if covered is None or service is None:
            return False
        terms = covered.terms
        draft = self._approve.plan_make(batch.id, service.signer_id, terms.approver)
        first, *others = (
            ecdsa_signature(service.sign_digest(digest)) for digest in self._approve.digests(draft)
        )
        changes = [
            replace(change, maker_signature=signature)
            for change, signature in zip(draft.changes, others, strict=True)
        ]
        self._hooks.reach(KillPoint.STANDING_SIGNED)
        day = day_of(self._clock.now())
        uses = [StandingUse(terms.id, StandingAct.ANCHOR, day, batch.size)]
        if superseded:
            uses.append(StandingUse(terms.id, StandingAct.SUPERSEDE, day, superseded))
        job = NewJob(
            JobKind.ANCHOR, batch_subject(batch.id, "anchor", terms.id.hex()[:32]), {"batch": batch.id}
        )
        wanted = replace(draft.wanted, standing_id=terms.id)
        try:
            self._store.standing.sanction(wanted, first, changes, job, uses)
        except ConflictError as error:
            if error.code != "BATCH_STATE":
                raise
            return False  # a person was faster
        self._hooks.reach(KillPoint.STANDING_STORED)
        self._look_for_alarm(terms, day)
        return True

    def _look_for_alarm(self, terms: StandingRecord, day: int) -> None:
        today = used_on(self._store.standing.uses(terms.id, day), StandingAct.ANCHOR, day)
        threshold, usual = alarm_from(self._earlier(terms, day), terms.anchor_limit)
        if today < threshold:
            return
        alarm = StandingAlarm(
            terms.id, terms.issuer, terms.type_id, day, today, usual, raised_at=self._clock.now()
        )
        if self._store.standing.raise_alarm(alarm):
            self._on_alarm(alarm)

    def _earlier(self, terms: StandingRecord, day: int) -> Sequence[int]:
        """Leaves of each earlier day, under this approval and those of the same type before it.

        Added up once a day: what is over does not change, and a month may have a million batches.
        """
        ids = tuple(one.id for one in self._view.standings(terms.issuer) if one.type_id == terms.type_id)
        place = (terms.issuer, terms.type_id)
        known = self._days.get(place)
        if known is None or known[:2] != (day, ids):
            per_day: dict[int, int] = {}
            for standing_id in ids:
                for use in self._store.standing.uses(standing_id, day - HISTORY_DAYS):
                    if use.act is StandingAct.ANCHOR and use.day < day:
                        per_day[use.day] = per_day.get(use.day, 0) + use.leaves
            known = self._days[place] = (day, ids, tuple(per_day.values()))
        return known[2]

    def _with_use(self, terms: StandingRecord) -> Standing:
        if not terms.is_good(self._clock.now()):
            return Standing(terms, 0, 0, 0)
        day = day_of(self._clock.now())
        uses = self._store.standing.uses(terms.id, day)
        own = [used_on(uses, act, day) for act in StandingAct]
        counted = self._ask_chain(terms.id) if self._ask_chain is not None else (0, 0, 0)
        return Standing(terms, *(max(pair) for pair in zip(own, counted, strict=True)))

    def _terms(self, standing_id: bytes) -> StandingRecord:
        for terms in self._view.standings():
            if terms.id == standing_id:
                return terms
        raise NotFoundError(
            "STANDING_UNKNOWN",
            "There is no such standing approval on chain (yet).",
            standing="0x" + standing_id.hex(),
        )


def require_service(keys: ServiceKeys, issuer: str) -> ChainSigner:
    """The service key. Raises: RefusedError(NO_SERVICE_KEY)."""
    found = keys.service(issuer)
    if found is None:
        raise RefusedError(
            "NO_SERVICE_KEY",
            f"{issuer} has no service key here: make one with `ecert standing service`.",
            issuer=issuer,
        )
    return found
