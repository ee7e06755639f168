"""An issuer and two mirrors in network namespaces: a cut wire, a killed mirror, and what stays final."""

from __future__ import annotations

import json
import signal
import time
from pathlib import Path

import pytest

from ledger.adapters.system import free_port
from tests.mirror.issuer import found_home
from tests.mirror.players import Player, Seen, issuer, mirror, mirror_home, node, wait_for
from tests.mirror.spaces import spaces
from tests.mirror.test_processes import witnessed_by


def state_of(home: Path) -> str:
    return str(json.loads((home / "mirror.json").read_bytes())["condition"])


@pytest.mark.needs("netns")
@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.xdist_group("mirror-processes")
def test_behind_a_cut_wire_nothing_new_is_final_and_nothing_old_is_lost(tmp_path: Path) -> None:
    home, log, port = (
        found_home(tmp_path / "issuer", int(time.time())),
        tmp_path / "log",
        free_port("127.0.0.1"),
    )
    players: list[Player] = []
    with spaces() as net:
        settings = {
            name: mirror_home(tmp_path / name, f"http://{net.issuer_at[name]}:{port}", home.trust_file)
            for name in net.mirrors
        }
        witnessed_by(home, list(settings.values()), 2)
        seen = {name: Seen(found) for name, found in settings.items()}
        try:
            players.append(node(home.path, log, "0.0.0.0", port, net.issuer))  # noqa: S104  inside the namespace
            sealing = issuer(home.path, log)
            players.append(sealing)
            following = {name: mirror(found, log, net.mirrors[name]) for name, found in settings.items()}
            players += following.values()
            first = int(sealing.ask("anchor")[2])
            for one in seen.values():
                one.wait_for_block(first)
            net.cut("b")
            second = int(sealing.ask("anchor")[2])
            wait_for(lambda: seen["a"].number() == second)
            wait_for(lambda: state_of(settings["b"].home) == "waiting")
            assert (seen["a"].final(), seen["b"].final(), seen["b"].number()) == (first, first, first)
            assert not seen["b"].head().forked
            following["b"].end(signal.SIGKILL)
            net.mend("b")
            players.append(mirror(settings["b"], log, net.mirrors["b"]))
            for one in seen.values():
                one.wait_for_block(second)
        finally:
            for one in seen.values():
                one.close()
            for player in reversed(players):
                player.end()
