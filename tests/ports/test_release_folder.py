"""One suite for both release folders: a batch appears whole or not at all."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from ledger.adapters.release_folder import FileReleaseFolder, MemoryReleaseFolder
from ledger.core.errors import UnavailableError
from ledger.ports import ReleaseFolder

ISSUER = "12990100XXXX000190"


@pytest.fixture(params=["memory", "file"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> ReleaseFolder:
    return MemoryReleaseFolder() if request.param == "memory" else FileReleaseFolder(tmp_path / "released")


def bundles(count: int, die_after: int | None = None) -> Iterator[tuple[str, bytes]]:
    for number in range(count):
        if number == die_after:
            raise InterruptedError
        yield f"{number}.ecert.json", b"bundle %d" % number


def test_a_batch_is_written_once(folder: ReleaseFolder):
    assert not folder.is_complete(ISSUER, 1)
    assert folder.write(ISSUER, 1, bundles(3)) == 3
    assert folder.is_complete(ISSUER, 1)
    assert folder.write(ISSUER, 1, bundles(9)) == 3
    assert not folder.is_complete(ISSUER, 2)


def test_half_a_batch_is_never_seen(folder: ReleaseFolder):
    with pytest.raises(InterruptedError):
        folder.write(ISSUER, 1, bundles(3, die_after=2))
    assert not folder.is_complete(ISSUER, 1)
    assert folder.write(ISSUER, 1, bundles(3)) == 3


def test_files_are_private_and_leftovers_are_removed(tmp_path: Path):
    folder = FileReleaseFolder(tmp_path / "released")
    with pytest.raises(InterruptedError):
        folder.write(ISSUER, 1, bundles(300, die_after=299))
    folder.write(ISSUER, 1, bundles(300))
    assert [path.name for path in (tmp_path / "released" / ISSUER).iterdir()] == ["1"]
    for path in folder.path(ISSUER, 1).iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.path(ISSUER, 1).stat().st_mode) == 0o700
    assert (folder.path(ISSUER, 1) / "7.ecert.json").read_bytes() == b"bundle 7"


def test_a_write_that_takes_only_a_part_is_gone_on_with(tmp_path: Path):
    taken: list[int] = []

    def write_three(handle: int, data: memoryview) -> int:
        taken.append(len(data))
        return os.write(handle, data[:3])

    folder = FileReleaseFolder(tmp_path / "released", write_three)
    assert folder.write(ISSUER, 1, bundles(2)) == 2
    assert taken == [8, 5, 2] * 2
    for number in range(2):
        assert (folder.path(ISSUER, 1) / f"{number}.ecert.json").read_bytes() == b"bundle %d" % number


@pytest.mark.parametrize("first", [0, 5])
def test_a_full_disk_leaves_no_batch_and_is_waited_for(tmp_path: Path, first: int):
    left = [first, 0]

    def write_until_full(handle: int, data: memoryview) -> int:
        return os.write(handle, data[: left.pop(0)])

    with pytest.raises(UnavailableError) as caught:
        FileReleaseFolder(tmp_path / "released", write_until_full).write(ISSUER, 1, bundles(2))
    assert caught.value.code == "RELEASE_UNAVAILABLE"
    folder = FileReleaseFolder(tmp_path / "released")
    assert not folder.is_complete(ISSUER, 1)
    assert folder.write(ISSUER, 1, bundles(2)) == 2
