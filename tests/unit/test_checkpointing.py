"""When the operator's checkpoints are signed, and what happens when they cannot be."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from ledger.adapters.checkpoint_memory import CheckpointMemory
from ledger.adapters.signer_memory import MemoryCredentialSigner
from ledger.adapters.system import ManualClock
from ledger.core.errors import UnavailableError
from ledger.core.model import BlockRef, ChainInfo
from ledger.services.checkpointing import Checkpointer

SIGNER = MemoryCredentialSigner.from_private_number(77)
INFO = ChainInfo(5, b"\x01" * 32, bytes(20), bytes(20), bytes(32), bytes(32))


class OneBlock:
    """A chain whose head a test moves."""

    number = 3

    def info(self) -> ChainInfo:
        return INFO

    def head(self) -> BlockRef:
        return BlockRef(self.number, bytes([self.number]) * 32, 1_000 + self.number)

    def block(self, number: int) -> BlockRef | None:
        return self.head() if number == self.number else None

    def block_rlp(self, number: int) -> bytes | None:
        return b"" if number == self.number else None

    def state_root(self, number: int) -> bytes:
        return bytes([number]) * 32


@dataclass
class Bench:
    clock: ManualClock = field(default_factory=lambda: ManualClock(5_000))
    chain: OneBlock = field(default_factory=OneBlock)
    book: CheckpointMemory = field(default_factory=CheckpointMemory)
    key: MemoryCredentialSigner | None = SIGNER
    failure: UnavailableError | None = None
    warned: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.checkpointer = Checkpointer(self.chain, self.book, self._signer, self.clock, self.warned.append)

    def _signer(self) -> MemoryCredentialSigner | None:
        if self.failure is not None:
            raise self.failure
        return self.key

    def step(self, seconds: int = 0) -> bool:
        self.clock.advance(seconds)
        return self.checkpointer.step()


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_each_block_once_and_the_same_block_every_twenty_seconds(bench: Bench) -> None:
    assert [bench.step(), bench.step(), bench.step(19), bench.step(1), bench.step()] == [
        True, False, False, True, False,
    ]  # fmt: skip
    bench.chain.number = 4
    assert [bench.step(), bench.step()] == [True, False]
    newest = bench.book.newest("operator")
    assert newest is not None
    assert (newest.checkpoint.block.number, newest.checkpoint.state_root) == (4, b"\x04" * 32)
    assert newest.checkpoint.signed_at == bench.clock.now()
    assert bench.warned == []


def test_without_a_key_it_says_so_once_and_signs_as_soon_as_there_is_one(bench: Bench) -> None:
    bench.key = None
    assert [bench.step(), bench.step(), bench.step(5), bench.step(5)] == [False] * 4
    assert bench.warned == ["CHECKPOINT_KEY_MISSING"]
    bench.failure = UnavailableError("CHECKPOINTS_UNAVAILABLE", "the disk is full")
    assert not bench.step(5)
    assert bench.warned == ["CHECKPOINT_KEY_MISSING", "CHECKPOINTS_UNAVAILABLE"]
    bench.failure, bench.key = None, SIGNER
    assert [bench.step(1), bench.step(5)] == [False, True]
    bench.key = None
    bench.chain.number = 9
    assert not bench.step()
    assert bench.warned[-1] == "CHECKPOINT_KEY_MISSING"  # a new trouble is told anew


def test_a_jump_of_the_clock_stops_the_process_as_everywhere(bench: Bench) -> None:
    bench.failure = UnavailableError("CLOCK_JUMP", "the clock jumped")
    with pytest.raises(UnavailableError, match="CLOCK_JUMP"):
        bench.step()
