"""Which characters the product's fonts can draw: what they cannot is refused before it is issued.

The tables of the fonts are read once a process, when first asked. A box on a certificate would be a
wrong name under a good seal; hence no fallback to the machine's fonts.
"""

from __future__ import annotations

import threading
from functools import lru_cache

from fontTools.ttLib import TTFont

from ledger.adapters.document_page import fonts_folder

_LOCK = threading.Lock()


class FontGlyphs:
    """Port Glyphs over the fonts of the page."""

    def missing(self, text: str) -> tuple[str, ...]:
        """Characters that no shipped font has, each once, in order."""
        if text.isascii():
            return ()
        known = _known()
        return tuple(dict.fromkeys(one for one in text if ord(one) not in known))


def _known() -> frozenset[int]:
    with _LOCK:
        return _load()


@lru_cache(maxsize=1)
def _load() -> frozenset[int]:
    found: set[int] = set(range(0x20, 0x7F))
    for path in sorted(fonts_folder().glob("*_400Regular.ttf")):  # values are drawn in these
        with TTFont(path, lazy=True) as font:
            found |= font["cmap"].getBestCmap().keys()
    return frozenset(found)
