"""Nothing of a row is readable at rest, whatever way one looks; and the search itself can fail.

The twin of the test runs the same product with encryption off: there the same search must find the rows,
or a clean result would prove nothing.
"""

from __future__ import annotations

import base64
import logging
import shutil
import tempfile
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from ledger.adapters.system import ManualClock
from ledger.core.flow import BatchState
from ledger.ports import Vault
from tests.flow_world import START, World, deposit_row, deposit_table, found
from tests.ports.clear_vault import ClearVault
from tests.privacy_search import Finding, patterns, search, search_folder

pytestmark = pytest.mark.xdist_group("privacy")

NUMBERS = range(12)
EXPORTS = "released"  # the user's own export folder holds bundles, which hold everything by design


def values() -> set[str]:
    """Every cell of the input."""
    return {cell for number in NUMBERS for cell in deposit_row(number)} | set(deposit_row(3, "12345678.90"))


def run(folder: Path, make_vault: Callable[[Path], Vault] | None) -> list[Finding]:
    """The whole flow, with files looked at while they are open and after they are closed."""
    folder.mkdir(parents=True)
    home = folder / "home"
    temporary = home / "tmp"
    found(home, ManualClock(START))
    temporary.mkdir()
    log = logging.FileHandler(home / "everything.log", encoding="utf-8")
    root = logging.getLogger()
    before, level = tempfile.tempdir, root.level
    root.addHandler(log)
    root.setLevel(logging.DEBUG)
    tempfile.tempdir = str(temporary)
    try:
        world = World(home, ManualClock(START), make_vault=make_vault)
        table = deposit_table(NUMBERS)
        world.issue_all(table)
        bad = deposit_table([*NUMBERS, 90])
        bad.cells[-1][2] = bad.cells[-1][2][:-1] + "?"  # type: ignore[index]
        world.load(bad)
        world.issue_all(deposit_table(NUMBERS, {3: "12345678.90"}), supersede=True)
        waiting = world.load(deposit_table([70, 71]))
        world.issue.close_import(waiting.job_id or 0)
        world.work()
        (batch,) = world.store.batches.batches(states=(BatchState.SIGNED,))
        world.approve.reject(batch.id, "no", requeue=False)
        findings = search_folder(home, values(), without=[EXPORTS])
        world.close()
        return findings + search_folder(home, values(), without=[EXPORTS])
    finally:
        tempfile.tempdir = before
        root.removeHandler(log)
        root.setLevel(level)
        log.close()


@pytest.mark.timeout(240)
def test_nothing_of_a_row_is_readable_at_rest(tmp_path: Path):
    assert run(tmp_path / "sealed", None) == []


@pytest.mark.timeout(240)
def test_the_same_search_finds_everything_when_encryption_is_off(tmp_path: Path):
    findings = run(tmp_path / "clear", lambda _path: ClearVault())
    assert {finding.place.split("-")[0] for finding in findings} >= {"store.db"}
    told = {finding.value for finding in findings}
    readable = {value for value in values() if value.encode() in patterns([value])}
    missing = readable - told
    assert not missing, f"the search overlooks {missing}"
    ways = {(finding.encoding, finding.layers) for finding in findings}
    assert ("utf-8", ()) in ways  # the sealed row
    assert any("base64" in layer for _, layers in ways for layer in layers)  # disclosures


def test_what_is_left_of_a_person_after_erasure(tmp_path: Path):
    home = tmp_path / "home"
    found(home, ManualClock(START))
    world = World(home, ManualClock(START))
    report = world.issue_all(deposit_table(range(3)))
    shutil.copytree(home, tmp_path / "backup")
    first = next(iter(world.issue.results(report.job_id or 0)))
    assert first.name is not None
    assert world.vault.erase([first.name], world.clock.now()) == 1
    erasures = world.vault.erasures()
    place = world.store.batches.place(first.name)
    assert place is not None
    world.close()
    restored = World(tmp_path / "backup", ManualClock(START))
    assert restored.vault.load([first.name]) != {}
    for name, at in erasures:  # what every restore does first
        restored.vault.erase([name], at)
    assert restored.vault.load([first.name]) == {}
    restored.close()


LAYERS: dict[str, Callable[[bytes], bytes]] = {
    "plain": lambda data: data,
    "base64": base64.b64encode,
    "base64url": lambda data: base64.urlsafe_b64encode(data).rstrip(b"="),
    "hex": lambda data: data.hex().encode(),
    "HEX": lambda data: data.hex().upper().encode(),
    "zlib": zlib.compress,
    "base64 of zlib": lambda data: base64.b64encode(zlib.compress(data)),
    "zlib of hex": lambda data: zlib.compress(data.hex().encode()),
}


@pytest.mark.parametrize("layer", list(LAYERS))
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le", "utf-16-be", "gb18030"])
def test_the_search_sees_through_every_layer_at_every_offset(layer: str, encoding: str):
    name = "欧阳望舒"
    for offset in range(5):
        for inside in range(4):
            hidden = LAYERS[layer](b"x" * inside + f"{name}的账户余额".encode(encoding))
            data = b"\xffA9"[: offset % 3] + b"\x00" * offset + hidden + b"\x00tail"
            assert search("here", data, patterns([name])), (offset, inside)


def test_the_search_finds_nothing_where_nothing_is():
    assert search("here", base64.b64encode(b"somebody else entirely") * 20, patterns(["欧阳望舒"])) == []
