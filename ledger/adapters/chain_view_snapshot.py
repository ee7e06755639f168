"""The chain view out of a snapshot: which rows make the state, how a delta is laid on, what must hold.

The state is every row of the view that follows from the chain alone, with the blocks that anchors lie in
and the newest one: whoever followed the same chain to the same block packs the same bytes. Rows of a
signed file are still looked at before they are used: a view must never meet a row it cannot read.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import astuple, dataclass, replace
from hashlib import sha256
from pathlib import Path
from struct import Struct
from typing import Final

from ledger.adapters.chain_view_memory import MemoryView
from ledger.adapters.chain_view_reading import Look, write_info, write_integer
from ledger.adapters.chain_view_rows import TABLES, Rows
from ledger.adapters.chain_view_snapshot_rules import require_sound
from ledger.adapters.chain_view_sql import SqlView
from ledger.core.columns import Key, Kind, Row, Shape, Tables, decode_tables, encode_tables
from ledger.core.errors import InputError
from ledger.core.model import BlockRef, WitnessHead
from ledger.core.snapshot import Header, Snapshot, open_content, witnessed

_FACTS: Final = (("altered",), ("changes",))
_WITNESSED: Final = ("witnessed",)
_SEEN: Final = Struct(">32sQQ")  # a WitnessHead
_BLOCK_OF_ANCHOR: Final = list(TABLES["anchor"].rest).index("block")
STATE_TABLES: Final = (
    "fact", "block", "issuer", "directory", "type", "type_grant", "signing_key", "thumbprint", "role",
    "anchor", "anchor_order", "status_word", "list_range", "standing", "alarm",
)  # fmt: skip
"""Tables of format 1, in its order. Another column or table is another format version."""


def _kinds(columns: Mapping[str, str]) -> tuple[Kind, ...]:
    known: Mapping[str, Kind] = {"TEXT": "TEXT", "BLOB": "BLOB", "INTEGER": "INTEGER"}
    return tuple(known[kind] for kind in columns.values())


SHAPES: Final[Mapping[str, Shape]] = {
    name: Shape(_kinds(TABLES[name].key), _kinds(TABLES[name].rest)) for name in STATE_TABLES
}


@dataclass(frozen=True, slots=True)
class State:
    """The ledger's state at one block. `columns` are its bytes, `digest` is their SHA-256."""

    block: BlockRef
    tables: Tables
    columns: bytes

    @property
    def digest(self) -> bytes:
        """32 bytes; equal for everybody who followed the same chain to the same block."""
        return sha256(self.columns).digest()


def state_of(rows: Tables) -> State:
    """The state that a view's rows hold.

    Args:
        rows: a dump of a view that has taken a block.
    """
    number = int.from_bytes(rows["fact"][("head",)][0])
    tables = _state_tables(rows, number)
    return State(BlockRef(number, *tables["block"][(number,)]), tables, encode_tables(SHAPES, tables))


def _state_tables(rows: Tables, head: int) -> dict[str, Mapping[Key, Row]]:
    """What belongs to the state at block `head`."""
    found = {name: rows[name] for name in STATE_TABLES}
    numbers = {row[_BLOCK_OF_ANCHOR] for row in rows["anchor"].values()} | {head}
    found["block"] = {(number,): rows["block"][(number,)] for number in numbers if (number,) in rows["block"]}
    found["fact"] = {key: rows["fact"][key] for key in _FACTS if key in rows["fact"]}
    return found


def read_state(snapshot: Snapshot, base: State | None = None) -> State:
    """The whole state at the snapshot's block. Its signatures are checked elsewhere, and before.

    Args:
        snapshot: a whole one, or a delta.
        base: what a delta is laid upon.

    Raises:
        InputError: SNAPSHOT_SHAPE; SNAPSHOT_GAP when a delta does not follow `base`; SNAPSHOT_STATE when
            the state is not the one that was signed, or breaks a rule of the ledger.
    """
    header = snapshot.header
    follows = header.follows
    if follows is not None and (
        base is None or (base.block.number, base.digest) != (follows.block, follows.state)
    ):
        raise InputError(
            "SNAPSHOT_GAP",
            f"This delta follows block {follows.block}; take what lies between first, or a whole snapshot.",
            follows=follows.block,
            known=None if base is None else base.block.number,
        )
    columns = open_content(snapshot)
    tables: dict[str, Mapping[Key, Row]] = dict(decode_tables(SHAPES, columns))
    if follows is not None and base is not None:
        laid = {name: {**base.tables[name], **rows} for name, rows in tables.items()}
        tables = _state_tables(laid, header.block.number)
        columns = encode_tables(SHAPES, tables)
    state = State(header.block, tables, columns)
    if state.digest != header.state:
        raise InputError(
            "SNAPSHOT_STATE",
            "The state in this snapshot is not the one that was signed.",
            block=header.block.number,
        )
    require_sound(header.block, tables)
    return state


def write_state(rows: Rows, header: Header, state: State) -> None:
    """Put a state where a view reads it.

    Args:
        rows: empty.
        header: its signatures checked; those of its statements are checked here.
        state: as read_state gave it.

    Raises:
        InputError: as core.snapshot.witnessed.
    """
    for name, found in state.tables.items():
        for key, row in found.items():
            rows.put(name, key, row)
    _write_facts(rows, header, state)


def _write_facts(rows: Rows, header: Header, state: State) -> None:
    """What a view must know beside the state."""
    seen = witnessed(header, {key[0]: row[0] for key, row in state.tables["block"].items()})
    write_info(rows, header.info)
    write_integer(rows, "head", header.block.number)
    write_integer(rows, "confirmed_at", header.confirmed_at)
    rows.put("fact", _WITNESSED, (b"".join(_SEEN.pack(*astuple(one)) for one in seen),))


def delta(base: State, state: State) -> bytes:
    """Columns of what `state` has and `base` has not, or has otherwise.

    Nothing of a state ever goes away but the row of its newest block; who lays the delta on drops that.
    """
    changed = {
        name: {key: row for key, row in rows.items() if base.tables[name].get(key) != row}
        for name, rows in state.tables.items()
    }
    return encode_tables(SHAPES, changed)


def _with_witnesses(rows: Rows, look: Look | None) -> Look | None:
    found = rows.get("fact", _WITNESSED)
    if look is not None and found is not None:
        seen = tuple(WitnessHead(*fields) for fields in _SEEN.iter_unpack(found[0]))
        look.head = replace(look.head, witnessed=seen)
    return look


class SnapshotView(MemoryView):
    """A view of one snapshot; it never moves, and its age counts from the moment the header names.

    Args:
        header: of the snapshot, or of the last of several deltas; its signatures checked.
        state: as read_state gave it.

    Raises:
        InputError: as core.snapshot.witnessed.
    """

    def __init__(self, header: Header, state: State) -> None:
        super().__init__("snapshot")
        self.load(state.tables)  # many times quicker than row by row
        with self.write() as rows:
            _write_facts(rows, header, state)

    def _read_look(self) -> Look | None:
        return _with_witnesses(self._rows, super()._read_look())


class StoredSnapshotView(SqlView):
    """A view of the snapshots that were imported into a data directory; for any number of processes.

    Args:
        path: the view's file.
        read_only: for whoever only verifies.
    """

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        super().__init__(path, "snapshot", read_only=read_only)

    def block(self, number: int) -> BlockRef | None:
        """A block with an anchor, or the newest one; None for all others."""
        with self._reading():
            found = self._rows.get("block", (number,))
        return None if found is None else BlockRef(number, *found)

    def renew(self, header: Header, judge: Callable[[Tables], State | None]) -> bool:
        """Hold another state and nothing else; readers see the old one or the new one, other writers wait.

        Args:
            header: of the snapshot that is taken.
            judge: is given the rows that are here, and gives the state to hold; None: what is here stays. What it
                raises changes nothing.

        Returns:
            Whether anything was written.

        Raises:
            InputError: as core.snapshot.witnessed.
            UnavailableError: VIEW_UNAVAILABLE.
        """
        with self.write():
            state = judge(self.dump())
            if state is None:
                return False
            self._sql.clear()
            write_state(self._sql, header, state)
        return True

    def _read_look(self) -> Look | None:
        self._seen = None  # what is remembered may be of another history: a restored ledger's
        return _with_witnesses(self._rows, super()._read_look())
