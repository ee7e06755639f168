"""Wires the work on trust files: next versions, signatures, taking them into use, public keys to hand over."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ledger.adapters.home_files import LEDGER_OWNER, Home, read_at_most
from ledger.adapters.signer_file import Keyring
from ledger.adapters.trust_files import HomeTrust, TrustFolder, write_trust_file
from ledger.bootstrap import load_trust, password_chain
from ledger.core.directory import is_name
from ledger.core.errors import InputError, NotFoundError
from ledger.core.jose import jwk_thumbprint, kid_of, strict_json_object
from ledger.core.trust import MAX_NAME, MAX_TRUST_BYTES, Trust, load_trust_bytes, parse_trust, sign_trust
from ledger.core.trust_next import Changes, Signatures, next_trust, signatures_of
from ledger.core.x5c import MAX_CERTIFICATE_BYTES, require_certificate
from ledger.ports import PasswordSource
from ledger.settings import Settings

LARGEST_JWK = 4_096
_PUBLIC = frozenset({"crv", "kty", "x", "y"})


def trust_place(settings: Settings, named: Path | None) -> TrustFolder:
    """The trust file that is meant: the named one, else the data directory's.

    Raises:
        NotFoundError: TRUST_MISSING.
    """
    folder = TrustFolder(named.absolute()) if named is not None else HomeTrust(Home(settings.home))
    folder.newest()
    return folder


def write_next(source: Trust, changes: Changes, out: Path) -> Trust:
    """Write the next version, unsigned.

    Raises:
        InputError: TRUST_KEY_KNOWN, TRUST_KEY_UNKNOWN, TRUST_THRESHOLD, JWK_INVALID.
        RefusedError: FILE_NOT_WRITABLE.
    """
    data = next_trust(source, changes)
    write_trust_file(out, data)
    return parse_trust(data)


def sign_file(
    settings: Settings, path: Path, uris: Sequence[str], previous: Trust | None, ask: PasswordSource | None
) -> tuple[Trust, Signatures]:
    """Add signatures to a trust file in place; without keys named, that of the data directory.

    Raises:
        InputError: FILE_UNREADABLE, TRUST_SHAPE, TRUST_SIGNER when a key may sign neither version.
        NotFoundError: KEY_NOT_FOUND.
    """
    trust = parse_trust(read_at_most(path, MAX_TRUST_BYTES))
    home = Home(settings.home)
    demo = home.exists() and home.load().mode == "demo"
    keyring = Keyring(password_chain(settings, demo=demo, ask=ask))
    signers = [keyring.credential_signer(uri) for uri in uris or [_own_key(home)]]
    known = {*trust.keys.keys, *(() if previous is None else previous.keys.keys)}
    for signer in signers:
        if signer.thumbprint not in known:
            raise InputError(
                "TRUST_SIGNER",
                "This key signs neither this version nor the one before: "
                f"{kid_of(signer.thumbprint)} is named in neither.",
                kid=kid_of(signer.thumbprint),
            )
    data = sign_trust(trust.raw, signers)
    write_trust_file(path, data)
    signed = parse_trust(data)
    return signed, signatures_of(signed, previous)


def _own_key(home: Home) -> str:
    path = home.key_file(home.load(), LEDGER_OWNER, "trust") if home.exists() else None
    if path is None or not path.exists():
        raise NotFoundError(
            "KEY_NOT_FOUND", "No trust key lies here: name one with --key.", path=str(path or home.path)
        )
    return f"file:{path}"


def take_files(place: TrustFolder, paths: Sequence[Path]) -> Trust:
    """Use these versions one after the other, whatever order they were named in.

    Raises:
        InputError: FILE_UNREADABLE, TRUST_*: what was taken before it stays taken.
    """
    files = sorted(
        (read_at_most(path, MAX_TRUST_BYTES) for path in paths), key=lambda data: parse_trust(data).version
    )
    taken = place.trust()
    for data in files:
        taken = place.take(data)
    return taken


def before(settings: Settings, trust: Trust) -> Trust | None:
    """The version before, if this data directory has it and it is really that one."""
    home = Home(settings.home)
    if trust.previous is None or not home.trust_file.exists():
        return None
    data = HomeTrust(home).version(trust.version - 1)
    found = None if data is None else load_trust_bytes(data)
    return found if found is not None and found.fingerprint == trust.previous else None


def public_key(uri: str, name: str | None, settings: Settings, ask: PasswordSource | None) -> dict[str, str]:
    """The public half of a key, as the keepers of a trust file take it."""
    home = Home(settings.home)
    demo = home.exists() and home.load().mode == "demo"
    signer = Keyring(password_chain(settings, demo=demo, ask=ask)).credential_signer(uri)
    jwk = {member: signer.public_jwk[member] for member in sorted(_PUBLIC)}
    return jwk if name is None else {**jwk, "name": name}


def read_authority(path: Path) -> bytes:
    """A root certificate in DER.

    Raises:
        InputError: FILE_UNREADABLE, X5C_NOT_CERTIFICATE.
    """
    data = read_at_most(path, MAX_CERTIFICATE_BYTES)
    require_certificate(data)
    return data


def read_public_key(path: Path) -> Mapping[str, str]:
    """A public key file: a JWK with or without a name. A private one is refused before anything is done.

    Raises:
        InputError: FILE_UNREADABLE, JWK_INVALID, JWK_PRIVATE.
    """
    data = read_at_most(path, LARGEST_JWK)
    try:
        jwk: dict[str, Any] = strict_json_object(data[: LARGEST_JWK + 1])
        jwk_thumbprint(jwk)
    except InputError as error:
        raise InputError("JWK_INVALID", f"{path} holds no public P-256 key (JWK).", path=str(path)) from error
    if "d" in jwk:
        raise InputError(
            "JWK_PRIVATE", f"{path} holds a private key: never hand it over, and replace it.", path=str(path)
        )
    name = jwk.get("name")
    if jwk.keys() - _PUBLIC - {"name"} or (name is not None and not is_name(name, MAX_NAME)):
        raise InputError("JWK_INVALID", f"{path} holds more than a public key and a name.", path=str(path))
    return jwk


def write_public_key(path: Path, jwk: Mapping[str, str]) -> None:
    """Write a public key file. Raises: RefusedError(FILE_NOT_WRITABLE)."""
    write_trust_file(path, json.dumps(jwk, ensure_ascii=False, indent=1).encode() + b"\n")


def trusted(path: Path | None, settings: Settings) -> tuple[TrustFolder, Trust]:
    """The place and the file, its own signatures checked."""
    place = trust_place(settings, path)
    return place, place.trust() if path is None else load_trust(path)
