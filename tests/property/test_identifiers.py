"""What the check characters promise, and that parsers only ever answer or raise InputError."""

import string
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.core.errors import InputError
from ledger.core.identifiers import (
    licence_identifier_maker,
    make_licence_identifier,
    mod11_10_check,
    mod37_36_check,
    organisation_check,
    parse_food_licence,
    parse_licence_identifier,
    parse_resident_id,
    parse_uscc,
    resident_id_check,
    uscc_check,
)
from ledger.demo_data import demo_resident_id, demo_uscc

USCC_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
ALPHANUMERIC = string.digits + string.ascii_uppercase
PARSERS = [parse_uscc, parse_resident_id, parse_licence_identifier, parse_food_licence]

uscc_bodies = st.tuples(
    st.text(USCC_ALPHABET, min_size=2, max_size=2),
    st.text(string.digits, min_size=6, max_size=6),
    st.text(USCC_ALPHABET, min_size=8, max_size=8),
)
people = st.tuples(
    st.sampled_from(["990101", "110105", "540102", "810000"]),
    st.dates(min_value=date(1850, 1, 1), max_value=date(2026, 11, 22)),
    st.integers(0, 999),
)
bodies = st.text(ALPHANUMERIC, min_size=2, max_size=60)


def changed_once(text, alphabet):
    """Every text that differs in one place."""
    for i, old in enumerate(text):
        for new in alphabet:
            if new != old:
                yield text[:i] + new + text[i + 1 :]


def swapped_once(text):
    """Every text with two different neighbours swapped."""
    for i in range(len(text) - 1):
        if text[i] != text[i + 1]:
            yield text[:i] + text[i + 1] + text[i] + text[i + 2 :]


def is_refused(parse, text):
    try:
        parse(text)
    except InputError:
        return True
    return False


@given(uscc_bodies)
def test_uscc_notices_every_changed_and_every_swapped_character(parts):
    value = demo_uscc(*parts)
    parse_uscc(value)
    assert all(is_refused(parse_uscc, wrong) for wrong in changed_once(value, USCC_ALPHABET))
    assert all(is_refused(parse_uscc, wrong) for wrong in swapped_once(value))


@given(people)
def test_resident_id_notices_every_changed_and_every_swapped_digit(person):
    value = demo_resident_id(*person)
    parse_resident_id(value)
    assert all(is_refused(parse_resident_id, wrong) for wrong in changed_once(value, "0123456789X"))
    assert all(is_refused(parse_resident_id, wrong) for wrong in swapped_once(value))


@given(st.text(ALPHANUMERIC, min_size=1, max_size=64), st.integers(1, 999))
def test_licence_identifier_round_trip_and_every_changed_character_is_noticed(serial, version):
    text = make_licence_identifier("11100000000013338W901", "11110000000021135M", serial, version)
    assert str(parse_licence_identifier(text)) == text
    start = text.index(serial, len("1.2.156.3005.2.11100000000013338W901.11110000000021135M."))
    for i in range(start, start + len(serial)):
        for new in ALPHANUMERIC:
            if new != text[i]:
                assert is_refused(parse_licence_identifier, text[:i] + new + text[i + 1 :])


@given(st.text(ALPHANUMERIC, min_size=1, max_size=64), st.integers(1, 999))
def test_the_batch_form_makes_the_same_identifier(serial, version):
    parts = ("11100000000013338W901", "11110000000021135M")
    assert licence_identifier_maker(*parts, version)(serial) == make_licence_identifier(
        *parts, serial, version
    )


@given(bodies)
def test_mod37_36_notices_every_changed_character(body):
    value = body + mod37_36_check(body)
    for wrong in changed_once(value, ALPHANUMERIC):
        assert mod37_36_check(wrong[:-1]) != wrong[-1]


@given(bodies)
def test_mod37_36_notices_swapped_neighbours_but_for_the_pairs_that_iso_7064_admits(body):
    """A hybrid system misses a swap only where both orders lead to the same state (ISO 7064 §8)."""
    missed = [wrong for wrong in swapped_once(body) if mod37_36_check(wrong) == mod37_36_check(body)]
    for wrong in missed:
        i = next(k for k in range(len(body)) if body[k] != wrong[k])
        assert mod37_36_check(wrong[: i + 2]) == mod37_36_check(body[: i + 2])


@given(st.text(string.digits, min_size=13, max_size=13))
def test_food_licence_notices_every_changed_digit(body):
    value = f"JY{body}{mod11_10_check(body)}"
    parse_food_licence(value)
    for wrong in changed_once(value[2:], string.digits):
        assert is_refused(parse_food_licence, f"JY{wrong}")


@pytest.mark.parametrize("parse", PARSERS)
@given(text=st.one_of(st.text(max_size=80), st.text(ALPHANUMERIC + ".", max_size=90), st.binary().map(str)))
def test_parsers_answer_or_raise_input_error(parse, text):
    try:
        parse(text)
    except InputError as error:
        assert error.code.isupper()  # noqa: PT017 - success is allowed too


@given(uscc_bodies)
def test_slow_transcription_of_gb_32100(parts):
    body = "".join(parts) + organisation_check(parts[2])
    total = sum(USCC_ALPHABET.index(c) * (3**i % 31) for i, c in enumerate(body))
    assert uscc_check(body) == USCC_ALPHABET[(31 - total % 31) % 31]


@given(people)
def test_slow_transcription_of_gb_11643(person):
    value = demo_resident_id(*person)
    digits = [10 if c == "X" else int(c) for c in value]
    assert sum(d * 2 ** (17 - i) for i, d in enumerate(digits)) % 11 == 1
    assert resident_id_check(value[:17]) == value[17]
