"""Values of printed documents: kinds and states, check code, address in the QR, sealed facts, page receipt.

Pure data and its text forms (docs/formats.md, Page). A print is one PDF of one released credential. Its
check code and the secret in its QR are kept as keyed HMACs only, so nothing here ever prints them.
"""

from __future__ import annotations

import base64
import json
import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, NamedTuple

from ledger.core.errors import InputError
from ledger.core.receipt import Bundle, Receipt, encode_receipt, parse_bundle

DOCUMENT_TYPE: Final = "DOCUMENT:0"
"""What stands where a batch of credentials names its type: type 0 of the contract."""
DOCUMENT_TYPE_ID: Final = 0
TEMPLATE: Final = "page/1"
ATTACHMENT_NAME: Final = "credential.ecert.json"
ATTACHMENT_MEDIA_TYPE: Final = "application/vnd.ecert+json"
SEAL_FIELD: Final = "ecert-seal"
MAX_PURPOSE: Final = 200  # characters
CHECK_ALPHABET: Final = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"  # without 0 O 1 I L, which look alike
CHECK_LENGTH: Final = 10  # 49 bits; guesses are slowed down by the desk that asks (docs/threat-model.md)
SECRET_BYTES: Final = 16
DOCUMENT_ID_BYTES: Final = 16

_FACTS: Final = "ecert-page/1"
_SECRET_TEXT: Final = re.compile(r"[A-Z2-7]{26}\Z")
_URL: Final = re.compile(r"(https?://[^\s#?]{1,2000})/q#([A-Z2-7]{26})\Z")


class PrintKind(StrEnum):
    """`full`: every field (完整件); `purpose`: chosen fields for one stated purpose."""

    FULL = "full"
    PURPOSE = "purpose"


class PrintState(StrEnum):
    """`ordered`: the worker has it; `made`: the sealed file is there; `failed`: see its dead letter."""

    ORDERED = "ordered"
    MADE = "made"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Print:
    """One print of one credential.

    Attributes:
        id: 16 random bytes.
        name: of the credential's row; its data key seals purpose and file.
        fields: claims that a purpose copy shows; empty for a full copy.
        ordered_by: who asked for it, as the audit log names people.
        file_hash, size, crc32: of the sealed PDF, once made.
        page_batch, page_index: document batch and leaf that anchor the file, once collected.
        run_id: the batch run it belongs to, if any.
    """

    id: bytes
    name: bytes
    issuer: str
    type_code: str
    batch_id: int
    leaf_index: int
    kind: PrintKind
    language: str
    fields: tuple[str, ...]
    template: str
    state: PrintState
    ordered_at: int
    ordered_by: str
    made_at: int | None = None
    file_hash: bytes | None = None
    size: int = 0
    crc32: int = 0
    page_batch: int | None = None
    page_index: int | None = None
    revoked_at: int | None = None
    revoked_by: str = ""
    run_id: bytes | None = None
    purpose_sealed: bytes | None = None
    code: str = ""
    """Why it failed."""

    @property
    def answers(self) -> bool:
        """Whether its check code and secret still open it."""
        return self.state is PrintState.MADE and self.revoked_at is None


@dataclass(frozen=True, slots=True)
class PrintRun:
    """Prints of a whole batch, one a credential, handed out as one ZIP."""

    id: bytes
    batch_id: int
    issuer: str
    language: str
    ordered_at: int
    ordered_by: str
    total: int
    made: int
    failed: int

    @property
    def is_done(self) -> bool:
        """Nothing is left to be made."""
        return self.made + self.failed >= self.total


class PageFacts(NamedTuple):
    """What the sealed metadata of a page says about its attachment."""

    type: str
    issuer: str
    root: bytes
    leaf_index: int
    entry: bytes
    kind: PrintKind
    template: str
    document: bytes


_SHAPES: Final = {
    "type": re.compile(r"[A-Z][A-Z0-9_]{2,63}:[1-9][0-9]{0,4}\Z"),
    "issuer": re.compile(r"[0-9A-Z]{18}\Z"),
    "root": re.compile(r"0x[0-9a-f]{64}\Z"),
    "leaf": re.compile(r"(0|[1-9][0-9]{0,9})\Z"),
    "entry": re.compile(r"0x[0-9a-f]{64}\Z"),
    "kind": re.compile(r"(full|purpose)\Z"),
    "template": re.compile(r"[a-z][a-z0-9-]{0,31}/[1-9][0-9]{0,4}\Z"),
    "document": re.compile(r"[0-9a-f]{32}\Z"),
}


def encode_page_facts(facts: PageFacts) -> str:
    """The one keyword of a page, as docs/formats.md has it."""
    return (
        f"{_FACTS} type={facts.type} issuer={facts.issuer} root=0x{facts.root.hex()} "
        f"leaf={facts.leaf_index} entry=0x{facts.entry.hex()} kind={facts.kind} "
        f"template={facts.template} document={facts.document.hex()}"
    )


def parse_page_facts(text: str) -> PageFacts:
    """The inverse of `encode_page_facts`, and nothing else.

    Raises:
        InputError: PAGE_FACTS.
    """
    head, *parts = text.split(" ")
    members = dict(part.partition("=")[::2] for part in parts)
    if head != _FACTS or [part.partition("=")[0] for part in parts] != list(_SHAPES):
        raise InputError("PAGE_FACTS", "These are not the facts of a page.")
    for name, shape in _SHAPES.items():
        if shape.match(members[name]) is None:
            raise InputError("PAGE_FACTS", f"The fact {name} of a page is not of its form.", fact=name)
    return PageFacts(
        type=members["type"],
        issuer=members["issuer"],
        root=bytes.fromhex(members["root"][2:]),
        leaf_index=int(members["leaf"]),
        entry=bytes.fromhex(members["entry"][2:]),
        kind=PrintKind(members["kind"]),
        template=members["template"],
        document=bytes.fromhex(members["document"]),
    )


def page_url(iss: str, secret: bytes) -> str:
    """What the QR holds. The secret stands in the fragment, which no browser sends to a server."""
    return f"{iss.rstrip('/')}/q#{show_secret(secret)}"


def show_secret(secret: bytes) -> str:
    """26 characters of base32 for 16 bytes."""
    return base64.b32encode(secret).decode("ascii").rstrip("=")


def parse_secret(text: str) -> bytes:
    """16 bytes of 26 base32 characters, one spelling only.

    Raises:
        InputError: PAGE_SECRET.
    """
    if _SECRET_TEXT.match(text):
        secret = base64.b32decode(text + "======")
        if show_secret(secret) == text:
            return secret
    raise InputError("PAGE_SECRET", "This is not the code of a page.")


def parse_page_url(text: str) -> tuple[str, bytes]:
    """(address of the agency, secret) of what a QR holds.

    Raises:
        InputError: PAGE_SECRET.
    """
    found = _URL.match(text)
    if found is None:
        raise InputError("PAGE_SECRET", "This is not the code of a page.")
    return found[1], parse_secret(found[2])


def make_check_code(random: bytes) -> str:
    """A check code out of random bytes, every character equally likely.

    Args:
        random: 16 bytes; the excess over 31^10 makes the bias smaller than 2^-78.
    """
    number = int.from_bytes(random, "big")
    code = ""
    for _ in range(CHECK_LENGTH):
        number, place = divmod(number, len(CHECK_ALPHABET))
        code += CHECK_ALPHABET[place]
    return code


def show_check_code(code: str) -> str:
    """As printed: two groups of five."""
    return f"{code[:5]}-{code[5:]}"


def parse_check_code(text: str) -> str:
    """Ten characters, however they were typed: any case, with spaces or hyphens, full width too.

    Raises:
        InputError: CHECK_CODE.
    """
    narrow = "".join(chr(ord(one) - 0xFEE0) if "\uff01" <= one <= "\uff5e" else one for one in text[:100])
    code = "".join(one for one in narrow.upper() if not one.isspace() and one not in "-‐‑–—－·")
    if len(code) != CHECK_LENGTH or any(one not in CHECK_ALPHABET for one in code):
        raise InputError("CHECK_CODE", "A check code has ten letters and digits.")
    return code


def encode_page_receipt(file_hash: bytes, receipt: Receipt) -> bytes:
    """JSON that proves when a page was in the ledger (`.page.json`)."""
    document = {"version": 1, "page": "0x" + file_hash.hex(), "receipt": encode_receipt(receipt)}
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode("utf-8")


def parse_page_receipt(data: bytes) -> tuple[bytes, Receipt]:
    """(SHA-256 of the page's file, receipt). The receipt is parsed by the rules of bundles.

    Raises:
        InputError: PAGE_RECEIPT, BUNDLE_*, RECEIPT_*.
    """
    try:
        document: Any = json.loads(data)
    except ValueError as error:
        raise InputError("PAGE_RECEIPT", "This is no receipt of a page.") from error
    if not isinstance(document, dict) or document.keys() != {"version", "page", "receipt"}:
        raise InputError("PAGE_RECEIPT", "This is no receipt of a page.")
    page = document["page"]
    if document["version"] != 1 or not isinstance(page, str) or not _SHAPES["root"].match(page):
        raise InputError("PAGE_RECEIPT", "This is no receipt of a page.")
    wrapped = json.dumps({"version": 1, "credential": "~", "receipt": document["receipt"]}).encode()
    bundle: Bundle = parse_bundle(wrapped)
    if bundle.receipt is None:
        raise RuntimeError("unreachable: the member is there")
    return bytes.fromhex(page[2:]), bundle.receipt
