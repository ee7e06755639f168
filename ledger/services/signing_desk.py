"""People sign with keys of their own, outside this program: what they will sign is fixed, then taken back.

Two steps. `prepare_…` fixes the digests and keeps them as a request of one person; the browser hands them
one by one to the passkey or wallet. `complete` verifies every signature in full, then stores them exactly
as a key at hand would (services.approve, services.status). Rules kept here: the key is the person's own
and active, its role on chain is good now, maker and approver are two people, a request counts once, and
what was signed is still what is stored.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from ledger.core.assertion import read_assertion
from ledger.core.eip712 import Domain, ecdsa_signature, passkey_signature, signer_text
from ledger.core.errors import ConflictError, InputError, NotFoundError, RefusedError
from ledger.core.flow import BatchRecord, BatchState, PlannedChange
from ledger.core.model import Role
from ledger.core.signing import (
    MOST_DIGESTS,
    REQUEST_S,
    Act,
    KeyKind,
    KeyState,
    RequestState,
    RoleHeld,
    SigningKey,
    SigningRequest,
    Site,
)
from ledger.core.typed_data import typed_data
from ledger.ports import ChainSigner, Clock, Entropy
from ledger.services.approve import ApproveService, BatchDraft
from ledger.services.cases import Case
from ledger.services.roles import RoleBook
from ledger.services.signing_book import KeyReader, SigningBook
from ledger.services.status import StatusService

ROLE_OF_ACT = {
    Act.MAKE: Role.MAKER,
    Act.CASE_MAKE: Role.MAKER,
    Act.APPROVE: Role.APPROVER,
    Act.CASE_APPROVE: Role.APPROVER,
    Act.REVOKE_STANDING: Role.APPROVER,
    Act.GRANT_STANDING: Role.APPROVER,
    Act.ADMIN_REVOKE: Role.ADMIN,
    Act.GOVERN: Role.ADMIN,
    Act.GOVERN_CANCEL: Role.ADMIN,
}
ROLE_NAMES = {
    Role.ADMIN: ("an admin", "管理员"),
    Role.MAKER: ("a maker", "经办人"),
    Role.APPROVER: ("an approver", "复核人"),
}
REQUEST_BYTES = 16


class ServerKeys(Protocol):
    """Key files of an agency on this machine, for installations without keys of people."""

    def signer(self, issuer: str, role: Role) -> ChainSigner:
        """The maker's or approver's key file. Raises NotFoundError(KEY_NOT_FOUND)."""


class OtherAct(Protocol):
    """Something that a person signs which is neither a batch nor a case; its signer is one of the payload."""

    @property
    def domain(self) -> Domain:
        """The contract that takes the signature."""

    def plan(self, uscc: str, subject: str, signer_id: bytes) -> dict[str, Any]:
        """What the request is to remember, as JSON. Raises what stands against it."""

    def structs(self, payload: Mapping[str, Any]) -> Sequence[Any]:
        """What is signed, as EIP-712 structs."""

    def digests(self, payload: Mapping[str, Any]) -> tuple[bytes, ...]:
        """Of the structs, 32 bytes each."""

    def keep(self, payload: Mapping[str, Any], signatures: Sequence[bytes]) -> None:
        """Take the signatures; twice has no further effect."""


@dataclass(frozen=True, slots=True)
class Signer:
    """Who acts: a person for an organisation."""

    person: int
    uscc: str


@dataclass(frozen=True, slots=True)
class Given:
    """One signature as a browser hands it over.

    Attributes:
        signature: DER of a passkey, or r ‖ s ‖ v of a wallet.
        credential_id: which passkey answered; empty for a wallet.
        authenticator_data: of a passkey.
        client_data: of a passkey, JSON bytes.
    """

    signature: bytes
    credential_id: bytes = b""
    authenticator_data: bytes = b""
    client_data: bytes = b""


@dataclass(frozen=True, slots=True)
class ApproverChoice:
    """Somebody whom a maker may ask. `key` is None for a key that was appointed by address alone."""

    signer_id: bytes
    key: SigningKey | None


class SigningDesk:
    """See the module.

    Args:
        book: keys and requests.
        reader: reads what keys hand over.
        approve: batches.
        status: cases.
        roles: rights on chain.
        clock: dates and ends requests.
        entropy: their ids.
        server: key files to sign with after a log-in; None: people sign with keys of their own.
        others: what else is signed here.
    """

    def __init__(
        self,
        *,
        book: SigningBook,
        reader: KeyReader,
        approve: ApproveService,
        status: StatusService,
        roles: RoleBook,
        clock: Clock,
        entropy: Entropy,
        server: ServerKeys | None = None,
        others: Mapping[Act, OtherAct] | None = None,
    ) -> None:
        self.book = book
        self.roles = roles
        self._reader = reader
        self._approve = approve
        self._status = status
        self._clock = clock
        self._entropy = entropy
        self._server = server
        self._others = others or {}

    @property
    def domain(self) -> Domain:
        """Where signatures count."""
        return self._approve.domain

    @property
    def is_server_signing(self) -> bool:
        """Whether log-ins sign with key files on this machine: two log-ins, not two independent keys."""
        return self._server is not None

    # Keys and rights.

    def keys_of(self, who: Signer) -> tuple[SigningKey, ...]:
        """Keys that the person may sign with, oldest first; the server's own in its mode."""
        own = self.book.keys(who.uscc, who.person)
        return (*own, *self._server_keys(who))

    def _server_keys(self, who: Signer) -> list[SigningKey]:
        return [
            SigningKey(
                number, who.person, who.uscc, KeyKind.SERVER, b"", signer.address, signer.signer_id,
                "", 0, None, KeyState.ACTIVE,
            )
            for number, role in ((-1, Role.MAKER), (-2, Role.APPROVER))
            if (signer := self._server_signer(who.uscc, role)) is not None
        ]  # fmt: skip

    def _server_signer(self, uscc: str, role: Role) -> ChainSigner | None:
        """The server's key file of this role; None in the other mode, and where the agency has none here."""
        if self._server is None:
            return None
        try:
            return self._server.signer(uscc, role)
        except NotFoundError:
            return None

    def server_role(self, uscc: str, signer_id: bytes) -> Role | None:
        """Whether a signer is the server's own key file, and in which role: such a key has no person's name."""
        for role in (Role.MAKER, Role.APPROVER):
            signer = self._server_signer(uscc, role)
            if signer is not None and signer.signer_id == signer_id:
                return role
        return None

    def usable(self, who: Signer, role: Role) -> tuple[SigningKey, ...]:
        """The person's active keys that hold this role on chain now."""
        now = self._clock.now()
        return tuple(
            key
            for key in self.keys_of(who)
            if key.state is KeyState.ACTIVE and self.roles.holds(who.uscc, key.signer_id, role, now)
        )

    def rights(self, uscc: str, signer_id: bytes) -> tuple[RoleHeld, ...]:
        """Roles that the chain ever gave this key in the issuer's present epoch."""
        return tuple(held for held in self.roles.roles(uscc) if held.signer_id == signer_id)

    def approvers(self, who: Signer, maker: bytes | None = None) -> tuple[ApproverChoice, ...]:
        """Whom this person may ask: approvers on chain now, except for keys of their own and `maker`.

        Keys of people who enrolled here come first.
        """
        own = {key.signer_id for key in self.book.keys(who.uscc, who.person)}
        found = (
            ApproverChoice(signer_id, self.book.owner(who.uscc, signer_id))
            for signer_id in self.roles.holders(who.uscc, Role.APPROVER, self._clock.now())
            if signer_id not in own and signer_id != maker
        )
        useful = (one for one in found if one.key is None or one.key.state is KeyState.ACTIVE)
        return tuple(sorted(useful, key=lambda choice: choice.key is None))

    def made_by(self, batch: BatchRecord) -> int | None:
        """The person who made the batch; None when the key belongs to nobody here."""
        if batch.maker is None:
            return None
        return self._person_of(batch.issuer, batch.maker, Act.MAKE, str(batch.id))

    def approved_by(self, batch: BatchRecord) -> int | None:
        """The person who approved the batch in the browser; None while nobody did."""
        request = self.book.done(Act.APPROVE, str(batch.id))
        return None if request is None else request.person

    def _person_of(self, uscc: str, signer_id: bytes, act: Act, subject: str) -> int | None:
        owner = self.book.owner(uscc, signer_id)
        if owner is not None:
            return owner.person
        request = self.book.done(act, subject)
        return None if request is None else request.person

    def is_for(self, who: Signer, signer_id: bytes | None) -> bool:
        """Whether something waits for a key of this person."""
        return any(key.signer_id == signer_id for key in self.usable(who, Role.APPROVER))

    # Preparing.

    def prepare_make(self, who: Signer, batch_id: int, key_id: int, approver: bytes) -> SigningRequest:
        """What the maker signs over a batch.

        Raises:
            NotFoundError: BATCH_UNKNOWN, SIGNING_KEY_UNKNOWN.
            RefusedError: WRONG_ROLE, NOT_AN_APPROVER, SAME_PERSON, SAME_SIGNER, TOO_MANY_SIGNATURES.
            ConflictError: BATCH_TOO_OLD, BATCH_STATE.
        """
        batch = self._own_batch(who, batch_id)
        key = self._key(who, key_id, Role.MAKER)
        self._require_approver(who, approver)
        draft = self._approve.plan_make(batch.id, key.signer_id, approver)
        payload = {
            "approver": approver.hex(),
            "deadline": draft.wanted.deadline,
            "was": fingerprint(draft.found),
            "changes": [_plain_change(change) for change in draft.changes],
        }
        return self._ask(who, Act.MAKE, str(batch_id), key, self._approve.digests(draft), payload)

    def prepare_approve(self, who: Signer, batch_id: int, key_id: int) -> SigningRequest:
        """What the approver signs over a batch.

        Raises:
            NotFoundError: BATCH_UNKNOWN, SIGNING_KEY_UNKNOWN.
            RefusedError: WRONG_ROLE, SAME_PERSON, NOT_THE_APPROVER, TOO_MANY_SIGNATURES.
            ConflictError: APPROVAL_EXPIRED, BATCH_STATE.
        """
        batch = self._own_batch(who, batch_id)
        key = self._key(who, key_id, Role.APPROVER)
        draft = self._approve.plan_approval(batch.id, key.signer_id)
        self._require_other(who, self.made_by(batch))
        return self._ask(who, Act.APPROVE, str(batch_id), key, self._approve.digests(draft), {})

    def prepare_case_make(self, who: Signer, case_id: str, key_id: int, approver: bytes) -> SigningRequest:
        """What the maker signs over a status case. Raises: as prepare_make, with CASE_UNKNOWN, CASE_STATE."""
        self._own_case(who, case_id)
        key = self._key(who, key_id, Role.MAKER)
        self._require_approver(who, approver)
        planned = self._status.plan_make(case_id, key.signer_id, approver)
        payload = {"approver": approver.hex(), "deadline": planned.deadline}
        return self._ask(who, Act.CASE_MAKE, case_id, key, self._status.digests(planned), payload)

    def prepare_case_approve(self, who: Signer, case_id: str, key_id: int) -> SigningRequest:
        """What the approver signs over a status case. Raises: as prepare_approve, with CASE_EXPIRED."""
        case = self._own_case(who, case_id)
        key = self._key(who, key_id, Role.APPROVER)
        planned = self._status.plan_approval(case_id, key.signer_id)
        self._require_other(who, self._case_maker(case))
        return self._ask(who, Act.CASE_APPROVE, case_id, key, self._status.digests(planned), {})

    def prepare_other(self, who: Signer, act: Act, subject: str, key_id: int) -> SigningRequest:
        """What a person signs over something else. Raises: as `_key`, and what the act itself says."""
        key = self._key(who, key_id, ROLE_OF_ACT[act])
        payload = self._others[act].plan(who.uscc, subject, key.signer_id)
        return self._ask(who, act, subject, key, self._others[act].digests(payload), payload)

    def _case_maker(self, case: Case) -> int | None:
        return case.person_made or self._person_of(case.acting, case.maker, Act.CASE_MAKE, case.id)

    def _own_batch(self, who: Signer, batch_id: int) -> BatchRecord:
        batch = self._approve.batch(batch_id)
        if batch.issuer != who.uscc:
            raise NotFoundError("BATCH_UNKNOWN", f"There is no batch {batch_id} here.", batch=batch_id)
        return batch

    def _own_case(self, who: Signer, case_id: str) -> Case:
        case = self._status.case(case_id)
        if case.acting != who.uscc:
            raise NotFoundError("CASE_UNKNOWN", f"There is no case {case_id}.", case=case_id)
        return case

    def _key(self, who: Signer, key_id: int, role: Role) -> SigningKey:
        key = next((key for key in self.keys_of(who) if key.id == key_id), None)
        if key is None or key.state is not KeyState.ACTIVE:
            raise NotFoundError("SIGNING_KEY_UNKNOWN", "This is no signing key of yours that may be used.")
        if not self.roles.holds(who.uscc, key.signer_id, role, self._clock.now()):
            english, chinese = ROLE_NAMES[role]
            raise RefusedError(
                "WRONG_ROLE",
                f"{signer_text(key.signer_id)} is not {english} of {who.uscc}.",
                address=signer_text(key.signer_id),
                issuer=who.uscc,
                role=english,
                role_zh=chinese,
            )
        return key

    def _require_approver(self, who: Signer, approver: bytes) -> None:
        if not self.roles.holds(who.uscc, approver, Role.APPROVER, self._clock.now()):
            raise RefusedError(
                "NOT_AN_APPROVER", "The chosen key is not an approver's any more: choose again."
            )
        owner = self.book.owner(who.uscc, approver)
        self._require_other(who, None if owner is None else owner.person)

    def _require_other(self, who: Signer, person: int | None) -> None:
        if person == who.person:
            raise RefusedError("SAME_PERSON", "Maker and approver must be two different keys of two people.")

    def _ask(
        self,
        who: Signer,
        act: Act,
        subject: str,
        key: SigningKey,
        digests: tuple[bytes, ...],
        payload: dict[str, Any],
    ) -> SigningRequest:
        if len(digests) > MOST_DIGESTS and key.kind is not KeyKind.SERVER:
            raise RefusedError(
                "TOO_MANY_SIGNATURES",
                f"This replaces credentials of {len(digests) - 1} batches, more than a person signs one by one: "
                "make smaller batches or let a standing approval cover the replacing.",
                count=len(digests),
            )
        now = self._clock.now()
        request = SigningRequest(
            id=self._entropy.token(REQUEST_BYTES).hex(),
            person=who.person,
            uscc=who.uscc,
            act=act,
            subject=subject,
            key=key.id,
            digests=digests,
            payload=payload,
            created_at=now,
            expires_at=now + REQUEST_S,
        )
        self.book.add_request(request)
        return request

    # What the browser needs.

    def typed(self, request: SigningRequest) -> list[dict[str, Any]]:
        """The structs of a request as a wallet shows and hashes them. Raises: as complete."""
        key = self._request_key(request)
        if request.act in {Act.MAKE, Act.APPROVE}:
            structs: Sequence[Any] = self._approve.structs(self._batch_draft(request, key))
        elif request.act in self._others:
            other = self._others[request.act]
            return [typed_data(other.domain, struct) for struct in other.structs(request.payload)]
        else:
            structs = self._status.structs(self._planned_case(request, key))
        return [typed_data(self.domain, struct) for struct in structs]

    def key_of(self, request: SigningRequest) -> SigningKey:
        """The key that a request is for. Raises: NotFoundError(SIGNING_KEY_UNKNOWN)."""
        return self._request_key(request)

    def _request_key(self, request: SigningRequest) -> SigningKey:
        owner = Signer(request.person, request.uscc)
        key = next((key for key in self.keys_of(owner) if key.id == request.key), None)
        if key is None or key.state is not KeyState.ACTIVE:
            raise NotFoundError("SIGNING_KEY_UNKNOWN", "This is no signing key of yours that may be used.")
        return key

    # Completing.

    def request(self, who: Signer, request_id: str, act: Act | None = None) -> SigningRequest:
        """A request of this person.

        Raises:
            NotFoundError: SIGNING_REQUEST_UNKNOWN, also for somebody else's.
            ConflictError: SIGNING_REQUEST_EXPIRED.
        """
        found = self.book.request(request_id)
        if (
            found is None
            or (found.person, found.uscc) != (who.person, who.uscc)
            or act not in {None, found.act}
        ):
            raise NotFoundError("SIGNING_REQUEST_UNKNOWN", "There is nothing to sign under this number.")
        if found.state is RequestState.OPEN and self._clock.now() >= found.expires_at:
            raise ConflictError(
                "SIGNING_REQUEST_EXPIRED", "It was shown too long ago: open the page again and look anew."
            )
        return found

    def complete(self, who: Signer, request_id: str, given: Sequence[Given], site: Site) -> SigningRequest:
        """Verify every signature, store them, and send what is complete. A second time: no effect.

        Raises:
            NotFoundError: SIGNING_REQUEST_UNKNOWN, SIGNING_KEY_UNKNOWN.
            InputError: SIGNATURE_COUNT, ASSERTION_*, WALLET_SIGNATURE, WRONG_KEY.
            RefusedError: WRONG_ROLE, SAME_PERSON.
            ConflictError: SIGNING_REQUEST_EXPIRED, BATCH_CHANGED, BATCH_STATE, CASE_STATE.
        """
        request = self.request(who, request_id)
        if request.state is RequestState.DONE:
            return request
        key = self._request_key(request)
        if len(given) != len(request.digests):
            raise InputError(
                "SIGNATURE_COUNT", f"{len(request.digests)} signatures are needed, {len(given)} came."
            )
        signatures = [
            self._verified(key, digest, one, site) for digest, one in zip(request.digests, given, strict=True)
        ]
        self._store(request, key, signatures)
        return self.request(who, request_id)

    def sign_here(self, who: Signer, request: SigningRequest) -> SigningRequest:
        """Sign a request with the agency's key file, for the person who is logged in (server mode only)."""
        key = self._request_key(request)
        if self._server is None or key.kind is not KeyKind.SERVER:
            raise RefusedError(
                "SERVER_SIGNING_OFF", "On this installation people sign with keys of their own."
            )
        signer = self._server.signer(who.uscc, ROLE_OF_ACT[request.act])
        signatures = [ecdsa_signature(signer.sign_digest(digest)) for digest in request.digests]
        self._store(request, key, signatures)
        return self.request(who, request.id)

    def _verified(self, key: SigningKey, digest: bytes, given: Given, site: Site) -> bytes:
        if key.kind is KeyKind.PASSKEY:
            if given.credential_id != key.credential_id:
                raise InputError("WRONG_KEY", "Another passkey answered than the one that was chosen.")
            assertion = read_assertion(
                digest,
                site,
                key.public_key,
                authenticator_data=given.authenticator_data,
                client_data_json=given.client_data,
                signature=given.signature,
            )
            return passkey_signature(assertion)
        if key.kind is KeyKind.WALLET:
            signature = wallet_signature(given.signature)
            if self._reader.recovered(digest, signature) != key.public_key:
                raise InputError(
                    "WALLET_SIGNATURE", "Another account of the wallet signed, or something else was signed."
                )
            return ecdsa_signature(signature)
        raise InputError("WRONG_KEY", "This key does not sign in a browser.")

    def _store(self, request: SigningRequest, key: SigningKey, signatures: Sequence[bytes]) -> None:
        who = Signer(request.person, request.uscc)
        try:
            self._key(who, key.id, ROLE_OF_ACT[request.act])
            self._keep(request, key, signatures)
        except ConflictError:
            again = self.book.request(request.id)
            if again is None or again.state is not RequestState.DONE:
                raise
            return  # the same press twice: the first of the two has done it
        self.book.finish(request.id, self._clock.now())

    def _keep(self, request: SigningRequest, key: SigningKey, signatures: Sequence[bytes]) -> None:
        who = Signer(request.person, request.uscc)
        if request.act is Act.MAKE:
            self._approve.finish_make(self._batch_draft(request, key), signatures)
        elif request.act is Act.APPROVE:
            draft = self._batch_draft(request, key)
            self._require_other(who, self.made_by(draft.found))
            self._approve.finish_approval(draft, signatures)
        elif request.act is Act.CASE_MAKE:
            self._status.finish_make(self._planned_case(request, key), signatures, request.person)
        elif request.act is Act.CASE_APPROVE:
            case = self._planned_case(request, key)
            self._require_other(who, self._case_maker(case))
            self._status.finish_approval(case, signatures, request.person)
        elif request.act in self._others:
            self._others[request.act].keep(request.payload, signatures)
        else:
            raise NotFoundError("SIGNING_REQUEST_UNKNOWN", "There is nothing to sign under this number.")

    def _batch_draft(self, request: SigningRequest, key: SigningKey) -> BatchDraft:
        """The draft of a request, made again from what is stored now; it must be the same."""
        batch_id = int(request.subject)
        if request.act is Act.APPROVE:
            draft = self._approve.plan_approval(batch_id, key.signer_id)
        else:
            found = self._approve.batch(batch_id)
            payload = request.payload
            if fingerprint(found) != payload["was"]:
                raise _changed(batch_id, found.state)
            wanted = replace(
                found,
                maker=key.signer_id,
                approver=bytes.fromhex(payload["approver"]),
                deadline=payload["deadline"],
            )
            changes = tuple(_read_change(change) for change in payload["changes"])
            draft = BatchDraft(found, wanted, changes)
        if self._approve.digests(draft) != request.digests:
            raise _changed(batch_id, draft.found.state)
        return draft

    def _planned_case(self, request: SigningRequest, key: SigningKey) -> Case:
        if request.act is Act.CASE_APPROVE:
            case = self._status.plan_approval(request.subject, key.signer_id)
        else:
            approver = bytes.fromhex(request.payload["approver"])
            case = self._status.plan_make(request.subject, key.signer_id, approver)
            case = replace(case, deadline=request.payload["deadline"])
        if self._status.digests(case) != request.digests:
            raise ConflictError(
                "CASE_CHANGED", "The case was changed meanwhile; look at it again.", case=request.subject
            )
        return case


def wallet_signature(signature: bytes) -> bytes:
    """65 bytes with v of 27 or 28; some wallets say 0 or 1. Raises: InputError(WALLET_SIGNATURE)."""
    if len(signature) != 65:
        raise InputError("WALLET_SIGNATURE", "A wallet's signature has 65 bytes.")
    v = signature[64]
    return signature[:64] + bytes([v + 27 if v in {0, 1} else v])


def fingerprint(batch: BatchRecord) -> str:
    """Differs when anything about the stored batch does."""
    return hashlib.sha256(repr(batch).encode()).hexdigest()


def _changed(batch_id: int, state: BatchState) -> ConflictError:
    return ConflictError(
        "BATCH_CHANGED",
        "This batch was changed or signed by somebody else meanwhile; look at it again.",
        batch=batch_id,
        state=str(state),
    )


def _plain_change(change: PlannedChange) -> dict[str, Any]:
    return {
        "root": change.root.hex(),
        "nonce": hex(change.nonce),
        "deadline": change.deadline,
        "changes": [[word, hex(mask), hex(value)] for word, mask, value in change.changes],
    }


def _read_change(value: dict[str, Any]) -> PlannedChange:
    return PlannedChange(
        root=bytes.fromhex(value["root"]),
        nonce=int(value["nonce"], 16),
        deadline=value["deadline"],
        changes=tuple((word, int(mask, 16), int(bits, 16)) for word, mask, bits in value["changes"]),
        maker_signature=b"",
    )
