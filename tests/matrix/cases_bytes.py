"""Files that are no bundle, and credentials that cannot be read or were altered."""

from __future__ import annotations

from collections.abc import Callable

from ledger.adapters.signer_memory import MemoryCredentialSigner
from ledger.core.checks.codes import Code
from tests.matrix import world as w
from tests.matrix.cases import (
    CASES,
    C,
    Case,
    F,
    P,
    U,
    accepted,
    case,
    illegible,
    refused,
    unread,
)
from tests.matrix.world import World

# Bytes that are no bundle


@case("the good bundle", **accepted())
def good(_world: World) -> None:
    pass


def _bytes(data: bytes) -> Callable[[World], None]:
    def change(world: World) -> None:
        world.alter_bytes = lambda _: data

    return change


for _name, _sentence, _data, _code in (
    ("empty", "an empty file", b"", Code.BUNDLE_EMPTY),
    ("blank", "white space only", b" \r\n\t", Code.BUNDLE_EMPTY),
    ("too_large", "a file over 1 MiB", b"{" + b" " * (1 << 20), Code.BUNDLE_TOO_LARGE),
    ("binary", "a picture", b"\x89PNG\r\n\x1a\n" + bytes(range(256)), Code.BUNDLE_NOT_TEXT),
    ("not_an_object", "JSON that is no object", b"[]", Code.BUNDLE_NOT_TEXT),
    ("deep", "arrays nested a thousand deep", b'{"version":' + b"[" * 1000, Code.BUNDLE_NOT_JSON),
    (
        "huge_integer",
        "an integer of five thousand digits",
        b'{"version":' + b"9" * 5000 + b"}",
        Code.BUNDLE_NOT_JSON,
    ),
    ("missing_credential", "a bundle without credential", b'{"version":1}', Code.BUNDLE_SHAPE),
    ("other_version", "a bundle of version 2", b'{"version":2,"credential":"a~"}', Code.BUNDLE_VERSION),
    (
        "not_utf8",
        "text in GB18030",
        '{"version":1,"credential":"证照"}'.encode("gb18030"),
        Code.BUNDLE_NOT_JSON,
    ),
):
    CASES.append(
        Case(_name, _sentence, _bytes(_data), (4, _code, 2), unread(C.PARSE, _code))
    )  # names bound per turn: _bytes and Case take values, no closure over the loop


@case(
    "a truncated file",
    verdict=(4, Code.BUNDLE_NOT_JSON, 2),
    expected=unread(C.PARSE, Code.BUNDLE_NOT_JSON),
)
def truncated(world: World) -> None:
    world.alter_bytes = lambda data: data[: len(data) * 2 // 3]


@case(
    "a trailing byte behind the bundle",
    verdict=(4, Code.BUNDLE_NOT_JSON, 2),
    expected=unread(C.PARSE, Code.BUNDLE_NOT_JSON),
)
def trailing_byte(world: World) -> None:
    world.alter_bytes = lambda data: data + b"x"


@case(
    "a member of the bundle named twice",
    verdict=(6, Code.BUNDLE_DUPLICATE_KEY, 1),
    expected=unread(C.DUPLICATES, Code.BUNDLE_DUPLICATE_KEY),
)
def duplicate_key_in_bundle(world: World) -> None:
    world.alter_bytes = lambda data: b'{"version":1,' + data[1:]


@case(
    "a leaf index written as text",
    verdict=(4, Code.RECEIPT_SHAPE, 2),
    expected=unread(C.PARSE, Code.RECEIPT_SHAPE),
)
def wrong_type_in_receipt(world: World) -> None:
    world.alter_receipt = lambda receipt: {**receipt, "leaf_index": str(w.INDEX)}


@case(
    "a root in capital hex digits",
    verdict=(4, Code.RECEIPT_SHAPE, 2),
    expected=unread(C.PARSE, Code.RECEIPT_SHAPE),
)
def capital_hex_in_receipt(world: World) -> None:
    world.alter_receipt = lambda receipt: {**receipt, "root": "0x" + receipt["root"][2:].upper()}


@case(
    "an unknown critical member of the bundle",
    verdict=(4, Code.BUNDLE_CRITICAL, 2),
    expected=unread(C.PARSE, Code.BUNDLE_CRITICAL),
)
def critical_in_bundle(world: World) -> None:
    world.alter_bundle = lambda bundle: {**bundle, "crit": ["fee"], "fee": 1}


@case(
    "an unknown critical member of the receipt",
    verdict=(4, Code.RECEIPT_CRITICAL, 2),
    expected=unread(C.PARSE, Code.RECEIPT_CRITICAL),
)
def critical_in_receipt(world: World) -> None:
    world.alter_receipt = lambda receipt: {**receipt, "crit": ["fee"], "fee": 1}


@case("unknown members that are not critical", **accepted())
def unknown_members(world: World) -> None:
    world.alter_receipt = lambda receipt: {**receipt, "note": {"a": [1]}}
    world.alter_bundle = lambda bundle: {**bundle, "x-print": "2026"}


@case(
    "a tree of another hash",
    verdict=(4, Code.RECEIPT_HASH_UNKNOWN, 2),
    expected=unread(C.PARSE, Code.RECEIPT_HASH_UNKNOWN),
)
def other_hash(world: World) -> None:
    world.alter_receipt = lambda receipt: {**receipt, "hash": "keccak-256"}


@case(
    "an unknown critical header of the credential",
    verdict=(4, Code.CRITICAL_UNKNOWN, 2),
    expected={C.PARSE: (F, Code.CRITICAL_UNKNOWN)},
)
def critical_in_header(world: World) -> None:
    world.header["crit"] = ["exp2"]
    world.header["exp2"] = 1


@case(
    "a credential without tildes",
    verdict=(4, Code.CREDENTIAL_SHAPE, 2),
    expected=illegible(C.PARSE, Code.CREDENTIAL_SHAPE),
)
def no_tilde(world: World) -> None:
    world.alter_credential = lambda text: text.split("~", maxsplit=1)[0]


@case(
    "padding behind the payload's base64url",
    verdict=(6, Code.BASE64_NOT_CANONICAL, 1),
    expected=illegible(C.CANONICAL, Code.BASE64_NOT_CANONICAL),
)
def padded_base64(world: World) -> None:
    world.alter_credential = lambda text: text.replace(".", "=.", 2).replace("=.", ".", 1)


def _loosen(text: str) -> str:
    """The same bytes with a bit set beyond the last one."""
    jwt, tilde, rest = text.partition("~")
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return jwt[:-1] + alphabet[alphabet.index(jwt[-1]) | 1] + tilde + rest


@case(
    "non-canonical base64url: a bit set behind the signature's last byte",
    **refused(
        6,
        C.CANONICAL,
        Code.BASE64_NOT_CANONICAL,
        {C.SIGNATURE: (F, Code.SIGNATURE_LENGTH), C.INCLUSION: (F, Code.ROOT_DIFFERS)},
    ),
)
def loose_base64(world: World) -> None:
    world.alter_credential = _loosen


# What the issuer's statements are


@case(
    "a credential without issuer_code",
    **refused(6, C.PAYLOAD, Code.PAYLOAD_MISSING, {C.ANCHOR_FACTS: (F, Code.ANCHOR_ISSUER_DIFFERS)}),
)
def missing_claim(world: World) -> None:
    del world.payload["issuer_code"]


@case(
    "iat written as text",
    **refused(
        6,
        C.PAYLOAD,
        Code.PAYLOAD_TYPE,
        {C.ISSUED_BEFORE_ANCHOR: (U, Code.NOT_REACHED), C.NOT_BEFORE: (U, Code.NOT_REACHED)},
    ),
)
def wrong_type(world: World) -> None:
    world.payload["iat"] = str(w.MIDNIGHT)


@case(
    "a payload that names iat twice",
    **refused(6, C.DUPLICATES, Code.JSON_DUPLICATE_KEY),
)
def duplicate_key(world: World) -> None:
    world.raw_payload = lambda data: b'{"iat":1,' + data[1:]


@case("a value exchanged after signing", **refused(6, C.DISCLOSURES, Code.DISCLOSURE_UNKNOWN))
def swapped_disclosure(world: World) -> None:
    def swap(parts: list[str]) -> list[str]:
        forged = w.b64url(w.compact(["c2FsdHNhbHRzYWx0c2FsdA", "balance", "369249.00"]))
        return [*parts[:-1], forged]

    world.alter_parts = swap


@case("one value shown twice", **refused(6, C.DUPLICATES, Code.DISCLOSURE_TWICE))
def disclosure_twice(world: World) -> None:
    world.alter_parts = lambda parts: [*parts, parts[-1]]


@case(
    "a disclosure that would hide the end date",
    **refused(6, C.DISCLOSURES, Code.DISCLOSURE_RESERVED_NAME, {C.EXPIRY: (P, Code.NO_EXPIRY)}),
)
def hidden_expiry(world: World) -> None:
    world.disclosures["exp"] = world.payload.pop("exp")


@case("only what is asked for is shown", **accepted())
def withheld(world: World) -> None:
    world.withheld = {"name", "id_number", "balance", "identifier", "proof_no"}


# Signature


@case(
    "alg none, no signature",
    **refused(
        6,
        C.ALGORITHM,
        Code.ALG_NOT_ALLOWED,
        {
            C.SIGNATURE: (U, Code.NOT_REACHED),
            C.ISSUER_BINDING: (U, Code.NOT_REACHED),
        },
    ),
)
def alg_none(world: World) -> None:
    world.header["alg"] = "none"


@case(
    "alg HS256",
    **refused(
        6,
        C.ALGORITHM,
        Code.ALG_NOT_ALLOWED,
        {C.SIGNATURE: (U, Code.NOT_REACHED), C.ISSUER_BINDING: (U, Code.NOT_REACHED)},
    ),
)
def alg_hs256(world: World) -> None:
    world.header["alg"] = "HS256"


@case(
    "another kind of token (typ)",
    **refused(
        6,
        C.ALGORITHM,
        Code.TYP_NOT_ALLOWED,
        {C.SIGNATURE: (U, Code.NOT_REACHED), C.ISSUER_BINDING: (U, Code.NOT_REACHED)},
    ),
)
def other_typ(world: World) -> None:
    world.header["typ"] = "statuslist+jwt"


@case(
    "one bit of the signature flipped",
    **refused(6, C.SIGNATURE, Code.SIGNATURE_INVALID, {C.INCLUSION: (F, Code.ROOT_DIFFERS)}),
)
def bit_flipped(world: World) -> None:
    def flip(text: str) -> str:
        jwt, tilde, rest = text.partition("~")
        place = len(jwt) - 20
        return jwt[:place] + ("A" if jwt[place] != "A" else "B") + jwt[place + 1 :] + tilde + rest

    world.alter_credential = flip


@case("a DER signature", **refused(6, C.SIGNATURE, Code.SIGNATURE_DER))
def der_signature(world: World) -> None:
    world.signature = w.der


@case("a signature of 63 bytes", **refused(6, C.SIGNATURE, Code.SIGNATURE_LENGTH))
def short_signature(world: World) -> None:
    world.signature = lambda data: data[:63]


@case(
    "signed with another key than the certificate's",
    **refused(6, C.SIGNATURE, Code.SIGNATURE_INVALID),
)
def foreign_key_signs(world: World) -> None:
    stranger = MemoryCredentialSigner.from_private_number(99)
    world.signature = stranger.sign  # a signature over something else, by another
