"""Logging in: password, second factor, passkey, recovery code, invitation, step-up, sessions.

A session's token is 32 random bytes in the browser's cookie; the database holds its SHA-256. The token
changes whenever the session becomes worth more (first step, second step, step-up), so that a token that
somebody planted or saw before is worth nothing after. Unknown people and wrong passwords get the same
answer after the same work. Wrong tries make the next one wait, by account and by client; nobody is
locked out for ever, and a passkey is never slowed down by other people's wrong passwords.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ledger.core.accounts import (
    LASTS_S,
    SEEN_EVERY_S,
    STEP_S,
    PersonRow,
    Place,
    SessionRow,
    Stage,
    Vouched,
    check_new_password,
    is_demo_login,
    normal_login,
    normal_password,
)
from ledger.core.errors import InputError, RefusedError
from ledger.core.limits import LimitKind
from ledger.core.people import FRESH_S, Actor, sight
from ledger.ports import Clock, Entropy, Limits, Vault
from ledger.services.audit import AuditService
from ledger.services.factors import Factors
from ledger.services.people import CONTEXT, PeopleService, code_hash
from ledger.services.people_ports import (
    FactorStore,
    Passkeys,
    Passwords,
    PeopleStore,
    SessionStore,
    Tree,
)

TOKEN_BYTES = 32
CHALLENGE_BYTES = 32
_TAG = b"ecert session\x00"
_STEP_TAG = b"ecert login step\x00"


@dataclass(frozen=True, slots=True)
class Opened:
    """A session as one request sees it. `actor` None: a step of the log-in is missing."""

    session: SessionRow
    actor: Actor | None
    organisations: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Entry:
    """What a step of a log-in led to: the new cookie, and what comes next."""

    token: str
    stage: Stage


class LoginService:
    """See the module.

    Args:
        people: for names and log-in indexes.
        store: people and roles.
        sessions: log-ins.
        factors: second factors.
        passwords: hashing.
        passkeys: WebAuthn.
        vault: opens names and secrets.
        tree: the organisations, for subtrees.
        limits: counters of wrong tries.
        audit: the log.
        clock: now.
        entropy: tokens.
        demands_second: whether NEEDS_SECOND is demanded (not in a demo).
    """

    def __init__(
        self,
        people: PeopleService,
        store: PeopleStore,
        sessions: SessionStore,
        factors: FactorStore,
        passwords: Passwords,
        passkeys: Passkeys,
        vault: Vault,
        tree: Tree,
        limits: Limits,
        audit: AuditService,
        clock: Clock,
        entropy: Entropy,
        *,
        demands_second: bool,
    ) -> None:
        self._people = people
        self._store = store
        self._sessions = sessions
        self._factor_store = factors
        self._passwords = passwords
        self._passkeys = passkeys
        self._vault = vault
        self._tree = tree
        self._limits = limits
        self._audit = audit
        self._clock = clock
        self._entropy = entropy
        self.factors = Factors(
            store, factors, vault, limits, audit, clock, entropy, demands_second=demands_second
        )

    # ---------------------------------------------------------------- every request
    def open(self, token: str) -> Opened | None:
        """The running session of this cookie and who acts in it; None when there is none."""
        now = self._clock.now()
        session = self._sessions.find(_hash(token))
        if session is None or not session.is_running(now):
            return None
        row = self._store.by_id(session.person)
        if row.state != "active":
            return None
        if now >= session.seen_at + SEEN_EVERY_S:
            self._sessions.change(session.id, seen_at=now)
        if session.stage == "half":
            return Opened(session, None)
        running = [role for role in self._store.roles_of(row.id) if role.is_running(now)]
        places = tuple(dict.fromkeys(role.uscc for role in running))
        uscc = session.uscc if session.uscc in places else (places[0] if places else "")
        roles = frozenset(role.role for role in running if role.uscc == uscc)
        parents = {known.uscc: known.parent for known in self._tree.organisations().values()}
        actor = Actor(
            row.id,
            self._name(row),
            uscc,
            roles,
            sight(uscc, roles, parents) if uscc else frozenset(),
            row.language,
            session.fresh_until,
            session.id,
        )
        return Opened(session, actor, places)

    def choose_organisation(self, opened: Opened, uscc: str) -> None:
        """Act for another of one's organisations from now on.

        Raises:
            RefusedError: NO_ROLE_THERE.
        """
        if uscc not in opened.organisations:
            raise RefusedError("NO_ROLE_THERE", "You have no role in this organisation.")
        self._sessions.change(opened.session.id, uscc=uscc)

    def log_out(self, token: str) -> None:
        """End the session of this cookie, if there is one."""
        session = self._sessions.find(_hash(token))
        if session is not None and self._sessions.end(session.id, self._clock.now()):
            self._audit.note(
                None, "login.out", f"session/{session.id}", person=session.person, uscc=session.uscc
            )

    # ---------------------------------------------------------------- first step
    def password(self, login: str, password: str, device: str, client: str) -> Entry | int:
        """Try a log-in name and a password.

        Args:
            login: as typed.
            password: as typed.
            device: see core.accounts.device_label.
            client: whom to slow down besides the account.

        Returns: the entry, or how many seconds must pass before the next try.

        Raises:
            InputError: LOGIN_WRONG, whichever of the two was wrong.
        """
        try:
            normal = normal_login(login)
        except InputError:
            normal = ""
        account = self._people.login_index(normal).hex()
        wait = self._limits.take(LimitKind.SIGN_IN, client) or self._limits.take(LimitKind.ACCOUNT, account)
        if wait:
            return wait
        row = self._store.by_login(bytes.fromhex(account)) if normal else None
        right = self._passwords.matches(row.password if row else "", normal_password(password))
        # people of a demo are let in by a demo only, which is also the only one without second factors
        strange = self.factors.demands_second and is_demo_login(normal)
        if row is None or not right or row.state != "active" or strange:
            self._limits.fail(LimitKind.SIGN_IN, client)
            self._limits.fail(LimitKind.ACCOUNT, account)
            self._audit.note(
                None, "login.wrong", "login", person=row.id if row else None, uscc=self._home(row)
            )
            raise InputError("LOGIN_WRONG", "Log-in name or password is wrong.")
        self._limits.forget(LimitKind.ACCOUNT, account)
        self._limits.forget(LimitKind.SIGN_IN, client)
        if self._passwords.is_outdated(row.password):
            self._store.change(row.id, password=self._passwords.hash(normal_password(password)))
        return self._begin(row, "half" if self.factors.has_second(row.id) else "full", "password", device)

    def invitation(self, code: str, password: str, device: str) -> Entry:
        """Choose a password with an invitation, and be logged in.

        Raises:
            InputError: INVITATION_INVALID, PASSWORD_*.
        """
        now, hashed = self._clock.now(), code_hash(code)
        number = self._store.invited(hashed, now)
        row = None if number is None else self._store.by_id(number)
        if row is None or row.state != "active":
            raise InputError("INVITATION_INVALID", "This invitation is unknown, used or too old.")
        chosen = self._passwords.hash(check_new_password(password, self._people.person(row.id).login))
        if not self._store.use_invitation(hashed, now):
            raise InputError("INVITATION_INVALID", "This invitation is unknown, used or too old.")
        self._store.change(row.id, password=chosen)
        self._sessions.end_all(row.id, now)
        self._audit.note(None, "login.invitation", f"person/{row.id}", person=row.id, uscc=self._home(row))
        return self._begin(row, "half" if self.factors.has_second(row.id) else "full", "invitation", device)

    def invited(self, code: str) -> str | None:
        """The log-in name of whom this code invites; None when it does not work (any more)."""
        number = self._store.invited(code_hash(code), self._clock.now())
        return None if number is None else self._people.person(number).login

    def by_subject(self, vouched: Vouched, device: str) -> Entry:
        """Log in whoever an identity provider vouches for, if that account was invited before.

        Raises:
            RefusedError: NOT_INVITED.
        """
        number = self._store.by_subject(self._subject_index(vouched.issuer, vouched.subject))
        row = None if number is None else self._store.by_id(number)
        if row is None or row.state != "active" or vouched.uscc not in self._places(row.id):
            self._audit.note(None, "login.stranger", f"provider/{vouched.provider}", uscc=vouched.uscc)
            raise RefusedError("NOT_INVITED", "This account was not invited here.")
        return self._begin(row, "half" if self.factors.has_second(row.id) else "full", "oidc", device)

    def bind_subject(self, code: str, vouched: Vouched, device: str) -> Entry:
        """Accept an invitation with an identity provider's account, and be logged in.

        Raises:
            InputError: INVITATION_INVALID.
            RefusedError: NOT_INVITED (the provider speaks for another agency).
            ConflictError: SUBJECT_TAKEN.
        """
        now, hashed = self._clock.now(), code_hash(code)
        number = self._store.invited(hashed, now)
        if number is None or self._store.by_id(number).state != "active":
            raise InputError("INVITATION_INVALID", "This invitation is unknown, used or too old.")
        if vouched.uscc not in self._places(number):
            raise RefusedError("NOT_INVITED", "This provider speaks for another agency.")
        index = self._subject_index(vouched.issuer, vouched.subject)
        self._store.bind_subject(number, vouched.provider, index, now)
        self._store.use_invitation(hashed, now)
        self._audit.note(
            None, "login.bound", f"person/{number}", person=number, uscc=vouched.uscc, provider=vouched.provider
        )  # fmt: skip
        return self.by_subject(vouched, device)

    # ---------------------------------------------------------------- second step
    def second(self, token: str, code: str) -> Entry | int:
        """Finish a log-in with a code of the app or a recovery code.

        Returns: the entry with a new cookie, or seconds to wait.

        Raises:
            InputError: CODE_WRONG.
            RefusedError: LOGIN_OVER (took too long: begin again).
        """
        session = self._half(token)
        method = self.factors.try_code(session.person, code)
        if isinstance(method, int):
            return method
        return self._promote(session, f"{session.method}+{method}")

    def passkey_question(self, place: Place, token: str | None = None) -> tuple[str, str]:
        """Options (JSON) for navigator.credentials.get, and the handle of this question.

        Args:
            place: where the page is served.
            token: of a half or whole session: only that person's passkeys; None: whoever has one.
        """
        session = self._sessions.find(_hash(token)) if token else None
        known = [one.credential_id for one in self._factor_store.passkeys(session.person)] if session else []
        challenge = self._entropy.token(CHALLENGE_BYTES)
        payload = {"challenge": challenge.hex(), "person": session.person if session else None}
        return self._passkeys.question(place, known, challenge), self._keep("passkey", payload)

    def passkey(self, place: Place, handle: str, answer: str, device: str, token: str | None) -> Entry:
        """Log in (or finish a log-in, or step up) with a passkey.

        Args:
            place: where the page is served.
            handle: of the question.
            answer: JSON of what the browser answered.
            device: see core.accounts.device_label.
            token: of the session that asks, if there is one.

        Raises:
            InputError: PASSKEY_REFUSED.
        """
        payload = self._take("passkey", handle)
        found = self._factor_store.passkey(self._passkeys.credential_of(answer))
        if found is None or payload["person"] not in {None, found.person}:
            raise InputError("PASSKEY_REFUSED", "This passkey is not registered here.")
        count = self._passkeys.answered(
            place, answer, bytes.fromhex(payload["challenge"]), found.public_key, found.sign_count
        )
        row = self._store.by_id(found.person)
        if row.state != "active":
            raise InputError("PASSKEY_REFUSED", "This passkey is not registered here.")
        self._factor_store.use_passkey(found.id, count, self._clock.now())
        session = self._sessions.find(_hash(token)) if token else None
        if session is not None and session.person == row.id and session.is_running(self._clock.now()):
            method = f"{session.method}+passkey" if session.stage == "half" else session.method
            return self._promote(session, method)
        return self._begin(row, "full", "passkey", device)

    # ---------------------------------------------------------------- step-up
    def step_up(self, actor: Actor, token: str, password: str, code: str) -> Entry | int:
        """Prove once more who one is: the password, and the code where there is an app.

        Returns: the entry with a new cookie, or seconds to wait.

        Raises:
            InputError: LOGIN_WRONG, CODE_WRONG.
            RefusedError: LOGIN_OVER.
        """
        session = self._sessions.find(_hash(token))
        if session is None or session.person != actor.person:
            raise RefusedError("LOGIN_OVER", "This session is over; log in again.")
        row = self._store.by_id(actor.person)
        account = f"step-up/{actor.person}"
        wait = self._limits.take(LimitKind.ACCOUNT, account)
        if wait:
            return wait
        if not self._passwords.matches(row.password, normal_password(password)):
            self._limits.fail(LimitKind.ACCOUNT, account)
            self._audit.note(actor, "login.step_up_wrong", f"person/{actor.person}")
            raise InputError("LOGIN_WRONG", "The password is wrong.")
        self._limits.forget(LimitKind.ACCOUNT, account)
        if self.factors.has_totp(actor.person):
            method = self.factors.try_code(actor.person, code)
            if isinstance(method, int):
                return method
        return self._promote(session, session.method)

    # ---------------------------------------------------------------- setting factors up
    def confirm_totp(self, actor: Actor, token: str, code: str) -> tuple[Entry, list[str]] | int:
        """The first code of the app came: it counts from now on.

        Returns: entry with a new cookie and the recovery codes (shown once), or seconds to wait.

        Raises:
            InputError: CODE_WRONG.
            RefusedError: LOGIN_OVER.
        """
        wait = self.factors.confirm_totp(actor, code)
        if wait:
            return wait
        return self._after_setup(actor, token), self.factors.new_recovery_codes(actor)

    def new_passkey(self, actor: Actor, place: Place) -> tuple[str, str]:
        """Options (JSON) for navigator.credentials.create, and the handle of this question."""
        row = self._store.by_id(actor.person)
        challenge = self._entropy.token(CHALLENGE_BYTES)
        known = [one.credential_id for one in self._factor_store.passkeys(actor.person)]
        login = self._people.person(actor.person).login
        options = self._passkeys.registration(place, row.key, login, known, challenge)
        return options, self._keep("new_passkey", {"challenge": challenge.hex(), "person": actor.person})

    def add_passkey(self, actor: Actor, token: str, place: Place, handle: str, answer: str) -> Entry:
        """Register a log-in passkey.

        Raises:
            InputError: PASSKEY_REFUSED.
            ConflictError: PASSKEY_KNOWN.
        """
        payload = self._take("new_passkey", handle)
        if payload["person"] != actor.person:
            raise InputError("PASSKEY_REFUSED", "This question was asked to somebody else.")
        made = self._passkeys.registered(place, answer, bytes.fromhex(payload["challenge"]))
        self._factor_store.add_passkey(actor.person, *made, self._clock.now())
        self._audit.note(actor, "login.passkey_added", f"person/{actor.person}")
        return self._after_setup(actor, token)

    def change_password(self, actor: Actor, password: str) -> None:
        """A new password (step-up first); other sessions end.

        Raises:
            InputError: PASSWORD_*.
        """
        self._people.set_password(actor.person, password, by=actor)

    # ---------------------------------------------------------------- within
    def _begin(self, row: PersonRow, stage: Stage, method: str, device: str) -> Entry:
        now = self._clock.now()
        running = [role for role in self._store.roles_of(row.id) if role.is_running(now)]
        if stage == "full" and self.factors.must_set_up(row.id, [role.role for role in running]):
            stage = "setup"
        token = self._new_token()
        fresh = 0 if stage == "half" else now + FRESH_S
        uscc = running[0].uscc if running else ""
        session = SessionRow(
            0,
            row.id,
            uscc,
            stage,
            method,
            device,
            now,
            now,
            now + (STEP_S if stage == "half" else LASTS_S),
            fresh,
        )
        number = self._sessions.begin(_hash(token), session)
        if stage != "half":
            self._audit.note(None, "login.in", f"session/{number}", person=row.id, uscc=uscc, method=method)
        return Entry(token, stage)

    def _promote(self, session: SessionRow, method: str) -> Entry:
        """The session is worth more now: new token, fresh; ends when it would have ended."""
        now, token = self._clock.now(), self._new_token()
        was_half = session.stage == "half"
        ends_at = session.made_at + LASTS_S
        roles = [role.role for role in self._store.roles_of(session.person) if role.is_running(now)]
        stage: Stage = "setup" if self.factors.must_set_up(session.person, roles) else "full"
        self._sessions.change(
            session.id,
            token_hash=_hash(token),
            stage=stage,
            method=method[:16],
            seen_at=now,
            ends_at=ends_at,
            fresh_until=now + FRESH_S,
        )
        self._audit.note(
            None, "login.in" if was_half else "login.step_up", f"session/{session.id}", person=session.person,
            uscc=session.uscc, method=method,
        )  # fmt: skip
        return Entry(token, stage)

    def _after_setup(self, actor: Actor, token: str) -> Entry:
        session = self._sessions.find(_hash(token))
        if session is None or session.person != actor.person:
            raise RefusedError("LOGIN_OVER", "This session is over; log in again.")
        return self._promote(session, session.method)

    def _half(self, token: str) -> SessionRow:
        session = self._sessions.find(_hash(token))
        if session is None or session.stage != "half" or not session.is_running(self._clock.now()):
            raise RefusedError("LOGIN_OVER", "The log-in took too long; begin again.")
        return session

    def _subject_index(self, issuer: str, subject: str) -> bytes:
        return self._vault.index("person-subject", f"{issuer}\x00{subject}")

    def _places(self, person: int) -> set[str]:
        now = self._clock.now()
        return {role.uscc for role in self._store.roles_of(person) if role.is_running(now)}

    def _home(self, row: PersonRow | None) -> str | None:
        roles = self._store.roles_of(row.id) if row is not None else []
        return roles[0].uscc if roles else None

    def _name(self, row: PersonRow) -> str:
        key = self._vault.load([row.key]).get(row.key)
        return "—" if key is None else str(json.loads(key.open(row.sealed, CONTEXT))["name"])

    def _new_token(self) -> str:
        return base64.urlsafe_b64encode(self._entropy.token(TOKEN_BYTES)).rstrip(b"=").decode()

    def _keep(self, kind: str, payload: Mapping[str, object]) -> str:
        return self.keep(kind, json.dumps(payload))

    def keep(self, kind: str, payload: str) -> str:
        """Remember something between two requests; returns the handle for the browser."""
        handle = self._new_token()
        self._sessions.keep_step(_step_hash(handle), kind, payload, self._clock.now() + STEP_S)
        return handle

    def take(self, kind: str, handle: str) -> str | None:
        """What was kept under this handle, once."""
        return self._sessions.take_step(_step_hash(handle), kind, self._clock.now())

    def _take(self, kind: str, handle: str) -> dict[str, Any]:
        text = self.take(kind, handle)
        if text is None:
            raise InputError("PASSKEY_REFUSED", "The question is too old or was answered; try again.")
        found: dict[str, Any] = json.loads(text)
        return found


def _hash(token: str) -> bytes:
    return hashlib.sha256(_TAG + token.encode(errors="replace")).digest()


def _step_hash(handle: str) -> bytes:
    return hashlib.sha256(_STEP_TAG + handle.encode(errors="replace")).digest()
