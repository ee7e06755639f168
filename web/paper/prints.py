"""One credential on paper: order a copy, take it away, withdraw it."""

from __future__ import annotations

from typing import Any

from flask import Response, current_app, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from ledger.core.credential_type import CredentialType
from ledger.core.errors import InputError
from ledger.core.flow import FINAL, Place, proof_number
from ledger.core.paper import (
    DOCUMENT_ID_BYTES,
    MAX_PURPOSE,
    Print,
    PrintKind,
    PrintState,
    encode_page_receipt,
)
from ledger.core.paper_page import Choice
from web.access import actor, allowed, must_own
from web.language import chosen_language
from web.paper.rooms import LOOKING, PRINTING, documents, names_of, note, number_of, own_print, t
from web.problems import problem
from web.texts import code_text

TONES = {PrintState.ORDERED: "info", PrintState.MADE: "good", PrintState.FAILED: "bad"}


@allowed(*LOOKING)
def document(name: str) -> AnyResponse:
    """What was printed of a credential, and the form for another copy."""
    service = documents()
    place = service.place(number_of(name))
    must_own(place.issuer)
    if request.method == "GET":
        note("print.seen", f"credential/{name}")
        return _form(place, {}, "")
    if not set(PRINTING) & actor().roles:
        return problem(403, "ROLE_NEEDED")
    given = _given()
    try:
        ordered = service.order(
            place.name,
            kind=PrintKind.PURPOSE if given["kind"] == "purpose" else PrintKind.FULL,
            language=given["language"],
            by=str(actor().person),
            fields=given["fields"],
            purpose=given["purpose"],
            document_id=_drawn(given["number"]),
        )
    except InputError as error:
        return _form(place, given, _words(error), "fields" if error.code == "PRINT_FIELDS" else "purpose")
    note("print.ordered", f"print/{ordered.id.hex()}", kind=str(ordered.kind), credential=name)
    return redirect(url_for("paper.print_page", number=ordered.id.hex()), 303)


def _given() -> dict[str, Any]:
    return {
        "kind": request.form.get("kind", ""),
        "language": request.form.get("language", "zh"),
        "fields": request.form.getlist("fields"),
        "purpose": request.form.get("purpose", ""),
        "number": request.form.get("number", ""),
    }


def _drawn(number: str) -> bytes | None:
    """The number that was drawn for the form; anything else draws anew."""
    try:
        found = bytes.fromhex(number)
    except ValueError:
        return None
    return found if len(found) == DOCUMENT_ID_BYTES else None


def _words(error: InputError) -> str:
    words = code_text(error.code, chosen_language())
    if words is None:
        return error.message
    shown = "、".join(error.detail.get("characters", ()))
    return f"{words.title} {shown} {words.advice}".replace("  ", " ")


def _form(place: Place, given: dict[str, Any], error: str, field: str = "") -> Response:
    service = documents()
    kind, choices = service.choices(place.name)
    found = service.prints(place.name)
    number = current_app.extensions["ledger"].entropy.token(DOCUMENT_ID_BYTES).hex()
    page = render_template(
        "paper/document.html",
        name=place.name.hex(),
        batch_id=place.batch_id,
        proof_no=proof_number(place.name),
        type_name=_label(kind),
        choices=[(choice.claim, _label(choice)) for choice in choices],
        given=given or {"kind": "full", "language": "zh", "fields": [], "purpose": "", "number": number},
        number=given.get("number") or number,
        prints=[_line(one) for one in found],
        people=names_of(found),
        can_print=bool(set(PRINTING) & actor().roles),
        has_key=service.has_seal_key(place.issuer),
        largest=MAX_PURPOSE,
        error=error,
        error_field=field,
    )
    return make_response(page, 422 if error else 200)


def _label(named: CredentialType | Choice) -> str:
    labels = named.name if isinstance(named, CredentialType) else named.labels
    return str(getattr(labels, chosen_language()))


def _line(one: Print) -> dict[str, Any]:
    return {
        "print": one,
        "number": one.id.hex(),
        "state": t("state_withdrawn") if one.revoked_at is not None else t(f"state_{one.state}"),
        "tone": "paused" if one.revoked_at is not None else TONES[one.state],
        "kind": t(f"kind_{one.kind}"),
        "purpose": documents().purpose(one),
    }


@allowed(*LOOKING)
def print_page(number: str) -> str:
    """One print: being made, ready, in the ledger; its file and its receipt."""
    one = own_print(number)
    batch = documents().page_batch(one)
    kind = documents().type_of(one)
    labels = {choice.claim: _label(choice) for choice in documents().choices(one.name)[1]}
    words = code_text(one.code, chosen_language()) if one.code else None
    return render_template(
        "paper/print.html",
        line=_line(one),
        type_name=_label(kind),
        proof_no=proof_number(one.name),
        name=one.name.hex(),
        fields=[labels.get(claim, claim) for claim in one.fields],
        people=names_of((one,)),
        is_final=batch is not None and batch.state in FINAL,
        page_batch=batch,
        failure=words,
        can_print=bool(set(PRINTING) & actor().roles),
    )


@allowed(*PRINTING)
def print_file(number: str) -> Response:
    """The sealed PDF."""
    one = own_print(number)
    data = documents().file(one)
    note("print.taken", f"print/{number}")
    answer = make_response(data)
    answer.headers["Content-Type"] = "application/pdf"
    answer.headers["Content-Disposition"] = f'attachment; filename="{file_name(one)}"'
    answer.headers["Cache-Control"] = "no-store"
    return answer


def file_name(one: Print) -> str:
    """Proof number and the first characters of the print's own number: nothing of a person."""
    return f"{proof_number(one.name)}-{one.id.hex()[:8]}.pdf"


@allowed(*PRINTING)
def print_receipt(number: str) -> AnyResponse:
    """Proof that the file is in the ledger, for people who check far from here."""
    one = own_print(number)
    receipt = None if one.file_hash is None else documents().page_receipt(one.file_hash)
    if receipt is None or one.file_hash is None:
        return problem(409, "PAGE_NOT_FINAL")
    answer = make_response(encode_page_receipt(one.file_hash, receipt))
    answer.headers["Content-Type"] = "application/json"
    name = file_name(one).removesuffix(".pdf")
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}.page.json"'
    answer.headers["Cache-Control"] = "no-store"
    return answer


@allowed(*PRINTING)
def print_withdraw(number: str) -> AnyResponse:
    """From now on its code, its QR and its file say here that it was withdrawn."""
    one = own_print(number)
    documents().revoke(one.id, str(actor().person))
    note("print.withdrawn", f"print/{number}")
    return redirect(url_for("paper.print_page", number=number), 303)
