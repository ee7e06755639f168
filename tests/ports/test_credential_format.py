"""One suite for every CredentialFormat, and each reads what the other writes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from ledger.adapters.format_sd_jwt import SdJwtFormat
from ledger.adapters.signer_memory import MemoryCredentialSigner
from ledger.adapters.system import SystemEntropy
from ledger.core.errors import InputError
from ledger.core.jose import kid_of
from ledger.core.sd_jwt import require_algorithm, require_signature
from ledger.ports import CredentialFormat
from tests.ports.reference_format import ReferenceFormat

SIGNER = MemoryCredentialSigner.generate()
CLEAR: Mapping[str, Any] = {
    "iss": "https://gjj.demo.example",
    "iat": 1_790_000_000,
    "status": {"status_list": {"idx": 5, "uri": "https://gjj.demo.example/status/0"}},
}
HIDDEN = [
    ("name", "扎西顿珠 “quoted” \\ \n"),
    ("months", 128),
    ("is_current", True),
    ("note", None),
    ("list", ["a", 1]),
]
FORMATS: dict[str, CredentialFormat] = {
    "ours": SdJwtFormat(),
    "reference": ReferenceFormat({kid_of(SIGNER.thumbprint): SIGNER.public_jwk}),
}
PAIRS = [(writer, reader) for writer in FORMATS for reader in FORMATS]


@pytest.mark.parametrize(("writer", "reader"), PAIRS)
def test_what_is_written_is_read(writer: str, reader: str) -> None:
    text = FORMATS[writer].issue(CLEAR, HIDDEN, SIGNER, SystemEntropy())
    credential = FORMATS[reader].parse(text)
    claims = dict(credential.claims)
    claims.pop("_sd_alg", None)  # the reference library leaves it in
    assert claims == {**CLEAR, **dict(HIDDEN)}
    assert sorted(credential.disclosed) == sorted(name for name, _ in HIDDEN)
    assert credential.undisclosed == 0
    assert credential.text == text
    require_algorithm(credential.header)
    require_signature(credential, SIGNER.public_jwk)


@pytest.mark.parametrize(("writer", "reader"), PAIRS)
def test_a_selection_is_read(writer: str, reader: str) -> None:
    jwt, *disclosures, _ = FORMATS[writer].issue(CLEAR, HIDDEN, SIGNER, SystemEntropy()).split("~")
    credential = FORMATS[reader].parse("~".join([jwt, *disclosures[1:3], ""]))
    assert len(credential.disclosed) == 2
    assert credential.undisclosed == len(HIDDEN) - 2
    assert set(credential.claims) - {"_sd_alg"} == set(CLEAR) | set(credential.disclosed)


@pytest.mark.parametrize("name", FORMATS)
def test_a_changed_payload_is_refused_or_the_signature_fails(name: str) -> None:
    text = FORMATS[name].issue(CLEAR, HIDDEN, SIGNER, SystemEntropy())
    header, payload, rest = text.split(".", 2)
    changed = ".".join([header, payload.replace("e", "f", 1), rest])
    with pytest.raises(InputError):
        require_signature(FORMATS[name].parse(changed), SIGNER.public_jwk)


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("text", ["", "~", "a.b.c", "a.b.c~", "\x00", "汉~"])
def test_nonsense_is_an_input_error(name: str, text: str) -> None:
    assert FORMATS[name].inspect(text).faults
    with pytest.raises(InputError):
        FORMATS[name].parse(text)


@pytest.mark.parametrize("name", FORMATS)
def test_two_copies_share_no_digest(name: str) -> None:
    first, second = (
        FORMATS[name].parse(FORMATS[name].issue(CLEAR, HIDDEN, SIGNER, SystemEntropy())) for _ in range(2)
    )
    assert set(first.payload["_sd"]).isdisjoint(second.payload["_sd"])
