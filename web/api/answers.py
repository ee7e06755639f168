"""What several resources answer or describe in the same words."""

from __future__ import annotations

import re
from typing import Any, Protocol, TypeVar

from flask import request

from ledger.core.errors import InputError
from web.api.frame import BUNDLE_TYPE, KEY_HEADER

PDF_TYPE = "application/pdf"
TEXT: dict[str, Any] = {"type": "string"}
BINARY: dict[str, Any] = {"type": "string", "format": "binary"}
_KEY = re.compile(r"[!-~]{1,128}")


class Located(Protocol):
    """A model that says where its thing is."""

    @property
    def href(self) -> str:
        """Path under this server."""


T = TypeVar("T", bound=Located)


def accepted(made: T) -> tuple[T, int, dict[str, str]]:
    """202 with the address of what was ordered."""
    return made, 202, {"Location": made.href}


def file_answer(description: str, media_type: str, schema: dict[str, Any]) -> dict[int, Any]:
    """An answer in the OpenAPI text that is a file and no model."""
    return {200: {"description": description, "content": {media_type: {"schema": schema}}}}


def bundle_body(description: str) -> dict[str, Any]:
    """A request body in the OpenAPI text that is a bundle and no model."""
    content: dict[str, Any] = {BUNDLE_TYPE: {"schema": {}}, "application/json": {"schema": {}}}
    return {"requestBody": {"required": True, "description": description, "content": content}}


def request_key() -> str | None:
    """The caller's Idempotency-Key, None without one. Raises: InputError(IDEMPOTENCY_KEY)."""
    given = request.headers.get(KEY_HEADER)
    if given is not None and not _KEY.fullmatch(given):
        raise InputError("IDEMPOTENCY_KEY", "An Idempotency-Key has 1 to 128 visible ASCII characters.")
    return given


def hexed(value: bytes) -> str:
    """Bytes as the API writes them."""
    return "0x" + value.hex()


def hexed_or_none(value: bytes | None) -> str | None:
    """The same for what may be missing."""
    return None if value is None else hexed(value)
