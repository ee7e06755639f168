"""API tokens: one organisation, some scopes, an end. Shown once, stored as a hash, revoked at once."""

from __future__ import annotations

from collections.abc import Collection
from typing import Protocol

from ledger.core.errors import ConflictError, InputError, NotFoundError
from ledger.core.flow import DAY_S
from ledger.core.standing import day_of
from ledger.core.tokens import (
    LONGEST_DAYS,
    LONGEST_LABEL,
    SECRET_BYTES,
    Scope,
    Token,
    hash_of,
    show_secret,
)
from ledger.ports import Clock, Entropy

SHOWN_AGAIN_S = 300
"""How long the same form answers with the same secret: the browser may have lost the first answer."""


class TokenStore(Protocol):
    """Tokens by number and by hash."""

    def add(self, token: Token, secret_hash: bytes) -> tuple[Token, bool]:
        """Store it; its number is the store's. False: that secret's token is there, and is given back."""

    def find(self, secret_hash: bytes) -> Token | None:
        """Whatever its state."""

    def tokens(self, uscc: str | None) -> tuple[Token, ...]:
        """Of one organisation, or all; newest first."""

    def revoke(self, token_id: int, at: int, by: str) -> None:
        """Twice: the first stands."""

    def used(self, token_id: int, day: int) -> None:
        """It was shown on that day."""


class TokenService:
    """Makes, finds, lists and revokes tokens.

    Args:
        store: where they lie.
        clock, entropy: ends and secrets.
    """

    def __init__(self, store: TokenStore, clock: Clock, entropy: Entropy) -> None:
        self._store = store
        self._clock = clock
        self._entropy = entropy

    def add(self, uscc: str, label: str, scopes: Collection[Scope], days: int, by: str) -> tuple[Token, str]:
        """A new token and its secret, which cannot be shown again.

        Raises: InputError(TOKEN_SCOPES, TOKEN_DAYS, TOKEN_LABEL).
        """
        token, shown, _ = self.add_once(
            self._entropy.token(SECRET_BYTES), uscc, label, scopes, days=days, by=by
        )
        return token, shown

    def add_once(
        self, secret: bytes, uscc: str, label: str, scopes: Collection[Scope], *, days: int, by: str
    ) -> tuple[Token, str, bool]:
        """As `add`, with a secret that the caller draws: a form that is sent twice makes one token.

        Args:
            secret: 32 bytes; the same for the same form, and nobody else can compute them.
            uscc: the organisation.
            label: what it is for.
            scopes: what it opens.
            days: how long.
            by: who makes it.

        Returns: the token, its secret as shown, and whether it is new.

        Raises:
            InputError: TOKEN_SCOPES, TOKEN_DAYS, TOKEN_LABEL.
            ConflictError: TOKEN_MADE, when it was made a while ago or opens nothing any more.
        """
        if not scopes:
            raise InputError("TOKEN_SCOPES", "A token needs one scope at least.")
        if not 1 <= days <= LONGEST_DAYS:
            raise InputError("TOKEN_DAYS", f"A token lasts 1 to {LONGEST_DAYS} days.", days=days)
        name = label.strip()
        if not 1 <= len(name) <= LONGEST_LABEL or not name.isprintable():
            raise InputError("TOKEN_LABEL", f"A token is named by 1 to {LONGEST_LABEL} characters.")
        now = self._clock.now()
        shown = show_secret(secret)
        secret_hash = hash_of(shown)
        if secret_hash is None:
            raise RuntimeError("a token of ours is recognised")
        token, is_new = self._store.add(
            Token(0, uscc, name, frozenset(scopes), now, by, now + days * DAY_S), secret_hash
        )
        if not is_new and not (token.is_good(now) and now < token.created_at + SHOWN_AGAIN_S):
            raise ConflictError("TOKEN_MADE", "This form has made its token; open a new one.", token=token.id)
        return token, shown, is_new

    def who(self, shown: str) -> Token | None:
        """The good token that was shown; None for unknown, ended and revoked ones alike."""
        secret_hash = hash_of(shown)
        token = None if secret_hash is None else self._store.find(secret_hash)
        now = self._clock.now()
        if token is None or not token.is_good(now):
            return None
        if token.used_on != day_of(now):
            self._store.used(token.id, day_of(now))
        return token

    def tokens(self, uscc: str | None = None) -> tuple[Token, ...]:
        """Of one organisation, or all; newest first."""
        return self._store.tokens(uscc)

    def revoke(self, token_id: int, by: str, uscc: str | None = None) -> Token:
        """From now on it opens nothing.

        Args:
            token_id: its number.
            by: who revokes it.
            uscc: only a token of this organisation; None: of any.
        Raises: NotFoundError(TOKEN_UNKNOWN).
        """
        for token in self._store.tokens(uscc):
            if token.id == token_id:
                self._store.revoke(token_id, self._clock.now(), by)
                return token
        raise NotFoundError("TOKEN_UNKNOWN", f"There is no token {token_id}.", token=token_id)
