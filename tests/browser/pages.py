"""Every page that is walked by test_look.py: add a line for each page and each state of yours.

A visit is read at 390, 640 (200 %) and 1280 px, by axe, by keyboard and on paper in Chinese, and at
at 390 px in English and Tibetan. `do` brings the page into the state that is meant (an error,
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


def order_nothing(page: Page) -> None:
    """A copy for a purpose without purpose and fields."""
    page.locator("input[name=kind][value=purpose]").check()
    page.locator("main form button[type=submit]").first.click()
    page.wait_for_load_state()


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
    Visit("an entry with its proof", "/ledger/entry/12990100MAXXXX023E/{root}/0"),
    Visit("agencies", "/directory/issuers"),
    Visit("an agency", "/directory/issuers/12990100MAXXXX023E"),
    Visit("types", "/directory/types"),
    Visit("witnesses", "/witnesses"),
    Visit("figures", "/statistics"),
    Visit("guides", "/guides"),
    Visit("a guide", "/guides/OFFCITY_LOAN"),
    Visit("for programmers", "/developers"),
    Visit("guides, nothing found", "/guides?q=zzzz"),
    # the issuing desk
    Visit("desk", "/desk", Role.CLERK),
    Visit("desk of an auditor", "/desk", Role.AUDITOR),
    Visit("import", "/desk/import/HPF_PERSONAL_DEPOSIT", Role.CLERK),
    Visit("import without a file", "/desk/import/HPF_PERSONAL_DEPOSIT", Role.CLERK, do=send_nothing),
    Visit("imports", "/desk/imports", Role.CLERK),
    Visit("single issue", "/desk/issue/HPF_PERSONAL_DEPOSIT", Role.CLERK),
    Visit("single issue with errors", "/desk/issue/HPF_PERSONAL_DEPOSIT", Role.CLERK, do=send_nothing),
    Visit("batches", "/desk/batches", Role.CLERK),
    Visit("a batch", "/desk/batches/1", Role.CLERK),
    Visit("search in the desk", "/desk/search", Role.CLERK),
    Visit("search with an error", "/desk/search", Role.CLERK, do=send_nothing),
    # paper
    Visit("prints of a credential", "/credentials/{credential}/prints", Role.CLERK),
    Visit("a print without purpose", "/credentials/{credential}/prints", Role.CLERK, do=order_nothing),
    Visit("prints of a batch", "/batches/1/prints", Role.CLERK),
    # people
    Visit("log-in", "/account/log-in"),
    Visit("log-in with an error", "/account/log-in", do=send_nothing),
    Visit("own account", "/account", Role.CLERK),
    Visit("confirming who one is", "/account/confirm", Role.CLERK),
    Visit("a new password, wrong", "/account/password", Role.CLERK, do=send_nothing),
    Visit("people of the organisation", "/people", Role.ADMINISTRATOR),
    Visit("a person", "/people/{person}", Role.ADMINISTRATOR),
    Visit("keys of programs", "/tokens", Role.ADMINISTRATOR),
    Visit("a new person with errors", "/people/add", Role.ADMINISTRATOR, do=send_nothing),
    # signing keys, approving, changes of status
    Visit("batches that wait", "/approve", Role.APPROVER),
    Visit("my signing keys", "/signing-keys", Role.APPROVER),
    Visit("all signing keys", "/signing-keys/all", Role.ADMINISTRATOR),
    Visit("a batch, approved", "/approve/1", Role.APPROVER),
    Visit("all rows of a batch", "/approve/1/rows", Role.APPROVER),
    Visit("a batch beside the one before", "/approve/1/compare", Role.APPROVER),
    Visit("returning a batch, nothing said", "/approve/1/return", Role.APPROVER, do=send_nothing),
    Visit("standing approvals", "/standing-approvals", Role.APPROVER),
    Visit("a new standing approval", "/standing-approvals/new", Role.APPROVER),
    # governance
    Visit("governance", "/governance", Role.ADMINISTRATOR),
    Visit("governance of an agency", "/governance/12990100MAXXXX023E", Role.AUDITOR),
    Visit("a standing approval", "/standing-approvals/{standing}", Role.APPROVER),
    Visit("changes of status", "/status", Role.CLERK),
    Visit("the life of a certificate", "/status/credentials/{credential}", Role.CLERK),
    Visit("a change of status, nothing chosen", "/status/new", Role.CLERK, do=send_nothing),
    Visit("withdrawing a batch", "/status/new?batch=1", Role.CLERK),
    # the verifier's desk, the auditor, the operator
    Visit("checking desk", "/desk/verify", Role.VERIFIER),
    Visit("checking desk, nothing handed in", "/desk/verify", Role.VERIFIER, do=send_nothing),
    Visit("lists to check", "/desk/lists", Role.VERIFIER),
    Visit("lists, no file", "/desk/lists", Role.VERIFIER, do=send_nothing),
    Visit("checks made", "/desk/checks", Role.VERIFIER),
    Visit("a check that was kept", "/desk/checks/{checked}", Role.VERIFIER),
    Visit("audit log", "/audit", Role.AUDITOR),
    Visit("what changed", "/changes", Role.AUDITOR),
    Visit("proving", "/audit/prove", Role.AUDITOR),
    Visit("a proof", "/audit/prove/12990100MAXXXX023E/{root}/0", Role.AUDITOR),
    Visit("operation", "/operate", Role.OPERATOR),
]
