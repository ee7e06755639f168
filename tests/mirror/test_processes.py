"""One issuer and two mirrors, each a process of its own: what they agree on, and what they refuse."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import jsonschema
import pytest

from ledger.adapters.chain_embedded.chain import EmbeddedChain
from ledger.adapters.chain_embedded.reader import EmbeddedReader
from ledger.adapters.checkpoint_file import CheckpointFile
from ledger.adapters.home_files import Home
from ledger.adapters.system import ManualClock, is_answering
from ledger.adapters.trust_files import HomeTrust
from ledger.apps.cli import run
from ledger.core.status import Status
from ledger.core.trust import load_trust_bytes, sign_trust
from ledger.core.trust_next import Changes, KeyChange, next_trust
from ledger.settings import Settings
from tests.cli.story import schema
from tests.mirror.issuer import found_home, write_home
from tests.mirror.players import Player, Seen, free_port, issuer, mirror, mirror_home, node, wait_for
from tests.mirror_world import TRUST_KEY, Operator
from tests.ports.chain_world import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300), pytest.mark.xdist_group("mirror-processes")]
HOST = "127.0.0.1"
SUSPENDED = int(Status.SUSPENDED)


@dataclass
class Town:
    """An issuer's home with its processes, and two mirrors."""

    folder: Path
    home: Home
    port: int
    mirrors: list[Settings] = field(default_factory=list)
    players: list[Player] = field(default_factory=list)
    seen: list[Seen] = field(default_factory=list)

    def play(self, player: Player) -> Player:
        self.players.append(player)
        return player

    def end(self) -> None:
        for seen in self.seen:
            seen.close()
        for player in reversed(self.players):
            player.end()


def witnessed_by(home: Home, mirrors: list[Settings], threshold: int) -> None:
    """The trust file's next version names the mirrors' keys; its keepers did that elsewhere."""
    trusts = HomeTrust(home)
    keys = [
        json.loads((settings.home / "keys" / "mirror" / "witness" / "witness.jwk").read_bytes())
        for settings in mirrors
    ]
    changes = Changes(witnesses=KeyChange(add=tuple(keys), threshold=threshold))
    trusts.take(sign_trust(json.loads(next_trust(trusts.trust(), changes)), [TRUST_KEY]))


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    home = found_home(tmp_path / "issuer", int(time.time()))
    town = Town(tmp_path, home, free_port(HOST))
    url = f"http://{HOST}:{town.port}"
    for name in ("a", "b"):
        town.mirrors.append(mirror_home(tmp_path / name, url, home.trust_file))
    witnessed_by(home, town.mirrors, 2)
    town.seen = [Seen(settings) for settings in town.mirrors]
    try:
        yield town
    finally:
        town.end()


def liar(home: Home, folder: Path, back: int, more: int) -> Home:
    """The same operator's ledger with other blocks from `back` blocks before its head, in another folder."""
    reader = EmbeddedReader(home.chain_file)
    head = reader.head()
    clock = ManualClock(head.time)
    other = Home(folder)
    other.create()
    chain = EmbeddedChain.join(
        other.chain_file, clock, chain_id=reader.info().chain_id, genesis_rlp=reader.store.block_rlp(0) or b""
    )
    info = reader.info()
    chain.save_contracts({"registry": info.registry, "ledger": info.ledger})
    chain.import_blocks(reader.store.block_rlp(number) or b"" for number in range(1, head.number - back + 1))
    reader.close()
    operator = Operator(chain, clock, number=5_000)
    operator.anchor(more)
    book = CheckpointFile(other.checkpoints_file)
    for number in range(chain.head().number + 1):
        for kept in operator.book.at(number):
            book.keep(kept.signed, "operator")
    book.keep(operator.state(ManualClock(int(time.time()))), "operator")
    book.close()
    write_home(other, operator)
    chain.close()
    return other


def test_two_mirrors_follow_co_sign_and_refuse_a_rewritten_block(
    town: Town, capsys: pytest.CaptureFixture[str]
) -> None:
    log = town.folder / "log"
    serving = town.play(node(town.home.path, log, HOST, town.port))
    sealing = town.play(issuer(town.home.path, log))
    for settings in town.mirrors:
        town.play(mirror(settings, log))
    root = number_text = ""
    for _ in range(5):
        _, root, number_text = sealing.ask("anchor")
    for seen in town.seen:
        seen.wait_for_block(int(number_text))
    began = time.monotonic()  # how long it takes this machine, today
    _, root, number_text = sealing.ask("anchor")
    for seen in town.seen:
        seen.wait_for_block(int(number_text))
    usual_s = time.monotonic() - began
    for seen in town.seen:
        evidence = seen.view.evidence(ROOT, bytes.fromhex(root), 0)
        assert (evidence.status, evidence.head.kind) == (0, "mirror")
        assert len(evidence.head.witnessed) == 2
    # a status change is known to who verifies at a mirror within moments
    _, changed = sealing.ask(f"suspend {root}")
    began = time.monotonic()
    for seen in town.seen:
        seen.wait_for_status(ROOT, bytes.fromhex(root), SUSPENDED)
    assert time.monotonic() - began < 5 + 2 * usual_s
    wait_for(lambda: all(seen.final() == int(changed) for seen in town.seen))
    # the operator's process and node give way to ones with another history from block N-5 on
    sealing.end()
    serving.end()
    town.play(node(liar(town.home, town.folder / "liar", 5, 8).path, log, HOST, town.port))
    for settings, seen in zip(town.mirrors, town.seen, strict=True):
        seen.wait_for_fork()
        assert seen.number() == int(changed)
        assert run(["mirror", "status", "--json"], settings) == 1
        told = json.loads(capsys.readouterr().out)
        jsonschema.validate(told, schema("mirror"))
        assert (told["condition"], told["code"]) == ("refusing", "HISTORY_REWRITTEN")
        assert run(["mirror", "evidence", "--json"], settings) == 0
        found = json.loads(capsys.readouterr().out)
        jsonschema.validate(found, schema("mirror-evidence"))
        (judged,) = found["evidence"]
        assert judged["kind"] == "HISTORY_REWRITTEN"
        assert load_trust_bytes((settings.home / "trust.json").read_bytes()).version == 2


def test_a_mirror_follows_a_mirror_and_says_how_it_stands(
    town: Town, capsys: pytest.CaptureFixture[str]
) -> None:
    log, port = town.folder / "log", free_port(HOST)
    serving = town.play(node(town.home.path, log, HOST, town.port))
    sealing = town.play(issuer(town.home.path, log))
    first, _ = town.mirrors
    beside = town.play(mirror(first, log, listen=f"{HOST}:{port}"))
    number = int(sealing.ask("anchor")[2])
    town.seen[0].wait_for_number(number)
    serving.end()
    wait_for(lambda: is_answering(HOST, port, "/node/v1/ledger"))
    second = Settings(home=town.folder / "second")
    words = [f"http://{HOST}:{port}", "--trust", str(town.home.trust_file), "--once", "--json"]
    assert run(["mirror", *words], second) == 0
    told = json.loads(capsys.readouterr().out)
    jsonschema.validate(told, schema("mirror"))
    assert (told["condition"], told["head"]["number"]) == ("following", number)
    assert run(["mirror", "init", "--without-key", "--json"], second) == 0
    jsonschema.validate(json.loads(capsys.readouterr().out), schema("mirror-init"))
    assert run(["mirror", "status"], second) == 0
    beside.end(signal.SIGKILL)
    wait_for(lambda: not is_answering(HOST, port, "/node/v1/ledger"))  # the port is free for the next one
    assert run(["worker", "--once"], second) == 1
    assert "MIRROR_READ_ONLY" in capsys.readouterr().err
    assert run(["mirror", "evidence"], second) == 0
