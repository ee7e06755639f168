"""Wires the services of the flow over an installation, with and without the chain's lock.

One process at a time holds the lock, seals blocks and sends: it opens a `Bench`. All others open a
`Desk`, whose view only reads, and leave what must be sent in the outbox.
"""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import orjson

from ledger.adapters import logs
from ledger.adapters.carrier import SealingChain
from ledger.adapters.case_files import CaseFiles
from ledger.adapters.chain_embedded.process_lock import PROBED_S as PROBED_S
from ledger.adapters.chain_embedded.process_lock import ProcessLock
from ledger.adapters.chain_embedded.reader import ChainFile
from ledger.adapters.chain_view_follow import Follower
from ledger.adapters.chain_view_sql import SqlView
from ledger.adapters.format_sd_jwt import SdJwtFormat
from ledger.adapters.glyphs_fonts import DrawableValidator
from ledger.adapters.home_files import Home, write_file
from ledger.adapters.release_folder import FileReleaseFolder
from ledger.adapters.row_readers import open_rows
from ledger.adapters.singles_sql import KEYS_AT_ONCE as KEYS_AT_ONCE
from ledger.adapters.singles_sql import SqlSingles
from ledger.adapters.token_files import TokenFiles
from ledger.adapters.trust_files import HomeFinality, HomeTrust
from ledger.adapters.vitals_sql import SqlVitals
from ledger.bootstrap import Installation, open_verifier
from ledger.bootstrap_chain import MIRROR_KIND as MIRROR_KIND
from ledger.bootstrap_chain import (
    SNAPSHOT_KIND,
    Reader,
    chain_info,
    chain_reader,
    connect,
    open_book,
    rpc_record,
    view_kind,
)
from ledger.bootstrap_check import CheckRoom
from ledger.bootstrap_directory import entry_at
from ledger.bootstrap_documents import DocumentRoom
from ledger.bootstrap_guard import (
    adopt,
    clear_mark,
    is_adopting,
    require_finished,
    require_newest,
    require_not_passed,
    require_rows,
)
from ledger.bootstrap_intake import open_intake_work
from ledger.bootstrap_moved import earlier_lists, require_settled
from ledger.bootstrap_programs import ask_contract, make_standing
from ledger.bootstrap_verified import VerifiedRoom
from ledger.core.directory import parse_directory_entry
from ledger.core.errors import ConflictError, InputError, LedgerError, RefusedError, UnavailableError
from ledger.core.flow import BatchRecord, BatchState, Job, JobKind, Lease
from ledger.core.grants import covering_grant
from ledger.core.identifiers import parse_uscc
from ledger.core.model import ChainInfo
from ledger.ports import ChainSigner, CredentialSigner, RowTable, Vault
from ledger.services.anchor import AnchorService
from ledger.services.approve import ApproveService
from ledger.services.calls import enqueue_call
from ledger.services.checking import CheckService
from ledger.services.checkpointing import Checkpointer
from ledger.services.export import ExportService
from ledger.services.granting import RegistryView, types_by_agency
from ledger.services.intake_work import IntakeWork
from ledger.services.issue import ROW_CONTEXT, IssueService
from ledger.services.kill_points import Hooks
from ledger.services.on_demand import WINDOW_ROWS, Window
from ledger.services.publish import StatusListPublisher
from ledger.services.records import KnownRecords
from ledger.services.signing import SigningService
from ledger.services.standing import StandingService
from ledger.services.status import StatusService

_log = logging.getLogger("ledger.worker")


@dataclass
class Desk:
    """The services of the flow over one installation.

    Args:
        here: the installation.
        view: what the services read about the chain; by default a view that only reads.
        hooks: told about kill points.
    """

    here: Installation
    view: RegistryView
    hooks: Hooks | None = None

    @cached_property
    def reader(self) -> Reader:
        """Final blocks and events of the chain; needs no lock."""
        return chain_reader(self.here.home, self.here.record)

    @cached_property
    def info(self) -> ChainInfo:
        """Which chain, which contracts."""
        return chain_info(self.here.home, self.here.record)

    @cached_property
    def issue(self) -> IssueService:
        """Imports files, closes batches."""
        here = self.here
        return IssueService(
            here.store,
            here.vault,
            self.view,
            here.agencies,
            DrawableValidator,
            here.clock,
            here.entropy,
            self.hooks,
            dumps=orjson.dumps,
        )

    @cached_property
    def check(self) -> CheckService:
        """Judges files; looks records up if the key store's password is at hand."""
        here = self.here
        vault: Vault | None
        try:
            vault = here.vault
        except RefusedError as error:
            if error.code != "PASSWORD_NEEDED":
                raise
            vault = None
        records = KnownRecords(here.store.imports, self.view)
        return CheckService(records, vault, DrawableValidator, here.clock, orjson.dumps)

    @cached_property
    def approve(self) -> ApproveService:
        """Signatures of maker and approver."""
        here = self.here
        return ApproveService(here.store, self.issue, self.info, here.clock, here.entropy, self.hooks)

    @cached_property
    def standing(self) -> StandingService:
        """Standing approvals; without the contract's own count."""
        return make_standing(self.here, self.view, self.approve, self.hooks)

    @cached_property
    def status(self) -> StatusService:
        """Status changes and withdrawals."""
        here = self.here

        return StatusService(
            batches=here.store.batches,
            view=self.view,
            types={loaded.type.ref: loaded.type for loaded in here.types.all()},
            info=self.info,
            vault=here.vault,
            cases=CaseFiles(here.home.path / "cases"),
            enqueue=lambda *given, **named: enqueue_call(here.store, *given, **named),
            clock=here.clock,
            entropy=here.entropy,
            nonces=here.store.nonces,
            hooks=self.hooks,
        )

    def rows(self, batch_id: int, first: int, count: int) -> list[dict[str, Any]]:
        """Rows of a batch in clear, for the people who answer for them; erased ones are left out."""
        leaves = self.here.store.signing.sealed_rows(batch_id, first, count) if count else ()
        keys = self.here.vault.load([leaf.name for leaf in leaves])
        return [
            orjson.loads(keys[leaf.name].open(leaf.sealed, ROW_CONTEXT + leaf.name))
            for leaf in leaves
            if leaf.name in keys
        ]

    def jobs_of_case(self, case_id: str) -> list[Job]:
        """Unfinished jobs of a status case."""
        return _of_case(self.here.store.outbox.jobs(), case_id)

    def dead_jobs_of_case(self, case_id: str) -> list[Job]:
        """Dead letters of a status case."""
        return _of_case(self.here.store.outbox.jobs(dead=True), case_id)

    @cached_property
    def publisher(self) -> StatusListPublisher:
        """Status lists for the public."""
        here = self.here
        return StatusListPublisher(
            self.view,
            here.store.batches,
            here.agencies,
            TokenFiles(here.home.published),
            here.clock,
            self.info.ledger_id,
            earlier_lists(here.record),
            self.finality,
        )

    @cached_property
    def finality(self) -> HomeFinality:
        """Which blocks are final by the trust file in use."""
        return HomeFinality(HomeTrust(self.here.home))

    def waits_for_witnesses(self, batch: BatchRecord) -> bool:
        """The batch is on chain, and too few witnesses have signed its block yet."""
        if batch.state is not BatchState.APPROVED or batch.root is None:
            return False
        evidence = self.view.evidence(batch.issuer, batch.root, None)
        if evidence is None or evidence.anchor is None:
            return False
        return evidence.anchor.block.number > self.finality.height(evidence.head)

    @cached_property
    def released(self) -> FileReleaseFolder:
        """Where bundles are handed out."""
        return FileReleaseFolder(self.here.home.released)

    @cached_property
    def export(self) -> ExportService:
        """Writes bundles and lists."""
        here = self.here
        return ExportService(
            here.store,
            here.vault,
            here.agencies,
            self.info,
            self.publisher,
            self.released,
            self.hooks,
            entry_at(here, self.view),
        )

    @cached_property
    def paper(self) -> DocumentRoom:
        """Prints of credentials."""
        return DocumentRoom(self.here, self.view, self.info, self.export, self.hooks)

    @cached_property
    def signing(self) -> SigningService:
        """Signs credentials and makes trees."""
        here = self.here
        return SigningService(
            here.store,
            here.vault,
            self.view,
            self.info,
            here.agencies,
            {loaded.type.ref: loaded.type for loaded in here.types.all()},
            SdJwtFormat(),
            here.entropy,
            self.hooks,
            orjson.loads,
        )


def _of_case(jobs: Iterable[Job], case_id: str) -> list[Job]:
    return [job for job in jobs if job.subject.startswith(f"case:{case_id}:")]


def open_desk(here: Installation, hooks: Hooks | None = None) -> Desk:
    """Services for a command that does not send: its view only reads."""
    return Desk(here, here.view, hooks)


class Bench:
    """What a worker needs that holds the chain: a view that it keeps fresh, and what to do with each job.

    Args:
        here: the installation.
        chain: open for sealing (EmbeddedChain).
        hooks: told about kill points.
    """

    def __init__(self, here: Installation, chain: SealingChain, hooks: Hooks | None = None) -> None:
        self.here = here
        self.chain = chain
        self.hooks = hooks
        self.book = open_book(here.home, read_only=False)
        self.view = SqlView(here.home.view_file, view_kind(here.record), book=self.book)
        self.desk = Desk(here, self.view, hooks)
        self.owner = f"{os.uname().nodename}:{os.getpid()}"
        self._follower = Follower(chain, self.view, here.clock, self.owner)
        self._anchor = AnchorService(
            here.store, chain, self.view, here.agencies, here.clock, hooks, self.desk.finality
        )
        self._chain = chain
        self._must_adopt = rpc_record(here.record) is not None
        self.advance()
        here.home.tighten()

    @cached_property
    def standing(self) -> StandingService:
        """Standing approvals, with the contract's own count."""
        ask = ask_contract(self._chain, self.here.clock)
        return make_standing(self.here, self.view, self.desk.approve, self.hooks, ask)

    @cached_property
    def window(self) -> Window:
        """Closes the open batches that single issues gather in."""
        return Window(self.here.store.batches, self.desk.issue, self.here.clock)

    @cached_property
    def singles(self) -> SqlSingles:
        """What requests for single issues left behind."""
        return SqlSingles(self.here.store.database, WINDOW_ROWS)

    @cached_property
    def vitals(self) -> SqlVitals:
        """Signs of life in the store."""
        return SqlVitals(self.here.store.database)

    def advance(self) -> None:
        """Take new blocks into the view and confirm it.

        Nodes of others may be away: then the view grows old, which readers see, and other work goes on. Not
        so after a restore: before the database was compared with the chain it could give words away twice.
        """
        try:
            state = self._follower.advance().state
        except UnavailableError as error:
            if rpc_record(self.here.record) is None or is_adopting(self.here.home):
                raise
            _log.warning("the view was not confirmed", extra={"code": error.code})
            return
        if self._must_adopt and state == "confirmed":
            adopt(self.here, self.view)
            self._must_adopt = False

    @cached_property
    def checkpointer(self) -> Checkpointer | None:
        """Signs checkpoints of the chain that is sealed here; None on a chain that others run."""
        if not isinstance(self._chain, ChainFile):
            return None

        def warn(code: str) -> None:
            _log.error("no checkpoint was signed", extra={"code": code})

        return Checkpointer(self._chain, self.book, self._checkpoint_signer, self.here.clock, warn)

    def _checkpoint_signer(self) -> CredentialSigner | None:
        """The root issuer's registered key of purpose checkpoint, None when it is not here."""
        uri = self.here.agencies.uri(self.here.record.root.uscc, "checkpoint")
        is_here = Path(uri.removeprefix("file:")).exists()
        return self.here.keyring.credential_signer(uri) if is_here else None

    def is_resting(self, job: Job) -> bool:
        """The job waits for witnesses alone, which nothing here can hasten."""
        return job.id in self._anchor.resting

    @cached_property
    def intake(self) -> IntakeWork:
        """Checks and imports what was uploaded."""
        return open_intake_work(self.here, self.desk.issue, self.hooks)

    @property
    def handlers(self) -> Mapping[JobKind, Callable[[Lease], None]]:
        """What to do with each kind of job."""
        desk = self.desk
        return {
            JobKind.SIGN: desk.signing.sign,
            JobKind.ROOT: self._root,
            JobKind.ANCHOR: self._anchor.anchor,
            JobKind.CALL: self._anchor.call,
            JobKind.RELEASE: desk.export.release,
            JobKind.PUBLISH: desk.export.publish,
            JobKind.IMPORT: self.intake.run,
            JobKind.DOCUMENT: self._document,
            JobKind.DESK: self._desk,
        }

    @cached_property
    def verified(self) -> VerifiedRoom:
        """The verifier's desk: receipts, lists, watches."""
        here, desk = self.here, self.desk
        verifier = open_verifier(here.home.trust_file, self.view, here.clock)
        types = [loaded.type for loaded in here.types.all()]
        checks = CheckRoom(
            here, verifier, lambda: desk.paper.documents, lambda: desk.export, types, here.clock
        )
        return VerifiedRoom(here, self.view, desk.info, lambda: checks.lookup)

    def _desk(self, lease: Lease) -> None:
        """Receipts and lists; keys are opened when the first one is asked for."""
        self.verified.worker.run(lease)

    def _document(self, lease: Lease) -> None:
        """Prints; fonts and seal keys are opened when the first one is made."""
        self.desk.paper.maker.make(lease)

    def _root(self, lease: Lease) -> None:
        """The tree; a batch that a standing approval covers goes on at once."""
        self.desk.signing.root(lease)
        try:
            self.standing.sanction(self.here.store.batches.batch(lease.job.payload["batch"]))
        except LedgerError as error:  # the job is done; whoever tidies up tries again
            _log.warning("not queued under a standing approval", extra={"code": error.code})


@contextmanager
def open_bench(here: Installation, hooks: Hooks | None = None) -> Iterator[Bench]:
    """A bench with the chain's lock.

    Raises:
        UnavailableError: CHAIN_LOCKED when another process works already, CLOCK_JUMP, MIRRORS_SILENT.
        ConflictError: CHAIN_SET_BACK and others when a part of the data directory is an older copy
            (bootstrap_guard).
    """
    with _open_chain(here) as chain:
        bench = Bench(here, chain, hooks)
        if isinstance(chain, ChainFile):
            require_rows(here, bench.view)
            require_not_passed(here, chain, bench.view)
            clear_mark(here.home)
        yield bench
        if rpc_record(here.record) is not None:
            bench.advance()  # others read what this view holds, and cannot catch up on their own


@contextmanager
def _open_chain(here: Installation) -> Iterator[SealingChain]:
    """The chain for the one process at a time that may send."""
    require_settled(here.home)
    require_finished(here.home)
    remote = rpc_record(here.record)
    kind = here.record.chain.get("kind")
    if kind == MIRROR_KIND:
        raise ConflictError(
            "MIRROR_READ_ONLY", "This data directory is a mirror: it checks, but issues and changes nothing."
        )
    if kind == SNAPSHOT_KIND:
        raise ConflictError(
            "SNAPSHOT_READ_ONLY",
            "This data directory knows its ledger from snapshots: it checks, but issues and changes nothing.",
        )
    if remote is None:
        from ledger.adapters.chain_embedded.chain import EmbeddedChain

        chain = EmbeddedChain.open(here.home.chain_file, here.clock, accept_clock=here.settings.accept_clock)
        with closing(chain):
            require_newest(here, chain)
            yield chain
        return
    from ledger.adapters.chain_rpc.sending_sql import SqlSendings

    lock = ProcessLock(here.home.chain_file)
    try:
        sendings = SqlSendings(here.store.database)
        with closing(connect(remote, here.clock, sendings, partial(_operator_of, here))) as nodes:
            yield nodes
    finally:
        lock.release()


def _operator_of(here: Installation, address: bytes) -> ChainSigner | None:
    """The service key with this address, None when it is none of ours."""
    operators = (here.agencies.operator(agency.uscc) for agency in here.record.agencies)
    return next((signer for signer in operators if signer.address == address), None)


def open_file(path: Path) -> tuple[RowTable, bytes]:
    """A data file's rows, and the SHA-256 of its bytes, which names the import.

    Raises:
        InputError: FILE_UNREADABLE, FILE_*.
    """
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").digest()
    except OSError as error:
        raise InputError(
            "FILE_UNREADABLE", f"{path} cannot be read: {error.strerror}.", path=str(path)
        ) from error
    return open_rows(path), digest


def write_private(path: Path, data: bytes) -> None:
    """Replace a file at once, readable by this account only.

    Raises:
        RefusedError: FILE_NOT_WRITABLE.
    """
    try:
        write_file(path, data)
    except OSError as error:
        raise RefusedError(
            "FILE_NOT_WRITABLE", f"{path} cannot be written: {error.strerror}.", path=str(path)
        ) from error


def is_chain_free(home: Path, patience_s: float = 0.0) -> bool:
    """True when no process holds the chain's lock just now.

    `patience_s`: ask again for so long, to tell a worker from somebody who only asks too.
    """
    try:
        ProcessLock(Home(home).chain_file, patience_s).release()
    except UnavailableError:
        return False
    return True


def log_to(home: Home) -> None:
    """Send the product's log to the data directory."""
    logs.log_to(home.logs)


@dataclass(frozen=True, slots=True)
class GrantFacts:
    """One grant interval of an agency, from events. `is_good`: under it, and all above, the agency may issue now."""

    ref: str
    valid_from: int
    valid_until: int
    withdrawn_at: int | None
    is_good: bool


@dataclass(frozen=True, slots=True)
class IssuerFacts:
    """An agency as chain and directory know it; names are empty when its entry is not here."""

    uscc: str
    name_zh: str
    name_en: str
    iss: str
    division: str
    phone: str | None
    parent: str | None
    level: int
    admitted_at: int
    dissolved_at: int | None
    is_here: bool
    grants: tuple[GrantFacts, ...]


def issuer_facts(here: Installation) -> list[IssuerFacts]:
    """Every agency on chain, parents first."""
    grants = _grants(here)
    own = {agency.uscc for agency in here.record.agencies}
    found = []
    for record in sorted(here.view.issuers(), key=lambda one: (one.level, one.admitted_at, one.issuer)):
        text = here.home.entry(record.issuer)
        entry = None if text is None else parse_directory_entry(text)
        found.append(
            IssuerFacts(
                uscc=record.issuer,
                name_zh="" if entry is None else entry.name["zh"],
                name_en="" if entry is None else entry.name.get("en", ""),
                iss="" if entry is None else entry.iss,
                division=parse_uscc(record.issuer).division if entry is None else entry.division,
                phone=None if entry is None else entry.phone,
                parent=record.parent,
                level=record.level,
                admitted_at=record.admitted_at,
                dissolved_at=record.dissolved_at,
                is_here=record.issuer in own,
                grants=tuple(grants.get(record.issuer, ())),
            )
        )
    return found


def _grants(here: Installation) -> dict[str, list[GrantFacts]]:
    """Grants of all agencies, judged by the one rule that verification has, those above them considered."""
    known = {(loaded.type_code, loaded.version): loaded.type.ref for loaded in here.types.all()}
    found: dict[str, list[GrantFacts]] = {}
    now = here.clock.now()
    may = types_by_agency(here.view, now)
    for record in here.view.types():
        ref = known.get((record.code, record.version), f"{record.code}:{record.version}")
        for agency in here.view.issuers():
            history = here.view.grants(agency.issuer, record.type_id)
            deciding = covering_grant(history, now)
            is_good = record.type_id in may[agency.issuer]
            found.setdefault(agency.issuer, []).extend(
                GrantFacts(
                    ref,
                    grant.valid_from,
                    grant.valid_until,
                    grant.withdrawn_at,
                    is_good and grant is deciding,
                )
                for grant in history
            )
    return found
