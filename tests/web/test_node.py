"""The node over HTTP: what it hands out, how it may be kept, what it refuses."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ledger.adapters.limits_memory import MemoryLimits
from ledger.adapters.signer_memory import MemoryCredentialSigner
from ledger.adapters.system import ManualClock
from ledger.core.checkpoint import Checkpoint, encode_checkpoint, parse_checkpoint, sign_checkpoint
from ledger.core.limits import RULES, LimitKind, Rule
from ledger.core.merkle import hash_leaf
from ledger.services import node as node_service
from tests.flow_world import ISSUER, START, deposit_table
from tests.witness_world import WITNESSES, WitnessedWorld, found_with_checkpoints

pytestmark = pytest.mark.xdist_group("witnesses")
STRANGER = MemoryCredentialSigner.from_private_number(499)
FOREVER = "public, max-age=31536000, immutable"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WitnessedWorld]:
    folder = tmp_path_factory.mktemp("node") / "home"
    clock = ManualClock(START)
    found_with_checkpoints(folder, clock)
    opened = WitnessedWorld(folder, clock, threshold=0)
    opened.issue_all(deposit_table(range(300)), max_batch=300)
    opened.checkpointer.step()
    yield opened
    opened.close()


@pytest.fixture
def ask(world: WitnessedWorld) -> FlaskClient:
    return world.app().test_client()


def blocks_of(data: bytes) -> list[bytes]:
    found = []
    while data:
        length = int.from_bytes(data[:4])
        found.append(data[4 : 4 + length])
        data = data[4 + length :]
    return found


def test_the_card_names_the_ledger_and_its_head(world: WitnessedWorld, ask: FlaskClient) -> None:
    body = ask.get("/node/v1/ledger").get_json()
    info, head = world.chain.info(), world.chain.head()
    assert body == {
        "format": 1, "ledger_id": "0x" + info.ledger_id.hex(), "chain_id": f"eip155:{info.chain_id}",
        "registry": "0x" + info.registry.hex(), "ledger": "0x" + info.ledger.hex(),
        "head": {"number": head.number, "hash": "0x" + head.hash.hex(), "time": head.time},
        "is_sealing": True, "trust_version": 1, "blocks_max": 512, "piece_bytes": 4_194_304,
    }  # fmt: skip


def test_blocks_come_whole_in_order_and_may_be_kept(
    world: WitnessedWorld, ask: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    head = world.chain.head().number
    every = [world.chain.block_rlp(number) for number in range(head + 1)]
    answer = ask.get("/node/v1/blocks/from/0")
    assert blocks_of(answer.data) == every
    assert answer.headers["Cache-Control"] == "public, no-cache"  # it ends at the head: there will be more
    assert ask.get("/node/v1/genesis").data == every[0]
    one = ask.get(f"/node/v1/blocks/{head}")
    assert (one.data, one.headers["Cache-Control"]) == (every[head], FOREVER)
    again = ask.get(f"/node/v1/blocks/{head}", headers={"If-None-Match": one.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")
    # reason: half a thousand blocks would take a minute
    monkeypatch.setattr(node_service, "PIECE_BLOCKS", 3)
    piece = ask.get("/node/v1/blocks/from/1")
    assert (blocks_of(piece.data), piece.headers["Cache-Control"]) == (every[1:4], FOREVER)
    # reason: as above, by size
    monkeypatch.setattr(node_service, "PIECE_BYTES", 10)
    assert blocks_of(ask.get("/node/v1/blocks/from/2").data) == every[2:3]


def test_above_the_head_is_nothing_yet(world: WitnessedWorld, ask: FlaskClient) -> None:
    above = world.chain.head().number + 1
    for path in (f"blocks/{above}", f"blocks/from/{above}", f"blocks/{10**15}"):
        answer = ask.get(f"/node/v1/{path}")
        assert (answer.status_code, answer.get_json()["code"]) == (404, "BLOCK_ABOVE_HEAD")
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.mimetype == "application/problem+json"


@pytest.mark.parametrize(
    "path",
    ["blocks/01", "blocks/-1", "blocks/0x1", "blocks/from/１", f"leaves/{ISSUER}/AB/0", "checkpoints/a"],
)
def test_addresses_have_one_spelling(ask: FlaskClient, path: str) -> None:
    answer = ask.get(f"/node/v1/{path}")
    assert (answer.status_code, answer.get_json()["code"]) == (404, "NODE_ADDRESS")


def test_leaf_tiles_give_the_tree_and_nothing_else(world: WitnessedWorld, ask: FlaskClient) -> None:
    [batch] = world.store.batches.batches()
    root = (batch.root or b"").hex()
    entries = world.store.signing.entries(batch.id)
    leaves = [hash_leaf(entries[at : at + 32]) for at in range(0, len(entries), 32)]
    first, second = (ask.get(f"/node/v1/leaves/{ISSUER}/{root}/{tile}") for tile in (0, 1))
    assert (len(first.data), len(second.data)) == (256 * 32, 44 * 32)
    assert first.data + second.data == b"".join(leaves)
    assert first.headers["Cache-Control"] == FOREVER
    for path in (f"{ISSUER}/{root}/2", f"{ISSUER}/{'ab' * 32}/0", f"{'X' * 18}/{root}/0"):
        answer = ask.get(f"/node/v1/leaves/{path}")
        assert (answer.status_code, answer.get_json()["code"]) == (404, "TILE_MISSING")


def test_status_tiles_say_as_of_which_block(world: WitnessedWorld, ask: FlaskClient) -> None:
    [batch] = world.store.batches.batches()
    answer = ask.get(f"/node/v1/status/{ISSUER}/{(batch.root or b'').hex()}/0")
    head = world.chain.head()
    assert answer.data[:40] == head.number.to_bytes(8) + head.hash
    assert answer.data[40:] == bytes(5 * 32)  # 300 credentials, 64 to a word, all valid
    assert answer.headers["Cache-Control"] == "public, no-cache"


def test_checkpoints_and_what_witnesses_said(world: WitnessedWorld, ask: FlaskClient) -> None:
    head = world.chain.head().number
    newest = ask.get("/node/v1/checkpoint")
    assert parse_checkpoint(newest.data).checkpoint.block.number == head
    said = world.statement(WITNESSES[0])
    assert ask.post("/node/v1/cosignatures", data=encode_checkpoint(said)).get_json() == {
        "code": "COSIGNED", "block": head,
    }  # fmt: skip
    body = ask.get(f"/node/v1/checkpoints/{head}").get_json()
    assert (body["block"], len(body["checkpoints"])) == (head, 1)
    assert json.loads(encode_checkpoint(said)) in body["cosignatures"]
    assert json.loads(encode_checkpoint(said)) in ask.get("/node/v1/cosignatures").get_json()["cosignatures"]
    assert ask.get("/node/v1/checkpoints/0").get_json() == {"block": 0, "checkpoints": [], "cosignatures": []}
    same = ask.get("/node/v1/checkpoint", headers={"If-None-Match": newest.headers["ETag"]})
    assert same.status_code == 304


def refused(ask: FlaskClient, data: bytes) -> tuple[int, str]:
    answer = ask.post("/node/v1/cosignatures", data=data, content_type="application/json")
    return answer.status_code, answer.get_json()["code"]


def test_a_co_signature_must_be_a_witnesss_word_about_this_ledger(
    world: WitnessedWorld, ask: FlaskClient
) -> None:
    good = world.statement(WITNESSES[1])
    data = encode_checkpoint(good)
    assert refused(ask, encode_checkpoint(world.statement(STRANGER))) == (403, "WITNESS_UNKNOWN")
    assert refused(ask, b"{}") == (400, "CHECKPOINT_SHAPE")
    assert refused(ask, data + b" ") == (400, "CHECKPOINT_SHAPE")
    assert refused(ask, b"x" * 3_000)[0] == 413
    text = data.decode()
    at = text.index('"signature":"') + 20
    forged = text[:at] + ("A" if text[at] != "A" else "B") + text[at + 1 :]
    assert refused(ask, forged.encode()) == (400, "CHECKPOINT_SIGNATURE")
    seen = good.checkpoint
    other = Checkpoint(b"\x09" * 32, seen.chain_id, seen.block, seen.state_root, seen.signed_at)
    assert refused(ask, encode_checkpoint(sign_checkpoint(other, WITNESSES[1]))) == (400, "CHECKPOINT_LEDGER")
    late = Checkpoint(seen.ledger_id, seen.chain_id, seen.block, seen.state_root, seen.signed_at + 3_600)
    assert refused(ask, encode_checkpoint(sign_checkpoint(late, WITNESSES[1]))) == (
        400,
        "CHECKPOINT_FROM_FUTURE",
    )
    wrong = Checkpoint(seen.ledger_id, seen.chain_id, seen.block, b"\x01" * 32, seen.signed_at)
    assert refused(ask, encode_checkpoint(sign_checkpoint(wrong, WITNESSES[1]))) == (409, "CHECKPOINT_FORKED")
    assert refused(ask, data) == (200, "COSIGNED")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(data=st.binary(max_size=200) | st.text(max_size=80).map(lambda text: f'{{"{text}":1}}'.encode()))
def test_garbage_is_answered_with_a_problem_and_keeps_nothing(ask: FlaskClient, data: bytes) -> None:
    assert refused(ask, data) == (400, "CHECKPOINT_SHAPE")


def test_only_reading_and_one_kind_of_writing(ask: FlaskClient) -> None:
    for method, path in (("POST", "checkpoint"), ("PUT", "cosignatures"), ("DELETE", "blocks/1")):
        assert ask.open(f"/node/v1/{path}", method=method).status_code == 405
    assert ask.get("/").get_json()["code"] == "HTTP_404"
    assert ask.get("/healthz").get_json() == {"status": "ok"}


def test_who_asks_too_often_waits(world: WitnessedWorld) -> None:
    rules = {**RULES, LimitKind.NODE: Rule(2, 60), LimitKind.NODE_SIGN: Rule(1, 60)}
    ask = world.app(MemoryLimits(world.clock, rules)).test_client()
    assert [ask.get("/node/v1/genesis").status_code for _ in range(3)] == [200, 200, 429]
    answers = [ask.post("/node/v1/cosignatures", data=b"{}") for _ in range(2)]
    assert [answer.status_code for answer in answers] == [400, 429]
    assert int(answers[1].headers["Retry-After"]) >= 1


def test_the_trust_file_in_every_version(ask: FlaskClient) -> None:
    assert (ask.get("/node/v1/trust").data, ask.get("/node/v1/trust/1").data) == (b"{}", b"{}")
    assert ask.get("/node/v1/trust/1").headers["Cache-Control"] == FOREVER
    assert ask.get("/node/v1/trust/7").get_json()["code"] == "TRUST_VERSION_MISSING"
