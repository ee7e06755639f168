"""The routes of checking: form to command, one service call, result to page."""

from __future__ import annotations

import base64
import binascii
from typing import Any

from flask import Flask, Response, current_app, make_response, render_template, request
from werkzeug.exceptions import RequestEntityTooLarge

from ledger.core.errors import InputError, UnavailableError
from ledger.core.limits import LimitKind
from ledger.core.page import MAX_UPLOAD, Kind
from ledger.core.paper import show_secret
from ledger.services.lookup import Found
from ledger.services.page import Checked, secret_in
from web.access import public, takes
from web.check.given import FORM_PARTS, VALUE, file_or_text, said, typed, values
from web.check.result import (
    CHECKED,
    Again,
    Submission,
    again_of,
    fault_words,
    group_html,
    show_result,
    start_again,
)
from web.check.sheet import sheet_of
from web.language import chosen_language
from web.problems import RETRY_AFTER_S, drain, problem
from web.security import allow_camera, client
from web.texts import text

LARGEST_BODY = MAX_UPLOAD * 4 // 3 + 131_072  # a file, or the same file as text; and what is around it
UNREADABLE = 2  # Report.exit_code: these bytes are no credential at all


@public("anybody may check what they hold; nothing is stored")
@takes(LARGEST_BODY)
def file() -> Response:
    """Judge a file, a photo or a text that was handed in."""
    known: Checked | None = request.environ.get(CHECKED)
    wait_s = 0 if known else current_app.extensions["ledger"].limits.take(LimitKind.CHECK, client())
    if wait_s:
        return problem(429, "RATE_LIMITED", retry_after_s=wait_s)
    try:
        data, field = _handed_in()
    except RequestEntityTooLarge:
        drain()
        return problem(413, "FILE_TOO_LARGE")
    except InputError as fault:
        return start_again(Submission(fault_words(fault)))
    if len(data) > MAX_UPLOAD:
        return problem(413, "FILE_TOO_LARGE")
    return _answer(known or current_app.extensions["ledger"].pages.check(data), data, field)


@public("the form for a number and its check code")
def number() -> Response:
    """The form; nothing is looked up."""
    return _number_form()


@public("whoever holds a sheet may ask about it; the answer needs the code that is printed on it")
def find_number() -> Response:
    """Look a sheet up by number and check code, a public entry by its number alone."""
    wanted, code = typed("number"), typed("code")
    if not wanted:
        return _number_form({"number": text("check.number_needed", chosen_language())})
    if not code:
        return _public_entry(wanted)
    found, refusal = _by_code(wanted, code)
    return _sheet(found, "code", {"number": wanted, "code": code}) if found else refusal


@public("whoever holds a sheet may compare it; the answer never says a value")
@takes(262_144, parts=FORM_PARTS)
def compare() -> Response:
    """Say for each typed value whether it agrees."""
    keys = {"number": typed("number"), "code": typed("code")}
    found, refusal = _by_code(keys["number"], keys["code"])
    if found is None:
        return refusal
    if found.is_withdrawn:
        return _sheet(found, "code", keys)
    compared = _lookup().compare(found, values())
    if compared is None:
        return problem(429, "COMPARED_TOO_OFTEN")
    services, language = current_app.extensions["ledger"], chosen_language()
    sheet = sheet_of(found, "code", keys, services.types, language, compared)
    return show_result(compared.report, Again("check.find_number", keys), sheet)


@public("the page with the camera; pictures never leave it")
def scan() -> Response:
    """Scan a QR with the camera, by hand scanner or from a photo."""
    allow_camera()
    return make_response(render_template("check/scan.html"))


@public("the address in every QR; the secret stands in the fragment, which no server sees")
def qr() -> Response:
    """Hands the secret from the fragment over, by script; without one it can be typed."""
    return make_response(render_template("check/qr.html", error=None))


@public("whoever holds a sheet may see what is printed on it")
def open_qr() -> Response:
    """Show what is printed on the sheet with this QR."""
    found, refusal, secret = _by_secret()
    return _sheet(found, "qr", {"secret": show_secret(secret)}) if found else refusal


@public("whoever holds a sheet may say whether it agrees")
@takes(262_144, parts=FORM_PARTS)
def compare_qr() -> Response:
    """The verdict after a person compared the values with the sheet."""
    found, refusal, secret = _by_secret()
    if found is None:
        return refusal
    keys = {"secret": show_secret(secret)}
    compared = _lookup().judge(found, said(values()))
    services, language = current_app.extensions["ledger"], chosen_language()
    sheet = sheet_of(found, "qr", keys, services.types, language, compared)
    kept = {name: value for name, value in request.form.items() if name.startswith(VALUE)}
    return show_result(compared.report, Again("check.compare_qr", {**keys, **kept}), sheet)


def _handed_in() -> tuple[bytes, str]:
    """What is judged, and which field it came from; `again`: a result that is shown in another language.

    Raises: InputError(FILE_MISSING, FILE_TWICE, FILE_OTHER).
    """
    request.max_form_memory_size = LARGEST_BODY
    if again := request.form.get("again", ""):
        try:
            return base64.b64decode(again, validate=True), "file"
        except binascii.Error as error:
            raise InputError("FILE_OTHER", "not our own form") from error
    return file_or_text()


def _answer(checked: Checked, data: bytes, field: str) -> Response:
    if checked.fault is not None or checked.report is None:
        fault = checked.fault or InputError("FILE_OTHER", "nothing was judged")
        return start_again(Submission(fault_words(fault), field))
    if checked.found is not None and checked.secret is not None:
        return _sheet(checked.found, "qr", {"secret": show_secret(checked.secret)})
    if checked.report.exit_code == UNREADABLE and checked.kind is not Kind.PDF:
        from_report = InputError(str(checked.report.verdict.code), "unreadable")
        return start_again(Submission(fault_words(from_report), field))
    return show_result(checked.report, again_of(data))


def _number_form(errors: dict[str, str] | None = None, wanted: str = "") -> Response:
    found = errors or {}
    return make_response(
        render_template("check/number.html", errors=found, number=wanted), 422 if found else 200
    )


def _public_entry(wanted: str) -> Response:
    """What a type shows to everybody; for all other numbers, known or not, one and the same sentence."""
    wait_s = current_app.extensions["ledger"].limits.take(LimitKind.ASK, client())
    if wait_s:
        return problem(429, "RATE_LIMITED", retry_after_s=wait_s)
    try:
        found = _lookup().by_number(wanted)
    except UnavailableError:
        return problem(503, "LOOKUP_UNAVAILABLE", retry_after_s=RETRY_AFTER_S)
    if found is None:
        return _number_form({"code": text("check.code_needed", chosen_language())}, wanted)
    return show_result(found[1], Again("check.find_number", {"number": wanted}))


def _by_code(wanted: str, code: str) -> tuple[Found | None, Response]:
    """The sheet, or what to answer instead: one answer for unknown numbers and wrong codes."""
    limits = current_app.extensions["ledger"].limits
    try:
        wait_s = limits.take(LimitKind.CODE, client())
        if wait_s:
            return None, problem(429, "RATE_LIMITED", retry_after_s=wait_s)
        found = _lookup().by_code(wanted, code)
        if found is None:
            limits.fail(LimitKind.CODE, client())
            return None, _number_form({"code": text("check.code_wrong", chosen_language())}, wanted)
        limits.forget(LimitKind.CODE, client())
    except UnavailableError:
        return None, problem(503, "LOOKUP_UNAVAILABLE", retry_after_s=RETRY_AFTER_S)
    return found, Response()


def _by_secret() -> tuple[Found | None, Response, bytes]:
    """The sheet, or what to answer instead. Limited per client only, whatever the number's state."""
    wait_s = current_app.extensions["ledger"].limits.take(LimitKind.CHECK, client())
    if wait_s:
        return None, problem(429, "RATE_LIMITED", retry_after_s=wait_s), b""
    secret = secret_in(typed("secret"))
    try:
        found = None if secret is None else _lookup().by_secret(secret)
    except UnavailableError:
        return None, problem(503, "LOOKUP_UNAVAILABLE", retry_after_s=RETRY_AFTER_S), b""
    if found is None or secret is None:
        error = text("check.secret_shape" if secret is None else "check.secret_unknown", chosen_language())
        return None, make_response(render_template("check/qr.html", error=error), 422), b""
    return found, Response(), secret


def _sheet(found: Found, mode: Any, keys: dict[str, str]) -> Response:
    services, language = current_app.extensions["ledger"], chosen_language()
    again = Again("check.open_qr" if mode == "qr" else "check.find_number", keys)
    if found.is_withdrawn:
        return show_result(found.report, again, hide_values=True)
    return show_result(found.report, again, sheet_of(found, mode, keys, services.types, language))


def _lookup() -> Any:
    return current_app.extensions["ledger"].lookup


def register(app: Flask) -> None:
    """All addresses of this room, and how its results are drawn."""
    app.jinja_env.globals["group_html"] = group_html
    app.add_url_rule("/check/file", "check.file", file, methods=["POST"])
    app.add_url_rule("/check/number", "check.number", number, methods=["GET"])
    app.add_url_rule("/check/number", "check.find_number", find_number, methods=["POST"])
    app.add_url_rule("/check/number/compare", "check.compare", compare, methods=["POST"])
    app.add_url_rule("/check/scan", "check.scan", scan, methods=["GET"])
    app.add_url_rule("/q", "check.qr", qr, methods=["GET"])
    app.add_url_rule("/q", "check.open_qr", open_qr, methods=["POST"])
    app.add_url_rule("/q/compare", "check.compare_qr", compare_qr, methods=["POST"])
