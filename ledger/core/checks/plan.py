"""The 32 checks in their order, what each needs, and what happens when that is missing.

The rules, once: 1 a check whose needs are missing is UNKNOWN and says which; 2 an InputError inside
a check is FAILED with the error's code; 3 anything else is our own bug and escapes; 4 every check
answers, whatever the others found.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import IntEnum
from typing import Final, NamedTuple

from ledger.core.checks.anchor import check_anchor, check_anchor_facts
from ledger.core.checks.binding import check_issuer_binding
from ledger.core.checks.chain import check_contract, check_finality, check_status_age
from ledger.core.checks.codes import Code
from ledger.core.checks.evidence import Evidence, fault_result
from ledger.core.checks.grants import check_grant_at_anchor, check_grant_chain, check_issuer_now
from ledger.core.checks.inclusion import check_inclusion
from ledger.core.checks.keys import check_key_compromise, check_key_valid_at_anchor
from ledger.core.checks.page import check_page
from ledger.core.checks.presentation import (
    check_audience,
    check_delegation,
    check_holder_binding,
)
from ledger.core.checks.reading import check_algorithm, check_payload, reading_check
from ledger.core.checks.schema import check_schema
from ledger.core.checks.signature import check_signature
from ledger.core.checks.status import (
    check_revocation,
    check_status_list,
    check_status_owner,
    check_supersession,
    check_suspension,
)
from ledger.core.checks.times import check_expiry, check_issued_before_anchor, check_not_before
from ledger.core.errors import InputError
from ledger.core.report import CheckId, CheckResult, unknown


class Needs(IntEnum):
    """What must be there for a check to be asked at all."""

    NOTHING = 0
    CREDENTIAL = 1
    CHAIN = 2
    """The chain's evidence, hence a receipt; no credential."""
    ANCHOR = 3
    """An anchor, hence the chain; no credential."""
    CREDENTIAL_RECEIPT = 4
    RECEIPT = 5
    CREDENTIAL_ANCHOR = 6


class Step(NamedTuple):
    """One check of the plan."""

    id: CheckId
    needs: Needs
    judge: Callable[[Evidence], CheckResult]


PLAN: Final[tuple[Step, ...]] = (
    Step(CheckId.PARSE, Needs.NOTHING, reading_check(CheckId.PARSE)),
    Step(CheckId.CANONICAL, Needs.NOTHING, reading_check(CheckId.CANONICAL)),
    Step(CheckId.PAYLOAD, Needs.CREDENTIAL, check_payload),
    Step(CheckId.DISCLOSURES, Needs.NOTHING, reading_check(CheckId.DISCLOSURES)),
    Step(CheckId.DUPLICATES, Needs.NOTHING, reading_check(CheckId.DUPLICATES)),
    Step(CheckId.ALGORITHM, Needs.CREDENTIAL, check_algorithm),
    Step(CheckId.SIGNATURE, Needs.CREDENTIAL, check_signature),
    Step(CheckId.KEY_VALID_AT_ANCHOR, Needs.ANCHOR, check_key_valid_at_anchor),
    Step(CheckId.KEY_COMPROMISE, Needs.ANCHOR, check_key_compromise),
    Step(CheckId.GRANT_AT_ANCHOR, Needs.ANCHOR, check_grant_at_anchor),
    Step(CheckId.GRANT_CHAIN, Needs.ANCHOR, check_grant_chain),
    Step(CheckId.ISSUER_NOW, Needs.ANCHOR, check_issuer_now),
    Step(CheckId.SCHEMA, Needs.CREDENTIAL, check_schema),
    Step(CheckId.INCLUSION, Needs.CREDENTIAL_RECEIPT, check_inclusion),
    Step(CheckId.ANCHOR, Needs.CHAIN, check_anchor),
    Step(CheckId.FINALITY, Needs.CHAIN, check_finality),
    Step(CheckId.CONTRACT, Needs.RECEIPT, check_contract),
    Step(CheckId.ANCHOR_FACTS, Needs.CREDENTIAL_ANCHOR, check_anchor_facts),
    Step(CheckId.ISSUED_BEFORE_ANCHOR, Needs.CREDENTIAL_ANCHOR, check_issued_before_anchor),
    Step(CheckId.NOT_BEFORE, Needs.CREDENTIAL, check_not_before),
    Step(CheckId.EXPIRY, Needs.CREDENTIAL, check_expiry),
    Step(CheckId.REVOCATION, Needs.ANCHOR, check_revocation),
    Step(CheckId.SUSPENSION, Needs.ANCHOR, check_suspension),
    Step(CheckId.SUPERSESSION, Needs.ANCHOR, check_supersession),
    Step(CheckId.STATUS_LIST, Needs.CREDENTIAL_ANCHOR, check_status_list),
    Step(CheckId.STATUS_OWNER, Needs.CREDENTIAL_ANCHOR, check_status_owner),
    Step(CheckId.STATUS_AGE, Needs.CHAIN, check_status_age),
    Step(CheckId.HOLDER_BINDING, Needs.NOTHING, check_holder_binding),
    Step(CheckId.AUDIENCE, Needs.NOTHING, check_audience),
    Step(CheckId.DELEGATION, Needs.NOTHING, check_delegation),
    Step(CheckId.ISSUER_BINDING, Needs.CREDENTIAL, check_issuer_binding),
    Step(CheckId.PAGE, Needs.NOTHING, check_page),
)

OWN_CHECKS: Final = (CheckId.SIGNATURE, CheckId.SCHEMA, CheckId.INCLUSION)
"""Checks that look at what no other credential of a batch has: signature, values, place in the tree.

All others see the trust file, the time, the chain's evidence, the receipt without index and path, the
header, the envelope's statements and the directory entry. ledger.services.verify keeps their answers
by exactly these, for credentials that were read without a fault and whose status index is their own.
"""


def run_checks(evidence: Evidence) -> tuple[CheckResult, ...]:
    """Every check's answer, in order."""
    missing = _missing(evidence)
    results: list[CheckResult] = []
    for check, needs, judge in PLAN:
        reason = missing[needs]
        results.append(_ask(check, judge, evidence) if reason is None else unknown(check, reason))
    return tuple(results)


def run_own_checks(evidence: Evidence) -> tuple[CheckResult, ...]:
    """Answers of OWN_CHECKS. `evidence` has credential and receipt."""
    return tuple([_ask(check, judge, evidence) for check, judge in _OWN_STEPS])


def with_own_answers(shared: Sequence[CheckResult], own: Sequence[CheckResult]) -> tuple[CheckResult, ...]:
    """All answers: those of another credential of the batch, and this one's own."""
    by_id = {result.id: result for result in own}
    return tuple([by_id.get(result.id, result) for result in shared])


def _ask(check: CheckId, judge: Callable[[Evidence], CheckResult], evidence: Evidence) -> CheckResult:
    try:
        return judge(evidence)
    except InputError as error:
        return fault_result(check, error)


_OWN_STEPS: Final = tuple((step.id, step.judge) for step in PLAN if step.id in OWN_CHECKS)


def _missing(evidence: Evidence) -> tuple[Code | None, ...]:
    """By need: the code that says what is missing, None if nothing is."""
    credential = Code.NOT_REACHED if evidence.credential is None else None
    receipt = evidence.chain_absent if evidence.receipt is None else None
    chain = evidence.chain_absent if evidence.chain is None else None
    anchor = chain
    if evidence.chain is not None and evidence.chain.anchor is None:
        anchor = Code.ANCHOR_MISSING
    return (
        None,
        credential,
        chain,
        anchor,
        credential or receipt,
        receipt,
        credential or anchor,
    )
