"""What the rules need from a JSON Schema evaluator (2020-12); adapters give it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Protocol

GLYPH_KEYWORD: Final = "glyph"
"""No keyword of JSON Schema: a character of the value is in no font that pages are printed with."""


@dataclass(frozen=True, slots=True)
class SchemaFinding:
    """One violation: where in the value, and which keyword it breaks.

    `shown` is what of the value a person has to look at: characters that cannot be drawn.
    """

    path: tuple[str | int, ...]
    keyword: str
    shown: str = ""


class SchemaValidator(Protocol):
    """One compiled schema. Patterns follow ECMA-262 (`$` is the end of the text); `format` is checked."""

    def is_valid(self, value: Any) -> bool:
        """True when nothing is violated; the fast path."""

    def findings(self, value: Any) -> tuple[SchemaFinding, ...]:
        """Every violation, sorted by path and keyword; empty exactly when `is_valid`."""
