"""What the signing desk needs from outside, as guarantees: a book of keys and requests, and two readers."""

from __future__ import annotations

from typing import Protocol

from ledger.core.signing import Act, KeyState, SigningKey, SigningRequest, Site


class SigningBook(Protocol):
    """Keys that people enrolled and requests that they were shown. Durable when a call returns."""

    def add_key(self, key: SigningKey) -> SigningKey:
        """Stored under a number of its own. Raises ConflictError(SIGNING_KEY_KNOWN) for a signer id twice."""

    def key(self, key_id: int) -> SigningKey | None:
        """None when there is none of that number."""

    def keys(self, uscc: str, person: int | None = None) -> tuple[SigningKey, ...]:
        """Oldest first; of one person, or of all."""

    def owner(self, uscc: str, signer_id: bytes) -> SigningKey | None:
        """The key with this signer id."""

    def set_state(self, key_id: int, state: KeyState) -> None:
        """Its owner keeps it or gives it up."""

    def add_request(self, request: SigningRequest) -> None:
        """Also forgets what nobody signed in time."""

    def request(self, request_id: str) -> SigningRequest | None:
        """None when there is none, or it was forgotten."""

    def finish(self, request_id: str, at: int) -> bool:
        """open → done, and notes that its key was used; False when it was done before."""

    def done(self, act: Act, subject: str) -> SigningRequest | None:
        """The newest request of this kind that was signed."""


class KeyReader(Protocol):
    """Reads what authenticators and wallets hand over."""

    def registered(self, answer: str, challenge: bytes, site: Site) -> tuple[bytes, bytes]:
        """Credential id and public key (qx ‖ qy) of a new ES256 passkey whose person was verified.

        Args:
            answer: JSON of the PublicKeyCredential as the browser gives it.
            challenge: that it was asked for.
            site: where.

        Raises: InputError(SIGNING_PASSKEY_REFUSED).
        """

    def recovered(self, digest: bytes, signature: bytes) -> bytes | None:
        """Address (20 bytes) of the account that signed; None for nobody. `signature`: r ‖ s ‖ v, low s."""
