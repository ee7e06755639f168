"""Backups of a running installation, restores of them, and that who was erased stays erased."""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ledger import bootstrap_backup
from ledger.adapters import backup_archive, erasure_list
from ledger.adapters.backup_archive import ArchiveWriter
from ledger.adapters.chain_embedded.reader import EmbeddedReader
from ledger.adapters.erasure_list import ErasureList
from ledger.adapters.restore_sql import SqlRestoreBook
from ledger.adapters.store_sql import open_store
from ledger.adapters.system import SystemClock
from ledger.apps.cli_texts import ERRORS
from ledger.bootstrap import open_home, open_verifier
from ledger.bootstrap_backup import Say, back_up, restore
from ledger.core.errors import ConflictError, InputError, LedgerError, NotFoundError, UnavailableError
from ledger.core.flow import BatchState
from ledger.demo_data import deposit_rows
from ledger.settings import load_settings
from tests.cli.clerk import DEPOSIT, FUND, Clerk, batch_of, clerk_of_a_copy, results, written
from tests.cli.story import ROOT, STARTER
from tests.privacy_search import search_folder

pytestmark = [pytest.mark.xdist_group("served"), pytest.mark.timeout(600)]
ROWS = 60
CODE = re.compile(r'"((?:BACKUP|RESTORE|ERASURES|HOME)_[A-Z_]+)"')


def silent(_done: int, _total: int) -> None:
    """No bar."""


@pytest.fixture(scope="module")
def clerk(demo_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Clerk:
    return clerk_of_a_copy(demo_home, tmp_path_factory.mktemp("kept"))


@pytest.fixture(scope="module")
def backup(clerk: Clerk, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one backup, made by the command line."""
    folder = tmp_path_factory.mktemp("backups")
    told = clerk.ask("backup", folder, "--with-keys")
    assert Path(told["archive"]).parent == folder
    return folder


@pytest.fixture
def moved(backup: Path, tmp_path: Path) -> Path:
    """A copy of that folder, to be damaged."""
    return Path(shutil.copytree(backup, tmp_path / "moved"))


def released(clerk: Clerk) -> list[dict[str, Any]]:
    """Proofs that are out and not erased, the latest first."""
    listed = clerk.ask("list", *DEPOSIT, "--limit", "1000")["credentials"]
    return [entry for entry in listed if entry["bundle"] is not None]


def archive_in(folder: Path) -> Path:
    return next(path for path in folder.glob("*.tar") if not path.name.endswith(".keys.tar"))


def keys_in(folder: Path) -> Path:
    return next(folder.glob("*.keys.tar"))


def start(clerk: Clerk, *argv: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", STARTER, *map(str, argv)],
        cwd=ROOT,
        env={"ECERT_HOME": str(clerk.home), "PATH": os.environ["PATH"], "ECERT_LANG": "en"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


@pytest.fixture
def running(clerk: Clerk) -> Iterator[list[subprocess.Popen[str]]]:
    processes = [start(clerk, "worker")]
    yield processes
    for process in processes:
        if process.poll() is None:
            process.kill()
        process.communicate()


def test_backed_up_under_load_it_goes_on_elsewhere_and_nothing_happens_twice(
    clerk: Clerk, tmp_path: Path, running: list[subprocess.Popen[str]]
) -> None:
    """While a worker works and a file is imported; then the machine is gone."""
    first = written(tmp_path / "first.csv", deposit_rows(ROWS, 31, first=8_000_000))
    second = written(tmp_path / "second.csv", deposit_rows(ROWS, 32, first=8_100_000))
    clerk.ask("issue", *DEPOSIT, first)
    batch = batch_of(first)
    clerk.ask("batch", "make", batch, "--key", clerk.key("maker"))
    clerk.ask("batch", "approve", batch, "--key", clerk.key("approver"))  # on its way when the backup is made
    running.append(start(clerk, "issue", *DEPOSIT, second))
    time.sleep(0.6)  # in the middle of the import
    folder = tmp_path / "backups"
    folder.mkdir()
    clerk.ask("backup", folder, "--with-keys")
    for process in running:
        process.send_signal(signal.SIGKILL)
        process.wait(10)

    new = Clerk(tmp_path / "new")
    told = new.ask("restore", archive_in(folder), "--without-mirror")
    assert told["with_keys"] is True
    new.ask("issue", *DEPOSIT, second)  # and does whatever work is left
    assert len(results(second)) == ROWS
    for waiting in new.ask("batch", "list")["batches"]:
        if waiting["state"] == "signed" and waiting["size"] == ROWS:
            new.sign(waiting["id"])
    assert new.run("worker", "--once").code == 0
    for file in (first, second):
        new.ask("issue", *DEPOSIT, file)
        assert {row["outcome"] for row in results(file)} == {"ALREADY"}
    ours = [one for one in new.ask("batch", "list")["batches"] if one["size"] == ROWS]
    assert [one["state"] for one in ours] == ["released", "released"]
    assert batch in {one["id"] for one in ours}
    verifier = open_verifier(new.home / "trust.json", new.home)
    for one in ours:
        bundles = sorted((new.home / "released" / FUND / str(one["id"])).glob("*.ecert.json"))
        assert len(bundles) == ROWS
        assert verifier.verify(bundles[0].read_bytes()).accepted
    assert new.run("doctor").code == 0


def test_a_batch_that_becomes_final_between_two_files_is_in_the_chain_and_not_in_the_database(
    clerk: Clerk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Never the other way round, whatever happens while a backup is made."""
    file = written(tmp_path / "between.csv", deposit_rows(2, 33, first=8_200_000))
    clerk.ask("issue", *DEPOSIT, file)
    batch = batch_of(file)
    clerk.ask("batch", "make", batch, "--key", clerk.key("maker"))
    copied: list[str] = []
    add_database = ArchiveWriter.add_database

    def add_and_anchor(writer: ArchiveWriter, name: str, path: Path, beside: Path) -> None:
        add_database(writer, name, path, beside)
        copied.append(name)
        if len(copied) == 1:
            clerk.ask("batch", "approve", batch, "--key", clerk.key("approver"))

    # reason: no test can hit the moment between two files of a backup from outside
    monkeypatch.setattr(ArchiveWriter, "add_database", add_and_anchor)
    done = back_up(open_home(replace(load_settings(), home=clerk.home)), tmp_path / "made", silent)
    assert (copied[0], copied[-1]) == ("store.db", "chain.db")
    with tarfile.open(done.archive) as tar:
        tar.extractall(tmp_path / "inside", filter="data")
    store = open_store(tmp_path / "inside" / "store.db", SystemClock())
    chain = EmbeddedReader(tmp_path / "inside" / "chain.db")
    blocks = SqlRestoreBook(store.database).newest_blocks(1_000)
    assert blocks
    assert [chain.block(block.number) for block in blocks] == list(blocks)
    found = store.batches.batch(batch)
    assert found.state is BatchState.MADE
    assert found.root is not None
    assert chain.anchor_event(FUND, found.root) is not None
    store.close()


def test_released_bundles_are_not_in_it_and_are_the_same_afterwards(
    clerk: Clerk, backup: Path, tmp_path: Path
) -> None:
    with tarfile.open(archive_in(backup)) as tar:
        names = tar.getnames()
    assert not [name for name in names if name.startswith(("released", "demo", "keys/", "logs"))]
    assert "keys.db" not in names
    assert {path.stat().st_mode & 0o777 for path in backup.glob("*.tar")} == {0o600}
    new = Clerk(tmp_path / "new")
    new.ask("restore", archive_in(backup), "--nothing-lost")
    assert new.run("worker", "--once").code == 0
    for issuer in sorted((clerk.home / "released").iterdir()):
        for batch in sorted(issuer.iterdir()):
            if int(batch.name) > 4:
                continue  # made after the backup by another test
            mine = {path.name: path.read_bytes() for path in batch.iterdir()}
            theirs = {
                path.name: path.read_bytes()
                for path in (new.home / "released" / issuer.name / batch.name).iterdir()
            }
            assert mine.keys() >= theirs.keys()
            assert all(mine[name] == data for name, data in theirs.items())
    assert not (new.home / "rebuild-released").exists()


def test_nobodys_data_is_in_a_backup_in_clear(clerk: Clerk, backup: Path) -> None:
    entry = clerk.ask("list", "--issuer", FUND, "--limit", "1")["credentials"][0]
    fields = clerk.ask("show", entry["serial"], "--values")["fields"]
    values = [str(fields[name]) for name in ("name", "id_number", "account_no")]
    assert search_folder(backup, values) == []


class TestErased:
    def test_who_was_erased_after_the_backup_stays_erased(self, demo_home: Path, tmp_path: Path) -> None:
        """In an installation of its own: the list holds every erasure of one, those of other tests too."""
        clerk = clerk_of_a_copy(demo_home, tmp_path / "mine")
        moved = tmp_path / "moved"
        clerk.ask("backup", moved, "--with-keys")
        entry = released(clerk)[0]
        bundle = Path(entry["bundle"])
        assert bundle.exists()
        told = clerk.ask("erase", entry["serial"], "--reason", "2026-12", "--yes")
        assert (told["rows"], told["keys"], bundle.exists()) == (1, 1, False)
        again = clerk.ask("erase", entry["serial"], "--reason", "2026-12", "--yes")
        assert again["keys"] == 0
        new = Clerk(tmp_path / "new")
        assert new.ask("restore", archive_in(moved), "--nothing-lost")["erased"] == 1
        assert new.run("worker", "--once").code == 0
        shown = new.ask("show", entry["serial"], "--values")
        assert (shown["bundle"], shown["fields"]) == (None, {})
        assert not list((new.home / "released").rglob(bundle.name))
        with (new.home / "keys.db").open("rb") as file:
            assert bytes.fromhex(entry["serial"]) in file.read()  # as an erasure, not as a key

    def test_the_list_lies_beside_the_backups_at_once(self, clerk: Clerk, backup: Path) -> None:
        entry = released(clerk)[1]
        clerk.ask("erase", entry["serial"], "--reason", "2026-13", "--yes")
        assert entry["serial"].lower() in (backup / "erasures.list").read_text()

    def test_a_batch_on_its_way_is_not_stopped(self, clerk: Clerk) -> None:
        waiting = next(one for one in clerk.ask("batch", "list")["batches"] if one["state"] == "signed")
        entry = clerk.ask("list", "--batch", waiting["id"], "--limit", "1")["credentials"][0]
        refused = clerk.ask("erase", entry["serial"], "--reason", "x", "--yes", code=1)
        assert refused["error"]["code"] == "ERASE_TOO_EARLY"

    def test_nobody_is_erased_without_being_asked(self, clerk: Clerk) -> None:
        entry = clerk.ask("list", "--issuer", FUND, "--limit", "1")["credentials"][0]
        assert clerk.run("erase", entry["serial"], "--reason", "x").code == 130
        assert clerk.run("show", entry["serial"], "--values").code == 0


class TestRefused:
    def code(self, folder: Path, tmp_path: Path, **options: object) -> str:
        with pytest.raises(LedgerError) as refusal:
            restore(archive_in(folder), tmp_path / "new", silent, **options)  # type: ignore[arg-type]
        assert not (tmp_path / "new").exists()
        assert not list(tmp_path.glob(".new*"))
        return refusal.value.code

    def test_a_home_that_is_not_empty(self, backup: Path, tmp_path: Path) -> None:
        (tmp_path / "new").mkdir()
        (tmp_path / "new" / "something").write_text("mine")
        with pytest.raises(ConflictError) as refusal:
            restore(archive_in(backup), tmp_path / "new", silent)
        assert refusal.value.code == "HOME_NOT_EMPTY"
        assert (tmp_path / "new" / "something").read_text() == "mine"

    @pytest.mark.parametrize("name", ["store.db", "trust.json", "manifest.json"])
    def test_a_flipped_byte(self, moved: Path, tmp_path: Path, name: str) -> None:
        """In a file's content, and in its name."""
        archive = archive_in(moved)
        whole = archive.read_bytes()
        with tarfile.open(archive) as tar:
            member = tar.getmember(name)
        for at in (member.offset_data + member.size // 2, member.offset_data - 512):
            data = bytearray(whole)
            data[at] ^= 1
            archive.write_bytes(data)
            assert self.code(moved, tmp_path) in {"BACKUP_BROKEN", "BACKUP_NEWER"}

    @pytest.mark.parametrize("part", ["data", "keys"])
    def test_a_short_file(self, moved: Path, tmp_path: Path, part: str) -> None:
        archive = archive_in(moved) if part == "data" else keys_in(moved)
        archive.write_bytes(archive.read_bytes()[:-30_000])
        wanted = "BACKUP_BROKEN" if part == "data" else "BACKUP_KEYS_MISSING"
        assert self.code(moved, tmp_path) == wanted

    def test_a_name_that_leads_elsewhere(self, moved: Path, tmp_path: Path) -> None:
        archive = archive_in(moved)
        data = b"evil"
        known = {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()}
        with tarfile.open(archive) as tar:
            manifest = json.loads(tar.extractfile("manifest.json").read())  # type: ignore[union-attr]
        manifest["files"] = {"../evil": known}
        with tarfile.open(archive, "w") as tar:
            for name, content in (("../evil", data), ("manifest.json", json.dumps(manifest).encode())):
                info = tarfile.TarInfo(name)
                info.size = len(content)
                tar.addfile(info, io.BytesIO(content))
        assert self.code(moved, tmp_path) == "BACKUP_BROKEN"
        assert not (tmp_path / "evil").exists()

    def test_a_list_of_erasures_that_is_missing_old_or_changed(self, moved: Path, tmp_path: Path) -> None:
        listed = moved / "erasures.list"
        whole = listed.read_bytes()
        listed.unlink()
        assert self.code(moved, tmp_path) == "ERASURES_MISSING"
        listed.write_bytes(whole + b"00 1 22\n")
        assert self.code(moved, tmp_path) == "ERASURES_BROKEN"
        listed.write_bytes(b"ecert-erasures/1 " + b"ab" * 32 + b"\n")
        assert self.code(moved, tmp_path) == "ERASURES_BROKEN"
        listed.unlink()
        done = restore(archive_in(moved), tmp_path / "new", silent, unsafe_old_erasures=True)
        assert done.erased == 0

    def test_keys_that_are_older_than_the_data(self, moved: Path, tmp_path: Path) -> None:
        keys = keys_in(moved)
        told_otherwise(keys, keys, later_s=-10)
        assert self.code(moved, tmp_path) == "BACKUP_KEYS_MISSING"
        keys.unlink()
        assert self.code(moved, tmp_path) == "BACKUP_KEYS_MISSING"

    def test_a_folder_or_nothing_where_the_archive_should_be(self, backup: Path, tmp_path: Path) -> None:
        for place in (backup, backup / "none.tar"):
            with pytest.raises(NotFoundError) as refusal:
                restore(place, tmp_path / "new", silent)
            assert refusal.value.code == "BACKUP_MISSING"

    def test_every_refusal_is_said_in_both_languages(self) -> None:
        files = (backup_archive, bootstrap_backup, erasure_list)
        codes = {code for file in files for code in re.findall(CODE, Path(file.__file__).read_text())}
        assert len(codes) > 12
        assert codes <= ERRORS.keys()

    def test_the_wrong_one_of_the_two(self, backup: Path, tmp_path: Path) -> None:
        with pytest.raises(InputError) as refusal:
            restore(keys_in(backup), tmp_path / "new", silent)
        assert refusal.value.code == "BACKUP_KIND"

    def test_a_name_that_is_taken_and_a_disk_that_is_full(
        self, clerk: Clerk, backup: Path, tmp_path: Path
    ) -> None:
        assert clerk.ask("backup", archive_in(backup), code=1)["error"]["code"] == "BACKUP_EXISTS"
        limited = f"ulimit -f 200; exec {sys.executable} -c '{STARTER}' backup {tmp_path} --json"
        done = subprocess.run(
            ["/bin/sh", "-c", limited],
            cwd=ROOT,
            env={"ECERT_HOME": str(clerk.home), "PATH": os.environ["PATH"]},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 1, done.stdout + done.stderr
        assert json.loads(done.stdout)["error"]["code"] in {"BACKUP_NOT_WRITTEN", "BACKUP_SOURCE_BROKEN"}
        assert not list(tmp_path.iterdir())


def killed(step: Callable[[Say], object]) -> None:
    """Do it in a process of its own, which is killed when it tells of its first bytes."""
    child = os.fork()
    if child == 0:
        try:
            step(lambda _done, _total: os.kill(os.getpid(), signal.SIGKILL))
        finally:
            os._exit(7)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL


def test_what_a_killed_backup_or_restore_left_is_deleted_by_the_next(
    clerk: Clerk, backup: Path, tmp_path: Path
) -> None:
    """Copies of keys outlive nobody who is erased. A process that lives keeps its own."""
    here = open_home(replace(load_settings(), home=clerk.home))
    folder, home = tmp_path / "made", tmp_path / "new"
    killed(lambda say: back_up(here, folder, say))
    (left,) = folder.iterdir()
    mine = folder / f".ecert-backup-{os.getpid()}-mine"
    mine.mkdir()
    done = back_up(here, folder, silent)
    assert not left.exists()
    assert set(folder.iterdir()) == {mine, done.archive, done.keys, done.erasures}
    killed(lambda say: restore(archive_in(backup), home, say))
    assert [path.name.startswith(".new.restoring-") for path in tmp_path.glob(".new*")] == [True]
    restore(archive_in(backup), home, silent)
    assert not list(tmp_path.glob(".new*"))


def test_a_place_where_nothing_can_be_written_is_said(clerk: Clerk, backup: Path, tmp_path: Path) -> None:
    here = open_home(replace(load_settings(), home=clerk.home))
    file = tmp_path / "file"
    file.write_bytes(b"")
    for place in (file, file / "nightly", file / "made.tar"):
        with pytest.raises(UnavailableError) as refusal:
            back_up(here, place, silent)
        assert refusal.value.code == "BACKUP_NOT_WRITTEN"
    with pytest.raises(UnavailableError) as refusal:
        restore(archive_in(backup), file / "home", silent)
    assert refusal.value.code == "RESTORE_NOT_WRITTEN"


def told_otherwise(archive: Path, target: Path, *, later_s: int, **facts: object) -> None:
    """The same archive with another list of contents."""
    with tarfile.open(archive) as tar:
        members = [(member, tar.extractfile(member).read()) for member in tar.getmembers()]  # type: ignore[union-attr]
    with tarfile.open(target, "w") as tar:
        for member, content in members:
            data = content
            if member.name == "manifest.json":
                manifest = json.loads(content)
                manifest["made_at"] += later_s
                data = json.dumps(manifest | facts).encode()
                member.size = len(data)
            tar.addfile(member, io.BytesIO(data))


def test_key_files_are_brought_back_though_a_later_backup_had_none(moved: Path, tmp_path: Path) -> None:
    """Not where the list of erasures is lost: then the newest keys know best who is to stay away."""
    told_otherwise(keys_in(moved), moved / "later.keys.tar", later_s=10, with_keys=False)
    assert restore(archive_in(moved), tmp_path / "one", silent).has_keys
    assert not restore(archive_in(moved), tmp_path / "two", silent, unsafe_old_erasures=True).has_keys


def test_a_folder_that_is_not_there_yet_is_made(clerk: Clerk, tmp_path: Path) -> None:
    here = open_home(replace(load_settings(), home=clerk.home))
    done = back_up(here, tmp_path / "new" / "nightly", silent)
    assert done.archive.parent == done.keys.parent == tmp_path / "new" / "nightly"
    assert done.archive.parent.stat().st_mode & 0o777 == 0o700


def test_old_archives_of_keys_are_deleted(clerk: Clerk, tmp_path: Path) -> None:
    old, fresh, other = (
        tmp_path / name
        for name in ("ecert-20200101T000000Z.keys.tar", "ecert-29990101T000000Z.keys.tar", "mine.keys.tar")
    )
    for path in (old, fresh, other):
        path.write_bytes(b"x")
    here = open_home(replace(load_settings(), home=clerk.home))
    assert back_up(here, tmp_path, silent).pruned == 1
    assert (old.exists(), fresh.exists(), other.exists()) == (False, True, True)
    assert bootstrap_backup.KEYS_KEPT_S == 30 * 86_400


class TestErasureList:
    LEDGER = bytes(range(32))

    def test_lines_are_linked_and_a_torn_one_never_counts(self, tmp_path: Path) -> None:
        listed = ErasureList(tmp_path / "erasures.list", self.LEDGER)
        assert listed.read().items == ()
        listed.append([b"a" * 16, b"b" * 16, b"a" * 16], 7)
        with listed.path.open("ab") as file:
            file.write(b"00112233 9")  # the power went
        assert [name[:1] for name, _ in listed.read().items] == [b"a", b"b"]
        listed.append([b"b" * 16, b"c" * 16], 9)
        assert [(name[:1], at) for name, at in listed.read().items] == [(b"a", 7), (b"b", 7), (b"c", 9)]
        assert listed.path.stat().st_mode & 0o777 == 0o600

    def test_a_line_taken_out_or_changed_shows(self, tmp_path: Path) -> None:
        listed = ErasureList(tmp_path / "erasures.list", self.LEDGER)
        listed.append([b"a" * 16, b"b" * 16, b"c" * 16], 7)
        lines = listed.path.read_text().splitlines(keepends=True)
        for wrong in (
            [*lines[:2], *lines[3:]],
            [*lines[:2], lines[2].replace(" 7 ", " 8 "), lines[3]],
            [*lines[:2], lines[2].replace(" 7 ", " -7 "), lines[3]],
        ):
            listed.path.write_text("".join(wrong))
            with pytest.raises(InputError):
                listed.read()

    def test_a_copy_follows_and_one_that_knows_more_stays(self, tmp_path: Path) -> None:
        mine = ErasureList(tmp_path / "mine.list", self.LEDGER)
        mine.append([b"a" * 16], 7)
        mine.copy_to(tmp_path / "copy" / "erasures.list")
        copy = ErasureList(tmp_path / "copy" / "erasures.list", self.LEDGER)
        assert copy.read() == mine.read()
        copy.append([b"b" * 16], 8)
        mine.copy_to(copy.path)
        assert len(copy.read().items) == 2
        mine.append([b"c" * 16], 8)
        with pytest.raises(InputError):
            mine.copy_to(copy.path)
        with pytest.raises(NotFoundError):
            ErasureList(tmp_path / "none", self.LEDGER).require()
