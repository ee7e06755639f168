"""Five levels of agencies: what each admits, grants and withdraws, and what that does to all below it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ledger.core.errors import ConflictError, LedgerError, NotFoundError, RefusedError, UnavailableError
from ledger.core.flow import DAY_S
from ledger.core.model import BlockRef, LedgerEvent, Role, WithdrawalCause
from ledger.demo_data import demo_uscc
from ledger.ports import ContractCall, Step
from ledger.services.directory import DirectoryService
from ledger.services.governed import GovernedBook, GovernedSource
from ledger.services.granting import require_grant, types_by_agency
from ledger.services.registry import Registry
from tests.flow_world import TYPE_REF, chain_signer
from tests.govern_world import (
    CITY,
    COUNTY,
    LINE,
    NATION,
    OTHER_CITY,
    PROVINCE,
    STAFF,
    TOWN,
    TYPE,
    GovernWorld,
    person,
)

NOBODY = demo_uscc("12", "990300", "MAXXXX66")
pytestmark = pytest.mark.xdist_group("governing")


def anchoring(tree: GovernWorld, name: str) -> dict[str, str]:
    """What becomes of a batch of each agency: `final`, or the contract's reason."""
    found = {}
    for issuer in (*LINE, OTHER_CITY):
        outcome = tree.try_anchor(issuer, f"{name} {issuer}")
        found[issuer] = outcome.state if outcome.error is None else outcome.error[0]
    return found


def test_the_tree_has_five_levels_and_no_sixth(tree: GovernWorld) -> None:
    levels = {record.issuer: record.level for record in tree.view.issuers()}
    assert [levels[issuer] for issuer in LINE] == [1, 2, 3, 4, 5]
    assert tree.verdict(tree.issue_to(TOWN, 1)) == "ACCEPTED"
    with pytest.raises(RefusedError) as refused:
        tree.decide(TOWN, tree.act("admitIssuer", TOWN, NOBODY, *two_strangers(), bytes(32)))
    assert refused.value.code == "RegistryTooDeep"
    assert f"{TOWN} cannot have children" in refused.value.message


def two_strangers() -> tuple[bytes, bytes]:
    return person(NOBODY, "admin1").signer_id, person(NOBODY, "admin2").signer_id


def test_a_withdrawal_at_each_level_stops_all_below_at_once_and_nobody_else(tree: GovernWorld) -> None:
    everybody = dict.fromkeys((*LINE, OTHER_CITY), "final")
    assert anchoring(tree, "before") == everybody
    directory = DirectoryService(tree.view, tree.tree.entries.get, [], tree.clock)
    for level, issuer in enumerate(LINE):
        parent = LINE[max(level - 1, 0)]
        tree.withdraw_grant(parent, issuer, WithdrawalCause.ADMINISTRATIVE)
        stopped = {*LINE[level:], *((OTHER_CITY,) if level < 2 else ())}
        found = anchoring(tree, f"withdrawn {level}")
        assert {one for one, said in found.items() if said == "RegistryGrantNotGood"} == stopped
        assert all(said == "final" for one, said in found.items() if one not in stopped)
        (listed,) = [facts.issuers for facts in directory.types() if facts.record.type_id == TYPE]
        assert set(listed) == everybody.keys() - stopped  # the public directory says the same
        for below in LINE[level:]:  # asked before anything is signed: whose grant is missing is said
            with pytest.raises(RefusedError) as refused:
                require_grant(tree.view, below, TYPE, TYPE_REF, tree.now)
            assert (refused.value.code, refused.value.detail["holder"]) == ("TYPE_NOT_GRANTED", issuer)
        tree.grant(parent, issuer)
        assert anchoring(tree, f"granted {level}") == everybody


def test_a_dissolved_agency_may_issue_nothing_and_its_children_go_on(tree: GovernWorld) -> None:
    tree.decide(NATION, tree.act("dissolveIssuer", NATION, PROVINCE, bytes(18)))
    may = types_by_agency(tree.view, tree.now)
    assert {issuer for issuer, types in may.items() if TYPE in types} == {
        NATION,
        CITY,
        COUNTY,
        TOWN,
        OTHER_CITY,
    }
    assert anchoring(tree, "after") == {
        **dict.fromkeys((NATION, CITY, COUNTY, TOWN, OTHER_CITY), "final"), PROVINCE: "RegistryDissolved",
    }  # fmt: skip


class Faltering:
    """A chain whose node falls silent in the middle of its answer, once."""

    def __init__(self, chain: GovernedSource) -> None:
        self._chain = chain
        self.is_faltering = True

    def head(self) -> BlockRef:
        return self._chain.head()

    def events(self, first: int, last: int, names: frozenset[str] | None = None) -> Iterator[LedgerEvent]:
        found = list(self._chain.events(first, last, names))
        if not self.is_faltering:
            yield from found
            return
        yield from found[: len(found) // 2]
        raise UnavailableError("CHAIN_UNAVAILABLE", "The node fell silent.")

    def proposed(self, transaction_hash: bytes) -> tuple[ContractCall, bytes] | None:
        return self._chain.proposed(transaction_hash)


def test_a_node_that_falls_silent_half_way_leaves_no_deed_twice(tree: GovernWorld) -> None:
    source = Faltering(tree.chain)
    book = GovernedBook(source)
    for ask in (book.timeline, book.roles.roles):
        with pytest.raises(UnavailableError):
            ask(COUNTY)
    source.is_faltering = False
    assert book.timeline(COUNTY) == tree.book.timeline(COUNTY)
    assert book.roles.roles(COUNTY) == tree.book.roles.roles(COUNTY)


def test_a_bribed_office_is_cut_off_from_a_date(tree: GovernWorld, tmp_path: Path) -> None:
    """A cause that reaches back breaks exactly what the office, and all below it, anchored since that date."""
    honest = [tree.issue_to(issuer, 1) for issuer in (CITY, TOWN, OTHER_CITY)]
    tree.clock.advance(3600)
    bribed_since = tree.now
    doubtful = [tree.issue_to(issuer, 2) for issuer in (CITY, TOWN, OTHER_CITY)]
    tree.clock.advance(3600)
    for cause in WithdrawalCause:
        ledger = tree.copy_to(tmp_path / cause.name)
        ledger.withdraw_grant(PROVINCE, CITY, cause, bribed_since)
        assert [ledger.verdict(one) for one in honest] == ["ACCEPTED"] * 3
        broken = ["GRANT_BROKEN", "GRANT_CHAIN_BROKEN"] if cause.is_breaking else ["ACCEPTED"] * 2
        assert [ledger.verdict(one) for one in doubtful] == [*broken, "ACCEPTED"]
        ledger.close()


def test_who_may_withdraw_a_grant(tree: GovernWorld) -> None:
    """Any agency above may, whatever lies between; nobody beside or below, and no admin alone."""
    cause = int(WithdrawalCause.ADMINISTRATIVE)
    for by in (OTHER_CITY, TOWN, COUNTY):
        with pytest.raises(RefusedError) as refused:
            tree.withdraw_grant(by, COUNTY, cause)
        assert refused.value.code == "RegistryNotAncestor"
        assert tree.book.waiting(tree.now, by) == ()  # nobody finds it waiting on another day
        assert by in refused.value.message
        assert COUNTY in refused.value.message
    alone = tree.act("withdrawGrant", CITY, COUNTY, TYPE, tree.now, cause)
    waiting = tree.governance.propose(alone, person(CITY, "admin1"))
    assert tree.try_anchor(COUNTY, "still").state == "final"
    tree.governance.accept(waiting.number, person(CITY, "admin2"))
    assert tree.try_anchor(COUNTY, "no more").state == "reverted"
    tree.grant(CITY, COUNTY)
    tree.withdraw_grant(NATION, COUNTY, cause)
    assert tree.try_anchor(COUNTY, "nor now").state == "reverted"


def test_a_grant_never_outlives_the_parents(tree: GovernWorld) -> None:
    end = tree.now + 30 * DAY_S
    tree.withdraw_grant(PROVINCE, CITY, WithdrawalCause.ADMINISTRATIVE)
    tree.decide(PROVINCE, tree.act("grantType", PROVINCE, CITY, TYPE, tree.now, end))
    with pytest.raises(RefusedError) as refused:
        tree.decide(CITY, tree.act("grantType", CITY, COUNTY, TYPE, tree.now, end + 1))
    assert refused.value.code == "RegistryGrantExceedsParent"
    assert f"{CITY} itself holds" in refused.value.message
    assert "+08:00" in refused.value.message  # until when, for people
    tree.clock.advance(30 * DAY_S)
    assert anchoring(tree, "ended") == {
        NATION: "final", PROVINCE: "final", OTHER_CITY: "final",
        CITY: "RegistryGrantNotGood", COUNTY: "RegistryGrantNotGood", TOWN: "RegistryGrantNotGood",
    }  # fmt: skip


def test_an_agency_that_lost_its_admins_is_recovered_by_its_parent(tree: GovernWorld) -> None:
    """24 hours, announced; then two new admins and nobody else. What was issued before stays good."""
    before = tree.issue_to(COUNTY, 1)
    new1, new2 = person(COUNTY, "new1"), person(COUNTY, "new2")
    reset = tree.act("scheduleReset", CITY, COUNTY, new1.signer_id, new2.signer_id)
    tree.decide(CITY, reset)
    (announced,) = tree.book.resets()
    assert (announced.issuer, announced.by) == (COUNTY, CITY)
    assert announced.ready_at == announced.announced_at + DAY_S
    with pytest.raises(ConflictError) as early:
        tree.governance.carry_reset_out(COUNTY, person(TOWN, "operator"))
    assert (early.value.code, early.value.detail["ready_at"]) == ("RESET_TOO_EARLY", announced.ready_at)
    assert tree.try_anchor(COUNTY, "meanwhile").state == "final"  # work goes on
    tree.clock.advance(DAY_S)
    tree.governance.carry_reset_out(COUNTY, person(TOWN, "operator"))  # anybody may
    tree.follower.advance()
    assert tree.try_anchor(COUNTY, "no people").state == "reverted"
    with pytest.raises(RefusedError) as gone:
        tree.governance.propose(tree.role(COUNTY, new1.signer_id, Role.MAKER), person(COUNTY, "admin1"))
    assert gone.value.code == "NOT_AN_ADMIN"
    people = [tree.role(COUNTY, person(COUNTY, who).signer_id, role) for who, role in STAFF.items()]
    Registry(tree.chain, tree.carrier).carry_out(people, new1, new2)
    tree.follower.advance()
    assert tree.verdict(tree.issue_to(COUNTY, 2)) == "ACCEPTED"
    assert tree.verdict(before) == "ACCEPTED"
    with pytest.raises(NotFoundError) as done:
        tree.governance.carry_reset_out(COUNTY, person(TOWN, "operator"))
    assert done.value.code == "RESET_NONE"
    lived = [deed.name for deed in tree.book.timeline(COUNTY)]
    assert lived.count("ResetScheduled") == lived.count("RolesReset") == 1


def test_a_reset_nobody_needs_is_taken_back(tree: GovernWorld) -> None:
    """The parent announces a reset by mistake, or by force: the agency's own admins still stop it."""
    thief = person("thief", "a").signer_id, person("thief", "b").signer_id
    tree.decide(CITY, tree.act("scheduleReset", CITY, COUNTY, *thief))
    tree.decide(COUNTY, tree.act("cancelReset", COUNTY, COUNTY))
    assert tree.book.resets() == ()
    tree.clock.advance(DAY_S)
    with pytest.raises(NotFoundError):
        tree.governance.carry_reset_out(COUNTY, person(CITY, "operator"))
    assert tree.try_anchor(COUNTY, "as ever").state == "final"


def test_the_root_is_recovered_by_the_ledgers_governance(tree: GovernWorld) -> None:
    new1, new2 = person(NATION, "new1"), person(NATION, "new2")
    call = ContractCall("registry", "scheduleRootReset", (new1.signer_id, new2.signer_id))
    refused = tree.carrier.carry([Step(call, person(NATION, "admin1"))])[0]
    assert refused.error is not None
    assert refused.error[0] == "RegistryOnlyGovernance"
    tree.carrier.carry([Step(call, chain_signer("governance"))])
    (announced,) = tree.book.resets()
    assert (announced.issuer, announced.by) == (NATION, None)
    tree.clock.advance(DAY_S)
    tree.governance.carry_reset_out(NATION, person(CITY, "operator"))
    assert tree.book.roles.holders(NATION, Role.ADMIN, tree.now) == (new1.signer_id, new2.signer_id)
    assert tree.try_anchor(CITY, "below").state == "final"  # children keep their grants and people


def test_each_wrong_acceptance_has_its_reason(tree: GovernWorld) -> None:
    """Same admin, no admin, an admin who left meanwhile, too late, decided already, never made."""
    governance = tree.governance
    admin1, admin2, third = (person(CITY, who) for who in ("admin1", "admin2", "third"))
    act = tree.role(CITY, person(CITY, "deputy").signer_id, Role.APPROVER)
    first = governance.propose(act, admin1)
    assert governance.propose(act, admin1) == first  # asked twice: one proposal
    tree.clock.advance(60)
    deputy = person(CITY, "deputy").signer_id
    assert governance.propose(tree.role(CITY, deputy, Role.APPROVER), admin1) == first  # also a minute later
    bounded = governance.propose(tree.role(CITY, deputy, Role.APPROVER, until=tree.now + DAY_S), admin1)
    later = governance.propose(tree.role(CITY, deputy, Role.APPROVER, since=tree.now + DAY_S), admin1)
    assert len({first.number, bounded.number, later.number}) == 3  # other dates: other wishes
    for other in (bounded, later):
        governance.cancel(other.number, admin2)

    def refusal(number: int, key: object) -> str:
        with pytest.raises(LedgerError) as refused:
            governance.accept(number, key)  # type: ignore[arg-type]
        return refused.value.code

    assert refusal(first.number, admin1) == "SAME_ADMIN"
    assert refusal(first.number, person(COUNTY, "admin1")) == "NOT_AN_ADMIN"
    assert refusal(999, admin2) == "PROPOSAL_UNKNOWN"
    governance.accept(first.number, admin2)
    assert refusal(first.number, admin2) == "PROPOSAL_ENDED"
    cancelled = governance.propose(tree.role(CITY, third.signer_id, Role.MAKER), admin1)
    assert governance.cancel(cancelled.number, admin2).state == "cancelled"
    assert refusal(cancelled.number, admin2) == "PROPOSAL_ENDED"
    tree.decide(CITY, tree.role(CITY, third.signer_id, Role.ADMIN))
    left = governance.propose(tree.role(CITY, third.signer_id, Role.MAKER), third)
    tree.decide(CITY, tree.role(CITY, third.signer_id, Role.ADMIN, until=0))
    assert refusal(left.number, admin2) == "PROPOSAL_ORPHANED"
    assert governance_waits(tree) == []
    late = governance.propose(tree.role(CITY, third.signer_id, Role.MAKER), admin1)
    assert governance_waits(tree) == [late.number]
    tree.clock.advance(7 * DAY_S)
    assert refusal(late.number, admin2) == "PROPOSAL_ENDED"
    assert governance_waits(tree) == []


def governance_waits(tree: GovernWorld) -> list[int]:
    return [one.number for one in tree.book.waiting_for(person(CITY, "admin2").signer_id, tree.now)]
