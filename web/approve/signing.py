"""What a browser asks for while somebody signs: the digests first, then it hands the signatures over.

JSON by fetch, with the form's token. A key file on the server (a mode of its own) needs no script: the
same form then signs and leads on.
"""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, jsonify, redirect, request, url_for

from ledger.core.errors import InputError
from ledger.core.jose import b64url_decode, b64url_encode, strict_json_object
from ledger.core.people import Role
from ledger.core.signing import Act, KeyKind, SigningRequest
from ledger.services.signing_desk import Given
from web.access import actor, allowed
from web.approve.room import room, services, site, who

pages = Blueprint("signing", __name__, url_prefix="/signing")
MOST_SIGNATURES = 32
LONGEST_NAME = 32
"""Digits of what was signed that the log names."""
AUDIT = {
    Act.MAKE: ("batch.made", "batch"),
    Act.APPROVE: ("batch.approved", "batch"),
    Act.CASE_MAKE: ("case.made", "case"),
    Act.CASE_APPROVE: ("case.approved", "case"),
    Act.REVOKE_STANDING: ("standing.revoked", "standing"),
    Act.ADMIN_REVOKE: ("standing.revoked", "standing"),
    Act.GRANT_STANDING: ("standing.granted", "type"),
    Act.GOVERN: ("govern.accepted", "proposal"),
    Act.GOVERN_CANCEL: ("govern.cancelled", "proposal"),
}


def number_of(name: str) -> int:
    """A whole number of the form. Raises: InputError(SIGNING_FORM)."""
    text = request.form.get(name, "")
    if not text.removeprefix("-").isdecimal() or len(text) > 12:
        raise InputError("SIGNING_FORM", "Choose a key to sign with.")
    return int(text)


def _approver() -> bytes:
    """Signer id that the form names. Raises: InputError(SIGNING_FORM)."""
    text = request.form.get("approver", "")
    try:
        signer_id = bytes.fromhex(text)
    except ValueError:
        signer_id = b""
    if len(signer_id) != 32:
        raise InputError("SIGNING_FORM", "Choose who shall approve.")
    return signer_id


@pages.post("/batches/<int:batch_id>/make")
@allowed(Role.CLERK, fresh=True)
def make(batch_id: int) -> Response:
    """The maker confirms a batch and chooses who shall approve it."""
    return asked(room().desk.prepare_make(who(), batch_id, number_of("key"), _approver()))


@pages.post("/batches/<int:batch_id>/approve")
@allowed(Role.APPROVER, fresh=True)
def approve(batch_id: int) -> Response:
    """The approver approves a batch."""
    return asked(room().desk.prepare_approve(who(), batch_id, number_of("key")))


@pages.post("/cases/<string(length=32):case_id>/make")
@allowed(Role.CLERK, fresh=True)
def make_case(case_id: str) -> Response:
    """The maker confirms a change of status."""
    return asked(room().desk.prepare_case_make(who(), case_id, number_of("key"), _approver()))


@pages.post("/cases/<string(length=32):case_id>/approve")
@allowed(Role.APPROVER, fresh=True)
def approve_case(case_id: str) -> Response:
    """The approver approves a change of status."""
    return asked(room().desk.prepare_case_approve(who(), case_id, number_of("key")))


@pages.post("/requests/<string(length=32):request_id>/complete")
@allowed(Role.CLERK, Role.APPROVER, Role.ADMINISTRATOR, fresh=True)
def complete(request_id: str) -> Response:
    """Signatures for everything that was asked, in its order."""
    done = room().desk.complete(who(), request_id, _given(), site())
    return jsonify(location=_noted(done))


def asked(wanted: SigningRequest) -> Response:
    """What the browser shall have signed, or where to go on when the server's key file has signed already."""
    desk = room().desk
    key = desk.key_of(wanted)
    if key.kind is KeyKind.SERVER:
        done = desk.sign_here(who(), wanted)
        return redirect(_noted(done), 303)  # type: ignore[return-value]
    value: dict[str, Any] = {
        "request": wanted.id,
        "kind": str(key.kind),
        "complete": url_for("signing.complete", request_id=wanted.id),
        "count": len(wanted.digests),
    }
    if key.kind is KeyKind.PASSKEY:
        value |= {
            "rpId": site().rp_id,
            "credential": b64url_encode(key.credential_id),
            "challenges": [b64url_encode(digest) for digest in wanted.digests],
        }
    else:
        value |= {"address": "0x" + key.public_key.hex(), "typed": desk.typed(wanted)}
    return jsonify(value)


def _noted(done: SigningRequest) -> str:
    """Into the audit log, with which key; where the person goes next."""
    action, kind = AUDIT[done.act]
    subject = done.subject.partition(":")[0] if kind == "type" else done.subject[:LONGEST_NAME]
    services().audit.note(actor(), action, f"{kind}/{subject}", request=done.id, key=done.key)
    if kind == "batch":
        return url_for("approve.batch", batch_id=int(done.subject), done=str(done.act))
    if kind == "standing":
        return url_for("standing.one", standing_id=done.subject, done="revoke")
    if kind == "type":
        return url_for("standing.all_of_them", done="granted")
    if kind == "proposal":
        return url_for(
            "governance.proposal", number=int(done.subject), done=str(done.act).removeprefix("govern_")
        )
    return url_for("status.case", case_id=done.subject, done=str(done.act))


def _given() -> list[Given]:
    """Raises: InputError(SIGNING_FORM)."""
    body = strict_json_object(request.get_data(cache=False))
    signatures = body.get("signatures")
    if not isinstance(signatures, list) or not 0 < len(signatures) <= MOST_SIGNATURES:
        raise InputError("SIGNING_FORM", "The browser handed no signatures over.")
    return [_one(value) for value in signatures]


def _one(value: Any) -> Given:
    if not isinstance(value, dict):
        raise InputError("SIGNING_FORM", "The browser handed no signatures over.")
    if "wallet" in value:
        return Given(_hex(value["wallet"]))
    parts = [value.get(name) for name in ("signature", "credential", "authenticatorData", "clientDataJSON")]
    signature, credential, data, client = (_bytes(part) for part in parts)
    return Given(signature, credential, data, client)


def _bytes(text: Any) -> bytes:
    if not isinstance(text, str):
        raise InputError("SIGNING_FORM", "The browser handed no signatures over.")
    return b64url_decode(text)


def _hex(text: Any) -> bytes:
    try:
        return bytes.fromhex(str(text).removeprefix("0x"))
    except ValueError as error:
        raise InputError("SIGNING_FORM", "The wallet's answer cannot be read.") from error
