"""Standing approvals as something that people sign in the browser (services.signing_desk.OtherAct)."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from ledger.core.eip712 import Authorisation, Domain, StandingApproval
from ledger.core.errors import InputError, NotFoundError, RefusedError
from ledger.services.standing import Revocation, Standing, StandingService, require_service

SUBJECT_PARTS = 5


def grant_subject(type_id: int, limits: tuple[int, int, int], valid_until: int) -> str:
    """What is asked for as the subject of a signing request: type, limits of the three acts, end."""
    return ":".join(str(number) for number in (type_id, *limits, valid_until))


class GrantStanding:
    """An approver approves in advance, within daily limits.

    Args:
        standing: the standing approvals.
        require_type: raises when the issuer may not issue this type now.
    """

    def __init__(self, standing: StandingService, require_type: Callable[[str, int], None]) -> None:
        self._standing = standing
        self._require_type = require_type

    @property
    def domain(self) -> Domain:
        """The credential ledger's."""
        return self._standing.domain

    def plan(self, uscc: str, subject: str, signer_id: bytes) -> dict[str, Any]:
        """The terms with their nonce, beginning now.

        Raises:
            InputError: STANDING_SUBJECT, STANDING_LIMIT, STANDING_TOO_LONG.
            RefusedError: NO_SERVICE_KEY, TYPE_NOT_GRANTED.
        """
        parts = subject.split(":")
        if len(parts) != SUBJECT_PARTS or not all(part.isdigit() for part in parts):
            raise InputError("STANDING_SUBJECT", "A type, three limits and an end are wanted.")
        type_id, anchor, supersede, use, valid_until = (int(part) for part in parts)
        require_service(self._standing.keys, uscc)
        self._require_type(uscc, type_id)
        terms = self._standing.draft(
            uscc,
            type_id,
            approver=signer_id,
            anchor_limit=anchor,
            supersede_limit=supersede,
            use_limit=use,
            valid_until=valid_until,
        )
        return {
            "issuer": terms.issuer,
            "type_id": terms.type_id,
            "acts": terms.acts,
            "limits": [terms.anchor_limit, terms.supersede_limit, terms.use_limit],
            "valid_from": terms.valid_from,
            "valid_until": terms.valid_until,
            "approver": terms.approver.hex(),
            "nonce": hex(terms.nonce),
        }

    def structs(self, payload: Mapping[str, Any]) -> Sequence[StandingApproval]:
        """The terms themselves."""
        return (_terms(payload),)

    def digests(self, payload: Mapping[str, Any]) -> tuple[bytes, ...]:
        """Their digest, 32 bytes, which is the approval's id."""
        return (self._standing.digest(_terms(payload)),)

    def keep(self, payload: Mapping[str, Any], signatures: Sequence[bytes]) -> None:
        """Queue the registration."""
        self._standing.register(_terms(payload), signatures[0])


class RevokeStanding:
    """An approver takes back what he approved in advance.

    Args:
        standing: the standing approvals.
    """

    def __init__(self, standing: StandingService) -> None:
        self._standing = standing

    @property
    def domain(self) -> Domain:
        """The credential ledger's."""
        return self._standing.domain

    def plan(self, uscc: str, subject: str, signer_id: bytes) -> dict[str, Any]:
        """The revocation with its nonce and end.

        Raises:
            NotFoundError: STANDING_UNKNOWN.
            RefusedError: STANDING_NOT_YOURS.
            ConflictError: STANDING_REVOKED.
        """
        found = standing_of(self._standing, {uscc}, subject)
        if found.terms.approver != signer_id:
            raise RefusedError("STANDING_NOT_YOURS", "Its approver revokes a standing approval, or an admin.")
        return _payload(self._standing.revocation(found.terms.id, uscc, signer_id))

    def structs(self, payload: Mapping[str, Any]) -> Sequence[Authorisation]:
        """One authorisation: the call's hash, the signer, the nonce and the end."""
        return (self._standing.revocation_struct(_wanted(payload)),)

    def digests(self, payload: Mapping[str, Any]) -> tuple[bytes, ...]:
        """Its digest, 32 bytes."""
        return (self._standing.revocation_digest(_wanted(payload)),)

    def keep(self, payload: Mapping[str, Any], signatures: Sequence[bytes]) -> None:
        """Queue the revocation, under the nonce that was signed."""
        wanted = _wanted(payload)
        self._standing.revoke(wanted, signatures[0], carrier=wanted.by)


class AdminRevokeStanding(RevokeStanding):
    """An admin of the agency, or of one above it, takes a standing approval back: one is enough (IIssuerRegistry).

    Args:
        standing: the standing approvals.
        below: an agency and all below it.
    """

    def __init__(self, standing: StandingService, below: Callable[[str], Collection[str]]) -> None:
        super().__init__(standing)
        self._below = below

    def plan(self, uscc: str, subject: str, signer_id: bytes) -> dict[str, Any]:
        """As RevokeStanding, for the agency's own and those of agencies below. Raises: the same but NOT_YOURS."""
        found = standing_of(self._standing, self._below(uscc), subject)
        return _payload(self._standing.revocation(found.terms.id, uscc, signer_id))


def standing_of(standing: StandingService, usccs: Collection[str], text: str) -> Standing:
    """A standing approval of one of these issuers, named by 64 hex digits.

    Raises:
        NotFoundError: STANDING_UNKNOWN, also for another issuer's and for what names none.
    """
    for one in standing.standings():
        if one.terms.id.hex() == text and one.terms.issuer in usccs:
            return one
    raise NotFoundError("STANDING_UNKNOWN", "There is no such standing approval on chain (yet).")


def _terms(payload: Mapping[str, Any]) -> StandingApproval:
    anchor, supersede, use = payload["limits"]
    return StandingApproval(
        issuer=payload["issuer"],
        type_id=payload["type_id"],
        acts=payload["acts"],
        anchor_limit=anchor,
        supersede_limit=supersede,
        use_limit=use,
        valid_from=payload["valid_from"],
        valid_until=payload["valid_until"],
        approver=bytes.fromhex(payload["approver"]),
        nonce=int(payload["nonce"], 16),
    )


def _payload(wanted: Revocation) -> dict[str, Any]:
    return {
        "standing": wanted.standing_id.hex(),
        "issuer": wanted.issuer,
        "by": wanted.by,
        "signer": wanted.signer.hex(),
        "nonce": hex(wanted.nonce),
        "deadline": wanted.deadline,
    }


def _wanted(payload: Mapping[str, Any]) -> Revocation:
    return Revocation(
        standing_id=bytes.fromhex(payload["standing"]),
        issuer=payload["issuer"],
        by=payload.get("by", payload["issuer"]),  # a request of an earlier version had none
        signer=bytes.fromhex(payload["signer"]),
        nonce=int(payload["nonce"], 16),
        deadline=payload["deadline"],
    )
