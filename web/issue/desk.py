"""The desk (P3): what waits, what runs, what was issued; and search."""

from __future__ import annotations

from datetime import date

from flask import make_response, render_template, request
from werkzeug.wrappers import Response as AnyResponse

from ledger.core.errors import InputError
from ledger.core.flow import FINAL, BatchRecord, BatchState, proof_number
from ledger.core.intake import AT_WORK, Intake, IntakeState
from ledger.core.people import Role
from web.access import actor, allowed
from web.frame import link
from web.issue import batches, rooms, words
from web.issue.rooms import desk_service, intake_service, note, t
from web.language import chosen_language

LOOKING = (Role.CLERK, Role.APPROVER, Role.AUDITOR, Role.OPERATOR, Role.ADMINISTRATOR)
SHOWN = 20
RETURNED_S = 14 * 86_400
"""For how long a batch that was given back stays among the things to do."""


@allowed(*LOOKING)
def desk() -> str:
    """What waits for me, what goes on by itself, what was issued."""
    service, uscc, language = desk_service(), actor().uscc, chosen_language()
    seen = rooms.seen()
    is_clerk = Role.CLERK in actor().roles
    intakes = intake_service().book.intakes(
        seen, [*AT_WORK, IntakeState.CHECKED, IntakeState.REFUSED], 0, SHOWN
    )
    waiting = service.batches(seen, [BatchState.SIGNED, BatchState.MADE], 0, SHOWN)
    returned = [
        batch
        for batch in service.batches(seen, [BatchState.REFUSED, BatchState.DEAD], 0, SHOWN)
        if rooms.now() - (batch.refused_at or rooms.now()) < RETURNED_S
    ]
    running = service.batches(
        seen, [BatchState.OPEN, BatchState.CLOSED, BatchState.APPROVED, BatchState.ANCHORED], 0, SHOWN
    )
    unwitnessed = {batch.id for batch in running if rooms.waits_for_witnesses(batch)}
    figures = service.figures(seen)
    signed = service.signed(running)
    return render_template(
        "issue/desk.html",
        is_clerk=is_clerk,
        types=[(kind, words.label(kind.name, language)) for kind in service.granted_types(uscc)],
        to_confirm=[_waiting(batch) for batch in waiting if batch.state is BatchState.SIGNED],
        to_approve=[_waiting(batch) for batch in waiting if batch.state is BatchState.MADE],
        returned=[{**batches.line(batch), "reason": _reason(batch)} for batch in returned],
        intakes=[_intake(intake) for intake in intakes],
        running=[
            (
                batches.line(batch),
                words.batch_doing(
                    batch,
                    signed.get(batch.id, 0),
                    rooms.now(),
                    is_stuck=bool(service.dead_jobs(batch.id)),
                    is_unwitnessed=batch.id in unwitnessed,
                ),
            )
            for batch in running
        ],
        unwitnessed=len(unwitnessed),
        drafts=_drafts() if is_clerk else [],
        points=[(f"{figure.day:%m-%d}", figure.issued) for figure in figures],
        issued=sum(figure.issued for figure in figures),
        moves=any(intake.state in AT_WORK for intake in intakes) or bool(running),
        chain_answers=service.chain_answers(),
    )


def _waiting(batch: BatchRecord) -> dict[str, object]:
    here = link("approve.batch", batch_id=batch.id) or link("issue.batch", batch_id=batch.id)
    return {**batches.line(batch), "href": here}


def _reason(batch: BatchRecord) -> str:
    """What a person wrote, or what a code means."""
    what, advice = words.code_words(batch.reason, chosen_language())
    return f"{what} {advice}".strip()


def _intake(intake: Intake) -> dict[str, object]:
    name = intake_service().file_name(intake) if rooms.answers_for(intake.issuer) else ""
    return {
        "intake": intake,
        "title": words.intake_title(intake, name),
        "state": t(f"issue.intake_{intake.state}"),
        "tone": words.INTAKE_TONES[intake.state],
        "doing": words.intake_doing(intake, (), {}, rooms.now()),
    }


def _drafts() -> list[tuple[str, str, int]]:
    service = desk_service()
    found = []
    for draft in intake_service().book.drafts(actor().uscc, actor().person):
        kind = service.type_of(draft.type_code)
        if kind is not None:
            found.append((draft.name.hex(), words.label(kind.name, chosen_language()), draft.updated_at))
    return found


@allowed(Role.CLERK, Role.APPROVER, Role.AUDITOR)
def search() -> AnyResponse:
    """Find a row by its proof number or its account or licence number; nothing of it gets into an address."""
    if request.method == "GET":
        return make_response(render_template("issue/search.html", found=None, error="", day=""))
    text, day = request.form.get("text", "").strip()[:100], request.form.get("day", "").strip()
    try:
        places = desk_service().search(actor().uscc, text, date.fromisoformat(day) if day else None)
    except (InputError, ValueError):
        page = render_template("issue/search.html", found=None, error=t("issue.error_search"), day="")
        return make_response(page, 422)
    note("issue.searched", "record", found=len(places))
    return make_response(
        render_template(
            "issue/search.html",
            found=[
                {
                    "proof_no": proof_number(place.name),
                    "batch_id": place.batch_id,
                    "state": t(f"issue.batch_{place.batch_state}"),
                    "tone": words.TONES[place.batch_state],
                    "print": link("paper.document", name=place.name.hex())
                    if place.batch_state in FINAL
                    else None,
                    "history": link("status.history", name=place.name.hex())
                    if place.batch_state in FINAL
                    else None,
                }
                for place in places
            ],
            error="",
            day=day,
        )
    )
