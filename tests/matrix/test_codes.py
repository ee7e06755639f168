"""One table of codes: every one has its sentences, every one that is raised is in it, docs agree."""

from __future__ import annotations

import ast
import json
from pathlib import Path

import jsonschema
import pytest

from ledger.core.checks.codes import Code
from ledger.core.checks.plan import OWN_CHECKS, PLAN
from ledger.core.checks.texts import CHECK_NAMES, NATIONAL_TEXTS, TEXTS, advice_of, check_name, text_of
from ledger.core.checks.verdict import NOT_REQUIRED, REQUIRED
from ledger.core.report import CheckId, Outcome, accept
from ledger.core.sd_jwt import CHECK_OF_CODE
from tests.matrix import write_docs
from tests.matrix.all_cases import ALL_CASES
from tests.matrix.cases import Case
from tests.matrix.world import World
from tests.needs import ROOT

READERS = (
    "ledger/core/receipt.py",
    "ledger/core/merkle.py",
    "ledger/core/x5c.py",
    "ledger/core/directory.py",
    "ledger/core/status_list.py",
    "ledger/services/status_list.py",
)
INSIDE = {  # raised and caught inside the readers, or for our own code only
    "TREE_SHAPE",
    "STATUS_LIST_SHAPE",  # becomes LIST_TOKEN_SHAPE
}


def _raised(path: Path) -> set[str]:
    """First arguments of InputError(…), as far as they are literal."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "InputError":
            first = node.args[0]
            if isinstance(first, ast.Constant):
                found.add(str(first.value))
    return found


def test_every_code_that_a_reader_raises_has_a_row() -> None:
    raised = set().union(*(_raised(ROOT / path) for path in READERS)) | set(CHECK_OF_CODE)
    assert raised - INSIDE <= {code.value for code in Code}
    assert len(raised) > 40


def test_every_code_has_both_sentences_and_advice() -> None:
    assert set(TEXTS) == set(Code)
    for code in Code:
        assert text_of(code, "zh") != text_of(code, "en")
        assert text_of(code, "zh").endswith("。")
        assert text_of(code, "en").endswith(".")
        assert advice_of(code, "zh").endswith("。")
        assert advice_of(code, "en").endswith(".")
        assert TEXTS[code].national in {None, *NATIONAL_TEXTS}
    assert set(CHECK_NAMES) == {check.value for check in CheckId}
    assert check_name("expiry", "en") == "Expiry"


def test_every_code_of_a_check_is_met_in_the_matrix_or_by_a_readers_own_test() -> None:
    """A code that no bad input reaches is either a reader's (tested there) or dead."""
    met = {answer[1] for case in ALL_CASES for answer in case.row.values()} | {Code.ACCEPTED}
    readers = {code for code in Code if code.value in set(CHECK_OF_CODE)}
    readers |= {Code(code) for path in READERS for code in _raised(ROOT / path) - INSIDE}
    unmet = set(Code) - met - readers
    assert unmet <= RARE, f"no bad input leads to {sorted(unmet)}"


RARE = frozenset(
    {
        Code.KEY_UNKNOWN,  # tests/matrix/test_rare.py has these
        Code.ISSUER_UNKNOWN,
        Code.KEY_NOT_REGISTERED,
        Code.DIRECTORY_ISS_DIFFERS,
        Code.BLOCK_UNKNOWN,
        Code.KEY_BINDING_NOT_CHECKED,
    }
)


def test_the_plan_has_the_checks_in_their_order() -> None:
    assert [step.id for step in PLAN] == list(CheckId)
    assert set(CheckId) > set(OWN_CHECKS)
    assert set(CheckId) == REQUIRED | NOT_REQUIRED


def test_the_document_is_up_to_date() -> None:
    """Otherwise: python -m tests.matrix.write_docs --write."""
    assert write_docs.TARGET.read_text(encoding="utf-8") == write_docs.document()


@pytest.mark.parametrize("case", ALL_CASES[::7], ids=lambda case: case.name)
def test_json_form_fits_its_schema(case: Case) -> None:
    world = World()
    case.change(world)
    report = world.verify()
    schema = json.loads((ROOT / "docs" / "report.schema.json").read_text(encoding="utf-8"))
    document = json.loads(json.dumps(report.as_json(), ensure_ascii=False))
    jsonschema.validate(document, schema)
    assert [check["id"] for check in document["checks"]] == [check.value for check in CheckId]


def test_accept_agrees_with_the_verdict() -> None:
    for case in ALL_CASES:
        world = World()
        case.change(world)
        report = world.verify()
        assert report.accepted is accept(report.checks, REQUIRED)
        assert (report.exit_code == 0) is report.accepted
        has_failed = any(result.outcome is Outcome.FAILED for result in report.checks)
        assert has_failed is (report.exit_code in {1, 2})
