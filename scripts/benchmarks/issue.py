"""The whole issue path a CPU-second, durable, against the bare signing of the same credentials by openvc.

Ours: a GB18030 file is read, every row checked, encrypted, stored with synchronous=FULL, signed, put
in a tree, approved by two keys and anchored; receipts and bundles are made. Theirs: `issue` alone.

What making one file a bundle adds is a property of the file system (from 25 µs to 900 µs of kernel
time a file on machines seen), so it is measured apart, against creating the same files barely.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from openvc.keys import P256SigningKey
from openvc.proof.sd_jwt import SdJwtVcProofSuite

from ledger.adapters.release_folder import FileReleaseFolder, MemoryReleaseFolder
from scripts.benchmarks.measure import Figure, interleave, rate_figure, time_figure
from scripts.benchmarks.world import deposit_file, installation, issue_file, peer_claims

ROWS = 5_000
PEER_ROWS = 2_000
FILES = 1_000


def run(rounds: int) -> list[Figure]:
    """Two figures: the path, and the files."""
    with installation(files=False) as world:
        issue_file(world, deposit_file(world.folder, 200, first=9_000_000), b"warm".ljust(32, b"-"))
        released = world.released
        if not isinstance(released, MemoryReleaseFolder):
            raise TypeError("bundles must be kept in memory here")
        bundles = dict(next(iter(released.batches.values())))
        claims, names, x5c = peer_claims(next(iter(bundles.values())))
        suite, key = SdJwtVcProofSuite(), P256SigningKey.generate("peer")
        files = [deposit_file(world.folder, ROWS, first=i * ROWS) for i in range(rounds)]

        def ours() -> None:
            released.batches.clear()
            path = files.pop(0)
            if issue_file(world, path, path.name.encode().ljust(32, b"-")) != ROWS:
                raise RuntimeError("not every row was issued")

        def theirs() -> None:
            for _ in range(PEER_ROWS):
                suite.issue(claims, signing_key=key, disclosable=names, x5c=x5c)

        pair = interleave(ours, theirs, rounds)
    return [
        rate_figure(
            "whole issue path, rows a CPU-second",
            "openvc SdJwtVcProofSuite.issue, same claims, disclosures, x5c",
            pair,
            (ROWS, PEER_ROWS),
            0.9,
        ),
        _files(rounds, next(iter(bundles.values()))),
    ]


def _files(rounds: int, bundle: bytes) -> Figure:
    with tempfile.TemporaryDirectory() as name:
        root, number = Path(name), iter(range(10**6))

        def ours() -> None:
            given = ((f"{i:032x}.ecert.json", bundle) for i in range(FILES))
            FileReleaseFolder(root / "ours").write("issuer", next(number), given)

        def bare() -> None:
            folder = Path(tempfile.mkdtemp(dir=root))
            for i in range(FILES):
                (folder / f"{i:032x}.ecert.json").write_bytes(bundle)
            os.sync()

        pair = interleave(ours, bare, rounds)
        shutil.rmtree(root / "ours")
    return time_figure(f"{FILES:,} bundles written as files", "the same files made barely", pair, 1.5)
