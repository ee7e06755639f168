"""Carries the outbox to the chain: each approved batch and each call exactly once.

A transaction is signed and recorded, then sent, as often as needed; until its fate is known no second
one is made for the same job. Before an anchor is sent (again) the chain is asked whether the root is
there already, and what it finds is compared with issuer, type, key, size and range. A dropped
transaction's nonce is used again; one that could hold up later nonces is replaced by an empty call.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ledger.core.errors import InputError, LedgerError, RefusedError, UnavailableError
from ledger.core.flow import (
    BatchRecord,
    BatchState,
    JobKind,
    Lease,
    NewJob,
    StoredTransaction,
    TransactionState,
    batch_subject,
)
from ledger.core.model import BlockRef
from ledger.core.restoring import RESTORED
from ledger.ports import (
    Agencies,
    Chain,
    ChainView,
    Clock,
    ContractCall,
    Store,
    TransactionOutcome,
)
from ledger.ports.witness import FinalityRule
from ledger.services.approve import planned_hash
from ledger.services.calls import anchor_call, call_job, change_call, parse_call, publish_job
from ledger.services.kill_points import Hooks, KillPoint, NoHooks

LOOK_AGAIN_S = 1  # blocks come at most once a second
WITNESSES_AGAIN_S = 10  # besides whenever one signs
_EXPIRED = ("LedgerExpired", "RegistryExpired")
_FOR_PEOPLE = ("TRANSACTION_REVERTED", "APPROVAL_EXPIRED")
"""A standing approval that was revoked, ended or used up meanwhile: maker and approver can sign themselves."""
_EMPTY_CALL = ContractCall("ledger", "isOpen", ())


class BuriedError(LedgerError):
    """This job can never succeed; its code and detail belong into the dead letter."""


class AnchorService:
    """Handles the jobs `anchor` and `call`; runs where transactions can be sent.

    Args:
        store: batches, outbox, transaction log.
        chain: where transactions go.
        view: where block and transaction of an anchor are found that somebody else sent.
        agencies: operators' keys.
        clock: deadlines.
        hooks: told about kill points.
        finality: which blocks are final; None: every block of the chain is.

    Attributes:
        resting: ids of jobs whose anchor is on chain and waits for witnesses, which nothing here can hasten.
    """

    def __init__(
        self,
        store: Store,
        chain: Chain,
        view: ChainView,
        agencies: Agencies,
        clock: Clock,
        hooks: Hooks | None = None,
        finality: FinalityRule | None = None,
    ) -> None:
        self._store = store
        self._chain = chain
        self._view = view
        self._agencies = agencies
        self._clock = clock
        self._hooks = hooks or NoHooks()
        self._finality = finality
        self.resting: set[int] = set()

    def anchor(self, lease: Lease) -> None:
        """One look at one approved batch: send, look after it, or note that it is final."""
        batch = self._store.batches.batch(lease.job.payload["batch"])
        if batch.state is not BatchState.APPROVED:
            self._store.outbox.finish(lease)
            return
        try:
            done = self._anchored_where(lease, batch)
        except BuriedError as buried:
            if batch.standing_id is not None and buried.code in _FOR_PEOPLE:
                reason = f"STANDING_REFUSED {buried.detail.get('error', '')}".strip()
                self._store.standing.give_back(lease, batch.id, reason)
            else:
                self._store.outbox.bury(lease, buried.code, buried.detail)
            return
        if done is None:
            self._wait(lease)
            return
        if not self._is_final(done[0]):
            self.resting.add(lease.job.id)
            self._store.outbox.retry(lease, self._clock.now() + WITNESSES_AGAIN_S, "")
            return
        self.resting.discard(lease.job.id)
        block, tx_hash = done
        self._hooks.reach(KillPoint.TRANSACTION_FINAL)
        self._take_up(batch)
        self._store.releases.anchored(lease, batch.id, block, tx_hash, self._following(batch))
        self._hooks.reach(KillPoint.ANCHOR_STORED)

    def _take_up(self, batch: BatchRecord) -> None:
        """Calls about this batch that were laid aside when a restored chain had lost its anchor."""
        for job in self._store.outbox.jobs(dead=True):
            if job.code == RESTORED and job.detail.get("batch") == batch.id:
                self._store.outbox.revive(job.id)

    def call(self, lease: Lease) -> None:
        """One look at one contract call."""
        payload = lease.job.payload
        try:
            outcome = self._carry(lease, payload["issuer"], parse_call(payload["call"]), payload["not_after"])
        except BuriedError as buried:
            self._store.outbox.bury(lease, buried.code, buried.detail)
            return
        if outcome is None or outcome.block is None:
            self._wait(lease)
            return
        self._hooks.reach(KillPoint.TRANSACTION_FINAL)
        follow = [
            publish_job(payload.get("lists_of", payload["issuer"]), number, f"call-{lease.job.id}")
            for number in payload["publish"]
        ]
        self._store.outbox.finish(lease, follow)

    def _following(self, batch: BatchRecord) -> list[NewJob]:
        """What an anchor sets off: the release, and the changes that were approved with it."""
        jobs = [NewJob(JobKind.RELEASE, batch_subject(batch.id, "release"), {"batch": batch.id})]
        for change in self._store.approvals.changes(batch.id):
            call = change_call(batch, change, planned_hash(change))
            subject = f"change:{batch.issuer}:{change.nonce:064x}"
            lists = sorted(
                {old.list for old in self._store.batches.batches(batch.issuer) if old.root == change.root}
            )
            jobs.append(
                call_job(batch.issuer, call, subject=subject, not_after=change.deadline, publish=lists)
            )
        return jobs

    def _is_final(self, block: BlockRef) -> bool:
        """Whether enough witnesses cover the block, so that what it holds may leave the house."""
        if self._finality is None:
            return True
        head = self._view.head()
        if head is None:
            return False
        if (
            head.block.number < block.number
        ):  # the view follows in a moment; the chain knows the block already
            head = replace(head, block=block)
        return block.number <= self._finality.height(head)

    def _anchored_where(self, lease: Lease, batch: BatchRecord) -> tuple[BlockRef, bytes] | None:
        """Block and transaction of the final anchor, None while there is none."""
        current = self._store.transactions.current(lease.job.id)
        if self._is_anchored(batch):
            outcome = None if current is None else self._chain.outcome(current.hash)
            if current is not None and outcome is not None and outcome.state == "final":
                self._store.transactions.settle(current, TransactionState.FINAL)
                if outcome.block is not None:
                    return outcome.block, current.hash
            return self._seen_by_view(batch)
        outcome = self._carry(lease, batch.issuer, anchor_call(batch), batch.deadline)
        if outcome is None or outcome.block is None:
            return None
        current = self._store.transactions.current(lease.job.id)
        if current is None or not self._is_anchored(batch):
            raise UnavailableError("CHAIN_UNAVAILABLE", "The chain does not show a final anchor.")
        return outcome.block, current.hash

    def _is_anchored(self, batch: BatchRecord) -> bool:
        """Whether the root is on chain as this very batch. Raises BuriedError(ROOT_TAKEN) if as another."""
        issuer = batch.issuer.encode("ascii")
        try:
            found = self._chain.read(ContractCall("ledger", "anchorOf", (issuer, batch.root)))
        except RefusedError as error:
            if error.code != "LedgerNotAnchored":
                raise
            return False
        type_id, key, size, _, number, first_word, withdrawn = found
        there = (type_id, key, size, number, first_word)
        if there != (batch.type_id, batch.key, batch.size, batch.list, batch.first_word):
            raise BuriedError(
                "ROOT_TAKEN",
                "This root is anchored with another type, key, size or range.",
                found=list(there),
                withdrawn=withdrawn,
            )
        return True

    def _seen_by_view(self, batch: BatchRecord) -> tuple[BlockRef, bytes] | None:
        if batch.root is None:
            raise RuntimeError("an approved batch has a root")
        evidence = self._view.evidence(batch.issuer, batch.root, None)
        if evidence is None or evidence.anchor is None:
            return None  # the view follows in a moment
        return evidence.anchor.block, evidence.anchor.tx_hash

    def _carry(
        self, lease: Lease, issuer: str, call: ContractCall, not_after: int
    ) -> TransactionOutcome | None:
        """The final outcome of the job's one transaction, None while it is on its way."""
        current = self._store.transactions.current(lease.job.id)
        if current is None or current.state is TransactionState.REVERTED:
            if not_after and self._clock.now() > not_after:
                raise BuriedError("APPROVAL_EXPIRED", "Signatures ran out before this was sent.")
            current = self._record(lease, issuer, call)
            self._hooks.reach(KillPoint.TRANSACTION_RECORDED)
        outcome = self._chain.outcome(current.hash)
        if outcome.state == "unknown":
            self._send(lease, issuer, current)
            return None
        if outcome.state == "pending":
            return None
        if outcome.state == "rejected":
            self._drop(lease, issuer, current, _name(outcome))
            return None
        if outcome.state == "reverted":
            self._store.transactions.settle(current, TransactionState.REVERTED)
            name = _name(outcome)
            code = "APPROVAL_EXPIRED" if name in _EXPIRED else "TRANSACTION_REVERTED"
            values = _plain(outcome.error[1]) if outcome.error else []
            raise BuriedError(code, "The contract refused this call.", error=name, values=values)
        self._store.transactions.settle(current, TransactionState.FINAL)
        return outcome

    def _record(self, lease: Lease, issuer: str, call: ContractCall) -> StoredTransaction:
        operator = self._agencies.operator(issuer)
        return self._store.transactions.record(
            lease,
            operator.address,
            self._chain.next_nonce(operator.address),
            lambda nonce: self._chain.prepare(call, operator, nonce),
        )

    def _send(self, lease: Lease, issuer: str, current: StoredTransaction) -> None:
        try:
            self._chain.send(current.raw)
        except InputError as error:
            self._drop(lease, issuer, current, error.code)
            return
        self._hooks.reach(KillPoint.TRANSACTION_SENT)

    def _drop(self, lease: Lease, issuer: str, current: StoredTransaction, reason: str) -> None:
        """Give up a transaction that can never be included; the job tries anew, or is buried."""
        self._store.transactions.settle(current, TransactionState.DROPPED)
        if reason == "NONCE_TOO_LOW":
            return  # somebody used the nonce: the next look signs on a fresh one
        if self._chain.next_nonce(current.sender) <= current.nonce:
            subject = f"fill:{current.sender.hex()}:{current.nonce}"
            if lease.job.subject != subject:
                self._store.outbox.enqueue(call_job(issuer, _EMPTY_CALL, subject=subject))
        raise BuriedError("TRANSACTION_REFUSED", "The chain never takes this transaction.", error=reason)

    def _wait(self, lease: Lease) -> None:
        self._store.outbox.retry(lease, self._clock.now() + LOOK_AGAIN_S, "")


def _name(outcome: TransactionOutcome) -> str:
    return outcome.error[0] if outcome.error else "UNKNOWN"


def _plain(values: Any) -> list[Any]:
    return ["0x" + value.hex() if isinstance(value, bytes) else value for value in values]
