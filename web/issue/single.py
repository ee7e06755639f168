"""Single issue (P4, P5): a form made from the type file, its answers looked at once more, handed in.

What was filled in is a draft from the first press on, sealed in the database, so that a wrong value, a
session that ended or a closed tab loses nothing. Works without script.
"""

from __future__ import annotations

import binascii
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from flask import make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from ledger.core.credential_type import CredentialType, Field
from ledger.core.errors import NotFoundError
from ledger.core.flow import FINAL, RowOutcome
from ledger.core.intake import Draft
from ledger.core.people import Role
from ledger.core.rows import RowIssue
from web.access import actor, allowed, must_own
from web.claims import spell
from web.issue import words
from web.issue.rooms import desk_service, granted, intake_service, note, own_batch, t
from web.language import chosen_language

NAME_FIELD = "draft"
FIELD_PREFIX = "f_"
"""In front of a field's key, so that no type's field is ever taken for one of the form's own."""
NAME_BYTES = 16
LONGEST_VALUE = 4_000
FEW_CHOICES = 4


@dataclass(frozen=True, slots=True)
class Input:
    """One field of the form as the template shows it. `way`: text, area, day, choice or list."""

    name: str
    way: str
    label: str
    value: str
    hint: str
    error: str
    options: tuple[tuple[str, str], ...] = ()
    inputmode: str = ""
    suffix: str = ""
    maxlength: int | None = None
    required: bool = False
    width: int | None = None


@allowed(Role.CLERK)
def single(code: str) -> AnyResponse:
    """A new form; what is sent becomes a draft and, if it is good, its answers are shown."""
    kind = granted(code)
    if request.method == "GET":
        return _form_page(kind, intake_service().new_draft_name(), {}, ())
    return _take(kind, _name_of(request.form.get(NAME_FIELD, "")))


@allowed(Role.CLERK)
def draft(name: str) -> AnyResponse:
    """A draft again, with what is wrong with it."""
    service = intake_service()
    if (sent := _sent(_name_of(name))) is not None:
        return sent
    found, values = service.draft(_name_of(name), actor().uscc, actor().person)
    kind = _type(found)
    if request.method == "POST":
        return _take(kind, found.name)
    errors = service.check_form(kind.ref, values)[1] if request.args.get("errors") else ()
    return _form_page(kind, found.name, values, errors, corrects=found.supersedes is not None)


def _sent(name: bytes) -> AnyResponse | None:
    """To what became of a draft that was handed in: whoever goes back and presses again must not start anew."""
    sent = intake_service().sent(name, actor().uscc)
    return None if sent is None else redirect(url_for("issue.intake", intake_id=sent.id), 303)


def _take(kind: CredentialType, name: bytes) -> AnyResponse:
    service = intake_service()
    if (sent := _sent(name)) is not None:
        return sent
    values = {
        field.key: request.form.get(FIELD_PREFIX + field.key, "").strip()[:LONGEST_VALUE]
        for field in kind.fields
    }
    service.save_draft(name, actor().uscc, kind.ref, actor().person, values)
    fields, errors = service.check_form(kind.ref, values)
    if request.form.get("later"):
        return redirect(url_for("issue.desk"), 303)
    if fields is None:
        known = service.book.draft(name)
        corrects = known is not None and known.supersedes is not None
        return _form_page(kind, name, values, errors, status=422, corrects=corrects)
    return redirect(url_for("issue.draft_check", name=name.hex()), 303)


@allowed(Role.CLERK)
def draft_check(name: str) -> AnyResponse:
    """What will be issued, with a way to change each answer, and what is known of the record already."""
    service = intake_service()
    if (sent := _sent(_name_of(name))) is not None:
        return sent
    found, values = service.draft(_name_of(name), actor().uscc, actor().person)
    kind = _type(found)
    fields, errors = service.check_form(kind.ref, values)
    if fields is None:
        return _form_page(kind, found.name, values, errors, status=422)
    outcome, record, can_replace = service.known_as(actor().uscc, kind.ref, fields)
    language = chosen_language()
    change = url_for("issue.draft", name=name)
    return make_response(
        render_template(
            "issue/check.html",
            kind=kind,
            type_name=words.label(kind.name, language),
            name=name,
            rows=[
                (
                    words.label(field.labels, language),
                    spell(fields.get(field.key), field, language) or t("issue.not_given"),
                    f"{change}#{FIELD_PREFIX}{field.key}",
                )
                for field in kind.fields
            ],
            outcome=str(outcome),
            known=record is not None,
            can_replace=can_replace,
            corrects=found.supersedes is not None,
            blocked=outcome is RowOutcome.ALREADY or (outcome is RowOutcome.CHANGED and not can_replace),
        )
    )


@allowed(Role.CLERK)
def draft_submit(name: str) -> AnyResponse:
    """Hand it in; pressed twice it is one."""
    supersede = request.form.get("supersede") == "1"
    found, is_new = intake_service().submit_draft(
        _name_of(name), actor().uscc, actor().person, supersede=supersede
    )
    if is_new:
        note("issue.submitted", f"intake/{found.id}", type=found.type_code, supersede=found.supersede)
    return redirect(url_for("issue.intake", intake_id=found.id), 303)


@allowed(Role.CLERK)
def draft_delete(name: str) -> AnyResponse:
    """Throw it away."""
    intake_service().drop_draft(_name_of(name), actor().uscc, actor().person)
    return redirect(url_for("issue.desk"), 303)


@allowed(Role.CLERK)
def correct(batch_id: int, record_id: int) -> AnyResponse:
    """A draft that starts as what a released credential says, to be issued as its corrected version."""
    batch = own_batch(batch_id)
    must_own(batch.issuer)
    row = desk_service().row(batch, record_id)
    if row is None or row.fields is None or batch.state not in FINAL:
        raise NotFoundError("NOT_HERE", "There is nothing here that could be corrected.")
    service = intake_service()
    name = service.new_draft_name()
    values = {key: str(value) for key, value in row.fields.items()}
    service.save_draft(name, batch.issuer, batch.type_code, actor().person, values, supersedes=record_id)
    note("issue.correction_begun", f"record/{record_id}", batch=batch_id)
    return redirect(url_for("issue.draft", name=name.hex()), 303)


def _form_page(
    kind: CredentialType,
    name: bytes,
    values: Mapping[str, str],
    errors: Sequence[RowIssue],
    *,
    status: int = 200,
    corrects: bool = False,
) -> AnyResponse:
    language = chosen_language()
    told = {error.column: words.row_words(error.code, error.text, language)[0] for error in reversed(errors)}
    number = kind.business_key
    kept = {number.number, number.as_of} if corrects else set()
    inputs = [
        _input(kind, field, values.get(field.key, ""), told.get(field.key, ""), is_kept=field.key in kept)
        for field in kind.fields
    ]
    page = render_template(
        "issue/single.html",
        kind=kind,
        type_name=words.label(kind.name, language),
        inputs=inputs,
        summary=[
            (FIELD_PREFIX + field.key, f"{words.label(field.labels, language)}{t('colon')}{told[field.key]}")
            for field in kind.fields
            if field.key in told
        ],
        name=name.hex(),
        is_known=bool(values),
        corrects=corrects,
    )
    return make_response(page, status)


def _input(kind: CredentialType, field: Field, value: str, error: str, *, is_kept: bool) -> Input:
    language = chosen_language()
    schema = kind.schema["properties"][field.key]
    longest = schema.get("maxLength")
    options = tuple((code, words.label(labels, language)) for code, labels in field.values.items())
    way = "text"
    if field.kind == "code":
        way = "choice" if len(options) <= FEW_CHOICES else "list"
    elif field.kind == "date":
        way = "day"
    elif field.kind == "text" and longest is not None and longest > words.LONG_TEXT:
        way = "area"
    hint = t(f"issue.hint_{field.kind}") if field.kind in ("month", "money", "ratio", "count", "uscc") else ""
    if is_kept:
        hint = t("issue.hint_kept")
    elif not field.required:
        hint = f"{t('optional')} {hint}".strip()
    modes = {"money": "decimal", "ratio": "decimal", "count": "numeric", "month": "numeric"}
    return Input(
        name=FIELD_PREFIX + field.key,
        way=way,
        label=words.label(field.labels, language),
        value=value,
        hint=hint,
        error=error,
        options=options,
        inputmode=modes.get(field.kind, ""),
        suffix=t("issue.yuan") if field.kind == "money" else "",
        maxlength=longest if field.kind == "text" else None,
        required=field.required,
        width={"month": 10, "money": 10, "ratio": 5, "count": 5, "uscc": 20, "identifier": 20}.get(
            field.kind
        ),
    )


def _type(found: Draft) -> CredentialType:
    kind = desk_service().type_of(found.type_code)
    if kind is None:
        raise NotFoundError("TYPE_NOT_HERE", f"There is no credential type {found.type_code}.")
    return kind


def _name_of(text: str) -> bytes:
    """Raises: NotFoundError(DRAFT_UNKNOWN) for what is no name of a draft."""
    try:
        name = bytes.fromhex(text)
    except (ValueError, binascii.Error):
        name = b""
    if len(name) != NAME_BYTES:
        raise NotFoundError("DRAFT_UNKNOWN", "There is no such draft.")
    return name
