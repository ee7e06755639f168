"""Check after check on one page: what was handed in, its result, the last twenty beside it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

from flask import Response, current_app, make_response, render_template, request

from ledger.core.errors import InputError, UnavailableError
from ledger.core.limits import LimitKind
from ledger.core.page import MAX_UPLOAD
from ledger.core.paper import show_secret
from ledger.core.people import Role
from ledger.core.report import Report
from ledger.core.verified import PurposeKind, require_purpose
from ledger.services.lookup import Compared, Found
from ledger.services.page import secret_in
from ledger.services.verified import guesser
from web.access import actor, allowed, takes
from web.check.given import FORM_PARTS, file_or_text, has_file_or_text, said, typed, values
from web.check.result import fault_words, of_sheet
from web.check.sheet import Sheet, sheet_of
from web.language import chosen_language
from web.problems import RETRY_AFTER_S, problem
from web.security import allow_camera, client
from web.texts import text
from web.verdict import ResultPage, result_page

LARGEST_BODY = MAX_UPLOAD + 131_072
RECENT = 20


@dataclass(frozen=True, slots=True)
class Shown:
    """A result on the desk. `number`: of the kept check."""

    page: ResultPage
    number: int
    sheet: Sheet | None


@allowed(Role.VERIFIER)
def page() -> Response:
    """The desk with nothing on it."""
    return _desk()


@allowed(Role.VERIFIER)
@takes(LARGEST_BODY)
def check() -> Response:
    """Judge what was handed in and keep the check."""
    wait_s = current_app.extensions["ledger"].limits.take(LimitKind.CHECK, client())
    if wait_s:
        return problem(429, "RATE_LIMITED", retry_after_s=wait_s)
    try:
        purpose = require_purpose(request.form.get("purpose_kind", ""), request.form.get("purpose", ""))
    except InputError as fault:
        return _desk(errors=[("purpose_kind", fault_words(fault))])
    number, code = typed("number"), typed("code")
    try:
        if number or code:
            if has_file_or_text():  # the answer would be about one, and be read as one about the other
                raise InputError("CHECK_ONE_AT_A_TIME", "a number beside a file or a text")
            return _by_code(number, code, purpose)
        return _by_file(purpose)
    except InputError as fault:
        return _desk(errors=[("file", fault_words(fault))])
    except UnavailableError:
        return problem(503, "LOOKUP_UNAVAILABLE", retry_after_s=RETRY_AFTER_S)


@allowed(Role.VERIFIER)
@takes(262_144, parts=FORM_PARTS)
def compare() -> Response:
    """Compare typed values with a sheet; the comparison is a check of its own."""
    services = current_app.extensions["ledger"]
    try:
        purpose = require_purpose(request.form.get("purpose_kind", ""), request.form.get("purpose", ""))
        found, keys, wait_s = _sheet_again()
    except InputError as fault:
        return _desk(errors=[("purpose_kind", fault_words(fault))])
    except UnavailableError:
        return problem(503, "LOOKUP_UNAVAILABLE", retry_after_s=RETRY_AFTER_S)
    if wait_s:
        return problem(429, "RATE_LIMITED", retry_after_s=wait_s)
    if found is None:
        return _desk(errors=[("number", text("check.code_wrong", chosen_language()))])
    compared: Compared | None
    if "secret" in keys:
        compared = services.lookup.judge(found, said(values()))
    else:
        compared = services.lookup.compare(found, values())
    if compared is None:
        return problem(429, "COMPARED_TOO_OFTEN")
    mode = "qr" if "secret" in keys else "code"
    return _keep(compared.report, mode, found.bundle, found.bundle, purpose, (found, keys, compared))


def _by_file(purpose: tuple[PurposeKind, str]) -> Response:
    data, _ = file_or_text()
    if len(data) > MAX_UPLOAD:
        return problem(413, "FILE_TOO_LARGE")
    checked = current_app.extensions["ledger"].pages.check(data)
    if checked.fault is not None:
        raise checked.fault
    if checked.report is None:
        raise InputError("FILE_OTHER", "nothing was judged")
    sheet = None
    if checked.found is not None and checked.secret is not None:
        sheet = (checked.found, {"secret": show_secret(checked.secret)}, None)
    return _keep(checked.report, str(checked.kind), data, checked.bundle, purpose, sheet)


def _by_code(number: str, code: str, purpose: tuple[PurposeKind, str]) -> Response:
    found, wait_s = _by_limited_code(number, code)
    if wait_s:
        return problem(429, "RATE_LIMITED", retry_after_s=wait_s)
    if found is None:
        return _desk(errors=[("number", text("check.code_wrong", chosen_language()))])
    keys = {"number": number, "code": code}
    return _keep(found.report, "number", found.bundle, found.bundle, purpose, (found, keys, None))


def _by_limited_code(number: str, code: str) -> tuple[Found | None, int]:
    """The sheet, and how many seconds to wait before asking again: whoever guesses waits ever longer.

    Counted for the address and for the officer, whose lists are counted with it.
    """
    services = current_app.extensions["ledger"]
    names = (client(), guesser(actor().person))
    wait_s = max(services.limits.take(LimitKind.CODE, who) for who in names)
    if wait_s:
        return None, wait_s
    found: Found | None = services.lookup.by_code(number, code)
    for who in names:
        if found is None:
            services.limits.fail(LimitKind.CODE, who)
        else:
            services.limits.forget(LimitKind.CODE, who)
    return found, 0


def _sheet_again() -> tuple[Found | None, dict[str, str], int]:
    """The sheet that is compared, by the keys of its form; seconds to wait as `_by_limited_code`."""
    lookup = current_app.extensions["ledger"].lookup
    secret = secret_in(typed("secret"))
    if secret is not None:
        return lookup.by_secret(secret), {"secret": show_secret(secret)}, 0
    keys = {"number": typed("number"), "code": typed("code")}
    found, wait_s = _by_limited_code(keys["number"], keys["code"])
    return found, keys, wait_s


def _keep(
    report: Report,
    kind: str,
    data: bytes,
    bundle: bytes | None,
    purpose: tuple[PurposeKind, str],
    sheet: tuple[Found, dict[str, str], Compared | None] | None,
) -> Response:
    services = current_app.extensions["ledger"]
    language = chosen_language()
    number = services.verified.note(
        actor(), report, kind=kind, sha256=hashlib.sha256(data).digest(), bundle=bundle, purpose=purpose
    )
    services.audit.note(
        actor(), "verifier.check", f"check/{number}", kind=kind, national=report.verdict.national
    )
    shown = result_page(report, services.types, language, services.clock.now())
    drawn = None
    if sheet is not None:
        found, keys, compared = sheet
        mode: Any = "qr" if "secret" in keys else "code"
        drawn = sheet_of(found, mode, keys, services.types, language, compared)
        shown = of_sheet(shown, drawn)
    return _desk(Shown(shown, number, drawn))


def _desk(shown: Shown | None = None, errors: list[tuple[str, str]] | None = None) -> Response:
    services = current_app.extensions["ledger"]
    allow_camera()
    language = chosen_language()
    kind = request.form.get("purpose_kind") or PurposeKind.OTHER
    body = render_template(
        "verifier/desk.html",
        shown=shown,
        errors=errors or [],
        error_of=dict(errors or []),
        purpose_kind=kind,
        purpose=request.form.get("purpose", ""),
        purposes=purposes(),
        recent=services.verified.history({actor().uscc}, count=RECENT),
        notices=services.verified.notices(actor().uscc),
        purpose_words={str(one): text(f"verifier.purpose_{one}", language) for one in PurposeKind},
    )
    return make_response(body, 422 if errors else 200)


def purposes() -> list[tuple[str, str]]:
    """Choices of the purpose field."""
    return [(str(kind), text(f"verifier.purpose_{kind}", chosen_language())) for kind in PurposeKind]
