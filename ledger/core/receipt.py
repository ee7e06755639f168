"""Bundle and receipt: what leaves an issuer beside the credential, strictly parsed and encoded.

Says nothing about truth: addresses and roots of a receipt are compared elsewhere, never believed.
Invariants: `parse_bundle(encode_bundle(b)) == b`; members that we do not know are kept, unless
`crit` names them: then the object is refused. Source: docs/formats.md, Bundle.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from ledger.core.addresses import checksum_address, parse_address
from ledger.core.errors import InputError
from ledger.core.jose import read_json as read_json_strictly
from ledger.core.model import BlockRef

MAX_BUNDLE_BYTES: Final = 1024 * 1024
MAX_PATH_HASHES: Final = 32  # a tree has less than 2^32 leaves
HASH_NAME: Final = "rfc9162-sha256"
VERSION: Final = 1

JsonReader = Callable[[bytes], tuple[Any, str | None]]
"""Value of a JSON text, and a member name that an object holds twice (ledger.core.jose.read_json)."""

_BUNDLE_MEMBERS: Final = frozenset(
    {"version", "credential", "receipt", "directory_entry", "presentation", "crit"}
)
_RECEIPT_MEMBERS: Final = frozenset(
    {
        "version",
        "ledger_id",
        "chain_id",
        "contract",
        "issuer",
        "root",
        "leaf_index",
        "tree_size",
        "path",
        "hash",
        "block",
        "crit",
    }
)
NOTHING_MORE: Final[Mapping[str, Any]] = MappingProxyType({})
_CHAIN_PREFIX: Final = "eip155:"
_MAX_INTEGER: Final = 2**53 - 1
_MAX_DIGITS: Final = 15  # always below 2^53
_USCC_CHARACTERS: Final = 18
_HASH_TEXT: Final = 66  # 0x and 64 digits


class Receipt(NamedTuple):
    """Where a credential lies in the ledger, as the issuer says.

    `contract` is the CredentialLedger's address (20 bytes), `path` the siblings leaf upward,
    `block` the one that holds the anchor. `extra` keeps members that we do not know.
    """

    ledger_id: bytes
    chain_id: int
    contract: bytes
    issuer: str
    root: bytes
    leaf_index: int
    tree_size: int
    path: tuple[bytes, ...]
    block: BlockRef
    extra: Mapping[str, Any] = NOTHING_MORE


class Bundle(NamedTuple):
    """A credential and what proves where it came from. A bare SD-JWT has no receipt."""

    credential: str
    receipt: Receipt | None = None
    directory_entry: str | None = None
    presentation: Mapping[str, Any] | None = None
    extra: Mapping[str, Any] = NOTHING_MORE


def parse_bundle(data: bytes, read_json: JsonReader = read_json_strictly) -> Bundle:
    """The bundle, or a bundle without receipt for the text of a bare SD-JWT.

    Raises:
        InputError: BUNDLE_EMPTY, BUNDLE_TOO_LARGE, BUNDLE_NOT_TEXT, BUNDLE_NOT_JSON,
            BUNDLE_DUPLICATE_KEY, BUNDLE_SHAPE, BUNDLE_VERSION, BUNDLE_CRITICAL, RECEIPT_SHAPE,
            RECEIPT_VERSION, RECEIPT_CRITICAL, RECEIPT_HASH_UNKNOWN.
    """
    if len(data) > MAX_BUNDLE_BYTES:  # before anything else looks at the bytes
        raise InputError(
            "BUNDLE_TOO_LARGE", "A bundle has at most 1 MiB.", size=len(data), limit=MAX_BUNDLE_BYTES
        )
    start = data[:1]
    if start != b"{":
        stripped = data.strip(b" \t\r\n")
        if not stripped:
            raise InputError("BUNDLE_EMPTY", "There is nothing in this file.")
        if stripped[:1] != b"{":
            return Bundle(_bare_credential(stripped))
    try:
        document, duplicate = read_json(data)
    except InputError as error:
        raise InputError(
            "BUNDLE_NOT_JSON", "This is no bundle: not one JSON object in UTF-8.", reason=error.code
        ) from error
    if duplicate is not None:
        raise InputError("BUNDLE_DUPLICATE_KEY", "The bundle names a member twice.", name=duplicate)
    return _bundle(document)


def _bare_credential(data: bytes) -> str:
    """Text of an SD-JWT: printable ASCII with a tilde; its format parser judges the rest."""
    if data.isascii():
        text = data.decode("ascii")
        if "~" in text and " " not in text and text.isprintable():
            return text
    raise InputError("BUNDLE_NOT_TEXT", "This is neither a bundle nor an SD-JWT.")


def _bundle(document: Any) -> Bundle:
    if type(document) is not dict:
        raise InputError("BUNDLE_SHAPE", "A bundle is one JSON object.")
    _require_understood(document, _BUNDLE_MEMBERS, "BUNDLE_CRITICAL")
    if type(document.get("version")) is not int:
        raise _wrong("BUNDLE_SHAPE", "version")
    if document["version"] != VERSION:
        raise InputError("BUNDLE_VERSION", "This bundle is of another version.", version=document["version"])
    credential = document.get("credential")
    if type(credential) is not str or not credential:
        raise _wrong("BUNDLE_SHAPE", "credential")
    entry = document.get("directory_entry")
    if "directory_entry" in document and type(entry) is not str:
        raise _wrong("BUNDLE_SHAPE", "directory_entry")
    presentation = document.get("presentation")
    if "presentation" in document and type(presentation) is not dict:
        raise _wrong("BUNDLE_SHAPE", "presentation")
    receipt = parse_receipt(document["receipt"]) if "receipt" in document else None
    return Bundle(credential, receipt, entry, presentation, _unknown(document, _BUNDLE_MEMBERS))


def parse_receipt(document: Any) -> Receipt:
    """A receipt from its JSON members.

    Raises:
        InputError: RECEIPT_SHAPE, RECEIPT_VERSION, RECEIPT_CRITICAL, RECEIPT_HASH_UNKNOWN.
    """
    if type(document) is not dict:
        raise _wrong("RECEIPT_SHAPE", "receipt")
    _require_understood(document, _RECEIPT_MEMBERS, "RECEIPT_CRITICAL")
    block = document.get("block")
    if type(block) is not dict:
        raise _wrong("RECEIPT_SHAPE", "block")
    get = document.get
    try:
        shared = _shared(
            get("version"),
            get("hash"),
            get("ledger_id"),
            get("chain_id"),
            get("contract"),
            get("issuer"),
            get("root"),
            block.get("number"),
            block.get("hash"),
            block.get("time"),
        )
    except TypeError as error:  # an array or object where a text or number belongs cannot be looked up
        raise _wrong("RECEIPT_SHAPE", "receipt") from error
    return Receipt(
        shared.ledger_id,
        shared.chain_id,
        shared.contract,
        shared.issuer,
        shared.root,
        _integer(get("leaf_index"), "leaf_index"),
        _integer(get("tree_size"), "tree_size"),
        _path(get("path")),
        shared.block,
        _unknown(document, _RECEIPT_MEMBERS),
    )


class _Shared(NamedTuple):
    """What the receipts of a batch have in common."""

    ledger_id: bytes
    chain_id: int
    contract: bytes
    issuer: str
    root: bytes
    block: BlockRef


@lru_cache(maxsize=1024, typed=True)  # typed: 1, 1.0 and True are different members
def _shared(
    version: Any,
    hash_name: Any,
    ledger_id: Any,
    chain_id: Any,
    contract: Any,
    issuer: Any,
    root: Any,
    number: Any,
    block_hash: Any,
    time: Any,
) -> _Shared:
    """Decoded once a batch, since that costs as much as all the rest of a bundle."""
    if _integer(version, "version") != VERSION:
        raise InputError("RECEIPT_VERSION", "This receipt is of another version.", version=version)
    if hash_name != HASH_NAME:
        raise InputError("RECEIPT_HASH_UNKNOWN", "Only rfc9162-sha256 trees are known.")
    if type(issuer) is not str or len(issuer) != _USCC_CHARACTERS or not issuer.isascii():
        raise _wrong("RECEIPT_SHAPE", "issuer")
    return _Shared(
        _hex(ledger_id, 32, "ledger_id"),
        parse_chain_id(chain_id),
        _address(contract),
        issuer,
        _hex(root, 32, "root"),
        BlockRef(
            _integer(number, "block.number"), _hex(block_hash, 32, "block.hash"), _integer(time, "block.time")
        ),
    )


def parse_chain_id(value: Any) -> int:
    """Number of a CAIP-2 chain id `eip155:N`, without leading zeros.

    Raises:
        InputError: RECEIPT_SHAPE.
    """
    digits = value[len(_CHAIN_PREFIX) :] if type(value) is str and value.startswith(_CHAIN_PREFIX) else ""
    if digits.isascii() and digits.isdigit() and digits[0] != "0" and len(digits) <= _MAX_DIGITS:
        return int(digits)
    raise _wrong("RECEIPT_SHAPE", "chain_id")


def encode_receipt(receipt: Receipt) -> dict[str, Any]:
    """JSON members of a receipt, in the order of docs/formats.md."""
    return {
        "version": VERSION,
        "ledger_id": "0x" + receipt.ledger_id.hex(),
        "chain_id": f"{_CHAIN_PREFIX}{receipt.chain_id}",
        "contract": checksum_address(receipt.contract),
        "issuer": receipt.issuer,
        "root": "0x" + receipt.root.hex(),
        "leaf_index": receipt.leaf_index,
        "tree_size": receipt.tree_size,
        "path": ["0x" + sibling.hex() for sibling in receipt.path],
        "hash": HASH_NAME,
        "block": {
            "number": receipt.block.number,
            "hash": "0x" + receipt.block.hash.hex(),
            "time": receipt.block.time,
        },
        **receipt.extra,
    }


def encode_bundle(bundle: Bundle) -> bytes:
    """UTF-8 JSON without white space, members in the order of docs/formats.md."""
    document: dict[str, Any] = {"version": VERSION, "credential": bundle.credential}
    if bundle.receipt is not None:
        document["receipt"] = encode_receipt(bundle.receipt)
    if bundle.directory_entry is not None:
        document["directory_entry"] = bundle.directory_entry
    if bundle.presentation is not None:
        document["presentation"] = bundle.presentation
    document.update(bundle.extra)
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode("utf-8")


def _require_understood(document: Mapping[str, Any], known: frozenset[str], code: str) -> None:
    """`crit` names members that must be understood: all of them present and known to us."""
    if "crit" not in document:
        return
    names = document["crit"]
    if type(names) is not list or not names or not all(type(name) is str for name in names):
        raise InputError(code, "`crit` is not a list of member names.")
    strange = [name for name in names if name not in known or name not in document]
    if strange:
        raise InputError(code, "A member that must be understood is not known here.", names=strange[:8])


def _unknown(document: Mapping[str, Any], known: frozenset[str]) -> Mapping[str, Any]:
    """Members outside `known`, and `crit` itself, which must survive a round trip."""
    if document.keys() <= known and "crit" not in document:
        return NOTHING_MORE
    return {name: item for name, item in document.items() if name not in known or name == "crit"}


def _integer(value: Any, name: str) -> int:
    if type(value) is int and 0 <= value <= _MAX_INTEGER:
        return value
    raise _wrong("RECEIPT_SHAPE", name)


def _hex(value: Any, size: int, name: str) -> bytes:
    """Bytes of `0x` and exactly 2·size lower-case hex digits."""
    if type(value) is str and len(value) == 2 * size + 2:
        try:
            data = bytes.fromhex(value[2:])
        except ValueError:
            data = b""
        if len(data) == size and value == "0x" + data.hex():
            return data
    raise _wrong("RECEIPT_SHAPE", name)


def _path(value: Any) -> tuple[bytes, ...]:
    """Siblings, decoded together: one by one they cost as much as hashing them."""
    if type(value) is list and len(value) <= MAX_PATH_HASHES and set(map(type, value)) <= {str}:
        if not value:
            return ()
        text, count = "".join(value), len(value)
        digits = text.replace("0x", "")
        try:
            data = bytes.fromhex(digits)
        except ValueError:
            data = b""
        # All of one length, each begins with 0x, and no other 0x was taken out of the middle.
        if (
            len(data) == 32 * count
            and data.hex() == digits
            and set(map(len, value)) == {_HASH_TEXT}
            and text[1::_HASH_TEXT] == "x" * count
        ):
            return tuple([data[i : i + 32] for i in range(0, len(data), 32)])
    raise _wrong("RECEIPT_SHAPE", "path")


def _address(value: Any) -> bytes:
    try:
        return parse_address(value)
    except InputError as error:
        raise _wrong("RECEIPT_SHAPE", "contract") from error


def _wrong(code: str, name: str) -> InputError:
    return InputError(code, f"The member {name} is missing or not of the documented form.", member=name)
