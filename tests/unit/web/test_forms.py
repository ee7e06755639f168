"""Forms that are read the quick way are what Werkzeug makes of them; the others are left to Werkzeug."""

from __future__ import annotations

import io
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.formparser import MultiPartParser

from web.app import MemoryRequest
from web.forms import read_plain_form

EDGE = "----WebKitFormBoundaryAbCd0123"
KIND = f"multipart/form-data; boundary={EDGE}"
PARTS = 4
pieces = st.sampled_from(
    [
        b"\r\n",
        b"\n",
        b"\r",
        b"--",
        EDGE.encode(),
        b"--" + EDGE.encode(),
        b"{}",
        b"\x00\xff",
        b" ",
        "证".encode(),
    ]
)
contents = st.lists(pieces, max_size=5).map(b"".join)
heads = st.sampled_from(
    [
        b'Content-Disposition: form-data; name="text"',
        b'Content-Disposition: form-data; name="file"; filename="proof.ecert.json"',
        b'Content-Disposition: form-data; name="file"; filename=""\r\nContent-Type: application/octet-stream',
        b'Content-Disposition: form-data; name="file"; filename="a b(1).pdf"\r\nContent-Type: application/pdf',
        b'Content-Disposition: form-data; name="file"; filename="a%22b"',
        b'Content-Disposition: form-data; name="file"; filename="a\\"b"',
        'Content-Disposition: form-data; name="file"; filename="证明.json"'.encode(),
        b'content-disposition: form-data; name="text"',
        b'Content-Disposition: form-data; name="text"\r\nContent-Type: text/plain; charset=gbk',
        b'Content-Disposition: form-data; name="text"\r\n folded',
        b'Content-Disposition: form-data; name="lang"\r\nX-More: 1',
        b"",
    ]
)
ends = st.sampled_from([b"--\r\n", b"--", b"", b"\r\n", b"-- \r\n", b"--\r\nafter"])


def whole(parts: list[tuple[bytes, bytes]], end: bytes) -> bytes:
    edge = b"--" + EDGE.encode()
    return b"".join(edge + b"\r\n" + head + b"\r\n\r\n" + data + b"\r\n" for head, data in parts) + edge + end


def told(form: Any) -> tuple[Any, Any]:
    fields, files = form
    return list(fields.items(multi=True)), [
        (name, file.filename, file.name, file.content_type, file.read())
        for name, file in files.items(multi=True)
    ]


@given(st.lists(st.tuples(heads, contents), max_size=PARTS + 1), ends)
def test_what_is_read_is_what_werkzeug_reads(parts: list[tuple[bytes, bytes]], end: bytes) -> None:
    body = whole(parts, end)
    quick = read_plain_form(KIND, body, PARTS)
    if quick is not None:
        parser = MultiPartParser(stream_factory=lambda *_, **__: io.BytesIO(), max_form_parts=PARTS)
        assert told(quick) == told(parser.parse(io.BytesIO(body), EDGE.encode(), len(body)))


def request(body: bytes, kind: str = KIND) -> MemoryRequest:
    environ = {
        "REQUEST_METHOD": "POST", "wsgi.input": io.BytesIO(body), "CONTENT_TYPE": kind,
        "CONTENT_LENGTH": str(len(body)), "wsgi.url_scheme": "http", "SERVER_NAME": "x", "SERVER_PORT": "80",
    }  # fmt: skip
    return MemoryRequest(environ)


FIELD = (b'Content-Disposition: form-data; name="text"', b"words")
FILE = (
    b'Content-Disposition: form-data; name="file"; filename="a.json"\r\nContent-Type: text/json',
    b"{\r\n}",
)
ODD = (b'Content-Disposition: form-data; name="text"\r\nX-More: 1', b"words")


@pytest.mark.parametrize("parts", [[FIELD, FILE], [ODD, FILE]])
def test_a_request_reads_both_kinds(parts: list[tuple[bytes, bytes]]) -> None:
    asked = request(whole(parts, b"--\r\n"))
    assert (read_plain_form(KIND, whole(parts, b"--\r\n"), PARTS) is None) == (ODD in parts)
    assert asked.form["text"] == "words"
    assert asked.files["file"].read() == b"{\r\n}"
    assert asked.files["file"].filename == "a.json"


def test_limits_hold_as_before() -> None:
    many = request(whole([FIELD] * 9, b"--\r\n"))
    with pytest.raises(RequestEntityTooLarge):
        _ = many.form
    large = request(whole([FIELD], b"--\r\n"))
    large.max_content_length = 10
    with pytest.raises(RequestEntityTooLarge):
        _ = large.form
    wide = request(whole([(FIELD[0], b"x" * 50)], b"--\r\n"))
    wide.max_form_memory_size = 40
    with pytest.raises(RequestEntityTooLarge):
        _ = wide.form
