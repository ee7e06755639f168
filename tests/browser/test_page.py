"""Checking as a person does it: four states, a dropped file, keyboard, no script, three languages, paper."""

from __future__ import annotations

import pytest

from tests.browser.look import DESK, PHONE, looks_right, sideways

pytestmark = [pytest.mark.needs("chromium"), pytest.mark.xdist_group("browser")]

STATES = {
    "good": ("证照真实有效", "Genuine and in force"),
    "bad": ("证照无效", "Not valid"),
    "paused": ("已过期·已暂停", "Expired or suspended"),
    "unknown": ("暂时无法核验", "Cannot be checked now"),
}
FORM = ".way--file"


def check_pasted(page, site, text, language="zh"):
    page.goto(f"{site.address}/?lang={language}")
    page.locator(f"{FORM} summary").click()
    page.locator("#text").fill(text)
    page.locator(f"{FORM} button[type=submit]").click()
    page.wait_for_load_state()


@pytest.mark.parametrize("state", sorted(STATES))
def test_each_state_looks_right_and_says_what_it_is(page, site, state):
    check_pasted(page, site, state)
    assert page.locator("h1").inner_text() == STATES[state][0]
    looks_right(page)
    for language, tag in (("en", "en"), ("bo", "bo")):
        page.locator(f".languages button[value={language}]").click()
        page.wait_for_selector(f"html[lang={tag}]")
        assert sideways(page, PHONE, DESK) == []
    assert "{" not in page.locator("main").inner_text()


def test_states_differ_without_colour(page, site):
    """Sign and words tell the state; colour only repeats it."""
    seen = set()
    for state in STATES:
        check_pasted(page, site, state)
        seen.add((page.locator(".verdict__icon").inner_text(), page.locator("h1").inner_text()))
    assert len(seen) == len({sign for sign, _ in seen}) == len(STATES)


def test_a_chosen_file_is_named_and_checked(page, site, tmp_path):
    file = tmp_path / "证照.ecert.json"
    file.write_bytes(b"good file")
    page.goto(site.address)
    page.locator("#file").set_input_files(file)
    assert page.locator(".drop__chosen").inner_text() == "证照.ecert.json"
    page.locator(f"{FORM} button[type=submit]").click()
    page.wait_for_selector(".verdict--good")
    assert site.services.seen == [b"good file"]
    assert "来人身份未核对" in page.locator("main").inner_text()
    assert "单方账本" in page.locator("main").inner_text()


def test_a_dropped_file_is_checked_at_once(page, site):
    page.goto(site.address)
    page.wait_for_selector(".drop--live")
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
    file.write_bytes(b"\xff\xd8" * 8_000_000)
    page.goto(site.address)
    page.locator("#file").set_input_files(file)
    page.locator(f"{FORM} button[type=submit]").click()
    page.wait_for_selector("h1:has-text('10 MiB')")
    assert site.services.seen == []


def test_everything_works_by_keyboard(page, site):
    page.goto(site.address)
    page.keyboard.press("Tab")
    assert "govuk-skip-link" in page.evaluate("document.activeElement.className")
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


def test_a_mistake_is_what_is_read_first(page, site):
    for text in ("", "{nonsense"):
        check_pasted(page, site, text)
        assert page.locator(".govuk-error-summary").is_visible()
        assert "govuk-error-summary" in page.evaluate("document.activeElement.className")
        assert page.title().startswith("错误")


def test_works_without_script(browser, site):
    context = browser.new_context(java_script_enabled=False, viewport={"width": PHONE, "height": 800})
    page = context.new_page()
    try:
        check_pasted(page, site, "good")
        assert page.locator("h1").inner_text() == "证照真实有效"
        assert page.locator("[data-print]").is_hidden()
        page.locator(".languages button[value=en]").click()
        page.wait_for_load_state()
        assert page.locator("h1").inner_text() == "Genuine and in force"
    finally:
        context.close()


def test_language_is_kept_and_can_be_switched_on_a_result(page, site):
    check_pasted(page, site, "unknown")
    page.locator(".languages button[value=bo]").click()
    page.wait_for_selector("html[lang=bo]")
    page.locator("a.brand").click()
    page.wait_for_selector(FORM)
    assert page.evaluate("document.documentElement.lang") == "bo"
    assert site.services.seen == [b"unknown", b"unknown"]


def test_the_back_button_shows_an_empty_form(page, site):
    check_pasted(page, site, "good")
    page.go_back()
    page.wait_for_selector(FORM)
    assert page.locator("#text").input_value() == ""  # no-store: the next person sees an empty form
    assert site.services.seen == [b"good"]


def test_paper_shows_what_is_folded(page, site):
    check_pasted(page, site, "good")
    folded = page.locator("main details:not([open])").count()
    assert folded > 0
    page.emulate_media(media="print")
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    assert page.locator("main details:not([open])").count() == 0
    assert not page.locator(".actions").is_visible()
    page.evaluate("window.dispatchEvent(new Event('afterprint'))")
    assert page.locator("main details:not([open])").count() == folded
    assert page.pdf(format="A4")[:5] == b"%PDF-"


def test_nothing_stays_in_the_browser(page, context, site):
    check_pasted(page, site, "good")
    assert {cookie["name"] for cookie in context.cookies()} <= {"form", "lang"}
    assert page.evaluate("localStorage.length + sessionStorage.length") == 0
    assert "good" not in page.url
