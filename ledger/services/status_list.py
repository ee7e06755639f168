"""The public status list of an issuer: built from the chain view, signed, and checked when handed in.

Only the view says what is anchored. The store adds the ranges of batches that are closed but not on
chain, so that they read SUSPENDED (refused ones INVALID); every other index reads INVALID.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from ledger.core.errors import InputError
from ledger.core.jose import kid_of, make_jws, require_es256
from ledger.core.model import CREDENTIALS_PER_WORD, AnchorRecord, KeyRecord, ListedBatch, Purpose
from ledger.core.status_list import (
    MAX_ENTRIES,
    PUBLIC_BITS,
    PUBLIC_INVALID,
    PUBLIC_SUSPENDED,
    TOKEN_TYPE,
    StatusListToken,
    batch_value,
    encode_status_list,
    parse_status_list_token,
    parse_status_uri,
    status_value,
    worst,
)
from ledger.core.x5c import LeafFacts, validate_path, x5c_of
from ledger.ports import ChainView, CredentialSigner

OPEN_TTL_S = 60  # a batch is about to become VALID
QUIET_TTL_S = 300
LIFETIMES = 2  # a token lives two ttl: one publication may fail before consumers refuse
BITS_PER_STATUS = 4
_UNOWNED = 255  # while building: no batch owns this index


@dataclass(frozen=True, slots=True)
class OpenRange:
    """A range that the store has reserved for a batch. `size` in credentials.

    `root`: of its tree, once there is one; a range whose root is anchored shows what the chain says.
    """

    list: int
    first_word: int
    size: int
    refused: bool
    root: bytes | None = None


@dataclass(frozen=True, slots=True)
class PublishedList:
    """Public values of one list. `left_out`: ranges that lie beyond what a list may hold."""

    values: bytes
    has_open: bool
    left_out: int


@dataclass(slots=True)
class DrawnList:
    """The batches of a list that are on chain, drawn so far.

    Attributes:
        altered: state of the view's earlier batches (ChainView.altered).
        values: public values, 255 where no final batch is.
        roots: of the final batches.
        waiting: batches that are not final, looked at anew each time.
        left_out: how many lie beyond what a list may hold.
        highest: of the final batches, the anchor's block; -1 without any.
    """

    altered: int
    values: bytearray = field(default_factory=bytearray)
    roots: set[bytes] = field(default_factory=set)
    waiting: list[ListedBatch] = field(default_factory=list)
    left_out: int = 0
    highest: int = -1


def build_status_list(
    view: ChainView,
    issuer: str,
    list_number: int,
    ranges: Iterable[OpenRange],
    *,
    final_height: int | None = None,
) -> PublishedList:
    """Values of one list of an issuer.

    Args:
        view: the only source for what is anchored.
        issuer: USCC.
        list_number: the issuer's own number of the list.
        ranges: of batches that may not be on chain; those of other lists are ignored.
        final_height: blocks above it are not final; None: the view takes final blocks only.
    """
    drawn = draw_list(view, issuer, list_number, final_height=final_height)
    return with_ranges(drawn, list_number, ranges)


def draw_list(
    view: ChainView,
    issuer: str,
    list_number: int,
    before: DrawnList | None = None,
    *,
    final_height: int | None = None,
) -> DrawnList:
    """What the chain says of a list; of one that was drawn before only the batches that came since.

    Args:
        view: as for build_status_list.
        issuer: USCC.
        list_number: the issuer's own number of the list.
        before: of the same list; changed and given back when nothing in it was altered meanwhile, and nothing
            final ceased to be (a trust file that asks for more witnesses).
        final_height: as for build_status_list.
    """
    altered = view.altered()  # before the look at the batches: what is altered in between is drawn anew later
    drawn = before
    if drawn is None or drawn.altered != altered or _exceeds(drawn.highest, final_height):
        drawn = DrawnList(altered)
    drawn.waiting = []
    for batch in view.listed(issuer, list_number, drawn.roots):
        if _exceeds(batch.anchor.block.number, final_height):
            drawn.waiting.append(batch)
            continue
        shown = _shown(batch, is_final=True)
        drawn.left_out += not _place(drawn.values, batch.anchor.first_word, shown)
        drawn.roots.add(batch.anchor.root)
        drawn.highest = max(drawn.highest, batch.anchor.block.number)
    return drawn


def _exceeds(block: int, final_height: int | None) -> bool:
    return final_height is not None and block > final_height


def with_ranges(drawn: DrawnList, list_number: int, ranges: Iterable[OpenRange]) -> PublishedList:
    """The list with the ranges of batches that are not on chain. `drawn` stays as it is."""
    values = bytearray(drawn.values)
    has_open, left_out = bool(drawn.waiting), drawn.left_out
    known = drawn.roots | {batch.anchor.root for batch in drawn.waiting}
    for batch in drawn.waiting:
        left_out += not _place(values, batch.anchor.first_word, _shown(batch, is_final=False))
    for item in ranges:
        if item.list != list_number or item.root in known:
            continue
        has_open |= not item.refused
        value = PUBLIC_INVALID if item.refused else PUBLIC_SUSPENDED
        left_out += not _place(values, item.first_word, bytes([value]) * item.size)
    unowned_is_invalid = bytes(PUBLIC_INVALID if value == _UNOWNED else value for value in range(256))
    return PublishedList(bytes(values.translate(unowned_is_invalid)), has_open, left_out)


def batch_values(view: ChainView, anchor: AnchorRecord, *, is_final: bool) -> bytes:
    """Public values of a batch, leaf by leaf."""
    evidence = view.evidence(anchor.issuer, anchor.root, None)
    key = evidence.key if evidence is not None else None
    held = evidence.grants.values() if evidence is not None else ()
    words = view.status_words(anchor.issuer, anchor.root)
    grants = tuple(grant for some in held for grant in some)
    return _shown(ListedBatch(anchor, key, grants, words), is_final=is_final)


def _shown(batch: ListedBatch, *, is_final: bool) -> bytes:
    anchor = batch.anchor
    best = batch_value(anchor, batch.key, batch.grants, is_final)
    shown = bytearray([best]) * anchor.size
    if best == PUBLIC_INVALID:
        return bytes(shown)
    for word, packed in batch.words.items():
        first = word * CREDENTIALS_PER_WORD
        for leaf in range(first, min(first + CREDENTIALS_PER_WORD, anchor.size)):
            status = packed >> (leaf - first) * BITS_PER_STATUS & 15
            if status:
                shown[leaf] = worst(shown[leaf], status_value(status))
    return bytes(shown)


def _place(values: bytearray, first_word: int, shown: bytes) -> bool:
    """Writes a range; where ranges overlap the worse value stays. False: beyond the longest list."""
    start = first_word * CREDENTIALS_PER_WORD
    end = start + len(shown)
    if end > MAX_ENTRIES:
        return False
    if end > len(values):
        # a batch owns whole words: their unused end is nobody's
        words = -(-end // CREDENTIALS_PER_WORD)
        values.extend(bytes([_UNOWNED]) * (words * CREDENTIALS_PER_WORD - len(values)))
    if values.count(_UNOWNED, start, end) == len(shown):
        values[start:end] = shown
        return True
    for at, value in enumerate(shown, start):
        values[at] = value if values[at] == _UNOWNED else worst(values[at], value)
    return True


def make_status_list_token(published: PublishedList, *, uri: str, signer: CredentialSigner, now: int) -> str:
    """The signed token of a list.

    Args:
        published: values of the list; an empty list is written as one word of INVALID.
        uri: address of the list (ledger.core.status_list.status_uri); its agency becomes `iss`.
        signer: the agency's key of purpose status, with certificates.
        now: seconds.
    """
    ttl = OPEN_TTL_S if published.has_open else QUIET_TTL_S
    values = published.values or bytes([PUBLIC_INVALID]) * CREDENTIALS_PER_WORD
    payload = {
        "iss": parse_status_uri(uri).iss,
        "sub": uri,
        "iat": now,
        "exp": now + LIFETIMES * ttl,
        "ttl": ttl,
        "status_list": {"bits": PUBLIC_BITS, "lst": encode_status_list(values)},
    }
    return make_jws(TOKEN_TYPE, payload, signer, signer.x5c)


def check_token(
    text: str, *, uri: str, keys: Iterable[KeyRecord], anchors_x509: Sequence[bytes], now: int
) -> StatusListToken:
    """A token that may be believed: of this list, fresh, signed by a key of purpose status.

    Args:
        text: compact JWS.
        uri: `status.status_list.uri` of the credential.
        keys: registered keys of the issuer.
        anchors_x509: trusted certificates, DER.
        now: seconds.

    Raises: InputError(LIST_TOKEN_SHAPE, LIST_TOKEN_URI, LIST_TOKEN_SIGNATURE, LIST_TOKEN_PURPOSE,
        LIST_TOKEN_EXPIRED); `detail["reason"]` is the finer code where there is one.
    """
    token = parse_status_list_token(text)
    if token.uri != uri:
        raise InputError("LIST_TOKEN_URI", "the token is of another list", sub=token.uri, expected=uri)
    leaf = _verify(token, anchors_x509)
    _require_purpose(token, {kid_of(key.thumbprint): key for key in keys})
    iss = parse_status_uri(uri).iss
    if iss not in leaf.uris or token.iss not in {None, iss}:
        raise InputError("LIST_TOKEN_SIGNATURE", "the certificate is of another agency", reason="ISS")
    end = min(token.expires_at, token.issued_at + LIFETIMES * token.ttl_s)
    if not token.issued_at - CLOCK_LEEWAY_S <= now < end:
        raise InputError(
            "LIST_TOKEN_EXPIRED",
            "the token is not of now",
            now=now,
            issued_at=token.issued_at,
            expires_at=token.expires_at,
        )
    return token


CLOCK_LEEWAY_S = 60  # the publisher's clock may be ahead of ours


def _verify(token: StatusListToken, anchors_x509: Sequence[bytes]) -> LeafFacts:
    try:
        leaf = validate_path(x5c_of(token.header), anchors_x509, token.issued_at)
        require_es256(leaf.public_jwk, token.signing_input, token.signature)
    except InputError as error:
        raise InputError(
            "LIST_TOKEN_SIGNATURE", "the token's signature is not good", reason=error.code
        ) from error
    if token.kid != kid_of(leaf.thumbprint):
        raise InputError("LIST_TOKEN_SIGNATURE", "kid and certificate name different keys", reason="KID")
    return leaf


def _require_purpose(token: StatusListToken, keys: Mapping[str, KeyRecord]) -> None:
    """The key is the agency's, of purpose status, in force and honest when it signed."""
    key = keys.get(token.kid)
    reason = None
    if key is None:
        reason = "UNREGISTERED"
    elif key.purpose != Purpose.STATUS:
        reason = "PURPOSE"
    elif not key.valid_from <= token.issued_at < key.valid_until:
        reason = "RETIRED"
    elif key.compromised_since is not None and key.compromised_since <= token.issued_at:
        reason = "COMPROMISED"
    if reason is not None:
        raise InputError("LIST_TOKEN_PURPOSE", "the key may not sign this agency's lists", reason=reason)
