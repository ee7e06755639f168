"""People of the organisations: who they are, what they may do where, and who decides that.

An administrator manages the people of the organisation he acts for and of those below it, never others,
and never gives himself a role. Nobody else learns or sets a person's password: an invitation, good once
and for a week, lets them choose it.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

from ledger.core.accounts import (
    INVITATION_S,
    Membership,
    Organisation,
    PersonRow,
    SessionRow,
    check_new_password,
    normal_login,
)
from ledger.core.errors import InputError, NotFoundError, RefusedError
from ledger.core.identifiers import parse_uscc
from ledger.core.one_time import RECOVERY_BYTES, recovery_code
from ledger.core.people import Actor, Role
from ledger.ports import Clock, Entropy, Vault
from ledger.services.audit import AuditService
from ledger.services.people_ports import FactorStore, Passwords, PeopleStore, SessionStore, Tree

KEY_BYTES = 16
CODE_BYTES = 16
CONTEXT = b"person"
LONGEST_NAME = 60
CODE_TAG = b"ecert invitation\x00"


@dataclass(frozen=True, slots=True)
class Person:
    """A person as shown to an administrator and to himself."""

    id: int
    login: str
    name: str
    state: str
    language: str
    made_at: int
    roles: tuple[Membership, ...] = ()
    has_totp: bool = False
    passkeys: int = 0


def code_hash(code: str) -> bytes:
    """Under which an invitation is stored."""
    return hashlib.sha256(CODE_TAG + code.strip().encode()).digest()


class PeopleService:
    """Reads and changes people.

    Args:
        store: people and roles.
        sessions: their log-ins.
        factors: what they prove themselves with.
        passwords: hashing.
        vault: a data key per person; HMAC of log-in names.
        tree: the organisations.
        audit: the log.
        clock: now.
        entropy: key names and invitation codes.
    """

    def __init__(
        self,
        store: PeopleStore,
        sessions: SessionStore,
        factors: FactorStore,
        passwords: Passwords,
        vault: Vault,
        tree: Tree,
        audit: AuditService,
        clock: Clock,
        entropy: Entropy,
    ) -> None:
        self._store = store
        self._sessions = sessions
        self._factors = factors
        self._passwords = passwords
        self._vault = vault
        self._tree = tree
        self._audit = audit
        self._clock = clock
        self._entropy = entropy

    # ---------------------------------------------------------------- organisations
    def organisations(self) -> Mapping[str, Organisation]:
        """All that are known, by USCC."""
        return self._tree.organisations()

    def organisation(self, uscc: str) -> Organisation:
        """Raises: NotFoundError(ORGANISATION_UNKNOWN)."""
        found = self._tree.organisations().get(uscc)
        if found is None:
            raise NotFoundError("ORGANISATION_UNKNOWN", f"There is no organisation {uscc} here.", uscc=uscc)
        return found

    def add_organisation(self, uscc: str, name_zh: str, name_en: str, parent: str | None = None) -> None:
        """An agency that only verifies (a bank, a registry office); one on the chain is known already.

        Raises:
            InputError: USCC_*.
            NotFoundError: ORGANISATION_UNKNOWN, when there is no such parent.
        """
        parse_uscc(uscc)
        if parent is not None:
            self.organisation(parent)
        self._store.add_organisation(
            Organisation(uscc, name_zh, name_en, parent, is_issuer=False), self._clock.now()
        )
        self._tree.forget()
        self._audit.note(None, "people.organisation", f"organisation/{uscc}", uscc=uscc, parent=parent)

    # ---------------------------------------------------------------- reading
    def person(self, number: int) -> Person:
        """Raises: NotFoundError(PERSON_UNKNOWN)."""
        return self._shown([self._store.by_id(number)])[0]

    def names(self, numbers: Collection[int]) -> dict[int, str]:
        """Names of these people by number; who was erased has the name "—"."""
        wanted = set(numbers)
        return {one.id: one.name for one in self._shown(list(self._store.persons(wanted).values()))}

    def find(self, login: str) -> Person:
        """The person with this log-in name.

        Raises:
            InputError: LOGIN_INVALID.
            NotFoundError: PERSON_UNKNOWN.
        """
        row = self._store.by_login(self.login_index(normal_login(login)))
        if row is None:
            raise NotFoundError("PERSON_UNKNOWN", "There is no person with this log-in name.")
        return self._shown([row])[0]

    def everybody(self) -> list[Person]:
        """All people of the installation (command line only)."""
        return self._shown(list(self._store.persons().values()))

    def of_organisation(self, uscc: str) -> list[Person]:
        """Who has, had or will have a role there that nobody took away."""
        roles = [role for role in self._store.roles_in(uscc) if role.ended_at is None]
        rows = self._store.persons({role.person for role in roles})
        return self._shown(list(rows.values()), uscc)

    def of_organisations(self, number: int, usccs: Collection[str]) -> Person:
        """A person who has a role in one of these organisations, with the roles there alone.

        Raises:
            NotFoundError: PERSON_UNKNOWN.
        """
        found = self.person(number)
        roles = tuple(role for role in found.roles if role.uscc in usccs)
        if not roles:
            raise NotFoundError("PERSON_UNKNOWN", "There is no such person in your organisation.")
        return replace(found, roles=roles)

    def with_role(self, uscc: str, role: Role) -> list[Person]:
        """Who may act in this role there now."""
        now = self._clock.now()
        return [
            one
            for one in self.of_organisation(uscc)
            if one.state == "active"
            and any(
                given.role is role and given.uscc == uscc and given.is_running(now) for given in one.roles
            )
        ]

    def login_index(self, login: str) -> bytes:
        """Under which a log-in name (in its normal form) is found."""
        return self._vault.index("person-login", login)

    def _shown(self, rows: list[PersonRow], uscc: str | None = None) -> list[Person]:
        keys = self._vault.load([row.key for row in rows])
        shown = []
        for row in rows:
            key = keys.get(row.key)
            said = (
                json.loads(key.open(row.sealed, CONTEXT)) if key is not None else {"login": "—", "name": "—"}
            )
            totp = self._factors.totp(row.id)
            roles = tuple(role for role in self._store.roles_of(row.id) if role.ended_at is None)
            shown.append(
                Person(
                    row.id,
                    said["login"],
                    said["name"],
                    row.state,
                    row.language,
                    row.made_at,
                    tuple(role for role in roles if uscc is None or role.uscc == uscc),
                    totp is not None and totp.is_confirmed,
                    len(self._factors.passkeys(row.id)),
                )
            )
        return shown

    # ---------------------------------------------------------------- changing
    def add(
        self, login: str, name: str, *, by: Actor | None, password: str | None = None, language: str = "zh"
    ) -> int:
        """A new person without roles; returns the number.

        Args:
            login: see core.accounts.normal_login.
            name: as shown to colleagues.
            by: the administrator; None on the command line.
            password: only on the command line and in the demo; otherwise the person gets an invitation.
            language: zh, en or bo.

        Raises:
            InputError: LOGIN_INVALID, NAME_INVALID, PASSWORD_*.
            ConflictError: LOGIN_TAKEN.
        """
        normal, shown = normal_login(login), " ".join(name.split())
        if not shown or len(shown) > LONGEST_NAME or not shown.isprintable():
            raise InputError("NAME_INVALID", f"A name has 1 to {LONGEST_NAME} printable characters.")
        hashed = "" if password is None else self._passwords.hash(check_new_password(password, normal))
        key_name = self._entropy.token(KEY_BYTES)
        key = self._vault.create([key_name])[0]
        sealed = key.seal(json.dumps({"login": normal, "name": shown}, ensure_ascii=False).encode(), CONTEXT)
        number = self._store.add(
            key_name, self.login_index(normal), sealed, hashed, language, self._clock.now()
        )
        self._audit.note(by, "people.add", f"person/{number}")
        return number

    def give_role(
        self,
        number: int,
        uscc: str,
        role: Role,
        *,
        by: Actor | None,
        since: int | None = None,
        until: int | None = None,
        deputy_for: int | None = None,
    ) -> int:
        """Let a person act in a role; returns the role's number.

        Raises:
            InputError: ROLE_PERIOD (it ends before it begins or has ended), DEPUTY_WITHOUT_END.
            NotFoundError: PERSON_UNKNOWN, ORGANISATION_UNKNOWN, NOT_HERE (an organisation that is not his).
            RefusedError: ROLE_FOR_ONESELF.
        """
        now = self._clock.now()
        start = self.require_period(since, until, deputy_for)
        if not _governs(by, uscc):
            raise NotFoundError("NOT_HERE", "There is no such organisation among yours.")
        self.organisation(uscc)
        self._store.by_id(number)
        if by is not None and by.person == number:
            raise RefusedError("ROLE_FOR_ONESELF", "Nobody gives himself a role; ask another administrator.")
        given = self._store.give(number, uscc, role, start, until, deputy_for, by.person if by else None, now)
        self._audit.note(
            by, "people.role_give", f"person/{number}", uscc=uscc, role=role.value, since=start, until=until,
            deputy_for=deputy_for,
        )  # fmt: skip
        return given

    def require_period(self, since: int | None, until: int | None, deputy_for: int | None) -> int:
        """When a role of this period begins. Ask before a person is made for it.

        Raises:
            InputError: ROLE_PERIOD, DEPUTY_WITHOUT_END.
        """
        now = self._clock.now()
        start = now if since is None else since
        if until is not None and until <= max(start, now):
            raise InputError("ROLE_PERIOD", "The role would be over before it begins.")
        if deputy_for is not None and until is None:
            raise InputError("DEPUTY_WITHOUT_END", "A deputy's role needs an end.")
        return start

    def end_role(self, membership_id: int, *, by: Actor | None) -> None:
        """Take a role away; it ends at once, also in running sessions.

        Raises:
            NotFoundError: ROLE_UNKNOWN.
            RefusedError: LAST_ADMINISTRATOR.
        """
        role = self._store.role(membership_id)
        if not _governs(by, role.uscc):
            raise NotFoundError("ROLE_UNKNOWN", "There is no such role.")
        # of an organisation below his own: there it is he who stays
        if by is not None and role.role is Role.ADMINISTRATOR and role.uscc == by.uscc:
            self._leave_an_administrator(role.uscc, role.person)
        self._store.end_role(membership_id, self._clock.now())
        self._audit.note(by, "people.role_end", f"person/{role.person}", uscc=role.uscc, role=role.role.value)

    def suspend(self, number: int, *, by: Actor | None) -> None:
        """No log-in any more, and running sessions end.

        Raises:
            NotFoundError: PERSON_UNKNOWN.
            RefusedError: ONESELF, LAST_ADMINISTRATOR.
        """
        home = self.must_manage(number, by)
        if by is not None and by.person == number:
            raise RefusedError("ONESELF", "Nobody suspends himself; ask another administrator.")
        if by is not None:
            self._leave_an_administrator(by.uscc, number)
        self._store.change(number, state="suspended")
        ended = self._sessions.end_all(number, self._clock.now())
        self._audit.note(by, "people.suspend", f"person/{number}", uscc=home, sessions=ended)

    def resume(self, number: int, *, by: Actor | None) -> None:
        """Undo `suspend`."""
        home = self.must_manage(number, by)
        self._store.change(number, state="active")
        self._audit.note(by, "people.resume", f"person/{number}", uscc=home)

    def invite(self, number: int, *, by: Actor | None) -> str:
        """A code with which this person chooses a (new) password; older codes no longer work."""
        home = self.must_manage(number, by)
        code = base64.b32encode(self._entropy.token(CODE_BYTES)).decode().rstrip("=").lower()
        self._store.invite(number, code_hash(code), self._clock.now() + INVITATION_S)
        self._audit.note(by, "people.invite", f"person/{number}", uscc=home)
        return code

    def reset(self, number: int, *, by: Actor | None) -> str:
        """All second factors and passkeys are gone, sessions end; returns an invitation code."""
        home = self.must_manage(number, by)
        self._factors.remove_all(number)
        self._store.unbind_subjects(number)
        self._store.change(number, password="")
        self._sessions.end_all(number, self._clock.now())
        self._audit.note(by, "people.reset", f"person/{number}", uscc=home)
        return self.invite(number, by=by)

    def set_password(self, number: int, password: str, *, by: Actor | None) -> None:
        """Command line and invitation: a new password; running sessions end.

        Raises:
            InputError: PASSWORD_*.
        """
        login = self.person(number).login
        self._store.change(number, password=self._passwords.hash(check_new_password(password, login)))
        self._sessions.end_all(number, self._clock.now(), by.session if by is not None else None)
        self._audit.note(by, "people.password", f"person/{number}")

    def draw_password(self) -> str:
        """Sixteen random letters in groups: 80 bits, easy to read out."""
        return recovery_code(self._entropy.token(RECOVERY_BYTES))

    def use_language(self, number: int, language: str) -> None:
        """Remember the language a person chose."""
        self._store.change(number, language=language)

    # ---------------------------------------------------------------- sessions
    def sessions(self, number: int) -> list[SessionRow]:
        """Running log-ins, newest use first."""
        now = self._clock.now()
        return [session for session in self._sessions.of_person(number) if session.is_running(now)]

    def end_session(self, number: int, session_id: int, *, by: Actor) -> None:
        """End one log-in of this person.

        Raises:
            NotFoundError: SESSION_UNKNOWN.
        """
        home = None if by.person == number else self.must_manage(number, by)
        if session_id not in {session.id for session in self._sessions.of_person(number)}:
            raise NotFoundError("SESSION_UNKNOWN", "There is no such session.")
        self._sessions.end(session_id, self._clock.now())
        self._audit.note(by, "people.session_end", f"person/{number}", uscc=home, ended=session_id)

    def end_sessions(self, number: int, *, by: Actor | None) -> int:
        """End all log-ins of this person, but not the one that asks."""
        is_own = by is not None and by.person == number
        home = None if is_own else self.must_manage(number, by)
        keep = by.session if by is not None and is_own else None
        ended = self._sessions.end_all(number, self._clock.now(), keep)
        self._audit.note(by, "people.sessions_end", f"person/{number}", uscc=home, sessions=ended)
        return ended

    # ---------------------------------------------------------------- rules
    def must_manage(self, number: int, by: Actor | None) -> str | None:
        """Refuse whoever does not administer this person's account; whose it is.

        Who has roles in several organisations belongs to the one that gave the oldest of them: another
        one could otherwise give him a role, reset his password and act for the first. Whoever
        administers that one, or one above it, manages the account.

        Returns: the organisation in whose log it is written down; None without roles, on the command line.

        Raises:
            NotFoundError: PERSON_UNKNOWN.
        """
        self._store.by_id(number)
        roles = [role for role in self._store.roles_of(number) if role.ended_at is None]
        home = roles[0].uscc if roles else None
        if by is not None and (home is None or not _governs(by, home)):
            raise NotFoundError("PERSON_UNKNOWN", "There is no such person in your organisation.")
        return home

    def _leave_an_administrator(self, uscc: str, but: int) -> None:
        others = [one for one in self.with_role(uscc, Role.ADMINISTRATOR) if one.id != but]
        is_one = any(one.id == but for one in self.with_role(uscc, Role.ADMINISTRATOR))
        if is_one and not others:
            raise RefusedError("LAST_ADMINISTRATOR", "An organisation keeps at least one administrator.")


def _governs(by: Actor | None, uscc: str) -> bool:
    """Whether roles of this organisation are his to give and take; on the command line all are."""
    return by is None or (Role.ADMINISTRATOR in by.roles and uscc in by.subtree)
