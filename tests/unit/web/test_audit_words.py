"""The audit log is read by people: every act, subject and fact that the code notes down has words."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from ledger.core.audit import AuditRow
from ledger.core.page import Kind
from ledger.core.paper import PrintKind
from ledger.core.signing import KeyKind
from web.approve.signing import AUDIT
from web.audit import words
from web.audit.words import Known
from web.language import LANGUAGES
from web.status.pages import CHANGES, WITHDRAW
from web.texts import catalogue

ROOT = Path(__file__).resolve().parents[3]
ACTION = re.compile(r"[a-z]+\.[a-z_]+")
ABOUT_WHOM = {"uscc", "person"}  # columns of their own
KNOWN = Known({7: "周敏"}, {"ISSUER": "中心"}, lambda code: f"<{code}>")


@cache
def calls() -> tuple[tuple[Path, ast.Call], ...]:
    """Read once."""
    return tuple(_calls())


def _calls() -> Iterator[tuple[Path, ast.Call]]:
    """Every call of something named `note` that is handed an action or hands one on."""
    for folder in ("ledger", "web"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                if isinstance(node, ast.Call):
                    name = node.func.attr if isinstance(node.func, ast.Attribute) else ""
                    name = node.func.id if isinstance(node.func, ast.Name) else name
                    if name.strip("_") == "note" and any(map(literals, node.args[:2])):
                        yield path, node


def literals(node: ast.expr) -> list[str]:
    """The actions that an expression may stand for."""
    found = [part.value for part in ast.walk(node) if isinstance(part, ast.Constant)]
    return [text for text in found if isinstance(text, str) and ACTION.fullmatch(text)]


def noted() -> set[str]:
    """Every action that is noted anywhere; those that are put together from names are written out."""
    found = {action for _, call in calls() for arg in call.args[:2] for action in literals(arg)}
    found |= {action for action, _ in AUDIT.values()}
    return found | {f"status.{change}" for change in (*CHANGES, WITHDRAW)}


def test_every_noted_action_has_words_and_no_words_are_of_none():
    assert len(noted()) > 60
    assert sorted(noted() - set(words.actions())) == []
    assert sorted(set(words.actions()) - noted()) == []


def test_every_action_can_be_chosen_under_its_room():
    for language in LANGUAGES:
        offered = [action for _, _, found in words.choices(language) for action, _ in found]
        assert sorted(offered) == words.actions()
        assert all(name and said for _, name, found in words.choices(language) for _, said in found)


def test_every_noted_fact_and_subject_has_words():
    facts = {keyword.arg for _, call in calls() for keyword in call.keywords if keyword.arg}
    assert len(facts) > 20
    assert sorted(name for name in facts - ABOUT_WHOM if f"audit.fact_{name}" not in catalogue()) == []
    subjects = set()
    for _, call in calls():
        for arg in call.args[1:3]:
            if isinstance(arg, ast.JoinedStr) and isinstance(arg.values[0], ast.Constant):
                subjects.add(str(arg.values[0].value).partition("/")[0])
    assert len(subjects) > 10
    missing = {f"audit.subject_{name.replace('-', '_')}" for name in subjects if name} - set(catalogue())
    assert missing == set()


def test_values_of_small_sets_have_words():
    values = {kind.value for enumeration in (PrintKind, KeyKind) for kind in enumeration}
    values |= {kind.value for kind in Kind} - {"ofd", "other"}  # never came to a result
    assert sorted(value for value in values if f"audit.value_kind_{value}" not in catalogue()) == []


def row(action: str, subject: str, facts: str) -> AuditRow:
    return AuditRow(1, 0, 7, None, "ISSUER", action, subject, facts, b"", b"")


def test_facts_are_said_in_words():
    given = row(
        "people.role_give",
        "person/7",
        '{"deputy_for":null,"role":"clerk","since":1795332121,"until":null}',
    )
    assert words.fact_words(given, "zh", KNOWN) == [("角色", "经办"), ("起始", "2026-11-22 15:22:01")]
    assert words.subject_words(given, "zh", KNOWN) == "人员 周敏"
    login = row("login.in", "session/4", '{"method":"password+totp"}')
    assert words.fact_words(login, "zh", KNOWN) == [("方式", "口令 + 动态码")]
    seen = row("print.seen", "credential/" + "0a" * 16, '{"first":0,"supersede":true,"type":"T@1"}')
    assert words.fact_words(seen, "en", KNOWN) == [
        ("From row", "1"),
        ("Replaces earlier ones", "Yes"),
        ("Type", "<T@1>"),
    ]
    assert words.subject_words(seen, "en", KNOWN) == "Certificate 0A0A-0A0A-0A0A-0A0A"


def test_what_has_no_words_is_shown_as_it_is():
    odd = row("nobody.knows", "=1+1", '{"odd":"<b>"}')
    assert words.action_words(odd.action, "zh") == "nobody.knows"
    assert words.subject_words(odd, "zh", KNOWN) == "=1+1"
    assert words.fact_words(odd, "zh", KNOWN) == [("odd", "<b>")]
