"""Token Status List: the codec, the list's address, and which value a credential shows in public.

The public list has 2 bits and registered values only, since some standard verifiers take any other
value for good: 0 VALID, 1 INVALID, 2 SUSPENDED. What the chain knows more finely stays with our own
verifier. An index that no final batch owns is never VALID.

Source: Token Status List, draft-ietf-oauth-status-list-21, §4 (codec), §5.1 (JWT), §7 (values); the
only place that cites it. Table of values: architecture section 3.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from ledger.core.errors import InputError
from ledger.core.grants import GrantState, grant_state
from ledger.core.jose import b64url_decode, b64url_encode, parse_jws
from ledger.core.model import AnchorRecord, GrantRecord, KeyRecord
from ledger.core.status import Status

PUBLIC_VALID, PUBLIC_INVALID, PUBLIC_SUSPENDED = 0, 1, 2
PUBLIC_BITS = 2
MAX_ENTRIES = 2**24  # 4 MiB unpacked: a list that somebody else compressed may not fill our memory
MAX_TOKEN_BYTES = 8 * 1024 * 1024
TOKEN_TYPE = "statuslist+jwt"  # noqa: S105 (a media type, no secret)
ALLOWED_BITS: Final = (1, 2, 4, 8)
_COMPRESSION = 9  # §4.1 recommends the highest level
_SEVERITY: Final = {PUBLIC_VALID: 0, PUBLIC_SUSPENDED: 1, PUBLIC_INVALID: 2}
_URI: Final = re.compile(
    r"(?P<iss>https://[^\s?#]+)/status/(?P<ledger>[0-9a-f]{64})/(?P<number>0|[1-9][0-9]{0,9})"
)
_MAX_LIST_NUMBER = 2**32 - 1


@dataclass(frozen=True, slots=True)
class StatusList:
    """Unpacked list: `bits` a value, the first value in the lowest bits of the first byte."""

    data: bytes
    bits: int

    def __len__(self) -> int:
        return len(self.data) * 8 // self.bits

    def value(self, idx: int) -> int:
        """Value at an index.

        Raises: InputError(STATUS_INDEX_RANGE).
        """
        if not 0 <= idx < len(self):
            raise InputError("STATUS_INDEX_RANGE", "the list has no such index", idx=idx, size=len(self))
        position = idx * self.bits
        return self.data[position >> 3] >> (position & 7) & ((1 << self.bits) - 1)


def pack_values(values: Sequence[int] | bytes | bytearray, bits: int) -> bytes:
    """Values side by side, the first in the lowest bits; the rest of the last byte is 0."""
    if bits not in ALLOWED_BITS or any(value >> bits for value in set(values)):
        raise RuntimeError("a value does not fit its bits")
    per_byte = 8 // bits
    padded = bytes(values) + bytes(-len(values) % per_byte)
    packed = int.from_bytes(padded[::per_byte], "little")
    for offset in range(1, per_byte):
        packed |= int.from_bytes(padded[offset::per_byte], "little") << (offset * bits)
    return packed.to_bytes(len(padded) // per_byte, "little")


def encode_status_list(values: Sequence[int] | bytes | bytearray, bits: int = PUBLIC_BITS) -> str:
    """`lst` of a list: packed, zlib, base64url. `bits` in {1, 2, 4, 8}, each value below 2^bits."""
    return b64url_encode(zlib.compress(pack_values(values, bits), _COMPRESSION))


def decode_status_list(lst: str, bits: int, *, max_entries: int = MAX_ENTRIES) -> StatusList:
    """The list behind `lst`.

    Raises: InputError(STATUS_LIST_SHAPE): not base64url, not one whole zlib stream, something behind
        it, more than `max_entries`, or bits that do not exist.
    """
    if type(bits) is not int or bits not in ALLOWED_BITS:
        raise InputError("STATUS_LIST_SHAPE", "bits is 1, 2, 4 or 8", reason="BITS")
    most = max_entries * bits // 8
    try:
        stream = zlib.decompressobj()
        data = stream.decompress(b64url_decode(lst), most + 1)
    except (InputError, zlib.error) as error:
        raise InputError(
            "STATUS_LIST_SHAPE", "lst is not a zlib stream in base64url", reason="LST"
        ) from error
    if len(data) > most:
        raise InputError("STATUS_LIST_SHAPE", "the list is too long", reason="SIZE", maximum=max_entries)
    if not stream.eof or stream.unused_data:
        raise InputError("STATUS_LIST_SHAPE", "lst is not exactly one zlib stream", reason="LST")
    return StatusList(data, bits)


@dataclass(frozen=True, slots=True)
class StatusUri:
    """The parts of a list's address. `ledger_id` is 32 bytes, `number` the issuer's list number."""

    iss: str
    ledger_id: bytes
    number: int


def status_uri(iss: str, ledger_id: bytes, list_number: int) -> str:
    """Address of a list: `<iss>/status/<ledger id hex>/<list number>` (docs/formats.md)."""
    return f"{iss}/status/{ledger_id.hex()}/{list_number}"


def parse_status_uri(uri: str) -> StatusUri:
    """Parts of an address.

    Raises: InputError(STATUS_URI).
    """
    match = _URI.fullmatch(uri)
    if match is None or int(match["number"]) > _MAX_LIST_NUMBER:
        raise InputError("STATUS_URI", "not the address of a status list")
    return StatusUri(match["iss"], bytes.fromhex(match["ledger"]), int(match["number"]))


def worst(first: int, second: int) -> int:
    """The worse of two public values: INVALID, then SUSPENDED, then VALID."""
    return first if _SEVERITY[first] >= _SEVERITY[second] else second


def published_value(
    anchor: AnchorRecord,
    key: KeyRecord | None,
    grants: Iterable[GrantRecord],
    status: int,
    is_final: bool,  # noqa: FBT001 (one column of the architecture's table)
) -> int:
    """What the public list shows for a credential.

    Args:
        anchor: of its batch.
        key: the key that the anchor names, None if the view does not have it.
        grants: every interval of the anchor's type of the issuer and of all its ancestors, each one's
            oldest first.
        status: chain status, 0..15.
        is_final: whether the anchor's block is final.

    Returns: 0 only if the batch is final and nothing else applies; 2 while it is not final, for
        PENDING and SUSPENDED; 1 for a withdrawn batch, a key compromised at or before the anchor, a
        grant that was not good when anchored (withdrawn by then, or since with a breaking cause that
        covers it), and every other status.
    """
    return worst(batch_value(anchor, key, grants, is_final), status_value(status))


def status_value(status: int) -> int:
    """What a chain status alone would show; one that is not defined counts as ended."""
    if status == Status.VALID:
        return PUBLIC_VALID
    return PUBLIC_SUSPENDED if status in {Status.PENDING, Status.SUSPENDED} else PUBLIC_INVALID


def batch_value(
    anchor: AnchorRecord,
    key: KeyRecord | None,
    grants: Iterable[GrantRecord],
    is_final: bool,  # noqa: FBT001 (as in published_value)
) -> int:
    """What a batch alone lets its credentials show at best."""
    if anchor.withdrawn_at is not None:
        return PUBLIC_INVALID
    if key is not None and key.compromised_since is not None and key.compromised_since <= anchor.anchored_at:
        return PUBLIC_INVALID
    if not _are_good(grants, anchor.anchored_at):
        return PUBLIC_INVALID
    return PUBLIC_VALID if is_final and key is not None else PUBLIC_SUSPENDED


def _are_good(grants: Iterable[GrantRecord], at: int) -> bool:
    """Whether each holder's history entitles at `at`, as checks 10 and 11 of verification ask."""
    histories: dict[str, list[GrantRecord]] = {}
    for grant in grants:
        histories.setdefault(grant.issuer, []).append(grant)
    return all(grant_state(history, at) is GrantState.GOOD for history in histories.values())


def lasts_s(text: str, now: int) -> int:
    """How many seconds a token that we made may be kept: its ttl, but not beyond its end; negative after it.

    Raises: InputError(JWS_*, JSON_*) when it is none.
    """
    payload = parse_jws(text, max_bytes=MAX_TOKEN_BYTES).payload
    return min(int(payload["ttl"]), int(payload["exp"]) - now)


PUBLISHED_WITHIN_S: Final = 10
"""From a change's command until the list that shows it lies there, with a block a second and a worker at work."""


def keep_s(text: str, now: int) -> int:
    """How many seconds a cache may keep a token that we made, so that a change is known after `ttl` at the latest.

    What the token says is as old as the token: its age counts, and so does what the next one takes to come. 0: ask
    again each time.

    Raises: InputError(JWS_*, JSON_*) when it is none.
    """
    payload = parse_jws(text, max_bytes=MAX_TOKEN_BYTES).payload
    fresh_until = int(payload["iat"]) + int(payload["ttl"]) - PUBLISHED_WITHIN_S
    return max(0, min(fresh_until, int(payload["exp"])) - now)


@dataclass(frozen=True, slots=True)
class StatusListToken:
    """A status list token as read; nothing is verified. Times in seconds."""

    text: str
    kid: str
    iss: str | None
    uri: str
    issued_at: int
    expires_at: int
    ttl_s: int
    statuses: StatusList
    header: dict[str, Any]
    signing_input: bytes
    signature: bytes


def parse_status_list_token(text: str) -> StatusListToken:
    """A status list token with all the members that we write.

    Raises: InputError(LIST_TOKEN_SHAPE); `detail["reason"]` is the finer code or the member.
    """
    try:
        jws = parse_jws(text, max_bytes=MAX_TOKEN_BYTES)
        header, payload = jws.header, jws.payload
        entries = payload.get("status_list")
        _require("alg", header.get("alg") == "ES256")
        _require("typ", header.get("typ") == TOKEN_TYPE)
        _require("kid", isinstance(header.get("kid"), str))
        _require("sub", isinstance(payload.get("sub"), str))
        _require("iss", isinstance(payload.get("iss", ""), str))
        for name in ("iat", "exp", "ttl"):
            _require(name, type(payload.get(name)) is int and payload[name] >= 0)
        if not isinstance(entries, dict) or not isinstance(entries.get("lst"), str):
            raise InputError("LIST_TOKEN_SHAPE", "the token has no status_list", reason="status_list")
        statuses = decode_status_list(entries["lst"], entries.get("bits", 0))
    except InputError as error:
        if error.code == "LIST_TOKEN_SHAPE":
            raise
        raise InputError(
            "LIST_TOKEN_SHAPE", "the status list token cannot be read", reason=error.code
        ) from error
    return StatusListToken(
        text=text,
        kid=header["kid"],
        iss=payload.get("iss"),
        uri=payload["sub"],
        issued_at=payload["iat"],
        expires_at=payload["exp"],
        ttl_s=payload["ttl"],
        statuses=statuses,
        header=dict(header),
        signing_input=jws.signing_input,
        signature=jws.signature,
    )


def _require(member: str, is_good: bool) -> None:  # noqa: FBT001 (an assertion with a name)
    if not is_good:
        raise InputError("LIST_TOKEN_SHAPE", f"the status list token has no usable {member}", reason=member)
