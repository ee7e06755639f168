"""Set-up of an installation on contracts that somebody else deployed: another agency is root, we are admitted.

The trust file says which ledger it is; the contracts are recognised by their code and compared with it.
Set-up stops once our keys and papers are made (JOIN_WAITING) and goes on when the agency above has
admitted us with them. Steps can each run twice, as in bootstrap_init.
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace

from ledger.adapters.carrier import DirectCarrier
from ledger.adapters.chain_rpc.deploy import attach
from ledger.adapters.chain_rpc.finality import parse_finality
from ledger.adapters.chain_rpc.record import RpcRecord
from ledger.adapters.chain_rpc.sending import MemorySendings
from ledger.adapters.chain_view_follow import Follower
from ledger.adapters.chain_view_sql import SqlView
from ledger.adapters.home_files import Home, HomeRecord, write_file
from ledger.adapters.system import SystemClock
from ledger.bootstrap_chain import connect, rpc_record, view_kind
from ledger.bootstrap_init import Setup, SetupTools, require_divisions
from ledger.bootstrap_remote import LOOK_EVERY_S, PATIENCE_S
from ledger.core.errors import ConflictError, InputError
from ledger.core.model import ChainInfo, Role
from ledger.core.trust import Trust, load_trust_bytes
from ledger.ports import Chain, ContractCall
from ledger.services.registry import Registry, SignedAct


def join_setup(home: Home, wanted: HomeRecord | None, tools: SetupTools, trust: bytes) -> HomeRecord:
    """Join, or continue; twice has no further effect.

    Args:
        home: the data directory.
        wanted: the plan for a new installation, with a chain of others; None: one must have been begun.
        tools: see SetupTools.
        trust: the ledger's trust file, handed over in a trusted way.

    Raises:
        InputError: TRUST_*, JOIN_CHAIN without a chain of others.
        ConflictError: HOME_OTHER, CONTRACT_FOREIGN, JOIN_DIFFERS, JOIN_WAITING.
        NotFoundError: HOME_MISSING, CONTRACT_MISSING.
        UnavailableError: CHAIN_*.
    """
    believed = load_trust_bytes(trust)
    if wanted is not None:
        require_divisions(wanted)
        if rpc_record(wanted) is None:
            raise InputError("JOIN_CHAIN", "Name the ledger's nodes: --chain rpc:URL,URL.")
        if wanted.root.uscc == believed.root_issuer:
            raise ConflictError(
                "JOIN_DIFFERS", "The trust file's root agency founds a ledger; it joins none."
            )
    if not home.exists() and wanted is not None:
        home.create()
        home.save(wanted)
    found = home.load()
    if found.mode != believed.mode or (wanted is not None and found.root.uscc != wanted.root.uscc):
        raise ConflictError(
            "HOME_OTHER",
            f"{home.path} holds the {found.mode} installation of {found.root.uscc}, or the trust file is of "
            "another mode: choose another directory with --home.",
            path=str(home.path),
            mode=found.mode,
            issuer=found.root.uscc,
        )
    return JoinSetup(home, found, tools, believed, trust).run()


class JoinSetup(Setup):
    """One run over all steps.

    Args:
        home: the data directory.
        record: the plan.
        tools: see SetupTools.
        trust: of the ledger that is joined.
        text: the trust file itself.
    """

    def __init__(self, home: Home, record: HomeRecord, tools: SetupTools, trust: Trust, text: bytes) -> None:
        super().__init__(home, record, tools)
        self._trust = trust
        self._text = text

    def _make_ledgers_keys(self) -> None:
        """The ledger has them elsewhere."""

    def _run_chain(self) -> ChainInfo:
        remote = rpc_record(self._record)
        if remote is None:
            raise InputError("JOIN_CHAIN", "Name the ledger's nodes: --chain rpc:URL,URL.")
        if remote.place is None:
            chosen = self._recognise(remote)
            self._record = self._home.change(lambda record: replace(record, chain=chosen.to_json()))
            remote = chosen
        clock = SystemClock()
        with closing(connect(remote, clock, MemorySendings(), lambda _address: None)) as chain:
            require_same(self._trust, chain.info())
            self._tools.say("registry")
            self._take_office(
                chain, Registry(chain, DirectCarrier(chain, clock.sleep, PATIENCE_S, LOOK_EVERY_S))
            )
            with closing(SqlView(self._home.view_file, view_kind(self._record))) as view:
                Follower(chain, view, clock, "set-up").advance()
            return chain.info()

    def _recognise(self, remote: RpcRecord) -> RpcRecord:
        trust = self._trust
        with closing(remote.nodes(SystemClock())) as nodes:
            chain_id = nodes.agree(lambda node: node.chain_id())
            if chain_id != trust.chain_id:
                raise _differs("chain", chain_id, trust.chain_id)
            place = attach(
                nodes, chain_id, trust.registry.address, trust.ledger.address, parse_finality(remote.finality)
            )
        return replace(remote, place=place)

    def _take_office(self, chain: Chain, registry: Registry) -> None:
        """Once admitted with our two admins and our entry: our keys and people."""
        uscc = self._record.root.uscc
        admins = (self._chain_signer(uscc, "admin1"), self._chain_signer(uscc, "admin2"))
        if not registry.is_admitted(uscc) or not all(
            chain.read(
                ContractCall("registry", "hasRole", (uscc.encode("ascii"), one.signer_id, int(Role.ADMIN), 0))
            )
            for one in admins
        ):
            entry, authority = self._home.entry_file(uscc), self._home.pki / "root.der"
            addresses = ["0x" + one.address.hex() for one in admins]
            raise ConflictError(
                "JOIN_WAITING",
                f"The agency above has not admitted {uscc} with our admins yet. Send it {entry}, "
                f"{' and '.join(addresses)}, and {authority} for the next trust file; then run "
                "`ecert init --join` again.",
                issuer=uscc,
                entry=str(entry),
                admins=addresses,
                authority=str(authority),
            )
        registry.carry_out_all([SignedAct(act, *admins) for act in self._own_acts(registry, uscc)])

    def _write_trust(self, info: ChainInfo) -> None:
        del info  # compared before anything was sent
        if not self._home.trust_file.exists():
            write_file(self._home.trust_file, self._text, mode=0o644)


def require_same(trust: Trust, info: ChainInfo) -> None:
    """The contracts are those of the trust file. Raises: ConflictError(JOIN_DIFFERS)."""
    for name, found, wanted in (
        ("chain", info.chain_id, trust.chain_id),
        ("ledger id", info.ledger_id, trust.ledger_id),
        ("registry", info.registry_code_hash, trust.registry.code_hash),
        ("ledger", info.ledger_code_hash, trust.ledger.code_hash),
    ):
        if found != wanted:
            raise _differs(name, found, wanted)


def _differs(what: str, found: object, wanted: object) -> ConflictError:
    def shown(value: object) -> str:
        return "0x" + value.hex() if isinstance(value, bytes) else str(value)

    return ConflictError(
        "JOIN_DIFFERS",
        f"The nodes show another {what} than the trust file: {shown(found)}, not {shown(wanted)}.",
        what=what,
        found=shown(found),
        trusted=shown(wanted),
    )
