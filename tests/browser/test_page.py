"""What a person sees: four states, two languages, a phone and a desk, keyboard, no script, paper."""

from __future__ import annotations

import pytest
from axe_playwright_python.sync_playwright import Axe

pytestmark = [pytest.mark.needs("chromium"), pytest.mark.xdist_group("browser")]

STATES = {
    "good": ("证照真实有效", "Genuine and in force"),
    "bad": ("证照无效", "Not valid"),
    "paused": ("已过期·已暂停", "Expired or suspended"),
    "unknown": ("暂时无法核验", "Cannot be checked now"),
}


def check_pasted(page, site, text, language="zh"):
    page.goto(f"{site.address}/?lang={language}")
    page.locator("details.paste summary").click()
    page.locator("#text").fill(text)
    page.locator("main button[type=submit]").click()
    page.wait_for_load_state()


def fits(page):
    return page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def findings(page):
    response = Axe().run(page).response
    return [
        f"{found['id']} ({found['impact']}): {[node['html'][:120] for node in found['nodes']]}"
        for found in response["violations"]
    ]


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("language", ["zh", "en"])
def test_home_fits_and_is_accessible(page, site, width, language):
    page.set_viewport_size({"width": width, "height": 800})
    page.goto(f"{site.address}/?lang={language}")
    assert page.locator("h1").inner_text() == (
        "核验一张电子证照" if language == "zh" else "Check an electronic certificate"
    )
    assert fits(page)
    assert findings(page) == []


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("state", sorted(STATES))
def test_results_fit_and_are_accessible(page, site, state, language, width):
    page.set_viewport_size({"width": width, "height": 800})
    check_pasted(page, site, state, language)
    assert page.locator("h1").inner_text() == STATES[state][0 if language == "zh" else 1]
    assert page.evaluate("document.documentElement.lang") == ("zh-CN" if language == "zh" else "en")
    assert fits(page)
    for group in page.locator("details.group").all():
        if group.get_attribute("open") is None:
            group.locator("summary").click()
    assert page.locator("#check-page").is_visible()
    assert fits(page)
    assert findings(page) == []


@pytest.mark.parametrize("width", [390, 1280])
def test_problems_fit_and_are_accessible(page, site, width):
    page.set_viewport_size({"width": width, "height": 800})
    for text in ("", "{nonsense"):
        check_pasted(page, site, text)
        assert page.locator(".alert").is_visible()
        assert page.evaluate("document.activeElement.className") == "alert"
        assert fits(page)
        assert findings(page) == []
    page.goto(f"{site.address}/nowhere")
    assert fits(page)
    assert findings(page) == []


def test_states_differ_without_colour(page, site):
    """Sign and words tell the state; colour only repeats it."""
    seen = set()
    for state in STATES:
        check_pasted(page, site, state)
        seen.add((page.locator(".verdict__icon").inner_text(), page.locator("h1").inner_text()))
    assert len(seen) == len({sign for sign, _ in seen}) == len(STATES)


def test_a_chosen_file_is_checked(page, site, tmp_path):
    file = tmp_path / "证照.ecert.json"
    file.write_bytes(b"good file")
    page.goto(site.address)
    page.locator("#file").set_input_files(file)
    page.locator("main button[type=submit]").click()
    page.wait_for_selector(".verdict--good")
    assert site.services.seen == [b"good file"]
    assert "来人身份未核对" in page.locator("main").inner_text()
    assert "单方账本" in page.locator("main").inner_text()


def test_a_dropped_file_is_checked_at_once(page, site):
    page.goto(site.address)
    page.evaluate(
        """() => {
            const transfer = new DataTransfer();
            transfer.items.add(new File(["paused dropped"], "a.ecert.json"));
            document.body.dispatchEvent(new DragEvent("drop", {dataTransfer: transfer, bubbles: true, cancelable: true}));
        }"""
    )
    page.wait_for_selector(".verdict--paused")
    assert site.services.seen == [b"paused dropped"]


def test_too_large_a_file_gets_a_page_not_a_reset(page, site, tmp_path):
    file = tmp_path / "photo.jpg"
    file.write_bytes(b"\xff\xd8" * 2_000_000)
    page.goto(site.address)
    page.locator("#file").set_input_files(file)
    page.locator("main button[type=submit]").click()
    page.wait_for_selector("h1:has-text('超过 1 MiB')")
    assert site.services.seen == []


def test_everything_works_by_keyboard(page, site):
    page.goto(site.address)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    for _ in range(8):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.tagName") == "SUMMARY":
            break
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "text"
    page.keyboard.insert_text("bad")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_selector(".verdict--bad")
    # the verdict is what a screen reader reads first
    assert page.evaluate("document.activeElement.id") == "verdict"


def test_focus_can_be_seen(page, site):
    page.goto(site.address)
    for _ in range(4):
        page.keyboard.press("Tab")
        width = page.evaluate("parseFloat(getComputedStyle(document.activeElement).outlineWidth)")
        assert width >= 3


def test_works_without_script(browser, site):
    context = browser.new_context(java_script_enabled=False, viewport={"width": 390, "height": 800})
    page = context.new_page()
    try:
        check_pasted(page, site, "good")
        assert page.locator("h1").inner_text() == "证照真实有效"
        assert page.locator("[data-print]").is_hidden()
        page.locator("details.group summary").first.click()
        assert page.locator("#check-parse").is_visible()
        page.locator("button.switch").click()
        page.wait_for_load_state()
        assert page.locator("h1").inner_text() == "Genuine and in force"
    finally:
        context.close()


def test_language_is_kept_and_can_be_switched_on_a_result(page, site):
    check_pasted(page, site, "unknown")
    page.locator("button.switch").click()
    page.wait_for_selector("h1:has-text('Cannot be checked now')")
    page.locator("a.button").click()
    page.wait_for_selector("h1:has-text('Check an electronic certificate')")
    assert site.services.seen == [b"unknown", b"unknown"]


def test_the_back_button_shows_an_empty_form(page, site):
    check_pasted(page, site, "good")
    page.go_back()
    page.wait_for_selector("form.form")
    assert page.locator("#text").input_value() == ""  # no-store: the next person sees an empty form
    assert site.services.seen == [b"good"]


def test_paper_shows_every_check(page, site):
    check_pasted(page, site, "good")
    page.emulate_media(media="print")
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    assert page.locator("#check-holder_binding").is_visible()
    assert not page.locator(".actions").is_visible()
    page.evaluate("window.dispatchEvent(new Event('afterprint'))")
    assert page.pdf(format="A4")[:5] == b"%PDF-"


def test_nothing_stays_in_the_browser(page, context, site):
    check_pasted(page, site, "good")
    assert {cookie["name"] for cookie in context.cookies()} <= {"form", "lang"}
    assert page.evaluate("localStorage.length + sessionStorage.length") == 0
    assert "good" not in page.url
