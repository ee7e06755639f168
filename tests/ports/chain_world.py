"""A small world for tests of the chain and its views: signers, and acts as one-line calls.

Works through the Chain port alone (plus `seal`), so that the same story runs on every implementation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any, Protocol

from coincurve import PrivateKey

from ledger.adapters.abi import batch_tuple, issuer_id, keccak256, word_change_tuples
from ledger.adapters.chain_embedded.chain import EmbeddedChain
from ledger.adapters.chain_embedded.deploy import deploy_contracts
from ledger.adapters.chain_embedded.store import MEMORY, ChainStore
from ledger.adapters.chain_rpc.chain import RpcChain
from ledger.adapters.chain_rpc.deploy import planned_place, send_contract
from ledger.adapters.chain_rpc.finality import Finality
from ledger.adapters.chain_rpc.node import Node
from ledger.adapters.chain_rpc.nodes import Nodes
from ledger.adapters.founding import Founding
from ledger.adapters.system import ManualClock, SeededEntropy
from ledger.core import eip712
from ledger.core.model import Batch, BlockRef, LedgerEvent, WordChange
from ledger.ports import Chain, ContractCall, ContractName, TransactionOutcome
from tests.anvil import CHAIN_ID, Anvil

ROOT = "99100000MB0000001A"
CHILD = "99110000MB0000002B"
GRANDCHILD = "99110100MB0000003C"
NOBODY = bytes(32)
START = 1_795_000_000
FAR = START + 10 * 365 * 86_400
NO_APPROVALS = (b"", b"", bytes(32))


class Sealing(Chain, Protocol):
    """A chain whose blocks the test makes."""

    def seal(self) -> BlockRef | None: ...


class Signer:
    """A secp256k1 key from a small number (port ChainSigner)."""

    def __init__(self, number: int) -> None:
        self._key = PrivateKey(keccak256(b"test signer %d" % number))
        public = self._key.public_key.format(compressed=False)[1:]
        self.address = keccak256(public)[12:]
        self.signer_id = bytes(12) + self.address

    def sign_digest(self, digest: bytes) -> bytes:
        signature = self._key.sign_recoverable(digest, hasher=None)
        return signature[:64] + bytes([signature[64] + 27])


@cache
def signer(number: int) -> Signer:
    return Signer(number)


GOVERNANCE, DEPLOYER = signer(1), signer(2)


@dataclass(frozen=True)
class Crew:
    """The people of one issuer."""

    admin1: Signer
    admin2: Signer
    operator: Signer
    maker: Signer
    approver: Signer
    redeemer: Signer


def crew(issuer: str) -> Crew:
    base = {ROOT: 100, CHILD: 200, GRANDCHILD: 300}[issuer]
    return Crew(*(signer(base + index) for index in range(6)))


def founding() -> Founding:
    people = crew(ROOT)
    return Founding(
        governance=GOVERNANCE.address,
        root_issuer=ROOT,
        admin1=people.admin1.signer_id,
        admin2=people.admin2.signer_id,
        directory_hash=keccak256(b"root directory"),
    )


@cache
def _deployed(seed: int) -> bytes:
    """A chain file with both contracts, made once per test process."""
    clock = ManualClock(START)
    chain = EmbeddedChain.create(MEMORY, clock, SeededEntropy(seed))
    deploy_contracts(chain, DEPLOYER, founding(), lambda: clock.advance(1))
    content = chain.store._db.serialize()
    chain.close()
    return content


def embedded(path: Path | str = MEMORY, seed: int = 1) -> tuple[EmbeddedChain, ManualClock]:
    """A fresh embedded chain with both contracts."""
    clock = ManualClock(START)
    content = _deployed(seed)
    clock.advance(10)
    if isinstance(path, Path):
        path.write_bytes(content)
        return EmbeddedChain.open(path, clock), clock
    store = ChainStore(MEMORY)
    store._db.deserialize(content)
    return EmbeddedChain(store, clock, None, accept_clock=True, artifacts=None), clock


class PatientClock(ManualClock):
    """Waiting moves it."""

    def sleep(self, seconds: float) -> None:
        del seconds  # pauses between two questions are no story time


class AnvilChain(RpcChain):
    """Contracts on a node of its own; a block is made when the test says so."""

    anvil: Anvil

    def seal(self) -> BlockRef | None:
        if not self.anvil.waiting():
            return None
        self.anvil.mine(self._clock.now())
        return self.head()


class AnvilWorlds:
    """One node for all tests of a process: contracts are deployed once, each test begins there.

    Args:
        prepare: what else happens before every test.
    """

    def __init__(self, prepare: Callable[[World], object] = lambda _world: None) -> None:
        self.anvil = Anvil(START)
        clock = PatientClock(START)
        nonce = 0
        self.place = planned_place(CHAIN_ID, keccak256(b"anvil ledger"), DEPLOYER.address, nonce, 1)
        chain = self._chain(clock)
        for name in ("registry", "ledger"):
            send_contract(chain, name, DEPLOYER, founding())
            clock.advance(1)
            chain.seal()
        prepare(World(chain, clock))
        self._start = clock.now()
        self._snapshot = self.anvil.rpc("evm_snapshot")

    def _chain(self, clock: PatientClock) -> AnvilChain:
        nodes = Nodes([Node(self.anvil.url)], clock, chain_id=CHAIN_ID)
        chain = AnvilChain(nodes, self.place, Finality("immediate"), clock)
        chain.anvil = self.anvil
        return chain

    @contextmanager
    def restarting(self) -> Iterator[None]:
        """The node is killed; afterwards it starts again with the blocks that it had."""
        state = self.anvil.rpc("anvil_dumpState", True)
        self.anvil.kill()
        yield
        self.anvil.__init__(START, port=self.anvil.port)  # type: ignore[misc]  the same node, a new process
        assert self.anvil.rpc("anvil_loadState", state)
        self._snapshot = self.anvil.rpc("evm_snapshot")

    def fresh(self) -> tuple[AnvilChain, PatientClock]:
        """As after deployment."""
        assert self.anvil.rpc("evm_revert", self._snapshot)
        self.anvil.rpc("anvil_dropAllTransactions")
        self.anvil.rpc("anvil_setNextBlockBaseFeePerGas", "0x0")  # reverting does not take a price back
        self._snapshot = self.anvil.rpc("evm_snapshot")
        clock = PatientClock(self._start)
        clock.advance(10)
        return self._chain(clock), clock


@dataclass
class World:
    """Acts on one chain. Each act is one sealed block unless said otherwise."""

    chain: Sealing
    clock: ManualClock
    nonces: dict[bytes, int] = field(default_factory=dict)
    spent: int = 0

    @property
    def now(self) -> int:
        return self.clock.now()

    # transactions

    def submit(self, contract: ContractName, function: str, args: Sequence[Any], by: Signer) -> bytes:
        """Send without sealing; returns the transaction hash."""
        nonce = self.nonces.get(by.address, self.chain.next_nonce(by.address))
        prepared = self.chain.prepare(ContractCall(contract, function, tuple(args)), by, nonce)
        self.chain.send(prepared.raw)
        self.nonces[by.address] = nonce + 1
        return prepared.hash

    def seal(self) -> BlockRef | None:
        self.clock.advance(1)
        return self.chain.seal()

    def try_(
        self, contract: ContractName, function: str, args: Sequence[Any], by: Signer
    ) -> TransactionOutcome:
        """Send, seal, tell what became of it."""
        transaction = self.submit(contract, function, args, by)
        self.seal()
        return self.chain.outcome(transaction)

    def do(self, contract: ContractName, function: str, args: Sequence[Any], by: Signer) -> BlockRef:
        """As try_, and it must work."""
        outcome = self.try_(contract, function, args, by)
        assert outcome.state == "final", outcome
        assert outcome.block is not None
        return outcome.block

    def events(self, block: BlockRef) -> list[LedgerEvent]:
        return list(self.chain.events(block.number, block.number))

    # governance

    def act(self, function: str, by: str, *args: Any, accept: bool = True) -> TransactionOutcome:
        """Proposed by the first admin of `by`, accepted by the second."""
        people = crew(by)
        act = self.chain.encode(ContractCall("registry", function, (issuer_id(by), *args)))
        auth = (people.admin1.signer_id, 0, 0, b"")
        block = self.do("registry", "propose", (issuer_id(by), act, auth), people.admin1)
        (proposed,) = [e for e in self.events(block) if e.name == "ActProposed"]
        if not accept:
            return TransactionOutcome("final", block)
        second = (people.admin2.signer_id, 0, 0, b"")
        return self.try_("registry", "accept", (proposed.args["proposalId"], act, second), people.admin2)

    def must(self, function: str, by: str, *args: Any) -> BlockRef:
        outcome = self.act(function, by, *args)
        assert outcome.state == "final", outcome
        assert outcome.block is not None
        return outcome.block

    def register_type(self, number: int = 1, *, single_use: bool = False) -> None:
        code = (b"1110000000000000000%02d" % number)[:21]
        args = (code, 1, keccak256(b"type %d" % number), single_use)
        self.do("registry", "registerType", args, GOVERNANCE)

    def admit(self, issuer: str, parent: str) -> None:
        people = crew(issuer)
        self.must(
            "admitIssuer", parent, issuer_id(issuer), people.admin1.signer_id,
            people.admin2.signer_id, keccak256(issuer.encode()),
        )  # fmt: skip

    def staff(self, issuer: str) -> None:
        """Operator, maker and approver."""
        people = crew(issuer)
        for role, person in ((2, people.operator), (3, people.maker), (4, people.approver)):
            self.must("setRole", issuer, issuer_id(issuer), person.signer_id, role, 0, START, FAR)

    def found(self, *issuers: str, types: Sequence[int] = (1,), single_use: bool = False) -> World:
        """Open ledger, types, and these issuers (each below the one before) able to anchor."""
        for number in types:
            self.register_type(number, single_use=single_use)
        self.do("ledger", "open", (), GOVERNANCE)
        above = ROOT
        for issuer in issuers or (ROOT,):
            if issuer != ROOT:
                self.admit(issuer, above)
            for number in types:
                self.must("grantType", above, issuer_id(issuer), number, START, FAR)
            self.staff(issuer)
            thumbprint = keccak256(issuer.encode() + b" key")
            self.must("registerKey", issuer, issuer_id(issuer), thumbprint, 1, START, FAR)
            above = issuer
        return self

    # batches

    def batch(self, issuer: str = ROOT, number: int = 1, **changes: Any) -> Batch:
        people = crew(issuer)
        plain = Batch(
            issuer=issuer,
            type_id=1,
            key=1,
            root=keccak256(b"root %d" % number),
            size=100,
            list=0,
            first_word=2 * number,
            pending=False,
            maker=people.maker.signer_id,
            approver=people.approver.signer_id,
            deadline=self.now + 86_400,
        )
        return replace(plain, **changes)

    def ledger_domain(self) -> eip712.Domain:
        info = self.chain.info()
        return eip712.ledger_domain(info.chain_id, info.ledger, info.ledger_id)

    def signed(self, digest: bytes, issuer: str) -> tuple[bytes, bytes, bytes]:
        """`Approvals` of both people."""
        people = crew(issuer)
        return (
            eip712.ecdsa_signature(people.maker.sign_digest(digest)),
            eip712.ecdsa_signature(people.approver.sign_digest(digest)),
            bytes(32),
        )

    def anchor_args(self, batch: Batch) -> tuple[Any, ...]:
        digest = eip712.batch_digest(self.ledger_domain(), batch)
        return batch_tuple(batch), self.signed(digest, batch.issuer)

    def try_anchor(self, batch: Batch) -> TransactionOutcome:
        return self.try_("ledger", "anchor", self.anchor_args(batch), crew(batch.issuer).operator)

    def anchor(self, batch: Batch) -> Batch:
        outcome = self.try_anchor(batch)
        assert outcome.state == "final", outcome
        return batch

    def try_change(
        self,
        issuer: str,
        root: bytes,
        changes: Sequence[WordChange],
        *,
        by: str | None = None,
        reason: int = 2,
    ) -> TransactionOutcome:
        acting = by or issuer
        people = crew(acting)
        self.spent += 1
        change = eip712.StatusChange(
            issuer=issuer,
            root=root,
            changes_hash=eip712.changes_hash(changes),
            reason_class=reason,
            by=acting,
            maker=people.maker.signer_id,
            approver=people.approver.signer_id,
            nonce=self.spent,
            deadline=self.now + 3600,
        )
        digest = eip712.status_change_digest(self.ledger_domain(), change)
        struct = (
            issuer_id(issuer), root, change.changes_hash, reason, issuer_id(acting), change.maker,
            change.approver, change.nonce, change.deadline,
        )  # fmt: skip
        args = (struct, word_change_tuples(changes), self.signed(digest, acting))
        return self.try_("ledger", "changeStatus", args, people.operator)

    def try_suspend(self, issuer: str, root: bytes, changes: Sequence[WordChange]) -> TransactionOutcome:
        args = (issuer_id(issuer), root, issuer_id(issuer), 4, word_change_tuples(changes))
        return self.try_("ledger", "suspend", args, crew(issuer).operator)

    def try_withdraw(self, issuer: str, root: bytes, reason: int = 2) -> TransactionOutcome:
        people = crew(issuer)
        withdrawal = eip712.BatchWithdrawal(
            issuer=issuer,
            root=root,
            reason_class=reason,
            by=issuer,
            maker=people.maker.signer_id,
            approver=people.approver.signer_id,
            deadline=self.now + 3600,
        )
        maker, approver, _ = self.signed(eip712.withdrawal_digest(self.ledger_domain(), withdrawal), issuer)
        struct = (
            issuer_id(issuer), root, reason, issuer_id(issuer), withdrawal.maker,
            withdrawal.approver, withdrawal.deadline,
        )  # fmt: skip
        return self.try_("ledger", "withdrawBatch", (struct, maker, approver), people.operator)

    def read(self, contract: ContractName, function: str, *args: Any) -> Any:
        return self.chain.read(ContractCall(contract, function, args))


def lane(leaf: int, status: int) -> WordChange:
    """Change one leaf's status."""
    shift = 4 * (leaf % 64)
    return WordChange(leaf // 64, 15 << shift, status << shift)
