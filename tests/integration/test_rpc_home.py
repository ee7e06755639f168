"""An installation on a chain that others run: set up, issued, approved, anchored, verified, looked at."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import jsonschema
import pytest

from ledger.adapters.chain_rpc.deploy import attach
from ledger.adapters.chain_rpc.finality import Finality
from ledger.adapters.chain_rpc.node import Node
from ledger.adapters.chain_rpc.nodes import Nodes
from ledger.adapters.home_files import Home
from ledger.adapters.restore_sql import SqlRestoreBook
from ledger.adapters.system import SystemClock, SystemEntropy
from ledger.bootstrap import load_trust, open_home, open_verifier
from ledger.bootstrap_backup import back_up, restore
from ledger.bootstrap_chain import explorer_log, rpc_record
from ledger.bootstrap_demo import plan_demo
from ledger.bootstrap_doctor import examine
from ledger.bootstrap_guard import MARK, is_adopting
from ledger.bootstrap_init import CHEAP_SCRYPT, DrawnPasswords, SetupTools, run_setup
from ledger.bootstrap_join import join_setup
from ledger.bootstrap_remote import plan_remote
from ledger.bootstrap_work import open_bench, open_desk
from ledger.core.errors import ConflictError, NotFoundError, UnavailableError
from ledger.core.trust import sign_trust
from ledger.demo_data import deposit_rows, licence_rows, write_csv
from ledger.settings import Settings
from tests.anvil import Anvil, running
from tests.cli.clerk import BUREAU, FUND, LICENCE, ROOT_ISSUER, Clerk
from tests.cli.story import Ran, ecert, schema
from tests.faulty_node import FaultyNode, proxies
from tests.kill_nursery import issue_here

pytestmark = [pytest.mark.needs("anvil"), pytest.mark.xdist_group("rpc home"), pytest.mark.timeout(300)]


@dataclass
class Site:
    """A demo's agencies on three proxies before one node. `untouched`, `state`: home and chain as set up."""

    anvil: Anvil
    nodes: list[FaultyNode]
    home: Path
    clerk: Clerk
    untouched: Path
    state: str

    @property
    def chain(self) -> str:
        return "rpc:" + ",".join(node.url for node in self.nodes)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    home = tmp_path_factory.mktemp("site") / "home"
    with running(int(time.time()), every_s=1) as anvil, proxies(anvil.url, 3) as nodes:
        made = Site(anvil, nodes, home, Clerk(home), home.with_name("untouched"), "")
        drawn = DrawnPasswords(None)
        tools = SetupTools(
            SystemClock(), SystemEntropy(), drawn, drawn, lambda _step: None, scrypt_p=CHEAP_SCRYPT
        )
        regulator_and_fund = plan_demo().agencies[:2]
        plan = replace(plan_demo(), agencies=regulator_and_fund, chain=plan_remote(made.chain, "1", None, 0))
        run_setup(Home(home), plan, tools, mode="demo")
        # by another process: one that closes a database's file drops SQLite's locks of its own
        subprocess.run(["cp", "-r", home, made.untouched], check=True)
        made.state = anvil.rpc("anvil_dumpState", True)
        yield made


@contextmanager
def another(site: Site, home: Path) -> Iterator[list[FaultyNode]]:
    """The same installation as it was set up, on a node of its own: what happens there, happens there alone."""
    shutil.copytree(site.untouched, home)
    with running(int(time.time()), every_s=1) as anvil, proxies(anvil.url, 3) as nodes:
        assert anvil.rpc("anvil_loadState", site.state)
        urls = [node.url for node in nodes]
        Home(home).change(
            lambda old: replace(old, chain={**old.chain, "nodes": urls, "finality": "immediate"})
        )
        yield nodes


def test_set_up_leaves_no_chain_of_its_own(site: Site) -> None:
    assert not (site.home / "chain.db").exists()
    trust = load_trust(site.home / "trust.json")
    here = open_home(Settings(site.home))
    info = open_desk(here).info
    assert (trust.chain_id, trust.ledger_id) == (info.chain_id, info.ledger_id)
    assert trust.registry.code_hash == info.registry_code_hash
    assert trust.finality.policy == "consensus"
    assert open_desk(here).reader.info() == info


def test_set_up_again_deploys_nothing_again(site: Site) -> None:
    record = Home(site.home).load()
    before = site.anvil.rpc("eth_getTransactionCount", _governance(site), "latest")
    drawn = DrawnPasswords(None)
    tools = SetupTools(
        SystemClock(), SystemEntropy(), drawn, drawn, lambda _step: None, scrypt_p=CHEAP_SCRYPT
    )
    Home(site.home).change(lambda old: replace(old, ready=False))
    again = run_setup(Home(site.home), None, tools, mode="demo")
    assert again == record
    assert site.anvil.rpc("eth_getTransactionCount", _governance(site), "latest") == before


def _governance(site: Site) -> str:
    trust = load_trust(site.home / "trust.json")
    return "0x" + trust.governance.hex()


def test_contracts_are_recognised_by_their_code(site: Site) -> None:
    info = open_desk(open_home(Settings(site.home))).info
    nodes = Nodes([Node(site.anvil.url)], SystemClock())
    rule = Finality("immediate")
    place = attach(nodes, info.chain_id, info.registry, info.ledger, rule)
    known = rpc_record(Home(site.home).load())
    assert known is not None
    assert known.place is not None
    assert (place.ledger_id, place.registry, place.ledger) == (info.ledger_id, info.registry, info.ledger)
    assert known.place.since <= place.since
    with pytest.raises(ConflictError) as swapped:
        attach(nodes, info.chain_id, info.ledger, info.registry, rule)
    assert swapped.value.code == "CONTRACT_FOREIGN"
    with pytest.raises(NotFoundError) as nothing:
        attach(nodes, info.chain_id, bytes(20), info.ledger, rule)
    assert nothing.value.code == "CONTRACT_MISSING"


def test_from_a_file_to_a_verified_bundle_while_nodes_fail(site: Site, tmp_path: Path) -> None:
    clerk = site.clerk
    file = tmp_path / "rows.csv"
    write_csv(file, deposit_rows(3, first=7_000_000))
    site.nodes[0].fail("hang")
    clerk.ask("issue", "--issuer", FUND, "--type", "HPF_PERSONAL_DEPOSIT", file)
    site.nodes[0].fail("500")
    done = clerk.sign(1)
    assert (done["state"], done["size"]) == ("released", 3)
    lines = file.with_name("rows.csv.result.csv").read_text(encoding="utf-8-sig").splitlines()
    identifier = lines[1].split(",")[2]
    bundle = clerk.bundle(identifier)
    report = clerk.ask("verify", bundle)
    assert report["accepted"] is True
    site.nodes[0].fail("lie")
    clerk.ask("status", "set", identifier, "--to", "suspended", "--reason", "security")
    refused = clerk.ask("verify", bundle, code=1)
    assert refused["verdict"]["code"] == "SUSPENDED"
    site.nodes[0].fail(None)
    anchored = [
        event
        for event in _reader(site).events(0, _reader(site).head().number)
        if event.name == "BatchAnchored" and event.args["issuer"] == FUND.encode()
    ]
    assert len(anchored) == 1
    _looked_at(site, anchored[0].block.number, anchored[0].tx_hash)


def _reader(site: Site):
    return open_desk(open_home(Settings(site.home))).reader


def _looked_at(site: Site, number: int, transaction: bytes) -> None:
    """The explorer tells the same."""
    log = explorer_log(_reader(site))
    block = log.block(number)
    assert block is not None
    assert transaction in [one.hash for one in block.transactions]
    found = log.transaction(transaction)
    assert found is not None
    assert [event.name for event in found.events] == ["BatchAnchored"]
    assert found.error is None
    assert log.block_number(block.ref.hash) == number
    assert block.ref in log.blocks(log.head().number + 1, 50)
    assert log.transaction(bytes(32)) is None


def findings(home: Path) -> dict[str, str]:
    """What the doctor says: code and outcome."""
    return {one.code: one.outcome for one in examine(open_home(Settings(home)))}


def lost_sizes(home: Path) -> list[int]:
    """Batches on chain of which this database has no rows."""
    return [one.size for one in SqlRestoreBook(open_home(Settings(home)).store.database).lost_rows()]


def issue(home: Path, first: int, last: int) -> None:
    issue_here(home, {"installed": FUND, "first": first, "last": last})


def test_a_restored_database_is_compared_with_the_chain_before_anything_is_done(
    site: Site, tmp_path: Path
) -> None:
    """What was issued after the backup is named and stays good; its words are never given away again."""
    home, new = tmp_path / "home", Clerk(tmp_path / "new")
    with another(site, home) as nodes:
        issue(home, 0, 2)
        backup = back_up(
            open_home(Settings(home)), tmp_path / "backup", lambda _done, _all: None, with_keys=True
        )
        issue(home, 10, 13)
        (bundle, *_) = sorted((home / "released" / FUND / "2").glob("*.ecert.json"))
        for node in nodes:
            node.fail("refuse")
        assert new.ask("restore", backup.archive)["healed"] is None, "restored, and not compared"
        with pytest.raises(UnavailableError), open_bench(open_home(Settings(new.home))):
            pass
        assert is_adopting(Home(new.home)), "nodes that are away have said nothing about what is lost"
        assert findings(new.home)["DOCTOR_RESTORE_UNFINISHED"] == "problem"
        for node in nodes:
            node.fail(None)

        by_hand = restore(backup.archive, tmp_path / "by hand", lambda _done, _all: None).home
        (by_hand / MARK).unlink()  # as if somebody had put an older store.db back
        healed = new.ask("heal")
        assert [one["size"] for one in healed["lost_rows"]] == [3]
        assert not is_adopting(Home(new.home))
        with open_bench(open_home(Settings(by_hand))):
            assert lost_sizes(by_hand) == lost_sizes(new.home) == [3]
        assert findings(new.home)["DOCTOR_LOST_ROWS"] == "warning"
        issue(new.home, 20, 22)
        anchors = list(open_home(Settings(new.home)).view.anchors(FUND))
        assert [one.size for one in anchors] == [2, 3, 2]
        assert len({one.first_word for one in anchors}) == len({one.root for one in anchors}) == 3
        assert open_verifier(new.home / "trust.json", new.home).verify(bundle.read_bytes()).accepted
        lost = healed["lost_rows"][0]["root"]
        case = new.ask("batch", "withdraw", lost, "--key", new.key("maker"), "--reason", "issuer-error")
        new.ask("status", "approve", case["case"]["id"], "--key", new.key("approver"))
        assert "DOCTOR_LOST_ROWS" not in findings(new.home), "nothing is left to do about it"
        assert new.ask("heal")["lost_rows"] == []


def test_doctor_looks_at_the_nodes(site: Site) -> None:
    well = site.clerk.ask("doctor")
    assert well["ok"] is True
    for node in site.nodes[:2]:
        node.fail("refuse")
    try:
        ill = site.clerk.ask("doctor", code=1)
    finally:
        for node in site.nodes[:2]:
            node.fail(None)
    assert {"DOCTOR_FAILED"} <= {finding["code"] for finding in ill["findings"]}


def test_another_agency_joins_with_an_installation_of_its_own(site: Site, tmp_path: Path) -> None:
    """It recognises the contracts, waits to be admitted, issues; verifiers take the trust file that names its CA."""
    home = Home(tmp_path / "bureau")
    drawn = DrawnPasswords(None)
    tools = SetupTools(
        SystemClock(), SystemEntropy(), drawn, drawn, lambda _step: None, scrypt_p=CHEAP_SCRYPT
    )
    bureau = replace(plan_demo().agencies[2], parent=None)
    plan = replace(plan_demo(), agencies=(bureau,), chain=plan_remote(site.chain, "1", None, 0))
    text = (site.home / "trust.json").read_bytes()
    with pytest.raises(ConflictError) as waiting:
        join_setup(home, plan, tools, text)
    assert waiting.value.code == "JOIN_WAITING"
    sent = waiting.value.detail
    new_admins = [word for address in sent["admins"] for word in ("--new-admin", address)]
    site.clerk.ask(
        "issuer", "admit", "--uscc", BUREAU, "--entry", sent["entry"], *new_admins, *site.clerk.admins()
    )
    site.clerk.ask("issuer", "grant", "--issuer", ROOT_ISSUER, "--type", "BIZ_LICENSE", *site.clerk.admins())
    site.clerk.ask("issuer", "grant", "--issuer", BUREAU, "--type", "BIZ_LICENSE", *site.clerk.admins())
    record = join_setup(home, None, tools, text)
    assert record.ready
    assert not (home.keys / "ledger" / "governance").exists()
    assert join_setup(home, None, tools, text) == record
    told = Clerk(home.path).ask("init", "--join", "--trust", site.home / "trust.json")
    jsonschema.validate(told, schema("init"))
    made = tmp_path / "trust-2.json"
    site.clerk.ask("trust", "next", "--out", made, "--add-authority", sent["authority"])
    site.clerk.ask("trust", "sign", made)
    Clerk(home.path).ask("trust", "take", made)
    clerk = Clerk(home.path)
    file = tmp_path / "licences.csv"
    write_csv(file, licence_rows(2))
    clerk.ask("issue", *LICENCE, file)
    assert clerk.sign(1, BUREAU)["state"] == "released"
    (bundle, _) = sorted((home.path / "released").glob("*/1/*.ecert.json"))
    assert clerk.ask("verify", bundle)["accepted"] is True
    assert site.clerk.run("worker", "--once").code == 0  # its view has the batch
    stranger = site.clerk.ask("verify", bundle, code=1)
    assert stranger["verdict"]["code"] == "X5C_UNKNOWN_ROOT"  # its own trust file does not name that CA yet


def test_contracts_that_the_trust_file_does_not_name_are_not_joined(site: Site, tmp_path: Path) -> None:
    document = json.loads((site.home / "trust.json").read_bytes())
    keyring = open_home(Settings(site.home)).keyring
    signer = keyring.credential_signer(f"file:{site.home / 'keys' / 'ledger' / 'trust' / 'signing.key'}")
    drawn = DrawnPasswords(None)
    tools = SetupTools(
        SystemClock(), SystemEntropy(), drawn, drawn, lambda _step: None, scrypt_p=CHEAP_SCRYPT
    )
    bureau = replace(plan_demo().agencies[2], parent=None)
    plan = replace(plan_demo(), agencies=(bureau,), chain=plan_remote(site.chain, "1", None, 0))
    changed = {
        "chain_id": "eip155:7",
        "ledger_id": "0x" + "12" * 32,
        "contracts": {**document["contracts"], "ledger": document["contracts"]["registry"]},
    }
    for number, (member, value) in enumerate(changed.items()):
        other = sign_trust({**document, member: value}, [signer])
        with pytest.raises(ConflictError) as refused:
            join_setup(Home(tmp_path / str(number)), plan, tools, other)
        assert refused.value.code == {"contracts": "CONTRACT_FOREIGN"}.get(member, "JOIN_DIFFERS")


def test_init_writes_the_plan_of_the_command_line_first(tmp_path: Path) -> None:
    """Building it is what the fixture `site` does; without passwords the command stops right after the plan."""
    chain = "rpc:http://127.0.0.1:1,http://127.0.0.1:2,http://127.0.0.1:3"
    ran = _init(
        tmp_path / "home", "--chain", chain, "--finality", "12", "--quorum", "3", "--gas-ceiling", "7"
    )
    assert ran.code == 1
    assert "PASSWORD_NEEDED" in ran.err
    assert Home(tmp_path / "home").load().chain == plan_remote(chain, "12", 3, 7)
    wrong = _init(tmp_path / "other", "--chain", "ipc:/node")
    assert wrong.code != 0
    assert "CHAIN_URL" in wrong.err
    assert not (tmp_path / "other").exists()


def _init(home: Path, *options: str) -> Ran:
    return ecert(
        "init", "--uscc", "12110000MB01234572", "--name", "某中心", "--name-en", "Some Centre",
        "--iss", "https://centre.example.org", "--division", "110000", *options, home=home,
    )  # fmt: skip
