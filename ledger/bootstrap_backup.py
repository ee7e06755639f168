"""Backs an installation up while it runs, and restores one; what goes in, in which order, and why.

Order: the note of the newest audit row, the store, the key store, the statements about blocks, the chain,
the rest. Each is at least as new as what refers to it: no row without its key, no anchor and no statement
about a block that the chain lacks. Data keys
go into an archive of their own that is kept shortly (30 days): an erased person's key must not live
on in old backups. What can be made again is left out: the view, counters, logs, and the released
bundles, which are nobody's to keep in clear; the worker writes them out again after a restore.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ledger.adapters import backup_archive
from ledger.adapters.erasure_list import FILE_NAME, ErasureList, Erasures
from ledger.adapters.home_files import Home, write_file
from ledger.adapters.store_schema import SCHEMA_REVISION
from ledger.adapters.system import SystemEntropy
from ledger.adapters.vault import erase_in_file
from ledger.adapters.vitals_sql import SqlVitals
from ledger.bootstrap import Installation
from ledger.bootstrap_chain import rpc_record
from ledger.bootstrap_guard import ADOPT, MARK, NEXT_TRUST, read_mark, set_mark
from ledger.bootstrap_moved import installation_id
from ledger.core.errors import ConflictError, InputError, NotFoundError, UnavailableError

DATA_SUFFIX, KEYS_SUFFIX = ".tar", ".keys.tar"
KEYS_KEPT_S = 30 * 86_400
AUDIT_HEAD = "audit-head.json"
REBUILD_MARK = "rebuild-released"
STAMP = re.compile(r"ecert-(\d{8}T\d{6})Z\.keys\.tar")
LEFT_OUT = ("released", "results", "logs", "demo", "keys", "view.db", "counters.db", MARK, NEXT_TRUST)
DATABASES = ("store.db", "keys.db", "chain.db", "view.db", "counters.db", "checkpoints.db")
Say = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class BackupDone:
    """A finished backup: its two files, their bytes together, old key archives that were deleted."""

    archive: Path
    keys: Path
    size: int
    pruned: int
    erasures: Path


@dataclass(frozen=True, slots=True)
class RestoreDone:
    """A restored home, which is still to be compared with its chain (bootstrap_restore.heal).

    `erased`: keys that had come back with the backup and were destroyed again. `resumed`: it lay there already.
    """

    home: Path
    made_at: int
    files: int
    erased: int
    has_keys: bool
    resumed: bool = False


def back_up(here: Installation, place: Path, say: Say, *, with_keys: bool = False) -> BackupDone:
    """Back up into a folder (a new pair of files in it) or as the file `place` (and `….keys.tar` beside it).

    Args:
        here: the installation; its worker may be working.
        place: a folder, made when there is none, or the name of a `.tar` file that does not exist yet.
        say: told bytes done and bytes in all.
        with_keys: the folder `keys/` too, into the archive of keys.

    Raises:
        ConflictError: BACKUP_EXISTS.
        UnavailableError: BACKUP_SOURCE_BROKEN, BACKUP_NOT_WRITTEN.
    """
    now = here.clock.now()
    is_folder = (
        place.is_dir() or place.suffix != DATA_SUFFIX
    )  # a nightly command names one before it is there
    archive, keys = _names(place, _stamp(now), is_folder=is_folder)
    folder = archive.parent
    everything = sum(path.stat().st_size for _, path in _databases(here.home)) + sum(
        path.stat().st_size for _, path in _plain(here.home)
    )
    erasures = _erasures(here)
    facts = {
        "schema": SCHEMA_REVISION,
        "made_at": now,
        "mode": here.record.mode,
        "ledger_id": installation_id(here.home, here.record).hex(),
        "erasures": erasures.read().link,
        "pair": SystemEntropy().token(16).hex(),
        "left_out": list(LEFT_OUT),
    }
    store, key_store, chain = (here.home.store_file, here.home.key_store_file, here.home.chain_file)
    with (
        backup_archive.scratch(folder, ".ecert-backup-", "BACKUP_NOT_WRITTEN") as beside,
        backup_archive.writing(archive, beside, lambda done: say(done, everything)) as data,
    ):
        data.add(AUDIT_HEAD, here.home.path / AUDIT_HEAD)  # older than the rows: none seems to be missing
        data.add_database(store.name, store, beside)
        with backup_archive.writing(keys, beside, lambda _: None) as key_tar:
            key_tar.add_database(key_store.name, key_store, beside)
            if with_keys:
                for file in sorted(here.home.keys.rglob("*")):
                    if file.is_file():
                        key_tar.add(file.relative_to(here.home.path).as_posix(), file)
            key_tar.finish({**facts, "kind": "keys", "with_keys": with_keys})
        if here.home.checkpoints_file.exists():
            data.add_database(here.home.checkpoints_file.name, here.home.checkpoints_file, beside)
        if chain.exists():  # what others run, others keep
            data.add_database(chain.name, chain, beside)
        for inside, file in _plain(here.home):
            data.add(inside, file)
        data.finish({**facts, "kind": "data"})
    erasures.copy_to(folder / FILE_NAME)
    size = archive.stat().st_size + keys.stat().st_size
    SqlVitals(here.store.database).note_backup(now, str(folder), size, has_keys=with_keys)
    pruned = _prune(folder, now) if is_folder else 0
    return BackupDone(archive, keys, size, pruned, folder / FILE_NAME)


def _names(place: Path, stamp: str, *, is_folder: bool) -> tuple[Path, Path]:
    archive = place / f"ecert-{stamp}{DATA_SUFFIX}" if is_folder else place
    keys = archive.with_name(archive.name.removesuffix(DATA_SUFFIX) + KEYS_SUFFIX)
    for path in (archive, keys):
        if path.exists():
            raise ConflictError("BACKUP_EXISTS", f"{path} is there already.", path=str(path))
    return archive, keys


def _stamp(now: int) -> str:
    """UTC, sortable, for file names."""
    return f"{datetime.fromtimestamp(now, UTC):%Y%m%dT%H%M%S}Z"


def _databases(home: Home) -> Iterator[tuple[str, Path]]:
    for path in (home.store_file, home.key_store_file, home.chain_file):
        if path.exists():
            yield path.name, path


def _plain(home: Home) -> Iterator[tuple[str, Path]]:
    """Everything else worth keeping: whatever a room put into the home, but what can be made again."""
    for path in sorted(home.path.rglob("*")):
        inside = path.relative_to(home.path)
        top = inside.parts[0]
        is_database = top.startswith(DATABASES)  # with -wal, -shm, .lock
        if top in LEFT_OUT or is_database or top in (AUDIT_HEAD, FILE_NAME):
            continue
        if path.is_file() and not path.is_symlink() and not path.name.startswith("."):
            yield inside.as_posix(), path


def _erasures(here: Installation) -> ErasureList:
    ledger_id = installation_id(here.home, here.record)
    return ErasureList(here.home.path / FILE_NAME, ledger_id)


def _prune(folder: Path, now: int) -> int:
    """Delete key archives of ours in this folder that are older than they may be."""
    oldest = _stamp(now - KEYS_KEPT_S)
    old = [path for path in folder.iterdir() if (hit := STAMP.fullmatch(path.name)) and hit[1] < oldest[:-1]]
    for path in old:
        path.unlink()
    return len(old)


def restore(
    archive: Path,
    home: Path,
    say: Say,
    *,
    keys: Path | None = None,
    erasures: Path | None = None,
    unsafe_old_erasures: bool = False,
) -> RestoreDone:
    """Restore into an empty or missing folder; nothing is there when it fails.

    Nobody seals there before it was compared with its chain: bootstrap_restore.heal comes next.

    Args:
        archive: the data archive.
        home: the new data directory.
        say: told bytes done and bytes in all.
        keys: the archive of keys; by default a fitting one beside `archive`, see `_find_keys`.
        erasures: the newest list of erasures; by default the one beside `archive`.
        unsafe_old_erasures: go on with what the backup itself knew: who was erased since comes back.

    Raises:
        ConflictError: HOME_NOT_EMPTY.
        NotFoundError: BACKUP_MISSING, ERASURES_MISSING, BACKUP_KEYS_MISSING.
        InputError: BACKUP_*, ERASURES_*.
        UnavailableError: RESTORE_NOT_WRITTEN.
    """
    manifest = _data_manifest(archive)
    if home.exists() and (not home.is_dir() or any(home.iterdir())):
        mark = read_mark(Home(home))
        if mark is not None and mark.get("pair") == manifest["pair"]:  # died while it was healed
            return RestoreDone(
                home, int(manifest["made_at"]), 0, 0, has_keys=bool(mark["keys"]), resumed=True
            )
        raise ConflictError("HOME_NOT_EMPTY", f"{home} is not an empty folder.", path=str(home))
    key_archive, key_manifest = _find_keys(archive, manifest, keys, is_listed=not unsafe_old_erasures)
    listed = _list_of(archive, manifest, erasures, unsafe_old=unsafe_old_erasures)
    total = sum(int(file["size"]) for one in (manifest, key_manifest) for file in one["files"].values())
    with backup_archive.scratch(home.parent, f".{home.name}.restoring-", "RESTORE_NOT_WRITTEN") as stage:
        data_size = sum(int(file["size"]) for file in manifest["files"].values())
        backup_archive.extract(archive, manifest, stage, lambda done: say(done, total))
        backup_archive.extract(key_archive, key_manifest, stage, lambda done: say(data_size + done, total))
        Home(stage).create()
        erased = _replay(stage, listed)
        write_file(stage / REBUILD_MARK, b"")
        has_keys = bool(key_manifest.get("with_keys"))
        is_own_chain = rpc_record(Home(stage).load()) is None
        set_mark(Home(stage), phase="heal" if is_own_chain else ADOPT, pair=manifest["pair"], keys=has_keys)
        _put(stage, home)
    files = len(manifest["files"]) + len(key_manifest["files"])
    return RestoreDone(home, int(manifest["made_at"]), files, erased, has_keys)


def _put(stage: Path, home: Path) -> None:
    try:
        if home.exists():
            home.rmdir()
        stage.replace(home)
    except OSError as error:
        raise UnavailableError(
            "RESTORE_NOT_WRITTEN",
            f"{home} cannot be written: {error.strerror}.",
            path=str(home),
            reason=error.strerror,
        ) from error


def holds_chain(archive: Path) -> bool:
    """Whether a backup brings a chain along; not where others run it. Raises: InputError(BACKUP_*)."""
    return "chain.db" in _data_manifest(archive)["files"]


def _data_manifest(archive: Path) -> dict[str, Any]:
    from ledger.adapters.migrations import run

    manifest = backup_archive.read_manifest(archive)
    if manifest.get("kind") != "data":
        raise InputError(
            "BACKUP_KIND", f"{archive} is the archive of keys; name the other one.", path=str(archive)
        )
    if not run.is_known(str(manifest.get("schema"))):
        raise InputError(
            "BACKUP_NEWER", f"{archive} was written by another version of ecert.", path=str(archive)
        )
    return manifest


def _find_keys(
    archive: Path, manifest: dict[str, Any], named: Path | None, *, is_listed: bool
) -> tuple[Path, dict[str, Any]]:
    """The archive of keys: newer than the data, or of the same moment; of these one with key files, the newest.

    A newer one knows all keys of the data, less those that were erased since. With the list of erasures
    (`is_listed`) those are destroyed anyway; without it the newest knows best who is to stay away.
    """
    found: list[tuple[bool, int, Path, dict[str, Any]]] = []
    for path in [named] if named is not None else sorted(archive.parent.glob(f"*{KEYS_SUFFIX}")):
        try:
            other = backup_archive.read_manifest(path)
        except (InputError, NotFoundError):
            if named is not None:
                raise
            continue
        fits = other.get("kind") == "keys" and other.get("ledger_id") == manifest["ledger_id"]
        if fits and int(other["made_at"]) >= int(manifest["made_at"]):
            has_files = is_listed and bool(other.get("with_keys"))
            found.append((has_files, int(other["made_at"]), path, other))
    if not found:
        raise NotFoundError(
            "BACKUP_KEYS_MISSING",
            f"No archive of data keys fits {archive.name}: it must be of the same moment or newer; name it.",
            path=str(archive),
        )
    _, _, path, other = max(found, key=lambda one: one[:2])
    return path, other


def _list_of(
    archive: Path, manifest: dict[str, Any], named: Path | None, *, unsafe_old: bool
) -> tuple[ErasureList, Erasures] | None:
    if unsafe_old:
        return None
    listed = ErasureList(named or archive.with_name(FILE_NAME), bytes.fromhex(manifest["ledger_id"]))
    erasures = listed.require()
    if not erasures.extends(str(manifest["erasures"])):
        raise InputError(
            "ERASURES_OLD",
            f"{listed.path} is older than the backup: find the newest list, or people come back.",
            path=str(listed.path),
        )
    return listed, erasures


def _replay(stage: Path, listed: tuple[ErasureList, Erasures] | None) -> int:
    """Destroy again what was erased since the backup; keep the list."""
    if listed is None:
        return 0
    source, erasures = listed
    (stage / FILE_NAME).unlink(missing_ok=True)
    source.copy_to(stage / FILE_NAME)
    return erase_in_file(stage / "keys.db", erasures.items)
