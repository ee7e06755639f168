"""An installation moves to a node (anvil), killed at every step; afterwards everything is as before, elsewhere."""

from __future__ import annotations

import json
import shutil
import signal
import sqlite3
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

import jsonschema
import pytest

from ledger.adapters.carrier import DirectCarrier
from ledger.adapters.chain_embedded.chain import EmbeddedChain
from ledger.adapters.chain_embedded.reader import EmbeddedReader
from ledger.adapters.chain_rpc.reader import Place
from ledger.adapters.erasure_list import FILE_NAME, NAME_BYTES, ErasureList
from ledger.adapters.home_files import Home
from ledger.adapters.signer_memory import MemoryCredentialSigner
from ledger.adapters.system import SystemClock
from ledger.adapters.token_files import TokenFiles
from ledger.adapters.trust_files import HomeTrust
from ledger.bootstrap import open_home, open_verifier
from ledger.bootstrap_chain import chain_reader
from ledger.bootstrap_migrate import Mover, plan_target
from ledger.bootstrap_moved import Plan, give_up, keep_plan, load_plan
from ledger.core.errors import ConflictError, RefusedError, UnavailableError
from ledger.core.flow import BatchState
from ledger.core.model import AnchorRecord
from ledger.core.trust import sign_trust
from ledger.core.trust_next import Changes, KeyChange, next_trust
from ledger.ports import ContractCall, Step
from ledger.services.governed import GovernedBook
from ledger.services.kill_points import KillPoint
from ledger.services.registry import own_auth
from ledger.services.status_list import check_token
from ledger.settings import Settings
from tests.anvil import Anvil, running
from tests.cli.clerk import FUND, ROOT_ISSUER, Clerk
from tests.cli.story import schema
from tests.integration.test_kill import Nursery

pytestmark = [pytest.mark.needs("anvil"), pytest.mark.xdist_group("demo move"), pytest.mark.timeout(300)]

STEPS = ("contracts", "types", "keys", "roles", "batches", "compare", "handover", "open", "trust", "switch")
POINTS = (
    KillPoint.BATCH_CLOSED, KillPoint.TRANSACTION_RECORDED, KillPoint.TRANSACTION_SENT, KillPoint.VIEW_ADVANCED,
    KillPoint.TRANSACTION_FINAL, KillPoint.ANCHOR_STORED, KillPoint.BUNDLES_WRITTEN, KillPoint.RELEASE_STORED,
)  # fmt: skip
SENDS = (2, 9, 30)
"""Transactions after which a run dies too: within the contracts, the agencies, the keys."""


SHAPE = schema("migrate")


@dataclass
class Moving:
    """A demo that was moved, and what it was before."""

    home: Path
    before: Path
    anvil: Anvil
    clerk: Clerk
    nursery: Nursery
    kills: int
    anchors: tuple[AnchorRecord, ...]


def beginning(home: Path) -> int:
    """Behind this machine's clock, since blocks come quicker than seconds; but not before the demo itself."""
    head = open_home(Settings(home)).view.head()
    assert head is not None
    return max(int(time.time()) - 300, head.block.time + 1)


@pytest.fixture(scope="module")
def moved(demo_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Moving]:
    folder = tmp_path_factory.mktemp("move")
    home, before = folder / "home", folder / "before"
    shutil.copytree(demo_home, home)
    shutil.copytree(demo_home, before)
    anchors = tuple(open_home(Settings(before)).view.anchors())
    with running(beginning(before)) as anvil, anvil.mining():
        nursery = Nursery()
        kills = 0
        for death in [*({"sends": sends} for sends in SENDS), *({"step": step} for step in STEPS)]:
            nursery.send(home=str(home), move=f"rpc:{anvil.url}", **death)
            kills += nursery.wait() == -signal.SIGKILL
        told = Clerk(home).ask("migrate", "--yes")  # by a command line this time: it continues
        jsonschema.validate(told, SHAPE)
        assert told["state"] == "moved"
        yield Moving(home, before, anvil, Clerk(home), nursery, kills, anchors)
        nursery.close()


def test_it_was_killed_everywhere(moved: Moving) -> None:
    assert moved.kills == len(STEPS) + len(SENDS)
    assert load_plan(Home(moved.home)) is None


def test_what_the_dead_proposed_cannot_be_accepted_later(moved: Moving) -> None:
    here = open_home(Settings(moved.home))
    book = GovernedBook(chain_reader(here.home, here.record))
    assert book.proposals()
    assert book.waiting(here.clock.now()) == ()


def test_every_batch_came_once_with_its_own_time(moved: Moving) -> None:
    view = open_home(Settings(moved.home)).view
    # the others of these tests, in whatever order, anchor new ones
    found = {(one.issuer, one.root): one for one in view.anchors() if one.anchored_at < one.block.time}
    assert len(found) == len(moved.anchors) > 0
    for old in moved.anchors:
        new = found[old.issuer, old.root]
        assert (new.anchored_at, new.size, new.key, new.list, new.first_word, new.withdrawn_reason) == (
            old.anchored_at, old.size, old.key, old.list, old.first_word, old.withdrawn_reason,
        )  # fmt: skip
    life = moved.clerk.ask("show", f"{moved.anchors[0].issuer}/0x{moved.anchors[0].root.hex()}")
    jsonschema.validate(life, schema("show-timeline"))
    assert (life["anchored_at"], life["operator"]) == (moved.anchors[0].anchored_at, None)
    assert life["timeline"][0]["what"] == "BatchImported"


def test_old_bundles_verify_with_the_new_trust_file(moved: Moving) -> None:
    """Whoever takes the next trust file sees the same verdicts, through the link."""
    clock = SystemClock()
    here = open_home(Settings(moved.home))
    verifier = open_verifier(moved.home / "trust.json", here.view, clock)
    earlier = open_home(Settings(moved.before))
    was = open_verifier(moved.before / "trust.json", earlier.view, clock)
    bundles = sorted(moved.before.glob("released/*/*/*.ecert.json")) + sorted(
        (moved.before / "demo").glob("*.ecert.json")
    )
    seen = set()
    for path in bundles:
        report = verifier.verify(path.read_bytes())
        same = was.verify(path.read_bytes())
        seen.add(report.verdict.code)
        contract = next(check for check in report.checks if check.id.value == "contract")
        assert contract.code in {"LINKED_LEDGER", "WRONG_LEDGER"}
        assert {check.id: check.outcome for check in report.checks if check.id.value != "status_age"} == {
            check.id: check.outcome for check in same.checks if check.id.value != "status_age"
        }
    assert {"ACCEPTED", "VOID"} <= seen


def test_who_has_the_old_trust_file_alone_sees_the_old_chain_grow_old(moved: Moving) -> None:
    bundle = (moved.home / "demo" / "good.ecert.json").read_bytes()
    folder = next((moved.home / "previous").iterdir())
    here = open_home(Settings(moved.home))
    old_trust = moved.home / "trust" / "1.json"
    report = open_verifier(old_trust, folder / "chain.db", SystemClock()).verify(bundle)
    by_check = {check.id.value: check for check in report.checks}
    assert by_check["anchor"].outcome.value == "passed"
    assert by_check["revocation"].outcome.value == "passed"
    elsewhere = open_verifier(old_trust, here.view, SystemClock()).verify(bundle)
    assert not [check for check in elsewhere.checks if check.outcome.value == "failed"]
    assert elsewhere.verdict.code != "ACCEPTED"


def test_the_old_chain_is_closed(moved: Moving) -> None:
    folder = next((moved.home / "previous").iterdir())
    copied = folder.with_name("looked-at")
    shutil.copytree(folder, copied)
    reader = EmbeddedReader(copied / "chain.db")
    handed = [event for event in reader.events(0, reader.head().number) if event.name == "LedgerHandedOver"]
    reader.close()
    assert len(handed) == 4
    chain = EmbeddedChain.open(copied / "chain.db", SystemClock())
    try:
        successor = chain.read(ContractCall("ledger", "handedOverTo", (ROOT_ISSUER.encode(),)))
    finally:
        chain.close()
        shutil.rmtree(copied)
    assert successor == open_home(Settings(moved.home)).view.info().ledger


def test_new_batches_go_to_the_new_chain_and_lists_keep_both_addresses(moved: Moving) -> None:
    """A batch that waited for its maker is signed for the new ledger; the public asks under either name."""
    assert moved.clerk.run("worker", "--once").code == 0
    waiting = [one for one in moved.clerk.ask("batch", "list")["batches"] if one["state"] == "signed"]
    done = moved.clerk.sign(waiting[0]["id"])
    assert done["state"] == "released"
    here = open_home(Settings(moved.home))
    (folder,) = (moved.home / "released" / FUND).glob(f"{done['id']}")
    bundle = next(folder.glob("*.ecert.json"))
    assert moved.clerk.ask("verify", bundle)["accepted"] is True
    old = bytes.fromhex(str(here.record.previous[0]["ledger_id"]).removeprefix("0x"))
    trust = here.verifier.trust
    for ledger_id in (old, trust.ledger_id):
        token = TokenFiles(here.home.published).load(FUND, ledger_id, 1)
        assert token is not None
        uri = f"{here.record.agency(FUND).iss}/status/{ledger_id.hex()}/1"
        found = check_token(
            token,
            uri=uri,
            keys=here.view.keys(FUND),
            anchors_x509=trust.x509_anchors,
            now=here.clock.now(),
        )
        assert found.statuses.value(0) in {0, 1, 2}
    report = here.verifier.verify((moved.home / "demo" / "good.ecert.json").read_bytes())
    assert report.verdict.code == "ACCEPTED"


def end_leases(home: Path) -> None:
    """As after half a minute: what a dead worker had claimed is anybody's."""
    with sqlite3.connect(home / "store.db") as store:
        store.execute("UPDATE outbox SET lease_until = 0 WHERE state = 'leased'")
    store.close()


def test_a_worker_on_a_node_killed_again_and_again_anchors_every_row_once(moved: Moving) -> None:
    """One batch on its way; each process dies one step further on."""
    command = {"home": str(moved.home), "installed": FUND, "first": 0, "last": 5}
    for point in POINTS:
        moved.nursery.send(**command, point=point)
        assert moved.nursery.wait() == -signal.SIGKILL, point
        end_leases(moved.home)
    moved.nursery.send(**command)
    assert moved.nursery.wait() == 0
    here = open_home(Settings(moved.home))
    newest = here.store.batches.batches(FUND, states=(BatchState.RELEASED,))[-1]
    assert newest.size == 5
    reader = chain_reader(here.home, here.record)
    events = reader.events(0, reader.head().number, frozenset({"BatchAnchored"}))
    roots = Counter(event.args["root"] for event in events)
    assert roots[newest.root] == 1
    assert set(roots.values()) == {1}
    bundles = sorted((moved.home / "released" / FUND / str(newest.id)).glob("*.ecert.json"))
    assert len(bundles) == 5
    for bundle in bundles:
        assert here.verifier.verify(bundle.read_bytes()).verdict.code == "ACCEPTED"


def test_erasures_and_backups_go_on_under_the_installations_first_name(moved: Moving, tmp_path: Path) -> None:
    """The demo's list of erasures began on the old chain."""
    here = open_home(Settings(moved.home))
    old = bytes.fromhex(str(here.record.previous[0]["ledger_id"]).removeprefix("0x"))
    noted = ErasureList(moved.home / FILE_NAME, old)
    noted.append([bytes(NAME_BYTES)], 1)
    assert moved.clerk.ask("backup", tmp_path / "backups")["bytes"] > 0
    assert noted.read().items[0][0] == bytes(NAME_BYTES)
    assert ErasureList(tmp_path / "backups" / FILE_NAME, old).read().items == noted.read().items


def test_it_never_goes_back(moved: Moving) -> None:
    for target in ("embedded", f"rpc:{moved.anvil.url}"):
        ran = moved.clerk.run("migrate", "--to", target, "--yes", "--json")
        assert ran.code == 2
        assert "MIGRATE_DIRECTION" in ran.out
    ran = moved.clerk.run("migrate", "--abandon", "--json")
    assert "MIGRATE_NONE" in ran.out


def test_a_chain_that_charges_two_keepers_and_a_witness(demo_home: Path, tmp_path: Path) -> None:
    """What must come from elsewhere is told before anything begins: coins, and the other keeper's signature."""
    home = Home(tmp_path / "home")
    shutil.copytree(demo_home, home.path)
    keeper, witness = (MemoryCredentialSigner.from_private_number(number) for number in (71, 72))
    own = open_home(Settings(home.path)).keyring.credential_signer(
        f"file:{home.keys}/ledger/trust/signing.key"
    )
    keys = KeyChange(add=[keeper.public_jwk], threshold=2)
    witnesses = KeyChange(add=[witness.public_jwk], threshold=1)
    trusts = HomeTrust(home)
    second = json.loads(next_trust(trusts.trust(), Changes(keys=keys, witnesses=witnesses)))
    old = trusts.take(sign_trust(second, [own, keeper]))
    with running(beginning(home.path), priced=True) as anvil, anvil.mining():
        target = plan_target(f"rpc:{anvil.url}", "immediate", None, 100)

        def mover() -> Mover:
            return Mover(
                open_home(Settings(home.path)), (), (), lambda _step, _count: None, look_every_s=0.02
            )

        told = mover().preview(target)
        assert told.trust_signatures == (1, 2)
        with pytest.raises(RefusedError, match="MIGRATE_COINS"):
            mover().plan(target)
        for account in told.poor:
            anvil.rpc("anvil_setBalance", account.address, hex(10**18))
        assert mover().preview(target).poor == ()
        with pytest.raises(RefusedError, match="MIGRATE_TRUST_SIGNATURES"):
            mover().run(mover().plan(target))
        half = json.loads((home.path / "trust-next.json").read_bytes())
        trusts.take(sign_trust(half, [keeper]))
        done = mover().run(mover().plan(None))
        left = [int(anvil.rpc("eth_getBalance", one.address, "latest"), 16) for one in told.poor]
        assert max(left) < 10**18
        trust = trusts.trust()
        assert (trust.version, trust.witnesses.threshold, len(trust.witnesses.keys)) == (3, 0, 0)
        assert [link.ledger_id for link in trust.links] == [old.ledger_id]
        here = open_home(Settings(home.path))
        assert done.batches == sum(1 for _ in here.view.anchors()) > 0
        report = here.verifier.verify((home.path / "demo" / "good.ecert.json").read_bytes())
        assert report.verdict.code == "ACCEPTED"


def test_what_must_be_settled_before_anything_begins(demo_home: Path, tmp_path: Path) -> None:
    """A proposal that waits is no part of any move; who is not governance could not close the old ledger."""
    home = Home(tmp_path / "home")
    shutil.copytree(demo_home, home.path)
    here, root = open_home(Settings(home.path)), ROOT_ISSUER.encode()
    admin = here.agencies.chain_signer(ROOT_ISSUER, "admin1")
    nowhere = plan_target("rpc:http://127.0.0.1:9", "immediate", None, 0)

    def carry(function: str, *args: object) -> None:
        with closing(EmbeddedChain.open(home.chain_file, SystemClock())) as chain:
            encoded = [chain.encode(one) if isinstance(one, ContractCall) else one for one in args]
            call = ContractCall("registry", function, (*encoded, own_auth(admin)))
            (outcome,) = DirectCarrier(chain).carry([Step(call, admin)])
            assert outcome.state == "final", outcome

    def mover() -> Mover:
        return Mover(open_home(Settings(home.path)), (), (), lambda _step, _count: None)

    carry("propose", root, ContractCall("registry", "setDirectory", (root, root, bytes(32))))
    with pytest.raises(ConflictError, match="MIGRATE_UNFINISHED") as waits:
        mover().preview(nowhere)
    (number,) = waits.value.detail["proposals"]
    carry("cancel", number)
    with pytest.raises(UnavailableError):
        mover().preview(nowhere)  # nothing is in the way but the chain itself

    keep_plan(
        home, Plan(replace(nowhere, place=Place(1, bytes(32), bytes(20), bytes(20))), SystemClock().now())
    )
    path = home.key_file(here.record, ROOT_ISSUER, "operator")
    home.change(lambda record: replace(record, keys={**record.keys, "ledger/governance": str(path)}))
    with pytest.raises(RefusedError, match="MIGRATE_GOVERNANCE"):
        mover().run(mover().plan(None))
    give_up(home)


def test_what_would_be_carried_and_giving_up(moved: Moving, tmp_path: Path) -> None:
    """Told before anything is done; once begun, nobody else seals until it is given up."""
    home = tmp_path / "home"
    shutil.copytree(moved.before, home)
    clerk = Clerk(home)
    told = clerk.ask("migrate", "--to", f"rpc:{moved.anvil.url}", "--dry-run")
    jsonschema.validate(told, SHAPE)
    assert told["state"] == "planned"
    assert (told["carried"]["batches"], told["carried"]["issuers"]) == (len(moved.anchors), 4)
    assert told["missing_keys"] == []
    assert not (home / "migration.json").exists()
    moved.nursery.send(home=str(home), move=f"rpc:{moved.anvil.url}", step="contracts")
    assert moved.nursery.wait() == -signal.SIGKILL
    refused = clerk.run("worker", "--once", "--json")
    assert refused.code == 1
    assert "MIGRATING" in refused.out
    given_up = clerk.ask("migrate", "--abandon")
    jsonschema.validate(given_up, SHAPE)
    assert given_up["state"] == "abandoned"
    assert clerk.run("worker", "--once").code == 0


def test_the_gas_that_was_told_is_enough_and_not_far_off(moved: Moving) -> None:
    told = Clerk(moved.before).ask("migrate", "--to", f"rpc:{moved.anvil.url}", "--dry-run")["gas"]
    blocks = range(moved.anvil.node.height() + 1)
    used = sum(
        int(moved.anvil.rpc("eth_getBlockByNumber", hex(number), False)["gasUsed"], 16) for number in blocks
    )
    assert 0.5 * told < used < 1.3 * told  # acts that a kill repeated, and one batch more, included
