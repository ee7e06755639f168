"""Anchors a second: batches of 1, 10 and 50 agencies, on the embedded chain and on a node (anvil).

Each batch is signed by its maker and its approver beforehand and carried by its agency's own operator, as
the worker does. Counted is from the first hand-over until every anchor is final; the embedded chain is
durable (synchronous=FULL), the node seals as often as something waits. Wall time: on a busy machine less.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from ledger.adapters.abi import batch_tuple, issuer_id, keccak256
from ledger.adapters.carrier import DirectCarrier, SealingChain
from ledger.adapters.chain_embedded.chain import EmbeddedChain
from ledger.adapters.chain_embedded.deploy import deploy_contracts
from ledger.adapters.chain_rpc.chain import RpcChain
from ledger.adapters.chain_rpc.deploy import deploy_contracts as deploy_on_node
from ledger.adapters.chain_rpc.deploy import planned_place
from ledger.adapters.chain_rpc.finality import Finality
from ledger.adapters.chain_rpc.node import Node
from ledger.adapters.chain_rpc.nodes import Nodes
from ledger.adapters.founding import Founding
from ledger.adapters.signer_memory import MemoryChainSigner
from ledger.adapters.system import ManualClock, SystemClock, SystemEntropy
from ledger.core import eip712
from ledger.core.model import Batch, Role
from ledger.ports import ContractCall
from ledger.services.registry import FOREVER, Act, Registry, TypeToRegister
from scripts.benchmarks.measure import Figure
from tests import needs
from tests.anvil import CHAIN_ID, running

AGENCIES = (1, 10, 50)
BATCHES = 100
PER_BLOCK = 50
GOAL_EMBEDDED = 5.0
GOAL_NODE = 5.0
ROOT = "99990000XXXX00010P"
_DAY_S = 86_400
_AT_ONCE = False  # credentials are VALID from the start, not PENDING
_SLACK_S = 500  # blocks made faster than one a second run ahead of the clock


@dataclass(frozen=True)
class Office:
    """One agency's keys."""

    uscc: str
    operator: MemoryChainSigner
    maker: MemoryChainSigner
    approver: MemoryChainSigner


class Site:
    """A ledger with so many agencies, whatever chain it is on.

    Args:
        chain: with the contracts.
        admins: of the root, and of every agency below it.
        now: the chain's time.
        seal: makes a block.
        pause: waits for one.
    """

    def __init__(
        self,
        chain: SealingChain,
        founders: tuple[MemoryChainSigner, ...],
        now: Callable[[], int],
        seal: Callable[[], object],
        pause: Callable[[float], None],
    ) -> None:
        self.chain = chain
        self.seal = seal
        self._now = now
        self._governance, *admins = founders
        self._admins = (admins[0], admins[1])
        self._registry = Registry(chain, DirectCarrier(chain, pause, look_every_s=0.01))
        self._number = 0
        kind = TypeToRegister("1110000000000000000AA", 1, keccak256(b"type"), single_use=False)
        self._registry.register_types([kind], self._governance)
        self._registry.open_ledger(self._governance)
        self._registry.carry_out([self._grant(ROOT)], *self._admins)
        self.offices: list[Office] = []

    def _grant(self, uscc: str) -> Act:
        return Act("grantType", (issuer_id(ROOT), issuer_id(uscc), 1, 0, FOREVER))

    def grow(self, count: int) -> None:
        """As many agencies below the root as asked for, able to anchor."""
        while len(self.offices) < count:
            made = [MemoryChainSigner.generate() for _ in range(3)]
            office = Office(f"99990100XX{len(self.offices):08d}", *made)
            uscc = issuer_id(office.uscc)
            admins = tuple(one.signer_id for one in self._admins)
            acts = [
                Act("admitIssuer", (issuer_id(ROOT), uscc, *admins, bytes(32))),
                self._grant(office.uscc),
                Act("registerKey", (uscc, uscc, keccak256(office.uscc.encode()), 1, 0, FOREVER)),
            ]
            for role, who in zip((Role.OPERATOR, Role.MAKER, Role.APPROVER), made, strict=True):
                acts.append(Act("setRole", (uscc, uscc, who.signer_id, int(role), 0, 0, FOREVER - 1)))
            self._registry.carry_out(acts, *self._admins)
            self.offices.append(office)

    def prepare(self, count: int, agencies: int) -> list[tuple[bytes, bytes]]:
        """(hash, raw) of so many anchors, agency after agency in turns."""
        info = self.chain.info()
        domain = eip712.ledger_domain(info.chain_id, info.ledger, info.ledger_id)
        offices = self.offices[:agencies]
        nonces = {one.uscc: self.chain.next_nonce(one.operator.address) for one in offices}
        made = []
        for index in range(count):
            office = offices[index % agencies]
            self._number += 1
            batch = Batch(
                office.uscc, 1, 1, keccak256(b"root %d" % self._number), 100, 1, 2 * self._number, _AT_ONCE,
                office.maker.signer_id, office.approver.signer_id, self._now() + _DAY_S,
            )  # fmt: skip
            digest = eip712.batch_digest(domain, batch)
            signatures = [
                eip712.ecdsa_signature(who.sign_digest(digest)) for who in (office.maker, office.approver)
            ]
            call = ContractCall("ledger", "anchor", (batch_tuple(batch), (*signatures, bytes(32))))
            sent = self.chain.prepare(call, office.operator, nonces[office.uscc])
            nonces[office.uscc] += 1
            made.append((sent.hash, sent.raw))
        return made

    def anchor(self, prepared: Sequence[tuple[bytes, bytes]]) -> float:
        """Seconds until all are final."""
        start = time.perf_counter()
        for first in range(0, len(prepared), PER_BLOCK):
            for _, raw in prepared[first : first + PER_BLOCK]:
                self.chain.send(raw)
            self.seal()
        for sent, _ in prepared:
            while self.chain.outcome(sent).state != "final":
                self.seal()
        return time.perf_counter() - start


def _founders() -> tuple[MemoryChainSigner, ...]:
    return tuple(MemoryChainSigner.generate() for _ in range(3))


def _founding(founders: Sequence[MemoryChainSigner]) -> Founding:
    governance, admin1, admin2 = founders
    return Founding(governance.address, ROOT, admin1.signer_id, admin2.signer_id, bytes(32))


def _embedded(stack: ExitStack) -> Site:
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
    clock = ManualClock(int(time.time()))
    chain = EmbeddedChain.create(folder / "chain.db", clock, SystemEntropy())
    stack.callback(chain.close)
    founders = _founders()

    def seal() -> None:
        clock.advance(1)
        chain.seal()

    def pause(_seconds: float) -> None:
        clock.advance(1)

    deploy_contracts(chain, founders[0], _founding(founders), lambda: clock.advance(1))
    return Site(chain, founders, clock.now, seal, pause)


def _on_node(stack: ExitStack) -> Site:
    anvil = stack.enter_context(running(int(time.time()) - _SLACK_S))
    clock = SystemClock()
    founders = _founders()
    place = planned_place(CHAIN_ID, keccak256(b"benchmark"), founders[0].address, 0, 0)
    nodes = Nodes([Node(anvil.url)], clock, chain_id=CHAIN_ID)
    chain = RpcChain(nodes, place, Finality("immediate"), clock)
    stack.callback(chain.close)
    with anvil.mining():
        deploy_on_node(chain, clock, founders[0], _founding(founders))

    def seal() -> None:
        if anvil.waiting():
            anvil.mine()

    def pause(_seconds: float) -> None:
        seal()

    return Site(chain, founders, clock.now, seal, pause)


def run(rounds: int) -> list[Figure]:
    """One figure for each chain and number of agencies."""
    found = []
    with ExitStack() as stack:
        sites = [("embedded chain", _embedded(stack), GOAL_EMBEDDED)]
        if needs.anvil_path() is not None:
            sites.append(("node (anvil)", _on_node(stack), GOAL_NODE))
        for name, site, goal in sites:
            for agencies in AGENCIES:
                site.grow(agencies)
                rates = [BATCHES / site.anchor(site.prepare(BATCHES, agencies)) for _ in range(rounds)]
                word = "agency" if agencies == 1 else "agencies"
                value = statistics.median(rates)
                found.append(
                    Figure(
                        f"anchors, {name}, {agencies} {word}", "", value, "/s", ">=", goal,
                        min(rates), max(rates), value, None, "/s",
                    )
                )  # fmt: skip
    return found
