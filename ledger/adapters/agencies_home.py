"""Papers and service keys of this installation's agencies, out of the data directory (port Agencies)."""

from __future__ import annotations

from ledger.adapters.home_files import Home, HomeRecord
from ledger.adapters.signer_file import Keyring
from ledger.core.errors import NotFoundError
from ledger.ports import ChainSigner, CredentialSigner


class HomeAgencies:
    """Reads entries from `directory/` and unlocks keys once, when they are first needed.

    Args:
        home: the data directory.
        record: what is installed there.
        keyring: opens key files.
    """

    def __init__(self, home: Home, record: HomeRecord, keyring: Keyring) -> None:
        self._home = home
        self._record = record
        self._keyring = keyring

    def directory_entry(self, issuer: str) -> str:
        """Raises NotFoundError(ISSUER_UNKNOWN) when the entry's file is missing."""
        text = self._home.entry(issuer)
        if text is None:
            raise NotFoundError(
                "ISSUER_UNKNOWN", f"No directory entry of {issuer} in {self._home.directory}.", issuer=issuer
            )
        return text

    def credential_signer(self, issuer: str) -> CredentialSigner:
        """The key of purpose credential."""
        return self._keyring.credential_signer(self.uri(issuer, "credential"))

    def status_signer(self, issuer: str) -> CredentialSigner:
        """The key of purpose status: it signs the published lists."""
        return self._keyring.credential_signer(self.uri(issuer, "status"))

    def seal_signer(self, issuer: str) -> CredentialSigner:
        """The key of purpose seal: it seals printed pages."""
        return self._keyring.credential_signer(self.uri(issuer, "seal"))

    def operator(self, issuer: str) -> ChainSigner:
        """The service key that carries this issuer's transactions."""
        return self.chain_signer(issuer, "operator")

    def service(self, issuer: str) -> ChainSigner | None:
        """The key that makes batches under a standing approval, None when there is none."""
        self._record.agency(issuer)
        is_here = self._home.key_file(self._record, issuer, "service").exists()
        return self.chain_signer(issuer, "service") if is_here else None

    def chain_signer(self, issuer: str, who: str) -> ChainSigner:
        """Any chain key of the agency that lies in this installation."""
        return self._keyring.chain_signer(self.uri(issuer, who))

    def uri(self, owner: str, who: str) -> str:
        """The key URI of `<owner>/<who>`; the agency must be one of this installation."""
        self._record.agency(owner)
        return f"file:{self._home.key_file(self._record, owner, who)}"
