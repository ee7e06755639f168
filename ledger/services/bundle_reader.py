"""Reads many bundles of few batches: what the bundles of a batch share is read once.

A bundle as encode_bundle writes it differs from its neighbour's in three places: the credential, the
leaf index and the path. `BundleReader` cuts it there. A frame, that is all bytes around these three,
is kept after parse_bundle has read one bundle in it and encode_bundle has written the same bytes
again; in another bundle with the same frame only the three are read, by grammars that leave no other
reading. Everything else goes to parse_bundle, which alone says what is wrong with a bundle. A
property test compares the two.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from threading import Lock
from typing import Final, NamedTuple

from ledger.core.errors import InputError
from ledger.core.jose import read_json as read_json_strictly
from ledger.core.receipt import (
    MAX_BUNDLE_BYTES,
    Bundle,
    JsonReader,
    Receipt,
    encode_bundle,
    parse_bundle,
)

KEPT_FRAMES: Final = 256
LONGEST_FRAME: Final = 8 * 1024  # bounds the memory that strangers' bundles can take

_START: Final = b'{"version":1,"credential":'
_LEAF: Final = b',"leaf_index":'
_PLACE: Final = re.compile(  # at most 15 digits are below 2^53; at most 32 siblings (receipt.MAX_PATH_HASHES)
    rb',"leaf_index":(0|[1-9][0-9]{0,14}),"tree_size":(?:0|[1-9][0-9]{0,14}),"path":'
    rb'\[(?:"0x([0-9a-f]{64}(?:","0x[0-9a-f]{64}){0,31})")?\]'
)
_BETWEEN: Final = b'","0x'


class _Cut(NamedTuple):
    """A bundle taken apart. `frame`: between credential and leaf index, tree size, behind the path."""

    frame: tuple[bytes, bytes, bytes]
    credential: bytes
    leaf_index: int
    path: tuple[bytes, ...]


class BundleReader:
    """parse_bundle with a memory for frames. Thread-safe.

    Args:
        read_json: strict JSON reader.
    """

    def __init__(self, read_json: JsonReader = read_json_strictly) -> None:
        self._read_json = read_json
        self._frames: OrderedDict[tuple[bytes, bytes, bytes], tuple[Bundle, Receipt]] = OrderedDict()
        self._lock = Lock()

    def read(self, data: bytes) -> Bundle:
        """As parse_bundle, same errors."""
        cut = _cut(data)
        if cut is None:
            return parse_bundle(data, self._read_json)
        kept = self._frames.get(cut.frame)
        if kept is None:
            bundle = parse_bundle(data, self._read_json)
            self._keep(cut.frame, bundle, data)
            return bundle
        credential = self._credential(cut.credential)
        if credential is None:
            return parse_bundle(data, self._read_json)
        bundle, receipt = kept
        placed = Receipt(
            receipt.ledger_id,
            receipt.chain_id,
            receipt.contract,
            receipt.issuer,
            receipt.root,
            cut.leaf_index,
            receipt.tree_size,
            cut.path,
            receipt.block,
            receipt.extra,
        )
        return Bundle(credential, placed, bundle.directory_entry, bundle.presentation, bundle.extra)

    def _credential(self, text: bytes) -> str | None:
        """The value of a JSON string, None unless these bytes are one that is not empty."""
        try:
            value, _ = self._read_json(text)
        except InputError:
            return None
        return value if type(value) is str and value else None

    def _keep(self, frame: tuple[bytes, bytes, bytes], bundle: Bundle, data: bytes) -> None:
        """The frame of a bundle that encode_bundle writes so; the oldest one makes room."""
        receipt = bundle.receipt
        if receipt is None or sum(map(len, frame)) > LONGEST_FRAME or encode_bundle(bundle) != data:
            return
        with self._lock:
            self._frames[frame] = bundle, receipt
            if len(self._frames) > KEPT_FRAMES:
                self._frames.popitem(last=False)


def _cut(data: bytes) -> _Cut | None:
    """None where a bundle is not built like ours.

    In a text that is JSON, the first `,"leaf_index":` is a member's name, for inside a string the
    quotation marks would be escaped; and as encode_bundle writes it, it is the receipt's.
    """
    if not data.startswith(_START) or len(data) > MAX_BUNDLE_BYTES:
        return None
    end = data.find(b'"', len(_START) + 1) + 1
    at = data.find(_LEAF, end)
    found = _PLACE.match(data, at) if 0 < end < at else None
    if found is None:
        return None
    siblings = found[2]
    path: tuple[bytes, ...] = ()
    if siblings is not None:
        raw = bytes.fromhex(siblings.replace(_BETWEEN, b"").decode("ascii"))
        path = tuple([raw[i : i + 32] for i in range(0, len(raw), 32)])
    size_at = found.end(1)
    path_at = data.find(b"[", size_at)
    frame = data[end:at], data[size_at:path_at], data[found.end() :]
    return _Cut(frame, data[len(_START) : end], int(found[1]), path)
