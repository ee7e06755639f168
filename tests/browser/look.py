"""Whether a page looks right: to axe, to a keyboard, on a phone, enlarged, on paper.

`looks_right(page)` is all that a test calls; each question alone is a function too. Every function
returns sentences about what is wrong, none when all is well.
"""

from __future__ import annotations

import json

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

PHONE, ENLARGED, DESK = 390, 640, 1280  # 640: what is left of 1280 px at 200 %
A4 = 794  # px at 96 dpi
HEIGHT = 900
MOST_STEPS = 50  # of pages with hundreds of links the beginning is walked
RULES = {
    "resultTypes": ["violations"],
    "runOnly": [
        "wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice",
    ],
}  # fmt: skip

# Everything that a keyboard must reach, in the order of the document. Of radio buttons with one name
# a keyboard reaches one: the chosen one, else the first.
STOPS = """() => {
    const stops = [];
    const seen = new Set();
    const candidates = document.querySelectorAll(
        "a[href], button, input, select, textarea, summary, [tabindex]");
    for (const element of candidates) {
        if (element.disabled || element.tabIndex < 0 || element.type === "hidden") continue;
        if (!element.checkVisibility({visibilityProperty: true})) continue;  // folded or hidden
        if (element.type === "radio") {
            const group = Array.from(document.getElementsByName(element.name));
            const one = group.find((radio) => radio.checked) || group[0];
            if (element !== one) continue;
        }
        if (!seen.has(element)) { seen.add(element); stops.push(element); }
    }
    window.lookStops = stops;
    return stops.length;
}"""
HERE = """() => {
    const element = document.activeElement;
    const style = getComputedStyle(element);
    const box = element.getBoundingClientRect();
    const zone = element.closest(".drop--live");
    const shown = zone ? getComputedStyle(zone) : style;
    return {
        number: window.lookStops.indexOf(element),
        name: element.tagName.toLowerCase() + (element.id ? "#" + element.id : "") + " " +
            (element.textContent || element.name || "").trim().slice(0, 30),
        left: element === document.body || element === document.documentElement,
        focus: parseFloat(shown.outlineWidth) >= 2 && shown.outlineStyle !== "none" || shown.boxShadow !== "none",
        inside: box.bottom > 0 && box.top < window.innerHeight && box.right > 0 && box.left < window.innerWidth,
    };
}"""
# what htmx put something else for meanwhile is no stop any more
NAMES = """(missed) => missed.map((number) => window.lookStops[number])
    .filter((element) => element.isConnected && element.checkVisibility())
    .map((element) => element.outerHTML.slice(0, 120))"""
WIDE = """() => Array.from(document.querySelectorAll("body *"))
    .filter((element) => element.getBoundingClientRect().right > window.innerWidth + 1
        && !element.closest(".table-box, .govuk-visually-hidden, svg, .govuk-skip-link"))
    .slice(0, 3).map((element) => element.outerHTML.slice(0, 100))"""

# Words of a cell that stand one below the other, a character or two a line; tags in pieces.
CRAMPED = """() => {
    const lines = (element) => {
        const range = document.createRange();
        range.selectNodeContents(element);
        const widths = new Map();
        for (const box of range.getClientRects()) {
            if (box.width < 1) continue;
            const line = Math.round(box.top / 8);
            widths.set(line, (widths.get(line) || 0) + box.width);
        }
        return Array.from(widths.values());
    };
    const narrow = Array.from(document.querySelectorAll("main td, main th")).filter((cell) => {
        const widths = cell.checkVisibility() ? lines(cell) : [];
        return widths.length > 2 && Math.max(...widths) < 3.2 * parseFloat(getComputedStyle(cell).fontSize);
    });
    const torn = Array.from(document.querySelectorAll("main table .govuk-tag")).filter(
        (tag) => tag.checkVisibility() && tag.textContent.trim().length < 16 && lines(tag).length > 1);
    return narrow.concat(torn).slice(0, 3).map((element) => element.outerHTML.slice(0, 120));
}"""


def axe_findings(page: Page) -> list[str]:
    """What axe finds against WCAG 2.2 A and AA and its own best practice."""
    response = Axe().run(page, options=RULES).response
    return [
        f"axe {found['id']} ({found['impact']}): {[node['html'][:140] for node in found['nodes'][:3]]}"
        for found in response["violations"]
    ]


def sideways(page: Page, *widths: int) -> list[str]:
    """Widths at which the page scrolls sideways, and what sticks out."""
    problems = []
    for width in widths:
        page.set_viewport_size({"width": width, "height": HEIGHT})
        if page.evaluate("document.documentElement.scrollWidth > window.innerWidth"):
            problems.append(f"scrolls sideways at {width} px: {page.evaluate(WIDE)}")
    return problems


def cramped(page: Page, *widths: int) -> list[str]:
    """Widths at which a column is as narrow as its characters, or a tag is torn."""
    problems = []
    for width in widths:
        page.set_viewport_size({"width": width, "height": HEIGHT})
        if found := page.evaluate(CRAMPED):
            problems.append(f"cramped at {width} px: {found}")
    return problems


def keyboard_walk(page: Page) -> list[str]:
    """From the top with Tab to the end: every stop reached, in order, seen, and left again."""
    page.evaluate(
        "() => { window.scrollTo(0, 0); if (document.activeElement) document.activeElement.blur();"
        " const top = document.createElement('span'); top.tabIndex = -1; document.body.prepend(top);"
        " top.focus({preventScroll: true}); window.lookTop = top; }"
    )
    count = page.evaluate(STOPS)
    order: list[int] = []
    problems: list[str] = []
    is_at_the_end = False
    for _ in range(MOST_STEPS):
        page.keyboard.press("Tab")
        here = page.evaluate(HERE)
        if here["left"]:
            is_at_the_end = True
            break
        if order and here["number"] == order[-1]:
            continue  # parts of one field: day, month, year
        if here["number"] >= 0 and here["number"] in order:
            is_at_the_end = True
            break  # around: the browser has nothing else to visit
        order.append(here["number"])
        if not here["focus"]:
            problems.append(f"focus cannot be seen on {here['name']}")
        if not here["inside"]:
            problems.append(f"focus outside the window on {here['name']}")
    known = [number for number in order if number >= 0]
    if known != sorted(known):
        problems.append(f"keyboard order is not the order of the page: {known}")
    missed = [number for number in range(count) if number not in known]
    if is_at_the_end and (names := page.evaluate(NAMES, missed)):
        problems.append(f"keyboard does not reach {names[:4]}")
    page.evaluate("() => window.lookTop.remove()")
    return problems


def on_paper(page: Page) -> list[str]:
    """Whether a print holds the page and nothing to press."""
    page.set_viewport_size({"width": A4, "height": 1123})
    page.emulate_media(media="print")
    problems = []
    if page.evaluate("document.documentElement.scrollWidth > window.innerWidth"):
        problems.append(f"wider than paper: {page.evaluate(WIDE)}")
    if not page.locator("main h1").first.is_visible():
        problems.append("paper lacks the heading")
    shown = "(all) => all.filter((one) => one.checkVisibility()).map((one) => one.outerHTML.slice(0, 100))"
    if found := page.locator(".masthead__tools, .navigation, button").evaluate_all(shown):
        problems.append(f"paper shows {found[:3]}")
    page.emulate_media(media="screen")
    return problems


def skeleton(page: Page) -> list[str]:
    """One heading, a title that begins with it or with a warning, a language, one main part."""
    facts = json.loads(
        page.evaluate(
            "() => JSON.stringify({headings: document.querySelectorAll('h1').length, title: document.title,"
            " language: document.documentElement.lang, mains: document.querySelectorAll('main').length})"
        )
    )
    problems = []
    if facts["headings"] != 1 or facts["mains"] != 1:
        problems.append(f"{facts['headings']} headings, {facts['mains']} main parts")
    if facts["language"] not in {"zh-CN", "en", "bo"} or len(facts["title"].strip(" -")) < 3:
        problems.append(f"language {facts['language']!r}, title {facts['title']!r}")
    return problems


def looks_right(page: Page) -> None:
    """Fail with everything that is wrong with the page that is open now.

    axe reads it once, at the width of a phone: there its rules about size and reflow bite.
    """
    page.set_viewport_size({"width": DESK, "height": HEIGHT})
    problems = [*skeleton(page), *keyboard_walk(page), *sideways(page, DESK, ENLARGED, PHONE)]
    problems += cramped(page, DESK, PHONE)
    problems += axe_findings(page)
    problems += on_paper(page)
    page.set_viewport_size({"width": DESK, "height": HEIGHT})
    assert not problems, f"{page.url}\n" + "\n".join(problems)
