"""What may be tried against every address: foreign forms, bodies without end, other people's ids, script."""

from __future__ import annotations

import io
import json
import re
from html.parser import HTMLParser
from urllib.parse import quote, urlsplit

import pytest
from pypdfium2 import PdfDocument

from ledger.core.flow import BatchState
from ledger.core.jose import b64url_decode
from ledger.core.people import Role
from ledger.services import review
from ledger.services.issuing_desk import IssuingDesk
from tests.attack_world import HOSTILE, LICENCE_REF, Attacked
from tests.desk_world import APPROVERS, JSON, spell
from tests.flow_world import ISSUER, TYPE_REF
from tests.office_world import FOREIGN, HOST, Client, log_in, make_installation, open_office
from tests.web.test_rights import address, calls

EVIL = "https://evil.example"
ORIGIN = {"Origin": f"https://{HOST}"}
HUGE = 200 * 1_048_576
WALLS = {"LOGIN_NEEDED", "ROLE_NEEDED", "STEP_UP_NEEDED", "TOKEN_NEEDED", "FORM_FOREIGN"}


@pytest.fixture(scope="module")
def attacked(tmp_path_factory):
    folder = tmp_path_factory.mktemp("attacked") / "home"
    office = open_office(make_installation(folder, (TYPE_REF, LICENCE_REF)))
    yield Attacked(office)
    office.close()


@pytest.fixture(autouse=True)
def _calm(attacked):
    attacked.office.calm()


def client_for(attacked, who: str, place: str = "own") -> tuple[Client, str]:
    """A browser that may call such a route, and its form token."""
    words = who.split()
    role = next((role for role in Role if role.value in words), Role.CLERK)
    return attacked.clients[role, place], attacked.tokens[role, place]


def code_of(answer) -> str:
    said = answer.get_json(silent=True) if answer.mimetype == "application/problem+json" else None
    return str(said.get("code")) if isinstance(said, dict) else ""


def known_path(attacked, rule) -> str:
    return address(attacked.office, rule, attacked.known(rule.endpoint))


def unsafe(attacked):
    for rule, method, who in calls(attacked.office):
        if method not in ("GET", "HEAD", "OPTIONS"):
            yield rule, method, who


def known_free_calls(office, role: Role) -> list[str]:
    """Addresses of pages without arguments that this role may open."""
    return [
        rule.rule
        for rule, method, who in calls(office)
        if method == "GET"
        and not rule.arguments
        and (who.startswith(("everybody", "anybody")) or role.value in who.split())
        and rule.endpoint not in ("accounts.logout", "readyz")
    ]


# Foreign forms.


def test_no_unsafe_route_takes_the_form_of_another_site(attacked):
    """Every one of them, with ids that exist, by somebody who may: from another site, and without the token."""
    wrong, tried = [], 0
    for rule, method, who in unsafe(attacked):
        client, token = client_for(attacked, who)
        path = known_path(attacked, rule)
        tries = [
            ({"Origin": EVIL}, {"token": token}),
            ({"Origin": f"https://{HOST}", "Sec-Fetch-Site": "cross-site"}, {"token": token}),
            ({"Origin": "null"}, {"token": token}),
        ]
        if who != "everybody":
            others = attacked.tokens[Role.CLERK, "foreign"]
            tries += [(ORIGIN, {}), (ORIGIN, {"token": others}), ({}, {}), (ORIGIN, {"token": token + "x"})]
        for headers, form in tries:
            for more in (
                {"data": {**form, **attacked.fields(rule.endpoint)}},
                {"data": "{}", "content_type": "application/json"},
            ):
                answer = client.open(
                    path, method=method, headers={**headers, "Accept": "application/problem+json"}, **more
                )
                tried += 1
                if (answer.status_code, code_of(answer)) != (403, "FORM_FOREIGN"):
                    wrong.append(f"{method} {path} {headers} {form}: {answer.status_code} {code_of(answer)}")
    assert not wrong, "\n".join(map(str, wrong))
    assert tried > 300


# Bodies without end.

READ_NOTHING = {"accounts.logout", "accounts.invitation", "accounts.oidc", "accounts.passkey_question"}
"""They answer before they look at a form: it is thrown away unread."""


def test_no_route_reads_two_hundred_megabytes(attacked):
    """The length is announced and a body begins; nobody waits for the rest of it or keeps what came."""
    wrong, tried = [], 0
    head = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.pdf"\r\n\r\n%PDF-'
    for rule, method, who in unsafe(attacked):
        if rule.endpoint in READ_NOTHING:
            continue
        client, _ = client_for(attacked, who)
        answer = client.open(
            known_path(attacked, rule),
            method=method,
            headers=ORIGIN,
            input_stream=io.BytesIO(head + b"x" * 70_000),
            content_type="multipart/form-data; boundary=b",
            environ_overrides={"CONTENT_LENGTH": str(HUGE)},
        )
        tried += 1
        if answer.status_code not in (413, 415):
            wrong.append(f"{method} {rule.rule}: {answer.status_code}")
    program = attacked.office.nobody()
    for path in ("/api/v1/issues", "/api/v1/issues/bulk", "/api/v1/verify", "/api/v1/verify/batch"):
        answer = program.post(
            path,
            headers={"Authorization": f"Bearer {attacked.things.secret}"},
            input_stream=io.BytesIO(b"{" + b" " * 70_000),
            content_type="application/json",
            environ_overrides={"CONTENT_LENGTH": str(HUGE)},
        )
        if answer.status_code != 413:
            wrong.append(f"{path}: {answer.status_code}")
    assert not wrong, "\n".join(map(str, wrong))
    assert tried > 50


# Ids of others.

NOT_AN_ID = {"issue.single", "issue.template", "issue.upload", "audit.export", "status.change"}
"""Their argument names a kind, or is only carried on into a form."""
EVERYBODYS = {"audit.proof"}
"""Shows what stands on the public ledger: any agency's auditor may prove any batch."""


def open_as(attacked, client, token, rule, method, path):
    if method == "GET":
        return client.get(path, headers={**ORIGIN, "Accept": "application/json, text/html;q=0.1"})
    body = attacked.bodies().get(rule.endpoint)
    if body is not None:
        return client.post(
            path, data=body, headers={**JSON, "X-Form-Token": token, "Content-Type": "application/json"}
        )
    form = {"token": token, **attacked.fields(rule.endpoint)}
    return client.open(path, method=method, data=form, headers={**ORIGIN, "Accept": "application/json"})


def owned(attacked):
    """Routes whose address names something of somebody's, and who may call them."""
    for rule, method, who in calls(attacked.office):
        is_closed = who != "everybody" and not who.startswith("token:")
        if is_closed and rule.arguments and rule.endpoint not in NOT_AN_ID:
            yield rule, method, who.split()


def test_real_ids_of_every_kind_are_nothing_to_strangers(attacked):
    """Batch, row, credential, print, archive, draft, import, case, request, key, token, check, list, job, person."""
    wrong, kinds = [], set()
    for rule, method, words in owned(attacked):
        kinds |= set(rule.arguments)
        for role in Role:
            if role.value not in words:
                continue
            for place in ("child", "foreign") if rule.endpoint not in EVERYBODYS else ():
                client, token = attacked.clients[role, place], attacked.tokens[role, place]
                told = open_as(attacked, client, token, rule, method, known_path(attacked, rule))
                keep = {
                    k: v for k, v in attacked.known(rule.endpoint).items() if k in ("kind", "what", "part")
                }
                nothing = open_as(attacked, client, token, rule, method, address(attacked.office, rule, keep))
                if (told.status_code, code_of(told)) != (nothing.status_code, code_of(nothing)) or (
                    told.status_code != 404
                ):
                    wrong.append(
                        f"{method} {rule.rule} as {role} of {place}: {told.status_code} {code_of(told)},"
                        f" for nothing {nothing.status_code} {code_of(nothing)}"
                    )
                told.close()
                nothing.close()
    assert not wrong, "\n".join(map(str, wrong))
    assert kinds >= {
        "batch_id", "record_id", "name", "number", "part", "intake_id", "case_id", "request_id", "key_id", "token_id",
        "check_id", "list_id", "job_id", "person", "role", "standing_id",
    }  # fmt: skip


def test_the_same_ids_open_for_their_owner(attacked):
    """Otherwise the test above would prove nothing; and strangers changed nothing."""
    shut = []
    for rule, method, words in owned(attacked):
        if method != "GET":
            continue
        statuses = {}
        for role in Role:
            if role.value in words:
                client, token = attacked.clients[role, "own"], attacked.tokens[role, "own"]
                answer = open_as(attacked, client, token, rule, method, known_path(attacked, rule))
                statuses[role.value] = answer.status_code
                answer.close()
        if not any(status < 400 for status in statuses.values()):
            shut.append((rule.rule, statuses))
    # drafts are each person's own, a receipt needs its anchor, and only a successor has predecessors
    known_shut = ("draft", "receipt.page", "predecessors")
    assert [rule for rule, _ in shut if not any(word in rule for word in known_shut)] == [], shut
    office, things = attacked.office, attacked.things
    assert office.world.store.batches.batch(things.made_batch).state is BatchState.MADE
    assert [job.id for job in office.world.store.outbox.jobs(dead=True)] == [things.job_id]
    assert (
        office.nobody()
        .get("/api/v1/batches", headers={"Authorization": f"Bearer {things.secret}"})
        .status_code
        == 200
    )
    assert "已放弃" not in attacked.clerk.get(f"/status/cases/{things.case_id}").text
    assert any(key.id == things.key_id for key in office.parts.signing.book.keys(ISSUER))


def test_drafts_requests_and_keys_are_each_persons_own(attacked):
    """A colleague in the same role of the same organisation does not get at them."""
    office, things = attacked.office, attacked.things
    people = office.parts.people
    number = people.add("colleague", "同事", by=None, password="correct horse 43 staple")
    for role in (Role.CLERK, Role.APPROVER):
        people.give_role(number, ISSUER, role, by=None)
    colleague = office.nobody()
    assert log_in(colleague, "colleague", "correct horse 43 staple").status_code == 303
    assert attacked.clerk.get(f"/desk/drafts/{things.draft}").status_code == 200
    for path in (f"/desk/drafts/{things.draft}", f"/desk/drafts/{things.draft}/check"):
        assert colleague.get(path).status_code == 404
    for path in (f"/desk/drafts/{things.draft}/submit", f"/desk/drafts/{things.draft}/delete"):
        assert colleague.post_form(path).status_code == 404
    assert colleague.post_form(f"/desk/drafts/{things.draft}", {"draft": things.draft}).status_code == 404
    taken = colleague.post_form(
        "/desk/issue/HPF_PERSONAL_DEPOSIT", {"draft": things.draft, "f_name": "换", "later": "1"}
    )
    assert taken.status_code == 404, "a number of somebody's draft in a new form"
    assert colleague.post_form(f"/signing-keys/{things.key_id}/remove").status_code == 404
    refused = attacked.desk.json(
        colleague,
        f"/signing/requests/{things.request_id}/complete",
        {"signatures": [{"wallet": "0x" + "00" * 65}]},
    )
    assert refused.status_code == 404
    assert HOSTILE in attacked.clerk.get(f"/desk/drafts/{things.draft}").text.replace("&#34;", '"').replace(
        "&lt;", "<"
    ).replace("&gt;", ">")


# What is put into addresses, headers and redirects.


def test_nothing_in_an_address_reaches_a_header_or_leads_away(attacked):
    """Every route with line ends, other sites and folders in each argument, query and header it might read."""
    wrong = []
    poison = "x%0d%0aX-Evil: 1"
    query = "?" + "&".join(
        f"{name}={quote(value)}"
        for value in ("//evil.example/a", "zh\r\nX-Evil: 1")
        for name in (
            "next",
            "lang",
            "done",
            "same",
            "page",
            "state",
            "kind",
            "before",
            "status",
            "code",
            "return",
        )
    )
    headers = {
        **ORIGIN,
        "Referer": "https://evil.example/x",
        "X-Forwarded-Host": "evil.example",
        "X-Evil": "1",
    }
    for rule, method, who in calls(attacked.office):
        if rule.endpoint == "accounts.logout":
            continue  # it would
        client, _ = client_for(attacked, who)
        paths = [known_path(attacked, rule)]
        if rule.arguments:
            filled = re.sub(r"<[^>]*int:[^>]*>", "1", rule.rule)
            filled = re.sub(r"<[^>]*length=32[^>]*>", "%0d%0aX-Evil:1" + "0" * 21, filled)
            paths += [
                re.sub(r"<[^>]+>", piece, filled)
                for piece in (poison, "..%2f..%2f..%2fetc%2fpasswd", "%00", "%ff")
            ]
        for path in paths:
            if method == "GET":
                answer = client.get(path + query, headers=headers)
            else:
                form = {"next": "//evil.example/", "token": "wrong", "lang": "en\r\nX-Evil: 1"}
                answer = client.open(path + query, method=method, data=form, headers=headers)
            where = urlsplit(answer.headers.get("Location", ""))
            if (
                (answer.status_code >= 500 and rule.endpoint != "readyz")
                or any(
                    "evil" in f"{k}: {v}".lower()
                    for k, v in answer.headers
                    if k not in ("Location", "HX-Redirect")
                )
                or where.netloc not in ("", HOST)
                or where.path.startswith(("//", "/\\"))
                or b"root:" in answer.get_data()
            ):
                wrong.append(f"{method} {path}: {answer.status_code} {answer.headers.get('Location')}")
            answer.close()
    assert not wrong, "\n".join(map(str, wrong))


def test_every_cookie_is_ours_alone(attacked):
    """All that any page sets: `__Host-` or a mere preference, Secure, HttpOnly, SameSite, our own path."""
    seen, wrong = set(), []
    for rule, method, who in calls(attacked.office):
        if method == "GET":
            for client in (attacked.office.nobody(), client_for(attacked, who)[0]):
                answer = client.get(known_path(attacked, rule) + "?lang=zh")
                for line in answer.headers.getlist("Set-Cookie"):
                    name = line.partition("=")[0]
                    flags = {part.strip().lower() for part in line.split(";")[1:]}
                    seen.add(name)
                    needed = {"secure", "path=/", "httponly"}
                    if (
                        not needed <= flags
                        or not flags & {"samesite=lax", "samesite=strict"}
                        or "domain" in line.lower()
                    ):
                        wrong.append(line)
                answer.close()
    assert not wrong, "\n".join(map(str, wrong))
    assert seen <= {"__Host-session", "__Host-form", "__Host-step", "lang"}
    assert "lang" in seen


# Script in every field.


class Scripts(HTMLParser):
    """Elements and attributes that the hostile text would have made."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        is_data = given.get("type") == "application/json"
        if tag == "script" and not is_data and not (given.get("src") or "").startswith("/static/"):
            self.found.append(f"script {given}")
        if tag == "img" and given.get("src") == "x":
            self.found.append("img")
        self.found += [name for name in given if name.startswith("on") or name == "style"]
        self.found += [f"{name}={value}" for name, value in attrs if (value or "").startswith("javascript:")]


def inert(answer) -> list[str]:
    """What in this answer is alive that should not be."""
    if answer.mimetype != "text/html":
        return []
    page = answer.get_data(as_text=True)
    return Scripts(page).found + (["{{49}}"] if ">49{" in page or "49}}" in page else [])


def test_script_in_every_field_stays_text_on_every_page(attacked, monkeypatch):  # noqa: C901  one walk
    """Rows of both types whose every value is script, shown to every role; uploads, reasons, labels likewise."""

    class Spoiled:
        """Reads a stored row; every text in it is script, also where a type would not let it in."""

        @staticmethod
        def loads(data: bytes) -> dict[str, object]:
            return dict.fromkeys(json.loads(data), HOSTILE)

        def __getattr__(self, name: str) -> object:
            return getattr(json, name)

    desk = attacked.office.parts.issuing
    assert isinstance(desk, IssuingDesk)
    # reason: a type's own checks keep script out of most fields; the pages must not depend on them
    monkeypatch.setattr(desk, "_loads", Spoiled.loads)
    # reason: as above, for the approver's pages
    monkeypatch.setattr(review, "json", Spoiled())
    wrong, told = [], set()
    things = attacked.things
    extra = [
        f"{front}/{batch}{behind}"
        for batch in (things.licence_batch, things.batch_id, things.made_batch)
        for front, behind in (
            ("/desk/batches", ""), ("/approve", ""), ("/approve", "/rows"), ("/approve", "/sample"),
            ("/approve", "/compare"), ("/approve", "/replaced"), ("/approve", "/return"),
        )
    ] + [f"/credentials/{things.licence}/prints", f"/status/credentials/{things.licence}"]  # fmt: skip
    for rule, method, who in calls(attacked.office):
        if method == "GET":
            path = known_path(attacked, rule)
            for role in Role:
                answer = attacked.clients[role, "own"].get(path)
                if found := inert(answer):
                    wrong.append((path, role, found))
                if answer.mimetype == "text/html" and "&lt;script&gt;alert(1)" in answer.get_data(
                    as_text=True
                ):
                    told.add(rule.endpoint)
                answer.close()
                if who == "everybody":
                    break
    for path in extra:
        for role in (Role.CLERK, Role.APPROVER):
            answer = attacked.clients[role, "own"].get(path)
            if found := inert(answer):
                wrong.append((path, role, found))
    page = attacked.approver.get(f"/approve/{things.made_batch}/rows").text
    assert page.count("&lt;script&gt;alert(1)") >= 18, "every value of a row"
    page = attacked.clerk.get(f"/desk/batches/{things.licence_batch}").text
    assert "&lt;script&gt;alert(1)" in page
    assert not wrong, "\n".join(map(str, wrong))
    assert told >= {
        "approve.batch", "approve.rows", "approve.sample", "issue.batch", "issue.draft",
        "status.case", "verifier.one", "api.tokens",
    }, told  # fmt: skip


@pytest.mark.parametrize("kind", ["credential", "licence"])
def test_script_in_every_free_field_of_a_print_is_ink(attacked, kind):
    """Of both types; the page that a reader opens holds the text, and nothing that acts."""
    name = getattr(attacked.things, kind)
    where = attacked.clerk.post_form(
        f"/credentials/{name}/prints", {"kind": "full", "language": "zh"}
    ).location
    attacked.office.world.work()
    data = attacked.clerk.get(f"{where}/file.pdf").data
    assert data.startswith(b"%PDF-1.7")
    document = PdfDocument(data)
    text = "".join(page.get_textpage().get_text_bounded() for page in document)
    document.close()
    assert re.sub(r"\s", "", text).count(re.sub(r"\s", "", HOSTILE)) >= (2 if kind == "credential" else 6)
    for active in (b"/JavaScript", b"/JS ", b"/OpenAction", b"/Launch", b"/URI", b"/AA "):
        assert active not in data
    checked = attacked.office.nobody().post_form("/check/file", {"file": (io.BytesIO(data), "a.pdf")})
    assert checked.status_code == 200
    assert inert(checked) == []
    assert "&lt;script&gt;alert(1)" in checked.text


def test_paths_in_names_lead_nowhere(attacked):
    """Of static files, archives, uploads and lists: no file but those that are meant is ever opened."""
    nobody = attacked.office.nobody()
    stamped = re.search(r"/static/([0-9a-f]+)/", nobody.get("/").text)
    assert stamped is not None
    for path in (
        "../templates/base.html", "..%2ftemplates%2fbase.html", "%2e%2e/app.py", "....//app.py", "/etc/passwd",
        "..\\app.py", "vendor/../../app.py", "%00", "vendor", "",
    ):  # fmt: skip
        assert nobody.get(f"/static/{stamped[1]}/{path}").status_code in (404, 308), path
    for ledger in ("..", "%2e%2e%2fhome", "x/../.."):
        assert nobody.get(f"/status/{ledger}/1").status_code == 404
    page = attacked.clerk.get(f"/desk/imports/{attacked.things.intake_id}").text
    assert "../" not in page.replace("&#x2F;", "/").partition("<main")[2]
    folder = attacked.office.folder
    assert not [path for path in folder.rglob("*") if "script" in path.name or "passwd" in path.name]


# Guessing.


def test_numbers_with_codes_are_guessed_slowly_on_every_way_in(attacked):
    """Also at the verifier's desk, where a comparison asks for the code again."""
    officer = attacked.clients[Role.VERIFIER, "own"]
    guess = {"purpose_kind": "loan", "number": "ABCD-ABCD-ABCD-ABCD", "code": "AAAAA-AAAAA"}
    for path in ("/desk/verify", "/desk/verify/compare", "/check/number", "/check/number/compare"):
        attacked.office.calm()
        statuses = [officer.post_form(path, guess).status_code for _ in range(25)]
        assert statuses[0] == 422, path
        assert statuses[-1] == 429, path


def test_numbers_of_things_are_no_oracle(attacked):
    """Walking through the numbers of an organisation's things shows a stranger one and the same answer."""
    stranger = {role: attacked.clients[role, "foreign"] for role in Role}
    answers = {
        re.sub(r'(name="token" value=")[^"]*|\b[0-9a-f]{24}\b|/\d+', r"\1", stranger[role].get(f"{path}/{number}").text)
        for role, path in (
            (Role.CLERK, "/desk/batches"), (Role.CLERK, "/desk/imports"), (Role.VERIFIER, "/desk/checks"),
            (Role.VERIFIER, "/desk/lists"),
        )
        for number in (1, 2, 3, 9, 10_000)
    }  # fmt: skip
    assert all("404" in answer or "找不到" in answer or "没有" in answer for answer in answers)
    mine = stranger[Role.CLERK].get("/desk").text
    assert str(attacked.things.credential) not in mine
    assert FOREIGN not in attacked.clerk.get("/desk").text


def test_a_signing_request_is_answered_once_and_by_its_key(attacked):
    """The same signature again has no second effect, and none for another batch."""
    desk = attacked.desk
    other = desk.batch()
    assert desk.make(other).status_code == 200
    key = attacked.things.key_id
    asked = [
        desk.ask(desk.approver, f"/signing/batches/{batch}/approve", key=key).get_json()
        for batch in (attacked.things.made_batch, other)
    ]
    signed = [spell(APPROVERS.get(b64url_decode(one))) for one in asked[0]["challenges"]]
    replayed = desk.json(desk.approver, asked[1]["complete"], {"signatures": signed})
    assert replayed.status_code == 422
    assert desk.state(other) is BatchState.MADE
