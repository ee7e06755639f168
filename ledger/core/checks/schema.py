"""Are the values what this type of credential demands?  Check 13."""

from __future__ import annotations

from typing import Final

from ledger.core.checks.codes import Code
from ledger.core.checks.evidence import Evidence
from ledger.core.checks.types import type_reference
from ledger.core.report import CheckId, CheckResult, failed, passed, unknown

_PASSED: Final = passed(CheckId.SCHEMA, Code.SCHEMA_GOOD)
_MAX_ERRORS: Final = 20


def check_schema(evidence: Evidence) -> CheckResult:
    """Valid by the type file that the chain registered, the trust file names and we hold?

    Those three hashes must agree before a single value is judged: otherwise we would judge by rules
    that are not the type's.
    """
    credential, kind, chain = evidence.need_credential, evidence.type, evidence.chain
    reference = type_reference(credential.payload.get("vct"))
    trusted = None if reference is None else evidence.trust.types.get(reference)
    if kind is None or trusted is None or kind.file_hash != trusted:
        return unknown(
            CheckId.SCHEMA,
            Code.TYPE_UNKNOWN,
            ours=None if kind is None else kind.file_hash,
            trusted=trusted,
        )
    errors = kind.claim_errors(credential.claims, complete=credential.undisclosed == 0)
    if errors:
        return failed(CheckId.SCHEMA, Code.SCHEMA_INVALID, errors=list(errors)[:_MAX_ERRORS])
    if chain is None:
        return unknown(CheckId.SCHEMA, evidence.chain_absent)
    registered = chain.credential_type
    if registered is None:
        return unknown(CheckId.SCHEMA, Code.ANCHOR_MISSING)
    if registered.file_hash != kind.file_hash:
        return unknown(
            CheckId.SCHEMA, Code.TYPE_UNKNOWN, registered=registered.file_hash, ours=kind.file_hash
        )
    return _PASSED
