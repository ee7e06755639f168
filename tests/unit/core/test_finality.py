"""Which blocks are final: the counting and the height say the same."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from ledger.adapters.signer_memory import MemoryCredentialSigner
from ledger.core.finality import NOTHING_FINAL, final_height, witnesses_of
from ledger.core.model import BlockRef, ViewHead, WitnessHead
from ledger.core.trust import ContractPin, Finality, KeySet, load_trust_bytes, make_trust, sign_trust

SIGNER = MemoryCredentialSigner.from_private_number(21)
KEYS = [bytes([number]) * 32 for number in range(4)]
DOCUMENT = make_trust(
    mode="demo", ledger_id=b"\x01" * 32, chain_id=5, registry=ContractPin(b"\x02" * 20, b"\x03" * 32),
    ledger=ContractPin(b"\x04" * 20, b"\x05" * 32), root_issuer="12990100A99000010C", governance=b"\x06" * 20,
    x509_anchors=[], types={}, not_after=date(2027, 1, 1), keys=[SIGNER.public_jwk],
)  # fmt: skip
TRUST = load_trust_bytes(sign_trust(DOCUMENT, [SIGNER]))


def head(number: int, *seen: tuple[int, int], forked: bool = False) -> ViewHead:
    witnessed = tuple(WitnessHead(KEYS[key], block, 0) for key, block in seen)
    return ViewHead(BlockRef(number, b"\x09" * 32, 0), 0, "embedded", forked, witnessed)


@given(
    st.integers(0, 12),
    st.integers(0, 3),
    st.integers(0, 3),
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 14)), max_size=6),
)
def test_a_block_is_final_when_deep_enough_and_covered_by_enough(
    number: int, threshold: int, depth: int, seen: list[tuple[int, int]]
) -> None:
    finality = Finality("depth", depth) if depth else Finality("immediate")
    trust = replace(TRUST, finality=finality, witnesses=KeySet(threshold, {key: {} for key in KEYS[:3]}))
    view = head(number, *seen)
    final = [
        block
        for block in range(number + 1)
        if block + depth <= number and witnesses_of(trust, view, block) >= threshold
    ]
    assert final_height(trust, view) == max(final, default=NOTHING_FINAL)


def test_nothing_of_a_forked_view_is_final() -> None:
    assert final_height(TRUST, head(9)) == 9
    assert final_height(TRUST, head(9, forked=True)) == NOTHING_FINAL
