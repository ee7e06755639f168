"""Enrolling keys of people: a passkey made for signing alone, or a wallet whose owner proves to have it.

Enrolment gives no right. It tells the agency's admins whose key stands behind a signer id; the role is
given on chain by two of them.
"""

from __future__ import annotations

from ledger.core.eip712 import (
    Domain,
    KeyEnrolment,
    address_signer,
    enrolment_digest,
    passkey_signer,
)
from ledger.core.errors import ConflictError, InputError, NotFoundError
from ledger.core.signing import (
    REQUEST_S,
    Act,
    KeyKind,
    KeyState,
    SigningKey,
    SigningRequest,
    Site,
)
from ledger.ports import Clock, Entropy
from ledger.services.signing_book import KeyReader, SigningBook
from ledger.services.signing_desk import REQUEST_BYTES, Signer, SigningDesk, wallet_signature

CHALLENGE_BYTES = 32
MOST_KEYS = 10
LONGEST_LABEL = 60
ADDRESS_BYTES = 20


class Enrolment:
    """See the module.

    Args:
        book: keys and requests.
        reader: reads what keys hand over.
        desk: finds a person's requests.
        domain: of the ledger; wallets prove themselves with what they will sign for later.
        clock: dates.
        entropy: challenges.
    """

    def __init__(
        self,
        book: SigningBook,
        reader: KeyReader,
        desk: SigningDesk,
        domain: Domain,
        clock: Clock,
        entropy: Entropy,
    ) -> None:
        self._book = book
        self._reader = reader
        self._desk = desk
        self._domain = domain
        self._clock = clock
        self._entropy = entropy

    def begin(self, who: Signer, act: Act, address: bytes = b"") -> SigningRequest:
        """A request to prove a new key; its digest is the challenge of a passkey, what a wallet signs.

        Raises:
            InputError: WALLET_ADDRESS.
            ConflictError: TOO_MANY_KEYS.
        """
        if len(self._book.keys(who.uscc, who.person)) >= MOST_KEYS:
            raise ConflictError("TOO_MANY_KEYS", f"A person has at most {MOST_KEYS} signing keys.")
        now = self._clock.now()
        challenge = self._entropy.token(CHALLENGE_BYTES)
        payload = {}
        digest = challenge
        if act is Act.ENROL_WALLET:
            if len(address) != ADDRESS_BYTES:
                raise InputError("WALLET_ADDRESS", "The wallet named no account.")
            payload = {"address": address.hex(), "challenge": challenge.hex()}
            digest = enrolment_digest(self._domain, KeyEnrolment(who.uscc, challenge, now + REQUEST_S))
        request = SigningRequest(
            id=self._entropy.token(REQUEST_BYTES).hex(),
            person=who.person,
            uscc=who.uscc,
            act=act,
            subject="",
            key=0,
            digests=(digest,),
            payload=payload,
            created_at=now,
            expires_at=now + REQUEST_S,
        )
        self._book.add_request(request)
        return request

    def struct(self, request: SigningRequest) -> KeyEnrolment:
        """What the wallet shows and signs."""
        challenge = bytes.fromhex(request.payload["challenge"])
        return KeyEnrolment(request.uscc, challenge, request.created_at + REQUEST_S)

    def finish_passkey(self, who: Signer, request_id: str, answer: str, label: str, site: Site) -> SigningKey:
        """Raises: NotFoundError(SIGNING_REQUEST_UNKNOWN), InputError(SIGNING_PASSKEY_REFUSED), ConflictError(SIGNING_KEY_KNOWN)."""
        request = self._open(who, request_id, Act.ENROL_PASSKEY)
        credential_id, public_key = self._reader.registered(answer, request.digests[0], site)
        qx, qy = (int.from_bytes(public_key[start : start + 32], "big") for start in (0, 32))
        signer_id = passkey_signer(qx, qy)
        return self._add(request, KeyKind.PASSKEY, credential_id, public_key, signer_id, label)

    def finish_wallet(self, who: Signer, request_id: str, signature: bytes, label: str) -> SigningKey:
        """Raises: NotFoundError(SIGNING_REQUEST_UNKNOWN), InputError(WALLET_SIGNATURE), ConflictError(SIGNING_KEY_KNOWN)."""
        request = self._open(who, request_id, Act.ENROL_WALLET)
        address = bytes.fromhex(request.payload["address"])
        if self._reader.recovered(request.digests[0], wallet_signature(signature)) != address:
            raise InputError("WALLET_SIGNATURE", "Another account of the wallet signed than the chosen one.")
        return self._add(request, KeyKind.WALLET, b"", address, address_signer(address), label)

    def _open(self, who: Signer, request_id: str, act: Act) -> SigningRequest:
        request = self._desk.request(who, request_id, act)
        if request.done_at is not None:
            raise ConflictError("SIGNING_KEY_KNOWN", "This key is enrolled already.")
        return request

    def _add(
        self,
        request: SigningRequest,
        kind: KeyKind,
        credential_id: bytes,
        public_key: bytes,
        signer_id: bytes,
        label: str,
    ) -> SigningKey:
        now = self._clock.now()
        words = " ".join(label.split())
        if not words or len(words) > LONGEST_LABEL or not words.isprintable():
            raise InputError("KEY_LABEL", f"Give the key a name of at most {LONGEST_LABEL} characters.")
        key = self._book.add_key(
            SigningKey(
                0, request.person, request.uscc, kind, credential_id, public_key, signer_id, words, now, None,
                KeyState.ACTIVE,
            )
        )  # fmt: skip
        self._book.finish(request.id, now)
        return key

    def ask_removal(self, who: Signer, key_id: int) -> SigningKey:
        """The owner lost the key or gives it up: it signs nothing here any more, admins see it.

        Raises: NotFoundError(SIGNING_KEY_UNKNOWN).
        """
        key = self._book.key(key_id)
        if key is None or (key.person, key.uscc) != (who.person, who.uscc):
            raise NotFoundError("SIGNING_KEY_UNKNOWN", "This is no signing key of yours.")
        self._book.set_state(key_id, KeyState.REMOVAL)
        return key
