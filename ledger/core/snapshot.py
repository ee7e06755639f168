"""Snapshots: the ledger's state in one signed file, for verifiers that reach no ledger. Pure.

A file is a signed header (JSON, RFC 8785), signatures, and the state in columns, compressed. The header
names block, moment, what the state hashes to and, for a delta, what it follows. Whoever reads it checks
signatures first and opens the content afterwards, never the other way round. Whose signatures count says
the trust file: `snapshots`, so many of so many. Invariant: encode_snapshot(parse_snapshot(data)) == data.
Source: docs/formats.md, Snapshot.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any, Final, NoReturn

from ledger.core.addresses import checksum_address, parse_address
from ledger.core.canonical_json import MAX_SAFE_INTEGER, canonical_json
from ledger.core.checkpoint import (
    SignedCheckpoint,
    encode_checkpoint,
    parse_checkpoint,
    require_ledger,
    require_signed,
)
from ledger.core.errors import InputError, RefusedError
from ledger.core.jose import (
    Es256Signer,
    b64url_decode_or_none,
    b64url_encode,
    kid_of,
    strict_json_object,
    verify_es256,
)
from ledger.core.model import BlockRef, ChainInfo, WitnessHead
from ledger.core.receipt import parse_chain_id
from ledger.core.trust import Trust

MAGIC: Final = b"ECERTSNAP\n"
FORMAT: Final = 1
MAX_SNAPSHOT_BYTES: Final = 64 * 1024 * 1024
MAX_PLAIN_BYTES: Final = 256 * 1024 * 1024  # of the content when opened
MAX_HEADER_BYTES: Final = 256 * 1024
MAX_SIGNATURES: Final = 64
MAX_STATEMENTS: Final = 64
_DOMAIN: Final = b"ecert-snapshot:1\n"
_MAX_SIGNATURES_BYTES: Final = MAX_SIGNATURES * 256
_SIGNATURE_BYTES: Final = 64
_LEVEL: Final = 9  # made once, carried and kept often
_HEADER: Final = frozenset({
    "version", "ledger_id", "chain_id", "contracts", "block", "confirmed_at", "state", "follows",
    "checkpoint", "cosignatures", "content",
})  # fmt: skip
_BLOCK: Final = frozenset({"number", "hash", "time"})


@dataclass(frozen=True, slots=True)
class Follows:
    """What a delta is laid upon: the state (SHA-256 of its columns) at this block.

    The block may be the delta's own: then nothing happened meanwhile, and it only tells so.
    """

    block: int
    state: bytes


@dataclass(frozen=True, slots=True)
class Content:
    """The compressed columns: their length, their length when opened, and their SHA-256 as they lie there."""

    size: int
    plain_size: int
    digest: bytes


@dataclass(frozen=True, slots=True)
class Header:
    """What is signed.

    `confirmed_at`: when the exporter last knew `block` to be the ledger's newest (seconds); age counts
    from there. `state`: SHA-256 of the whole state's columns at `block`, of a delta too. `checkpoint` is
    the operator's, `cosignatures` are witnesses'.
    """

    info: ChainInfo
    block: BlockRef
    confirmed_at: int
    state: bytes
    follows: Follows | None
    checkpoint: SignedCheckpoint | None
    cosignatures: tuple[SignedCheckpoint, ...]
    content: Content


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A file as read: `signatures` are (kid, 64 bytes), `packed` the compressed content."""

    header: Header
    signatures: tuple[tuple[str, bytes], ...]
    packed: bytes

    @property
    def message(self) -> bytes:
        """The bytes that a signer signs."""
        return _DOMAIN + canonical_json(_header_json(self.header))


def make_snapshot(
    columns: bytes,
    *,
    info: ChainInfo,
    block: BlockRef,
    confirmed_at: int,
    state: bytes | None = None,
    follows: Follows | None = None,
    checkpoint: SignedCheckpoint | None = None,
    cosignatures: Sequence[SignedCheckpoint] = (),
) -> Snapshot:
    """An unsigned snapshot.

    Args:
        columns: of the state, or of what changed since `follows`.
        info: which ledger.
        block: up to where.
        confirmed_at: seconds, see Header.
        state: of a delta, the SHA-256 of the whole state's columns at `block`.
        follows: of a delta.
        checkpoint: the operator's newest.
        cosignatures: the witnesses' newest.

    Raises:
        InputError: SNAPSHOT_TOO_LARGE.
    """
    packed = zlib.compress(columns, _LEVEL)
    if len(columns) > MAX_PLAIN_BYTES or len(packed) > MAX_SNAPSHOT_BYTES - MAX_HEADER_BYTES:
        raise InputError("SNAPSHOT_TOO_LARGE", "The state is larger than a snapshot may be.")
    digest = sha256(columns).digest()
    content = Content(len(packed), len(columns), sha256(packed).digest())
    kept = tuple(cosignatures)[:MAX_STATEMENTS]
    header = Header(info, block, confirmed_at, state or digest, follows, checkpoint, kept, content)
    return Snapshot(header, (), packed)


def encode_snapshot(snapshot: Snapshot) -> bytes:
    """The file."""
    header = canonical_json(_header_json(snapshot.header))
    signatures = _signatures_json(snapshot.signatures)
    lengths = struct.pack(">I", len(header)), struct.pack(">I", len(signatures))
    return b"".join([MAGIC, lengths[0], header, lengths[1], signatures, snapshot.packed])


def parse_snapshot(data: bytes) -> Snapshot:
    """A file of any bytes. No signature is looked at, the content is not opened.

    Raises:
        InputError: SNAPSHOT_SHAPE, SNAPSHOT_VERSION, SNAPSHOT_TOO_LARGE, CHECKPOINT_SHAPE.
    """
    if len(data) > MAX_SNAPSHOT_BYTES:
        raise InputError("SNAPSHOT_TOO_LARGE", "A snapshot has at most 64 MiB.", maximum=MAX_SNAPSHOT_BYTES)
    if not data.startswith(MAGIC):
        _refuse("it does not begin as one")
    header, at = _part(data, len(MAGIC), MAX_HEADER_BYTES)
    signatures, at = _part(data, at, _MAX_SIGNATURES_BYTES)
    packed = data[at:]
    snapshot = Snapshot(_header(_object(header)), _signatures(signatures), packed)
    content = snapshot.header.content
    if (content.size, content.digest) != (len(packed), sha256(packed).digest()):
        _refuse("its content is not the one that the header names: cut off or altered on the way")
    if encode_snapshot(snapshot) != data:
        _refuse("the header is not spelt as it must be")
    return snapshot


def sign_snapshot(snapshot: Snapshot, signer: Es256Signer) -> Snapshot:
    """With one more signature; an older one of the same key is replaced."""
    kid = kid_of(signer.thumbprint)
    kept = [pair for pair in snapshot.signatures if pair[0] != kid]
    return replace(snapshot, signatures=(*kept, (kid, signer.sign(snapshot.message))))


def require_trusted(snapshot: Snapshot, trust: Trust) -> None:
    """It is of the trusted ledger, and enough of the named signers signed it.

    Raises:
        InputError: SNAPSHOT_LEDGER; SNAPSHOT_SIGNATURE when a named signer's signature does not fit;
            SNAPSHOT_SIGNERS when there are too few.
        RefusedError: SNAPSHOT_NO_SIGNERS when the trust file names none.
    """
    info, named = snapshot.header.info, trust.snapshots
    if (info.ledger_id, info.chain_id) != (trust.ledger_id, trust.chain_id):
        raise InputError(
            "SNAPSHOT_LEDGER",
            "This snapshot is of another ledger than the trust file.",
            ledger_id=info.ledger_id.hex(),
            trusted=trust.ledger_id.hex(),
        )
    if named.threshold == 0:
        raise RefusedError(
            "SNAPSHOT_NO_SIGNERS",
            "The trust file names nobody whose snapshots count; ask the ledger's operator for a newer one.",
            version=trust.version,
        )
    good, message, strangers = 0, snapshot.message, []
    keys = {kid_of(thumbprint): jwk for thumbprint, jwk in named.keys.items()}
    for kid, signature in snapshot.signatures:
        if kid not in keys:
            strangers.append(kid)
        elif verify_es256(keys[kid], message, signature):
            good += 1
        else:
            raise InputError("SNAPSHOT_SIGNATURE", "A signature does not fit this snapshot.", kid=kid)
    if good < named.threshold:
        raise InputError(
            "SNAPSHOT_SIGNERS",
            f"{named.threshold} signers of the trust file must have signed, {good} did.",
            good=good,
            threshold=named.threshold,
            strangers=strangers,
        )


def open_content(snapshot: Snapshot) -> bytes:
    """The columns, never longer than the header says.

    Raises:
        InputError: SNAPSHOT_SHAPE.
    """
    size = snapshot.header.content.plain_size
    machine = zlib.decompressobj()
    try:
        plain = machine.decompress(snapshot.packed, size + 1)
    except zlib.error:
        _refuse("its content cannot be opened")
    if len(plain) != size or not machine.eof or machine.unused_data:
        _refuse("its content has not the length that the header names")
    return plain


def witnessed(header: Header, hash_of: Mapping[int, bytes]) -> tuple[WitnessHead, ...]:
    """Whose co-signatures travel with this snapshot, one entry a key; which keys count, the trust file says.

    Args:
        header: signatures on it are checked already, those of its statements are checked here.
        hash_of: hashes by height, as far as the state holds blocks.

    Raises:
        InputError: CHECKPOINT_SIGNATURE, CHECKPOINT_LEDGER; SNAPSHOT_FORKED when a statement contradicts
            the state that it travels with.
    """
    found: dict[bytes, WitnessHead] = {}
    operators = () if header.checkpoint is None else (header.checkpoint,)
    for signed in (*operators, *header.cosignatures):
        require_ledger(signed, header.info.ledger_id, header.info.chain_id)
        require_signed(signed)
        block = signed.checkpoint.block
        known = header.block.hash if block.number == header.block.number else hash_of.get(block.number)
        if block.number > header.block.number or known not in (None, block.hash):
            raise InputError(
                "SNAPSHOT_FORKED",
                "A checkpoint in this snapshot contradicts its blocks.",
                block=block.number,
                kid=kid_of(signed.thumbprint),
            )
    for signed in header.cosignatures:
        stated = signed.checkpoint
        seen = WitnessHead(signed.thumbprint, stated.block.number, stated.signed_at)
        older = found.get(seen.thumbprint, seen)
        found[seen.thumbprint] = max(seen, older, key=lambda one: (one.block, one.signed_at))
    return tuple(found.values())


def require_not_older(header: Header, known: BlockRef | None, trust: Trust, *, allow_older: bool) -> None:
    """It goes not behind the highest block that was accepted before, and does not contradict it.

    A block that a restore notice of the trust file takes back binds nobody; one of the same height that was
    sealed after the restore does.

    Args:
        header: its signatures are checked already.
        known: the highest block accepted so far.
        trust: for its restore notices.
        allow_older: take an older one all the same, for looking at the past.

    Raises:
        RefusedError: SNAPSHOT_ROLLBACK.
        InputError: SNAPSHOT_FORKED.
    """
    if known is None or trust.voids(known.number, known.time):
        return
    block = header.block
    if block.number == known.number and block.hash != known.hash:
        raise InputError(
            "SNAPSHOT_FORKED",
            f"Block {known.number} of this snapshot is not the one that was accepted before.",
            block=known.number,
            known=known.hash.hex(),
            found=block.hash.hex(),
        )
    if block.number < known.number and not allow_older:
        raise RefusedError(
            "SNAPSHOT_ROLLBACK",
            f"This snapshot ends at block {block.number}, but block {known.number} was accepted already.",
            block=block.number,
            known=known.number,
        )


# the header as JSON


def _header_json(header: Header) -> dict[str, Any]:
    info, block, follows, content = header.info, header.block, header.follows, header.content
    return {
        "version": FORMAT,
        "ledger_id": _hex(info.ledger_id),
        "chain_id": f"eip155:{info.chain_id}",
        "contracts": {
            "registry": {"address": checksum_address(info.registry), "code_hash": _hex(info.registry_code_hash)},
            "ledger": {"address": checksum_address(info.ledger), "code_hash": _hex(info.ledger_code_hash)},
        },
        "block": {"number": block.number, "hash": _hex(block.hash), "time": block.time},
        "confirmed_at": header.confirmed_at,
        "state": _hex(header.state),
        "follows": None if follows is None else {"block": follows.block, "state": _hex(follows.state)},
        "checkpoint": None if header.checkpoint is None else _statement_json(header.checkpoint),
        "cosignatures": [_statement_json(signed) for signed in header.cosignatures],
        "content": {
            "bytes": content.size,
            "plain_bytes": content.plain_size,
            "sha256": _hex(content.digest),
        },
    }  # fmt: skip


def _statement_json(signed: SignedCheckpoint) -> dict[str, Any]:
    return strict_json_object(encode_checkpoint(signed))


def _header(document: Mapping[str, Any]) -> Header:
    if document.get("version") != FORMAT or type(document["version"]) is not int:
        raise InputError(
            "SNAPSHOT_VERSION",
            "This snapshot has another format version; use the program version that fits.",
            version=str(document.get("version")),
            known=FORMAT,
        )
    if document.keys() != _HEADER:
        _refuse("members of the header are missing or unknown")
    contracts = _member(document, "contracts", {"registry", "ledger"})
    pins = [_member(contracts, name, {"address", "code_hash"}) for name in ("registry", "ledger")]
    block = _member(document, "block", _BLOCK)
    content = _member(document, "content", {"bytes", "plain_bytes", "sha256"})
    follows = None
    if document["follows"] is not None:
        base = _member(document, "follows", {"block", "state"})
        follows = Follows(_integer(base["block"]), _hash(base["state"]))
    statements = document["cosignatures"]
    if type(statements) is not list or len(statements) > MAX_STATEMENTS:
        _refuse("`cosignatures` is no list, or too long")
    plain = _integer(content["plain_bytes"])
    if plain > MAX_PLAIN_BYTES:
        raise InputError(
            "SNAPSHOT_TOO_LARGE", "The content would be too large when opened.", plain_bytes=plain
        )
    found = Header(
        info=ChainInfo(
            chain_id=_chain_id(document["chain_id"]),
            ledger_id=_hash(document["ledger_id"]),
            registry=_address(pins[0]["address"]),
            ledger=_address(pins[1]["address"]),
            registry_code_hash=_hash(pins[0]["code_hash"]),
            ledger_code_hash=_hash(pins[1]["code_hash"]),
        ),
        block=BlockRef(_integer(block["number"]), _hash(block["hash"]), _integer(block["time"])),
        confirmed_at=_integer(document["confirmed_at"]),
        state=_hash(document["state"]),
        follows=follows,
        checkpoint=None if document["checkpoint"] is None else _statement(document["checkpoint"]),
        cosignatures=tuple(_statement(item) for item in statements),
        content=Content(_integer(content["bytes"]), plain, _hash(content["sha256"])),
    )
    if follows is not None and follows.block > found.block.number:
        _refuse("it follows a block above its own")
    return found


def _statement(value: Any) -> SignedCheckpoint:
    if type(value) is not dict:
        _refuse("a checkpoint is no object")
    return parse_checkpoint(canonical_json(value))


def _signatures_json(signatures: Sequence[tuple[str, bytes]]) -> bytes:
    return canonical_json([{"kid": kid, "signature": b64url_encode(raw)} for kid, raw in signatures])


def _signatures(raw: bytes) -> tuple[tuple[str, bytes], ...]:
    items = _object(b'{"signatures":' + raw + b"}").get("signatures")
    if type(items) is not list or len(items) > MAX_SIGNATURES:
        _refuse("its signatures are no list, or too many")
    found: dict[str, bytes] = {}
    for item in items:
        if type(item) is not dict or item.keys() != {"kid", "signature"} or type(item["kid"]) is not str:
            _refuse("a signature has not its two members")
        text = item["signature"]
        signature = b64url_decode_or_none(text) if type(text) is str else None
        if signature is None or len(signature) != _SIGNATURE_BYTES or item["kid"] in found:
            _refuse("a signature has not 64 bytes, or a key signed twice")
        found[item["kid"]] = signature
    return tuple(found.items())


def _part(data: bytes, at: int, most: int) -> tuple[bytes, int]:
    """A length (4 bytes), so many bytes, and where the next part begins."""
    if len(data) < at + 4:
        _refuse("it ends too early")
    size = int.from_bytes(data[at : at + 4])
    end = at + 4 + size
    if size > most or end > len(data):
        _refuse("a part of it is too long, or it ends too early")
    return data[at + 4 : end], end


def _object(raw: bytes) -> dict[str, Any]:
    try:
        return strict_json_object(raw)
    except InputError as error:
        raise InputError(
            "SNAPSHOT_SHAPE", "A part of the snapshot is not one strict JSON object.", reason=error.code
        ) from error


def _member(document: Mapping[str, Any], name: str, members: frozenset[str] | set[str]) -> Mapping[str, Any]:
    value = document[name]
    if type(value) is not dict or value.keys() != members:
        _refuse(f"`{name}` has not the members that it must have")
    return value


def _integer(value: Any) -> int:
    if type(value) is not int or not 0 <= value <= MAX_SAFE_INTEGER:
        _refuse("a number of the header is none")
    return value


def _hash(value: Any) -> bytes:
    try:
        found = bytes.fromhex(value[2:]) if type(value) is str and value.startswith("0x") else b""
    except ValueError:
        found = b""
    if len(found) != sha256().digest_size:  # the spelling is compared as a whole
        _refuse("a hash of the header is none")
    return found


def _address(value: Any) -> bytes:
    try:
        return parse_address(value)
    except InputError as error:
        raise InputError("SNAPSHOT_SHAPE", "A contract address is none.", reason=error.code) from error


def _chain_id(value: Any) -> int:
    try:
        return parse_chain_id(value)
    except InputError as error:
        raise InputError("SNAPSHOT_SHAPE", "The chain id is none.", reason=error.code) from error


def _hex(data: bytes) -> str:
    return "0x" + data.hex()


def _refuse(reason: str) -> NoReturn:
    raise InputError("SNAPSHOT_SHAPE", f"This is no readable snapshot: {reason}.", reason=reason)
