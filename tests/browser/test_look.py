"""Every page of pages.py looks right: see look.py for what that means."""

from __future__ import annotations

import pytest

from tests.browser.look import PHONE, looks_right, sideways, skeleton
from tests.browser.pages import PAGES

pytestmark = [pytest.mark.needs("chromium"), pytest.mark.xdist_group("look"), pytest.mark.timeout(300)]


def test_names_tell_pages_apart():
    assert len({visit.name for visit in PAGES}) == len(PAGES)


@pytest.mark.parametrize("visit", PAGES, ids=lambda visit: visit.name)
def test_looks_right(page, context, demo_site, visit):
    if visit.role is not None:
        demo_site.log_in(context, visit.role)
    address = demo_site.address + visit.path.format(**demo_site.facts)
    for language in ("zh", "en", "bo"):
        context.add_cookies([{"name": "lang", "value": language, "url": demo_site.address}])
        if visit.role is not None:
            demo_site.speak(visit.role, language)
        answer = page.goto(address)
        assert answer is not None
        assert answer.status == visit.status, f"{address} answers {answer.status}"
        assert page.url.split("?")[0] == address.split("?")[0], f"sent on to {page.url}"
        if visit.do is not None:
            visit.do(page)
        assert page.evaluate("document.documentElement.lang") == ("zh-CN" if language == "zh" else language)
        if language == "zh":
            looks_right(page)
        else:
            assert [*skeleton(page), *sideways(page, PHONE)] == [], f"{language} {page.url}"


@pytest.mark.parametrize(("language", "most"), [("zh", 250_000), ("en", 170_000), ("bo", 270_000)])
def test_a_first_visit_is_light(page, context, demo_site, language, most):
    """Bytes over the wire with headers; pages are never compressed (docs/deploy.md, Compression)."""
    wire = context.new_cdp_session(page)
    wire.send("Network.enable")
    sizes: list[float] = []
    wire.on("Network.loadingFinished", lambda event: sizes.append(event["encodedDataLength"]))
    page.goto(f"{demo_site.address}/?lang={language}", wait_until="networkidle")
    page.evaluate("document.fonts.ready")
    assert len(sizes) > 6
    assert sum(sizes) <= most
