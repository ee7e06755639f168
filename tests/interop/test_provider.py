"""Logging in at an agency's identity provider: the product's own client against npm's oidc-provider."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit, urlunsplit

import pytest
import requests

from ledger.core.people import Role
from tests.interop.npm_packages import HERE, installed_packages
from tests.needs import node_command
from tests.office_world import HOST, OWN, Office, make_installation, open_office

pytestmark = pytest.mark.needs("node")
BACK = f"https://{HOST}/account/provider-back"
SECRET = "a secret between the two of them"


@pytest.fixture(scope="module")
def issuer() -> Iterator[str]:
    folder = installed_packages()
    script = folder / "provider.mjs"
    shutil.copy(HERE / "provider.mjs", script)
    node = node_command()
    assert node is not None
    running = subprocess.Popen(
        [*node, str(script), BACK], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    assert running.stdout is not None
    yield running.stdout.readline().strip()
    running.terminate()
    running.wait(10)
    running.stdout.close()


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory, issuer: str) -> Iterator[Office]:
    folder = make_installation(tmp_path_factory.mktemp("provider") / "home")
    (folder / "fund.secret").write_text(SECRET)
    (folder / "fund.secret").chmod(0o600)
    (folder / "wrong.secret").write_text("another secret")
    (folder / "wrong.secret").chmod(0o600)
    name = {"zh": "公积金中心账号", "en": "Fund account"}
    base = {"name": name, "issuer": issuer, "client_id": "ecert", "secret_file": "fund.secret", "uscc": OWN}
    public = {**base, "id": "public", "client_id": "ecert-public"}
    public.pop("secret_file")
    providers = [
        {**base, "id": "fund", "claims": {"org": "fund"}},
        {**base, "id": "bank", "claims": {"org": "bank"}},
        {**base, "id": "wrong-secret", "secret_file": "wrong.secret"},
        {**base, "id": "wrong-issuer", "issuer": f"{issuer}/other"},
        {**base, "id": "away", "issuer": "http://127.0.0.1:9"},
        public,
    ]
    (folder / "providers.json").write_text(json.dumps(providers))
    opened = open_office(folder)
    import time

    opened.clock.set(int(time.time()))  # the provider has a clock of its own
    yield opened
    opened.close()


def at_provider(address: str, person: str) -> str:
    """What a browser does there: follows redirects until it is sent back; returns the address back."""
    with requests.Session() as browser:
        for _ in range(10):
            answer = browser.get(
                address, allow_redirects=False, headers={"X-Test-Person": person}, timeout=20
            )
            address = requests.compat.urljoin(address, answer.headers["Location"])
            if address.startswith(BACK):
                return address
    raise AssertionError("the provider did not send the browser back")


def begin(office: Office, provider: str, **fields: str):
    office.calm()
    client = office.nobody()
    answer = client.post_form(f"/account/provider/{provider}", fields)
    return client, answer


def come_back(client, address: str):
    return client.get(
        address.removeprefix(f"https://{HOST}"), headers={"Accept": "application/json, text/html;q=0.5"}
    )


def code_of(answer) -> str:
    return str((answer.get_json(silent=True) or {}).get("code"))


def invite(office: Office, login: str, uscc: str = OWN) -> str:
    number = office.parts.people.add(login, login, by=None)
    office.parts.people.give_role(number, uscc, Role.CLERK, by=None)
    return office.parts.people.invite(number, by=None)


@pytest.mark.parametrize("provider", ["fund", "public"])
def test_an_invited_person_logs_in_and_comes_back_to_where_he_was(office, provider):
    person = f"fund-{provider}"
    client, answer = begin(office, provider, invitation=invite(office, f"by-{provider}"))
    asked = parse_qs(urlsplit(answer.headers["Location"]).query)
    assert asked["code_challenge_method"] == ["S256"]
    assert len(asked["code_challenge"][0]) == 43
    assert {"state", "nonce"} <= set(asked)
    assert (
        come_back(client, at_provider(answer.headers["Location"], person)).headers["Location"] == "/account"
    )
    assert client.get("/account").status_code == 200

    again, answer = begin(office, provider, next="/desk?x=1")
    assert (
        come_back(again, at_provider(answer.headers["Location"], person)).headers["Location"] == "/desk?x=1"
    )
    assert f"by-{provider}" in again.get("/account").get_data(as_text=True)
    assert not any(person.encode() in path.read_bytes() for path in office.folder.glob("store.db*"))


def test_strangers_are_not_let_in_whoever_vouches_for_them(office):
    client, answer = begin(office, "fund")
    answer = come_back(client, at_provider(answer.headers["Location"], "fund-stranger"))
    assert (answer.status_code, code_of(answer)) == (403, "NOT_INVITED")
    assert client.get("/account").status_code == 303


def test_a_provider_speaks_for_its_own_agency_only(office):
    code = invite(office, "clerk-of-fund")
    client, answer = begin(office, "fund", invitation=code)
    answer = come_back(client, at_provider(answer.headers["Location"], "bank-7"))  # claim org is `bank`
    assert code_of(answer) == "PROVIDER_REFUSED"
    from tests.office_world import FOREIGN

    other = invite(office, "clerk-elsewhere", FOREIGN)
    client, answer = begin(office, "fund", invitation=other)
    assert code_of(come_back(client, at_provider(answer.headers["Location"], "fund-8"))) == "NOT_INVITED"


def altered(address: str, **changes: str) -> str:
    parts = urlsplit(address)
    query = {name: values[0] for name, values in parse_qs(parts.query).items()} | changes
    return urlunsplit(parts._replace(query=urlencode({k: v for k, v in query.items() if v})))


@pytest.mark.parametrize(
    "changes",
    [{"state": "x"}, {"state": ""}, {"code": "x"}, {"code": ""}, {"iss": "https://evil.example"}, {"error": "access_denied", "code": ""}],
)  # fmt: skip
def test_an_altered_answer_is_refused(office, changes):
    client, answer = begin(
        office, "fund", invitation=invite(office, f"altered-{abs(hash(str(changes))) % 10_000}")
    )
    back = at_provider(answer.headers["Location"], "fund-9")
    assert code_of(come_back(client, altered(back, **changes))) == "PROVIDER_REFUSED"
    assert code_of(come_back(client, back)) == "PROVIDER_REFUSED"  # the step was used up


def test_an_answer_belongs_to_the_browser_that_asked_and_works_once(office):
    """Log-in CSRF: an answer slipped to another browser opens nothing there."""
    client, answer = begin(office, "fund", invitation=invite(office, "only-mine"))
    back = at_provider(answer.headers["Location"], "fund-10")
    assert code_of(come_back(office.nobody(), back)) == "PROVIDER_REFUSED"
    assert come_back(client, back).status_code == 303
    assert code_of(come_back(client, back)) == "PROVIDER_REFUSED"


def test_answers_of_two_log_ins_cannot_be_mixed(office):
    """Code and nonce belong together: a code of another log-in with the right state is refused."""
    one, asked = begin(office, "fund")
    first = at_provider(asked.headers["Location"], "fund-11")
    other, asked = begin(office, "fund")
    second = at_provider(asked.headers["Location"], "fund-11")
    code = parse_qs(urlsplit(first).query)["code"][0]
    assert code_of(come_back(other, altered(second, code=code))) == "PROVIDER_REFUSED"
    assert one is not other


def test_what_is_set_up_wrong_or_away_is_said(office):
    for provider, status, code in (
        ("away", 503, "PROVIDER_UNAVAILABLE"), ("wrong-issuer", 503, "PROVIDER_UNAVAILABLE"), ("unknown", 404, "PROVIDER_UNKNOWN"),
    ):  # fmt: skip
        office.calm()
        client = office.nobody()
        answer = client.post_form(f"/account/provider/{provider}", {}, headers={"Accept": "application/json"})
        assert (answer.status_code, code_of(answer)) == (status, code), provider
    client, answer = begin(office, "wrong-secret")
    assert code_of(come_back(client, at_provider(answer.headers["Location"], "fund-1"))) == "PROVIDER_REFUSED"


def test_an_old_id_token_is_refused(office):
    client, answer = begin(office, "fund")
    back = at_provider(answer.headers["Location"], "fund-12")
    office.clock.advance(-7200)  # our clock says it is of the future
    try:
        assert code_of(come_back(client, back)) == "PROVIDER_REFUSED"
    finally:
        office.clock.advance(7200)


def test_the_log_in_page_offers_each_provider(office):
    page = office.nobody().get("/account/log-in?lang=en").get_data(as_text=True)
    assert "Log in with Fund account" in page


def test_a_providers_file_that_is_wrong_is_told(tmp_path: Path):
    from ledger.adapters.provider_files import load_providers
    from ledger.core.errors import InputError

    good = {
        "id": "a",
        "name": {"zh": "a", "en": "a"},
        "issuer": "https://id.example",
        "client_id": "c",
        "uscc": OWN,
    }
    path = tmp_path / "providers.json"
    assert load_providers(path) == {}
    path.write_text(json.dumps([good]))
    assert load_providers(path)["a"].secret is None
    (tmp_path / "open.secret").write_text("x")
    (tmp_path / "open.secret").chmod(0o644)
    for broken in (
        "{", "{}", "[1]", json.dumps([good, good]), json.dumps([{**good, "issuer": "http://id.example"}]),
        json.dumps([{**good, "id": "A b"}]), json.dumps([{"id": "a"}]),
        json.dumps([{**good, "secret_file": "open.secret"}]), json.dumps([{**good, "secret_file": "none"}]),
    ):  # fmt: skip
        path.write_text(broken)
        with pytest.raises(InputError) as error:
            load_providers(path)
        assert error.value.code == "PROVIDERS_BROKEN"
