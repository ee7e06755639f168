"""Prints and verification receipts by REST: ordered, found again, taken with a purpose, withdrawn, judged."""

from __future__ import annotations

import hashlib
import json

import pytest

from ledger.bootstrap_verified import VerifiedRoom
from ledger.core.flow import JobKind
from ledger.core.tokens import Scope
from ledger.core.verified import judge_receipt, parse_receipt_token
from tests.office_world import FOREIGN, OWN, Office
from tests.web.test_api import PURPOSE, TYPE, Program, fields, problem, program

BUNDLE = "application/vnd.ecert+json"
CHECK = {**PURPOSE, "purpose_kind": "loan"}
NOTHING = "0" * 32


@pytest.fixture(scope="module")
def serial(office: Office) -> str:
    """A released certificate."""
    made = program(office).issue(1).get_json()["serial"]
    office.world.finish()
    return str(made)


@pytest.fixture(scope="module")
def room(office: Office) -> VerifiedRoom:
    parts = office.parts
    made = VerifiedRoom(parts.here, parts.desk.view, parts.desk.info, lambda: parts.lookup)
    office.world.add_handler(JobKind.DESK, made.worker.run)
    return made


@pytest.fixture(scope="module")
def caller(office: Office) -> Program:
    return program(office)


def path_of(href: str) -> str:
    return href.removeprefix("/api/v1")


def order(caller: Program, serial: str, key: str | None = None, **body: object):
    headers = {} if key is None else {"Idempotency-Key": key}
    return caller.call("POST", f"/issues/{serial}/documents", body, headers=headers)


def facts(office: Office, action: str) -> dict[str, object]:
    row = office.parts.audit.rows({OWN}, action=action)[0]
    return {"subject": row.subject, **json.loads(row.facts)}


def test_a_print_is_ordered_fetched_with_a_purpose_and_withdrawn(
    office: Office, caller: Program, serial: str
) -> None:
    answer = order(caller, serial, language="en")
    assert answer.status_code == 202
    ordered = answer.get_json()
    assert (ordered["state"], ordered["file"], ordered["anchored"]) == ("ordered", None, False)
    where = path_of(answer.headers["Location"])
    assert problem(caller.get(where + "/file", query_string=PURPOSE)) == (409, "PRINT_STATE")
    office.world.finish()
    office.world.maker.collect(now=True)
    assert caller.get(where).get_json()["state"] == "made"
    office.world.finish()
    made = caller.get(where).get_json()
    assert (made["state"], made["anchored"]) == ("made", True)
    assert problem(caller.get(where + "/file")) == (400, "REQUEST_INVALID")
    file = caller.get(path_of(made["file"]), query_string=PURPOSE)
    assert file.mimetype == "application/pdf"
    assert "0x" + hashlib.sha256(file.data).hexdigest() == made["sha256"]
    checked = office.parts.pages.check(file.data)
    assert checked.report is not None
    assert checked.report.accepted
    told = facts(office, "api.print_file")
    assert told["subject"] == f"print/{ordered['document']}"
    assert (told["purpose"], told["item"]) == (PURPOSE["purpose"], PURPOSE["item_code"])
    assert made in caller.get(f"/issues/{serial}/documents").get_json()["items"]
    gone = caller.call("POST", where + "/withdrawal", {}).get_json()
    assert gone["withdrawn_at"] is not None
    assert office.parts.documents.print(bytes.fromhex(ordered["document"])).revoked_by.startswith("token/")
    again = caller.call("POST", where + "/withdrawal", {}).get_json()
    assert again["withdrawn_at"] == gone["withdrawn_at"], "a second time changes nothing"


def test_a_purpose_copy_shows_the_chosen_fields_only(office: Office, caller: Program, serial: str) -> None:
    _, choices = office.parts.documents.choices(bytes.fromhex(serial))
    chosen = choices[0].claim
    body = {"kind": "purpose", "fields": [chosen], "purpose": "贷款 审核"}
    made = order(caller, serial, "copy-1", **body).get_json()
    assert made["fields"] == [chosen]
    assert order(caller, serial, "copy-1", **body).get_json()["document"] == made["document"]
    assert problem(order(caller, serial, "copy-1", **{**body, "purpose": "别的"})) == (
        409,
        "IDEMPOTENCY_MISMATCH",
    )
    assert problem(order(caller, serial, "copy-1")) == (409, "IDEMPOTENCY_MISMATCH")
    other = order(program(office), serial, "copy-1").get_json()
    assert other["document"] != made["document"], "keys are each token's own"
    assert problem(order(caller, serial, "two words")) == (422, "IDEMPOTENCY_KEY")
    for wrong, code in (
        ({"kind": "purpose", "fields": [chosen]}, "PRINT_PURPOSE"),
        ({"kind": "purpose", "fields": ["nothing"], "purpose": "x"}, "PRINT_FIELDS"),
        ({"kind": "purpose", "purpose": "x" * 201}, "REQUEST_INVALID"),
        ({"language": "fr"}, "REQUEST_INVALID"),
        ({"kind": "full", "more": 1}, "REQUEST_INVALID"),
    ):
        assert problem(order(caller, serial, **wrong)) == (422, code)


@pytest.mark.parametrize("body", [b"null", b"[]", b"0", b'""', b"false"])
def test_a_body_that_is_no_object_orders_nothing(
    office: Office, caller: Program, serial: str, body: bytes
) -> None:
    before = caller.get(f"/issues/{serial}/documents").get_json()
    answer = caller.call(
        "POST", f"/issues/{serial}/documents", None, data=body, content_type="application/json"
    )
    assert problem(answer) == (422, "REQUEST_INVALID")
    assert caller.get(f"/issues/{serial}/documents").get_json() == before


def test_a_whole_batch_is_printed_once_a_language(office: Office, caller: Program, serial: str) -> None:
    batch = caller.get(f"/issues/{serial}").get_json()["batch"]
    answer = caller.call("POST", f"/batches/{batch}/documents", {"language": "bo"})
    assert answer.status_code == 202
    run = answer.get_json()
    assert caller.call("POST", f"/batches/{batch}/documents", {"language": "bo"}).get_json() == run
    office.world.finish()
    found = caller.get(path_of(run["href"])).get_json()
    assert (found["run"]["done"], found["run"]["made"], found["next"]) == (True, run["total"], None)
    assert [one["serial"] for one in found["items"]] == [serial]
    assert found["items"][0]["language"] == "bo"
    assert caller.get(f"/batches/{batch}/documents").get_json()["items"].count(found["run"]) == 1


def test_pages_of_a_run_are_complete(office: Office, caller: Program) -> None:
    body = {"type": TYPE, "rows": [fields(number) for number in range(30, 33)]}
    first = caller.call("POST", "/issues/bulk", body).get_json()["results"][0]["serial"]
    office.world.finish()
    batch = caller.get(f"/issues/{first}").get_json()["batch"]
    run = caller.call("POST", f"/batches/{batch}/documents", {}).get_json()
    office.world.finish()
    seen, cursor = [], None
    for _ in range(3):
        query = {"limit": "1"} | ({} if cursor is None else {"cursor": cursor})
        page = caller.get(path_of(run["href"]), query_string=query).get_json()
        seen += [one["serial"] for one in page["items"]]
        cursor = page["next"]
    assert cursor is None
    assert len(set(seen)) == 3


def test_a_check_for_the_file_gets_a_signed_receipt(
    office: Office, caller: Program, serial: str, room: VerifiedRoom
) -> None:
    bundle = caller.get(f"/issues/{serial}/bundle", query_string=PURPOSE).data
    answer = caller.call("POST", "/verifications", None, data=bundle, content_type=BUNDLE, query_string=CHECK)
    assert answer.status_code == 202, answer.get_data(as_text=True)
    made = answer.get_json()
    assert made["report"]["accepted"] is True
    assert made["sha256"] == "0x" + hashlib.sha256(bundle).hexdigest()
    where = path_of(answer.headers["Location"])
    for form in ("jwt", "pdf"):
        assert problem(caller.get(f"{where}/receipt.{form}")) == (409, "RECEIPT_NOT_READY")
    office.world.finish()
    kept = caller.get(where).get_json()
    assert kept == {name: value for name, value in made.items() if name != "report"} | {
        "receipt": "made",
        "receipt_jwt": f"/api/v1{where}/receipt.jwt",
        "receipt_pdf": f"/api/v1{where}/receipt.pdf",
    }
    token = caller.get(f"{where}/receipt.jwt")
    assert token.mimetype == "application/ecert-verification+jwt"
    told = parse_receipt_token(token.get_data(as_text=True))
    assert judge_receipt(told, room.view.keys(OWN)) == "VERIFICATION_RECEIPT_GOOD"
    assert told.payload["purpose"] == {
        "kind": "loan",
        "text": PURPOSE["purpose"],
        "item": PURPOSE["item_code"],
    }
    assert told.payload["object"]["sha256"] == made["sha256"][2:]
    assert told.payload["officer"] == 0, "a program"
    page = caller.get(f"{where}/receipt.pdf")
    assert page.mimetype == "application/pdf"
    assert page.data.startswith(b"%PDF-1.7")
    assert caller.get("/verifications?limit=1").get_json()["items"] == [kept]
    row = facts(office, "api.receipt")
    assert facts(office, "api.receipt_taken")["subject"] == row["subject"]
    assert row["subject"] == f"check/{made['verification']}"


def test_what_is_no_certificate_is_kept_as_refused(
    office: Office, caller: Program, room: VerifiedRoom
) -> None:
    answer = caller.call(
        "POST", "/verifications", None, data=b'{"no": "bundle"}', content_type=BUNDLE, query_string=CHECK
    )
    made = answer.get_json()
    assert (answer.status_code, made["accepted"], made["report"]["accepted"]) == (202, False, False)
    office.world.finish()
    assert caller.get(path_of(made["href"])).get_json()["receipt"] == "made"


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ({}, 400, "REQUEST_INVALID"),
        ({**CHECK, "item_code": "a b"}, 400, "REQUEST_INVALID"),
        ({**CHECK, "purpose_kind": "fun"}, 400, "REQUEST_INVALID"),
        ({**CHECK, "purpose": " "}, 400, "REQUEST_INVALID"),
        ({**CHECK, "more": "1"}, 400, "REQUEST_INVALID"),
    ],
)
def test_without_purpose_and_matter_nothing_is_checked(
    caller: Program, query: dict[str, str], status: int, code: str
) -> None:
    before = caller.get("/verifications").get_json()["items"]
    answer = caller.call("POST", "/verifications", None, data=b"{}", content_type=BUNDLE, query_string=query)
    assert problem(answer) == (status, code)
    assert caller.get("/verifications").get_json()["items"] == before


def test_an_agency_without_a_seal_key_is_told_at_once(office: Office) -> None:
    foreign = program(office, uscc=FOREIGN)
    answer = foreign.call("POST", "/verifications", None, data=b"{}", content_type=BUNDLE, query_string=CHECK)
    assert problem(answer) == (404, "SEAL_KEY_MISSING")
    assert foreign.get("/verifications").get_json()["items"] == []


def test_another_organisation_sees_neither_prints_nor_checks(
    office: Office, caller: Program, serial: str, room: VerifiedRoom
) -> None:
    foreign = program(office, uscc=FOREIGN)
    ordered = order(caller, serial).get_json()
    batch = ordered["batch"]
    run = caller.call("POST", f"/batches/{batch}/documents", {}).get_json()["run"]
    checked = caller.call("POST", "/verifications", None, data=b"{}", content_type=BUNDLE, query_string=CHECK)
    check = checked.get_json()["verification"]
    office.world.finish()
    for method, path, real, unknown in (
        ("GET", "/issues/{}/documents", serial, NOTHING),
        ("POST", "/issues/{}/documents", serial, NOTHING),
        ("GET", "/documents/{}", ordered["document"], NOTHING),
        ("GET", "/documents/{}/file?purpose=a&item_code=1", ordered["document"], NOTHING),
        ("POST", "/documents/{}/withdrawal", ordered["document"], NOTHING),
        ("GET", "/document-runs/{}", run, NOTHING),
        ("GET", "/batches/{}/documents", batch, 999_999),
        ("POST", "/batches/{}/documents", batch, 999_999),
        ("GET", "/verifications/{}", check, 999_999),
        ("GET", "/verifications/{}/receipt.jwt", check, 999_999),
        ("GET", "/verifications/{}/receipt.pdf", check, 999_999),
    ):
        body = {} if method == "POST" else None
        theirs = foreign.call(method, path.format(real), body)
        nobodys = foreign.call(method, path.format(unknown), body)
        assert theirs.status_code == 404, path
        assert theirs.data == nobodys.data, path


def test_a_token_of_another_scope_opens_none_of_it(office: Office, serial: str) -> None:
    caller = program(office, Scope.ISSUE, Scope.BUNDLES, Scope.VERIFY)
    assert problem(order(caller, serial)) == (403, "SCOPE_NEEDED")
    answer = caller.call("POST", "/verifications", None, data=b"{}", content_type=BUNDLE, query_string=CHECK)
    assert problem(answer) == (403, "SCOPE_NEEDED")
