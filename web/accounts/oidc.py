"""Logging in at an agency's identity provider: to it, and back from it."""

from __future__ import annotations

import json

from flask import Response, current_app, make_response, redirect, request, url_for

from ledger.core.errors import InputError
from ledger.core.limits import LimitKind
from web.access import public
from web.accounts.cookies import give_step, step_handle
from web.accounts.login import device, login_service, next_address, step
from web.problems import problem
from web.security import client

STEP = "oidc"


@public("whoever logs in is not logged in yet")
def begin(provider: str) -> Response:
    """Send the browser to the provider; what must be remembered lies in the database."""
    services = current_app.extensions["ledger"]
    wait = services.limits.take(LimitKind.SIGN_IN, client())
    if wait:
        return problem(429, "RATE_LIMITED", retry_after_s=wait)
    back = url_for("accounts.oidc_back", _external=True)
    address, payload = services.providers.begin(provider, back)
    kept = {"payload": payload, "next": next_address(), "invitation": request.form.get("invitation", "")[:64]}
    handle = login_service().keep(STEP, json.dumps(kept))
    return give_step(make_response(redirect(address, 303)), handle)


@public("the provider sends the browser here; its answer is checked")
def back() -> Response:
    """The provider's answer: logged in, if this person was invited."""
    services = current_app.extensions["ledger"]
    kept_text = login_service().take(STEP, step_handle())
    if kept_text is None:
        raise InputError("PROVIDER_REFUSED", "This log-in was not begun here, or took too long.")
    kept = json.loads(kept_text)
    vouched = services.providers.finish(kept["payload"], request.args)
    if kept["invitation"]:
        entry = login_service().bind_subject(kept["invitation"], vouched, device())
        return step(entry, url_for("accounts.me"))
    return step(login_service().by_subject(vouched, device()), kept["next"])
