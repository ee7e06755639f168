"""The plain cases of checking are answered ahead of Flask: with the same words, and nothing but the plain cases."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from flask.testing import FlaskClient

from ledger.core.checks.verdict import same_report
from ledger.core.report import Report
from tests.web_world import ScriptedServices, scripted_report
from web import WebSettings, create_app, quick

RAW = "application/vnd.ecert+json"
PLAIN: dict[str, Any] = {
    "data": b"good",
    "content_type": RAW,
    "headers": {"X-Request-Id": "one-and-the-same"},
}


@pytest.fixture
def flask_saw(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Paths that came to Flask's own application."""
    seen: list[str] = []
    register = quick.register

    def watched(app: Any) -> None:
        inner = app.wsgi_app

        def note(environ: dict[str, Any], start_response: Any) -> Any:
            seen.append(environ["PATH_INFO"])
            return inner(environ, start_response)

        app.wsgi_app = note
        register(app)

    # reason: to see who answers; both are the real ones
    monkeypatch.setattr(quick, "register", watched)
    return seen


def client(mode: str = "demo", services: ScriptedServices | None = None) -> FlaskClient:
    settings = WebSettings(mode, secure_cookies=mode == "production")  # type: ignore[arg-type]  # of two words
    return create_app(settings, services or ScriptedServices()).test_client(use_cookies=False)


@pytest.mark.parametrize("mode", ["demo", "production"])
@pytest.mark.parametrize("word", [b"good", b"revoked", b"\xff\x00"])
def test_both_ways_answer_alike(flask_saw: list[str], mode: str, word: bytes) -> None:
    asked = {**PLAIN, "data": word}
    first, second = ScriptedServices(), ScriptedServices()
    quickly = client(mode, first).post("/verify", **asked)
    assert flask_saw == []
    slowly = client(mode, second).post("/verify?", **asked, query_string={"plain": "no"})
    assert flask_saw == ["/verify"]
    assert quickly.status_code == slowly.status_code == 200
    assert quickly.data == slowly.data
    assert sorted(quickly.headers) == sorted(slowly.headers)
    assert first.seen == second.seen
    assert first.answers == second.answers


@pytest.mark.parametrize(
    "unusual",
    [
        {"headers": {"Cookie": "session=" + "x" * 43}},
        {"headers": {"Origin": "https://elsewhere.example"}},
        {"headers": {"Sec-Fetch-Site": "cross-site"}},
        {"content_type": "multipart/form-data; boundary=x"},
        {"content_type": "text/plain"},
        {"content_type": RAW + "; charset=utf-8"},
        {"query_string": {"lang": "en"}},
        {"data": b"x" * 1_048_577},
        {"data": b""},
        {"method": "PUT"},
        {"environ_overrides": {"ecert.busy": True}},
    ],
)
def test_everything_else_is_flasks(flask_saw: list[str], unusual: dict[str, Any]) -> None:
    client().open("/verify", **{"method": "POST", **PLAIN, **unusual})
    assert flask_saw == ["/verify"]


def test_who_asks_too_often_is_refused_by_flask(flask_saw: list[str]) -> None:
    asker = client(services=ScriptedServices(checks_per_minute=1))
    answers = [asker.post("/verify", **PLAIN) for _ in range(40)]
    refused = [answer for answer in answers if answer.status_code == 429]
    assert refused
    assert len(flask_saw) == len(refused)
    assert all(answer.headers["Retry-After"] for answer in refused)


def test_a_mistake_of_ours_is_met_again_and_told(flask_saw: list[str]) -> None:
    class Broken(ScriptedServices):
        def verify(self, data: bytes) -> Report:
            self.seen.append(data)
            raise RuntimeError("unexpected")

    services = Broken()
    answer = client(services=services).post("/verify", **PLAIN)
    assert answer.status_code == 500
    assert services.seen == [b"good", b"good"]
    assert flask_saw == ["/verify"]
    assert b"unexpected" not in answer.data


class Batch(ScriptedServices):
    """Every bundle is another certificate of one batch, whose proof number it says."""

    def __init__(self, kind: str = "good") -> None:
        super().__init__(checks_per_minute=1000)
        self.first = scripted_report(kind)

    def verify(self, data: bytes) -> Report:
        self.seen.append(data)
        summary = self.first.credential
        if summary is None:
            return self.first
        claims = {**summary.claims, "proof_no": json.loads(data)["number"]}
        return same_report(self.first, replace(summary, claims=claims))


EDGE = "----WebKitFormBoundaryAbCd0123"
TOKEN = "t" * 43
BROWSER = {
    "Sec-Fetch-Site": "same-origin",
    "Origin": "http://localhost",
    "Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
    "X-Request-Id": "one-and-the-same",
}


def form(number: str, cookie: str = f"form={TOKEN}", *, more: str = "", **headers: str) -> dict[str, Any]:
    """A file in the form of the start page, as a browser sends it."""
    fields = {"token": TOKEN, "text": ""} | ({more: "x"} if more else {})
    parts = [
        f'Content-Disposition: form-data; name="{name}"\r\n\r\n{value}' for name, value in fields.items()
    ]
    parts.append(
        'Content-Disposition: form-data; name="file"; filename="proof.json"\r\n'
        f"Content-Type: application/json\r\n\r\n{json.dumps({'number': number})}"
    )
    body = "".join(f"--{EDGE}\r\n{part}\r\n" for part in parts) + f"--{EDGE}--\r\n"
    given = BROWSER | {name.replace("_", "-"): value for name, value in headers.items()}
    return {
        "data": body.encode(),
        "content_type": f"multipart/form-data; boundary={EDGE}",
        "headers": given | ({"Cookie": cookie} if cookie else {}),
    }


@pytest.mark.parametrize("kind", ["good", "bad", "paused"])
@pytest.mark.parametrize("language", ["", "; lang=en", "; lang=bo"])
def test_a_visitors_page_is_the_same_both_ways(flask_saw: list[str], kind: str, language: str) -> None:
    services = Batch(kind)
    visitor = client(services=services)
    cookies = f"form={TOKEN}{language}"
    visitor.post("/check/file", **form("A-1", cookies))
    assert flask_saw == ["/check/file"]  # drawn the first time
    assert len(services.seen) == 1  # judged and counted once all the same
    quickly = visitor.post("/check/file", **form("A-2", cookies))
    assert flask_saw == ["/check/file"]
    slowly = visitor.post("/check/file", **form("A-2", cookies + "; other=1"))
    assert flask_saw == ["/check/file"] * 2
    assert quickly.data == slowly.data
    assert sorted(quickly.headers) == sorted(slowly.headers)
    assert b"A-2" in quickly.data
    assert b"A-1" not in quickly.data
    assert len(services.answers) == 3


def test_a_visitor_without_cookies_gets_a_token(flask_saw: list[str]) -> None:
    services = Batch()
    first, second, third = (
        client(services=services).post("/check/file", **form("A-1", "")) for _ in range(3)
    )
    assert flask_saw == ["/check/file"]
    assert len({answer.headers["Set-Cookie"] for answer in (first, second, third)}) == 3


@pytest.mark.parametrize(
    "unusual",
    [
        {"cookie": "session=" + "x" * 43},
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "none"},
        {"Origin": "https://elsewhere.example"},
        {"Accept": "application/json"},
        {"more": "lang"},
        {"more": "again"},
        {"more": "text"},
    ],
)
def test_other_forms_are_flasks(flask_saw: list[str], unusual: dict[str, str]) -> None:
    services = Batch()
    client(services=services).post("/check/file", **form("A-1"))
    client(services=services).post("/check/file", **form("A-2", **unusual))
    assert flask_saw == ["/check/file"] * 2


def test_a_visitor_who_asks_too_often_is_refused(flask_saw: list[str]) -> None:
    services = Batch()
    services.limits = ScriptedServices(checks_per_minute=1).limits
    asker = client(services=services)
    answers = [asker.post("/check/file", **form("A-1")) for _ in range(40)]
    good = [answer for answer in answers if answer.status_code == 200]
    assert len(good) == len(services.seen) < 40
    assert all(answer.status_code == 429 for answer in answers[len(good) :])
