"""What happens to proofs that were handed out after the backup: told with the command line, on real files.

One office: it issues, is copied ("yesterday"), issues and suspends ("today"). Then parts of yesterday
come back.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from ledger.adapters.chain_embedded.reader import EmbeddedReader
from ledger.adapters.chain_embedded.store import ChainStore
from ledger.adapters.home_files import Home
from ledger.adapters.restore_sql import SqlRestoreBook
from ledger.adapters.system import ManualClock, free_port
from ledger.apps.cli_doctor import TEXTS
from ledger.bootstrap import open_home, open_verifier
from ledger.bootstrap_doctor import examine
from ledger.bootstrap_guard import (
    ADOPT,
    SHORT_STOP_S,
    adopt,
    obstacle,
    read_mark,
    require_finished,
    require_not_passed,
    set_mark,
)
from ledger.bootstrap_restore import How, heal
from ledger.bootstrap_web import open_web
from ledger.core.errors import ConflictError, UnavailableError
from ledger.core.receipt import parse_bundle
from ledger.demo_data import deposit_rows
from ledger.services.kill_points import KillPoint
from ledger.settings import load_settings
from tests.cli.clerk import DEPOSIT, FUND, Clerk, batch_of, clerk_of_a_copy, written
from tests.integration.test_backup import archive_in
from tests.node_face import node_face
from web import WebSettings, create_app

pytestmark = [pytest.mark.xdist_group("served"), pytest.mark.timeout(600)]
LATER = 4  # rows that are issued today
WITHOUT_MIRROR = How(without_mirror=True)


@dataclass(frozen=True)
class Days:
    """One office on two days. `bundles`: of today's batch. `suspended`: yesterday's, today."""

    yesterday: Path
    today: Path
    backup: Path
    batch: int
    bundles: tuple[Path, ...]
    suspended: Path


@pytest.fixture(scope="module")
def days(demo_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Days:
    place = tmp_path_factory.mktemp("days")
    clerk = clerk_of_a_copy(demo_home, place)
    clerk.ask("backup", place / "backup", "--with-keys")
    shutil.copytree(clerk.home, place / "yesterday")
    listed = clerk.ask("list", *DEPOSIT, "--limit", "50")["credentials"]
    old = next(one for one in listed if one["bundle"] is not None)
    file = written(place / "today.csv", deposit_rows(LATER, 77, first=8_500_000))
    clerk.ask("issue", *DEPOSIT, file)
    clerk.sign(batch_of(file))
    clerk.ask("status", "set", old["serial"], "--to", "suspended", "--reason", "security")
    assert clerk.run("worker", "--once").code == 0
    kept = shutil.copytree(clerk.home / "released" / FUND / str(batch_of(file)), place / "handed-out")
    suspended = Path(shutil.copy(old["bundle"], place / "suspended.ecert.json"))
    return Days(
        place / "yesterday",
        clerk.home,
        place / "backup",
        batch_of(file),
        tuple(sorted(kept.glob("*.ecert.json"))),
        suspended,
    )


def copied(home: Path, place: Path) -> Clerk:
    """An installation of its own, as a copy of its whole folder is."""
    shutil.copytree(home, place)
    return Clerk(place)


def put(home: Path, source: Path, *names: str) -> None:
    """Files of another day in the place of these, without their logs."""
    for name in names:
        for left in home.glob(f"{name}*"):
            if left.suffix != ".lock":
                left.unlink()
        for file in source.glob(f"{name}*"):
            if file.suffix not in {".lock", ".db-shm"}:
                shutil.copy2(file, home / file.name)


def verdict(clerk: Clerk, bundle: Path) -> tuple[str, set[str]]:
    """The code that decided, and all that is not in order, for somebody with this home's trust file and ledger."""
    report = open_verifier(clerk.home / "trust.json", clerk.home).verify(bundle.read_bytes()).as_json()
    return report["verdict"]["code"], {
        one["code"] for one in report["checks"] if one["outcome"] in {"failed", "unknown"}
    }


def page_says(home: Path, bundle: Path) -> str:
    """The verdict on the public page of an installation."""
    parts = open_web(replace(load_settings(), home=home))
    client = create_app(WebSettings("demo", secure_cookies=False), parts).test_client()
    answer = client.post("/verify", data=bundle.read_bytes(), content_type="application/vnd.ecert+json")
    return str(answer.get_json()["verdict"]["code"])


def anchors(home: Path) -> dict[bytes, int]:
    """How often each root was anchored."""
    reader = EmbeddedReader(home / "chain.db")
    found: dict[bytes, int] = {}
    for event in reader.events(0, reader.head().number):
        if event.name == "BatchAnchored":
            root = event.args["root"]
            assert isinstance(root, bytes)
            found[root] = found.get(root, 0) + 1
    reader.close()
    return found


def roots_once(home: Path) -> bool:
    """Exactly one final anchor for every batch."""
    return set(anchors(home).values()) == {1}


class TestTheChainWasPutBack:
    """chain.db of yesterday under the database of today, by hand."""

    def test_it_is_noticed_before_anything_is_sealed_and_healed_without_a_mirror(
        self, days: Days, tmp_path: Path
    ) -> None:
        clerk = copied(days.today, tmp_path / "home")
        put(clerk.home, days.yesterday, "chain.db", "view.db")
        stopped_by = obstacle(open_home(replace(load_settings(), home=clerk.home)))
        assert stopped_by is not None
        assert stopped_by.code == "CHAIN_SET_BACK", "the page is served, nothing is sealed"
        assert page_says(clerk.home, days.bundles[0]) == "CHAIN_BEHIND"
        height = EmbeddedReader(clerk.home / "chain.db").head().number
        refused = clerk.ask("worker", "--once", code=1)
        assert refused["error"]["code"] == "CHAIN_SET_BACK"
        assert clerk.ask("batch", "list")["batches"], "looking is allowed"
        assert "DOCTOR_CHAIN_SET_BACK" in {one["code"] for one in clerk.ask("doctor", code=1)["findings"]}
        assert EmbeddedReader(clerk.home / "chain.db").head().number == height
        assert clerk.ask("heal", code=1)["error"]["code"] == "RESTORE_MIRROR"

        done = clerk.ask("heal", "--without-mirror")
        assert (done["again"], done["calls"], done["late"]) == ([days.batch], 1, 0)
        assert done["notice"]["announced"] is True
        assert done["notice"]["first_block"] == height + 1
        assert page_says(clerk.home, days.bundles[0]) == "CHAIN_RESTORED"
        assert clerk.run("worker", "--once").code == 0
        assert roots_once(clerk.home)
        assert page_says(clerk.home, days.bundles[0]) == "CHAIN_RESTORED"
        old = verdict(clerk, days.bundles[0])
        assert old == ("CHAIN_RESTORED", {"CHAIN_RESTORED"}), "its receipt names a block that is no more"
        fresh = tmp_path / "fresh.ecert.json"
        assert clerk.ask("refresh", days.bundles[0], "--out", fresh)["changed"] is True
        assert verdict(clerk, fresh)[0] == "ACCEPTED"
        again = clerk.home / "released" / FUND / str(days.batch) / days.bundles[1].name
        assert verdict(clerk, again)[0] == "ACCEPTED", "the agency hands out fresh ones"
        assert verdict(clerk, days.suspended)[0] == "SUSPENDED", "its status was not lost"
        assert clerk.run("doctor").code == 0
        assert clerk.ask("heal", "--nothing-lost")["notice"] is None, "a second time finds nothing to do"

    def test_a_mirror_gives_the_blocks_back_and_every_receipt_stays_good(
        self, days: Days, tmp_path: Path
    ) -> None:
        clerk = copied(days.today, tmp_path / "home")
        mirror = copied(days.today, tmp_path / "mirror")
        newest = EmbeddedReader(mirror.home / "chain.db").head()
        put(clerk.home, days.yesterday, "chain.db")
        assert page_says(mirror.home, days.bundles[0]) == "ACCEPTED"
        with node_face(mirror.home) as url:
            done = clerk.ask("heal", "--mirror", url)
        assert page_says(mirror.home, days.bundles[0]) == "ACCEPTED"
        assert (done["pulled"] > 0, done["notice"], done["again"], done["calls"]) == (True, None, [], 0)
        assert EmbeddedReader(clerk.home / "chain.db").head() == newest
        assert clerk.run("worker", "--once").code == 0
        assert verdict(clerk, days.bundles[0])[0] == "ACCEPTED"
        assert verdict(clerk, days.suspended)[0] == "SUSPENDED"
        assert roots_once(clerk.home)
        assert clerk.run("doctor").code == 0

    def test_nothing_is_sealed_before_verifiers_can_know(self, days: Days, tmp_path: Path) -> None:
        """The keys of the trust file lie elsewhere, as they should: people sign the notice."""
        clerk = copied(days.today, tmp_path / "home")
        put(clerk.home, days.yesterday, "chain.db")
        away = shutil.move(clerk.home / "keys" / "ledger" / "trust", tmp_path / "safe")
        done = clerk.ask("heal", "--without-mirror")
        assert (done["notice"]["announced"], clerk.ask("heal")["notice"]["announced"]) == (False, False)
        refused = clerk.ask("worker", "--once", code=1)
        assert refused["error"]["code"] == "RESTORE_NOTICE_WAITS"
        codes = {one["code"] for one in clerk.ask("doctor", code=1)["findings"]}
        assert "DOCTOR_RESTORE_NOTICE_WAITS" in codes
        clerk.ask("trust", "sign", done["next_trust"], "--key", f"file:{away}/signing.key")
        clerk.ask("trust", "take", done["next_trust"])
        assert clerk.run("worker", "--once").code == 0
        assert verdict(clerk, days.bundles[0])[0] == "CHAIN_RESTORED"
        assert clerk.run("doctor").code == 0


class TestAllOfItIsYesterdays:
    """A whole data directory of yesterday: nothing in it can tell."""

    def test_a_mirror_that_is_named_is_asked_before_anything_is_sealed(
        self, days: Days, tmp_path: Path
    ) -> None:
        clerk = copied(days.yesterday, tmp_path / "home")
        mirror = copied(days.today, tmp_path / "mirror")
        with node_face(mirror.home) as url:
            told = clerk.run("worker", "--once", "--json", ECERT_MIRRORS=url)
            assert json.loads(told.out)["error"]["code"] == "CHAIN_SET_BACK"
            silent = f"http://127.0.0.1:{free_port('127.0.0.1')}"
            healed = clerk.run("heal", "--json", ECERT_MIRRORS=f"{silent},{url}")
        done = json.loads(healed.out)
        assert done["pulled"] > 0
        assert [one["size"] for one in done["lost_rows"]] == [LATER], "on chain, and nobody here has the rows"
        assert verdict(clerk, days.bundles[0])[0] == "ACCEPTED", "the holder loses nothing"
        assert clerk.run("worker", "--once").code == 0
        warnings = {one["code"] for one in clerk.ask("doctor")["findings"] if one["outcome"] == "warning"}
        assert "DOCTOR_LOST_ROWS" in warnings
        file = written(tmp_path / "next.csv", deposit_rows(3, 78, first=8_600_000))
        clerk.ask("issue", *DEPOSIT, file)
        clerk.sign(batch_of(file))
        codes = {one["code"] for one in clerk.ask("doctor")["findings"]}
        assert "DOCTOR_OVERLAP" not in codes, "words that the chain has given away are not given again"
        assert roots_once(clerk.home)

    def test_a_fork_that_was_born_is_given_up_for_the_mirror_s_history(
        self, days: Days, tmp_path: Path
    ) -> None:
        """Nobody was asked, and yesterday's copy went on by itself."""
        clerk = copied(days.yesterday, tmp_path / "home")
        mirror = copied(days.today, tmp_path / "mirror")
        file = written(tmp_path / "fork.csv", deposit_rows(3, 81, first=8_800_000))
        clerk.ask("issue", *DEPOSIT, file)
        clerk.sign(batch_of(file))
        forked = clerk.home / "released" / FUND / str(batch_of(file))
        stray = Path(shutil.copy(next(forked.glob("*.ecert.json")), tmp_path / "stray.ecert.json"))
        assert verdict(clerk, days.bundles[0])[0] != "ACCEPTED"
        with node_face(mirror.home) as url:
            told = clerk.run("worker", "--once", "--json", ECERT_MIRRORS=url)
            assert json.loads(told.out)["error"]["code"] in {"CHAIN_SET_BACK", "CHAIN_FORKED_HERE"}
            assert clerk.ask("heal", "--mirror", url, code=1)["error"]["code"] == "CHAIN_FORKED_HERE"
            (clerk.home / "chain.db").unlink()  # as if it were gone altogether
            done = clerk.ask("heal", "--mirror", url, "--rebuild-chain")
        assert (done["again"], len(done["lost_rows"])) == ([batch_of(file)], 1)
        assert done["notice"]["announced"] is True
        assert clerk.run("worker", "--once").code == 0
        assert verdict(clerk, days.bundles[0])[0] == "ACCEPTED", "the witnessed history holds"
        assert verdict(clerk, stray)[0] == "CHAIN_RESTORED"
        clerk.ask("refresh", stray)
        assert verdict(clerk, stray)[0] == "ACCEPTED"
        assert roots_once(clerk.home)

    def test_mirrors_that_are_silent_stop_nobody_after_a_short_break(
        self, days: Days, tmp_path: Path
    ) -> None:
        clerk = copied(days.today, tmp_path / "home")
        silent = f"http://127.0.0.1:{free_port('127.0.0.1')}"
        assert clerk.run("worker", "--once", ECERT_MIRRORS=silent).code == 0
        store = ChainStore(clerk.home / "chain.db")
        with store.write() as database:
            database.execute("DELETE FROM meta WHERE name='alive_at'")
        store.close()
        here = open_home(replace(load_settings(), home=clerk.home, mirrors=(silent,)))
        chain = EmbeddedReader(clerk.home / "chain.db")
        later = replace(here, settings=replace(here.settings))
        later.__dict__["clock"] = ManualClock(chain.head().time + SHORT_STOP_S + 1)
        with pytest.raises(UnavailableError) as refusal:
            require_not_passed(later, chain, here.view)
        assert refusal.value.code == "MIRRORS_SILENT"


class TestTheDatabaseWasPutBack:
    def test_it_is_noticed_and_goes_on_behind_what_the_chain_has(self, days: Days, tmp_path: Path) -> None:
        clerk = copied(days.today, tmp_path / "home")
        put(clerk.home, days.yesterday, "store.db")
        assert clerk.ask("worker", "--once", code=1)["error"]["code"] == "STORE_SET_BACK"
        codes = {one["code"] for one in clerk.ask("doctor", code=1)["findings"]}
        assert "DOCTOR_STORE_SET_BACK" in codes
        done = clerk.ask("heal", "--nothing-lost")
        assert [one["size"] for one in done["lost_rows"]] == [LATER]
        assert done["notice"] is None, "the chain lost nothing"
        assert clerk.run("worker", "--once").code == 0
        assert clerk.run("doctor").code == 0
        assert verdict(clerk, days.bundles[0])[0] == "ACCEPTED"
        assert roots_once(clerk.home)

    def test_the_doctor_has_words_for_whatever_is_missing_besides(self, days: Days, tmp_path: Path) -> None:
        home = copied(days.today, tmp_path / "home").home
        put(home, days.yesterday, "store.db")
        (home / "trust.json").unlink()
        found = examine(open_home(replace(load_settings(), home=home)))
        assert {"DOCTOR_FAILED", "DOCTOR_STORE_SET_BACK"} <= {one.code for one in found} <= TEXTS.keys()

    def test_on_a_chain_of_others_the_worker_compares(self, days: Days, tmp_path: Path) -> None:
        """Their chain lost nothing; the database learns what it has."""
        clerk = copied(days.today, tmp_path / "home")
        put(clerk.home, days.yesterday, "store.db")
        here = open_home(replace(load_settings(), home=clerk.home))
        set_mark(here.home, phase=ADOPT)
        require_finished(here.home)
        adopt(here, here.view)
        assert [lost.size for lost in SqlRestoreBook(here.store.database).lost_rows()] == [LATER]
        assert read_mark(here.home) is None
        adopt(here, here.view)


class TestFromABackup:
    def test_with_a_mirror(self, days: Days, tmp_path: Path) -> None:
        mirror = copied(days.today, tmp_path / "mirror")
        clerk = Clerk(tmp_path / "new")
        with node_face(mirror.home) as url:
            healed = clerk.ask("restore", archive_in(days.backup), "--mirror", url)["healed"]
        assert (healed["pulled"] > 0, healed["notice"], len(healed["lost_rows"])) == (True, None, 1)
        assert verdict(clerk, days.bundles[0])[0] == "ACCEPTED"
        assert clerk.run("worker", "--once").code == 0
        assert roots_once(clerk.home)

    def test_without_any_what_was_handed_out_since_is_unsettled_and_never_forged(
        self, days: Days, tmp_path: Path
    ) -> None:
        """Chain and database are of one moment: nobody knows what came after."""
        clerk = Clerk(tmp_path / "new")
        assert clerk.ask("restore", archive_in(days.backup), code=1)["error"]["code"] == "RESTORE_MIRROR"
        assert not clerk.home.exists()
        healed = clerk.ask("restore", archive_in(days.backup), "--without-mirror")["healed"]
        assert healed["notice"]["announced"] is True
        assert verdict(clerk, days.bundles[0])[0] == "CHAIN_RESTORED"
        file = written(tmp_path / "more.csv", deposit_rows(3, 79, first=8_700_000))
        clerk.ask("issue", *DEPOSIT, file)  # the chain grows over the lost heights
        clerk.sign(batch_of(file))
        newest = EmbeddedReader(clerk.home / "chain.db").head().number
        receipt = parse_bundle(days.bundles[0].read_bytes()).receipt
        assert receipt is not None
        assert receipt.block.number <= newest
        assert verdict(clerk, days.bundles[0])[0] == "CHAIN_RESTORED"
        elsewhere = copied(days.today, tmp_path / "verifier")
        shutil.copy(clerk.home / "chain.db", elsewhere.home / "chain.db")
        assert roots_once(clerk.home)

    @pytest.mark.parametrize("point", [one for one in KillPoint if one.name.startswith("RESTORE_")])
    def test_killed_in_the_middle_it_is_done_again(
        self, days: Days, tmp_path: Path, point: KillPoint
    ) -> None:
        clerk = copied(days.today, tmp_path / "home")
        put(clerk.home, days.yesterday, "chain.db")
        assert kill_at(clerk.home, point) == -signal.SIGKILL
        assert clerk.ask("worker", "--once", code=1)["error"]["code"] in {
            "RESTORE_UNFINISHED",
            "CHAIN_SET_BACK",
        }
        done = clerk.ask("heal", "--without-mirror")
        assert done["notice"]["announced"] is True
        assert clerk.run("worker", "--once").code == 0
        assert roots_once(clerk.home)
        assert verdict(clerk, days.suspended)[0] == "SUSPENDED"
        assert verdict(clerk, days.bundles[0])[0] == "CHAIN_RESTORED"
        again = clerk.home / "released" / FUND / str(days.batch) / days.bundles[0].name
        assert verdict(clerk, again)[0] == "ACCEPTED"

    def test_killed_once_the_mirror_s_blocks_are_there_the_database_is_compared_all_the_same(
        self, days: Days, tmp_path: Path
    ) -> None:
        """The blocks of the mirror are in the chain, the database knows nothing of them yet."""
        clerk = copied(days.yesterday, tmp_path / "home")
        mirror = copied(days.today, tmp_path / "mirror")
        with node_face(mirror.home) as url:
            assert kill_at(clerk.home, KillPoint.RESTORE_PULLED, How((url,))) == -signal.SIGKILL
            with pytest.raises(ConflictError) as refusal:
                require_finished(Home(clerk.home))
            assert refusal.value.code == "RESTORE_UNFINISHED"
            done = heal(open_home(replace(load_settings(), home=clerk.home)), How((url,)))
        assert done.pulled is not None
        assert (done.pulled.count, [one.size for one in done.mending.lost_rows]) == (0, [LATER])
        assert done.notice is None
        require_finished(Home(clerk.home))
        assert anchors(clerk.home) == anchors(days.today)
        assert verdict(clerk, days.bundles[0])[0] == "ACCEPTED"

    def test_a_mirror_that_is_silent_keeps_nobody_from_sealing_who_could(
        self, days: Days, tmp_path: Path
    ) -> None:
        """Somebody healed what needed no healing, and named a mirror that is off."""
        home = copied(days.today, tmp_path / "home").home
        here = open_home(replace(load_settings(), home=home))
        with pytest.raises(UnavailableError) as refusal:
            heal(here, How((f"http://127.0.0.1:{free_port('127.0.0.1')}",)))
        assert refusal.value.code == "MIRRORS_SILENT"
        require_finished(here.home)
        set_mark(here.home, phase="heal")
        with pytest.raises(UnavailableError):
            heal(here, How((f"http://127.0.0.1:{free_port('127.0.0.1')}",)))
        with pytest.raises(ConflictError):
            require_finished(here.home)


class KillAt:
    """Ends its process at one point."""

    def __init__(self, point: KillPoint) -> None:
        self._point = point

    def reach(self, point: KillPoint) -> None:
        if point is self._point:
            os.kill(os.getpid(), signal.SIGKILL)


def kill_at(home: Path, point: KillPoint, how: How = WITHOUT_MIRROR) -> int:
    """Heal in a process of its own that is killed there; how it ended."""
    child = os.fork()
    if child == 0:
        try:
            here = open_home(replace(load_settings(), home=home))
            heal(here, how, KillAt(point))
        finally:
            os._exit(7)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
