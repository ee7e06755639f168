"""What every call of the API goes through: token, limit, media type, problem documents, the OpenAPI text."""

from __future__ import annotations

import re
from typing import Any, cast

import orjson
from apiflask import APIFlask
from apiflask.exceptions import HTTPError
from flask import Flask, Response, current_app, g, request
from flask.json.provider import JSONProvider
from pydantic.json_schema import models_json_schema
from werkzeug.exceptions import HTTPException
from werkzeug.routing import BaseConverter

from ledger.core.errors import LedgerError, UnavailableError
from ledger.core.limits import RULES, LimitKind
from ledger.core.people import Actor
from ledger.core.tokens import Token
from ledger.services.on_demand import RowsRefusedError
from web import ops
from web.api.models import Problem, ProblemError
from web.language import Language
from web.numbers import WholeNumber
from web.problems import RETRY_AFTER_S, STATUS_OF
from web.security import HEADERS, client
from web.texts import code_text

PROBLEM_TYPE = "application/problem+json"
BUNDLE_TYPE = "application/vnd.ecert+json"
JSON_TYPES = frozenset({"application/json", BUNDLE_TYPE})
LARGEST_BODY = 4 * 1_048_576
VERSION = "1.0.0"
_BEARER = re.compile(r"Bearer +([A-Za-z0-9_-]{1,200})", re.IGNORECASE)
_METHODS_WITH_BODY = frozenset({"POST", "PUT", "PATCH"})
_LANGUAGES: tuple[Language, ...] = ("zh", "en", "bo")
_SERIAL = "^[0-9a-f]{32}$"
PATTERNS: dict[str, dict[str, Any]] = {
    "serial": {"type": "string", "pattern": _SERIAL},
    "document": {"type": "string", "pattern": _SERIAL},
    "run": {"type": "string", "pattern": _SERIAL},
    "uscc": {"type": "string", "pattern": "^[0-9A-Z]{18}$"},
    "type": {"type": "string", "pattern": "^[A-Z][A-Z0-9_]{1,62}(:[1-9][0-9]{0,4})?$"},
    "batch": {"type": "integer", "minimum": 1, "maximum": 2_147_483_647},
    "number": {"type": "integer", "minimum": 1, "maximum": 2_147_483_647},
    "check": {"type": "integer", "minimum": 1, "maximum": 2_147_483_647},
}
"""What path parameters look like; anything else is a 404."""
KEY_HEADER = "Idempotency-Key"
KEY_PARAMETER = {
    "in": "header",
    "name": KEY_HEADER,
    "required": False,
    "schema": {"type": "string", "pattern": "^[!-~]{1,128}$"},
    "description": "The same key with the same body is answered as before, for 24 hours.",
}
NUMBERED = frozenset({"BATCH_UNKNOWN", "PRINT_UNKNOWN", "CHECK_UNKNOWN", "CREDENTIAL_UNKNOWN"})
"""What is missing under a number or a serial."""
KEYED = ("/issues", "/issues/bulk", "/issues/{serial}/documents")
ANSWERS = {
    "400": "Malformed: no JSON, an unknown or missing parameter",
    "401": "No token, or one that is not good (any more)",
    "403": "The token has not this scope, or the act is refused",
    "404": "Not there, or not yours: no answer tells the two apart",
    "409": "Conflicts with what is already so",
    "413": "Too large",
    "415": "Not the media type that this call takes",
    "422": "Understood, but not good: `errors` points at what is wrong",
    "429": "Too often: wait for `Retry-After` seconds",
    "503": "Not now: try again after `Retry-After` seconds",
}


class FastJson(JSONProvider):
    """JSON by orjson: strict UTF-8, no NaN, nested at most some hundreds deep."""

    def dumps(self, obj: Any, **kwargs: Any) -> str:
        """UTF-8 text; `indent` as templates ask for it, always by two."""
        indented = orjson.OPT_INDENT_2 if kwargs.get("indent") else 0
        return orjson.dumps(obj, option=orjson.OPT_NON_STR_KEYS | indented).decode()

    def loads(self, s: str | bytes, **kwargs: Any) -> Any:
        """Raises ValueError for anything that is no JSON."""
        del kwargs
        found = orjson.loads(s)
        return [] if found is None else found  # a body of null would be taken for one without members


class SerialConverter(BaseConverter):
    """32 lower-case hex digits in an address."""

    regex = "[0-9a-f]{32}"


class Api(APIFlask):
    """Logs what went wrong without its words: they may quote a row."""

    def log_exception(self, exc_info: Any) -> None:
        """See web.app.VerifyApp."""
        current = self.extensions["pages-log"]
        current(exc_info)


def make_app(pages: Flask) -> APIFlask:
    """The application without its resources; it shares services and habits with that of the pages."""
    limits = {"max_content_length": LARGEST_BODY, "max_form_memory_size": 0}
    api = Api(
        "web.api",
        title="ecert",
        version=VERSION,
        spec_path=None,
        docs_path=None,
        static_folder=cast("Any", None),
    )
    api.request_class = type("ApiRequest", (pages.request_class,), limits)  # uploads stay in memory
    api.url_map.converters |= {"serial": SerialConverter, "int": WholeNumber}
    api.json = FastJson(api)
    api.extensions["ledger"] = pages.extensions["ledger"]
    api.extensions["web-settings"] = pages.extensions["web-settings"]
    api.extensions["pages-log"] = pages.log_exception
    api.config.update(
        MAX_CONTENT_LENGTH=LARGEST_BODY,
        AUTO_SERVERS=False,
        AUTO_404_RESPONSE=False,
        AUTO_VALIDATION_ERROR_RESPONSE=False,
        AUTO_AUTH_ERROR_RESPONSE=False,
        AUTO_OPERATION_ID=True,
        OPENAPI_VERSION="3.1.0",
    )
    api.servers = [{"url": "/api/v1"}]
    api.description = (
        "Issue, look up and check electronic certificates. Bearer tokens of an organisation; problems are "
        "RFC 9457 documents; see docs/api.md."
    )
    api.before_request(guard)
    api.after_request(_finish)
    ops.around.register(api)
    _answer_errors(api)
    api.spec_processor(cast("Any", complete))  # its type allows YAML text too
    return api


# Who calls.


def guard() -> Response | None:
    """Refuse, or let the view run (None)."""
    if request.endpoint is None:
        return None
    access = getattr(current_app.view_functions[request.endpoint], "access", None)
    if access is None:
        return problem(500, "HTTP_500")
    if access[0] == "token" and (refused := refuse_without(str(access[1]))) is not None:
        return refused
    if access[0] == "public":
        token = _shown_token()
        kind, who = (LimitKind.ASK, client()) if token is None else (LimitKind.TOKEN, str(token.id))
        wait = current_app.extensions["ledger"].limits.take(kind, who)
        if wait:
            return problem(429, "RATE_LIMITED", retry_after_s=wait)
    if request.method in _METHODS_WITH_BODY and request.mimetype not in JSON_TYPES:
        return problem(415, "HTTP_415")
    return None


def refuse_without(scope: str) -> Response | None:
    """The refusal, unless a good token with this scope was shown; sets `g.actor` and `g.token`."""
    services = current_app.extensions["ledger"]
    token = _shown_token()
    if token is None:
        return _unknown(is_shown=bool(request.headers.get("Authorization")))
    g.token = token
    g.actor = Actor(0, token.label, token.uscc, frozenset(), frozenset({token.uscc}))
    if scope not in token.scopes:
        answer = problem(403, "SCOPE_NEEDED")
        answer.headers["WWW-Authenticate"] = f'Bearer error="insufficient_scope", scope="{scope}"'
        return answer
    wait = services.limits.take(LimitKind.TOKEN, str(token.id))
    return problem(429, "RATE_LIMITED", retry_after_s=wait) if wait else None


def _shown_token() -> Token | None:
    """The good token of the Authorization header. Nothing is kept: a revocation counts at once."""
    shown = _BEARER.fullmatch(request.headers.get("Authorization", "").strip())
    if shown is None:
        return None
    found: Token | None = current_app.extensions["ledger"].programs.tokens.who(shown.group(1))
    return found


def _unknown(*, is_shown: bool) -> Response:
    """No token is no guess; a wrong one is: it is counted, and told when to come again.

    The answer stays 401: 256 bits cannot be guessed, so nothing is gained by refusing a good token that
    comes from the same address.
    """
    wait = current_app.extensions["ledger"].limits.fail(LimitKind.TOKEN_WRONG, client()) if is_shown else 0
    answer = problem(401, "TOKEN_WRONG" if is_shown else "TOKEN_NEEDED", retry_after_s=wait or None)
    answer.headers["WWW-Authenticate"] = 'Bearer error="invalid_token"' if is_shown else "Bearer"
    return answer


def note(action: str, subject: str, **facts: str | int | bool | None) -> None:
    """One row in the organisation's audit log, by the token that called."""
    token: Token = g.token
    current_app.extensions["ledger"].audit.note(
        None, action, subject, uscc=token.uscc, token=token.id, **facts
    )


def services() -> Any:
    """What the pages call, too."""
    return current_app.extensions["ledger"]


# What is answered.


def language() -> Language:
    """By Accept-Language; Chinese where nothing fits."""
    found = request.accept_languages.best_match(list(_LANGUAGES))
    return next((one for one in _LANGUAGES if one == found), "zh")


def problem(
    status: int,
    code: str,
    errors: list[ProblemError] | None = None,
    *,
    retry_after_s: int | None = None,
) -> Response:
    """A problem document (RFC 9457)."""
    told = language()
    words = code_text(code, told) or code_text(f"HTTP_{status}", told) or code_text("HTTP_500", told)
    title, advice = words if words is not None else (code, "")
    document = Problem(
        type=f"urn:ecert:problem:{code}", title=title, status=status, detail=advice, code=code, errors=errors
    )
    response = Response(document.model_dump_json(exclude_none=True), status=status, mimetype=PROBLEM_TYPE)
    if retry_after_s is not None:
        response.headers["Retry-After"] = str(retry_after_s)
    return response


def _answer_errors(api: APIFlask) -> None:
    @api.error_processor
    def http(error: HTTPError) -> Response:
        detail = error.detail if isinstance(error.detail, dict) else {}
        if not detail:
            return problem(error.status_code, f"HTTP_{error.status_code}")
        is_body = "json" in detail
        return problem(422 if is_body else 400, "REQUEST_INVALID", list(_faults(detail)))

    @api.errorhandler(RowsRefusedError)
    def rows(error: RowsRefusedError) -> Response:
        told = "en" if language() == "en" else "zh"
        is_changed = all(issue.code in ("ROW_CHANGED", "ROW_TWICE") for issue in error.issues)
        faults = [
            ProblemError(
                code=issue.code, detail=issue.message[told], pointer=_row_pointer(issue.row, issue.column)
            )
            for issue in error.issues[:1_000]
        ]
        return problem(409 if is_changed else 422, error.code, faults)

    @api.errorhandler(LedgerError)
    def ledger(error: LedgerError) -> Response:
        status = next((status for kind, status in STATUS_OF if isinstance(error, kind)), 500)
        retry = RETRY_AFTER_S if isinstance(error, UnavailableError) else None
        # whether a number is nobody's or somebody else's is not told
        return problem(status, "NOT_HERE" if error.code in NUMBERED else error.code, retry_after_s=retry)

    @api.errorhandler(HTTPException)
    def werkzeug(error: HTTPException) -> Response:
        status = error.code or 500
        answer = problem(status, f"HTTP_{status}")
        for name, value in error.get_headers():
            if name in ("Allow", "Retry-After"):
                answer.headers[name] = value
        return answer

    @api.errorhandler(500)
    def ours(error: Exception) -> Response:
        del error
        return problem(500, "HTTP_500")


def _faults(detail: dict[str, Any]) -> Any:
    for where, found in detail.items():
        for path, messages in found.items():
            for message in messages:
                if where == "json":
                    pointer = "" if path == "_schema" else "/" + path.replace("~", "~0").replace(".", "/")
                    yield ProblemError(code="SHAPE", detail=str(message), pointer=pointer[:200])
                else:
                    yield ProblemError(code="PARAMETER", detail=str(message), parameter=path[:100])


def _row_pointer(row: int, column: str) -> str:
    """Into the body: one row has `fields`, many have `rows`."""
    name = column.replace("~", "~0").replace("/", "~1")
    start = "/fields" if g.get("single_row") else f"/rows/{row - 1}"
    return f"{start}/{name}" if column else start


def _finish(response: Response) -> Response:
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    response.headers.setdefault("Cache-Control", "no-store")
    rule = RULES[LimitKind.TOKEN if g.get("token") else LimitKind.ASK]
    response.headers["RateLimit-Policy"] = f'"default";q={rule.burst};w={rule.fills_in_s}'
    if current_app.extensions["web-settings"].secure_cookies:
        response.headers["Strict-Transport-Security"] = "max-age=31536000"
    return response


# The OpenAPI document.


def complete(spec: dict[str, Any]) -> dict[str, Any]:
    """What APIFlask does not write by itself: problems, tokens and scopes, path patterns."""
    schemas = spec.setdefault("components", {}).setdefault("schemas", {})
    _, made = models_json_schema(
        [(Problem, "serialization")], ref_template="#/components/schemas/{model}", title=None
    )
    schemas.update(made["$defs"])
    spec["components"]["securitySchemes"] = {
        "token": {"type": "http", "scheme": "bearer", "description": "An API token of an organisation."}
    }
    views = current_app.view_functions
    content = {PROBLEM_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    for path in spec["paths"].values():
        for method, operation in path.items():
            view = views[operation["operationId"].removeprefix(f"{method}_").replace("_", ".", 1)]
            access = view.__dict__["access"]  # the guard refuses views without
            codes = [code for code in ANSWERS if access[0] == "token" or code not in ("401", "403")]
            for code in codes:
                operation["responses"].setdefault(code, {"description": ANSWERS[code], "content": content})
            if access[0] == "token":
                operation["security"] = [{"token": []}]
                operation["description"] = (
                    f"Scope `{access[1]}`. " + operation.get("description", "")
                ).strip()
                operation["x-scope"] = access[1]
            else:
                operation["security"] = []
            if "requestBody" in operation:
                operation["requestBody"]["required"] = True
            for parameter in operation["parameters"]:
                if parameter["in"] == "path":
                    parameter["schema"] = PATTERNS[parameter["name"]]
    for address in KEYED:
        spec["paths"][address]["post"]["parameters"].append(KEY_PARAMETER)
    return spec
