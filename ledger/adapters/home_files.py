"""The data directory: where everything lies, and the record that says what it is.

```
home.json     what this installation is: mode, chain, agencies, where each key lies
trust.json    trust file to hand to verifiers   trust/  its earlier versions
store.db      business data, encrypted          keys.db   data keys, wrapped
chain.db      the embedded chain                view.db   projection for verification
checkpoints.db  what operator and witnesses signed about blocks
counters.db   how often whom was answered; may be deleted while nothing runs
directory/    signed directory entries          pki/      certificates (no keys)
keys/         <owner>/<who>/signing.key, each in its own folder
released/     bundles whose anchor is final     published/  what may be served to everybody
logs/         the worker's log                  cases/      status changes, encrypted
documents/    sealed files of prints, encrypted
results/      result files that could not lie beside their data
previous/     chain and view of a ledger that was moved; migration.json while it is being moved
```
Files are written beside, flushed and renamed: after a power cut there is the old one or the new one.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from ledger.core.errors import ConflictError, InputError, NotFoundError

Mode = Literal["demo", "production"]

PRIVATE_FOLDER = 0o700
PRIVATE_FILE = 0o600
RECORD_VERSION = 1
CHAIN_ROLES = ("admin1", "admin2", "operator", "maker", "approver")
P256_ROLES = ("credential", "status", "seal")
LEDGER_OWNER = "ledger"
VERIFYING_KINDS = frozenset({"mirror", "snapshot"})
"""`chain.kind` of data directories that belong to no agency."""


@dataclass(frozen=True, slots=True)
class Agency:
    """One agency of this installation.

    Args:
        uscc: 18 characters.
        name_zh: official name.
        name_en: English name.
        iss: https URL that names the agency in credentials.
        division: six digits.
        phone: what a clerk calls when a verdict is not understood, or None.
        types: type references it may issue, e.g. "HPF_PERSONAL_DEPOSIT:1".
        parent: USCC of the agency that admits it; None for the root.
    """

    uscc: str
    name_zh: str
    name_en: str
    iss: str
    division: str
    phone: str | None = None
    types: tuple[str, ...] = ()
    parent: str | None = None


@dataclass(frozen=True, slots=True)
class HomeRecord:
    """What home.json says. Written at the start of set-up, `ready` at its end.

    `keys` maps "<owner>/<who>" to a key file, relative to the home or absolute. `previous` names the
    ledgers that were moved here, oldest first: see ledger.bootstrap_migrate.
    """

    mode: Mode
    created_at: int
    agencies: tuple[Agency, ...]
    keys: Mapping[str, str] = field(default_factory=dict)
    ready: bool = False
    chain: Mapping[str, Any] = field(default_factory=dict)
    previous: tuple[Mapping[str, Any], ...] = ()

    @property
    def root(self) -> Agency:
        """Raises NotFoundError(HOME_WITHOUT_AGENCY): a verifier's data directory has none."""
        if not self.agencies:
            raise NotFoundError(
                "HOME_WITHOUT_AGENCY", "This data directory only verifies: it issues for no agency."
            )
        return self.agencies[0]

    def agency(self, uscc: str) -> Agency:
        """Raises NotFoundError(ISSUER_NOT_HERE): this installation does not work for that agency."""
        for agency in self.agencies:
            if agency.uscc == uscc:
                return agency
        raise NotFoundError(
            "ISSUER_NOT_HERE",
            f"{uscc} is no agency of this installation; `ecert issuer list` shows those that are.",
            issuer=uscc,
        )

    def with_agency(self, agency: Agency) -> HomeRecord:
        """This record with one agency added or replaced."""
        others = [known for known in self.agencies if known.uscc != agency.uscc]
        if agency.uscc == self.root.uscc:
            return replace(self, agencies=(agency, *others))
        return replace(self, agencies=(*others, agency))


class Home:
    """Paths and small files of one data directory.

    Args:
        path: absolute.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.record_file = path / "home.json"
        self.trust_file = path / "trust.json"
        self.store_file = path / "store.db"
        self.key_store_file = path / "keys.db"
        self.chain_file = path / "chain.db"
        self.view_file = path / "view.db"
        self.checkpoints_file = path / "checkpoints.db"
        self.counters_file = path / "counters.db"
        self.directory = path / "directory"
        self.pki = path / "pki"
        self.keys = path / "keys"
        self.released = path / "released"
        self.published = path / "published"
        self.logs = path / "logs"
        self.documents = path / "documents"
        self.trusts = path / "trust"
        self.migration_file = path / "migration.json"
        self.previous = path / "previous"

    def create(self) -> None:
        """All folders, private to the account that runs the installation."""
        self.path.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
        self.path.chmod(PRIVATE_FOLDER)
        for folder in self.folders():
            folder.mkdir(mode=PRIVATE_FOLDER, exist_ok=True)

    def folders(self) -> tuple[Path, ...]:
        """All folders of a data directory."""
        results, cases = self.path / "results", self.path / "cases"
        return (
            self.directory,
            self.pki,
            self.keys,
            self.released,
            self.published,
            self.logs,
            self.documents,
            self.trusts,
            results,
            cases,
        )

    def tighten(self) -> None:
        """Databases are for this account alone, whoever made them."""
        files = (
            self.store_file, self.key_store_file, self.chain_file, self.view_file, self.checkpoints_file
        )  # fmt: skip
        for path in files:
            for name in (path, path.with_name(path.name + "-wal"), path.with_name(path.name + "-shm")):
                if name.exists():
                    name.chmod(PRIVATE_FILE)

    def exists(self) -> bool:
        return self.record_file.is_file()

    def load(self) -> HomeRecord:
        """What is installed here.

        Raises:
            NotFoundError: HOME_MISSING.
            InputError: HOME_BROKEN.
        """
        try:
            data = json.loads(self.record_file.read_bytes())
        except FileNotFoundError:
            raise NotFoundError(
                "HOME_MISSING",
                f"{self.path} holds no installation: run `ecert init` or `ecert demo`, or set ECERT_HOME.",
                path=str(self.path),
            ) from None
        except ValueError as error:
            raise InputError(
                "HOME_BROKEN", f"{self.record_file} is not readable: {error}.", path=str(self.record_file)
            ) from error
        return _parse_record(data, self.record_file)

    def load_ready(self) -> HomeRecord:
        """As `load`; ConflictError(HOME_NOT_READY) when set-up was not finished."""
        record = self.load()
        if not record.ready:
            command = "ecert demo" if record.mode == "demo" else "ecert init"
            raise ConflictError(
                "HOME_NOT_READY",
                f"Set-up of {self.path} was interrupted: run `{command}` again, it continues.",
                path=str(self.path),
                command=command,
            )
        return record

    def change(self, how: Callable[[HomeRecord], HomeRecord]) -> HomeRecord:
        """Read, change and write the record while no other process does: no change is lost.

        Raises: as `load`.
        """
        with self._alone():
            record = how(self.load())
            self.save(record)
        return record

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Hold the data directory's lock; the kernel lets it go when a process dies."""
        folder = os.open(self.path, os.O_RDONLY)
        try:
            fcntl.flock(folder, fcntl.LOCK_EX)
            yield
        finally:
            os.close(folder)

    def save(self, record: HomeRecord) -> None:
        """Write the whole record; whoever read it before uses `change`."""
        value = {"version": RECORD_VERSION, **asdict(record)}
        text = json.dumps(value, ensure_ascii=False, indent=1) + "\n"
        write_file(self.record_file, text.encode())

    def key_file(self, record: HomeRecord, owner: str, who: str) -> Path:
        """Where a key lies (or will lie)."""
        named = record.keys.get(f"{owner}/{who}")
        if named is None:
            return self.keys / owner / who / "signing.key"
        return self.path / named  # an absolute name stays absolute

    def entry_file(self, uscc: str) -> Path:
        return self.directory / f"{uscc}.jws"

    def entry(self, uscc: str) -> str | None:
        """The agency's signed directory entry, None when it is not here."""
        try:
            return self.entry_file(uscc).read_text("ascii")
        except FileNotFoundError:
            return None

    def keep_entry(self, uscc: str, text: str) -> None:
        """Keep a directory entry under its hash: the next one before it counts, earlier ones for their bundles."""
        digest = hashlib.sha256(text.encode("ascii")).digest()
        path = self._kept_entry_file(uscc, digest)
        if not path.exists():
            write_file(path, text.encode("ascii"))

    def kept_entry(self, uscc: str, digest: bytes) -> str | None:
        """The entry with this SHA-256, current or kept; None when it is not here."""
        current = self.entry(uscc)
        if current is not None and hashlib.sha256(current.encode("ascii")).digest() == digest:
            return current
        try:
            return self._kept_entry_file(uscc, digest).read_text("ascii")
        except FileNotFoundError:
            return None

    def use_entry(self, uscc: str, digest: bytes) -> bool:
        """From now on the kept entry with this hash is the agency's; False when it is not here."""
        text = self.kept_entry(uscc, digest)
        if text is None:
            return False
        current = self.entry(uscc)
        if current is not None:
            self.keep_entry(uscc, current)
        if current != text:
            write_file(self.entry_file(uscc), text.encode("ascii"))
        return True

    def _kept_entry_file(self, uscc: str, digest: bytes) -> Path:
        return self.directory / f"{uscc}.{digest.hex()[:32]}.jws"

    def keep_leaf(self, thumbprint: bytes, leaf: bytes) -> None:
        """Remember a key's first certificate (DER): credentials bear it after the key's files are gone."""
        if self.kept_leaf(thumbprint) is None:
            write_file(self._leaf_file(thumbprint), leaf)

    def kept_leaf(self, thumbprint: bytes) -> bytes | None:
        """The certificate that `keep_leaf` remembered, None when there is none."""
        try:
            return self._leaf_file(thumbprint).read_bytes()
        except FileNotFoundError:
            return None

    def _leaf_file(self, thumbprint: bytes) -> Path:
        return self.pki / f"leaf-{thumbprint.hex()}.der"

    def free_bytes(self) -> int:
        return shutil.disk_usage(self.path).free


def read_at_most(path: Path, most: int) -> bytes:
    """A file that a person named; of one that is too large one byte more than `most`, for its reader to refuse.

    Raises:
        InputError: FILE_UNREADABLE.
    """
    try:
        with path.open("rb") as file:
            return file.read(most + 1)
    except OSError as error:
        raise InputError(
            "FILE_UNREADABLE", f"{path} cannot be read: {error.strerror}.", path=str(path)
        ) from error


def write_file(path: Path, data: bytes, mode: int = PRIVATE_FILE) -> None:
    """Replace a file durably: readers see the old bytes or the new ones."""
    beside = path.with_name(f".{path.name}.part")
    handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(handle, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _parse_record(data: Any, path: Path) -> HomeRecord:
    try:
        if data["version"] != RECORD_VERSION:
            raise InputError(
                "HOME_VERSION", f"{path} was written by a newer version of ecert.", path=str(path)
            )
        agencies = tuple(Agency(**{**agency, "types": tuple(agency["types"])}) for agency in data["agencies"])
        only_verifies = dict(data["chain"]).get("kind") in VERIFYING_KINDS
        if data["mode"] not in ("demo", "production") or bool(agencies) == only_verifies:
            raise ValueError("mode or agencies")
        return HomeRecord(
            mode=data["mode"],
            created_at=int(data["created_at"]),
            agencies=agencies,
            keys=dict(data["keys"]),
            ready=bool(data["ready"]),
            chain=dict(data["chain"]),
            previous=tuple(map(dict, data.get("previous", ()))),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(
            "HOME_BROKEN", f"{path} has not the expected shape: {error!r}.", path=str(path)
        ) from error
