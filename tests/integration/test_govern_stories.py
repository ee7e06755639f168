"""What happens to agencies in life, told as a clerk would tell it, on real contracts and real bundles.

docs/operations/governance.md has each story as a recipe.
"""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from ledger.adapters.format_sd_jwt import SdJwtFormat
from ledger.adapters.pki import CertificateAuthority
from ledger.adapters.system import SystemEntropy
from ledger.adapters.token_files import TokenFiles
from ledger.apps.onchain import anchored_as
from ledger.core.errors import LedgerError, RefusedError
from ledger.core.flow import DAY_S, BatchState
from ledger.core.model import Purpose, ReasonClass, Role
from ledger.core.receipt import parse_bundle
from ledger.core.status import Status
from ledger.core.status_list import parse_status_list_token, parse_status_uri
from ledger.ports import TransactionOutcome
from ledger.services.governed import heir_of
from ledger.services.onchain import anchored_batches
from ledger.services.status import Grounds
from tests.flow_world import START, YEAR_S, deposit_table
from tests.govern_world import CITY, COUNTY, OTHER_CITY, PROVINCE, TOWN, GovernWorld, person

pytestmark = pytest.mark.xdist_group("governing")
THEFT = Grounds(ReasonClass.SECURITY, "", "案件 7")


def name_of(bundles: Mapping[str, bytes], bundle: bytes) -> bytes:
    """The serial of a credential, which is its file's name."""
    (file,) = (name for name, data in bundles.items() if data == bundle)
    return bytes.fromhex(file.partition(".")[0])


def published_status(tree: GovernWorld, bundle: bytes) -> int:
    """What the public list of its issuer says about a credential."""
    where = SdJwtFormat().parse(parse_bundle(bundle).credential).payload["status"]["status_list"]
    uri = parse_status_uri(where["uri"])
    text = TokenFiles(tree.folder / "published").load(COUNTY, uri.ledger_id, uri.number)
    assert text is not None
    return parse_status_list_token(text).statuses.value(where["idx"])


def refused(outcome: TransactionOutcome) -> str:
    assert outcome.state == "reverted"
    assert outcome.error is not None
    return outcome.error[0]


def test_reorganisation(tree: GovernWorld) -> None:
    """机构改革:县中心撤销,并入另一个市中心。

    The county's fund centre is dissolved; the other city takes over. Proofs that the county issued stay good.
    The county can issue nothing more. When an error in an old proof is found, people of the other city void it;
    the county's own former people cannot. The published list says so too.
    """
    old = tree.issue_to(COUNTY, 1)
    kept = tree.issue_to(COUNTY, 2)
    tree.decide(PROVINCE, tree.act("dissolveIssuer", PROVINCE, COUNTY, OTHER_CITY.encode()))
    assert heir_of(tree.view.issuers(), COUNTY) == OTHER_CITY
    assert [tree.verdict(one) for one in (old, kept)] == ["ACCEPTED", "ACCEPTED"]
    assert "ISSUER_DISSOLVED" in {str(result.code) for result in tree.verify(old).checks}
    assert refused(tree.try_anchor(COUNTY, "too late")) == "RegistryDissolved"
    assert tree.try_anchor(TOWN, "child").state == "final"  # its own children go on under their grants

    name = name_of(tree.bundles_of(COUNTY), old)
    why = Grounds(ReasonClass.ISSUER_ERROR)
    maker, approver = person(OTHER_CITY, "maker"), person(OTHER_CITY, "approver")
    case = tree.status.make([name], Status.VOID, why, maker, approver.signer_id)
    assert (case.issuer, case.acting) == (COUNTY, OTHER_CITY)
    tree.status.approve(case.id, approver)
    tree.work()
    assert [tree.verdict(one) for one in (old, kept)] == ["VOID", "ACCEPTED"]
    assert [published_status(tree, one) for one in (old, kept)] == [1, 0]
    changed = tree.book.batch(COUNTY, tree.store.batches.batches(COUNTY)[0].root or b"")[-1]
    assert (changed.name, changed.by) == ("StatusChanged", OTHER_CITY)
    assert set(changed.signers) == {maker.signer_id, approver.signer_id}

    former = person(COUNTY, "approver")
    case = tree.status.make(
        [name_of(tree.bundles_of(COUNTY), kept)],
        Status.VOID,
        why,
        person(COUNTY, "maker"),
        former.signer_id,
    )
    tree.status.approve(case.id, former)
    tree.work()
    (dead,) = tree.store.outbox.jobs(dead=True)
    assert dead.detail["error"] == "RegistryMissingRole"  # not one of the successor's people
    assert tree.verdict(kept) == "ACCEPTED"


def test_stolen_operator_and_approver_keys(tree: GovernWorld) -> None:
    """操作员和审批人的密钥一起被盗,小偷把来历不明的批次上了链。

    The thief took the server (operator and the service key that makes batches) and the approver's key. He anchors
    two batches whose leaves nobody knows. The centre lists what these keys anchored and what it did not make
    itself, has both withdrawn by people whose keys are safe, and takes the stolen keys' roles. Its honest proofs,
    approved by the same key, stay good; the thief's third batch is refused.
    """
    honest = tree.issue_to(CITY, 1)
    service, stolen = person(CITY, "service"), person(CITY, "approver")
    assert (
        refused(tree.try_anchor(CITY, "no maker", maker=service)) == "RegistryMissingRole"
    )  # two are not enough
    tree.decide(CITY, tree.role(CITY, service.signer_id, Role.MAKER))
    for batch in ("loot 1", "loot 2"):
        assert tree.try_anchor(CITY, batch, maker=service).state == "final"

    mine = anchored_batches(tree.view, tree.store.batches, [CITY], signer=stolen.signer_id)
    assert [one.batch is None for one in mine] == [False, True, True]
    assert {one.signed_as for one in mine} == {("approver",)}
    loot = anchored_batches(tree.view, tree.store.batches, [CITY], signer=stolen.signer_id, only_unknown=True)
    assert len(loot) == 2

    safe = person(CITY, "approver 2")
    tree.decide(
        CITY,
        tree.role(CITY, stolen.signer_id, Role.APPROVER, until=0),
        tree.role(CITY, service.signer_id, Role.MAKER, until=0),
        tree.role(CITY, person(CITY, "operator").signer_id, Role.OPERATOR, until=0),
        tree.role(CITY, safe.signer_id, Role.APPROVER),
        tree.role(CITY, person(CITY, "operator 2").signer_id, Role.OPERATOR),
    )
    assert refused(tree.try_anchor(CITY, "loot 3", maker=service)) == "RegistryMissingRole"
    for one in loot:
        case = tree.status.make_withdrawal_of(
            CITY, one.anchor.root, THEFT, person(CITY, "maker"), safe.signer_id
        )
        tree.status.approve(case.id, safe)
    tree.work()  # the old operator key only pays for the transaction: consent lies in the signatures
    after = anchored_batches(tree.view, tree.store.batches, [CITY], signer=stolen.signer_id)
    assert [one.anchor.withdrawn_at is not None for one in after] == [False, True, True]
    assert tree.verdict(honest) == "ACCEPTED"
    with pytest.raises(LedgerError) as twice:
        tree.status.make_withdrawal_of(
            CITY, loot[0].anchor.root, THEFT, person(CITY, "maker"), safe.signer_id
        )
    assert twice.value.code == "ALREADY_WITHDRAWN"


def test_a_batch_is_withdrawn_by_an_agency_above(tree: GovernWorld) -> None:
    """市中心的人都联系不上,省里直接撤回来历不明的批次。

    Nobody of the city can be reached: the province's maker and approver withdraw the thief's batch.
    """
    assert tree.try_anchor(CITY, "loot").state == "final"
    (loot,) = anchored_batches(tree.view, tree.store.batches, [CITY], only_unknown=True)
    approver = person(PROVINCE, "approver")
    case = tree.status.make_withdrawal_of(
        CITY, loot.anchor.root, THEFT, person(PROVINCE, "maker"), approver.signer_id, PROVINCE
    )
    tree.status.approve(case.id, approver)
    tree.work()
    withdrawn = tree.book.batch(CITY, loot.anchor.root)[-1]
    assert (withdrawn.name, withdrawn.by) == ("BatchWithdrawn", PROVINCE)


def test_somebody_elses_root_is_anchored_again(tree: GovernWorld) -> None:
    """小偷把邻市批次的默克尔根又上链一次:上级只撤回小偷的那一次,邻市的证照照旧有效。

    A bribed office anchors the root of the other city's batch a second time. Its superior is asked whose batch
    is meant; what is withdrawn is the copy, and the other city's proof stays good.
    """
    honest = tree.issue_to(OTHER_CITY, 1)
    (batch,) = tree.store.batches.batches(OTHER_CITY)
    assert batch.root is not None
    assert tree.try_anchor(CITY, "copy", root=batch.root).state == "final"
    with pytest.raises(LedgerError) as unsaid:
        anchored_as(tree.view, batch.root, None)
    assert (unsaid.value.code, unsaid.value.detail["issuers"]) == ("BATCH_AMBIGUOUS", [OTHER_CITY, CITY])
    found = anchored_as(tree.view, batch.root, CITY)
    approver = person(PROVINCE, "approver")
    case = tree.status.make_withdrawal_of(
        found.issuer, found.root, THEFT, person(PROVINCE, "maker"), approver.signer_id, PROVINCE
    )
    tree.status.approve(case.id, approver)
    tree.work()
    assert anchored_as(tree.view, batch.root, CITY).withdrawn_at is not None
    assert anchored_as(tree.view, batch.root, OTHER_CITY).withdrawn_at is None
    assert tree.verdict(honest) == "ACCEPTED"


def test_a_compromised_credential_key(tree: GovernWorld) -> None:
    """签发密钥失密:从失密之日起上链的证照作废,此前的照旧有效,换新密钥后照常签发。

    The signing key leaked three days ago. What was anchored before stays good, what was anchored since breaks,
    exactly; the date can only be moved earlier, not later; a new key takes over, and what broke is issued anew.
    """
    before = tree.issue_to(CITY, 1)
    tree.clock.advance(DAY_S)
    leaked_at = tree.now
    since = tree.issue_to(CITY, 2)
    tree.clock.advance(3 * DAY_S)
    key = next(one for one in tree.view.keys(CITY) if one.purpose == Purpose.CREDENTIAL)
    tree.decide(CITY, tree.act("compromiseKey", CITY, CITY, key.number, leaked_at))
    assert [tree.verdict(one) for one in (before, since)] == ["ACCEPTED", "KEY_COMPROMISED"]
    with pytest.raises(RefusedError) as later:
        tree.decide(CITY, tree.act("compromiseKey", CITY, CITY, key.number, leaked_at + DAY_S))
    assert later.value.code == "RegistryKeyOnlyEarlier"
    with pytest.raises(LedgerError) as stopped:
        tree.issue_all(deposit_table([3]), issuer=CITY)  # nothing is signed with it any more
    assert stopped.value.code == "KEY_NOT_REGISTERED"

    known = set(tree.bundles_of(CITY))
    tree.use_new_key(CITY, "credential key 2")
    report = tree.issue_all(deposit_table([1, 2, 3]), issuer=CITY)  # the same rows as ever, unchanged
    assert (report.issued, report.already) == (1, 2)  # what stands is not issued twice, what waited goes on
    new = [data for name, data in tree.bundles_of(CITY).items() if name not in known]
    assert [tree.verdict(one) for one in new] == ["ACCEPTED"] * 2  # what broke anew, and what had waited
    assert [tree.verdict(one) for one in (before, since)] == ["ACCEPTED", "KEY_COMPROMISED"]
    told = [deed.name for deed in tree.book.key(CITY, key.number)]
    assert told == ["KeyRegistered", "KeyCompromised"]


def test_an_approver_on_leave(tree: GovernWorld) -> None:
    """审批人休假两周,代理人从周一到下下周一代签;到期后代理人的签名不再算数。

    A deputy is appointed from a day until a day. Before and after that, what he approves is refused; what he
    approved in time stays good when his days are over.
    """
    deputy, approver = person(CITY, "deputy"), person(CITY, "approver")
    start, end = START + 5 * DAY_S, START + 19 * DAY_S
    waiting = tree.governance.propose(
        tree.role(CITY, deputy.signer_id, Role.APPROVER, start, end), person(CITY, "admin1")
    )
    tree.governance.accept(waiting.number, person(CITY, "admin2"))
    tree.follower.advance()
    assert refused(tree.try_anchor(CITY, "too early", approver=deputy)) == "RegistryMissingRole"
    assert not tree.book.roles.holds(CITY, deputy.signer_id, Role.APPROVER, tree.now)

    tree.clock.advance(start - tree.now)
    tree.load(deposit_table([1]), issuer=CITY)
    tree.tidy()
    tree.work()
    (batch,) = tree.store.batches.batches(CITY, (BatchState.SIGNED,))
    tree.approve.make(batch.id, person(CITY, "maker"), deputy.signer_id)
    tree.approve.approve(batch.id, deputy)
    tree.work()
    (bundle,) = tree.bundles_of(CITY).values()
    assert tree.verdict(bundle) == "ACCEPTED"

    tree.clock.advance(end - tree.now)
    tree.follower.advance()
    assert tree.verdict(bundle) == "ACCEPTED"
    assert refused(tree.try_anchor(CITY, "too late", approver=deputy)) == "RegistryMissingRole"
    assert tree.try_anchor(CITY, "as before", approver=approver).state == "final"


def test_a_fund_centre_whose_certification_authority_changes(tree: GovernWorld) -> None:
    """公积金中心换了 CA:新证书来自新的根,旧证照不受影响。

    The next version of the trust file names the new root beside the old one; then the centre registers a key
    with a certificate of the new one and retires the old key. Old and new proofs are accepted. A verifier who
    still has the old trust file accepts the old proofs and cannot vouch for new ones.
    """
    old = tree.issue_to(CITY, 1)
    former = tree.anchors
    new_root = CertificateAuthority.new_root(
        "New CA", not_before=START - DAY_S, not_after=START + 9 * YEAR_S, entropy=SystemEntropy()
    )
    tree.trust_anchor(new_root.certificate)
    tree.use_new_key(CITY, "credential key of the new CA", new_root)
    number = next(one.number for one in tree.view.keys(CITY) if one.purpose == Purpose.CREDENTIAL)
    tree.decide(CITY, tree.act("retireKey", CITY, CITY, number, tree.now))
    new = tree.issue_to(CITY, 2)
    assert [tree.verdict(one) for one in (old, new)] == ["ACCEPTED", "ACCEPTED"]
    with_old_file = [tree.verify(one, former) for one in (old, new)]
    assert [report.accepted for report in with_old_file] == [True, False]
    tree.clock.advance(DAY_S)
    tree.follower.advance()
    assert [tree.verdict(one) for one in (old, new)] == ["ACCEPTED", "ACCEPTED"]
