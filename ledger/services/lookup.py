"""Finds the credential behind a sheet: by number and check code, by the QR's secret, by number alone.

With number and code a person learns the status and, for each value that he types, whether it agrees;
never the value. The QR's secret opens exactly what is printed on that sheet. A number that does not
exist and a code that is wrong are the same answer, made by the same work: both are one look-up of one
keyed index that is not there (review F15, F29).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, Protocol

from ledger.core.claims import shanghai_day
from ledger.core.compare import is_empty, is_same, plain_number
from ledger.core.credential_type import PROOF_NO_CLAIM, CredentialType, Field
from ledger.core.errors import ConflictError, InputError
from ledger.core.flow import Place
from ledger.core.model import ParsedCredential
from ledger.core.page import PaperPage
from ledger.core.paper import Print, parse_check_code
from ledger.core.paper_page import printed_claims, spell
from ledger.core.paper_words import WORDS
from ledger.core.receipt import Receipt
from ledger.core.report import Report
from ledger.ports import Clock

ISSUER: Final = "issuer_name"
ISSUED_ON: Final = "issued_on"
VALID_UNTIL: Final = "valid_until"
HEAD: Final = (PROOF_NO_CLAIM, ISSUER, ISSUED_ON, VALID_UNTIL)
"""What every sheet shows above its fields; the last three are no claims of the type."""
DAYS: Final = frozenset({ISSUED_ON, VALID_UNTIL})


class Documents(Protocol):
    """What is known of prints. Looking one up is one question to one keyed index."""

    def by_code(self, proof_no: str, code: str) -> Print | None:
        """The print with this number and code, withdrawn or not."""

    def by_secret(self, secret: bytes) -> Print | None:
        """The print whose QR holds this secret, withdrawn or not."""

    def by_number(self, proof_no: str) -> Place | None:
        """The released credential with this number, of types with open verification only."""

    def read(self, one: Print) -> tuple[bytes, ParsedCredential, CredentialType]:
        """Whole bundle, credential and type behind a print. Raises: ConflictError(CREDENTIAL_ERASED)."""

    def bundle(self, one: Print) -> bytes:
        """The bundle inside a print. Raises: ConflictError(CREDENTIAL_ERASED)."""

    def page_receipt(self, file_hash: bytes) -> Receipt | None:
        """Receipt of the final document batch that holds this file."""


class Bundles(Protocol):
    """Makes the bundle of a released credential anew."""

    def bundle(self, batch_id: int, leaf_index: int) -> bytes:
        """Raises: ConflictError(CREDENTIAL_ERASED)."""


class Comparisons(Protocol):
    """Counts comparisons of a sheet; exact over all processes."""

    def take(self, document: bytes, now: int, *, is_wrong: bool) -> int | None:
        """One more: how many are left today; None, and nothing counted, when none was left."""


class JudgePaper(Protocol):
    """Verifies a bundle whose page is a sheet."""

    def __call__(self, data: bytes, page: PaperPage | None = None) -> Report:
        """The report on this bundle and sheet; never raises because of the bytes."""


@dataclass(frozen=True, slots=True)
class Found:
    """A print and what is to be said of it.

    Args:
        document: which one.
        bundle: what its QR or file carries.
        report: all checks on its credential.
        values: what is printed on it, in the page's order; empty when it was withdrawn.
        is_withdrawn: the agency took it back.
    """

    document: Print
    bundle: bytes
    report: Report
    values: Mapping[str, Any]
    is_withdrawn: bool = False


@dataclass(frozen=True, slots=True)
class Compared:
    """What a comparison found: by printed value whether it agrees; `left`: comparisons left today."""

    report: Report
    answers: Mapping[str, bool]
    not_compared: tuple[str, ...]
    left: int | None = None


class LookupService:
    """Looks sheets up.

    Args:
        documents: prints.
        bundles: credentials of open types.
        judge: verifies bundles.
        comparisons: counts.
        types: the known types, for what kind a value is.
        clock: the day.
    """

    def __init__(
        self,
        documents: Documents,
        bundles: Bundles,
        judge: JudgePaper,
        comparisons: Comparisons,
        types: Iterable[CredentialType],
        clock: Clock,
    ) -> None:
        self._documents = documents
        self._bundles = bundles
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
        return self._found(self._documents.by_code(plain_number(number), plain))

    def by_secret(self, secret: bytes) -> Found | None:
        """The sheet whose QR holds this, with the values printed on it."""
        return self._found(self._documents.by_secret(secret))

    def by_number(self, number: str) -> tuple[bytes, Report] | None:
        """Bundle and report of a credential whose type is open to everybody; None for all others.

        The report's claims are those that the type always shows, and no others.
        """
        place = self._documents.by_number(plain_number(number))
        kind = None if place is None else self._types.get(place.type_code)
        if place is None or place.leaf_index is None or kind is None or not kind.open_verification:
            return None
        try:
            bundle = self._bundles.bundle(place.batch_id, place.leaf_index)
        except ConflictError:
            return None
        report = self._judge(bundle)
        return bundle, with_claims(
            report, {field.key for field in kind.fields if field.disclosure == "always"}
        )

    def compare(self, found: Found, typed: Mapping[str, str], *, is_limited: bool = True) -> Compared | None:
        """Whether each typed value is the printed one; None when this sheet was compared too often.

        Args:
            found: the sheet.
            typed: by printed value; empty ones count as not compared, unknown ones are ignored.
            is_limited: False where the values are shown anyway.
        """
        kind = self._types.get(found.document.type_code)
        fields = {} if kind is None else {field.key: field for field in kind.fields}
        answers = {
            name: is_same(fields.get(name), value, typed[name], is_day=name in DAYS)
            for name, value in found.values.items()
            if name in typed and not is_empty(typed[name])
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
        known = {name: agrees for name, agrees in answers.items() if name in found.values}
        page = PaperPage(known, len(found.values), is_withdrawn=found.is_withdrawn)
        rest = tuple(name for name in found.values if name not in known)
        return Compared(self._judge(found.bundle, page), known, rest, left)

    def _found(self, document: Print | None) -> Found | None:
        if document is None:
            return None
        is_withdrawn = document.revoked_at is not None
        try:
            bundle = self._documents.bundle(document)
            _, credential, kind = self._documents.read(document)
        except ConflictError:  # erased: there is nothing behind this sheet any more
            return None
        if is_withdrawn:
            report = self._judge(bundle, PaperPage({}, 0, is_withdrawn=True))
            return Found(document, bundle, report, {}, is_withdrawn=True)
        claims = printed_claims(kind, credential.claims, document.kind, document.fields)
        report = self._judge(bundle, PaperPage({}, len(claims) + len(HEAD) - 1))
        return Found(document, bundle, report, _values(credential, claims, report))


def _values(credential: ParsedCredential, claims: Mapping[str, Any], report: Report) -> dict[str, Any]:
    """What is printed: the head of the page, then its fields."""
    end = credential.payload.get("exp")
    summary = report.credential
    name = None if summary is None or summary.issuer_name is None else summary.issuer_name.get("zh")
    head = {
        PROOF_NO_CLAIM: claims.get(PROOF_NO_CLAIM),
        ISSUER: name,
        ISSUED_ON: shanghai_day(credential.payload["iat"]).isoformat(),
        VALID_UNTIL: WORDS["permanent"]["zh"] if end is None else shanghai_day(end - 1).isoformat(),
    }
    return {name: value for name, value in (head | dict(claims)).items() if value is not None}


def as_printed(name: str, value: Any, field: Field | None) -> str:
    """A value as the sheet spells it, whatever the reader's language: he compares character by character."""
    year, _, rest = str(value).partition("-")
    month, _, day = rest.partition("-")
    if name in DAYS and day.isdecimal():
        return f"{year}年{int(month)}月{int(day)}日"
    return spell(value, field, "zh")


def with_claims(report: Report, shown: Iterable[str]) -> Report:
    """The same report, saying only these claims, number and identifier aside."""
    if report.credential is None:
        return report
    kept = {*shown, PROOF_NO_CLAIM}
    summary = report.credential
    claims = {name: value for name, value in summary.claims.items() if name in kept}
    return replace(report, credential=replace(summary, claims=claims))
