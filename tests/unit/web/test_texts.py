"""Texts: three languages for every key, nothing missing, nothing left over, no words outside the catalogues."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from web.language import LANGUAGES
from web.texts import catalogue, code_text, codes

WEB = Path(__file__).resolve().parents[3] / "web"
HAN = re.compile("[\u3400-\u9fff\U00020000-\U0003ffff]")
TIBETAN = re.compile("[\u0f40-\u0fbc]")
# Signs, names of things and formats: the same in every language, or without letters of their own.
WORDLESS = frozenset(
    {"directory.comma", "base.colon", "base.semicolon", "base.own_name", "base.seal", "base.progress_of"}
)
# These name columns of a table by the Chinese words that stand in it.
QUOTING = frozenset({"verifier.list_hint", "LIST_COLUMNS"})
# Families of keys that are put together where neither a template's `~` nor an f-string shows it.
DYNAMIC: tuple[str, ...] = (
    "base.good",
    "base.bad",
    "base.paused",
    "base.unknown",
    "base.link_",
    "explorer.event_",
    "explorer.node_",
    "directory.purpose_",
    "statistics.status_",
    "operate.job_",
    "operate.lack_",
    "audit.action_",
    "audit.fault_",
    "verifier.list_",
    "verifier.purpose_",
    "paper.state_",
    "paper.kind_",
    "paper.language_",
)

# Descriptions for programmers, in English with the Chinese term beside it.
FOR_PROGRAMMERS = ("api/models.py",)

TEMPLATES = {path.relative_to(WEB).as_posix(): path.read_text("utf-8") for path in WEB.rglob("*.html")}
MODULES = {path.relative_to(WEB).as_posix(): path.read_text("utf-8") for path in WEB.rglob("*.py")}
LITERAL = re.compile(r"""(["'])([a-z][a-z0-9_]*(?:\.[a-z0-9_]+)?)\1""")
JOINED = re.compile(r"""(["'])([a-z][a-z0-9_]*(?:\.[a-z0-9_]*)?)\1\s*~""")
FORMATTED = re.compile(r"""f(["'])([a-z][a-z0-9_]*(?:\.[a-z0-9_]*)?)\{""")
ASKED_IN_TEMPLATE = re.compile(r"""\bt\(\s*(["'])([^"']+)\1\s*[,)]""")
ASKED_IN_PYTHON = re.compile(r"""\b(?:text|translate)\(\s*(["'])([^"']+)\1\s*[,)]""")


def none(problems):
    """Fail with one line for each."""
    lines = list(problems)
    if lines:
        pytest.fail("\n".join(lines), pytrace=False)


def full(key):
    return key if "." in key else f"base.{key}"


def placeholders(sentence):
    return sorted(re.findall(r"{(\w+)}", sentence))


def test_there_are_texts():
    assert len(catalogue()) > 100
    assert len(codes()) > 10


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_key_is_there_in(language):
    assert [key for key, words in catalogue().items() if not words.get(language, "").strip()] == []
    assert [code for code, words in codes().items() if not all(words[language])] == []


def test_no_key_has_a_fourth_language():
    assert [key for key, words in catalogue().items() if set(words) != set(LANGUAGES)] == []


def test_placeholders_are_the_same():
    wrong = {
        key: words
        for key, words in catalogue().items()
        if not placeholders(words["zh"]) == placeholders(words["en"]) == placeholders(words["bo"])
    }
    assert wrong == {}


def test_each_language_is_itself():
    wrong = []
    for key, words in catalogue().items():
        if key in WORDLESS:
            continue
        letters = re.sub(r"{\w+}", "", words["zh"])
        if HAN.search(letters) is None:
            wrong.append((key, "zh has no Chinese"))
        if (HAN.search(words["en"]) and key not in QUOTING) or TIBETAN.search(words["en"]):
            wrong.append((key, "en is not English"))
        if TIBETAN.search(words["bo"]) is None or HAN.search(words["bo"]):
            wrong.append((key, "bo is not Tibetan"))
    for code, words in codes().items():
        for part in range(2):
            if TIBETAN.search(words["bo"][part]) is None or HAN.search(words["bo"][part]):
                wrong.append((code, "bo is not Tibetan"))
            english = HAN.search(words["en"][part]) is None or code in QUOTING
            if HAN.search(words["zh"][part]) is None or not english:
                wrong.append((code, "zh or en is not itself"))
    none(f"{key}: {what}" for key, what in wrong)


def test_what_is_asked_for_exists():
    asked = [
        (where, full(key))
        for files, pattern in ((TEMPLATES, ASKED_IN_TEMPLATE), (MODULES, ASKED_IN_PYTHON))
        for where, source in files.items()
        for _, key in pattern.findall(source)
    ]
    assert len(asked) > 100
    none(f"{where}: {key}" for where, key in asked if key not in catalogue())


def test_every_text_is_used():
    sources = [*TEMPLATES.values(), *MODULES.values()]
    used = {full(key) for source in sources for _, key in LITERAL.findall(source)}
    families = [full(key) for source in sources for _, key in JOINED.findall(source) if key]
    families += [full(key) for source in MODULES.values() for _, key in FORMATTED.findall(source)]
    left_over = [
        key
        for key in catalogue()
        if key not in used and not key.startswith((*DYNAMIC, *(family for family in families if family)))
    ]
    none(left_over)


def words_of_template(source):
    return re.sub(r"{#.*?#}", "", source, flags=re.DOTALL)


def test_no_words_in_templates():
    assert [
        where
        for where, source in TEMPLATES.items()
        if HAN.search(words_of_template(source)) or TIBETAN.search(words_of_template(source))
    ] == []


def test_no_words_in_modules():
    found = []
    for where, source in MODULES.items():
        if where in FOR_PROGRAMMERS:
            continue
        tree = ast.parse(source)
        spoken = {
            id(node.body[0].value)
            for node in ast.walk(tree)
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
            and node.body
            and isinstance(node.body[0], ast.Expr)
        }
        found += [
            f"{where}:{node.lineno}: {node.value[:20]}"
            for node in ast.walk(tree)
            if isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and id(node) not in spoken
            and (HAN.search(node.value) or TIBETAN.search(node.value))
        ]
    none(found)


# Codes of the command line, of set-up, of backups and of files that only an operator hands over.
NOT_ON_PAGES = re.compile(
    r"(BACKUP|RESTORE|ERASURES|BLOCK|GAS|TRANSACTION|DEPLOY|TRUST|METRICS|DIRECTORY|NONCE|REFRESH|MIRRORS)_|"
    r"(CHAIN_EXISTS|CHAIN_FORKED_HERE|MIRROR_UNSIGNED|WRONG_CHAIN|SETTING_INVALID|PAGE_FACTS|FILE_NOT_WRITABLE)\Z"
)
PLACES = ("core", "services", "adapters")
KINDS = frozenset({"InputError", "RefusedError", "NotFoundError", "ConflictError", "UnavailableError"})


def raised_codes():
    for path in [
        *WEB.rglob("*.py"),
        *(file for place in PLACES for file in (WEB.parent / "ledger" / place).rglob("*.py")),
    ]:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not isinstance(node, ast.Call) or not node.args or not isinstance(node.args[0], ast.Constant):
                continue
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if name in KINDS:
                yield node.args[0].value, path.name


def test_every_error_that_a_page_may_show_has_words():
    none(
        f"{where}: {code}"
        for code, where in sorted(set(raised_codes()))
        if code_text(code, "bo") is None and not NOT_ON_PAGES.match(code)
    )


def test_one_thing_has_one_word():
    spoken = [(key, words["zh"]) for key, words in catalogue().items()]
    spoken += [(code, part) for code, words in codes().items() for part in words["zh"]]
    assert [key for key, words in spoken if "核验码" in words] == []  # it is 校验码, as on paper
