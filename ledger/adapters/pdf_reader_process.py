"""Reads PDFs and pictures in a process of its own, with a limit of time and of memory.

A file that takes too long or too much kills that process, never the web: the answer is a clear error,
and the next file gets a fresh process. One process is kept, since starting one takes longer than
reading a page; it ends with the one that started it, because its input ends.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import selectors
import subprocess
import sys
import threading
import weakref
from collections.abc import Callable
from typing import Any, Final

from ledger.adapters.pdf_reader_child import HEADER, LENGTH
from ledger.core.errors import InputError, UnavailableError
from ledger.core.page import MAX_BUNDLE, PdfFacts, Seal, SealState
from ledger.ports import Clock

START_S: Final = 20.0
READ_S: Final = 5.0
"""Seconds for one file; pages of ours take a tenth of one."""
MAX_ANSWER: Final = 4 * MAX_BUNDLE
_PIECE: Final = 65_536


class BoundedReader:
    """Port FileReader over one child process. Thread-safe: files wait for each other.

    Args:
        clock: monotonic time.
        read_s: seconds for one file.
        command: what to start; another one only in tests.
    """

    def __init__(
        self,
        clock: Clock,
        read_s: float = READ_S,
        command: tuple[str, ...] = (sys.executable, "-m", "ledger.adapters.pdf_reader_child"),
    ) -> None:
        self._monotonic: Callable[[], float] = clock.monotonic
        self._read_s = read_s
        self._command = command
        self._lock = threading.Lock()
        self._child: subprocess.Popen[bytes] | None = None
        self._is_ready = False
        # whoever forgets to close must not leave a process and its pipes behind
        self._held: list[subprocess.Popen[bytes]] = []
        weakref.finalize(self, _end_all, self._held)

    def start(self) -> None:
        """Start the process now, so that the first file need not wait; returns at once."""
        with self._lock:
            self._open()

    def read_pdf(self, data: bytes) -> PdfFacts:
        """See ledger.adapters.pdf_reader.read_pdf.

        Raises:
            InputError: PDF_*, FILE_TOO_COMPLEX.
            UnavailableError: READER_UNAVAILABLE.
        """
        answer = self._ask(b"P", data)
        thumbprint, bundle = answer["thumbprint"], answer["bundle"]
        return PdfFacts(
            pages=answer["pages"],
            seal=Seal(SealState(answer["seal"]), None if thumbprint is None else bytes.fromhex(thumbprint)),
            keywords=answer["keywords"],
            bundle=None if bundle is None else base64.b64decode(bundle),
            codes=tuple(answer["codes"]),
        )

    def read_picture(self, data: bytes) -> tuple[str, ...]:
        """See ledger.adapters.image_reader.read_picture.

        Raises:
            InputError: PICTURE_*, FILE_TOO_COMPLEX.
            UnavailableError: READER_UNAVAILABLE.
        """
        return tuple(self._ask(b"I", data)["codes"])

    def close(self) -> None:
        """End the process."""
        with self._lock:
            self._kill()

    def _ask(self, kind: bytes, data: bytes) -> dict[str, Any]:
        with self._lock:
            child = self._open()
            if not self._is_ready:
                if self._receive(child, START_S) is None:
                    self._kill()
                    raise UnavailableError(
                        "READER_UNAVAILABLE", "The process that reads files does not start."
                    )
                self._is_ready = True
            is_sent = self._send(child, HEADER.pack(kind, len(data)) + data)
            answer = self._receive(child, self._read_s) if is_sent else None
            if answer is None:
                self._kill()
                raise InputError(
                    "FILE_TOO_COMPLEX", "Reading the file would take too long or too much memory."
                )
        if "error" in answer:
            raise InputError(answer["error"], answer["message"], **answer["detail"])
        return answer

    def _open(self) -> subprocess.Popen[bytes]:
        if self._child is not None and self._child.poll() is None:
            return self._child
        self._kill()
        self._child = subprocess.Popen(  # noqa: S603 - our own module, no word of a stranger
            self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, bufsize=0
        )
        self._held[:] = [self._child]
        for pipe in (self._child.stdin, self._child.stdout):
            if pipe is not None:
                os.set_blocking(pipe.fileno(), False)
        return self._child

    def _send(self, child: subprocess.Popen[bytes], message: bytes) -> bool:
        """Whether all of it was taken in time."""
        if child.stdin is None:
            return False
        until, rest = self._monotonic() + self._read_s, memoryview(message)
        with selectors.DefaultSelector() as waiting:
            waiting.register(child.stdin, selectors.EVENT_WRITE)
            while rest:
                if not waiting.select(max(0.0, until - self._monotonic())):
                    return False
                try:
                    rest = rest[os.write(child.stdin.fileno(), rest[:_PIECE]) :]
                except BrokenPipeError:
                    return False
        return True

    def _receive(self, child: subprocess.Popen[bytes], seconds: float) -> dict[str, Any] | None:
        """The next answer; None when the process died, took too long or said too much."""
        if child.stdout is None:
            return None
        until, data = self._monotonic() + seconds, b""
        with selectors.DefaultSelector() as waiting:
            waiting.register(child.stdout, selectors.EVENT_READ)
            while len(data) < LENGTH.size or len(data) < LENGTH.size + LENGTH.unpack_from(data)[0]:
                if len(data) > MAX_ANSWER or not waiting.select(max(0.0, until - self._monotonic())):
                    return None
                piece = os.read(child.stdout.fileno(), _PIECE)
                if not piece:
                    return None
                data += piece
        answer: dict[str, Any] = json.loads(data[LENGTH.size :])
        return answer

    def _kill(self) -> None:
        self._child, self._is_ready = None, False
        _end_all(self._held)


def _end_all(held: list[subprocess.Popen[bytes]]) -> None:
    """Kill these processes, wait for them, give their pipes back; the list is empty afterwards."""
    while held:
        child = held.pop()
        child.kill()
        child.wait()
        for pipe in (child.stdin, child.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()
