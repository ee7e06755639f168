"""No credential with an end outlives the certificate of the key that signs it.

Other SD-JWT VC verifiers judge that certificate at the time of checking: a credential that is good
for longer would be refused while it still is in force. Permanent credentials are another matter:
`ecert doctor` lists them before their certificate ends.
"""

from __future__ import annotations

from typing import Protocol

from ledger.core.claims import shanghai_day
from ledger.core.errors import RefusedError
from ledger.core.x5c import leaf_facts


class Certified(Protocol):
    """Whoever has certificates: a signer, or the certificates alone."""

    @property
    def x5c(self) -> tuple[bytes, ...]:
        """DER certificates, leaf first, without the root."""


class CertificateTerm:
    """How long the certificate of a credential key lasts.

    Args:
        signer: its certificates come with it; without any there is nothing to compare with.
    """

    def __init__(self, signer: Certified) -> None:
        self._not_after = leaf_facts(signer.x5c[0]).not_after if signer.x5c else None

    def require(self, exp: int | None, **place: int) -> None:
        """Refuse a credential that ends after the certificate.

        Args:
            exp: first second at which the credential is no longer valid; None for a permanent one.
            place: the row or batch, for the error's detail.

        Raises: RefusedError(KEY_CERTIFICATE_TOO_SHORT).
        """
        last = self._not_after  # inclusive (RFC 5280 §4.1.2.5)
        if exp is None or last is None or exp - 1 <= last:
            return
        ends = shanghai_day(last).isoformat()
        where = "".join(f" ({name} {number})" for name, number in place.items())
        raise RefusedError(  # says nothing of the credential's own end: dead letters keep these words
            "KEY_CERTIFICATE_TOO_SHORT",
            f"The certificate of the signing key ends on {ends}, but a credential{where} is to be good "
            "for longer: register a key whose certificate lasts longer.",
            ends=ends,
            **place,
        )
