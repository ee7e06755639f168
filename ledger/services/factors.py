"""Second factors of a person: authenticator app, recovery codes, passkeys; which roles must have one."""

from __future__ import annotations

from collections.abc import Sequence

from ledger.core.accounts import RECOVERY_CODES, TotpRow
from ledger.core.errors import InputError, RefusedError
from ledger.core.limits import LimitKind
from ledger.core.one_time import (
    RECOVERY_BYTES,
    SECRET_BYTES,
    matching_step,
    normal_recovery_code,
    recovery_code,
)
from ledger.core.people import Actor, Role
from ledger.ports import Clock, DataKey, Entropy, Limits, Vault
from ledger.services.audit import AuditService
from ledger.services.people_ports import FactorStore, PeopleStore

TOTP_CONTEXT = b"person-totp"
NEEDS_SECOND = frozenset({Role.APPROVER, Role.ADMINISTRATOR, Role.OPERATOR})
"""Roles whose people must have a second factor or a passkey, outside of a demo."""


class Factors:
    """See the module.

    Args:
        store: for the data key of a person.
        factors: where they are kept.
        vault: seals secrets, makes recovery codes findable by us alone.
        limits: wrong codes make the next one wait.
        audit: the log.
        clock: now.
        entropy: secrets and codes.
        demands_second: whether NEEDS_SECOND is demanded.
    """

    def __init__(
        self,
        store: PeopleStore,
        factors: FactorStore,
        vault: Vault,
        limits: Limits,
        audit: AuditService,
        clock: Clock,
        entropy: Entropy,
        *,
        demands_second: bool,
    ) -> None:
        self._store = store
        self._factors = factors
        self._vault = vault
        self._limits = limits
        self._audit = audit
        self._clock = clock
        self._entropy = entropy
        self.demands_second = demands_second

    def begin_totp(self, actor: Actor) -> bytes:
        """A new secret for the app; it counts once `confirm_totp` saw a code of it.

        Raises:
            RefusedError: FACTOR_THERE (an administrator resets a lost one).
        """
        if self.has_totp(actor.person):
            raise RefusedError("FACTOR_THERE", "There is an authenticator app; remove it first.")
        secret = self._entropy.token(SECRET_BYTES)
        sealed = self._key(actor.person).seal(secret, TOTP_CONTEXT)
        self._factors.set_totp(
            TotpRow(actor.person, sealed, is_confirmed=False, last_step=0, made_at=self._clock.now())
        )
        return secret

    def pending_totp(self, actor: Actor) -> bytes | None:
        """The secret that waits for its first code."""
        row = self._factors.totp(actor.person)
        if row is None or row.is_confirmed:
            return None
        return self._key(actor.person).open(row.sealed, TOTP_CONTEXT)

    def confirm_totp(self, actor: Actor, code: str) -> int:
        """Take the app's first code; returns seconds to wait, 0 when the app counts from now on.

        Raises:
            InputError: CODE_WRONG.
        """
        wait = self._limits.take(LimitKind.SECOND_FACTOR, str(actor.person))
        if wait:
            return wait
        secret, row = self.pending_totp(actor), self._factors.totp(actor.person)
        step = matching_step(secret, code, self._clock.now(), row.last_step) if secret and row else None
        if step is None or not self._factors.use_totp(actor.person, step):
            self._limits.fail(LimitKind.SECOND_FACTOR, str(actor.person))
            raise InputError("CODE_WRONG", "The code does not fit; look at the app and at the clock.")
        self._audit.note(actor, "login.totp_added", f"person/{actor.person}")
        return 0

    def remove_totp(self, actor: Actor) -> None:
        """The app no longer counts.

        Raises:
            RefusedError: FACTOR_NEEDED (the last one of a role that needs one).
        """
        self._keep_one(actor, without_totp=True)
        self._factors.set_totp(
            TotpRow(actor.person, b"", is_confirmed=False, last_step=0, made_at=self._clock.now())
        )
        self._factors.set_recovery_codes(actor.person, ())
        self._audit.note(actor, "login.totp_removed", f"person/{actor.person}")

    def new_recovery_codes(self, actor: Actor) -> list[str]:
        """Ten codes for the day the telephone is lost; older ones no longer work."""
        codes = [recovery_code(self._entropy.token(RECOVERY_BYTES)) for _ in range(RECOVERY_CODES)]
        self._factors.set_recovery_codes(
            actor.person, [self._recovery_index(actor.person, code) for code in codes]
        )
        self._audit.note(actor, "login.recovery_codes", f"person/{actor.person}")
        return codes

    def recovery_codes_left(self, actor: Actor) -> int:
        """How many were not used."""
        return self._factors.recovery_codes_left(actor.person)

    def remove_passkey(self, actor: Actor, passkey_id: int) -> None:
        """This passkey no longer opens the account.

        Raises:
            RefusedError: FACTOR_NEEDED.
        """
        self._keep_one(actor, without_passkey=passkey_id)
        if self._factors.remove_passkey(actor.person, passkey_id):
            self._audit.note(actor, "login.passkey_removed", f"person/{actor.person}")

    def passkeys_of(self, actor: Actor) -> Sequence[tuple[int, int, int | None]]:
        """Number, made at, used at, of this person's log-in passkeys."""
        return [(one.id, one.made_at, one.used_at) for one in self._factors.passkeys(actor.person)]

    def try_code(self, person: int, code: str) -> str | int:
        """Use up a code of the app or a recovery code: which it was, or seconds to wait.

        Raises:
            InputError: CODE_WRONG.
        """
        wait = self._limits.take(LimitKind.SECOND_FACTOR, str(person))
        if wait:
            return wait
        now = self._clock.now()
        row = self._factors.totp(person)
        if row is not None and row.is_confirmed:
            secret = self._key(person).open(row.sealed, TOTP_CONTEXT)
            step = matching_step(secret, code, now, row.last_step)
            if step is not None and self._factors.use_totp(person, step):
                self._limits.forget(LimitKind.SECOND_FACTOR, str(person))
                return "totp"
        if self._factors.use_recovery_code(person, self._recovery_index(person, code), now):
            self._limits.forget(LimitKind.SECOND_FACTOR, str(person))
            self._audit.note(None, "login.recovery_used", f"person/{person}", person=person)
            return "recovery"
        self._limits.fail(LimitKind.SECOND_FACTOR, str(person))
        self._audit.note(None, "login.code_wrong", f"person/{person}", person=person)
        raise InputError("CODE_WRONG", "The code does not fit; look at the app and at the clock.")

    def has_totp(self, person: int) -> bool:
        """Is there an app that showed its first code?"""
        row = self._factors.totp(person)
        return row is not None and row.is_confirmed

    def has_second(self, person: int) -> bool:
        """Is there anything beside the password?"""
        return self.has_totp(person) or bool(self._factors.passkeys(person))

    def must_set_up(self, person: int, roles: Sequence[Role]) -> bool:
        """Does one of these roles demand a second factor that is missing?"""
        return self.demands_second and bool(NEEDS_SECOND & set(roles)) and not self.has_second(person)

    def _keep_one(self, actor: Actor, *, without_totp: bool = False, without_passkey: int = 0) -> None:
        left = [one for one in self._factors.passkeys(actor.person) if one.id != without_passkey]
        has_app = self.has_totp(actor.person) and not without_totp
        if self.demands_second and NEEDS_SECOND & actor.roles and not left and not has_app:
            raise RefusedError("FACTOR_NEEDED", "Your role needs a second factor; add another one first.")

    def _recovery_index(self, person: int, code: str) -> bytes:
        return self._vault.index("person-recovery", f"{person}:{normal_recovery_code(code)}")

    def _key(self, person: int) -> DataKey:
        row = self._store.by_id(person)
        return self._vault.load([row.key])[row.key]
