"""One suite for every signer; then the files: private, scrypt, unlocked once, readable by openssl."""

from __future__ import annotations

import shutil
import stat
import subprocess
from pathlib import Path
from typing import Any

import coincurve
import pytest
import sha3
from cryptography.hazmat.primitives import serialization
from eth_account import Account

from ledger.adapters import key_files
from ledger.adapters.pki import CertificateAuthority
from ledger.adapters.signer_file import (
    Keyring,
    create_chain_key,
    create_credential_key,
    create_vault_keys,
    load_certificates,
    save_certificates,
)
from ledger.adapters.signer_memory import MemoryChainSigner, MemoryCredentialSigner
from ledger.adapters.system import SystemEntropy
from ledger.core.errors import ConflictError, InputError, NotFoundError, RefusedError
from ledger.core.jose import jwk_thumbprint, verify_es256
from ledger.ports import ChainSigner, CredentialSigner

ENTROPY = SystemEntropy()
PASSWORD = "pässwörd 密码"
CURVE_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141


def uri(tmp_path: Path, name: str = "one") -> str:
    return f"file:{tmp_path}/keys/{name}/signing.key"


class Asked:
    """A password source that counts."""

    def __init__(self, password: str = PASSWORD) -> None:
        self.password = password
        self.uris: list[str] = []

    def __call__(self, uri: str) -> str:
        self.uris.append(uri)
        return self.password


@pytest.fixture(params=["memory", "created", "opened"])
def credential_signer(request: pytest.FixtureRequest, tmp_path: Path) -> CredentialSigner:
    if request.param == "memory":
        return MemoryCredentialSigner.generate()
    created = create_credential_key(uri(tmp_path), PASSWORD, ENTROPY, scrypt_p=1)
    return created if request.param == "created" else Keyring(Asked()).credential_signer(uri(tmp_path))


@pytest.fixture(params=["memory", "created", "opened"])
def chain_signer(request: pytest.FixtureRequest, tmp_path: Path) -> ChainSigner:
    if request.param == "memory":
        return MemoryChainSigner.generate()
    created = create_chain_key(uri(tmp_path), PASSWORD, ENTROPY, scrypt_p=1)
    return created if request.param == "created" else Keyring(Asked()).chain_signer(uri(tmp_path))


def test_es256(credential_signer: CredentialSigner) -> None:
    for message in (b"", b"abc", "汉".encode() * 3000):
        signature = credential_signer.sign(message)
        assert len(signature) == 64
        assert verify_es256(credential_signer.public_jwk, message, signature)
        assert not verify_es256(credential_signer.public_jwk, message + b"x", signature)
    assert credential_signer.thumbprint == jwk_thumbprint(credential_signer.public_jwk)
    assert set(credential_signer.public_jwk) == {"kty", "crv", "x", "y"}
    assert credential_signer.x5c == ()


def test_chain_signatures(chain_signer: ChainSigner) -> None:
    assert len(chain_signer.address) == 20
    assert chain_signer.signer_id == bytes(12) + chain_signer.address
    for number in range(20):
        digest = number.to_bytes(32, "big")
        signature = chain_signer.sign_digest(digest)
        assert len(signature) == 65
        assert signature[64] in {27, 28}
        assert int.from_bytes(signature[32:64], "big") <= CURVE_ORDER // 2
        recovered = coincurve.PublicKey.from_signature_and_message(
            signature[:64] + bytes([signature[64] - 27]), digest, hasher=None
        )
        assert MemoryChainSigner.from_secret(bytes([1] * 32)).address != chain_signer.address
        assert _address(recovered) == chain_signer.address
    with pytest.raises(RuntimeError):
        chain_signer.sign_digest(b"short")


def _address(key: coincurve.PublicKey) -> bytes:
    return bytes(sha3.keccak_256(key.format(compressed=False)[1:]).digest()[-20:])


def test_addresses_are_those_of_other_software() -> None:
    secret = bytes(range(1, 33))
    account = Account.from_key(secret)
    signer = MemoryChainSigner.from_secret(secret)
    assert signer.address == bytes.fromhex(account.address[2:])
    signed = account.unsafe_sign_hash(bytes(32))
    assert signer.sign_digest(bytes(32)) == bytes(signed.signature)


# --- files ---


def test_a_password_is_asked_for_once(tmp_path: Path) -> None:
    create_credential_key(uri(tmp_path, "a"), PASSWORD, ENTROPY, scrypt_p=1)
    create_chain_key(uri(tmp_path, "b"), PASSWORD, ENTROPY, scrypt_p=1)
    create_vault_keys(uri(tmp_path, "c"), PASSWORD, ENTROPY, scrypt_p=1)
    asked = Asked()
    keyring = Keyring(asked)
    for _ in range(3):
        keyring.credential_signer(uri(tmp_path, "a"))
        keyring.chain_signer(uri(tmp_path, "b"))
        keyring.vault_keys(uri(tmp_path, "c"))
    assert asked.uris == [uri(tmp_path, name) for name in "abc"]
    keyring.forget(uri(tmp_path, "a"))
    keyring.credential_signer(uri(tmp_path, "a"))
    assert len(asked.uris) == 4


def test_a_key_just_made_is_not_opened_again_and_knows_its_new_certificates(tmp_path: Path) -> None:
    asked = Asked()
    ring = Keyring(asked)
    made = create_credential_key(uri(tmp_path, "p256"), PASSWORD, ENTROPY, scrypt_p=1)
    chain = create_chain_key(uri(tmp_path, "chain"), PASSWORD, ENTROPY, scrypt_p=1)
    vault = create_vault_keys(uri(tmp_path, "vault"), PASSWORD, ENTROPY, scrypt_p=1)
    for name, key in (("p256", made), ("chain", chain), ("vault", vault)):
        ring.take(uri(tmp_path, name), key)
    assert ring.chain_signer(uri(tmp_path, "chain")).address == chain.address
    assert ring.vault_keys(uri(tmp_path, "vault")) is vault

    ring.read_certificates(uri(tmp_path, "nobody"))  # not open: they are read when it is opened
    authority = CertificateAuthority.new_root("CA", not_before=0, not_after=2**31, entropy=ENTROPY)
    leaf = authority.issue_leaf(
        made.public_jwk, name="A", uri="https://a.example", not_before=0, not_after=2**31, is_seal=False
    )
    save_certificates(uri(tmp_path, "p256"), (leaf,))
    ring.read_certificates(uri(tmp_path, "p256"))
    signer = ring.credential_signer(uri(tmp_path, "p256"))
    assert (signer.x5c, signer.thumbprint) == ((leaf,), made.thumbprint)
    assert verify_es256(made.public_jwk, b"text", signer.sign(b"text"))
    assert asked.uris == []


def test_files_and_folders_are_private(tmp_path: Path) -> None:
    create_credential_key(uri(tmp_path), PASSWORD, ENTROPY, scrypt_p=1)
    folder = tmp_path / "keys" / "one"
    assert [file.name for file in folder.iterdir()] == ["signing.key"]
    assert stat.S_IMODE((folder / "signing.key").stat().st_mode) == 0o600
    for path in (folder, folder.parent):
        assert stat.S_IMODE(path.stat().st_mode) == 0o700


@pytest.mark.parametrize("create", [create_credential_key, create_chain_key, create_vault_keys])
def test_a_key_is_never_overwritten(create: Any, tmp_path: Path) -> None:
    create(uri(tmp_path), PASSWORD, ENTROPY, scrypt_p=1)
    before = (tmp_path / "keys/one/signing.key").read_bytes()
    with pytest.raises(ConflictError) as error:
        create(uri(tmp_path), PASSWORD, ENTROPY, scrypt_p=1)
    assert error.value.code == "KEY_EXISTS"
    assert (tmp_path / "keys/one/signing.key").read_bytes() == before
    assert len(list((tmp_path / "keys/one").iterdir())) == 1


def test_the_costs_of_scrypt_are_written_down(tmp_path: Path) -> None:
    create_credential_key(uri(tmp_path), PASSWORD, ENTROPY)
    pem = (tmp_path / "keys/one/signing.key").read_bytes()
    assert pem.startswith(b"-----BEGIN ENCRYPTED PRIVATE KEY-----\n")
    openssl = shutil.which("openssl")
    assert (key_files.SCRYPT_N, key_files.SCRYPT_R, key_files.SCRYPT_P) == (2**14, 8, 5)
    if openssl:  # an independent reader where there is one; `cryptography` reads it in every run
        path = str(tmp_path / "keys/one/signing.key")
        shown = subprocess.run(
            [openssl, "asn1parse", "-in", path], capture_output=True, text=True, check=True
        )
        for part in ("PBES2", "scrypt", "INTEGER           :4000", "INTEGER           :05", "aes-256-cbc"):
            assert part in shown.stdout
        opened = subprocess.run(
            [openssl, "pkey", "-in", path, "-passin", f"pass:{PASSWORD}", "-pubout"],
            capture_output=True,
            check=True,
        )
        public = serialization.load_pem_public_key(opened.stdout)
        key = serialization.load_pem_private_key(pem, PASSWORD.encode())
        assert key.public_key() == public


@pytest.mark.parametrize("kind", ["credential_signer", "chain_signer", "vault_keys"])
def test_a_wrong_password_opens_nothing(kind: str, tmp_path: Path) -> None:
    create = {
        "credential_signer": create_credential_key,
        "chain_signer": create_chain_key,
        "vault_keys": create_vault_keys,
    }[kind]
    create(uri(tmp_path), PASSWORD, ENTROPY, scrypt_p=1)
    with pytest.raises(RefusedError) as error:
        getattr(Keyring(Asked("wrong")), kind)(uri(tmp_path))
    assert error.value.code == "KEY_PASSWORD_WRONG"
    assert PASSWORD not in str(error.value)


@pytest.mark.parametrize("kind", ["credential_signer", "chain_signer", "vault_keys"])
def test_what_is_no_key_file_is_told(kind: str, tmp_path: Path) -> None:
    key = create_chain_key(uri(tmp_path, "chain"), PASSWORD, ENTROPY, scrypt_p=1)
    assert key.uri == uri(tmp_path, "chain")
    create_credential_key(uri(tmp_path, "credential"), PASSWORD, ENTROPY, scrypt_p=1)
    wrong = {"credential_signer": "chain", "chain_signer": "credential", "vault_keys": "chain"}[kind]
    clear = tmp_path / "clear.key"
    clear.write_bytes(b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n")
    clear.chmod(0o600)
    empty = tmp_path / "empty.key"
    empty.touch(0o600)
    for bad in (uri(tmp_path, wrong), f"file:{clear}", f"file:{empty}"):
        with pytest.raises(InputError) as error:
            getattr(Keyring(Asked()), kind)(bad)
        assert error.value.code == "KEY_FILE_BROKEN"


def test_missing_open_and_misnamed_files(tmp_path: Path) -> None:
    create_credential_key(uri(tmp_path), PASSWORD, ENTROPY, scrypt_p=1)
    (tmp_path / "keys/one/signing.key").chmod(0o640)
    keyring = Keyring(Asked())
    for bad, kind, code in (
        (uri(tmp_path, "absent"), NotFoundError, "KEY_NOT_FOUND"),
        (uri(tmp_path), RefusedError, "KEY_FILE_OPEN_TO_OTHERS"),
        ("file:relative.key", InputError, "KEY_URI"),
        ("pkcs11:token=x", InputError, "KEY_URI"),
        ("", InputError, "KEY_URI"),
    ):
        with pytest.raises(kind) as error:
            keyring.credential_signer(bad)
        assert error.value.code == code


def test_a_changed_vault_file_is_refused(tmp_path: Path) -> None:
    create_vault_keys(uri(tmp_path), PASSWORD, ENTROPY, scrypt_p=1)
    path = tmp_path / "keys/one/signing.key"
    good = path.read_bytes()
    for old, new in (
        (b'"version":1', b'"version":2'),
        (b'"n":16384', b'"n":1024'),
        (b'"p":1', b'"p":99'),
        (b'"p":1', b'"p":1,"p":1'),
        (b'"sealed":"', b'"sealed":"="'),
        (b"aes-256-gcm", b"aes-256-cbc"),
    ):
        assert old in good
        path.write_bytes(good.replace(old, new))
        with pytest.raises(InputError) as error:
            Keyring(Asked()).vault_keys(uri(tmp_path))
        assert error.value.code == "KEY_FILE_BROKEN"
    path.write_bytes(good.replace(b'"version":1,', b'"version":1,"more":1,'))
    with pytest.raises(RefusedError):  # an added member is authenticated too
        Keyring(Asked()).vault_keys(uri(tmp_path))


def test_certificates_lie_beside_their_key(tmp_path: Path) -> None:
    term = {"not_before": 1_700_000_000, "not_after": 1_900_000_000}
    root = CertificateAuthority.new_root("根", **term, entropy=ENTROPY)
    agency = root.new_agency_ca("机构", **term)
    created = create_credential_key(uri(tmp_path), PASSWORD, ENTROPY, scrypt_p=1)
    x5c = tuple(
        agency.issue_leaf(created.public_jwk, name="示例", uri="https://a.example", **term) for _ in range(2)
    )
    for leaf in x5c:
        save_certificates(uri(tmp_path), (leaf, agency.certificate))
        assert load_certificates(uri(tmp_path)) == (leaf, agency.certificate)
        assert Keyring(Asked()).credential_signer(uri(tmp_path)).x5c == (leaf, agency.certificate)
    (tmp_path / "keys/one/signing.crt").write_bytes(b"nothing")
    with pytest.raises(InputError) as error:
        load_certificates(uri(tmp_path))
    assert error.value.code == "KEY_FILE_BROKEN"
