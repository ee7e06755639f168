"""Those who govern: the agencies they see, what was done to each, and what waits for another admin."""

from __future__ import annotations

import shlex
from typing import Any

from flask import Blueprint, Response, render_template, request, url_for

from ledger.core.governed import Proposal
from ledger.core.model import Role as ChainRole
from ledger.core.people import Role
from ledger.core.signing import Act, SigningKey
from ledger.services.oversight import AgencySheet
from web.access import actor, allowed, must_see
from web.approve.room import has_site, key_hint, room, services, who
from web.approve.signing import asked, number_of
from web.governance import lines
from web.numbers import asked_page

pages = Blueprint("governance", __name__, url_prefix="/governance")
LOOKERS = (Role.ADMINISTRATOR, Role.AUDITOR, Role.OPERATOR)
DEEDS_A_PAGE = 50


@pages.get("")
@allowed(*LOOKERS)
def tree() -> str:
    """The tree of agencies that this person sees, and what waits."""
    oversight = room().oversight
    seen = actor().subtree
    now = services().clock.now()
    waiting = [one for one in oversight.book.waiting(now) if one.by in seen]
    resets = [reset for reset in oversight.book.resets() if reset.issuer in seen]
    return render_template(
        "governance/tree.html",
        nodes=oversight.tree(seen),
        own=actor().uscc,
        waiting=[_proposal_line(one) for one in waiting],
        resets=resets,
        agency=lines.agency,
        kind=lines.kind,
    )


@pages.get("/<string:issuer>")
@allowed(*LOOKERS)
def agency(issuer: str) -> str:
    """One agency: rights and what those above allow, keys, people's roles, standing approvals, timeline."""
    must_see(issuer)
    oversight = room().oversight
    sheet: AgencySheet = oversight.sheet(issuer)
    deeds = oversight.timeline(issuer)
    page = asked_page()
    shown = deeds[(page - 1) * DEEDS_A_PAGE : page * DEEDS_A_PAGE]
    signers = lines.signers_of(shown) | {(issuer, held.signer_id) for held in sheet.roles}
    name_of = lines.person_names(signers | {(issuer, one.approver) for one in sheet.standings})
    return render_template(
        "governance/agency.html",
        sheet=sheet,
        now=services().clock.now(),
        deeds=[lines.deed_line(deed, name_of, issuer) for deed in shown],
        page=page,
        more=len(deeds) > page * DEEDS_A_PAGE,
        total=len(deeds),
        name_of=name_of,
        waiting=[_proposal_line(one) for one in sheet.proposals],
        words=lines,
    )


@pages.get("/proposals/<int:number>")
@allowed(*LOOKERS)
def proposal(number: int) -> str:
    """What a proposal would do, who made it, and how another admin accepts it."""
    found = _seen(number)
    now = services().clock.now()
    act = room().governed.act_of(found)
    keys = _admin_keys(found)
    name_of = lines.person_names({(found.by, one) for one in (found.proposer, found.decided_by) if one})
    is_waiting = found in room().governed.waiting(now, found.by)
    return render_template(
        "governance/proposal.html",
        proposal=found,
        line=_proposal_line(found),
        words="" if act is None else lines.act_words(act[0], name_of),
        facts=[] if act is None else lines.act_facts(act[0]),
        act=act,
        agency=lines.agency(found.by),
        proposer=name_of(found.by, found.proposer),
        decider="" if found.decided_by is None else name_of(found.by, found.decided_by),
        keys=[key for key in keys if key.signer_id != found.proposer],
        all_keys=keys,
        is_waiting=is_waiting,
        state=_state(found, is_waiting=is_waiting),
        command=_command("accept", found),
        cancel_command=_command("cancel", found),
        technical=[
            (lines.say("governance.act_hash"), "0x" + found.act_hash.hex()),
            (lines.say("governance.proposer_key"), lines.full_signer(found.proposer)),
        ],
        site=has_site(),
        fresh=actor().is_fresh(now),
        done=request.args.get("done", ""),
    )


@pages.post("/proposals/<int:number>/accept")
@allowed(Role.ADMINISTRATOR, fresh=True)
def accept(number: int) -> Response:
    """What the other admin signs to accept."""
    _seen(number)
    return asked(room().desk.prepare_other(who(), Act.GOVERN, str(number), number_of("key")))


@pages.post("/proposals/<int:number>/cancel")
@allowed(Role.ADMINISTRATOR, fresh=True)
def cancel(number: int) -> Response:
    """What an admin signs to cancel."""
    _seen(number)
    return asked(room().desk.prepare_other(who(), Act.GOVERN_CANCEL, str(number), number_of("key")))


def _seen(number: int) -> Proposal:
    """A proposal of an agency that this person sees; everything else is not there."""
    found: Proposal = room().governed.proposal(number)
    must_see(found.by)
    return found


def _admin_keys(found: Proposal) -> list[SigningKey]:
    """Keys of this person that are an admin's of the agency that proposed."""
    if Role.ADMINISTRATOR not in actor().roles or found.by != actor().uscc:
        return []
    return list(room().desk.usable(who(), ChainRole.ADMIN))


def _proposal_line(found: Proposal) -> dict[str, Any]:
    """A proposal in a list."""
    act = room().governed.act_of(found)
    return {
        "number": found.number,
        "href": url_for("governance.proposal", number=found.number),
        "agency": lines.agency(found.by),
        "words": lines.say("governance.act_unknown") if act is None else lines.act_words(act[0]),
        "made_at": found.made_at,
        "expires_at": found.expires_at,
        "mine": any(key.signer_id != found.proposer for key in _admin_keys(found)),
    }


def _state(found: Proposal, *, is_waiting: bool) -> tuple[str, str]:
    """How it stands, in words and with its tone."""
    if found.state == "accepted":
        return lines.say("governance.state_accepted"), "good"
    if found.state == "cancelled":
        return lines.say("governance.state_cancelled"), "plain"
    if is_waiting:
        return lines.say("governance.state_open"), "paused"
    if found.is_open(services().clock.now()):
        return lines.say("governance.state_orphan"), "bad"
    return lines.say("governance.state_expired"), "plain"


def _command(what: str, found: Proposal) -> str:
    key = key_hint(found.by, "admin2")
    return shlex.join(["ecert", "role", what, str(found.number), "--key", key])
