"""Pages about the API: what it offers, made from its own description; an administrator's tokens."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from apiflask import APIFlask
from flask import Flask, Response, current_app, make_response, redirect, render_template, request, url_for

from ledger.core.errors import InputError
from ledger.core.jose import compact_json
from ledger.core.people import Role
from ledger.core.tokens import LONGEST_DAYS, SECRET_BYTES, Scope
from web.access import actor, allowed, public
from web.language import chosen_language
from web.navigation import Entry, add
from web.texts import code_text, text

DAYS = (30, 90, 180, LONGEST_DAYS)
DEFAULT_DAYS = 90
FORM_DIGITS = 32
"""Of the word by which a form is known again when it is sent twice."""


def register(app: Flask) -> None:
    """Routes of the pages' application."""
    app.add_url_rule("/developers", "api.docs", docs)
    app.add_url_rule("/tokens", "api.tokens", tokens)
    app.add_url_rule("/tokens", "api.add_token", add_token, methods=["POST"])
    app.add_url_rule("/tokens/<int:token_id>/revoke", "api.revoke_token", revoke_token, methods=["POST"])
    add(app, Entry("api.tokens", "api.nav_tokens", roles=frozenset({Role.ADMINISTRATOR}), order=80))


@public("programmers look before they have a token")
def docs() -> str:
    """What programs can call, from the OpenAPI description."""
    api: APIFlask = current_app.extensions["api"]
    with api.test_request_context("/openapi.json"):
        spec = api.spec
    assert isinstance(spec, dict)  # noqa: S101  the format is JSON
    return render_template("api/docs.html", groups=_groups(spec), version=spec["info"]["version"])


def _groups(spec: Mapping[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """Operations by tag, as the page shows them."""
    groups: dict[str, list[dict[str, Any]]] = {}
    for path, methods in spec["paths"].items():
        for method, operation in methods.items():
            body: Mapping[str, Any] = operation.get("requestBody", {}).get("content", {})
            first: Mapping[str, Any] = next(iter(body.values()), {})
            groups.setdefault(operation["tags"][0], []).append(
                {
                    "id": operation["operationId"],
                    "method": method.upper(),
                    "path": f"/api/v1{path}",
                    "summary": operation.get("summary", ""),
                    "description": operation.get("description", ""),
                    "scope": operation.get("x-scope"),
                    "parameters": [
                        (one["name"], one["in"], one.get("required", False), _kind(one.get("schema", {})))
                        for one in operation["parameters"]
                    ],
                    "body": _members(spec, first.get("schema", {})),
                    "answers": [
                        (code, one["description"], _answer(spec, one))
                        for code, one in sorted(operation["responses"].items())
                    ],
                }
            )
    return groups


def _answer(spec: Mapping[str, Any], answer: Mapping[str, Any]) -> list[tuple[str, bool, str]]:
    """Members of a good answer; problems all have the same."""
    content = answer.get("content", {})
    if "application/json" not in content:
        return []
    return _members(spec, content["application/json"]["schema"])


def _members(spec: Mapping[str, Any], schema: Mapping[str, Any]) -> list[tuple[str, bool, str]]:
    found = schema
    if "$ref" in schema:
        found = spec["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]
    required = found.get("required", ())
    return [(name, name in required, _kind(one)) for name, one in found.get("properties", {}).items()]


def _kind(schema: Mapping[str, Any]) -> str:
    """A schema in a few words."""
    if "$ref" in schema:
        return str(schema["$ref"].rsplit("/", 1)[1].rsplit(".", 1)[-1])
    if "anyOf" in schema:
        return " | ".join(_kind(one) for one in schema["anyOf"])
    if "enum" in schema:
        return " | ".join(str(value) for value in schema["enum"])
    kind = str(schema.get("type", "any"))
    if kind == "array":
        return f"[{_kind(schema.get('items', {}))}]"
    return f"{kind} {schema['pattern']}" if "pattern" in schema else kind


@allowed(Role.ADMINISTRATOR)
def tokens() -> str:
    """Tokens of the organisation."""
    return _page()


@allowed(Role.ADMINISTRATOR, fresh=True)
def add_token() -> Response:
    """Make one and show it, once: the answer of this very request, so that it is in no history."""
    parts = current_app.extensions["ledger"]
    scopes = [scope for scope in Scope if scope in request.form.getlist("scopes")]
    days = request.form.get("days", "")
    label = request.form.get("label", "")
    try:
        token, secret, is_new = parts.programs.tokens.add_once(
            _secret_of_form(label, scopes, days),
            actor().uscc,
            label,
            scopes,
            days=int(days) if days.isascii() and days.isdecimal() else 0,
            by=actor().name,
        )
    except InputError as error:
        field = {"TOKEN_LABEL": "label", "TOKEN_SCOPES": "scopes", "TOKEN_DAYS": "days"}[error.code]
        words = code_text(error.code, chosen_language())
        page = _page(
            errors=[(field, words[0] if words else error.code)], label=label, chosen=scopes, days=days
        )
        return make_response(page, 422)
    if is_new:
        scope_words = " ".join(sorted(token.scopes))
        parts.audit.note(actor(), "api.token_add", f"token/{token.id}", scopes=scope_words)
    return make_response(_page(secret=secret, made=token), 201)


def _secret_of_form(label: str, scopes: list[Scope], days: str) -> bytes:
    """Of the same answers to the same form the same: pressed twice it is one token. 32 bytes.

    The form's word is random and in nobody's hands but this browser's; without the vault's key it says nothing.
    """
    parts = current_app.extensions["ledger"]
    form = request.form.get("form", "")
    if len(form) != FORM_DIGITS or not form.isalnum():
        drawn: bytes = parts.entropy.token(SECRET_BYTES)
        return drawn
    said = [form, actor().person, actor().uscc, label, sorted(scopes), days]
    made: bytes = parts.here.vault.index("api-token", compact_json({"said": said}).decode())
    return made


@allowed(Role.ADMINISTRATOR, fresh=True)
def revoke_token(token_id: int) -> Response:
    """It opens nothing any more, from the next request on."""
    parts = current_app.extensions["ledger"]
    parts.programs.tokens.revoke(token_id, actor().name, actor().uscc)
    parts.audit.note(actor(), "api.token_revoke", f"token/{token_id}")
    return redirect(url_for("api.tokens"), 303)  # type: ignore[return-value]  # werkzeug's is Flask's


def _page(**shown: Any) -> str:
    parts = current_app.extensions["ledger"]
    language = chosen_language()
    values: dict[str, Any] = {
        "errors": [],
        "label": "",
        "chosen": [],
        "days": str(DEFAULT_DAYS),
        "secret": None,
        "made": None,
        "form": parts.entropy.token(FORM_DIGITS // 2).hex(),
        **shown,
    }
    return render_template(
        "api/tokens.html",
        found=parts.programs.tokens.tokens(actor().uscc),
        now=parts.clock.now(),
        scopes=[
            (str(scope), text(f"api.scope_{scope}", language), text(f"api.scope_{scope}_hint", language))
            for scope in Scope
        ],
        day_choices=[(str(days), text("api.days", language, count=days)) for days in DAYS],
        **values,
    )
