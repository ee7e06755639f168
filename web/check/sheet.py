"""A sheet of paper on a page: what is printed on it, named and spelled, and how far it was compared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from ledger.core.credential_type import PROOF_NO_CLAIM, CredentialType, Field
from ledger.services.lookup import ISSUED_ON, ISSUER, VALID_UNTIL, Compared, Found, as_printed
from web.claims import derived_label, label_of
from web.language import Language
from web.texts import text

Answer = Literal["match", "differs", "open"]
HEAD_LABELS = {
    PROOF_NO_CLAIM: "proof_no",
    ISSUER: "issuer",
    ISSUED_ON: "check.issued_on",
    VALID_UNTIL: "check.valid_until",
}
NUMERIC = frozenset({"money", "ratio", "count"})


@dataclass(frozen=True, slots=True)
class SheetRow:
    """One printed value. `value` is None where it must not be shown. `field`: name of its form field."""

    name: str
    field: str
    label: str
    value: str | None
    answer: Answer
    inputmode: str | None


@dataclass(frozen=True, slots=True)
class Sheet:
    """The part of a result that is about a sheet.

    Args:
        mode: `code`: the clerk types values; `qr`: he sees them and says whether they agree.
        rows: what is printed.
        keys: hidden fields that find the sheet again.
        is_compared: at least one value was compared just now.
        left: how many comparisons are left today; None where they are not counted.
    """

    mode: Literal["code", "qr"]
    rows: tuple[SheetRow, ...]
    keys: Mapping[str, str]
    is_compared: bool = False
    left: int | None = None

    @property
    def differing(self) -> tuple[SheetRow, ...]:
        """What does not agree."""
        return tuple(row for row in self.rows if row.answer == "differs")

    @property
    def not_compared(self) -> tuple[SheetRow, ...]:
        """What nobody compared."""
        return tuple(row for row in self.rows if row.answer == "open")


def sheet_of(
    found: Found,
    mode: Literal["code", "qr"],
    keys: Mapping[str, str],
    types: Sequence[CredentialType],
    language: Language,
    compared: Compared | None = None,
) -> Sheet:
    """The printed values of a print, spelled for this reader."""
    kind = next((item for item in types if item.ref == found.document.type_code), None)
    answers = {} if compared is None else compared.answers
    rows = tuple(
        _row(name, value, kind, language, mode, answers)
        for name, value in found.values.items()
        if mode == "qr" or name != PROOF_NO_CLAIM  # whoever typed the number compared it
    )
    left = None if compared is None else compared.left
    return Sheet(mode, rows, keys, bool(answers), left)


def _row(
    name: str,
    value: Any,
    kind: CredentialType | None,
    language: Language,
    mode: str,
    answers: Mapping[str, bool],
) -> SheetRow:
    field = _field(kind, name)
    if name in HEAD_LABELS:
        label = text(HEAD_LABELS[name], language)
    else:
        label = derived_label(name, kind, language) if field is None else label_of(field.labels, language)
    answer: Answer = "open" if name not in answers else "match" if answers[name] else "differs"
    return SheetRow(
        name=name,
        field=f"v_{name}",
        label=label,
        value=as_printed(name, value, field) if mode == "qr" else None,
        answer=answer,
        inputmode="decimal" if field is not None and field.kind in NUMERIC else None,
    )


def _field(kind: CredentialType | None, name: str) -> Field | None:
    return None if kind is None else next((field for field in kind.fields if field.key == name), None)
