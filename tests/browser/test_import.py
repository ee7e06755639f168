"""A clerk imports a file in a real browser: drops it, sees it move, closes the tab, comes back."""

from __future__ import annotations

import base64
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from playwright.sync_api import BrowserContext, Page, expect
from werkzeug.serving import make_server

from ledger.core.people import Role
from tests.browser.look import looks_right
from tests.flow_world import deposit_row
from tests.intake_world import IssuingOffice, spoiled
from tests.office_world import OWN, PASSWORD, make_installation, open_office

pytestmark = [pytest.mark.needs("chromium"), pytest.mark.xdist_group("import"), pytest.mark.timeout(300)]

ROWS = 200
BAD = (17, 101)
DROP = """([name, content]) => {
    const bytes = Uint8Array.from(atob(content), (letter) => letter.charCodeAt(0));
    const carried = new DataTransfer();
    carried.items.add(new File([bytes], name, {type: "text/csv"}));
    document.dispatchEvent(new DragEvent("drop", {dataTransfer: carried, bubbles: true, cancelable: true}));
}"""


@dataclass
class Served:
    """A small installation, served; its worker works when the test says so."""

    address: str
    issuing: IssuingOffice
    token: str

    def log_in(self, context: BrowserContext) -> None:
        context.add_cookies([{"name": "session", "value": self.token, "url": self.address}])


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("import") / "home"
    make_installation(folder)
    office = open_office(folder, secure_cookies=False)
    office.person(Role.CLERK)
    entry = office.parts.login.password("clerk-own", PASSWORD, "tests", "127.0.0.1")
    assert not isinstance(entry, int)
    server = make_server("127.0.0.1", 0, office.app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield Served(f"http://127.0.0.1:{server.server_port}", IssuingOffice(office.world), entry.token)
    server.shutdown()
    thread.join()
    server.server_close()
    office.close()


def drop(page: Page, data: bytes) -> None:
    """Let a file fall on the middle of the page."""
    page.evaluate(DROP, ["缴存 200.csv", base64.b64encode(data).decode()])


def test_dropped_seen_moving_left_and_found_again(context: BrowserContext, served: Served) -> None:
    served.log_in(context)
    page = context.new_page()
    page.goto(f"{served.address}/desk")
    page.get_by_role("button", name="批量导入").click()
    drop(page, spoiled(range(ROWS), BAD).csv().encode("gb18030"))
    page.wait_for_url("**/desk/imports/*")
    expect(page.get_by_text("排队等待检查")).to_be_visible()
    page.evaluate("() => { window.stillTheSamePage = true; }")
    page.close()  # the tab is gone; the worker knows nothing of tabs
    served.issuing.world.work()
    page = context.new_page()
    page.goto(f"{served.address}/desk")
    page.get_by_role("link", name="缴存 200.csv").click()
    expect(page.get_by_text("身份证号码校验位错误").first).to_be_visible()
    assert deposit_row(BAD[0])[2] not in page.content()
    looks_right(page)
    with page.expect_download() as taken:
        page.get_by_role("button", name="仅导出错误行 2 行（CSV）").click()
    assert re.fullmatch(r"import-[0-9]+-failed\.csv", taken.value.suggested_filename)
    page.get_by_role("button", name="提交 198 行").click()
    expect(page.get_by_text("已提交，马上开始导入")).to_be_visible()
    served.issuing.world.work()
    # nobody presses anything: the page asks by itself
    expect(page.get_by_text("待经办确认")).to_be_visible(timeout=10_000)
    looks_right(page)
    [batch] = served.issuing.desk.batches([OWN], [], 0, 5)
    assert batch.size == ROWS - len(BAD)
    page.get_by_role("link", name=f"批次 {batch.id}").click()
    expect(page.get_by_text(deposit_row(0)[0]).first).to_be_visible()
    looks_right(page)


def test_a_single_issue_without_script(context: BrowserContext, browser, served: Served) -> None:
    plain = browser.new_context(java_script_enabled=False)
    served.log_in(plain)
    page = plain.new_page()
    page.goto(f"{served.address}/desk")
    page.get_by_role("button", name="单张签发").click()
    row = deposit_row(300)
    for name, value in (
        ("f_name", row[0]), ("f_id_number", row[2]), ("f_account_no", row[3]), ("f_unit_name", row[4]),
        ("f_unit_account_no", row[5]), ("f_opened_on", row[6]), ("f_deposit_base", row[8]),
        ("f_unit_ratio", row[9]), ("f_person_ratio", row[10]), ("f_monthly_total", row[11]),
        ("f_balance", row[12]), ("f_paid_to", row[13]), ("f_continuous_from", row[14]),
        ("f_continuous_to", row[15]), ("f_continuous_months", row[16]), ("f_as_of", row[17]),
    ):  # fmt: skip
        page.locator(f"[name={name}]").fill(value)
    for name, code in (("f_id_type", row[1]), ("f_account_status", row[7])):
        field = page.locator(f"[name={name}]").first
        if field.evaluate("(element) => element.tagName") == "SELECT":
            field.select_option(code)
        else:
            page.locator(f"[name={name}][value='{code}']").check()
    page.get_by_role("button", name="继续").click()
    expect(page.get_by_role("heading", name="提交前检查")).to_be_visible()
    page.get_by_role("link", name="更改 姓名").click()
    expect(page.locator("[name=f_name]")).to_have_value(row[0])
    page.get_by_role("button", name="继续").click()
    page.get_by_role("button", name="提交", exact=True).click()
    page.wait_for_url("**/desk/imports/*")
    served.issuing.world.work()
    page.reload()
    expect(page.get_by_text("待经办确认")).to_be_visible()
    plain.close()
