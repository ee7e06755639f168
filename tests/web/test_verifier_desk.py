"""The verifier's desk: checks kept with their purpose, receipts that others can verify, watches, lists."""

from __future__ import annotations

import io
import json
import re
from base64 import b64decode
from dataclasses import replace

import jwt
import pytest
from cryptography.x509 import load_der_x509_certificate
from pypdfium2 import PdfDocument

from ledger.adapters.intake_sheets import write_xlsx
from ledger.adapters.row_readers import open_rows
from ledger.bootstrap_verified import VerifiedRoom
from ledger.core.flow import JobKind
from ledger.core.jose import b64url_encode
from ledger.core.model import ReasonClass
from ledger.core.paper import PrintKind
from ledger.core.people import Role
from ledger.core.status import Status
from ledger.core.verified import WatchState, judge_receipt, parse_receipt_token, watched_words
from ledger.services.cases import Grounds
from ledger.services.verified_work import GOOD_NOT_COMPARED, WRONG, page_words
from tests.check_world import read_paper
from tests.flow_world import ISSUER, ListTable, chain_signer, deposit_row
from tests.office_world import Office

ROWS = 3


@pytest.fixture(scope="module")
def room(office: Office) -> VerifiedRoom:
    office.world.issue_all(ListTable([deposit_row(number) for number in range(ROWS)]))
    parts = office.parts
    made = VerifiedRoom(parts.here, parts.desk.view, parts.desk.info, lambda: parts.lookup)
    office.world.add_handler(JobKind.DESK, made.worker.run)
    return made


@pytest.fixture(scope="module")
def officer(office: Office, room: VerifiedRoom):
    return office.client(Role.VERIFIER)


def bundle(office: Office, number: int = 0) -> bytes:
    return sorted(office.world.bundles().items())[number][1]


def check(client, data: bytes, **fields):
    form = {
        "purpose_kind": "loan",
        "purpose": "购房贷款",
        "file": (io.BytesIO(data), "a.ecert.json"),
        **fields,
    }
    return client.post_form("/desk/verify", form)


def number_of(page: str) -> int:
    found = re.search(r"/desk/checks/(\d+)", page)
    assert found is not None
    return int(found[1])


def test_a_check_is_shown_and_kept_with_its_purpose(office, officer, room):
    answer = check(officer, bundle(office))
    assert answer.status_code == 200
    assert "verdict--good" in answer.text
    number = number_of(answer.text)
    kept = room.service.check(number, {ISSUER})
    assert kept.accepted
    assert kept.content is not None
    assert kept.content.purpose == "购房贷款"
    assert len(kept.content.checks) == 32
    raw = room.book.kept(number).sealed
    assert "购房".encode() not in raw
    assert f"/desk/checks/{number}" in officer.get("/desk/verify").text


@pytest.mark.parametrize(
    "fields",
    [
        {"purpose_kind": "", "purpose": ""},
        {"purpose_kind": "other", "purpose": " "},
        {"purpose_kind": "other", "purpose": "x" * 201},
    ],
)
def test_without_a_purpose_nothing_is_checked(office, officer, room, fields):
    before = len(room.book.newest({ISSUER}, None, 100))
    answer = check(officer, bundle(office), **fields)
    assert answer.status_code == 422
    assert "govuk-error-summary" in answer.text
    assert "item_code" not in answer.text  # the API's words are not for a counter
    assert len(room.book.newest({ISSUER}, None, 100)) == before


@pytest.mark.parametrize("beside", [{"number": "ABCD-0000-1111-2222"}, {"code": "22222"}, {"text": "{}"}])
def test_a_file_beside_something_else_is_not_answered_for_the_other(office, officer, room, beside):
    before = len(room.book.newest({ISSUER}, None, 100))
    answer = check(officer, bundle(office), **beside)
    assert answer.status_code == 422
    assert "只能" in answer.text
    assert "verdict--" not in answer.text
    assert len(room.book.newest({ISSUER}, None, 100)) == before


def test_a_sheet_that_nobody_compared_is_not_called_genuine_afterwards(office, officer, room):
    name = min(office.world.bundles())[:32]
    one = office.world.documents.order(
        bytes.fromhex(name), kind=PrintKind.FULL, language="zh", by="test", document_id=bytes(16)
    )
    office.world.work()
    paper = read_paper(office, office.world.documents.print(one.id))
    answer = officer.post_form("/desk/verify", {"purpose_kind": "loan", "text": paper.secret_text})
    number = number_of(answer.text)
    kept = room.service.check(number, {ISSUER})
    assert (kept.accepted, kept.standing) == (True, "uncompared")
    for page in ("/desk/verify", f"/desk/checks/{number}", "/desk/checks"):
        shown = officer.get(page).text
        assert "有效，纸面未比对完" in shown, page
    words = page_words(kept, {"zh": "x"}, 0, "jti")
    assert any("未全部比对" in row[2] for row in words["rows"])


def test_an_outage_is_not_called_refused_afterwards(office, officer, room):
    number = number_of(check(officer, bundle(office)).text)
    kept = room.service.check(number, {ISSUER})
    assert kept.content is not None
    left = tuple((name, "unknown", code, at) for name, _, code, at in kept.content.checks)
    away = replace(kept, accepted=False, content=replace(kept.content, checks=left))
    assert away.standing == "unknown"
    assert replace(away, content=None).standing == "other"


def test_an_officers_words_that_cannot_be_drawn_do_not_keep_the_receipt_away(office, officer, room):
    odd = "购房\U00030edc贷款\u202e"
    number = number_of(check(officer, bundle(office), purpose=odd).text)
    officer.post_form(f"/desk/checks/{number}/receipt")
    office.world.work()
    page = PdfDocument(officer.get(f"/desk/checks/{number}/receipt.pdf").data)
    drawn = page[0].get_textpage().get_text_bounded()
    page.close()
    assert "购房[U+30EDC]贷款" in drawn
    token = officer.get(f"/desk/checks/{number}/receipt.jwt").text
    assert jwt.decode(token, options={"verify_signature": False})["purpose"]["text"] == odd
    assert room.here.store.outbox.jobs(dead=True) == ()


def test_another_organisation_sees_none_of_it(office, officer):
    number = number_of(check(officer, bundle(office)).text)
    stranger = office.client(Role.VERIFIER, "foreign")
    assert stranger.get(f"/desk/checks/{number}").status_code == 404
    assert stranger.post_form(f"/desk/checks/{number}/receipt").status_code == 404
    assert stranger.post_form(f"/desk/checks/{number}/watch", {"days": "30"}).status_code == 404
    assert f'/desk/checks/{number}"' not in stranger.get("/desk/checks").text


def test_the_receipt_is_verified_by_somebody_elses_library(office, officer, room):
    number = number_of(check(officer, bundle(office)).text)
    assert officer.get(f"/desk/checks/{number}/receipt.jwt").status_code == 409
    assert officer.post_form(f"/desk/checks/{number}/receipt").status_code == 303
    assert officer.post_form(f"/desk/checks/{number}/receipt").status_code == 303
    office.world.work()
    token = officer.get(f"/desk/checks/{number}/receipt.jwt").text
    header = jwt.get_unverified_header(token)
    assert header["typ"] == "ecert-verification+jwt"
    certificate = load_der_x509_certificate(b64decode(header["x5c"][0]))
    told = jwt.decode(token, certificate.public_key(), algorithms=["ES256"], options={"verify_iat": False})
    assert told["verdict"]["accepted"] is True
    assert told["purpose"] == {"kind": "loan", "text": "购房贷款"}
    assert told["ledger"]["block"]["number"] > 0
    keys = room.view.keys(ISSUER)
    assert judge_receipt(parse_receipt_token(token), keys) == "VERIFICATION_RECEIPT_GOOD"
    assert judge_receipt(parse_receipt_token(token), ()) == "VERIFICATION_RECEIPT_KEY_FOREIGN"
    head, body, _ = token.split(".")
    told["verdict"]["accepted"] = False
    altered = f"{head}.{b64url_encode(json.dumps(told).encode())}.{token.split('.')[2]}"
    assert judge_receipt(parse_receipt_token(altered), keys) == "VERIFICATION_RECEIPT_SIGNATURE"
    assert body
    page = officer.get(f"/desk/checks/{number}/receipt.pdf")
    assert page.data.startswith(b"%PDF-1.7")
    assert room.here.store.outbox.jobs(dead=True) == ()


def test_a_watch_fires_when_what_was_relied_on_is_revoked(office, officer, room):
    data = bundle(office, 1)
    number = number_of(check(officer, data).text)
    other = number_of(check(officer, bundle(office, 2)).text)
    for one in (number, other):
        assert officer.post_form(f"/desk/checks/{one}/watch", {"days": "30"}).status_code == 303
    assert officer.post_form(f"/desk/checks/{number}/watch", {"days": "400"}).status_code == 422
    assert not room.worker.look_after_watches()
    name = bytes.fromhex(sorted(office.world.bundles())[1][:32])
    status = office.world.status
    grounds = Grounds(ReasonClass.ISSUER_ERROR, "依据", "文号1")
    approver = chain_signer("approver")
    case = status.make([name], Status.VOID, grounds, chain_signer("maker"), approver.signer_id)
    status.approve(case.id, approver)
    office.world.work()
    assert room.worker.look_after_watches()
    assert room.book.kept(number).check.watch is WatchState.FIRED
    assert room.book.kept(other).check.watch is WatchState.OPEN
    assert f"/desk/checks/{number}" in officer.get("/desk/verify").text
    assert officer.post_form(f"/desk/checks/{number}/read").status_code == 303
    assert room.service.notices(ISSUER) == []


def test_a_list_comes_back_with_a_result_for_each_row(office, officer, room):
    clerk = office.client(Role.CLERK)
    name = min(office.world.bundles())[:32]
    where = clerk.post_form(f"/credentials/{name}/prints", {"kind": "full", "language": "zh"}).location
    office.world.work()
    found = office.world.documents.prints(bytes.fromhex(name))[0]
    shown = clerk.get(f"{where}/file.pdf").data
    codes = office.parts.pages.check(shown)
    assert codes.report is not None
    facts = re.search(r"([0-9A-F]{4}-){3}[0-9A-F]{4}", str(codes.report.credential.claims["proof_no"]))
    assert facts is not None
    sheet = write_xlsx(
        [("list", [["证明编号", "校验码", "备注"], [facts[0], "AAAAA-AAAAA", "=1+1"], ["", "", "x"]])]
    )
    office.calm()  # wrong codes of other tests would pause the list
    answer = officer.post_form(
        "/desk/lists", {"purpose_kind": "loan", "file": (io.BytesIO(sheet), "list.xlsx")}
    )
    assert answer.status_code == 303
    office.world.work()
    page = officer.get(answer.location).text
    assert "result.xlsx" in page
    result = officer.get(answer.location + "/result.xlsx").data
    rows = [list(cells) for _, cells in open_rows(result).rows()]
    assert rows[0][3] == WRONG
    assert found.id is not None
    assert GOOD_NOT_COMPARED not in rows[0]


@pytest.mark.parametrize("data", [b"", b"not a table", write_xlsx([("a", [["x", "y"], ["1", "2"]])])])
def test_a_file_that_is_no_list_says_why(office, officer, room, data):
    answer = officer.post_form(
        "/desk/lists", {"purpose_kind": "loan", "file": (io.BytesIO(data), "list.xlsx")}
    )
    if answer.status_code == 303:
        office.world.work()
        assert "notice--bad" in officer.get(answer.location).text
    else:
        assert answer.status_code == 422


def test_old_checks_are_forgotten_with_their_keys(office, officer, room):
    number = number_of(check(officer, bundle(office)).text)
    name = room.book.kept(number).name
    assert room.service.forget_old(days=365) == 0
    # as if kept for a day less than none: the clock stays, other tests go on with it
    assert room.service.forget_old(days=-1) > 0
    assert room.here.vault.load([name]) == {}
    assert officer.get(f"/desk/checks/{number}").status_code == 404


@pytest.mark.parametrize(
    ("leaf", "size", "words"),
    [(0, 10, (0, 1)), (300, 10_000, (4, 8)), (9_999, 10_000, (153, 157)), (255, 256, (0, 4))],
)
def test_a_watch_covers_256_credentials_or_the_whole_batch(leaf, size, words):
    found = watched_words(leaf, size)
    assert (found.start, found.stop) == words
    assert leaf // 64 in found
