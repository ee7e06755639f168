"""Every sentence of the web in Chinese, English and Tibetan: one catalogue a room, read once.

`web/texts/<room>.json` holds `{"name": {"zh": …, "en": …, "bo": …}}`, found as `"<room>.name"`; a key
without a dot is looked up in `base`. `web/texts/<room>_codes.json` holds, for codes of errors, what
happened and what to do. Words of checks and reasons come from ledger.core.checks.texts.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any, NamedTuple

from ledger.core.checks.codes import Code
from ledger.core.checks.texts import advice_of, text_of
from web.language import Language

CODES_SUFFIX = "_codes.json"
CHECK_CODES = frozenset(code.value for code in Code)


class CodeWords(NamedTuple):
    """What a code says to people: what happened, and what to do."""

    title: str
    advice: str


def _catalogues(suffix: str) -> dict[str, Any]:
    """The parsed catalogues whose file names end like this, by file name."""
    folder = files(__name__)
    return {
        entry.name: json.loads(entry.read_text(encoding="utf-8"))
        for entry in sorted(folder.iterdir(), key=lambda entry: entry.name)
        if entry.name.endswith(suffix)
    }


@cache
def catalogue() -> Mapping[str, Mapping[str, str]]:
    """Every sentence of every room: `"<room>.<name>"` to language to sentence."""
    return {
        f"{name.removesuffix('.json')}.{key}": sentence
        for name, entries in _catalogues(".json").items()
        if not name.endswith(CODES_SUFFIX)
        for key, sentence in entries.items()
    }


@cache
def codes() -> Mapping[str, Mapping[str, CodeWords]]:
    """Every code of errors that has words: code to language to words."""
    return {
        code: {language: CodeWords(*pair) for language, pair in words.items()}
        for entries in _catalogues(CODES_SUFFIX).values()
        for code, words in entries.items()
    }


def has(key: str) -> bool:
    """Is there a sentence of this name?"""
    return _full(key) in catalogue()


def text(key: str, language: Language, **values: object) -> str:
    """The sentence `key` in `language`. Raises KeyError for an unknown key: a page never shows a key."""
    sentence = catalogue()[_full(key)][language]
    return sentence.format(**values) if values else sentence


def code_text(code: str, language: Language) -> CodeWords | None:
    """What `code` says to people; None if nobody wrote it down. Codes of checks speak as on results."""
    words = codes().get(code)
    if words is not None:
        return words[language]
    if code in CHECK_CODES:
        return CodeWords(text_of(code, language).rstrip("\u3002."), advice_of(code, language))
    return None


def _full(key: str) -> str:
    return key if "." in key else f"base.{key}"
