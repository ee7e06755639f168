"""Moves an installation from its own chain to one that others run; a kill anywhere, run again, it goes on.

While `migration.json` lies in the data directory nobody else seals or sends. It is written first, with
everything that a later run must not decide anew (where the contracts go, the moment at which grants are
judged), and deleted last. Up to the handover the move can be abandoned; after it, only finished.

After the move the old chain lies in `previous/`, read-only, and `home.json` names it.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ledger.adapters.carrier import DirectCarrier
from ledger.adapters.chain_embedded.process_lock import ProcessLock
from ledger.adapters.chain_embedded.reader import EmbeddedReader
from ledger.adapters.chain_view_follow import Follower
from ledger.adapters.chain_view_memory import MemoryView
from ledger.adapters.chain_view_sql import SqlView
from ledger.adapters.founding import Founding
from ledger.adapters.home_files import LEDGER_OWNER, PRIVATE_FOLDER, Home, HomeRecord, write_file
from ledger.adapters.trust_files import HomeTrust
from ledger.bootstrap import Installation, load_trust
from ledger.bootstrap_chain import chain_reader, connect, rpc_record
from ledger.bootstrap_moved import Plan, keep_plan, load_plan
from ledger.bootstrap_remote import LEDGER_ID_BYTES, LOOK_EVERY_S, PATIENCE_S
from ledger.core.addresses import checksum_address
from ledger.core.errors import ConflictError, InputError, RefusedError
from ledger.core.flow import BatchState, JobKind
from ledger.core.jose import kid_of
from ledger.core.migration import (
    FOREVER,
    Held,
    LedgerState,
    Load,
    carried_standings,
    load_of,
)
from ledger.core.model import ChainInfo, Role
from ledger.core.trust import ContractPin, Finality, Link, Trust, sign_trust
from ledger.core.trust_next import Changes, KeyChange, NewChain, next_trust
from ledger.ports import ChainSigner, ContractCall, CredentialSigner
from ledger.services.governed import GovernedBook
from ledger.services.migrate import (
    Admins,
    Migration,
    Side,
    founding_admins,
    left_standings,
    missing_people,
    read_state,
)

if TYPE_CHECKING:
    from ledger.adapters.chain_rpc.node import Node
    from ledger.adapters.chain_rpc.record import RpcRecord

_RACES = 3
_DEPLOY_LIMIT, _IMPORT_LIMIT, _ACT_LIMIT = 12_000_000, 9_000_000, 2_500_000
"""Gas limits of single transactions: a chain that charges wants to see a whole one covered."""
_DEARER_PERCENT = 125  # of today's price is what a transaction offers
_NAME_DIGITS = 16  # of the old ledger's id: the name of its folder
_UNFINISHED = (BatchState.MADE, BatchState.APPROVED, BatchState.ANCHORED)
"""Signed by people for the old ledger; batches before that are signed for whichever ledger there is."""
_UNDONE = (JobKind.ANCHOR, JobKind.CALL, JobKind.RELEASE, JobKind.DOCUMENT)
_CHAIN_FILES = ("chain.db", "view.db", "checkpoints.db")
_BESIDE = ("", "-wal", "-shm")

Say = Callable[[str, int], None]


@dataclass(frozen=True, slots=True)
class Moved:
    """What was done. `left`: standing approvals that their approvers sign anew."""

    issuers: int
    batches: int
    info: ChainInfo
    old: ChainInfo
    folder: Path
    trust_version: int
    left: int


@dataclass(frozen=True, slots=True)
class Account:
    """An account that sends something during a move: `role` is operator, governance or admin of `issuer`."""

    address: str
    role: str
    issuer: str


@dataclass(frozen=True, slots=True)
class Preview:
    """What would be done.

    Attributes:
        load: how much is carried.
        missing: agencies whose admins' keys are not at hand.
        left: standing approvals that their approvers sign anew.
        price_wei: what the new chain asks for one gas today.
        poor: accounts that cannot pay what they would send.
        trust_signatures: how many of the next trust file's signatures can be made here, and how many it needs.
    """

    load: Load
    missing: tuple[str, ...]
    left: int
    price_wei: int
    poor: tuple[Account, ...]
    trust_signatures: tuple[int, int]


class HomePeople:
    """Keys in the data directory, and those named (People).

    Args:
        here: the installation.
        named: URIs of key files that lie elsewhere.
    """

    def __init__(self, here: Installation, named: Sequence[str]) -> None:
        self._here = here
        self._named = named

    def admins(self, issuer: str, roles: Sequence[Held]) -> Admins | None:
        """See People."""
        wanted = {
            held.signer
            for held in roles
            if (held.issuer, held.role, held.valid_until) == (issuer, Role.ADMIN, FOREVER)
        }
        found: dict[bytes, ChainSigner] = {}
        for signer in self._signers(issuer, ("admin1", "admin2")):
            if signer.signer_id in wanted:
                found.setdefault(signer.signer_id, signer)
            if len(found) == 2:
                first, second = found.values()
                return first, second
        return None

    def signer(self, signer_id: bytes) -> ChainSigner | None:
        """See People."""
        for agency in self._here.record.agencies:
            for signer in self._signers(agency.uscc, ("approver",)):
                if signer.signer_id == signer_id:
                    return signer
        return None

    def _signers(self, issuer: str, names: Sequence[str]) -> Iterator[ChainSigner]:
        home, record = self._here.home, self._here.record
        for who in names:
            path = home.key_file(record, issuer, who)
            if path.exists():
                yield self._here.keyring.chain_signer(f"file:{path}")
        for uri in self._named:
            yield self._here.keyring.chain_signer(uri)


class Mover:
    """One run of a move.

    Args:
        here: the installation; nobody else works in it.
        keys: URIs of key files that lie outside the data directory.
        trust_keys: URIs of keys that sign the next trust file, besides the installation's own.
        say: told each step as it begins, and how much there is to do.
        look_every_s: how often the new chain is asked about what was sent.
    """

    def __init__(
        self,
        here: Installation,
        keys: Sequence[str],
        trust_keys: Sequence[str],
        say: Say,
        look_every_s: float = LOOK_EVERY_S,
    ) -> None:
        self._here = here
        self._home = here.home
        self._trust_keys = trust_keys
        self._say = say
        self._look_every_s = look_every_s
        self._people = HomePeople(here, keys)

    @cached_property
    def _governance(self) -> ChainSigner:
        path = self._home.key_file(self._here.record, LEDGER_OWNER, "governance")
        return self._here.keyring.chain_signer(f"file:{path}")

    @property
    def _deployer(self) -> ChainSigner:
        """Puts the contracts there and keeps no power.

        Not governance: the same account at the same nonce would give them the addresses that they have on
        the old chain, and a contract is not its own successor.
        """
        return self._here.agencies.operator(self._here.record.root.uscc)

    # before

    def preview(self, remote: RpcRecord) -> Preview:
        """What a move would carry, and the gas; asks the new chain for its price, changes nothing.

        Raises: InputError(MIGRATE_DIRECTION), ConflictError(MIGRATE_UNFINISHED), UnavailableError(CHAIN_*).
        """
        require_own_chain(self._here.record)
        self._require_idle()
        state, now = self._state(), self._here.clock.now()
        price, poor = self._coins(remote, state)
        before = load_trust(self._home.trust_file)
        return Preview(
            load_of(state, now),
            tuple(missing_people(state, self._people)),
            len(left_standings(state, self._people, now)),
            price,
            poor,
            (len(self._trust_signers(before)), before.keys.threshold),
        )

    def _coins(self, remote: RpcRecord, state: LedgerState) -> tuple[int, tuple[Account, ...]]:
        """Today's price of one gas, and the accounts that cannot even send one transaction of theirs."""
        root, wanted = state.issuers[0].issuer, dict[bytes, tuple[int, str, str]]()
        if remote.ceiling_wei:
            wanted[self._deployer.address] = (_DEPLOY_LIMIT, "operator", root)
            wanted.setdefault(self._governance.address, (_IMPORT_LIMIT, "governance", root))
            for record in state.issuers:
                for admin in self._people.admins(record.issuer, state.roles) or ():
                    wanted.setdefault(admin.address, (_ACT_LIMIT, "admin", record.issuer))
        with closing(remote.nodes(self._here.clock)) as nodes:
            asked = sorted(nodes.gather(lambda node: node.gas_price()))
            price = asked[len(asked) // 2]
            held = {account: max(nodes.gather(_balance_of(account))) for account in wanted}
        poor = [
            Account(checksum_address(account), role, issuer)
            for account, (gas, role, issuer) in wanted.items()
            if held[account] < gas * price * _DEARER_PERCENT // 100
        ]
        return price, tuple(poor)

    def _state(self) -> LedgerState:
        """Of the old ledger, without its lock: a worker may go on meanwhile."""
        here = self._here
        reader = chain_reader(self._home, here.record)
        return read_state(here.view, reader, here.clock.now(), with_batches=True)

    def _require_idle(self) -> None:
        """Signatures are for one ledger: what was signed and is not on chain yet would be lost."""
        store = self._here.store
        batches = [batch.id for batch in store.batches.batches(states=_UNFINISHED)]
        jobs = [job.id for job in store.outbox.jobs() if job.kind in _UNDONE]
        cases = [case.id for case in self._cases() if case.state in ("made", "approved")]
        governed = GovernedBook(chain_reader(self._home, self._here.record))
        proposals = [one.number for one in governed.waiting(self._here.clock.now())]
        resets = [one.issuer for one in governed.resets()]
        if batches or jobs or cases or proposals or resets:
            raise ConflictError(
                "MIGRATE_UNFINISHED",
                f"Finish or refuse what is under way first: {len(batches)} batches, {len(cases)} status cases, "
                f"{len(jobs)} jobs, {len(proposals)} proposals, {len(resets)} resets of roles (`ecert worker "
                "--once`, `ecert batch list`, `ecert status list`, `ecert role waiting`, `ecert role reset`).",
                batches=batches,
                batches_count=len(batches),
                jobs=len(jobs),
                cases=cases,
                cases_count=len(cases),
                proposals=proposals,
                proposals_count=len(proposals),
                resets=resets,
                resets_count=len(resets),
            )

    def _cases(self) -> Sequence[Any]:
        from ledger.bootstrap_work import open_desk

        return open_desk(self._here).status.cases().cases

    # the run

    def plan(self, remote: RpcRecord | None) -> Plan:
        """The plan of an earlier run, else a new one for this chain, written down.

        Raises:
            InputError: MIGRATE_DIRECTION; MIGRATE_TARGET without a chain.
            ConflictError: MIGRATE_UNFINISHED, MIGRATE_TARGET for another chain than the earlier run's.
            RefusedError: MIGRATE_COINS.
        """
        from ledger.adapters.chain_rpc.deploy import choose_place

        known = load_plan(self._home)
        if known is not None:
            if remote is not None and set(remote.urls).isdisjoint(known.chain.urls):
                raise ConflictError(
                    "MIGRATE_TARGET",
                    f"A move to {', '.join(known.chain.urls)} was begun: finish it or `ecert migrate --abandon`.",
                    nodes=list(known.chain.urls),
                )
            return known
        require_own_chain(self._here.record)
        if remote is None:
            raise InputError("MIGRATE_TARGET", "Name the new chain: --to rpc:URL,URL")
        self._require_idle()
        price, poor = self._coins(remote, self._state())
        if poor:
            raise RefusedError(
                "MIGRATE_COINS",
                f"These accounts need coins of the new chain first (gas costs {price} wei there): "
                f"{', '.join(account.address for account in poor)}.",
                accounts=[account.address for account in poor],
                price_wei=price,
            )
        ledger_id = self._here.entropy.token(LEDGER_ID_BYTES)
        chosen = choose_place(remote, self._here.clock, self._deployer.address, ledger_id)
        return keep_plan(self._home, Plan(chosen, self._here.clock.now()))

    def run(self, plan: Plan) -> Moved:
        """The whole move, or what is left of it.

        Raises:
            RefusedError: MIGRATE_KEYS_MISSING, MIGRATE_GOVERNANCE, MIGRATE_TRUST_SIGNATURES, DEPLOY_FAILED.
            ConflictError: MIGRATE_DIFFERS.
            UnavailableError: CHAIN_LOCKED, CHAIN_*.
        """
        if not plan.opened:
            plan = self._move(plan)
        return self._switch(plan)

    def _move(self, plan: Plan) -> Plan:
        with self._old_side() as old:
            state = old.state()
            founders = founding_admins(state, self._people)
            self._require_governance(old)
            with self._new_side(plan, state, founders) as new:
                migration = Migration(old, new, self._people, self._governance, plan.decided_at, self._say)
                _insisting(migration.carry)
                plan = keep_plan(self._home, replace(plan, closing=True))
                migration.hand_over()
                _insisting(migration.open)
                chain = plan.chain.with_info(new.chain.info())
        return keep_plan(self._home, replace(plan, chain=chain, opened=True))

    def _require_governance(self, old: Side) -> None:
        """Asked before anything is begun: the old ledger could not be closed by anybody else."""
        governance = old.chain.read(ContractCall("registry", "governance", ()))
        if governance != self._governance.address:
            raise RefusedError(
                "MIGRATE_GOVERNANCE",
                f"Governance of this ledger is {checksum_address(governance)}, not the key in "
                f"{self._home.key_file(self._here.record, LEDGER_OWNER, 'governance')}: put its key there.",
                governance=checksum_address(governance),
                key=checksum_address(self._governance.address),
            )

    @contextmanager
    def _old_side(self) -> Iterator[Side]:
        from ledger.adapters.chain_embedded.chain import EmbeddedChain

        here = self._here
        with ExitStack() as stack:
            chain = stack.enter_context(
                closing(
                    EmbeddedChain.open(
                        self._home.chain_file, here.clock, accept_clock=here.settings.accept_clock
                    )
                )
            )
            view = stack.enter_context(closing(SqlView(self._home.view_file, "embedded")))
            follower = Follower(chain, view, here.clock, "migration")
            yield Side(chain, DirectCarrier(chain), view, follower.advance, here.clock.now)

    @contextmanager
    def _new_side(self, plan: Plan, state: LedgerState, founders: Admins) -> Iterator[Side]:
        from ledger.adapters.chain_rpc.deploy import attach, deploy_contracts
        from ledger.adapters.chain_rpc.finality import parse_finality
        from ledger.adapters.chain_rpc.sending import MemorySendings

        clock, root = self._here.clock, state.issuers[0]
        founding = Founding(
            governance=self._governance.address,
            root_issuer=root.issuer,
            admin1=founders[0].signer_id,
            admin2=founders[1].signer_id,
            directory_hash=root.directory[0][0],
        )
        self._say("contracts", 2)
        place = plan.chain.need_place()
        with closing(connect(plan.chain, clock, MemorySendings(), lambda _address: None)) as chain:
            deploy_contracts(chain, clock, self._deployer, founding)
            attach(
                chain.nodes, place.chain_id, place.registry, place.ledger, parse_finality(plan.chain.finality)
            )
            view = MemoryView("consortium")
            follower = Follower(chain, view, clock, "migration")
            carrier = DirectCarrier(chain, clock.sleep, PATIENCE_S, self._look_every_s)
            yield Side(chain, carrier, view, follower.advance, clock.now)

    # afterwards

    def _switch(self, plan: Plan) -> Moved:
        """Trust file, old files, home.json, first view; then nothing of the move is left but its result."""
        lock = ProcessLock(self._home.chain_file)
        try:
            record = self._home.load()
            is_switched = rpc_record(record) is not None
            old = _info(record.previous[-1] if is_switched else record.chain)
            self._say("trust", 1)
            trust = self._next_trust(plan.chain.info(), old)
            self._say("switch", 0)
            folder = self._home.previous / old.ledger_id.hex()[:_NAME_DIGITS]
            if not is_switched:
                put_away(self._home, folder)
                self._here.store.transactions.leave_chain()
                lists = {
                    agency.uscc: self._here.store.batches.newest_list(agency.uscc)
                    for agency in record.agencies
                }
                moved_at = self._here.clock.now()
                entry = {**_facts(old), "folder": folder.name, "moved_at": moved_at, "lists": lists}
                record = self._home.change(
                    lambda current: replace(
                        current, chain=plan.chain.to_json(), previous=(*current.previous, entry)
                    )
                )
            moved = self._first_view(plan, old, folder, trust.version)
            self._home.migration_file.unlink()
        finally:
            lock.release()
        return moved

    def _first_view(self, plan: Plan, old: ChainInfo, folder: Path, version: int) -> Moved:
        """The view of the new chain, which every process reads."""
        from ledger.adapters.chain_rpc.sending import MemorySendings

        clock = self._here.clock
        with ExitStack() as stack:
            chain = stack.enter_context(
                closing(connect(plan.chain, clock, MemorySendings(), lambda _address: None))
            )
            view = stack.enter_context(closing(SqlView(self._home.view_file, "consortium")))
            Follower(chain, view, clock, "migration").advance()
            before = stack.enter_context(closing(SqlView(folder / "view.db", "embedded", read_only=True)))
            past = stack.enter_context(closing(EmbeddedReader(folder / "chain.db")))
            now = clock.now()
            had = carried_standings(read_state(before, past, now, with_batches=False), now)
            left = len(had) - sum(1 for one in view.standings() if one.is_good(now))
            batches = sum(1 for _ in view.anchors())
            issuers = sum(1 for _ in view.issuers())
        self._home.tighten()
        return Moved(issuers, batches, plan.chain.info(), old, folder, version, left)

    def _next_trust(self, info: ChainInfo, old: ChainInfo) -> Trust:
        """The next version of the trust file, with a link to the old ledger; taken already: as it is.

        Raises: RefusedError(MIGRATE_TRUST_SIGNATURES).
        """
        before = load_trust(self._home.trust_file)
        if before.ledger_id == info.ledger_id:
            return before
        document = next_document(before, info, old)
        known = self._trust_signers(before)
        data = sign_trust(document, known)
        if len(known) < before.keys.threshold:
            beside = self._home.path / "trust-next.json"
            write_file(beside, data)
            raise RefusedError(
                "MIGRATE_TRUST_SIGNATURES",
                f"The next trust file needs {before.keys.threshold} signatures and has {len(known)}: have {beside} "
                "signed (`ecert trust sign`), take it (`ecert trust take`), then run `ecert migrate` again.",
                path=str(beside),
                good=len(known),
                threshold=before.keys.threshold,
            )
        return HomeTrust(self._home).take(data)

    def _trust_signers(self, before: Trust) -> list[CredentialSigner]:
        """Keys at hand that the trust file in use names, each once."""
        path = self._home.key_file(self._here.record, LEDGER_OWNER, "trust")
        uris = [*([f"file:{path}"] if path.exists() else []), *self._trust_keys]
        found = {one.thumbprint: one for one in map(self._here.keyring.credential_signer, uris)}
        return [signer for thumbprint, signer in found.items() if thumbprint in before.keys.keys]


def _balance_of(account: bytes) -> Callable[[Node], int]:
    return lambda node: node.balance(account, "latest")


def plan_target(chain: str, finality: str, quorum: int | None, ceiling_gwei: int) -> RpcRecord:
    """What `--to rpc:URL,URL` means. Raises: InputError(CHAIN_URL, CHAIN_FINALITY, CHAIN_QUORUM)."""
    from ledger.adapters.chain_rpc.record import plan_chain

    return plan_chain(chain, finality, quorum, ceiling_gwei)


def next_document(before: Trust, info: ChainInfo, old: ChainInfo) -> dict[str, Any]:
    """The next trust file, unsigned: another chain, a link to the old one, the same people and keys.

    Witnesses signed the old chain's blocks, and end with it: many agree about the new one's.
    """
    chain = NewChain(
        ledger_id=info.ledger_id,
        chain_id=info.chain_id,
        registry=ContractPin(info.registry, info.registry_code_hash),
        ledger=ContractPin(info.ledger, info.ledger_code_hash),
        governance=before.governance,
        finality=Finality("consensus"),
        link=Link(old.ledger_id, old.chain_id, old.ledger),
    )
    witnesses = KeyChange(remove=[kid_of(thumbprint) for thumbprint in before.witnesses.keys], threshold=0)
    document: dict[str, Any] = json.loads(next_trust(before, Changes(chain=chain, witnesses=witnesses)))
    return document


def require_own_chain(record: HomeRecord) -> None:
    """Raises: InputError(MIGRATE_DIRECTION)."""
    if rpc_record(record) is not None:
        raise InputError(
            "MIGRATE_DIRECTION",
            "This ledger is on a chain that others run already. It moves from a chain of its own to such a "
            "chain, never back and not from one such chain to another.",
        )


def put_away(home: Home, folder: Path) -> None:
    """The files of the old chain into their folder; those that are there already stay."""
    folder.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
    for name in _CHAIN_FILES:
        path = home.path / name
        if not path.exists():
            continue
        with closing(sqlite3.connect(path)) as database:
            database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        for suffix in _BESIDE:
            part = path.with_name(path.name + suffix)
            if part.exists():
                part.replace(folder / part.name)


def _insisting(step: Callable[[], None]) -> None:
    """A transaction of a run that was killed may still be under way and take a nonce: then look again."""
    for left in reversed(range(_RACES)):
        try:
            step()
        except RefusedError as error:
            if error.code != "NONCE_TOO_LOW" or not left:
                raise
        else:
            return


def _facts(info: ChainInfo) -> dict[str, Any]:
    return {
        "chain_id": info.chain_id,
        "ledger_id": "0x" + info.ledger_id.hex(),
        "registry": "0x" + info.registry.hex(),
        "ledger": "0x" + info.ledger.hex(),
    }


def _info(facts: Any) -> ChainInfo:
    """As `_facts` wrote it, and as set-up writes it for a chain of its own."""
    ledger_id, registry, ledger = (
        bytes.fromhex(str(facts[name]).removeprefix("0x")) for name in ("ledger_id", "registry", "ledger")
    )
    return ChainInfo(int(facts["chain_id"]), ledger_id, registry, ledger, b"", b"")
