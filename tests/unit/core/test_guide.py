"""Service guides: five elements in three languages or none, found by plain words, coverage counted."""

from __future__ import annotations

import json
from importlib.resources import files

import pytest

from ledger.core.errors import InputError
from ledger.core.guide import coverage, find_guides, parse_guide

EXAMPLES = {
    entry.name: json.loads(entry.read_bytes())
    for entry in files("ledger.guides").iterdir()
    if entry.name.endswith(".json")
}
ONE = EXAMPLES["rent_withdrawal.json"]
GUIDES = [parse_guide(json.dumps(document).encode()) for _, document in sorted(EXAMPLES.items())]


def refusal(document: object) -> str:
    with pytest.raises(InputError) as error:
        parse_guide(json.dumps(document).encode())
    assert error.value.code == "GUIDE_SHAPE"
    return str(error.value.detail["member"])


@pytest.mark.parametrize("element", ["conditions", "flow", "time_limit", "fees", "contact"])
def test_a_guide_without_one_of_the_five_elements_is_refused_and_told_which(element):
    assert refusal({key: value for key, value in ONE.items() if key != element}) == element
    empty = [] if element == "flow" else dict.fromkeys(("zh", "en", "bo"), " ")
    assert refusal({**ONE, element: empty}) == element


@pytest.mark.parametrize("language", ["zh", "en", "bo"])
def test_each_language_is_needed(language):
    words = {key: value for key, value in ONE["fees"].items() if key != language}
    assert refusal({**ONE, "fees": words}) == "fees"


def test_tibetan_is_written_in_tibetan():
    assert refusal({**ONE, "fees": {**ONE["fees"], "bo": "free"}}) == "fees.bo"


@pytest.mark.parametrize(
    ("change", "member"),
    [
        ({"more": 1}, "more"),
        ({"code": "../x"}, "code"),
        ({"code": "lower"}, "code"),
        ({"agency": "12990100MAXXXX023F"}, "agency"),
        ({"name": {"zh": "x" * 1001, "en": "x", "bo": "བོད།"}}, "name"),
        ({"replaced": [{"paper": ONE["fees"]}]}, "replaced"),
    ],
)
def test_every_other_fault_is_named(change, member):
    assert refusal({**ONE, **change}) == member


@pytest.mark.parametrize("data", [b"", b"[]", b"{", b'{"code":1,"code":2}', b" " * 70_000])
def test_bytes_that_are_no_guide(data):
    with pytest.raises(InputError) as error:
        parse_guide(data)
    assert error.value.code == "GUIDE_SHAPE"


@pytest.mark.parametrize(
    ("question", "code"),
    [
        ("开饭店", "RESTAURANT_OPENING"),
        ("我想开饭店", "RESTAURANT_OPENING"),
        ("房租", "RENT_WITHDRAWAL"),
        ("公司开户", "COMPANY_ACCOUNT"),
        ("营业执照复印件", "RESTAURANT_OPENING"),
        ("housing loan", "OFFCITY_LOAN"),
    ],
)
def test_plain_words_find_the_item_first(question, code):
    assert find_guides(GUIDES, question)[0].code == code


def test_nothing_is_found_for_what_nobody_offers():
    assert find_guides(GUIDES, "zzzz") == []
    assert find_guides(GUIDES, " ") == GUIDES


def test_coverage_is_counted():
    counted = coverage(GUIDES)
    assert counted.items == len(GUIDES)
    assert counted.fewer == sum(1 for document in EXAMPLES.values() if document["replaced"])
    assert counted.paperless == sum(
        1 for document in EXAMPLES.values() if document["replaced"] and not document["paper"]
    )
    assert 0 < counted.paperless < counted.fewer <= counted.items
