"""Identifiers against held vectors and, where it is there, the whole shared vector file."""

import json
from datetime import date
from pathlib import Path

import pytest

from ledger.core.errors import InputError
from ledger.core.identifiers import (
    is_demo_resident_id,
    is_demo_uscc,
    make_licence_identifier,
    mod37_36_check,
    parse_food_licence,
    parse_licence_identifier,
    parse_resident_id,
    parse_uscc,
)
from ledger.core.sm3 import sm3
from tests.needs import SHARED

HELD = json.loads((Path(__file__).parents[2] / "vectors/identifiers.json").read_text(encoding="utf-8"))
PARSERS = {
    "uscc": parse_uscc,
    "resident_id": parse_resident_id,
    "food_licence": parse_food_licence,
    "licence_identifier": parse_licence_identifier,
}
TYPE_CODE = "11100000000013338W901"
ISSUER = "11110000000021135M"


def cases(part):
    return [(kind, case) for kind in PARSERS for case in HELD[kind][part]]


@pytest.mark.parametrize(("kind", "case"), cases("good"))
def test_published_numbers_are_accepted(kind, case):
    PARSERS[kind](case["value"])


@pytest.mark.parametrize(("kind", "case"), cases("bad"))
def test_published_placeholders_are_refused(kind, case):
    with pytest.raises(InputError):
        PARSERS[kind](case["value"])


@pytest.mark.parametrize(("kind", "case"), cases("lies"))
def test_one_change_is_named(kind, case):
    with pytest.raises(InputError) as caught:
        PARSERS[kind](case["value"])
    assert caught.value.code == case["code"]


@pytest.mark.needs("shared")
def test_every_shared_vector():
    shared = json.loads((SHARED / "data/identifier_vectors.json").read_text(encoding="utf-8"))
    seen = 0
    for kind, parse in PARSERS.items():
        for case in shared[kind]:
            seen += 1
            if case["valid"]:
                parse(case["value"])
            else:
                with pytest.raises(InputError):
                    parse(case["value"])
    assert seen >= 30
    for case in shared["iso7064_mod37_36_short"]:
        assert mod37_36_check(case["body"]) == case["check"]
    for case in shared["sm3"]:
        assert sm3(case["ascii"].encode()).hex() == case["hex"]


@pytest.mark.parametrize("case", HELD["mod37_36"])
def test_mod37_36(case):
    assert mod37_36_check(case["body"]) == case["check"]


@pytest.mark.parametrize("case", HELD["sm3"])
def test_sm3(case):
    assert sm3(case["ascii"].encode()).hex() == case["hex"]


def test_parts_of_a_uscc():
    uscc = parse_uscc("91350100M000100Y43")
    assert (uscc.authority, uscc.body_class, uscc.division, uscc.organisation_code) == (
        "9",
        "1",
        "350100",
        "M000100Y4",
    )


def test_parts_of_a_resident_id():
    found = parse_resident_id("11010519491231002X")
    assert (found.division, found.born, found.is_male) == ("110105", date(1949, 12, 31), False)


def test_nobody_is_born_tomorrow():
    born_later = "990101202409150036"
    assert parse_resident_id(born_later, today=date(2024, 9, 15)).born == date(2024, 9, 15)
    with pytest.raises(InputError) as caught:
        parse_resident_id(born_later, today=date(2024, 9, 14))
    assert caught.value.code == "ID_DATE"


def test_licence_identifier_is_made_and_parsed():
    text = make_licence_identifier(TYPE_CODE, ISSUER, "209FA4E88F9E4C878F3E9BED2CE7EA49", 3)
    found = parse_licence_identifier(text)
    assert (found.type_code, found.issuer, found.serial, found.version) == (
        TYPE_CODE,
        ISSUER,
        "209FA4E88F9E4C878F3E9BED2CE7EA49",
        3,
    )
    assert str(found) == text


@pytest.mark.parametrize(
    ("type_code", "issuer", "serial", "version", "code"),
    [
        (TYPE_CODE[:-1], ISSUER, "1", 1, "IDENTIFIER_SHAPE"),
        ("1110000000001333XW901", ISSUER, "1", 1, "USCC_CHECK"),
        (TYPE_CODE, "11110000000021135N", "1", 1, "USCC_CHECK"),
        (TYPE_CODE, ISSUER, "", 1, "IDENTIFIER_SHAPE"),
        (TYPE_CODE, ISSUER, "a1", 1, "IDENTIFIER_SHAPE"),
        (TYPE_CODE, ISSUER, "1" * 65, 1, "IDENTIFIER_SHAPE"),
        (TYPE_CODE, ISSUER, "1", 0, "IDENTIFIER_SHAPE"),
        (TYPE_CODE, ISSUER, "1", 1000, "IDENTIFIER_SHAPE"),
    ],
)
def test_wrong_parts_make_no_identifier(type_code, issuer, serial, version, code):
    with pytest.raises(InputError) as caught:
        make_licence_identifier(type_code, issuer, serial, version)
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("value", "is_demo"),
    [
        ("91990101MAURUFFB64", True),  # division 99xxxx
        ("12460000XXXX00019W", True),  # placeholder organisation of an authority
        ("91460100MAXXXX015G", True),  # placeholder organisation of a firm
        ("11100000000013338W", False),
        ("91350100M000100Y43", False),
        ("99110000600037341L", False),  # 99 as authority and class is no division
    ],
)
def test_demo_numbers_are_told_apart(value, is_demo):
    assert is_demo_uscc(value) is is_demo


def test_demo_people_live_in_99xxxx():
    assert is_demo_resident_id("990101199003070015")
    assert not is_demo_resident_id("110105194912310029")
