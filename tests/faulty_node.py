"""A proxy on loopback between us and a node, that misbehaves as told.

Faults, each a way in which real nodes fail: see FAULTS. It may be changed at any moment, also while a
question is under way.
"""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import urllib3

SILENT_FAULTS = (
    "refuse",
    "429",
    "500",
    "hang",
    "drip",
    "cut",
    "garbage",
    "shapeless",
    "error",
    "other chain",
    "redirect",
)
"""Faults after which nothing can be learnt from the node."""
SLOW_FAULTS = ("hang", "drip")
"""Faults that cost as much time as the asker has patience."""
_LIE = bytes(range(32))


class FaultyNode:
    """See the module. `fault` is None or one of SILENT_FAULTS, "hide", "lie", "authority".

    Args:
        target: address of the node behind it.
    """

    def __init__(self, target: str) -> None:
        self.fault: str | None = None
        self.asked: list[str] = []
        self.release = threading.Event()
        self._target = target
        self._pool = urllib3.PoolManager(retries=False, timeout=10)
        self._lock = threading.Lock()
        self._server: ThreadingHTTPServer | None = None
        self.port = 0
        self._open()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def _open(self) -> None:
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True
            wbufsize = -1

            def do_POST(self) -> None:
                length = int(self.headers["Content-Length"])
                proxy.answer(self, json.loads(self.rfile.read(length)))

            def log_message(self, *_args: Any) -> None:
                """Tests tell what matters."""

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            allow_reuse_address = True

            def handle_error(self, *_args: Any) -> None:
                """Cut connections are what this is for."""

        self._server = Server(("127.0.0.1", self.port), Handler)
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def shut(self) -> None:
        """Nobody listens any more: connections are refused."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def fail(self, fault: str | None) -> None:
        """From now on; None: well."""
        self.release.set()
        self.release = threading.Event()
        self.fault = fault
        if fault == "refuse":
            self.shut()
        elif self._server is None:
            self._open()

    # answering

    def answer(self, handler: BaseHTTPRequestHandler, body: dict[str, Any]) -> None:
        fault, method = self.fault, body["method"]
        self.asked.append(method)
        if fault == "refuse":  # a connection from before
            handler.close_connection = True
            handler.connection.shutdown(socket.SHUT_RDWR)
        elif fault in ("429", "500"):
            self._reply(handler, b"no", int(fault))
        elif fault == "hang":
            self.release.wait(30)
            handler.close_connection = True
        elif fault == "drip":
            self._drip(handler)
        elif fault == "garbage":
            self._reply(handler, b"<html>busy</html>")
        elif fault == "shapeless":
            self._reply(handler, json.dumps({"jsonrpc": "2.0", "id": 1, "result": {"number": "12"}}).encode())
        elif fault == "error":
            error = {"code": -32000, "message": "missing trie node"}
            self._reply(handler, json.dumps({"jsonrpc": "2.0", "id": 1, "error": error}).encode())
        elif fault == "redirect":
            self._reply(handler, b"", 302)
        elif fault == "cut":
            content = self._forward(body)
            handler.send_response(200)
            handler.send_header("Content-Length", str(len(content)))
            handler.end_headers()
            handler.wfile.write(content[: len(content) // 2])
            handler.close_connection = True
        else:
            self._reply(handler, self._changed(fault, method, body))

    def _drip(self, handler: BaseHTTPRequestHandler) -> None:
        """A body without end, a byte at a time: each comes soon enough."""
        release = self.release
        handler.send_response(200)
        handler.send_header("Content-Length", "1000000")
        handler.end_headers()
        handler.close_connection = True
        with contextlib.suppress(OSError):  # whoever asked has gone
            while not release.wait(0.05):
                handler.wfile.write(b" ")
                handler.wfile.flush()

    def _changed(self, fault: str | None, method: str, body: dict[str, Any]) -> bytes:
        if fault == "hide" and method == "eth_sendRawTransaction":
            from ledger.adapters.abi import keccak256

            taken = keccak256(bytes.fromhex(body["params"][0][2:]))
            return json.dumps({"jsonrpc": "2.0", "id": 1, "result": "0x" + taken.hex()}).encode()
        answer = json.loads(self._forward(body))
        change = _CHANGES.get((fault or "", method))
        if change is not None:
            change(answer)
        return json.dumps(answer).encode()

    def _forward(self, body: dict[str, Any]) -> bytes:
        with self._lock:
            return self._pool.request("POST", self._target, json=body).data

    def _reply(self, handler: BaseHTTPRequestHandler, content: bytes, status: int = 200) -> None:
        handler.send_response(status)
        handler.send_header("Content-Length", str(len(content)))
        if status == 302:
            handler.send_header("Location", "http://192.0.2.1/")
        handler.end_headers()
        handler.wfile.write(content)


def _lie_about_hash(answer: dict[str, Any]) -> None:
    if answer.get("result"):
        answer["result"]["hash"] = "0x" + _LIE.hex()


def _lie_about_receipt(answer: dict[str, Any]) -> None:
    if answer.get("result"):
        answer["result"]["status"] = "0x0"


def _lie_about_call(answer: dict[str, Any]) -> None:
    answer.pop("error", None)
    answer["result"] = "0x" + (1).to_bytes(32).hex() * 7


def _lie_about_count(answer: dict[str, Any]) -> None:
    answer["result"] = hex(int(answer["result"], 16) + 5)


def _lie_about_logs(answer: dict[str, Any]) -> None:
    answer["result"] = answer["result"][:-1]


def _say_other_chain(answer: dict[str, Any]) -> None:
    answer["result"] = hex(int(answer["result"], 16) + 1)


def _seal_by_authority(answer: dict[str, Any]) -> None:
    if answer.get("result"):
        answer["result"]["extraData"] = "0x" + bytes(117).hex()


def _forget(answer: dict[str, Any]) -> None:
    answer["result"] = None


_CHANGES: dict[tuple[str, str], Callable[[dict[str, Any]], None]] = {
    ("lie", "eth_getBlockByNumber"): _lie_about_hash,
    ("lie", "eth_getTransactionReceipt"): _lie_about_receipt,
    ("lie", "eth_call"): _lie_about_call,
    ("lie", "eth_getTransactionCount"): _lie_about_count,
    ("lie", "eth_getLogs"): _lie_about_logs,
    ("other chain", "eth_chainId"): _say_other_chain,
    ("authority", "eth_getBlockByNumber"): _seal_by_authority,
    ("hide", "eth_getTransactionByHash"): _forget,
}


@contextlib.contextmanager
def proxies(target: str, count: int) -> Iterator[list[FaultyNode]]:
    """So many of them before one node."""
    made = [FaultyNode(target) for _ in range(count)]
    try:
        yield made
    finally:
        for proxy in made:
            proxy.fail("refuse")
