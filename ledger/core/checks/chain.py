"""Is this our ledger, is the entry final, and is what we know of it fresh?  Checks 16, 17 and 27."""

from __future__ import annotations

from typing import Final

from ledger.core.checks.codes import Code
from ledger.core.checks.evidence import Evidence
from ledger.core.finality import witnesses_of
from ledger.core.model import ChainEvidence
from ledger.core.report import CheckId, CheckResult, failed, passed, unknown
from ledger.core.trust import Trust

MAX_CLOCK_DIFFERENCE_S: Final = 120  # as for the anchor and the credential's day (architecture, check 19)

_CONTRACT_GOOD: Final = passed(CheckId.CONTRACT, Code.CONTRACT_GOOD)
_LINKED: Final = passed(CheckId.CONTRACT, Code.LINKED_LEDGER)


def restored(trust: Trust, block: int) -> bool:
    """Whether a restore notice of the trust file covers this height."""
    return any(notice.first_block <= block <= notice.last_block for notice in trust.restore_notices)


def is_torn(chain: ChainEvidence) -> bool:
    """Whether a mirror has seen its source tell two stories: neither of them is this bundle's fault."""
    return chain.head.forked and chain.head.kind == "mirror"


def check_finality(evidence: Evidence) -> CheckResult:
    """Does the entry stand for good, in the eyes of as many as the trust file demands?

    Steps: 1 the receipt's block is one that we know; 2 our source did not contradict itself; 3 enough
    blocks lie above the anchor; 4 enough witnesses signed the anchor's block or a later one.
    """
    chain = evidence.need_chain
    check, head, trust = CheckId.FINALITY, chain.head, evidence.trust
    as_of = head.confirmed_at
    if is_torn(chain):  # before anything is compared: which of the two stories is true, nobody here can tell
        return unknown(check, Code.SOURCE_FORKED, as_of, head=head.block.number)
    if not evidence.is_linked:
        stop = _receipt_block(evidence, chain)  # 1
        if stop is not None:
            return stop
    if head.forked:  # 2
        if restored(trust, head.block.number):
            return unknown(check, Code.CHAIN_RESTORED, as_of, head=head.block.number)
        return failed(check, Code.CHAIN_FORKED, as_of, head=head.block.number)
    anchor = chain.anchor
    if anchor is None:
        return unknown(check, Code.ANCHOR_MISSING, as_of)
    if anchor.block.number + trust.finality.depth > head.block.number:  # 3
        return unknown(check, Code.NOT_FINAL, as_of, block=anchor.block.number, head=head.block.number)
    facts = {"policy": trust.finality.policy, "head": head.block.number}
    threshold = trust.witnesses.threshold  # 4
    if threshold == 0:
        single = trust.finality.policy == "immediate" or head.kind == "embedded"
        return passed(check, Code.SINGLE_OPERATOR if single else Code.FINAL, as_of, **facts)
    witnesses = witnesses_of(trust, head, anchor.block.number)
    if witnesses < threshold:
        return unknown(check, Code.WITNESS_MISSING, as_of, witnesses=witnesses, threshold=threshold)
    return passed(check, Code.WITNESSED, as_of, witnesses=witnesses, threshold=threshold, **facts)


def _receipt_block(evidence: Evidence, chain: ChainEvidence) -> CheckResult | None:
    """Why the receipt's block cannot count, None if it is one of ours."""
    block, head, check = evidence.need_receipt.block, chain.head, CheckId.FINALITY
    as_of, known = head.confirmed_at, chain.receipt_block_hash
    if block.number <= head.block.number and known == block.hash:
        return None
    if restored(evidence.trust, block.number):
        return unknown(check, Code.CHAIN_RESTORED, as_of, block=block.number)
    if block.number > head.block.number:
        return unknown(check, Code.CHAIN_BEHIND, as_of, block=block.number, head=head.block.number)
    if known is None:
        return unknown(check, Code.BLOCK_UNKNOWN, as_of, block=block.number)
    return failed(check, Code.CHAIN_FORKED, as_of, block=block.number, receipt=block.hash, known=known)


def check_contract(evidence: Evidence) -> CheckResult:
    """Does the receipt name the trusted ledger, and is the code there the trusted code?"""
    receipt, trust, check = evidence.need_receipt, evidence.trust, CheckId.CONTRACT
    if evidence.is_linked:
        result = _LINKED
    elif receipt.ledger_id != trust.ledger_id:
        return failed(check, Code.WRONG_LEDGER, receipt=receipt.ledger_id, trusted=trust.ledger_id)
    elif receipt.chain_id != trust.chain_id:
        return failed(check, Code.WRONG_CHAIN, receipt=receipt.chain_id, trusted=trust.chain_id)
    elif receipt.contract != trust.ledger.address:
        return failed(check, Code.WRONG_CONTRACT, receipt=receipt.contract, trusted=trust.ledger.address)
    else:
        result = _CONTRACT_GOOD
    if evidence.now >= trust.not_after:
        return unknown(check, Code.TRUST_EXPIRED, evidence.now, not_after=trust.not_after)
    if evidence.chain is None:
        return unknown(check, evidence.chain_absent)
    info = evidence.chain.info
    for address, code_hash, pin in (
        (info.ledger, info.ledger_code_hash, trust.ledger),
        (info.registry, info.registry_code_hash, trust.registry),
    ):
        if address != pin.address:
            return failed(check, Code.WRONG_CONTRACT, found=address, trusted=pin.address)
        if code_hash != pin.code_hash:
            return failed(check, Code.CODE_HASH_DIFFERS, found=code_hash, trusted=pin.code_hash)
    return result


def check_status_age(evidence: Evidence) -> CheckResult:
    """Was the view confirmed to be at the ledger's head lately enough?

    Age counts from the last confirmation, never from the head block's time: an idle chain is no old
    one (review F27).
    """
    head, check = evidence.need_chain.head, CheckId.STATUS_AGE
    age = evidence.now - head.confirmed_at
    limit = evidence.trust.max_age_s.get(head.kind, 0)
    if age < -MAX_CLOCK_DIFFERENCE_S:
        return unknown(check, Code.VIEW_FROM_FUTURE, head.confirmed_at, age_s=age)
    if age > limit:
        return unknown(check, Code.VIEW_STALE, head.confirmed_at, age_s=age, max_age_s=limit)
    return passed(check, Code.VIEW_FRESH, head.confirmed_at, age_s=max(age, 0), source=head.kind)
