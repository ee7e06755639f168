"""One function for each address under /node/v1/."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from functools import wraps
from typing import Any, Final

import orjson
from flask import Flask, Response, current_app, make_response, request

from ledger.core.checkpoint import MAX_CHECKPOINT_BYTES, SignedCheckpoint, encode_checkpoint
from ledger.core.errors import (
    ConflictError,
    InputError,
    LedgerError,
    NotFoundError,
    RefusedError,
    UnavailableError,
)
from ledger.core.limits import LimitKind
from ledger.services.node import FORMAT, PIECE_BLOCKS, PIECE_BYTES, NodeService
from web.access import public, takes
from web.security import client

WHY: Final = (
    "what the ledger holds is public by design: hashes, agencies, times; whoever follows it needs all of it"
)
PREFIX: Final = "/node/v1"
LARGEST_BODY: Final = MAX_CHECKPOINT_BYTES
RETRY_AFTER_S: Final = 10
_FOR_EVER: Final = "public, max-age=31536000, immutable"
_ASK_AGAIN: Final = "public, no-cache"
_BYTES: Final = "application/octet-stream"
_JSON: Final = "application/json"
_ROOT: Final = re.compile(r"[0-9a-f]{64}")
_NUMBER: Final = re.compile(r"0|[1-9][0-9]{0,15}")
_STATUS_OF: Final[tuple[tuple[type[LedgerError], int], ...]] = (
    (InputError, 400),
    (RefusedError, 403),
    (NotFoundError, 404),
    (ConflictError, 409),
    (UnavailableError, 503),
)
_View = Callable[..., Response]


def problem(status: int, code: str, message: str, **detail: Any) -> Response:
    """A problem document (RFC 9457), in English: its readers are programs."""
    body = {"type": f"urn:ecert:problem:{code}", "status": status, "code": code, "detail": message, **detail}
    response = make_response(orjson.dumps(body), status)
    response.mimetype = "application/problem+json"
    response.headers["Cache-Control"] = "no-store"
    return response


def _guarded(kind: LimitKind) -> Callable[[_View], _View]:
    """Count the caller, and turn what is wrong into a problem document."""

    def mark(view: _View) -> _View:
        @wraps(view)
        def answer(**values: str) -> Response:
            try:
                wait_s = current_app.extensions["ledger"].limits.take(kind, client())
                if wait_s:
                    response = problem(429, "RATE_LIMITED", f"Ask again in {wait_s} seconds.")
                    response.headers["Retry-After"] = str(wait_s)
                    return response
                return view(**values)
            except LedgerError as error:
                status = next((status for kind, status in _STATUS_OF if isinstance(error, kind)), 500)
                response = problem(status, error.code, error.message)
                if status == 503:
                    response.headers["Retry-After"] = str(RETRY_AFTER_S)
                return response

        return answer

    return mark


_asked = _guarded(LimitKind.NODE)


def _node() -> NodeService:
    service: NodeService = current_app.extensions["ledger"].node
    return service


def _answer(data: bytes, kind: str, *, forever: bool) -> Response:
    response = make_response(data)
    response.mimetype = kind
    response.headers["Cache-Control"] = _FOR_EVER if forever else _ASK_AGAIN
    response.set_etag(hashlib.sha256(data).hexdigest()[:32])
    response.make_conditional(request)
    return response


def _number(text: str) -> int:
    if not _NUMBER.fullmatch(text):
        raise NotFoundError("NODE_ADDRESS", "A number stands here, without leading zeros.")
    return int(text)


def _root(text: str) -> bytes:
    if not _ROOT.fullmatch(text):
        raise NotFoundError("NODE_ADDRESS", "A root is 64 lower-case hex digits.")
    return bytes.fromhex(text)


def _hex(data: bytes) -> str:
    return "0x" + data.hex()


def _statements(found: list[SignedCheckpoint]) -> list[Any]:
    return [orjson.loads(encode_checkpoint(signed)) for signed in found]


@public(WHY)
@_asked
def card() -> Response:
    """Which ledger, how far, and how pieces are cut."""
    found = _node().card()
    info, head = found.info, found.head
    body = {
        "format": FORMAT,
        "ledger_id": _hex(info.ledger_id),
        "chain_id": f"eip155:{info.chain_id}",
        "registry": _hex(info.registry),
        "ledger": _hex(info.ledger),
        "head": {"number": head.number, "hash": _hex(head.hash), "time": head.time},
        "is_sealing": found.is_sealing,
        "trust_version": found.trust_version,
        "blocks_max": PIECE_BLOCKS,
        "piece_bytes": PIECE_BYTES,
    }
    return _answer(orjson.dumps(body), _JSON, forever=False)


@public(WHY)
@_asked
def genesis() -> Response:
    """Block 0, whose hash is the ledger id."""
    return _answer(_node().block(0), _BYTES, forever=True)


@public(WHY)
@_asked
def block(number: str) -> Response:
    """One block."""
    return _answer(_node().block(_number(number)), _BYTES, forever=True)


@public(WHY)
@_asked
def blocks_from(first: str) -> Response:
    """A piece of consecutive blocks."""
    piece = _node().piece(_number(first))
    return _answer(piece.data, _BYTES, forever=piece.is_full)


@public(WHY)
@_asked
def checkpoint() -> Response:
    """The operator's newest checkpoint."""
    return _answer(encode_checkpoint(_node().checkpoint()), _JSON, forever=False)


@public(WHY)
@_asked
def statements(number: str) -> Response:
    """Everything signed about one height."""
    height = _number(number)
    found = _node().statements(height)
    body = {
        "block": height,
        "checkpoints": _statements([one.signed for one in found if one.signatory == "operator"]),
        "cosignatures": _statements([one.signed for one in found if one.signatory == "witness"]),
    }
    return _answer(orjson.dumps(body), _JSON, forever=False)


@public(WHY)
@_asked
def cosignatures() -> Response:
    """The newest co-signature of each witness."""
    body = {"cosignatures": _statements(list(_node().cosignatures()))}
    return _answer(orjson.dumps(body), _JSON, forever=False)


@public("a witness proves who it is by its signature; the trust file names its key")
@takes(LARGEST_BODY)
@_guarded(LimitKind.NODE_SIGN)
def cosign() -> Response:
    """Take a witness's co-signature."""
    if (request.content_length or 0) > LARGEST_BODY:
        return problem(413, "CHECKPOINT_SHAPE", f"A checkpoint has at most {LARGEST_BODY} bytes.")
    number = _node().take(request.get_data(cache=False))
    response = make_response(orjson.dumps({"code": "COSIGNED", "block": number}))
    response.mimetype = _JSON
    response.headers["Cache-Control"] = "no-store"
    return response


@public(WHY)
@_asked
def leaf_tile(issuer: str, root: str, tile: str) -> Response:
    """Leaf hashes of a batch: whoever lost a receipt finds it without telling which one."""
    return _answer(_node().leaf_tile(issuer, _root(root), _number(tile)), _BYTES, forever=True)


@public(WHY)
@_asked
def status_tile(issuer: str, root: str, tile: str) -> Response:
    """Status words of a batch."""
    return _answer(_node().status_tile(issuer, _root(root), _number(tile)), _BYTES, forever=False)


@public(WHY)
@_asked
def trust() -> Response:
    """The trust file in use: to be compared with one's own, and believed if it follows it."""
    return _answer(_node().trust_file(), _JSON, forever=False)


@public(WHY)
@_asked
def trust_version(version: str) -> Response:
    """One version of the trust file."""
    return _answer(_node().trust_file(_number(version)), _JSON, forever=True)


def register(app: Flask) -> None:
    """All addresses. Numbers and hashes are texts to the router: what is wrong gets our own answer."""
    for path, view in (
        ("/ledger", card),
        ("/genesis", genesis),
        ("/blocks/<string:number>", block),
        ("/blocks/from/<string:first>", blocks_from),
        ("/checkpoint", checkpoint),
        ("/checkpoints/<string:number>", statements),
        ("/cosignatures", cosignatures),
        ("/leaves/<string:issuer>/<string:root>/<string:tile>", leaf_tile),
        ("/status/<string:issuer>/<string:root>/<string:tile>", status_tile),
        ("/trust", trust),
        ("/trust/<string:version>", trust_version),
    ):
        app.add_url_rule(PREFIX + path, f"node.{view.__name__}", view, methods=["GET"])
    app.add_url_rule(f"{PREFIX}/cosignatures", "node.cosign", cosign, methods=["POST"])
