"""A small installation whose service key is a maker, with ways to register and revoke standing approvals."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

from ledger.adapters.carrier import DirectCarrier
from ledger.adapters.schema_rust import RustSchemaValidator
from ledger.adapters.singles_sql import SqlSingles
from ledger.adapters.store_sql import SqlStore
from ledger.adapters.system import ManualClock, SystemEntropy
from ledger.apps.worker import Handler
from ledger.bootstrap_programs import ask_contract
from ledger.core.eip712 import ecdsa_signature
from ledger.core.flow import JobKind, Lease
from ledger.core.model import Role
from ledger.core.standing import StandingAlarm
from ledger.services.kill_points import Hooks, NoHooks
from ledger.services.on_demand import OnDemandService, Window
from ledger.services.registry import Registry
from ledger.services.standing import StandingService
from tests.flow_world import HEADER, ISSUER, START, World, chain_signer, deposit_row, found


def found_with_service(folder: Path) -> None:
    """As flow_world.found, and the service key may make batches."""
    clock = ManualClock(START)
    found(folder, clock)
    world = World(folder, clock)
    registry = Registry(world.chain, DirectCarrier(world.chain, pause=world.pause))
    acts = registry.missing_role(ISSUER, chain_signer("service").signer_id, Role.MAKER, clock.now())
    registry.carry_out(acts, chain_signer("admin1"), chain_signer("admin2"))
    world.follower.advance()
    world.close()


def copy_of(template: Path, folder: Path) -> Path:
    """A copy to change."""
    shutil.copytree(template, folder)
    return folder


def deposit_fields(number: int, balance: str = "") -> Mapping[str, str]:
    """One row that names its columns."""
    return dict(zip(HEADER, deposit_row(number, balance), strict=True))


class StandingWorld(World):
    """World with standing approvals and single issues, as the worker has them."""

    def __init__(self, folder: Path, clock: ManualClock, hooks: Hooks | None = None) -> None:
        super().__init__(folder, clock, hooks or NoHooks(), owner="sealer")

    def __post_init__(self) -> None:
        self.alarms: list[StandingAlarm] = []
        super().__post_init__()
        assert isinstance(self.store, SqlStore)
        entropy = SystemEntropy()
        self.standing = StandingService(
            self.store,
            self.view,
            self.approve,
            self.agencies,
            self.clock,
            entropy,
            self.hooks,
            ask_contract(self.chain, self.clock),
            self.alarms.append,
        )
        self.singles = self.new_singles()
        self.window = Window(self.store.batches, self.issue, self.clock, window_s=0)

    def new_singles(self) -> OnDemandService:
        """As one more process of the web has it."""
        assert isinstance(self.store, SqlStore)
        return OnDemandService(
            self.store,
            SqlSingles(self.store.database, 100),
            self.vault,
            self.view,
            self.agencies.credential_signer,
            RustSchemaValidator,
            self.clock,
            SystemEntropy(),
            self.hooks,
        )

    def make_handlers(self) -> dict[JobKind, Handler]:
        return {**super().make_handlers(), JobKind.ROOT: self._root}

    def _root(self, lease: Lease) -> None:
        self.signing.root(lease)
        self.standing.sanction(self.store.batches.batch(lease.job.payload["batch"]))

    def tidy(self) -> bool:
        sent = self.status.resend() > 0
        return bool(self.window.close_due() + self.standing.sanction_waiting()) or sent

    def register(self, **terms: int) -> bytes:
        """A standing approval by the approver's own signature, on chain when this returns."""
        values = {"type_id": 1, "anchor_limit": 100, **terms}
        type_id = values.pop("type_id")
        draft = self.standing.draft(ISSUER, type_id, approver=chain_signer("approver").signer_id, **values)
        digest = self.standing.digest(draft)
        signature = ecdsa_signature(chain_signer("approver").sign_digest(digest))
        standing_id = self.standing.register(draft, signature)
        self.work()
        return standing_id

    def revoke(self, standing_id: bytes, who: str = "approver") -> None:
        signer = chain_signer(who)
        wanted = self.standing.revocation(standing_id, ISSUER, signer.signer_id)
        digest = self.standing.revocation_digest(wanted)
        self.standing.revoke(wanted, ecdsa_signature(signer.sign_digest(digest)))
        self.work()

    def single(self, number: int, balance: str = "", **changes: object) -> bytes:
        """One row, durable; its name."""
        (result,) = self.singles.issue(self.plan(**changes), [deposit_fields(number, balance)])
        return result.name
