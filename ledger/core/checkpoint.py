"""Checkpoints: one key's signed word that it saw a block as part of a ledger.

The operator signs one for every block and again while nothing happens; a witness, which ran all blocks
itself, signs the same statement with its own key: that is a co-signature. A statement carries its public
key, so that two of them that contradict each other are evidence without any other file. Who a key belongs
to is not said here: registry (operator) and trust file (witnesses) know. Source: docs/formats.md, Checkpoint.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

from ledger.core.canonical_json import MAX_SAFE_INTEGER, canonical_json
from ledger.core.errors import InputError
from ledger.core.jose import (
    Es256Signer,
    b64url_decode_or_none,
    b64url_encode,
    jwk_thumbprint,
    strict_json_object,
    verify_es256,
)
from ledger.core.model import BlockRef, KeyRecord, Purpose
from ledger.core.receipt import parse_chain_id

MAX_CHECKPOINT_BYTES: Final = 2_048
FORMAT: Final = 1
_DOMAIN: Final = b"ecert-checkpoint:1\n"
_HASH_BYTES: Final = 32
_SIGNATURE_BYTES: Final = 64
_JWK: Final = frozenset({"crv", "kty", "x", "y"})
_NUMBERS: Final = ("block_number", "block_time", "signed_at")
_HASHES: Final = ("block_hash", "ledger_id", "state_root")
_MEMBERS: Final = frozenset({*_NUMBERS, *_HASHES, "chain_id", "jwk", "signature", "version"})


class CheckpointSigner(Es256Signer, Protocol):
    """An ES256 key that tells its public half; ledger.ports.CredentialSigner has it."""

    @property
    def public_jwk(self) -> Mapping[str, str]:
        """kty, crv, x, y."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What is stated: block and state of a ledger, as seen at `signed_at` (seconds, the signer's clock).

    `ledger_id` and `state_root`: 32 bytes.
    """

    ledger_id: bytes
    chain_id: int
    block: BlockRef
    state_root: bytes
    signed_at: int


@dataclass(frozen=True, slots=True)
class SignedCheckpoint:
    """A statement with its key (JWK of four members) and signature (64 bytes r ‖ s)."""

    checkpoint: Checkpoint
    jwk: Mapping[str, str]
    signature: bytes

    @property
    def thumbprint(self) -> bytes:
        """RFC 7638 thumbprint of the key, 32 bytes."""
        return jwk_thumbprint(self.jwk)


def sign_checkpoint(checkpoint: Checkpoint, signer: CheckpointSigner) -> SignedCheckpoint:
    """The statement under the signer's key."""
    jwk = {name: signer.public_jwk[name] for name in sorted(_JWK)}
    return SignedCheckpoint(checkpoint, jwk, signer.sign(_message(_stated(checkpoint, jwk))))


def encode_checkpoint(signed: SignedCheckpoint) -> bytes:
    """The one spelling of a signed checkpoint: RFC 8785, UTF-8."""
    stated = _stated(signed.checkpoint, signed.jwk)
    return canonical_json({**stated, "signature": b64url_encode(signed.signature)})


def parse_checkpoint(data: bytes) -> SignedCheckpoint:
    """A signed checkpoint as written by encode_checkpoint, byte for byte; the signature is not looked at.

    Raises:
        InputError: CHECKPOINT_SHAPE; `member` names what is wrong, empty when it is the whole.
    """
    if len(data) > MAX_CHECKPOINT_BYTES:
        raise _wrong("")
    try:
        document = strict_json_object(data)
    except InputError as error:
        raise _wrong("") from error
    if document.keys() != _MEMBERS or type(document["version"]) is not int or document["version"] != FORMAT:
        raise _wrong("version")
    hashes = {name: _hash(document, name) for name in _HASHES}
    numbers = {name: _number(document, name) for name in _NUMBERS}
    signature = document["signature"]
    decoded = b64url_decode_or_none(signature) if type(signature) is str else None
    if decoded is None or len(decoded) != _SIGNATURE_BYTES:
        raise _wrong("signature")
    try:
        chain_id = parse_chain_id(document["chain_id"])
    except InputError as error:
        raise _wrong("chain_id") from error
    signed = SignedCheckpoint(
        Checkpoint(
            ledger_id=hashes["ledger_id"],
            chain_id=chain_id,
            block=BlockRef(numbers["block_number"], hashes["block_hash"], numbers["block_time"]),
            state_root=hashes["state_root"],
            signed_at=numbers["signed_at"],
        ),
        _jwk(document["jwk"]),
        decoded,
    )
    if encode_checkpoint(signed) != data:
        raise _wrong("")
    return signed


def require_signed(signed: SignedCheckpoint) -> None:
    """The signature is by the key that the statement carries.

    Raises:
        InputError: CHECKPOINT_SIGNATURE.
    """
    if not verify_es256(signed.jwk, _message(_stated(signed.checkpoint, signed.jwk)), signed.signature):
        raise InputError(
            "CHECKPOINT_SIGNATURE", "The signature of this checkpoint does not fit its key and text."
        )


def require_ledger(signed: SignedCheckpoint, ledger_id: bytes, chain_id: int) -> None:
    """The statement is about this ledger.

    Raises:
        InputError: CHECKPOINT_LEDGER.
    """
    checkpoint = signed.checkpoint
    if (checkpoint.ledger_id, checkpoint.chain_id) != (ledger_id, chain_id):
        raise InputError(
            "CHECKPOINT_LEDGER",
            "This checkpoint is of another ledger.",
            ledger_id=checkpoint.ledger_id.hex(),
            expected=ledger_id.hex(),
        )


def contradict(one: SignedCheckpoint, other: SignedCheckpoint) -> bool:
    """Whether both cannot be true: the same height of the same ledger, with another block or state.

    By one key it is proof that its holder told two stories; by two keys, that one of them is wrong.
    """
    left, right = one.checkpoint, other.checkpoint
    return (
        (left.ledger_id, left.chain_id, left.block.number)
        == (right.ledger_id, right.chain_id, right.block.number)
        and (left.block, left.state_root) != (right.block, right.state_root)
    )  # fmt: skip


def operator_key(signed: SignedCheckpoint, keys: Iterable[KeyRecord]) -> KeyRecord | None:
    """The registered key that may sign this checkpoint for the ledger's operator; None when none may.

    Args:
        signed: its signature is checked elsewhere (require_signed).
        keys: all registered keys of the root issuer, as of the checkpoint's block or later.
    """
    thumbprint, at = signed.thumbprint, signed.checkpoint.signed_at
    for key in keys:
        if key.thumbprint != thumbprint or key.purpose != Purpose.CHECKPOINT:
            continue
        is_honest = key.compromised_since is None or at < key.compromised_since
        if is_honest and key.valid_from <= at < key.valid_until:
            return key
    return None


def _stated(checkpoint: Checkpoint, jwk: Mapping[str, str]) -> dict[str, Any]:
    return {
        "block_hash": "0x" + checkpoint.block.hash.hex(),
        "block_number": checkpoint.block.number,
        "block_time": checkpoint.block.time,
        "chain_id": f"eip155:{checkpoint.chain_id}",
        "jwk": dict(jwk),
        "ledger_id": "0x" + checkpoint.ledger_id.hex(),
        "signed_at": checkpoint.signed_at,
        "state_root": "0x" + checkpoint.state_root.hex(),
        "version": FORMAT,
    }


def _message(stated: Mapping[str, Any]) -> bytes:
    return _DOMAIN + canonical_json(stated)


def _hash(document: Mapping[str, Any], name: str) -> bytes:
    value = document[name]
    if type(value) is str and value.startswith("0x"):
        try:
            found = bytes.fromhex(value[2:])
        except ValueError:
            found = b""
        if len(found) == _HASH_BYTES:  # upper case and blanks: the spelling is compared as a whole
            return found
    raise _wrong(name)


def _number(document: Mapping[str, Any], name: str) -> int:
    value = document[name]
    if type(value) is not int or not 0 <= value <= MAX_SAFE_INTEGER:
        raise _wrong(name)
    return value


def _jwk(value: Any) -> Mapping[str, str]:
    if type(value) is not dict or value.keys() != _JWK:
        raise _wrong("jwk")
    try:
        jwk_thumbprint(value)
    except InputError as error:
        raise _wrong("jwk") from error
    return {name: str(item) for name, item in value.items()}


def _wrong(member: str) -> InputError:
    return InputError("CHECKPOINT_SHAPE", "This is no checkpoint as the format demands it.", member=member)
