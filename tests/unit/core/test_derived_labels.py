"""Derived claims are named with their number, in the type's order, the same on every page and print."""

from __future__ import annotations

from ledger.adapters.type_files import load_types
from ledger.bootstrap import claim_labels
from ledger.core.paper_page import choices
from ledger.core.predicates import derived_labels
from ledger.core.report import CredentialSummary
from web.claims import credential_rows, derived_label

KIND = next(found.type for found in load_types().all() if found.type.code == "HPF_PERSONAL_DEPOSIT")
CLAIMS = {
    "paid_through_2026_10": True,
    "continuous_months_ge_12": True,
    "account_normal": True,
    "continuous_months_ge_24": False,
    "continuous_months_ge_6": True,
}
IN_ORDER = [
    "continuous_months_ge_6",
    "continuous_months_ge_12",
    "continuous_months_ge_24",
    "account_normal",
    "paid_through_2026_10",
]


def test_derived_claims_are_named_with_their_number_in_the_types_order():
    names = derived_labels(KIND.predicates, CLAIMS)
    assert list(names) == IN_ORDER
    assert [labels.zh for labels in names.values()] == [
        "连续缴存满 6 个月",
        "连续缴存满 12 个月",
        "连续缴存满 24 个月",
        "账户状态正常",
        "已缴至数据截止月（2026-10）",
    ]
    assert names["continuous_months_ge_12"].en == "continuous deposit of at least 12 months"
    assert names["continuous_months_ge_12"].bo == "མུ་མཐུད་འཇལ་འཇོག་ཟླ་ 12 འདང་བ།"


def test_page_form_and_command_line_say_the_same():
    assert [choice.claim for choice in choices(KIND, CLAIMS)] == IN_ORDER
    said = [choice.labels.zh for choice in choices(KIND, CLAIMS)]
    summary = CredentialSummary(KIND.code, None, "ISSUER", None, CLAIMS)
    assert [label for label, _ in credential_rows(summary, [KIND], "zh")][-5:] == said
    assert [zh for zh, _ in claim_labels(KIND.ref, CLAIMS).values()] == said
    assert derived_label("continuous_months_ge_12", KIND, "zh") == "连续缴存满 12 个月"
    assert derived_label("continuous_months_ge_13", KIND, "zh") == "continuous_months_ge_13"
