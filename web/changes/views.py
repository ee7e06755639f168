"""One page: the days that were chosen, and everything that changed in them."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta

from flask import current_app, make_response, render_template, request
from flask.wrappers import Response

from ledger.core.jose import b64url_encode
from ledger.core.model import ReasonClass
from ledger.core.people import Role
from ledger.services.changes import MOST_BATCHES, MOST_EVENTS, Changes
from web.access import actor, allowed
from web.frame import DAY_S, SHANGHAI, spell_day
from web.governance import lines
from web.language import chosen_language
from web.texts import text

LONGEST_DAYS = 31
MOST_SHOWN = 200


@allowed(Role.AUDITOR, Role.OPERATOR, Role.ADMINISTRATOR)
def page() -> Response:
    """Since yesterday's midnight in Beijing, or the days that are asked for."""
    services = current_app.extensions["ledger"]
    now = services.clock.now()
    since_day = request.args.get("since") or spell_day(now - DAY_S)
    until_day = request.args.get("until") or spell_day(now)
    begins, ends = _midnight(since_day), _midnight(until_day)
    fault = None
    if begins is None or ends is None or ends < begins or ends - begins >= LONGEST_DAYS * DAY_S:
        fault = text("changes.fault", chosen_language(), days=LONGEST_DAYS)
        begins, ends = _midnight(spell_day(now - DAY_S)) or 0, _midnight(spell_day(now)) or 0
    found: Changes = services.changes.between(begins, ends + DAY_S, actor().subtree)
    shown = found.deeds[:MOST_SHOWN]
    name_of = lines.person_names(lines.signers_of(shown))
    body = render_template(
        "changes/page.html",
        since_day=since_day,
        until_day=until_day,
        fault=fault,
        found=found,
        deeds=[lines.deed_line(deed, name_of) for deed in shown],
        more_deeds=len(found.deeds) - len(shown),
        groups=_groups(found),
        reasons=_reasons(found),
        batches=found.batches[:MOST_SHOWN],
        more_batches=len(found.batches) - len(found.batches[:MOST_SHOWN]),
        leaves=sum(anchor.size for anchor in found.batches),
        agency=lines.agency,
        kind=lines.kind,
        kid_of=b64url_encode,
        most_batches=MOST_BATCHES,
        most_events=MOST_EVENTS,
    )
    return make_response(body, 422 if fault else 200)


GROUPS = {
    "agencies": ("IssuerAdmitted", "IssuerDissolved"),
    "grants": ("TypeGranted",),
    "withdrawals": ("GrantWithdrawn", "BatchWithdrawn", "StandingRevoked"),
    "keys": ("KeyRegistered", "KeyRetired", "KeyCompromised"),
    "people": ("RoleSet", "ResetScheduled", "ResetCancelled", "RolesReset"),
}


def _groups(found: Changes) -> list[tuple[str, int]]:
    """How many acts of which kind."""
    names = Counter(deed.name for deed in found.deeds)
    return [
        (text(f"changes.group_{group}", chosen_language()), sum(names[name] for name in members))
        for group, members in GROUPS.items()
    ]


def _reasons(found: Changes) -> list[tuple[str, int]]:
    """Changes of status by class; classes without any are left out."""
    known = {int(reason): reason.name.lower() for reason in ReasonClass}
    return [
        (
            text(f"changes.reason_{known[number]}", chosen_language()) if number in known else str(number),
            count,
        )
        for number, count in sorted(found.statuses.items())
    ]


def _midnight(day: str) -> int | None:
    """When this day begins in Beijing; None for what is no day."""
    try:
        begins = datetime.strptime(day, "%Y-%m-%d").replace(tzinfo=SHANGHAI)
        return int((begins - datetime(1970, 1, 1, tzinfo=UTC)) / timedelta(seconds=1))
    except ValueError:
        return None
