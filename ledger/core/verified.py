"""What a verifying agency keeps of its checks: history, signed receipts, watches. Pure values and rules.

A *verification receipt* says what an agency checked, with which outcome, as of which block and for
what purpose: a JWS (`typ` `ecert-verification+jwt`, ES256, x5c) under the agency's key of purpose
`seal`, since the agency vouches for it as for any paper of its own. A *watch* is over a range of at
least 256 credentials, so that what is stored in the clear names none.
"""

from __future__ import annotations

import binascii
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, Literal

from ledger.core.checks.codes import Code
from ledger.core.errors import InputError
from ledger.core.jose import Jws, parse_jws, verify_es256
from ledger.core.model import CREDENTIALS_PER_WORD, KeyRecord, Purpose
from ledger.core.report import Outcome, Report
from ledger.core.x5c import leaf_facts

RECEIPT_TYPE: Final = "ecert-verification+jwt"
RECEIPT_VERSION: Final = 1
MAX_RECEIPT_BYTES: Final = 65_536
MAX_PURPOSE: Final = 200  # characters
WATCHED: Final = 256  # credentials a watch covers at least
MAX_WATCH_DAYS: Final = 366
KEEP_DAYS: Final = 365
"""After so many days a check leaves the history."""


class PurposeKind(StrEnum):
    """What a check is for, to be counted; the words beside it are sealed."""

    LOAN = "loan"
    ACCOUNT = "account"
    REGISTRATION = "registration"
    WITHDRAWAL = "withdrawal"
    OTHER = "other"


UNCOMPARED: Final = frozenset({Code.PAGE_NOT_COMPARED, Code.PAGE_PARTLY_COMPARED})
Standing = Literal["good", "uncompared", "unknown", "other"]


class ReceiptState(StrEnum):
    """Whether a receipt was asked for, and is there."""

    NONE = "none"
    ORDERED = "ordered"
    MADE = "made"


class WatchState(StrEnum):
    """`fired`: what was relied on is not good any more. `ended`: its days are over."""

    OPEN = "open"
    FIRED = "fired"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class CheckContent:
    """The part of a check that may be personal: sealed at rest. Hashes in hex."""

    purpose: str
    number: str
    sha256: str
    leaf_index: int | None
    checks: tuple[tuple[str, str, str, int | None], ...]
    block_number: int | None
    block_hash: str | None
    confirmed_at: int | None
    item: str = ""
    """The matter (事项编码) that a program named; empty for checks at the desk."""

    def as_json(self) -> dict[str, Any]:
        """For sealing."""
        return {
            "purpose": self.purpose,
            "number": self.number,
            "sha256": self.sha256,
            "leaf_index": self.leaf_index,
            "checks": [list(check) for check in self.checks],
            "block_number": self.block_number,
            "block_hash": self.block_hash,
            "confirmed_at": self.confirmed_at,
            "item": self.item,
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> CheckContent:
        """What `as_json` wrote."""
        checks = tuple((str(c[0]), str(c[1]), str(c[2]), c[3]) for c in value["checks"])
        return cls(**{**value, "checks": checks})


@dataclass(frozen=True, slots=True)
class NewVerification:
    """A check as it is kept. `issuer`, `type_ref` and `root` are empty where they were not told."""

    name: bytes
    uscc: str
    person: int
    at: int
    kind: str
    purpose_kind: PurposeKind
    national: int
    code: str
    accepted: bool
    presenter: str
    issuer: str
    type_ref: str
    root: bytes
    sealed: bytes


@dataclass(frozen=True, slots=True)
class Verification:
    """A kept check. `content` is None once it was erased."""

    id: int
    uscc: str
    person: int
    at: int
    kind: str
    purpose_kind: PurposeKind
    national: int
    code: str
    accepted: bool
    presenter: str
    issuer: str
    type_ref: str
    root: bytes
    content: CheckContent | None
    receipt: ReceiptState
    watch: WatchState | None
    watch_until: int | None
    fired_at: int | None

    @property
    def standing(self) -> Standing:
        """What a list may call this check in one word.

        `uncompared`: the certificate is good, but nobody compared all of the sheet with it (review F15).
        `unknown`: nothing failed, something could not be told. What was erased is told by its verdict alone.
        """
        checks = () if self.content is None else self.content.checks
        if self.accepted:
            return "uncompared" if any(code in UNCOMPARED for _, _, code, _ in checks) else "good"
        is_open = bool(checks) and not any(outcome == Outcome.FAILED for _, outcome, _, _ in checks)
        return "unknown" if is_open else "other"


@dataclass(frozen=True, slots=True)
class Kept:
    """A check as stored; `check.content` is None, `sealed` holds it."""

    check: Verification
    name: bytes
    sealed: bytes
    receipt: bytes | None
    receipt_page: bytes | None


@dataclass(frozen=True, slots=True)
class OpenWatch:
    """A watch that is still looked after."""

    verification: int
    first_word: int
    words: int
    seen: bytes
    until: int


@dataclass(frozen=True, slots=True)
class ListCheck:
    """A list of numbers being checked.

    `state`: waiting, running, paused (wrong codes make it wait), done, failed. `result` holds the
    answers so far until it is done.
    """

    id: int
    name: bytes
    uscc: str
    person: int
    at: int
    purpose_kind: PurposeKind
    state: str
    total: int
    done: int
    good: int
    code: str
    detail: Mapping[str, Any]
    sealed: bytes | None
    result: bytes | None


def content_of(
    report: Report,
    *,
    purpose: str,
    sha256: bytes,
    leaf_index: int | None,
    head: tuple[int, bytes, int] | None,
    item: str = "",
) -> CheckContent:
    """What is kept of a report: outcomes and numbers, no value of the credential.

    Args:
        report: as it was shown.
        purpose: the officer's words, at most MAX_PURPOSE characters.
        sha256: of what was handed in.
        leaf_index: where the credential lies in its batch, if it was told.
        head: number and hash of the newest block that was known, and when that was confirmed.
        item: code of the matter, empty where none was named.
    """
    summary = report.credential
    number = "" if summary is None else str(summary.claims.get("proof_no") or summary.identifier or "")
    return CheckContent(
        purpose=purpose,
        number=number,
        sha256=sha256.hex(),
        leaf_index=leaf_index,
        checks=tuple(
            (check.id.value, check.outcome.value, str(check.code), check.as_of) for check in report.checks
        ),
        block_number=None if head is None else head[0],
        block_hash=None if head is None else head[1].hex(),
        confirmed_at=None if head is None else head[2],
        item=item,
    )


def require_purpose(kind: str, words: str) -> tuple[PurposeKind, str]:
    """The purpose of a check.

    Raises:
        InputError: CHECK_PURPOSE_NEEDED, PURPOSE_TOO_LONG.
    """
    told = words.strip()
    if len(told) > MAX_PURPOSE:
        raise InputError("PURPOSE_TOO_LONG", f"A purpose has at most {MAX_PURPOSE} characters.")
    if kind not in set(PurposeKind):
        raise InputError("CHECK_PURPOSE_NEEDED", "Say what the check is for.")
    found = PurposeKind(kind)
    if found is PurposeKind.OTHER and not told:
        raise InputError("CHECK_PURPOSE_NEEDED", "Say in words what the check is for.")
    return found, told


def watched_words(leaf_index: int, size: int) -> range:
    """Words of a batch that a watch covers: WATCHED credentials around the leaf, the whole of a smaller batch."""
    words = -(-size // CREDENTIALS_PER_WORD)
    span = WATCHED // CREDENTIALS_PER_WORD
    first = leaf_index // WATCHED * span
    if first + span > words:
        first = max(0, words - span)
    return range(first, min(first + span, words))


def receipt_payload(
    check: Verification, *, iss: str, ledger: Mapping[str, Any], issued_at: int, jti: str
) -> dict[str, Any]:
    """Claims of a receipt (docs/formats.md, Verification receipt).

    Raises:
        InputError: CHECK_ERASED.
    """
    content = check.content
    if content is None:
        raise InputError("CHECK_ERASED", "The content of this check was erased.")
    purpose = {"kind": str(check.purpose_kind), "text": content.purpose}
    if content.item:
        purpose["item"] = content.item
    block = None
    if content.block_number is not None:
        block = {"number": content.block_number, "hash": "0x" + (content.block_hash or "")}
    return {
        "version": RECEIPT_VERSION,
        "iss": iss,
        "verifier": check.uscc,
        "officer": check.person,
        "iat": issued_at,
        "jti": jti,
        "checked_at": check.at,
        "purpose": purpose,
        "object": {
            "kind": check.kind,
            "sha256": content.sha256,
            "issuer": check.issuer or None,
            "type": check.type_ref or None,
            "number": content.number or None,
        },
        "verdict": {
            "national": check.national,
            "code": check.code,
            "accepted": check.accepted,
            "presenter": check.presenter,
        },
        "checks": [
            {"id": name, "outcome": outcome, "code": code, "as_of": as_of}
            for name, outcome, code, as_of in content.checks
        ],
        "ledger": {**ledger, "block": block, "confirmed_at": content.confirmed_at},
    }


def parse_receipt_token(text: str) -> Jws:
    """A receipt as read; whether it holds is for `judge_receipt` to say.

    Raises:
        InputError: VERIFICATION_RECEIPT_SHAPE.
    """
    try:
        token = parse_jws(text.strip(), max_bytes=MAX_RECEIPT_BYTES)
    except InputError as error:
        raise _shape("token") from error
    if token.header.get("typ") != RECEIPT_TYPE or token.header.get("alg") != "ES256":
        raise _shape("typ")
    for name in ("verifier", "iat", "jti", "checked_at", "object", "verdict", "checks", "ledger"):
        if name not in token.payload:
            raise _shape(name)
    if token.payload.get("version") != RECEIPT_VERSION or type(token.payload["iat"]) is not int:
        raise _shape("version")
    return token


def judge_receipt(token: Jws, keys: Sequence[KeyRecord]) -> str:
    """A code: VERIFICATION_RECEIPT_GOOD, or why it is not believed.

    Args:
        token: from `parse_receipt_token`.
        keys: keys that the ledger knows of the verifier that it names.
    """
    leaf = leaf_facts(_leaf_of(token))
    if not verify_es256(leaf.public_jwk, token.signing_input, token.signature):
        return "VERIFICATION_RECEIPT_SIGNATURE"
    thumbprint = leaf.thumbprint
    made_at = token.payload["iat"]
    for record in keys:
        if record.thumbprint == thumbprint and record.purpose == Purpose.SEAL:
            if record.compromised_since is not None and record.compromised_since <= made_at:
                return "VERIFICATION_RECEIPT_KEY_COMPROMISED"
            if record.valid_from <= made_at < record.valid_until:
                return "VERIFICATION_RECEIPT_GOOD"
            return "VERIFICATION_RECEIPT_KEY_ENDED"
    return "VERIFICATION_RECEIPT_KEY_FOREIGN"


def _leaf_of(token: Jws) -> bytes:
    certificates = token.header.get("x5c")
    if type(certificates) is not list or not certificates or type(certificates[0]) is not str:
        raise _shape("x5c")
    try:
        return binascii.a2b_base64(certificates[0], strict_mode=True)
    except (binascii.Error, ValueError) as error:
        raise _shape("x5c") from error


def _shape(member: str) -> InputError:
    return InputError(
        "VERIFICATION_RECEIPT_SHAPE", f"This is no verification receipt ({member}).", member=member
    )
