"""Pages of the directory: read from the registry, nothing that is not public by design."""

from __future__ import annotations

from flask import current_app, render_template

from ledger.core.people import Role
from ledger.services.directory import AgencyFacts, Names
from web.access import actor_or_none, public
from web.governance import lines
from web.language import chosen_language
from web.numbers import asked_page

DEEDS_A_PAGE = 30
GOVERNORS = frozenset({Role.ADMINISTRATOR, Role.AUDITOR, Role.OPERATOR})
WHY = "who may issue what is public: anybody who checks a certificate relies on it"


@public(WHY)
def issuers() -> str:
    """The tree of agencies."""
    services = current_app.extensions["ledger"]
    return render_template(
        "directory/issuers.html",
        nodes=services.oversight.tree(),
        agency=lines.agency,
        kind=lines.kind,
    )


@public(WHY)
def issuer(issuer: str) -> str:
    """One agency: its paper, its rights, its keys, its standing approvals."""
    services = current_app.extensions["ledger"]
    facts = services.directory.agency(issuer)
    deeds = services.oversight.timeline(issuer)
    page = asked_page()
    shown = deeds[(page - 1) * DEEDS_A_PAGE : page * DEEDS_A_PAGE]
    return render_template(
        "directory/issuer.html",
        facts=facts,
        sheet=services.oversight.sheet(issuer),
        deeds=[lines.deed_line(deed, own=issuer) for deed in shown],
        page=page,
        more=len(deeds) > page * DEEDS_A_PAGE,
        total=len(deeds),
        words=lines,
        may_govern=bool(_roles() & GOVERNORS) and issuer in _subtree(),
        name_of=_name_of,
        kind_of=_kind_of,
        end=lines.end_day,
        now=services.clock.now(),
        parent=None if facts.record.parent is None else services.directory.agency(facts.record.parent),
    )


@public(WHY)
def types() -> str:
    """Every type with what it says and who issues it."""
    services = current_app.extensions["ledger"]
    found = services.directory.types()
    issuers = {issuer for facts in found for issuer in facts.issuers}
    names = {issuer: _in_language(services.directory.name(issuer)) or issuer for issuer in issuers}
    return render_template("directory/types.html", types=found, names=names, label=_label)


def _roles() -> frozenset[Role]:
    person = actor_or_none()
    return frozenset() if person is None else person.roles


def _subtree() -> frozenset[str]:
    person = actor_or_none()
    return frozenset() if person is None else person.subtree


def _in_language(names: Names | None) -> str | None:
    return None if names is None else names.get(chosen_language()) or names["zh"]


def _name_of(facts: AgencyFacts) -> str:
    return _in_language(None if facts.entry is None else facts.entry.name) or facts.record.issuer


def _kind_of(type_id: int) -> str:
    return _in_language(current_app.extensions["ledger"].directory.type_name(type_id)) or f"#{type_id}"


def _label(labels: object) -> str:
    """A label of a type file in the reader's language."""
    return str(getattr(labels, chosen_language()))
