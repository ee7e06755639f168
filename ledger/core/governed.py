"""What governance looks like afterwards: deeds, proposals that wait, resets that are announced.

Each is what one event of the contracts says; nothing here is stored, a chain with the same events gives
the same values. Times are seconds since 1970 UTC, an issuer is its USCC, signer ids are 32 bytes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from ledger.core.model import BlockRef

ProposalState = Literal["open", "accepted", "cancelled"]

REGISTRY_DEEDS = frozenset(
    {
        "IssuerAdmitted", "IssuerDissolved", "DirectorySet", "TypeGranted", "GrantWithdrawn", "KeyRegistered",
        "KeyRetired", "KeyCompromised", "RoleSet", "ActProposed", "ActAccepted", "ActCancelled",
        "ResetScheduled", "ResetCancelled", "RolesReset",
    }
)  # fmt: skip
STANDING_DEEDS = frozenset({"StandingRegistered", "StandingRevoked"})
BATCH_DEEDS = frozenset({"BatchAnchored", "BatchImported", "BatchWithdrawn", "StatusChanged"})
DEEDS = REGISTRY_DEEDS | STANDING_DEEDS | {"BatchWithdrawn", "LedgerHandedOver"}
"""Events of governance: few, also on a ledger with a million batches."""


@dataclass(frozen=True, slots=True)
class Deed:
    """One event in the life of an issuer.

    Attributes:
        name: the event's name in the contracts' interfaces.
        issuer: about whom.
        by: the agency that acted; None when nobody's admins did (governance, founding, anybody).
        args: the event's values under their Solidity names.
        signers: signer ids that stood for it: proposer and accepter of an act of two admins, maker and
            approver of a batch, or the one who signed; empty when the event names nobody.
        block: where it happened.
        tx_hash: 32 bytes.
        log_index: orders deeds of one block.
    """

    name: str
    issuer: str
    by: str | None
    args: Mapping[str, object]
    signers: tuple[bytes, ...]
    block: BlockRef
    tx_hash: bytes
    log_index: int


@dataclass(frozen=True, slots=True)
class Proposal:
    """An act that one admin proposed. `decided_*` are set once it was accepted or cancelled."""

    number: int
    by: str
    proposer: bytes
    act_hash: bytes
    made_at: int
    expires_at: int
    tx_hash: bytes
    state: ProposalState = "open"
    decided_by: bytes | None = None
    decided_at: int | None = None
    decided_tx: bytes | None = None

    def is_open(self, now: int) -> bool:
        """Whether another admin may still accept it."""
        return self.state == "open" and now < self.expires_at


@dataclass(frozen=True, slots=True)
class Reset:
    """A reset of an issuer's roles that is announced and not yet carried out. `by` None: governance, of the root."""

    issuer: str
    by: str | None
    admin1: bytes
    admin2: bytes
    announced_at: int
    ready_at: int
    tx_hash: bytes
