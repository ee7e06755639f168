"""Draws verification receipts with typst: PDF/A-3b, the signed token attached."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import typst

from ledger.adapters.document_page import PDF_STANDARD, template_file
from ledger.adapters.glyphs_fonts import FontGlyphs, fonts_folder


class TypstReceipts:
    """Port ReceiptPages. Not for several threads at once: one a worker."""

    def __init__(self) -> None:
        template = template_file().with_name("receipt.typ")
        self._compiler = typst.Compiler(
            str(template),
            root=str(template.parent),
            font_paths=[str(fonts_folder())],
            ignore_system_fonts=True,
        )

    def render(self, data: Mapping[str, Any], token: str) -> bytes:
        """The receipt, not sealed yet; its document date is `made_at` (Beijing)."""
        made = datetime.strptime(data["made_at"], "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)
        numbers = [made.year, made.month, made.day, made.hour, made.minute, made.second]
        rows = [[_drawable(cell) for cell in row] for row in data["rows"]]
        text = json.dumps(
            {**data, "rows": rows, "document_date": numbers}, ensure_ascii=False, separators=(",", ":")
        )
        drawn = self._compiler.compile(
            format="pdf",
            sys_inputs={"data": text, "token": token},
            pdf_standards=[PDF_STANDARD],
            timestamp=made,
            pdf_tags=True,
        )
        if not isinstance(drawn, bytes):
            raise TypeError("typst gives a PDF as one file")
        return drawn


def _drawable(text: str) -> str:
    """An officer writes what he likes: a character that cannot be drawn is named by its number.

    The signed token has his very words.
    """
    missing = {*FontGlyphs().missing(text), *(one for one in text if not one.isprintable())}
    return "".join(f"[U+{ord(one):04X}]" if one in missing else one for one in text)
