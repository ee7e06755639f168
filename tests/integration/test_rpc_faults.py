"""Nodes that fail, lie, hide, forget: never a wrong answer, and after healing exactly one final anchor."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress

import pytest
from urllib3 import Timeout

from ledger.adapters.abi import issuer_id
from ledger.adapters.chain_rpc.chain import RpcChain
from ledger.adapters.chain_rpc.fees import Fees
from ledger.adapters.chain_rpc.finality import Finality, parse_finality
from ledger.adapters.chain_rpc.node import CONNECT_S, Node
from ledger.adapters.chain_rpc.nodes import Nodes, Patience
from ledger.adapters.chain_view_follow import Follower
from ledger.adapters.chain_view_memory import MemoryView
from ledger.core.errors import InputError, UnavailableError
from ledger.core.model import Batch, BlockRef
from ledger.ports import ContractCall, PreparedTransaction
from tests.anvil import CHAIN_ID
from tests.faulty_node import SILENT_FAULTS, SLOW_FAULTS, FaultyNode, proxies
from tests.ports.chain_world import ROOT, AnvilWorlds, PatientClock, World, crew

pytestmark = pytest.mark.needs("anvil")
PATIENT_S = 30.0  # nothing here waits so long: a busy machine is no fault of the node's
HASTY_S = 0.4  # where the fault is that no answer comes
IMPATIENT = Patience(rounds=2, first_pause_s=0)


@pytest.fixture(scope="module")
def worlds() -> Iterator[AnvilWorlds]:
    made = AnvilWorlds(prepare=lambda world: world.found(ROOT))
    yield made
    made.anvil.stop()


@pytest.fixture
def own_worlds() -> Iterator[AnvilWorlds]:
    """A node that this test may kill."""
    made = AnvilWorlds(prepare=lambda world: world.found(ROOT))
    yield made
    made.anvil.stop()


@pytest.fixture
def world(worlds: AnvilWorlds) -> Iterator[World]:
    """An open ledger with one agency on a node that is well."""
    chain, clock = worlds.fresh()
    yield World(chain, clock)
    chain.close()


class Rig:
    """The same chain seen through proxies."""

    def __init__(
        self,
        world: World,
        nodes: Sequence[FaultyNode],
        finality: str = "immediate",
        quorum: int | None = None,
        stuck_s: int = 120,
    ) -> None:
        self.world = world
        self.anvil = world.chain.anvil
        self.nodes = nodes
        self.clock: PatientClock = world.clock
        asked = Nodes(
            [Node(node.url, PATIENT_S) for node in nodes], self.clock, quorum, IMPATIENT, chain_id=CHAIN_ID
        )
        self.chain = RpcChain(asked, world.chain.place, parse_finality(finality), self.clock, stuck_s=stuck_s)

    @contextmanager
    def in_haste(self) -> Iterator[None]:
        """For as long as nothing but silence is expected."""
        for answer_s in (HASTY_S, PATIENT_S):
            for node in self.chain.nodes.all:
                node._answer_s = answer_s
                node._pool.timeout = Timeout(connect=CONNECT_S, read=answer_s)
            if answer_s == HASTY_S:
                yield

    def mine(self, count: int = 1) -> None:
        for _ in range(count):
            self.clock.advance(1)
            self.anvil.mine(self.clock.now())

    def tend(self) -> None:
        """What the worker does all the time; enough time passes for another try."""
        self.clock.advance(40)
        self.chain.step()

    def anchor(self, batch: Batch) -> PreparedTransaction:
        operator = crew(ROOT).operator
        call = ContractCall("ledger", "anchor", self.world.anchor_args(batch))
        return self.chain.prepare(call, operator, self.world.chain.next_nonce(operator.address))

    def anchors(self, batch: Batch) -> int:
        """How often the whole history says that this root was anchored."""
        events = self.world.chain.events(0, self.world.chain.head().number)
        return sum(event.name == "BatchAnchored" and event.args["root"] == batch.root for event in events)


@pytest.fixture
def rig(world: World) -> Iterator[Callable[..., Rig]]:
    """Makes a rig with so many nodes."""
    opened = []

    def make(count: int, **options: object) -> Rig:
        manager = proxies(world.chain.anvil.url, count)
        opened.append(manager)
        made = Rig(world, manager.__enter__(), **options)
        opened.append(made.chain)
        return made

    yield make
    for one in reversed(opened):
        if isinstance(one, RpcChain):
            one.close()
        else:
            one.__exit__(None, None, None)


def everything(chain: RpcChain, known: bytes) -> list[Callable[[], object]]:
    """Every question of the port."""
    return [
        chain.head,
        lambda: chain.block(3),
        lambda: chain.next_nonce(crew(ROOT).operator.address),
        lambda: chain.read(ContractCall("ledger", "isOpen", ())),
        lambda: list(chain.events(0, 1_000)),
        lambda: chain.outcome(known),
        lambda: chain.outcome(bytes(32)),
    ]


def anchored(world: World, number: int = 1) -> tuple[Batch, bytes]:
    batch = world.batch(ROOT, number)
    sent = world.submit("ledger", "anchor", world.anchor_args(batch), crew(ROOT).operator)
    world.seal()
    return batch, sent


@pytest.mark.parametrize("fault", SILENT_FAULTS)
def test_one_node_that_fails_is_an_outage_and_nothing_else(world, rig, fault: str) -> None:
    _, sent = anchored(world)
    truth = [ask() for ask in everything(world.chain, sent)]
    made = rig(1)
    if fault != "other chain":
        assert [ask() for ask in everything(made.chain, sent)] == truth
    made.nodes[0].fail(fault)
    questions = everything(made.chain, sent)
    with made.in_haste() if fault in SLOW_FAULTS else nullcontext():
        for ask in questions[:2] if fault in SLOW_FAULTS else questions:
            with pytest.raises(UnavailableError) as caught:
                ask()
            assert caught.value.code == "CHAIN_UNAVAILABLE"
    made.nodes[0].fail(None)
    assert [ask() for ask in everything(made.chain, sent)] == truth


def test_a_refused_connection_is_tried_again_after_a_pause(world, rig) -> None:
    """A node that starts again: nobody notices."""
    made = rig(1)
    made.nodes[0].fail("refuse")
    pauses: list[float] = []

    def sleep(seconds: float) -> None:
        pauses.append(seconds)
        made.nodes[0].fail(None)

    made.clock.sleep = sleep
    assert made.chain.head() == world.chain.head()
    assert len(pauses) == 1


@pytest.mark.parametrize("fault", [*SILENT_FAULTS, "lie", "hide", "authority"])
def test_one_of_three_may_do_what_it_likes(world, rig, fault: str) -> None:
    _, sent = anchored(world)
    truth = [ask() for ask in everything(world.chain, sent)]
    made = rig(3)
    made.nodes[1].fail(fault)
    began = time.monotonic()
    assert [ask() for ask in everything(made.chain, sent)] == truth
    assert time.monotonic() - began < PATIENT_S, "nobody waits for a node that hangs"


@pytest.mark.parametrize("quorum", [None, 1])
def test_two_nodes_that_disagree_are_not_believed(world, rig, quorum: int | None) -> None:
    _, sent = anchored(world)
    truth = [ask() for ask in everything(world.chain, sent)]
    made = rig(2, quorum=quorum)
    made.nodes[1].fail("lie")
    for ask in everything(made.chain, sent)[:-1]:
        with pytest.raises(UnavailableError) as caught:
            ask()
        assert caught.value.code == "CHAIN_DISAGREES"
    made.nodes[1].fail(None)
    assert [ask() for ask in everything(made.chain, sent)] == truth


def test_a_quorum_of_one_goes_on_with_the_other_node(world, rig) -> None:
    _, sent = anchored(world)
    made = rig(2, quorum=1)
    made.nodes[0].fail("refuse")
    assert made.chain.outcome(sent).state == "final"
    strict = rig(2)
    strict.nodes[0].fail("refuse")
    with pytest.raises(UnavailableError):
        strict.chain.outcome(sent)


@pytest.mark.parametrize("fault", ["hide", "refuse", "500", "hang"])
def test_what_a_node_swallowed_is_handed_over_again(world, rig, fault: str) -> None:
    batch = world.batch(ROOT, 1)
    made = rig(1)
    prepared = made.anchor(batch)
    made.chain.most_gas()
    if fault == "hide":
        made.nodes[0].fail(fault)
        made.chain.send(prepared.raw)
    else:
        made.chain.next_nonce(prepared.sender)
        made.nodes[0].fail(fault)
        with (
            made.in_haste() if fault in SLOW_FAULTS else nullcontext(),
            pytest.raises(UnavailableError),
        ):
            made.chain.send(prepared.raw)
        made.nodes[0].fail(None)
        made.chain.send(prepared.raw)
        made.anvil.rpc("anvil_dropAllTransactions")
    made.mine()
    assert made.chain.outcome(prepared.hash).state in ("unknown", "pending")
    made.tend()
    made.mine()
    assert made.chain.outcome(prepared.hash).state in ("unknown", "pending", "final")
    made.nodes[0].fail(None)
    made.tend()
    made.mine()
    assert made.chain.outcome(prepared.hash).state == "final"
    made.tend()
    made.mine()
    assert made.anchors(batch) == 1
    assert made.chain._sendings.undecided() == []


@pytest.mark.parametrize("depth", range(1, 13))
def test_a_reorganisation_around_an_anchor_leaves_one_anchor(world, rig, depth: int) -> None:
    batch = world.batch(ROOT, 1)
    made = rig(1, finality="12")
    made.mine(12)  # what the world was founded with is final
    view = MemoryView("rpc")
    follower = Follower(made.chain, view, made.clock, "test")
    assert follower.advance().state == "confirmed"
    prepared = made.anchor(batch)
    made.chain.send(prepared.raw)
    made.mine(depth)
    assert made.anchors(batch) == 1
    assert made.chain.outcome(prepared.hash).state == "pending"
    assert follower.advance().state == "confirmed"
    made.anvil.reorganise(depth)
    assert made.anchors(batch) == 0
    assert made.chain.outcome(prepared.hash).state in ("unknown", "pending")
    assert follower.advance().state == "confirmed"
    made.tend()
    made.mine(12)
    assert made.chain.outcome(prepared.hash).state == "pending"
    assert not list(view.anchors())
    made.mine(1)
    assert made.chain.outcome(prepared.hash).state == "final"
    assert follower.advance().state == "confirmed"
    assert [anchor.root for anchor in view.anchors()] == [batch.root]
    assert made.anchors(batch) == 1


def spoil(nodes: Sequence[FaultyNode], dice: random.Random) -> None:
    """Each node as chance will have it; one liar at most: fewer than a quorum."""
    faults = [None, None, None, None, None, "refuse", "429", "500", "cut", "garbage", "hide"]
    for number, node in enumerate(nodes):
        node.fail(dice.choice([*faults, "lie"] if number == 0 else faults))


def hear(chain: RpcChain, sent: Sequence[PreparedTransaction], told: dict[bytes, BlockRef | None]) -> None:
    """Ask about all; what was called final once stays so, in the same block."""
    for transaction in sent:
        with suppress(UnavailableError):
            outcome = chain.outcome(transaction.hash)
            assert outcome.state in ("unknown", "pending", "final")
            if outcome.state == "final":
                assert told.setdefault(transaction.hash, outcome.block) == outcome.block
            else:
                assert transaction.hash not in told


def test_after_a_bad_day_every_batch_has_exactly_one_anchor(world, rig) -> None:
    """Nodes fail at random, blocks are undone up to the depth of finality; whatever is said is true."""
    dice = random.Random(20_261_122)
    made = rig(3, finality="4")
    made.mine(4)
    operator = crew(ROOT).operator
    first = world.chain.next_nonce(operator.address)
    batches = [world.batch(ROOT, number) for number in range(1, 9)]
    calls = [ContractCall("ledger", "anchor", world.anchor_args(batch)) for batch in batches]
    sent = [made.chain.prepare(call, operator, first + index) for index, call in enumerate(calls)]
    told: dict[bytes, BlockRef | None] = {}
    for hour in range(20):
        spoil(made.nodes, dice)
        with suppress(UnavailableError):
            made.chain.send(sent[hour % len(sent)].raw)
        made.tend()
        made.mine(dice.randint(1, 4))
        if dice.random() < 0.3:
            made.anvil.reorganise(dice.randint(1, 4))
        hear(made.chain, sent, told)
    assert told
    for node in made.nodes:
        node.fail(None)
    for transaction in sent:
        made.chain.send(transaction.raw)  # as the outbox does, until it hears that it is final
    for _ in range(2):
        made.tend()
        made.mine(5)
    hear(made.chain, sent, told)
    assert set(told) == {transaction.hash for transaction in sent}
    assert [made.anchors(batch) for batch in batches] == [1] * len(batches)


def test_a_reorganisation_beyond_finality_is_told_loudly(world, rig) -> None:
    batch, sent = anchored(world)
    made = rig(1)
    view = MemoryView("rpc")
    follower = Follower(made.chain, view, made.clock, "test")
    assert follower.advance().state == "confirmed"
    made.anvil.reorganise(1)
    assert follower.advance().state == "forked"
    assert made.chain.outcome(sent).state == "unknown"
    assert [anchor.root for anchor in view.anchors()] == [batch.root]  # evidence is kept, and marked


def test_the_finalized_tag_decides_where_the_chain_has_it(world, rig) -> None:
    batch = world.batch(ROOT, 1)
    made = rig(1, finality="finalized")
    made.mine(3)
    prepared = made.anchor(batch)
    made.chain.send(prepared.raw)
    made.mine(1)
    assert made.chain.outcome(prepared.hash).state == "pending"
    made.mine(3)
    assert made.chain.outcome(prepared.hash).state == "final"
    assert made.chain.head().number == int(
        made.anvil.rpc("eth_getBlockByNumber", "finalized", False)["number"], 16
    )


def test_headers_of_authorities_are_read_like_others(world, rig) -> None:
    made = rig(1)
    made.nodes[0].fail("authority")
    assert made.chain.head() == world.chain.head()


@pytest.mark.parametrize("ahead", [121, 86_400])
def test_nothing_is_sent_to_a_chain_whose_clock_is_ahead(world, rig, ahead: int) -> None:
    made = rig(1)
    prepared = made.anchor(world.batch(ROOT, 1, deadline=world.now + 5 * 86_400))
    made.clock.advance(ahead)
    made.mine()
    made.clock.set(made.clock.now() - ahead)
    with pytest.raises(UnavailableError) as caught:
        made.chain.send(prepared.raw)
    assert caught.value.code == "CHAIN_CLOCK_AHEAD"
    assert made.anvil.waiting() == 0
    made.clock.advance(ahead)
    made.chain.send(prepared.raw)
    made.mine()
    assert made.chain.outcome(prepared.hash).state == "final"


def test_nothing_is_sent_to_a_chain_that_makes_blocks_of_the_past(world, rig) -> None:
    """A chain on which nothing happens is another thing: its newest block may be as old as it likes."""
    made = rig(1)
    prepared = made.anchor(world.batch(ROOT, 1, deadline=world.now + 5 * 86_400))
    behind = made.clock.now()
    made.clock.advance(3_600)
    made.chain.step()
    made.chain._require_clock()
    made.anvil.mine(behind + 1)
    made.clock.advance(2)
    made.chain.step()
    with pytest.raises(UnavailableError) as caught:
        made.chain.send(prepared.raw)
    assert caught.value.code == "CHAIN_CLOCK_BEHIND"
    assert made.anvil.waiting() == 0
    made.mine()
    made.chain.send(prepared.raw)
    made.mine()
    assert made.chain.outcome(prepared.hash).state == "final"


def test_a_killed_node_comes_back_and_nothing_is_lost_or_doubled(own_worlds) -> None:
    chain, clock = own_worlds.fresh()
    world = World(chain, clock)
    done, sent = anchored(world)
    with proxies(own_worlds.anvil.url, 1) as nodes:
        made = Rig(world, nodes)
        killed_and_back(own_worlds, made, done, sent)


def killed_and_back(worlds: AnvilWorlds, made: Rig, done: Batch, sent: bytes) -> None:
    world = made.world
    batch = world.batch(ROOT, 2)
    prepared = made.anchor(batch)
    made.chain.send(prepared.raw)
    with worlds.restarting(), pytest.raises(UnavailableError):
        made.chain.head()
    assert made.chain.outcome(sent).state == "final"
    assert made.chain.outcome(prepared.hash).state == "unknown"  # the waiting ones died with the node
    made.tend()
    made.mine()
    assert made.chain.outcome(prepared.hash).state == "final"
    assert (made.anchors(done), made.anchors(batch)) == (1, 1)


def test_a_stuck_transaction_is_replaced_on_its_own_nonce(world, rig) -> None:
    operator = crew(ROOT).operator
    batch = world.batch(ROOT, 1)
    made = rig(1, stuck_s=60)
    made.chain._fees = Fees(ceiling=100 * 10**9)
    made.chain._signer_of = lambda address: operator if address == operator.address else None
    made.anvil.rpc("anvil_setBalance", "0x" + operator.address.hex(), hex(10**21))
    made.anvil.rpc("anvil_setNextBlockBaseFeePerGas", hex(10**9))
    made.mine()
    first = made.anchor(batch)
    made.chain.send(first.raw)
    made.anvil.rpc("anvil_setNextBlockBaseFeePerGas", hex(2 * 10**9))
    made.mine()
    assert made.chain.outcome(first.hash).state in ("unknown", "pending")
    for _ in range(12):
        made.tend()
        made.anvil.rpc("anvil_setNextBlockBaseFeePerGas", hex(2 * 10**9))
        made.mine()
        if made.chain.outcome(first.hash).state == "final":
            break
    assert made.chain.outcome(first.hash).state == "final", made.chain.outcome(first.hash)
    family = made.chain._sendings.family(first.hash)
    assert len(family) > 1
    assert {row.nonce for row in family} == {first.nonce}
    assert made.anchors(batch) == 1
    assert world.read("ledger", "isAnchored", issuer_id(ROOT), batch.root)


def test_a_price_above_the_ceiling_waits(world, rig) -> None:
    made = rig(1)
    made.anvil.rpc("anvil_setNextBlockBaseFeePerGas", hex(10**9))
    made.mine()
    made.chain._fees = Fees(ceiling=5)
    with pytest.raises(UnavailableError) as caught:
        made.anchor(world.batch(ROOT, 1))
    assert caught.value.code == "CHAIN_TOO_DEAR"


def test_who_cannot_pay_is_told_so(world, rig) -> None:
    made = rig(1)
    made.anvil.rpc("anvil_setNextBlockBaseFeePerGas", hex(10**9))
    made.mine()
    made.chain._fees = Fees(ceiling=10**12)
    prepared = made.anchor(world.batch(ROOT, 1))
    with pytest.raises(UnavailableError) as caught:
        made.chain.send(prepared.raw)
    assert caught.value.code == "CHAIN_REFUSES"


@pytest.mark.parametrize(
    "url", ["ftp://node", "node:8545", "http://", "", "http://node:port", "http://node:99999", "http://[::1"]
)
def test_addresses_that_are_none(url: str) -> None:
    with pytest.raises(InputError) as caught:
        Node(url)
    assert caught.value.code == "CHAIN_URL"


def test_a_node_has_the_time_that_it_is_given_and_connecting_its_own() -> None:
    timeout = Node("http://node.example", 30)._pool.timeout
    assert (timeout.total, timeout.connect_timeout, timeout.read_timeout) == (None, CONNECT_S, 30)


def test_passwords_in_addresses_are_shown_to_nobody() -> None:
    node = Node("https://user:secret@node.example:8545/key")
    assert "secret" not in repr(node) + node.name
    assert node.name == "node.example:8545"


@pytest.mark.parametrize(
    ("text", "shown"), [("immediate", "immediate"), ("finalized", "finalized"), ("12", "12")]
)
def test_rules_of_finality(text: str, shown: str) -> None:
    assert str(parse_finality(text)) == shown


@pytest.mark.parametrize("text", ["", "0", "-1", "10001", "safe", "1.5", "012"])
def test_rules_that_are_none(text: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_finality(text)
    assert caught.value.code == "CHAIN_FINALITY"


def test_a_quorum_must_be_possible(world) -> None:
    node = Node(world.chain.anvil.url)
    for quorum in (0, 2):
        with pytest.raises(InputError) as caught:
            Nodes([node], world.clock, quorum)
        assert caught.value.code == "CHAIN_QUORUM"
    assert Finality("immediate").block(node) == world.chain.head()
