"""An admin accepts in chromium with an authenticator of her own; the real contract decides."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from ledger.adapters.carrier import DirectCarrier
from ledger.core.model import Role as ChainRole
from ledger.core.people import Role
from ledger.ports import ContractCall, Step
from ledger.services.registry import Act
from tests.browser.look import looks_right
from tests.browser.test_signing import Served, Tab, served  # noqa: F401  a fixture
from tests.flow_world import ISSUER, chain_signer

pytestmark = [pytest.mark.needs("chromium"), pytest.mark.xdist_group("signing"), pytest.mark.timeout(300)]


@pytest.fixture
def admin(browser: Browser, served: Served) -> Iterator[Tab]:  # noqa: F811  the fixture above
    tab = Tab(browser, served, Role.ADMINISTRATOR)
    tab.enrol("管理员的钥匙")
    served.signing.give_role(served.key_of(Role.ADMINISTRATOR).signer_id, ChainRole.ADMIN)
    yield tab
    tab.close()


def propose(served: Served) -> int:  # noqa: F811  as above
    """An admin at another desk proposes a deputy for a day; the proposal's number."""
    world = served.office.world
    issuer, now, signer = ISSUER.encode(), world.clock.now(), chain_signer("admin1")
    args = (issuer, issuer, bytes(31) + b"\x55", int(ChainRole.APPROVER), 0, now, now + 86_400)
    data = world.chain.encode(Act("setRole", args).call)
    call = ContractCall("registry", "propose", (issuer, data, (signer.signer_id, 0, 0, b"")))
    carrier = DirectCarrier(world.chain, pause=lambda _seconds=1: world.clock.advance(1))
    assert carrier.carry([Step(call, signer)])[0].state == "final"
    world.follower.advance()
    return served.office.parts.signing.governed.proposals()[-1].number


def test_what_waits_is_found_read_and_accepted(served: Served, admin: Tab) -> None:  # noqa: F811  as above
    number = propose(served)
    admin.go("/governance")
    expect(admin.page.locator("main")).to_contain_text("待您同意")
    admin.page.click(f'a[href="/governance/proposals/{number}"]')
    expect(admin.page.locator(".govuk-inset-text").first).to_contain_text("为复核人")
    looks_right(admin.page)
    admin.sign()
    admin.page.wait_for_url(f"**/governance/proposals/{number}?done=govern")
    served.office.world.work()
    admin.go(f"/governance/proposals/{number}")
    expect(admin.page.locator("main")).to_contain_text("已同意并生效")
    found = served.office.parts.signing.governed.proposal(number)
    assert found.decided_by == served.key_of(Role.ADMINISTRATOR).signer_id
