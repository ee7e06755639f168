"""What the checks look at: everything gathered beforehand, nothing fetched while judging.

A missing part is None, and `chain_absent` says why there is no chain evidence. How a check behaves
without a part it needs is decided once, in ledger.core.checks.plan.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ledger.core.checks.codes import Code
from ledger.core.checks.types import VerifiableType
from ledger.core.directory import DirectoryEntry
from ledger.core.errors import InputError
from ledger.core.model import AnchorRecord, ChainEvidence, ParsedCredential
from ledger.core.page import PageEvidence
from ledger.core.receipt import Receipt
from ledger.core.report import CheckId, CheckResult, Outcome
from ledger.core.trust import Trust
from ledger.core.x5c import LeafFacts


@dataclass(frozen=True, slots=True)
class ListToken:
    """A status list token that was handed in: the value at this credential's index, or its fault."""

    value: int | None
    issued_at: int | None
    fault: InputError | None


@dataclass(slots=True)
class Evidence:
    """One credential's evidence.

    `now`: seconds. `faults`: the first fault of each reading check. `path_fault`: why the X.509 path
    was not good at anchor time; without an anchor it was not looked at. `is_linked`: the receipt
    comes from a predecessor that the trust file names, so its block numbers are not this chain's.
    `page`: what a person reads, a sealed file or a sheet; None for a bundle.
    """

    trust: Trust
    now: int
    faults: Mapping[CheckId, InputError]
    credential: ParsedCredential | None
    receipt: Receipt | None
    chain: ChainEvidence | None
    chain_absent: Code
    is_linked: bool
    leaf: LeafFacts | None
    leaf_fault: InputError | None
    path_fault: InputError | None
    directory: DirectoryEntry | None
    directory_fault: InputError | None
    type: VerifiableType | None
    list_token: ListToken | None
    page: PageEvidence | None = None

    # What a check's plan promises to be there; asking without it is our own mistake.

    @property
    def need_credential(self) -> ParsedCredential:
        """The credential that was read."""
        if self.credential is None:
            raise RuntimeError("the plan ran a check without a credential")
        return self.credential

    @property
    def need_receipt(self) -> Receipt:
        """The receipt of the bundle."""
        if self.receipt is None:
            raise RuntimeError("the plan ran a check without a receipt")
        return self.receipt

    @property
    def need_chain(self) -> ChainEvidence:
        """The chain view's evidence."""
        if self.chain is None:
            raise RuntimeError("the plan ran a check without chain evidence")
        return self.chain

    @property
    def need_anchor(self) -> AnchorRecord:
        """The anchor of the receipt's root."""
        anchor = self.need_chain.anchor
        if anchor is None:
            raise RuntimeError("the plan ran a check without an anchor")
        return anchor


def fault_result(check: CheckId, fault: InputError, outcome: Outcome = Outcome.FAILED) -> CheckResult:
    """A reader's error as the answer of a check."""
    detail = {name: value for name, value in fault.detail.items() if name != "check"}
    return CheckResult(check, outcome, Code(fault.code), None, detail)


def list_reference(payload: Mapping[str, Any]) -> tuple[str, int] | None:
    """`uri` and `idx` of status.status_list, None if they are not of the documented form."""
    status = payload.get("status")
    reference = status.get("status_list") if type(status) is dict else None
    if type(reference) is not dict:
        return None
    uri, idx = reference.get("uri"), reference.get("idx")
    return (uri, idx) if type(uri) is str and type(idx) is int and idx >= 0 else None
