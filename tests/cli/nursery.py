"""Command lines in processes of their own that need not import everything again.

A new interpreter spends 1.5 to 2.5 seconds of processor time on imports before a command begins. One
process of each test run imports the program once and forks a child for every command: a real process
with its own arguments, environment, descriptors and exit code, which can be killed like any other.
What differs from a new interpreter is only that modules are there already. That importing them does
nothing and that their order does not matter is shown by tests/house/test_imports.py; the tests of
starting, stopping and killing (test_serve, test_init, test_backup, test_internal_error) begin with a
new interpreter.

The nursery listens on a socket file. A caller sends {"argv", "environ", "cwd"} with the three standard
descriptors, and reads two lines: the child's process id, then its exit code (negative: a signal's number).
"""

from __future__ import annotations

import atexit
import gc
import importlib
import json
import os
import pkgutil
import select
import signal
import socket
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any
from unittest import mock

ROOT = Path(__file__).resolve().parent.parent.parent
SIZE = 1 << 20
START_S = 120.0
PACKAGES = ("ledger.apps", "ledger.services", "ledger.adapters", "ledger.core")
LATER = ("web.app", "typst", "alembic.config", "lxml.etree")
"""What commands import from others' packages while they work."""
CLOCK_AHEAD = "TEST_CLOCK_AHEAD_S"
"""In the environment of a command: seconds that its machine's clock is ahead."""


class Child:
    """A command that runs; `returncode` is None until `poll` or `wait` saw its end."""

    def __init__(self, pid: int, answers: socket.socket) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._answers = answers

    def poll(self) -> int | None:
        """Its exit code if it has ended."""
        with suppress(subprocess.TimeoutExpired):
            return self.wait(0)
        return None

    def wait(self, timeout: float) -> int:
        """Its exit code; negative: the number of the signal that ended it.

        Raises: subprocess.TimeoutExpired after so many seconds.
        """
        if self.returncode is None:
            self._answers.settimeout(timeout)  # no select(): it knows no descriptor above 1024
            try:
                line = self._answers.recv(SIZE)
            except (TimeoutError, BlockingIOError) as error:
                raise subprocess.TimeoutExpired("ecert", timeout) from error
            assert line, "the nursery died"
            self.returncode = int(line)
            self._answers.close()
        return self.returncode

    def kill(self) -> None:
        """Kill it unless it has ended, and wait until it has."""
        if self.poll() is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)
            self.wait(START_S)


class Nursery:
    """The caller's side: starts the nursery with the first command, once in a process."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._socket = ""

    def start(
        self,
        argv: Sequence[str],
        environ: Mapping[str, str],
        stdout: IO[Any] | int,
        stderr: IO[Any] | int,
        cwd: Path = ROOT,
    ) -> Child:
        """A command line with these arguments and this environment only, and nothing on standard input."""
        connection = self._reach()
        message = json.dumps({"argv": list(argv), "environ": dict(environ), "cwd": str(cwd)}).encode()
        with Path(os.devnull).open("rb") as nothing:
            files = [
                nothing.fileno(),
                *(one if isinstance(one, int) else one.fileno() for one in (stdout, stderr)),
            ]
            socket.send_fds(connection, [message], files)
        pid = connection.recv(SIZE)
        assert pid, "the nursery died"
        return Child(int(pid), connection)

    def _reach(self) -> socket.socket:
        if self._process is None:
            folder = tempfile.TemporaryDirectory(prefix="nursery-")
            atexit.register(folder.cleanup)
            self._socket = str(Path(folder.name) / "socket")
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.cli.nursery", self._socket],
                cwd=ROOT,
                env={"PATH": "/usr/bin:/bin", "HOME": "/nonexistent", "PYTHONUTF8": "1"},
                stdin=subprocess.PIPE,  # it ends when this end is closed, however we end
                stdout=subprocess.DEVNULL,
            )
            atexit.register(self.close)
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        until = time.monotonic() + START_S
        while True:
            try:
                connection.connect(self._socket)
            except (FileNotFoundError, ConnectionRefusedError):
                assert self._process.poll() is None, "the nursery did not start"
                assert time.monotonic() < until, "the nursery did not start in time"
                time.sleep(0.02)
            else:
                return connection

    def close(self) -> None:
        """Let it end."""
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.close()
            self._process.wait(START_S)


NURSERY = Nursery()


def _names() -> Iterator[str]:
    for package in PACKAGES:
        found = importlib.import_module(package)
        for module in pkgutil.walk_packages(found.__path__, f"{package}.", onerror=lambda _: None):
            if not module.name.endswith(("__main__", "pdf_reader_child", "migrations.env")):
                yield module.name
    for path in sorted((ROOT / "ledger").glob("bootstrap*.py")):
        yield f"ledger.{path.stem}"
    yield from LATER


def _import_everything() -> None:
    for name in _names():
        try:
            importlib.import_module(name)
        except Exception:  # noqa: BLE001  whatever it is, the command that needs this module says it again
            traceback.print_exc()


@contextmanager
def _told_of_ends() -> Iterator[int]:
    """A descriptor that is readable whenever a child has ended."""
    reader, writer = os.pipe()
    os.set_blocking(reader, False)
    os.set_blocking(writer, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(writer)
    yield reader


def _become(told: Mapping[str, Any], files: Sequence[int]) -> None:
    """This forked process is the command from here on."""
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    for at, descriptor in enumerate(files):
        os.dup2(descriptor, at)
    os.closerange(3, 1024)
    os.environ.clear()
    os.environ.update(told["environ"])
    _set_clock(int(os.environ.pop(CLOCK_AHEAD, "0")))
    time.tzset()
    os.chdir(told["cwd"])
    tempfile.tempdir = (
        None  # asked for while modules were imported; this command may have a TMPDIR of its own
    )
    sys.argv = ["-c", *told["argv"]]


def _set_clock(ahead_s: int) -> None:
    """The machine's clock for this command alone: what waits for a day is tested without waiting."""
    if ahead_s:
        from ledger.adapters.system import SystemClock

        def now(_clock: SystemClock) -> int:
            return int(time.time()) + ahead_s

        # reason: the only place that asks the machine for its time; no setting of the program moves it
        mock.patch.object(SystemClock, "now", now).start()


def _run(argv: Sequence[str]) -> int:
    """The exit code of the command, after everything that an interpreter does at its end."""
    from ledger.apps.cli import main

    code: Any = 0
    try:
        main(argv)
    except SystemExit as end:
        code = end.code
    except BaseException:  # noqa: BLE001  the edge of the process
        traceback.print_exc()
        code = 1
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    return code if isinstance(code, int) else int(code is not None)


def serve(address: str) -> None:
    """Fork a child for every command until standard input ends."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with _told_of_ends() as ends:
        waiting: dict[int, socket.socket] = {}
        listener.bind(address)
        listener.listen(16)
        gc.collect()
        gc.freeze()  # the children's collector leaves shared pages alone
        while True:
            ready, _, _ = select.select([listener, ends, 0], [], [])
            if 0 in ready:
                return
            if ends in ready:
                os.read(ends, SIZE)
                _tell_ends(waiting)
            if listener in ready:
                connection, _ = listener.accept()
                message, files, _, _ = socket.recv_fds(connection, SIZE, 3)
                told = json.loads(message)
                pid = os.fork()
                if pid == 0:
                    code = 1
                    try:
                        _become(told, files)
                        code = _run(told["argv"])
                    finally:
                        os._exit(code)
                for descriptor in files:
                    os.close(descriptor)
                connection.send(str(pid).encode())
                waiting[pid] = connection


def _tell_ends(waiting: dict[int, socket.socket]) -> None:
    while waiting:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if pid == 0:
            return
        with waiting.pop(pid) as connection:
            try:
                connection.send(str(os.waitstatus_to_exitcode(status)).encode())
            except BrokenPipeError:
                continue  # the caller has gone


if __name__ == "__main__":
    _import_everything()
    serve(sys.argv[1])
