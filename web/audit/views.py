"""The log of the auditor's subtree, whole or not; its export; the evidence of one batch."""

from __future__ import annotations

import json
from typing import Any

from flask import Response, abort, current_app, make_response, render_template, request, stream_with_context

from ledger.core.audit import AuditRow
from ledger.core.people import Role
from web.access import actor, allowed, must_see
from web.audit import words
from web.language import chosen_language
from web.numbers import asked_number
from web.texts import text

ROWS = 50
MOST_ROWS = 10_000  # of one batch: each signature, each look at its rows
KINDS = {"csv": "text/csv; charset=utf-8", "jsonl": "application/x-ndjson"}
LONGEST_ACTION = 40


@allowed(Role.AUDITOR, Role.ADMINISTRATOR)
def log() -> str:
    """A page of the log, newest first, with what the links say about it."""
    services = current_app.extensions["ledger"]
    reader = actor()
    before = asked_number("before")
    action = request.args.get("action", "")[:LONGEST_ACTION]
    person = asked_number("person")
    rows: list[AuditRow] = services.audit.rows(
        reader.subtree, before=before, count=ROWS + 1, action=action or None, person=person
    )
    language = chosen_language()
    people = services.people.names(words.people_of(rows))
    known = words.Known(people, _names(), _type_name)
    return render_template(
        "audit/log.html",
        rows=[_line(row, known) for row in rows[:ROWS]],
        choices=words.choices(language),
        older=rows[ROWS - 1].number if len(rows) > ROWS else None,
        before=before,
        action=action,
        of_person=person,  # `person` is who is logged in, to the frame
        fault=services.audit.fault(),
        head=services.audit.head(),
    )


@allowed(Role.AUDITOR, Role.ADMINISTRATOR)
def export(kind: str) -> Response:
    """The log of the subtree as a table or as JSON lines, oldest first."""
    if kind not in KINDS:
        abort(404)
    services = current_app.extensions["ledger"]
    reader = actor()
    services.audit.note(reader, "audit.export", f"log/{kind}")
    lines = (
        services.audit.export_csv(reader.subtree)
        if kind == "csv"
        else services.audit.export_lines(reader.subtree)
    )
    response = Response(stream_with_context(lines), content_type=KINDS[kind])
    response.headers["Content-Disposition"] = f'attachment; filename="audit.{kind}"'
    return response


@allowed(Role.AUDITOR, Role.ADMINISTRATOR)
def evidence(batch_id: int) -> Response:
    """Everything about a batch that is not personal: signatures, block, event, log rows."""
    services = current_app.extensions["ledger"]
    batch = services.issuing.batch(batch_id)
    must_see(batch.issuer)
    services.audit.note(actor(), "audit.evidence", f"batch/{batch_id}")
    record: dict[str, Any] = {
        "batch": batch.id,
        "issuer": batch.issuer,
        "type": batch.type_code,
        "state": str(batch.state),
        "size": batch.size,
        "root": _hex(batch.root),
        "maker": _hex(batch.maker),
        "maker_signature": _hex(batch.maker_signature),
        "approver": _hex(batch.approver),
        "approver_signature": _hex(batch.approver_signature),
        "transaction": _hex(batch.tx_hash),
        "block": None
        if batch.block is None
        else {"number": batch.block.number, "hash": _hex(batch.block.hash), "time": batch.block.time},
        "reason": batch.reason,
        "log": [
            {
                "number": row.number,
                "at": row.at,
                "action": row.action,
                "person": row.person,
                "link": row.link.hex(),
            }
            for row in services.audit.rows(actor().subtree, count=MOST_ROWS, subject=f"batch/{batch_id}")
        ],
    }
    response = make_response(json.dumps(record, ensure_ascii=False, indent=2) + "\n")
    response.mimetype = "application/json"
    response.headers["Content-Disposition"] = f'attachment; filename="batch-{batch_id}.evidence.json"'
    return response


def _hex(value: bytes | None) -> str | None:
    return None if value is None else "0x" + value.hex()


def _names() -> dict[str, str]:
    organisations = current_app.extensions["ledger"].people.organisations()
    return {uscc: found.name(chosen_language()) for uscc, found in organisations.items()}


def _type_name(code: str) -> str:
    """Of a type's code or reference, e.g. `HPF_PERSONAL_DEPOSIT@1`."""
    for kind in current_app.extensions["ledger"].types:
        if code in {kind.code, kind.ref}:
            return str(getattr(kind.name, chosen_language()))
    return code


def _line(row: AuditRow, known: words.Known) -> dict[str, Any]:
    language = chosen_language()
    who = text("audit.program", language) if row.person is None else known.people.get(row.person, "")
    return {
        "number": row.number,
        "at": row.at,
        "agency": known.agencies.get(row.uscc, row.uscc) or text("audit.installation", language),
        "who": who,
        "action": words.action_words(row.action, language),
        "subject": words.subject_words(row, language, known),
        "facts": words.fact_words(row, language, known),
    }
