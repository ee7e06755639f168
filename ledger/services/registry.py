"""Governance: who may issue what, with which keys. Every act is proposed by one admin, accepted by another.

A question is asked first (`missing_…` compares with the registry's state at the head), so each act may
be asked for again after a crash and is carried out once. Proposal and acceptance go out together and
usually land in one block. Registering types and opening the ledger are governance's own calls.

What this leaves to others: keys and directory entries are made elsewhere; here are only their hashes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from ledger.core.errors import ConflictError, RefusedError, UnavailableError
from ledger.core.model import BlockRef, LedgerEvent, Purpose, Role
from ledger.ports import Carrier, ChainSigner, ContractCall, Step, TransactionOutcome
from ledger.services.refusals import refusal

FOREVER = 2**40 - 1  # largest uint40: an interval without an end
ROLE_EVENTS = frozenset({"RoleSet", "RolesReset"})
RACES = 3  # somebody else's proposal may take our number; then we look again


ACT_ARGUMENTS: Mapping[str, tuple[str, ...]] = {
    "admitIssuer": ("by", "issuer", "admin1", "admin2", "directoryHash"),
    "setDirectory": ("by", "issuer", "directoryHash"),
    "grantType": ("by", "issuer", "typeId", "validFrom", "validUntil"),
    "withdrawGrant": ("by", "issuer", "typeId", "since", "cause"),
    "registerKey": ("by", "issuer", "thumbprint", "purpose", "validFrom", "validUntil"),
    "retireKey": ("by", "issuer", "key", "validUntil"),
    "compromiseKey": ("by", "issuer", "key", "since"),
    "setRole": ("by", "issuer", "signer", "role", "typeId", "validFrom", "validUntil"),
    "dissolveIssuer": ("by", "issuer", "successor"),
    "scheduleReset": ("by", "issuer", "admin1", "admin2"),
    "cancelReset": ("by", "issuer"),
}
"""Argument names of every act in IIssuerRegistry; a test compares them with the compiled interface."""


@dataclass(frozen=True, slots=True)
class Act:
    """One act of IIssuerRegistry ("act" in its interface); the first argument is who acts."""

    function: str
    args: tuple[Any, ...]

    @property
    def call(self) -> ContractCall:
        """The act as a call, for its encoding."""
        return ContractCall("registry", self.function, self.args)

    @property
    def named(self) -> dict[str, Any]:
        """The arguments by their names."""
        return dict(zip(ACT_ARGUMENTS[self.function], self.args, strict=True))


@dataclass(frozen=True, slots=True)
class SignedAct:
    """An act with the two admins who stand for it."""

    act: Act
    proposer: ChainSigner
    accepter: ChainSigner


@dataclass(frozen=True, slots=True)
class TypeToRegister:
    """What governance registers of a type file."""

    type_code: str
    version: int
    file_hash: bytes
    single_use: bool


class EventSource(Protocol):
    """Reads decoded events of final blocks; needs no lock of the chain."""

    def head(self) -> BlockRef:
        """The newest final block."""

    def events(self, first: int, last: int, names: frozenset[str] | None = None) -> Iterator[LedgerEvent]:
        """Decoded events of blocks first..last, in order; of these names only, if given."""


class RegistrySource(EventSource, Protocol):
    """The reading half of the Chain port, as far as the registry needs it."""

    def encode(self, call: ContractCall) -> bytes:
        """ABI calldata of a call."""

    def read(self, call: ContractCall) -> Any:
        """Result of a view at the head."""


class Registry:
    """The issuer registry, read at the head and changed by two admins.

    Args:
        chain: whose head is asked.
        carrier: how calls get there.
    """

    def __init__(self, chain: RegistrySource, carrier: Carrier) -> None:
        self._chain = chain
        self._carrier = carrier

    def _ask(self, function: str, *args: Any) -> Any:
        return self._chain.read(ContractCall("registry", function, args))

    def is_admitted(self, issuer: str) -> bool:
        """True when the agency is a node of the tree, dissolved or not."""
        try:
            record = self._ask("issuerOf", _id(issuer))
        except RefusedError as error:
            if error.code == "RegistryUnknownIssuer":
                return False
            raise
        return bool(record[1])  # level 0: the interface's empty record

    def type_id(self, code: str, version: int) -> int | None:
        """The number of a registered type, None when it is not registered."""
        for number in range(1, int(self._ask("typeCount")) + 1):
            found = self._ask("typeOf", number)
            if found[0] == code.encode() and found[1] == version:
                return number
        return None

    def key_number(self, issuer: str, thumbprint: bytes) -> int | None:
        """The number of an issuer's registered key, None when it is not registered."""
        for number in range(1, int(self._ask("keyCount", _id(issuer))) + 1):
            if self._ask("keyOf", _id(issuer), number)[4] == thumbprint:
                return number
        return None

    # What is still to be done: each gives the act, or nothing when it is done already.

    def missing_issuer(
        self, by: str, issuer: str, admins: tuple[bytes, bytes], directory_hash: bytes
    ) -> list[Act]:
        """Admit a child; admitted already: see that its directory entry is the current one."""
        if self.is_admitted(issuer):
            return self.missing_directory(by, issuer, directory_hash)
        return [Act("admitIssuer", (_id(by), _id(issuer), *admins, directory_hash))]

    def missing_directory(self, by: str, issuer: str, directory_hash: bytes) -> list[Act]:
        """Set the hash of the signed directory entry."""
        if self._ask("directoryOf", _id(issuer)) == directory_hash:
            return []
        return [Act("setDirectory", (_id(by), _id(issuer), directory_hash))]

    def missing_grant(
        self, by: str, issuer: str, type_id: int, valid_from: int, valid_until: int = FOREVER
    ) -> list[Act]:
        """A grant that stands, withdrawn or ended, is not missing: a new interval is a new decision."""
        if self.is_admitted(issuer) and int(self._ask("grantCount", _id(issuer), type_id)):
            return []
        return [Act("grantType", (_id(by), _id(issuer), type_id, valid_from, valid_until))]

    def missing_key(
        self,
        by: str,
        issuer: str,
        thumbprint: bytes,
        purpose: Purpose,
        interval: tuple[int, int],
    ) -> list[Act]:
        """Register a key for one purpose and interval."""
        if self.is_admitted(issuer) and self.key_number(issuer, thumbprint) is not None:
            return []
        return [Act("registerKey", (_id(by), _id(issuer), thumbprint, int(purpose), *interval))]

    def missing_role(
        self, issuer: str, signer_id: bytes, role: Role, valid_from: int, valid_until: int = FOREVER
    ) -> list[Act]:
        """Give a signer a role."""
        if self._ask("hasRole", _id(issuer), signer_id, int(role), 0):
            return []
        args = (_id(issuer), _id(issuer), signer_id, int(role), 0, valid_from, valid_until)
        return [Act("setRole", args)]

    def retire_key(self, by: str, issuer: str, key: int, valid_until: int) -> list[Act]:
        """End a key; it ended earlier: nothing."""
        if self._ask("keyOf", _id(issuer), key)[1] <= valid_until:
            return []
        return [Act("retireKey", (_id(by), _id(issuer), key, valid_until))]

    def compromise_key(self, by: str, issuer: str, key: int, since: int) -> list[Act]:
        """Report a key; reported for an earlier time: nothing."""
        current = self._ask("keyOf", _id(issuer), key)[2]
        if current and current <= since:
            return []
        return [Act("compromiseKey", (_id(by), _id(issuer), key, since))]

    def withdraw_grant(self, by: str, issuer: str, type_id: int, since: int, cause: int) -> list[Act]:
        """Withdraw the current grant; withdrawn already: nothing."""
        if self._ask("grantOf", _id(issuer), type_id)[3]:
            return []
        return [Act("withdrawGrant", (_id(by), _id(issuer), type_id, since, cause))]

    # Carrying out.

    def carry_out(self, acts: Sequence[Act], proposer: ChainSigner, accepter: ChainSigner) -> None:
        """Propose and accept every act, in order; returns when all are final.

        Args:
            acts: as the `missing_` questions gave them.
            proposer: an admin of the acting issuer.
            accepter: another one.

        Raises:
            RefusedError: SAME_ADMIN, or the contract's custom error as code.
            ConflictError: PROPOSAL_RACE when other admins' proposals kept taking our numbers.
        """
        self.carry_out_all([SignedAct(act, proposer, accepter) for act in acts])

    def carry_out_all(self, acts: Sequence[SignedAct]) -> None:
        """As `carry_out`, for acts of several issuers in as few blocks as the chain allows."""
        for signed in acts:
            if signed.proposer.signer_id == signed.accepter.signer_id:
                raise RefusedError(
                    "SAME_ADMIN",
                    "One admin proposes and another accepts: name two different admin keys.",
                )
        waiting = list(acts)
        for _attempt in range(RACES):
            if not waiting:
                return
            waiting = self._attempt(waiting)
        if waiting:
            raise ConflictError(
                "PROPOSAL_RACE",
                "Other admins are changing the registry at the same moment: try again.",
                acts=[signed.act.function for signed in waiting],
            )

    def _attempt(self, acts: Sequence[SignedAct]) -> list[SignedAct]:
        number = self._next_proposal()
        steps: list[Step] = []
        for offset, signed in enumerate(acts):
            act = signed.act
            data = self._chain.encode(act.call)
            propose = ContractCall("registry", "propose", (act.args[0], data, own_auth(signed.proposer)))
            accept = ContractCall("registry", "accept", (number + offset, data, own_auth(signed.accepter)))
            steps += [Step(propose, signed.proposer), Step(accept, signed.accepter)]
        outcomes = self._carrier.carry(steps)
        lost: list[SignedAct] = []
        for position, signed in enumerate(acts):
            proposed, accepted = outcomes[2 * position], outcomes[2 * position + 1]
            require_done(proposed, signed.act)
            if _is_race(accepted):
                lost.append(signed)
                continue
            if accepted.error is not None:
                self._take_back(number + position, signed.proposer)
            require_done(accepted, signed.act)
        return lost

    def _take_back(self, number: int, proposer: ChainSigner) -> None:
        """What was refused does not wait for somebody to accept it on another day; if it stays, seven days end it."""
        call = ContractCall("registry", "cancel", (number, own_auth(proposer)))
        self._carrier.carry([Step(call, proposer)])

    def _next_proposal(self) -> int:
        """The number that the next proposal will get: they count from 1 without gaps."""
        count = sum(1 for _ in self._chain.events(0, self._chain.head().number, frozenset({"ActProposed"})))
        return count + 1

    # Governance's own calls.

    def register_types(self, types: Sequence[TypeToRegister], governance: ChainSigner) -> None:
        """Register what is not registered yet, in the given order.

        Raises:
            ConflictError: TYPE_DIFFERENT when the same code and version has another file's hash.
        """
        missing = []
        for wanted in types:
            number = self.type_id(wanted.type_code, wanted.version)
            if number is None:
                missing.append(wanted)
            elif self._ask("typeOf", number)[3] != wanted.file_hash:
                raise ConflictError(
                    "TYPE_DIFFERENT",
                    f"Type {wanted.type_code} version {wanted.version} is registered with another file: "
                    "a changed type file needs a new version number.",
                    type=wanted.type_code,
                    version=wanted.version,
                )
        calls = [
            ContractCall(
                "registry",
                "registerType",
                (one.type_code.encode(), one.version, one.file_hash, one.single_use),
            )
            for one in missing
        ]
        self._govern(calls, governance)

    def open_ledger(self, governance: ChainSigner) -> None:
        """Open the credential ledger for anchoring; nothing is imported after that."""
        if not self._chain.read(ContractCall("ledger", "isOpen", ())):
            self._govern([ContractCall("ledger", "open", ())], governance)

    def _govern(self, calls: Sequence[ContractCall], governance: ChainSigner) -> None:
        outcomes = self._carrier.carry([Step(call, governance) for call in calls])
        for call, outcome in zip(calls, outcomes, strict=True):
            require_done(outcome, call)


def _id(issuer: str) -> bytes:
    return issuer.encode("ascii")


def own_auth(signer: ChainSigner) -> tuple[bytes, int, int, bytes]:
    """The admin sends it itself: no signature besides the transaction's."""
    return (signer.signer_id, 0, 0, b"")


def _is_race(outcome: TransactionOutcome) -> bool:
    return outcome.error is not None and outcome.error[0] in (
        "RegistryActMismatch",
        "RegistryUnknownProposal",
    )


def require_done(outcome: TransactionOutcome, act: Act | ContractCall) -> None:
    """Returns when the call had its effect.

    Raises:
        RefusedError: the contract's error (services.refusals).
        UnavailableError: TRANSACTION_LOST.
    """
    if outcome.state == "final":
        return
    if outcome.error is None:
        raise UnavailableError(
            "TRANSACTION_LOST", f"The chain did not take {act.function}: try again.", call=act.function
        )
    name, values = outcome.error
    raise refusal(act.function, name, values)
