"""The form, the case and the list of changes of status."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, Response, abort, redirect, render_template, request, url_for

from ledger.core.errors import InputError, LedgerError, NotFoundError
from ledger.core.flow import BatchRecord, BatchState, proof_number
from ledger.core.jose import compact_json
from ledger.core.model import ReasonClass
from ledger.core.model import Role as ChainRole
from ledger.core.people import Role
from ledger.core.status import Status
from ledger.services.cases import Case
from ledger.services.status import Drafter, Grounds
from ledger.services.status_desk import Refusal, Survey, split_numbers
from web.access import actor, allowed, must_own, must_see
from web.approve.batches import approver_choices, remedy_of
from web.approve.room import (
    has_site,
    names,
    room,
    say,
    services,
    signer_line,
    signer_name,
    who,
)
from web.governance import lines
from web.numbers import asked_page

pages = Blueprint("status", __name__, url_prefix="/status")
DOERS = (Role.CLERK, Role.APPROVER)
LOOKERS = (*DOERS, Role.AUDITOR)
CHANGES = {
    "suspend": Status.SUSPENDED,
    "resume": Status.VALID,
    "void": Status.VOID,
    "revoke": Status.REVOKED,
    "cancel": Status.CANCELLED,
}
WORDS = {status.name: word for word, status in CHANGES.items()} | {"SUPERSEDED": "supersede", "USED": "use"}
"""What a case does, those of the command line too."""
WITHDRAW = "withdraw"
FORM_DIGITS = 32
"""Of the word by which a form is known again when it is sent twice."""
TYPED = ("numbers", "change", "reason", "legal_basis", "document", "batch")
REASONS = {reason.name.lower(): reason for reason in ReasonClass}
LONGEST = 300
SHOWN = 200
CASES_A_PAGE = 50
TONES = {
    "draft": "info",
    "made": "info",
    "approved": "info",
    "sent": "good",
    "dropped": "plain",
    "new": "info",
}


@dataclass(frozen=True, slots=True)
class Order:
    """What the form asks for, checked."""

    change: str
    grounds: Grounds
    batch_id: int | None
    survey: Survey | None


@pages.get("")
@allowed(*LOOKERS)
def cases() -> str:
    """What waits for me, what is under way, what was done."""
    found = room().status.cases()
    reach = _reach()
    own = [case for case in reversed(found.cases) if _is_seen(case, reach)]
    waiting = {case.id for case in own if _is_mine(case)}
    mine = [case for case in own if case.id in waiting]
    others = [case for case in own if case.id not in waiting]
    page = asked_page()
    shown = others[(page - 1) * CASES_A_PAGE : page * CASES_A_PAGE]
    people = names(number for case in (*mine, *shown) for number in (case.person_made, case.person_approved))
    dead = _dead()
    return render_template(
        "status/cases.html",
        mine=[_line(case, people, dead) for case in mine],
        others=[_line(case, people, dead) for case in shown],
        several=any(case.issuer != actor().uscc for case in (*mine, *shown)),
        inherited=_predecessors(),
        agency=lines.agency,
        unreadable=len(found.unreadable),
        page=page,
        more=len(others) > page * CASES_A_PAGE,
    )


def _predecessors() -> tuple[str, ...]:
    """Dissolved agencies whose certificates the people of this one change."""
    return tuple(one for one in room().status_desk.acted_for(actor().uscc) if one != actor().uscc)


def _reach() -> frozenset[str]:
    """Agencies whose cases this person sees: the own ones, those below for who looks there, predecessors."""
    return actor().subtree | frozenset(room().status_desk.acted_for(actor().uscc))


def _is_seen(case: Case, reach: frozenset[str]) -> bool:
    return case.issuer in reach or case.acting in reach


def _is_mine(case: Case) -> bool:
    """Whether it waits for this person."""
    if case.acting != actor().uscc:
        return False
    if case.state == "draft":
        return Role.CLERK in actor().roles and case.person_made == actor().person
    return (
        case.state == "made"
        and Role.APPROVER in actor().roles
        and case.person_made != actor().person
        and room().desk.is_for(who(), case.approver)
    )


def _line(case: Case, people: dict[int, str], dead: dict[str, str]) -> dict[str, Any]:
    return {
        "case": case,
        "change": change_of(case),
        "count": 1 if case.status is None else len(case.names),
        "maker": people.get(case.person_made, ""),
        "state": "stopped" if case.id in dead else case.state,
        "tone": "bad" if case.id in dead else TONES[case.state],
    }


def change_of(case: Case) -> str:
    """The word of the form for what a case does."""
    return WITHDRAW if case.status is None else WORDS[case.status.name]


def _dead() -> dict[str, str]:
    """Case ids whose call was refused for good, and the remedy."""
    found = {}
    for job in room().here.store.outbox.jobs(dead=True):
        parts = job.subject.split(":")
        if parts[0] == "case":
            found[parts[1]] = remedy_of(job.code, str(job.detail.get("error", "")))
    return found


@pages.get("/change/<string(length=32):name>")
@allowed(*DOERS)
def change(name: str) -> Response:
    """From a row of a batch to the form for this credential."""
    return redirect(url_for("status.new", numbers=name.upper()), 303)  # type: ignore[return-value]


@pages.get("/new")
@allowed(*DOERS)
def new() -> str:
    """The form: for numbers, a file of numbers, or a whole batch."""
    given = {"numbers": request.args.get("numbers", ""), "change": request.args.get("change", "")}
    batch = _batch_of(request.args.get("batch", ""))
    return _form(given, batch, [], ())


@pages.post("/new")
@allowed(*DOERS)
def decide() -> Response | tuple[str, int]:
    """Suspend at once; everything else becomes a case that two people sign. Sent twice it is one case."""
    batch = _batch_of(request.form.get("batch", ""))
    if not room().status_desk.acted_for(actor().uscc):
        return _form(request.form, batch, [], ()), 409
    case_id = _case_of_form()
    if case_id is not None and (before := _drafted(case_id)) is not None:
        return redirect(url_for("status.case", case_id=case_id, done=before.state), 303)  # type: ignore[return-value]
    order, errors = _read(batch)
    if order is None:
        return _form(request.form, batch, errors, ()), 422
    if order.survey is not None and (fault := _fault_of(order.survey)):
        return _form(request.form, batch, [("numbers", fault)], order.survey.refusals), 422
    case = _carry_out(order, case_id)
    services().audit.note(
        actor(),
        f"status.{order.change}",
        f"case/{case.id}",
        count=len(case.names),
        reason=case.grounds.reason.name,
    )
    return redirect(url_for("status.case", case_id=case.id, done=case.state), 303)  # type: ignore[return-value]


def _fault_of(survey: Survey) -> str:
    """Why these numbers cannot be changed together; empty when they can."""
    if survey.refusals:
        return say("status.error_refused", count=len(survey.refusals))
    if len(survey.issuers) > 1:
        counts = (
            say("status.of_agency", agency=lines.agency(issuer), count=count)
            for issuer, count in survey.issuers.items()
        )
        return say("status.error_several", agencies=say("directory.comma").join(counts))
    return ""


def _case_of_form() -> str | None:
    """The case that this very form makes, for this person: the same answers to the same form are one case."""
    form = request.form.get("form", "")
    if len(form) != FORM_DIGITS or not form.isalnum():
        return None
    upload = request.files.get("file")
    data = b"" if upload is None else upload.read()
    if upload is not None:
        upload.seek(0)
    said = [form, actor().person, actor().uscc, *(request.form.get(name, "") for name in TYPED)]
    return hashlib.sha256(compact_json({"said": said}) + data).hexdigest()[:FORM_DIGITS]


def _drafted(case_id: str) -> Case | None:
    try:
        return room().status.case(case_id)
    except NotFoundError:
        return None


def _carry_out(order: Order, case_id: str | None) -> Case:
    status, drafter = room().status, Drafter(actor().person, actor().uscc, case_id)
    if order.batch_id is not None:
        return status.draft_withdrawal(order.batch_id, order.grounds, drafter)
    assert order.survey is not None  # noqa: S101  _read gives one of the two
    if order.change == "suspend":
        return status.suspend(order.survey.names, order.grounds, drafter)
    return status.draft(order.survey.names, CHANGES[order.change], order.grounds, drafter)


def _read(batch: int | None) -> tuple[Order | None, list[tuple[str, str]]]:
    """The form, checked: an order, or what is wrong."""
    errors: list[tuple[str, str]] = []
    change = WITHDRAW if batch is not None else request.form.get("change", "")
    if batch is None and change not in CHANGES:
        errors.append(("change", say("status.error_change")))
    reason = REASONS.get(request.form.get("reason", ""))
    if reason is None:
        errors.append(("reason", say("status.error_reason")))
    legal, document = (_line_of(name, errors) for name in ("legal_basis", "document"))
    survey = None
    if batch is None:
        try:
            numbers = _numbers()
            if not numbers:
                errors.append(("numbers", say("status.error_numbers")))
            elif change in CHANGES:
                issuers = room().status_desk.acted_for(actor().uscc)
                survey = room().status_desk.survey(issuers, numbers, CHANGES[change])
        except InputError as error:
            errors.append(("numbers", say("status.error_file", code=error.code)))
    if errors or reason is None:
        return None, errors
    return Order(change, Grounds(reason, legal, document), batch, survey), []


def _line_of(name: str, errors: list[tuple[str, str]]) -> str:
    """A line of text that a decision must name."""
    text = " ".join(request.form.get(name, "").split())
    if not text or len(text) > LONGEST or not text.isprintable():
        errors.append((name, say(f"status.error_{name}", most=LONGEST)))
    return text


def _numbers() -> list[str]:
    """From the field and the file. Raises: InputError(FILE_*)."""
    numbers = split_numbers(request.form.get("numbers", ""))
    upload = request.files.get("file")
    data = upload.read() if upload is not None else b""
    return numbers + (room().numbers_in_file(data) if data else [])


def _batch_of(text: str) -> int | None:
    """The batch to withdraw, if one is named. Raises: NotFoundError(BATCH_UNKNOWN, NOT_HERE)."""
    if not text.isdecimal() or len(text) > 12:
        return None
    batch = room().approve.batch(int(text))
    if batch.issuer not in room().status_desk.acted_for(actor().uscc):
        must_own(batch.issuer)
    return batch.id


def _form(given: Any, batch: int | None, errors: list[tuple[str, str]], refusals: tuple[Refusal, ...]) -> str:
    desk = room().status_desk
    issuers = desk.acted_for(actor().uscc)
    possible = desk.possible(issuers)
    return render_template(
        "status/new.html",
        given=given,
        heir="" if issuers else lines.agency(desk.heir_of(actor().uscc)),
        inherited=[lines.agency(one) for one in issuers if one != actor().uscc],
        issuer="" if batch is None else lines.agency(room().approve.batch(batch).issuer),
        form=given.get("form") or services().entropy.token(FORM_DIGITS // 2).hex(),
        batch=batch,
        errors=errors,
        refused=len(refusals),
        refusals=[(one.text, _why(one, given.get("change", ""))) for one in refusals[:SHOWN]],
        changes=[
            (word, say(f"status.do_{word}"), say(f"status.do_{word}_hint"))
            for word, status in CHANGES.items()
            if status in possible
        ],
        reasons=[(word, say(f"status.reason_{word}")) for word in REASONS],
    )


def _why(refusal: Refusal, change: str) -> str:
    """Why a number cannot be changed so, and what to use instead where its type has no such status."""
    if refusal.code == "STATUS_NOT_OF_TYPE":
        instead = "、".join(say(f"status.do_{WORDS[name]}") for name in refusal.instead)
        return say("status.refusal_status_not_of_type", wanted=say(f"status.do_{change}"), instead=instead)
    if refusal.code in _REFUSALS:
        return say(f"status.refusal_{refusal.code.lower()}", now=_status_word(refusal.now))
    return say("status.refusal_other", code=refusal.code)


_REFUSALS = frozenset(
    {"NUMBER_SHAPE", "NUMBER_AMBIGUOUS", "CREDENTIAL_UNKNOWN", "NOT_ANCHORED_YET", "STATUS_TRANSITION"}
)


def _status_word(name: str) -> str:
    return say(f"status.is_{name.lower()}") if name else ""


def _case(case_id: str) -> Case:
    case = room().status.case(case_id)
    if not _is_seen(case, _reach()):
        must_see(case.issuer)
    return case


def _log_of(issuer: str) -> str:
    """In whose log it stands that this person looked: the issuer's where the person belongs to it."""
    return issuer if issuer in actor().subtree else actor().uscc


@pages.get("/cases/<string(length=32):case_id>")
@allowed(*LOOKERS)
def case(case_id: str) -> str:
    """One change: what, why, by whom, how far; its maker and approver sign here."""
    found = _case(case_id)
    services().audit.note(actor(), "case.seen", f"case/{case_id}", uscc=_log_of(found.issuer))
    people = names((found.person_made, found.person_approved))
    approver = room().book.owner(found.acting, found.approver)
    people |= names((None if approver is None else approver.person,))
    jobs = room().flow.jobs_of_case(case_id)
    return render_template(
        "status/case.html",
        case=found,
        change=change_of(found),
        issuer=lines.agency(found.issuer),
        acting=lines.agency(found.acting),
        reason=found.grounds.reason.name.lower(),
        maker=people.get(found.person_made) or signer_name(found.acting, found.maker, people, None),
        approver=people.get(found.person_approved)
        or signer_name(found.acting, found.approver, people, None if approver is None else approver.person),
        credentials=[_credential(found, name) for name in found.names[:SHOWN]]
        if found.status is not None
        else [],
        batch=None if found.status is not None or not found.names[0].isdigit() else int(found.names[0]),
        task=_task(found),
        waits=bool(jobs),
        remedy=_dead().get(case_id, ""),
        tone=TONES[found.state],
        technical=[
            (say(f"approve.fact_{name}"), line)
            for name, signer in (("maker_key", found.maker), ("approver_key", found.approver))
            if (line := signer_line(signer))
        ],
        done=request.args.get("done", ""),
    )


def _credential(case: Case, name: str) -> dict[str, str]:
    raw = bytes.fromhex(name)
    try:
        standing = room().status_desk.standing(case.issuer, raw)
    except LedgerError:
        return {"number": proof_number(raw), "name": name, "status": ""}
    status = "" if standing.status is None else standing.status.name
    return {"number": proof_number(raw), "name": name, "status": _status_word(status)}


def _task(case: Case) -> dict[str, Any]:
    desk, now = room().desk, services().clock.now()
    task: dict[str, Any] = {
        "kind": "",
        "why": "",
        "fresh": actor().is_fresh(now),
        "site": has_site(),
        "may_drop": case.state in {"draft", "made"} and case.acting == actor().uscc and _may_do(),
    }
    if case.acting != actor().uscc or case.state not in {"draft", "made"}:
        return task
    if room().status_desk.heir_of(case.acting) != case.acting:
        return task | {"why": "taken_over"}
    if case.state == "draft":
        if Role.CLERK not in actor().roles:
            return task | {"why": "waits_maker"}
        keys = list(desk.usable(who(), ChainRole.MAKER))
        choices = approver_choices(keys[0].signer_id if keys else None)
        why = "no_key" if not keys else "no_approver" if not choices else ""
        return task | {"kind": "" if why else "make", "keys": keys, "approvers": choices, "why": why}
    if case.person_made == actor().person:
        return task | {"why": "own"}
    keys = [key for key in desk.usable(who(), ChainRole.APPROVER) if key.signer_id == case.approver]
    why = (
        "expired" if now >= case.deadline else "" if keys and Role.APPROVER in actor().roles else "not_asked"
    )
    return task | {"kind": "" if why else "approve", "keys": keys, "why": why}


def _may_do() -> bool:
    return bool(actor().roles & frozenset(DOERS))


@pages.post("/cases/<string(length=32):case_id>/drop")
@allowed(*DOERS)
def drop(case_id: str) -> Response:
    """Give a change up before it is approved."""
    must_own(_case(case_id).acting)
    room().status.drop(case_id)
    services().audit.note(actor(), "case.dropped", f"case/{case_id}")
    return redirect(url_for("status.case", case_id=case_id, done="dropped"), 303)  # type: ignore[return-value]


@pages.get("/cases/<string(length=32):case_id>/state")
@allowed(*LOOKERS)
def case_state(case_id: str) -> str:
    """How far the change is on its way (a fragment that asks again until it is done)."""
    found = _case(case_id)
    return render_template(
        "status/state.html",
        case=found,
        waits=bool(room().flow.jobs_of_case(case_id)),
        remedy=_dead().get(case_id, ""),
        tone=TONES[found.state],
    )


@pages.get("/credentials/<string(length=32):name>")
@allowed(*LOOKERS)
def history(name: str) -> str:
    """Every status a credential had and why; for the issuing agency."""
    try:
        raw = bytes.fromhex(name)
    except ValueError:
        raw = b""
    place = room().here.store.batches.place(raw)
    issuer = actor().uscc if place is None else place.issuer
    acts = issuer in room().status_desk.acted_for(actor().uscc)
    if not acts:
        must_see(issuer)
    standing = room().status_desk.standing(issuer, raw)
    found = room().status_desk.history(issuer, raw)
    services().audit.note(
        actor(), "credential.history_seen", f"batch/{standing.place.batch_id}", uscc=_log_of(issuer)
    )
    people = names(number for case in found for number in (case.person_made, case.person_approved))
    dead = _dead()
    return render_template(
        "status/history.html",
        number=proof_number(raw),
        name=name,
        standing=standing,
        status=_status_word("" if standing.status is None else standing.status.name),
        lines=[
            _line(case, people, dead) | {"approver": people.get(case.person_approved, "")} for case in found
        ],
        own=acts and _may_do(),
        issuer="" if issuer == actor().uscc else lines.agency(issuer),
    )


def _is_withdrawn(batch: BatchRecord) -> bool:
    evidence = None if batch.root is None else room().flow.view.evidence(batch.issuer, batch.root, None)
    return evidence is not None and evidence.anchor is not None and evidence.anchor.withdrawn_at is not None


@pages.get("/predecessors/<string:issuer>")
@allowed(*LOOKERS)
def predecessor(issuer: str) -> str:
    """What a dissolved agency issued here, for the people of its successor: batches, no values."""
    if issuer not in _predecessors():
        abort(404)
    page = asked_page()
    first = (page - 1) * CASES_A_PAGE
    found = services().issuing.batches(
        [issuer], (BatchState.ANCHORED, BatchState.RELEASED), first, CASES_A_PAGE + 1
    )
    return render_template(
        "status/predecessor.html",
        issuer=issuer,
        agency=lines.agency(issuer),
        heir=lines.agency(actor().uscc),
        batches=[(one, lines.kind(one.type_id), _is_withdrawn(one)) for one in found[:CASES_A_PAGE]],
        may_do=_may_do(),
        page=page,
        more=len(found) > CASES_A_PAGE,
    )
