"""Signers whose keys lie in files: P-256 for credentials, secp256k1 for transactions.

A key URI is `file:/…/NAME.key`; the certificates of a credential key lie beside it in `NAME.crt`
(leaf first, without the root). A `Keyring` unlocks each file once and keeps the key in memory for
as long as the process lives: scrypt takes a tenth of a second, a signature fifty microseconds.

Warning: the key is in this process's memory. Who needs more takes a hardware module behind the
same port.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

import coincurve
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from ledger.adapters.key_files import (
    SCRYPT_P,
    certificates_pem,
    decrypt_pkcs8,
    decrypt_secret,
    encrypt_pkcs8,
    encrypt_secret,
    path_of,
    read_private,
    replace_file,
    write_private,
)
from ledger.adapters.signer_memory import MemoryChainSigner, MemoryCredentialSigner
from ledger.adapters.vault import SECRET_BYTES, VaultKeys
from ledger.core.errors import InputError
from ledger.ports import ChainSigner, CredentialSigner, Entropy, PasswordSource

VAULT_KIND = "vault"


class FileCredentialSigner:
    """ES256 with a key from a file (port CredentialSigner)."""

    def __init__(self, uri: str, key: ec.EllipticCurvePrivateKey, x5c: Sequence[bytes]) -> None:
        self.uri = uri
        self._key = key
        self._signer = MemoryCredentialSigner(key, x5c)

    def with_x5c(self, x5c: Sequence[bytes]) -> FileCredentialSigner:
        """The same key under other certificates."""
        return FileCredentialSigner(self.uri, self._key, x5c)

    @property
    def thumbprint(self) -> bytes:
        """RFC 7638 thumbprint, 32 bytes."""
        return self._signer.thumbprint

    @property
    def public_jwk(self) -> Mapping[str, str]:
        """kty, crv, x, y."""
        return self._signer.public_jwk

    @property
    def x5c(self) -> tuple[bytes, ...]:
        """DER certificates, leaf first; empty before the first certificate was saved."""
        return self._signer.x5c

    def sign(self, message: bytes) -> bytes:
        """64 bytes r ‖ s over SHA-256 of `message`."""
        return self._signer.sign(message)


class FileChainSigner:
    """secp256k1 with a key from a file (port ChainSigner)."""

    def __init__(self, uri: str, secret: bytes) -> None:
        self.uri = uri
        self._signer = MemoryChainSigner(secret)

    @property
    def address(self) -> bytes:
        """20 bytes."""
        return self._signer.address

    @property
    def signer_id(self) -> bytes:
        """32 bytes: the address, left-padded."""
        return self._signer.signer_id

    def sign_digest(self, digest: bytes) -> bytes:
        """65 bytes r ‖ s ‖ v."""
        return self._signer.sign_digest(digest)


FileKey = FileCredentialSigner | FileChainSigner | VaultKeys


class Keyring:
    """Opens key files, asking for each password once in the life of the process. Thread-safe."""

    def __init__(self, password: PasswordSource) -> None:
        self._password = password
        self._lock = threading.Lock()
        self._credential: dict[str, FileCredentialSigner] = {}
        self._chain: dict[str, FileChainSigner] = {}
        self._vault: dict[str, VaultKeys] = {}

    def credential_signer(self, uri: str) -> CredentialSigner:
        """The P-256 signer of a key URI.

        Raises: InputError(KEY_URI, KEY_FILE_BROKEN), NotFoundError(KEY_NOT_FOUND),
            RefusedError(KEY_PASSWORD_WRONG, KEY_FILE_OPEN_TO_OTHERS).
        """
        with self._lock:
            if uri not in self._credential:
                path = path_of(uri)
                key = decrypt_pkcs8(read_private(path), self._password(uri), ec.SECP256R1, path)
                self._credential[uri] = FileCredentialSigner(uri, key, load_certificates(uri))
            return self._credential[uri]

    def chain_signer(self, uri: str) -> ChainSigner:
        """The secp256k1 signer of a key URI; errors as `credential_signer`."""
        with self._lock:
            if uri not in self._chain:
                path = path_of(uri)
                key = decrypt_pkcs8(read_private(path), self._password(uri), ec.SECP256K1, path)
                self._chain[uri] = FileChainSigner(uri, _secret_of(key))
            return self._chain[uri]

    def vault_keys(self, uri: str) -> VaultKeys:
        """The vault's key-encryption and index keys; errors as `credential_signer`."""
        with self._lock:
            if uri not in self._vault:
                path = path_of(uri)
                secret = decrypt_secret(VAULT_KIND, read_private(path), self._password(uri), path)
                self._vault[uri] = VaultKeys.from_secret(secret)
            return self._vault[uri]

    def take(self, uri: str, made: FileKey) -> None:
        """A key that this process has just made: it need not be opened again."""
        with self._lock:
            if isinstance(made, FileCredentialSigner):
                self._credential[uri] = made
            elif isinstance(made, FileChainSigner):
                self._chain[uri] = made
            else:
                self._vault[uri] = made

    def read_certificates(self, uri: str) -> None:
        """The certificates beside an open credential key are others now.

        Raises: InputError(KEY_FILE_BROKEN).
        """
        with self._lock:
            if uri in self._credential:
                self._credential[uri] = self._credential[uri].with_x5c(load_certificates(uri))

    def forget(self, uri: str) -> None:
        """Drops a signer, so that new certificates or a new password are read."""
        with self._lock:
            self._credential.pop(uri, None)
            self._chain.pop(uri, None)
            self._vault.pop(uri, None)


def create_credential_key(
    uri: str, password: str, entropy: Entropy, *, scrypt_p: int = SCRYPT_P
) -> FileCredentialSigner:
    """Makes a P-256 key file.

    Raises: InputError(KEY_URI), ConflictError(KEY_EXISTS).
    """
    key = ec.generate_private_key(ec.SECP256R1())
    write_private(path_of(uri), encrypt_pkcs8(key, password, entropy, scrypt_p))
    return FileCredentialSigner(uri, key, ())


def create_chain_key(
    uri: str, password: str, entropy: Entropy, *, scrypt_p: int = SCRYPT_P
) -> FileChainSigner:
    """Makes a secp256k1 key file; errors as `create_credential_key`."""
    key = ec.generate_private_key(ec.SECP256K1())
    write_private(path_of(uri), encrypt_pkcs8(key, password, entropy, scrypt_p))
    return FileChainSigner(uri, _secret_of(key))


def create_vault_keys(uri: str, password: str, entropy: Entropy, *, scrypt_p: int = SCRYPT_P) -> VaultKeys:
    """Makes the vault's key file; errors as `create_credential_key`."""
    secret = entropy.token(SECRET_BYTES)
    write_private(path_of(uri), encrypt_secret(VAULT_KIND, secret, password, entropy, scrypt_p))
    return VaultKeys.from_secret(secret)


def save_certificates(uri: str, x5c: Sequence[bytes]) -> None:
    """Puts the certificates of a credential key beside it, leaf first, replacing older ones."""
    replace_file(certificates_path(uri), certificates_pem(x5c))


def certificates_path(uri: str) -> Path:
    """Where the certificates of a key lie."""
    return path_of(uri).with_suffix(".crt")


def load_certificates(uri: str) -> tuple[bytes, ...]:
    """DER certificates of a key, leaf first; empty when there are none.

    Raises: InputError(KEY_FILE_BROKEN).
    """
    path = certificates_path(uri)
    if not path.exists():
        return ()
    try:
        certificates = x509.load_pem_x509_certificates(path.read_bytes())
    except ValueError as error:
        raise InputError("KEY_FILE_BROKEN", f"{path} holds no certificates", path=str(path)) from error
    return tuple(item.public_bytes(serialization.Encoding.DER) for item in certificates)


def _secret_of(key: ec.EllipticCurvePrivateKey) -> bytes:
    return coincurve.PrivateKey.from_int(key.private_numbers().private_value).secret
