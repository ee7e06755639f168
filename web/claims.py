"""Labels and spelling of what a credential says, for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from ledger.core.credential_type import CredentialType, Field
from ledger.core.predicates import Predicate
from ledger.core.report import CredentialSummary
from ledger.core.type_shape import Labels
from web.language import Language
from web.texts import text

Rows = tuple[tuple[str, str], ...]
NAMED_ABOVE = frozenset({"identifier", "proof_no"})
MONTH_DIGITS = 6  # YYYYMM, docs/formats.md


def credential_rows(
    summary: CredentialSummary | None, types: Sequence[CredentialType], language: Language
) -> Rows:
    """Label and value of everything that was shown, in the order of the type file."""
    if summary is None:
        return ()
    kind = next((item for item in types if item.code == summary.type), None)
    name = summary.issuer_name
    rows = [
        (text("type", language), label_of(kind.name, language) if kind else summary.type),
        (
            text("issuer", language),
            text("name_unknown", language) if name is None else name.get(language) or name["zh"],
        ),
        (text("issuer_code", language), summary.issuer),
    ]
    if summary.identifier:
        rows.append((text("identifier", language), summary.identifier))
    if proof_no := summary.claims.get("proof_no"):
        rows.append((text("proof_no", language), str(proof_no)))
    return (*rows, *_claim_rows(summary.claims, kind, language))


def withheld_labels(
    summary: CredentialSummary | None, types: Sequence[CredentialType], language: Language
) -> tuple[str, ...]:
    """Names of the fields of this type that were not shown, as the type file has them."""
    kind = None if summary is None else next((item for item in types if item.code == summary.type), None)
    if summary is None or kind is None:
        return ()
    return tuple(label_of(field.labels, language) for field in kind.fields if field.key not in summary.claims)


def _claim_rows(claims: Mapping[str, Any], kind: CredentialType | None, language: Language) -> Rows:
    fields = {} if kind is None else {field.key: field for field in kind.fields}
    known = [
        (label_of(field.labels, language), spell(claims[key], field, language))
        for key, field in fields.items()
        if key in claims
    ]
    others = [
        (derived_label(key, kind, language), spell(value, None, language))
        for key, value in claims.items()
        if key not in fields and key not in NAMED_ABOVE
    ]
    return (*known, *others)


def label_of(labels: Labels, language: Language) -> str:
    """A name from a type file, with a capital where there is one."""
    label: str = getattr(labels, language)
    return label[:1].upper() + label[1:]


def derived_label(claim: str, kind: CredentialType | None, language: Language) -> str:
    """The name of a derived claim with its parameter; the claim itself when nothing names it."""
    for predicate in kind.predicates if kind is not None else ():
        rest = _parameter(claim, predicate)
        if rest is not None:
            label = label_of(predicate.labels, language)
            return f"{label} ({rest})" if rest else label
    return claim


def _parameter(claim: str, predicate: Predicate) -> str | None:
    """What this predicate's claim name adds to its label; None if the claim is not of this predicate."""
    if predicate.claim is None or not claim.startswith(predicate.claim):
        return None
    rest = claim.removeprefix(predicate.claim).strip("_")
    if predicate.kind == "as_of":
        return rest.replace("_", "-")
    if claim not in predicate.claim_names:
        return None
    return f"≥ {rest}" if rest else ""


def spell(value: Any, field: Field | None, language: Language) -> str:
    """A value as people read it."""
    if isinstance(value, bool):
        return text("yes" if value else "no", language)
    spelled = str(value)
    if field is None:
        return spelled
    if field.kind == "money":
        return f"{_thousands(spelled)} {text('yuan', language)}"
    if field.kind == "ratio":
        return _percent(spelled)
    if field.kind == "month" and len(spelled) == MONTH_DIGITS:
        return f"{spelled[:4]}-{spelled[4:]}"
    if spelled in field.values:
        return f"{getattr(field.values[spelled], language)} ({spelled})"
    return spelled


def _thousands(amount: str) -> str:
    whole, dot, cents = amount.partition(".")
    return f"{int(whole):,}{dot}{cents}" if whole.isdecimal() else amount


def _percent(ratio: str) -> str:
    if not ratio.replace(".", "", 1).isdecimal():
        return ratio
    return f"{(Decimal(ratio) * 100).normalize():f}%"
