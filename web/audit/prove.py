"""The auditor's proof: choose a batch or drop a bundle, see all that speaks for it, take it away as one file."""

from __future__ import annotations

from typing import Any

from flask import Response, abort, current_app, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from ledger.core.errors import InputError, LedgerError, NotFoundError
from ledger.core.jose import b64url_encode
from ledger.core.people import Role
from ledger.core.proof import MAX_PROOF_BYTES, encode_proof, parse_proof
from ledger.core.receipt import MAX_BUNDLE_BYTES
from ledger.services.proving import Proven
from web.access import actor, allowed, takes
from web.explorer.drawing import draw
from web.governance import lines
from web.language import chosen_language
from web.texts import code_text, text

BATCHES_SHOWN = 30
BATCHES_LOOKED_AT = 500
HASH_DIGITS = 64
TONES = {"passed": "good", "failed": "bad", "unknown": "unknown"}
FORM_OVERHEAD = 65_536


@allowed(Role.AUDITOR, Role.ADMINISTRATOR)
def choose() -> Response:
    """The newest batches of the subtree, and a field for a bundle."""
    return _chooser()


@allowed(Role.AUDITOR, Role.ADMINISTRATOR)
@takes(MAX_BUNDLE_BYTES + FORM_OVERHEAD)
def look() -> AnyResponse:
    """What was dropped or chosen. A file is read in memory and forgotten."""
    services = current_app.extensions["ledger"]
    upload = request.files.get("file")
    try:
        if upload is not None and upload.filename:
            proven = services.proving.bundle(upload.read(MAX_BUNDLE_BYTES + 1))
            services.audit.note(
                actor(), "audit.proved", f"entry/{proven.proof.entry.hex()[: HASH_DIGITS // 2]}"
            )
            return make_response(_page(proven))
        issuer, _, digits = request.form.get("batch", "").partition("/")
        if not issuer:
            raise InputError("PROOF_CHOICE", "Choose a batch or a bundle.")
        return redirect(url_for("audit.proof", issuer=issuer, digits=_digits(digits), leaf=0), 303)
    except (InputError, NotFoundError) as error:
        return _chooser(error)


@allowed(Role.AUDITOR, Role.ADMINISTRATOR)
def proof(issuer: str, digits: str, leaf: int) -> str:
    """One entry of a batch that this installation keeps."""
    proven = current_app.extensions["ledger"].proving.entry(issuer, bytes.fromhex(_digits(digits)), leaf)
    return _page(proven)


@allowed(Role.AUDITOR, Role.ADMINISTRATOR)
@takes(MAX_PROOF_BYTES + FORM_OVERHEAD)
def take() -> Response:
    """The proof as one file: entry, receipt, and what operator and witnesses signed by now."""
    services = current_app.extensions["ledger"]
    proven = services.proving.prove(parse_proof(request.form.get("proof", "").encode()))
    entry = proven.proof.entry.hex()
    services.audit.note(actor(), "audit.proved", f"entry/{entry[: HASH_DIGITS // 2]}")
    response = make_response(encode_proof(proven.proof))
    response.mimetype = "application/json"
    response.headers["Content-Disposition"] = f'attachment; filename="{entry[:16]}.proof.json"'
    return response


def _digits(digits: str) -> str:
    if len(digits) != HASH_DIGITS or any(digit not in "0123456789abcdef" for digit in digits):
        abort(404)
    return digits


def _chooser(error: LedgerError | None = None) -> Response:
    services = current_app.extensions["ledger"]
    words = None if error is None else code_text(error.code, chosen_language())
    seen = actor().subtree
    anchors = [one for one in services.explorer.newest(BATCHES_LOOKED_AT) if one.issuer in seen]
    body = render_template(
        "audit/prove.html",
        fault=None if words is None else f"{words.title} {words.advice}",
        anchors=anchors[:BATCHES_SHOWN],
        agency=lines.agency,
        kind=lines.kind,
    )
    return make_response(body, 200 if error is None else 404 if isinstance(error, NotFoundError) else 422)


def _page(proven: Proven) -> str:
    included = all(one.outcome != "failed" for one in proven.findings if one.check == "inclusion")
    return render_template(
        "audit/proof.html",
        proven=proven,
        receipt=proven.proof.receipt,
        findings=[_finding(one.code, one.outcome) for one in proven.findings],
        verdict=_verdict(proven),
        drawing=draw(proven.proof) if included else None,
        text_of_proof=encode_proof(proven.proof).decode(),
        file_name=f"{proven.proof.entry.hex()[:16]}.proof.json",
        agency=lines.agency,
        kind=lines.kind,
        kid_of=b64url_encode,
    )


def _finding(code: str, outcome: str) -> dict[str, Any]:
    return {
        "words": text(f"audit.prove_{code.removeprefix('PROOF_').lower()}", chosen_language()),
        "tone": TONES[outcome],
        "outcome": text(f"audit.outcome_{outcome}", chosen_language()),
        "code": code,
    }


def _verdict(proven: Proven) -> str:
    """good, bad or unknown: what all findings together say; a root that comes out otherwise is bad."""
    outcomes = {one.outcome for one in proven.findings}
    is_other = proven.recomputed not in {None, proven.proof.receipt.root}
    return "bad" if "failed" in outcomes or is_other else "unknown" if "unknown" in outcomes else "good"
