"""Set-up of an installation on a chain that others run; steps that can each run twice."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ledger.adapters.carrier import DirectCarrier
from ledger.adapters.founding import Founding
from ledger.adapters.home_files import Home, HomeRecord
from ledger.adapters.system import SystemClock
from ledger.bootstrap_chain import connect, rpc_record, view_kind
from ledger.core.model import ChainInfo
from ledger.ports import Carrier, Chain, ChainSigner, Entropy

if TYPE_CHECKING:
    from ledger.adapters.chain_rpc.record import RpcRecord

PATIENCE_S = 1_800.0  # finality may want many blocks
LOOK_EVERY_S = 0.5
LEDGER_ID_BYTES = 32


def plan_remote(chain: str, finality: str, quorum: int | None, ceiling_gwei: int) -> Mapping[str, Any]:
    """`--chain rpc:URL,URL` for plan_production.

    Raises:
        InputError: CHAIN_URL, CHAIN_FINALITY, CHAIN_QUORUM.
    """
    from ledger.adapters.chain_rpc.record import plan_chain

    return plan_chain(chain, finality, quorum, ceiling_gwei).to_json()


@dataclass(frozen=True, slots=True)
class RemoteSite:
    """Where the contracts go and who founds them.

    Args:
        home: keeps the place, before anything is sent there.
        entropy: gives the ledger id.
        governance: deploys, and governs afterwards.
        founding: goes into the registry's constructor.
    """

    home: Home
    entropy: Entropy
    governance: ChainSigner
    founding: Founding

    def choose(self, remote: RpcRecord) -> HomeRecord:
        """The record with a place on the chain; chosen already: as it is.

        Raises:
            UnavailableError: CHAIN_UNAVAILABLE, CHAIN_DISAGREES.
        """
        from ledger.adapters.chain_rpc.deploy import choose_place

        if remote.place is not None:
            return self.home.load()
        ledger_id = self.entropy.token(LEDGER_ID_BYTES)
        chosen = choose_place(remote, SystemClock(), self.governance.address, ledger_id)
        return self.home.change(lambda record: replace(record, chain=chosen.to_json()))

    def build(
        self, record: HomeRecord, govern: Callable[[Chain, Carrier], None], say: Callable[[str], None]
    ) -> ChainInfo:
        """Contracts at their place, recognised by their code; registry as planned; a first view.

        Raises:
            RefusedError: DEPLOY_FAILED.
            ConflictError: CONTRACT_FOREIGN.
            UnavailableError: CHAIN_*.
        """
        from ledger.adapters.chain_rpc.deploy import attach, deploy_contracts
        from ledger.adapters.chain_rpc.finality import parse_finality
        from ledger.adapters.chain_rpc.sending import MemorySendings
        from ledger.adapters.chain_view_follow import Follower
        from ledger.adapters.chain_view_sql import SqlView

        remote = rpc_record(record)
        if remote is None:
            raise RuntimeError("a place has been chosen")
        clock, place = SystemClock(), remote.need_place()
        with closing(connect(remote, clock, MemorySendings(), lambda _address: None)) as chain:
            deploy_contracts(chain, clock, self.governance, self.founding)
            attach(chain.nodes, place.chain_id, place.registry, place.ledger, parse_finality(remote.finality))
            say("registry")
            govern(chain, DirectCarrier(chain, clock.sleep, PATIENCE_S, LOOK_EVERY_S))
            with closing(SqlView(self.home.view_file, view_kind(record))) as view:
                Follower(chain, view, clock, "set-up").advance()
            return chain.info()
