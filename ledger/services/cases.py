"""Cases of status changes as values: what was decided, why, by whom; and their bytes before sealing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from ledger.core.jose import compact_json, strict_json_object
from ledger.core.model import ReasonClass, WordChange
from ledger.core.status import Status


class CaseBook(Protocol):
    """Keeps sealed cases by id; the newest bytes of an id win."""

    def save(self, case_id: str, sealed: bytes, *, waiting: bool) -> None:
        """Replace the case of that id; `waiting`: it is still to be handed to the outbox."""

    def load(self, case_id: str) -> bytes | None:
        """None when there is no such case. Raises InputError(CASE_UNREADABLE)."""

    def ids(self) -> Sequence[str]:
        """Ids of all cases; some may turn out to be none."""

    def waiting(self) -> Sequence[str]:
        """Ids of cases still to be handed to the outbox; cheap, it is asked several times a second."""


@dataclass(frozen=True, slots=True)
class Grounds:
    """Why. Only `reason` ever goes on chain; the rest is for holder and issuer (review F21)."""

    reason: ReasonClass
    legal_basis: str = ""
    document: str = ""


@dataclass(frozen=True, slots=True)
class Part:
    """The change of one batch within a case: what is signed, and by whom so far."""

    root: bytes
    list: int
    changes: tuple[WordChange, ...]
    nonce: int
    maker_signature: bytes = b""
    approver_signature: bytes = b""


@dataclass(frozen=True, slots=True)
class Case:
    """One decision about credentials (`status` set) or about a whole batch (`status` None)."""

    id: str
    issuer: str
    status: Status | None
    grounds: Grounds
    names: tuple[str, ...]
    parts: tuple[Part, ...]
    maker: bytes
    approver: bytes
    deadline: int
    made_at: int
    state: str  # draft, made, approved, sent
    person_made: int = 0
    person_approved: int = 0
    """Numbers of the people who decided in the web; 0 for keys used on the command line."""
    by: str = ""
    """USCC of the agency whose people decide, where it is not the issuer: its successor or one above it."""

    @property
    def acting(self) -> str:
        """The agency whose maker, approver and operator this is about."""
        return self.by or self.issuer


@dataclass(frozen=True, slots=True)
class Drafter:
    """Who drafts a case.

    Attributes:
        person: their number in the web; 0 for keys used on the command line.
        uscc: the agency for which they act; None: whichever acts for the issuer.
        case_id: 32 hex digits under which the case is to be found again; drawn where none is given.
    """

    person: int = 0
    uscc: str | None = None
    case_id: str | None = None


@dataclass(frozen=True, slots=True)
class CaseList:
    """Cases, oldest first, and the ids of those whose file or key is missing or damaged."""

    cases: tuple[Case, ...]
    unreadable: tuple[str, ...]


def encode_case(case: Case) -> bytes:
    """The bytes that are sealed."""
    value = {
        "id": case.id,
        "issuer": case.issuer,
        "status": None if case.status is None else int(case.status),
        "reason": int(case.grounds.reason),
        "legal_basis": case.grounds.legal_basis,
        "document": case.grounds.document,
        "names": list(case.names),
        "parts": [
            {
                "root": part.root.hex(),
                "list": part.list,
                "changes": [[change.word, hex(change.mask), hex(change.value)] for change in part.changes],
                "nonce": hex(part.nonce),
                "maker": part.maker_signature.hex(),
                "approver": part.approver_signature.hex(),
            }
            for part in case.parts
        ],
        "maker": case.maker.hex(),
        "approver": case.approver.hex(),
        "deadline": case.deadline,
        "made_at": case.made_at,
        "state": case.state,
        "person_made": case.person_made,
        "person_approved": case.person_approved,
        "by": case.by,
    }
    return compact_json(value)


def decode_case(data: bytes) -> Case:
    """Inverse of encode_case."""
    value = strict_json_object(data)
    return Case(
        id=value["id"],
        issuer=value["issuer"],
        status=None if value["status"] is None else Status(value["status"]),
        grounds=Grounds(ReasonClass(value["reason"]), value["legal_basis"], value["document"]),
        names=tuple(value["names"]),
        parts=tuple(
            Part(
                bytes.fromhex(part["root"]),
                part["list"],
                tuple(WordChange(word, int(mask, 16), int(bits, 16)) for word, mask, bits in part["changes"]),
                int(part["nonce"], 16),
                bytes.fromhex(part["maker"]),
                bytes.fromhex(part["approver"]),
            )
            for part in value["parts"]
        ),
        maker=bytes.fromhex(value["maker"]),
        approver=bytes.fromhex(value["approver"]),
        deadline=value["deadline"],
        made_at=value["made_at"],
        state=value["state"],
        person_made=value.get("person_made", 0),  # cases of the first release have none
        person_approved=value.get("person_approved", 0),
        by=value.get("by", ""),
    )
