"""Import of files (P6): take one, show what the check found, hand in the good rows, take away the others."""

from __future__ import annotations

from flask import Response, current_app, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from ledger.core.errors import InputError
from ledger.core.flow import ImportedRow, RowOutcome, proof_number
from ledger.core.identifiers import make_licence_identifier
from ledger.core.intake import (
    MAX_UPLOAD,
    REASON_COLUMN,
    ROW_COLUMN,
    FindingKind,
    Intake,
    IntakeKind,
    IntakeState,
)
from ledger.core.limits import LimitKind
from ledger.core.people import Role
from web.access import actor, allowed, must_own, takes
from web.downloads import sheet_answer
from web.frame import spell_number
from web.issue import rooms, words
from web.issue.rooms import PER_PAGE, desk_service, granted, intake_service, note, own_intake, t
from web.language import chosen_language
from web.problems import problem

FORM_OVERHEAD = 65_536
LOOKING = (Role.CLERK, Role.APPROVER, Role.AUDITOR, Role.OPERATOR, Role.ADMINISTRATOR)
ACCEPT = ".xlsx,.csv,.txt,.jsonl,.ndjson"


@allowed(Role.CLERK)
@takes(MAX_UPLOAD + FORM_OVERHEAD)
def upload(code: str) -> AnyResponse:
    """The page with the drop zone; a file that is sent becomes an upload and its page is shown."""
    kind = granted(code)
    if request.method == "GET":
        return _upload_page(code, "")
    wait = current_app.extensions["ledger"].limits.take(LimitKind.UPLOAD, str(actor().person))
    if wait:
        return problem(429, "RATE_LIMITED", retry_after_s=wait)
    given = request.files.get("file")
    if given is None or not given.filename:
        return _upload_page(code, t("issue.error_no_file"))
    try:
        found, is_new = intake_service().receive(
            actor().uscc, kind.ref, given.read(), given.filename, actor().person
        )
    except InputError as error:
        what, advice = words.code_words(error.code, chosen_language())
        return _upload_page(code, f"{what} {advice}".strip())
    if is_new:
        note("intake.received", f"intake/{found.id}", type=kind.ref, size=found.size)
    same = {} if is_new else {"same": 1}
    return redirect(url_for("issue.intake", intake_id=found.id, **same), 303)  # type: ignore[arg-type]


def _upload_page(code: str, error: str) -> Response:
    kind = granted(code)
    language = chosen_language()
    page = render_template(
        "issue/upload.html",
        kind=kind,
        type_name=words.label(kind.name, language),
        columns=[
            (field.headers[0], words.label(field.labels, language), field.required) for field in kind.fields
        ],
        others=[
            (other, words.label(other.name, language))
            for other in desk_service().granted_types(actor().uscc)
            if other.code != code
        ],
        error=error,
        accept=ACCEPT,
        largest=MAX_UPLOAD >> 20,
    )
    return make_response(page, 422 if error else 200)


@allowed(Role.CLERK)
def template(code: str, kind: str) -> Response:
    """An empty table to fill in, with one invented line as an example."""
    granted_type = granted(code)
    file_kind = rooms.sheet_kind(kind)
    data = desk_service().template(
        file_kind, granted_type.ref, (t("issue.sheet_data"), t("issue.sheet_example"))
    )
    spoken = t("issue.template_file", type=words.label(granted_type.name, chosen_language()))
    return sheet_answer(data, file_kind, f"template-{granted_type.code.lower()}", spoken)


@allowed(*LOOKING)
def intakes() -> str:
    """Uploads and forms of the organisations that the caller sees."""
    service = intake_service()
    page = rooms.page_of(request.args.get("page"), "issue.intakes")
    found = service.book.intakes(sorted(actor().subtree), [], page.first, PER_PAGE + 1)
    return render_template(
        "issue/intakes.html",
        rows=[_line(intake) for intake in found[:PER_PAGE]],
        page=rooms.page_of(request.args.get("page"), "issue.intakes", more=len(found) > PER_PAGE),
    )


def _line(intake: Intake) -> dict[str, object]:
    service = intake_service()
    name = service.file_name(intake) if rooms.answers_for(intake.issuer) else ""
    return {
        "intake": intake,
        "title": words.intake_title(intake, name),
        "state": t(f"issue.intake_{intake.state}"),
        "tone": words.INTAKE_TONES[intake.state],
        "type": _type_name(intake),
    }


def _type_name(intake: Intake) -> str:
    kind = desk_service().type_of(intake.type_code)
    return intake.type_code if kind is None else words.label(kind.name, chosen_language())


@allowed(*LOOKING)
def intake(intake_id: int) -> str:
    """An upload: how far it is, what the check found, what can be done."""
    return render_template("issue/intake.html", **_intake_values(own_intake(intake_id)))


@allowed(*LOOKING)
def intake_progress(intake_id: int) -> Response:
    """The moving part of the page; once nothing moves any more the whole page is asked for again."""
    values = _intake_values(own_intake(intake_id))
    response = make_response(render_template("issue/intake_progress.html", **values))
    doing = values["doing"]
    if isinstance(doing, words.Doing) and not doing.is_running:
        response.headers["HX-Refresh"] = "true"
    return response


def _intake_values(found: Intake) -> dict[str, object]:
    desk, service = desk_service(), intake_service()
    language = chosen_language()
    batches = () if found.job_id is None else desk.batches_of_import(found.job_id)
    page = rooms.page_of(request.args.get("page"), "issue.intake")
    kinds = [FindingKind.ERROR, FindingKind.CHANGE]
    findings = service.findings(found.id, kinds, page.first, PER_PAGE + 1)
    warnings = service.findings(found.id, [FindingKind.WARNING], 0, PER_PAGE)
    name = service.file_name(found) if rooms.answers_for(found.issuer) else ""
    reason = words.code_words(found.code, language) if found.code else None
    return {
        "intake": found,
        "title": words.intake_number(found),
        "file_name": name if found.kind is IntakeKind.FILE else "",
        "type_name": _type_name(found),
        "doing": words.intake_doing(found, batches, desk.signed(batches), rooms.now()),
        "state": t(f"issue.intake_{found.state}"),
        "tone": words.INTAKE_TONES[found.state],
        "counts": [(spell_number(value), name) for value, name in words.count_words(found.counts)],
        "issuable": found.counts.issuable(),
        "issuable_with": found.counts.issuable(supersede=True),
        "findings": [words.tell(finding, language) for finding in findings[:PER_PAGE]],
        "warnings": [words.tell(finding, language) for finding in warnings],
        "page": rooms.page_of(
            request.args.get("page"), "issue.intake", more=len(findings) > PER_PAGE, intake_id=found.id
        ),
        "reason": reason,
        "reason_row": found.detail.get("row"),
        "batches": batches,
        "batch_tones": words.TONES,
        "dead": desk.dead_intake_jobs(found.id),
        "can_change": rooms.may_change(found.issuer),
        "sees_values": rooms.answers_for(found.issuer),
        "is_file": found.kind is IntakeKind.FILE,
        "waits": [batch for batch in batches if batch.state == "signed"],
        "unwitnessed": {batch.id for batch in batches if rooms.waits_for_witnesses(batch)},
        "same": request.args.get("same") == "1",
        "chain_answers": desk.chain_answers(),
        "keep_days": 7,
    }


@allowed(Role.CLERK)
def intake_submit(intake_id: int) -> AnyResponse:
    """Hand in the good rows; pressed twice it has the effect of once."""
    found = own_intake(intake_id)
    must_own(found.issuer)
    supersede = request.form.get("supersede") == "1"
    intake_service().submit(intake_id, supersede=supersede)
    if found.state is IntakeState.CHECKED:
        rows = found.counts.issuable(supersede=supersede)
        note("intake.submitted", f"intake/{intake_id}", rows=rows, supersede=supersede)
    return redirect(url_for("issue.intake", intake_id=intake_id), 303)


@allowed(Role.CLERK)
def intake_recheck(intake_id: int) -> AnyResponse:
    """Look at the same file again."""
    must_own(own_intake(intake_id).issuer)
    intake_service().recheck(intake_id)
    note("intake.rechecked", f"intake/{intake_id}")
    return redirect(url_for("issue.intake", intake_id=intake_id), 303)


@allowed(Role.CLERK)
def intake_abandon(intake_id: int) -> AnyResponse:
    """Give it up; its content is erased at once."""
    must_own(own_intake(intake_id).issuer)
    intake_service().abandon(intake_id)
    note("intake.abandoned", f"intake/{intake_id}")
    return redirect(url_for("issue.intake", intake_id=intake_id), 303)


@allowed(Role.CLERK)
def intake_failed(intake_id: int, kind: str) -> Response:
    """Only the rows that were not taken, in the file's own columns, each with its reasons."""
    found = own_intake(intake_id)
    must_own(found.issuer)
    file_kind = rooms.sheet_kind(kind)
    kept = intake_service().failed_rows(found)
    header = list(kept[0][1]) if kept else []
    language = chosen_language()
    rows = []
    for number, cells, faults in kept[1:]:
        reasons = "; ".join(
            f"{column}: {words.row_words(code, own, language)[0]}".removeprefix(": ")
            for column, code, own in faults
        )
        rows.append([number, *cells, *[""] * (len(header) - len(cells)), reasons])
    note("intake.failed_rows_taken", f"intake/{intake_id}", rows=len(rows))
    data = desk_service().result_file(
        file_kind, t("issue.sheet_data"), [ROW_COLUMN, *header, REASON_COLUMN], rows
    )
    return sheet_answer(data, file_kind, f"import-{intake_id}-failed")


@allowed(*LOOKING)
def intake_results(intake_id: int, kind: str) -> Response:
    """What became of each row: numbers and states, no values."""
    found = own_intake(intake_id)
    file_kind = rooms.sheet_kind(kind)
    known = desk_service().type_of(found.type_code)
    rows = [] if found.job_id is None else desk_service().results(found.job_id)
    header = [
        t(f"issue.result_{name}")
        for name in ("row", "outcome", "identifier", "proof_no", "batch", "state", "reasons")
    ]
    lines = [_result_line(row, found.issuer, "" if known is None else known.type_code) for row in rows]
    note("intake.results_taken", f"intake/{intake_id}", rows=len(lines))
    data = desk_service().result_file(file_kind, t("issue.sheet_data"), header, lines)
    return sheet_answer(data, file_kind, f"import-{intake_id}-results")


def _result_line(row: ImportedRow, issuer: str, type_code: str) -> list[object]:
    language = chosen_language()
    identifier = number = ""
    if row.name is not None:
        number = proof_number(row.name)
        identifier = make_licence_identifier(type_code, issuer, row.name.hex().upper()) if type_code else ""
    reasons = "; ".join(
        f"{column}: {words.row_words(code, own, language)[0]}".removeprefix(": ")
        for column, code, own in row.errors
    )
    if row.outcome is RowOutcome.CHANGED:
        reasons = words.row_words("ROW_TWICE" if row.record_id is None else "ROW_CHANGED", None, language)[0]
    state = "" if row.batch_state is None else t(f"issue.batch_{row.batch_state}")
    return [
        row.row_number,
        t(f"issue.outcome_{row.outcome}"),
        identifier,
        number,
        row.batch_id or "",
        state,
        reasons,
    ]
