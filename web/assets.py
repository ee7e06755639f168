"""Serves web/static: under addresses that change with the content, for ever, compressed once.

`/static/<stamp>/<file>`: the stamp stands for all files together, so that a sheet finds its fonts by
relative addresses. Of vendored files only VENDOR.toml is read: it holds the hash of each (a test
compares them). Whoever asks with another stamp (a page of the last version) gets the present file,
but may not keep it.
"""

from __future__ import annotations

import gzip
import hashlib
from functools import cache
from pathlib import Path
from typing import Final

from flask import Flask, Response, current_app, make_response, request, send_from_directory, url_for

from web.access import public

FOLDER: Final = Path(__file__).parent / "static"
SPELLED: Final = "asset-addresses"
STAMP_LENGTH: Final = 12  # hex digits: 48 bits, for files of our own making
FOR_EVER: Final = "public, max-age=31536000, immutable"
A_WHILE: Final = "public, max-age=60"
WORTH_COMPRESSING: Final = frozenset({".css", ".js", ".json", ".mjs", ".svg", ".txt", ".wasm"})


@cache
def stamp() -> str:
    """Stands for the content of all files; the same in every process of one version."""
    total = hashlib.sha256()
    for path in sorted(FOLDER.rglob("*")):
        name = path.relative_to(FOLDER).as_posix()
        if path.is_file() and (not name.startswith("vendor/") or name == "vendor/VENDOR.toml"):
            total.update(hashlib.sha256(name.encode() + b"\0" + path.read_bytes()).digest())
    return total.hexdigest()[:STAMP_LENGTH]


def asset(filename: str) -> str:
    """The address of one of our files, for templates; spelled once a process."""
    known: dict[tuple[str, str], str] = current_app.extensions.setdefault(SPELLED, {})
    key = (request.script_root, filename)  # templates name the files: there are few
    if key not in known:
        known[key] = url_for("static", filename=filename)
    return known[key]


@cache
def _compressed(filename: str) -> bytes:
    # called only for files that exist: the cache cannot grow beyond the folder
    return gzip.compress((FOLDER / filename).read_bytes(), 9, mtime=0)


@public("the looks of public pages; no word about anybody")
def static(stamped: str, filename: str) -> Response:
    """One file."""
    response = send_from_directory(FOLDER, filename, conditional=True)
    response.headers["Cache-Control"] = FOR_EVER if stamped == stamp() else A_WHILE
    if Path(filename).suffix not in WORTH_COMPRESSING:
        return response
    response.headers["Vary"] = "Accept-Encoding"
    if response.status_code == 200 and request.accept_encodings["gzip"] and "Range" not in request.headers:
        small = make_response(_compressed(filename))
        response.close()
        small.headers["Content-Type"] = response.headers["Content-Type"]
        small.headers["Content-Encoding"] = "gzip"
        for name in ("Cache-Control", "Vary", "Last-Modified"):
            small.headers[name] = response.headers[name]
        return small
    return response


def register(app: Flask) -> None:
    """The one address of all files."""
    app.add_url_rule("/static/<string:stamped>/<path:filename>", "static", static, methods=["GET"])
    app.jinja_env.globals["asset"] = asset

    @app.url_defaults
    def with_stamp(endpoint: str, values: dict[str, object]) -> None:
        if endpoint == "static":
            values.setdefault("stamped", stamp())
