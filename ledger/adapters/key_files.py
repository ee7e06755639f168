"""Private keys in files: PKCS#8 under scrypt, and who may read them.

`cryptography` reads PKCS#8 under scrypt but writes only PBKDF2, so this module writes the envelope
(RFC 7914 §7, RFC 8018 §6.2: PBES2 with scrypt and AES-256-CBC) and leaves the reading to it;
`openssl pkey -in FILE` reads it too. The vault's two symmetric keys are no PKCS#8 object: they lie
in a small JSON file under scrypt and AES-256-GCM.

Invariants: a file is 0600 in a folder of 0700, is never overwritten, and is on the disk before its
key is used; a file that others may read is refused.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from pathlib import Path

from cryptography.exceptions import InvalidTag, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt
from cryptography.hazmat.primitives.padding import PKCS7

from ledger.core.errors import ConflictError, InputError, NotFoundError, RefusedError
from ledger.core.jose import b64url_decode, b64url_encode, compact_json, strict_json_object
from ledger.ports import Entropy

# 16 MiB, five times over: as strong as OWASP's first choice (N 2^17, p 1), and inside the 32 MiB
# that the openssl command line grants a key derivation.
SCRYPT_N, SCRYPT_R, SCRYPT_P = 2**14, 8, 5
SALT_BYTES = 16
KEY_BYTES = 32  # AES-256
BLOCK_BYTES = 16
NONCE_BYTES = 12
FILE_MODE, FOLDER_MODE = 0o600, 0o700
OTHERS = stat.S_IRWXG | stat.S_IRWXO

_OID_PBES2 = bytes.fromhex("06092a864886f70d01050d")  # 1.2.840.113549.1.5.13
_OID_SCRYPT = bytes.fromhex("06092b06010401da47040b")  # 1.3.6.1.4.1.11591.4.11
_OID_AES_256_CBC = bytes.fromhex("060960864801650304012a")  # 2.16.840.1.101.3.4.1.42
_INTEGER, _OCTETS, _SEQUENCE = 0x02, 0x04, 0x30
_SHORT_LENGTH = 0x80


def path_of(uri: str) -> Path:
    """The file of a key URI.

    Raises: InputError(KEY_URI) unless it is `file:` and an absolute path.
    """
    scheme, _, rest = uri.partition(":")
    path = Path(rest)
    if scheme != "file" or not path.is_absolute():
        raise InputError("KEY_URI", "a key URI is file: and an absolute path", uri=uri)
    return path


def _der(tag: int, body: bytes) -> bytes:
    """One DER element (X.690 §8.1, definite length)."""
    if len(body) < _SHORT_LENGTH:
        return bytes([tag, len(body)]) + body
    length = len(body).to_bytes((len(body).bit_length() + 7) // 8, "big")
    return bytes([tag, _SHORT_LENGTH | len(length)]) + length + body


def _integer(value: int) -> bytes:
    return _der(_INTEGER, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def _derive(password: str, salt: bytes, scrypt_p: int) -> bytes:
    kdf = Scrypt(salt=salt, length=KEY_BYTES, n=SCRYPT_N, r=SCRYPT_R, p=scrypt_p)
    return kdf.derive(password.encode())


def encrypt_pkcs8(
    key: ec.EllipticCurvePrivateKey, password: str, entropy: Entropy, scrypt_p: int = SCRYPT_P
) -> bytes:
    """PEM `ENCRYPTED PRIVATE KEY` of a key; only tests take a smaller `scrypt_p`.

    Source: RFC 5958 §3 EncryptedPrivateKeyInfo, RFC 7914 §7.1 scrypt-params.
    """
    plain = key.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    salt, iv = entropy.token(SALT_BYTES), entropy.token(BLOCK_BYTES)
    padder = PKCS7(BLOCK_BYTES * 8).padder()
    padded = padder.update(plain) + padder.finalize()
    cipher = Cipher(algorithms.AES(_derive(password, salt, scrypt_p)), modes.CBC(iv)).encryptor()
    ciphertext = cipher.update(padded) + cipher.finalize()
    costs = _integer(SCRYPT_N) + _integer(SCRYPT_R) + _integer(scrypt_p) + _integer(KEY_BYTES)
    kdf = _der(_SEQUENCE, _OID_SCRYPT + _der(_SEQUENCE, _der(_OCTETS, salt) + costs))
    scheme = _der(_SEQUENCE, _OID_AES_256_CBC + _der(_OCTETS, iv))
    algorithm = _der(_SEQUENCE, _OID_PBES2 + _der(_SEQUENCE, kdf + scheme))
    return to_pem("ENCRYPTED PRIVATE KEY", _der(_SEQUENCE, algorithm + _der(_OCTETS, ciphertext)))


def to_pem(label: str, der: bytes) -> bytes:
    """RFC 7468 text of DER bytes."""
    text = b64url_encode(der).replace("-", "+").replace("_", "/")
    text += "=" * (-len(text) % 4)
    lines = [text[at : at + 64] for at in range(0, len(text), 64)]
    return "\n".join([f"-----BEGIN {label}-----", *lines, f"-----END {label}-----", ""]).encode("ascii")


def decrypt_pkcs8(
    pem: bytes, password: str, curve: type[ec.EllipticCurve], path: Path
) -> ec.EllipticCurvePrivateKey:
    """The key in a PEM file.

    Raises: InputError(KEY_FILE_BROKEN): not a key of this curve, or not encrypted;
        RefusedError(KEY_PASSWORD_WRONG).
    """
    if b"-----BEGIN ENCRYPTED PRIVATE KEY-----" not in pem:
        raise InputError("KEY_FILE_BROKEN", f"{path} holds no encrypted PKCS#8 key", path=str(path))
    try:
        key = serialization.load_pem_private_key(pem, password.encode())
    except UnsupportedAlgorithm as error:
        raise InputError("KEY_FILE_BROKEN", f"{path} holds an unknown kind of key", path=str(path)) from error
    except ValueError as error:
        # the cipher does not authenticate: damage and a wrong password look alike
        raise RefusedError(
            "KEY_PASSWORD_WRONG", f"the password does not open {path}, or the file is damaged", path=str(path)
        ) from error
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, curve):
        raise InputError("KEY_FILE_BROKEN", f"{path} holds no {curve.name} key", path=str(path))
    return key


def encrypt_secret(
    kind: str, secret: bytes, password: str, entropy: Entropy, scrypt_p: int = SCRYPT_P
) -> bytes:
    """JSON file of a symmetric secret: scrypt, AES-256-GCM, everything else authenticated."""
    salt, nonce = entropy.token(SALT_BYTES), entropy.token(NONCE_BYTES)
    clear = {
        "version": 1,
        "kind": kind,
        "kdf": {"name": "scrypt", "n": SCRYPT_N, "r": SCRYPT_R, "p": scrypt_p, "salt": b64url_encode(salt)},
        "cipher": {"name": "aes-256-gcm", "nonce": b64url_encode(nonce)},
    }
    sealed = AESGCM(_derive(password, salt, scrypt_p)).encrypt(nonce, secret, compact_json(clear))
    return compact_json({**clear, "sealed": b64url_encode(sealed)}) + b"\n"


def decrypt_secret(kind: str, data: bytes, password: str, path: Path) -> bytes:
    """The secret in such a file.

    Raises: InputError(KEY_FILE_BROKEN), RefusedError(KEY_PASSWORD_WRONG).
    """
    try:
        members = strict_json_object(data)
        sealed = b64url_decode(members.pop("sealed"))
        kdf, cipher = members["kdf"], members["cipher"]
        costs = (kdf["name"], kdf["n"], kdf["r"])
        salt, nonce, scrypt_p = b64url_decode(kdf["salt"]), b64url_decode(cipher["nonce"]), kdf["p"]
        known = (
            (members["version"], members["kind"], cipher["name"], costs)
            == (1, kind, "aes-256-gcm", ("scrypt", SCRYPT_N, SCRYPT_R))
            and type(scrypt_p) is int
            and 1 <= scrypt_p <= SCRYPT_P
        )
    except (InputError, KeyError, TypeError, AttributeError) as error:
        raise InputError("KEY_FILE_BROKEN", f"{path} is not a {kind} key file", path=str(path)) from error
    if not known or len(nonce) != NONCE_BYTES:
        raise InputError("KEY_FILE_BROKEN", f"{path} is not a {kind} key file of version 1", path=str(path))
    try:
        return AESGCM(_derive(password, salt, scrypt_p)).decrypt(nonce, sealed, compact_json(members))
    except InvalidTag as error:
        raise RefusedError(
            "KEY_PASSWORD_WRONG", f"the password does not open {path}, or the file is damaged", path=str(path)
        ) from error


def write_private(path: Path, data: bytes) -> None:
    """Writes a new private file, durable on return.

    Raises: ConflictError(KEY_EXISTS) if it is there: a key is never overwritten.
    """
    make_private_folder(path.parent)
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, FILE_MODE)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(beside, path)  # refuses an existing name, unlike a rename
        except FileExistsError as error:
            raise ConflictError("KEY_EXISTS", f"{path} is there already", path=str(path)) from error
    finally:
        beside.unlink()
    _sync_folder(path.parent)


def make_private_folder(folder: Path) -> None:
    """Makes a folder and what is missing above it, 0700 each; an existing one keeps its mode."""
    if not folder.is_dir():
        make_private_folder(folder.parent)
        folder.mkdir(mode=FOLDER_MODE, exist_ok=True)


def replace_file(path: Path, data: bytes) -> None:
    """Puts a public file in the place of an older one, whole or not at all."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    with beside.open("wb") as file:
        beside.chmod(FILE_MODE)
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def read_private(path: Path) -> bytes:
    """Bytes of a private file.

    Raises: NotFoundError(KEY_NOT_FOUND), RefusedError(KEY_FILE_OPEN_TO_OTHERS).
    """
    try:
        mode = path.stat().st_mode
        data = path.read_bytes()
    except FileNotFoundError as error:
        raise NotFoundError("KEY_NOT_FOUND", f"there is no key at {path}", path=str(path)) from error
    if mode & OTHERS:
        raise RefusedError(
            "KEY_FILE_OPEN_TO_OTHERS", f"{path} may be read by others; run: chmod 600 {path}", path=str(path)
        )
    return data


def certificates_pem(x5c: Sequence[bytes]) -> bytes:
    """PEM of DER certificates, leaf first."""
    return b"".join(to_pem("CERTIFICATE", der) for der in x5c)
