"""Makes key files and certificates after set-up: for new people, and when keys are changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ledger.adapters.home_files import PRIVATE_FOLDER, Agency
from ledger.adapters.pki import CertificateAuthority
from ledger.adapters.signer_file import create_chain_key, create_credential_key, save_certificates
from ledger.adapters.system import SystemEntropy
from ledger.bootstrap import Installation, load_trust
from ledger.bootstrap_init import LEAF_YEARS, YEAR_S
from ledger.core.errors import ConflictError, RefusedError
from ledger.core.flow import DAY_S
from ledger.core.x5c import leaf_facts, validate_path
from ledger.ports import ChainSigner, CredentialSigner, PasswordSource


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key file just made; `name` is "address" or "thumbprint"."""

    path: Path
    name: str
    value: str


def new_key(kind: str, folder: Path, password: PasswordSource) -> NewKey:
    """Make `signing.key` in a folder of its own.

    Args:
        kind: "chain" (secp256k1) or "credential" (P-256).
        folder: made when missing.
        password: asked for the new key's URI.

    Raises:
        ConflictError: KEY_EXISTS.
    """
    path = folder / "signing.key"
    uri = f"file:{path}"
    if path.exists():
        raise ConflictError("KEY_EXISTS", f"There is a key in {folder} already.", path=str(path))
    folder.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
    entropy = SystemEntropy()
    if kind == "chain":
        address = create_chain_key(uri, password(uri), entropy).address
        return NewKey(path, "address", "0x" + address.hex())
    thumbprint = create_credential_key(uri, password(uri), entropy).thumbprint
    return NewKey(path, "thumbprint", "0x" + thumbprint.hex())


def make_service_key(here: Installation, issuer: str, password: PasswordSource) -> ChainSigner:
    """The key that makes batches under a standing approval, made when it is not there yet."""
    uri = here.agencies.uri(issuer, "service")
    path = Path(uri.removeprefix("file:"))
    if not path.exists():
        path.parent.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
        create_chain_key(uri, password(uri), here.entropy)
    return here.keyring.chain_signer(uri)


def certify(
    here: Installation, agency: Agency, uri: str, authority: str | None, *, is_seal: bool = False
) -> CredentialSigner:
    """The signer of a P-256 key, with a certificate: if it has none, the agency's CA issues one.

    Args:
        here: the installation.
        agency: whose name and URL the certificate bears.
        uri: the key.
        authority: key URI of the agency's CA; None: the one in the data directory.
        is_seal: the key seals printed pages.

    Raises:
        InputError: X5C_* when no trust anchor of the trust file stands behind the certificate now.
        RefusedError: KEY_CERTIFICATE_OTHER when it is another key's or another agency's.
    """
    signer = here.keyring.credential_signer(uri)
    if signer.x5c:
        _require_certificate(here, agency, signer, signer.x5c, uri)
        return signer
    place = authority or f"file:{here.home.keys / agency.uscc / 'ca' / 'signing.key'}"
    ca = CertificateAuthority.load(place, here.passwords, here.entropy)
    start = here.clock.now() - DAY_S
    leaf = ca.issue_leaf(
        signer.public_jwk,
        name=agency.name_zh,
        uri=agency.iss,
        not_before=start,
        not_after=min(start + LEAF_YEARS * YEAR_S, leaf_facts(ca.certificate).not_after),
        is_seal=is_seal,
    )
    _require_certificate(here, agency, signer, (leaf, ca.certificate), uri)
    save_certificates(uri, (leaf, ca.certificate))
    here.keyring.forget(uri)
    return here.keyring.credential_signer(uri)


def _require_certificate(
    here: Installation, agency: Agency, signer: CredentialSigner, x5c: Sequence[bytes], uri: str
) -> None:
    """Verifiers would refuse everything that a key signs whose certificate fails here."""
    anchors = load_trust(here.home.trust_file).x509_anchors
    facts = validate_path(x5c, anchors, here.clock.now())
    if facts.thumbprint != signer.thumbprint or agency.iss not in facts.uris:
        path = uri.removeprefix("file:")
        raise RefusedError(
            "KEY_CERTIFICATE_OTHER",
            f"The certificate beside {path} is not this key's, or does not name {agency.iss}.",
            path=path,
            iss=agency.iss,
        )
    here.home.keep_leaf(facts.thumbprint, x5c[0])
