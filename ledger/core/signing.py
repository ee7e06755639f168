"""Values of signing by people: their keys, what waits for their signature, roles that a chain gives.

A person signs with a key of their own, a passkey or a wallet, outside this program. What will be signed is
fixed first, as a **signing request**: an ordered list of EIP-712 digests and what they are for. Only
signatures over exactly those are taken. Pure data; the rules are in services.signing_desk.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from ledger.core.model import Role

REQUEST_S = 900
"""How long a prepared request may be signed: a person reads, then presses."""
MOST_DIGESTS = 24
"""Touches of a passkey that one act may ask for; more are for a smaller batch or a standing approval."""


class KeyKind(StrEnum):
    """How a person signs. `server` is no key of a person: the agency's key file, signed by a log-in."""

    PASSKEY = "passkey"
    WALLET = "wallet"
    SERVER = "server"


class KeyState(StrEnum):
    """`removal`: its owner lost it or gives it up; admins take its roles on chain."""

    ACTIVE = "active"
    REMOVAL = "removal"


class Act(StrEnum):
    """What a request is for."""

    ENROL_PASSKEY = "enrol_passkey"
    ENROL_WALLET = "enrol_wallet"
    MAKE = "make"
    APPROVE = "approve"
    CASE_MAKE = "case_make"
    CASE_APPROVE = "case_approve"
    GOVERN = "govern"
    GOVERN_CANCEL = "govern_cancel"
    GRANT_STANDING = "standing_grant"
    REVOKE_STANDING = "standing_revoke"
    ADMIN_REVOKE = "standing_admin"


class RequestState(StrEnum):
    """A request is signed once; one that was not waits until it ends."""

    OPEN = "open"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A key that a person enrolled. It gives no right: roles are given on chain, to its signer id.

    Attributes:
        id: number in the store.
        person, uscc: whose, and for which organisation.
        credential_id: of a passkey, empty for a wallet.
        public_key: qx ‖ qy of a passkey (64 bytes), the address of a wallet (20 bytes).
        signer_id: 32 bytes, as the contracts know it.
        last_used_at: None before the first signature.
    """

    id: int
    person: int
    uscc: str
    kind: KeyKind
    credential_id: bytes
    public_key: bytes
    signer_id: bytes
    label: str
    created_at: int
    last_used_at: int | None
    state: KeyState


@dataclass(frozen=True, slots=True)
class SigningRequest:
    """What one person is about to sign, fixed before it is shown to the key.

    Attributes:
        id: 32 hex digits, not guessable.
        person, uscc: who may sign it, acting for which organisation.
        subject: number of the batch or id of the case.
        key: id of the signing key; 0 while a key is being enrolled and for keys of the server.
        digests: 32 bytes each, in the order in which they are signed.
        payload: JSON-able; with the subject it makes the digests again. Nothing personal.
        done_at: None while it is open.
    """

    id: str
    person: int
    uscc: str
    act: Act
    subject: str
    key: int
    digests: tuple[bytes, ...]
    payload: Mapping[str, Any]
    created_at: int
    expires_at: int
    state: RequestState = RequestState.OPEN
    done_at: int | None = None


@dataclass(frozen=True, slots=True)
class RoleHeld:
    """A role of an issuer as the chain gave it last; `valid_until` is exclusive."""

    signer_id: bytes
    role: Role
    valid_from: int
    valid_until: int

    def is_good(self, now: int) -> bool:
        """Whether the role may be used now."""
        return self.valid_from <= now < self.valid_until


@dataclass(frozen=True, slots=True)
class Site:
    """The site that passkeys belong to.

    Attributes:
        origin: scheme, host and port as the browser says them, for instance https://ledger.example.gov.cn.
        rp_id: its host, which an authenticator keeps the keys of a site under.
    """

    origin: str
    rp_id: str
