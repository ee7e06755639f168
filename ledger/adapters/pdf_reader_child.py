"""The process in which strangers' PDFs and pictures are parsed: `python -m ledger.adapters.pdf_reader_child`.

It has no keys, no data directory and no way out but its standard output. Its memory is limited by the
kernel, its time by whoever started it. One question after the other: a letter (P for a PDF, I for a
picture), the length, the bytes; each answer a length and JSON. At the end of its input it ends.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import resource
import struct
import sys
from typing import Any, BinaryIO, Final

from ledger.core.errors import InputError
from ledger.core.page import MAX_UPLOAD, PdfFacts

MEMORY_LIMIT: Final = 640 * 1024 * 1024
"""Bytes of address space: a sixth of it is mapped before the first file, 200 MiB are a photo of 50 megapixels."""
HEADER: Final = struct.Struct(">cI")
LENGTH: Final = struct.Struct(">I")


def main() -> None:
    """Answer until the input ends."""
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what a library prints is no answer
    _confine()
    _load()
    _say(answers, {"ready": True})
    while header := sys.stdin.buffer.read(HEADER.size):
        kind, length = HEADER.unpack(header)
        if length > MAX_UPLOAD:
            return
        _say(answers, _answer(kind, sys.stdin.buffer.read(length)))


def _confine() -> None:
    """Memory, files and processes as little as a parser needs."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_LIMIT, MEMORY_LIMIT))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _load() -> None:
    """Everything that the first question would otherwise wait for."""
    from ledger.adapters import image_reader, pdf_reader  # noqa: F401, PLC0415 - after the limits are set


def _answer(kind: bytes, data: bytes) -> dict[str, Any]:
    from ledger.adapters.image_reader import read_picture  # noqa: PLC0415 - see _load

    try:
        return _plain(read_file(data)) if kind == b"P" else {"codes": list(read_picture(data))}
    except InputError as error:
        return {"error": error.code, "message": error.message, "detail": error.detail}
    except MemoryError:
        return {
            "error": "FILE_TOO_COMPLEX",
            "message": "Reading the file would take too much memory.",
            "detail": {},
        }


def read_file(data: bytes) -> PdfFacts:
    """See ledger.adapters.pdf_reader.read_pdf; bytes that no parser understands are PDF_DAMAGED."""
    from ledger.adapters.pdf_reader import read_damaged, read_pdf  # noqa: PLC0415 - see _load

    try:
        return read_pdf(data)
    except (InputError, MemoryError):
        raise
    except Exception as error:  # noqa: BLE001 - edge of a process: parsers raise what they like over such bytes
        return read_damaged(data, type(error).__name__)


def _plain(facts: PdfFacts) -> dict[str, Any]:
    return {
        "pages": facts.pages,
        "seal": facts.seal.state.value,
        "thumbprint": None if facts.seal.thumbprint is None else facts.seal.thumbprint.hex(),
        "keywords": facts.keywords,
        "bundle": None if facts.bundle is None else base64.b64encode(facts.bundle).decode("ascii"),
        "codes": list(facts.codes),
    }


def _say(answers: BinaryIO, answer: dict[str, Any]) -> None:
    data = json.dumps(answer, ensure_ascii=True).encode("ascii")
    answers.write(LENGTH.pack(len(data)) + data)
    answers.flush()


if __name__ == "__main__":
    with contextlib.suppress(BrokenPipeError, KeyboardInterrupt):
        main()
