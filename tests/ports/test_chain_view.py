"""The chain view: memory, SQLite, and a reader that catches up by itself, in one suite."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from ledger.adapters.abi import issuer_id, keccak256
from ledger.adapters.chain_embedded.chain import EmbeddedChain
from ledger.adapters.chain_embedded.reader import EmbeddedReader
from ledger.adapters.chain_memory import MemoryChain
from ledger.adapters.chain_view_follow import LEASE_S, Follower
from ledger.adapters.chain_view_memory import MemoryView
from ledger.adapters.chain_view_open import FollowingView, open_view
from ledger.adapters.chain_view_reading import RowsView
from ledger.adapters.chain_view_rows import TABLES
from ledger.adapters.chain_view_sql import SqlView
from ledger.adapters.system import ManualClock, SeededEntropy
from ledger.core.errors import NotFoundError, RefusedError, UnavailableError
from ledger.core.model import BlockRef, ChainInfo, LedgerEvent
from ledger.core.status import Status
from tests.ports.chain_world import (
    CHILD,
    FAR,
    GOVERNANCE,
    ROOT,
    START,
    World,
    crew,
    embedded,
    founding,
    lane,
    signer,
)


class Watched:
    """A world on an embedded chain file, and one kind of view of it, brought up to date by `look`."""

    def __init__(self, kind: str, folder: Path) -> None:
        chain, clock = embedded(folder / "chain.db")
        self.world = World(chain, clock)
        self.chain = chain
        self.closers: list[Callable[[], None]] = []
        self.view: RowsView
        if kind == "following":
            self.view = open_view(folder, clock)
            self.closers.append(self.view.close)
            self.advance: Callable[[], object] = lambda: None
            return
        writable: MemoryView | SqlView = MemoryView()
        if kind != "memory":
            writable = SqlView(folder / "view.db")
            self.closers.append(writable.close)
        self.view = writable
        self.advance = Follower(chain, writable, clock, "test").advance
        if kind == "sqlite, read by another connection":
            reader = SqlView(folder / "view.db", read_only=True)
            self.closers.append(reader.close)
            self.view = reader

    def look(self) -> RowsView:
        self.advance()
        return self.view

    def close(self) -> None:
        for close in self.closers:
            close()
        self.chain.close()


KINDS = ["memory", "sqlite", "sqlite, read by another connection", "following"]


@pytest.fixture(params=KINDS)
def watched(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Watched]:
    found = Watched(request.param, tmp_path)
    yield found
    found.close()


class TestEvidence:
    def test_everything_about_a_credential_in_one_look(self, watched: Watched) -> None:
        world = watched.world.found(ROOT, CHILD)
        batch = world.batch(CHILD, 1)
        block = world.try_anchor(batch).block
        thumbprint = keccak256(CHILD.encode() + b" key")
        view = watched.look()
        found = view.evidence(CHILD, batch.root, 70, thumbprint=thumbprint, block_number=3)
        assert found is not None
        assert block is not None
        assert found.info == watched.chain.info()
        assert found.head.block == watched.chain.head()
        assert (found.head.kind, found.head.forked) == ("embedded", False)
        assert found.head.confirmed_at == world.now
        assert found.anchor is not None
        assert found.anchor.block == block
        assert (found.anchor.type_id, found.anchor.size, found.anchor.anchored_at) == (1, 100, block.time)
        assert (found.anchor.list, found.anchor.first_word, found.anchor.pending) == (0, 2, False)
        assert found.anchor.operator == crew(CHILD).operator.signer_id
        assert (found.anchor.maker, found.anchor.approver) == (batch.maker, batch.approver)
        assert found.anchor.withdrawn_at is None
        assert found.key is not None
        assert found.key == found.credential_key
        assert (found.key.thumbprint, found.key.purpose, found.key.number) == (thumbprint, 1, 1)
        assert found.issuer is not None
        assert (found.issuer.parent, found.issuer.level) == (ROOT, 2)
        assert found.issuer.directory[0][0] == keccak256(CHILD.encode())
        assert [parent.issuer for parent in found.ancestors] == [ROOT]
        assert found.ancestors[0].parent is None
        assert list(found.grants) == [CHILD, ROOT]
        assert [(g.valid_from, g.valid_until, g.withdrawn_at) for g in found.grants[CHILD]] == [
            (START, FAR, None)
        ]
        assert found.credential_type is not None
        assert found.credential_type.code == "111000000000000000001"
        assert found.status == Status.VALID
        assert found.receipt_block_hash == watched.chain.block(3).hash  # type: ignore[union-attr]

    def test_what_is_not_there_is_none(self, watched: Watched) -> None:
        world = watched.world.found(ROOT)
        batch = world.anchor(world.batch(ROOT, 1, size=65))
        document = world.batch(ROOT, 2, type_id=0, list=0, first_word=0, key=2)
        world.must("registerKey", ROOT, issuer_id(ROOT), keccak256(b"seal"), 3, START, FAR)
        world.anchor(document)
        view = watched.look()
        for issuer, root, leaf in (
            (ROOT, batch.root, 65), (ROOT, batch.root, None), (ROOT, b"?" * 32, 0),
            (CHILD, batch.root, 0), (ROOT, document.root, 0),
        ):  # fmt: skip
            found = view.evidence(issuer, root, leaf, thumbprint=b"?" * 32, block_number=10**6)
            assert found is not None
            assert found.status is None
            assert found.credential_key is None
            assert found.receipt_block_hash is None
            assert (found.anchor is None) == (root == b"?" * 32 or issuer == CHILD)
            assert (found.issuer is None) == (issuer == CHILD)
            if found.anchor is None:
                assert found.key is None
                assert found.grants == {}

    def test_it_moves_with_the_chain(self, watched: Watched) -> None:
        world = watched.world.found(ROOT)
        batch = world.anchor(world.batch(ROOT, 1, pending=True))

        def status(leaf: int) -> Any:
            found = watched.look().evidence(ROOT, batch.root, leaf)
            return None if found is None else found.status

        assert [status(0), status(99), status(100)] == [Status.PENDING, Status.PENDING, None]
        world.try_change(ROOT, batch.root, [lane(0, Status.VALID)])
        assert [status(0), status(1)] == [Status.VALID, Status.PENDING]
        world.try_suspend(ROOT, batch.root, [lane(0, Status.SUSPENDED)])
        assert status(0) == Status.SUSPENDED
        assert watched.view.status_words(ROOT, batch.root)[1] == int("1" * 36, 16)
        outcome = world.try_withdraw(ROOT, batch.root, 4)
        found = watched.look().evidence(ROOT, batch.root, 0)
        assert found is not None
        assert found.anchor is not None
        assert outcome.block is not None
        assert (found.anchor.withdrawn_at, found.anchor.withdrawn_reason) == (outcome.block.time, 4)

    def test_keys_grants_and_issuers_have_their_times(self, watched: Watched) -> None:
        world = watched.world.found(ROOT, CHILD)
        world.clock.advance(1000)
        retired = world.must("retireKey", CHILD, issuer_id(CHILD), 1, 0)
        world.must("compromiseKey", CHILD, issuer_id(CHILD), 1, START + 500)
        withdrawn = world.must("withdrawGrant", ROOT, issuer_id(CHILD), 1, START + 600, 130)
        directory = world.must("setDirectory", ROOT, issuer_id(CHILD), b"n" * 32)
        dissolved = world.must("dissolveIssuer", ROOT, issuer_id(CHILD), issuer_id(ROOT))
        view = watched.look()
        (key,) = view.keys(CHILD)
        assert (key.valid_until, key.compromised_since) == (retired.time, START + 500)
        (grant,) = view.grants(CHILD, 1)
        assert (grant.withdrawn_since, grant.withdrawn_at) == (START + 600, withdrawn.time)
        assert grant.cause == 130
        child = next(issuer for issuer in view.issuers() if issuer.issuer == CHILD)
        assert (child.dissolved_at, child.successor) == (dissolved.time, ROOT)
        assert child.directory[-1] == (b"n" * 32, directory.time)
        assert [record.type_id for record in view.types()] == [1]

    def test_overlapping_ranges_raise_an_alarm(self, watched: Watched) -> None:
        world = watched.world.found(ROOT, CHILD)
        first = world.anchor(world.batch(ROOT, 1, first_word=10))
        world.anchor(world.batch(ROOT, 2, first_word=12))
        world.anchor(world.batch(ROOT, 3, first_word=11, list=1))
        world.anchor(world.batch(CHILD, 4, first_word=10))
        assert watched.look().alarms() == ()
        last = world.anchor(world.batch(ROOT, 5, first_word=9))
        (alarm,) = watched.look().alarms()
        assert (alarm.code, alarm.issuer, alarm.list) == ("RANGE_OVERLAP", ROOT, 0)
        assert alarm.roots == (last.root, first.root)
        assert alarm.block == watched.chain.head().number

    def test_anchors_come_in_order(self, watched: Watched) -> None:
        world = watched.world.found(ROOT, CHILD)
        batches = [world.anchor(world.batch(issuer, n)) for n, issuer in enumerate([CHILD, ROOT, CHILD])]
        view = watched.look()
        assert [anchor.root for anchor in view.anchors()] == [batch.root for batch in batches]
        assert [anchor.issuer for anchor in view.anchors(CHILD)] == [CHILD, CHILD]

    def test_a_status_list_is_read_whole_with_what_its_batches_follow_from(self, watched: Watched) -> None:
        world = watched.world.found(ROOT, CHILD)
        late = world.anchor(world.batch(CHILD, 1, first_word=12))
        early = world.anchor(world.batch(CHILD, 2, first_word=10, pending=True))
        world.anchor(world.batch(CHILD, 3, first_word=10, list=4))
        world.anchor(world.batch(ROOT, 4, first_word=14))
        view = watched.look()
        found = view.listed(CHILD, 0)
        assert [batch.anchor.root for batch in found] == [early.root, late.root]
        for batch in found:
            single = view.evidence(CHILD, batch.anchor.root, None)
            assert single is not None
            assert (batch.anchor, batch.key) == (single.anchor, single.key)
            assert batch.grants == tuple(grant for held in single.grants.values() for grant in held)
            assert batch.words == view.status_words(CHILD, batch.anchor.root)
        assert found[0].words
        assert not found[1].words
        assert view.listed(CHILD, 0, {early.root}) == found[1:]
        before = view.altered()
        world.anchor(world.batch(CHILD, 5, first_word=16))
        assert watched.look().altered() == before
        world.try_suspend(CHILD, late.root, [lane(0, Status.SUSPENDED)])
        assert watched.look().altered() > before
        assert (view.lists(CHILD), view.lists(ROOT), view.listed(ROOT, 4)) == ({0, 4}, {0}, ())

    def test_imported_anchors_keep_their_times(self, watched: Watched) -> None:
        world = watched.world
        world.register_type(1)
        records = [
            (issuer_id(ROOT), b"r" * 32, (1, 1, 65, START - 999, 3, 4, 0), (0, 8)),
            (issuer_id(ROOT), b"w" * 32, (1, 1, 1, START - 99, 3, 9, 2), ()),
        ]
        block = world.do("ledger", "importAnchors", (records,), GOVERNANCE)
        found = watched.look().evidence(ROOT, b"r" * 32, 64)
        assert found is not None
        assert found.anchor is not None
        assert found.status == Status.REVOKED
        assert (found.anchor.anchored_at, found.anchor.block) == (START - 999, block)
        withdrawn = watched.view.evidence(ROOT, b"w" * 32, 0)
        assert withdrawn is not None
        assert withdrawn.anchor is not None
        assert withdrawn.anchor.withdrawn_reason == 2


class Steered:
    """A source whose blocks a test can falsify."""

    def __init__(self, chain: Any) -> None:
        self._chain = chain
        self.blocks: dict[int, BlockRef | None] = {}
        self.tip: int | None = None
        self.chain_info: ChainInfo | None = None

    def info(self) -> ChainInfo:
        return self.chain_info or self._chain.info()

    def head(self) -> BlockRef:
        block = self._chain.head() if self.tip is None else self.block(self.tip)
        assert block is not None
        return block

    def block(self, number: int) -> BlockRef | None:
        if number in self.blocks:
            return self.blocks[number]
        return self._chain.block(number)  # type: ignore[no-any-return]

    def events(self, first: int, last: int) -> Iterator[LedgerEvent]:
        return self._chain.events(first, last)  # type: ignore[no-any-return]


@pytest.fixture
def story() -> World:
    clock = ManualClock(START)
    return World(MemoryChain(clock, founding()), clock).found(ROOT, CHILD)


@pytest.fixture(params=["memory", "sqlite"])
def view(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[MemoryView | SqlView]:
    if request.param == "memory":
        yield MemoryView()
        return
    found = SqlView(tmp_path / "view.db")
    yield found
    found.close()


class TestFollowing:
    def test_an_empty_view_says_so(self, view: MemoryView | SqlView) -> None:
        assert view.head() is None
        assert view.info() is None
        assert view.evidence(ROOT, bytes(32), 0) is None
        assert list(view.anchors()) == []

    def test_confirmation_is_when_the_head_was_reached(
        self, story: World, view: MemoryView | SqlView
    ) -> None:
        follower = Follower(story.chain, view, story.clock, "a")
        assert follower.advance().state == "confirmed"
        story.clock.advance(40)
        head = view.head()
        assert head is not None
        assert head.confirmed_at == story.now - 40
        follower.advance()
        head = view.head()
        assert head is not None
        assert head.confirmed_at == story.now

    def test_a_chain_without_contracts_is_not_followed_yet(self) -> None:
        clock = ManualClock(START)
        chain = EmbeddedChain.create(":memory:", clock, SeededEntropy(3))
        view = MemoryView()
        assert Follower(chain, view, clock, "a").advance().state == "undeployed"
        assert view.head() is None
        chain.close()

    def test_one_follower_at_a_time(self, story: World, view: MemoryView | SqlView) -> None:
        first, second = (Follower(story.chain, view, story.clock, name) for name in "ab")
        assert first.advance().state == "confirmed"
        assert second.advance().state == "leased"
        story.clock.advance(LEASE_S - 1)
        assert second.advance().state == "leased"
        story.clock.advance(1)
        assert second.advance().state == "confirmed"
        assert first.advance().state == "leased"

    def test_who_holds_the_chain_takes_the_lease_over(
        self, view: MemoryView | SqlView, tmp_path: Path
    ) -> None:
        chain, clock = embedded(tmp_path / "chain.db")
        assert Follower(chain, view, clock, "killed").advance().state == "confirmed"
        assert Follower(chain, view, clock, "its successor").advance().state == "confirmed"
        reader = EmbeddedReader(tmp_path / "chain.db")
        assert Follower(reader, view, clock, "somebody else").advance().state == "leased"
        reader.close()
        chain.close()

    def test_a_contradicting_block_forks_the_view_and_is_kept(
        self, story: World, view: MemoryView | SqlView
    ) -> None:
        source = Steered(story.chain)
        follower = Follower(source, view, story.clock, "a")
        follower.advance()
        before = view.dump()
        head = story.chain.head()
        other = BlockRef(head.number, b"!" * 32, head.time)
        source.blocks[head.number] = other
        story.anchor(story.batch(ROOT, 9))
        assert follower.advance().state == "forked"
        fork = view.fork()
        assert fork is not None
        assert (fork.number, fork.ours, fork.theirs) == (head.number, head.hash, b"!" * 32)
        now = view.head()
        assert now is not None
        assert (now.block, now.forked) == (head, True)
        found = view.evidence(ROOT, story.batch(ROOT, 9).root, 0)
        assert found is not None
        assert found.anchor is None
        assert found.head.forked
        after = view.dump()
        assert {name: after[name] for name in TABLES if name != "fact"} == {
            name: before[name] for name in TABLES if name != "fact"
        }
        # It does not heal by itself when the source turns back; a person rebuilds.
        source.blocks.clear()
        assert follower.advance().state == "forked"
        assert follower.rebuild().state == "confirmed"
        assert view.fork() is None

    def test_another_chain_in_its_place_is_a_fork(self, story: World, view: MemoryView | SqlView) -> None:
        Follower(story.chain, view, story.clock, "a").advance()
        other_clock = ManualClock(START)
        other = World(MemoryChain(other_clock, founding(), seed=2), other_clock).found(ROOT, CHILD)
        story.clock.advance(LEASE_S)
        assert Follower(other.chain, view, story.clock, "b").advance().state == "forked"

    def test_a_source_that_is_older_is_not_confirmed(self, story: World, view: MemoryView | SqlView) -> None:
        source = Steered(story.chain)
        follower = Follower(source, view, story.clock, "a")
        follower.advance()
        confirmed_at, head = story.now, story.chain.head()
        source.tip = head.number - 3
        story.clock.advance(10)
        assert follower.advance().state == "behind"
        now = view.head()
        assert now is not None
        assert (now.block, now.confirmed_at, now.forked) == (head, confirmed_at, False)

    def test_an_error_leaves_the_view_whole(self, story: World, tmp_path: Path) -> None:
        class Broken(Steered):
            def events(self, first: int, last: int) -> Iterator[LedgerEvent]:
                for count, event in enumerate(super().events(first, last)):
                    if count == 2:
                        raise UnavailableError("CHAIN_UNAVAILABLE", "gone in the middle")
                    yield event

        view = SqlView(tmp_path / "view.db")
        follower = Follower(story.chain, view, story.clock, "a")
        follower.advance()
        before = view.dump()
        for number in range(3):
            story.anchor(story.batch(ROOT, number))
        with pytest.raises(UnavailableError):
            Follower(Broken(story.chain), view, story.clock, "a").advance()
        assert view.dump() == before
        assert follower.advance().state == "confirmed"
        view.close()


class TestOpenView:
    def home(self, tmp_path: Path) -> World:
        chain, clock = embedded(tmp_path / "chain.db")
        return World(chain, clock).found(ROOT)

    def test_it_starts_from_the_stored_view_and_catches_up(self, tmp_path: Path) -> None:
        world = self.home(tmp_path)
        stored = SqlView(tmp_path / "view.db")
        Follower(world.chain, stored, world.clock, "a").advance()
        at = stored.head()
        batch = world.anchor(world.batch(ROOT, 1))
        view = open_view(tmp_path, world.clock)
        assert at is not None
        head = view.head()
        assert head is not None
        assert head.block == world.chain.head()
        assert head.block.number > at.block.number
        assert view.evidence(ROOT, batch.root, 0).anchor is not None  # type: ignore[union-attr]
        assert stored.head() == at
        plain = open_view(tmp_path / "chain.db", world.clock)
        assert {**plain.dump(), "fact": {}} == {**view.dump(), "fact": {}}
        for opened in (view, plain, stored):
            opened.close()
        world.chain.close()  # type: ignore[attr-defined]

    def test_a_damaged_or_foreign_stored_view_is_passed_over(self, tmp_path: Path) -> None:
        world = self.home(tmp_path)
        (tmp_path / "view.db").write_bytes(b"no database at all, but a file" * 9)
        view = open_view(tmp_path, world.clock)
        head = view.head()
        assert head is not None
        assert head.block == world.chain.head()
        view.close()
        (tmp_path / "view.db").unlink()
        other_clock = ManualClock(START)
        other = World(MemoryChain(other_clock, founding(), seed=5), other_clock).found(ROOT)
        stored = SqlView(tmp_path / "view.db")
        Follower(other.chain, stored, other.clock, "a").advance()
        stored.close()
        view = open_view(tmp_path, world.clock)
        assert view.info() == world.chain.info()
        view.close()
        world.chain.close()  # type: ignore[attr-defined]

    def test_the_installations_own_file_is_confirmed_at_each_look(self, tmp_path: Path) -> None:
        world = self.home(tmp_path)
        view = open_view(tmp_path, world.clock)
        world.clock.advance(3600)
        head = view.head()
        assert head is not None
        assert head.confirmed_at == world.now
        view.close()
        world.chain.close()  # type: ignore[attr-defined]

    def test_a_copied_file_shows_its_age(self, tmp_path: Path) -> None:
        world = self.home(tmp_path)
        world.clock.advance(300)
        world.chain.step()  # type: ignore[attr-defined]
        beat = world.now
        world.chain.close()  # type: ignore[attr-defined]
        (tmp_path / "away").mkdir()
        shutil.copy(tmp_path / "chain.db", tmp_path / "away" / "chain.db")
        world.clock.advance(7200)
        view = open_view(tmp_path / "away" / "chain.db", world.clock)
        head = view.head()
        assert head is not None
        assert head.confirmed_at == beat
        view.close()

    def test_a_source_that_cannot_be_read_leaves_an_ageing_view(self, tmp_path: Path) -> None:
        class Fragile(EmbeddedReader):
            broken = False

            def change_stamp(self) -> bytes:
                if self.broken:
                    raise UnavailableError("CHAIN_UNAVAILABLE", "the disk is gone")
                return super().change_stamp()

        world = self.home(tmp_path)
        reader = Fragile(tmp_path / "chain.db")
        view = FollowingView(reader, world.clock, tmp_path / "view.db")
        confirmed_at = world.now
        reader.broken = True
        world.clock.advance(100)
        head = view.head()
        assert head is not None
        assert head.confirmed_at == confirmed_at
        view.close()
        world.chain.close()  # type: ignore[attr-defined]

    def test_what_is_missing_is_told(self, tmp_path: Path) -> None:
        for path in (tmp_path, tmp_path / "none.db"):
            with pytest.raises(NotFoundError) as caught:
                open_view(path, ManualClock(START))
            assert caught.value.code == "CHAIN_MISSING"
        with pytest.raises(NotFoundError) as caught:
            SqlView(tmp_path / "none.db", read_only=True)
        assert caught.value.code == "VIEW_MISSING"


def test_a_reader_never_mixes_two_states(tmp_path: Path) -> None:
    """Head and rows of one answer are of one moment, however the follower and the reader interleave."""
    clock = ManualClock(START)
    world = World(MemoryChain(clock, founding()), clock).found(ROOT)
    batch = world.anchor(world.batch(ROOT, 1))
    writer = SqlView(tmp_path / "view.db")
    follower = Follower(world.chain, writer, clock, "a")
    follower.advance()

    class Interleaved(SqlView):
        """Lets the follower in just before it takes its snapshot."""

        def _reading(self) -> AbstractContextManager[None]:  # type: ignore[override]
            if turns:
                world.try_change(ROOT, batch.root, [lane(turns.pop(), Status.REVOKED)])
                follower.advance()
            return super()._reading()

    turns: list[int] = []
    reader = Interleaved(tmp_path / "view.db", read_only=True)
    for leaf in range(10):
        turns[:] = [leaf + 10, leaf]
        found = reader.evidence(ROOT, batch.root, leaf, block_number=leaf)
        assert found is not None
        written = set()
        for event in world.chain.events(0, found.head.block.number):
            args: Any = event.args
            if event.name == "StatusChanged":
                written |= {n for n in range(64) if args["values"][0] >> 4 * n & 15}
        assert found.status == (Status.REVOKED if leaf in written else Status.VALID)
    reader.close()
    writer.close()


def test_tables_of_the_file_are_the_documented_ones(tmp_path: Path) -> None:
    SqlView(tmp_path / "view.db").close()
    db = sqlite3.connect(tmp_path / "view.db")
    names = {row[0] for row in db.execute("SELECT name FROM sqlite_master WHERE type='table'")}
    db.close()
    assert names == set(TABLES)


def test_a_refused_read_is_told_alike_by_rules_and_contracts() -> None:
    clock = ManualClock(START)
    memory = World(MemoryChain(clock, founding()), clock)
    chain, embedded_clock = embedded()
    told = []
    for world in (memory, World(chain, embedded_clock)):
        with pytest.raises(RefusedError) as caught:
            world.read("ledger", "anchorOf", issuer_id(ROOT), bytes(32))
        told.append((caught.value.code, caught.value.detail))
    assert told[0] == told[1]
    assert signer(1).signer_id[:12] == bytes(12)
    chain.close()
