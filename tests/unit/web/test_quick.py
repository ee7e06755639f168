"""The plain case of POST /verify is answered ahead of Flask: with the same words, and nothing but the plain case."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient

from ledger.core.report import Report
from tests.web_world import ScriptedServices
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
