"""Passkeys sign alike on every chain: the real contracts and their twin in memory give the same answers."""

from __future__ import annotations

from ledger.adapters.abi import batch_tuple, issuer_id
from ledger.core import eip712
from ledger.core.model import Role
from ledger.ports import ContractCall
from scripts.contracts.passkey import BACKED_UP, USER_PRESENT, USER_VERIFIED, Passkey
from tests.ports.chain_world import FAR, ROOT, START, World, crew

MAKER, APPROVER = Passkey(0xC0FFEE), Passkey(0xBEEF)
DIGEST = bytes(range(32))


def holds(world: World, signature: bytes, digest: bytes = DIGEST, signer: bytes = MAKER.signer) -> bool:
    call = ContractCall("registry", "checkSignature", (signer, digest, signature))
    return bool(world.chain.read(call))


def test_the_same_passkeys_are_believed(world: World) -> None:
    good = MAKER.sign(DIGEST)
    assert holds(world, good)
    assert holds(world, MAKER.lying(flags=0x1D).sign(DIGEST)), "backed up and eligible"
    lies = {
        "user not verified": MAKER.lying(flags=USER_PRESENT).sign(DIGEST),
        "user not present": MAKER.lying(flags=USER_VERIFIED).sign(DIGEST),
        "backed up, not eligible": MAKER.lying(flags=USER_PRESENT | USER_VERIFIED | BACKED_UP).sign(DIGEST),
        "a registration": MAKER.lying(ceremony="webauthn.create").sign(DIGEST),
        "high s": MAKER.lying(high_s=True).sign(DIGEST),
        "another digest": MAKER.sign(bytes(32)),
        "another key": APPROVER.sign(DIGEST),
        "another kind": b"\x01" + good[1:],
        "nothing": b"\x03",
        **{f"cut at {size}": good[:size] for size in (2, 33, 96, 97, 129, 289, 300, 353, len(good) - 40)},
        **{
            f"word {word} enormous": good[: 1 + 32 * word] + b"\xff" * 32 + good[33 + 32 * word :]
            for word in range(10)
        },
    }
    assert [lie for lie, signature in lies.items() if holds(world, signature)] == []


def test_two_passkeys_anchor_a_batch(world: World) -> None:
    world.found(ROOT)
    for passkey, role in ((MAKER, Role.MAKER), (APPROVER, Role.APPROVER)):
        world.must("setRole", ROOT, issuer_id(ROOT), passkey.signer, role, 0, START, FAR)
    batch = world.batch(ROOT, 1, maker=MAKER.signer, approver=APPROVER.signer)
    digest = eip712.batch_digest(world.ledger_domain(), batch)
    operator = crew(ROOT).operator
    swapped = (APPROVER.sign(digest), MAKER.sign(digest), bytes(32))
    refused = world.try_("ledger", "anchor", (batch_tuple(batch), swapped), operator)
    assert refused.error == ("LedgerBadSignature", (MAKER.signer,))
    alone = world.batch(ROOT, 1, maker=MAKER.signer, approver=MAKER.signer)
    twice = MAKER.sign(eip712.batch_digest(world.ledger_domain(), alone))
    refused = world.try_("ledger", "anchor", (batch_tuple(alone), (twice, twice, bytes(32))), operator)
    assert refused.error is not None
    assert refused.error[0] == "LedgerSameSigner"
    approvals = (MAKER.sign(digest), APPROVER.sign(digest), bytes(32))
    assert world.try_("ledger", "anchor", (batch_tuple(batch), approvals), operator).state == "final"
