"""Certificate paths and their lies, judged at a chosen time."""

from __future__ import annotations

import base64
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from ledger.adapters.pki import CertificateAuthority
from ledger.adapters.signer_memory import MemoryCredentialSigner
from ledger.adapters.system import SystemEntropy
from ledger.core.errors import InputError
from ledger.core.x5c import leaf_facts, validate_path, x5c_of

START, END, LEAF_END, AT = 1_700_000_000, 1_900_000_000, 1_800_000_000, 1_750_000_000
ISS = "https://gjj.demo.example"
ENTROPY = SystemEntropy()
ROOT = CertificateAuthority.new_root("示例根", not_before=START, not_after=END, entropy=ENTROPY)
AGENCY = ROOT.new_agency_ca("示例机构", not_before=START, not_after=END)
SIGNER = MemoryCredentialSigner.generate()
LEAF = AGENCY.issue_leaf(SIGNER.public_jwk, name="示例", uri=ISS, not_before=START, not_after=LEAF_END)
ANCHORS = (ROOT.certificate,)
PATH = (LEAF, AGENCY.certificate)


def name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


class Forge:
    """Certificates with any fault."""

    def __init__(self) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())

    def make(
        self,
        subject: str,
        *,
        signer: Forge | None = None,
        issuer: str | None = None,
        extensions: tuple[tuple[x509.ExtensionType, bool], ...] = (),
        key: Any = None,
        digest: Any = None,
        term: tuple[int, int] = (START, END),
    ) -> bytes:
        builder = (
            x509.CertificateBuilder()
            .subject_name(name(subject))
            .issuer_name(name(issuer or subject))
            .public_key(key or self.key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(datetime.fromtimestamp(term[0], UTC))
            .not_valid_after(datetime.fromtimestamp(term[1], UTC))
        )
        for extension, critical in extensions:
            builder = builder.add_extension(extension, critical)
        signed = builder.sign((signer or self).key, digest or hashes.SHA256())
        return signed.public_bytes(serialization.Encoding.DER)


def usage(*, signs: bool) -> x509.KeyUsage:
    return x509.KeyUsage(not signs, False, False, False, False, signs, False, False, False)


CA = (x509.BasicConstraints(True, None), True)
CERT_SIGN = (usage(signs=True), True)
SAN = (x509.SubjectAlternativeName([x509.UniformResourceIdentifier(ISS)]), False)


def forged(
    *,
    root: tuple[Any, ...] = (CA, CERT_SIGN),
    agency: tuple[Any, ...] = (CA, CERT_SIGN),
    leaf: tuple[Any, ...] = (SAN,),
    **leaf_changes: Any,
) -> tuple[tuple[bytes, ...], tuple[bytes, ...]]:
    """Path and anchors."""
    top, middle, bottom = Forge(), Forge(), Forge()
    path = (
        bottom.make("leaf", signer=middle, issuer="agency", extensions=leaf, **leaf_changes),
        middle.make("agency", signer=top, issuer="root", extensions=agency),
    )
    return path, (top.make("root", extensions=root),)


def code_of(path: Any, anchors: Any = ANCHORS, at: int = AT) -> str:
    with pytest.raises(InputError) as error:
        validate_path(path, anchors, at)
    return error.value.code


def test_a_good_path_tells_whose_key_it_is() -> None:
    facts = validate_path(PATH, ANCHORS, AT)
    assert facts == leaf_facts(LEAF)
    assert dict(facts.public_jwk) == dict(SIGNER.public_jwk)
    assert facts.thumbprint == SIGNER.thumbprint
    assert facts.uris == (ISS,)
    assert (facts.not_before, facts.not_after) == (START, LEAF_END)


def test_the_root_may_come_along_and_anchors_may_be_many() -> None:
    other = CertificateAuthority.new_root("示例根", not_before=START, not_after=END, entropy=ENTROPY)
    assert validate_path((*PATH, ROOT.certificate), ANCHORS, AT)
    assert validate_path(PATH, (other.certificate, ROOT.certificate), AT)
    assert validate_path((LEAF,), (AGENCY.certificate,), AT)


def test_a_path_ends_at_the_first_certificate_that_is_an_anchor() -> None:
    """A verifier may trust an agency's CA alone; its own root may come along without being trusted."""
    whole = (*PATH, ROOT.certificate)
    assert validate_path(whole, (AGENCY.certificate,), AT) == leaf_facts(LEAF)
    stranger = Forge().make("nobody", extensions=(CA, CERT_SIGN))
    assert validate_path((*PATH, stranger), (AGENCY.certificate,), AT) == leaf_facts(LEAF)
    forged_leaf = Forge().make("leaf", issuer="agency", extensions=(SAN,))
    path = (forged_leaf, AGENCY.certificate, ROOT.certificate)
    assert code_of(path, (AGENCY.certificate,)) == "X5C_NAME_MISMATCH"


@pytest.mark.parametrize("at", [START, LEAF_END])
def test_both_ends_are_inside(at: int) -> None:
    assert validate_path(PATH, ANCHORS, at)


def test_time_is_the_anchors() -> None:
    assert code_of(PATH, at=LEAF_END + 1) == "X5C_EXPIRED_AT_ANCHOR"
    assert code_of(PATH, at=START - 1) == "X5C_NOT_YET_VALID_AT_ANCHOR"
    short = ROOT.new_agency_ca("短", not_before=START, not_after=AT - 1)
    leaf = short.issue_leaf(SIGNER.public_jwk, name="示例", uri=ISS, not_before=START, not_after=LEAF_END)
    assert code_of((leaf, short.certificate)) == "X5C_EXPIRED_AT_ANCHOR"


def test_forged_paths_are_good_without_a_fault() -> None:
    path, anchors = forged()
    assert validate_path(path, anchors, AT).uris == (ISS,)


def stranger() -> tuple[Any, Any]:
    path, _ = forged()
    return path, ANCHORS


def same_name() -> tuple[Any, Any]:
    twin = CertificateAuthority.new_root("示例根", not_before=START, not_after=END, entropy=ENTROPY)
    return PATH, (twin.certificate,)


def mixed() -> tuple[Any, Any]:
    (leaf, _), _ = forged()
    (_, agency), anchors = forged()
    return (leaf, agency), anchors


def flipped() -> tuple[Any, Any]:
    return (LEAF[:-1] + bytes([LEAF[-1] ^ 1]), AGENCY.certificate), ANCHORS


P384 = ec.generate_private_key(ec.SECP384R1()).public_key()
UNKNOWN = (x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\x05\x00"), True)
NAMES = (x509.NameConstraints(permitted_subtrees=[x509.DNSName("example")], excluded_subtrees=None), True)
LIES: dict[str, tuple[Callable[[], tuple[Any, Any]], str]] = {
    "no certificates": (lambda: ((), ANCHORS), "X5C_MISSING"),
    "six certificates": (lambda: (PATH * 3, ANCHORS), "X5C_TOO_LONG"),
    "not a certificate": (lambda: ((b"nonsense",), ANCHORS), "X5C_NOT_CERTIFICATE"),
    "trailing byte": (lambda: ((LEAF + b"\x00", AGENCY.certificate), ANCHORS), "X5C_NOT_CERTIFICATE"),
    "no anchors": (lambda: (PATH, ()), "X5C_UNKNOWN_ROOT"),
    "a stranger's root": (stranger, "X5C_UNKNOWN_ROOT"),
    "another root of the same name": (same_name, "X5C_UNKNOWN_ROOT"),
    "authority left out": (lambda: ((LEAF,), ANCHORS), "X5C_UNKNOWN_ROOT"),
    "wrong order": (lambda: ((AGENCY.certificate, LEAF), ANCHORS), "X5C_UNKNOWN_ROOT"),
    "leaf of another authority, same name": (mixed, "X5C_BAD_SIGNATURE"),
    "a certificate in between": (
        lambda: ((LEAF, ROOT.certificate, AGENCY.certificate), ANCHORS),
        "X5C_NAME_MISMATCH",
    ),
    "flipped bit": (flipped, "X5C_BAD_SIGNATURE"),
    "authority without basicConstraints": (lambda: forged(agency=(CERT_SIGN,)), "X5C_NOT_CA"),
    "authority that is none": (
        lambda: forged(agency=((x509.BasicConstraints(False, None), True), CERT_SIGN)),
        "X5C_NOT_CA",
    ),
    "authority that may not sign": (lambda: forged(agency=(CA, (usage(signs=False), True))), "X5C_KEY_USAGE"),
    "authority without keyUsage": (lambda: forged(agency=(CA,)), "X5C_KEY_USAGE"),
    "root with path length 0": (
        lambda: forged(root=((x509.BasicConstraints(True, 0), True), CERT_SIGN)),
        "X5C_PATH_LENGTH",
    ),
    "unknown critical extension in the leaf": (lambda: forged(leaf=(SAN, UNKNOWN)), "X5C_CRITICAL_UNKNOWN"),
    "unknown critical extension above": (
        lambda: forged(agency=(CA, CERT_SIGN, UNKNOWN)),
        "X5C_CRITICAL_UNKNOWN",
    ),
    "name constraints": (lambda: forged(agency=(CA, CERT_SIGN, NAMES)), "X5C_CRITICAL_UNKNOWN"),
    "leaf is an authority": (lambda: forged(leaf=(CA, SAN)), "X5C_LEAF_IS_CA"),
    "leaf may not sign": (lambda: forged(leaf=(SAN, CERT_SIGN)), "X5C_KEY_USAGE"),
    "leaf is for web servers": (
        lambda: forged(leaf=(SAN, (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False))),
        "X5C_KEY_USAGE",
    ),
    "leaf on another curve": (lambda: forged(key=P384), "X5C_NOT_P256"),
}


@pytest.mark.parametrize("sentence", LIES)
def test_lies(sentence: str) -> None:
    make, code = LIES[sentence]
    path, anchors = make()
    assert code_of(path, anchors) == code


def test_an_intermediate_leaf_cannot_sign_for_others() -> None:
    agency, leaf = Forge(), Forge()
    root = Forge()
    anchors = (root.make("root", extensions=(CA, CERT_SIGN)),)
    path = (
        Forge().make("victim", signer=leaf, issuer="leaf", extensions=(SAN,)),
        leaf.make("leaf", signer=agency, issuer="agency", extensions=(SAN,)),
        agency.make("agency", signer=root, issuer="root", extensions=(CA, CERT_SIGN)),
    )
    assert code_of(path, anchors) == "X5C_NOT_CA"


def test_the_header_is_read_strictly() -> None:
    texts = [base64.b64encode(der).decode() for der in PATH]
    assert x5c_of({"x5c": texts}) == PATH
    for member, code in (
        (None, "X5C_MISSING"),
        ([], "X5C_MISSING"),
        ("abc", "X5C_MISSING"),
        ([1], "X5C_NOT_CERTIFICATE"),
        ([texts[0] + "\n"], "X5C_NOT_CERTIFICATE"),
        ([base64.urlsafe_b64encode(b"\xff\xfe\xfd").decode()], "X5C_NOT_CERTIFICATE"),
        (["é"], "X5C_NOT_CERTIFICATE"),
        (texts * 3, "X5C_TOO_LONG"),
    ):
        with pytest.raises(InputError) as error:
            x5c_of({"x5c": member})
        assert error.value.code == code


def test_an_authority_is_kept_in_files(tmp_path: Any) -> None:
    uri = f"file:{tmp_path}/ca/signing.key"
    AGENCY.save(uri, "pass", scrypt_p=1)
    again = CertificateAuthority.load(uri, lambda _: "pass", ENTROPY)
    leaf = again.issue_leaf(SIGNER.public_jwk, name="示例", uri=ISS, not_before=START, not_after=END)
    assert validate_path((leaf, again.certificate), ANCHORS, AT)
