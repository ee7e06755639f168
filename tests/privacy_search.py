"""Looks for somebody's data in any bytes, the way somebody would who wants to find it.

Every value as UTF-8, UTF-16 (both orders) and GB18030, in the bytes as they are and in whatever comes out
of base64, base64url, hexadecimal and zlib runs at every offset, two layers deep.
"""

from __future__ import annotations

import base64
import binascii
import re
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

ENCODINGS = ("utf-8", "utf-16-le", "utf-16-be", "gb18030")
SHORTEST_ASCII = 8  # bytes: shorter digits turn up by chance in random bytes
SHORTEST = 6
DEPTH = 2
_BASE64 = re.compile(rb"[A-Za-z0-9+/]{12,}")
_BASE64URL = re.compile(rb"[A-Za-z0-9_-]{12,}")
_HEX = re.compile(rb"(?:[0-9a-f]{16,}|[0-9A-F]{16,})")
_ZLIB = re.compile(rb"[\x08\x18\x28\x38\x48\x58\x68\x78]")
_MOST_INFLATED = 1 << 20


@dataclass(frozen=True)
class Finding:
    """A value that was found: where, and through which layers."""

    place: str
    value: str
    encoding: str
    layers: tuple[str, ...]


def patterns(values: Iterable[str]) -> dict[bytes, tuple[str, str]]:
    """Bytes to look for, with value and encoding."""
    found: dict[bytes, tuple[str, str]] = {}
    for value in values:
        for encoding in ENCODINGS:
            data = value.encode(encoding)
            if len(data) >= (SHORTEST_ASCII if value.isascii() else SHORTEST):
                found.setdefault(data, (value, encoding))
    return found


def layers_of(data: bytes) -> Iterator[tuple[str, bytes]]:
    """Whatever is encoded inside these bytes."""
    for run in _BASE64.finditer(data):
        yield from _base64(run.group(), "base64", b"+/")
    for run in _BASE64URL.finditer(data):
        if b"_" in run.group() or b"-" in run.group():
            yield from _base64(run.group(), "base64url", b"-_")
    for run in _HEX.finditer(data):
        for offset in (0, 1):
            digits = run.group()[offset:]
            yield "hex", binascii.unhexlify(digits[: len(digits) // 2 * 2])
    for start in _ZLIB.finditer(data):
        at = start.start()
        if (int.from_bytes(data[at : at + 2], "big") % 31) == 0 and len(data) - at > 8:
            inflated = _inflate(data[at:])
            if len(inflated) >= SHORTEST:
                yield "zlib", inflated


def _base64(run: bytes, name: str, alphabet: bytes) -> Iterator[tuple[str, bytes]]:
    for offset in range(4):
        part = run[offset:]
        part = part[: len(part) // 4 * 4]
        if part:
            yield name, base64.b64decode(part, altchars=alphabet)


def _inflate(data: bytes) -> bytes:
    machine = zlib.decompressobj()
    out = bytearray()
    try:
        for at in range(0, len(data), 256):
            out += machine.decompress(data[at : at + 256], _MOST_INFLATED)
            if machine.eof or len(out) > _MOST_INFLATED:
                break
    except zlib.error:
        return bytes(out)
    return bytes(out)


def search(
    place: str, data: bytes, wanted: dict[bytes, tuple[str, str]], depth: int = DEPTH
) -> list[Finding]:
    """Every value that these bytes give away; one finding per value and way."""
    matcher = re.compile(b"|".join(re.escape(each) for each in sorted(wanted, key=len, reverse=True)))
    found: dict[Finding, None] = {}
    _search(place, data, wanted, matcher, (), depth, found)
    return list(found)


def _search(
    place: str,
    data: bytes,
    wanted: dict[bytes, tuple[str, str]],
    matcher: re.Pattern[bytes],
    layers: tuple[str, ...],
    depth: int,
    found: dict[Finding, None],
) -> None:
    for hit in matcher.finditer(data):
        value, encoding = wanted[hit.group()]
        found[Finding(place, value, encoding, layers)] = None
    if depth:
        for name, inner in layers_of(data):
            _search(place, inner, wanted, matcher, (*layers, name), depth - 1, found)


def search_folder(folder: Path, values: Iterable[str], without: Iterable[str] = ()) -> list[Finding]:
    """Search every file below `folder`, except in the named folders directly below it."""
    wanted = patterns(values)
    skipped = set(without)
    findings = []
    for path in sorted(folder.rglob("*")):
        relative = path.relative_to(folder)
        if path.is_file() and relative.parts[0] not in skipped:
            findings += search(str(relative), path.read_bytes(), wanted)
    return findings
