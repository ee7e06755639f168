"""Reads the QR codes of a photo or scan: PNG and JPEG only, their size known before they are unpacked."""

from __future__ import annotations

import io
from typing import Final

import zxingcpp
from PIL import Image, UnidentifiedImageError

from ledger.core.errors import InputError
from ledger.core.page import MAX_UPLOAD

_QR: Final = zxingcpp.BarcodeFormats(zxingcpp.BarcodeFormat.QRCode)
MAX_PIXELS: Final = 50_000_000  # the largest photos of today's phones
MAX_SIDE: Final = 20_000  # pixels
WORKING_SIDE: Final = 4_000  # pixels: a QR of 2 cm on A4 still has 10 of them a module
MAX_CODES: Final = 8
MAX_TEXT: Final = 4_096  # characters; a QR holds at most 4,296


def read_picture(data: bytes) -> tuple[str, ...]:
    """Texts of the QR codes in a photo, each once.

    Raises:
        InputError: PICTURE_TOO_LARGE, PICTURE_DAMAGED.
    """
    if len(data) > MAX_UPLOAD:
        raise InputError("PICTURE_TOO_LARGE", "The picture is larger than 10 MiB.", limit=MAX_UPLOAD)
    try:
        with Image.open(io.BytesIO(data), formats=("PNG", "JPEG")) as picture:
            width, height = picture.size
            if width * height > MAX_PIXELS or max(width, height) > MAX_SIDE:
                raise InputError(
                    "PICTURE_TOO_LARGE", f"The picture has {width} × {height} pixels.", limit=MAX_PIXELS
                )
            picture.draft("L", (WORKING_SIDE, WORKING_SIDE))  # a JPEG is unpacked at an eighth to full size
            return read_drawn(picture.convert("L"))
    except Image.DecompressionBombError as error:
        raise InputError("PICTURE_TOO_LARGE", "The picture has too many pixels.", limit=MAX_PIXELS) from error
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError) as error:
        raise InputError("PICTURE_DAMAGED", "The picture cannot be read.") from error


def read_drawn(picture: Image.Image) -> tuple[str, ...]:
    """Texts of the QR codes in a grey picture; a large one is tried smaller first."""
    small = picture
    if max(picture.size) > WORKING_SIDE:
        small = picture.copy()
        small.thumbnail((WORKING_SIDE, WORKING_SIDE))
    return _codes(small) or (_codes(picture) if small is not picture else ())


def _codes(picture: Image.Image) -> tuple[str, ...]:
    found = zxingcpp.read_barcodes(picture, formats=_QR, text_mode=zxingcpp.TextMode.Plain)
    texts = (code.text for code in found if code.valid and 0 < len(code.text) <= MAX_TEXT)
    return tuple(dict.fromkeys(texts))[:MAX_CODES]
