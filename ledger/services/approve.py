"""Four eyes over a closed batch: maker, then approver, sign one digest; or the batch is refused.

Both sign the EIP-712 Batch (and the SUPERSEDED changes that follow from it) after closing and signing,
so what they see is what goes on chain. The approval is stored together with the job that carries it.
Approval needs no nonce: (issuer, root) is its own.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

from ledger.core.eip712 import (
    Domain,
    StatusChange,
    batch_digest,
    changes_hash,
    ecdsa_signature,
    ledger_domain,
    status_change_digest,
)
from ledger.core.errors import ConflictError, RefusedError
from ledger.core.flow import (
    APPROVAL_DAYS,
    DAY_S,
    BatchRecord,
    BatchState,
    JobKind,
    Leaf,
    NewJob,
    PlannedChange,
    Superseded,
    batch_subject,
)
from ledger.core.model import Batch, ChainInfo, ReasonClass, WordChange
from ledger.core.status import Status, word_changes
from ledger.ports import ChainSigner, Clock, Entropy, Store
from ledger.services.calls import publish_job, signed_struct
from ledger.services.issue import IssueService
from ledger.services.kill_points import Hooks, KillPoint, NoHooks

MAKEABLE = (BatchState.SIGNED, BatchState.MADE, BatchState.DEAD)
"""Where a maker may sign: first, again, and after its job gave up."""


@dataclass(frozen=True, slots=True)
class BatchDraft:
    """Exactly what one person is to sign over a batch.

    Attributes:
        found: the batch as it was; it must still be so when the signatures are stored.
        wanted: with maker, approver and deadline.
        changes: SUPERSEDED changes that follow it, signed one by one after it.
    """

    found: BatchRecord
    wanted: BatchRecord
    changes: tuple[PlannedChange, ...]


class ApproveService:
    """Makes, approves and refuses batches.

    Args:
        store: where batches lie.
        issue: closes the batch that a refused one's rows go into.
        info: chain and contract that signatures are for.
        clock, entropy: deadlines; nonces of status changes.
        hooks: told about kill points.
    """

    def __init__(
        self,
        store: Store,
        issue: IssueService,
        info: ChainInfo,
        clock: Clock,
        entropy: Entropy,
        hooks: Hooks | None = None,
    ) -> None:
        self._store = store
        self._issue = issue
        self._domain: Domain = ledger_domain(info.chain_id, info.ledger, info.ledger_id)
        self._clock = clock
        self._entropy = entropy
        self._hooks = hooks or NoHooks()

    def batch(self, batch_id: int) -> BatchRecord:
        """Raises NotFoundError(BATCH_UNKNOWN)."""
        return self._store.batches.batch(batch_id)

    def batches(
        self, issuer: str | None = None, states: Sequence[BatchState] = ()
    ) -> tuple[BatchRecord, ...]:
        """Oldest first; no states: all."""
        return self._store.batches.batches(issuer, states)

    def samples(self, batch_id: int, count: int) -> Sequence[Leaf]:
        """The first rows of a batch, still sealed, for the approver to look at."""
        return self._store.signing.sealed_rows(batch_id, 0, count)

    def digest(self, batch: BatchRecord) -> bytes:
        """What maker and approver sign, 32 bytes: the EIP-712 digest of the made batch."""
        return batch_digest(self._domain, signed_struct(batch))

    def make(
        self, batch_id: int, maker: ChainSigner, approver_id: bytes, deadline: int | None = None
    ) -> BatchRecord:
        """The maker's signature with a key at hand; the batch then waits for this approver.

        Args: as plan_make.
        Raises: as plan_make.
        """
        draft = self.plan_make(batch_id, maker.signer_id, approver_id, deadline)
        return self.finish_make(draft, [_sign(maker, digest) for digest in self.digests(draft)])

    def plan_make(
        self, batch_id: int, maker_id: bytes, approver_id: bytes, deadline: int | None = None
    ) -> BatchDraft:
        """What the maker is to sign. Changes nothing but the nonces that it draws.

        Args:
            batch_id: a signed batch, or one to be made anew.
            maker_id: 32-byte signer id of who will sign.
            approver_id: 32-byte signer id of the person who shall approve.
            deadline: until when the approval may reach the chain; default 7 days, never after the
                end of the iat day + 7.

        Raises:
            RefusedError: SAME_SIGNER, DEADLINE_TOO_LATE.
            ConflictError: BATCH_TOO_OLD (ask_again makes a new batch of its rows), BATCH_STATE.
        """
        if maker_id == approver_id:
            raise RefusedError("SAME_SIGNER", "Maker and approver must be two people with two keys.")
        batch = self._store.batches.batch(batch_id)
        if batch.state not in MAKEABLE:
            raise ConflictError(
                "BATCH_STATE",
                f"Batch {batch_id} is {batch.state}; it cannot be signed by its maker now.",
                batch=batch_id,
                state=str(batch.state),
            )
        now = self._clock.now()
        if now >= batch.expires_on:
            raise ConflictError(
                "BATCH_TOO_OLD",
                f"Batch {batch_id} was signed more than a week ago: ask again, its rows go into a new one.",
                batch=batch_id,
            )
        end = min(now + APPROVAL_DAYS * DAY_S, batch.expires_on) if deadline is None else deadline
        if end > batch.expires_on:
            raise RefusedError(
                "DEADLINE_TOO_LATE",
                f"The approval of batch {batch_id} ends at the latest with the iat day + 7.",
                latest=batch.expires_on,
            )
        wanted = replace(batch, maker=maker_id, approver=approver_id, deadline=end)
        return BatchDraft(batch, wanted, tuple(self._plan_changes(wanted)))

    def finish_make(self, draft: BatchDraft, signatures: Sequence[bytes]) -> BatchRecord:
        """Store the maker's signatures, one for each of `digests`, verified by the caller.

        Raises:
            ConflictError: BATCH_CHANGED when the batch is not as it was when the draft was made, BATCH_STATE.
        """
        first, *others = signatures
        changes = [
            replace(change, maker_signature=signature)
            for change, signature in zip(draft.changes, others, strict=True)
        ]
        self._hooks.reach(KillPoint.MAKER_SIGNED)
        made = self._store.approvals.make(draft.wanted, first, changes, expected=draft.found)
        self._hooks.reach(KillPoint.MAKER_STORED)
        return made

    def approve(self, batch_id: int, approver: ChainSigner) -> BatchRecord:
        """The approver's signature with a key at hand. Raises: as plan_approval."""
        draft = self.plan_approval(batch_id, approver.signer_id)
        return self.finish_approval(draft, [_sign(approver, digest) for digest in self.digests(draft)])

    def plan_approval(self, batch_id: int, approver_id: bytes) -> BatchDraft:
        """What the approver is to sign. Changes nothing.

        Raises:
            RefusedError: NOT_THE_APPROVER.
            ConflictError: APPROVAL_EXPIRED, BATCH_STATE.
        """
        batch = self._store.batches.batch(batch_id)
        if batch.state is not BatchState.MADE:
            raise ConflictError(
                "BATCH_STATE",
                f"Batch {batch_id} is {batch.state}; only a made batch can be approved.",
                batch=batch_id,
                state=str(batch.state),
            )
        if batch.approver != approver_id:
            raise RefusedError(
                "NOT_THE_APPROVER",
                f"The maker asked somebody else to approve batch {batch_id}.",
                batch=batch_id,
            )
        if self._clock.now() > batch.deadline:
            raise ConflictError(
                "APPROVAL_EXPIRED",
                f"The maker's signature of batch {batch_id} ran out: ask again.",
                batch=batch_id,
            )
        return BatchDraft(batch, batch, self._store.approvals.changes(batch_id))

    def finish_approval(self, draft: BatchDraft, signatures: Sequence[bytes]) -> BatchRecord:
        """Store the approver's signatures together with the job that carries the batch to the chain.

        Raises:
            ConflictError: BATCH_CHANGED, BATCH_STATE.
        """
        first, *others = signatures
        changes = [
            replace(change, approver_signature=signature)
            for change, signature in zip(draft.changes, others, strict=True)
        ]
        self._hooks.reach(KillPoint.APPROVER_SIGNED)
        # a new signature is a new job: the hash, since a passkey's begins with the public key each time
        subject = batch_subject(draft.wanted.id, "anchor", hashlib.sha256(first).hexdigest()[:32])
        job = NewJob(JobKind.ANCHOR, subject, {"batch": draft.wanted.id})
        approved = self._store.approvals.approve(draft.wanted, first, changes, job)
        self._hooks.reach(KillPoint.APPROVAL_STORED)
        return approved

    def structs(self, draft: BatchDraft) -> tuple[Batch | StatusChange, ...]:
        """What is signed, in order: the batch, then each change that follows it."""
        changes = (self._change_struct(draft.wanted, change) for change in draft.changes)
        return (signed_struct(draft.wanted), *changes)

    def digests(self, draft: BatchDraft) -> tuple[bytes, ...]:
        """EIP-712 digests of `structs`, 32 bytes each."""
        return (
            self.digest(draft.wanted),
            *(
                status_change_digest(self._domain, self._change_struct(draft.wanted, change))
                for change in draft.changes
            ),
        )

    @property
    def domain(self) -> Domain:
        """Where the signatures count."""
        return self._domain

    def reject(
        self,
        batch_id: int,
        reason: str,
        *,
        requeue: bool,
        without: Sequence[int] = (),
        by: bytes | None = None,
    ) -> int | None:
        """Refuse the whole batch: its range is never used again, its credentials are destroyed.

        Args:
            batch_id: not yet approved, or dead.
            reason: for people; no personal data.
            requeue: the rows go into a new batch, which is closed and signed anew.
            without: records that stay behind.
            by: signer id of the maker or approver who refuses it.
        Returns: the new batch's id.
        Raises: ConflictError(BATCH_STATE).
        """
        batch = self._store.batches.batch(batch_id)
        new_id = self._store.batches.refuse(batch_id, reason, requeue=requeue, without=without, by=by)
        self._store.outbox.enqueue(publish_job(batch.issuer, batch.list, f"refused-{batch_id}"))
        if new_id is not None:
            self._issue.close_batches([new_id])
        return new_id

    def ask_again(self, batch_id: int, maker: ChainSigner, approver_id: bytes) -> BatchRecord:
        """After APPROVAL_EXPIRED: a new maker's signature, or a new batch when the week is over.

        Returns: the batch that now waits: made, or (a new one) closed and about to be signed.
        """
        batch = self._store.batches.batch(batch_id)
        if self._clock.now() < batch.expires_on:
            return self.make(batch_id, maker, approver_id)
        new_id = self.reject(batch_id, "APPROVAL_EXPIRED", requeue=True, by=maker.signer_id)
        if new_id is None:
            raise RuntimeError("a batch without rows was closed")
        return self._store.batches.batch(new_id)

    def _plan_changes(self, batch: BatchRecord) -> list[PlannedChange]:
        """SUPERSEDED for every released credential that a row of this batch replaces, per old batch."""
        by_root: dict[bytes, list[Superseded]] = {}
        for old in self._store.approvals.superseded(batch.id):
            by_root.setdefault(old.root, []).append(old)
        return [
            PlannedChange(
                root=root,
                nonce=self._store.nonces.draw(batch.issuer, self._entropy),
                deadline=batch.deadline + APPROVAL_DAYS * DAY_S,
                changes=tuple(
                    (change.word, change.mask, change.value)
                    for change in word_changes((old.leaf_index for old in olds), Status.SUPERSEDED)
                ),
                maker_signature=b"",
            )
            for root, olds in by_root.items()
        ]

    def _change_struct(self, batch: BatchRecord, change: PlannedChange) -> StatusChange:
        if batch.maker is None or batch.approver is None:
            raise RuntimeError("a change is signed with its batch")
        return StatusChange(
            issuer=batch.issuer,
            root=change.root,
            changes_hash=planned_hash(change),
            reason_class=ReasonClass.ADMINISTRATIVE,
            by=batch.issuer,
            maker=batch.maker,
            approver=batch.approver,
            nonce=change.nonce,
            deadline=change.deadline,
        )


def planned_hash(change: PlannedChange) -> bytes:
    """keccak256(abi.encode(changes)) of a planned change."""
    return changes_hash([WordChange(word, mask, value) for word, mask, value in change.changes])


def _sign(signer: ChainSigner, digest: bytes) -> bytes:
    return ecdsa_signature(signer.sign_digest(digest))
