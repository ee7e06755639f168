"""What several commands do first: open the installation, find keys, people and credentials."""

from __future__ import annotations

from pathlib import Path

from ledger.apps.cli_ask import password_asker
from ledger.apps.cli_frame import Session, Text
from ledger.bootstrap import Installation, open_home
from ledger.core.eip712 import signer_text
from ledger.core.errors import ConflictError, InputError, NotFoundError, RefusedError
from ledger.core.identifiers import parse_licence_identifier
from ledger.core.model import ReasonClass, Role
from ledger.ports import ChainSigner
from ledger.services.status import Grounds

SERIAL_DIGITS = 32
ROLE_WORDS = {
    Role.ADMIN: Text("管理员", "an admin"),
    Role.OPERATOR: Text("操作员", "an operator"),
    Role.MAKER: Text("经办人", "a maker"),
    Role.APPROVER: Text("审批人", "an approver"),
    Role.REDEEMER: Text("核销人", "a redeemer"),
}


def open_installation(session: Session) -> Installation:
    """The installation of this run."""
    return open_home(session.settings, password_asker())


def key_uri(text: str) -> str:
    """The key URI of what a person typed: `file:/…`, or a path to a key file or its folder.

    Raises:
        NotFoundError: KEY_NOT_FOUND.
    """
    path = Path(text.removeprefix("file:")).expanduser().absolute()
    if path.is_dir():
        path = path / "signing.key"
    if not path.is_file():
        raise NotFoundError("KEY_NOT_FOUND", f"There is no key file {path}.", path=str(path))
    return f"file:{path}"


def chain_key(here: Installation, text: str) -> ChainSigner:
    """The chain key that a person named with --key."""
    return here.keyring.chain_signer(key_uri(text))


def require_role(here: Installation, issuer: str, signer: ChainSigner, *roles: Role) -> None:
    """Refuse early, with a clear sentence, what the contract would refuse later: one of these roles is needed.

    Raises:
        RefusedError: WRONG_ROLE.
    """
    if any(signer.signer_id in role_holders(here, issuer, role) for role in roles):
        return
    address = "0x" + signer.address.hex()
    english = " or ".join(ROLE_WORDS[role].en for role in roles)
    raise RefusedError(
        "WRONG_ROLE",
        f"{address} is not {english} of {issuer}.",
        address=address,
        issuer=issuer,
        role=english,
        role_zh="或".join(ROLE_WORDS[role].zh for role in roles),
    )


def role_holders(here: Installation, issuer: str, role: Role) -> tuple[bytes, ...]:
    """Signer ids that have a role now."""
    from ledger.bootstrap_work import open_desk
    from ledger.services.roles import RoleBook

    return RoleBook(open_desk(here).reader).holders(issuer, role, here.clock.now())


def find_approver(here: Installation, issuer: str, named: str | None) -> bytes:
    """The approver's signer id: the one named (address), or the only one there is.

    Raises:
        NotFoundError: NO_APPROVER.
        ConflictError: SEVERAL_APPROVERS.
        InputError: ADDRESS_SHAPE.
    """
    if named is not None:
        return parse_address(named)
    found = role_holders(here, issuer, Role.APPROVER)
    if not found:
        raise NotFoundError("NO_APPROVER", f"{issuer} has no registered approver.", issuer=issuer)
    if len(found) > 1:
        shown = ", ".join(signer_text(one) for one in found)
        raise ConflictError(
            "SEVERAL_APPROVERS",
            f"{issuer} has several approvers; name one with --approver: {shown}.",
            issuer=issuer,
            approvers=shown,
        )
    return found[0]


def parse_address(text: str) -> bytes:
    """The signer id (32 bytes) of `0x` and 40 hex digits (an account), or of all 64 (a passkey)."""
    digits = text.removeprefix("0x")
    try:
        address = bytes.fromhex(digits)
    except ValueError:
        address = b""
    if len(address) not in {20, 32}:
        raise InputError(
            "ADDRESS_SHAPE",
            f"{text!r} is no signer: 0x and 40 hex digits (an address) or 64 (a passkey's signer id) are.",
            text=text,
        )
    return address.rjust(32, b"\0")


def parse_serial(text: str) -> bytes:
    """The 16-byte name of a credential: from its serial, its licence identifier or its bundle's name.

    Raises:
        InputError: SERIAL_SHAPE, or the identifier's own codes.
    """
    word = Path(text).name.removesuffix(".ecert.json")
    if "." in word:
        word = parse_licence_identifier(word).serial
    try:
        name = bytes.fromhex(word) if len(word) == SERIAL_DIGITS else b""
    except ValueError:
        name = b""
    if not name:
        raise InputError(
            "SERIAL_SHAPE",
            f"{text!r} is neither a licence identifier nor a serial of 32 hex digits.",
            text=text,
        )
    return name


REASONS = {
    "holder": ReasonClass.HOLDER_REQUEST,
    "issuer-error": ReasonClass.ISSUER_ERROR,
    "authority": ReasonClass.AUTHORITY_DECISION,
    "security": ReasonClass.SECURITY,
    "administrative": ReasonClass.ADMINISTRATIVE,
}


def grounds(reason: str, legal_basis: str, document: str) -> Grounds:
    """Why a status is changed, from the command line's words."""
    return Grounds(REASONS[reason], legal_basis, document)
