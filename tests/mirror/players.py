"""Real processes for tests: an issuer, its node, mirrors; each may live in a network namespace of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ledger.adapters.system import SystemClock, free_port
from ledger.bootstrap_chain import open_view
from ledger.bootstrap_mirror import MirrorPlan, make_witness_key, set_up_mirror
from ledger.core.finality import final_height
from ledger.core.trust import Trust, load_trust_bytes
from ledger.settings import Settings

PROJECT = Path(__file__).resolve().parent.parent.parent
PASSWORD = "witness-password"
"""Of keys that live as long as a test."""
PATIENCE_S = 60.0


def wait_for(what: Callable[[], Any], patience_s: float = PATIENCE_S) -> Any:
    """The first true answer."""
    until = time.monotonic() + patience_s
    while time.monotonic() < until:
        found = what()
        if found:
            return found
        time.sleep(0.1)
    raise AssertionError("it did not come to pass in time")


class Player:
    """A process, ended with the test.

    Args:
        words: after the Python interpreter.
        space: network namespace, or None.
        log: where its words go.
    """

    def __init__(self, words: list[str], log: Path, space: str | None = None, *, talks: bool = False) -> None:
        before = [] if space is None else ["ip", "netns", "exec", space]
        self.log = log.open("ab")
        self.process = subprocess.Popen(
            [*before, sys.executable, *words],
            cwd=PROJECT,
            stdin=subprocess.PIPE if talks else subprocess.DEVNULL,
            stdout=subprocess.PIPE if talks else self.log,
            stderr=self.log,
            text=True,
            env={**os.environ, "ETH_HASH_BACKEND": "pysha3"},
        )

    def ask(self, line: str) -> list[str]:
        """One command, one answer."""
        assert self.process.stdin is not None
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        return self.answer()

    def answer(self) -> list[str]:
        assert self.process.stdout is not None
        return self.process.stdout.readline().split()

    def end(self, number: int = signal.SIGTERM) -> int:
        if self.process.poll() is None:
            self.process.send_signal(number)
        try:
            status = self.process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            self.process.kill()  # nothing outlives the test that failed
            self.process.wait()
            raise
        for pipe in (self.process.stdin, self.process.stdout, self.log):
            if pipe is not None:
                pipe.close()
        return status


def issuer(home: Path, log: Path, number: int = 0) -> Player:
    player = Player(["-m", "tests.mirror.issuer", str(home), str(number)], log, talks=True)
    assert player.answer()[0] == "ready"
    return player


def node(home: Path, log: Path, host: str, port: int, space: str | None = None) -> Player:
    words = ["-m", "ledger.apps.cli", "node", "--home", str(home), "--host", host, "--port", str(port)]
    return Player(words, log, space)


def mirror_home(folder: Path, url: str, trust: Path, *peers: str) -> Settings:
    """A mirror's data directory with a witness key, its password in a file."""
    passwords = folder.with_name(folder.name + "-passwords")
    passwords.mkdir(mode=0o700)
    secret = passwords / "mirror-witness"
    secret.touch(0o600)
    secret.write_text(PASSWORD)
    settings = Settings(home=folder, password_path=passwords)
    home = set_up_mirror(settings, MirrorPlan(url, trust, peers or None))
    make_witness_key(settings, home, None)
    return settings


def mirror(settings: Settings, log: Path, space: str | None = None, listen: str | None = None) -> Player:
    words = ["-m", "ledger.apps.cli", "mirror", "follow", "--home", str(settings.home), "--lang", "en"]
    words += [] if listen is None else ["--listen", listen]
    os.environ["ECERT_PASSWORD_FILE"] = str(settings.password_path)
    try:
        return Player(words, log, space)
    finally:
        del os.environ["ECERT_PASSWORD_FILE"]


class Seen:
    """What a verifier reads in a mirror's data directory."""

    def __init__(self, settings: Settings) -> None:
        self.home = settings.home
        self.view: Any = None

    def head(self) -> Any:
        if self.view is None:
            if not (self.home / "view.db").exists() or not (self.home / "mirror.json").exists():
                return None
            self.view = open_view(self.home, SystemClock())
        return self.view.head()

    def number(self) -> int:
        head = self.head()
        return -1 if head is None else int(head.block.number)

    def trust(self) -> Trust:
        return load_trust_bytes((self.home / "trust.json").read_bytes())

    def final(self) -> int:
        head = self.head()
        return -1 if head is None else final_height(self.trust(), head)

    def wait_for_block(self, number: int) -> None:
        """Known here, and signed by as many witnesses as the trust file demands."""
        wait_for(lambda: self.number() == number and self.final() == number)

    def wait_for_number(self, number: int) -> None:
        """Known here."""
        wait_for(lambda: self.number() == number)

    def wait_for_status(self, issuer_: str, root: bytes, status: int) -> None:
        """Of the first credential of a batch."""
        wait_for(lambda: self.view.evidence(issuer_, root, 0).status == status)

    def wait_for_fork(self) -> None:
        """The source told two stories."""
        wait_for(lambda: self.head().forked)

    def close(self) -> None:
        if self.view is not None:
            self.view.close()


__all__ = ["Player", "Seen", "free_port", "issuer", "mirror", "mirror_home", "node", "wait_for"]
