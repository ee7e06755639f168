"""What was handed in, and what is known of a page: the facts that check 32 judges.

A *page* is what a person reads: a sealed file, or a sheet of paper. The credential behind it is
judged by the other checks; check 32 says whether the page may be believed as well.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from ledger.core.errors import InputError
from ledger.core.model import AnchorRecord, KeyRecord
from ledger.core.paper import PageFacts

MAX_UPLOAD = 10 * 1024 * 1024
"""Bytes of a PDF or a photo."""
MAX_BUNDLE = 1_048_576
"""Bytes of a bundle, an SD-JWT or a QR text (docs/formats.md)."""


class Kind(StrEnum):
    """What a person handed in, told by its content, never by its name."""

    BUNDLE = "bundle"
    SD_JWT = "sd_jwt"
    PDF = "pdf"
    PICTURE = "picture"
    QR = "qr"
    OFD = "ofd"
    OTHER = "other"


class SealState(StrEnum):
    """What a file itself says about its seal, before anybody asks whose it is.

    `broken`: digest, signature or form do not hold. `partial`: it does not cover the whole file.
    `later`: something was written after it. `loose`: it permits changes. `whole`: none of these.
    """

    NONE = "none"
    BROKEN = "broken"
    PARTIAL = "partial"
    LATER = "later"
    LOOSE = "loose"
    WHOLE = "whole"


@dataclass(frozen=True, slots=True)
class Seal:
    """The seal of a file. `thumbprint`: RFC 7638, 32 bytes; None without a P-256 key."""

    state: SealState
    thumbprint: bytes | None = None


@dataclass(frozen=True, slots=True)
class PdfFacts:
    """What lies in a PDF.

    Args:
        pages: how many.
        seal: see Seal.
        keywords: of its document information; the sealed metadata of our pages.
        bundle: the attached `.ecert.json`, None without one.
        codes: texts of the QR codes that are drawn on its first pages; looked for only without a bundle.
    """

    pages: int
    seal: Seal
    keywords: str = ""
    bundle: bytes | None = None
    codes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SealedPage:
    """A PDF in hand, with what the ledger knows about its seal.

    Args:
        seal: what the file says.
        facts: the sealed metadata.
        facts_fault: why there is none.
        key: the key registered under the seal's thumbprint, of any issuer.
        anchor: of the document batch that holds the file's SHA-256; None: not final, or not known here.
        is_asked: False when the ledger gave no answer about key and anchor.
        withdrawn_at: when the agency took this print back, seconds since 1970; None: it did not, or this
            installation does not know the print.
    """

    seal: Seal
    facts: PageFacts | None = None
    facts_fault: InputError | None = None
    key: KeyRecord | None = None
    anchor: AnchorRecord | None = None
    is_asked: bool = True
    withdrawn_at: int | None = None


@dataclass(frozen=True, slots=True)
class PaperPage:
    """A sheet whose values a person compares.

    Args:
        answers: by printed claim, whether it agrees; claims nobody compared are left out.
        total: how many claims are printed.
        is_withdrawn: the agency took this print back.
    """

    answers: Mapping[str, bool]
    total: int
    is_withdrawn: bool = False


PageEvidence = SealedPage | PaperPage
