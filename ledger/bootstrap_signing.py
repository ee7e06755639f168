"""Wires signing by people: their keys, what waits for them, cases of status changes, the approver's looks."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from ledger.adapters.batch_looks import SqlBatchLooks
from ledger.adapters.key_reader import PeopleKeyReader
from ledger.adapters.row_readers import ReaderLimits, open_rows
from ledger.adapters.signing_sql import SqlSigningBook
from ledger.adapters.store_database import Database
from ledger.bootstrap import Installation
from ledger.bootstrap_work import Desk
from ledger.core.eip712 import registry_domain
from ledger.core.errors import InputError, NotFoundError
from ledger.core.model import DOCUMENT_TYPE, Role
from ledger.core.people import subtree_of
from ledger.core.signing import Act, SigningKey, Site
from ledger.ports import ChainSigner, ContractCall
from ledger.services.approve import ApproveService
from ledger.services.calls import enqueue_call
from ledger.services.enrolment import Enrolment
from ledger.services.governed import GovernedBook
from ledger.services.governing_acts import DecideProposal
from ledger.services.granting import require_grant
from ledger.services.oversight import OversightService
from ledger.services.review import ReviewService
from ledger.services.roles import RoleBook
from ledger.services.signing_desk import OtherAct, SigningDesk
from ledger.services.standing_acts import AdminRevokeStanding, GrantStanding, RevokeStanding
from ledger.services.status import StatusService
from ledger.services.status_desk import StatusDesk, numbers_in

KEY_FILE_OF_ROLE = {Role.MAKER: "maker", Role.APPROVER: "approver"}


class HomeServerKeys:
    """The agency's maker and approver key files in this home (services.signing_desk.ServerKeys).

    Args:
        here: the installation.
    """

    def __init__(self, here: Installation) -> None:
        self._here = here

    def signer(self, issuer: str, role: Role) -> ChainSigner:
        """Raises: NotFoundError(KEY_NOT_FOUND)."""
        if role not in KEY_FILE_OF_ROLE:
            raise NotFoundError(
                "KEY_NOT_FOUND", "Admins sign with keys of their own, never with the server's."
            )
        return self._here.keyring.chain_signer(self._here.agencies.uri(issuer, KEY_FILE_OF_ROLE[role]))


@dataclass
class SigningRoom:
    """What the pages of approving, keys and statuses call.

    Args:
        here: the installation.
        flow: its services of the flow.
    """

    here: Installation
    flow: Desk

    @cached_property
    def book(self) -> SqlSigningBook:
        """Keys and requests, in the store's database."""
        return signing_book(self.here)

    @cached_property
    def roles(self) -> RoleBook:
        """Roles of people's keys on chain."""
        return self.governed.roles

    @cached_property
    def desk(self) -> SigningDesk:
        """Preparing and completing signatures."""
        here = self.here
        return SigningDesk(
            book=self.book,
            reader=PeopleKeyReader(),
            approve=self.approve,
            status=self.status,
            roles=self.roles,
            clock=here.clock,
            entropy=here.entropy,
            server=HomeServerKeys(here) if here.settings.server_signing else None,
            others=self._other_acts(),
        )

    @cached_property
    def governed(self) -> GovernedBook:
        """Who governed what when, from events."""
        return GovernedBook(self.flow.reader)

    @cached_property
    def oversight(self) -> OversightService:
        """The tree of agencies and each agency in whole."""
        return OversightService(self.flow.view, self.governed, self.here.clock)

    def _other_acts(self) -> dict[Act, OtherAct]:
        standing = self.flow.standing
        return {
            Act.GRANT_STANDING: GrantStanding(standing, self._require_type),
            Act.REVOKE_STANDING: RevokeStanding(standing),
            Act.ADMIN_REVOKE: AdminRevokeStanding(standing, self._below),
            Act.GOVERN: self._decide(accepts=True),
            Act.GOVERN_CANCEL: self._decide(accepts=False),
        }

    def _decide(self, *, accepts: bool) -> DecideProposal:
        here, info = self.here, self.flow.info
        domain = registry_domain(info.chain_id, info.registry, info.ledger_id)
        return DecideProposal(
            self.governed, domain, here.clock, here.entropy, self._owner, self._enqueue, accepts=accepts
        )

    def _owner(self, uscc: str, signer_id: bytes) -> int | None:
        key = self.book.owner(uscc, signer_id)
        return None if key is None else key.person

    def _enqueue(self, uscc: str, call: ContractCall, subject: str, not_after: int) -> None:
        enqueue_call(self.here.store, uscc, call, subject=subject, not_after=not_after)

    def _require_type(self, uscc: str, type_id: int) -> None:
        """Document batches need no grant; others that of the issuer and of all above it."""
        if type_id != DOCUMENT_TYPE:
            require_grant(self.flow.view, uscc, type_id, f"#{type_id}", self.here.clock.now())

    def _below(self, uscc: str) -> frozenset[str]:
        return subtree_of(uscc, {one.issuer: one.parent for one in self.flow.view.issuers()})

    @cached_property
    def enrolment(self) -> Enrolment:
        """New keys of people."""
        here = self.here
        return Enrolment(
            self.book, PeopleKeyReader(), self.desk, self.approve.domain, here.clock, here.entropy
        )

    @cached_property
    def review(self) -> ReviewService:
        """What an approver looks at."""
        here = self.here
        types = {loaded.type.ref: loaded.type for loaded in here.types.all()}
        looks = SqlBatchLooks(store_database(here))
        return ReviewService(here.store, looks, here.vault, types, here.entropy)

    @cached_property
    def status_desk(self) -> StatusDesk:
        """From numbers to credentials and what they may become."""
        kinds = (loaded.type for loaded in self.here.types.all())
        types = {(kind.type_code, kind.version): kind for kind in kinds}
        return StatusDesk(self.status, self.review, self.here.store.batches, self.flow.view, types)

    def numbers_in_file(self, data: bytes) -> list[str]:
        """Numbers of credentials in a text file, CSV or workbook. Raises: InputError(FILE_*)."""
        if data[:4] == b"PK\x03\x04":
            limits = ReaderLimits(
                max_bytes=1 << 20, max_rows=20_000, max_unpacked=64 << 20, max_cells=200_000
            )
            table = open_rows(data, limits)
            return numbers_in([table.header or (), *(_cells(row) for _, row in table.rows())])
        for encoding in ("utf-8-sig", "gb18030"):
            try:
                text = data.decode(encoding)
            except UnicodeDecodeError:
                continue
            return numbers_in(re.split(r"[,;\t]", line) for line in text.splitlines())
        raise InputError("FILE_ENCODING", "The file is neither UTF-8 nor GB18030.")

    @property
    def approve(self) -> ApproveService:
        """Batches."""
        return self.flow.approve

    @property
    def status(self) -> StatusService:
        """Cases."""
        return self.flow.status

    @cached_property
    def site(self) -> Site | None:
        """The site of people's passkeys, None when the settings name none (then only localhost signs)."""
        origin = self.here.settings.origin
        return None if origin is None else site_of(origin)


def _cells(row: Sequence[Any] | Mapping[str, Any]) -> Sequence[Any]:
    return list(row.values()) if isinstance(row, Mapping) else row


def store_database(here: Installation) -> Database:
    """The store's own database, which the tables of the rooms share."""
    from ledger.adapters.store_sql import SqlStore

    store = here.store
    if not isinstance(store, SqlStore):
        raise TypeError("the store of an installation is a database")
    return store.database


def signing_book(here: Installation) -> SqlSigningBook:
    """The keys that people of this installation enrolled."""
    return SqlSigningBook(store_database(here))


def site_of(origin: str) -> Site:
    """The site with this origin; its host is what authenticators keep keys under."""
    host = origin.split("://", 1)[1]
    return Site(origin, host.rsplit(":", 1)[0] if ":" in host else host)


def enrolled_key(here: Installation, issuer: str, person: int) -> SigningKey:
    """The newest active key of a person. Raises: NotFoundError(SIGNING_KEY_UNKNOWN)."""
    keys = [key for key in signing_book(here).keys(issuer, person) if key.state == "active"]
    if not keys:
        raise NotFoundError(
            "SIGNING_KEY_UNKNOWN",
            f"Person {person} has enrolled no signing key for {issuer}: let them do so in the browser first.",
            person=person,
            issuer=issuer,
        )
    return keys[-1]
