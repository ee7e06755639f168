"""Number with code, QR and photo: what a sheet of paper is told to be, through the pages as a clerk uses them."""

from __future__ import annotations

import html
import io
import re

import pytest
import sqlalchemy as sa

from ledger.adapters.comparisons_sql import MemoryComparisons, SqlComparisons
from ledger.core.checks.codes import Code
from ledger.core.compare import COMPARISONS_A_DAY, WRONG_COMPARISONS, is_same, plain_number
from ledger.core.flow import DAY_S
from ledger.core.limits import LimitKind
from ledger.core.report import CheckId
from ledger.ports import Vault
from ledger.services.lookup import Comparisons
from tests.check_world import (
    Paper,
    altered,
    as_printed,
    fields,
    locked,
    office_types,
    photo,
    picture,
    room,
    without_chain,
)
from tests.flow_world import TYPE_REF
from tests.office_world import Client, Office

ROW = re.compile(r'data-answer="(\w+)" data-name="(\w+)"')


def text_of(answer) -> str:
    return html.unescape(answer.get_data(as_text=True))


def ask_code(client: Client, number: str, code: str):
    return client.post_form("/check/number", {"number": number, "code": code})


def hand_in(client: Client, pdf: bytes):
    upload = {"file": (io.BytesIO(pdf), "proof.pdf")}
    return client.post_form("/check/file", upload, content_type="multipart/form-data")


def compare(client: Client, paper: Paper, typed: dict[str, str]):
    fields = {f"v_{name}": value for name, value in typed.items()}
    return client.post_form("/check/number/compare", {"number": paper.number, "code": paper.code, **fields})


@pytest.fixture
def client(office: Office) -> Client:
    office.calm()
    return office.nobody()


@pytest.fixture
def fresh(office: Office, papers: dict[str, Paper]) -> Paper:
    """The full sheet, as if nobody had compared it yet."""
    database = office.world.store.database  # type: ignore[attr-defined]
    with database.write() as connection:
        connection.execute(sa.text("DELETE FROM sheet_comparison"))
    return papers["full"]


def test_a_sheet_is_not_called_genuine_before_it_was_compared(client: Client, fresh: Paper) -> None:
    answer = ask_code(client, fresh.number, fresh.code)
    page = text_of(answer)
    assert answer.status_code == 200
    assert "请先与纸面比对" in page
    assert "证照真实有效" not in page.split("<main")[1].split("<footer")[0]
    assert 'name="v_balance"' in page


def test_number_and_code_never_show_a_value(office: Office, client: Client, fresh: Paper) -> None:
    found = office.parts.lookup.by_code(fresh.number, fresh.code)
    assert found is not None
    secret_values = [str(value) for name, value in found.values.items() if len(str(value)) > 6]
    secret_values += [value for value in as_printed(found).values() if len(value) > 6]
    known = {"proof_no", "issuer_name", "issued_on"}  # typed, public, and the day of the anchor
    hidden = set(secret_values) - {str(found.values[name]) for name in known}
    typed = dict.fromkeys(found.values, "x")
    for answer in (ask_code(client, fresh.number, fresh.code), compare(client, fresh, typed)):
        page = text_of(answer)
        assert not [value for value in hidden if value in page]


def test_everything_compared_and_equal_is_genuine(office: Office, client: Client, fresh: Paper) -> None:
    found = office.parts.lookup.by_code(fresh.number, fresh.code)
    assert found is not None
    page = text_of(compare(client, fresh, as_printed(found)))
    assert {answer for answer, _ in ROW.findall(page)} == {"match"}
    assert "证照真实有效" in page
    assert Code.PAGE_VALUES_MATCH in page
    assert "还可以比对 9 次" in page


def test_what_was_not_compared_is_listed(office: Office, client: Client, fresh: Paper) -> None:
    found = office.parts.lookup.by_code(fresh.number, fresh.code)
    assert found is not None
    page = text_of(compare(client, fresh, {"name": str(found.values["name"])}))
    answers = {name: answer for answer, name in ROW.findall(page)}
    assert answers["name"] == "match"
    assert answers["balance"] == "open"
    assert "比对过的内容一致" in page
    listed = page.split('id="not-compared"')[1].split("</p>")[0]
    assert "账户余额" in listed
    assert "姓名" not in listed


def test_every_printed_field_altered_by_one_character_ends_in_verdict_6_by_number(
    office: Office, fresh: Paper
) -> None:
    """By the service, since ten wrong answers are all that a sheet gives; the page is tested beside."""
    lookup = office.parts.lookup
    found = lookup.by_code(fresh.number, fresh.code)
    assert found is not None
    printed = as_printed(found)
    assert len(printed) >= 21
    for name, value in printed.items():
        compared = lookup.compare(found, {**printed, name: altered(value)}, is_limited=False)
        assert compared is not None
        assert compared.answers[name] is False, (name, value, altered(value))
        assert all(agrees for other, agrees in compared.answers.items() if other != name)
        assert compared.report.verdict.national == 6
        assert compared.report.check(CheckId.PAGE).code == Code.PAGE_VALUE_DIFFERS
        assert not compared.report.accepted


def test_one_altered_field_on_the_page(office: Office, client: Client, fresh: Paper) -> None:
    found = office.parts.lookup.by_code(fresh.number, fresh.code)
    assert found is not None
    page = text_of(compare(client, fresh, {"balance": "369,249.00", "name": str(found.values["name"])}))
    assert ("differs", "balance") in ROW.findall(page)
    assert ("match", "name") in ROW.findall(page)
    assert "证照无效" in page
    assert "纸面可能被改动" in page


def test_every_printed_field_that_differs_ends_in_verdict_6_by_qr(
    office: Office, papers: dict[str, Paper]
) -> None:
    """The clerk sees what the ledger has and says that his sheet differs."""
    paper, lookup = papers["purpose"], office.parts.lookup
    found = lookup.by_secret(paper.secret)
    assert found is not None
    sheet = {name: altered(value) for name, value in as_printed(found).items()}
    for name in found.values:
        answers = {
            other: sheet[other] == as_printed(found)[other] if other == name else True for other in sheet
        }
        compared = lookup.judge(found, answers)
        assert compared.report.verdict.national == 6
        assert compared.report.check(CheckId.PAGE).evidence["differing"] == [name]


def test_the_qr_opens_exactly_what_is_printed(
    office: Office, client: Client, papers: dict[str, Paper]
) -> None:
    paper = papers["purpose"]
    page = text_of(client.post_form("/q", {"secret": f"https://fund.example/q#{paper.secret_text}"}))
    whole = office.parts.lookup.by_secret(papers["full"].secret)
    assert whole is not None
    shown = set(re.findall(r'<fieldset[^>]*data-name="(\w+)"', page))
    assert shown == {
        "proof_no",
        "issuer_name",
        "issued_on",
        "valid_until",
        "name",
        "balance",
        "paid_to",
        "as_of",
    }
    assert str(whole.values["name"]) in page
    assert str(whole.values["id_number"]) not in page
    assert str(whole.values["account_no"]) not in page
    assert "请与手中的纸面比对" in page
    assert "证照真实有效" not in page.split("<main")[1].split("<footer")[0]


def test_a_clerk_compares_by_qr(client: Client, papers: dict[str, Paper]) -> None:
    paper = papers["purpose"]
    names = ("proof_no", "issuer_name", "issued_on", "valid_until", "name", "balance", "paid_to", "as_of")
    same = {f"v_{name}": "same" for name in names}
    page = text_of(client.post_form("/q/compare", {"secret": paper.secret_text, **same}))
    assert "证照真实有效" in page
    page = text_of(
        client.post_form("/q/compare", {"secret": paper.secret_text, **same, "v_balance": "differs"})
    )
    assert "证照无效" in page
    assert ("differs", "balance") in ROW.findall(page)
    english = text_of(client.post_form("/q/compare", {"secret": paper.secret_text, **same, "lang": "en"}))
    assert "Genuine and in force" in english
    client.get("/?lang=zh")


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_a_photo_of_the_page_is_enough(client: Client, papers: dict[str, Paper], kind: str) -> None:
    scanned = picture(papers["purpose"].pdf, 150).rotate(7, expand=True, fillcolor=255)
    import io

    upload = {"file": (io.BytesIO(photo(scanned, kind)), "IMG_0001.HEIC")}
    answer = client.post_form("/check/file", upload, content_type="multipart/form-data")
    page = text_of(answer)
    assert answer.status_code == 200
    assert "请与手中的纸面比对" in page
    assert fields(page)["secret"] == papers["purpose"].secret_text


def test_a_scanned_pdf_is_read_by_its_qr(client: Client, papers: dict[str, Paper]) -> None:
    import io

    scan = io.BytesIO()
    picture(papers["full"].pdf, 150).save(scan, "PDF")
    scan.seek(0)
    answer = client.post_form("/check/file", {"file": (scan, "scan.pdf")}, content_type="multipart/form-data")
    assert "请与手中的纸面比对" in text_of(answer)


def test_unknown_number_wrong_code_and_nonsense_answer_alike(
    office: Office, papers: dict[str, Paper]
) -> None:
    paper = papers["full"]
    wrong = paper.code[:-1] + ("2" if paper.code[-1] != "2" else "3")
    pages = []
    for number, code in (
        (paper.number, wrong),
        ("ABCD-0000-1111-2222", paper.code),
        (paper.number, "no code"),
    ):
        office.calm()
        answer = ask_code(office.nobody(), number, code)
        page = re.sub(r'name="token" value="[^"]*"', "", text_of(answer)).replace(number, "NUMBER")
        pages.append(
            (answer.status_code, sorted(key for key, _ in answer.headers if key != "Set-Cookie"), page)
        )
    assert pages[0] == pages[1] == pages[2]
    assert pages[0][0] == 422


class CountingVault:
    """A vault that writes down what it is asked."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault
        self.calls: list[str] = []

    def __getattr__(self, name: str):
        self.calls.append(name)
        return getattr(self._vault, name)


def test_unknown_number_and_wrong_code_are_the_same_work(office: Office, papers: dict[str, Paper]) -> None:
    """No clock: the same calls of the key store and the same statements, in the same order."""
    paper, documents = papers["full"], office.parts.documents
    engine = office.world.store.database.engine  # type: ignore[attr-defined]
    counting = CountingVault(office.world.vault)
    kept, documents._vault = documents._vault, counting  # type: ignore[assignment]
    work: list[list[str]] = []

    def note(_connection, _cursor, statement, *_rest) -> None:
        work[-1].append(statement)

    sa.event.listen(engine, "before_cursor_execute", note)
    try:
        for number, code in ((paper.number, "22222-22222"), ("HPF-NOT-THERE", paper.code)):
            work.append([])
            counting.calls.clear()
            assert office.parts.lookup.by_code(number, code) is None
            work[-1] += counting.calls
    finally:
        sa.event.remove(engine, "before_cursor_execute", note)
        documents._vault = kept
    assert work[0] == work[1]
    assert "index" in work[0]


def test_guessing_waits_longer_and_longer_and_locks_nobody_else_out(office: Office, fresh: Paper) -> None:
    office.calm()
    guesser, clerk = office.nobody(), office.nobody()
    guesser.environ_base["REMOTE_ADDR"] = "198.51.100.7"
    clerk.environ_base["REMOTE_ADDR"] = "198.51.100.8"
    waits = []
    for _ in range(12):
        answer = ask_code(guesser, fresh.number, "22222-22222")
        if answer.status_code == 429:
            waits.append(int(answer.headers["Retry-After"]))
            office.clock.advance(waits[-1])
    assert len(waits) >= 4
    assert waits == sorted(waits)
    assert waits[-1] > 4 * waits[0]
    assert ask_code(guesser, fresh.number, "22222-22222").status_code in {422, 429}
    assert ask_code(clerk, fresh.number, fresh.code).status_code == 200  # never a lock on the number
    assert guesser.post_form("/q", {"secret": fresh.secret_text}).status_code == 200  # nor on the QR
    assert office.parts.limits.take(LimitKind.CODE, "198.51.100.7") > 0


def test_ten_comparisons_a_sheet_and_day(office: Office, client: Client, fresh: Paper) -> None:
    found = office.parts.lookup.by_code(fresh.number, fresh.code)
    assert found is not None
    right = {"name": str(found.values["name"])}
    for _ in range(COMPARISONS_A_DAY):
        assert compare(client, fresh, right).status_code == 200
    answer = compare(client, fresh, right)
    assert answer.status_code == 429
    assert "比对的次数已满" in text_of(answer)
    page = text_of(client.post_form("/q", {"secret": fresh.secret_text}))
    assert "请与手中的纸面比对" in page  # the QR path knows no such count


@pytest.mark.parametrize("kind", ["sql", "memory"])
def test_counts_of_comparisons(office: Office, fresh: Paper, kind: str) -> None:
    database = office.world.store.database  # type: ignore[attr-defined]
    counts: Comparisons = SqlComparisons(database) if kind == "sql" else MemoryComparisons()
    one, two, now = b"\x01" * 16, b"\x02" * 16, office.clock.now()
    assert [counts.take(one, now, is_wrong=False) for _ in range(11)] == [*range(9, -1, -1), None]
    assert counts.take(two, now, is_wrong=False) == 9
    assert counts.take(one, now + DAY_S, is_wrong=False) == 9  # the next day
    for day in range(1, WRONG_COMPARISONS + 1):
        assert counts.take(two, now + day * DAY_S, is_wrong=True) is not None
    assert counts.take(two, now + 99 * DAY_S, is_wrong=False) is None  # ten wrong ones are all


def test_another_sheet_cannot_be_compared_with_this_code(client: Client, papers: dict[str, Paper]) -> None:
    """No number of a row or a print is ever in a form: only what is on the sheet finds it again."""
    mine, other = papers["full"], papers["other"]
    page = text_of(ask_code(client, mine.number, mine.code))
    assert set(fields(page)) <= {"token", "number", "code", "lang"}
    stolen = {"number": other.number, "code": mine.code, "v_name": "x"}
    assert client.post_form("/check/number/compare", stolen).status_code == 422


def test_a_withdrawn_print_says_so_only_to_its_own_code(
    office: Office, client: Client, papers: dict[str, Paper]
) -> None:
    paper = papers["taken_back"]
    wrong = text_of(ask_code(client, paper.number, "22222-22222"))
    office.parts.documents.revoke(paper.print.id, "test")
    assert text_of(ask_code(office.nobody(), paper.number, "22222-22222")).count(
        "编号或校验码不正确"
    ) == wrong.count("编号或校验码不正确")
    for answer in (
        ask_code(client, paper.number, paper.code),
        client.post_form("/q", {"secret": paper.secret_text}),
        compare(client, paper, {"name": "x"}),
    ):
        page = text_of(answer)
        assert "已收回这份打印件" in page
        assert "v_name" not in page
        assert "90000" not in page


def test_checks_of_sheets_are_counted_and_tries_are_not(
    office: Office, client: Client, papers: dict[str, Paper]
) -> None:
    def counted() -> int:
        return office.parts.statistics.count(office.clock.now()).checked_today

    paper, before = papers["full"], counted()
    ask_code(client, paper.number, paper.code)
    client.post_form("/q", {"secret": paper.secret_text})
    assert counted() == before + 2
    ask_code(client, paper.number, "22222-22222")
    client.post_form("/q", {"secret": "no secret"})
    client.get("/check/number")
    assert counted() == before + 2


def test_the_file_of_a_withdrawn_print_is_refused_sealed_or_not(
    office: Office, client: Client, papers: dict[str, Paper]
) -> None:
    paper = papers["taken_back_too"]
    before = text_of(hand_in(client, paper.pdf))
    assert "证照真实有效" in before
    office.parts.documents.revoke(paper.print.id, "test")
    for pdf in (paper.pdf, paper.unsealed):
        page = text_of(hand_in(client, pdf))
        assert "已收回这份打印件" in page
        assert "请持有人出示现行有效的证照" in page
        assert "证照真实有效" not in page
    # the credential itself and its other prints stand
    assert "证照真实有效" in text_of(hand_in(client, papers["full"].pdf))


def test_while_nobody_can_say_whether_a_print_was_withdrawn_its_page_stays_open(
    office: Office, papers: dict[str, Paper]
) -> None:
    broken = room(office)
    broken.__dict__["_withdrawn_at"] = locked  # reason: the database is away for this question only
    checked = broken.pages.check(papers["full"].pdf)
    assert checked.report is not None
    assert checked.report.check(CheckId.PAGE).code == Code.PAGE_NOT_ANCHORED
    broken.reader.close()


def test_a_withdrawn_print_is_told_without_the_key_store(office: Office, papers: dict[str, Paper]) -> None:
    paper = papers["taken_back"]
    office.parts.documents.revoke(paper.print.id, "test")
    broken = room(office, documents=locked, bundles=locked)
    checked = broken.pages.check(paper.pdf)
    assert checked.report is not None
    assert checked.report.check(CheckId.PAGE).code == Code.PAGE_PRINT_WITHDRAWN
    broken.reader.close()


def test_a_number_alone_answers_nothing_for_types_that_are_not_open(
    client: Client, papers: dict[str, Paper]
) -> None:
    known = client.post_form("/check/number", {"number": papers["full"].number})
    unknown = client.post_form("/check/number", {"number": "ABCD-0000-1111-2222"})
    assert known.status_code == unknown.status_code == 422
    assert "需要持证人同意，或填写校验码" in text_of(known)
    strip = re.compile(r'value="[^"]*"')
    assert strip.sub("", text_of(known)) == strip.sub("", text_of(unknown))


def test_key_store_locked_or_database_away_is_never_forged(office: Office, papers: dict[str, Paper]) -> None:
    """Files go on being checked; what needs the store says that it cannot be checked now."""
    broken = room(office, documents=locked, bundles=locked)
    kept = office.parts.__dict__["checks"]
    office.parts.__dict__["checks"] = broken
    try:
        office.calm()
        client = office.nobody()
        checked = broken.pages.check(papers["full"].pdf)
        assert checked.report is not None
        assert checked.report.accepted
        assert checked.report.check(CheckId.PAGE).code == Code.PAGE_NOT_ANCHORED
        for path, given in (
            ("/check/number", {"number": papers["full"].number, "code": papers["full"].code}),
            ("/check/number", {"number": papers["full"].number}),
            ("/q", {"secret": papers["full"].secret_text}),
        ):
            answer = client.post_form(path, given)
            assert answer.status_code == 503
            assert "暂时无法核验" in text_of(answer)
            assert "Retry-After" in answer.headers
    finally:
        office.parts.__dict__["checks"] = kept
        broken.reader.close()


def test_chain_away_leaves_everything_open(office: Office, papers: dict[str, Paper]) -> None:
    broken = room(office, verifier=without_chain(office))
    checked = broken.pages.check(papers["full"].pdf)
    assert checked.report is not None
    assert checked.report.verdict.national == 4
    assert checked.report.check(CheckId.PAGE).code == Code.CHAIN_UNAVAILABLE
    assert not [result for result in checked.report.checks if result.outcome.value == "failed"]
    broken.reader.close()


FIELDS = {field.key: field for field in office_types()[TYPE_REF].fields}


@pytest.mark.parametrize(
    ("key", "value", "same", "different"),
    [
        ("balance", "69249.00", ["69249", "69,249.00", "６９，２４９．００", "¥69,249.00元", "69249.0 元"], ["369249", "69249.01", "6,9249", "-69249", "6.9e4"]),
        ("unit_ratio", "0.12", ["12%", "0.12", "12", "１２％"], ["0.13", "1.2%", "120%"]),
        ("paid_to", "202610", ["2026-10", "2026年10月", "202610", "2026/10"], ["2026-11", "2025年10月", "2026"]),
        ("as_of", "2026-10-31", ["2026年10月31日", "2026-10-31", "2026/10/31", "20261031"], ["2026-10-30", "31-10-2026", "2026-13-31"]),
        ("continuous_months", 12, ["12", "12个月", "１２"], ["13", "2", "012x"]),
        ("account_status", "01", ["正常", "01", "normal", "正常 (01)", "རྒྱུན་ལྡན།"], ["封存", "02", "正常 (02)"]),
        ("id_number", "99010119900101123X", ["99010119900101123x", "990101 19900101 123X"], ["990101199001011230"]),
        ("name", "阿依古丽·买买提", ["阿依古丽•买买提", "阿依古丽 · 买买提"], ["阿依古丽买买提", "阿依古丽·买买堤"]),
        ("name", "张三（小）", ["张三(小)"], ["张三(大)", "张三\u202e(小)x"]),
    ],
)  # fmt: skip
def test_what_counts_as_the_same(key: str, value: object, same: list[str], different: list[str]) -> None:
    for typed in same:
        assert is_same(FIELDS[key], value, typed), typed
    for typed in different:
        assert not is_same(FIELDS[key], value, typed), typed


def test_numbers_and_yes_and_no_as_people_write_them() -> None:
    assert plain_number(" hpf－2026 0001 ") == "HPF-20260001"
    assert is_same(None, True, "是")
    assert is_same(None, False, "No")
    assert not is_same(None, True, "否")
    assert not is_same(FIELDS["name"], "x" * 2000, "x" * 2000)
