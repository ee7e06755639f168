"""Evidence that a ledger's operator told two stories: kept once, readable by a court, judged without a network.

A file holds statements that the operator signed (ledger.core.checkpoint), and where needed the headers of the
blocks between, which hang together by their hashes. From the file alone follows what it proves; whose key
signed the statements is told by the registry, so the file names it. Source: docs/formats.md, Evidence.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, cast

from ledger.core.block_header import BlockHeader, header_of, is_chain, read_header
from ledger.core.canonical_json import MAX_SAFE_INTEGER, canonical_json
from ledger.core.checkpoint import (
    CheckpointSigner,
    SignedCheckpoint,
    contradict,
    encode_checkpoint,
    parse_checkpoint,
    require_signed,
)
from ledger.core.errors import InputError
from ledger.core.jose import b64url_decode, b64url_encode, jwk_thumbprint, kid_of, read_json, verify_es256

Kind = Literal[
    "CHECKPOINTS_CONFLICT", "HISTORY_REWRITTEN", "LEDGER_SET_BACK", "BLOCK_BACKDATED", "BLOCK_INVALID"
]
KINDS: Final[tuple[Kind, ...]] = (
    "CHECKPOINTS_CONFLICT",
    "HISTORY_REWRITTEN",
    "LEDGER_SET_BACK",
    "BLOCK_BACKDATED",
    "BLOCK_INVALID",
)
CLOCK_TOLERANCE_S: Final = 5
"""A block may be dated so much before an earlier statement: clocks are set back by that much without any fraud."""
MAX_EVIDENCE_BYTES: Final = 32 * 1024 * 1024
MOST_HEADERS: Final = 20_000
MOST_SOURCE: Final = 300
FORMAT: Final = "ecert-evidence"
VERSION: Final = 1
_DOMAIN: Final = b"ecert-evidence:1\n"
_STATEMENTS: Final = 2
_MEMBERS: Final = frozenset(
    {"format", "version", "kind", "says", "source", "seen_at", "statements", "headers", "block"}
)
SAYS: Final[Mapping[Kind, tuple[str, str]]] = {
    "CHECKPOINTS_CONFLICT": (
        "同一密钥在同一高度签署了两个不同的区块。",
        "One key signed two different blocks at the same height.",
    ),
    "HISTORY_REWRITTEN": (
        "后一份签署的历史不包含先前签署的区块:账本被改写或分叉。",
        "The history signed later does not contain the block signed before: the ledger was rewritten or forked.",
    ),
    "LEDGER_SET_BACK": (
        "后签署的高度低于先前签署的高度:账本被退回到较早的状态。",
        "A later statement names a lower height than an earlier one: the ledger was set back.",
    ),
    "BLOCK_BACKDATED": (
        "先前的签署表明该时刻尚无此区块,而区块所载时间更早:时间被倒填。",
        "A statement says that the block was not there at its time, yet the block is dated earlier: backdated.",
    ),
    "BLOCK_INVALID": (
        "已签署的历史含有一个按规则执行得不出所载结果的区块。",
        "The signed history holds a block that does not give what its header says when it is run.",
    ),
}


@dataclass(frozen=True, slots=True)
class Evidence:
    """Two stories.

    Args:
        kind: what it proves.
        statements: the earlier one first; one only for BLOCK_INVALID.
        headers: consecutive, the last one is the block of a statement; what they show depends on `kind`.
        block: the whole block that does not run, for BLOCK_INVALID.
        source: where the second story came from, for people.
        seen_at: seconds.
    """

    kind: Kind
    statements: tuple[SignedCheckpoint, ...]
    headers: tuple[BlockHeader, ...] = ()
    block: bytes = b""
    source: str = ""
    seen_at: int = 0

    @property
    def number(self) -> int:
        """The first height at which the stories differ, as far as the evidence shows it."""
        heights = [signed.checkpoint.block.number for signed in self.statements]
        if self.kind in ("BLOCK_BACKDATED", "BLOCK_INVALID"):
            return self.headers[0].number
        return min(heights)

    @property
    def is_one_key(self) -> bool:
        """Whether one key signed all statements: then no registry is needed to know who contradicted himself."""
        return len({signed.thumbprint for signed in self.statements}) == 1

    @property
    def theirs(self) -> bytes:
        """Hash of what is not believed."""
        return self.headers[0].hash if self.headers else self.statements[-1].checkpoint.block.hash


def require_proof(evidence: Evidence) -> None:
    """See that the evidence proves what it says, from itself alone.

    That the signers contradict each other; that both are the operator's keys, the registry tells (where one
    key signed all, `is_one_key`, it contradicts itself). BLOCK_INVALID: that a history with this block in it
    was signed; whether it runs, only a copy of the chain below it can tell.

    Raises: InputError(EVIDENCE_PROVES_NOTHING, CHECKPOINT_SIGNATURE).
    """
    for signed in evidence.statements:
        require_signed(signed)
    ledgers = {(item.checkpoint.ledger_id, item.checkpoint.chain_id) for item in evidence.statements}
    wanted = 1 if evidence.kind == "BLOCK_INVALID" else _STATEMENTS
    if len(ledgers) != 1 or len(evidence.statements) != wanted or not _proves(evidence):
        raise InputError(
            "EVIDENCE_PROVES_NOTHING",
            f"The statements and headers of this file do not prove {evidence.kind}.",
            kind=evidence.kind,
        )


def _proves(evidence: Evidence) -> bool:
    headers, first, last = evidence.headers, evidence.statements[0], evidence.statements[-1]
    before, after = first.checkpoint, last.checkpoint
    if evidence.kind == "CHECKPOINTS_CONFLICT":
        return evidence.is_one_key and contradict(first, last)
    if evidence.kind == "LEDGER_SET_BACK":
        return is_set_back(first, last)
    if not headers or not is_chain(headers):
        return False
    if evidence.kind == "HISTORY_REWRITTEN":
        return any(  # of one height either may be the one whose header is here
            headers[0].number == lower.block.number
            and headers[-1].hash == upper.block.hash
            and headers[0].hash != lower.block.hash
            for lower, upper in ((before, after), (after, before))
        )
    if headers[-1].hash != after.block.hash:
        return False
    if evidence.kind == "BLOCK_BACKDATED":
        return (
            headers[0].number == before.block.number + 1
            and headers[0].time + CLOCK_TOLERANCE_S < before.signed_at
        )
    return bool(evidence.block) and header_of(evidence.block).hash == headers[0].hash


def is_set_back(before: SignedCheckpoint, after: SignedCheckpoint) -> bool:
    """Whether `after` names a lower height and is later by more than clocks are ever set back."""
    one, other = before.checkpoint, after.checkpoint
    return other.block.number < one.block.number and other.signed_at > one.signed_at + CLOCK_TOLERANCE_S


def encode_evidence(evidence: Evidence, signer: CheckpointSigner | None = None) -> bytes:
    """The file: indented UTF-8 JSON, signed by who saw it where there is a signer."""
    zh, en = SAYS[evidence.kind]
    document: dict[str, Any] = {
        "format": FORMAT,
        "version": VERSION,
        "kind": evidence.kind,
        "says": {"zh": zh, "en": en},
        "source": evidence.source,
        "seen_at": evidence.seen_at,
        "statements": [json.loads(encode_checkpoint(signed)) for signed in evidence.statements],
        "headers": ["0x" + header.raw.hex() for header in evidence.headers],
        "block": "0x" + evidence.block.hex(),
    }
    if signer is not None:
        jwk = {name: signer.public_jwk[name] for name in ("crv", "kty", "x", "y")}
        signature = b64url_encode(signer.sign(_DOMAIN + canonical_json(document)))
        document["seen_by"] = {"jwk": jwk, "kid": kid_of(signer.thumbprint), "signature": signature}
    return json.dumps(document, ensure_ascii=False, indent=1).encode() + b"\n"


def parse_evidence(data: bytes) -> tuple[Evidence, bytes | None]:
    """An evidence file, and the thumbprint of who signed it (the signature holds); proves nothing yet.

    Raises: InputError(EVIDENCE_SHAPE, EVIDENCE_SIGNATURE, BLOCK_INVALID).
    """
    document = _document(data)
    seen_by = document.pop("seen_by", None)
    if document.keys() != _MEMBERS or document["format"] != FORMAT:
        raise _wrong("format")
    if type(document["version"]) is not int or document["version"] != VERSION:
        raise _wrong("version")
    if document["kind"] not in KINDS:
        raise _wrong("kind")
    statements, headers, block = document["statements"], document["headers"], document["block"]
    if not isinstance(statements, list) or not 1 <= len(statements) <= _STATEMENTS:
        raise _wrong("statements")
    if not isinstance(headers, list) or len(headers) > MOST_HEADERS:
        raise _wrong("headers")
    seen_at, source = document["seen_at"], document["source"]
    if type(seen_at) is not int or not 0 <= seen_at <= MAX_SAFE_INTEGER:
        raise _wrong("seen_at")
    if type(source) is not str or len(source) > MOST_SOURCE or not source.isprintable():
        raise _wrong("source")  # it is shown to people: no line breaks, no commands for terminals
    evidence = Evidence(
        kind=cast("Kind", document["kind"]),
        statements=tuple(_statement(item) for item in statements),
        headers=tuple(read_header(_bytes(item, "headers")) for item in headers),
        block=_bytes(block, "block"),
        source=source,
        seen_at=seen_at,
    )
    return evidence, None if seen_by is None else _witness(document, seen_by)


def _witness(document: Mapping[str, Any], seen_by: Any) -> bytes:
    try:
        jwk, signature = seen_by["jwk"], b64url_decode(seen_by["signature"])
        is_good = verify_es256(jwk, _DOMAIN + canonical_json(document), signature)
        thumbprint = jwk_thumbprint(jwk)
    except (KeyError, TypeError, AttributeError, InputError) as error:
        raise _wrong("seen_by") from error
    if not is_good:
        raise InputError(
            "EVIDENCE_SIGNATURE", "The signature under this evidence does not fit: it was changed afterwards."
        )
    return thumbprint


def _document(data: bytes) -> dict[str, Any]:
    if len(data) > MAX_EVIDENCE_BYTES:
        raise _wrong("")
    try:
        document, duplicate = read_json(data)
    except InputError as error:
        raise _wrong("") from error
    if not isinstance(document, dict) or duplicate is not None:
        raise _wrong("")
    return document


def _statement(item: Any) -> SignedCheckpoint:
    try:
        return parse_checkpoint(canonical_json(item))
    except InputError as error:
        raise _wrong("statements") from error


def _bytes(item: Any, name: str) -> bytes:
    if type(item) is str and item.startswith("0x"):
        try:
            return bytes.fromhex(item[2:])
        except ValueError as error:
            raise _wrong(name) from error
    raise _wrong(name)


def _wrong(member: str) -> InputError:
    return InputError("EVIDENCE_SHAPE", "This is no evidence file as the format demands it.", member=member)


def same_story(one: Evidence, other: Evidence) -> bool:
    """Whether two pieces of evidence prove the same thing at the same height: kept once is enough."""
    return (one.kind, one.number, one.theirs) == (other.kind, other.number, other.theirs)


def first_contradicted(
    statements: Sequence[SignedCheckpoint], headers: Mapping[int, BlockHeader]
) -> SignedCheckpoint | None:
    """The lowest statement whose block is not the one among `headers` at its height."""
    found = [
        signed
        for signed in statements
        if (header := headers.get(signed.checkpoint.block.number)) is not None
        and header.hash != signed.checkpoint.block.hash
    ]
    return min(found, key=lambda signed: signed.checkpoint.block.number, default=None)
