"""Labels and spelling of what a credential says, for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from ledger.core.credential_type import CredentialType, Field
from ledger.core.predicates import derived_labels
from ledger.core.report import CredentialSummary
from ledger.core.type_shape import Labels
from web.language import Language
from web.texts import text

Rows = tuple[tuple[str, str], ...]
NAMED_ABOVE = frozenset({"identifier", "proof_no"})
MONTH_DIGITS = 6  # YYYYMM, docs/formats.md
DAY_PARTS = 3


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
    if proof_no := summary.claims.get("proof_no"):
        rows.append((text("proof_no", language), str(proof_no)))
    rows += _claim_rows(summary.claims, kind, language)
    if summary.identifier:  # 60 characters that nobody compares by eye
        rows.append((text("identifier", language), summary.identifier))
    return tuple(rows)


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
    others = [key for key in claims if key not in fields and key not in NAMED_ABOVE]
    names = derived_labels(() if kind is None else kind.predicates, others)
    derived = [
        (label_of(labels, language), spell(claims[key], None, language)) for key, labels in names.items()
    ]
    unknown = [(key, spell(claims[key], None, language)) for key in others if key not in names]
    return (*known, *derived, *unknown)


def label_of(labels: Labels, language: Language) -> str:
    """A name from a type file, with a capital where there is one."""
    label: str = getattr(labels, language)
    return label[:1].upper() + label[1:]


def derived_label(claim: str, kind: CredentialType | None, language: Language) -> str:
    """The name of a derived claim with its number; the claim itself when nothing names it."""
    found = derived_labels(() if kind is None else kind.predicates, [claim]).get(claim)
    return claim if found is None else label_of(found, language)


def spell(value: Any, field: Field | None, language: Language) -> str:
    """A value as people read it; nothing for a value that is not there."""
    if value is None:
        return ""
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
        return _month(spelled, language)
    if field.kind == "date":
        return _day(spelled, language)
    if spelled in field.values:
        return str(getattr(field.values[spelled], language))
    return spelled


def _month(month: str, language: Language) -> str:
    if not month.isdecimal() or language == "en":
        return f"{month[:4]}-{month[4:]}"
    return text("month_words", language, year=month[:4], month=int(month[4:]))


def _day(day: str, language: Language) -> str:
    """As it stands on paper: whoever compares sees the same signs; English has them as numbers."""
    parts = day.split("-")
    if language == "en" or len(parts) != DAY_PARTS or not all(part.isdecimal() for part in parts):
        return day
    return text("day_words", language, year=parts[0], month=int(parts[1]), day=int(parts[2]))


def _thousands(amount: str) -> str:
    whole, dot, cents = amount.partition(".")
    return f"{int(whole):,}{dot}{cents}" if whole.isdecimal() else amount


def _percent(ratio: str) -> str:
    if not ratio.replace(".", "", 1).isdecimal():
        return ratio
    return f"{(Decimal(ratio) * 100).normalize():f}%"
