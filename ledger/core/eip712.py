"""Typed digests that people and services sign for the two contracts (EIP-712), and signer ids.

Everything signed is a struct whose members fill one 32-byte word each, so its hash is keccak-256 over
the type hash and those words. Invariant: each digest equals the view of the same name in contracts/src
(a test compares them, and eth-account as a third opinion). Signing itself is the signers' business.
Source: EIP-712; contracts/src/interfaces for struct names, member order and signature kinds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import sha3

from ledger.core.model import Batch, WordChange

_WORD = 32
_DOMAIN_TYPE = (
    "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract,bytes32 salt)"
)
_BATCH_TYPE = (
    "Batch(bytes18 issuer,uint32 typeId,uint32 key,bytes32 root,uint32 size,uint32 list,"
    "uint32 firstWord,bool pending,bytes32 maker,bytes32 approver,uint64 deadline)"
)
_STATUS_CHANGE_TYPE = (
    "StatusChange(bytes18 issuer,bytes32 root,bytes32 changesHash,uint8 reasonClass,bytes18 by,"
    "bytes32 maker,bytes32 approver,uint256 nonce,uint64 deadline)"
)
_WITHDRAWAL_TYPE = (
    "BatchWithdrawal(bytes18 issuer,bytes32 root,uint8 reasonClass,bytes18 by,bytes32 maker,"
    "bytes32 approver,uint64 deadline)"
)
_STANDING_TYPE = (
    "StandingApproval(bytes18 issuer,uint32 typeId,uint8 acts,uint32 anchorLimit,"
    "uint32 supersedeLimit,uint32 useLimit,uint64 validFrom,uint64 validUntil,bytes32 approver,"
    "uint256 nonce)"
)
_ENROLMENT_TYPE = "KeyEnrolment(bytes18 issuer,bytes32 challenge,uint64 deadline)"
_AUTHORISATION_TYPE = (
    "Authorisation(bytes18 issuer,bytes32 callHash,bytes32 signer,uint256 nonce,uint64 deadline)"
)
_REGISTRY_NAME = "ecert IssuerRegistry"
_LEDGER_NAME = "ecert CredentialLedger"
_VERSION = "1"

_PROPOSE = "propose(bytes18,bytes,(bytes32,uint256,uint64,bytes))"
_ACCEPT = "accept(uint256,bytes,(bytes32,uint256,uint64,bytes))"
_CANCEL = "cancel(uint256,(bytes32,uint256,uint64,bytes))"
_REVOKE_STANDING = "revokeStanding(bytes32,bytes18,(bytes32,uint256,uint64,bytes))"

STRUCTS = {
    "Batch": _BATCH_TYPE,
    "StatusChange": _STATUS_CHANGE_TYPE,
    "BatchWithdrawal": _WITHDRAWAL_TYPE,
    "StandingApproval": _STANDING_TYPE,
    "Authorisation": _AUTHORISATION_TYPE,
    "KeyEnrolment": _ENROLMENT_TYPE,
}
"""Name of each signed struct to its EIP-712 type, for ledger.core.typed_data."""
DOMAIN_TYPE = _DOMAIN_TYPE
VERSION = _VERSION

_KIND_ECDSA = b"\x01"
_KIND_CONTRACT = b"\x02"
_KIND_PASSKEY = b"\x03"


@dataclass(frozen=True, slots=True)
class StatusChange:
    """Maker's and approver's consent to `changes_hash` (EIP-712 `StatusChange`)."""

    issuer: str
    root: bytes
    changes_hash: bytes
    reason_class: int
    by: str
    maker: bytes
    approver: bytes
    nonce: int
    deadline: int


@dataclass(frozen=True, slots=True)
class BatchWithdrawal:
    """Consent to withdraw a whole batch for good (EIP-712 `BatchWithdrawal`)."""

    issuer: str
    root: bytes
    reason_class: int
    by: str
    maker: bytes
    approver: bytes
    deadline: int


@dataclass(frozen=True, slots=True)
class StandingApproval:
    """An approver's consent in advance (EIP-712 `StandingApproval`). Its digest is its id."""

    issuer: str
    type_id: int
    acts: int
    anchor_limit: int
    supersede_limit: int
    use_limit: int
    valid_from: int
    valid_until: int
    approver: bytes
    nonce: int


@dataclass(frozen=True, slots=True)
class Authorisation:
    """An admin's consent to one call that anybody may carry (EIP-712 `Authorisation`)."""

    issuer: str
    call_hash: bytes
    signer: bytes
    nonce: int
    deadline: int


@dataclass(frozen=True, slots=True)
class KeyEnrolment:
    """A wallet's proof that its owner has it; no contract knows this struct, it gives no right."""

    issuer: str
    challenge: bytes
    deadline: int


@dataclass(frozen=True, slots=True)
class Domain:
    """Where a signature counts: one contract, on one chain, of one ledger.

    Attributes:
        contract: address, 20 bytes.
        ledger_id: 32 bytes, the salt.
    """

    name: str
    chain_id: int
    contract: bytes
    ledger_id: bytes

    def separator(self) -> bytes:
        """32 bytes that every digest of this domain starts from."""
        return keccak(
            keccak(_DOMAIN_TYPE.encode()),
            keccak(self.name.encode()),
            keccak(_VERSION.encode()),
            _number(self.chain_id),
            address_signer(self.contract),
            _fixed(self.ledger_id, _WORD),
        )


def registry_domain(chain_id: int, contract: bytes, ledger_id: bytes) -> Domain:
    """Domain of the IssuerRegistry at `contract` (20 bytes)."""
    return Domain(_REGISTRY_NAME, chain_id, contract, ledger_id)


def ledger_domain(chain_id: int, contract: bytes, ledger_id: bytes) -> Domain:
    """Domain of the CredentialLedger at `contract` (20 bytes)."""
    return Domain(_LEDGER_NAME, chain_id, contract, ledger_id)


def keccak(*parts: bytes) -> bytes:
    """Keccak-256 (not SHA3-256) over the parts in a row, 32 bytes."""
    return bytes(sha3.keccak_256(b"".join(parts)).digest())


def batch_digest(domain: Domain, batch: Batch) -> bytes:
    """What maker and approver of a batch sign, 32 bytes."""
    return _digest(
        domain,
        _BATCH_TYPE,
        _issuer(batch.issuer),
        _number(batch.type_id),
        _number(batch.key),
        _fixed(batch.root, _WORD),
        _number(batch.size),
        _number(batch.list),
        _number(batch.first_word),
        _number(int(batch.pending)),
        _fixed(batch.maker, _WORD),
        _fixed(batch.approver, _WORD),
        _number(batch.deadline),
    )


def status_change_digest(domain: Domain, change: StatusChange) -> bytes:
    """What maker and approver of a status change sign, 32 bytes."""
    return _digest(
        domain,
        _STATUS_CHANGE_TYPE,
        _issuer(change.issuer),
        _fixed(change.root, _WORD),
        _fixed(change.changes_hash, _WORD),
        _number(change.reason_class),
        _issuer(change.by),
        _fixed(change.maker, _WORD),
        _fixed(change.approver, _WORD),
        _number(change.nonce),
        _number(change.deadline),
    )


def withdrawal_digest(domain: Domain, withdrawal: BatchWithdrawal) -> bytes:
    """What maker and approver of a batch withdrawal sign, 32 bytes."""
    return _digest(
        domain,
        _WITHDRAWAL_TYPE,
        _issuer(withdrawal.issuer),
        _fixed(withdrawal.root, _WORD),
        _number(withdrawal.reason_class),
        _issuer(withdrawal.by),
        _fixed(withdrawal.maker, _WORD),
        _fixed(withdrawal.approver, _WORD),
        _number(withdrawal.deadline),
    )


def standing_digest(domain: Domain, standing: StandingApproval) -> bytes:
    """What an approver signs to approve in advance, 32 bytes; also the id of that approval."""
    return _digest(
        domain,
        _STANDING_TYPE,
        _issuer(standing.issuer),
        _number(standing.type_id),
        _number(standing.acts),
        _number(standing.anchor_limit),
        _number(standing.supersede_limit),
        _number(standing.use_limit),
        _number(standing.valid_from),
        _number(standing.valid_until),
        _fixed(standing.approver, _WORD),
        _number(standing.nonce),
    )


def authorisation_digest(domain: Domain, authorisation: Authorisation) -> bytes:
    """What an admin signs so that somebody else may carry the call, 32 bytes."""
    return _digest(
        domain,
        _AUTHORISATION_TYPE,
        _issuer(authorisation.issuer),
        _fixed(authorisation.call_hash, _WORD),
        _fixed(authorisation.signer, _WORD),
        _number(authorisation.nonce),
        _number(authorisation.deadline),
    )


def enrolment_digest(domain: Domain, enrolment: KeyEnrolment) -> bytes:
    """What a wallet signs to be enrolled, 32 bytes."""
    return _digest(
        domain,
        _ENROLMENT_TYPE,
        _issuer(enrolment.issuer),
        _fixed(enrolment.challenge, _WORD),
        _number(enrolment.deadline),
    )


def changes_hash(changes: Sequence[WordChange]) -> bytes:
    """keccak256(abi.encode(changes)): binds a StatusChange to its words, 32 bytes."""
    words = [_number(_WORD), _number(len(changes))]
    for change in changes:
        words += [_number(change.word), _number(change.mask), _number(change.value)]
    return keccak(*words)


def propose_hash(by: str, act: bytes) -> bytes:
    """Call hash of `propose(by, act, …)` in the registry's domain; `act` is whole calldata."""
    return keccak(_selector(_PROPOSE), _issuer(by), keccak(act))


def accept_hash(proposal_id: int, act: bytes) -> bytes:
    """Call hash of `accept(proposalId, act, …)` in the registry's domain."""
    return keccak(_selector(_ACCEPT), _number(proposal_id), keccak(act))


def cancel_hash(proposal_id: int) -> bytes:
    """Call hash of `cancel(proposalId, …)` in the registry's domain."""
    return keccak(_selector(_CANCEL), _number(proposal_id))


def revoke_standing_hash(standing_id: bytes, by: str) -> bytes:
    """Call hash of `revokeStanding(standingId, by, …)` in the ledger's domain."""
    return keccak(_selector(_REVOKE_STANDING), _fixed(standing_id, _WORD), _issuer(by))


def address_signer(address: bytes) -> bytes:
    """Signer id of an ECDSA account or an ERC-1271 contract: its 20 bytes, left-padded to 32."""
    return _fixed(address, 20).rjust(_WORD, b"\0")


def passkey_signer(qx: int, qy: int) -> bytes:
    """Signer id of a P-256 passkey: keccak256(abi.encode("P256", qx, qy)), 32 bytes."""
    name = b"P256"
    head = _number(3 * _WORD) + _number(qx) + _number(qy)
    return keccak(head, _number(len(name)), name.ljust(_WORD, b"\0"))


def signer_text(signer_id: bytes) -> str:
    """A signer id for people: an account's address where it is one, else all 32 bytes, in hex with 0x."""
    return "0x" + (signer_id[12:] if not any(signer_id[:12]) else signer_id).hex()


def ecdsa_signature(signature: bytes) -> bytes:
    """A 65-byte r ‖ s ‖ v as the contracts take it."""
    return _KIND_ECDSA + _fixed(signature, 65)


def contract_signature(data: bytes) -> bytes:
    """Bytes for an ERC-1271 contract's isValidSignature, as the contracts take them."""
    return _KIND_CONTRACT + data


@dataclass(frozen=True, slots=True)
class PasskeyAssertion:
    """A WebAuthn assertion whose challenge is the digest.

    Attributes:
        qx, qy: the public key.
        r, s: the signature, `s` in the lower half (the contract refuses the upper one).
        authenticator_data: bytes as the authenticator gave them, UV flag set.
        client_data_json: bytes as the browser gave them; holds `"type":"webauthn.get"` and
            `"challenge":"<base64url of the digest>"` once each.
    """

    qx: int
    qy: int
    r: int
    s: int
    authenticator_data: bytes
    client_data_json: bytes


def passkey_signature(assertion: PasskeyAssertion) -> bytes:
    """An assertion as the contracts take it: 0x03 ‖ abi.encode(qx, qy, WebAuthnAuth).

    Raises: ValueError when the client data has no type or challenge.
    """
    client_data = assertion.client_data_json
    authenticator_data = _tail(assertion.authenticator_data)
    members = [
        _number(assertion.r),
        _number(assertion.s),
        _number(client_data.index(b'"challenge":"')),
        _number(client_data.index(b'"type":"')),
        _number(6 * _WORD),
        _number(6 * _WORD + len(authenticator_data)),
    ]
    head = _number(assertion.qx) + _number(assertion.qy) + _number(3 * _WORD)
    return _KIND_PASSKEY + head + b"".join(members) + authenticator_data + _tail(client_data)


def _digest(domain: Domain, type_name: str, *words: bytes) -> bytes:
    return keccak(b"\x19\x01", domain.separator(), keccak(keccak(type_name.encode()), *words))


def _selector(signature: str) -> bytes:
    return keccak(signature.encode())[:4].ljust(_WORD, b"\0")


def _number(value: int) -> bytes:
    return value.to_bytes(_WORD, "big")


def _issuer(uscc: str) -> bytes:
    return _fixed(uscc.encode("ascii"), 18).ljust(_WORD, b"\0")


def _fixed(value: bytes, size: int) -> bytes:
    if len(value) != size:
        message = f"{size} bytes wanted, {len(value)} given"
        raise ValueError(message)
    return value


def _tail(data: bytes) -> bytes:
    padded = -len(data) % _WORD
    return _number(len(data)) + data + b"\0" * padded
