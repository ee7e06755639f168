"""Prints of one's own certificates: ordered, made by the worker, fetched with a purpose, withdrawn."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from apiflask import APIBlueprint
from flask import Response, g, url_for

from ledger.core.errors import ConflictError, NotFoundError
from ledger.core.flow import FINAL
from ledger.core.paper import DOCUMENT_ID_BYTES, Print, PrintKind, PrintRun, PrintState
from ledger.services.documents import DocumentService
from web.access import must_own, token_allowed
from web.api.answers import BINARY, PDF_TYPE, accepted, file_answer, hexed_or_none, request_key
from web.api.frame import note, services
from web.api.issuing import own_place
from web.api.models import (
    DocumentIn,
    DocumentOut,
    DocumentsOut,
    PageQuery,
    PersonalQuery,
    RunDocumentsOut,
    RunIn,
    RunOut,
    RunsOut,
    WithdrawalIn,
)
from web.api.paging import encode_cursor, parse_cursor

API = APIBlueprint("documents", __name__, tag="Documents")
FILE_ANSWERS: Any = file_answer("The sealed PDF, the certificate's bundle attached", PDF_TYPE, BINARY)


@API.post("/issues/<serial:serial>/documents")
@API.input(DocumentIn)
@API.output(DocumentOut, status_code=202)
@token_allowed("documents")
def order(serial: str, json_data: DocumentIn) -> tuple[DocumentOut, int, dict[str, str]]:
    """Order a print of a released certificate: the full copy, or chosen fields for one purpose.

    Answered when the order is durable; `href` (also in Location) tells when the file is there. The same
    `Idempotency-Key` finds the first order for as long as the print is kept.
    """
    place = own_place(serial)
    drawn = _drawn()
    service = _service()
    if drawn is not None:
        _require_same(drawn, place.name, json_data)
    ordered = service.order(
        place.name,
        kind=PrintKind(json_data.kind),
        language=json_data.language,
        by=f"token/{g.token.id}",
        fields=json_data.fields,
        purpose=json_data.purpose,
        document_id=drawn,
    )
    note("api.print", f"print/{ordered.id.hex()}", kind=str(ordered.kind), credential=serial)
    return accepted(_document(ordered))


@API.get("/issues/<serial:serial>/documents")
@API.output(DocumentsOut)
@token_allowed("documents")
def of_issue(serial: str) -> DocumentsOut:
    """Prints of one certificate, newest first."""
    place = own_place(serial)
    return DocumentsOut(items=[_document(one) for one in _service().prints(place.name)])


@API.get("/documents/<serial:document>")
@API.output(DocumentOut)
@token_allowed("documents")
def one_document(document: str) -> DocumentOut:
    """How far a print is."""
    return _document(_own(document))


@API.get("/documents/<serial:document>/file")
@API.input(PersonalQuery, location="query")
@API.doc(responses=FILE_ANSWERS)
@token_allowed("documents")
def file(document: str, query_data: PersonalQuery) -> Response:
    """Fetch the sealed PDF. Personal data: purpose and item code are kept in the audit log."""
    one = _own(document)
    data = _service().file(one)
    note("api.print_file", f"print/{document}", purpose=query_data.purpose, item=query_data.item_code)
    return Response(data, mimetype=PDF_TYPE)


@API.post("/documents/<serial:document>/withdrawal")
@API.input(WithdrawalIn)
@API.output(DocumentOut)
@token_allowed("documents")
def withdraw(document: str, json_data: WithdrawalIn) -> DocumentOut:
    """Withdraw a print: its check code, its QR and its file say so on this page from now on.

    The certificate stays as it is; who checks the file elsewhere does not see that it was withdrawn.
    """
    del json_data
    one = _service().revoke(_own(document).id, f"token/{g.token.id}")
    note("api.print_withdrawn", f"print/{document}")
    return _document(one)


@API.post("/batches/<int:batch>/documents")
@API.input(RunIn)
@API.output(RunOut, status_code=202)
@token_allowed("documents")
def order_batch(batch: int, json_data: RunIn) -> tuple[RunOut, int, dict[str, str]]:
    """Order full copies of a whole released batch; a language that was ordered before finds that run."""
    _own_batch(batch)
    run = _service().order_batch(batch, language=json_data.language, by=f"token/{g.token.id}")
    note("api.print_batch", f"batch/{batch}", prints=run.total, language=run.language)
    return accepted(_run(run))


@API.get("/batches/<int:batch>/documents")
@API.output(RunsOut)
@token_allowed("documents")
def of_batch(batch: int) -> RunsOut:
    """Runs of prints over a batch, at most one a language."""
    _own_batch(batch)
    return RunsOut(items=[_run(run) for run in _service().runs(batch)])


@API.get("/document-runs/<serial:run>")
@API.input(PageQuery, location="query")
@API.output(RunDocumentsOut)
@token_allowed("documents")
def one_run(run: str, query_data: PageQuery) -> RunDocumentsOut:
    """How far a run is, and its finished prints in the order of the batch's leaves."""
    found = _service().run(bytes.fromhex(run))
    must_own(found.issuer)
    after = parse_cursor(query_data.cursor) or 0
    rest = [one for one in _service().files_of(found.id) if one.leaf_index + 1 > after]
    shown = rest[: query_data.limit]
    following = encode_cursor(shown[-1].leaf_index + 1) if len(rest) > len(shown) else None
    return RunDocumentsOut(run=_run(found), items=[_document(one) for one in shown], next=following)


def _service() -> DocumentService:
    return cast("DocumentService", services().documents)


def _own(document: str) -> Print:
    """A print of the caller's organisation."""
    one = _service().print(bytes.fromhex(document))
    must_own(one.issuer)
    return one


def _own_batch(number: int) -> None:
    must_own(_service().batch(number).issuer)


def _drawn() -> bytes | None:
    """The print's number that a request key stands for, None without a key.

    Raises: InputError(IDEMPOTENCY_KEY).
    """
    given = request_key()
    if given is None:
        return None
    index: bytes = services().here.vault.index("print-request", f"{g.token.id} {given}")
    return index[:DOCUMENT_ID_BYTES]


def _require_same(document_id: bytes, name: bytes, asked: DocumentIn) -> None:
    """Refuse a key that stands for another order. Raises: ConflictError(IDEMPOTENCY_MISMATCH)."""
    try:
        there = _service().print(document_id)
    except NotFoundError:
        return
    is_chosen = PrintKind(asked.kind) is PrintKind.PURPOSE
    fields = set(asked.fields) if is_chosen else set()
    words = " ".join(asked.purpose.split()) if is_chosen else ""
    before = (there.name, str(there.kind), there.language, set(there.fields), _service().purpose(there))
    if before != (name, asked.kind, asked.language, fields, words):
        raise ConflictError("IDEMPOTENCY_MISMATCH", "This Idempotency-Key was used for another order.")


def _document(one: Print) -> DocumentOut:
    number = one.id.hex()
    batch = _service().page_batch(one)
    is_made = one.state is PrintState.MADE
    return DocumentOut(
        document=number,
        href=url_for("documents.one_document", document=number),
        serial=one.name.hex(),
        type=one.type_code,
        batch=one.batch_id,
        kind=cast("Any", str(one.kind)),
        language=cast("Any", one.language),
        fields=list(one.fields),
        state=cast("Any", str(one.state)),
        code=one.code or None,
        ordered_at=one.ordered_at,
        made_at=one.made_at,
        withdrawn_at=one.revoked_at,
        sha256=hexed_or_none(one.file_hash),
        anchored=batch is not None and batch.state in FINAL,
        file=url_for("documents.file", document=number) if is_made else None,
    )


def _run(run: PrintRun) -> RunOut:
    number = run.id.hex()
    values: Mapping[str, Any] = {
        "run": number,
        "href": url_for("documents.one_run", run=number),
        "batch": run.batch_id,
        "language": run.language,
        "ordered_at": run.ordered_at,
        "total": run.total,
        "made": run.made,
        "failed": run.failed,
        "done": run.is_done,
    }
    return RunOut.model_validate(values)
