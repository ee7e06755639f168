"""Evidence files from strangers: what they prove, what they cannot, and that reading them is harmless."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ledger.adapters.signer_memory import MemoryCredentialSigner
from ledger.apps.cli import run
from ledger.core.checkpoint import Checkpoint, SignedCheckpoint, sign_checkpoint
from ledger.core.contradictions import Evidence, encode_evidence, parse_evidence, require_proof
from ledger.core.errors import InputError
from ledger.core.model import BlockRef
from ledger.settings import Settings

OPERATOR, OTHER = (MemoryCredentialSigner.from_private_number(number) for number in (4731, 4732))
NOW = 1_795_000_000


def stated(
    number: int, letter: bytes, at: int = NOW, key: MemoryCredentialSigner = OPERATOR
) -> SignedCheckpoint:
    block = BlockRef(number, letter * 32, NOW - 100)
    return sign_checkpoint(Checkpoint(b"L" * 32, 5, block, letter * 32, at), key)


CONFLICT = Evidence(
    "CHECKPOINTS_CONFLICT", (stated(7, b"a"), stated(7, b"b", NOW + 1)), source="x", seen_at=NOW
)
SET_BACK = Evidence("LEDGER_SET_BACK", (stated(9, b"a"), stated(7, b"b", NOW + 60)), source="x", seen_at=NOW)


def test_one_key_that_signed_two_stories_is_proof() -> None:
    for evidence in (CONFLICT, SET_BACK):
        require_proof(evidence)
        assert evidence.is_one_key


def test_the_word_of_another_key_makes_no_conflict_of_one_key() -> None:
    framed = Evidence("CHECKPOINTS_CONFLICT", (stated(7, b"a"), stated(7, b"b", NOW + 1, OTHER)))
    with pytest.raises(InputError, match="EVIDENCE_PROVES_NOTHING"):
        require_proof(framed)


@pytest.mark.parametrize("seconds", [-60, 0, 5])
def test_a_lower_height_at_about_the_same_time_is_no_set_back(seconds: int) -> None:
    with pytest.raises(InputError, match="EVIDENCE_PROVES_NOTHING"):
        require_proof(Evidence("LEDGER_SET_BACK", (stated(9, b"a"), stated(7, b"b", NOW + seconds))))


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("source", "\x1b[2J\x1b[31mforged"),
        ("source", "two\nlines"),
        ("source", "x" * 301),
        ("seen_at", -1),
        ("seen_at", 2**53),
        ("seen_at", True),
        ("version", True),
        ("kind", []),
    ],
)
def test_what_people_would_be_shown_is_read_strictly(member: str, value: Any) -> None:
    document = {**json.loads(encode_evidence(CONFLICT)), member: value}
    with pytest.raises(InputError, match="EVIDENCE_SHAPE"):
        parse_evidence(json.dumps(document).encode())


def test_the_command_says_when_two_keys_signed_and_shows_any_time(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "evidence.json"
    lagging = stated(7, b"b", 2**53 - 1, OTHER)  # a witness that lags says nothing against the operator
    file.write_bytes(encode_evidence(Evidence("LEDGER_SET_BACK", (stated(9, b"a"), lagging))))
    words = ["mirror", "evidence", str(file), "--lang", "en"]
    assert run(words, Settings(home=tmp_path / "none")) == 0
    told = capsys.readouterr().out
    assert "Two keys signed" in told
    assert f"{2**53 - 1} s" in told
    file.write_bytes(encode_evidence(SET_BACK))
    assert run(words, Settings(home=tmp_path / "none")) == 0
    assert "Two keys signed" not in capsys.readouterr().out
