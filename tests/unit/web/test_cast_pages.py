"""What certificates of a batch share is drawn once: nothing of one of them, or of who asked, gets into another's page."""

from __future__ import annotations

import re
from dataclasses import replace
from io import BytesIO

import pytest
from flask.testing import FlaskClient

from ledger.core.checks.verdict import same_report
from ledger.core.report import Report
from tests.web_world import ScriptedServices, scripted_report
from web import WebSettings, create_app
from web.kept import MOST, Kept

TOKEN = re.compile(r'name="token" value="([^"]+)"')


class Batch(ScriptedServices):
    """Every file is another certificate of one batch: its words are its proof number."""

    def __init__(self) -> None:
        super().__init__(checks_per_minute=1000)
        self.first = scripted_report("good")

    def verify(self, data: bytes) -> Report:
        assert self.first.credential is not None
        number = data.decode()
        claims = {**self.first.credential.claims, "proof_no": number}
        return same_report(self.first, replace(self.first.credential, identifier=None, claims=claims))


def page_of(client: FlaskClient, words: str, language: str = "zh") -> str:
    answer = client.post(
        "/check/file",
        data={"file": (BytesIO(words.encode()), "proof.json"), "lang": language},
        headers={"Sec-Fetch-Site": "same-origin"},
    )
    assert answer.status_code == 200
    return answer.text


def visitor(services: ScriptedServices, mode: str = "demo") -> FlaskClient:
    settings = WebSettings(mode, secure_cookies=False)  # type: ignore[arg-type]  # of two words
    return create_app(settings, services).test_client()


def bare(page: str) -> str:
    return TOKEN.sub("", page)


def test_each_page_is_what_it_would_be_alone() -> None:
    services = Batch()
    together = visitor(services)
    pages = [page_of(together, f"HPF-{number}") for number in range(3)]
    alone = [page_of(visitor(Batch()), f"HPF-{number}") for number in range(3)]
    assert [bare(page) for page in pages] == [bare(page) for page in alone]
    for number, page in enumerate(pages):
        assert f"HPF-{number}" in page
        assert not any(f"HPF-{other}" in page for other in range(3) if other != number)
        assert "<!--own" not in page


def test_each_visitor_gets_a_token_of_their_own() -> None:
    services = Batch()
    app = create_app(WebSettings("demo", secure_cookies=False), services)
    given = [TOKEN.findall(page_of(app.test_client(), "HPF-1")) for _ in range(3)]
    assert all(len(set(tokens)) == 1 for tokens in given)
    assert len({tokens[0] for tokens in given}) == 3


def test_language_second_and_kind_of_installation_are_told_apart() -> None:
    services = Batch()
    client = visitor(services)
    zh, en = page_of(client, "HPF-1"), page_of(visitor(services), "HPF-1", "en")
    assert 'lang="zh-CN"' in zh.split(">")[1]
    assert 'lang="en"' in en.split(">")[1]
    services.clock.advance(1)
    assert bare(page_of(visitor(services), "HPF-1")) != bare(zh)
    plain = page_of(visitor(services, "production"), "HPF-1")
    assert 'class="demo"' in zh
    assert 'class="demo"' not in plain


@pytest.mark.parametrize("words", ["<!--own token-->", "<script>alert(1)</script>", '"><b>'])
def test_words_of_a_certificate_are_words(words: str) -> None:
    page = page_of(visitor(Batch()), words)
    assert words not in page
    assert "&lt;" in page


def test_an_object_is_known_by_itself_and_let_go_in_time() -> None:
    kept, calls = Kept[int](), []

    def make() -> int:
        calls.append(1)
        return len(calls)

    one, equal = [1], [1]
    assert [kept(make, one), kept(make, one), kept(make, one, "en"), kept(make, equal)] == [1, 1, 2, 3]
    held = [[number] for number in range(MOST)]
    for each in held:
        kept(make, each)
    assert kept(make, one) > MOST
