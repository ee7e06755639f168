"""Standing approvals: who approved what in advance, how much of it is used today, and taking it back."""

from __future__ import annotations

import shlex
from typing import Any

from flask import Blueprint, Response, render_template, request, url_for

from ledger.core.model import DOCUMENT_TYPE, StandingAct
from ledger.core.model import Role as ChainRole
from ledger.core.people import Role
from ledger.core.signing import Act
from ledger.core.standing import limit_of
from ledger.services.standing import Standing
from ledger.services.standing_acts import standing_of
from web.access import actor, allowed
from web.approve.room import has_site, names, room, say, services, signer_line, signer_name, who
from web.approve.signing import asked, number_of
from web.language import chosen_language

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
        grant=shlex.join(["ecert", "standing", "grant", "--issuer", actor().uscc])
        + " --type TYPE --limit N --key "
        + shlex.quote(room().here.key_hint(actor().uscc, "approver")),
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
    is_good = found.terms.revoked_at is None and services().clock.now() < found.terms.valid_until
    return render_template(
        "approve/standing.html",
        line=_line(found),
        standing_id=standing_id,
        technical=[
            (say("approve.standing_id"), "0x" + standing_id),
            (say("approve.fact_approver_key"), signer_line(found.terms.approver)),
        ],
        command=shlex.join(["ecert", "standing", "revoke", "0x" + standing_id, "--key"])
        + " "
        + shlex.quote(room().here.key_hint(found.terms.issuer, "admin1")),
        keys=keys if is_good else [],
        is_good=is_good,
        site=has_site(),
        fresh=actor().is_fresh(services().clock.now()),
        done=request.args.get("done", ""),
    )


@pages.post("/<string(maxlength=64):standing_id>/revoke")
@allowed(Role.APPROVER, fresh=True)
def revoke(standing_id: str) -> Response:
    """What the approver signs to take it back."""
    found = _found(standing_id)
    wanted = room().desk.prepare_other(who(), Act.REVOKE_STANDING, found.terms.id.hex(), number_of("key"))
    return asked(wanted)


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
