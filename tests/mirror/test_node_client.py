"""What answers at a node's address may be anything: it is a node's answer, silence, or refused."""

from __future__ import annotations

import contextlib
import http.server
import json
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ledger.adapters.node_client import LARGEST_JSON, NodeClient
from ledger.core.checkpoint import encode_checkpoint
from ledger.core.errors import InputError, LedgerError, UnavailableError
from tests.mirror_world import Operator


@dataclass
class Answers:
    """What the server says next, whatever it is asked."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)


class _Handler(http.server.BaseHTTPRequestHandler):
    answers: ClassVar[Answers]
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.answers.asked.append(self.path)
        self.send_response(self.answers.status)
        for name, value in {"Content-Length": str(len(self.answers.body)), **self.answers.headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(self.answers.body)

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.do_GET()

    def log_message(self, *_: Any) -> None:
        """Nothing."""


@pytest.fixture(scope="module")
def server() -> Iterator[tuple[Answers, NodeClient]]:
    _Handler.answers = Answers()
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as serving:
        serving.daemon_threads = True
        threading.Thread(target=serving.serve_forever, daemon=True).start()
        yield _Handler.answers, NodeClient(f"http://127.0.0.1:{serving.server_address[1]}", answer_s=2)
        serving.shutdown()


QUESTIONS: list[Callable[[NodeClient], object]] = [
    NodeClient.ledger,
    NodeClient.checkpoint,
    NodeClient.cosignatures,
    lambda client: client.blocks_from(1),
    lambda client: client.statements(1),
    lambda client: client.leaf_tile("99100000MB0000001A", bytes(32), 0),
    lambda client: client.status_tile("99100000MB0000001A", bytes(32), 0),
]


def say(answers: Answers, body: bytes, status: int = 200, **headers: str) -> None:
    answers.body, answers.status, answers.headers = body, status, headers


@given(
    body=st.one_of(
        st.binary(max_size=200),
        st.sampled_from(
            [b"{}", b"[]", b'{"checkpoints":[{}],"cosignatures":[1]}', b'{"head":{}}', b"\xff" * 64]
        ),
    ),
    question=st.sampled_from(QUESTIONS),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
def test_any_bytes_are_an_answer_or_refused(
    server: tuple[Answers, NodeClient], body: bytes, question: Callable[[NodeClient], object]
) -> None:
    answers, client = server
    say(answers, body)
    code = None
    try:
        question(client)
    except LedgerError as error:
        code = error.code
    assert code in (None, "NODE_ANSWER", "NODE_SILENT")


@pytest.mark.parametrize("status", [301, 302, 429, 500, 502, 503])
def test_no_usable_answer_is_silence(server: tuple[Answers, NodeClient], status: int) -> None:
    answers, client = server
    say(answers, b"{}", status, Location="http://127.0.0.1:1/")
    for question in QUESTIONS:
        with pytest.raises(UnavailableError, match="NODE_SILENT"):
            question(client)


def test_404_is_nothing_there(server: tuple[Answers, NodeClient]) -> None:
    answers, client = server
    say(answers, b"{}", 404)
    assert client.blocks_from(7) == ()
    assert client.checkpoint() is None
    assert client.statements(7) == ((), ())
    assert client.leaf_tile("99100000MB0000001A", b"\x01" * 32, 2) is None
    assert answers.asked[-1] == f"/node/v1/leaves/99100000MB0000001A/{'01' * 32}/2"


def test_an_answer_has_its_limit_and_its_length(server: tuple[Answers, NodeClient]) -> None:
    answers, client = server
    say(answers, b" " * (LARGEST_JSON + 1))
    with pytest.raises(InputError, match="NODE_ANSWER"):
        client.ledger()
    say(answers, (3).to_bytes(4) + b"abc" + (9).to_bytes(4) + b"cut")
    with pytest.raises(InputError, match="NODE_ANSWER"):
        client.blocks_from(1)
    say(answers, (3).to_bytes(4) + b"abc")
    assert client.blocks_from(1) == (b"abc",)


def test_a_checkpoint_is_kept_while_nothing_changed(server: tuple[Answers, NodeClient]) -> None:
    answers, client = server
    signed = Operator.fresh().state()
    say(answers, encode_checkpoint(signed), ETag='"one"')
    assert client.checkpoint() == signed
    say(answers, b"", 304)
    assert client.checkpoint() == signed
    say(answers, b'{"code":"COSIGNED","block":1}')
    assert client.post_cosignature(signed) == "COSIGNED"
    say(answers, b'{"code":"WITNESS_UNKNOWN"}', 403)
    assert client.post_cosignature(signed) == "WITNESS_UNKNOWN"


@pytest.mark.parametrize("code", ["\u001b[2J", "a b", 7, None, "", "X" * 65])
def test_what_a_node_calls_its_answer_is_a_code_or_refused(
    server: tuple[Answers, NodeClient], code: object
) -> None:
    answers, client = server
    say(answers, json.dumps({"code": code}).encode(), 403)
    with pytest.raises(InputError, match="NODE_ANSWER"):
        client.post_cosignature(Operator.fresh().state())


def test_an_answer_that_drips_is_silence() -> None:
    """Each byte comes in time, all of them never: the next source must get its turn."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        client = NodeClient(f"http://127.0.0.1:{listening.getsockname()[1]}", answer_s=0.3)
        over = threading.Event()

        def drip() -> None:
            connection, _ = listening.accept()
            with connection, contextlib.suppress(OSError):
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2000\r\n\r\n")
                while not over.wait(0.05):
                    connection.sendall(b" ")

        thread = threading.Thread(target=drip, daemon=True)
        thread.start()
        with pytest.raises(UnavailableError, match="too slow"):
            client.checkpoint()
        over.set()
        thread.join()


@pytest.mark.parametrize(
    "url",
    [
        "",
        "ftp://x",
        "https://",
        "file:///etc/passwd",
        "http://x/?a=1",
        "http://x:70000",
        "http://[::1",
        "http://x:a",
    ],
)
def test_an_address_is_an_address(url: str) -> None:
    with pytest.raises(InputError, match="NODE_URL"):
        NodeClient(url)
