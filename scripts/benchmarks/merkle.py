"""A tree over 1,000,000 leaves with every proof streamed, against bare hashing and in bounded memory."""

from __future__ import annotations

import hashlib
import subprocess
import sys

from ledger.core.merkle import MerkleTree
from scripts.benchmarks.measure import Figure, interleave, peak_mb, time_figure

LEAVES = 1_000_000


def _leaves() -> bytes:
    return b"".join(hashlib.sha256(i.to_bytes(4, "big")).digest() for i in range(LEAVES))


def _stream(entries: bytes) -> None:
    # Leaf hashing belongs to the tree: the baseline hashes 2n times, n of them for the leaves.
    tree = MerkleTree.of_entries(entries[i : i + 32] for i in range(0, len(entries), 32))
    for _ in tree.paths():
        pass


def _bare() -> None:
    sha256, block = hashlib.sha256, b"\x00" * 65
    for _ in range(2 * LEAVES):
        sha256(block).digest()


def run(rounds: int) -> list[Figure]:
    entries = _leaves()
    pair = interleave(lambda: _stream(entries), _bare, rounds)
    work = f"Merkle {LEAVES:,} leaves, all proofs streamed"
    peak = float(
        subprocess.run(
            [sys.executable, "-m", "scripts.benchmarks.merkle"],
            check=True,
            capture_output=True,
            text=True,
        ).stdout
    )
    return [
        time_figure(work, "2n hashlib.sha256 of 65 bytes", pair, 3.2),
        Figure(f"{work}: peak", "", peak, "MB", "<=", 300, peak, peak, peak, None, "MB"),
    ]


if __name__ == "__main__":
    _stream(_leaves())
    print(peak_mb())
