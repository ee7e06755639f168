"""The three kinds of signers, each with its lies; malformed bytes are a no, never a crash."""

from __future__ import annotations

import pytest

from ledger.core import eip712
from scripts.contracts.lab import Person, person, root_of
from scripts.contracts.passkey import BACKED_UP, USER_PRESENT, USER_VERIFIED, Passkey
from tests.contracts.world import World, newcomer

DIGEST = root_of("a digest")
CURVE_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141


def holds(world: World, signer: bytes, signature: bytes, digest: bytes = DIGEST) -> bool:
    return bool(world.lab.call(world.registry.checkSignature(signer, digest, signature)))


def test_an_account_signs(world: World) -> None:
    who = person("a signer")
    assert holds(world, who.signer, who.sign(DIGEST))


def lies_of_an_account(who: Person) -> dict[str, bytes]:
    good = who.sign(DIGEST)
    r, s, v = good[1:33], int.from_bytes(good[33:65], "big"), good[65]
    return {
        "empty": b"",
        "kind only": b"\x01",
        "unknown kind": b"\x04" + good[1:],
        "kind zero": b"\x00" + good[1:],
        "no kind": good[1:],
        "short": good[:-1],
        "long": good + b"\0",
        "bit flipped": good[:10] + bytes([good[10] ^ 1]) + good[11:],
        "high s": b"\x01" + r + (CURVE_ORDER - s).to_bytes(32, "big") + bytes([55 - v]),
        "v of 0 or 1": good[:-1] + bytes([v - 27]),
        "all zero": b"\x01" + bytes(65),
        "as a contract": b"\x02" + good[1:],
        "other digest": who.sign(root_of("another digest")),
        "somebody else": newcomer("forger").sign(DIGEST),
    }


@pytest.mark.parametrize("lie", sorted(lies_of_an_account(person("a signer"))))
def test_an_accounts_lie_is_found(world: World, lie: str) -> None:
    who = person("a signer")
    assert not holds(world, who.signer, lies_of_an_account(who)[lie])


def test_signer_zero_signs_nothing(world: World) -> None:
    for signature in (b"\x01" + bytes(65), b"\x02", b"\x03" + bytes(400)):
        assert not holds(world, bytes(32), signature)


def test_an_address_with_dirty_upper_bytes_is_nobody(world: World) -> None:
    who = person("a signer")
    dirty = b"\x01" + who.signer[1:]
    assert not holds(world, dirty, who.sign(DIGEST))
    assert not holds(world, dirty, b"\x02" + who.sign(DIGEST)[1:])


def test_a_contract_wallet_answers_for_itself(world: World) -> None:
    owner = person("a wallet's owner")
    wallet = world.deploy("TestWallet", owner.address)
    signer = eip712.address_signer(bytes.fromhex(wallet.address[2:]))
    good = eip712.contract_signature(owner.sign(DIGEST)[1:])
    assert holds(world, signer, good)
    assert not holds(world, signer, good[:-1])
    assert not holds(world, signer, owner.sign(DIGEST))
    assert not holds(world, signer, eip712.contract_signature(b""))
    assert not holds(world, owner.signer, good), "no code there"
    carrier = newcomer("carrier")
    world.lab.send(wallet.functions.setReverting(True), carrier)
    assert not holds(world, signer, good)
    world.lab.send(wallet.functions.setReverting(False), carrier)
    world.lab.send(wallet.functions.setOwner(carrier.address), carrier)
    assert not holds(world, signer, good)


PASSKEY = Passkey(0xC0FFEE)


def test_a_passkey_signs_without_a_precompile(world: World) -> None:
    assert holds(world, PASSKEY.signer, PASSKEY.sign(DIGEST))
    assert holds(world, PASSKEY.signer, PASSKEY.lying(flags=0x1D).sign(DIGEST)), "backed up and eligible"


@pytest.mark.parametrize(
    "liar",
    [
        PASSKEY.lying(flags=USER_PRESENT),
        PASSKEY.lying(flags=USER_VERIFIED),
        PASSKEY.lying(flags=USER_PRESENT | USER_VERIFIED | BACKED_UP),
        PASSKEY.lying(ceremony="webauthn.create"),
        PASSKEY.lying(high_s=True),
    ],
    ids=["user not verified", "user not present", "backed up, not eligible", "registration", "high s"],
)
def test_a_passkeys_lie_is_found(world: World, liar: Passkey) -> None:
    assert liar.signer == PASSKEY.signer
    assert not holds(world, PASSKEY.signer, liar.sign(DIGEST))


def test_a_passkey_signs_one_digest_with_one_key(world: World) -> None:
    assert not holds(world, PASSKEY.signer, PASSKEY.sign(root_of("another digest")))
    assert not holds(world, PASSKEY.signer, Passkey(0xBEEF).sign(DIGEST))
    assert not holds(world, Passkey(0xBEEF).signer, PASSKEY.sign(DIGEST))


def test_no_malformed_assertion_crashes_the_check(world: World) -> None:
    good = PASSKEY.sign(DIGEST)
    for size in (0, 1, 32, 64, 95, 96, 97, 128, 200, 288, 300, 352, len(good) - 40):
        assert not holds(world, PASSKEY.signer, good[: 1 + size]), size
    # The head's three words and the assertion's offsets and lengths, each made enormous.
    for word in (0, 1, 2, 5, 6, 7, 8, 9):
        place = 1 + 32 * word
        broken = good[:place] + b"\xff" * 32 + good[place + 32 :]
        assert not holds(world, PASSKEY.signer, broken), word
