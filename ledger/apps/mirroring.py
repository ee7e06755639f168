"""A mirror that stays: follows a ledger's node, serves the same node itself, tells when something is wrong."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from ledger.bootstrap import free_port
from ledger.bootstrap_mirror import MirrorSite, open_mirror
from ledger.core.errors import InputError, UnavailableError
from ledger.core.mirroring import MirrorState
from ledger.core.model import BlockRef
from ledger.ports import PasswordSource
from ledger.settings import Settings

LOOK_EVERY_S = 0.5
REST_S = 5.0
"""Between two looks when the source does not answer, or is refused."""
STOP_S = 10.0
AGAIN_AFTER_S = 2.0

_log = logging.getLogger("ledger.mirror")
_LAST_PORT = 65_535


def parse_listen(text: str) -> tuple[str, int]:
    """(host, port) of `HOST:PORT` or `[IPV6]:PORT`; port 0: any.

    Raises: InputError(LISTEN_ADDRESS).
    """
    host, _, port = text.rpartition(":")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    elif ":" in host:
        host = ""
    if not host or not (port.isascii() and port.isdecimal() and int(port) <= _LAST_PORT):
        raise InputError(
            "LISTEN_ADDRESS",
            f"--listen takes HOST:PORT, for instance 127.0.0.1:8422, not {text!r}.",
            given=text,
        )
    return host, int(port)


def follow(
    settings: Settings,
    ask: PasswordSource | None,
    on_state: Callable[[MirrorState], None],
    wait: Callable[[float], bool],
    *,
    listen: tuple[str, int] | None = None,
    on_address: Callable[[str], None] = lambda _address: None,
    once: bool = False,
) -> MirrorState:
    """Follow until told to stop.

    Args:
        settings: the mirror's data directory is their home.
        ask: asks a person for the witness key's password.
        on_state: told after every round, and while catching up.
        wait: sleeps so many seconds; True: stop now.
        listen: host and port of the mirror's own node; None: none. A copy that begins anew gets a new one.
        on_address: told where the node is.
        once: one round, and another if the copy had to begin anew.
    Returns: the last state.
    Raises: as open_mirror, except that a silent node is waited for unless `once`; UnavailableError(NODE_ENDED)
        when the mirror's own node died: whoever supervises starts both again.
    """
    while True:
        try:
            with open_mirror(settings, ask) as site, node_beside(settings, listen) as beside:
                if beside is not None:
                    on_address(beside.address)
                state = _rounds(site, beside, on_state, wait, once=once)
        except UnavailableError as error:
            if once or error.code != "NODE_SILENT":
                raise
            _log.warning("waiting", extra={"code": error.code})
            silent = MirrorState("waiting", BlockRef(0, bytes(32), 0), code=error.code)
            on_state(silent)
            if wait(AGAIN_AFTER_S):
                return silent
            continue
        if state.condition != "restored":
            return state


def _rounds(
    site: MirrorSite,
    beside: Beside | None,
    on_state: Callable[[MirrorState], None],
    wait: Callable[[float], bool],
    *,
    once: bool,
) -> MirrorState:
    """Rounds until told to stop, or until the copy must begin anew."""
    site.mirror.on_progress = on_state
    while True:
        state = site.mirror.step()
        on_state(state)
        if beside is not None:
            beside.require_alive()
        if once or state.condition == "restored":
            return state
        if wait(
            LOOK_EVERY_S
            if state.condition == "following"
            else REST_S
            if state.condition == "refusing"
            else 1.0
        ):
            return state


@dataclass(frozen=True, slots=True)
class Beside:
    """The mirror's own node, in a process of its own. `address`: where it listens."""

    address: str
    process: subprocess.Popen[bytes]

    def require_alive(self) -> None:
        """Raises: UnavailableError(NODE_ENDED)."""
        status = self.process.poll()
        if status is not None:
            raise UnavailableError(
                "NODE_ENDED",
                f"The node beside the mirror ended (status {status}); see the lines above.",
                status=status,
                address=self.address,
            )


@contextmanager
def node_beside(settings: Settings, listen: tuple[str, int] | None) -> Iterator[Beside | None]:
    """`ecert node` over the same data directory.

    Args:
        settings: of the mirror.
        listen: host and port, 0 for any; None: no node.
    """
    if listen is None:
        yield None
        return
    host, port = listen
    chosen = port or free_port(host)
    place = f"{os.getpid()}, {str(settings.home)!r}, {host!r}, {chosen}"
    code = f"from ledger.apps.serving import run_node; run_node({place})"
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.DEVNULL)  # noqa: S603  our own module
    try:
        yield Beside(f"http://{f'[{host}]' if ':' in host else host}:{chosen}/", process)
    finally:
        process.terminate()
        try:
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()  # it holds nothing
            process.wait()
