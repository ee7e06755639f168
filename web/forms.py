"""Reads the forms of our pages the quick way; whatever is built otherwise is left to Werkzeug.

A form as browsers write it is cut at its boundary, and its heads match one pattern. A property test
compares what comes out with what Werkzeug makes of the same bytes.
"""

from __future__ import annotations

import io
import re
from typing import Final

from werkzeug.datastructures import FileStorage, Headers, ImmutableMultiDict

LARGEST_PLAIN: Final = 131_072
"""Bytes of a form that is read here; with a larger one, reading it is not what takes long."""

_TYPE: Final = re.compile(r"multipart/form-data; boundary=([A-Za-z0-9_-]{1,70})")
# no backslash and no percent sign, with which quotation marks in names are written; names in ASCII
_HEAD: Final = re.compile(
    rb'Content-Disposition: form-data; name="([a-z_]{1,40})"'
    rb'(?:; filename="([^"\\%\x00-\x1f\x7f-\xff]{0,200})")?'
    rb"(?:\r\nContent-Type: ([a-z0-9.+/-]{1,100}))?"
)

Form = tuple[ImmutableMultiDict[str, str], ImmutableMultiDict[str, FileStorage]]


def is_form(content_type: str) -> bool:
    """Whether this is a form with parts, said as browsers say it."""
    return _TYPE.fullmatch(content_type) is not None


def read_plain_form(content_type: str, body: bytes, most_parts: int) -> Form | None:
    """Fields and files; None unless this is a form as browsers write it, with at most so many parts."""
    found = _TYPE.fullmatch(content_type)
    if found is None:
        return None
    boundary = b"--" + found[1].encode()
    first, *parts, last = (b"\r\n" + body).split(b"\r\n" + boundary)
    # a boundary that stands elsewhere than behind our line break may still be one for Werkzeug
    is_whole = not first and last in {b"--", b"--\r\n"} and len(parts) <= most_parts
    if not is_whole or body.count(boundary) != len(parts) + 1:
        return None
    fields: list[tuple[str, str]] = []
    files: list[tuple[str, FileStorage]] = []
    for part in parts:
        head, _, data = part.partition(b"\r\n\r\n")
        said = _HEAD.fullmatch(head, 2)
        if said is None or not part.startswith(b"\r\n"):
            return None
        name, filename, kind = said[1].decode(), said[2], said[3]
        if filename is not None:
            files.append((name, _file(name, filename, kind, data)))
        elif kind is None:
            fields.append((name, data.decode("utf-8", "replace")))
        else:
            return None
    return ImmutableMultiDict(fields), ImmutableMultiDict(files)


def _file(name: str, filename: bytes, kind: bytes | None, data: bytes) -> FileStorage:
    headers = Headers([("Content-Type", kind.decode())] if kind else [])
    return FileStorage(io.BytesIO(data), filename.decode("ascii"), name, headers=headers)
