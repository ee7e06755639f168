"""One small installation in a folder, with an injected clock: chain, view, vault, store, services.

Keys are the same at every opening, so a process that was killed can be followed by another one on the
same folder. Everything is the product's own; only clock, keys and hooks come from here.
"""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import orjson

from ledger.adapters.carrier import DirectCarrier
from ledger.adapters.case_files import CaseFiles
from ledger.adapters.chain_embedded.chain import EmbeddedChain
from ledger.adapters.chain_embedded.deploy import deploy_contracts
from ledger.adapters.chain_embedded.reader import EmbeddedReader
from ledger.adapters.chain_view_follow import Follower
from ledger.adapters.chain_view_sql import SqlView
from ledger.adapters.document_files import DocumentFolder
from ledger.adapters.document_page import TypstPages
from ledger.adapters.document_store import SqlPrints
from ledger.adapters.format_sd_jwt import SdJwtFormat
from ledger.adapters.founding import Founding
from ledger.adapters.glyphs_fonts import DrawableValidator, FontGlyphs
from ledger.adapters.home_files import P256_ROLES
from ledger.adapters.pki import CertificateAuthority
from ledger.adapters.release_folder import FileReleaseFolder, MemoryReleaseFolder
from ledger.adapters.seal_pades import PadesSealer
from ledger.adapters.signer_memory import MemoryChainSigner, MemoryCredentialSigner
from ledger.adapters.store_sql import SqlStore, open_store
from ledger.adapters.system import ManualClock, SystemEntropy
from ledger.adapters.token_files import TokenFiles
from ledger.adapters.type_files import TypeFiles, load_types
from ledger.adapters.vault import SqliteVault, VaultKeys
from ledger.apps.worker import CHAIN_KINDS, ChainDriver, Handler, Worker
from ledger.core.cells import Cell
from ledger.core.directory import make_directory_entry, parse_directory_entry
from ledger.core.flow import BatchRecord, BatchState, JobKind, Lease
from ledger.core.model import Purpose, Role
from ledger.core.trust import ContractPin, Trust, load_trust_bytes, make_trust, sign_trust
from ledger.ports import ChainView, RowTable, Store, Vault
from ledger.ports.witness import CheckpointBook, FinalityRule
from ledger.services.anchor import AnchorService
from ledger.services.approve import ApproveService
from ledger.services.calls import enqueue_call
from ledger.services.document_making import DocumentMaker
from ledger.services.documents import DocumentService
from ledger.services.export import ExportService
from ledger.services.issue import ImportReport, IssuePlan, IssueService
from ledger.services.kill_points import Hooks, NoHooks
from ledger.services.publish import StatusListPublisher
from ledger.services.registry import Registry, TypeToRegister
from ledger.services.signing import SigningService
from ledger.services.status import CaseBook, StatusService
from ledger.services.verify import Verifier

START = 1_795_305_600  # 2026-11-22 08:00 in Beijing
ISSUER = "12990100XXXX000190"
TYPE_REF = "HPF_PERSONAL_DEPOSIT:1"
FOREVER = 4_000_000_000
YEAR_S = 366 * 86_400
HEADER = (
    "姓名", "证件类型", "证件号码", "个人账号", "单位名称", "单位账号", "开户日期", "账户状态", "缴存基数",
    "单位缴存比例", "个人缴存比例", "月缴存额", "账户余额", "缴至年月", "连续缴存开始年月", "连续缴存截止年月",
    "连续缴存月数", "数据截止日期",
)  # fmt: skip
_SURNAMES = ["欧阳", "司马", "上官", "诸葛", "夏侯", "东方", "皇甫", "尉迟"]
_GIVEN = ["澄心", "若水", "望舒", "怀瑾", "知秋", "明远", "景行", "思齐", "云帆", "清扬"]
_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
"""GB 11643 weights of the check digit."""


def secret(name: str) -> bytes:
    """32 bytes that are the same at every opening."""
    return hashlib.sha256(b"flow world " + name.encode()).digest()


def chain_signer(who: str) -> MemoryChainSigner:
    """maker, approver, operator, admin1, admin2, governance."""
    return MemoryChainSigner.from_secret(secret(who))


def resident_id(number: int) -> str:
    """A resident ID of the fictional division 990101, born in 1990."""
    body = f"990101{19900101 + number // 1000 % 28:08d}{number % 1000:03d}"
    check = sum(int(digit) * weight for digit, weight in zip(body, _WEIGHTS, strict=True)) % 11
    return body + "10X98765432"[check]


def deposit_row(number: int, balance: str = "") -> list[str]:
    """One good row; the same number is the same account."""
    months = 12 + number % 7
    return [
        _SURNAMES[number % 8] + _GIVEN[number // 8 % 10],
        "01",
        resident_id(number),
        f"9901170{number:09d}",
        f"岚州市第{number // 5:04d}号机械有限公司",
        f"88{number:08d}",
        "2013-05-06",
        "01",
        "12500.00",
        "0.12",
        "0.05",
        "2125.00",
        balance or f"{70000 + number}.37",
        "202610",
        "202510"
        if months == 0
        else f"{(2026 * 12 + 9 - months + 1) // 12}{(2026 * 12 + 9 - months + 1) % 12 + 1:02d}",
        "202610",
        str(months),
        "2026-10-31",
    ]


@dataclass
class ListTable:
    """Port RowTable over rows in memory."""

    cells: Sequence[Sequence[str]]
    header: tuple[str, ...] | None = HEADER
    kind: str = "csv"
    done: int = 0

    def rows(self) -> Iterator[tuple[int, Sequence[Cell] | Mapping[str, Cell]]]:
        for number, row in enumerate(self.cells, start=2):
            self.done = number - 1
            yield number, list(row)

    def progress(self) -> tuple[int, int]:
        return self.done, len(self.cells)

    @property
    def digest(self) -> bytes:
        return hashlib.sha256(self.csv().encode()).digest()

    def csv(self, encoding: str = "utf-8") -> str:
        text = io.StringIO()
        csv.writer(text).writerows([self.header or (), *self.cells])
        return text.getvalue()


def deposit_table(numbers: Sequence[int], balances: Mapping[int, str] | None = None) -> ListTable:
    """Rows of these accounts, in this order."""
    changed = balances or {}
    return ListTable([deposit_row(number, changed.get(number, "")) for number in numbers])


@lru_cache(maxsize=1)
def pages() -> TypstPages:
    """One compiler for all tests: it reads the fonts once."""
    return TypstPages()


class WorldAgencies:
    """Port Agencies with keys in memory."""

    def __init__(
        self, root: CertificateAuthority | None, entry: str, x5c: Mapping[str, tuple[bytes, ...]]
    ) -> None:
        self.root = root
        self.entry = entry
        self._signers = {
            who: MemoryCredentialSigner.from_private_number(
                int.from_bytes(secret(who)[:31], "big"), x5c.get(who, ())
            )
            for who in P256_ROLES
        }

    def directory_entry(self, issuer: str) -> str:
        assert issuer == ISSUER
        return self.entry

    def credential_signer(self, issuer: str) -> MemoryCredentialSigner:
        assert issuer == ISSUER
        return self._signers["credential"]

    def status_signer(self, issuer: str) -> MemoryCredentialSigner:
        assert issuer == ISSUER
        return self._signers["status"]

    def seal_signer(self, issuer: str) -> MemoryCredentialSigner:
        assert issuer == ISSUER
        return self._signers["seal"]

    def operator(self, issuer: str) -> MemoryChainSigner:
        assert issuer == ISSUER
        return chain_signer("operator")

    def service(self, issuer: str) -> MemoryChainSigner | None:
        assert issuer == ISSUER
        return chain_signer("service")


def found(
    folder: Path, clock: ManualClock, types: TypeFiles | None = None, granted: Sequence[str] = (TYPE_REF,)
) -> None:
    """Make the installation: keys, certificates, contracts, grants, keys and roles on chain.

    Args:
        folder: the data directory to be.
        clock: when all of it begins.
        types: known types; by default the product's.
        granted: references of those that are registered and granted, numbered from 1 in this order.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    entropy = SystemEntropy()
    since, until = clock.now() - 86_400, clock.now() + 5 * YEAR_S
    root = CertificateAuthority.new_root("Test CA", not_before=since, not_after=until, entropy=entropy)
    agency = root.new_agency_ca("Agency CA", not_before=since, not_after=until)
    iss = "https://fund.example"
    bare = WorldAgencies(None, "", {})
    for who, signer in (
        ("credential", bare.credential_signer(ISSUER)),
        ("status", bare.status_signer(ISSUER)),
        ("seal", bare.seal_signer(ISSUER)),
    ):
        leaf = agency.issue_leaf(
            signer.public_jwk, name="Fund", uri=iss, not_before=since, not_after=until, is_seal=who == "seal"
        )
        (folder / f"{who}.leaf").write_bytes(leaf)
    (folder / "agency.ca").write_bytes(agency.certificate)
    (folder / "root.ca").write_bytes(root.certificate)
    entry = make_directory_entry(
        issuer=ISSUER, name_zh="岚州市住房公积金管理中心", name_en="Lanzhou Fund", iss=iss, division="990100",
        issued_at=clock.now(), signer=bare.credential_signer(ISSUER),
    )  # fmt: skip
    (folder / "entry.jws").write_text(entry)
    chain = EmbeddedChain.create(folder / "chain.db", clock, entropy)
    try:
        _found_chain(chain, clock, entry, bare, _registrations(types or load_types(), granted))
    finally:
        chain.close()


def _registrations(types: TypeFiles, refs: Sequence[str]) -> list[TypeToRegister]:
    found_types = [loaded.type for ref in refs if (loaded := types.by_ref(ref)) is not None]
    assert len(found_types) == len(refs)
    return [
        TypeToRegister(kind.type_code, kind.version, kind.file_hash, kind.single_use) for kind in found_types
    ]


def _found_chain(
    chain: EmbeddedChain,
    clock: ManualClock,
    entry: str,
    agencies: WorldAgencies,
    types: Sequence[TypeToRegister],
) -> None:
    def wait(_seconds: float = 1) -> None:
        clock.advance(1)

    governance, admin1, admin2 = (chain_signer(who) for who in ("governance", "admin1", "admin2"))
    founding = Founding(
        governance.address, ISSUER, admin1.signer_id, admin2.signer_id, parse_directory_entry(entry).hash
    )
    deploy_contracts(chain, governance, founding, wait)
    registry = Registry(chain, DirectCarrier(chain, pause=wait))
    registry.register_types(types, governance)
    registry.open_ledger(governance)
    now = clock.now()
    acts = []
    for type_id in range(1, len(types) + 1):
        acts += registry.missing_grant(ISSUER, ISSUER, type_id, now)
    for signer, purpose in (
        (agencies.credential_signer(ISSUER), Purpose.CREDENTIAL),
        (agencies.status_signer(ISSUER), Purpose.STATUS),
        (agencies.seal_signer(ISSUER), Purpose.SEAL),
    ):
        acts += registry.missing_key(ISSUER, ISSUER, signer.thumbprint, purpose, (now, now + 3 * YEAR_S))
    for who, role in (("operator", Role.OPERATOR), ("maker", Role.MAKER), ("approver", Role.APPROVER)):
        acts += registry.missing_role(ISSUER, chain_signer(who).signer_id, role, now)
    registry.carry_out(acts, admin1, admin2)


@dataclass
class World:
    """An opened installation. `pause` moves the clock one second: one second a block."""

    folder: Path
    clock: ManualClock
    hooks: Hooks = field(default_factory=NoHooks)
    make_vault: Callable[[Path], Vault] | None = None
    make_store: Callable[[ManualClock], Store] | None = None
    make_released: Callable[[Path], FileReleaseFolder | MemoryReleaseFolder] = FileReleaseFolder
    make_cases: Callable[[Path], CaseBook] = CaseFiles
    owner: str = "worker"
    pause_s: int = 1
    type_files: TypeFiles = field(default_factory=load_types)
    finality: FinalityRule | None = None
    book: CheckpointBook | None = None

    def __post_init__(self) -> None:
        folder, clock, hooks = self.folder, self.clock, self.hooks
        entropy = SystemEntropy()
        reader = EmbeddedReader(folder / "chain.db")
        head_time = reader.head().time
        reader.close()
        if head_time >= clock.now():  # as an honest clock would stand after earlier processes
            clock.set(head_time + 1)
        self.chain = EmbeddedChain.open(folder / "chain.db", clock)
        self.view = SqlView(folder / "view.db", book=self.book)
        self.follower = Follower(self.chain, self.view, clock, self.owner)
        self.follower.advance()
        info = self.chain.info()
        chain_of = (folder / "agency.ca").read_bytes()
        x5c = {who: ((folder / f"{who}.leaf").read_bytes(), chain_of) for who in P256_ROLES}
        self.agencies = self.open_agencies((folder / "entry.jws").read_text(), x5c)
        keys = VaultKeys.from_secret(secret("vault") + secret("index"))
        make_vault = self.make_vault or (lambda path: SqliteVault(path, keys, entropy))
        self.vault = make_vault(folder / "keys.db")
        self.store: Store = (
            self.make_store(clock) if self.make_store else open_store(folder / "store.db", clock)
        )
        self.types = {loaded.type.ref: loaded.type for loaded in self.type_files.all()}
        self.issue = IssueService(
            self.store,
            self.vault,
            self.view,
            self.agencies,
            DrawableValidator,
            clock,
            entropy,
            hooks,
            dumps=orjson.dumps,
        )
        self.signing = SigningService(
            self.store,
            self.vault,
            self.view,
            info,
            self.agencies,
            self.types,
            SdJwtFormat(),
            entropy,
            hooks,
            loads=orjson.loads,
        )
        self.approve = ApproveService(self.store, self.issue, info, clock, entropy, hooks)
        self.anchor = AnchorService(
            self.store, self.chain, self.view, self.agencies, clock, hooks, self.finality
        )
        self.lists = StatusListPublisher(
            self.view,
            self.store.batches,
            self.agencies,
            TokenFiles(folder / "published"),
            clock,
            info.ledger_id,
            finality=self.finality,
        )
        self.status = StatusService(
            batches=self.store.batches,
            view=self.view,
            types=self.types,
            info=info,
            vault=self.vault,
            cases=self.make_cases(folder / "cases"),
            enqueue=partial(enqueue_call, self.store),
            clock=clock,
            entropy=entropy,
            nonces=self.store.nonces,
            hooks=hooks,
        )
        self.released = self.make_released(folder / "released")
        self.export = ExportService(
            self.store, self.vault, self.agencies, info, self.lists, self.released, hooks
        )
        if isinstance(self.store, SqlStore):
            self._open_paper(self.store)
        self.worker = self._open_worker()

    def open_agencies(self, entry: str, x5c: Mapping[str, tuple[bytes, ...]]) -> WorldAgencies:
        """Papers and keys of those who issue here."""
        return WorldAgencies(None, entry, x5c)

    def _open_paper(self, store: SqlStore) -> None:
        """Printing, where the store is the product's."""
        prints = SqlPrints(store.database)
        files = DocumentFolder(self.folder / "documents")
        glyphs, entropy = FontGlyphs(), SystemEntropy()
        self.documents = DocumentService(
            prints, files, store.batches, self.export, self.vault, self.view, self.chain.info(), self.types,
            SdJwtFormat(), glyphs, self.clock, entropy, self.hooks,
        )  # fmt: skip
        self.maker = DocumentMaker(
            self.documents, prints, files, store, self.agencies, self.view, pages(), PadesSealer(), glyphs,
            self.clock, entropy, is_demo=True, hooks=self.hooks,
        )  # fmt: skip

    def _driver(self) -> ChainDriver:
        return ChainDriver(
            self.chain,
            self.follower.advance,
            self.clock,
            self.hooks,
            lambda: self.store.outbox.hurry(CHAIN_KINDS),
        )

    def _open_worker(self) -> Worker:
        self.handlers = self.make_handlers()
        return self._worker_of_all()

    def _worker_of_all(self) -> Worker:
        driver = self._driver()
        return Worker(
            self.store.outbox,
            self.handlers,
            self.clock,
            self.owner,
            driver.drive,
            self.tidy,
            self.hooks,
            is_resting=lambda job: job.id in self.anchor.resting,
        )

    def make_handlers(self) -> dict[JobKind, Handler]:
        """What to do with each kind of job."""
        return {
            JobKind.SIGN: self.signing.sign,
            JobKind.ROOT: self.signing.root,
            JobKind.ANCHOR: self.anchor.anchor,
            JobKind.CALL: self.anchor.call,
            JobKind.RELEASE: self.export.release,
            JobKind.PUBLISH: self.export.publish,
            JobKind.DOCUMENT: lambda lease: self.maker.make(lease),  # noqa: PLW0108  made only with the SQL store
        }

    def add_handler(self, kind: JobKind, handler: Callable[[Lease], None]) -> None:
        """A worker that does this kind of job too."""
        self.handlers[kind] = handler
        self.worker = self._worker_of_all()

    def tidy(self) -> bool:
        """Send and close what a killed process left."""
        sent = self.status.resend() > 0
        return sent or bool(self.issue.close_batches([batch.id for batch in self.issue.open_batches()]))

    def pause(self, _seconds: float = 1) -> None:
        self.clock.advance(self.pause_s)

    def work(self) -> int:
        return self.worker.run_until_idle(self.pause, max_pauses=500)

    def plan(self, **changes: object) -> IssuePlan:
        values: dict[str, object] = {
            "issuer": ISSUER, "credential_type": self.types[TYPE_REF], "mode": "demo", "max_batch": 100, "chunk": 20,
        }  # fmt: skip
        return IssuePlan(**{**values, **changes})  # type: ignore[arg-type]

    def load(self, table: RowTable, **changes: object) -> ImportReport:
        return self.issue.import_rows(table, self.plan(**changes), table.digest)

    def make(self, batch_id: int) -> BatchRecord:
        return self.approve.make(batch_id, chain_signer("maker"), chain_signer("approver").signer_id)

    def give(self, batch_id: int) -> BatchRecord:
        """The approver's yes."""
        return self.approve.approve(batch_id, chain_signer("approver"))

    def issue_all(self, table: RowTable, **changes: object) -> ImportReport:
        """The whole way, however far a killed process came before."""
        report = self.load(table, **changes)
        if report.job_id is not None and report.accepted:
            self.issue.close_import(report.job_id)
        self.finish()
        return report

    def finish(self) -> None:
        """Whatever is left to be done, by whoever has to do it."""
        self.work()
        for batch in self.store.batches.batches(states=(BatchState.SIGNED,)):
            self.make(batch.id)
        for batch in self.store.batches.batches(states=(BatchState.MADE,)):
            self.give(batch.id)
        self.work()

    def bundles(self) -> dict[str, bytes]:
        """Released bundles by file name."""
        root = self.folder / "released"
        return {path.name: path.read_bytes() for path in sorted(root.glob("*/[0-9]*/*.ecert.json"))}

    def verifier(self, view: ChainView | None = None, trust: Trust | None = None) -> Verifier:
        """Somebody who has the trust file and a view, this one's by default."""
        return Verifier(trust or self.trust(), SdJwtFormat(), self.type_files, view or self.view)

    def trust(self, **members: Any) -> Trust:
        """The trust file; `members` as make_trust takes them."""
        info = self.chain.info()
        signer = self.agencies.credential_signer(ISSUER)
        document = make_trust(
            mode="demo",
            ledger_id=info.ledger_id,
            chain_id=info.chain_id,
            registry=ContractPin(info.registry, info.registry_code_hash),
            ledger=ContractPin(info.ledger, info.ledger_code_hash),
            root_issuer=ISSUER,
            governance=chain_signer("governance").address,
            x509_anchors=((self.folder / "root.ca").read_bytes(),),
            types={ref: found.file_hash for ref, found in self.types.items()},
            not_after=date(2030, 1, 1),
            keys=(signer.public_jwk,),
            **members,
        )
        return load_trust_bytes(sign_trust(document, [signer]))

    def close(self) -> None:
        for part in (self.chain, self.view, self.store, self.vault):
            close = getattr(part, "close", None)
            if close is not None:
                close()
