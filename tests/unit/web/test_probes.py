"""Alive, ready, figures, and what the log says of a request."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from prometheus_client.parser import text_string_to_metric_families

from ledger.adapters import logs
from ledger.adapters.answers_sql import Answers
from tests.web_world import ScriptedServices
from web import WebSettings, create_app

TOKEN = "a-token-of-thirty-two-characters"


@pytest.fixture
def services() -> ScriptedServices:
    return ScriptedServices()


@pytest.fixture
def client(services: ScriptedServices) -> FlaskClient:
    return create_app(WebSettings("production", metrics_token=TOKEN), services).test_client()


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    """What the web writes into its log."""
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    handler.setFormatter(logs.json_lines())
    logger = logging.getLogger("web")
    before = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    yield written
    logger.removeHandler(handler)
    logger.setLevel(before)


class TestReady:
    def test_alive_and_ready(self, client: FlaskClient) -> None:
        assert client.get("/healthz").json == {"status": "ok"}
        answer = client.get("/readyz")
        assert (answer.status_code, answer.json) == (200, {"status": "ready", "missing": [], "warnings": []})

    @pytest.mark.parametrize(
        ("change", "code"),
        [
            ({"has_database": False}, "DATABASE_DOWN"),
            ({"view_age_s": None}, "CHAIN_VIEW_STALE"),
            ({"view_age_s": 61}, "CHAIN_VIEW_STALE"),
            ({"beat_age_s": 61}, "WORKER_SILENT"),
            ({"beat_age_s": None}, "WORKER_SILENT"),
            ({"beat_age_s": None, "up_s": 59.0}, "WORKER_STARTING"),
            ({"beat_age_s": 3_600, "up_s": 8.0}, "WORKER_STARTING"),
            ({"beat_age_s": None, "up_s": 60.0}, "WORKER_SILENT"),
            ({"has_vault": False}, "VAULT_LOCKED"),
            ({"list_left_s": 0}, "LISTS_ENDED"),
            ({"has_counters": False}, "COUNTERS_DOWN"),
        ],
    )
    def test_what_is_missing_is_said_with_503(
        self, client: FlaskClient, services: ScriptedServices, change: dict[str, object], code: str
    ) -> None:
        services.health.vitals = replace(services.health.vitals, **change)
        answer = client.get("/readyz")
        assert (answer.status_code, answer.json["missing"]) == (503, [code])
        assert client.get("/healthz").status_code == 200

    @pytest.mark.parametrize(
        ("change", "code"),
        [
            ({"backup_age_s": None}, "BACKUP_OLD"),
            ({"backup_age_s": 27 * 3600}, "BACKUP_OLD"),
            ({"dead": {"anchor": 1}}, "DEAD_LETTERS"),
        ],
    )
    def test_what_needs_looking_after_turns_nobody_away(
        self, client: FlaskClient, services: ScriptedServices, change: dict[str, object], code: str
    ) -> None:
        services.health.vitals = replace(services.health.vitals, **change)
        answer = client.get("/readyz")
        assert (answer.status_code, answer.json["warnings"]) == (200, [code])


class TestMetrics:
    def test_they_are_right_and_readable(self, client: FlaskClient, services: ScriptedServices) -> None:
        services.health.counted = {("verify", 200): Answers((5, 2, 1), 3.25)}
        answer = client.get("/metrics")
        assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
        found = {
            (sample.name, tuple(sorted(sample.labels.items()))): sample.value
            for family in text_string_to_metric_families(answer.text)
            for sample in family.samples
        }
        labels = {"endpoint": "verify", "status": "200"}
        for end, count in (("0.1", 5), ("1.0", 7), ("+Inf", 8)):
            key = tuple(sorted({**labels, "le": end}.items()))
            assert found["ecert_http_request_duration_seconds_bucket", key] == count
        assert found["ecert_http_request_duration_seconds_sum", tuple(sorted(labels.items()))] == 3.25
        assert found["ecert_jobs_waiting", (("kind", "sign"),)] == 4
        assert found["ecert_view_lag_blocks", ()] == 2
        assert found["ecert_backup_age_seconds", ()] == 60
        assert found["ecert_vault_open", ()] == 1
        assert found[
            "ecert_certificate_left_seconds", (("issuer", "12990100MAXXXX023E"), ("key", "credential"))
        ]

    @pytest.mark.parametrize(
        ("remote", "headers", "status"),
        [
            ("127.0.0.1", {}, 200),
            ("::1", {}, 200),
            ("127.0.0.1", {"X-Forwarded-For": "203.0.113.9"}, 404),
            ("203.0.113.9", {}, 404),
            ("203.0.113.9", {"Authorization": f"Bearer {TOKEN}"}, 200),
            ("203.0.113.9", {"Authorization": "Bearer "}, 404),
            ("203.0.113.9", {"Authorization": "Bearer wröng".encode().decode("latin-1")}, 404),
        ],
    )
    def test_they_are_for_this_machine_or_the_token(
        self, client: FlaskClient, remote: str, headers: dict[str, str], status: int
    ) -> None:
        answer = client.get("/metrics", headers=headers, environ_base={"REMOTE_ADDR": remote})
        assert answer.status_code == status


class TestRequests:
    def test_each_has_a_number(self, client: FlaskClient) -> None:
        first, second = (client.get("/healthz").headers["X-Request-Id"] for _ in range(2))
        assert len(first) == 24
        assert first != second

    @pytest.mark.parametrize("given", ["0123-4567.89ab_cdef", "a" * 64])
    def test_a_well_formed_number_is_taken_over(self, client: FlaskClient, given: str) -> None:
        assert client.get("/healthz", headers={"X-Request-Id": given}).headers["X-Request-Id"] == given

    @pytest.mark.parametrize(
        "given",
        [
            "short",
            "a" * 65,
            "with space in it",
            "张三张三张三张三".encode().decode("latin-1"),
            "<script>1</script>",
        ],
    )
    def test_anything_else_is_not(self, client: FlaskClient, given: str) -> None:
        assert client.get("/healthz", headers={"X-Request-Id": given}).headers["X-Request-Id"] != given

    def test_each_is_counted_by_the_name_of_its_address(
        self, client: FlaskClient, services: ScriptedServices
    ) -> None:
        client.get("/healthz")
        client.get("/nobody/knows/990101199001011232")
        assert services.answers == [("healthz", 200), ("none", 404)]

    def test_the_log_names_no_path_and_no_query(self, client: FlaskClient, lines: io.StringIO) -> None:
        client.get("/status/990101199001011232?name=顾欣妍", environ_base={"REMOTE_ADDR": "203.0.113.9"})
        logging.getLogger("web").warning("tried", extra={"name_of_person": "顾欣妍", "code": "X"})
        told = [json.loads(line) for line in lines.getvalue().splitlines()]
        assert told[0]["event"] == "answered"
        assert (told[0]["status"], told[0]["method"], len(told[0]["request_id"])) == (404, "GET", 24)
        assert told[1]["code"] == "X"
        for secret in ("990101199001011232", "顾欣妍", "203.0.113"):
            assert secret not in lines.getvalue()


def test_a_full_log_is_moved_aside_once(tmp_path: Path) -> None:
    two = [logs.SharedFile(tmp_path / "web.log", largest=200, kept=2) for _ in range(2)]
    for number in range(50):
        record = logging.LogRecord("web", logging.INFO, "", 0, f"line {number:04}", None, None)
        two[number % 2].emit(record)
    for handler in two:
        handler.close()
    files = sorted(tmp_path.iterdir())
    assert [file.name for file in files] == ["web.log", "web.log.1", "web.log.2"]
    assert {file.stat().st_mode & 0o777 for file in files} == {0o600}
    kept = [
        line
        for name in ("web.log.2", "web.log.1", "web.log")
        for line in (tmp_path / name).read_text().split("\n")
        if line
    ]
    assert kept == [f"line {number:04}" for number in range(50 - len(kept), 50)]
