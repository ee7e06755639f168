"""How the installation is doing, and dead letters to be tried again."""

from __future__ import annotations

from collections import Counter
from typing import Any

from flask import current_app, redirect, render_template, url_for
from werkzeug.wrappers import Response as AnyResponse

from ledger.core.errors import UnavailableError
from ledger.core.health import Vitals
from ledger.core.people import Role
from ledger.services.witnessing import WitnessBoard
from web.access import actor, allowed
from web.language import chosen_language
from web.texts import code_text, has, text

MOST_DEAD = 100
CLASS = 100  # 404 -> 4xx


@allowed(Role.OPERATOR, Role.ADMINISTRATOR)
def page() -> str:
    """The whole page."""
    return render_template("operate/page.html", **_facts())


@allowed(Role.OPERATOR, Role.ADMINISTRATOR)
def live() -> str:
    """The part that a script asks for again every few seconds."""
    return render_template("operate/live.html", **_facts())


@allowed(Role.OPERATOR, Role.ADMINISTRATOR)
def retry(job_id: int) -> AnyResponse:
    """One dead letter gets another try."""
    services = current_app.extensions["ledger"]
    item = services.operating.retry(job_id, actor().subtree)
    services.audit.note(actor(), "job.retry", f"job/{job_id}", kind=str(item.job.kind), code=item.job.code)
    return redirect(url_for("operate.page"), 303)


def _facts() -> dict[str, Any]:
    services = current_app.extensions["ledger"]
    health = services.health.look()
    language = chosen_language()
    return {
        "vitals": health.vitals,
        "lacks": [
            _lack(lack, tone)
            for tone, lacks in (("bad", health.missing), ("warning", health.warnings))
            for lack in lacks
        ],
        "dead": _dead() if health.vitals.has_database else None,
        "alarms": _alarms() if health.vitals.has_database else [],
        "answers": _answers(),
        "lists": _lists(health.vitals),
        "witnesses": _witnesses(),
        "agencies": {uscc: found.name(language) for uscc, found in services.people.organisations().items()},
        "purpose_of": _purpose_of,
        "kinds": {
            str(kind): text(f"operate.job_{kind}", language)
            for kind in {*health.vitals.queue, *health.vitals.dead}
        },
    }


def _witnesses() -> WitnessBoard | None:
    """How far the witnesses are; None before the first block and while the ledger does not answer."""
    try:
        board: WitnessBoard | None = current_app.extensions["ledger"].witnesses.board()
    except UnavailableError:
        return None
    return board


def _lack(lack: str, tone: str) -> dict[str, str]:
    language = chosen_language()
    return {
        "tone": tone,
        "title": text(f"operate.lack_{lack}", language),
        "advice": text(f"operate.lack_{lack}_advice", language),
    }


def _dead() -> list[dict[str, Any]]:
    services = current_app.extensions["ledger"]
    found = []
    for item in services.operating.dead(actor().subtree)[:MOST_DEAD]:
        words = code_text(item.job.code, chosen_language())
        found.append(
            {
                "id": item.job.id,
                "kind": text(f"operate.job_{item.job.kind}", chosen_language()),
                "batch": item.batch,
                "reason": item.job.code if words is None else words.title,
                "advice": "" if words is None else words.advice,
                "code": item.job.code,
            }
        )
    return found


def _alarms() -> list[Any]:
    services = current_app.extensions["ledger"]
    return [alarm for alarm in services.desk.standing.alarms() if alarm.issuer in actor().subtree]


def _answers() -> list[tuple[str, int]] | None:
    """Answers by class of status since the counters were begun; None while they are away."""
    try:
        totals = current_app.extensions["ledger"].health.totals()
    except UnavailableError:
        return None
    found: Counter[int] = Counter()
    for (_, status), answers in totals.items():
        found[status // CLASS] += sum(answers.buckets)
    return [(text(f"operate.answer_{kind}xx", chosen_language()), found[kind]) for kind in (2, 3, 4, 5)]


def _purpose_of(key: str) -> str:
    """What an agency signs with the key that has this name."""
    name = f"directory.purpose_{key}"
    return text(name, chosen_language()) if has(name) else key


def _lists(vitals: Vitals) -> str:
    """How fresh the status lists are: being about to end is how they are when all is well."""
    language = chosen_language()
    if vitals.list_left_s is None:
        return text("operate.lists_none", language)
    key = "lists_fresh" if vitals.list_left_s > 0 else "lists_late"
    return text(f"operate.{key}", language, count=vitals.lists, seconds=abs(vitals.list_left_s))
