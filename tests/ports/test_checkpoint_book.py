"""Port CheckpointBook: what operator and witnesses signed, in memory and in a file."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ledger.adapters.checkpoint_file import CheckpointFile
from ledger.adapters.checkpoint_memory import CheckpointMemory
from ledger.adapters.signer_memory import MemoryCredentialSigner
from ledger.core.checkpoint import Checkpoint, SignedCheckpoint, sign_checkpoint
from ledger.core.errors import UnavailableError
from ledger.core.model import BlockRef, WitnessHead
from ledger.ports import witness
from ledger.ports.witness import CheckpointBook

OPERATOR, ANNA, BEN = (MemoryCredentialSigner.from_private_number(number) for number in (41, 42, 43))


def block_hash(number: int) -> bytes:
    return bytes([number]) * 32


def said(
    signer: MemoryCredentialSigner, number: int, at: int = 100, *, other: bool = False
) -> SignedCheckpoint:
    seen = BlockRef(number, b"\xff" * 32 if other else block_hash(number), 10 * number)
    return sign_checkpoint(Checkpoint(b"\x01" * 32, 5, seen, b"\x03" * 32, at), signer)


def hash_of(number: int) -> bytes | None:
    """A chain of blocks 0 to 9."""
    return block_hash(number) if number <= 9 else None


@pytest.fixture(params=["memory", "file"])
def book(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[CheckpointBook]:
    if request.param == "memory":
        yield CheckpointMemory()
        return
    opened = CheckpointFile(tmp_path / "checkpoints.db")
    yield opened
    opened.close()


def test_an_empty_book_knows_nobody(book: CheckpointBook) -> None:
    assert book.newest("operator") is None
    assert (list(book.at(1)), list(book.newest_of_each()), book.witnessed(hash_of, 9)) == ([], [], ())
    assert list(book.stray(hash_of, 9)) == []


def test_a_later_word_about_the_same_block_takes_the_place_of_the_earlier(book: CheckpointBook) -> None:
    before = book.stamp()
    for at in (100, 120, 110):
        book.keep(said(OPERATOR, 3, at), "operator")
    assert [kept.signed.checkpoint.signed_at for kept in book.at(3)] == [120]
    assert book.stamp() != before
    book.keep(said(OPERATOR, 4, 90), "operator")
    newest = book.newest("operator")
    assert newest is not None
    assert newest.checkpoint.block.number == 4


def test_what_contradicts_is_kept_beside_it(book: CheckpointBook) -> None:
    for signed in (said(OPERATOR, 3), said(OPERATOR, 3, other=True)):
        book.keep(signed, "operator")
    book.keep(said(ANNA, 3), "witness")
    assert [(kept.signatory, kept.signed.thumbprint) for kept in book.at(3)] == [
        ("operator", OPERATOR.thumbprint), ("operator", OPERATOR.thumbprint), ("witness", ANNA.thumbprint),
    ]  # fmt: skip


def test_of_each_witness_the_highest_word_that_agrees_with_our_chain_counts(book: CheckpointBook) -> None:
    for signed in (
        said(ANNA, 2),
        said(ANNA, 7),
        said(ANNA, 8, other=True),
        said(ANNA, 12),
        said(BEN, 5, 200),
    ):
        book.keep(signed, "witness", is_stray=signed.checkpoint.block.number > 7)
    book.keep(said(OPERATOR, 9), "operator")
    seen = {WitnessHead(ANNA.thumbprint, 7, 100), WitnessHead(BEN.thumbprint, 5, 200)}
    assert set(book.witnessed(hash_of, 9)) == seen
    assert set(book.witnessed(hash_of, 4)) == {WitnessHead(ANNA.thumbprint, 2, 100)}
    strays = {(one.thumbprint, one.checkpoint.block.number) for one in book.stray(hash_of, 9)}
    assert strays == {(ANNA.thumbprint, 12), (ANNA.thumbprint, 8)}
    assert {one.checkpoint.block.number for one in book.newest_of_each()} == {12, 5}


def test_a_stolen_witness_key_does_not_fill_the_disk(
    book: CheckpointBook, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("checkpoint_file", "checkpoint_memory"):
        # reason: a thousand signatures take a second
        monkeypatch.setattr(f"ledger.adapters.{module}.MOST_STRAY", 3)
    for number in range(20, 30):
        book.keep(said(ANNA, number), "witness", is_stray=True)
    assert sum(len(book.at(number)) for number in range(20, 30)) == 3
    assert witness.MOST_STRAY == 1_000
    book.keep(said(ANNA, 5), "witness")
    assert book.witnessed(hash_of, 9) == (WitnessHead(ANNA.thumbprint, 5, 100),)


def test_a_reader_waits_for_the_first_writer_and_sees_each_word(tmp_path: Path) -> None:
    path = tmp_path / "checkpoints.db"
    reader = CheckpointFile(path, read_only=True)
    assert (reader.newest("operator"), reader.stamp()) == (None, b"")
    with pytest.raises(UnavailableError, match="CHECKPOINTS_UNAVAILABLE"):
        reader.keep(said(OPERATOR, 1), "operator")
    writer = CheckpointFile(path)
    writer.keep(said(OPERATOR, 1), "operator")
    before = reader.stamp()
    found = reader.newest("operator")
    assert found is not None
    assert found.checkpoint == said(OPERATOR, 1).checkpoint
    writer.keep(said(ANNA, 1), "witness")
    assert reader.stamp() != before
    assert len(reader.at(1)) == 2
    assert path.stat().st_mode & 0o777 == 0o600
    for opened in (writer, reader):
        opened.close()


def test_a_damaged_file_is_an_outage_and_nobodys_word(tmp_path: Path) -> None:
    path = tmp_path / "checkpoints.db"
    path.write_bytes(b"not a database at all" * 100)
    broken = CheckpointFile(path, read_only=True)
    ask: list[Callable[[], object]] = [
        broken.stamp, lambda: broken.newest("operator"), lambda: broken.witnessed(hash_of, 9),
    ]  # fmt: skip
    for question in ask:
        with pytest.raises(UnavailableError, match="CHECKPOINTS_UNAVAILABLE"):
            question()
