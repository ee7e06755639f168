"""Reads what lies in a PDF: pages, seal, attached bundle, sealed metadata, drawn QR codes.

The bytes come from strangers. Sizes are bounded before anything is parsed, streams while they are
decoded; what a bound cannot be set for (time, memory of the parsers) is bounded by the process that
this runs in (pdf_reader_process). Nothing of a page is ever executed, and a file that could is refused.

Whose seal it is, the ledger knows: here it is only asked whether it holds. Source: ISO 32000-2 §12.8,
ETSI EN 319 142-1.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from typing import Any, Final

import pypdfium2
from asn1crypto import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_der_public_key
from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.decode_limits import DecodeLimits, DocumentDecodeBudget, StreamDecodeLimits
from pyhanko.pdf_utils.misc import PdfError
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.diff_analysis import SuspiciousModification
from pyhanko.sign.fields import MDPPerm
from pyhanko.sign.validation.errors import SignatureValidationError
from pyhanko.sign.validation.generic_cms import validate_sig_integrity
from pyhanko.sign.validation.pdf_embedded import EmbeddedPdfSignature
from pyhanko.sign.validation.status import SignatureCoverageLevel

from ledger.adapters.image_reader import read_drawn
from ledger.core.errors import InputError
from ledger.core.jose import jwk_thumbprint, public_jwk
from ledger.core.page import MAX_BUNDLE, MAX_UPLOAD, PdfFacts, Seal, SealState

MAX_PAGES: Final = 100
MAX_OBJECTS: Final = 5_000  # a page of ours has about a hundred; 0.1 ms each
MAX_DEPTH: Final = 40
MAX_STREAM: Final = 24 * 1024 * 1024  # bytes, unpacked
MAX_DECODED: Final = 64 * 1024 * 1024  # bytes, all streams of a file together
MAX_KEYWORDS: Final = 2_000  # characters
MAX_ATTACHMENTS: Final = 50
MAX_REFERENCES: Final = 8  # a reference that leads to a reference
RENDERED_PAGES: Final = 3
RENDERED_SIDE: Final = 2_600  # pixels: A4 at 220 dpi, enough for a QR of 2 cm

_ACTIVE: Final = frozenset(
    {"/JS", "/JavaScript", "/Launch", "/SubmitForm", "/ImportData", "/RichMedia", "/XFA", "/Rendition"}
)
"""Names of actions and media that can run something or send something."""
_DIGESTS: Final = frozenset({"sha256", "sha384", "sha512"})
_RANGE_NUMBERS: Final = 4
_SUB_FILTER: Final = "/ETSI.CAdES.detached"
_BUNDLE_NAME: Final = re.compile(r"[^/\\]{0,200}\.ecert\.json\Z")
_SEALED: Final = b"/ByteRange"
_HOLES: Final = b"<>0123456789abcdefABCDEF"


def read_pdf(data: bytes) -> PdfFacts:
    """What lies in these bytes.

    Raises:
        InputError: PDF_TOO_LARGE, PDF_ENCRYPTED, PDF_ACTIVE, PDF_TOO_COMPLEX, PDF_TOO_MANY_PAGES,
            PDF_SEVERAL_BUNDLES.
        Exception: whatever the parsers raise over bytes that are no PDF; see read_damaged.
    """
    if len(data) > MAX_UPLOAD:
        raise InputError("PDF_TOO_LARGE", "The file is larger than 10 MiB.", limit=MAX_UPLOAD)
    try:
        return _read(data)
    except RecursionError as error:
        raise InputError("PDF_TOO_COMPLEX", "The PDF is nested too deeply.") from error


def read_damaged(data: bytes, reason: str) -> PdfFacts:
    """What is drawn in a file that is not written as it should be: many scanners' files are not.

    Args:
        data: the file.
        reason: why it could not be read as it should.

    Raises:
        InputError: PDF_DAMAGED; also for every file that ever had a seal.
    """
    codes = () if _SEALED in data else _drawn_anyway(data)
    if not codes:
        raise InputError("PDF_DAMAGED", f"The PDF cannot be read ({reason}).")
    return PdfFacts(1, Seal(SealState.NONE), codes=codes)


def _read(data: bytes) -> PdfFacts:
    """Steps: 1 open, bounded; 2 nothing hidden, nothing active; 3 bundle and metadata; 4 seal; 5 drawn codes."""
    reader = PdfFileReader(io.BytesIO(data), strict=True, decode_limits=_limits())  # 1
    if reader.encrypted:
        raise InputError("PDF_ENCRYPTED", "The PDF is protected by a password.")
    pages = _walk(reader)  # 2
    bundle = _bundle(reader)  # 3
    seal = _seal(reader, data)  # 4
    codes = () if bundle is not None else _drawn(data)  # 5
    return PdfFacts(pages, seal, _keywords(reader), bundle, codes)


def _limits() -> DecodeLimits:
    """Less than pyHanko's own: none of our streams is larger than a bundle or a font."""
    return DecodeLimits(
        per_stream=StreamDecodeLimits(max_output_size=MAX_STREAM),
        document_budget=DocumentDecodeBudget(base_allowance=MAX_DECODED, max_ratio=1),
    )


def _untyped(found: Any) -> Any:
    """The same; half of pyHanko's calls have no types."""
    return found


def _walk(reader: PdfFileReader) -> int:
    """How many pages there are; every object is looked at once."""
    claimed = _at(_at(reader.root, "/Pages"), "/Count")
    if isinstance(claimed, int) and claimed > MAX_PAGES:
        raise _too_many(claimed)
    references, objects = list(_references(reader)), _untyped(reader)
    if len(references) > MAX_OBJECTS:
        raise InputError("PDF_TOO_COMPLEX", "The PDF has too many parts.", limit=MAX_OBJECTS)
    pages = 0
    for reference in references:
        found = objects.get_object(reference, transparent_decrypt=False)
        if isinstance(found, generic.DictionaryObject) and found.get("/Type") == "/Page":
            pages += 1
            if pages > MAX_PAGES:
                raise _too_many(pages)
        _refuse_active(found, 0)
    return pages


def _too_many(pages: int) -> InputError:
    return InputError("PDF_TOO_MANY_PAGES", f"The PDF has {pages} pages.", pages=pages, limit=MAX_PAGES)


def _references(reader: PdfFileReader) -> Iterator[generic.Reference]:
    seen: set[tuple[int, int]] = set()
    for revision in range(reader.total_revisions):
        for reference in reader.xrefs.explicit_refs_in_revision(revision):
            if (reference.idnum, reference.generation) not in seen and len(seen) <= MAX_OBJECTS:
                seen.add((reference.idnum, reference.generation))
                yield reference


def _refuse_active(found: Any, depth: int) -> None:
    """Raises InputError(PDF_ACTIVE) if this object names an action that runs or sends something."""
    if depth > MAX_DEPTH:
        raise InputError("PDF_TOO_COMPLEX", "The PDF is nested too deeply.", limit=MAX_DEPTH)
    if isinstance(found, generic.DictionaryObject):
        if _ACTIVE & found.keys() or str(dict.get(found, "/S", "")) in _ACTIVE:
            raise InputError("PDF_ACTIVE", "The PDF contains a script or an action.")
        for name in found:
            _refuse_active(dict.__getitem__(found, name), depth + 1)  # references are walked on their own
    elif isinstance(found, generic.ArrayObject):
        for item in list.__iter__(found):
            _refuse_active(item, depth + 1)


def _at(found: Any, name: str | int) -> Any:
    """The value under a name or at a place, behind references; None if there is none."""
    try:
        value: Any = _untyped(found)[name] if isinstance(found, dict | list) else None
    except (KeyError, IndexError):
        return None
    for _ in range(MAX_REFERENCES):
        if not isinstance(value, generic.IndirectObject):
            return value
        value = _untyped(value).get_object()
    return None


def _keywords(reader: PdfFileReader) -> str:
    words = _at(_at(reader.trailer_view, "/Info"), "/Keywords")
    return str(words) if isinstance(words, str) and len(words) <= MAX_KEYWORDS else ""


def _bundle(reader: PdfFileReader) -> bytes | None:
    """The one attached bundle."""
    found: bytes | None = None
    for name, stream in _attachments(reader):
        if _BUNDLE_NAME.match(name) is None:
            continue
        if found is not None:
            raise InputError("PDF_SEVERAL_BUNDLES", "The PDF carries several certificates.")
        found = stream.data
        if len(found) > MAX_BUNDLE:
            raise InputError("BUNDLE_TOO_LARGE", "The attached certificate is larger than 1 MiB.")
    return found


def _attachments(reader: PdfFileReader) -> Iterator[tuple[str, generic.StreamObject]]:
    """Name and contents of embedded files: the name tree's root and one level of kids."""
    tree = _at(_at(reader.root, "/Names"), "/EmbeddedFiles")
    kids = _at(tree, "/Kids") or ()
    for leaf in (tree, *(_at(kids, at) for at in range(min(len(kids), MAX_ATTACHMENTS)))):
        entries = _at(leaf, "/Names") or ()
        for at in range(0, min(len(entries), 2 * MAX_ATTACHMENTS) - 1, 2):
            description = _at(entries, at + 1)
            name = _at(description, "/UF") or _at(description, "/F") or _at(entries, at)
            stream = _at(_at(description, "/EF"), "/F")
            if isinstance(stream, generic.StreamObject) and isinstance(name, str):
                yield str(name), stream


def _seal(reader: PdfFileReader, data: bytes) -> Seal:
    """What the file says about its seal: the worst that is true of it."""
    try:
        seals = reader.embedded_signatures
        if not seals:
            return Seal(SealState.NONE if _SEALED not in data else SealState.BROKEN)
        if len(seals) > 1:
            return Seal(SealState.LATER)
        return _judge(seals[0], data)
    except (PdfError, SignatureValidationError, SuspiciousModification, ValueError, KeyError, TypeError):
        return Seal(SealState.BROKEN)


def _judge(seal: EmbeddedPdfSignature, data: bytes) -> Seal:
    """Steps: 1 form and algorithms; 2 cryptography; 3 coverage; 4 what it permits."""
    info, certificate = seal.signer_info, seal.signer_cert
    thumbprint = _thumbprint(certificate)
    digest = info["digest_algorithm"]["algorithm"].native
    if seal.sig_object.get("/SubFilter") != _SUB_FILTER or digest not in _DIGESTS or thumbprint is None:  # 1
        return Seal(SealState.BROKEN, thumbprint)
    _untyped(seal).compute_integrity_info(skip_diff=True)
    is_intact, is_valid = validate_sig_integrity(info, certificate, "data", seal.compute_digest())  # 2
    coverage = seal.evaluate_signature_coverage()
    if not (is_intact and is_valid):
        return Seal(SealState.BROKEN, thumbprint)
    if coverage is not SignatureCoverageLevel.ENTIRE_FILE:  # 3
        is_revision = coverage in (
            SignatureCoverageLevel.ENTIRE_REVISION,
            SignatureCoverageLevel.CONTIGUOUS_BLOCK_FROM_START,
        )
        return Seal(SealState.LATER if is_revision else SealState.PARTIAL, thumbprint)
    if not _covers_all(seal, data):
        return Seal(SealState.PARTIAL, thumbprint)
    if seal.docmdp_level is not MDPPerm.NO_CHANGES:  # 4
        return Seal(SealState.LOOSE, thumbprint)
    return Seal(SealState.WHOLE, thumbprint)


def _covers_all(seal: EmbeddedPdfSignature, data: bytes) -> bool:
    """From the first byte to the last, but for the hexadecimal seal itself."""
    numbers = [int(number) for number in seal.byte_range]
    if len(numbers) != _RANGE_NUMBERS:
        return False
    start, length, second, rest = numbers
    hole = data[length:second]
    return (
        start == 0
        and second + rest == len(data)
        and hole[:1] == b"<"
        and hole[-1:] == b">"
        and not hole.translate(None, _HOLES)
    )


def _thumbprint(certificate: x509.Certificate) -> bytes | None:
    """RFC 7638 thumbprint of a P-256 key, None for other keys."""
    key = load_der_public_key(certificate.public_key.dump())
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        return None
    return jwk_thumbprint(public_jwk(key))


def _drawn_anyway(data: bytes) -> tuple[str, ...]:
    """What pdfium finds drawn, if it can read the file at all."""
    try:
        return _drawn(data)
    except (pypdfium2.PdfiumError, ValueError, OSError):
        return ()


def _drawn(data: bytes) -> tuple[str, ...]:
    """QR codes on the first pages, drawn by pdfium; forms and scripts stay off."""
    document = pypdfium2.PdfDocument(data)
    try:
        if len(document) > MAX_PAGES:
            raise _too_many(len(document))
        found: dict[str, None] = {}
        for number in range(min(len(document), RENDERED_PAGES)):
            page = document[number]
            width, height = page.get_size()
            scale = min(RENDERED_SIDE / max(width, height, 1.0), 4.0)
            picture = page.render(scale=scale, grayscale=True).to_pil()
            found.update(dict.fromkeys(read_drawn(picture)))
        return tuple(found)
    finally:
        document.close()
