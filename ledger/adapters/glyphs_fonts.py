"""Which characters the product's fonts can draw: what they cannot is refused before it is issued.

The tables of the fonts are read once a process, when first asked. A box on a certificate would be a
wrong name under a good seal; hence no fallback to the machine's fonts.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import Any

from fontTools.ttLib import TTFont

from ledger.adapters.schema_rust import RustSchemaValidator
from ledger.core.schema import GLYPH_KEYWORD, SchemaFinding

_LOCK = threading.Lock()
_SHOWN = 8  # characters that a message names


def fonts_folder() -> Path:
    """Where the product's fonts lie."""
    return Path(str(resources.files("ledger") / "fonts"))


class FontGlyphs:
    """Port Glyphs over the fonts of the page."""

    def missing(self, text: str) -> tuple[str, ...]:
        """Characters that no shipped font has, each once, in order."""
        if text.isascii():
            return ()
        known = _known()
        if known.issuperset(text):
            return ()
        return tuple(dict.fromkeys(one for one in text if one not in known))


class DrawableValidator:
    """A row's schema, and that every character of its texts can be printed (port SchemaValidator).

    Args:
        schema: of whole rows of a type.
    """

    def __init__(self, schema: Mapping[str, Any]) -> None:
        self._schema = RustSchemaValidator(schema)
        self._glyphs = FontGlyphs()

    def is_valid(self, value: Any) -> bool:
        """True when nothing is violated."""
        return self._schema.is_valid(value) and not self._glyphs.missing("".join(_texts(value).values()))

    def findings(self, value: Any) -> tuple[SchemaFinding, ...]:
        """Every violation, those of the schema first."""
        undrawable = [
            SchemaFinding((key,), GLYPH_KEYWORD, "".join(missing[:_SHOWN]))
            for key, text in _texts(value).items()
            if (missing := self._glyphs.missing(text))
        ]
        return (*self._schema.findings(value), *undrawable)


def _texts(value: Any) -> dict[str, str]:
    return {key: text for key, text in value.items() if isinstance(text, str)}


def _known() -> frozenset[str]:
    with _LOCK:
        return _load()


@lru_cache(maxsize=1)
def _load() -> frozenset[str]:
    found: set[int] = set(range(0x20, 0x7F))
    for path in sorted(fonts_folder().glob("*_400Regular.ttf")):  # values are drawn in these
        with TTFont(path, lazy=True) as font:
            found |= font["cmap"].getBestCmap().keys()
    return frozenset(map(chr, found))
