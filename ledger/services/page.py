"""One way in for whatever a person hands in: told by its content, read within bounds, then judged.

A bundle or an SD-JWT goes to the verifier as it is. Of a PDF the attached bundle is judged, and the
page beside it; a photo, a scan or the text of a QR leads to the print whose secret it shows. What
cannot be read is a fault with a code, never an exception.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

from ledger.core.errors import InputError, UnavailableError
from ledger.core.merkle import hash_leaf, root_from_inclusion_proof
from ledger.core.model import AnchorRecord
from ledger.core.page import (
    MAX_BUNDLE,
    MAX_UPLOAD,
    Kind,
    PageEvidence,
    PdfFacts,
    SealedPage,
    SealState,
)
from ledger.core.paper import PageFacts, parse_page_facts, parse_page_url, parse_secret
from ledger.core.receipt import Receipt
from ledger.core.report import Report
from ledger.ports import ChainView
from ledger.services.lookup import Found, LookupService

HEAD_BYTES: Final = 1_024
"""How far into a file its first mark may stand (a PDF may have a line before it)."""

_PDF: Final = b"%PDF-"
_PNG: Final = b"\x89PNG\r\n\x1a\n"
_JPEG: Final = b"\xff\xd8\xff"
_ZIP: Final = b"PK\x03\x04"
_OFD: Final = b"OFD.xml"
_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
_SD_JWT: Final = re.compile(rb"\s*eyJ[A-Za-z0-9_-]+\.")
_QR: Final = re.compile(r"\s*(https?://\S{1,2000}/q#[A-Za-z2-7]{26}|[A-Za-z2-7]{26})\s*\Z")
_GROUPED_SECRET: Final = re.compile(r"\s*(?:[A-Za-z2-7]{1,26}[\s-]+){1,12}[A-Za-z2-7]{1,26}\s*\Z")
_LONGEST_QR: Final = 2_100
_NOBODY: Final = "0" * 18
"""In the place of an issuer when only a key is asked for."""
_OTHER_PICTURES: Final = (
    (b"GIF8", 0),
    (b"RIFF", 0),
    (b"II*\x00", 0),
    (b"MM\x00*", 0),
    (b"BM", 0),
    (b"ftyp", 4),
)


class FileReader(Protocol):
    """Reads strangers' files within bounds of time and memory."""

    def read_pdf(self, data: bytes) -> PdfFacts:
        """What lies in a PDF. Raises: InputError(PDF_*, FILE_TOO_COMPLEX)."""

    def read_picture(self, data: bytes) -> tuple[str, ...]:
        """Texts of its QR codes. Raises: InputError(PICTURE_*, FILE_TOO_COMPLEX)."""


class JudgePage(Protocol):
    """Verifies a bundle and the page that carried it."""

    def __call__(self, data: bytes, page: PageEvidence | None = None) -> Report:
        """The report; never raises because of the bytes."""


@dataclass(frozen=True, slots=True)
class Checked:
    """What became of one thing that was handed in.

    Args:
        kind: what it is.
        sha256: of the bytes as they came.
        report: all checks; None with a fault.
        bundle: the credential's file that was judged, wherever it lay.
        fault: why there is no report; its code has words for people.
        found: the print that a QR led to.
        secret: that QR's secret, for comparing afterwards.
    """

    kind: Kind
    sha256: bytes
    report: Report | None = None
    bundle: bytes | None = None
    fault: InputError | None = None
    found: Found | None = None
    secret: bytes | None = None


def recognise(data: bytes) -> Kind:
    """What these bytes are, by their own marks."""
    head = data[:HEAD_BYTES]
    if _PDF in head:
        return Kind.PDF
    if head.startswith((_PNG, _JPEG)):
        return Kind.PICTURE
    if head.startswith(_ZIP):
        is_ofd = _OFD in data[: 64 * HEAD_BYTES] or _OFD in data[-64 * HEAD_BYTES :]
        return Kind.OFD if is_ofd else Kind.OTHER
    text = data.removeprefix(_BYTE_ORDER_MARK).lstrip()
    if text.startswith(b"{"):
        return Kind.BUNDLE
    if _SD_JWT.match(text[:MAX_BUNDLE]):
        return Kind.SD_JWT
    if 0 < len(text) <= _LONGEST_QR and secret_in(text.decode("utf-8", "replace")) is not None:
        return Kind.QR
    return Kind.OTHER


def secret_in(text: str) -> bytes | None:
    """The secret of a print in the text of a QR, or as a person copies it by hand; None without one."""
    found = _QR.match(text)
    try:
        if found is None:
            is_grouped = _GROUPED_SECRET.match(text) is not None
            return parse_secret(re.sub(r"[\s-]", "", text).upper()) if is_grouped else None
        address, mark, secret = found[1].rpartition("#")
        return parse_page_url(address + mark + secret.upper())[1] if mark else parse_secret(secret.upper())
    except InputError:
        return None


class PageService:
    """Checks whatever is handed in.

    Args:
        judge: verifies bundles, with pages.
        reader: reads files of strangers.
        view: what the ledger knows of seals and document batches.
        receipt: receipt of a sealed file by its SHA-256, None while its batch is not final.
        withdrawn_at: when a print was taken back, by the id in a file's metadata; None: it was not, or is
            not known here. Needs no key store.
        lookup: prints by their QR; a callable, since it may need the key store.
    """

    def __init__(
        self,
        judge: JudgePage,
        reader: FileReader,
        view: ChainView,
        receipt: Callable[[bytes], Receipt | None],
        withdrawn_at: Callable[[bytes], int | None],
        lookup: Callable[[], LookupService],
    ) -> None:
        self._judge = judge
        self._reader = reader
        self._view = view
        self._receipt = receipt
        self._withdrawn_at = withdrawn_at
        self._lookup = lookup

    def check(self, data: bytes, name: str = "") -> Checked:
        """What these bytes are and whether they can be relied on.

        Args:
            data: as they came; of any length and content.
            name: the file's name; never looked at.

        Raises:
            UnavailableError: the key store, the database or the reading process is not there, and the
                answer needs it.
        """
        del name
        digest, kind = hashlib.sha256(data).digest(), recognise(data)
        try:
            if len(data) > MAX_UPLOAD:
                raise InputError("FILE_TOO_LARGE", "The file is larger than 10 MiB.", limit=MAX_UPLOAD)
            match kind:
                case Kind.BUNDLE | Kind.SD_JWT:
                    return Checked(kind, digest, report=self._judge(data), bundle=data)
                case Kind.PDF:
                    return self._check_pdf(data, digest)
                case Kind.PICTURE:
                    return self._by_codes(kind, digest, self._reader.read_picture(data))
                case Kind.QR:
                    return self._by_codes(kind, digest, (data.decode("utf-8", "replace"),))
                case _:
                    raise _not_ours(kind, data)
        except InputError as fault:
            return Checked(kind, digest, fault=fault)

    def _check_pdf(self, data: bytes, digest: bytes) -> Checked:
        """The attached bundle with its page; without one, what a QR on the page leads to."""
        facts = self._reader.read_pdf(data)
        if facts.bundle is None:
            return self._by_codes(Kind.PDF, digest, facts.codes)
        report = self._judge(facts.bundle, self._page(facts, digest))
        return Checked(Kind.PDF, digest, report=report, bundle=facts.bundle)

    def _by_codes(self, kind: Kind, digest: bytes, codes: tuple[str, ...]) -> Checked:
        """What the QR codes of a page lead to: a print of ours, or a credential's own text."""
        secrets = [secret for code in codes if (secret := secret_in(code)) is not None]
        if not secrets:
            texts = [
                code.encode() for code in codes if recognise(code.encode()) in (Kind.BUNDLE, Kind.SD_JWT)
            ]
            if texts:
                return Checked(kind, digest, report=self._judge(texts[0]), bundle=texts[0])
            raise InputError(
                "NO_CODE" if not codes else "CODE_FOREIGN", "There is no QR code of a certificate."
            )
        if len(set(secrets)) > 1:
            raise InputError("SEVERAL_CODES", "There are several sheets in this picture.")
        found = self._lookup().by_secret(secrets[0])
        if found is None:
            raise InputError(
                "CODE_UNKNOWN_HERE", "This QR code does not belong to a print that is known here."
            )
        return Checked(kind, digest, report=found.report, found=found, secret=secrets[0])

    def _page(self, facts: PdfFacts, digest: bytes) -> SealedPage:
        """What file, agency and ledger know of the page; files without a seal need no look at the ledger."""
        sealed: PageFacts | None = None
        fault: InputError | None = None
        try:
            sealed = parse_page_facts(facts.keywords)
        except InputError as error:
            fault = error
        receipt, withdrawn_at = self._known(digest, sealed)
        if facts.seal.state is SealState.NONE:
            return SealedPage(facts.seal, withdrawn_at=withdrawn_at)
        thumbprint = facts.seal.thumbprint
        issuer, root = (_NOBODY, bytes(32)) if receipt is None else (receipt.issuer, receipt.root)
        try:
            found = self._view.evidence(issuer, root, None, thumbprint=thumbprint)
        except UnavailableError:
            found = None
        if found is None:
            return SealedPage(facts.seal, sealed, fault, is_asked=False, withdrawn_at=withdrawn_at)
        anchor = None if receipt is None else _included(digest, receipt, found.anchor)
        return SealedPage(facts.seal, sealed, fault, found.credential_key, anchor, withdrawn_at=withdrawn_at)

    def _known(self, digest: bytes, sealed: PageFacts | None) -> tuple[Receipt | None, int | None]:
        """Receipt of the file, and when its print was taken back.

        Without the database a seal still counts, but the page stays open: no receipt, no anchor. So does it
        without the key store, unless the print is known to be taken back.
        """
        try:
            withdrawn_at = None if sealed is None else self._withdrawn_at(sealed.document)
        except UnavailableError:
            return None, None
        try:
            return self._receipt(digest), withdrawn_at
        except UnavailableError:
            return None, withdrawn_at


def _included(digest: bytes, receipt: Receipt, anchor: AnchorRecord | None) -> AnchorRecord | None:
    """The anchor, if the path leads from the file to its root. Source: RFC 9162 §2.1.3.2."""
    if anchor is None:
        return None
    try:
        root = root_from_inclusion_proof(hash_leaf(digest), receipt.leaf_index, anchor.size, receipt.path)
    except InputError:
        return None
    return anchor if root == anchor.root else None


def _not_ours(kind: Kind, data: bytes) -> InputError:
    """Why these bytes cannot be a certificate."""
    if not data.strip():
        return InputError("FILE_EMPTY", "The file is empty.")
    if kind is Kind.OFD:
        return InputError("OFD_NOT_SUPPORTED", "E-seals of OFD files cannot be checked here.")
    if any(data[at : at + len(mark)] == mark for mark, at in _OTHER_PICTURES):
        return InputError("PICTURE_OTHER", "Only PNG and JPEG pictures can be read.")
    return InputError("FILE_OTHER", "This is no certificate file.")
