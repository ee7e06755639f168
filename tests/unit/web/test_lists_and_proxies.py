"""Status lists under the addresses that credentials name, and whose address counts behind a proxy."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient

from ledger.core.errors import InputError
from ledger.settings import load_settings
from tests.web_world import ScriptedServices
from web import WebSettings, create_app

LEDGER = "ab" * 32
TOKEN = "e30.e30.c2ln"  # what is in it is the service's business
OWN = {"Sec-Fetch-Site": "same-origin"}


@pytest.fixture
def services() -> ScriptedServices:
    services = ScriptedServices()
    services.lists = {
        f"https://fund.example/status/{LEDGER}/7": (TOKEN, 42),
        f"https://gov.example/a/b/status/{LEDGER}/1": (TOKEN + "x", 300),
    }
    return services


@pytest.fixture
def client(services: ScriptedServices) -> FlaskClient:
    return create_app(WebSettings("production"), services).test_client()


def test_a_list_is_served_under_its_own_address(client: FlaskClient) -> None:
    answer = client.get(f"/status/{LEDGER}/7", base_url="http://fund.example")
    assert (answer.status_code, answer.text) == (200, TOKEN)
    assert answer.headers["Content-Type"] == "application/statuslist+jwt"
    assert answer.headers["Cache-Control"] == "public, max-age=42"
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "Set-Cookie" not in answer.headers
    assert client.get(f"/a/b/status/{LEDGER}/1", base_url="http://gov.example").text == TOKEN + "x"


def test_who_has_it_already_gets_no_bytes(client: FlaskClient) -> None:
    tag = client.get(f"/status/{LEDGER}/7", base_url="http://fund.example").headers["ETag"]
    again = client.get(f"/status/{LEDGER}/7", base_url="http://fund.example", headers={"If-None-Match": tag})
    assert (again.status_code, again.data, again.headers["ETag"]) == (304, b"", tag)
    head = client.head(f"/status/{LEDGER}/7", base_url="http://fund.example")
    assert (head.status_code, head.data) == (200, b"")


@pytest.mark.parametrize(
    ("host", "path"),
    [
        ("other.example", f"/status/{LEDGER}/7"),
        ("fund.example", f"/status/{LEDGER}/8"),
        ("fund.example", f"/status/{LEDGER}/-7"),
        ("fund.example", f"/status/{LEDGER}/7.jwt"),
        ("fund.example", f"/x/status/{LEDGER}/7"),
        ("fund.example", "/status/../../keys/7"),
        ("fund.example", "/status/..%2f..%2fkeys/7"),
        ("fund.example", f"/status/{LEDGER}/"),
    ],
)
def test_everything_else_is_not_there(client: FlaskClient, host: str, path: str) -> None:
    assert client.get(path, base_url=f"http://{host}").status_code == 404


def test_nobody_writes_a_list(client: FlaskClient) -> None:
    assert client.post(f"/status/{LEDGER}/7", base_url="http://fund.example").status_code == 405


def ask(client: FlaskClient, forwarded: str) -> int:
    return client.post(
        "/verify", data={"text": "good"}, headers={**OWN, "X-Forwarded-For": forwarded}
    ).status_code


def test_visitors_behind_our_proxy_have_a_limit_each() -> None:
    settings = WebSettings("demo", trusted_proxies=1, secure_cookies=False)
    client = create_app(settings, ScriptedServices(checks_per_minute=2)).test_client()
    assert [ask(client, "203.0.113.1") for _ in range(3)] == [200, 200, 429]
    assert ask(client, "203.0.113.2") == 200
    assert ask(client, "198.51.100.9, 203.0.113.1") == 429  # what the visitor wrote himself is further left


def test_without_a_proxy_nobody_chooses_his_own_address() -> None:
    settings = WebSettings("demo", secure_cookies=False)
    client = create_app(settings, ScriptedServices(checks_per_minute=2)).test_client()
    assert [ask(client, f"203.0.113.{number}") for number in range(3)] == [200, 200, 429]


def test_both_are_settings() -> None:
    given = load_settings({"ECERT_CHECKS_PER_MINUTE": "500", "ECERT_TRUSTED_PROXIES": "2"})
    assert (given.checks_per_minute, given.trusted_proxies) == (500, 2)
    default = load_settings({})
    assert (default.checks_per_minute, default.trusted_proxies) == (60, 0)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ECERT_CHECKS_PER_MINUTE", "0"),
        ("ECERT_CHECKS_PER_MINUTE", "100001"),
        ("ECERT_CHECKS_PER_MINUTE", "9" * 5000),
        ("ECERT_TRUSTED_PROXIES", "-1"),
        ("ECERT_TRUSTED_PROXIES", "9"),
        ("ECERT_TRUSTED_PROXIES", "yes"),
    ],
)
def test_a_wrong_number_is_refused(name: str, value: str) -> None:
    with pytest.raises(InputError) as refusal:
        load_settings({name: value})
    assert (refusal.value.code, refusal.value.detail["name"]) == ("SETTING_INVALID", name)
