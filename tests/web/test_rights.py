"""Every route with every role, in one's own organisation, in one below and in a foreign one."""

from __future__ import annotations

from pathlib import Path

import pytest
from flask import url_for
from werkzeug.routing import IntegerConverter, Rule

from ledger.core.people import Role
from tests.flow_world import deposit_table
from tests.office_world import HOST, open_office

TABLE = Path(__file__).with_name("rights.txt")
NOTHING = {"int": 999_999, "string": "0" * 32, "path": "a"}
ELSEWHERE = {"static", "status_list"}
"""Served by address alone; tests/unit/web looks at them."""


def rights() -> dict[str, str]:
    lines = [line.split(None, 1) for line in TABLE.read_text("utf-8").splitlines() if line and line[0] != "#"]
    assert len(dict(lines)) == len(lines), "an endpoint stands twice in rights.txt"
    return {endpoint: who.strip() for endpoint, who in lines}


def said_by_code(view) -> str:
    kind, *rest = view.access
    if kind == "public":
        return "everybody"
    if kind == "token":
        return f"token:{rest[0]}"
    who = " ".join(sorted(role.value for role in rest[0])) or "anybody-logged-in"
    return who + (" fresh" if rest[1] else "")


@pytest.fixture(scope="module")
def desk(installation, tmp_path_factory):
    """An installation with one issued batch, and a browser for everybody."""
    import shutil

    folder = tmp_path_factory.mktemp("rights") / "home"
    shutil.copytree(installation, folder)
    office = open_office(folder)
    office.world.issue_all(deposit_table(range(3)))
    batch = next(iter(office.world.store.batches.batches()))
    office.batch_id = batch.id
    office.leaf = office.world.store.signing.leaves(batch.id, 0, 1)[0]
    office.clients = {
        (role, place): office.client(role, place) for role in Role for place in ("own", "child", "foreign")
    }
    yield office
    office.close()


def address(office, rule: Rule, known: dict[str, object]) -> str:
    values = {}
    for name in rule.arguments:
        converter = rule._converters[name]
        kind = "int" if isinstance(converter, IntegerConverter) else "string"
        values[name] = known.get(name, NOTHING[kind])
    with office.app.test_request_context(base_url=f"https://{HOST}"):
        return url_for(rule.endpoint, **values)


def ask(client, rule: Rule, path: str, method: str, token: str | None):
    headers = {"Origin": f"https://{HOST}", "Accept": "application/json, text/html;q=0.1"}
    if method == "GET":
        return client.get(path, headers=headers)
    return client.open(path, method=method, data={"token": token or ""}, headers=headers)


def outcome(answer) -> str:
    """Which wall stopped this request, or `in`."""
    said = answer.get_json(silent=True) if answer.mimetype == "application/problem+json" else None
    code = said.get("code") if isinstance(said, dict) else None
    if code in {"LOGIN_NEEDED", "ROLE_NEEDED", "STEP_UP_NEEDED", "TOKEN_NEEDED", "FORM_FOREIGN"}:
        return str(code)
    return "in"


def calls(office):
    table = rights()
    for rule in sorted(office.app.url_map.iter_rules(), key=lambda rule: rule.endpoint):
        if rule.endpoint not in ELSEWHERE:
            for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
                yield rule, method, table[rule.endpoint]


def test_every_route_has_its_row_and_the_code_says_the_same(office):
    table = rights()
    endpoints = {rule.endpoint for rule in office.app.url_map.iter_rules()}
    unmarked = [name for name in endpoints if not hasattr(office.app.view_functions[name], "access")]
    assert unmarked == [], "routes without an access mark"
    said = {name: said_by_code(office.app.view_functions[name]) for name in endpoints}
    differ = {
        name: (said.get(name), table.get(name))
        for name in {*said, *table}
        if said.get(name) != table.get(name)
    }
    assert differ == {}, "code and tests/web/rights.txt differ (code, table)"


def test_public_routes_say_why(office):
    for rule in office.app.url_map.iter_rules():
        kind, *rest = office.app.view_functions[rule.endpoint].access
        assert kind != "public" or len(str(rest[0])) > 20, rule.endpoint


def test_each_role_gets_in_where_it_may_and_nowhere_else(desk):
    """Nothing that these addresses name exists: whoever is let in is told so, and nothing changes."""
    wrong = []
    tokens = {who: client.token() for who, client in desk.clients.items()}
    nobody = desk.nobody()
    for rule, method, who in calls(desk):
        if rule.endpoint == "accounts.logout":
            continue
        path = address(desk, rule, {})
        callers = [(None, nobody, None)] + [
            (role, desk.clients[role, "own"], tokens[role, "own"]) for role in Role
        ]
        for role, client, token in callers:
            answer = ask(client, rule, path, method, token)
            found = outcome(answer)
            words = who.split()
            if who == "everybody":
                wanted = {"in", "FORM_FOREIGN"} if role is None else {"in"}
            elif who.startswith("token:"):
                wanted = {"TOKEN_NEEDED"}
            elif role is None:
                wanted = {"LOGIN_NEEDED"}
            else:
                wanted = {"in"} if "anybody-logged-in" in words or role.value in words else {"ROLE_NEEDED"}
            if found not in wanted or answer.status_code == 500:
                wrong.append(f"{method} {path} as {role}: {found} {answer.status_code}, wanted {wanted}")
            answer.close()
    assert wrong == []


def test_fresh_acts_ask_again_after_five_minutes(desk):
    tokens = {who: client.token() for who, client in desk.clients.items()}
    desk.clock.advance(301)
    wrong = []
    for rule, method, who in calls(desk):
        if "fresh" not in who.split():
            continue
        for role in Role:
            if role.value in who.split():
                key = (role, "own")
                answer = ask(desk.clients[key], rule, address(desk, rule, {}), method, tokens[key])
                if outcome(answer) != "STEP_UP_NEEDED":
                    wrong.append(f"{method} {rule.rule} as {role}: {answer.status_code}")
    desk.clock.advance(-301)
    assert wrong == []


def known_objects(desk, endpoint: str) -> dict[str, object]:
    """Ids of things that belong to `own`, by the names that routes give them."""
    person = desk.person(Role.CLERK, "own")
    return {
        "batch_id": desk.batch_id,
        "name": desk.leaf.name.hex(),
        "record_id": desk.leaf.record_id,
        "person": person,
        "role": desk.parts.people.person(person).roles[0].id,
    }


def test_what_belongs_to_another_organisation_does_not_exist(desk):
    """IDOR: real ids of `own` in the hands of a foreign organisation and of one below."""
    tokens = {who: client.token() for who, client in desk.clients.items()}
    wrong, tried = [], 0
    for rule, method, who in calls(desk):
        if who == "everybody" or who.startswith("token:") or not rule.arguments or rule.endpoint in BY_KIND:
            continue
        path = address(desk, rule, known_objects(desk, rule.endpoint))
        for role in Role:
            if role.value not in who.split():
                continue
            for place in ("child", "foreign"):
                client, token = desk.clients[role, place], tokens[role, place]
                told = ask(client, rule, path, method, token)
                nothing = ask(client, rule, address(desk, rule, {}), method, token)
                tried += 1
                # a form that is wrong in itself may be refused first, but then for every id alike
                if told.status_code != nothing.status_code or told.status_code < 300:
                    wrong.append(
                        f"{method} {path} as {role} of {place}: {told.status_code}, {nothing.status_code} for nothing"
                    )
                told.close()
                nothing.close()
    assert wrong == []
    assert tried > 50


BY_KIND = {"issue.single", "issue.template", "issue.upload"}
"""Their argument names a type of credential, which is nobody's own."""


def test_the_same_ids_do_exist_for_their_own_organisation(desk):
    """Otherwise the test above would prove nothing."""
    tokens = {who: client.token() for who, client in desk.clients.items()}
    seen = set()
    for rule, method, who in calls(desk):
        if method != "GET" or not rule.arguments & {"batch_id", "name", "person"}:
            continue
        for role in Role:
            if role.value in who.split():
                path = address(desk, rule, known_objects(desk, rule.endpoint))
                answer = ask(desk.clients[role, "own"], rule, path, method, tokens[role, "own"])
                if answer.status_code == 200:
                    seen.add(rule.endpoint)
    assert {"approve.batch", "issue.batch", "people.one", "status.history"} <= seen
