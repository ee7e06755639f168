"""Random acts: a snapshot, whole or as deltas, answers what the live view answers."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ledger.adapters.abi import keccak256
from ledger.adapters.chain_memory import MemoryChain
from ledger.adapters.chain_view_follow import Follower
from ledger.adapters.chain_view_memory import MemoryView
from ledger.adapters.chain_view_reading import RowsView
from ledger.adapters.chain_view_rows import TABLES
from ledger.adapters.chain_view_snapshot import (
    SHAPES,
    STATE_TABLES,
    SnapshotView,
    State,
    StoredSnapshotView,
    read_state,
    state_of,
)
from ledger.adapters.chain_view_snapshot_rules import require_sound
from ledger.adapters.system import ManualClock
from ledger.core.columns import Key, Row
from ledger.core.errors import InputError, UnavailableError
from ledger.core.model import Purpose
from ledger.core.snapshot import encode_snapshot, parse_snapshot
from ledger.core.status import Status
from tests.ports.chain_world import CHILD, ROOT, START, World, embedded, founding
from tests.ports.snapshot_world import SnapshotWorld, snapshot_world
from tests.ports.test_chain_view_property import ACTS, ISSUERS, Acting


def answers(view: RowsView, roots: list[tuple[str, bytes]]) -> list[Any]:
    """Everything that a verifier asks a view, but for what the kind of view is called."""
    head = view.head()
    assert head is not None
    found: list[Any] = [head.block, head.confirmed_at, head.forked, view.info(), view.altered()]
    issuers = list(view.issuers())
    found += [issuers, view.types(), view.standings(), view.alarms(), list(view.anchors())]
    for record in issuers:
        found += [view.keys(record.issuer), view.grants(record.issuer, 1), view.lists(record.issuer)]
        found += [view.listed(record.issuer, number) for number in sorted(view.lists(record.issuer))]
    for issuer, root in [*roots, (ROOT, b"?" * 32)]:
        found.append(view.status_words(issuer, root))
        for leaf in (None, 0, 63, 64, 99, 10**6):
            anchor = view.evidence(issuer, root, leaf)
            assert anchor is not None
            height = head.block.number if anchor.anchor is None else anchor.anchor.block.number
            thumbprint = keccak256(issuer.encode() + b" key")
            seen = view.evidence(issuer, root, leaf, thumbprint=thumbprint, block_number=height)
            assert seen is not None
            found.append(replace(seen, head=replace(seen.head, kind="any")))
    return found


def play(world: World, acts: list[tuple[Any, ...]]) -> None:
    """After every act a delta; at the end both files say what the view says."""
    there, acting = SnapshotWorld(world), Acting(world)
    state = taken = there.state()
    for act in acts:
        acting.do(act)
        state = there.state()
        delta = parse_snapshot(encode_snapshot(there.make(state, taken, by=())))
        taken = read_state(delta, taken)
        assert taken == state
    whole = parse_snapshot(encode_snapshot(there.make(state, by=())))
    assert read_state(whole) == state
    roots = acting.anchored
    assert answers(SnapshotView(whole.header, taken), roots) == answers(there.view, roots)


@given(st.lists(ACTS, max_size=12))
@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow])
def test_by_the_rules(acts: list[tuple[Any, ...]]) -> None:
    clock = ManualClock(START)
    play(World(MemoryChain(clock, founding()), clock).found(*ISSUERS), acts)


STORY = [
    ("anchor", CHILD, 1, True), ("change", 1, 3, Status.VALID), ("suspend", 1, 3), ("anchor", ROOT, 2, False),
    ("withdraw", 2), ("ungrant", CHILD, 5), ("retire", CHILD), ("directory", CHILD), ("key", ROOT, 1),
    ("compromise", ROOT, 3), ("dissolve", CHILD),
]  # fmt: skip


def test_by_the_contracts() -> None:
    chain, clock = embedded()
    with closing(chain):
        play(World(chain, clock).found(*ISSUERS), STORY)


def test_stored_and_read_by_others(tmp_path: Path) -> None:
    there = snapshot_world()
    acting = Acting(there.world)
    path = tmp_path / "view.db"
    with closing(StoredSnapshotView(path)) as view:
        for act in STORY[:5]:
            acting.do(act)
            state = there.state()
            view.renew(there.make(state).header, lambda _rows, now=state: now)
            with closing(StoredSnapshotView(path, read_only=True)) as reader:
                assert answers(reader, acting.anchored) == answers(there.view, acting.anchored)
        reader = StoredSnapshotView(path, read_only=True)
        before = answers(reader, acting.anchored)
        wrong = there.statement(state, 5, ledger_id=bytes(32))
        with pytest.raises(InputError, match="CHECKPOINT_LEDGER"):
            view.renew(there.make(state, cosignatures=(wrong,)).header, lambda _rows: state)
        assert answers(reader, acting.anchored) == before
        reader.close()
        with closing(StoredSnapshotView(path, read_only=True)) as other, pytest.raises(UnavailableError):
            other.renew(there.make(state).header, lambda _rows: state)


def test_the_state_is_the_same_for_whoever_followed_the_chain() -> None:
    """Read again from the beginning, or kept up to date: one state, one hash."""
    there = snapshot_world()
    acting = Acting(there.world)
    for act in STORY:
        acting.do(act)
        state = there.state()
    anew = MemoryView()
    Follower(there.world.chain, anew, there.world.clock, "other").advance()
    assert state_of(anew.dump()).digest == state.digest


def test_format_1_has_these_columns() -> None:
    """Whoever changes the view's tables decides on a new format version here."""
    assert set(TABLES) - set(STATE_TABLES) == set()
    text = " ".join(f"{name}({','.join([*TABLES[name].key, *TABLES[name].rest])})" for name in STATE_TABLES)
    assert keccak256(text.encode()).hex()[:16] == "74d47c5e1d90d7e7"
    assert list(SHAPES) == list(STATE_TABLES)


@cache
def _good() -> State:
    there = snapshot_world()
    acting = Acting(there.world)
    for act in STORY[:4]:
        acting.do(act)
    there.world.must("registerKey", ROOT, ROOT.encode(), keccak256(b"k"), Purpose.SEAL, START, START + 1)
    return there.state()


def _set(rows: dict[Key, Row], place: int, value: Any) -> None:
    key = next(iter(rows))
    rows[key] = (*rows[key][:place], value, *rows[key][place + 1 :])


SPOILED: list[tuple[str, str, Any]] = [
    ("block", "newest missing", lambda rows: rows.pop(max(rows))),
    ("block", "one above the newest", lambda rows: rows.update({(10**6,): (bytes(32), 1)})),
    ("block", "an anchor's missing", lambda rows: [rows.pop(key) for key in list(rows)[1:]]),
    (
        "issuer",
        "a parent that is nobody",
        lambda rows: rows.update({(CHILD,): (CHILD[::-1], 2, 1, None, None)}),
    ),
    ("issuer", "its own parent", lambda rows: rows.update({(CHILD,): (CHILD, 2, 1, None, None)})),
    ("issuer", "a wrong level", lambda rows: rows.update({(CHILD,): (ROOT, 3, 1, None, None)})),
    ("issuer", "a short name", lambda rows: rows.update({("X",): (ROOT, 2, 1, None, None)})),
    ("directory", "a number left out", lambda rows: rows.update({(ROOT, 7): (bytes(32), 1)})),
    ("type_grant", "of nobody", lambda rows: rows.update({("9" * 18, 1, 0): (1, 2, None, None, None)})),
    ("type_grant", "without an end", lambda rows: _set(rows, 1, None)),
    ("anchor", "no size", lambda rows: _set(rows, 2, 0)),
    ("anchor", "another range", lambda rows: _set(rows, 5, 77)),
    ("anchor", "a short signer", lambda rows: _set(rows, 7, b"x")),
    ("anchor", "not in the order", lambda rows: rows.update({(ROOT, bytes(32)): next(iter(rows.values()))})),
    ("anchor_order", "one twice", lambda rows: rows.update({(len(rows),): rows[(0,)]})),
    ("anchor_order", "a gap", lambda rows: rows.update({(9,): rows.pop((0,))})),
    ("list_range", "of nothing", lambda rows: rows.update({(ROOT, 0, 90, bytes(32)): (1,)})),
    ("status_word", "of nothing", lambda rows: rows.update({(ROOT, bytes(32), 0): (bytes(32),)})),
    ("status_word", "beyond the batch", lambda rows: rows.update({(*next(iter(rows))[:2], 9): (bytes(32),)})),
    ("status_word", "a short word", lambda rows: _set(rows, 0, b"x")),
    ("thumbprint", "of another key", lambda rows: rows.update({(bytes(32),): (ROOT, 1)})),
    ("signing_key", "of nobody", lambda rows: rows.update({("9" * 18, 1): (bytes(32), 1, 1, 2, None)})),
    ("fact", "a short number", lambda rows: _set(rows, 0, b"x")),
]


@pytest.mark.parametrize(
    ("name", "word", "change"), SPOILED, ids=lambda part: part if type(part) is str else ""
)
def test_rows_that_no_ledger_can_have_are_refused(name: str, word: str, change: Any) -> None:
    del word  # names the case
    state = _good()
    tables: dict[str, dict[Key, Row]] = {name: dict(rows) for name, rows in state.tables.items()}
    require_sound(state.block, tables)
    change(tables[name])
    with pytest.raises(InputError, match="SNAPSHOT_STATE"):
        require_sound(state.block, tables)
