"""One suite for every Vault; what only the file can show comes after it."""

from __future__ import annotations

import hashlib
import hmac
import os
import resource
import shutil
import sqlite3
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.adapters.system import SystemEntropy
from ledger.adapters.vault import MemoryVault, SealingKey, SqliteVault, VaultKeys, replay_erasures
from ledger.core.errors import InputError, RefusedError, UnavailableError
from ledger.ports import Entropy, Vault

SECRET = bytes(range(64))
KEYS = VaultKeys.from_secret(SECRET)
ENTROPY = SystemEntropy()
NAMES = [bytes([number]) * 16 for number in range(5)]
AT = 1_790_000_000
TEXT = "扎西顿珠 990102199001011234".encode()


@pytest.fixture(params=["memory", "sqlite"])
def vault(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Vault]:
    if request.param == "memory":
        yield MemoryVault(KEYS, ENTROPY)
        return
    made = SqliteVault(tmp_path / "keys.db", KEYS, ENTROPY)
    yield made
    made.close()


class Opener:
    """Opens vaults over files and closes them at the end of the test."""

    def __init__(self) -> None:
        self.opened: list[SqliteVault] = []

    def __call__(self, path: Path, keys: VaultKeys = KEYS, entropy: Entropy = ENTROPY) -> SqliteVault:
        self.opened.append(SqliteVault(path, keys, entropy))
        return self.opened[-1]


@pytest.fixture
def opener() -> Iterator[Opener]:
    opener = Opener()
    yield opener
    for vault in opener.opened:
        vault.close()


def test_what_is_sealed_is_opened_and_looks_like_nothing(vault: Vault) -> None:
    key = vault.create(NAMES[:1])[0]
    sealed = key.seal(TEXT, b"credential:1")
    assert len(sealed) == len(TEXT) + 29
    assert TEXT not in sealed
    assert key.seal(TEXT, b"credential:1") != sealed
    assert vault.load(NAMES[:1])[NAMES[0]].open(sealed, b"credential:1") == TEXT


def test_one_name_has_one_key(vault: Vault) -> None:
    first, second, again = vault.create([NAMES[0], NAMES[1], NAMES[0]])
    sealed = first.seal(TEXT, b"x")
    assert again.open(sealed, b"x") == TEXT
    assert vault.create(NAMES[:1])[0].open(sealed, b"x") == TEXT
    with pytest.raises(InputError):
        second.open(sealed, b"x")


@pytest.mark.parametrize(
    "change",
    [
        lambda sealed: sealed[:0],
        lambda sealed: sealed[:-1],
        lambda sealed: sealed + b"\x00",
        lambda sealed: b"\x02" + sealed[1:],
        lambda sealed: sealed[:5] + bytes([sealed[5] ^ 1]) + sealed[6:],
        lambda sealed: sealed[:-1] + bytes([sealed[-1] ^ 1]),
    ],
)
def test_changed_bytes_are_seen(vault: Vault, change: Callable[[bytes], bytes]) -> None:
    key = vault.create(NAMES[:1])[0]
    sealed = key.seal(TEXT, b"x")
    with pytest.raises(InputError) as error:
        key.open(change(sealed), b"x")
    assert error.value.code == "VAULT_TAMPERED"


def test_sealed_bytes_cannot_change_places(vault: Vault) -> None:
    key = vault.create(NAMES[:1])[0]
    with pytest.raises(InputError) as error:
        key.open(key.seal(TEXT, b"credential:1"), b"credential:2")
    assert error.value.code == "VAULT_TAMPERED"


def test_unknown_names_are_absent(vault: Vault) -> None:
    vault.create(NAMES[:2])
    assert set(vault.load(NAMES)) == set(NAMES[:2])
    assert vault.load([]) == {}
    assert list(vault.create([])) == []


def test_erased_is_erased_for_good(vault: Vault) -> None:
    vault.create(NAMES[:3])
    assert vault.erase(NAMES[:2] + NAMES[4:], AT) == 2
    assert set(vault.load(NAMES)) == {NAMES[2]}
    assert vault.erase(NAMES[:1], AT + 5) == 0
    assert list(vault.erasures()) == [(NAMES[0], AT), (NAMES[1], AT), (NAMES[4], AT)]
    for name in (NAMES[0], NAMES[4]):
        with pytest.raises(RefusedError) as error:
            vault.create([NAMES[3], name])
        assert error.value.code == "DATA_KEY_ERASED"
    assert NAMES[3] not in vault.load(NAMES)


def test_the_index_is_keyed_and_separates_kinds(vault: Vault) -> None:
    expected = hmac.new(SECRET[32:], b"id_number\x00540102", hashlib.sha256).digest()
    assert vault.index("id_number", "540102") == expected
    assert vault.index("id_number", "540102") != vault.index("account", "540102")
    other = MemoryVault(VaultKeys.from_secret(bytes(64)), ENTROPY)
    assert other.index("id_number", "540102") != expected


@given(st.binary(max_size=300), st.binary(max_size=20), st.binary(max_size=20))
def test_any_bytes_and_contexts(plaintext: bytes, context: bytes, other: bytes) -> None:
    key = SealingKey(bytes(32), ENTROPY.token)
    sealed = key.seal(plaintext, context)
    assert key.open(sealed, context) == plaintext
    if other != context:
        with pytest.raises(InputError):
            key.open(sealed, other)


# --- the file ---


def test_the_file_is_private_and_holds_no_key_in_clear(tmp_path: Path, opener: Opener) -> None:
    path = tmp_path / "home" / "keys.db"
    vault = opener(path)
    drawn = RecordingEntropy()
    opener(path, KEYS, drawn).create(NAMES)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    everything = b"".join(file.read_bytes() for file in path.parent.iterdir())
    clear_keys = [drawn.given[at : at + 32] for at in range(0, len(drawn.given), 44)]
    assert len(clear_keys) == len(NAMES)
    assert not any(key in everything for key in clear_keys)
    vault.close()


class RecordingEntropy(SystemEntropy):
    """Remembers what it gave."""

    given = b""

    def token(self, size: int) -> bytes:
        self.given += super().token(size)
        return self.given[-size:]


def test_a_new_process_finds_the_keys(tmp_path: Path, opener: Opener) -> None:
    sealed = opener(tmp_path / "keys.db").create(NAMES)[3].seal(TEXT, b"x")
    again = opener(tmp_path / "keys.db")
    assert again.load(NAMES)[NAMES[3]].open(sealed, b"x") == TEXT


def test_another_installations_keys_open_nothing(tmp_path: Path, opener: Opener) -> None:
    opener(tmp_path / "keys.db").create(NAMES)
    stranger = opener(tmp_path / "keys.db", VaultKeys.from_secret(bytes(64)))
    with pytest.raises(InputError) as error:
        stranger.load(NAMES)
    assert error.value.code == "VAULT_TAMPERED"


def test_wrapped_keys_cannot_change_names(tmp_path: Path, opener: Opener) -> None:
    vault = opener(tmp_path / "keys.db")
    vault.create(NAMES[:2])
    with closing(sqlite3.connect(tmp_path / "keys.db")) as connection, connection:
        rows = dict(connection.execute("SELECT name, wrapped FROM data_key"))
        connection.execute("UPDATE data_key SET wrapped = ? WHERE name = ?", (rows[NAMES[1]], NAMES[0]))
    with pytest.raises(InputError):
        vault.load(NAMES[:1])


def test_an_erased_key_is_in_no_file(tmp_path: Path, opener: Opener) -> None:
    folder = tmp_path / "home"
    vault = opener(folder / "keys.db")
    vault.create(NAMES)
    with closing(sqlite3.connect(folder / "keys.db")) as connection:
        wrapped = {
            name: bytes(value) for name, value in connection.execute("SELECT name, wrapped FROM data_key")
        }
    assert vault.erase(NAMES[:1], AT) == 1
    everything = b"".join(file.read_bytes() for file in folder.iterdir())
    assert wrapped[NAMES[0]] not in everything
    assert wrapped[NAMES[1]] in everything


def test_a_restored_backup_stays_erased(tmp_path: Path, opener: Opener) -> None:
    folder = tmp_path / "home"
    vault = opener(folder / "keys.db")
    sealed = vault.create(NAMES)[0].seal(TEXT, b"x")
    vault.close()
    shutil.copytree(folder, tmp_path / "backup")
    vault = opener(folder / "keys.db")
    vault.erase(NAMES[:1], AT)
    kept = vault.erasures()
    restored = opener(tmp_path / "backup" / "keys.db")
    assert restored.load(NAMES[:1])[NAMES[0]].open(sealed, b"x") == TEXT  # why the list must be replayed
    assert replay_erasures(restored, kept) == 1
    assert restored.load(NAMES[:1]) == {}
    assert replay_erasures(restored, kept) == 0
    with pytest.raises(RefusedError):
        restored.create(NAMES[:1])


def test_threads_and_connections_share_the_file(tmp_path: Path, opener: Opener) -> None:
    vaults = [opener(tmp_path / "keys.db") for _ in range(2)]
    names = [os.urandom(16) for _ in range(40)]
    failures: list[BaseException] = []

    def work(vault: SqliteVault) -> None:
        try:
            for name in names:
                vault.create([name])
        except BaseException as error:  # noqa: BLE001 (handed to the main thread)
            failures.append(error)

    threads = [threading.Thread(target=work, args=(vaults[number % 2],)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    sealed = {name: key.seal(TEXT, name) for name, key in vaults[0].load(names).items()}
    assert all(key.open(sealed[name], name) == TEXT for name, key in vaults[1].load(names).items())
    assert len(sealed) == len(names)


def test_threads_that_ended_hold_no_file(tmp_path: Path, opener: Opener) -> None:
    file = (tmp_path / "keys.db").resolve()  # other tests of this process hold files of this name
    vault = opener(file)
    for number in range(20):
        thread = threading.Thread(target=vault.create, args=([bytes([number]) * 16],))
        thread.start()
        thread.join()
    held = [link.resolve() for link in Path("/proc/self/fd").iterdir()]
    assert 1 <= held.count(file) <= 3  # ours, the last thread's, and one that waits to be let go


def test_more_names_than_one_query_takes(tmp_path: Path, opener: Opener) -> None:
    vault = opener(tmp_path / "keys.db")
    names = [os.urandom(16) for _ in range(1203)]
    vault.create(names[:700])
    sealed = [key.seal(name, b"") for name, key in zip(names, vault.create(names), strict=True)]
    found = vault.load(names)
    assert [found[name].open(one, b"") for name, one in zip(names, sealed, strict=True)] == names


def test_keys_are_on_the_disk_when_create_returns(tmp_path: Path, opener: Opener) -> None:
    """The process kills itself right behind the call."""
    program = f"""
import os, signal
from pathlib import Path
from ledger.adapters.system import SystemEntropy
from ledger.adapters.vault import SqliteVault, VaultKeys
keys = VaultKeys.from_secret(bytes(range(64)))
key = SqliteVault(Path({str(tmp_path / "keys.db")!r}), keys, SystemEntropy()).create([bytes(16)])[0]
Path({str(tmp_path / "sealed")!r}).write_bytes(key.seal(b"kept", b""))
os.kill(os.getpid(), signal.SIGKILL)
"""
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == -9
    vault = opener(tmp_path / "keys.db")
    assert vault.load([bytes(16)])[bytes(16)].open((tmp_path / "sealed").read_bytes(), b"") == b"kept"


def test_who_may_not_wait_long_is_told_that_others_write(tmp_path: Path, opener: Opener) -> None:
    vault = SqliteVault(tmp_path / "keys.db", KEYS, ENTROPY, busy_s=0.2)
    opener.opened.append(vault)
    [key] = vault.create(NAMES[:1])
    sealed = key.seal(TEXT, b"x")
    with closing(sqlite3.connect(tmp_path / "keys.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        began = time.monotonic()
        for write in (lambda: vault.create(NAMES[1:2]), lambda: vault.erase(NAMES[:1], 1)):
            with pytest.raises(UnavailableError) as error:
                write()
            assert error.value.code == "VAULT_UNAVAILABLE"
        assert time.monotonic() - began < 10  # twice 0.2 s; the machine may be busy
        assert vault.load(NAMES[:1])[NAMES[0]].open(sealed, b"x") == TEXT  # reading waits for nobody
        other.execute("ROLLBACK")
    vault.create(NAMES[1:2])


def test_a_damaged_file_is_unavailable(tmp_path: Path, opener: Opener) -> None:
    (tmp_path / "keys.db").write_bytes(b"no database" * 1000)
    with pytest.raises(UnavailableError) as error:
        opener(tmp_path / "keys.db")
    assert error.value.code == "VAULT_UNAVAILABLE"


def test_a_full_disk_is_said_and_forgotten_once_there_is_room(tmp_path):
    """The limit on file sizes makes the commit itself fail, as a full disk does: nothing is half there."""
    vault = SqliteVault(tmp_path / "keys.db", KEYS, ENTROPY)
    name, other = b"a" * 16, b"b" * 16
    vault.create([name])
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    full = (tmp_path / "keys.db-wal").stat().st_size
    resource.setrlimit(resource.RLIMIT_FSIZE, (full, limits[1]))
    try:
        with pytest.raises(UnavailableError) as refusal:
            vault.create([other])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert refusal.value.code == "VAULT_UNAVAILABLE"
    assert set(vault.load([name, other])) == {name}
    vault.create([other])
    assert set(vault.load([name, other])) == {name, other}
    vault.close()
