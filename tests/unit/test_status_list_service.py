"""The published list as a whole, its token, and tokens that may not be believed."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from ledger.core.errors import InputError
from ledger.core.jose import make_jws, parse_jws
from ledger.core.model import AnchorRecord, BlockRef, GrantRecord, Purpose
from ledger.core.status import Status
from ledger.core.status_list import PUBLISHED_WITHIN_S, keep_s, parse_status_list_token, status_uri
from ledger.services.status_list import (
    OpenRange,
    PublishedList,
    build_status_list,
    check_token,
    draw_list,
    make_status_list_token,
    with_ranges,
)
from tests.interop.world import ISS, ISSUER, LEDGER_ID, LIST, FixedView, World

WORLD = World()
NOW = WORLD.now
KEYS = WORLD.view.keys(ISSUER)
ANCHORS = [WORLD.root.certificate]


def view_of(*batches: tuple[int, int, dict[int, int]]) -> FixedView:
    """Batches as (first word, size, status words)."""
    view = FixedView()
    view.key_records = {1: KEYS[0]}
    for number, (first_word, size, words) in enumerate(batches):
        root = hashlib.sha256(bytes([number])).digest()
        view.records.append(
            AnchorRecord(
                ISSUER,
                root,
                1,
                1,
                size,
                NOW - 60,
                LIST,
                first_word,
                False,
                bytes(32),
                bytes(32),
                bytes(32),
                bytes(32),
                BlockRef(number + 1, root, NOW - 60),
                root,
                None,
                None,
            )
        )
        view.grants[root] = (GrantRecord(ISSUER, 1, 0, 2**40, None, None, None),)
        view.words[root] = words
    return view


def values(view: FixedView, *ranges: OpenRange, **options: Any) -> bytes:
    return build_status_list(view, ISSUER, LIST, ranges, **options).values


def test_only_leaves_of_a_batch_are_good() -> None:
    shown = values(view_of((1, 3, {})))
    assert shown == bytes([1] * 64 + [0] * 3 + [1] * 61)


def test_words_of_64_statuses_are_read_from_the_low_end() -> None:
    words = {0: int(Status.SUSPENDED) << 4 * 63, 1: int(Status.REVOKED) | int(Status.PENDING) << 4}
    shown = values(view_of((0, 70, words)))
    assert {index: value for index, value in enumerate(shown[:70]) if value} == {63: 2, 64: 1, 65: 2}


def test_bits_beyond_the_size_do_not_matter() -> None:
    assert values(view_of((0, 2, {0: 2**256 - 1, 9: 5})))[:3] == bytes([1, 1, 1])


def test_overlapping_ranges_show_the_worst() -> None:
    first = (0, 4, {0: int(Status.SUSPENDED)})
    second = (0, 4, {0: int(Status.REVOKED) | int(Status.REVOKED) << 4})
    for batches in ((first, second), (second, first)):
        assert values(view_of(*batches))[:4] == bytes([1, 1, 0, 0])
    assert values(view_of(first), OpenRange(LIST, 0, 2, refused=False))[:4] == bytes([2, 2, 0, 0])
    assert values(view_of(first), OpenRange(LIST, 0, 2, refused=True))[:4] == bytes([1, 1, 0, 0])


def test_a_range_whose_batch_is_on_chain_shows_what_the_chain_says() -> None:
    view = view_of((0, 2, {}))
    root = view.records[0].root
    assert values(view, OpenRange(LIST, 0, 2, refused=False, root=root))[:2] == bytes(2)
    assert values(view, OpenRange(LIST, 0, 2, refused=False, root=bytes(32)))[:2] == bytes([2, 2])


def test_a_list_is_made_without_a_look_at_each_batch() -> None:
    class Listed(FixedView):
        """What a list of thousands of batches cannot afford."""

        def evidence(self, *_: Any, **__: Any) -> Any:
            raise AssertionError("one look for each batch")

        status_words = anchors = evidence  # type: ignore[assignment]

    view = Listed()
    view.__dict__.update(view_of((0, 1, {}), (1, 1, {})).__dict__)
    assert values(view)[0] == values(view)[64] == 0


def test_a_list_goes_on_where_it_was_and_is_drawn_anew_when_something_was_altered() -> None:
    view = view_of((0, 2, {}))
    drawn = draw_list(view, ISSUER, LIST)
    grown = view_of((0, 2, {0: int(Status.REVOKED)}), (1, 1, {0: int(Status.SUSPENDED)}))
    went_on = draw_list(grown, ISSUER, LIST, drawn)
    assert with_ranges(went_on, LIST, ()).values[:2] + went_on.values[64:65] == bytes([0, 0, 2])
    grown.changes = 1
    anew = draw_list(grown, ISSUER, LIST, went_on)
    assert with_ranges(anew, LIST, ()) == build_status_list(grown, ISSUER, LIST, ())
    assert anew.values[:2] == bytes([1, 0])
    shown = with_ranges(anew, LIST, [OpenRange(LIST, 3, 1, refused=False)])
    assert (shown.has_open, len(shown.values), len(anew.values)) == (True, 256, 128)


def test_other_lists_and_documents_are_left_out() -> None:
    view = view_of((0, 4, {}), (1, 4, {}), (2, 4, {}))
    view.records[1] = replace(view.records[1], list=LIST + 1)
    view.records[2] = replace(view.records[2], type_id=0)
    assert len(values(view, OpenRange(LIST + 1, 9, 4, refused=False))) == 64


def test_blocks_above_the_final_height_are_suspended() -> None:
    view = view_of((0, 1, {}), (1, 1, {}))
    built = build_status_list(view, ISSUER, LIST, (), final_height=1)
    assert (built.values[0], built.values[64], built.has_open) == (0, 2, True)
    assert not build_status_list(view, ISSUER, LIST, (), final_height=2).has_open


def test_what_ceases_to_be_final_is_drawn_anew() -> None:
    view = view_of((0, 1, {}), (1, 1, {}))
    drawn = draw_list(view, ISSUER, LIST, final_height=2)
    same = draw_list(view, ISSUER, LIST, drawn, final_height=5)
    assert same is drawn
    lower = draw_list(view, ISSUER, LIST, drawn, final_height=1)  # the trust file asks for more witnesses now
    built = with_ranges(lower, LIST, ())
    assert (built.values[0], built.values[64], built.has_open) == (0, 2, True)


def test_a_range_far_away_cannot_fill_the_memory() -> None:
    built = build_status_list(view_of((0, 1, {}), (2**31, 1, {})), ISSUER, LIST, ())
    assert (len(built.values), built.left_out) == (64, 1)


@pytest.mark.parametrize(
    ("ranges", "ttl"),
    [((), 300), ([OpenRange(LIST, 1, 5, refused=True)], 300), ([OpenRange(LIST, 1, 5, refused=False)], 60)],
)
def test_a_list_with_open_batches_is_short_lived(ranges: list[OpenRange], ttl: int) -> None:
    built = build_status_list(view_of((0, 1, {})), ISSUER, LIST, ranges)
    text = make_status_list_token(built, uri=WORLD.uri, signer=WORLD.status_signer, now=NOW)
    token = parse_status_list_token(text)
    assert (token.ttl_s, token.issued_at, token.expires_at) == (ttl, NOW, NOW + 2 * ttl)
    assert (token.uri, token.iss, token.statuses.bits) == (WORLD.uri, ISS, 2)


@pytest.mark.parametrize(("is_open", "ttl"), [(True, 60), (False, 300)])
def test_what_a_cache_keeps_is_never_older_than_the_ttl(*, is_open: bool, ttl: int) -> None:
    text = make_status_list_token(
        PublishedList(bytes(64), is_open, 0), uri=WORLD.uri, signer=WORLD.status_signer, now=NOW
    )
    for age in range(3 * ttl):
        kept = keep_s(text, NOW + age)
        # whoever fetched at that moment and asks again when the cache says so knows of a change by then
        assert kept == 0 or age + kept + PUBLISHED_WITHIN_S <= ttl
    assert keep_s(text, NOW) == ttl - PUBLISHED_WITHIN_S


def test_an_empty_list_says_invalid() -> None:
    text = make_status_list_token(
        PublishedList(b"", False, 0), uri=WORLD.uri, signer=WORLD.status_signer, now=NOW
    )
    assert check(text).statuses.value(0) == 1


def check(text: str, **changes: Any) -> Any:
    given: dict[str, Any] = {"uri": WORLD.uri, "keys": KEYS, "anchors_x509": ANCHORS, "now": NOW, **changes}
    return check_token(text, **given)


GOOD = make_status_list_token(
    build_status_list(view_of((0, 1, {})), ISSUER, LIST, ()),
    uri=WORLD.uri,
    signer=WORLD.status_signer,
    now=NOW,
)


def signed(
    signer: Any = WORLD.status_signer, *, typ: str = "statuslist+jwt", x5c: Any = None, **changes: Any
) -> str:
    members = {
        name: value for name, value in {**parse_jws(GOOD).payload, **changes}.items() if value is not None
    }
    return make_jws(typ, members, signer, signer.x5c if x5c is None else x5c)


def key(**changes: Any) -> dict[str, Any]:
    return {
        "keys": [
            replace(record, **changes) if record.purpose == Purpose.STATUS else record for record in KEYS
        ]
    }


STRANGER = World()
ELSEWHERE = WORLD._signer("https://other.demo.example")
LIES: dict[str, tuple[Callable[[], Any], str]] = {
    "flipped bit": (
        lambda: check(GOOD[:-3] + ("A" if GOOD[-3] != "A" else "B") + GOOD[-2:]),
        "LIST_TOKEN_SIGNATURE",
    ),
    "without certificates": (lambda: check(signed(x5c=())), "LIST_TOKEN_SIGNATURE"),
    "kid of another key": (lambda: check(signed(x5c=WORLD.signer.x5c)), "LIST_TOKEN_SIGNATURE"),
    "another root": (lambda: check(signed(STRANGER.status_signer)), "LIST_TOKEN_SIGNATURE"),
    "certificate of another agency": (
        lambda: check(signed(ELSEWHERE), **key(thumbprint=ELSEWHERE.thumbprint)),
        "LIST_TOKEN_SIGNATURE",
    ),
    "iss of another agency": (
        lambda: check(signed(iss="https://other.demo.example")),
        "LIST_TOKEN_SIGNATURE",
    ),
    "a credential key": (lambda: check(signed(WORLD.signer)), "LIST_TOKEN_PURPOSE"),
    "unregistered key": (lambda: check(GOOD, keys=[]), "LIST_TOKEN_PURPOSE"),
    "key retired": (lambda: check(GOOD, **key(valid_until=NOW)), "LIST_TOKEN_PURPOSE"),
    "key not yet valid": (lambda: check(GOOD, **key(valid_from=NOW + 1)), "LIST_TOKEN_PURPOSE"),
    "key compromised": (lambda: check(GOOD, **key(compromised_since=NOW)), "LIST_TOKEN_PURPOSE"),
    "another list": (lambda: check(GOOD, uri=status_uri(ISS, LEDGER_ID, 9)), "LIST_TOKEN_URI"),
    "another list's token": (lambda: check(signed(sub=status_uri(ISS, LEDGER_ID, 9))), "LIST_TOKEN_URI"),
    "expired": (lambda: check(GOOD, now=NOW + 600), "LIST_TOKEN_EXPIRED"),
    "from the future": (lambda: check(GOOD, now=NOW - 61), "LIST_TOKEN_EXPIRED"),
    "long exp, short ttl": (lambda: check(signed(exp=NOW + 9999), now=NOW + 601), "LIST_TOKEN_EXPIRED"),
    "no ttl": (lambda: check(signed(ttl=None)), "LIST_TOKEN_SHAPE"),
    "no iat": (lambda: check(signed(iat=None)), "LIST_TOKEN_SHAPE"),
    "wrong typ": (lambda: check(signed(typ="JWT")), "LIST_TOKEN_SHAPE"),
    "no list": (lambda: check(signed(status_list=None)), "LIST_TOKEN_SHAPE"),
    "bits as text": (
        lambda: check(signed(status_list={"bits": "2", "lst": "eNoDAAAAAAE"})),
        "LIST_TOKEN_SHAPE",
    ),
    "not a JWS": (lambda: check("nonsense"), "LIST_TOKEN_SHAPE"),
    "empty list object": (lambda: check(signed(status_list={})), "LIST_TOKEN_SHAPE"),
}


def test_a_good_token_is_believed_until_it_ends() -> None:
    for now in (NOW - 60, NOW, NOW + 599):
        assert check(GOOD, now=now).statuses.value(0) == 0
    header = parse_status_list_token(GOOD).header
    assert (header["alg"], header["typ"], len(header["x5c"])) == ("ES256", "statuslist+jwt", 2)


@pytest.mark.parametrize("sentence", LIES)
def test_lies(sentence: str) -> None:
    attempt, code = LIES[sentence]
    with pytest.raises(InputError) as error:
        attempt()
    assert error.value.code == code
