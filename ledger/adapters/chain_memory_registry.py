"""IssuerRegistry's rules once more, in Python, for the memory chain.

Written from the interface, not from the Solidity: one test suite runs against both, and a difference
between them is a finding. Names, arguments, events and errors are those of the interface; structs are
tuples in its member order.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ledger.adapters.chain_memory_grants import NO_GRANT, grant_at, is_bad_renewal, require_interval
from ledger.adapters.chain_memory_state import (
    FOREVER,
    NO_ISSUER,
    NOBODY,
    Context,
    Function,
    RevertedError,
)
from ledger.core import eip712
from ledger.core.model import MAX_LEVEL, Purpose, Role

_PROPOSAL_LIFE_S = 7 * 86_400
_RESET_DELAY_S = 24 * 3600
_BREAKS = 0x80
_MAX_OPERATORS = 32
_MIN_ADMINS = 2
_LAST_REASON = 2
_ALPHABET = frozenset(b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ")

Auth = tuple[bytes, int, int, bytes]
SignatureCheck = Callable[[bytes, bytes, bytes], bool]


class MemoryRegistry:
    """One registry.

    Args:
        domain: EIP-712 domain of the contract.
        is_signed: (signer id, digest, signature) → whether.
        decode_act: calldata of an act → function name, arguments.
    """

    ACTS = (
        "admitIssuer", "setDirectory", "grantType", "withdrawGrant", "registerKey", "retireKey",
        "compromiseKey", "setRole", "dissolveIssuer", "scheduleReset", "cancelReset",
    )  # fmt: skip

    def __init__(
        self,
        domain: eip712.Domain,
        is_signed: SignatureCheck,
        decode_act: Callable[[bytes], tuple[str, tuple[Any, ...]] | None],
    ) -> None:
        self._domain = domain
        self._is_signed = is_signed
        self._decode_act = decode_act

    def functions(self) -> dict[str, Function]:
        """What can be called from outside, by Solidity name."""
        return {
            "propose": self.propose, "accept": self.accept, "cancel": self.cancel,
            "scheduleRootReset": self.schedule_root_reset, "executeReset": self.execute_reset,
            "registerType": self.register_type, "transferGovernance": self.transfer_governance,
            "acceptGovernance": self.accept_governance,
            **dict.fromkeys(self.ACTS, self._only_self),
        }  # fmt: skip

    def views(self) -> dict[str, Function]:
        """What can be read, by Solidity name."""
        return {
            "ledgerId": lambda _: self._domain.ledger_id,
            "domainSeparator": lambda _: self._domain.separator(),
            "governance": lambda c: c.tables.get("governance", 0),
            "rootIssuer": lambda c: c.tables.get("root", 0),
            "issuerOf": self.known,
            "successorOf": lambda c, i: c.tables.get("successor", i, NO_ISSUER),
            "directoryOf": lambda c, i: c.tables.get("directory", i, bytes(32)),
            "isAncestor": self.is_ancestor,
            "typeOf": self.type_of,
            "typeCount": lambda c: c.tables.get("type_count", 0, 0),
            "grantOf": lambda c, i, t: (self._grants(c, i, t) or (NO_GRANT,))[-1],
            "grantCount": lambda c, i, t: len(self._grants(c, i, t)),
            "grantAt": lambda c, i, t, time: grant_at(self._grants(c, i, t), time),
            "keyCount": lambda c, i: c.tables.get("key_count", i, 0),
            "keyOf": self._key,
            "keyAt": self.key_at,
            "hasRole": self.has_role,
            "roleOf": self._role,
            "proposalOf": lambda c, n: c.tables.get("proposal", n) or (NO_ISSUER, 0, NOBODY, bytes(32)),
            "nonceUsed": lambda c, s, n: c.tables.get("registry_nonce", (s, n), False),
            "resetOf": lambda c, i: c.tables.get("reset", i) or (NOBODY, NOBODY, 0, NO_ISSUER),
            "heirOf": self.heir_of,
            "checkSignature": lambda _, s, d, g: self._is_signed(s, d, g),
        }

    def construct(  # as the Solidity constructor
        self,
        c: Context,
        governance: bytes,
        root: bytes,
        admin1: bytes,
        admin2: bytes,
        directory: bytes,
    ) -> None:
        """The root issuer and its two admins."""
        c.tables.put("root", 0, root)
        c.tables.put("governance", 0, governance)
        c.emit("GovernanceTransferred", **{"from": bytes(20), "to": governance})
        self._admit(c, root, root, 1, admin1, admin2, directory)

    # two admins

    def propose(self, c: Context, by: bytes, act: bytes, auth: Auth) -> int:
        self._require_act(by, act)
        call_hash = eip712.propose_hash(by.decode(), act)
        self._authorise(c, by, call_hash, auth)
        number: int = c.tables.get("proposal_count", 0, 0) + 1
        c.tables.put("proposal_count", 0, number)
        act_hash, expires = eip712.keccak(act), c.time + _PROPOSAL_LIFE_S
        c.tables.put("proposal", number, (by, expires, auth[0], act_hash))
        c.emit(
            "ActProposed", proposalId=number, by=by, proposer=auth[0], actHash=act_hash,
            expiresAt=expires,
        )  # fmt: skip
        return number

    def accept(self, c: Context, number: int, act: bytes, auth: Auth) -> None:
        by, expires, proposer, act_hash = self._proposal(c, number)
        given = eip712.keccak(act)
        if given != act_hash:
            raise RevertedError("RegistryActMismatch", number, act_hash, given)
        if c.time >= expires:
            raise RevertedError("RegistryExpired", expires, c.time)
        if auth[0] == proposer:
            raise RevertedError("RegistrySameSigner", proposer)
        self._require_role(c, by, proposer, Role.ADMIN)
        self._authorise(c, by, eip712.accept_hash(number, act), auth)
        c.tables.delete("proposal", number)
        c.emit("ActAccepted", proposalId=number, by=by, accepter=auth[0])
        decoded = self._decode_act(act)
        if decoded is None:
            raise RevertedError("Reverted", b"")
        name, args = decoded
        self._acts()[name](c, *args)

    def cancel(self, c: Context, number: int, auth: Auth) -> None:
        by = self._proposal(c, number)[0]
        self._authorise(c, by, eip712.cancel_hash(number), auth)
        c.tables.delete("proposal", number)
        c.emit("ActCancelled", proposalId=number, canceller=auth[0])

    def _acts(self) -> dict[str, Function]:
        return {
            "admitIssuer": self._admit_issuer, "setDirectory": self._set_directory_act,
            "grantType": self._grant_type, "withdrawGrant": self._withdraw_grant,
            "registerKey": self._register_key, "retireKey": self._retire_key,
            "compromiseKey": self._compromise_key, "setRole": self._set_role_act,
            "dissolveIssuer": self._dissolve, "scheduleReset": self._schedule_reset,
            "cancelReset": self._cancel_reset,
        }  # fmt: skip

    # acts

    def _admit_issuer(self, c: Context, by: bytes, issuer: bytes, *rest: bytes) -> None:
        parent = c.tables.get("issuer", by)
        level = (parent[1] if parent else 0) + 1
        if level > MAX_LEVEL:
            raise RevertedError("RegistryTooDeep", by, level)
        if c.tables.get("issuer", issuer) is not None:
            raise RevertedError("RegistryIssuerExists", issuer)
        admin1, admin2, directory = rest
        self._admit(c, by, issuer, level, admin1, admin2, directory)

    def _admit(
        self,
        c: Context,
        parent: bytes,
        issuer: bytes,
        level: int,
        admin1: bytes,
        admin2: bytes,
        directory: bytes,
    ) -> None:
        if not set(issuer) <= _ALPHABET:
            raise RevertedError("RegistryBadIssuerId", issuer)
        self._require_two(admin1, admin2)
        c.tables.put("issuer", issuer, (parent, level, 0, c.time, 0))
        c.emit(
            "IssuerAdmitted", issuer=issuer, parent=parent, level=level, admin1=admin1,
            admin2=admin2,
        )  # fmt: skip
        self._set_directory(c, parent, issuer, directory)
        for admin in (admin1, admin2):
            self._set_role(c, issuer, admin, Role.ADMIN, 0, c.time, FOREVER)

    def _set_directory_act(self, c: Context, by: bytes, issuer: bytes, directory: bytes) -> None:
        self._require_ancestor(c, by, issuer)
        self._set_directory(c, by, issuer, directory)

    def _set_directory(self, c: Context, by: bytes, issuer: bytes, directory: bytes) -> None:
        c.tables.put("directory", issuer, directory)
        c.emit("DirectorySet", issuer=issuer, directoryHash=directory, by=by)

    def _grant_type(self, c: Context, by: bytes, issuer: bytes, type_id: int, start: int, end: int) -> None:
        self.type_of(c, type_id)
        require_interval(start, end)
        parent = self.known(c, issuer)[0]
        if self.heir_of(c, parent) != by:
            raise RevertedError("RegistryNotAncestor", by, issuer)
        if parent != issuer:
            self.require_grant(c, parent, type_id)
            limit = self._grants(c, parent, type_id)[-1][1]
            if end > limit:
                raise RevertedError("RegistryGrantExceedsParent", parent, type_id, limit)
        grants = self._grants(c, issuer, type_id)
        if grants and is_bad_renewal(grants[-1], start, end, c.time):
            raise RevertedError("RegistryBadInterval", start, end)
        c.tables.put("grant", (issuer, type_id), (*grants, (start, end, 0, 0, 0)))
        c.emit("TypeGranted", issuer=issuer, typeId=type_id, by=by, validFrom=start, validUntil=end)

    def _withdraw_grant(
        self, c: Context, by: bytes, issuer: bytes, type_id: int, since: int, cause: int
    ) -> None:
        self._require_ancestor(c, by, issuer)
        grants = self._grants(c, issuer, type_id)
        if not grants:
            raise RevertedError("RegistryGrantMissing", issuer, type_id)
        start, end, _, withdrawn_at, _ = grants[-1]
        if withdrawn_at:
            raise RevertedError("RegistryAlreadyWithdrawn", issuer, type_id, withdrawn_at)
        if not 1 <= cause & ~_BREAKS <= _LAST_REASON:
            raise RevertedError("RegistryBadCause", cause)
        if not grants[0][0] <= since <= c.time:
            raise RevertedError("RegistrySinceOutOfRange", since, grants[0][0], c.time)
        last = (start, end, since, c.time, cause)
        c.tables.put("grant", (issuer, type_id), (*grants[:-1], last))
        c.emit("GrantWithdrawn", issuer=issuer, typeId=type_id, by=by, since=since, cause=cause)

    def _register_key(
        self,
        c: Context,
        by: bytes,
        issuer: bytes,
        thumbprint: bytes,
        purpose: int,
        start: int,
        end: int,
    ) -> None:
        self._require_own_or_ancestor(c, by, issuer)
        self.living(c, issuer)
        require_interval(start, end)
        if purpose not in set(Purpose):
            raise RevertedError("RegistryBadPurpose", purpose)
        owner = c.tables.get("thumbprint", thumbprint)
        if owner is not None:
            raise RevertedError("RegistryKeyExists", thumbprint, *owner)
        number = c.tables.get("key_count", issuer, 0) + 1
        c.tables.put("key_count", issuer, number)
        c.tables.put("key", (issuer, number), (start, end, 0, purpose, thumbprint))
        c.tables.put("thumbprint", thumbprint, (issuer, number))
        c.emit(
            "KeyRegistered", issuer=issuer, key=number, thumbprint=thumbprint, purpose=purpose,
            validFrom=start, validUntil=end,
        )  # fmt: skip

    def _retire_key(self, c: Context, by: bytes, issuer: bytes, number: int, until: int) -> None:
        self._require_own_or_ancestor(c, by, issuer)
        start, end, *rest = self._key(c, issuer, number)
        new_end = max(until, c.time)
        if new_end >= end:
            raise RevertedError("RegistrySinceOutOfRange", until, c.time, end)
        c.tables.put("key", (issuer, number), (start, new_end, *rest))
        c.emit("KeyRetired", issuer=issuer, key=number, validUntil=new_end, by=by)

    def _compromise_key(self, c: Context, by: bytes, issuer: bytes, number: int, since: int) -> None:
        self._require_own_or_ancestor(c, by, issuer)
        start, end, current, *rest = self._key(c, issuer, number)
        if since == 0 or not start <= since <= c.time:
            raise RevertedError("RegistrySinceOutOfRange", since, start, c.time)
        if current and since >= current:
            raise RevertedError("RegistryKeyOnlyEarlier", current, since)
        c.tables.put("key", (issuer, number), (start, end, since, *rest))
        c.emit("KeyCompromised", issuer=issuer, key=number, since=since, by=by)

    def _set_role_act(
        self,
        c: Context,
        by: bytes,
        issuer: bytes,
        signer: bytes,
        role: int,
        type_id: int,
        start: int,
        end: int,
    ) -> None:
        if by != issuer:
            raise RevertedError("RegistryNotOwnAct", by, issuer)
        if signer == NOBODY:
            raise RevertedError("RegistryZeroSigner")
        if role not in set(Role) or (role != Role.REDEEMER and type_id):
            raise RevertedError("RegistryBadRole", role, type_id)
        if role == Role.REDEEMER and not self.type_of(c, type_id)[2]:
            raise RevertedError("RegistryBadRole", role, type_id)
        if start or end:
            require_interval(start, end)
        if role == Role.ADMIN and end == FOREVER and start > c.time:
            raise RevertedError("RegistryBadInterval", start, end)
        self._set_role(c, issuer, signer, role, type_id, start, end)
        if role == Role.ADMIN and len(c.tables.get("lasting_admins", issuer, ())) < _MIN_ADMINS:
            raise RevertedError("RegistryTooFewAdmins", issuer)

    def _set_role(
        self,
        c: Context,
        issuer: bytes,
        signer: bytes,
        role: int,
        type_id: int,
        start: int,
        end: int,
    ) -> None:
        epoch = c.tables.get("issuer", issuer)[2]
        if role == Role.OPERATOR:
            operators = [item for item in c.tables.get("operators", issuer, ()) if item != signer]
            if end:
                operators.append(signer)
            if len(operators) > _MAX_OPERATORS:
                raise RevertedError("RegistryTooManyOperators", issuer, _MAX_OPERATORS)
            c.tables.put("operators", issuer, tuple(operators))
        if role == Role.ADMIN:
            lasting = {*c.tables.get("lasting_admins", issuer, ())} - {signer}
            c.tables.put("lasting_admins", issuer, tuple(lasting | ({signer} if end == FOREVER else set())))
        scope = 0 if role == Role.OPERATOR else epoch
        c.tables.put("role", (issuer, scope, role, type_id, signer), (start, end))
        c.emit(
            "RoleSet", issuer=issuer, signer=signer, role=int(role), typeId=type_id,
            validFrom=start, validUntil=end, epoch=epoch,
        )  # fmt: skip

    def _dissolve(self, c: Context, by: bytes, issuer: bytes, successor: bytes) -> None:
        if by == issuer:
            raise RevertedError("RegistryNotAncestor", by, issuer)
        self._require_ancestor(c, by, issuer)
        parent, level, epoch, admitted, _ = self.living(c, issuer)
        c.tables.put("issuer", issuer, (parent, level, epoch, admitted, c.time))
        if successor != NO_ISSUER:
            self.living(c, successor)
            if successor != by:
                self._require_ancestor(c, by, successor)
            c.tables.put("successor", issuer, successor)
            self._remove_operators(c, issuer)
        c.emit("IssuerDissolved", issuer=issuer, successor=successor, by=by)

    def _remove_operators(self, c: Context, issuer: bytes) -> None:
        for signer in c.tables.get("operators", issuer, ()):
            self._set_role(c, issuer, signer, Role.OPERATOR, 0, 0, 0)

    def _schedule_reset(self, c: Context, by: bytes, issuer: bytes, admin1: bytes, admin2: bytes) -> None:
        self._require_ancestor(c, by, issuer)
        self._put_reset(c, by, issuer, admin1, admin2)

    def schedule_root_reset(self, c: Context, admin1: bytes, admin2: bytes) -> None:
        self._require_governance(c)
        self._put_reset(c, NO_ISSUER, c.tables.get("root", 0), admin1, admin2)

    def _put_reset(self, c: Context, by: bytes, issuer: bytes, admin1: bytes, admin2: bytes) -> None:
        self._require_two(admin1, admin2)
        ready = c.time + _RESET_DELAY_S
        c.tables.put("reset", issuer, (admin1, admin2, ready, by))
        c.emit("ResetScheduled", issuer=issuer, by=by, admin1=admin1, admin2=admin2, readyAt=ready)

    def _cancel_reset(self, c: Context, by: bytes, issuer: bytes) -> None:
        scheduled = self._reset(c, issuer)
        if by not in {issuer, scheduled[3]}:
            raise RevertedError("RegistryNotOwnAct", by, issuer)
        c.tables.delete("reset", issuer)
        c.emit("ResetCancelled", issuer=issuer)

    # anybody, governance

    def execute_reset(self, c: Context, issuer: bytes) -> None:
        admin1, admin2, ready, _ = self._reset(c, issuer)
        if c.time < ready:
            raise RevertedError("RegistryResetTooEarly", issuer, ready)
        c.tables.delete("reset", issuer)
        parent, level, epoch, *rest = c.tables.get("issuer", issuer)
        c.tables.put("issuer", issuer, (parent, level, epoch + 1, *rest))
        c.emit("RolesReset", issuer=issuer, epoch=epoch + 1, admin1=admin1, admin2=admin2)
        self._remove_operators(c, issuer)
        c.tables.put("lasting_admins", issuer, ())
        for admin in (admin1, admin2):
            self._set_role(c, issuer, admin, Role.ADMIN, 0, c.time, FOREVER)

    def register_type(
        self,
        c: Context,
        code: bytes,
        version: int,
        file_hash: bytes,
        single_use: bool,  # noqa: FBT001  ABI
    ) -> int:
        self._require_governance(c)
        if c.tables.get("type_name", (code, version)):
            raise RevertedError("RegistryTypeExists", code, version)
        number: int = c.tables.get("type_count", 0, 0) + 1
        c.tables.put("type_count", 0, number)
        c.tables.put("type_name", (code, version), number)
        c.tables.put("type", number, (code, version, single_use, file_hash))
        c.emit(
            "TypeRegistered", typeId=number, code=code, version=version, fileHash=file_hash,
            singleUse=single_use,
        )  # fmt: skip
        return number

    def transfer_governance(self, c: Context, to: bytes) -> None:
        self._require_governance(c)
        c.tables.put("pending_governance", 0, to)
        started = {"from": c.tables.get("governance", 0), "to": to}
        c.emit("GovernanceTransferStarted", **started)

    def accept_governance(self, c: Context) -> None:
        if c.sender != c.tables.get("pending_governance", 0):
            raise RevertedError("RegistryOnlyGovernance", c.sender)
        c.emit("GovernanceTransferred", **{"from": c.tables.get("governance", 0), "to": c.sender})
        c.tables.put("governance", 0, c.sender)
        c.tables.delete("pending_governance", 0)

    # what the ledger asks

    def require_anchor(
        self, c: Context, issuer: bytes, type_id: int, key: int, people: tuple[bytes, bytes, bytes]
    ) -> None:
        """Operator, maker and approver have their roles, key and grants are good now."""
        self.living(c, issuer)
        for role, person in zip((Role.OPERATOR, Role.MAKER, Role.APPROVER), people, strict=True):
            self._require_role(c, issuer, person, role)
        purpose = Purpose.CREDENTIAL if type_id else Purpose.SEAL
        stored = c.tables.get("key", (issuer, key), (0, 0, 0, 0, bytes(32)))
        if not self._is_good(stored, c.time) or stored[3] != purpose:
            raise RevertedError("RegistryKeyNotGood", issuer, key, int(purpose), c.time)
        if type_id == 0:
            return
        self.require_grant(c, issuer, type_id)
        while c.tables.get("issuer", issuer)[1] > 1:
            issuer = c.tables.get("issuer", issuer)[0]
            self.require_grant(c, issuer, type_id)

    def require_roles(self, c: Context, by: bytes, people: tuple[bytes, bytes, bytes]) -> None:
        """Zero signers are not checked."""
        for role, person in zip((Role.OPERATOR, Role.MAKER, Role.APPROVER), people, strict=True):
            if person != NOBODY:
                self._require_role(c, by, person, role)

    def require_acts_for(self, c: Context, by: bytes, issuer: bytes) -> None:
        """`by` is the issuer or its living heir."""
        self.known(c, issuer)
        if self.heir_of(c, issuer) != by:
            raise RevertedError("RegistryNotOwnAct", by, issuer)

    # views and questions

    def is_ancestor(self, c: Context, ancestor: bytes, issuer: bytes) -> bool:
        node = c.tables.get("issuer", issuer)
        while node is not None and node[1] > 1:
            issuer = node[0]
            if issuer == ancestor:
                return True
            node = c.tables.get("issuer", issuer)
        return node is not None and issuer == ancestor

    def heir_of(self, c: Context, issuer: bytes) -> bytes:
        node = c.tables.get("issuer", issuer)
        while node is not None and node[4]:
            heir = c.tables.get("successor", issuer)
            if heir is None:
                break
            issuer, node = heir, c.tables.get("issuer", heir)
        return issuer

    def type_of(self, c: Context, type_id: int) -> Any:
        found = c.tables.get("type", type_id)
        if found is None:
            raise RevertedError("RegistryUnknownType", type_id)
        return found

    def key_at(self, c: Context, thumbprint: bytes, time: int) -> Any:
        issuer, number = c.tables.get("thumbprint", thumbprint) or (NO_ISSUER, 0)
        key = c.tables.get("key", (issuer, number), (0, 0, 0, 0, bytes(32)))
        return (self._is_good(key, time), issuer, number, key)

    def has_role(self, c: Context, issuer: bytes, signer: bytes, role: int, type_id: int) -> bool:
        start, end = self._role(c, issuer, signer, role, type_id)
        return bool(start <= c.time < end)

    def known(self, c: Context, issuer: bytes) -> Any:
        found = c.tables.get("issuer", issuer)
        if found is None:
            raise RevertedError("RegistryUnknownIssuer", issuer)
        return found

    def living(self, c: Context, issuer: bytes) -> Any:
        found = self.known(c, issuer)
        if found[4]:
            raise RevertedError("RegistryDissolved", issuer, found[4])
        return found

    def require_grant(self, c: Context, issuer: bytes, type_id: int) -> None:
        grants = self._grants(c, issuer, type_id)
        if not grants:
            raise RevertedError("RegistryGrantMissing", issuer, type_id)
        start, end, _, withdrawn_at, _ = grants[-1]
        if not start <= c.time < end or withdrawn_at:
            raise RevertedError("RegistryGrantNotGood", issuer, type_id, c.time)

    def _grants(self, c: Context, issuer: bytes, type_id: int) -> tuple[Any, ...]:
        return tuple(c.tables.get("grant", (issuer, type_id), ()))

    def _key(self, c: Context, issuer: bytes, number: int) -> Any:
        found = c.tables.get("key", (issuer, number))
        if found is None:
            raise RevertedError("RegistryUnknownKey", issuer, number)
        return found

    @staticmethod
    def _is_good(key: Any, time: int) -> bool:
        return bool(key[0] <= time < key[1] and (not key[2] or time < key[2]))

    def _role(self, c: Context, issuer: bytes, signer: bytes, role: int, type_id: int) -> Any:
        node = c.tables.get("issuer", issuer)
        scope = 0 if role == Role.OPERATOR or node is None else node[2]
        return c.tables.get("role", (issuer, scope, role, type_id, signer), (0, 0))

    def _proposal(self, c: Context, number: int) -> Any:
        found = c.tables.get("proposal", number)
        if found is None:
            raise RevertedError("RegistryUnknownProposal", number)
        return found

    def _reset(self, c: Context, issuer: bytes) -> Any:
        found = c.tables.get("reset", issuer)
        if found is None:
            raise RevertedError("RegistryNoReset", issuer)
        return found

    def _authorise(self, c: Context, by: bytes, call_hash: bytes, auth: Auth) -> None:
        signer, nonce, deadline, signature = auth
        self.living(c, by)
        self._require_role(c, by, signer, Role.ADMIN)
        if not signature:
            if c.sender_id != signer:
                raise RevertedError("RegistryBadSignature", signer)
            return
        if c.time > deadline:
            raise RevertedError("RegistryExpired", deadline, c.time)
        if c.tables.get("registry_nonce", (signer, nonce)):
            raise RevertedError("RegistryNonceUsed", signer, nonce)
        c.tables.put("registry_nonce", (signer, nonce), value=True)
        authorisation = eip712.Authorisation(by.decode(), call_hash, signer, nonce, deadline)
        digest = eip712.authorisation_digest(self._domain, authorisation)
        if not self._is_signed(signer, digest, signature):
            raise RevertedError("RegistryBadSignature", signer)

    def _only_self(self, c: Context, *_: Any) -> None:
        raise RevertedError("RegistryOnlySelf", c.sender)

    def _require_act(self, by: bytes, act: bytes) -> None:
        decoded = self._decode_act(act)
        if decoded is None or decoded[0] not in self.ACTS:
            raise RevertedError("RegistryNotAnAct", act[:4].ljust(4, b"\0"))
        if decoded[1][0] != by:
            raise RevertedError("RegistryNotOwnAct", by, decoded[1][0])

    def _require_governance(self, c: Context) -> None:
        if c.sender != c.tables.get("governance", 0):
            raise RevertedError("RegistryOnlyGovernance", c.sender)

    def _require_role(self, c: Context, issuer: bytes, signer: bytes, role: Role) -> None:
        if not self.has_role(c, issuer, signer, role, 0):
            raise RevertedError("RegistryMissingRole", issuer, signer, int(role))

    def _require_ancestor(self, c: Context, by: bytes, issuer: bytes) -> None:
        self.known(c, issuer)
        if not self.is_ancestor(c, by, issuer):
            raise RevertedError("RegistryNotAncestor", by, issuer)

    def _require_own_or_ancestor(self, c: Context, by: bytes, issuer: bytes) -> None:
        if by != issuer:
            self._require_ancestor(c, by, issuer)

    @staticmethod
    def _require_two(first: bytes, second: bytes) -> None:
        if NOBODY in {first, second}:
            raise RevertedError("RegistryZeroSigner")
        if first == second:
            raise RevertedError("RegistrySameSigner", first)
