"""A whole batch on paper: made by the worker, taken away as archives that can be resumed."""

from __future__ import annotations

import re
from collections.abc import Sequence

from flask import Response, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from ledger.core.errors import NotFoundError
from ledger.core.paper import Print, PrintRun
from ledger.core.stored_zip import StoredFile, StoredZip
from web.access import actor, allowed, must_own
from web.paper.prints import file_name
from web.paper.rooms import LOOKING, PRINTING, documents, note, number_of
from web.problems import problem

PER_PART = 200
"""Prints an archive: some 20 MB, so that a slow line does not hold a process of the web for long."""
LANGUAGES = ("zh", "en", "bo")
_RANGE = re.compile(r"bytes=(\d{1,12})-(\d{0,12})\Z")


@allowed(*LOOKING)
def batch_zip(batch_id: int) -> AnyResponse:
    """Runs of prints over a batch: progress, archives, and the form for a run in another language."""
    service = documents()
    batch = service.batch(batch_id)
    must_own(batch.issuer)
    if request.method == "POST":
        if not set(PRINTING) & actor().roles:
            return problem(403, "ROLE_NEEDED")
        run = service.order_batch(
            batch_id, language=request.form.get("language", "zh"), by=str(actor().person)
        )
        note("print.batch_ordered", f"batch/{batch_id}", prints=run.total, language=run.language)
        return redirect(url_for("paper.batch_zip", batch_id=batch_id), 303)
    runs = service.runs(batch_id)
    there = {run.language for run in runs}
    page = render_template(
        "paper/batch.html",
        batch=batch,
        runs=[_line(run) for run in runs],
        languages=[language for language in LANGUAGES if language not in there],
        is_running=any(not run.is_done for run in runs),
        can_print=bool(set(PRINTING) & actor().roles),
        has_key=service.has_seal_key(batch.issuer),
        per_part=PER_PART,
    )
    return make_response(page)


def _line(run: PrintRun) -> dict[str, object]:
    parts = -(-run.made // PER_PART) if run.is_done else 0
    return {"run": run, "number": run.id.hex(), "parts": list(range(1, parts + 1))}


@allowed(*PRINTING)
def zip_part(batch_id: int, number: str, part: int) -> AnyResponse:
    """One archive, whole or from where a download broke off (RFC 9110 §14)."""
    service = documents()
    run = service.run(number_of(number))
    must_own(run.issuer)
    if run.batch_id != batch_id or not run.is_done or part < 1:
        raise NotFoundError("PRINT_UNKNOWN", "There is no such archive.")
    found = service.files_of(run.id)[(part - 1) * PER_PART : part * PER_PART]
    prints = service.are_readable(found)
    if not prints:
        raise NotFoundError("PRINT_UNKNOWN", "There is no such archive.")
    archive = StoredZip([StoredFile(file_name(one), one.size, one.crc32) for one in prints])
    first, last, status = _wanted(archive)
    if status == 416:
        answer = Response(status=416)
        answer.headers["Content-Range"] = f"bytes */{archive.size}"
        return answer
    if first == 0:
        note("print.batch_taken", f"batch/{batch_id}", part=part, prints=len(prints))
    return _stream(archive, prints, first, last, status, f"batch-{batch_id}-{run.language}-{part}.zip")


def _wanted(archive: StoredZip) -> tuple[int, int, int]:
    """(first byte, byte after the last, HTTP status) of what the client asks for."""
    found = _RANGE.match(request.headers.get("Range", ""))
    condition = request.headers.get("If-Range")
    if found is None or (condition is not None and condition != f'"{archive.tag}"'):
        return 0, archive.size, 200
    first = int(found[1])
    last = min(int(found[2]) + 1 if found[2] else archive.size, archive.size)
    return (first, last, 206) if first < last else (0, 0, 416)


def _stream(
    archive: StoredZip, prints: Sequence[Print], first: int, last: int, status: int, name: str
) -> Response:
    service = documents()
    answer = Response(archive.read(first, last, lambda place: service.file(prints[place])), status=status)
    answer.headers["Content-Type"] = "application/zip"
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    answer.headers["Content-Length"] = str(last - first)
    answer.headers["Accept-Ranges"] = "bytes"
    answer.headers["ETag"] = f'"{archive.tag}"'
    answer.headers["Cache-Control"] = "no-store"
    if status == 206:
        answer.headers["Content-Range"] = f"bytes {first}-{last - 1}/{archive.size}"
    return answer
