"""The API on a real installation: issuing to a bundle, idempotency, organisations, tokens, and attacks."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from werkzeug.test import TestResponse

from ledger.core.flow import DAY_S
from ledger.core.people import Role
from ledger.core.receipt import parse_bundle
from ledger.core.tokens import Scope
from tests.flow_world import HEADER, deposit_row
from tests.office_world import FOREIGN, OWN, Client, Office

TYPE = "HPF_PERSONAL_DEPOSIT"
PURPOSE = {"purpose": "公积金贷款核验", "item_code": "0312-07"}


class Program:
    """A program with a token."""

    def __init__(self, office: Office, secret: str | None) -> None:
        self.client: Client = office.nobody()
        self.secret = secret

    def call(self, method: str, path: str, body: Any = None, **more: Any) -> TestResponse:
        headers = dict(more.pop("headers", {}))
        if self.secret is not None:
            headers.setdefault("Authorization", f"Bearer {self.secret}")
        if body is not None:
            more["data"], more["content_type"] = (
                json.dumps(body, ensure_ascii=False).encode(),
                "application/json",
            )
        return self.client.open(f"/api/v1{path}", method=method, headers=headers, **more)

    def get(self, path: str, **more: Any) -> TestResponse:
        return self.call("GET", path, **more)

    def issue(self, number: int, key: str | None = None, **more: Any) -> TestResponse:
        headers = {} if key is None else {"Idempotency-Key": key}
        body = {"type": TYPE, "fields": fields(number, more.pop("balance", "")), **more}
        return self.call("POST", "/issues", body, headers=headers)


def fields(number: int, balance: str = "") -> Mapping[str, str]:
    return dict(zip(HEADER, deposit_row(number, balance), strict=True))


def program(office: Office, *scopes: Scope, uscc: str = OWN) -> Program:
    _, secret = office.parts.programs.tokens.add(uscc, "test", scopes or tuple(Scope), 30, "test")
    return Program(office, secret)


def problem(answer: TestResponse) -> tuple[int, str]:
    assert answer.mimetype == "application/problem+json", answer.get_data(as_text=True)
    document = answer.get_json()
    assert document["status"] == answer.status_code
    assert document["title"]
    return answer.status_code, document["code"]


def rows_stored(office: Office) -> int:
    with office.world.store.database.read() as connection:  # type: ignore[attr-defined]
        return int(connection.exec_driver_sql("SELECT count(*) FROM record").scalar() or 0)


def test_a_row_becomes_a_bundle(office: Office) -> None:
    caller = program(office)
    answer = caller.issue(1)
    assert answer.status_code == 202
    href = answer.get_json()["href"]
    assert answer.headers["Location"] == href
    path = href.removeprefix("/api/v1")
    assert caller.get(path).get_json()["state"] == "gathering"
    assert problem(caller.get(path + "/bundle", query_string=PURPOSE)) == (409, "NOT_RELEASED")
    office.world.finish()
    state = caller.get(path).get_json()
    assert state["state"] == "released"
    assert problem(caller.get(path + "/bundle")) == (400, "REQUEST_INVALID")
    assert problem(caller.get(path + "/bundle?item_code=1&purpose=" + "x" * 201)) == (400, "REQUEST_INVALID")
    bundle = caller.get(path + "/bundle", query_string=PURPOSE)
    assert bundle.mimetype == "application/vnd.ecert+json"
    assert office.parts.verify(bundle.data).accepted
    receipt = caller.get(path + "/receipt").get_json()
    found = parse_bundle(bundle.data).receipt
    assert found is not None
    assert receipt["root"] == "0x" + found.root.hex()
    status = caller.get("/statuses/" + state["serial"]).get_json()
    assert status["status"] == "VALID"
    batch = caller.get(f"/batches/{state['batch']}").get_json()
    assert batch["root"] == receipt["root"]
    assert state["serial"] in caller.get(f"/batches/{state['batch']}/issues").get_json()["items"]
    report = caller.call("POST", "/verify", None, data=bundle.data, content_type="application/vnd.ecert+json")
    assert report.get_json()["accepted"] is True
    counted = office.parts.statistics.count(office.clock.now()).checked_today
    many = caller.call("POST", "/verify/batch", {"bundles": [bundle.get_data(as_text=True), {}]}).get_json()
    assert office.parts.statistics.count(office.clock.now()).checked_today == counted + 2
    assert [one["accepted"] for one in many["reports"]] == [True, False]
    (row,) = office.parts.audit.rows({OWN}, action="api.bundle")
    assert row.subject == f"credential/{state['serial']}"
    assert json.loads(row.facts)["purpose"] == PURPOSE["purpose"]
    assert [one["action"] for one in caller.get("/audit?action=api.bundle").get_json()["items"]] == [
        "api.bundle"
    ]


def test_suspending_is_at_once_and_everything_else_is_for_people(office: Office) -> None:
    caller = program(office)
    serial = caller.issue(2).get_json()["serial"]
    office.world.finish()
    answer = caller.call("POST", f"/statuses/{serial}/suspension", {"reason": "security"})
    assert answer.status_code == 202
    office.world.work()
    assert caller.get(f"/statuses/{serial}").get_json()["status"] == "SUSPENDED"
    again = caller.call("POST", f"/statuses/{serial}/suspension", {"reason": "security"})
    assert problem(again) == (409, "STATUS_TRANSITION")
    for path in ("resumption", "revocation", "approval"):
        assert problem(caller.call("POST", f"/statuses/{serial}/{path}", {}))[0] == 404


def test_the_same_key_has_one_effect(office: Office) -> None:
    caller = program(office)
    before = rows_stored(office)
    first, second = caller.issue(10, "key-10"), caller.issue(10, "key-10")
    assert first.get_json() == second.get_json()
    assert first.get_json()["outcome"] == "ISSUED"
    assert problem(caller.issue(11, "key-10")) == (409, "IDEMPOTENCY_MISMATCH")
    assert caller.issue(10).get_json() == {**first.get_json(), "outcome": "ALREADY"}
    assert problem(caller.issue(10, balance="1.00")) == (409, "ROWS_REFUSED")
    other = program(office)
    assert other.issue(12, "key-10").get_json()["outcome"] == "ISSUED", "keys are each token's own"
    assert rows_stored(office) == before + 2
    for wrong in ("", "x" * 129, "schlüssel", "two words"):
        assert caller.issue(13, wrong).status_code in (202, 422)
    assert problem(caller.issue(13, "x" * 129)) == (422, "IDEMPOTENCY_KEY")
    office.clock.advance(DAY_S + 1)
    late = caller.issue(14, "key-10")
    assert late.status_code == 202, "after a day the key is free"


def test_concurrent_twins_have_one_effect(office: Office) -> None:
    before, answers, start = rows_stored(office), [], threading.Barrier(8)
    secret = program(office).secret

    def send(number: int, key: str) -> None:
        caller = Program(office, secret)
        start.wait()
        answer = caller.issue(number, key)
        answers.append((number, answer.status_code, answer.get_json()))

    threads = [
        threading.Thread(target=send, args=(20 + index % 2, f"twin-{index % 2}")) for index in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {status for _, status, _ in answers} == {202}
    assert len({body["serial"] for _, _, body in answers}) == 2
    assert {body["outcome"] for _, _, body in answers} == {"ISSUED"}, "each twin hears what the first heard"
    assert rows_stored(office) == before + 2


def test_bulk_is_all_or_nothing(office: Office) -> None:
    caller = program(office)
    before = rows_stored(office)
    rows: list[Any] = [dict(fields(number)) for number in range(30, 33)]
    good = caller.call("POST", "/issues/bulk", {"type": TYPE, "rows": rows})
    assert [one["outcome"] for one in good.get_json()["results"]] == ["ISSUED"] * 3
    rows = [dict(fields(33)), {**fields(34), "姓名": ""}, {**fields(35), "没有这列/~": "1"}]
    bad = caller.call("POST", "/issues/bulk", {"type": TYPE, "rows": rows})
    assert problem(bad) == (422, "ROWS_REFUSED")
    pointers = {fault["pointer"]: fault["code"] for fault in bad.get_json()["errors"]}
    assert pointers == {"/rows/1/姓名": "REQUIRED", "/rows/2/没有这列~1~0": "COLUMN_UNKNOWN"}
    assert rows_stored(office) == before + 3
    twice = caller.call("POST", "/issues/bulk", {"type": TYPE, "rows": [fields(36), fields(36, "1.00")]})
    assert problem(twice) == (409, "ROWS_REFUSED")
    too_many = caller.call("POST", "/issues/bulk", {"type": TYPE, "rows": [{"姓名": "x"}] * 1001})
    assert problem(too_many) == (422, "REQUEST_INVALID")


def test_another_organisation_sees_nothing(office: Office) -> None:
    own, foreign = program(office), program(office, uscc=FOREIGN)
    serial = own.issue(40).get_json()["serial"]
    office.world.finish()
    number = own.get(f"/issues/{serial}").get_json()["batch"]
    unknown = "0" * 32
    for path in (
        "/issues/{}",
        "/issues/{}/receipt",
        "/statuses/{}",
        "/issues/{}/bundle?purpose=a&item_code=1",
    ):
        assert problem(foreign.get(path.format(serial))) == (404, "NOT_HERE")
        theirs, nobodys = foreign.get(path.format(serial)), foreign.get(path.format(unknown))
        assert theirs.data == nobodys.data, "no answer tells the two apart"
    suspend = foreign.call("POST", f"/statuses/{serial}/suspension", {"reason": "security"})
    assert problem(suspend) == (404, "NOT_HERE")
    assert problem(foreign.get(f"/batches/{number}")) == (404, "NOT_HERE")
    assert problem(foreign.get(f"/batches/{number}/issues")) == (404, "NOT_HERE")
    assert foreign.get(f"/batches/{number}").data == foreign.get("/batches/999999").data
    for path in ("/batches", "/approvals", "/standing-approvals"):
        assert foreign.get(path).get_json()["items"] == []
    assert {row["uscc"] for row in foreign.get("/audit").get_json()["items"]} <= {FOREIGN}
    assert own.get("/batches").get_json()["items"]
    assert problem(foreign.issue(41)) == (403, "TYPE_NOT_GRANTED")


def test_each_scope_opens_its_own_calls_only(office: Office) -> None:
    spec = office.nobody().get("/api/v1/openapi.json").get_json()
    calls = [
        (method.upper(), path, operation.get("x-scope"))
        for path, methods in spec["paths"].items()
        for method, operation in methods.items()
    ]
    assert {scope for _, _, scope in calls if scope} == {str(scope) for scope in Scope}
    callers = {scope: program(office, scope) for scope in Scope}
    nobody = Program(office, None)
    for method, path, scope in calls:
        where = path
        for name, value in {
            "serial": "0" * 32,
            "document": "0" * 32,
            "run": "0" * 32,
            "check": "1",
            "batch": "1",
            "uscc": OWN,
            "number": "1",
            "type": TYPE,
        }.items():
            where = where.replace("{" + name + "}", value)
        body = {} if method == "POST" else None
        if scope is None:
            assert nobody.call(method, where, body).status_code in (200, 404)
            continue
        assert problem(nobody.call(method, where, body)) == (401, "TOKEN_NEEDED")
        for held, caller in callers.items():
            answer = caller.call(method, where, body)
            if held == scope:
                assert answer.status_code not in (401, 403), (method, path)
            else:
                assert problem(answer) == (403, "SCOPE_NEEDED")
                assert f'scope="{scope}"' in answer.headers["WWW-Authenticate"]


def test_a_revoked_or_ended_token_opens_nothing_from_then_on(office: Office) -> None:
    tokens = office.parts.programs.tokens
    token, secret = tokens.add(OWN, "short", [Scope.BATCHES], 1, "test")
    caller = Program(office, secret)
    assert caller.get("/batches").status_code == 200
    tokens.revoke(token.id, "test")
    assert problem(caller.get("/batches")) == (401, "TOKEN_WRONG")
    _, ending = tokens.add(OWN, "short", [Scope.BATCHES], 1, "test")
    office.clock.advance(DAY_S)
    assert problem(Program(office, ending).get("/batches")) == (401, "TOKEN_WRONG")
    with office.world.store.database.read() as connection:  # type: ignore[attr-defined]
        stored = connection.exec_driver_sql("SELECT * FROM api_token").all()
    assert secret not in str(stored)
    assert secret.removeprefix("ecert_") not in str(stored)


@pytest.mark.parametrize(
    "header",
    [
        "Bearer", "Bearer ", "Bearer x", "Basic eDp5", "Bearer ecert_" + "A" * 43, "bearer ecert_" + "A" * 5000,
        "Bearer a\tb", "Bearer 令牌", "Bearer ecert_" + "A" * 42 + "%",
    ],
)  # fmt: skip
def test_wrong_tokens_are_401(office: Office, header: str) -> None:
    answer = Program(office, None).get(
        "/batches", headers={"Authorization": header.encode().decode("latin-1")}
    )
    assert problem(answer) == (401, "TOKEN_WRONG")
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_a_token_counts_in_the_header_only_and_a_session_never(office: Office) -> None:
    caller = program(office)
    assert problem(Program(office, None).get(f"/batches?access_token={caller.secret}")) == (
        401,
        "TOKEN_NEEDED",
    )
    person = office.client(Role.ADMINISTRATOR)
    assert person.get("/api/v1/batches").status_code == 401
    assert "Set-Cookie" not in caller.get("/batches").headers


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"", "application/json", 400),
        (b"{", "application/json", 400),
        (b"[" * 100_000 + b"]" * 100_000, "application/json", 400),
        (b'{"a":' * 50_000 + b"1" + b"}" * 50_000, "application/json", 400),
        (b"\xff\xfe{}", "application/json", 400),
        (b'{"type": NaN}', "application/json", 400),
        (b"[]", "application/json", 422),
        (b"null", "application/json", 422),
        (b'"x"', "application/json", 422),
        (b'{"type": "HPF_PERSONAL_DEPOSIT", "fields": {"a": 1e400}}', "application/json", 400),
        (b'{"type": "HPF_PERSONAL_DEPOSIT", "fields": {"a": "\\ud800"}}', "application/json", 400),
        (b'{"type": "HPF_PERSONAL_DEPOSIT", "fields": {"a": [1]}}', "application/json", 422),
        (b'{"type": "HPF_PERSONAL_DEPOSIT", "fields": {"a": "x"}, "more": 1}', "application/json", 422),
        (b'{"type": "../../etc/passwd", "fields": {"a": "x"}}', "application/json", 422),
        (b'{"type": "NO_SUCH_TYPE", "fields": {"a": "x"}}', "application/json", 404),
        (b"{}", "text/plain", 415),
        (b"{}", "application/x-www-form-urlencoded", 415),
        (b"{}", "multipart/form-data; boundary=x", 415),
        (b"{}", "application/json; charset=utf-16", 422),
        (b" " * (4 * 1_048_576 + 1), "application/json", 413),
    ],
    ids=lambda value: str(value)[:24],
)
def test_bad_bodies_are_refused_in_words(office: Office, body: bytes, kind: str, status: int) -> None:
    caller = program(office, Scope.ISSUE)
    answer = caller.call("POST", "/issues", None, data=body, content_type=kind)
    assert problem(answer)[0] == status


@pytest.mark.parametrize("name", ["张\u202e三", "张\u200b三", "张\x00三", "张\ud800三", "\ufeff", "Ａ" * 300])
def test_tricks_in_names_are_refused(office: Office, name: str) -> None:
    caller = program(office, Scope.ISSUE)
    body = json.dumps({"type": TYPE, "fields": {**fields(50), "姓名": name}}).encode()
    answer = caller.call("POST", "/issues", None, data=body, content_type="application/json")
    assert problem(answer)[0] in (400, 422)


@pytest.mark.parametrize(
    "query",
    ["limit=0", "limit=-1", "limit=201", "limit=1e3", "limit=１", "cursor=-1", "cursor=Zm9v", "cursor=", "x=1",
     "cursor=" + "A" * 201, "state=open%00", "cursor=YzE6LTE"],
)  # fmt: skip
def test_bad_pages_are_400(office: Office, query: str) -> None:
    answer = program(office, Scope.BATCHES).get(f"/batches?{query}")
    assert answer.status_code in (400, 422)
    assert problem(answer)[1] in ("REQUEST_INVALID", "CURSOR_INVALID")


def test_pages_are_complete_and_do_not_shift(office: Office) -> None:
    caller = program(office)
    for number in range(60, 63):
        caller.issue(number)
        office.world.finish()
    first = caller.get("/batches?limit=2").get_json()
    caller.issue(63)
    seen = [one["id"] for one in first["items"]]
    cursor = first["next"]
    while cursor:
        page = caller.get("/batches", query_string={"limit": "2", "cursor": cursor}).get_json()
        seen += [one["id"] for one in page["items"]]
        cursor = page["next"]
    assert seen == sorted(seen, reverse=True)
    assert len(set(seen)) == len(seen)
    assert seen[-1] == min(seen)


def test_no_header_gets_in_or_out(office: Office) -> None:
    caller = program(office)
    answer = caller.get("/batches", headers={"X-Request-Id": "a b", "X-Forwarded-For": "1.2.3.4"})
    assert answer.headers["X-Request-Id"] != "a b"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Cache-Control"] == "no-store"
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert answer.headers["RateLimit-Policy"].startswith('"default";q=')
    for path in ("/issues/%0d%0aSet-Cookie:x=1", "/types/%2e%2e%2fhome.json", "/status-lists/..%2f..%2f/1"):
        assert caller.get(path).status_code == 404
    assert "Access-Control-Allow-Origin" not in answer.headers


def test_public_calls_and_lists(office: Office) -> None:
    caller, nobody = program(office), Program(office, None)
    caller.issue(70)
    office.world.finish()
    assert nobody.get("/issuers").get_json()["items"][0]["uscc"] == OWN
    assert nobody.get(f"/issuers/{OWN}").get_json()["uscc"] == OWN
    assert problem(nobody.get(f"/issuers/{FOREIGN}")) == (404, "ISSUER_UNKNOWN")
    assert nobody.get(f"/types/{TYPE}").get_json()["type"] == f"{TYPE}:1"
    assert problem(nobody.get("/types/NOTHING"))[0] == 404
    answer = nobody.get(f"/status-lists/{OWN}/1")
    assert answer.mimetype == "application/statuslist+jwt"
    assert "max-age" in answer.headers["Cache-Control"]
    again = nobody.get(f"/status-lists/{OWN}/1", headers={"If-None-Match": answer.headers["ETag"]})
    assert again.status_code == 304
    assert problem(nobody.get(f"/status-lists/{OWN}/9")) == (404, "LIST_UNKNOWN")
    assert problem(nobody.get("/nothing")) == (404, "HTTP_404")
    wrong = nobody.call("DELETE", "/types")
    assert problem(wrong) == (405, "HTTP_405")
    assert "GET" in wrong.headers["Allow"]
    english = nobody.get("/nothing", headers={"Accept-Language": "en-GB,en;q=0.9"}).get_json()["title"]
    assert english.isascii()


def test_every_route_has_a_mark(office: Office) -> None:
    api = office.app.extensions["api"]
    marks = {
        rule.endpoint: getattr(api.view_functions[rule.endpoint], "access", None)
        for rule in api.url_map.iter_rules()
    }
    assert None not in marks.values(), marks
    assert {mark[1] for mark in marks.values() if mark[0] == "token"} <= {str(scope) for scope in Scope}


def test_an_administrator_makes_and_revokes_tokens(office: Office) -> None:
    admin = office.client(Role.ADMINISTRATOR)
    assert admin.post_form("/tokens", {"label": "", "days": "30"}).status_code == 422
    made = admin.post_form("/tokens", {"label": "核心系统", "scopes": ["batches"], "days": "30"})
    assert made.status_code == 201
    secret = made.get_data(as_text=True).split("ecert_", 1)[1][:43]
    caller = Program(office, "ecert_" + secret)
    assert caller.get("/batches").status_code == 200
    assert secret not in admin.get("/tokens").get_data(as_text=True)
    token = office.parts.programs.tokens.tokens(OWN)[0]
    assert office.client(Role.CLERK).get("/tokens").status_code == 403
    foreign = office.client(Role.ADMINISTRATOR, "foreign")
    assert foreign.post_form(f"/tokens/{token.id}/revoke").status_code == 404
    assert caller.get("/batches").status_code == 200
    assert admin.post_form(f"/tokens/{token.id}/revoke").status_code == 303
    assert caller.get("/batches").status_code == 401


def test_a_form_for_a_token_sent_twice_makes_one(office: Office) -> None:
    admin = office.client(Role.ADMINISTRATOR)
    page = admin.get("/tokens").get_data(as_text=True)
    form = re.search(r'name="form" value="([0-9a-f]{32})"', page)
    assert form is not None
    given = {"label": "两次", "scopes": ["batches"], "days": "30", "form": form[1]}
    answers = [admin.post_form("/tokens", given) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 201]
    first, second = (answer.get_data(as_text=True).split("ecert_", 1)[1][:43] for answer in answers)
    assert first == second, "the answer that the browser shows opens the one token"
    assert Program(office, "ecert_" + second).get("/batches").status_code == 200
    made = [token for token in office.parts.programs.tokens.tokens(OWN) if token.label == "两次"]
    assert len(made) == 1
    noted = [row for row in office.parts.audit.rows({OWN}) if row.subject == f"token/{made[0].id}"]
    assert [row.action for row in noted] == ["api.token_add"]
    other = admin.post_form("/tokens", {**given, "label": "另一个"}).get_data(as_text=True)
    assert other.split("ecert_", 1)[1][:43] != first
    foreign = office.client(Role.ADMINISTRATOR, "foreign").post_form("/tokens", given)
    assert foreign.get_data(as_text=True).split("ecert_", 1)[1][:43] != first
    admin.post_form(f"/tokens/{made[0].id}/revoke")
    again = admin.post_form("/tokens", given, headers={"Accept": "application/json"})
    assert (again.status_code, again.get_json()["code"]) == (409, "TOKEN_MADE")
    office.clock.advance(301)
    late = office.client(Role.ADMINISTRATOR)
    late_form = {**given, "label": "另一个"}
    assert late.post_form("/tokens", late_form).status_code == 409, "shown once, not for ever"


def test_the_page_about_the_api_names_every_call(office: Office) -> None:
    page = office.nobody().get("/developers").get_data(as_text=True)
    spec = office.nobody().get("/api/v1/openapi.json").get_json()
    for path in spec["paths"]:
        assert f"/api/v1{path}" in page
    assert "<script>" not in page


def test_logs_hold_nothing_of_a_row(office: Office, caplog: pytest.LogCaptureFixture, tmp_path: Path) -> None:
    caller = program(office)
    with caplog.at_level("DEBUG"):
        caller.issue(80)
        caller.issue(81, balance="x")
    row = fields(80)
    said = " ".join(str(record.__dict__) for record in caplog.records)
    for column in ("姓名", "证件号码", "个人账号"):
        assert row[column] not in said
    assert str(caller.secret) not in said
