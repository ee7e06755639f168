"""Governance in the browser: what each role sees, accepting by passkey, standing approvals given and taken back."""

from __future__ import annotations

import re

import pytest

from ledger.adapters.carrier import DirectCarrier
from ledger.adapters.snapshot_reader import SnapshotReader
from ledger.core.governed import Deed
from ledger.core.model import Role as ChainRole
from ledger.core.people import Role
from ledger.ports import ContractCall, Step
from ledger.services.governed import GovernedBook
from ledger.services.oversight import OversightService
from ledger.services.registry import Act
from tests.authenticator import Authenticator
from tests.desk_world import APPROVERS, SITE, Desk, words
from tests.flow_world import ISSUER, chain_signer
from tests.office_world import CHILD, FOREIGN, Office
from web.governance.lines import deed_line

ADMINS = Authenticator(0xC3, SITE)
LANGUAGES = ("bo", "en", "zh")  # a person keeps the last one


class Council:
    """The desk, and an administrator whose passkey is an admin's on the ledger."""

    def __init__(self, office: Office) -> None:
        self.desk = Desk(office)
        self.office = office
        self.admin = office.client(Role.ADMINISTRATOR)
        self.key = self.desk.enrol(self.admin, ADMINS)
        self.desk.signing.give_role(ADMINS.signer_id, ChainRole.ADMIN)

    def propose(self, act: Act, who: str = "admin1") -> int:
        """One admin's key file proposes; the proposal's number."""
        world = self.office.world
        signer = chain_signer(who)
        data = world.chain.encode(act.call)
        call = ContractCall("registry", "propose", (ISSUER.encode(), data, (signer.signer_id, 0, 0, b"")))
        carrier = DirectCarrier(world.chain, pause=lambda _seconds=1: world.clock.advance(1))
        outcome = carrier.carry([Step(call, signer)])[0]
        assert outcome.state == "final", outcome
        world.follower.advance()
        return self.office.parts.signing.governed.proposals()[-1].number

    def appoint(self, tail: int) -> Act:
        issuer, now = ISSUER.encode(), self.office.world.clock.now()
        signer = bytes(12) + bytes([tail]) * 20
        return Act("setRole", (issuer, issuer, signer, int(ChainRole.APPROVER), 0, now, now + 86_400))


@pytest.fixture(scope="module")
def council(office: Office) -> Council:
    return Council(office)


def test_a_proposal_waits_is_accepted_by_passkey_and_told(council: Council) -> None:
    number = council.propose(council.appoint(0x71))
    page = words(council.admin.get("/governance"))
    assert f"/governance/proposals/{number}" in page
    assert "待您同意" in page
    path = f"/governance/proposals/{number}"
    page = words(council.admin.get(path))
    assert "复核人" in page
    assert f'action="{path}/accept"' in page
    assert f"ecert role accept {number} --key" in page
    done = council.desk.sign(council.admin, f"{path}/accept", ADMINS, key=council.key.id)
    assert done.status_code == 200, words(done)
    assert "您的同意已签名" in words(council.admin.get(done.get_json()["location"]))
    council.office.world.work()
    page = words(council.admin.get(path))
    assert "已同意并生效" in page
    assert f'action="{path}/accept"' not in page
    book = council.office.parts.signing.governed
    assert book.proposal(number).decided_by == ADMINS.signer_id
    told = words(council.admin.get(f"/governance/{ISSUER}"))
    assert "administrator-own 先生 同意" in told
    again = council.desk.ask(council.admin, f"{path}/accept", key=council.key.id)
    assert again.status_code == 409
    assert again.get_json()["code"] == "PROPOSAL_ENDED"
    acts = {(row.action, row.subject) for row in council.office.parts.audit.rows(None)}
    assert ("govern.accepted", f"proposal/{number}") in acts


def test_a_proposal_is_cancelled_and_never_accepted_afterwards(council: Council) -> None:
    number = council.propose(council.appoint(0x72))
    path = f"/governance/proposals/{number}"
    done = council.desk.sign(council.admin, f"{path}/cancel", ADMINS, key=council.key.id)
    assert done.status_code == 200, words(done)
    council.office.world.work()
    assert "已取消" in words(council.admin.get(path))
    assert council.desk.ask(council.admin, f"{path}/accept", key=council.key.id).status_code == 409


def test_who_proposed_does_not_accept_nor_does_a_key_without_the_role(council: Council) -> None:
    number = council.propose(council.appoint(0x73))
    path = f"/governance/proposals/{number}/accept"
    desk = council.desk
    refused = desk.ask(council.admin, path, key=desk.keys[Role.APPROVER].id)
    assert refused.status_code == 404, "somebody else's key"
    desk.signing.give_role(ADMINS.signer_id, ChainRole.ADMIN, until=0)
    assert desk.ask(council.admin, path, key=council.key.id).get_json()["code"] == "WRONG_ROLE"
    assert "没有账本管理员的密钥" in words(council.admin.get(path.removesuffix("/accept")))
    desk.signing.give_role(ADMINS.signer_id, ChainRole.ADMIN)


def test_what_an_admin_who_left_proposed_is_not_signed_for(council: Council) -> None:
    signing, third = council.desk.signing, chain_signer("third admin")
    signing.give_role(third.signer_id, ChainRole.ADMIN)
    number = council.propose(council.appoint(0x76), "third admin")
    signing.give_role(third.signer_id, ChainRole.ADMIN, until=0)
    asked = council.desk.ask(council.admin, f"/governance/proposals/{number}/accept", key=council.key.id)
    assert asked.get_json()["code"] == "PROPOSAL_ORPHANED"


def test_each_sees_the_own_subtree_only(council: Council) -> None:
    office = council.office
    number = council.propose(council.appoint(0x74))
    for role in (Role.ADMINISTRATOR, Role.AUDITOR, Role.OPERATOR):
        own, stranger = office.client(role), office.client(role, "foreign")
        for language in LANGUAGES:
            for path in ("/governance", f"/governance/{ISSUER}", f"/governance/proposals/{number}"):
                answer = own.get(f"{path}?lang={language}")
                assert answer.status_code == 200, (role, path, language)
        assert stranger.get(f"/governance/{ISSUER}").status_code == 404
        assert stranger.get(f"/governance/proposals/{number}").status_code == 404
        assert f"/governance/{ISSUER}" not in words(stranger.get("/governance"))
    for role in (Role.CLERK, Role.APPROVER, Role.VERIFIER):
        assert office.client(role).get("/governance").status_code == 403
    child = office.client(Role.ADMINISTRATOR, "child")
    assert council.desk.ask(child, f"/governance/proposals/{number}/accept", key=1).status_code == 404
    assert council.admin.get(f"/governance/{CHILD}").status_code == 404, "seen, but not on the ledger"
    assert council.admin.get(f"/governance/{FOREIGN}").status_code == 404
    assert council.admin.get("/governance/proposals/999999").status_code == 404
    assert council.admin.get(f"/governance/proposals/{1 << 70}").status_code == 404


def test_the_public_reads_the_timeline_without_names(council: Council) -> None:
    council.propose(council.appoint(0x75))
    for language in LANGUAGES:
        page = words(council.office.nobody().get(f"/directory/issuers/{ISSUER}?lang={language}"))
        assert "先生" not in page
        assert "/ledger/transaction/" in page
        assert "timeline__item" in page
    tree = words(council.office.nobody().get("/directory/issuers"))
    assert f"/directory/issuers/{ISSUER}" in tree
    assert "branch__card" in tree
    assert "/governance" not in tree
    first = words(council.office.nobody().get(f"/directory/issuers/{ISSUER}?page=2"))
    assert "接纳" in first or "page=1" in first


def test_an_agency_is_shown_where_the_ledger_is_known_from_snapshots_only(council: Council) -> None:
    office = council.office
    whole = office.parts.signing.oversight
    known = OversightService(office.world.view, GovernedBook(SnapshotReader(office.world.view)), office.clock)
    office.parts.signing.__dict__["oversight"] = known  # a cached property: as if made already
    try:
        page = office.nobody().get(f"/directory/issuers/{ISSUER}?lang=zh")
        tree = office.nobody().get("/directory/issuers")
    finally:
        office.parts.signing.__dict__["oversight"] = whole
    assert page.status_code == tree.status_code == 200
    assert "只有账本的快照" in words(page)
    assert "登记的密钥" in words(page)


def test_a_ledger_that_was_handed_over_is_told_with_its_new_contract(council: Council) -> None:
    head, issuer = council.office.world.chain.head(), ISSUER.encode()
    args = {"issuer": issuer, "successor": bytes(range(200, 220))}  # an address, no agency
    deed = Deed("LedgerHandedOver", ISSUER, None, args, (), head, bytes(32), 0)
    with council.office.app.test_request_context("/"):
        assert "的账本移交到新合约" in deed_line(deed).words


def test_an_approver_approves_in_advance_and_an_admin_takes_it_back(council: Council) -> None:
    office, desk = council.office, council.desk
    page = words(desk.approver.get("/standing-approvals/new"))
    day = re.search(r'name="until"[^>]*value="([0-9-]+)"', page)
    assert day is not None
    fields = {"type": "1", "anchor": "1,234", "supersede": "", "use": "", "until": day[1]}
    key = desk.keys[Role.APPROVER]
    for name, wrong in (
        ("type", "7"), ("anchor", "-1"), ("anchor", "99999999999"), ("anchor", ""), ("until", "2099-01-01"),
        ("until", "soon"),
    ):  # fmt: skip
        refused = desk.approver.post_form(
            "/standing-approvals/new", {**fields, name: wrong, "key": str(key.id)}
        )
        assert refused.status_code == 422, (name, wrong)
        assert "govuk-error-summary" in words(refused)
        told = desk.ask(desk.approver, "/standing-approvals/new", **{**fields, name: wrong, "key": key.id})
        assert told.get_json()["code"] == "STANDING_FORM"
    done = desk.sign(desk.approver, "/standing-approvals/new", APPROVERS, key=key.id, **fields)
    assert done.status_code == 200, words(done)
    office.world.work()
    terms = next(one for one in office.world.view.standings(ISSUER) if one.anchor_limit == 1234)
    assert terms.approver == APPROVERS.signer_id
    place = f"/standing-approvals/{terms.id.hex()}"
    assert f'action="{place}/revoke"' in words(council.admin.get(place))
    done = desk.sign(council.admin, f"{place}/revoke", ADMINS, key=council.key.id)
    assert done.status_code == 200, words(done)
    office.world.work()
    revoked = next(one for one in office.world.view.standings(ISSUER) if one.id == terms.id)
    assert revoked.revoked_at is not None
    again = desk.ask(council.admin, f"{place}/revoke", key=council.key.id)
    assert again.get_json()["code"] == "STANDING_REVOKED"
    acts = {row.action for row in office.parts.audit.rows(None)}
    assert {"standing.granted", "standing.revoked"} <= acts
