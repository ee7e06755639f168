"""What anybody may ask: types, the directory, status lists, the description of this API."""

from __future__ import annotations

import hashlib
from typing import Any

import orjson
from apiflask import APIBlueprint
from flask import Response, current_app, request

from ledger.bootstrap_work import issuer_facts
from ledger.core.credential_type import CredentialType
from ledger.core.errors import NotFoundError
from ledger.core.status_list import status_uri
from web.access import public
from web.api.answers import TEXT, file_answer
from web.api.frame import services
from web.api.models import (
    FieldOut,
    GrantOut,
    IssuerOut,
    IssuersOut,
    TypeOut,
    TypesOut,
    Words,
)

API = APIBlueprint("public", __name__, tag="Public")
STATUS_LIST_TYPE = "application/statuslist+jwt"
LIST_ANSWERS: Any = {
    **file_answer("The signed list (IETF Token Status List)", STATUS_LIST_TYPE, TEXT),
    304: {"description": "The copy that `If-None-Match` names is still the newest", "content": {}},
}
_spec_cache: dict[int, bytes] = {}


@API.get("/openapi.json")
@API.doc(hide=True)
@public("how programs learn to call")
def openapi() -> Response:
    """The description of this API (OpenAPI 3.1)."""
    app = current_app._get_current_object()  # type: ignore[attr-defined]  # noqa: SLF001  Flask's documented way
    if id(app) not in _spec_cache:
        _spec_cache[id(app)] = orjson.dumps(app.spec)
    return Response(_spec_cache[id(app)], mimetype="application/json")


@API.get("/types")
@API.output(TypesOut)
@public("which certificates exist is no secret")
def types() -> TypesOut:
    """All credential types that this ledger's program knows."""
    return TypesOut(items=[_type(kind) for kind in services().types])


@API.get("/types/<string:type>")
@API.output(TypeOut)
@public("which certificates exist is no secret")
def one_type(type: str) -> TypeOut:  # noqa: A002  the word of the API
    """One credential type, as CODE (newest version) or CODE:VERSION."""
    return _type(services().here.credential_type(type).type)


@API.get("/issuers")
@API.output(IssuersOut)
@public("who may issue is what everybody has to know")
def issuers() -> IssuersOut:
    """Agencies on chain, parents first, with what they may issue."""
    return IssuersOut(items=_issuers())


@API.get("/issuers/<string:uscc>")
@API.output(IssuerOut)
@public("who may issue is what everybody has to know")
def issuer(uscc: str) -> IssuerOut:
    """One agency."""
    for found in _issuers():
        if found.uscc == uscc:
            return found
    raise NotFoundError("ISSUER_UNKNOWN", f"{uscc} is not on this ledger.", issuer=uscc)


@API.get("/status-lists/<string:uscc>/<int:number>")
@API.doc(responses=LIST_ANSWERS)
@public("status lists are for every verifier")
def status_list(uscc: str, number: int) -> Response:
    """The published status list of an agency."""
    parts = services()
    found = None
    for agency in parts.home.load().agencies:
        if agency.uscc == uscc:
            found = parts.status_list(status_uri(agency.iss, parts.desk.info.ledger_id, number))
    if found is None:
        raise NotFoundError("LIST_UNKNOWN", "There is no such list.")
    token, lasts = found
    answer = Response(token, mimetype=STATUS_LIST_TYPE)
    answer.headers["Cache-Control"] = f"public, max-age={lasts}"
    answer.set_etag(hashlib.sha256(token.encode()).hexdigest()[:32])
    return answer.make_conditional(request)  # type: ignore[return-value]  # the same response


def _issuers() -> list[IssuerOut]:
    return [
        IssuerOut(
            uscc=facts.uscc,
            name=Words(zh=facts.name_zh, en=facts.name_en) if facts.name_zh else None,
            iss=facts.iss or None,
            division=facts.division,
            phone=facts.phone,
            parent=facts.parent,
            level=facts.level,
            admitted_at=facts.admitted_at,
            dissolved_at=facts.dissolved_at,
            types=[
                GrantOut(
                    type=grant.ref,
                    valid_from=grant.valid_from,
                    valid_until=grant.valid_until,
                    withdrawn_at=grant.withdrawn_at,
                    good=grant.is_good,
                )
                for grant in facts.grants
            ],
        )
        for facts in issuer_facts(services().here)
    ]


def _type(kind: CredentialType) -> TypeOut:
    return TypeOut(
        type=kind.ref,
        type_code=kind.type_code,
        name=Words(zh=kind.name.zh, en=kind.name.en),
        single_use=kind.single_use,
        fields=[
            FieldOut(
                key=field.key,
                label=Words(zh=field.labels.zh, en=field.labels.en),
                kind=field.kind,
                required=field.required,
                disclosure="always" if field.disclosure == "always" else "consent",
                headers=list(field.headers),
            )
            for field in kind.fields
        ],
        row_schema=dict(kind.schema),
    )
