"""Finds the credential behind a sheet: by number and check code, by the QR's secret, by number alone.

With number and code a person learns the status and, for each value that he types, whether it agrees;
never the value. The QR's secret opens exactly what is printed on that sheet. A number that does not
exist and a code that is wrong are the same answer, made by the same work: both are one look-up of one
keyed index that is not there (review F15, F29).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from ledger.core.compare import is_empty, is_same, plain_number
from ledger.core.credential_type import CredentialType
from ledger.core.errors import ConflictError, InputError
from ledger.core.page import PaperPage
from ledger.core.paper import Print, parse_check_code
from ledger.core.receipt import Receipt
from ledger.core.report import Report
from ledger.ports import Clock


class Documents(Protocol):
    """What is known of prints. Looking one up is one question to one keyed index."""

    def by_code(self, proof_no: str, code: str) -> Print | None:
        """The print with this number and code, withdrawn or not."""

    def by_secret(self, secret: bytes) -> Print | None:
        """The print whose QR holds this secret, withdrawn or not."""

    def by_number(self, proof_no: str) -> Print | None:
        """A print of the credential with this number, of types with open verification only."""

    def printed(self, document: Print) -> Mapping[str, Any]:
        """Exactly the claims that are printed on it. Raises: ConflictError(CREDENTIAL_ERASED)."""

    def bundle(self, document: Print) -> bytes:
        """The bundle of that print. Raises: ConflictError(CREDENTIAL_ERASED)."""

    def page_receipt(self, file_hash: bytes) -> Receipt | None:
        """Receipt of the final document batch that holds this file."""


class Comparisons(Protocol):
    """Counts comparisons of a sheet; exact over all processes."""

    def take(self, document: bytes, now: int, *, is_wrong: bool) -> int | None:
        """One more: how many are left today; None, and nothing counted, when none was left."""


class JudgePaper(Protocol):
    """Verifies a bundle whose page is a sheet."""

    def __call__(self, data: bytes, page: PaperPage) -> Report:
        """The report on this bundle and sheet; never raises because of the bytes."""


@dataclass(frozen=True, slots=True)
class Found:
    """A print and what is to be said of it.

    Args:
        document: which one.
        report: all checks on its credential.
        values: what is printed on it; empty when it was withdrawn.
        is_open: values may be shown (QR, or a type with open verification), not only compared.
    """

    document: Print
    report: Report
    values: Mapping[str, Any]
    is_open: bool
    is_withdrawn: bool = False


@dataclass(frozen=True, slots=True)
class Compared:
    """What a comparison found: by printed claim whether it agrees; `left`: comparisons left today."""

    report: Report
    answers: Mapping[str, bool]
    not_compared: tuple[str, ...]
    left: int | None = None


class LookupService:
    """Looks sheets up.

    Args:
        documents: prints.
        judge: verifies bundles.
        comparisons: counts.
        types: the known types, for what kind a value is.
        clock: the day.
    """

    def __init__(
        self,
        documents: Documents,
        judge: JudgePaper,
        comparisons: Comparisons,
        types: Iterable[CredentialType],
        clock: Clock,
    ) -> None:
        self._documents = documents
        self._judge = judge
        self._comparisons = comparisons
        self._types = {kind.ref: kind for kind in types}
        self._clock = clock

    def by_code(self, number: str, code: str) -> Found | None:
        """The sheet with this number and check code, for comparing; None: wrong, whichever of the two."""
        try:
            plain = parse_check_code(code)
        except InputError:
            return None
        return self._found(self._documents.by_code(plain_number(number), plain), is_open=False)

    def by_secret(self, secret: bytes) -> Found | None:
        """The sheet whose QR holds this, with the values printed on it."""
        return self._found(self._documents.by_secret(secret), is_open=True)

    def by_number(self, number: str) -> Found | None:
        """Public fields of a credential of a type with open verification; None for all others.

        Only what the type shows to everybody is among the values.
        """
        document = self._documents.by_number(plain_number(number))
        kind = None if document is None else self._types.get(document.type_code)
        if kind is None or not kind.open_verification:
            return None
        found = self._found(document, is_open=True)
        if found is None or found.is_withdrawn:
            return found
        shown = {field.key for field in kind.fields if field.disclosure == "always"}
        public = {key: value for key, value in found.values.items() if key in shown}
        return Found(found.document, found.report, public, is_open=True)

    def compare(self, found: Found, typed: Mapping[str, str], *, is_limited: bool = True) -> Compared | None:
        """Whether each typed value is the printed one; None when this sheet was compared too often.

        Args:
            found: the sheet.
            typed: by claim; empty ones count as not compared, unknown ones are ignored.
            is_limited: False where the values are shown anyway.
        """
        kind = self._types.get(found.document.type_code)
        fields = {} if kind is None else {field.key: field for field in kind.fields}
        answers = {
            claim: is_same(fields.get(claim), value, typed[claim])
            for claim, value in found.values.items()
            if claim in typed and not is_empty(typed[claim])
        }
        left = None
        if is_limited and answers:
            is_wrong = not all(answers.values())
            left = self._comparisons.take(found.document.id, self._clock.now(), is_wrong=is_wrong)
            if left is None:
                return None
        return self.judge(found, answers, left)

    def judge(self, found: Found, answers: Mapping[str, bool], left: int | None = None) -> Compared:
        """The verdict on a sheet, given which of its values agree."""
        page = PaperPage(answers, len(found.values), is_withdrawn=found.is_withdrawn)
        report = self._judge(self._documents.bundle(found.document), page)
        rest = tuple(claim for claim in found.values if claim not in answers)
        return Compared(report, answers, rest, left)

    def _found(self, document: Print | None, *, is_open: bool) -> Found | None:
        if document is None:
            return None
        is_withdrawn = document.revoked_at is not None
        try:
            bundle = self._documents.bundle(document)
            values = {} if is_withdrawn else dict(self._documents.printed(document))
        except ConflictError:  # erased: there is nothing behind this sheet any more
            return None
        report = self._judge(bundle, PaperPage({}, len(values), is_withdrawn=is_withdrawn))
        return Found(document, report, values, is_open, is_withdrawn)
