"""What a stranger may try with the pages of checking."""

from __future__ import annotations

import html
import io
from dataclasses import replace
from typing import Any

import pytest

from ledger.core.checks.codes import Code
from ledger.core.page import MAX_UPLOAD
from ledger.services.lookup import LookupService
from tests.check_world import Paper
from tests.office_world import Client, Office

NASTY = '"><script>alert(1)</script><img src=x onerror=alert(2)>{{7*7}}'


@pytest.fixture
def client(office: Office) -> Client:
    office.calm()
    return office.nobody()


def upload(client: Client, data: bytes, name: str = "proof.pdf", **more: Any):
    return client.post_form(
        "/check/file", {"file": (io.BytesIO(data), name)}, content_type="multipart/form-data", **more
    )


def words(answer) -> str:
    return html.unescape(answer.get_data(as_text=True))


def test_uploads_that_cannot_be_certificates(client: Client) -> None:
    for data, said in (
        (b"", "文件是空的"),
        (b"MZ\x90\x00" * 9, "这不是证照文件"),
        (b"PK\x03\x04....OFD.xml", "不支持核验 OFD"),
    ):
        answer = upload(client, data)
        assert answer.status_code == 422
        assert said in words(answer)
    nothing = client.post_form("/check/file", {"text": "  "})
    assert nothing.status_code == 422
    assert "请选择一个文件" in words(nothing)


def test_an_upload_over_the_limit_is_refused_before_it_is_read(client: Client) -> None:
    """The length is announced, the body never comes: nobody waits for it and nothing is kept."""
    answer = client.post(
        "/check/file",
        data=b"x",
        headers={"Origin": "https://fund.example"},
        content_type="multipart/form-data; boundary=a",
        environ_overrides={"CONTENT_LENGTH": str(200 * 1024 * 1024)},
    )
    assert answer.status_code == 413
    assert "10 MiB" in words(answer)
    head = b'--a\r\nContent-Disposition: form-data; name="file"; filename="a.pdf"\r\n\r\n%PDF-1.7'
    body = head + bytes(MAX_UPLOAD) + b"\r\n--a--\r\n"
    kind, own = "multipart/form-data; boundary=a", {"Origin": "https://fund.example"}
    assert client.post("/check/file", data=body, headers=own, content_type=kind).status_code == 413


def test_a_file_name_and_a_language_reach_no_header(client: Client, papers: dict[str, Paper]) -> None:
    answer = upload(client, papers["purpose"].pdf, 'a"\r\nX-Evil: 1\r\n.pdf')
    assert "X-Evil" not in answer.headers
    answer = client.post_form(
        "/check/number", {"number": "A\r\nX-Evil: 1", "code": "\r\n", "lang": "zh\r\nX-Evil: 1"}
    )
    assert "X-Evil" not in answer.headers
    assert answer.status_code == 422


def test_what_was_typed_comes_back_as_text(client: Client) -> None:
    for path, given in (
        ("/check/number", {"number": NASTY, "code": NASTY}),
        ("/check/number", {"number": NASTY}),
        ("/q", {"secret": NASTY}),
        ("/check/file", {"text": NASTY}),
    ):
        raw = client.post_form(path, given).get_data(as_text=True)
        assert "<script>alert" not in raw
        assert "<img src=x" not in raw


def test_what_a_credential_says_is_text_on_every_page(
    office: Office, client: Client, papers: dict[str, Paper]
) -> None:
    """Every printed value, label and name as nasty as can be: result, QR page, comparison."""
    lookup = office.parts.lookup
    found = lookup.by_secret(papers["full"].secret)
    assert found is not None
    assert found.report.credential is not None
    values = dict.fromkeys(found.values, NASTY)
    summary = replace(
        found.report.credential,
        claims=dict.fromkeys(found.report.credential.claims, NASTY),
        identifier=NASTY,
        issuer=NASTY,
        issuer_name={"zh": NASTY, "en": NASTY},
        issuer_phone=NASTY,
    )
    nasty = replace(found, values=values, report=replace(found.report, credential=summary))

    class Nasty(LookupService):
        def _found(self, document):
            return None if document is None else nasty

        def judge(self, found, answers, left=None):
            return replace(super().judge(found, answers, left), report=nasty.report)

    kept, lookup.__class__ = lookup.__class__, Nasty
    try:
        secret = {"secret": papers["full"].secret_text}
        pages = [
            client.post_form("/q", secret),
            client.post_form("/q/compare", {**secret, "v_name": "differs"}),
            client.post_form("/check/number", {"number": papers["full"].number, "code": papers["full"].code}),
            client.post_form(
                "/check/number/compare",
                {"number": papers["full"].number, "code": papers["full"].code, "v_name": NASTY},
            ),
        ]
    finally:
        lookup.__class__ = kept
    for answer in pages:
        raw = answer.get_data(as_text=True)
        assert answer.status_code == 200
        assert "<script>alert" not in raw
        assert "<img src=x" not in raw
        assert "{{7*7}}" in html.unescape(raw)
        assert ' style="' not in raw
        assert "onerror=alert" not in raw.replace(html.escape(NASTY), "").replace(
            "&gt;&lt;img src=x onerror", ""
        )


def test_a_foreign_page_cannot_ask_in_a_clerks_name(office: Office, papers: dict[str, Paper]) -> None:
    client = office.nobody()
    given = {"number": papers["full"].number, "code": papers["full"].code}
    for path in ("/check/number", "/check/number/compare", "/q", "/q/compare", "/check/file"):
        answer = client.post(path, data=given, headers={"Origin": "https://evil.example"})
        assert answer.status_code == 403


def test_a_result_is_not_kept_by_browsers_or_proxies(client: Client, papers: dict[str, Paper]) -> None:
    answer = client.post_form("/q", {"secret": papers["purpose"].secret_text})
    assert answer.headers["Cache-Control"] == "no-store"
    assert papers["purpose"].secret_text not in str(answer.headers)


def test_the_camera_is_permitted_on_its_page_only(client: Client) -> None:
    scan, home = client.get("/check/scan"), client.get("/")
    assert "'wasm-unsafe-eval'" in scan.headers["Content-Security-Policy"]
    assert "camera=(self)" in scan.headers["Permissions-Policy"]
    assert "wasm" not in home.headers["Content-Security-Policy"]
    assert "camera=()" in home.headers["Permissions-Policy"]


def test_the_same_sheet_twice_is_the_same_answer(client: Client, papers: dict[str, Paper]) -> None:
    """Looking at a sheet again changes nothing; only comparisons by number are counted."""
    given = {"secret": papers["full"].secret_text, "v_balance": "differs"}
    first, second = client.post_form("/q/compare", given), client.post_form("/q/compare", given)
    assert Code.PAGE_VALUE_DIFFERS in first.get_data(as_text=True)
    assert first.status_code == second.status_code == 200
