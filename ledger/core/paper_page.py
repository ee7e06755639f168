"""What stands on a printed page, as data: labels, values as people read them, words.

The template (ledger/paper/page.typ) draws it and adds nothing of its own. Deterministic: the same print
gives the same data. Values come from the credential's claims only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any, Final

from ledger.core.credential_type import CredentialType, Field
from ledger.core.directory import DirectoryEntry
from ledger.core.errors import InputError
from ledger.core.paper import PageFacts, Print, PrintKind, encode_page_facts, show_check_code
from ledger.core.paper_words import word
from ledger.core.predicates import derived_labels
from ledger.core.type_shape import Labels

PROOF_NO: Final = "proof_no"
LANGUAGES: Final = ("zh", "en", "bo")
_SHANGHAI: Final = timezone(timedelta(hours=8))
_WIDE_TEXT: Final = 26  # half widths that fit beside another field
_WIDE_LABEL: Final = 14
_STEPS: Final = ("step_scan", "step_type", "step_file")


@dataclass(frozen=True, slots=True)
class Choice:
    """A claim that a purpose copy may show, with its names."""

    claim: str
    labels: Labels


def choices(kind: CredentialType, claims: Mapping[str, Any]) -> tuple[Choice, ...]:
    """Every claim of a credential that can be printed, in the order of the type file, derived ones last."""
    fields = [Choice(field.key, field.labels) for field in kind.fields if field.key in claims]
    known = {choice.claim for choice in fields}
    names = derived_labels(kind.predicates, [claim for claim in claims if claim not in known])
    derived = [Choice(claim, labels) for claim, labels in names.items()]
    return (*fields, *derived)


def printed_claims(
    kind: CredentialType, claims: Mapping[str, Any], printed: PrintKind, chosen: Sequence[str]
) -> dict[str, Any]:
    """Exactly the claims on a page: the proof number and, in the type's order, the fields shown."""
    wanted = {field.key for field in kind.fields} if printed is PrintKind.FULL else set(chosen)
    shown = {PROOF_NO: claims[PROOF_NO]} if PROOF_NO in claims else {}
    for choice in choices(kind, claims):
        if choice.claim in wanted:
            shown[choice.claim] = claims[choice.claim]
    return shown


def require_choice(kind: CredentialType, claims: Mapping[str, Any], chosen: Sequence[str]) -> tuple[str, ...]:
    """The chosen claims in the order of the page, each once.

    Raises:
        InputError: PRINT_FIELDS when none is chosen or one is not in the credential.
    """
    known = [choice.claim for choice in choices(kind, claims)]
    if not chosen or not set(chosen) <= set(known):
        raise InputError(
            "PRINT_FIELDS", "A copy for a purpose shows at least one field, and only known ones."
        )
    return tuple(claim for claim in known if claim in set(chosen))


def page_data(
    *,
    ordered: Print,
    kind: CredentialType,
    claims: Mapping[str, Any],
    purpose: str,
    entry: DirectoryEntry,
    facts: PageFacts,
    check_code: str,
    is_demo: bool,
) -> dict[str, Any]:
    """What the template is given as JSON.

    Args:
        ordered: the print; its `ordered_at` is the date of the document.
        kind: of the credential.
        claims: of the credential, disclosed ones put back.
        purpose: text of a purpose copy, else empty.
        entry: the agency as the directory names it.
        facts: what the sealed metadata says.
        check_code: ten characters.
        is_demo: draws the watermark.
    """
    language = ordered.language
    shown = printed_claims(kind, claims, ordered.kind, ordered.fields)
    lines = [
        _line(choice, kind, shown[choice.claim], language)
        for choice in choices(kind, claims)
        if choice.claim in shown
    ]
    when = datetime.fromtimestamp(ordered.ordered_at, UTC).astimezone(_SHANGHAI)
    copy = "full" if ordered.kind is PrintKind.FULL else "purpose_copy"
    address = entry.iss.rstrip("/")
    words = {
        name: word(name, "zh")
        for name in (
            "seal", "demo", "demo_long", "print_no", "printed_on", "template", "page_before", "page_between",
            "page_after", "purpose", "kept", "qr_alt", "scan", "check_code", "how",
        )
    }  # fmt: skip
    words["copy"] = word(copy, "zh")
    return {
        "language": language,
        "demo": is_demo,
        "title": _both(kind.name, language),
        "issuer": {"zh": entry.name["zh"], "second": entry.name.get(language) if language != "zh" else None},
        "facts": encode_page_facts(facts),
        "document_date": [when.year, when.month, when.day, when.hour, when.minute, when.second],
        "document": ordered.id.hex(),
        "template": ordered.template,
        "printed_on": _day(when),
        "head": _head(claims, language),
        "purpose": purpose or None,
        "lines": lines,
        "kept": len(choices(kind, claims)) - len(lines) if ordered.kind is PrintKind.PURPOSE else 0,
        "check_code": show_check_code(check_code),
        "issued": _day_of(claims["iat"]),
        "attachment": word("attachment", "zh"),
        "words": {**words, "steps": [word(step, "zh", address=address) for step in _STEPS]},
        "second": None
        if language == "zh"
        else {
            "copy": word(copy, language),
            **{name: word(name, language) for name in ("purpose", "kept", "check_code", "how")},
            "steps": [word(step, language, address=address) for step in _STEPS],
        },
    }


def _head(claims: Mapping[str, Any], language: str) -> list[dict[str, Any]]:
    """Number, day of issue, last day: as a counter asks for them."""
    end = claims.get("exp")
    last = word("permanent", "zh") if end is None else _day_of(end - 1)
    told = (
        (PROOF_NO, str(claims.get(PROOF_NO, "")), True),
        ("issued_on", _day_of(claims["iat"]), False),
        ("valid_until", last, False),
    )
    return [
        {
            "label": word(name, "zh"),
            "second": None if language == "zh" else word(name, language),
            "value": value,
            "big": is_big,
        }
        for name, value, is_big in told
    ]


def _line(choice: Choice, kind: CredentialType, value: Any, language: str) -> dict[str, Any]:
    field = next((field for field in kind.fields if field.key == choice.claim), None)
    shown = spell(value, field, "zh")
    other = None
    if language != "zh" and (isinstance(value, bool) or (field is not None and str(value) in field.values)):
        other = spell(value, field, language)
    label = choice.labels.zh
    return {
        "label": label,
        "second": None if language == "zh" else getattr(choice.labels, language),
        "value": shown,
        "value_second": other,
        "strong": field is not None and (field.kind == "money" or field.key == "name"),
        "wide": sum(1 if one.isascii() else 2 for one in shown) > _WIDE_TEXT
        or len(label) > _WIDE_LABEL
        or field is None,
    }


def spell(value: Any, field: Field | None, language: str) -> str:
    """A value as it is printed.

    Args:
        value: canonical, as in the credential.
        field: of the type; None for derived claims.
        language: of code labels, yes and no; dates and money are spelled in Chinese.
    """
    if isinstance(value, bool):
        return word("yes" if value else "no", language)
    text = str(value)
    if field is None:
        return text
    if text in field.values:
        return str(getattr(field.values[text], language))
    if field.kind == "money":
        whole, dot, cents = text.partition(".")
        return f"{int(whole):,}{dot}{cents} {word('yuan', 'zh')}" if whole.isdecimal() else text
    if field.kind == "ratio" and text.replace(".", "", 1).isdecimal():
        return f"{(Decimal(text) * 100).normalize():f}%"
    if field.kind == "month" and len(text) == 6 and text.isdecimal():
        return f"{text[:4]}年{int(text[4:])}月"
    if field.kind == "date":
        year, _, rest = text.partition("-")
        month, _, day = rest.partition("-")
        return f"{year}年{int(month)}月{int(day)}日" if month.isdecimal() and day.isdecimal() else text
    return text


def _both(labels: Labels, language: str) -> dict[str, str | None]:
    return {"zh": labels.zh, "second": None if language == "zh" else getattr(labels, language)}


def _day_of(seconds: int) -> str:
    return _day(datetime.fromtimestamp(seconds, UTC).astimezone(_SHANGHAI))


def _day(when: datetime) -> str:
    return f"{when.year}年{when.month}月{when.day}日"
