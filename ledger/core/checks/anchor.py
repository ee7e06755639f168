"""Is the batch on the ledger, and is it the batch that credential and receipt speak of?  Checks 15, 18."""

from __future__ import annotations

from typing import Any, Final

from ledger.core.checks.chain import is_torn, restored
from ledger.core.checks.codes import Code
from ledger.core.checks.evidence import Evidence, list_reference
from ledger.core.checks.types import type_reference
from ledger.core.model import CREDENTIALS_PER_WORD, DOCUMENT_TYPE, AnchorRecord, TypeRecord
from ledger.core.receipt import Receipt
from ledger.core.report import CheckId, CheckResult, failed, passed, unknown

_FACTS_AGREE: Final = passed(CheckId.ANCHOR_FACTS, Code.FACTS_AGREE)


def check_anchor(evidence: Evidence) -> CheckResult:
    """Does the ledger hold this issuer's root, not withdrawn?

    A root that a view cannot know yet, or that a restored chain has lost, is not "unknown to the
    ledger": the receipt's block says which (review F25).
    """
    chain, receipt = evidence.need_chain, evidence.need_receipt
    check, as_of, anchor = CheckId.ANCHOR, chain.head.confirmed_at, chain.anchor
    if anchor is None:
        if is_torn(chain):
            return unknown(check, Code.SOURCE_FORKED, as_of, head=chain.head.block.number)
        if not evidence.is_linked:
            if restored(evidence.trust, receipt.block.number):
                return unknown(check, Code.CHAIN_RESTORED, as_of, block=receipt.block.number)
            if receipt.block.number > chain.head.block.number:
                return unknown(
                    check,
                    Code.CHAIN_BEHIND,
                    as_of,
                    block=receipt.block.number,
                    head=chain.head.block.number,
                )
        return failed(check, Code.NOT_ANCHORED, as_of, issuer=receipt.issuer, root=receipt.root)
    facts: dict[str, Any] = {
        "root": anchor.root,
        "anchored_at": anchor.anchored_at,
        "block": anchor.block.number,
        "tx": anchor.tx_hash,
    }
    if anchor.withdrawn_at is not None:
        return failed(
            check,
            Code.BATCH_WITHDRAWN,
            as_of,
            withdrawn_at=anchor.withdrawn_at,
            reason_class=anchor.withdrawn_reason,
            **facts,
        )
    return passed(check, Code.ANCHORED, as_of, **facts)


def check_anchor_facts(evidence: Evidence) -> CheckResult:
    """Do credential and receipt name the anchor's issuer, type, size, range and block?"""
    credential, receipt = evidence.need_credential, evidence.need_receipt
    chain, anchor = evidence.need_chain, evidence.need_anchor
    check, payload = CheckId.ANCHOR_FACTS, credential.payload
    if not payload.get("issuer_code") == receipt.issuer == anchor.issuer:
        return failed(
            check,
            Code.ANCHOR_ISSUER_DIFFERS,
            credential=payload.get("issuer_code"),
            receipt=receipt.issuer,
            anchor=anchor.issuer,
        )
    if anchor.type_id == DOCUMENT_TYPE:
        return failed(check, Code.DOCUMENT_BATCH)
    is_same_type = _is_same_type(evidence, chain.credential_type)
    if is_same_type is False:
        return failed(check, Code.ANCHOR_TYPE_DIFFERS, vct=payload.get("vct"), type_id=anchor.type_id)
    if receipt.tree_size != anchor.size:
        return failed(check, Code.ANCHOR_SIZE_DIFFERS, receipt=receipt.tree_size, anchor=anchor.size)
    reference = list_reference(payload)
    if reference is None:
        return unknown(check, Code.NOT_REACHED)
    if not _in_range(anchor, reference[1]):
        return failed(
            check,
            Code.ANCHOR_RANGE_DIFFERS,
            idx=reference[1],
            first=anchor.first_word * CREDENTIALS_PER_WORD,
            size=anchor.size,
        )
    elsewhere = _of_another_block(evidence, receipt, anchor)
    if elsewhere is not None:
        return elsewhere
    if is_same_type is None:
        return unknown(check, Code.TYPE_UNKNOWN, vct=payload.get("vct"))
    return _FACTS_AGREE


def _of_another_block(evidence: Evidence, receipt: Receipt, anchor: AnchorRecord) -> CheckResult | None:
    """What it means that the receipt names another block than the anchor lies in; None where it does not."""
    named, block = receipt.block, anchor.block
    if evidence.is_linked or (named.number, named.time) == (block.number, block.time):
        return None
    check, facts = CheckId.ANCHOR_FACTS, {"receipt": named.number, "anchor": block.number}
    if is_torn(evidence.need_chain):
        return unknown(check, Code.SOURCE_FORKED, **facts)
    if restored(evidence.trust, named.number):  # anchored again, in another block
        return unknown(check, Code.CHAIN_RESTORED, **facts)
    return failed(check, Code.ANCHOR_BLOCK_DIFFERS, **facts)


def _in_range(anchor: AnchorRecord, idx: int) -> bool:
    """Inside the words that the batch reserved."""
    first = anchor.first_word * CREDENTIALS_PER_WORD
    words = -(-anchor.size // CREDENTIALS_PER_WORD)
    return first <= idx < first + words * CREDENTIALS_PER_WORD


def _is_same_type(evidence: Evidence, registered: TypeRecord | None) -> bool | None:
    """Whether the anchor's type is the credential's; None when nobody here knows the credential's type.

    Code and version decide. Whether the registered type file is also ours is check 13's question.
    """
    if registered is None:
        return None
    kind = evidence.type
    if kind is not None:
        return (registered.code, registered.version) == (kind.type_code, kind.version)
    reference = type_reference(evidence.need_credential.payload.get("vct"))
    for name, file_hash in evidence.trust.types.items():
        if file_hash == registered.file_hash:
            return name == reference
    return None
