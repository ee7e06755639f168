"""The issuing desk as clerks meet it: import, single issue, batches, search, and everything they may do wrong."""

from __future__ import annotations

import html
import io
import re
from collections.abc import Iterator
from urllib.parse import quote

import pytest

from ledger.adapters.row_readers import open_rows
from ledger.core.errors import UnavailableError
from ledger.core.flow import BatchState, JobKind, NewJob
from ledger.core.intake import MAX_UPLOAD, IntakeState
from ledger.core.people import Role
from tests.flow_world import deposit_row, deposit_table
from tests.intake_world import IssuingOffice, spoiled
from tests.integration.test_intake import form_of
from tests.office_world import OWN, Client, Office

CODE = "HPF_PERSONAL_DEPOSIT"
HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>"


@pytest.fixture(scope="module")
def issuing(office: Office) -> Iterator[IssuingOffice]:
    return IssuingOffice(office.world)


@pytest.fixture(scope="module")
def clerk(office: Office) -> Client:
    return office.client(Role.CLERK)


def page_of(answer: object) -> str:
    return answer.get_data(as_text=True)  # type: ignore[attr-defined]


def drop(client: Client, data: bytes, name: str = "缴存.csv") -> str:
    """Send a file; where its page is."""
    answer = client.post_form(f"/desk/import/{CODE}", {"file": (io.BytesIO(data), name)})
    assert answer.status_code == 303, page_of(answer)
    return str(answer.headers["Location"]).split("?")[0]


def csv_of(first: int, count: int, bad: tuple[int, ...] = ()) -> bytes:
    return spoiled(range(first, first + count), bad).csv().encode()


def submit_form(client: Client, fields: dict[str, str]) -> str:
    """Fill the form in and hand it in; the page of what became of it."""
    page = page_of(client.get(f"/desk/issue/{CODE}"))
    draft = re.search(r'name="draft" value="([0-9a-f]{32})"', page)
    assert draft is not None
    sent = {f"f_{key}": value for key, value in fields.items()}
    answer = client.post_form(f"/desk/issue/{CODE}", {"draft": draft[1], **sent})
    assert answer.status_code == 303, page_of(answer)
    check = page_of(client.get(answer.headers["Location"]))
    assert html.escape(fields["name"]).replace("&#x27;", "&#39;").replace("&quot;", "&#34;") in check
    answer = client.post_form(f"/desk/drafts/{draft[1]}/submit")
    assert answer.status_code == 303
    return str(answer.headers["Location"])


def test_a_file_is_issued_in_two_presses_and_errors_stand_in_the_page(
    office: Office, issuing: IssuingOffice, clerk: Client
) -> None:
    where = drop(clerk, csv_of(100, 10, (103,)))
    page = page_of(clerk.get(where))
    assert 'hx-trigger="every 1s"' in page
    assert "/progress" in page
    office.world.work()
    page = page_of(clerk.get(where))
    assert "提交 9 行" in page
    title = re.search(r"<h1[^>]*>([^<]+)</h1>", page)[1]  # type: ignore[index]
    assert re.fullmatch(r"导入 \d+", title)
    assert "文件：<strong>" in page, "its name stands beside, as long as the file is kept"
    assert "身份证号码校验位错误" in page
    assert "与证件原件" in page, "what to do about it"
    assert deposit_row(103)[2] not in page, "values of a row are not repeated"
    assert clerk.post_form(f"{where}/submit").status_code == 303
    assert clerk.post_form(f"{where}/submit").status_code == 303, "pressed twice"
    office.world.work()
    page = page_of(clerk.get(where))
    assert "待经办确认" in page
    assert title == re.search(r"<h1[^>]*>([^<]+)</h1>", page)[1]  # type: ignore[index]
    answer = clerk.get(f"{where}/progress")
    assert answer.headers["HX-Refresh"] == "true"
    batches = [b for b in office.world.store.batches.batches() if b.size == 9]
    assert [batch.state for batch in batches] == [BatchState.SIGNED]


def test_failed_rows_and_results_are_taken_away(
    office: Office, issuing: IssuingOffice, clerk: Client
) -> None:
    where = drop(clerk, csv_of(200, 5, (202,)))
    office.world.work()
    answer = clerk.get(f"{where}/failed.xlsx")
    assert re.fullmatch(
        r'attachment; filename="import-\d+-failed\.xlsx"', answer.headers["Content-Disposition"]
    )
    table = open_rows(answer.get_data())
    assert (table.header or ())[0] == "原文件行号"
    assert (table.header or ())[-1] == "失败原因"
    [(_, cells)] = table.rows()
    assert cells[0] == "4"  # type: ignore[index]
    clerk.post_form(f"{where}/submit")
    office.world.work()
    lines = clerk.get(f"{where}/results.csv").get_data().decode("utf-8-sig").splitlines()
    assert len(lines) == 6
    assert sum("校验位错误" in line for line in lines) == 1
    assert deposit_row(200)[0] not in "\n".join(lines)
    for kind in ("exe", "xlsx%0d%0aSet-Cookie:a=b"):
        refused = clerk.get(f"{where}/failed.{kind}")
        assert refused.status_code == 404
        assert "a=b" not in str(refused.headers)


def test_the_same_file_says_so(office: Office, issuing: IssuingOffice, clerk: Client) -> None:
    data = csv_of(300, 3)
    first = drop(clerk, data)
    answer = clerk.post_form(f"/desk/import/{CODE}", {"file": (io.BytesIO(data), "b.csv")})
    assert answer.headers["Location"] == f"{first}?same=1"
    assert "这个文件已经上传过" in page_of(clerk.get(answer.headers["Location"]))


def test_a_single_issue_takes_three_presses(office: Office, issuing: IssuingOffice, clerk: Client) -> None:
    where = submit_form(clerk, form_of(400))
    office.world.work()
    assert "待经办确认" in page_of(clerk.get(where))


def test_a_form_with_a_mistake_keeps_what_was_typed(issuing: IssuingOffice, clerk: Client) -> None:
    page = page_of(clerk.get(f"/desk/issue/{CODE}"))
    draft = re.search(r'name="draft" value="([0-9a-f]{32})"', page)
    assert draft is not None
    wrong = {f"f_{key}": value for key, value in form_of(401, id_number="99010", balance="一万").items()}
    answer = clerk.post_form(f"/desk/issue/{CODE}", {"draft": draft[1], **wrong})
    page = page_of(answer)
    assert answer.status_code == 422
    assert 'href="#f_id_number"' in page
    assert 'href="#f_balance"' in page
    assert 'value="一万"' in page
    assert draft[1] in page_of(clerk.get("/desk")), "the draft is among the things to do"
    again = clerk.get(f"/desk/drafts/{draft[1]}?errors=1")
    assert 'value="99010"' in page_of(again)
    assert clerk.get(f"/desk/drafts/{draft[1]}/check").status_code == 422
    assert clerk.post_form(f"/desk/drafts/{draft[1]}/delete").status_code == 303
    assert clerk.get(f"/desk/drafts/{draft[1]}").status_code == 404


def test_back_button_and_second_press_after_handing_in(
    office: Office, issuing: IssuingOffice, clerk: Client
) -> None:
    where = submit_form(clerk, form_of(402))
    before = len(office.world.store.batches.batches())
    draft = issuing.intake.new_draft_name().hex()
    assert clerk.post_form(f"/desk/drafts/{draft}/submit").status_code == 404
    office.world.work()
    answer = clerk.post_form(f"/desk/drafts/{'0' * 32}/check")
    assert answer.status_code in (404, 405)
    assert clerk.get(where).status_code == 200
    assert len(office.world.store.batches.batches()) == before + 1


def test_a_session_that_ends_in_the_middle_loses_nothing(
    office: Office, issuing: IssuingOffice, clerk: Client
) -> None:
    where = drop(clerk, csv_of(500, 4))
    nobody = office.nobody()
    answer = nobody.get(where)
    assert answer.status_code == 303
    assert "/account/log-in" in answer.headers["Location"]
    refused = nobody.post(f"{where}/submit", data={}, headers={"Origin": "https://fund.example"})
    assert refused.status_code == 303
    office.world.work()
    again = office.client(Role.CLERK)
    assert where in page_of(again.get("/desk"))
    assert "提交 4 行" in page_of(again.get(where))


def test_bad_uploads_are_refused_in_words(office: Office, issuing: IssuingOffice, clerk: Client) -> None:
    none = clerk.post_form(f"/desk/import/{CODE}", {})
    assert none.status_code == 422
    assert "请选择一个文件" in page_of(none)
    empty = clerk.post_form(f"/desk/import/{CODE}", {"file": (io.BytesIO(b""), "a.csv")})
    assert empty.status_code == 422
    assert "文件是空的" in page_of(empty)
    where = drop(clerk, b"\x89PNG\r\n" + bytes(100), "photo.xlsx")
    office.world.work()
    page = page_of(clerk.get(where))
    assert "CSV、XLSX" in page
    assert "文件无法读取" in page


def test_a_body_over_the_limit_is_refused_before_it_is_read(clerk: Client) -> None:
    class Counting(io.BytesIO):
        parsed = 0

        def read(self, size: int | None = -1) -> bytes:
            data = super().read(size)
            self.parsed += len(data)
            return data

    body = Counting(b"--x\r\n" + bytes(MAX_UPLOAD * 2))
    token = clerk.token()
    answer = clerk.post(
        f"/desk/import/{CODE}",
        input_stream=body,
        headers={"Origin": "https://fund.example", "X-Form-Token": token},
        content_type="multipart/form-data; boundary=x",
        content_length=MAX_UPLOAD * 2,
    )
    assert answer.status_code == 413
    assert "20 MB" in page_of(answer)
    assert body.parsed <= 32 << 20, (
        "nothing of it was parsed; at most 32 MiB are read to let the browser see this"
    )


def test_hostile_text_in_every_field_stays_text(
    office: Office, issuing: IssuingOffice, clerk: Client
) -> None:
    """What a type lets through is shown as text everywhere."""
    stored = form_of(600, name="<b>王</b>'\"&", unit_name="<script>x()</script>")
    where = submit_form(clerk, stored)
    office.world.work()
    office.world.finish()
    (place,) = issuing.desk.search(OWN, deposit_row(600)[3])
    for path in (f"/desk/batches/{place.batch_id}", "/desk", where, "/desk/batches"):
        answer = clerk.get(path)
        assert answer.status_code == 200
        assert_inert(page_of(answer))
    assert "&lt;script&gt;x()&lt;/script&gt;" in page_of(clerk.get(f"/desk/batches/{place.batch_id}"))
    named = drop(clerk, csv_of(610, 1), f"../../{HOSTILE}.csv")
    assert_inert(page_of(clerk.get(named)))


def test_every_field_of_every_type_has_its_input(
    office: Office, issuing: IssuingOffice, clerk: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    kinds = tuple(office.world.types.values())
    # reason: the small installation grants one type only; what is asked here is the form of every type
    monkeypatch.setattr(office.parts.issuing, "granted_types", lambda _issuer: kinds)
    assert len(kinds) > 1
    for kind in kinds:
        page = page_of(clerk.get(f"/desk/issue/{kind.code}"))
        draft = re.search(r'name="draft" value="([0-9a-f]{32})"', page)
        assert draft is not None
        for field in kind.fields:
            assert f'name="f_{field.key}"' in page, field.key
            assert field.labels.zh in page
            for labels in field.values.values():
                assert labels.zh in page
        hostile = {f"f_{field.key}": HOSTILE for field in kind.fields}
        answer = clerk.post_form(f"/desk/issue/{kind.code}", {"draft": draft[1], **hostile})
        assert answer.status_code == 422
        assert_inert(page_of(answer))
        assert clerk.post_form(f"/desk/drafts/{draft[1]}/delete").status_code == 303


def assert_inert(page: str) -> None:
    assert "<script>alert" not in page
    assert "<script>x" not in page
    assert "<img src=x" not in page
    assert "<b>王" not in page
    assert " onerror=" not in re.sub(r"&[a-z#0-9]+;[^<]*", "", page)


def test_a_corrected_version_starts_from_a_released_credential(
    office: Office, issuing: IssuingOffice, clerk: Client
) -> None:
    submit_form(clerk, form_of(700))
    office.world.work()
    office.world.finish()
    (place,) = issuing.desk.search(OWN, deposit_row(700)[3])
    page = page_of(clerk.get(f"/desk/batches/{place.batch_id}"))
    assert deposit_row(700)[0] in page
    correct = f"/desk/batches/{place.batch_id}/rows/{place.record_id}/correct"
    assert correct in page
    answer = clerk.post_form(correct)
    draft = answer.headers["Location"].rpartition("/")[2]
    fields = {f"f_{key}": value for key, value in form_of(700, balance="99999.00").items()}
    answer = clerk.post_form(f"/desk/drafts/{draft}", {"draft": draft, **fields})
    check = page_of(clerk.get(answer.headers["Location"]))
    assert "换发" in check
    clerk.post_form(f"/desk/drafts/{draft}/submit", {"supersede": "1"})
    office.world.work()
    office.world.finish()
    assert "已换发" in page_of(clerk.get(f"/desk/batches/{place.batch_id}?status=SUPERSEDED"))


def test_search_carries_nothing_in_addresses(office: Office, issuing: IssuingOffice, clerk: Client) -> None:
    drop(clerk, csv_of(800, 2))
    office.world.work()
    submit_form(clerk, form_of(800))
    office.world.work()
    answer = clerk.post_form("/desk/search", {"text": deposit_row(800)[3], "day": ""})
    assert "找到 1 条" in page_of(answer)
    assert deposit_row(800)[3] not in page_of(answer)
    assert clerk.post_form("/desk/search", {"text": " "}).status_code == 422
    assert clerk.post_form("/desk/search", {"text": "1", "day": "x"}).status_code == 422
    assert clerk.get(f"/desk/search?text={deposit_row(800)[3]}").status_code == 200


def test_who_answers_for_rows_sees_them_and_others_do_not(
    office: Office, issuing: IssuingOffice, clerk: Client
) -> None:
    submit_form(clerk, form_of(900))
    office.world.work()
    (place,) = issuing.desk.search(OWN, deposit_row(900)[3])
    path = f"/desk/batches/{place.batch_id}"
    approver, auditor = office.client(Role.APPROVER), office.client(Role.AUDITOR)
    assert deposit_row(900)[0] in page_of(approver.get(path))
    seen = auditor.get(path)
    assert seen.status_code == 200
    assert deposit_row(900)[0] not in page_of(seen)
    for place_name in ("child", "foreign"):
        other = office.client(Role.CLERK, place_name)
        for where in (path, f"{path}/progress", f"{path}/results.csv", "/desk/imports/1"):
            assert other.get(where).status_code == 404
        assert other.post_form(f"{path}/requeue").status_code == 404
        assert other.post_form("/desk/imports/1/submit").status_code == 404
        assert other.post_form(f"{path}/rows/{place.record_id}/correct").status_code == 404
    assert approver.post_form(f"{path}/requeue").status_code == 403
    assert auditor.get(f"/desk/import/{CODE}").status_code == 403


def test_a_batch_that_stopped_shows_why_and_how_to_go_on(
    office: Office, issuing: IssuingOffice, clerk: Client
) -> None:
    where = drop(clerk, csv_of(1000, 3))
    office.world.work()
    clerk.post_form(f"{where}/submit")
    office.world.work()
    batch = office.world.store.batches.batches()[-1]
    outbox = office.world.store.outbox
    outbox.enqueue(NewJob(JobKind.SIGN, f"batch:{batch.id}:test", {}))
    lease = outbox.claim([JobKind.SIGN], "x", 30)
    assert lease is not None
    victim = issuing.desk.rows(batch, 0, 1, clear=False)[0].record_id
    outbox.bury(lease, "TERM_ENDED", {"record": victim})
    page = page_of(clerk.get(f"/desk/batches/{batch.id}"))
    assert "有效期在签名时已经结束" in page
    assert "去掉 1 行" in page
    answer = clerk.post_form(f"/desk/batches/{batch.id}/requeue")
    assert answer.status_code == 303
    office.world.work()
    page = page_of(clerk.get(answer.headers["Location"]))
    assert "2 行" in page
    assert "待经办确认" in page


def test_a_locked_database_keeps_nothing_and_says_so(
    office: Office, issuing: IssuingOffice, clerk: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_args: object) -> None:
        raise UnavailableError("STORE_UNAVAILABLE", "The database does not answer; try again.")

    before = len(issuing.book.intakes([OWN], [], 0, 1_000))
    # reason: a real full disk cannot be had in a test; the error is the one that the store raises then
    monkeypatch.setattr(office.parts.intake.book, "receive", full)
    answer = clerk.post_form(f"/desk/import/{CODE}", {"file": (io.BytesIO(csv_of(1100, 2)), "a.csv")})
    assert answer.status_code == 503
    assert "没有保存" in page_of(answer)
    assert int(answer.headers["Retry-After"]) > 0
    monkeypatch.undo()
    assert len(issuing.book.intakes([OWN], [], 0, 1_000)) == before


def test_while_nobody_works_the_page_says_that_it_goes_on_later(
    office: Office, issuing: IssuingOffice, clerk: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    where = drop(clerk, csv_of(1200, 2))
    office.clock.advance(60)
    page = page_of(clerk.get(where))
    assert "处理程序暂时没有响应" in page

    def gone() -> None:
        raise UnavailableError("CHAIN_UNAVAILABLE", "The chain does not answer.")

    # reason: the chain file cannot be taken away from under the fixture that all tests share
    monkeypatch.setattr(office.world.view, "head", gone)
    for path in ("/desk", where):
        assert "账本暂时没有响应" in page_of(clerk.get(path))
    monkeypatch.undo()
    office.world.work()
    number = int(where.rpartition("/")[2])
    assert issuing.intake.intake(number).state is IntakeState.CHECKED


def test_templates_and_lists_and_languages(office: Office, issuing: IssuingOffice, clerk: Client) -> None:
    for kind in ("xlsx", "csv"):
        answer = clerk.get(f"/desk/import/{CODE}/template.{kind}")
        assert (open_rows(answer.get_data()).header or ())[0] == "姓名"
        name = quote(f"个人住房公积金缴存证明-模板.{kind}")
        assert answer.headers["Content-Disposition"].endswith(f"; filename*=UTF-8''{name}")
        assert answer.headers["Content-Disposition"].isascii()
    assert clerk.get("/desk/import/NO_SUCH").status_code == 404
    assert clerk.get("/desk/import/BIZ_LICENSE").status_code == 404, "not granted to this organisation"
    for path in (
        "/desk",
        "/desk/imports",
        "/desk/batches?state=signed",
        "/desk/search",
        f"/desk/issue/{CODE}",
    ):
        for language in ("zh", "en", "bo"):
            answer = clerk.get(f"{path}{'&' if '?' in path else '?'}lang={language}")
            assert answer.status_code == 200, (path, language)
    page = page_of(clerk.get(f"/desk/import/{CODE}?lang=zh"))
    assert 'data-drop="page"' in page
    assert deposit_table([0]).header[0] in page  # type: ignore[index]
