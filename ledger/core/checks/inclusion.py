"""Is this credential in the batch that the ledger knows?  Check 14."""

from __future__ import annotations

from typing import Final

from ledger.core.checks.codes import Code
from ledger.core.checks.evidence import Evidence
from ledger.core.merkle import entry_of, hash_leaf, root_from_inclusion_proof
from ledger.core.receipt import HASH_NAME
from ledger.core.report import CheckId, CheckResult, failed, passed, unknown

_PASSED: Final = passed(CheckId.INCLUSION, Code.INCLUDED, algorithm=HASH_NAME)


def check_inclusion(evidence: Evidence) -> CheckResult:
    """Does the path lead from this credential to the anchored root, in a tree of the anchored size?

    The size comes from the anchor, since a receipt's size lets an inner node pass as a leaf (review
    F12). Without an anchor a path that fits says nothing yet, one that does not fit is a lie already.

    Source: RFC 9162 §2.1.3.2.
    """
    receipt, chain = evidence.need_receipt, evidence.chain
    anchor = None if chain is None else chain.anchor
    root = root_from_inclusion_proof(
        hash_leaf(entry_of(evidence.need_credential.issuer_jwt)),
        receipt.leaf_index,
        receipt.tree_size if anchor is None else anchor.size,
        receipt.path,
    )
    if root != receipt.root:
        return failed(
            CheckId.INCLUSION,
            Code.ROOT_DIFFERS,
            algorithm=HASH_NAME,
            expected=receipt.root,
            computed=root,
        )
    if chain is None:
        return unknown(CheckId.INCLUSION, evidence.chain_absent, algorithm=HASH_NAME)
    if anchor is None:
        return unknown(CheckId.INCLUSION, Code.ANCHOR_MISSING, algorithm=HASH_NAME)
    return _PASSED
