"""Does the page say what the credential says?  Check 32.

The trust in a sealed page rests on four things: nothing was written after the seal, the seal's key is
the issuer's and was good, the bundle inside is the one that the seal names, and the ledger saw the file
while the key was good (review F16). A sheet of paper is believed as far as a person compared it (F15).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from ledger.core.checks.chain import check_status_age
from ledger.core.checks.codes import Code
from ledger.core.checks.evidence import Evidence, fault_result
from ledger.core.finality import final_height
from ledger.core.merkle import entry_of
from ledger.core.model import DOCUMENT_TYPE, AnchorRecord, KeyRecord, Purpose
from ledger.core.page import PaperPage, SealedPage, SealState
from ledger.core.report import CheckId, CheckResult, Outcome, failed, passed, skipped, unknown

_NO_PAGE: Final = skipped(CheckId.PAGE, Code.NO_PAGE)
_BROKEN: Final[Mapping[SealState, Code]] = {
    SealState.BROKEN: Code.PAGE_SEAL_BROKEN,
    SealState.PARTIAL: Code.PAGE_SEAL_PARTIAL,
    SealState.LATER: Code.PAGE_CHANGED_LATER,
    SealState.LOOSE: Code.PAGE_SEAL_LOOSE,
}


def check_page(evidence: Evidence) -> CheckResult:
    """Can the reader believe what is printed?"""
    match evidence.page:
        case SealedPage() as page:
            return _check_sealed(evidence, page)
        case PaperPage() as page:
            return _check_paper(page)
        case _:
            return _NO_PAGE


def _check_sealed(evidence: Evidence, page: SealedPage) -> CheckResult:
    """Steps: 1 a seal; 2 whole; 3 the issuer's, for sealing; 4 over this bundle; 5 not taken back; 6 on the ledger in time."""
    check = CheckId.PAGE
    if page.seal.state is SealState.NONE:  # 1
        return _open(page, Code.PAGE_NOT_SEALED)
    if page.seal.state in _BROKEN:  # 2
        return failed(check, _BROKEN[page.seal.state])
    if evidence.chain is None:  # 3
        return _open(page, evidence.chain_absent)
    if not page.is_asked:
        return _open(page, Code.CHAIN_UNAVAILABLE)
    issuer, key, as_of = evidence.need_receipt.issuer, page.key, evidence.need_chain.head.confirmed_at
    if key is None and (age := check_status_age(evidence)).outcome is not Outcome.PASSED:
        return _open(page, age.code, as_of)  # a key may be younger than what we know of the ledger
    if key is None or key.issuer != issuer:
        return failed(check, Code.PAGE_SEAL_FOREIGN, as_of, issuer=issuer)
    if key.purpose != Purpose.SEAL:
        return failed(check, Code.PAGE_SEAL_PURPOSE, as_of, key=key.number, purpose=key.purpose)
    wrong = _check_bundle(evidence, page)  # 4
    if wrong is not None:
        return wrong
    if page.withdrawn_at is not None:  # 5
        return _taken_back(page.withdrawn_at)
    return _check_anchor(evidence, key, page.anchor, as_of)  # 6


def _open(page: SealedPage, code: str, as_of: int | None = None) -> CheckResult:
    """Nobody can tell whether the page is good; but one that was taken back is not, whoever sealed it."""
    if page.withdrawn_at is not None:
        return _taken_back(page.withdrawn_at)
    return unknown(CheckId.PAGE, code, as_of)


def _taken_back(withdrawn_at: int) -> CheckResult:
    return failed(CheckId.PAGE, Code.PAGE_PRINT_WITHDRAWN, withdrawn_at=withdrawn_at)


def _check_bundle(evidence: Evidence, page: SealedPage) -> CheckResult | None:
    """Why the bundle inside is not the sealed one; None if it is."""
    check, receipt = CheckId.PAGE, evidence.need_receipt
    if page.facts is None:
        fault = page.facts_fault
        return failed(check, Code.PAGE_FACTS) if fault is None else fault_result(check, fault)
    if evidence.credential is None:
        return unknown(check, Code.NOT_REACHED)
    sealed = (page.facts.issuer, page.facts.root, page.facts.leaf_index, page.facts.entry)
    entry = entry_of(evidence.credential.issuer_jwt)
    if sealed != (receipt.issuer, receipt.root, receipt.leaf_index, entry):
        return failed(check, Code.PAGE_BUNDLE_SWAPPED, sealed=page.facts.entry, attached=entry)
    return None


def _check_anchor(evidence: Evidence, key: KeyRecord, anchor: AnchorRecord | None, as_of: int) -> CheckResult:
    """Was the file on the ledger while its key was good?"""
    check, since = CheckId.PAGE, key.compromised_since
    if anchor is None or not _is_final(evidence, anchor):
        if since is not None and since <= evidence.now:
            return failed(check, Code.PAGE_KEY_COMPROMISED, as_of, key=key.number, compromised_since=since)
        return unknown(check, Code.PAGE_NOT_ANCHORED, as_of)
    at = anchor.anchored_at
    facts = {"key": key.number, "anchored_at": at, "block": anchor.block.number}
    if anchor.withdrawn_at is not None:
        return failed(check, Code.PAGE_BATCH_WITHDRAWN, as_of, withdrawn_at=anchor.withdrawn_at, **facts)
    if since is not None and since <= at:
        return failed(check, Code.PAGE_KEY_COMPROMISED, as_of, compromised_since=since, **facts)
    if not key.valid_from <= at < key.valid_until:
        return failed(
            check,
            Code.PAGE_KEY_NOT_GOOD,
            as_of,
            valid_from=key.valid_from,
            valid_until=key.valid_until,
            **facts,
        )
    return passed(check, Code.PAGE_SEALED, as_of, **facts)


def _is_final(evidence: Evidence, anchor: AnchorRecord) -> bool:
    """As check 16 asks of the credential: the issuer's document batch, deep enough, seen by enough witnesses."""
    head, trust = evidence.need_chain.head, evidence.trust
    is_document = (anchor.issuer, anchor.type_id) == (evidence.need_receipt.issuer, DOCUMENT_TYPE)
    return is_document and anchor.block.number <= final_height(trust, head)


def _check_paper(page: PaperPage) -> CheckResult:
    """How far a person compared the sheet with the credential."""
    check = CheckId.PAGE
    if page.is_withdrawn:
        return failed(check, Code.PAGE_PRINT_WITHDRAWN)
    differing = sorted(claim for claim, agrees in page.answers.items() if not agrees)
    counts = {"compared": len(page.answers), "printed": page.total}
    if differing:
        return failed(check, Code.PAGE_VALUE_DIFFERS, differing=differing, **counts)
    if not page.answers:
        return unknown(check, Code.PAGE_NOT_COMPARED, **counts)
    if len(page.answers) < page.total:
        return unknown(check, Code.PAGE_PARTLY_COMPARED, **counts)
    return passed(check, Code.PAGE_VALUES_MATCH, **counts)
