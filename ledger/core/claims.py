"""From a checked row to the claims of a credential: what stands in clear, what the holder may withhold.

Shape: docs/formats.md, Credential. Times are days in Asia/Shanghai, because a second is a fingerprint.
The wire format adds `_sd` and `_sd_alg`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any, Final

from ledger.core.credential_type import IDENTIFIER_CLAIM, PROOF_NO_CLAIM, CredentialType
from ledger.core.errors import InputError

_SHANGHAI_S: Final = 8 * 3600  # UTC+8; no summer time since 1991, none in the years that we issue
_DAY_S: Final = 86_400
_EPOCH: Final = date(1970, 1, 1)

Fields = Mapping[str, str | int]


def day_start(day: date) -> int:
    """00:00 of a day in Asia/Shanghai, in seconds since 1970 UTC."""
    return (day - _EPOCH).days * _DAY_S - _SHANGHAI_S


def shanghai_day(seconds: int) -> date:
    """The day in Asia/Shanghai at a moment given in seconds since 1970 UTC."""
    return _EPOCH + timedelta(days=(seconds + _SHANGHAI_S) // _DAY_S)


class ClaimBuilder:
    """Makes the claims of every row of a batch; what all rows share is computed once."""

    def __init__(
        self, credential_type: CredentialType, *, issuer_code: str, iss: str, issued_on: date
    ) -> None:
        """Fixes the batch's part.

        Args:
            credential_type: what is issued.
            issuer_code: USCC of the issuer.
            iss: https URL of the agency, as in its certificate.
            issued_on: issue day, Asia/Shanghai.
        """
        self._type = credential_type
        self._is_for_people = credential_type.is_for_people
        self._always = tuple(f.key for f in credential_type.fields if f.disclosure == "always")
        self._consent = tuple(f.key for f in credential_type.fields if f.disclosure != "always")
        self._derivers = credential_type.derivers
        self._end_field = credential_type.validity.field
        self._iat = day_start(issued_on)
        days = credential_type.validity.days
        self._exp = None if days is None else self._iat + (days + 1) * _DAY_S
        self._common = {
            "iss": iss,
            "issuer_code": issuer_code,
            "vct": credential_type.vct,
            "iat": self._iat,
        }

    def expiry(self, fields: Fields) -> int | None:
        """First second at which the credential is no longer valid, None for a permanent one.

        P<n>D ends 24:00 of the n-th day after the issue day; a date field ends 24:00 of its day.

        Raises: InputError TERM_ENDED when the term ends before the issue day.
        """
        if self._end_field is None:
            return self._exp
        last_day = fields.get(self._end_field)
        if last_day is None:
            return None
        end = day_start(date.fromisoformat(str(last_day))) + _DAY_S
        if end <= self._iat:
            raise InputError("TERM_ENDED", "The term ends before the issue day.", field=self._end_field)
        return end

    def build(
        self,
        fields: Fields,
        *,
        list_uri: str,
        idx: int,
        identifier: str,
        proof_no: str,
        holder_jwk: Mapping[str, str] | None = None,
    ) -> tuple[dict[str, Any], list[tuple[str, Any]]]:
        """(claims in clear, disclosable claims) of one credential.

        Args:
            fields: canonical fields of a row without errors.
            list_uri: address of the status list.
            idx: index in that list.
            identifier: licence identifier (证照标识).
            proof_no: number of the proof or licence, as printed.
            holder_jwk: public key of the holder, if there is one.
        Raises: InputError TERM_ENDED.
        """
        payload: dict[str, Any] = dict(self._common)
        exp = self._exp if self._end_field is None else self.expiry(fields)
        if exp is not None:
            payload["exp"] = exp
        payload["status"] = {"status_list": {"idx": idx, "uri": list_uri}}
        if holder_jwk is not None:
            payload["cnf"] = {"jwk": dict(holder_jwk)}
        for key in self._always:
            if key in fields:
                payload[key] = fields[key]
        disclosable: list[tuple[str, Any]] = [(key, fields[key]) for key in self._consent if key in fields]
        for derive_one in self._derivers:
            answer = derive_one(fields)
            if answer is not None:
                disclosable.append(answer)
        if self._is_for_people:
            disclosable.append((IDENTIFIER_CLAIM, identifier))
            disclosable.append((PROOF_NO_CLAIM, proof_no))
        else:
            payload[IDENTIFIER_CLAIM] = identifier
            payload[PROOF_NO_CLAIM] = proof_no
        return payload, disclosable


def build_claims(
    credential_type: CredentialType,
    fields: Fields,
    *,
    issuer_code: str,
    iss: str,
    issued_on: date,
    list_uri: str,
    idx: int,
    identifier: str,
    proof_no: str,
    holder_jwk: Mapping[str, str] | None = None,
) -> tuple[dict[str, Any], list[tuple[str, Any]]]:
    """ClaimBuilder for a single credential. Raises: InputError TERM_ENDED."""
    builder = ClaimBuilder(credential_type, issuer_code=issuer_code, iss=iss, issued_on=issued_on)
    return builder.build(
        fields, list_uri=list_uri, idx=idx, identifier=identifier, proof_no=proof_no, holder_jwk=holder_jwk
    )
