"""Wires people, log-in and the audit log over an installation.

All of them need the key store: names lie sealed, log-in names and the audit head are keyed.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from ledger.adapters.accounts_passkeys import WebauthnPasskeys
from ledger.adapters.accounts_secrets import MEMORY_KIB, Argon2Passwords
from ledger.adapters.accounts_sessions import SqlFactors, SqlSessions
from ledger.adapters.accounts_sql import SqlPeople
from ledger.adapters.accounts_tree import KnownOrganisations
from ledger.adapters.audit_head_file import AuditHeadFile
from ledger.adapters.audit_sql import SqlAudit
from ledger.adapters.home_files import Home
from ledger.adapters.store_database import Database
from ledger.bootstrap import Installation, open_home
from ledger.core.audit import AuditFault, check_rows
from ledger.core.errors import LedgerError
from ledger.ports import ChainView, Clock, Entropy, Limits, Vault
from ledger.services.audit import AuditService
from ledger.services.login import LoginService
from ledger.services.people import PeopleService
from ledger.services.people_ports import Providers
from ledger.settings import Settings


@dataclass
class PeopleParts:
    """People, log-in and audit of one installation.

    Args:
        database: of the store.
        vault: the key store, opened.
        view: the chain; None: only organisations that verify are known.
        home: paths.
        limits: counters.
        clock: now.
        entropy: randomness.
        demands_second: approvers, operators and administrators must have a second factor.
        memory_kib: of argon2id; tests take less.
    """

    database: Database
    vault: Vault
    view: ChainView | None
    home: Home
    limits: Limits
    clock: Clock
    entropy: Entropy
    demands_second: bool = True
    memory_kib: int = MEMORY_KIB

    @cached_property
    def store(self) -> SqlPeople:
        """People and roles."""
        return SqlPeople(self.database)

    @cached_property
    def tree(self) -> KnownOrganisations:
        """Organisations."""
        return KnownOrganisations(self.view, self.home.directory, self.store, self.clock)

    @cached_property
    def passwords(self) -> Argon2Passwords:
        """Hashing."""
        return Argon2Passwords(self.vault.index, self.entropy, self.memory_kib)

    @cached_property
    def audit(self) -> AuditService:
        """The log."""
        return AuditService(
            SqlAudit(self.database),
            AuditHeadFile(self.home.path / "audit-head.json"),
            self.vault.index,
            self.clock,
            self.entropy,
        )

    @cached_property
    def providers(self) -> Providers:
        """Agencies' identity providers; their library is loaded with the first log-in by one."""
        from ledger.adapters.accounts_oidc import OidcProviders

        return OidcProviders(self.home.path / "providers.json", self.clock, self.entropy)

    @cached_property
    def people(self) -> PeopleService:
        """Who there is."""
        return PeopleService(
            self.store,
            SqlSessions(self.database),
            SqlFactors(self.database),
            self.passwords,
            self.vault,
            self.tree,
            self.audit,
            self.clock,
            self.entropy,
        )

    @cached_property
    def login(self) -> LoginService:
        """How they come in."""
        return LoginService(
            self.people,
            self.store,
            SqlSessions(self.database),
            SqlFactors(self.database),
            self.passwords,
            WebauthnPasskeys(),
            self.vault,
            self.tree,
            self.limits,
            self.audit,
            self.clock,
            self.entropy,
            demands_second=self.demands_second,
        )


def open_people_alone(here: Installation) -> PeopleParts:
    """As `open_people`, for a command that nobody tries passwords on."""
    from ledger.adapters.limits_memory import MemoryLimits

    return open_people(here, here.view, MemoryLimits(here.clock))


def audit_fault(settings: Settings) -> tuple[AuditFault | None, int, bool]:
    """What is wrong with the audit log, how many rows it has, and whether its seal could be checked.

    Asks nobody for a password: without one the seal stays unchecked, the chain of hashes is not.
    """
    here = open_home(settings)
    noted = AuditHeadFile(here.home.path / "audit-head.json")
    store = SqlAudit(here.store.database)
    try:
        service = AuditService(store, noted, here.vault.index, here.clock, here.entropy)
        return service.fault(), store.head().number, True
    except LedgerError:  # no password at hand; a broken note or chain is told below
        head, rows = store.snapshot()
        return check_rows(rows, head, noted.load()), head.number, False


def open_people(here: Installation, view: ChainView | None, limits: Limits) -> PeopleParts:
    """People, log-in and audit of an installation; a demo does not demand second factors.

    Raises:
        UnavailableError, InputError, RefusedError: the key store cannot be opened.
    """
    database = here.store.database
    return PeopleParts(
        database,
        here.vault,
        view,
        here.home,
        limits,
        here.clock,
        here.entropy,
        demands_second=here.record.mode == "production",
    )
