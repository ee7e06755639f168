"""Every page that is walked by test_look.py: add a line for each page and each state of yours.

A visit is read at 390, 640 (200 %) and 1280 px, by axe, by keyboard and on paper in Chinese, and at
390 and 1280 px in English and Tibetan. `do` brings the page into the state that is meant (an error,
a list with nothing in it, a job that runs).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from playwright.sync_api import Page

from ledger.core.people import Role


@dataclass(frozen=True)
class Visit:
    """One page in one state.

    Args:
        name: of the test.
        path: without the host; `{…}` is filled from the served demo (see conftest.DemoSite.facts).
        role: as whom; None: nobody is logged in.
        do: what to do after the page is open.
        status: what the server answers to the path.
    """

    name: str
    path: str
    role: Role | None = None
    do: Callable[[Page], None] | None = None
    status: int = 200


def send_nothing(page: Page) -> None:
    """Press the first button of the page's form."""
    page.locator("main form button[type=submit]").first.click()
    page.wait_for_load_state()


def send_wrong_code(page: Page) -> None:
    """Ask for a number that is not there."""
    page.fill("#number", "AAAA-0000-1111-2222")
    page.fill("#code", "22222-22222")
    send_nothing(page)


PAGES: list[Visit] = [
    # the frame
    Visit("home", "/"),
    Visit("home with an error", "/", do=send_nothing),
    Visit("no such page", "/nowhere", status=404),
    Visit("accessibility", "/accessibility"),
    # checking
    Visit("number and code", "/check/number"),
    Visit("number and code, wrong", "/check/number", do=send_wrong_code),
    Visit("a QR typed in", "/q"),
    Visit("scanner", "/check/scan"),
    # the public side of the ledger
    Visit("ledger", "/ledger"),
    Visit("ledger, nothing asked", "/ledger", do=send_nothing),
    Visit("a block", "/ledger/block/1"),
    Visit("agencies", "/directory/issuers"),
    Visit("an agency", "/directory/issuers/12990100MAXXXX023E"),
    Visit("types", "/directory/types"),
    Visit("figures", "/statistics"),
    Visit("guides", "/guides"),
    Visit("a guide", "/guides/OFFCITY_LOAN"),
    Visit("guides, nothing found", "/guides?q=zzzz"),
]
