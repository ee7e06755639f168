"""What people and log-in need from the outside world; adapters keep these guarantees."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Protocol

from ledger.core.accounts import (
    Membership,
    Organisation,
    PasskeyRow,
    PersonRow,
    Place,
    SessionRow,
    TotpRow,
    Vouched,
)
from ledger.core.people import Role


class PeopleStore(Protocol):
    """People, roles, invitations. Names lie sealed in it; log-in names as keyed HMAC."""

    def add(
        self, key: bytes, login_index: bytes, sealed: bytes, password: str, language: str, at: int
    ) -> int:
        """Number of the new person; ConflictError(LOGIN_TAKEN)."""

    def by_login(self, login_index: bytes) -> PersonRow | None: ...

    def by_key(self, key: bytes) -> PersonRow | None: ...

    def by_id(self, number: int) -> PersonRow:
        """Raises NotFoundError(PERSON_UNKNOWN)."""

    def persons(self, numbers: Collection[int] | None = None) -> dict[int, PersonRow]:
        """These persons (None: all) by number."""

    def change(self, number: int, **values: Any) -> None:
        """Set columns of a person: sealed, password, state, language."""

    def give(
        self,
        number: int,
        uscc: str,
        role: Role,
        since: int,
        until: int | None,
        deputy_for: int | None,
        given_by: int | None,
        at: int,
    ) -> int:
        """Number of the role; the same one again when asked twice."""

    def end_role(self, membership_id: int, at: int) -> None: ...

    def roles_of(self, number: int) -> list[Membership]: ...

    def roles_in(self, uscc: str) -> list[Membership]: ...

    def role(self, membership_id: int) -> Membership:
        """Raises NotFoundError(ROLE_UNKNOWN)."""

    def invite(self, number: int, code_hash: bytes, until: int) -> None:
        """From now on this code alone opens the person's account."""

    def invited(self, code_hash: bytes, now: int) -> int | None:
        """Whom this code invites; None when it is unknown, used or too old."""

    def use_invitation(self, code_hash: bytes, now: int) -> bool:
        """True for exactly one caller."""

    def bind_subject(self, number: int, provider: str, subject_index: bytes, at: int) -> None:
        """ConflictError(SUBJECT_TAKEN) when it belongs to a person already."""

    def by_subject(self, subject_index: bytes) -> int | None: ...

    def unbind_subjects(self, number: int) -> int: ...

    def add_organisation(self, added: Organisation, at: int) -> None:
        """Add or replace one that only verifies."""

    def organisations(self) -> Mapping[str, Organisation]:
        """Those that only verify."""


class SessionStore(Protocol):
    """Log-ins. A cookie's value is never stored, its SHA-256 is."""

    def begin(self, token_hash: bytes, row: SessionRow) -> int: ...

    def find(self, token_hash: bytes) -> SessionRow | None: ...

    def change(self, session_id: int, **values: Any) -> None:
        """Set columns: token_hash, uscc, stage, method, seen_at, fresh_until."""

    def end(self, session_id: int, at: int) -> bool:
        """False when it was over."""

    def end_all(self, person: int, at: int, but: int | None = None) -> int:
        """How many were ended."""

    def of_person(self, person: int) -> list[SessionRow]:
        """Not ended by anybody, newest use first; some may be idle for too long."""

    def forget_old(self, before: int) -> int:
        """Delete sessions that were over by then."""

    def keep_step(self, handle_hash: bytes, kind: str, payload: str, until: int) -> None:
        """Remember something between two requests of one log-in."""

    def take_step(self, handle_hash: bytes, kind: str, now: int) -> str | None:
        """What was kept, once; None when it is unknown, used or too old."""


class FactorStore(Protocol):
    """Second factors and log-in passkeys."""

    def totp(self, person: int) -> TotpRow | None: ...

    def set_totp(self, row: TotpRow) -> None: ...

    def use_totp(self, person: int, step: int) -> bool:
        """True for exactly one caller per step, and never for an older one; confirms it too."""

    def set_recovery_codes(self, person: int, indexes: Sequence[bytes]) -> None:
        """Replaces all."""

    def use_recovery_code(self, person: int, index: bytes, at: int) -> bool:
        """True for exactly one caller per code."""

    def recovery_codes_left(self, person: int) -> int: ...

    def add_passkey(self, person: int, credential_id: bytes, public_key: bytes, count: int, at: int) -> None:
        """ConflictError(PASSKEY_KNOWN)."""

    def passkeys(self, person: int) -> list[PasskeyRow]: ...

    def passkey(self, credential_id: bytes) -> PasskeyRow | None: ...

    def use_passkey(self, passkey_id: int, count: int, at: int) -> None: ...

    def remove_passkey(self, person: int, passkey_id: int) -> bool: ...

    def remove_all(self, person: int) -> None:
        """Authenticator app, recovery codes, passkeys."""


class Passwords(Protocol):
    """Hashes that are slow to try."""

    def hash(self, password: str) -> str: ...

    def matches(self, stored: str, password: str) -> bool:
        """Takes as long without a stored hash ("") as with one."""

    def is_outdated(self, stored: str) -> bool: ...


class Passkeys(Protocol):
    """WebAuthn for log-in: the ceremonies' options and the judgement of answers."""

    def registration(
        self, place: Place, user: bytes, login: str, known: Sequence[bytes], challenge: bytes
    ) -> str:
        """Options as JSON for navigator.credentials.create."""

    def registered(self, place: Place, answer: str, challenge: bytes) -> tuple[bytes, bytes, int]:
        """Credential id, public key (COSE), signature count; InputError(SIGNING_PASSKEY_REFUSED)."""

    def question(self, place: Place, known: Sequence[bytes], challenge: bytes) -> str:
        """Options as JSON for navigator.credentials.get; nobody `known`: whoever has one."""

    def credential_of(self, answer: str) -> bytes:
        """Which passkey answers; InputError(SIGNING_PASSKEY_REFUSED)."""

    def answered(self, place: Place, answer: str, challenge: bytes, public_key: bytes, count: int) -> int:
        """The new signature count; InputError(SIGNING_PASSKEY_REFUSED)."""


class Providers(Protocol):
    """Identity providers of agencies (OpenID Connect)."""

    def names(self, language: str) -> list[tuple[str, str]]:
        """Id and name of each; InputError(PROVIDERS_BROKEN)."""

    def begin(self, provider: str, redirect_uri: str) -> tuple[str, str]:
        """Address to send the browser to, and what must be remembered meanwhile.

        Raises: NotFoundError(PROVIDER_UNKNOWN), UnavailableError(PROVIDER_UNAVAILABLE).
        """

    def finish(self, payload: str, answer: Mapping[str, str]) -> Vouched:
        """Whom the provider vouches for, all of its answer checked.

        Raises: InputError(PROVIDER_REFUSED), UnavailableError(PROVIDER_UNAVAILABLE).
        """


class Tree(Protocol):
    """Which organisations there are, and who stands above whom."""

    def organisations(self) -> Mapping[str, Organisation]:
        """Agencies on the chain and those that only verify, by USCC; a few seconds old at most."""

    def forget(self) -> None:
        """Look anew next time."""
