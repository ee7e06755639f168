"""Every code that an import can give has one sentence in each language."""

import ast
import re
from pathlib import Path

import ledger.core
from ledger.adapters.type_files import load_types
from ledger.core.row_messages import ROW_MESSAGES, row_message

CORE = Path(ledger.core.__file__).parent
ADAPTERS = CORE.parent / "adapters"
SOURCES = [
    *(CORE / name for name in ("cells.py", "rows.py", "rules.py", "identifiers.py")),
    *(ADAPTERS / name for name in ("row_readers.py", "xlsx_reader.py", "xlsx_scan.py")),
]
CODE = re.compile(r"[A-Z]{2,}[A-Z0-9]*(_[A-Z0-9]+)+|REQUIRED|FORMULA")
NOT_OF_ROWS = re.compile(r"IDENTIFIER_(SHAPE|CHECK)|FOOD_LICENCE_.*")


def codes_in_sources():
    """Every string in our sources that looks like a code."""
    return {
        node.value
        for path in SOURCES
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and CODE.fullmatch(node.value)
        if not NOT_OF_ROWS.fullmatch(node.value)
    }


def test_every_code_has_a_sentence():
    assert codes_in_sources() - ROW_MESSAGES.keys() == set()


def test_no_sentence_without_a_code():
    assert ROW_MESSAGES.keys() - codes_in_sources() == set()


def test_both_languages():
    for code, (zh, en) in ROW_MESSAGES.items():
        assert re.search("[一-龥]", zh), code
        assert not re.search("[一-龥]", en), code
        assert en[0].isupper(), code
        assert row_message(code) == {"zh": zh, "en": en}


def test_the_document_has_every_code_with_its_sentence():
    document = (CORE.parent.parent / "docs/import.md").read_text(encoding="utf-8")
    for code, (zh, en) in ROW_MESSAGES.items():
        assert f"| `{code}` | {zh} | {en} |" in document
    for loaded in load_types().all():
        for rule in loaded.type.rules:
            if rule.code is not None:
                sentence = f"{rule.message['zh']} | {rule.message['en']}"
                assert f"| `{rule.code}` | {loaded.code} | {sentence} |" in document
