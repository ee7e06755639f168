"""The verification page without a browser: what it answers, keeps, refuses and never writes down."""

from __future__ import annotations

import io
import logging
import re
from html.parser import HTMLParser

import pytest

from ledger.core.errors import UnavailableError
from tests.web_world import SCRIPT, ScriptedServices
from web import WebSettings, create_app
from web.app import MAX_BUNDLE_BYTES, MemoryRequest

OWN = {"Sec-Fetch-Site": "same-origin"}
VOID = {"meta", "link", "input", "br", "img", "hr"}


class Page(HTMLParser):
    """Reads a page and keeps what a careful reader would look for."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.open, self.ids, self.labels_for, self.inputs, self.links, self.problems = (
            [],
            [],
            set(),
            [],
            [],
            [],
        )
        self.title, self.headings = "", []
        self.words = []
        self.feed(text)
        if self.open:
            self.problems.append(f"never closed: {self.open}")

    def handle_starttag(self, tag, attrs):
        found = dict(attrs)
        if tag not in VOID:
            self.open.append(tag)
        if "id" in found:
            self.ids.append(found["id"])
        if tag == "label":
            self.labels_for.add(found.get("for"))
        if tag in {"input", "textarea", "select"} and found.get("type") != "hidden":
            self.inputs.append(found)
        if tag == "a":
            self.links.append(found.get("href"))
        if tag == "h1":
            self.headings.append("")
        if "style" in found or any(name.startswith("on") for name in found):
            self.problems.append(f"inline style or script on {tag}")
        if tag == "script" and not found.get("src", "").startswith("/static/"):
            self.problems.append("script that is not our file")

    def handle_endtag(self, tag):
        if not self.open or self.open[-1] != tag:
            self.problems.append(f"</{tag}> closes {self.open[-1:]}")
        else:
            self.open.pop()

    def handle_data(self, data):
        self.words.append(data)
        if self.open[-1:] == ["title"]:
            self.title += data
        if self.open[-1:] == ["h1"]:
            self.headings[-1] += data

    @property
    def text(self):
        return re.sub(r"\s+", " ", " ".join(self.words))


def read(response):
    """The page of a response, after everything that any page must fulfil."""
    page = Page(response.text)
    assert page.problems == []
    assert page.title.strip()
    assert len(page.headings) == 1
    assert len(page.ids) == len(set(page.ids))
    assert {item.get("id") for item in page.inputs} <= page.labels_for
    for link in page.links:
        assert link.startswith(("/", "#")), link
        if link.startswith("#"):
            assert link[1:] in page.ids, link
    assert "{{" not in response.text
    return page


@pytest.fixture
def services():
    return ScriptedServices()


@pytest.fixture
def client(services):
    return create_app(WebSettings("demo", secure_cookies=False), services).test_client()


def upload(client, data, field="file", **headers):
    """A form with one part, built here: Werkzeug's own builder leaves large parts in open temporary files."""
    name = f'name="{field}"' + ('; filename="a.ecert.json"' if field == "file" else "")
    head = f"--edge\r\nContent-Disposition: form-data; {name}\r\n\r\n".encode()
    return client.post(
        "/verify",
        data=head + data + b"\r\n--edge--\r\n",
        content_type="multipart/form-data; boundary=edge",
        headers=OWN | headers,
    )


def post(client, data, language="zh", **headers):
    return client.post("/verify", data={"text": data, "lang": language}, headers=OWN | headers)


def test_home_is_chinese_unless_asked(client):
    assert read(client.get("/")).headings == ["核验一张电子证照"]
    assert read(client.get("/?lang=en")).headings == ["Check an electronic certificate"]
    assert read(client.get("/")).headings == ["Check an electronic certificate"]  # remembered
    assert read(client.get("/?lang=xx")).headings == ["Check an electronic certificate"]


@pytest.mark.parametrize(
    ("kind", "zh", "en"),
    [
        ("good", "证照真实有效", "Genuine and in force"),
        ("bad", "证照无效", "Not valid"),
        ("altered", "证照无效", "Not valid"),
        ("paused", "已过期·已暂停", "Expired or suspended"),
        ("unknown", "暂时无法核验", "Cannot be checked now"),
    ],
)
def test_four_states_in_two_languages(client, kind, zh, en):
    assert read(post(client, kind)).headings == [zh]
    assert read(post(client, kind, "en")).headings == [en]


def test_result_says_presenter_ledger_and_times(client):
    page = read(post(client, "good"))
    for words in (
        "来人身份未核对",
        "单方账本",
        "核验时间",
        "2026-11-22 08:00:00",
        "账本数据截至",
        "北京时间",
        "岚州市住房公积金管理中心",
        "顾欣妍",
        "69,249.00 元",
        "12%",
        "2026-10",
        "正常",
        "居民身份证",
    ):
        assert words in page.text, words


def test_values_of_a_refused_certificate_carry_a_warning(client):
    assert "不得作为办事依据" in read(post(client, "bad")).text
    assert "不得作为办事依据" not in read(post(client, "good")).text


def test_every_check_is_there_with_words(client):
    page = read(post(client, "bad"))
    assert {f"check-{check}" for check in ("parse", "page", "revocation", "issuer_binding")} <= set(page.ids)
    assert sum(one.startswith("check-") for one in page.ids) == 32
    assert "怎么办" in page.text
    assert "已被吊销或撤销" in page.text


def test_outage_is_neither_forged_nor_valid(client):
    page = read(post(client, "unknown"))
    assert "无效" not in page.headings[0]
    assert "有效" not in page.headings[0]


def test_unreadable_file_comes_back_to_the_form(client):
    answer = post(client, "{nonsense")
    assert answer.status_code == 422
    page = read(answer)
    assert page.headings == ["核验一张电子证照"]
    assert "请更正以下问题" in page.text
    assert "文件不完整或已损坏" in page.text


def test_nothing_given_and_both_given(client, services):
    assert "请选择一个证照文件" in read(post(client, "  ")).text
    both = client.post(
        "/verify", data={"file": (io.BytesIO(b"good"), "a.ecert.json"), "text": "good"}, headers=OWN
    )
    assert "只能选一种" in read(both).text
    assert services.seen == []


def test_file_reaches_the_service_byte_for_byte(client, services):
    raw = b"good \xff\x00\r\n"
    client.post("/verify", data={"file": (io.BytesIO(raw), "a.ecert.json")}, headers=OWN)
    assert services.seen == [raw]


def test_script_in_a_file_stays_text(client):
    answer = post(client, "good <script>alert(1)</script>\"'")
    assert "<script>alert" not in answer.text
    assert answer.status_code == 200


@pytest.mark.parametrize("kind", ["application/vnd.ecert+json", "application/dc+sd-jwt", "application/json"])
def test_programs_get_the_report(client, kind):
    answer = client.post("/verify", data=b"good", content_type=kind)
    assert answer.status_code == 200
    assert answer.json["accepted"] is True
    assert answer.json["presenter"] == "not_checked"
    assert len(answer.json["checks"]) == 32


def test_a_form_with_accept_json_gets_the_report(client):
    answer = client.post("/verify", data={"text": "bad"}, headers={"Accept": "application/json"})
    assert answer.json["verdict"]["code"] == "REVOKED"
    assert client.post("/verify", data=b"", content_type="application/json").json["accepted"] is False


def test_too_large_is_refused_before_anything_looks_at_it(client, services):
    big = b"x" * (MAX_BUNDLE_BYTES + 1)
    for answer in (
        upload(client, big),
        client.post("/verify", data=b"x" * (3 * MAX_BUNDLE_BYTES), content_type="application/json"),
        upload(client, b"x" * (MAX_BUNDLE_BYTES + 1), "text"),
    ):
        assert answer.status_code == 413
    assert services.seen == []
    assert "超过 1 MiB" in read(upload(client, big)).text


def test_exactly_one_mebibyte_is_checked(client, services):
    edge = b"good " + b"x" * (MAX_BUNDLE_BYTES - 5)
    upload(client, edge)
    client.post("/verify", data=edge, content_type="application/vnd.ecert+json")
    assert [len(seen) for seen in services.seen] == [MAX_BUNDLE_BYTES, MAX_BUNDLE_BYTES]


def test_uploads_stay_in_memory():
    stream = MemoryRequest({"wsgi.input": io.BytesIO()})._get_file_stream(10**9, "x")
    assert type(stream) is io.BytesIO


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "https://elsewhere.example"},
        {"Origin": "null"},
        {},
    ],
    ids=["cross-site", "same-site", "origin", "null-origin", "silent browser without token"],
)
def test_foreign_forms_are_refused(client, services, headers):
    answer = client.post("/verify", data={"text": "good"}, headers=headers)
    assert answer.status_code == 403
    assert "不是从本页发出的" in read(answer).text
    assert services.seen == []


def test_foreign_script_gets_no_report(client):
    headers = {"Sec-Fetch-Site": "cross-site", "Accept": "application/json"}
    answer = client.post("/verify", data={"text": "good"}, headers=headers)
    assert answer.status_code == 403
    assert answer.mimetype == "application/problem+json"


def test_old_browser_shows_its_token(client):
    token = re.search(r'name="token" value="([^"]+)"', client.get("/").text)[1]
    assert client.post("/verify", data={"text": "good", "token": token}).status_code == 200
    assert client.post("/verify", data={"text": "good", "token": token[:-1] + "~"}).status_code == 403


def test_own_origin_is_enough(client):
    assert post(client, "good", Origin="http://localhost").status_code == 200


def test_cookies_are_strict_and_secure(services):
    client = create_app(WebSettings("production"), services).test_client()
    answer = client.get("/?lang=en", base_url="https://localhost")
    form, language = sorted(answer.headers.getlist("Set-Cookie"))
    assert form.startswith("__Host-form=")
    assert {"Secure", "HttpOnly", "SameSite=Strict", "Path=/"} <= {part.strip() for part in form.split(";")}
    assert language.startswith("lang=en")
    assert "max-age" in answer.headers["Strict-Transport-Security"]


@pytest.mark.parametrize("path", ["/", "/healthz", "/nowhere", "/static/style.css"])
def test_headers_are_on_every_answer(client, path):
    headers = client.get(path, buffered=True).headers
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Referrer-Policy"] == "same-origin"
    if not path.startswith("/static"):
        assert headers["Cache-Control"] == "no-store"


def test_demo_says_so_everywhere_and_production_nowhere(services):
    demo = create_app(WebSettings("demo", secure_cookies=False), services).test_client()
    real = create_app(WebSettings("production", secure_cookies=False), services).test_client()
    for client, there in ((demo, True), (real, False)):
        for answer in (client.get("/"), post(client, "good"), post(client, "zzz"), client.get("/nowhere")):
            assert ("演示环境" in read(answer).text) is there


@pytest.mark.parametrize(
    ("path", "method", "status"), [("/nowhere", "get", 404), ("/verify", "get", 405), ("/", "post", 405)]
)
def test_error_pages_in_both_languages_and_as_documents(client, path, method, status):
    chinese = getattr(client, method)(path)
    english = getattr(client, method)(f"{path}?lang=en")
    document = getattr(client, method)(path, headers={"Accept": "application/json"})
    assert [answer.status_code for answer in (chinese, english, document)] == [status] * 3
    assert read(chinese).headings != read(english).headings
    assert document.mimetype == "application/problem+json"
    assert document.json["status"] == status
    assert document.json["type"].startswith("urn:ecert:problem:")


def test_wrong_content_type_is_told(client):
    assert client.post("/verify", data=b"good", content_type="text/plain").status_code == 415


def test_asking_too_often_waits_and_recovers():
    services = ScriptedServices(checks_per_minute=3)
    client = create_app(WebSettings("demo", secure_cookies=False), services).test_client()
    answers = [post(client, "good").status_code for _ in range(4)]
    assert answers == [200, 200, 200, 429]
    refused = post(client, "good")
    assert int(refused.headers["Retry-After"]) == 20
    assert "太频繁" in read(refused).text
    services.clock.advance(20)
    assert post(client, "good").status_code == 200
    assert post(client, "good").status_code == 429


class Broken(ScriptedServices):
    """A service that fails in a chosen way."""

    def __init__(self, error):
        super().__init__()
        self.error = error

    def verify(self, data):
        raise self.error


def test_unreachable_ledger_is_said_as_such():
    client = create_app(
        WebSettings("demo", secure_cookies=False), Broken(UnavailableError("CHAIN_UNAVAILABLE", "gone"))
    ).test_client()
    answer = post(client, "good")
    assert answer.status_code == 503
    assert answer.headers["Retry-After"]
    assert read(answer).headings == ["账本暂时无法访问"]


def test_our_own_mistake_is_logged_without_its_words(caplog):
    client = create_app(
        WebSettings("demo", secure_cookies=False), Broken(ValueError("顾欣妍 990101199001011232"))
    ).test_client()
    with caplog.at_level(logging.DEBUG):
        answer = post(client, "good")
    assert answer.status_code == 500
    assert read(answer).headings == ["系统出错"]
    assert "unexpected ValueError at" in caplog.text
    assert "顾欣妍" not in caplog.text + answer.text
    assert "990101" not in caplog.text + answer.text


def test_nothing_about_a_certificate_is_logged(client, caplog):
    with caplog.at_level(logging.DEBUG):
        for kind in SCRIPT:
            post(client, kind)
    assert "顾" not in caplog.text
    assert "REVOKED" not in caplog.text


def test_alive(client):
    assert client.get("/healthz").json == {"status": "ok"}


def test_language_switch_on_a_result_keeps_the_result(client):
    page = post(client, "paused").text
    fields = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', page))
    assert fields["text"] == "paused"
    assert 'name="lang" value="en"' in page
    switched = client.post("/verify", data=fields | {"lang": "en"}, headers=OWN)
    assert read(switched).headings == ["Expired or suspended"]
