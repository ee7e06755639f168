"""Carrying to a chain that misbehaves: lost, refused, taken, done by somebody else; exactly once anyway."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from ledger.adapters.signer_memory import MemoryChainSigner
from ledger.adapters.store_memory import MemoryStore
from ledger.adapters.system import ManualClock
from ledger.core.errors import InputError, RefusedError
from ledger.core.flow import BatchRecord, BatchState, JobKind, TransactionState
from ledger.core.model import BlockRef
from ledger.ports import ChainSigner, ContractCall, PreparedTransaction, TransactionOutcome
from ledger.services.anchor import AnchorService
from ledger.services.calls import enqueue_call
from tests.flow_world import ISSUER, START, chain_signer
from tests.ports.test_store import approved_batch, claim

BLOCK = BlockRef(9, b"b" * 32, START + 5)
CALL = ContractCall("ledger", "isOpen", ())


@dataclass
class ScriptedChain:
    """A chain whose answers the test chooses; it remembers what it was sent."""

    nonce: int = 0
    answers: dict[bytes, TransactionOutcome] = field(default_factory=dict)
    refuses: InputError | None = None
    anchor: tuple[Any, ...] | None = None
    sent: list[bytes] = field(default_factory=list)
    on_send: Callable[[bytes], None] = lambda _raw: None

    def next_nonce(self, _address: bytes) -> int:
        return self.nonce

    def prepare(self, call: ContractCall, signer: ChainSigner, nonce: int) -> PreparedTransaction:
        raw = f"{call.function} {nonce}".encode()
        return PreparedTransaction(raw.ljust(32, b"."), raw, signer.address, nonce)

    def send(self, raw: bytes) -> None:
        if self.refuses is not None:
            raise self.refuses
        self.sent.append(raw)
        self.on_send(raw)

    def outcome(self, transaction_hash: bytes) -> TransactionOutcome:
        return self.answers.get(transaction_hash, TransactionOutcome("unknown"))

    def read(self, _call: ContractCall) -> tuple[Any, ...]:
        if self.anchor is None:
            raise RefusedError("LedgerNotAnchored", "no")
        return self.anchor


class OneAnchorView:
    """A view that shows one anchor, or none."""

    def __init__(self) -> None:
        self.anchor: Any = None

    def evidence(self, *_: object, **__: object) -> Any:
        return self


@dataclass
class SeenAnchor:
    block: BlockRef
    tx_hash: bytes


class Operators:
    def operator(self, _issuer: str) -> MemoryChainSigner:
        return chain_signer("operator")


@dataclass
class Bench:
    clock: ManualClock = field(default_factory=lambda: ManualClock(START))
    chain: ScriptedChain = field(default_factory=ScriptedChain)
    view: OneAnchorView = field(default_factory=OneAnchorView)

    def __post_init__(self) -> None:
        self.store = MemoryStore(self.clock)
        self.service = AnchorService(self.store, self.chain, self.view, Operators(), self.clock)  # type: ignore[arg-type]

    def look(self, kind: JobKind = JobKind.ANCHOR) -> None:
        self.clock.advance(2)
        lease = claim(self.store, kind)
        (self.service.anchor if kind is JobKind.ANCHOR else self.service.call)(lease)

    def answer(
        self, state: str, error: tuple[str, tuple[Any, ...]] | None = None, raw: bytes = b"anchor 0"
    ) -> None:
        block = BLOCK if state in ("final", "reverted") else None
        self.chain.answers[raw.ljust(32, b".")] = TransactionOutcome(state, block, error)  # type: ignore[arg-type]

    def is_on_chain(self, batch: BatchRecord, **changed: int) -> None:
        facts = {
            "type": batch.type_id,
            "key": batch.key,
            "size": batch.size,
            "list": batch.list,
            "word": batch.first_word,
        }
        facts.update(changed)
        self.chain.anchor = (
            facts["type"], facts["key"], facts["size"], START, facts["list"], facts["word"], 0,
        )  # fmt: skip


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_a_lost_transaction_is_sent_again_and_no_second_one_is_made(bench: Bench):
    approved_batch(bench.store)
    for _ in range(3):
        bench.look()
    assert bench.chain.sent == [b"anchor 0"] * 3


def test_a_pending_transaction_is_left_alone(bench: Bench):
    approved_batch(bench.store)
    bench.look()
    bench.answer("pending")
    bench.look()
    assert bench.chain.sent == [b"anchor 0"]


def test_a_final_transaction_anchors_the_batch(bench: Bench):
    batch = approved_batch(bench.store)
    bench.look()
    bench.answer("final")
    bench.is_on_chain(batch)
    bench.look()
    done = bench.store.batches.batch(batch.id)
    assert (done.state, done.block, done.tx_hash) == (BatchState.ANCHORED, BLOCK, b"anchor 0".ljust(32, b"."))
    assert [job.kind for job in bench.store.outbox.jobs()] == [JobKind.RELEASE]


def test_an_anchor_that_somebody_else_sent_is_taken_as_ours(bench: Bench):
    batch = approved_batch(bench.store)
    bench.is_on_chain(batch)
    bench.look()
    assert bench.store.batches.batch(batch.id).state is BatchState.APPROVED  # the view has not seen it yet
    bench.view.anchor = SeenAnchor(BLOCK, b"t" * 32)
    bench.look()
    done = bench.store.batches.batch(batch.id)
    assert (done.state, done.tx_hash) == (BatchState.ANCHORED, b"t" * 32)
    assert bench.chain.sent == []


@pytest.mark.parametrize("fact", ["type", "key", "size", "list", "word"])
def test_a_root_anchored_as_something_else_is_never_ours(bench: Bench, fact: str):
    batch = approved_batch(bench.store)
    bench.is_on_chain(batch, **{fact: 77})
    bench.look()
    (letter,) = bench.store.outbox.jobs(dead=True)
    assert letter.code == "ROOT_TAKEN"
    assert bench.store.batches.batch(batch.id).state is BatchState.DEAD
    assert bench.chain.sent == []


def test_a_revert_is_a_dead_letter_with_its_reason(bench: Bench):
    approved_batch(bench.store)
    bench.look()
    bench.answer("reverted", ("RegistryMissingRole", (b"i" * 18, b"s" * 32, 4)))
    bench.look()
    (letter,) = bench.store.outbox.jobs(dead=True)
    assert (letter.code, letter.detail["error"]) == ("TRANSACTION_REVERTED", "RegistryMissingRole")
    assert letter.detail["values"] == ["0x" + "69" * 18, "0x" + "73" * 32, 4]


def test_a_revived_job_signs_a_new_transaction(bench: Bench):
    approved_batch(bench.store)
    bench.look()
    bench.answer("reverted", ("RegistryMissingRole", ()))
    bench.look()
    bench.chain.nonce = 1
    (letter,) = bench.store.outbox.jobs(dead=True)
    bench.store.outbox.revive(letter.id)
    bench.look()
    assert bench.chain.sent == [b"anchor 0", b"anchor 1"]


def test_a_nonce_that_somebody_used_is_replaced(bench: Bench):
    approved_batch(bench.store)
    bench.chain.refuses = InputError("NONCE_TOO_LOW", "used")
    bench.look()
    bench.chain.refuses, bench.chain.nonce = None, 3
    bench.look()
    assert bench.chain.sent == [b"anchor 3"]
    assert bench.store.outbox.jobs(dead=True) == ()


def test_a_rejected_transaction_with_a_used_nonce_is_made_anew(bench: Bench):
    approved_batch(bench.store)
    bench.look()
    bench.answer("rejected", ("NONCE_TOO_LOW", (0, 1)))
    bench.look()
    bench.chain.nonce = 1
    bench.look()
    assert bench.chain.sent == [b"anchor 0", b"anchor 1"]


def test_a_transaction_that_can_never_run_leaves_no_gap(bench: Bench):
    approved_batch(bench.store)
    bench.chain.refuses = InputError("GAS_TOO_HIGH", "too much")
    bench.look()
    (letter,) = bench.store.outbox.jobs(dead=True)
    assert (letter.code, letter.detail["error"]) == ("TRANSACTION_REFUSED", "GAS_TOO_HIGH")
    bench.chain.refuses = None
    bench.look(JobKind.CALL)
    assert bench.chain.sent == [b"isOpen 0"]


def test_signatures_that_ran_out_are_not_sent(bench: Bench):
    batch = approved_batch(bench.store)
    bench.clock.set(batch.deadline + 1)
    bench.look()
    (letter,) = bench.store.outbox.jobs(dead=True)
    assert letter.code == "APPROVAL_EXPIRED"
    assert bench.chain.sent == []


def test_a_call_is_sent_once_and_sets_off_its_lists(bench: Bench):
    enqueue_call(bench.store, ISSUER, CALL, subject="one", publish=[1, 2])
    bench.look(JobKind.CALL)
    bench.answer("final", raw=b"isOpen 0")
    bench.look(JobKind.CALL)
    assert bench.chain.sent == [b"isOpen 0"]
    assert [(job.kind, job.payload["list"]) for job in bench.store.outbox.jobs()] == [
        (JobKind.PUBLISH, 1),
        (JobKind.PUBLISH, 2),
    ]
    assert enqueue_call(bench.store, ISSUER, CALL, subject="one") > 0
    assert bench.store.outbox.claim((JobKind.CALL,), "w", 30) is None


def test_two_jobs_of_one_operator_have_two_nonces(bench: Bench):
    enqueue_call(bench.store, ISSUER, CALL, subject="one")
    enqueue_call(bench.store, ISSUER, CALL, subject="two")
    for _ in range(2):
        bench.service.call(claim(bench.store, JobKind.CALL))
    assert bench.chain.sent == [b"isOpen 0", b"isOpen 1"]
    current = bench.store.transactions.current(bench.store.outbox.jobs()[1].id)
    assert current is not None
    assert current.state is TransactionState.PREPARED
