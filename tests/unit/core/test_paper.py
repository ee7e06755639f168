"""Text forms of prints: facts, addresses, codes, receipts, archives; each with its lies."""

from __future__ import annotations

import io
import zipfile
import zlib

import pytest

from ledger.core.errors import InputError
from ledger.core.paper import (
    CHECK_ALPHABET,
    PageFacts,
    PrintKind,
    encode_page_facts,
    make_check_code,
    page_url,
    parse_check_code,
    parse_page_facts,
    parse_page_receipt,
    parse_page_url,
    parse_secret,
    show_check_code,
)
from ledger.core.paper_words import WORDS
from ledger.core.stored_zip import StoredFile, StoredZip

FACTS = PageFacts(
    "HPF_PERSONAL_DEPOSIT:1", "12990100XXXX000190", bytes(31) + b"\x01", 7, b"\xaa" * 32, PrintKind.FULL,
    "page/1", bytes(range(16)),
)  # fmt: skip
SECRET = bytes(range(16))


def test_facts_are_read_back():
    assert parse_page_facts(encode_page_facts(FACTS)) == FACTS


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("ecert-page/1", "ecert-page/2"),
        ("leaf=7", "leaf=07"),
        ("leaf=7", "leaf=-7"),
        ("root=0x", "root=0X"),
        ("entry=0xaa", "entry=0xAA"),
        ("kind=full", "kind=other"),
        ("kind=full ", ""),
        ("type=", "kind=full type="),
        (" issuer", "  issuer"),
        ("template=page/1", "template=../1"),
        ("document=00", "document=0"),
    ],
)
def test_other_facts_are_refused(old, new):
    text = encode_page_facts(FACTS)
    assert old in text
    with pytest.raises(InputError, match="PAGE_FACTS"):
        parse_page_facts(text.replace(old, new, 1))


def test_an_address_is_read_back():
    assert parse_page_url(page_url("https://fund.example/", SECRET)) == ("https://fund.example", SECRET)


@pytest.mark.parametrize(
    "text", ["", "https://a/q#", "javascript:x/q#" + "A" * 26, "https://a/q#" + "a" * 26, "https://a/q#" + "A" * 27,
             "https://a/q#" + "A" * 25 + "B", "https://a/q?" + "A" * 26, "https://a b/q#" + "A" * 26]
)  # fmt: skip
def test_other_addresses_are_refused(text):
    with pytest.raises(InputError, match="PAGE_SECRET"):
        parse_page_url(text)


def test_a_secret_has_one_spelling():
    with pytest.raises(InputError):
        parse_secret("A" * 25 + "B")


def test_codes_use_every_character_alike_and_none_that_look_alike():
    assert len(CHECK_ALPHABET) == 31
    assert not set(CHECK_ALPHABET) & set("01OIL")
    seen = {one for number in range(500) for one in make_check_code(number.to_bytes(16, "big") * 1)}
    assert seen <= set(CHECK_ALPHABET)
    codes = {make_check_code((number * 7919**9 % 2**128).to_bytes(16, "big")) for number in range(500)}
    assert len(codes) == 500
    assert {one for code in codes for one in code} == set(CHECK_ALPHABET)


@pytest.mark.parametrize("typed", ["k7qm2 9xwtp", "K7QM2-9XWTP", "Ｋ７ＱＭ２－９ＸＷＴＰ", " k7q-m29 xwtp\n"])
def test_a_code_may_be_typed_in_many_ways(typed):
    assert parse_check_code(typed) == "K7QM29XWTP"
    assert show_check_code("K7QM29XWTP") == "K7QM2-9XWTP"


@pytest.mark.parametrize("typed", ["", "K7QM29XWT", "K7QM29XWTPP", "K7QM29XWT0", "K7QM29XWTÉ", "x" * 10_000])
def test_other_codes_are_refused(typed):
    with pytest.raises(InputError, match="CHECK_CODE"):
        parse_check_code(typed)


@pytest.mark.parametrize(
    "data", [b"", b"[]", b"{}", b'{"version":1,"page":"0x","receipt":{}}', b'{"version":2,"page":"0x' + b"0" * 64 + b'","receipt":{}}']
)  # fmt: skip
def test_other_receipts_are_refused(data):
    with pytest.raises(InputError, match="PAGE_RECEIPT"):
        parse_page_receipt(data)


def test_every_word_stands_in_three_languages():
    assert all(words.keys() == {"zh", "en", "bo"} and words["zh"] for words in WORDS.values())


FILES = [("一.pdf", b"first" * 100), ("empty.pdf", b""), ("b.pdf", b"x" * 1_000)]


def test_an_archive_is_one_that_others_read_and_any_part_of_it_is_a_part():
    layout = StoredZip([StoredFile(name, len(data), zlib.crc32(data)) for name, data in FILES])
    whole = b"".join(layout.read(0, layout.size, lambda place: FILES[place][1]))
    assert len(whole) == layout.size
    with zipfile.ZipFile(io.BytesIO(whole)) as archive:
        assert archive.testzip() is None
        assert [(name, archive.read(name)) for name in archive.namelist()] == FILES
    for first in range(0, layout.size, 37):
        for last in (first, first + 1, first + 300, layout.size):
            end = min(last, layout.size)
            part = b"".join(layout.read(first, end, lambda place: FILES[place][1]))
            assert part == whole[first:end], (first, end)


def test_an_archive_reads_only_the_files_that_are_wanted():
    layout = StoredZip([StoredFile(name, len(data), zlib.crc32(data)) for name, data in FILES])
    read = []
    list(layout.read(layout.size - 30, layout.size, lambda place: read.append(place) or FILES[place][1]))
    assert read == []
