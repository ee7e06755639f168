"""Standing approvals: who approved what in advance, how much of it is used today, and taking it back."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from flask import Blueprint, Response, make_response, render_template, request, url_for

from ledger.core.errors import InputError
from ledger.core.model import DOCUMENT_TYPE, StandingAct
from ledger.core.model import Role as ChainRole
from ledger.core.people import Role
from ledger.core.signing import Act
from ledger.core.standing import LONGEST_S, limit_of
from ledger.services.standing import LARGEST_LIMIT, Standing
from ledger.services.standing_acts import grant_subject, standing_of
from web.access import actor, allowed
from web.approve.room import has_site, key_hint, names, room, say, services, signer_line, signer_name, who
from web.approve.signing import asked, number_of
from web.frame import DAY_S, SHANGHAI, spell_day
from web.language import chosen_language
from web.problems import wants_json

pages = Blueprint("standing", __name__, url_prefix="/standing-approvals")
LOOKERS = (Role.APPROVER, Role.ADMINISTRATOR, Role.AUDITOR, Role.OPERATOR)
ACTS = {StandingAct.ANCHOR: "anchor", StandingAct.SUPERSEDE: "supersede", StandingAct.USE: "use"}


@pages.get("")
@allowed(*LOOKERS)
def all_of_them() -> str:
    """Every standing approval of what this person sees, those that are good first."""
    now = services().clock.now()
    seen = sorted(actor().subtree)
    found = [one for uscc in seen for one in room().flow.standing.standings(uscc)]
    found.sort(key=lambda one: (not one.terms.is_good(now), -one.terms.valid_until))
    return render_template(
        "approve/standings.html",
        lines=[_line(one) for one in found],
        several=len({one.terms.issuer for one in found}) > 1,
        done=request.args.get("done", ""),
        may_grant=Role.APPROVER in actor().roles,
        grant=shlex.join(["ecert", "standing", "grant", "--issuer", actor().uscc])
        + " --type TYPE --limit N --key "
        + shlex.quote(key_hint(actor().uscc, "approver")),
    )


@pages.get("/<string(maxlength=64):standing_id>")
@allowed(*LOOKERS)
def one(standing_id: str) -> str:
    """Its terms; its approver takes it back here, admins learn the command."""
    found = _found(standing_id)
    keys = []
    if Role.APPROVER in actor().roles and found.terms.issuer == actor().uscc:
        usable = room().desk.usable(who(), ChainRole.APPROVER)
        keys = [key for key in usable if key.signer_id == found.terms.approver]
    is_admin = not keys and Role.ADMINISTRATOR in actor().roles
    if is_admin:
        keys = list(room().desk.usable(who(), ChainRole.ADMIN))
    is_good = found.terms.revoked_at is None and services().clock.now() < found.terms.valid_until
    return render_template(
        "approve/standing.html",
        line=_line(found),
        standing_id=standing_id,
        technical=[
            (say("approve.standing_id"), "0x" + standing_id),
            (say("approve.fact_approver_key"), signer_line(found.terms.approver)),
        ],
        command=_command(found.terms.issuer, standing_id),
        is_admin=is_admin,
        keys=keys if is_good else [],
        is_good=is_good,
        site=has_site(),
        fresh=actor().is_fresh(services().clock.now()),
        done=request.args.get("done", ""),
    )


@pages.post("/<string(maxlength=64):standing_id>/revoke")
@allowed(Role.APPROVER, Role.ADMINISTRATOR, fresh=True)
def revoke(standing_id: str) -> Response:
    """What the approver signs to take it back, or an admin of the agency or of one above it."""
    found = _found(standing_id)
    number = number_of("key")
    is_admins = any(key.id == number for key in room().desk.usable(who(), ChainRole.ADMIN))
    act = Act.ADMIN_REVOKE if is_admins and Role.ADMINISTRATOR in actor().roles else Act.REVOKE_STANDING
    return asked(room().desk.prepare_other(who(), act, found.terms.id.hex(), number))


@pages.get("/new")
@allowed(Role.APPROVER)
def new() -> str:
    """The form of a new one: type, daily limits, until when."""
    return _form({}, {})


@pages.post("/new")
@allowed(Role.APPROVER, fresh=True)
def grant() -> Response:
    """What the approver signs to approve in advance; a form with faults comes back with them."""
    wanted, faults = _read()
    if faults:
        if wants_json():
            raise InputError("STANDING_FORM", "The form has faults.", fields=sorted(faults))
        return make_response(_form(request.form, faults), 422)
    return asked(room().desk.prepare_other(who(), Act.GRANT_STANDING, wanted, number_of("key")))


def _form(values: Mapping[str, str], faults: Mapping[str, str]) -> str:
    clock = services().clock.now()
    uscc = actor().uscc
    return render_template(
        "approve/standing_new.html",
        values=values,
        faults=faults,
        kinds=_kinds(uscc),
        has_service=room().flow.standing.keys.service(uscc) is not None,
        service_command=shlex.join(["ecert", "standing", "service", "--issuer", uscc])
        + " --admin file:/…/admin1/signing.key --admin file:/…/admin2/signing.key",
        last_day=spell_day(clock + LONGEST_S),
        keys=list(room().desk.usable(who(), ChainRole.APPROVER)),
        site=has_site(),
        fresh=actor().is_fresh(clock),
    )


def _kinds(uscc: str) -> list[tuple[int, str]]:
    """Types that the agency may issue now, and prints."""
    lines = room().oversight.sheet(uscc).rights if _is_issuer(uscc) else ()
    return [
        *((line.type_id, _type_words(line.type_id)) for line in lines if line.holder is None),
        (DOCUMENT_TYPE, _type_words(DOCUMENT_TYPE)),
    ]


def _is_issuer(uscc: str) -> bool:
    return any(record.issuer == uscc for record in room().flow.view.issuers())


def _read() -> tuple[str, dict[str, str]]:
    """The subject of the request, and what is wrong with which field."""
    faults: dict[str, str] = {}
    kind = request.form.get("type", "")
    if kind not in {str(type_id) for type_id, _ in _kinds(actor().uscc)}:
        faults["type"] = say("approve.standing_fault_type")
    limits = []
    for act in ACTS.values():
        text = request.form.get(act, "").replace(",", "").strip() or "0"
        if not (text.isascii() and text.isdigit()) or int(text[:11]) > LARGEST_LIMIT:
            faults[act] = say("approve.standing_fault_limit")
            text = "0"
        limits.append(int(text[:11]))
    if not faults and not any(limits):
        faults["anchor"] = say("approve.standing_fault_none")
    until = _end_of(request.form.get("until", ""))
    now = services().clock.now()
    if until is None or not now < until <= now + LONGEST_S:
        faults["until"] = say("approve.standing_fault_until", day=spell_day(now + LONGEST_S))
    if faults:
        return "", faults
    return grant_subject(int(kind), (limits[0], limits[1], limits[2]), until or 0), faults


def _end_of(day: str) -> int | None:
    """The end of this day in Beijing, at most as late as a standing approval may last; None for no day."""
    try:
        midnight = datetime.strptime(day, "%Y-%m-%d").replace(tzinfo=SHANGHAI) + timedelta(days=1)
    except ValueError:
        return None
    now = services().clock.now()
    seconds = int(midnight.timestamp())
    return min(seconds, now + LONGEST_S) if seconds - now - LONGEST_S < DAY_S else seconds


def _command(issuer: str, standing_id: str) -> str:
    hint = shlex.quote(key_hint(issuer, "admin1"))
    return shlex.join(["ecert", "standing", "revoke", "0x" + standing_id, "--key"]) + " " + hint


def _found(standing_id: str) -> Standing:
    """One that this person may see. Raises: NotFoundError(STANDING_UNKNOWN)."""
    return standing_of(room().flow.standing, actor().subtree, standing_id)


def _line(found: Standing) -> dict[str, Any]:
    """A standing approval as people read it."""
    terms, now = found.terms, services().clock.now()
    key = room().book.owner(terms.issuer, terms.approver)
    owner = None if key is None else key.person
    organisation = services().people.organisations().get(terms.issuer)
    used = {
        StandingAct.ANCHOR: found.anchored,
        StandingAct.SUPERSEDE: found.superseded,
        StandingAct.USE: found.used,
    }
    state = (
        "revoked" if terms.revoked_at is not None
        else "good" if terms.is_good(now)
        else "later" if now < terms.valid_from
        else "ended"
    )  # fmt: skip
    return {
        "href": url_for("standing.one", standing_id=terms.id.hex()),
        "type": _type_words(terms.type_id),
        "organisation": terms.issuer if organisation is None else organisation.name(chosen_language()),
        "acts": [
            (say(f"approve.standing_{word}"), used[act], limit_of(terms, act))
            for act, word in ACTS.items()
            if limit_of(terms, act)
        ],
        "since": terms.valid_from,
        "until": terms.valid_until,
        "approver": signer_name(
            terms.issuer, terms.approver, names((owner,)), owner, "" if key is None else key.label
        ),
        "state": state,
        "tone": {"good": "good", "later": "info", "revoked": "bad"}.get(state, "plain"),
        "revoked_at": terms.revoked_at,
    }


def _type_words(type_id: int) -> str:
    if type_id == DOCUMENT_TYPE:
        return say("approve.standing_documents")
    names_of = services().directory.type_name(type_id)
    if names_of is None:
        return say("approve.standing_type", number=type_id)
    return str(names_of.get(chosen_language()) or names_of["zh"])
