"""People's signing keys: enrol a passkey or wallet, give one up; administrators see all with their roles."""

from __future__ import annotations

import hashlib
import shlex
from typing import Any

from flask import Blueprint, Response, jsonify, redirect, render_template, request, url_for

from ledger.core.eip712 import signer_text
from ledger.core.errors import InputError
from ledger.core.jose import b64url_encode, strict_json_object
from ledger.core.model import Role as ChainRole
from ledger.core.people import Role
from ledger.core.signing import Act, KeyKind, KeyState, RoleHeld, SigningKey
from ledger.core.typed_data import typed_data
from ledger.services.enrolment import ADDRESS_BYTES
from web.access import actor, allowed
from web.approve.room import has_site, key_hint, names, room, say, services, site, who

pages = Blueprint("keys", __name__, url_prefix="/signing-keys")
CHAIN_ROLES = {
    Role.CLERK: ChainRole.MAKER,
    Role.APPROVER: ChainRole.APPROVER,
    Role.ADMINISTRATOR: ChainRole.ADMIN,
}
"""What people do here, and the role of their key on chain that lets them sign it."""
ES256 = -7  # COSE; the only one that the contracts verify
ENDLESS = 4_000_000_000  # beyond this a role has no end that anybody would live to see
TIMEOUT_MS = 120_000
LONGEST_LABEL = 60


@pages.get("")
@allowed(Role.CLERK, Role.APPROVER, Role.ADMINISTRATOR)
def mine() -> str:
    """My keys, and how to get one."""
    desk = room().desk
    keys = [key for key in desk.keys_of(who()) if key.kind is not KeyKind.SERVER]
    return render_template(
        "signing/keys.html",
        keys=[_line(key) for key in keys],
        site=has_site(),
        fresh=actor().is_fresh(services().clock.now()),
        server=desk.is_server_signing,
        own=any(key.state is KeyState.ACTIVE and desk.rights(key.uscc, key.signer_id) for key in keys),
        label=request.args.get("label", "")[:LONGEST_LABEL],
        done=request.args.get("done", ""),
    )


@pages.get("/all")
@allowed(Role.ADMINISTRATOR)
def everybody() -> str:
    """Every key of the organisation with its roles on chain, and the commands that give and take them."""
    uscc = actor().uscc
    keys = room().book.keys(uscc)
    people = names(key.person for key in keys)
    known = {key.signer_id for key in keys}
    now = services().clock.now()
    lines = [
        _line(key)
        | {
            "person": people.get(key.person, ""),
            "commands": _commands(key, _roles_of(key.person, uscc)),
        }
        for key in keys
    ]
    others = [
        {"signer": signer_text(held.signer_id), "roles": [_role(held)]}
        for held in room().roles.roles(uscc)
        if held.signer_id not in known and held.is_good(now)
    ]
    return render_template("signing/all.html", keys=lines, others=others)


def _roles_of(person: int, uscc: str) -> frozenset[Role]:
    memberships = services().people.person(person).roles
    now = services().clock.now()
    return frozenset(one.role for one in memberships if one.uscc == uscc and one.is_running(now))


def _line(key: SigningKey) -> dict[str, Any]:
    now = services().clock.now()
    held = room().desk.rights(key.uscc, key.signer_id)
    return {
        "key": key,
        "signer": signer_text(key.signer_id),
        "roles": [_role(one) for one in held if one.is_good(now)],
        "ended": [_role(one) for one in held if not one.is_good(now)],
        "removal": key.state is KeyState.REMOVAL,
    }


def _role(held: RoleHeld) -> dict[str, Any]:
    return {
        "name": say(f"signing.role_{held.role.name.lower()}"),
        "since": held.valid_from,
        "until": None if held.valid_until >= ENDLESS else held.valid_until,
    }


def _commands(key: SigningKey, roles: frozenset[Role]) -> list[str]:
    """What two admins run: to give what the person's job needs and the key has not, or to take everything."""
    now = services().clock.now()
    held = {one.role for one in room().desk.rights(key.uscc, key.signer_id) if one.is_good(now)}
    wanted = {CHAIN_ROLES[role] for role in roles if role in CHAIN_ROLES}
    if key.state is KeyState.REMOVAL:
        return [_command(key, role, remove=True) for role in sorted(held)]
    return [_command(key, role, remove=False) for role in sorted(wanted - held)]


def _command(key: SigningKey, role: ChainRole, *, remove: bool) -> str:
    words = ["ecert", "issuer", "role", "--issuer", key.uscc, "--role", role.name.lower()]
    words += ["--address", signer_text(key.signer_id)]
    for admin in ("admin1", "admin2"):  # where they lie here; else a pattern to fill in
        words += ["--admin", key_hint(key.uscc, admin)]
    return shlex.join([*words, "--remove"] if remove else words)


@pages.post("/passkey/begin")
@allowed(Role.CLERK, Role.APPROVER, Role.ADMINISTRATOR, fresh=True)
def begin_passkey() -> Response:
    """Options for navigator.credentials.create: a key of its own, verified person, ES256 only."""
    place = site()
    asked = room().enrolment.begin(who(), Act.ENROL_PASSKEY)
    own = room().book.keys(actor().uscc, actor().person)
    # apart from the log-in's: an authenticator keeps one discoverable key per site and user
    handle = hashlib.sha256(f"signing {actor().uscc} {actor().person}".encode()).digest()
    return jsonify(
        request=asked.id,
        finish=url_for("keys.finish_passkey"),
        publicKey={
            "challenge": b64url_encode(asked.digests[0]),
            "rp": {"id": place.rp_id, "name": say("site")},
            "user": {
                "id": b64url_encode(handle),
                "name": say("signing.user_name", name=actor().name),
                "displayName": say("signing.user_name", name=actor().name),
            },
            "pubKeyCredParams": [{"type": "public-key", "alg": ES256}],
            "timeout": TIMEOUT_MS,
            "attestation": "none",
            "authenticatorSelection": {"residentKey": "discouraged", "userVerification": "required"},
            "excludeCredentials": [
                {"type": "public-key", "id": b64url_encode(key.credential_id)}
                for key in own
                if key.kind is KeyKind.PASSKEY
            ],
        },
    )


@pages.post("/passkey/finish")
@allowed(Role.CLERK, Role.APPROVER, Role.ADMINISTRATOR, fresh=True)
def finish_passkey() -> Response:
    """Keep the new passkey."""
    body = strict_json_object(request.get_data(cache=False))
    key = room().enrolment.finish_passkey(
        who(), _text(body, "request"), _text(body, "credential"), _text(body, "label"), site()
    )
    return _enrolled(key)


@pages.post("/wallet/begin")
@allowed(Role.CLERK, Role.APPROVER, Role.ADMINISTRATOR, fresh=True)
def begin_wallet() -> Response:
    """What the wallet signs to prove that it is this person's."""
    text = request.form.get("address", "").removeprefix("0x")
    try:
        address = bytes.fromhex(text) if len(text) == 2 * ADDRESS_BYTES else b""
    except ValueError:
        address = b""
    asked = room().enrolment.begin(who(), Act.ENROL_WALLET, address)
    return jsonify(
        request=asked.id,
        finish=url_for("keys.finish_wallet"),
        address="0x" + address.hex(),
        typed=typed_data(room().desk.domain, room().enrolment.struct(asked)),
    )


@pages.post("/wallet/finish")
@allowed(Role.CLERK, Role.APPROVER, Role.ADMINISTRATOR, fresh=True)
def finish_wallet() -> Response:
    """Keep the wallet's account."""
    body = strict_json_object(request.get_data(cache=False))
    try:
        signature = bytes.fromhex(_text(body, "signature").removeprefix("0x"))
    except ValueError as error:
        raise InputError("SIGNING_FORM", "The wallet's answer cannot be read.") from error
    key = room().enrolment.finish_wallet(who(), _text(body, "request"), signature, _text(body, "label"))
    return _enrolled(key)


@pages.post("/<int:key_id>/remove")
@allowed(Role.CLERK, Role.APPROVER, Role.ADMINISTRATOR, fresh=True)
def remove(key_id: int) -> Response:
    """Give a key up: it signs nothing any more, administrators see that its role is to be taken."""
    key = room().enrolment.ask_removal(who(), key_id)
    services().audit.note(actor(), "key.given_up", f"signing-key/{key.id}")
    return redirect(url_for("keys.mine", done="removed"), 303)  # type: ignore[return-value]


def _enrolled(key: SigningKey) -> Response:
    services().audit.note(
        actor(),
        "key.enrolled",
        f"signing-key/{key.id}",
        kind=str(key.kind),
        signer=signer_text(key.signer_id),
    )
    return jsonify(location=url_for("keys.mine", done="enrolled"))


def _text(body: dict[str, Any], name: str) -> str:
    value = body.get(name)
    if not isinstance(value, str):
        raise InputError("SIGNING_FORM", "The browser's answer is incomplete.")
    return value
