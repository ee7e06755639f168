"""Carries requests between granian and the WSGI application, so that slow clients hold up nobody else.

Heads and bodies are awaited by the event loop, within a time and a size: a client that dawdles costs
a coroutine, not a thread. A request that is complete is worked on: short ones at once in the loop's
own thread, which is quickest (docs/adr/0026), the others by a few threads. When too many wait, a new
one is answered with the 503 page instead of being left waiting.
"""

from __future__ import annotations

import asyncio
import io
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from http import HTTPStatus
from typing import Any, Protocol
from wsgiref.types import WSGIApplication

from granian.rsgi import ProtocolClosed  # type: ignore[attr-defined]  # told to be public, not to mypy

BODY_S = 30.0  # for a whole body; 10 MiB need 2.8 Mbit/s
LARGEST_BODY = 32 * 1_048_576  # above every limit of a view; what is more is read and thrown away
SMALL_BODY = 65_536  # up to this a body is waited for as a whole
LARGEST_WHOLE = 1_048_576  # an answer up to this is handed over at once; a longer one in pieces
LARGEST_SUM = 512 * 1_048_576  # of all bodies that are held at a time
MOST_WAITING = 128  # requests that may wait for a thread
BODILESS = frozenset({"GET", "HEAD", "OPTIONS"})
AT_ONCE = ("/static/", "/status/", "/healthz")  # short and frequent, besides "/" and POST /verify
SMALL_FORM = 65_536  # a bundle has some ten kilobytes
LONG_WORK = (b"%PDF", b"\x89PNG", b"\xff\xd8\xff", b"PK\x03\x04", b'name="again"')
BUSY = "ecert.busy"  # the application answers 503
_PLAIN = "text/plain; charset=utf-8"


class Headers(Protocol):
    """Of a request."""

    def items(self) -> Iterable[tuple[str, str]]:
        """Names in lower case."""

    def get(self, name: str) -> str | None:
        """The first of this name."""


class Scope(Protocol):
    """What granian tells about a request (RSGI 1.5)."""

    proto: str
    method: str
    path: str
    query_string: str
    scheme: str
    http_version: str
    server: str
    client: str
    headers: Headers


class Transport(Protocol):
    """An answer in pieces."""

    async def send_bytes(self, data: bytes) -> None:
        """One piece; waits while the client is slow."""


class HttpProtocol(Protocol):
    """The connection's end of a request."""

    def __aiter__(self) -> AsyncIterator[bytes]:
        """The body in pieces."""

    def __call__(self) -> Awaitable[bytes]:
        """The whole body."""

    def response_bytes(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        """The whole answer."""

    def response_stream(self, status: int, headers: list[tuple[str, str]]) -> Transport:
        """The head of an answer that comes in pieces."""


class _Answer:
    """What the application gave: a head, and a body that is whole (`data`) or comes in pieces."""

    def __init__(self, app: WSGIApplication, environ: dict[str, Any]) -> None:
        self.status, self.headers = 0, list[tuple[str, str]]()
        self._body = app(environ, self._start)
        length = next((value for name, value in self.headers if name.lower() == "content-length"), None)
        is_whole = environ["REQUEST_METHOD"] == "HEAD" or (
            length is not None and int(length) <= LARGEST_WHOLE
        )
        self.data = b"".join(self._body) if is_whole else None
        self.pieces = iter(() if is_whole else self._body)

    def _start(
        self, status: str, headers: list[tuple[str, str]], _error: object = None
    ) -> Callable[..., object]:
        self.status, self.headers = int(status[:3]), headers
        return lambda _data: None  # nobody of ours writes that way

    def close(self) -> None:
        """The application may let go of what it holds."""
        close = getattr(self._body, "close", None)
        if close is not None:
            close()


class Bridge:
    """The server's side of one process.

    Args:
        make: makes the application, once, in the process that answers.
        threads: requests that are worked on at a time besides the short ones.
        body_s: how long a body may take.
    """

    def __init__(self, make: Callable[[], WSGIApplication], threads: int, body_s: float = BODY_S) -> None:
        self._make = make
        self._threads = threads
        self._body_s = body_s
        self._held = 0
        self._waiting = 0
        self._app: WSGIApplication | None = None
        self._pool: ThreadPoolExecutor | None = None

    def __rsgi_init__(self, _loop: asyncio.AbstractEventLoop) -> None:
        self._app = self._make()
        self._pool = ThreadPoolExecutor(self._threads, "web")

    def __rsgi_del__(self, _loop: asyncio.AbstractEventLoop) -> None:
        if self._pool is not None:
            self._pool.shutdown(wait=True)  # what was begun is finished

    async def __rsgi__(self, scope: Scope, protocol: HttpProtocol) -> None:
        if scope.proto != "http":
            return
        body = b""
        if scope.method not in BODILESS:
            try:
                async with asyncio.timeout(self._body_s):
                    read = self._read_at_once if _is_small(scope) else self._read
                    body = await read(protocol)
            except TimeoutError:
                headers = [("content-type", _PLAIN), ("connection", "close")]
                protocol.response_bytes(HTTPStatus.REQUEST_TIMEOUT, headers, b"The request took too long.\n")
                return
            except ProtocolClosed:
                return  # nobody is there any more
        try:
            await self._answer(environ_of(scope, body), protocol)
        finally:
            self._held -= len(body)

    async def _read(self, protocol: HttpProtocol) -> bytes:
        """The body, as much of it as is needed to know that it is too large."""
        pieces, size = [], 0
        try:
            async for piece in protocol:
                if size <= LARGEST_BODY:
                    pieces.append(piece)
                    size += len(piece)
                    self._held += len(piece)
                if self._held > LARGEST_SUM:
                    break
        except BaseException:
            self._held -= size
            raise
        return b"".join(pieces)

    async def _read_at_once(self, protocol: HttpProtocol) -> bytes:
        """A small body, gathered by the server: one wait, where each piece would be one."""
        body = await protocol()
        self._held += len(body)
        return body

    async def _answer(self, environ: dict[str, Any], protocol: HttpProtocol) -> None:
        if self._app is None or self._pool is None:
            raise RuntimeError("a request before the start")
        if self._waiting >= MOST_WAITING or self._held > LARGEST_SUM:
            environ[BUSY] = True
        if BUSY in environ or is_short(
            environ["REQUEST_METHOD"], environ["PATH_INFO"], environ["wsgi.input"].getbuffer()
        ):
            answer = _Answer(self._app, environ)
        else:
            answer = await self._in_thread(_Answer, self._app, environ)
        try:
            if answer.data is not None:
                protocol.response_bytes(answer.status, answer.headers, answer.data)
                return
            transport = protocol.response_stream(answer.status, answer.headers)
            while (piece := await self._in_thread(next, answer.pieces, None)) is not None:
                await transport.send_bytes(piece)
        finally:
            answer.close()

    async def _in_thread(self, work: Callable[..., Any], *args: Any) -> Any:
        self._waiting += 1
        try:
            run = copy_context().run
            return await asyncio.get_running_loop().run_in_executor(self._pool, run, work, *args)
        finally:
            self._waiting -= 1


def _is_small(scope: Scope) -> bool:
    """Whether a body says that it is small, in the one way that cannot be exceeded."""
    declared = scope.headers.get("content-length") or ""
    is_told = declared.isdecimal() and int(declared) <= SMALL_BODY
    return is_told and scope.headers.get("transfer-encoding") is None


def is_short(method: str, path: str, body: bytes | memoryview = b"") -> bool:
    """Whether a request is answered so quickly that a thread would only cost time."""
    if method == "POST":
        return path == "/verify" or (path == "/check/file" and _is_bundle(body))
    return path == "/" or path.startswith(AT_ONCE)


def _is_bundle(body: bytes | memoryview) -> bool:
    """Whether a form carries a bundle and nothing that has to be read by another process or the vault."""
    if len(body) > SMALL_FORM:
        return False
    form = bytes(body)
    return b'"receipt"' in form and not any(sign in form for sign in LONG_WORK)


def environ_of(scope: Scope, body: bytes) -> dict[str, Any]:
    """The request as PEP 3333 has it."""
    host, _, port = scope.server.rpartition(":")
    environ: dict[str, Any] = {
        "REQUEST_METHOD": scope.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": scope.path.encode().decode("latin-1"),  # decoded by granian; PEP 3333 wants bytes
        "QUERY_STRING": scope.query_string,
        "SERVER_NAME": host.strip("[]"),
        "SERVER_PORT": port,
        "SERVER_PROTOCOL": f"HTTP/{scope.http_version}",
        "REMOTE_ADDR": scope.client.rpartition(":")[0].strip("[]"),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scope.scheme,
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }
    declared = None
    for name, value in scope.headers.items():
        if name == "content-type":
            environ["CONTENT_TYPE"] = value
        elif name == "content-length":
            declared = value
        elif "_" not in name:  # X_Forwarded_For would be taken for X-Forwarded-For
            key = "HTTP_" + name.upper().replace("-", "_")
            environ[key] = f"{environ[key]},{value}" if key in environ else value
    if scope.method not in BODILESS:
        # what was declared but cut off above is refused by its length; a chunked one by what came
        too_much = declared is not None and declared.isdigit() and int(declared) > len(body) > LARGEST_BODY
        environ["CONTENT_LENGTH"] = declared if too_much else str(len(body))
    return environ
