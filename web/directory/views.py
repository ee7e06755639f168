"""Pages of the directory: read from the registry, nothing that is not public by design."""

from __future__ import annotations

from flask import current_app, render_template

from ledger.core.model import Purpose
from ledger.services.directory import AgencyFacts, Names
from web.access import public
from web.frame import spell_day
from web.language import chosen_language
from web.texts import text

NO_END = 2**40 - 1
WHY = "who may issue what is public: anybody who checks a certificate relies on it"


@public(WHY)
def issuers() -> str:
    """The tree of agencies."""
    services = current_app.extensions["ledger"]
    return render_template(
        "directory/issuers.html", agencies=services.directory.agencies(), name_of=_name_of, kind_of=_kind_of
    )


@public(WHY)
def issuer(issuer: str) -> str:
    """One agency: its paper, its rights, its keys, its standing approvals."""
    services = current_app.extensions["ledger"]
    facts = services.directory.agency(issuer)
    return render_template(
        "directory/issuer.html",
        facts=facts,
        name_of=_name_of,
        kind_of=_kind_of,
        purpose_of=_purpose_of,
        end=_end,
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


def _end(seconds: int) -> str:
    """The last day of an interval; the contracts' highest number means that none is set."""
    return text("directory.no_end", chosen_language()) if seconds >= NO_END else spell_day(seconds)


def _in_language(names: Names | None) -> str | None:
    return None if names is None else names.get(chosen_language()) or names["zh"]


def _name_of(facts: AgencyFacts) -> str:
    return _in_language(None if facts.entry is None else facts.entry.name) or facts.record.issuer


def _kind_of(type_id: int) -> str:
    return _in_language(current_app.extensions["ledger"].directory.type_name(type_id)) or f"#{type_id}"


def _purpose_of(purpose: int) -> str:
    return text(f"directory.purpose_{Purpose(purpose).name.lower()}", chosen_language())


def _label(labels: object) -> str:
    """A label of a type file in the reader's language."""
    return str(getattr(labels, chosen_language()))
