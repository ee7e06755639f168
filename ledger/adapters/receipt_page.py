"""Draws verification receipts with typst: PDF/A-3b, the signed token attached."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import typst

from ledger.adapters.document_page import PDF_STANDARD, template_file
from ledger.adapters.glyphs_fonts import fonts_folder


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
        text = json.dumps({**data, "document_date": numbers}, ensure_ascii=False, separators=(",", ":"))
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
