"""Two people sign in chromium with authenticators of their own; the real contract decides on the embedded chain."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from eth_account import Account
from eth_account.messages import encode_typed_data
from playwright.sync_api import Browser, CDPSession, Page, expect
from werkzeug.serving import make_server

from ledger.adapters.accounts_sessions import SqlSessions
from ledger.core.flow import BatchState
from ledger.core.model import Role as ChainRole
from ledger.core.people import Role
from ledger.core.signing import SigningKey
from ledger.core.status import Status
from tests.flow_world import ISSUER, deposit_table
from tests.office_world import PASSWORD, Office, make_installation, open_office
from tests.signing_world import SigningWorld

WALLET = Account.from_key(b"\x51" * 32)
WAIT_MS = 10_000


@dataclass
class Served:
    """A small installation, served as http://localhost; the chain moves when the test says so."""

    address: str
    office: Office
    signing: SigningWorld

    def batch(self, first: int, count: int = 3) -> int:
        world = self.office.world
        report = world.load(deposit_table(range(first, first + count)))
        assert report.job_id is not None
        world.issue.close_import(report.job_id)
        world.work()
        return max(batch.id for batch in world.store.batches.batches(states=(BatchState.SIGNED,)))

    def state(self, batch_id: int) -> BatchState:
        return self.office.world.store.batches.batch(batch_id).state

    def released(self, clerk: Tab, approver: Tab) -> bytes:
        """The number of a released credential; a batch is made and approved where there is none yet."""
        if not self.office.world.bundles():
            make_and_approve(self.batch(500), clerk, approver)
            self.office.world.work()
        return bytes.fromhex(next(iter(self.office.world.bundles())).split(".")[0])

    def key_of(self, role: Role) -> SigningKey:
        return self.office.parts.signing.book.keys(ISSUER, self.office.person(role))[-1]

    def appoint(self, role: Role) -> None:
        wanted = ChainRole.MAKER if role is Role.CLERK else ChainRole.APPROVER
        self.signing.give_role(self.key_of(role).signer_id, wanted)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("signing") / "home"
    make_installation(folder)
    office = open_office(folder, secure_cookies=False)
    server = make_server("127.0.0.1", 0, office.app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield Served(f"http://localhost:{server.server_port}", office, SigningWorld(office.world))
    server.shutdown()
    thread.join()
    server.server_close()
    office.close()


class Tab:
    """A person at a browser, with an authenticator of their own."""

    def __init__(self, browser: Browser, served: Served, role: Role, **authenticator: object) -> None:
        self.served = served
        self.context = browser.new_context(base_url=served.address)
        self.page: Page = self.context.new_page()
        self.page.set_default_timeout(WAIT_MS)
        self.complaints: list[str] = []
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", self._only_ours)
        served.office.person(role)
        served.office.calm()
        entry = served.office.parts.login.password(f"{role.value}-own", PASSWORD, "tests", "127.0.0.1")
        assert not isinstance(entry, int)
        self.context.add_cookies([{"name": "session", "value": entry.token, "url": served.address}])
        self.cdp: CDPSession = self.context.new_cdp_session(self.page)
        self.cdp.send("WebAuthn.enable")
        options = {
            "protocol": "ctap2", "transport": "usb", "hasResidentKey": True, "hasUserVerification": True,
            "isUserVerified": True, "automaticPresenceSimulation": True, **authenticator,
        }  # fmt: skip
        self.authenticator = self.cdp.send("WebAuthn.addVirtualAuthenticator", {"options": options})[
            "authenticatorId"
        ]

    def _only_ours(self, request: object) -> None:
        url = str(getattr(request, "url", ""))
        if not url.startswith((self.served.address, "data:")):
            self.complaints.append(url)

    def go(self, path: str) -> None:
        self.page.goto(path)

    def enrol(self, label: str) -> None:
        self.go("/signing-keys")
        self.page.fill("#passkey-label", label)
        self.page.click("#enrol-passkey")
        self.page.wait_for_url("**/signing-keys?done=enrolled")
        expect(self.page.locator("main")).to_contain_text(label)

    def sign(self) -> None:
        self.page.click("#sign")

    def is_told(self, words: str) -> None:
        expect(self.page.locator("#signing-message.notice--bad")).to_contain_text(words)

    def close(self) -> None:
        assert self.complaints == []
        self.context.close()


@pytest.fixture(scope="module")
def clerk(browser: Browser, served: Served) -> Iterator[Tab]:
    tab = Tab(browser, served, Role.CLERK)
    tab.enrol("经办的钥匙")
    served.appoint(Role.CLERK)
    yield tab
    tab.close()


@pytest.fixture(scope="module")
def approver(browser: Browser, served: Served) -> Iterator[Tab]:
    tab = Tab(browser, served, Role.APPROVER)
    tab.enrol("复核的钥匙")
    served.appoint(Role.APPROVER)
    yield tab
    tab.close()


def make_and_approve(batch_id: int, clerk: Tab, approver: Tab) -> None:
    clerk.go(f"/approve/{batch_id}")
    clerk.sign()
    clerk.page.wait_for_url("**?done=make")
    approver.go(f"/approve/{batch_id}")
    approver.sign()
    approver.page.wait_for_url("**?done=approve")


def test_a_batch_is_made_approved_and_released(served: Served, clerk: Tab, approver: Tab) -> None:
    batch_id = served.batch(100)
    clerk.go(f"/approve/{batch_id}")  # the tab may be closed here: the batch waits as 待经办确认
    clerk.go("/approve")
    clerk.page.click(f'a[href="/approve/{batch_id}"]')
    clerk.sign()
    clerk.page.wait_for_url(f"**/approve/{batch_id}?done=make")
    assert served.state(batch_id) is BatchState.MADE
    # the approver's three presses: open, approve, and the passkey (which here presses itself)
    approver.go("/approve")
    approver.page.click(f'a[href="/approve/{batch_id}"]')
    expect(approver.page.locator("#sample tbody tr")).to_have_count(3)
    expect(approver.page.locator("#compare table")).to_be_visible()
    approver.sign()
    approver.page.wait_for_url(f"**/approve/{batch_id}?done=approve")
    served.office.world.work()
    expect(approver.page.locator("#batch-state")).to_contain_text("已签发")
    assert served.state(batch_id) is BatchState.RELEASED
    anchor = list(served.office.world.view.anchors(ISSUER))[-1]
    keys = served.office.parts.signing.book.keys(ISSUER, served.office.person(Role.CLERK))
    assert anchor.maker in {key.signer_id for key in keys}
    assert anchor.approver == served.key_of(Role.APPROVER).signer_id


def test_refusals_are_said_in_plain_words(served: Served, clerk: Tab, approver: Tab) -> None:
    batch_id = served.batch(200)
    clerk.go(f"/approve/{batch_id}")
    clerk.cdp.send(
        "WebAuthn.setUserVerified", {"authenticatorId": clerk.authenticator, "isUserVerified": False}
    )
    clerk.sign()
    clerk.is_told("没有签名")
    clerk.cdp.send(
        "WebAuthn.setUserVerified", {"authenticatorId": clerk.authenticator, "isUserVerified": True}
    )
    assert served.state(batch_id) is BatchState.SIGNED
    # a script that lies to the page: what the server gets is refused there
    clerk.go(f"/approve/{batch_id}")
    clerk.page.evaluate(
        """() => {
            const real = navigator.credentials.get.bind(navigator.credentials);
            navigator.credentials.get = (options) => {
                options.publicKey.challenge = new Uint8Array(32);
                return real(options);
            };
        }"""
    )
    clerk.sign()
    clerk.is_told("签的不是页面显示的内容")
    clerk.go(f"/approve/{batch_id}")
    clerk.sign()
    clerk.page.wait_for_url("**?done=make")
    # two tabs: what one has done the other is told
    second = approver.context.new_page()
    second.goto(f"{served.address}/approve/{batch_id}")
    approver.go(f"/approve/{batch_id}")
    approver.sign()
    approver.page.wait_for_url("**?done=approve")
    second.click("#sign")
    box = second.locator("#signing-message.notice--bad")
    expect(box).to_contain_text("批次已由他人处理")
    second.close()
    served.office.world.work()
    assert served.state(batch_id) is BatchState.RELEASED


def test_the_log_in_passkey_and_a_foreign_key_do_not_sign(served: Served, clerk: Tab) -> None:
    """An authenticator that has only other keys of this site: the browser finds none that may sign."""
    batch_id = served.batch(300)
    clerk.go(f"/approve/{batch_id}")
    own = clerk.cdp.send("WebAuthn.getCredentials", {"authenticatorId": clerk.authenticator})["credentials"]
    clerk.cdp.send("WebAuthn.clearCredentials", {"authenticatorId": clerk.authenticator})
    made = clerk.page.evaluate(
        """async () => {
            const key = await navigator.credentials.create({publicKey: {
                challenge: new Uint8Array(32), rp: {id: "localhost", name: "log-in"},
                user: {id: new Uint8Array(16), name: "log-in", displayName: "log-in"},
                pubKeyCredParams: [{type: "public-key", alg: -7}],
                authenticatorSelection: {residentKey: "required", userVerification: "required"}}});
            return Array.from(new Uint8Array(key.rawId));
        }"""
    )
    clerk.page.evaluate(
        """(id) => {
            const real = navigator.credentials.get.bind(navigator.credentials);
            navigator.credentials.get = (options) => {
                options.publicKey.allowCredentials = [{type: "public-key", id: new Uint8Array(id)}];
                return real(options);
            };
        }""",
        made,
    )
    clerk.sign()
    clerk.is_told("用的不是所选的密钥")
    assert served.state(batch_id) is BatchState.SIGNED
    clerk.cdp.send("WebAuthn.clearCredentials", {"authenticatorId": clerk.authenticator})
    for credential in own:
        clerk.cdp.send(
            "WebAuthn.addCredential", {"authenticatorId": clerk.authenticator, "credential": credential}
        )


def test_a_status_is_changed_by_two(served: Served, clerk: Tab, approver: Tab) -> None:
    world = served.office.world
    name = served.released(clerk, approver)
    clerk.go(f"/status/change/{name.hex()}")
    clerk.page.check("input[name=change][value=void]")
    clerk.page.check("input[name=reason][value=issuer_error]")
    clerk.page.fill("#legal_basis", "条例第五条")
    clerk.page.fill("#document", "岚金管〔2026〕7号")
    clerk.page.click("main form button[type=submit]")
    clerk.page.wait_for_url("**/status/cases/*")
    case_path = clerk.page.url.removeprefix(served.address).split("?")[0]
    clerk.sign()
    clerk.page.wait_for_url("**?done=case_make")
    approver.go("/status")
    approver.page.click(f'a[href="{case_path}"]')
    approver.sign()
    approver.page.wait_for_url("**?done=case_approve")
    world.work()
    expect(approver.page.locator("#case-state")).to_contain_text("已生效")
    place = world.store.batches.place(name)
    assert place is not None
    assert place.root is not None
    evidence = world.view.evidence(ISSUER, place.root, place.leaf_index)
    assert evidence is not None
    assert evidence.status == Status.VOID
    clerk.go(f"/status/credentials/{name.hex()}")
    expect(clerk.page.locator("main")).to_contain_text("岚金管〔2026〕7号")


def test_the_name_of_a_new_key_is_still_there_after_the_step_up(browser: Browser, served: Served) -> None:
    tab = Tab(browser, served, Role.CLERK)
    tab.go("/signing-keys")
    tab.page.fill("#passkey-label", "窗口的安全钥匙")
    sessions = SqlSessions(served.office.parts.people_parts.database)
    newest = max(sessions.of_person(served.office.person(Role.CLERK)), key=lambda one: one.id)
    sessions.change(newest.id, fresh_until=0)  # the page stayed open for longer than five minutes
    tab.page.click("#enrol-passkey")
    tab.page.wait_for_url(lambda url: "/account/confirm" in url)
    tab.page.fill("#password", PASSWORD)
    tab.page.click("main form button[type=submit]")
    tab.page.wait_for_url(lambda url: "/signing-keys?label=" in url)
    expect(tab.page.locator("#passkey-label")).to_have_value("窗口的安全钥匙")
    tab.close()


@pytest.mark.usefixtures("clerk")  # the passkey comes first: it is the one that the page chooses
def test_a_wallet_signs_too(browser: Browser, served: Served, approver: Tab) -> None:
    """An EIP-1193 provider in the page, backed by a key here: enrolment, and a batch up to the chain."""
    tab = Tab(browser, served, Role.CLERK)
    tab.page.expose_function("signTyped", sign_typed)
    tab.page.add_init_script(
        f"const address = {json.dumps(WALLET.address)};"
        """window.ethereum = {request: async ({method, params}) => {
            if (method === "eth_requestAccounts") return [address];
            if (method === "eth_signTypedData_v4") return await window.signTyped(params[1]);
            throw Object.assign(new Error("no"), {code: 4200});
        }};"""
    )
    tab.go("/signing-keys")
    tab.page.click("summary:has-text('EIP-1193')")
    tab.page.fill("#wallet-label", "浏览器钱包")
    tab.page.click("#enrol-wallet")
    tab.page.wait_for_url("**?done=enrolled")
    served.appoint(Role.CLERK)
    batch_id = served.batch(400)
    tab.go(f"/approve/{batch_id}")
    tab.page.get_by_label("浏览器钱包").check()
    tab.sign()
    tab.page.wait_for_url("**?done=make")
    approver.go(f"/approve/{batch_id}")
    approver.sign()
    approver.page.wait_for_url("**?done=approve")
    served.office.world.work()
    assert served.state(batch_id) is BatchState.RELEASED
    anchor = list(served.office.world.view.anchors(ISSUER))[-1]
    assert anchor.maker == bytes(12) + bytes.fromhex(WALLET.address[2:])
    tab.close()


def sign_typed(text: str) -> str:
    signed = WALLET.sign_message(encode_typed_data(full_message=json.loads(text)))
    return "0x" + bytes(signed.signature).hex()
