"""The bad inputs: one sentence, one change of the good world, and every check's expected answer.

`expected` holds only what differs from the good world's row; the test and docs/checks.md overlay it on
that row, so that no cell is blank. Groups of checks that fail together for one reason have a name.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from ledger.adapters.signer_memory import MemoryCredentialSigner
from ledger.core.checks.codes import Code
from ledger.core.directory import make_directory_entry
from ledger.core.jose import kid_of
from ledger.core.model import Purpose
from ledger.core.report import CheckId
from tests.matrix import world as w
from tests.matrix.world import World

Answer = tuple[str, Code]
Answers = Mapping[CheckId, Answer]

P, F, S, U = "passed", "failed", "skipped", "unknown"
C = CheckId

GOOD: Answers = {
    C.PARSE: (P, Code.READ),
    C.CANONICAL: (P, Code.CANONICAL),
    C.PAYLOAD: (P, Code.PAYLOAD_COMPLETE),
    C.DISCLOSURES: (P, Code.DISCLOSURES_MATCH),
    C.DUPLICATES: (P, Code.NO_DUPLICATES),
    C.ALGORITHM: (P, Code.ALGORITHM_ALLOWED),
    C.SIGNATURE: (P, Code.SIGNATURE_GOOD),
    C.KEY_VALID_AT_ANCHOR: (P, Code.KEY_VALID),
    C.KEY_COMPROMISE: (P, Code.KEY_HONEST),
    C.GRANT_AT_ANCHOR: (P, Code.GRANT_GOOD),
    C.GRANT_CHAIN: (P, Code.GRANT_CHAIN_GOOD),
    C.ISSUER_NOW: (P, Code.ISSUER_ACTIVE),
    C.SCHEMA: (P, Code.SCHEMA_GOOD),
    C.INCLUSION: (P, Code.INCLUDED),
    C.ANCHOR: (P, Code.ANCHORED),
    C.FINALITY: (P, Code.SINGLE_OPERATOR),
    C.CONTRACT: (P, Code.CONTRACT_GOOD),
    C.ANCHOR_FACTS: (P, Code.FACTS_AGREE),
    C.ISSUED_BEFORE_ANCHOR: (P, Code.ISSUED_IN_TIME),
    C.NOT_BEFORE: (P, Code.IN_FORCE),
    C.EXPIRY: (P, Code.NOT_EXPIRED),
    C.REVOCATION: (P, Code.NOT_REVOKED),
    C.SUSPENSION: (P, Code.NOT_SUSPENDED),
    C.SUPERSESSION: (P, Code.NOT_SUPERSEDED),
    C.STATUS_LIST: (P, Code.LIST_AGREES),
    C.STATUS_OWNER: (P, Code.INDEX_OWNED),
    C.STATUS_AGE: (P, Code.VIEW_FRESH),
    C.HOLDER_BINDING: (S, Code.NOT_PRESENTED),
    C.AUDIENCE: (S, Code.NOT_PRESENTED),
    C.DELEGATION: (S, Code.NO_DELEGATION),
    C.ISSUER_BINDING: (P, Code.BINDING_GOOD),
    C.PAGE: (S, Code.NO_PAGE),
}
PRESENTATION = (C.HOLDER_BINDING, C.AUDIENCE, C.DELEGATION, C.PAGE)
OF_ANCHOR = (
    C.KEY_VALID_AT_ANCHOR,
    C.KEY_COMPROMISE,
    C.GRANT_AT_ANCHOR,
    C.GRANT_CHAIN,
    C.ISSUER_NOW,
    C.SCHEMA,
    C.INCLUSION,
    C.FINALITY,
    C.ANCHOR_FACTS,
    C.ISSUED_BEFORE_ANCHOR,
    C.REVOCATION,
    C.SUSPENSION,
    C.SUPERSESSION,
    C.STATUS_LIST,
    C.STATUS_OWNER,
    C.ISSUER_BINDING,
)
OF_CHAIN = (*OF_ANCHOR, C.ANCHOR, C.CONTRACT, C.STATUS_AGE)
OF_CREDENTIAL = (
    C.PARSE,
    C.CANONICAL,
    C.PAYLOAD,
    C.DISCLOSURES,
    C.DUPLICATES,
    C.ALGORITHM,
    C.SIGNATURE,
    C.SCHEMA,
    C.INCLUSION,
    C.ANCHOR_FACTS,
    C.ISSUED_BEFORE_ANCHOR,
    C.NOT_BEFORE,
    C.EXPIRY,
    C.STATUS_LIST,
    C.STATUS_OWNER,
    C.ISSUER_BINDING,
)


def all_unknown(checks: Iterable[CheckId], code: Code) -> dict[CheckId, Answer]:
    return dict.fromkeys(checks, (U, code))


def unread(check: CheckId, code: Code) -> Answers:
    """The bundle itself was refused: one check failed, the others were not reached."""
    others = [other for other in CheckId if other not in PRESENTATION]
    return {**all_unknown(others, Code.NOT_REACHED), check: (F, code)}


def illegible(check: CheckId, code: Code) -> Answers:
    """The receipt could be read and the credential could not."""
    return {**all_unknown(OF_CREDENTIAL, Code.NOT_REACHED), check: (F, code)}


def without_anchor(code: Code, outcome: str = F) -> Answers:
    """The ledger does not have the batch."""
    return {**all_unknown(OF_ANCHOR, Code.ANCHOR_MISSING), C.ANCHOR: (outcome, code)}


def without_chain(code: Code) -> Answers:
    """Nothing is known about the ledger."""
    return all_unknown(OF_CHAIN, code)


@dataclass(frozen=True)
class Case:
    """A bad input. `verdict`: national code, deciding code, exit code."""

    name: str
    sentence: str
    change: Callable[[World], Any]
    verdict: tuple[int, Code, int]
    expected: Answers

    @property
    def row(self) -> dict[CheckId, Answer]:
        return {**GOOD, **self.expected}


CASES: list[Case] = []


def case(
    sentence: str, verdict: tuple[int, Code, int], expected: Answers
) -> Callable[[Callable[[World], Any]], Callable[[World], Any]]:
    """Registers a change of the good world under the function's name."""

    def register(change: Callable[[World], Any]) -> Callable[[World], Any]:
        CASES.append(Case(change.__name__, sentence, change, verdict, expected))
        return change

    return register


def refused(national: int, check: CheckId, code: Code, more: Answers | None = None) -> dict[str, Any]:
    """One check fails, and decides."""
    return {"verdict": (national, code, 1), "expected": {check: (F, code), **(more or {})}}


def doubtful(check: CheckId, code: Code, more: Answers | None = None) -> dict[str, Any]:
    """One check cannot tell, and decides."""
    return {"verdict": (4, code, 3), "expected": {check: (U, code), **(more or {})}}


def accepted(expected: Answers | None = None) -> dict[str, Any]:
    return {"verdict": (0, Code.ACCEPTED, 0), "expected": expected or {}}


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


# Who the issuer is


@case(
    "another agency's key and certificate, this agency's name",
    **refused(6, C.ISSUER_BINDING, Code.ISS_NOT_SAN),
)
def other_issuers_key(world: World) -> None:
    world.signer = w.authorities().other.signer


@case(
    "another agency's key, certificate and address; this agency's batch",
    verdict=(6, Code.LIST_ISSUER_DIFFERS, 1),
    expected={
        C.ISSUER_BINDING: (F, Code.KEY_OF_OTHER_ISSUER),
        C.STATUS_LIST: (F, Code.LIST_ISSUER_DIFFERS),
    },
)
def key_of_other_issuer(world: World) -> None:
    world.signer = w.authorities().other.signer
    world.payload["iss"] = w.OTHER_ISS


@case("kid is not the certificate's key", **refused(6, C.ISSUER_BINDING, Code.KID_NOT_X5C))
def kid_not_x5c(world: World) -> None:
    world.header["kid"] = kid_of(w.authorities().status_signer.thumbprint)


@case("kid of another agency's key", **refused(6, C.ISSUER_BINDING, Code.KID_NOT_X5C))
def kid_of_other_issuer(world: World) -> None:
    world.header["kid"] = kid_of(w.authorities().other.signer.thumbprint)


@case(
    "a certificate for another address",
    **refused(6, C.ISSUER_BINDING, Code.ISS_NOT_SAN),
)
def san_not_iss(world: World) -> None:
    world.signer = w.authorities().leaf(11, uri="https://gjj.city.example.evil.example")


@case(
    "no x5c",
    **refused(6, C.ISSUER_BINDING, Code.X5C_MISSING, {C.SIGNATURE: (U, Code.SIGNER_KEY_MISSING)}),
)
def no_x5c(world: World) -> None:
    world.header["x5c"] = []


@case(
    "x5c that is no certificate",
    **refused(6, C.ISSUER_BINDING, Code.X5C_NOT_CERTIFICATE, {C.SIGNATURE: (U, Code.SIGNER_KEY_MISSING)}),
)
def x5c_rubbish(world: World) -> None:
    world.header["x5c"] = [base64.b64encode(b"rubbish").decode("ascii")]


@case("a certificate of an unknown root", **refused(6, C.ISSUER_BINDING, Code.X5C_UNKNOWN_ROOT))
def unknown_root(world: World) -> None:
    world.trust = replace(world.trust, x509_anchors=(w.authorities().stranger_root.certificate,))


@case("the certificate has expired by now, good when anchored", **accepted())
def leaf_expired_now(world: World) -> None:
    world.signer = w.authorities().leaf(11, end=w.ANCHORED_AT + 3600)


@case(
    "the certificate had expired when anchored",
    **refused(6, C.ISSUER_BINDING, Code.X5C_EXPIRED_AT_ANCHOR),
)
def leaf_expired_at_anchor(world: World) -> None:
    world.signer = w.authorities().leaf(11, end=w.ANCHORED_AT - 1)


@case(
    "the certificate began after anchoring",
    **refused(6, C.ISSUER_BINDING, Code.X5C_NOT_YET_VALID_AT_ANCHOR),
)
def leaf_too_young(world: World) -> None:
    world.signer = w.authorities().leaf(11, begin=w.ANCHORED_AT + 1)


@case("a directory entry with another name", **refused(6, C.ISSUER_BINDING, Code.DIRECTORY_DIFFERS))
def directory_differs(world: World) -> None:
    city = w.authorities().city
    world.entry = make_directory_entry(
        issuer=city.issuer,
        name_zh="国家公积金总局",
        name_en="National Administration",
        iss=city.iss,
        division="990100",
        issued_at=w.MIDNIGHT,
        signer=city.signer,
    )


@case(
    "another agency's directory entry",
    **refused(6, C.ISSUER_BINDING, Code.DIRECTORY_OTHER_ISSUER),
)
def directory_of_other(world: World) -> None:
    world.entry = w.authorities().other.entry


@case("an illegible directory entry", **refused(6, C.ISSUER_BINDING, Code.DIRECTORY_SHAPE))
def directory_rubbish(world: World) -> None:
    world.entry = "rubbish"


@case("no directory entry", **doubtful(C.ISSUER_BINDING, Code.DIRECTORY_MISSING))
def directory_missing(world: World) -> None:
    world.alter_bundle = lambda bundle: {
        name: item for name, item in bundle.items() if name != "directory_entry"
    }


@case("a newer directory entry, set after anchoring", **accepted())
def directory_changed_later(world: World) -> None:
    world.issuer = replace(
        world.issuer, directory=(*world.issuer.directory, (b"\x09" * 32, w.ANCHORED_AT + 1))
    )


# Keys


@case("a key of purpose seal", **refused(6, C.KEY_VALID_AT_ANCHOR, Code.KEY_PURPOSE))
def key_purpose(world: World) -> None:
    world.key = replace(world.key, purpose=Purpose.SEAL)


@case(
    "the key retired before anchoring",
    **refused(
        6,
        C.KEY_VALID_AT_ANCHOR,
        Code.KEY_RETIRED_BEFORE,
        {C.ISSUER_NOW: (P, Code.ISSUER_KEY_RETIRED)},
    ),
)
def key_retired_before(world: World) -> None:
    world.key = replace(world.key, valid_until=w.ANCHORED_AT)


@case("the key retired after anchoring", **accepted({C.ISSUER_NOW: (P, Code.ISSUER_KEY_RETIRED)}))
def key_retired_after(world: World) -> None:
    world.key = replace(world.key, valid_until=w.ANCHORED_AT + 1)


@case("the key not yet in use", **refused(6, C.KEY_VALID_AT_ANCHOR, Code.KEY_NOT_YET_VALID))
def key_too_young(world: World) -> None:
    world.key = replace(world.key, valid_from=w.ANCHORED_AT + 1)


@case("the key compromised before anchoring", **refused(6, C.KEY_COMPROMISE, Code.KEY_COMPROMISED))
def key_compromised_before(world: World) -> None:
    world.key = replace(world.key, compromised_since=w.ANCHORED_AT - 1)


@case(
    "the key compromised in the second of anchoring",
    **refused(6, C.KEY_COMPROMISE, Code.KEY_COMPROMISED),
)
def key_compromised_at(world: World) -> None:
    world.key = replace(world.key, compromised_since=w.ANCHORED_AT)


@case(
    "the key compromised after anchoring",
    **accepted({C.KEY_COMPROMISE: (P, Code.KEY_COMPROMISED_LATER)}),
)
def key_compromised_after(world: World) -> None:
    world.key = replace(world.key, compromised_since=w.ANCHORED_AT + 1)


@case(
    "anchored under another key of the agency",
    **refused(6, C.ISSUER_BINDING, Code.ANCHOR_KEY_DIFFERS),
)
def anchor_key_differs(world: World) -> None:
    world.more_keys = [world.key]
    world.key = w.key_record(w.CITY, 10, b"\x0a" * 32, Purpose.CREDENTIAL)


# Entitlement

_WITHDRAWN_NOW = {C.ISSUER_NOW: (P, Code.GRANT_WITHDRAWN_SINCE)}


def _withdraw(world: World, issuer: str, **changes: Any) -> None:
    world.grants = {**world.grants, issuer: (w.grant(issuer, **changes),)}


@case(
    "the grant withdrawn before anchoring",
    **refused(6, C.GRANT_AT_ANCHOR, Code.GRANT_WITHDRAWN, _WITHDRAWN_NOW),
)
def grant_withdrawn_before(world: World) -> None:
    _withdraw(world, w.CITY, withdrawn_at=w.ANCHORED_AT - 1, withdrawn_since=w.ANCHORED_AT - 1, cause=1)


@case("the grant withdrawn after anchoring, no breaking cause", **accepted(_WITHDRAWN_NOW))
def grant_withdrawn_after(world: World) -> None:
    _withdraw(world, w.CITY, withdrawn_at=w.ANCHORED_AT + 9, withdrawn_since=w.ANCHORED_AT - 9, cause=2)


@case(
    "the grant withdrawn later for misconduct since before anchoring",
    **refused(
        6,
        C.GRANT_AT_ANCHOR,
        Code.GRANT_BROKEN,
        _WITHDRAWN_NOW,
    ),
)
def grant_broken(world: World) -> None:
    _withdraw(world, w.CITY, withdrawn_at=w.ANCHORED_AT + 9, withdrawn_since=w.ANCHORED_AT - 9, cause=129)


@case("misconduct only after anchoring", **accepted(_WITHDRAWN_NOW))
def grant_broken_later(world: World) -> None:
    _withdraw(world, w.CITY, withdrawn_at=w.ANCHORED_AT + 9, withdrawn_since=w.ANCHORED_AT + 1, cause=129)


@case(
    "no grant of this type",
    **refused(6, C.GRANT_AT_ANCHOR, Code.GRANT_MISSING, {C.ISSUER_NOW: (P, Code.GRANT_ENDED)}),
)
def grant_missing(world: World) -> None:
    world.grants = {**world.grants, w.CITY: ()}


@case(
    "the province's grant withdrawn before anchoring",
    **refused(6, C.GRANT_CHAIN, Code.GRANT_CHAIN_BROKEN),
)
def ancestors_grant_withdrawn(world: World) -> None:
    _withdraw(world, w.PROVINCE, withdrawn_at=w.ANCHORED_AT - 1, withdrawn_since=w.ANCHORED_AT - 1, cause=1)


@case(
    "the province's grant broken back to before anchoring",
    **refused(6, C.GRANT_CHAIN, Code.GRANT_CHAIN_BROKEN),
)
def ancestors_grant_broken(world: World) -> None:
    _withdraw(world, w.PROVINCE, withdrawn_at=w.ANCHORED_AT + 9, withdrawn_since=w.ANCHORED_AT, cause=130)


@case("the province's grant withdrawn after anchoring", **accepted())
def ancestors_grant_withdrawn_after(world: World) -> None:
    _withdraw(world, w.PROVINCE, withdrawn_at=w.ANCHORED_AT + 9, withdrawn_since=w.ANCHORED_AT - 9, cause=1)


@case(
    "a tree that ends at another root agency",
    **refused(6, C.GRANT_CHAIN, Code.ROOT_ISSUER_DIFFERS),
)
def root_issuer_differs(world: World) -> None:
    world.trust = replace(world.trust, root_issuer=w.OTHER)


@case(
    "the agency dissolved after anchoring",
    **accepted({C.ISSUER_NOW: (P, Code.ISSUER_DISSOLVED)}),
)
def issuer_dissolved_after(world: World) -> None:
    world.issuer = replace(world.issuer, dissolved_at=w.ANCHORED_AT + 1, successor=w.OTHER)


@case(
    "the agency dissolved before anchoring",
    **refused(
        6,
        C.GRANT_AT_ANCHOR,
        Code.ISSUER_DISSOLVED_BEFORE,
        {C.ISSUER_NOW: (P, Code.ISSUER_DISSOLVED)},
    ),
)
def issuer_dissolved_before(world: World) -> None:
    world.issuer = replace(world.issuer, dissolved_at=w.ANCHORED_AT - 1)
