"""docs/checks.md, from the code tables and the matrix: `python -m tests.matrix.write_docs [--write]`.

Without --write it says whether the file is up to date; a test does the same.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from ledger.core.checks.codes import Code
from ledger.core.checks.plan import PLAN
from ledger.core.checks.texts import CHECK_NAMES, NATIONAL_TEXTS, TEXTS, Advice
from ledger.core.checks.verdict import REQUIRED, SEVERITY
from ledger.core.report import CheckId
from tests.matrix.all_cases import ALL_CASES
from tests.matrix.cases import Answer, Case

TARGET = Path(__file__).resolve().parents[2] / "docs" / "checks.md"
_MARKS = {"passed": "✓", "failed": "✗", "skipped": "–", "unknown": "?"}

INTRO = """# Checks, codes, verdicts

Made by `python -m tests.matrix.write_docs --write` from `ledger/core/checks` and `tests/matrix`; do not
edit by hand.

A verification answers 32 questions. Each answer is one of four outcomes: **passed** ✓, **failed** ✗,
**skipped** – (does not apply), **unknown** ? (could not tell). Nothing is hidden by an earlier failure:
every check answers. An outage is never "forged" and never "valid".

- Any *failed* refuses (exit status 1; 2 when the file could not be read at all).
- Otherwise a required check that did not pass means "cannot tell" (exit status 3).
- Otherwise the credential is accepted (exit status 0). That says nothing about who presents it:
  `presenter` stays `not_checked` until there is a presentation to check.
- Rules for missing evidence: a check whose evidence is missing is *unknown* with a code that names what
  is missing (`NO_RECEIPT`, `NO_CHAIN_VIEW`, `CHAIN_UNAVAILABLE`, `CHAIN_VIEW_EMPTY`, `VIEW_OTHER_LEDGER`,
  `ANCHOR_MISSING`); one that an earlier step did not reach is *unknown* `NOT_REACHED`.
- `issuer_now` is reported apart and never changes the verdict.
"""


def document() -> str:
    """The whole file."""
    return "\n".join([INTRO, *_checks(), *_verdicts(), *_codes(), *_advice(), *_matrix()])


def _checks() -> Iterator[str]:
    yield "## The checks\n"
    yield "| no. | id | 中文 | question | required |"
    yield "|---|---|---|---|---|"
    for number, step in enumerate(PLAN, 1):
        names = CHECK_NAMES[step.id.value]
        required = "yes" if step.id in REQUIRED else "no"
        yield f"| {number} | `{step.id.value}` | {names['zh']} | {names['en']} | {required} |"
    yield ""


def _verdicts() -> Iterator[str]:
    yield "## National result codes\n"
    yield (
        "The verdict is that of the worst answer, in this order: "
        + ", ".join(str(code) for code in SEVERITY)
        + "; 0 when the credential is accepted. *Unknown* always leads to 4.\n"
    )
    yield "| code | 中文 | English | codes that lead there when failed |"
    yield "|---|---|---|---|"
    for national, text in NATIONAL_TEXTS.items():
        codes = [code.value for code, row in TEXTS.items() if row.national == national]
        cell = " ".join(f"`{code}`" for code in codes)
        yield f"| {national} | {text['zh']} | {text['en']} | {cell} |"
    yield ""


def _codes() -> Iterator[str]:
    yield "## Codes\n"
    yield "| code | national | 中文 | English | what to do |"
    yield "|---|---|---|---|---|"
    for code in Code:
        row = TEXTS[code]
        national = "" if row.national is None else row.national
        yield f"| `{code.value}` | {national} | {row.zh} | {row.en} | {row.advice.name} |"
    yield ""


def _advice() -> Iterator[str]:
    yield "## What to do\n"
    yield "| | 中文 | English |"
    yield "|---|---|---|"
    for advice in Advice:
        yield f"| {advice.name} | {advice.value[0]} | {advice.value[1]} |"
    yield ""


def _matrix() -> Iterator[str]:
    yield "## Every bad input times every check\n"
    yield (
        "Each input is one change of one good bundle in one good world. Rows name the verdict and every"
        " check that does not answer as for the good bundle; the full table follows.\n"
    )
    yield "| input | national | decided by | exit | answers that differ |"
    yield "|---|---|---|---|---|"
    for case in ALL_CASES:
        national, code, status = case.verdict
        differs = "<br>".join(_answer(check, case.row[check]) for check in case.expected)
        yield f"| {case.sentence} | {national} | `{code.value}` | {status} | {differs} |"
    yield ""
    yield "### The full table\n"
    yield "Columns are the checks by number.\n"
    yield "| input | " + " | ".join(str(number) for number in range(1, len(CheckId) + 1)) + " |"
    yield "|---" * (len(CheckId) + 1) + "|"
    for case in ALL_CASES:
        yield _full_row(case)
    yield ""


def _answer(check: CheckId, answer: Answer) -> str:
    return f"{_MARKS[answer[0]]} `{check.value}` `{answer[1].value}`"


def _full_row(case: Case) -> str:
    cells = (_MARKS[outcome] for outcome, _ in case.row.values())
    return f"| {case.sentence} | " + " | ".join(cells) + " |"


def main() -> int:
    """Writes the file, or says that it is out of date."""
    if sys.argv[1:] == ["--write"]:
        TARGET.write_text(document(), encoding="utf-8")
        return 0
    return 0 if TARGET.read_text(encoding="utf-8") == document() else 1


if __name__ == "__main__":
    sys.exit(main())
