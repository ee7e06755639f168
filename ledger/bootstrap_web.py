"""Wires what the web calls: public checking always, the offices' rooms where the installation is at hand.

Every room is one attribute, made when it is first asked for. A room that needs the key store raises
UnavailableError while its password is missing; public checking of files goes on.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from ledger.adapters.counters_database import CountersDatabase
from ledger.adapters.day_counts_sql import SqlDayCounts
from ledger.adapters.explorer_reader import SqlEntryBook
from ledger.adapters.guide_files import GuideFiles
from ledger.adapters.home_files import Home, Mode
from ledger.adapters.intake_sheets import SheetFiles
from ledger.adapters.system import SystemClock, SystemEntropy
from ledger.adapters.token_files import TokenFiles
from ledger.adapters.type_files import load_types
from ledger.bootstrap import BoundVerifier, Installation, open_verifier
from ledger.bootstrap_chain import explorer_log
from ledger.bootstrap_check import CheckRoom
from ledger.bootstrap_health import HealthService
from ledger.bootstrap_intake import open_intake, open_issuing_desk
from ledger.bootstrap_node import node_of
from ledger.bootstrap_ops import open_limits
from ledger.bootstrap_people import PeopleParts, open_people
from ledger.bootstrap_programs import ProgramsRoom
from ledger.bootstrap_signing import SigningRoom
from ledger.bootstrap_verified import VerifiedRoom
from ledger.bootstrap_witnesses import open_changes, open_witnesses
from ledger.bootstrap_work import Desk, open_desk
from ledger.core.credential_type import CredentialType
from ledger.core.errors import InputError, UnavailableError
from ledger.core.report import Report
from ledger.core.status_list import keep_s, parse_status_uri
from ledger.ports import Limits
from ledger.services.audit import AuditService
from ledger.services.changes import ChangesService
from ledger.services.directory import DirectoryService
from ledger.services.documents import DocumentService
from ledger.services.explorer import ExplorerService
from ledger.services.intake import IntakeService
from ledger.services.issuing_desk import IssuingDesk
from ledger.services.login import LoginService
from ledger.services.lookup import LookupService
from ledger.services.node import NodeService
from ledger.services.operating import OperatingService
from ledger.services.oversight import OversightService
from ledger.services.page import PageService
from ledger.services.people import PeopleService
from ledger.services.people_ports import Providers
from ledger.services.proving import ProvingService
from ledger.services.statistics import StatisticsService
from ledger.services.verified import VerifiedService
from ledger.services.witnessing import WitnessService
from ledger.settings import Settings

BUSY_S = 3.0  # for the store and the key store, while others write: then a page says so instead of being waited for


@dataclass
class WebParts:
    """What the web calls (web.WebServices).

    Args:
        here: the installation.
        verifier: trust file, chain view and clock in place; one a process.
        clock: the machine's.
        entropy: the machine's.
        types: known credential types, for their labels.
        mode: of the trust file; `demo` puts a banner on every page.
    """

    here: Installation
    verifier: BoundVerifier
    clock: SystemClock
    entropy: SystemEntropy
    types: tuple[CredentialType, ...]
    mode: Mode

    def __post_init__(self) -> None:
        self._started_at = self.here.clock.monotonic()

    @property
    def home(self) -> Home:
        """The data directory."""
        return self.here.home

    @cached_property
    def limits(self) -> Limits:
        """How often who asked, counted for all processes together."""
        return open_limits(self.counters, self.here.settings, self.entropy)

    @cached_property
    def counters(self) -> CountersDatabase:
        """The database of counters."""
        return CountersDatabase(self.home.counters_file, self.clock)

    @cached_property
    def health(self) -> HealthService:
        """What is missing, and figures."""
        return HealthService(self.here, self.verifier, self.counters, self._started_at)

    def answered(self, endpoint: str, status: int, seconds: float) -> None:
        """Count an answer of the web."""
        self.health.answers.count(endpoint, status, seconds)

    @cached_property
    def intake(self) -> IntakeService:
        """Takes files and forms for issuing."""
        return open_intake(self.here)

    @cached_property
    def issuing(self) -> IssuingDesk:
        """Batches, their rows in clear, figures, search."""
        return open_issuing_desk(self.here)

    @cached_property
    def desk(self) -> Desk:
        """The services of the flow; their view only reads."""
        return open_desk(self.here)

    @cached_property
    def signing(self) -> SigningRoom:
        """Signing by people, approving, cases of status changes."""
        return SigningRoom(self.here, self.desk)

    @cached_property
    def people_parts(self) -> PeopleParts:
        """People, log-in, audit; needs the key store."""
        return open_people(self.here, self.verifier.view, self.limits)

    @property
    def people(self) -> PeopleService:
        """Who there is and what they may do."""
        return self.people_parts.people

    @property
    def login(self) -> LoginService:
        """How people come in."""
        return self.people_parts.login

    @property
    def providers(self) -> Providers:
        """Agencies' identity providers."""
        return self.people_parts.providers

    @property
    def audit(self) -> AuditService:
        """Who did what."""
        return self.people_parts.audit

    @cached_property
    def programs(self) -> ProgramsRoom:
        """API tokens, single issues, standing approvals."""
        return ProgramsRoom(self.here, self.desk.view, self.desk.standing)

    @property
    def documents(self) -> DocumentService:
        """Prints of credentials; needs the key store."""
        return self.desk.paper.documents

    @cached_property
    def checks(self) -> CheckRoom:
        """Checking of files, photos and sheets."""
        return CheckRoom(
            self.here, self.verifier, lambda: self.documents, lambda: self.desk.export, self.types, self.clock
        )

    @property
    def pages(self) -> PageService:
        """Whatever is handed in."""
        return self.checks.pages

    @property
    def lookup(self) -> LookupService:
        """Sheets by code, secret or number; needs the key store."""
        return self.checks.lookup

    @cached_property
    def explorer(self) -> ExplorerService:
        """The ledger's public side, for anybody who looks."""
        log = explorer_log(self.desk.reader)
        book = SqlEntryBook(self.here.store.database)
        return ExplorerService(self.desk.view, log, self.here.store, book)

    @cached_property
    def node(self) -> NodeService:
        """Blocks, checkpoints and tiles for mirrors and witnesses."""
        return node_of(self.here)

    @cached_property
    def witnesses(self) -> WitnessService:
        """How things stand with the witnesses; needs no key."""
        if self.verifier.view is None:
            raise UnavailableError("VIEW_UNAVAILABLE", "This installation has no view of the ledger.")
        return open_witnesses(self.home, self.here.record, self.verifier.view, self.clock)

    @cached_property
    def changes(self) -> ChangesService:
        """What changed between two moments."""
        return open_changes(self.home, self.here.record, self.desk.view, self.oversight.book)

    @cached_property
    def proving(self) -> ProvingService:
        """Proofs for auditors."""
        witnesses = self.witnesses
        return ProvingService(self.explorer, self.desk.view, witnesses.statements, witnesses.trust_of)

    @cached_property
    def verified(self) -> VerifiedService:
        """The verifier's desk."""
        return VerifiedRoom(self.here, self.desk.view, self.desk.info, lambda: self.lookup).service

    @cached_property
    def verified_sheets(self) -> SheetFiles:
        """Tables that the desk hands out."""
        return SheetFiles({kind.ref: kind for kind in self.types})

    @cached_property
    def operating(self) -> OperatingService:
        """Jobs that wait and jobs that gave up."""
        return OperatingService(self.here.store)

    @property
    def guides(self) -> GuideFiles:
        """Service guides; read anew, since one may have been published meanwhile."""
        return self.here.guides

    @cached_property
    def directory(self) -> DirectoryService:
        """Agencies and types."""
        return DirectoryService(self.desk.view, self.home.entry, self.types, self.clock)

    @property
    def oversight(self) -> OversightService:
        """The tree of agencies and each agency in whole; needs no key."""
        return self.signing.oversight

    @cached_property
    def day_counts(self) -> SqlDayCounts:
        """Checks a day."""
        return SqlDayCounts(self.counters)

    @cached_property
    def statistics(self) -> StatisticsService:
        """Public figures."""
        return StatisticsService(self.desk.view, self.clock, self.day_counts.by_day)

    def verify(self, data: bytes) -> Report:
        """Judge these bytes now."""
        return self.verifier.verify(data)

    def status_list(self, uri: str) -> tuple[str, int] | None:
        """The published token with this address and how many seconds it may be kept; None if there is none."""
        try:
            asked = parse_status_uri(uri)
        except InputError:
            return None
        files = TokenFiles(self.home.published)
        agencies = self.home.load().agencies  # read anew: one may have been admitted meanwhile
        own = [agency for agency in agencies if agency.iss == asked.iss]
        tokens = [files.load(agency.uscc, asked.ledger_id, asked.number) for agency in own or agencies]
        found = [token for token in tokens if token is not None]
        # asked under another name (no proxy in front, or one that drops Host): answered while only one can be meant
        return (found[0], keep_s(found[0], self.clock.now())) if len(found) == 1 else None


def open_web(settings: Settings) -> WebParts:
    """The web's services over `settings.home`. Opening needs no key and no password.

    Raises:
        NotFoundError: HOME_MISSING, TRUST_MISSING, CHAIN_MISSING.
        ConflictError: HOME_NOT_READY.
    """
    home = Home(settings.home)
    record = home.load_ready()
    here = Installation(settings, home, record, busy_s=BUSY_S)
    clock = SystemClock()
    verifier = open_verifier(home.trust_file, home.path, clock)
    types = tuple(loaded.type for loaded in load_types().all())
    return WebParts(here, verifier, clock, SystemEntropy(), types, record.mode)
