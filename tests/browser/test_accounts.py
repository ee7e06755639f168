"""Log-in passkeys in a real browser with chromium's own authenticator, and an app set up by keyboard."""

from __future__ import annotations

import base64
import re
import threading
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import expect
from werkzeug.serving import make_server

from ledger.core.one_time import STEP_S, totp_code
from ledger.core.people import FRESH_S, Role
from tests.office_world import PASSWORD, make_installation, open_office

pytestmark = pytest.mark.needs("chromium")
WAIT_MS = 20_000


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    office = open_office(
        make_installation(tmp_path_factory.mktemp("accounts") / "home"), secure_cookies=False
    )
    office.person(Role.AUDITOR)
    office.person(Role.CLERK)
    office.person(Role.APPROVER)
    server = make_server("127.0.0.1", 0, office.app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    office.address = f"http://localhost:{server.server_port}"  # WebAuthn wants a name, an IP address is none
    yield office
    server.shutdown()
    thread.join()
    server.server_close()
    office.close()


@pytest.fixture
def page(browser, served):
    served.calm()
    context = browser.new_context(base_url=served.address)
    tab = context.new_page()
    tab.set_default_timeout(WAIT_MS)
    complaints = []
    tab.on("pageerror", lambda error: complaints.append(str(error)))
    tab.cdp = context.new_cdp_session(tab)
    tab.cdp.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True,
        "isUserVerified": True, "automaticPresenceSimulation": True,
    }  # fmt: skip
    tab.authenticator = tab.cdp.send("WebAuthn.addVirtualAuthenticator", {"options": options})[
        "authenticatorId"
    ]
    yield tab
    context.close()
    assert complaints == []


def log_in(page, login):
    page.fill("#login", login)
    page.fill("#password", PASSWORD)
    page.keyboard.press("Enter")


def arrive(page, path):
    page.wait_for_url(lambda url: urlsplit(url).path == path)


def log_out(page):
    page.click("form[action='/account/log-out'] button")
    arrive(page, "/")


def test_a_passkey_from_first_use_to_last(page, served):
    page.goto("/account")
    log_in(page, "auditor-own")
    arrive(page, "/account")
    page.click("#new-passkey-button")
    expect(page.locator("main")).to_contain_text("通行密钥 1")

    log_out(page)  # in by passkey alone, back to where he was
    page.goto("/account/password")
    page.click("#passkey-button")
    arrive(page, "/account/password")

    served.clock.advance(FRESH_S)  # step-up by passkey
    page.goto("/account/password")
    expect(page).to_have_url(re.compile("/account/confirm"))
    page.click("#passkey-button")
    arrive(page, "/account/password")

    log_out(page)  # second step after the password
    page.goto("/account")
    log_in(page, "auditor-own")
    arrive(page, "/account/log-in/second")
    page.click("#passkey-button")
    arrive(page, "/account")
    assert "密码 + 通行密钥" in page.inner_text("main")

    log_out(page)  # an authenticator that did not verify its user opens nothing
    page.cdp.send(
        "WebAuthn.setUserVerified", {"authenticatorId": page.authenticator, "isUserVerified": False}
    )
    page.goto("/account/log-in")
    page.click("#passkey-button")
    expect(page.locator("#passkey-error")).to_be_visible()
    page.cdp.send("WebAuthn.setUserVerified", {"authenticatorId": page.authenticator, "isUserVerified": True})

    page.click("#passkey-button")  # removed: it opens nothing any more
    arrive(page, "/audit")
    page.goto("/account")
    page.click("button[name=passkey]")
    arrive(page, "/account")
    log_out(page)
    page.goto("/account/log-in")
    page.click("#passkey-button")
    expect(page.locator("#passkey-error")).to_be_visible()
    actions = {row.action for row in served.parts.audit.rows(None, count=200)}
    assert {
        "login.passkey_added",
        "login.passkey_removed",
        "login.step_up",
        "login.in",
        "login.out",
    } <= actions


def test_a_passkey_of_another_person_does_not_finish_a_log_in(page, served):
    page.goto("/account")
    log_in(page, "approver-own")
    arrive(page, "/account")
    page.click("#new-passkey-button")
    expect(page.locator("main")).to_contain_text("通行密钥 1")
    log_out(page)
    page.goto("/account")
    log_in(page, "clerk-own")  # has no second factor: in at once
    arrive(page, "/account")
    page.goto("/account/app")
    secret = base64.b32decode(
        re.search(r"(?:[A-Z2-7]{4} ){7}[A-Z2-7]{4}", page.content())[0].replace(" ", "")
    )
    page.fill("#code", totp_code(secret, served.clock.now() // STEP_S))
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_contain_text("恢复码")
    assert page.locator("ol code").count() == 10
    log_out(page)
    page.goto("/account")
    log_in(page, "clerk-own")
    arrive(page, "/account/log-in/second")
    page.click("#passkey-button")  # the approver's passkey is the only one in this browser
    expect(page.locator("#passkey-error")).to_be_visible()
    page.goto("/account")
    expect(page).to_have_url(re.compile("/account/log-in/second"))


def test_without_script_a_password_is_enough(browser, served):
    served.calm()
    served.person(Role.VERIFIER)
    context = browser.new_context(base_url=served.address, java_script_enabled=False)
    page = context.new_page()
    page.goto("/account/password")
    expect(page.locator("#passkey")).to_be_hidden()
    log_in(page, "verifier-own")
    arrive(page, "/account/password")
    log_out(page)
    context.close()
