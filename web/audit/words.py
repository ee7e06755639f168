"""The log in words: what was done, to what, and how it went; raw it is in the exports."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from markupsafe import Markup

from ledger.core.audit import AuditRow
from ledger.core.flow import proof_number
from web.frame import link, spell_number, spell_time
from web.language import Language
from web.texts import catalogue, code_text, has, text

ACTION = "audit.action_"
TIMES = frozenset({"since", "until"})
PEOPLE = frozenset({"deputy_for", "agreed_by"})
AGENCIES = frozenset({"parent"})
NAME_DIGITS = 32
"""Hexadecimal digits of the number of a credential."""
LINKS = {"batch": ("issue.batch", "batch_id"), "case": ("status.case", "case_id")}


@dataclass(frozen=True, slots=True)
class Known:
    """Names that rows only hold the numbers of.

    Args:
        people: by number.
        agencies: by code.
        type_name: of a credential type's code or reference.
    """

    people: Mapping[int, str]
    agencies: Mapping[str, str]
    type_name: Callable[[str], str]


def actions() -> list[str]:
    """Every action that has words, by room."""
    names = [key.removeprefix(ACTION) for key in catalogue() if key.startswith(ACTION)]
    return sorted(name.replace("_", ".", 1) for name in names)


def choices(language: Language) -> list[tuple[str, str, list[tuple[str, str]]]]:
    """For the filter: a room, its name, its actions and their words."""
    rooms: dict[str, list[tuple[str, str]]] = {}
    for action in actions():
        rooms.setdefault(action.split(".")[0], []).append((action, action_words(action, language)))
    return [(room, text(f"audit.room_{room}", language), found) for room, found in rooms.items()]


def action_words(action: str, language: Language) -> str:
    """What was done."""
    key = ACTION + action.replace(".", "_")
    return text(key, language) if has(key) else action


def people_of(rows: Iterable[AuditRow]) -> set[int]:
    """Numbers of everybody that these rows name."""
    found = {row.person for row in rows if row.person is not None}
    for row in rows:
        kind, _, rest = row.subject.partition("/")
        if kind == "person" and rest.isdigit():
            found.add(int(rest))
        found |= {value for name, value in _facts(row).items() if name in PEOPLE and isinstance(value, int)}
    return found


def subject_words(row: AuditRow, language: Language, known: Known) -> str:
    """What it was done to; a link where there is a page of it."""
    kind, _, rest = row.subject.partition("/")
    key = f"audit.subject_{kind.replace('-', '_')}"
    if not has(key):
        return row.subject
    name = rest
    if kind == "person" and rest.isdigit():
        name = known.people.get(int(rest), rest)
    elif kind == "organisation":
        name = known.agencies.get(rest, rest)
    elif kind == "credential":
        name = _proof_no(rest)
    words = f"{text(key, language)} {name}".strip()
    if kind in LINKS and rest:
        endpoint, parameter = LINKS[kind]
        href = link(endpoint, **{parameter: rest})
        if href is not None:
            return Markup('<a class="govuk-link" href="{}">{}</a>').format(href, words)
    return words


def fact_words(row: AuditRow, language: Language, known: Known) -> list[tuple[str, str]]:
    """Labels and values of what else was noted; what was left empty is left out."""
    found = []
    for name, value in _facts(row).items():
        if value is None or value == "" or (name in PEOPLE and value == 0):
            continue
        key = f"audit.fact_{name}"
        label = text(key, language) if has(key) else name
        found.append((label, _value(name, value, row, language, known)))
    return found


def _facts(row: AuditRow) -> dict[str, str | int | bool | None]:
    facts: dict[str, str | int | bool | None] = json.loads(row.facts or "{}")
    return facts


def _value(name: str, value: str | int, row: AuditRow, language: Language, known: Known) -> str:
    if isinstance(value, bool):
        return text("yes" if value else "no", language)
    if isinstance(value, int):
        return _number(name, value, known)
    if name == "type":
        return known.type_name(value)
    if name in AGENCIES:
        return known.agencies.get(value, value)
    if name == "credential":
        return _proof_no(value)
    if name == "method":  # password+totp
        return " + ".join(_word("method", part, language) for part in value.split("+"))
    return _of_another_room(name, value, row.action, language)


def _of_another_room(name: str, value: str, action: str, language: Language) -> str:
    """Words that the room has whose value it is."""
    if name == "role":
        return text(f"accounts.role_{value}", language)
    if name == "kind" and action.startswith("job."):
        return text(f"operate.job_{value}", language)
    if name == "reason" and action.startswith("status."):
        return text(f"status.reason_{value.lower()}", language)
    if name == "code":
        words = code_text(value, language)
        return value if words is None else words.title
    return _word(name, value, language)


def _number(name: str, value: int, known: Known) -> str:
    if name in TIMES:
        return spell_time(value)
    if name in PEOPLE:
        return known.people.get(value, str(value))
    if name == "first":  # counted from 0 by the program, from 1 by people
        return spell_number(value + 1)
    return spell_number(value)


def _proof_no(digits: str) -> str:
    """The number as it is printed."""
    return (
        proof_number(bytes.fromhex(digits)) if re.fullmatch(f"[0-9a-f]{{{NAME_DIGITS}}}", digits) else digits
    )


def _word(name: str, value: str, language: Language) -> str:
    """A value of a small set in words, any other as it is."""
    key = f"audit.value_{name}_{value.replace('-', '_')}"
    return text(key, language) if has(key) else value
