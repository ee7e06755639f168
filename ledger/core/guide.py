"""Service guides (办事指南): what somebody needs, does, waits for and pays, and which paper is not asked for any more.

A guide without one of its five elements (conditions, flow, time limit, fees, contact) in all three
languages cannot be read, hence not published. Source: the five elements of a service guide in the
rules on open government; which paper a credential replaces is the agency's own word.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from ledger.core.errors import InputError
from ledger.core.identifiers import parse_uscc
from ledger.core.jose import read_json

LANGUAGES: Final = ("zh", "en", "bo")
ELEMENTS: Final = ("conditions", "time_limit", "fees", "contact")
MAX_GUIDE_BYTES: Final = 65_536
MAX_TEXT: Final = 1_000
_MEMBERS: Final = frozenset({"code", "agency", "name", "aliases", *ELEMENTS, "flow", "replaced", "paper"})
_TIBETAN: Final = range(0x0F00, 0x1000)
Words = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Replaced:
    """Paper that is not asked for any more, and the type (`CODE`) of the credential that says the same."""

    paper: Words
    type_code: str


@dataclass(frozen=True, slots=True)
class Guide:
    """One service item. `aliases` are what people call it; `paper` is what is still asked for on paper."""

    code: str
    agency: str
    name: Words
    aliases: tuple[str, ...]
    conditions: Words
    flow: tuple[Words, ...]
    time_limit: Words
    fees: Words
    contact: Words
    replaced: tuple[Replaced, ...]
    paper: tuple[Words, ...]

    @property
    def is_paperless(self) -> bool:
        """Nothing is asked for on paper."""
        return not self.paper


@dataclass(frozen=True, slots=True)
class Coverage:
    """Of all items: how many ask for less paper, how many for none."""

    items: int
    fewer: int
    paperless: int


def parse_guide(data: bytes) -> Guide:
    """A guide, or the first thing that is missing.

    Raises:
        InputError: GUIDE_SHAPE, naming the member.
    """
    if len(data) > MAX_GUIDE_BYTES:
        raise InputError("GUIDE_SHAPE", "A guide has at most 64 KiB.", member="")
    try:
        document, duplicate = read_json(data)
    except InputError as error:
        raise InputError("GUIDE_SHAPE", "This is no guide: not one JSON object.", member="") from error
    if type(document) is not dict or duplicate is not None:
        raise _wrong(str(duplicate or ""))
    for name in (*sorted(_MEMBERS - document.keys()), *sorted(document.keys() - _MEMBERS)):
        raise _wrong(name)
    return Guide(
        code=_code(document["code"]),
        agency=_agency(document["agency"]),
        name=_words(document["name"], "name"),
        aliases=tuple(_text(one, "aliases") for one in _list(document["aliases"], "aliases")),
        conditions=_words(document["conditions"], "conditions"),
        flow=tuple(_words(one, "flow") for one in _list(document["flow"], "flow", at_least=1)),
        time_limit=_words(document["time_limit"], "time_limit"),
        fees=_words(document["fees"], "fees"),
        contact=_words(document["contact"], "contact"),
        replaced=tuple(_replaced(one) for one in _list(document["replaced"], "replaced")),
        paper=tuple(_words(one, "paper") for one in _list(document["paper"], "paper")),
    )


def coverage(guides: Sequence[Guide]) -> Coverage:
    """How far paper is gone, counted from the guides themselves."""
    return Coverage(
        len(guides),
        sum(bool(guide.replaced) for guide in guides),
        sum(bool(guide.replaced) and guide.is_paperless for guide in guides),
    )


def find_guides(guides: Sequence[Guide], question: str) -> list[Guide]:
    """Guides that people may mean, best first: by name, by what they are called, by any word in them."""
    asked = question.strip().casefold()
    if not asked:
        return list(guides)
    ranked = [(rank, position) for position, guide in enumerate(guides) if (rank := _rank(guide, asked))]
    return [guides[position] for rank, position in sorted(ranked, key=lambda one: (-one[0], one[1]))]


def _rank(guide: Guide, asked: str) -> int:
    names = [*guide.name.values(), *guide.aliases]
    if any(asked == name.casefold() for name in names):
        return 4
    if any(asked in name.casefold() or name.casefold() in asked for name in names):
        return 3
    everything = [guide.conditions, *guide.flow, *guide.paper, *(one.paper for one in guide.replaced)]
    if any(asked in text.casefold() for words in everything for text in words.values()):
        return 2
    pairs = {asked[at : at + 2] for at in range(len(asked) - 1)}
    return int(any(pair in name.casefold() for pair in pairs for name in names))


def _wrong(member: str) -> InputError:
    return InputError(
        "GUIDE_SHAPE",
        f"The guide's member {member or '(whole)'} is missing, unknown or empty.",
        member=member,
    )


def _list(value: Any, member: str, at_least: int = 0) -> list[Any]:
    if type(value) is not list or len(value) < at_least:
        raise _wrong(member)
    return value


def _text(value: Any, member: str) -> str:
    if type(value) is not str or not value.strip() or len(value) > MAX_TEXT:
        raise _wrong(member)
    return value


def _words(value: Any, member: str) -> Words:
    if type(value) is not dict or value.keys() != set(LANGUAGES):
        raise _wrong(member)
    words = {language: _text(value[language], member) for language in LANGUAGES}
    if not any(ord(letter) in _TIBETAN for letter in words["bo"]):
        raise _wrong(f"{member}.bo")
    return words


def _code(value: Any) -> str:
    text = _text(value, "code")
    if not (text.isascii() and text.replace("_", "").isalnum() and text == text.upper() and len(text) <= 64):
        raise _wrong("code")
    return text


def _agency(value: Any) -> str:
    text = _text(value, "agency")
    try:
        parse_uscc(text)
    except InputError as error:
        raise _wrong("agency") from error
    return text


def _replaced(value: Any) -> Replaced:
    if type(value) is not dict or value.keys() != {"paper", "type"}:
        raise _wrong("replaced")
    return Replaced(_words(value["paper"], "replaced"), _text(value["type"], "replaced"))
