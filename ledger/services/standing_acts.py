"""Standing approvals as something that people sign in the browser (services.signing_desk.OtherAct)."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from ledger.core.eip712 import Authorisation
from ledger.core.errors import NotFoundError, RefusedError
from ledger.services.standing import Revocation, Standing, StandingService


class RevokeStanding:
    """An approver takes back what he approved in advance; admins do so from the command line.

    Args:
        standing: the standing approvals.
    """

    def __init__(self, standing: StandingService) -> None:
        self._standing = standing

    def plan(self, uscc: str, subject: str, signer_id: bytes) -> dict[str, Any]:
        """The revocation with its nonce and end.

        Raises:
            NotFoundError: STANDING_UNKNOWN.
            RefusedError: STANDING_NOT_YOURS.
            ConflictError: STANDING_REVOKED.
        """
        found = standing_of(self._standing, {uscc}, subject)
        if found.terms.approver != signer_id:
            raise RefusedError(
                "STANDING_NOT_YOURS",
                "Its approver revokes a standing approval, or an admin on the command line.",
            )
        wanted = self._standing.revocation(found.terms.id, uscc, signer_id)
        return {
            "standing": wanted.standing_id.hex(),
            "issuer": wanted.issuer,
            "signer": wanted.signer.hex(),
            "nonce": hex(wanted.nonce),
            "deadline": wanted.deadline,
        }

    def structs(self, payload: Mapping[str, Any]) -> Sequence[Authorisation]:
        """One authorisation: the call's hash, the signer, the nonce and the end."""
        return (self._standing.revocation_struct(_wanted(payload)),)

    def digests(self, payload: Mapping[str, Any]) -> tuple[bytes, ...]:
        """Its digest, 32 bytes."""
        return (self._standing.revocation_digest(_wanted(payload)),)

    def keep(self, payload: Mapping[str, Any], signatures: Sequence[bytes]) -> None:
        """Queue the revocation, under the nonce that was signed."""
        self._standing.revoke(_wanted(payload), signatures[0])


def standing_of(standing: StandingService, usccs: Collection[str], text: str) -> Standing:
    """A standing approval of one of these issuers, named by 64 hex digits.

    Raises:
        NotFoundError: STANDING_UNKNOWN, also for another issuer's and for what names none.
    """
    for one in standing.standings():
        if one.terms.id.hex() == text and one.terms.issuer in usccs:
            return one
    raise NotFoundError("STANDING_UNKNOWN", "There is no such standing approval on chain (yet).")


def _wanted(payload: Mapping[str, Any]) -> Revocation:
    return Revocation(
        standing_id=bytes.fromhex(payload["standing"]),
        issuer=payload["issuer"],
        by=payload["issuer"],
        signer=bytes.fromhex(payload["signer"]),
        nonce=int(payload["nonce"], 16),
        deadline=payload["deadline"],
    )
