"""Every sentence about a check exists in Tibetan, in Tibetan letters, and is no copy of another language."""

from __future__ import annotations

import pytest

from ledger.core.checks import texts_bo
from ledger.core.checks.codes import Code
from ledger.core.checks.texts import (
    CHECK_NAMES,
    NATIONAL_TEXTS,
    TEXTS,
    Advice,
    advice_of,
    check_name,
    national_text,
    text_of,
)


def is_tibetan(sentence):
    return any("\u0f40" <= letter <= "\u0fbc" for letter in sentence) and not any(
        "\u4e00" <= letter <= "\u9fff" for letter in sentence
    )


def test_tables_hold_the_same_keys():
    assert set(texts_bo.SENTENCES) == {code.value for code in TEXTS} == {code.value for code in Code}
    assert set(texts_bo.ADVICE) == {advice.name for advice in Advice}
    assert set(texts_bo.NAMES) == set(CHECK_NAMES)
    assert set(texts_bo.NATIONAL) == set(NATIONAL_TEXTS)


@pytest.mark.parametrize("table", [texts_bo.SENTENCES, texts_bo.ADVICE, texts_bo.NAMES, texts_bo.NATIONAL])
def test_every_sentence_is_tibetan(table):
    assert [key for key, sentence in table.items() if not is_tibetan(sentence)] == []


def test_different_codes_say_different_things():
    """As far as they do so in Chinese: two codes with one Chinese sentence may share the Tibetan one."""
    chinese: dict[str, set[str]] = {}
    for code, row in TEXTS.items():
        chinese.setdefault(texts_bo.SENTENCES[code.value], set()).add(row.zh)
    assert {words: rows for words, rows in chinese.items() if len(rows) > 1} == {}


def test_the_reader_gets_the_language_asked_for():
    assert text_of("REVOKED", "bo") == texts_bo.SENTENCES["REVOKED"]
    assert advice_of("REVOKED", "bo") == texts_bo.ADVICE["CALL_ISSUER"]
    assert check_name("signature", "bo") == texts_bo.NAMES["signature"]
    assert national_text(6, "bo") == texts_bo.NATIONAL[6]
    assert national_text(6, "en") == NATIONAL_TEXTS[6]["en"]
