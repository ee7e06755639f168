"""Snapshot files: who may sign them, what is refused, and that no altered byte slips through."""

from __future__ import annotations

import json
import struct
import zlib
from dataclasses import replace
from hashlib import sha256
from itertools import pairwise
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.adapters.chain_view_snapshot import SnapshotView, State, read_state
from ledger.core.canonical_json import canonical_json
from ledger.core.errors import InputError, LedgerError, RefusedError
from ledger.core.jose import strict_json_object
from ledger.core.model import BlockRef, ChainInfo, WitnessHead
from ledger.core.snapshot import (
    MAGIC,
    MAX_PLAIN_BYTES,
    Content,
    Follows,
    Snapshot,
    encode_snapshot,
    open_content,
    parse_snapshot,
    require_not_older,
    require_trusted,
    sign_snapshot,
    witnessed,
)
from ledger.core.trust import KeySet, RestoreNotice, Trust
from scripts.benchmarks.snapshot import make as million
from tests.ports.snapshot_world import SnapshotWorld, signer, snapshot_world, trust_of


def _small() -> tuple[SnapshotWorld, State, bytes]:
    there = snapshot_world()
    there.world.anchor(there.world.batch(number=1, pending=True))
    state = there.state()
    return there, state, encode_snapshot(there.make(state))


ROOT = Path(__file__).parents[2]
THERE, STATE, FILE = _small()
TRUST = THERE.trust


def take(data: bytes, trust: Trust = TRUST, base: State | None = None) -> State:
    """All that stands between a file and a verdict."""
    snapshot = parse_snapshot(data)
    require_trusted(snapshot, trust)
    return read_state(snapshot, base)


def code_of(data: bytes, trust: Trust = TRUST, base: State | None = None) -> str:
    with pytest.raises(LedgerError) as refused:
        take(data, trust, base)
    return refused.value.code


def test_a_good_file_is_taken() -> None:
    assert take(FILE) == STATE
    assert encode_snapshot(parse_snapshot(FILE)) == FILE


def test_every_truncation_is_refused() -> None:
    for size in range(len(FILE)):
        assert code_of(FILE[:size]) == "SNAPSHOT_SHAPE"
    assert code_of(FILE + b"\0") == "SNAPSHOT_SHAPE"


def test_every_altered_byte_is_refused() -> None:
    for place in range(len(FILE)):
        altered = FILE[:place] + bytes([FILE[place] ^ (1 << place % 8)]) + FILE[place + 1 :]
        assert code_of(altered).startswith(("SNAPSHOT_", "CHECKPOINT_", "JSON_"))


@given(st.integers(0, len(FILE) - 1), st.binary(min_size=1, max_size=3), st.integers(0, 4))
@settings(max_examples=200)
def test_whatever_is_put_in_is_refused_or_means_the_same(place: int, new: bytes, cut: int) -> None:
    altered = FILE[:place] + new + FILE[place + cut :]
    try:
        assert take(altered) == STATE
        assert parse_snapshot(altered).header == parse_snapshot(FILE).header
    except InputError:
        assert altered != FILE


class TestSigners:
    def test_one_of_two_is_too_few(self) -> None:
        assert code_of(encode_snapshot(THERE.make(STATE, by=(0,)))) == "SNAPSHOT_SIGNERS"
        assert code_of(encode_snapshot(THERE.make(STATE, by=()))) == "SNAPSHOT_SIGNERS"

    def test_one_who_signs_twice_counts_once(self) -> None:
        once = THERE.make(STATE, by=(0, 0))
        assert len(once.signatures) == 1
        twice = replace(once, signatures=once.signatures * 2)
        assert code_of(encode_snapshot(twice)) == "SNAPSHOT_SHAPE"

    def test_a_signer_that_the_trust_file_does_not_name_counts_nothing(self) -> None:
        data = encode_snapshot(THERE.make(STATE, by=(0, 7)))
        with pytest.raises(InputError) as refused:
            take(data)
        assert refused.value.detail["strangers"] == [parse_snapshot(data).signatures[1][0]]
        assert take(encode_snapshot(THERE.make(STATE, by=(0, 7, 2)))) == STATE

    def test_a_signature_of_another_file_does_not_count(self) -> None:
        other = THERE.make(STATE, confirmed_at=1)
        made = replace(THERE.make(STATE), signatures=other.signatures)
        assert code_of(encode_snapshot(made)) == "SNAPSHOT_SIGNATURE"

    def test_signers_sign_one_after_the_other(self) -> None:
        first = parse_snapshot(encode_snapshot(THERE.make(STATE, by=(2,))))
        assert take(encode_snapshot(sign_snapshot(first, signer(0)))) == STATE

    def test_a_trust_file_that_names_nobody_takes_nothing(self) -> None:
        assert code_of(FILE, replace(TRUST, snapshots=KeySet(0, {}))) == "SNAPSHOT_NO_SIGNERS"
        named = replace(TRUST, snapshots=KeySet(0, trust_of(THERE.info).snapshots.keys))
        assert code_of(FILE, named) == "SNAPSHOT_NO_SIGNERS"

    @pytest.mark.parametrize("change", [{"ledger_id": bytes(32)}, {"chain_id": 7}])
    def test_a_snapshot_of_another_ledger(self, change: dict[str, object]) -> None:
        assert code_of(FILE, replace(TRUST, **change)) == "SNAPSHOT_LEDGER"  # type: ignore[arg-type]  # members


def _with_header(**changes: object) -> bytes:
    """The file with another header, signed anew by all."""
    size = int.from_bytes(FILE[len(MAGIC) : len(MAGIC) + 4])
    document = strict_json_object(FILE[len(MAGIC) + 4 : len(MAGIC) + 4 + size])
    header = canonical_json({**document, **changes})
    return MAGIC + struct.pack(">I", len(header)) + header + FILE[len(MAGIC) + 4 + size :]


class TestHeader:
    def test_it_is_as_the_schema_says(self) -> None:
        schema = json.loads((ROOT / "docs" / "snapshot.schema.json").read_text(encoding="utf-8"))
        said = THERE.statement(STATE, 5)
        follows = Follows(0, bytes(32))
        full = THERE.make(STATE, checkpoint=said, cosignatures=(said,), follows=follows)
        for made in (THERE.make(STATE), full):
            data = encode_snapshot(made)
            size = int.from_bytes(data[len(MAGIC) : len(MAGIC) + 4])
            jsonschema.validate(json.loads(data[len(MAGIC) + 4 : len(MAGIC) + 4 + size]), schema)

    @pytest.mark.parametrize("version", [0, 2, 999, "1", True, None])
    def test_another_format_version_says_so(self, version: object) -> None:
        assert code_of(_with_header(version=version)) == "SNAPSHOT_VERSION"

    @pytest.mark.parametrize(
        "change",
        [
            {"more": 1},
            {"block": {"number": 1}},
            {"block": None},
            {"confirmed_at": -1},
            {"confirmed_at": "1"},
            {"state": "0x00"},
            {"state": "0X" + "00" * 32},
            {"ledger_id": "0x" + "AB" * 32},
            {"chain_id": "eip155:01"},
            {"contracts": {"registry": {}, "ledger": {}}},
            {"follows": {"block": 10**9, "state": "0x" + "00" * 32}},
            {"cosignatures": {}},
            {"cosignatures": [{}]},
            {"checkpoint": "x"},
            {"content": {"bytes": 1, "plain_bytes": 1, "sha256": "0x" + "00" * 32}},
        ],
        ids=str,
    )
    def test_what_is_not_as_it_must_be(self, change: dict[str, object]) -> None:
        assert code_of(_with_header(**change)) in {"SNAPSHOT_SHAPE", "CHECKPOINT_SHAPE"}

    def test_blanks_in_the_header_are_a_second_spelling(self) -> None:
        size = int.from_bytes(FILE[len(MAGIC) : len(MAGIC) + 4])
        header = FILE[len(MAGIC) + 4 : len(MAGIC) + 4 + size].replace(b'":', b'": ', 1)
        rest = FILE[len(MAGIC) + 4 + size :]
        assert code_of(MAGIC + struct.pack(">I", len(header)) + header + rest) == "SNAPSHOT_SHAPE"


def _repacked(packed: bytes, plain: int) -> Snapshot:
    """Other content under a header that fits it, signed by all."""
    made = THERE.make(STATE, by=())
    content = Content(len(packed), plain, sha256(packed).digest())
    made = replace(made, header=replace(made.header, content=content), packed=packed)
    return sign_snapshot(sign_snapshot(made, signer(0)), signer(1))


class TestContent:
    """Signed by all, and still not believed blindly."""

    def test_a_bomb_is_never_opened_further_than_it_says(self) -> None:
        bomb = zlib.compress(bytes(50_000_000), 9)
        with pytest.raises(InputError, match="length"):
            open_content(_repacked(bomb, 1_000))

    def test_a_bomb_that_says_so_is_not_opened_at_all(self) -> None:
        assert code_of(encode_snapshot(_repacked(b"x", MAX_PLAIN_BYTES + 1))) == "SNAPSHOT_TOO_LARGE"

    @pytest.mark.parametrize(
        "packed", [b"", b"rubbish", zlib.compress(b"ab")[:-1], zlib.compress(b"ab") + b"c"]
    )
    def test_what_cannot_be_opened(self, packed: bytes) -> None:
        assert code_of(encode_snapshot(_repacked(packed, 2))) == "SNAPSHOT_SHAPE"

    def test_a_state_that_is_not_the_signed_one(self) -> None:
        assert code_of(encode_snapshot(THERE.make(STATE, state=bytes(32)))) == "SNAPSHOT_STATE"

    def test_a_newest_block_that_is_not_the_signed_one(self) -> None:
        block = replace(STATE.block, hash=bytes(32))
        assert code_of(encode_snapshot(THERE.make(STATE, block=block))) == "SNAPSHOT_STATE"


class TestDeltas:
    def test_one_upon_the_other(self) -> None:
        there = snapshot_world()
        states = [there.state()]
        for number in range(3):
            there.world.anchor(there.world.batch(number=number))
            states.append(there.state())
        found = take(encode_snapshot(there.make(states[0])), there.trust)
        for base, state in pairwise(states):
            data = encode_snapshot(there.make(state, base))
            assert len(data) < len(encode_snapshot(there.make(states[-1])))
            found = take(data, there.trust, found)
            assert found == state
        last = encode_snapshot(there.make(states[3], states[2]))
        for wrong in (None, states[1], states[3]):
            assert code_of(last, there.trust, wrong) == "SNAPSHOT_GAP"

    def test_a_day_without_events_is_told_too(self) -> None:
        there = snapshot_world()
        state = there.state()
        there.world.clock.advance(86_400)
        assert take(encode_snapshot(there.make(state, state)), there.trust, state) == state

    def test_a_base_of_the_same_height_but_another_history(self) -> None:
        follows = Follows(STATE.block.number, b"\x01" * 32)
        assert code_of(encode_snapshot(THERE.make(STATE, follows=follows)), base=STATE) == "SNAPSHOT_GAP"


class TestRollback:
    KNOWN = BlockRef(STATE.block.number + 5, b"\x07" * 32, 0)

    def judge(self, known: BlockRef | None, trust: Trust = TRUST, *, allow_older: bool = False) -> str:
        try:
            require_not_older(parse_snapshot(FILE).header, known, trust, allow_older=allow_older)
        except LedgerError as error:
            return error.code
        return "taken"

    def test_older_than_what_was_accepted(self) -> None:
        assert self.judge(self.KNOWN) == "SNAPSHOT_ROLLBACK"
        assert self.judge(self.KNOWN, allow_older=True) == "taken"
        assert self.judge(None) == self.judge(STATE.block) == self.judge(BlockRef(1, b"", 0)) == "taken"

    def test_the_same_height_with_another_block_is_a_fork_whoever_allows_what(self) -> None:
        other = replace(STATE.block, hash=b"\x07" * 32)
        assert self.judge(other) == self.judge(other, allow_older=True) == "SNAPSHOT_FORKED"

    def test_blocks_that_a_restore_notice_takes_back_bind_nobody(self) -> None:
        other = replace(STATE.block, hash=b"\x07" * 32)
        after = max(self.KNOWN.time, other.time)
        for restored_at, expected in ((after, "taken"), (min(self.KNOWN.time, other.time) - 1, None)):
            notice = RestoreNotice(STATE.block.number, STATE.block.number + 9, restored_at)
            trust = replace(TRUST, restore_notices=(notice,))
            assert self.judge(self.KNOWN, trust) == (expected or "SNAPSHOT_ROLLBACK")
            assert self.judge(other, trust) == (expected or "SNAPSHOT_FORKED")


class TestStatements:
    """Checkpoints that travel with a snapshot."""

    def header(self, *said: object) -> object:
        return parse_snapshot(encode_snapshot(THERE.make(STATE, cosignatures=said))).header

    def test_witnesses_are_told_with_their_highest_block(self) -> None:
        older = THERE.statement(STATE, 5, block=BlockRef(0, b"\x09" * 32, 0))
        newest, other = THERE.statement(STATE, 5), THERE.statement(STATE, 6)
        made = THERE.make(STATE, cosignatures=(newest, older, other), checkpoint=THERE.statement(STATE, 4))
        view = SnapshotView(made.header, STATE)
        head = view.head()
        assert head is not None
        assert head.kind == "snapshot"
        assert set(head.witnessed) == {
            WitnessHead(signer(number).thumbprint, STATE.block.number, THERE.world.now) for number in (5, 6)
        }

    @pytest.mark.parametrize(
        ("change", "code"),
        [
            ({"block": replace(STATE.block, hash=b"\x09" * 32)}, "SNAPSHOT_FORKED"),
            ({"block": replace(STATE.block, number=STATE.block.number + 1)}, "SNAPSHOT_FORKED"),
            ({"ledger_id": bytes(32)}, "CHECKPOINT_LEDGER"),
        ],
    )
    def test_one_that_contradicts_its_state_is_refused(self, change: dict[str, object], code: str) -> None:
        said = THERE.statement(STATE, 5, **change)
        for made in (THERE.make(STATE, cosignatures=(said,)), THERE.make(STATE, checkpoint=said)):
            with pytest.raises(InputError, match=code):
                witnessed(made.header, {})

    def test_one_that_its_key_did_not_sign_is_refused(self) -> None:
        said = replace(THERE.statement(STATE, 5), signature=bytes(64))
        with pytest.raises(InputError, match="CHECKPOINT_SIGNATURE"):
            SnapshotView(THERE.make(STATE, cosignatures=(said,)).header, STATE)


def test_a_view_says_which_ledger_it_is() -> None:
    view = SnapshotView(parse_snapshot(FILE).header, STATE)
    info = view.info()
    assert isinstance(info, ChainInfo)
    assert info == THERE.info
    with pytest.raises(RefusedError, match="ROLLBACK"):
        require_not_older(parse_snapshot(FILE).header, BlockRef(10**6, b"", 0), TRUST, allow_older=False)


def test_a_million_credentials_fit_in_three_megabytes() -> None:
    """The worst for the size: every status word was written. How soon it is read: scripts/bench."""
    made = million(1_000, 1_000, activated=True)
    assert len(made.data) <= 3_000_000
    snapshot = parse_snapshot(made.data)
    assert (
        sum(anchor.size for anchor in SnapshotView(snapshot.header, read_state(snapshot)).anchors()) == 10**6
    )
