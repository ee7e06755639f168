"""A mirror in a process of its own, over files instead of HTTP, to be killed at any moment.

Usage: python -m tests.mirror.follower SOURCE_FOLDER MIRROR_FOLDER
Writes `ready` once everything is loaded, follows until it has the source's head, writes `done`.
"""

from __future__ import annotations

import sys
from pathlib import Path

from ledger.settings import load_settings

load_settings()

from ledger.adapters.chain_embedded.reader import EmbeddedReader  # noqa: E402  settings choose the hash library first
from ledger.adapters.checkpoint_file import CheckpointFile  # noqa: E402
from ledger.adapters.system import ManualClock  # noqa: E402
from ledger.core.checkpoint import SignedCheckpoint  # noqa: E402
from ledger.core.trust import load_trust_bytes  # noqa: E402
from tests.mirror_world import WITNESSES, Copy  # noqa: E402

PIECE = 2


class FileNode:
    """Port LedgerNode over an issuer's files."""

    name = "files"

    def __init__(self, folder: Path) -> None:
        self.reader = EmbeddedReader(folder / "chain.db")
        self.book = CheckpointFile(folder / "checkpoints.db", read_only=True)

    def checkpoint(self) -> SignedCheckpoint | None:
        return self.book.newest("operator")

    def blocks_from(self, number: int) -> tuple[bytes, ...]:
        last = min(self.reader.head().number, number + PIECE - 1)
        return tuple(self.reader.store.block_rlp(at) or b"" for at in range(number, last + 1))

    def block(self, number: int) -> bytes | None:
        return self.reader.store.block_rlp(number)

    def statements(self, number: int) -> tuple[tuple[SignedCheckpoint, ...], tuple[SignedCheckpoint, ...]]:
        return tuple(kept.signed for kept in self.book.at(number)), ()

    def cosignatures(self) -> tuple[SignedCheckpoint, ...]:
        return ()

    def post_cosignature(self, signed: SignedCheckpoint) -> str:
        del signed
        return "COSIGNED"

    def trust(self, version: int | None = None) -> bytes | None:
        del version
        return None


def open_copy(source: Path, folder: Path) -> Copy:
    """The mirror on its folder."""
    node = FileNode(source)
    trust = load_trust_bytes((source / "trust.json").read_bytes())
    return Copy(folder, ManualClock(node.reader.head().time), trust, [node], WITNESSES[0])


def main() -> None:
    """Follow until there is nothing more."""
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    copy = open_copy(Path(sys.argv[1]), Path(sys.argv[2]))
    while copy.step().condition != "following":
        pass
    sys.stdout.write("done\n")
    sys.stdout.flush()
    sys.stdin.read()


if __name__ == "__main__":
    main()
