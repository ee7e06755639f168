"""Batches (P7): where each stands, its rows for the people who answer for them, what stopped it."""

from __future__ import annotations

from collections.abc import Sequence

from flask import Response, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from ledger.core.credential_type import CredentialType, Field
from ledger.core.flow import FINAL, BatchRecord, BatchState
from ledger.core.identifiers import make_licence_identifier
from ledger.core.intake import DeadJob
from ledger.core.model import DOCUMENT_TYPE
from ledger.core.people import Role
from ledger.core.status import Status
from ledger.services.issuing_desk import BatchRow
from web.access import actor, allowed, must_own
from web.claims import spell
from web.downloads import sheet_answer
from web.frame import link
from web.issue import rooms, words
from web.issue.rooms import PER_PAGE, desk_service, note, own_batch, t
from web.language import chosen_language

LOOKING = (Role.CLERK, Role.APPROVER, Role.AUDITOR, Role.OPERATOR, Role.ADMINISTRATOR)
STOPPABLE = (BatchState.CLOSED, BatchState.SIGNED, BatchState.MADE, BatchState.DEAD)
SHOWN_FIELDS = 5
STATUS_TONES = {Status.VALID: "good", Status.PENDING: "info", Status.SUSPENDED: "paused"}
RESULT_PAGE = 1_000


@allowed(*LOOKING)
def batches() -> str:
    """Batches of the organisations that the caller sees, newest first."""
    wanted = request.args.get("state", "")
    states = [BatchState(wanted)] if wanted in BatchState.__members__.values() else []
    desk = desk_service()
    page = rooms.page_of(request.args.get("page"), "issue.batches")
    found = desk.batches(sorted(actor().subtree), states, page.first, PER_PAGE + 1)
    return render_template(
        "issue/batches.html",
        rows=[line(batch) for batch in found[:PER_PAGE]],
        states=[(str(state), t(f"issue.batch_{state}")) for state in BatchState],
        state=wanted,
        several=len(actor().subtree) > 1,
        page=rooms.page_of(
            request.args.get("page"), "issue.batches", more=len(found) > PER_PAGE, state=wanted
        ),
    )


def line(batch: BatchRecord) -> dict[str, object]:
    """What a list shows of a batch."""
    return {
        "batch": batch,
        "type": type_name(batch),
        "agency": rooms.agency_name(batch.issuer),
        "state": t(f"issue.batch_{batch.state}"),
        "tone": words.TONES[batch.state],
    }


def type_name(batch: BatchRecord) -> str:
    """The type's name, or that these are documents."""
    if batch.type_id == DOCUMENT_TYPE:
        return t("issue.documents")
    kind = desk_service().type_of(batch.type_code)
    return batch.type_code if kind is None else words.label(kind.name, chosen_language())


@allowed(*LOOKING)
def batch(batch_id: int) -> str:
    """A batch with a page of its rows; values only for those who answer for them."""
    found = own_batch(batch_id)
    clear = rooms.answers_for(found.issuer)
    desk = desk_service()
    wanted = request.args.get("status", "")
    page = rooms.page_of(request.args.get("page"), "issue.batch")
    if wanted in Status.__members__ and found.state in FINAL:
        rows, total = desk.rows_with_status(found, Status[wanted], page.first, PER_PAGE, clear=clear)
    else:
        wanted = ""
        rows, total = desk.rows(found, page.first, PER_PAGE, clear=clear), found.size
    if clear and rows:
        note("batch.rows_seen", f"batch/{batch_id}", first=page.first, count=len(rows))
    kind = desk.type_of(found.type_code)
    fields = [] if kind is None or not clear else list(kind.fields[:SHOWN_FIELDS])
    language = chosen_language()
    counted = {} if found.state not in FINAL else _count(desk.statuses(found))
    return render_template(
        "issue/batch.html",
        **_moving(found),
        head=[words.label(field.labels, language) for field in fields],
        rows=[_row(row, kind, fields, found) for row in rows],
        clear=clear,
        status=wanted,
        statuses=[(status.name, t(f"issue.status_{status.name}"), counted[status]) for status in counted],
        page=rooms.page_of(
            request.args.get("page"),
            "issue.batch",
            more=page.first + len(rows) < total,
            batch_id=batch_id,
            status=wanted,
        ),
        total=total,
        can_change=rooms.may_change(found.issuer),
        run_page=link("paper.batch_zip", batch_id=batch_id) if found.state in FINAL else None,
        status_page=link("status.new", batch=batch_id) if found.state in FINAL else None,
        confirm_page=link("approve.batch", batch_id=batch_id)
        if found.state in (BatchState.SIGNED, BatchState.MADE)
        else None,
        evidence=link("audit.evidence", batch_id=batch_id),
        source=desk.intake_of(found),
    )


def _count(statuses: dict[int, Status]) -> dict[Status, int]:
    counted: dict[Status, int] = {}
    for status in statuses.values():
        counted[status] = counted.get(status, 0) + 1
    return dict(sorted(counted.items()))


def _row(
    row: BatchRow, kind: CredentialType | None, shown: Sequence[Field], found: BatchRecord
) -> dict[str, object]:
    language = chosen_language()
    name = row.name.hex()
    final = found.state in FINAL
    values = row.fields or {}
    status = row.status
    return {
        "row": row,
        "values": [spell(values.get(field.key), field, language) for field in shown],
        "all": []
        if kind is None or row.fields is None
        else [
            (words.label(field.labels, language), spell(values[field.key], field, language))
            for field in kind.fields
            if field.key in values
        ],
        "status": "" if status is None else t(f"issue.status_{status.name}"),
        "tone": "plain" if status is None else STATUS_TONES.get(status, "bad"),
        "print": link("paper.document", name=name) if final else None,
        "history": link("status.history", name=name) if final else None,
        "change": link("status.change", name=name) if final else None,
        "can_correct": final and status is not None and not status.is_final and row.fields is not None,
    }


@allowed(*LOOKING)
def batch_progress(batch_id: int) -> Response:
    """The moving part of the page; once nothing moves any more the whole page is asked for again."""
    values = _moving(own_batch(batch_id))
    response = make_response(render_template("issue/batch_progress.html", **values))
    doing = values["doing"]
    if isinstance(doing, words.Doing) and not doing.is_running:
        response.headers["HX-Refresh"] = "true"
    return response


def _moving(found: BatchRecord) -> dict[str, object]:
    desk = desk_service()
    dead = desk.dead_jobs(found.id)
    signed = desk.signed([found]).get(found.id, 0)
    place = words.WAY.index(found.state) if found.state in words.WAY else None
    is_unwitnessed = rooms.waits_for_witnesses(found)
    return {
        "batch": found,
        "type_name": type_name(found),
        "state": t(f"issue.batch_{found.state}"),
        "tone": words.TONES[found.state],
        "doing": words.batch_doing(
            found, signed, rooms.now(), is_stuck=bool(dead), is_unwitnessed=is_unwitnessed
        ),
        "is_unwitnessed": is_unwitnessed,
        "steps": [t(f"issue.step_{state}") for state in words.WAY],
        "step": None if place is None else place + 1 + (found.state is BatchState.RELEASED),
        "dead": [_dead(job) for job in dead],
        "can_requeue": rooms.may_change(found.issuer) and found.state in STOPPABLE and bool(dead),
        "without": [job.detail["record"] for job in dead if isinstance(job.detail.get("record"), int)],
        "chain_answers": desk.chain_answers(),
    }


def _dead(job: DeadJob) -> dict[str, object]:
    what, advice = words.code_words(job.code, chosen_language())
    return {"job": job, "what": what, "advice": advice, "record": job.detail.get("record")}


@allowed(*LOOKING)
def batch_results(batch_id: int, kind: str) -> Response:
    """Numbers and states of all rows, without values."""
    found = own_batch(batch_id)
    file_kind = rooms.sheet_kind(kind)
    desk = desk_service()
    known = desk.type_of(found.type_code)
    lines: list[list[object]] = []
    for start in range(0, found.size, RESULT_PAGE):
        for row in desk.rows(found, start, RESULT_PAGE, clear=False):
            identifier = (
                ""
                if known is None
                else make_licence_identifier(known.type_code, found.issuer, row.name.hex().upper())
            )
            status = "" if row.status is None else t(f"issue.status_{row.status.name}")
            outcome = t(f"issue.outcome_{row.outcome}")
            lines.append(
                [row.row_number, row.proof_no, identifier, outcome, t(f"issue.batch_{found.state}"), status]
            )
    header = [
        t(f"issue.result_{name}") for name in ("row", "proof_no", "identifier", "outcome", "state", "status")
    ]
    note("batch.results_taken", f"batch/{batch_id}", rows=len(lines))
    data = desk.result_file(file_kind, t("issue.sheet_data"), header, lines)
    return sheet_answer(data, file_kind, f"batch-{batch_id}-results")


@allowed(Role.CLERK)
def requeue(batch_id: int) -> AnyResponse:
    """A batch that cannot go on: its rows into a new one, without those that stop it."""
    found = own_batch(batch_id)
    must_own(found.issuer)
    dead = desk_service().dead_jobs(batch_id)
    without = [job.detail["record"] for job in dead if isinstance(job.detail.get("record"), int)]
    code = dead[0].code if dead else "REQUEUED"
    new_id = desk_service().requeue(batch_id, code, without)
    note("batch.requeued", f"batch/{batch_id}", without=len(without), new=new_id)
    return redirect(url_for("issue.batch", batch_id=new_id or batch_id), 303)
