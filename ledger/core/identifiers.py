"""Identifiers with their check characters: USCC, resident ID, licence identifier, food licence.

Parsers take the canonical spelling only (upper case, no spaces, ASCII) and raise InputError; the
normalising of what people type is done in ledger.core.rows. Whether an authority, a division or a
person exists is not decided here: no such table is part of the product.

Sources: GB 32100-2015 (USCC), GB 11714-1997 (organisation code inside it), GB 11643-1999 (resident
ID), GB/T 36904-2018 as implemented in public systems (licence identifier), GB/T 17710-2008 =
ISO 7064 (MOD 11-2, MOD 11,10, MOD 37,36).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from operator import mul
from typing import Final

from ledger.core.errors import InputError

LICENCE_ROOT: Final = "1.2.156.3005.2"
MAX_SERIAL_LENGTH: Final = 64
MAX_VERSION: Final = 999
EARLIEST_BIRTH: Final = "18500101"  # the oldest published example was born in 1880

_USCC_ALPHABET: Final = "0123456789ABCDEFGHJKLMNPQRTUWXY"  # without I, O, S, V, Z
_USCC_VALUE: Final = {character: value for value, character in enumerate(_USCC_ALPHABET)}
_USCC_WEIGHTS: Final = tuple(pow(3, i, 31) for i in range(17))
_USCC_SHAPE: Final = re.compile(
    r"[0-9A-HJ-NPQRTUWXY]{2}[0-9]{6}[0-9A-HJ-NPQRTUWXY]{8}[0-9X][0-9A-HJ-NPQRTUWXY]"
)
_USCC_LENGTH: Final = 18

_ORGANISATION_WEIGHTS: Final = (3, 7, 9, 10, 5, 8, 4, 2)
_ALPHANUMERIC: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_ALPHANUMERIC_VALUE: Final = {character: value for value, character in enumerate(_ALPHANUMERIC)}

_ID_LENGTH: Final = 18
_ID_SHAPE: Final = re.compile(r"[0-9]{17}[0-9X]")
_ID_WEIGHTS: Final = tuple(pow(2, 17 - i, 11) for i in range(17))
_ID_CHECKS: Final = "10X98765432"
_ID_ZERO: Final = sum(_ID_WEIGHTS) * ord("0")
_PROVINCE: Final = re.compile("1[1-5]|2[1-3]|3[1-7]|4[1-6]|5[0-4]|6[1-5]|71|8[1-3]|91|99")
"""GB/T 2260; residence permits 81 to 83, abroad 91; 99 does not exist and is used for demo people."""
_DEMO_DIVISION: Final = "99"
_DEMO_ORGANISATIONS: Final = ("XXXX", "MAXXXX")

_TYPE_CODE_SHAPE: Final = re.compile(r"[0-9A-Z]{18}[0-9]{3}")
_SERIAL_SHAPE: Final = re.compile(r"[0-9A-Z]{1,64}")
_LICENCE_SHAPE: Final = re.compile(
    r"1\.2\.156\.3005\.2\.([0-9A-Z]{18}[0-9]{3})\.([0-9A-Z]{18})\.([0-9A-Z]{1,64})\.([0-9]{3})\.([0-9A-Z])"
)
_FOOD_SHAPE: Final = re.compile(r"JY([0-9])([0-9]{6})([0-9]{6})([0-9])")


@dataclass(frozen=True, slots=True)
class Uscc:
    """Unified social credit code (统一社会信用代码): its parts, both check characters right."""

    value: str
    authority: str
    body_class: str
    division: str
    organisation_code: str


@dataclass(frozen=True, slots=True)
class ResidentId:
    """Resident identity number (公民身份号码) of 18 characters."""

    value: str
    division: str
    born: date
    is_male: bool


@dataclass(frozen=True, slots=True)
class LicenceIdentifier:
    """Licence identifier (证照标识). `version` counts from 1; `check` is one character."""

    type_code: str
    issuer: str
    serial: str
    version: int
    check: str

    def __str__(self) -> str:
        return f"{LICENCE_ROOT}.{self.type_code}.{self.issuer}.{self.serial}.{self.version:03d}.{self.check}"


@dataclass(frozen=True, slots=True)
class FoodLicence:
    """Food business licence number (食品经营许可证编号): JY, form, division, serial, check."""

    value: str
    form: str
    division: str
    serial: str


def organisation_check(body: str) -> str:
    """Check character of an organisation code. Source: GB 11714, MOD 11 with its own weights.

    Args:
        body: 8 characters of 0-9A-Z.
    """
    total = sum(map(mul, _ORGANISATION_WEIGHTS, (_ALPHANUMERIC_VALUE[c] for c in body)))
    check = 11 - total % 11
    return "X" if check == 10 else "0" if check == 11 else str(check)


def uscc_check(body: str) -> str:
    """Check character of a USCC. Source: GB 32100-2015 §5, MOD 31.

    Args:
        body: the first 17 characters.
    """
    total = sum(map(mul, _USCC_WEIGHTS, (_USCC_VALUE[c] for c in body)))
    return _USCC_ALPHABET[-total % 31]


def parse_uscc(text: str) -> Uscc:
    """Parts of a USCC, the check character of the whole and of the organisation code verified.

    Raises: InputError USCC_LENGTH, USCC_CHARACTER, USCC_ORGANISATION_CHECK, USCC_CHECK.
    """
    if len(text) != _USCC_LENGTH:
        raise InputError("USCC_LENGTH", "A USCC has 18 characters.", length=len(text))
    if not _USCC_SHAPE.fullmatch(text):
        raise InputError(
            "USCC_CHARACTER", "A USCC has digits and capitals without I, O, S, V, Z; digits at 3-8."
        )
    if uscc_check(text[:17]) != text[17]:
        raise InputError("USCC_CHECK", "The last character of the USCC does not fit the others.")
    if organisation_check(text[8:16]) != text[16]:
        raise InputError("USCC_ORGANISATION_CHECK", "Character 17 of the USCC does not fit characters 9-16.")
    return Uscc(text, text[0], text[1], text[2:8], text[8:17])


def is_demo_uscc(value: str) -> bool:
    """True for numbers that no authority gives out: our demonstrations use these and only these.

    The division (characters 3-8) is 99xxxx, or the organisation code starts with the placeholder
    XXXX or MAXXXX.
    """
    return value[2:4] == _DEMO_DIVISION or value[8:].startswith(_DEMO_ORGANISATIONS)


def resident_id_check(body: str) -> str:
    """Check character of a resident ID. Source: GB 11643-1999, ISO 7064 MOD 11-2.

    Args:
        body: the first 17 digits.
    """
    return _ID_CHECKS[(sum(map(mul, _ID_WEIGHTS, body.encode("ascii"))) - _ID_ZERO) % 11]


def resident_id_fault(text: str, today: str) -> str | None:
    """Code of the first fault of a resident ID, None when it is good.

    Args:
        text: 18 characters.
        today: YYYYMMDD; a later birth date is refused.
    """
    if len(text) != _ID_LENGTH:
        return "ID_LENGTH"
    if not _ID_SHAPE.fullmatch(text):
        return "ID_CHARACTER"
    if _ID_CHECKS[(sum(map(mul, _ID_WEIGHTS, text.encode())) - _ID_ZERO) % 11] != text[17]:
        return "ID_CHECK"
    if not _PROVINCE.match(text):
        return "ID_DIVISION"
    return None if _is_birth_date(text[6:14], today) else "ID_DATE"


def _is_birth_date(text: str, today: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return EARLIEST_BIRTH <= text <= today


_ID_FAULTS: Final = {
    "ID_LENGTH": "A resident ID has 18 characters.",
    "ID_CHARACTER": "A resident ID has 17 digits and a digit or X.",
    "ID_CHECK": "The last character of the resident ID does not fit the others.",
    "ID_DIVISION": "The resident ID starts with no known province.",
    "ID_DATE": "The resident ID has a birth date that never was or is not plausible.",
}


def parse_resident_id(text: str, *, today: date | None = None) -> ResidentId:
    """Parts of a resident ID: province known, birth date real and plausible, check right.

    Args:
        text: 18 characters.
        today: when given, a later birth date is refused.
    Raises: InputError ID_LENGTH, ID_CHARACTER, ID_CHECK, ID_DIVISION, ID_DATE.
    """
    fault = resident_id_fault(text, (today or date.max).strftime("%Y%m%d"))
    if fault is not None:
        raise InputError(fault, _ID_FAULTS[fault])
    return ResidentId(text, text[:6], date.fromisoformat(text[6:14]), int(text[16]) % 2 == 1)


def is_demo_resident_id(value: str) -> bool:
    """True for division 99xxxx, which does not exist: people of demonstrations only."""
    return value[:2] == _DEMO_DIVISION


def mod37_36_check(body: str) -> str:
    """Check character of ISO 7064 hybrid MOD 37,36 (GB/T 17710-2008 §8).

    Args:
        body: characters 0-9A-Z.
    Raises: InputError IDENTIFIER_SHAPE for any other character.
    """
    return _ALPHANUMERIC[(37 - _mod37_36_state(36, body)) % 36]


def _mod37_36_state(state: int, body: str) -> int:
    for character in body:
        value = _ALPHANUMERIC_VALUE.get(character)
        if value is None:
            raise InputError("IDENTIFIER_SHAPE", "Only 0-9 and A-Z can carry a MOD 37,36 check.")
        state = ((state + value) % 36 or 36) * 2 % 37
    return state


def check_type_code(text: str) -> None:
    """Accepts a licence type code (证照类型代码): USCC of the defining authority and three digits.

    Raises: InputError IDENTIFIER_SHAPE, USCC_*.
    """
    if not _TYPE_CODE_SHAPE.fullmatch(text):
        raise InputError("IDENTIFIER_SHAPE", "A type code is a USCC followed by three digits.")
    parse_uscc(text[:18])


def make_licence_identifier(type_code: str, issuer: str, serial: str, version: int = 1) -> str:
    """The licence identifier of these parts, with its check character.

    Args:
        type_code: 21 characters.
        issuer: USCC.
        serial: 1 to 64 characters of 0-9A-Z.
        version: 1 to 999; a replacement of the same licence counts up.
    Raises: InputError IDENTIFIER_SHAPE, USCC_*.
    """
    check_type_code(type_code)
    parse_uscc(issuer)
    if not _SERIAL_SHAPE.fullmatch(serial) or not 1 <= version <= MAX_VERSION:
        raise InputError("IDENTIFIER_SHAPE", "The serial is 1 to 64 of 0-9A-Z and the version 1 to 999.")
    check = mod37_36_check(f"{type_code}{issuer}{serial}{version:03d}")
    return str(LicenceIdentifier(type_code, issuer, serial, version, check))


def licence_identifier_maker(type_code: str, issuer: str, version: int = 1) -> Callable[[str], str]:
    """make_licence_identifier for many serials of one type, issuer and version.

    What they share is checked and summed up once: a batch has thousands.
    """
    shared = make_licence_identifier(type_code, issuer, "0", version)
    before, after = shared.rsplit(".0.", 1)
    number = after.split(".")[0]
    summed = _mod37_36_state(36, type_code + issuer)

    def make(serial: str) -> str:
        if not _SERIAL_SHAPE.fullmatch(serial):
            raise InputError("IDENTIFIER_SHAPE", "The serial is 1 to 64 of 0-9A-Z.")
        check = _ALPHANUMERIC[(37 - _mod37_36_state(summed, serial + number)) % 36]
        return f"{before}.{serial}.{number}.{check}"

    return make


def parse_licence_identifier(text: str) -> LicenceIdentifier:
    """Parts of a licence identifier; its own check and those of both USCCs inside are verified.

    Raises: InputError IDENTIFIER_SHAPE, IDENTIFIER_CHECK, USCC_*.
    """
    match = _LICENCE_SHAPE.fullmatch(text)
    if not match or match[4] == "000":
        raise InputError(
            "IDENTIFIER_SHAPE", f"A licence identifier is {LICENCE_ROOT}.type.issuer.serial.version.check."
        )
    type_code, issuer, serial, version, check = match.groups()
    if mod37_36_check(type_code + issuer + serial + version) != check:
        raise InputError("IDENTIFIER_CHECK", "The check character of the licence identifier is wrong.")
    parse_uscc(type_code[:18])
    parse_uscc(issuer)
    return LicenceIdentifier(type_code, issuer, serial, int(version), check)


def mod11_10_check(body: str) -> str:
    """Check digit of ISO 7064 hybrid MOD 11,10 over ASCII digits."""
    state = 10
    for character in body:
        state = ((state + _ALPHANUMERIC_VALUE[character]) % 10 or 10) * 2 % 11
    return str((11 - state) % 10)


def parse_food_licence(text: str) -> FoodLicence:
    """Parts of a food business licence number. Source: rule of the State Administration, MOD 11,10.

    Raises: InputError FOOD_LICENCE_SHAPE, FOOD_LICENCE_CHECK.
    """
    match = _FOOD_SHAPE.fullmatch(text)
    if not match:
        raise InputError("FOOD_LICENCE_SHAPE", "A food licence number is JY and 14 digits.")
    if mod11_10_check(text[2:15]) != text[15]:
        raise InputError("FOOD_LICENCE_CHECK", "The last digit of the food licence number is wrong.")
    return FoodLicence(text, match[1], match[2], match[3])
