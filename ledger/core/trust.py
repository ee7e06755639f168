"""The trust file: the verifier's only root. Parsed, checked, made and signed here.

Everything that a bundle says about chain, contracts and roots is compared with this file. Version
n+1 is signed by the keys of version n, version 1 by its own, so that a file can be renewed without
trusting its carrier. What is not in it is not trusted. Source: docs/formats.md, Trust file.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from typing import Any, Final, Literal

from ledger.core.addresses import checksum_address, parse_address
from ledger.core.canonical_json import canonical_json
from ledger.core.directory import is_name
from ledger.core.errors import InputError
from ledger.core.jose import (
    Es256Signer,
    b64url_decode,
    b64url_encode,
    jwk_thumbprint,
    kid_of,
    strict_json_object,
    verify_es256,
)
from ledger.core.receipt import parse_chain_id

Policy = Literal["immediate", "consensus", "depth"]
Mode = Literal["demo", "production"]
ViewKind = Literal["embedded", "mirror", "consortium", "snapshot"]

MAX_TRUST_BYTES: Final = 256 * 1024
MAX_NAME: Final = 100
DEFAULT_MAX_AGE_S: Final[Mapping[str, int]] = {
    "embedded": 60,
    "mirror": 60,
    "consortium": 600,
    "snapshot": 86_400,
}
_SHANGHAI: Final = timedelta(hours=8)
_REQUIRED: Final = frozenset(
    {
        "version",
        "mode",
        "ledger_id",
        "chain_id",
        "contracts",
        "root_issuer",
        "governance",
        "finality",
        "witnesses",
        "snapshots",
        "x509_anchors",
        "max_age_s",
        "types",
        "not_after",
        "previous",
        "links",
        "restore_notices",
        "keys",
        "threshold",
        "signatures",
    }
)


@dataclass(frozen=True, slots=True)
class ContractPin:
    """A contract that is trusted at this address (20 bytes) with exactly this code (keccak-256)."""

    address: bytes
    code_hash: bytes


@dataclass(frozen=True, slots=True)
class KeySet:
    """P-256 public keys (JWK) of which `threshold` must agree, by RFC 7638 thumbprint.

    `names`: what people call some of them; the file's signers vouch for it.
    """

    threshold: int
    keys: Mapping[bytes, Mapping[str, str]]
    names: Mapping[bytes, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Finality:
    """When a block counts. `immediate`: one operator seals; `consensus`: many agree; `depth`: blocks above."""

    policy: Policy
    depth: int = 0


@dataclass(frozen=True, slots=True)
class Link:
    """A predecessor whose receipts are followed to this ledger (imported anchors, handover)."""

    ledger_id: bytes
    chain_id: int
    contract: bytes


@dataclass(frozen=True, slots=True)
class RestoreNotice:
    """Blocks first..last of a chain that was restored from an older copy, and when (seconds).

    `old_block`, `old_hash`: number and hash (32 bytes) of the newest lost block that somebody still knew,
    None where nobody did.
    """

    first_block: int
    last_block: int
    restored_at: int
    old_block: int | None = None
    old_hash: bytes | None = None


@dataclass(frozen=True, slots=True)
class Trust:
    """A trust file, typed. `not_after`: seconds, exclusive. `raw` is the whole document."""

    version: int
    mode: Mode
    ledger_id: bytes
    chain_id: int
    registry: ContractPin
    ledger: ContractPin
    root_issuer: str
    governance: bytes
    finality: Finality
    witnesses: KeySet
    snapshots: KeySet
    x509_anchors: tuple[bytes, ...]
    max_age_s: Mapping[str, int]
    types: Mapping[str, bytes]
    not_after: int
    previous: bytes | None
    links: tuple[Link, ...]
    restore_notices: tuple[RestoreNotice, ...]
    keys: KeySet
    signatures: tuple[tuple[str, bytes], ...]
    raw: Mapping[str, Any]

    @property
    def fingerprint(self) -> bytes:
        """SHA-256 of the signed form, 32 bytes: what two people compare, and `previous` of the next one."""
        return sha256(signed_form(self.raw)).digest()

    def voids(self, block: int, signed_at: int) -> bool:
        """Whether a restore notice says that what was signed about this height, at that time, was lost.

        Words about the same height that are younger than the restore stand: a notice is no licence for later.
        """
        return any(
            notice.first_block <= block <= notice.last_block and signed_at <= notice.restored_at
            for notice in self.restore_notices
        )


def parse_trust(data: bytes) -> Trust:
    """The typed file; no signature is looked at.

    Raises:
        InputError: TRUST_SHAPE names the member; TRUST_CRITICAL a member that must be understood.
    """
    if len(data) > MAX_TRUST_BYTES:
        raise InputError("TRUST_SHAPE", "A trust file has at most 256 KiB.", member="")
    try:
        document = strict_json_object(data)
    except InputError as error:
        raise InputError(
            "TRUST_SHAPE", "The trust file is not one strict JSON object.", member="", reason=error.code
        ) from error
    critical = document.get("crit", [])
    if type(critical) is not list or any(name not in _REQUIRED for name in map(str, critical)):
        raise InputError("TRUST_CRITICAL", "The trust file demands what this version does not know.")
    missing = sorted(_REQUIRED - document.keys())
    if missing:
        raise _wrong(missing[0])
    try:
        signed_form(document)
    except InputError as error:
        raise InputError(
            "TRUST_SHAPE", "A value of the trust file has no canonical form.", member=""
        ) from error
    return _trust(document)


def load_trust_bytes(data: bytes, previous: Trust | None = None) -> Trust:
    """A trust file whose signatures hold.

    Args:
        data: the file.
        previous: the version that is trusted already; None when this file itself was handed over in
            a trusted way, then it must be signed by its own keys.

    Raises:
        InputError: as parse_trust; TRUST_SIGNATURE below the threshold; TRUST_ROLLBACK for an older
            version than `previous`, or the same number with other content; TRUST_LINK if it does not
            follow `previous` (a gap, another ledger, another hash).
    """
    trust = parse_trust(data)
    _require_signed(trust, trust.keys)
    if previous is None or trust.fingerprint == previous.fingerprint:
        return trust
    if trust.version <= previous.version:
        raise InputError(
            "TRUST_ROLLBACK",
            "This trust file is not newer than the one in use.",
            version=trust.version,
            known=previous.version,
        )
    if trust.version != previous.version + 1 or trust.previous != previous.fingerprint:
        raise InputError(
            "TRUST_LINK",
            "This trust file does not follow the one in use; fetch every version between.",
            version=trust.version,
            known=previous.version,
        )
    if trust.ledger_id != previous.ledger_id and previous.ledger_id not in [
        link.ledger_id for link in trust.links
    ]:
        raise InputError("TRUST_LINK", "This trust file speaks of another ledger without a link to yours.")
    _require_signed(trust, previous.keys)
    return trust


def make_trust(
    *,
    mode: Mode,
    ledger_id: bytes,
    chain_id: int,
    registry: ContractPin,
    ledger: ContractPin,
    root_issuer: str,
    governance: bytes,
    x509_anchors: Sequence[bytes],
    types: Mapping[str, bytes],
    not_after: date,
    keys: Sequence[Mapping[str, str]],
    threshold: int = 1,
    finality: Finality = Finality("immediate"),
    witnesses: tuple[int, Sequence[Mapping[str, str]]] = (0, ()),
    snapshots: tuple[int, Sequence[Mapping[str, str]]] = (0, ()),
    max_age_s: Mapping[str, int] = DEFAULT_MAX_AGE_S,
    links: Iterable[Link] = (),
    restore_notices: Iterable[RestoreNotice] = (),
    previous: Trust | None = None,
) -> dict[str, Any]:
    """Document of the next trust file, unsigned; give it to sign_trust.

    Arguments are the members of `Trust`. `not_after` is the last day (Asia/Shanghai) of use, `types`
    holds the SHA-256 of each type file by `CODE:version`, `keys` are the JWKs that sign this version
    and the next one, `witnesses` and `snapshots` are (threshold, JWKs), each with a `name` if people
    call it one; without `previous` it is version 1.
    """
    return {
        "version": 1 if previous is None else previous.version + 1,
        "mode": mode,
        "ledger_id": _to_hex(ledger_id),
        "chain_id": f"eip155:{chain_id}",
        "contracts": {
            name: {"address": checksum_address(pin.address), "code_hash": _to_hex(pin.code_hash)}
            for name, pin in (("registry", registry), ("ledger", ledger))
        },
        "root_issuer": root_issuer,
        "governance": checksum_address(governance),
        "finality": {"policy": finality.policy, **({"depth": finality.depth} if finality.depth else {})},
        "witnesses": {"threshold": witnesses[0], "keys": [_named(key) for key in witnesses[1]]},
        "snapshots": {"threshold": snapshots[0], "signers": [_named(key) for key in snapshots[1]]},
        "x509_anchors": [base64.b64encode(anchor).decode("ascii") for anchor in x509_anchors],
        "max_age_s": dict(max_age_s),
        "types": {name: _to_hex(file_hash) for name, file_hash in sorted(types.items())},
        "not_after": not_after.isoformat(),
        "previous": None if previous is None else _to_hex(previous.fingerprint),
        "links": [
            {
                "ledger_id": _to_hex(link.ledger_id),
                "chain_id": f"eip155:{link.chain_id}",
                "contract": checksum_address(link.contract),
            }
            for link in links
        ],
        "restore_notices": [notice_object(notice) for notice in restore_notices],
        "keys": [_named(key) for key in keys],
        "threshold": threshold,
    }


def notice_object(notice: RestoreNotice) -> dict[str, Any]:
    """A restore notice as the file has it."""
    found: dict[str, Any] = {
        "first_block": notice.first_block,
        "last_block": notice.last_block,
        "restored_at": notice.restored_at,
    }
    if notice.old_block is not None and notice.old_hash is not None:
        found |= {"old_block": notice.old_block, "old_hash": _to_hex(notice.old_hash)}
    return found


def sign_trust(document: Mapping[str, Any], signers: Sequence[Es256Signer]) -> bytes:
    """The file with one more signature per signer: indented UTF-8 JSON and a newline.

    Signatures that the document has already are kept, so that keys in several places can sign one
    after the other. Changing anything else afterwards breaks them all.
    """
    kept = list(document.get("signatures", []))
    message = signed_form(document)
    for signer in signers:
        kid = kid_of(signer.thumbprint)
        kept = [item for item in kept if item["kid"] != kid]
        kept.append({"kid": kid, "signature": b64url_encode(signer.sign(message))})
    complete = {**document, "signatures": kept}
    return json.dumps(complete, ensure_ascii=False, indent=2).encode("utf-8") + b"\n"


def signed_form(document: Mapping[str, Any]) -> bytes:
    """RFC 8785 form of everything but `signatures`."""
    return canonical_json({name: item for name, item in document.items() if name != "signatures"})


def _require_signed(trust: Trust, by: KeySet) -> None:
    message = signed_form(trust.raw)
    good = {
        thumbprint
        for thumbprint, jwk in by.keys.items()
        for kid, signature in trust.signatures
        if kid == kid_of(thumbprint) and verify_es256(jwk, message, signature)
    }
    if len(good) < by.threshold:
        raise InputError(
            "TRUST_SIGNATURE",
            "The trust file lacks signatures of the keys that must sign it.",
            good=len(good),
            threshold=by.threshold,
        )


def _trust(document: Mapping[str, Any]) -> Trust:
    contracts = _object(document, "contracts")
    witnesses = _object(document, "witnesses")
    snapshots = _object(document, "snapshots")
    previous = document["previous"]
    version = _integer(document, "version", 1)
    if (version == 1) != (previous is None):
        raise _wrong("previous")
    return Trust(
        version=version,
        mode=_mode(document["mode"]),
        ledger_id=_hex(document["ledger_id"], 32, "ledger_id"),
        chain_id=_chain_id(document["chain_id"]),
        registry=_pin(contracts, "registry"),
        ledger=_pin(contracts, "ledger"),
        root_issuer=_text(document, "root_issuer", 18),
        governance=_address(document["governance"], "governance"),
        finality=_finality(_object(document, "finality")),
        witnesses=_key_set(witnesses.get("threshold"), witnesses.get("keys"), 0, "witnesses"),
        snapshots=_key_set(snapshots.get("threshold"), snapshots.get("signers"), 0, "snapshots"),
        x509_anchors=tuple(_der(item) for item in _list(document, "x509_anchors")),
        max_age_s=_ages(_object(document, "max_age_s")),
        types={name: _hex(item, 32, f"types.{name}") for name, item in _object(document, "types").items()},
        not_after=_day_end(document["not_after"]),
        previous=None if previous is None else _hex(previous, 32, "previous"),
        links=tuple(_link(item) for item in _list(document, "links")),
        restore_notices=tuple(_notice(item) for item in _list(document, "restore_notices")),
        keys=_key_set(document["threshold"], document["keys"], 1, "keys"),
        signatures=tuple(_signature(item) for item in _list(document, "signatures")),
        raw=document,
    )


def _mode(value: Any) -> Mode:
    if value == "demo":
        return "demo"
    if value == "production":
        return "production"
    raise _wrong("mode")


def _finality(value: Mapping[str, Any]) -> Finality:
    policy = value.get("policy")
    if policy == "depth":
        return Finality("depth", _integer(value, "depth", 1))
    if policy == "immediate":
        return Finality("immediate")
    if policy == "consensus":
        return Finality("consensus")
    raise _wrong("finality.policy")


def _pin(contracts: Mapping[str, Any], name: str) -> ContractPin:
    pin = contracts.get(name)
    if type(pin) is not dict:
        raise _wrong(f"contracts.{name}")
    return ContractPin(
        _address(pin.get("address"), f"contracts.{name}.address"),
        _hex(pin.get("code_hash"), 32, f"contracts.{name}.code_hash"),
    )


def _key_set(threshold: Any, jwks: Any, least: int, name: str) -> KeySet:
    """Distinct keys; a threshold that they can reach."""
    if type(jwks) is not list or not all(type(jwk) is dict for jwk in jwks):
        raise _wrong(name)
    try:
        keys = {jwk_thumbprint(jwk): _public(jwk) for jwk in jwks}
    except InputError as error:
        raise _wrong(name) from error
    if type(threshold) is not int or not least <= threshold <= len(keys) or len(keys) != len(jwks):
        raise _wrong(name)
    names = {jwk_thumbprint(jwk): jwk["name"] for jwk in jwks if "name" in jwk}
    if not all(is_name(text, MAX_NAME) for text in names.values()):
        raise _wrong(name)
    return KeySet(threshold, keys, names)


def _ages(value: Mapping[str, Any]) -> Mapping[str, int]:
    return {name: _integer(value, name, 1) for name in DEFAULT_MAX_AGE_S}


def _link(value: Any) -> Link:
    if type(value) is not dict:
        raise _wrong("links")
    return Link(
        _hex(value.get("ledger_id"), 32, "links.ledger_id"),
        _chain_id(value.get("chain_id")),
        _address(value.get("contract"), "links.contract"),
    )


def _notice(value: Any) -> RestoreNotice:
    if type(value) is not dict:
        raise _wrong("restore_notices")
    first, last, restored_at = (
        _integer(value, name, 0) for name in ("first_block", "last_block", "restored_at")
    )
    old_block, old_hash = None, None
    if ("old_block" in value) != ("old_hash" in value):
        raise _wrong("restore_notices")
    if "old_hash" in value:
        old_block = _integer(value, "old_block", 0)
        old_hash = _hex(value["old_hash"], 32, "restore_notices.old_hash")
    if last < first or (old_block is not None and not first <= old_block <= last):
        raise _wrong("restore_notices")
    return RestoreNotice(first, last, restored_at, old_block, old_hash)


def _signature(value: Any) -> tuple[str, bytes]:
    if (
        type(value) is not dict
        or type(value.get("kid")) is not str
        or type(value.get("signature")) is not str
    ):
        raise _wrong("signatures")
    try:
        return value["kid"], b64url_decode(value["signature"])
    except InputError as error:
        raise _wrong("signatures") from error


def _der(value: Any) -> bytes:
    try:
        data = base64.b64decode(value, validate=True) if type(value) is str else b""
    except binascii.Error:
        data = b""
    if not data or base64.b64encode(data).decode("ascii") != value:
        raise _wrong("x509_anchors")
    return data


def _day_end(value: Any) -> int:
    """24:00 Asia/Shanghai of a day YYYY-MM-DD, in seconds since 1970 UTC."""
    try:
        day = date.fromisoformat(value)
    except (TypeError, ValueError) as error:
        raise _wrong("not_after") from error
    if day.isoformat() != value or day == date.max:
        raise _wrong("not_after")
    midnight = datetime.combine(day + timedelta(days=1), datetime.min.time(), UTC) - _SHANGHAI
    return int(midnight.timestamp())


def _chain_id(value: Any) -> int:
    try:
        return parse_chain_id(value)
    except InputError as error:
        raise _wrong("chain_id") from error


def _hex(value: Any, size: int, name: str) -> bytes:
    """`0x` and exactly 2·size lower-case hex digits."""
    if type(value) is str and value.startswith("0x"):
        try:
            data = bytes.fromhex(value[2:])
        except ValueError:
            data = b""
        if len(data) == size and _to_hex(data) == value:
            return data
    raise _wrong(name)


def _address(value: Any, name: str) -> bytes:
    try:
        return parse_address(value)
    except InputError as error:
        raise _wrong(name) from error


def _to_hex(data: bytes) -> str:
    return "0x" + data.hex()


def _public(jwk: Mapping[str, Any]) -> dict[str, str]:
    """Only the public members, in the order of RFC 7638."""
    return {name: str(jwk[name]) for name in ("crv", "kty", "x", "y")}


def _named(jwk: Mapping[str, Any]) -> dict[str, str]:
    """The public members and the name, if it has one."""
    return {**_public(jwk), **({"name": str(jwk["name"])} if "name" in jwk else {})}


def named_keys(keys: KeySet) -> list[Mapping[str, str]]:
    """The set's keys as make_trust takes them, with their names."""
    return [
        {**jwk, **({"name": keys.names[thumbprint]} if thumbprint in keys.names else {})}
        for thumbprint, jwk in keys.keys.items()
    ]


def _object(document: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = document.get(name)
    if type(value) is not dict:
        raise _wrong(name)
    return value


def _list(document: Mapping[str, Any], name: str) -> list[Any]:
    value = document.get(name)
    if type(value) is not list:
        raise _wrong(name)
    return value


def _text(document: Mapping[str, Any], name: str, length: int) -> str:
    value = document.get(name)
    if type(value) is not str or len(value) != length or not value.isascii():
        raise _wrong(name)
    return value


def _integer(document: Mapping[str, Any], name: str, least: int) -> int:
    value = document.get(name)
    if type(value) is not int or not least <= value < 2**53:
        raise _wrong(name)
    return value


def _wrong(member: str) -> InputError:
    return InputError(
        "TRUST_SHAPE", f"The member {member} of the trust file is missing or wrong.", member=member
    )
