"""Asks a ledger's node, or a mirror, over HTTP: checkpoints, blocks, tiles. Every answer is read strictly.

What is no usable answer (refused, cut off, too slow, 429, 5xx, a redirect) is UnavailableError NODE_SILENT:
the same node may be asked again later. What has the wrong shape is InputError NODE_ANSWER: some other program
answers there, or somebody lies. 404 is None. Nothing is believed here; who uses an answer checks it.
Source of the addresses: docs/formats.md, Node.
"""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote, urlsplit

import requests
import urllib3

from ledger.core.addresses import parse_address
from ledger.core.checkpoint import MAX_CHECKPOINT_BYTES, SignedCheckpoint, encode_checkpoint, parse_checkpoint
from ledger.core.errors import InputError, LedgerError, UnavailableError
from ledger.core.jose import strict_json_object
from ledger.core.model import BlockRef
from ledger.core.receipt import parse_chain_id
from ledger.core.trust import MAX_TRUST_BYTES

CONNECT_S: Final = 3.0
ANSWER_S: Final = 10.0
BLOCKS_S: Final = 60.0
"""For all of a piece of blocks, over a slow line too; a small answer has ANSWER_S. Who drips bytes is silent."""
LARGEST_BLOCK: Final = 8 * 1024 * 1024
LARGEST_PIECE: Final = 16 * 1024 * 1024
LARGEST_JSON: Final = 1024 * 1024
MOST_BLOCKS: Final = 4_096
MOST_STATEMENTS: Final = 1_024
TILE_BYTES: Final = 256 * 32
_PIECE: Final = 65_536
_CODE: Final = re.compile(r"[A-Z][A-Z0-9_]{0,63}")
_HASH_BYTES: Final = 32
_LENGTH_BYTES: Final = 4
_STATUS_HEAD: Final = 40
_WORD_BYTES: Final = 32


@dataclass(frozen=True, slots=True)
class LedgerCard:
    """What a node says about its ledger; nothing of it is believed without a checkpoint."""

    ledger_id: bytes
    chain_id: int
    registry: bytes
    ledger: bytes
    head: BlockRef
    is_sealing: bool


class NodeClient:
    """One node's address. May be used from several threads.

    Args:
        url: http or https, up to but without `/node/v1/`.
        answer_s: seconds until an answer must begin; as many again until it must be over, if it holds no blocks.
    Raises: InputError(NODE_URL).
    """

    def __init__(self, url: str, *, answer_s: float = ANSWER_S) -> None:
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError as error:  # a port above 65535, half a bracket
            raise _no_address() from error
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
            raise _no_address()
        self.url = url.rstrip("/")
        self.name = parts.hostname if port is None else f"{parts.hostname}:{port}"
        self._base = self.url.removesuffix("/node/v1") + "/node/v1/"
        self._answer_s = answer_s
        self._local = threading.local()
        self._tag: str | None = None
        self._newest: SignedCheckpoint | None = None

    def __repr__(self) -> str:
        return f"NodeClient({self.name})"  # the address itself may hold a password

    def ledger(self) -> LedgerCard:
        """Which ledger the node serves, and up to where.

        Raises: UnavailableError(NODE_SILENT), InputError(NODE_ANSWER).
        """
        document = self._json("ledger")
        if document is None:
            raise self._silent("HTTP 404")
        try:
            head = document["head"]
            return LedgerCard(
                ledger_id=_hash(document["ledger_id"]),
                chain_id=parse_chain_id(document["chain_id"]),
                registry=parse_address(document["registry"]),
                ledger=parse_address(document["ledger"]),
                head=BlockRef(_number(head["number"]), _hash(head["hash"]), _number(head["time"])),
                is_sealing=document["is_sealing"] is True,
            )
        except (KeyError, TypeError, LedgerError) as error:
            raise self._wrong("ledger") from error

    def genesis(self) -> bytes:
        """RLP of block 0. Raises: as `ledger`."""
        found = self._get("genesis", LARGEST_BLOCK)
        if found is None:
            raise self._silent("HTTP 404")
        return found

    def block(self, number: int) -> bytes | None:
        """RLP of a block, None above the node's head. Raises: as `ledger`."""
        return self._get(f"blocks/{number}", LARGEST_BLOCK)

    def blocks_from(self, number: int) -> tuple[bytes, ...]:
        """Consecutive blocks beginning with `number`, as many as the node puts into one answer; empty above its head.

        Raises: as `ledger`.
        """
        body = self._get(f"blocks/from/{number}", LARGEST_PIECE)
        if body is None:
            return ()
        blocks: list[bytes] = []
        at = 0
        while at < len(body):
            size = int.from_bytes(body[at : at + _LENGTH_BYTES])
            start = at + _LENGTH_BYTES
            at = start + size
            if size == 0 or at > len(body) or len(blocks) == MOST_BLOCKS:
                raise self._wrong("blocks")
            blocks.append(body[start:at])
        if not blocks:
            raise self._wrong("blocks")
        return tuple(blocks)

    def checkpoint(self) -> SignedCheckpoint | None:
        """The operator's newest checkpoint; its signature is not looked at. Raises: as `ledger`."""
        headers = {} if self._tag is None else {"If-None-Match": self._tag}
        with self._ask("GET", "checkpoint", headers=headers) as response:
            if response.status_code == requests.codes.not_modified and self._tag is not None:
                return self._newest
            body = self._body(response, MAX_CHECKPOINT_BYTES)
            tag = response.headers.get("ETag")
        if body is None:
            return None
        newest = self._statement(body)
        self._newest, self._tag = newest, tag
        return newest

    def statements(self, number: int) -> tuple[tuple[SignedCheckpoint, ...], tuple[SignedCheckpoint, ...]]:
        """(checkpoints of operators, co-signatures) that the node keeps for a height. Raises: as `ledger`."""
        document = self._json(f"checkpoints/{number}")
        if document is None:
            return (), ()
        return self._listed(document, "checkpoints"), self._listed(document, "cosignatures")

    def cosignatures(self) -> tuple[SignedCheckpoint, ...]:
        """The newest statement of each witness that the node knows. Raises: as `ledger`."""
        document = self._json("cosignatures")
        return () if document is None else self._listed(document, "cosignatures")

    def post_cosignature(self, signed: SignedCheckpoint) -> str:
        """Hand over a statement; the code that the node answers with, COSIGNED when it took it.

        Raises: UnavailableError(NODE_SILENT), InputError(NODE_ANSWER).
        """
        body = encode_checkpoint(signed)
        headers = {"Content-Type": "application/json"}
        with self._ask("POST", "cosignatures", headers=headers, data=body) as response:
            if response.status_code not in (200, 400, 403, 404, 409, 413, 422):
                raise self._silent(f"HTTP {response.status_code}")
            answer = self._raw(response, LARGEST_JSON)
        try:
            code = strict_json_object(answer)["code"]
        except (KeyError, LedgerError) as error:
            raise self._wrong("cosignatures") from error
        if not isinstance(code, str) or not _CODE.fullmatch(code):  # it is shown and logged
            raise self._wrong("cosignatures")
        return code

    def trust(self, version: int | None = None) -> bytes | None:
        """A trust file as the node has it, unchecked. Raises: as `ledger`."""
        return self._get("trust" if version is None else f"trust/{version}", MAX_TRUST_BYTES)

    def leaf_tile(self, issuer: str, root: bytes, tile: int) -> tuple[bytes, ...] | None:
        """Up to 256 leaf hashes of a batch. Raises: as `ledger`."""
        body = self._get(f"leaves/{quote(issuer, safe='')}/{root.hex()}/{tile}", TILE_BYTES)
        if body is None:
            return None
        if not body or len(body) % _HASH_BYTES:
            raise self._wrong("leaves")
        return tuple(body[at : at + _HASH_BYTES] for at in range(0, len(body), _HASH_BYTES))

    def status_tile(
        self, issuer: str, root: bytes, tile: int
    ) -> tuple[tuple[int, bytes], tuple[int, ...]] | None:
        """((block number, hash), status words) of a batch. Raises: as `ledger`."""
        body = self._get(f"status/{quote(issuer, safe='')}/{root.hex()}/{tile}", _STATUS_HEAD + TILE_BYTES)
        if body is None:
            return None
        if len(body) < _STATUS_HEAD or (len(body) - _STATUS_HEAD) % _WORD_BYTES:
            raise self._wrong("status")
        words = (body[at : at + _WORD_BYTES] for at in range(_STATUS_HEAD, len(body), _WORD_BYTES))
        return (int.from_bytes(body[:8]), body[8:_STATUS_HEAD]), tuple(map(int.from_bytes, words))

    # HTTP

    def _json(self, path: str) -> Mapping[str, Any] | None:
        body = self._get(path, LARGEST_JSON)
        if body is None:
            return None
        try:
            return strict_json_object(body)
        except InputError as error:
            raise self._wrong(path) from error

    def _listed(self, document: Mapping[str, Any], name: str) -> tuple[SignedCheckpoint, ...]:
        items = document.get(name)
        if not isinstance(items, list) or len(items) > MOST_STATEMENTS:
            raise self._wrong(name)
        return tuple(self._statement(_spelled(item)) for item in items)

    def _statement(self, body: bytes) -> SignedCheckpoint:
        try:
            return parse_checkpoint(body)
        except InputError as error:
            raise self._wrong("checkpoint") from error

    def _get(self, path: str, largest: int) -> bytes | None:
        with self._ask("GET", path) as response:
            return self._body(response, largest)

    def _body(self, response: requests.Response, largest: int) -> bytes | None:
        if response.status_code == requests.codes.not_found:
            return None
        if response.status_code != requests.codes.ok:
            raise self._silent(f"HTTP {response.status_code}")
        return self._raw(response, largest)

    def _raw(self, response: requests.Response, largest: int) -> bytes:
        end = time.monotonic() + (BLOCKS_S if largest > LARGEST_JSON else self._answer_s)
        content = bytearray()
        try:
            while piece := response.raw.read1(_PIECE, decode_content=True):
                content += piece
                if len(content) > largest:
                    raise self._wrong("size")
                if time.monotonic() > end:
                    raise self._silent("too slow")
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            raise self._silent(type(error).__name__) from error
        length = response.headers.get("Content-Length")
        if length is not None and "Content-Encoding" not in response.headers and length != str(len(content)):
            raise self._silent("cut off")
        return bytes(content)

    def _ask(self, method: str, path: str, **arguments: Any) -> requests.Response:
        session = getattr(self._local, "session", None)
        if session is None:
            session = self._local.session = requests.Session()
            session.trust_env = False  # settings.py alone reads the environment
        try:
            response: requests.Response = session.request(
                method,
                self._base + path,
                timeout=(CONNECT_S, self._answer_s),
                allow_redirects=False,
                stream=True,
                **arguments,
            )
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            raise self._silent(type(error).__name__) from error
        return response

    def _silent(self, why: str) -> UnavailableError:
        return UnavailableError(
            "NODE_SILENT", f"The node {self.name} gives no usable answer ({why}).", node=self.name, why=why
        )

    def _wrong(self, what: str) -> InputError:
        return InputError(
            "NODE_ANSWER",
            f"What {self.name} answers is not what a node of this ledger answers ({what}); check the address.",
            node=self.name,
            what=what,
        )


def _no_address() -> InputError:
    return InputError("NODE_URL", "A node's address must look like https://ledger.example.gov.cn.")


def _spelled(item: Any) -> bytes:
    """A statement inside a list, in its own spelling: sorted, without blanks, ASCII only."""
    return json.dumps(item, sort_keys=True, separators=(",", ":")).encode()


def _hash(value: Any) -> bytes:
    if isinstance(value, str) and value.startswith("0x") and len(value) == 2 + 2 * _HASH_BYTES:
        try:
            return bytes.fromhex(value[2:])
        except ValueError as error:
            raise TypeError("no hash") from error
    raise TypeError("no hash")


def _number(value: Any) -> int:
    if type(value) is not int or not 0 <= value < 2**53:
        raise TypeError("no number")
    return value
