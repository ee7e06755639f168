"""Draws a page as PDF/A-3 with typst: the template, our fonts, nothing of the machine's.

Same data, same bytes: the date comes with the data, fonts and template are part of the product, the
machine's fonts are not looked at and no package is ever loaded. Data goes in as JSON through
`sys.inputs`, never as source text. One compiler a process: it keeps what it laid out before.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path
from typing import Any, Final

import typst
import zxingcpp

from ledger.adapters.glyphs_fonts import fonts_folder

PDF_STANDARD: Final = "a-3b"
QR_LEVEL: Final = "M"


def template_file() -> Path:
    """The template `page`, version 1."""
    return Path(str(resources.files("ledger") / "paper" / "page.typ"))


class TypstPages:
    """Port PageRenderer. Not for several threads at once: one a worker."""

    def __init__(self) -> None:
        template = template_file()
        self._compiler = typst.Compiler(
            str(template),
            root=str(template.parent),
            font_paths=[str(fonts_folder())],
            ignore_system_fonts=True,
        )

    def render(self, data: Mapping[str, Any], qr_text: str, bundle: bytes) -> bytes:
        """The page as PDF/A-3b, tagged, the bundle attached; not sealed yet."""
        year, month, day, hour, minute, second = data["document_date"]
        inputs = {
            "data": json.dumps(data, ensure_ascii=False, separators=(",", ":")),
            "qr": _qr(qr_text),
            "bundle": bundle.decode("utf-8"),
        }
        made = self._compiler.compile(
            format="pdf",
            sys_inputs=inputs,
            pdf_standards=[PDF_STANDARD],
            timestamp=datetime(year, month, day, hour, minute, second, tzinfo=UTC),
            pdf_tags=True,
        )
        if not isinstance(made, bytes):
            raise TypeError("typst gives a PDF as one file")
        return made


def _qr(text: str) -> str:
    """The symbol as SVG with its quiet zone, made of the smallest version that holds the text."""
    code = zxingcpp.create_barcode(text, zxingcpp.BarcodeFormat.QRCode, ec_level=QR_LEVEL)
    return str(code.to_svg(add_quiet_zones=True))
