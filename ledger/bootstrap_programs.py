"""Wires standing approvals, single issues and API tokens over an installation."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import orjson

from ledger.adapters.glyphs_fonts import DrawableValidator
from ledger.adapters.program_pages import SqlPages
from ledger.adapters.signer_file import load_certificates
from ledger.adapters.singles_sql import SqlSingles
from ledger.adapters.store_database import Database
from ledger.adapters.store_sql import SqlStore
from ledger.adapters.tokens_sql import SqlTokens
from ledger.bootstrap import Installation
from ledger.core.errors import RefusedError
from ledger.core.standing import StandingAlarm, day_of
from ledger.ports import Chain, ChainView, Clock, ContractCall
from ledger.services.approve import ApproveService
from ledger.services.granting import RegistryView
from ledger.services.kill_points import Hooks
from ledger.services.on_demand import WINDOW_ROWS, OnDemandService
from ledger.services.standing import AskChain, StandingService
from ledger.services.tokens import TokenService

_log = logging.getLogger("ledger.standing")


def make_standing(
    here: Installation,
    view: ChainView,
    approve: ApproveService,
    hooks: Hooks | None = None,
    ask_chain: AskChain | None = None,
) -> StandingService:
    """Standing approvals of an installation; see StandingService."""
    return StandingService(
        here.store,
        view,
        approve,
        here.agencies,
        here.clock,
        here.entropy,
        hooks,
        ask_chain,
        _tell,
    )


def ask_contract(chain: Chain, clock: Clock) -> Callable[[bytes], tuple[int, int, int]]:
    """How the contract counts today's use."""

    def ask(standing_id: bytes) -> tuple[int, int, int]:
        if day_of(chain.head().time) != day_of(clock.now()):
            return (0, 0, 0)  # a view is asked as of the newest block: it would answer for that day
        try:
            anchored, superseded, used = chain.read(ContractCall("ledger", "standingUsed", (standing_id,)))
        except RefusedError as error:
            if error.code != "LedgerUnknownStanding":
                raise
            return (0, 0, 0)
        return (int(anchored), int(superseded), int(used))

    return ask


def _tell(alarm: StandingAlarm) -> None:
    _log.warning(
        "unusual use of a standing approval",
        extra={
            "issuer": alarm.issuer,
            "type_id": alarm.type_id,
            "leaves": alarm.leaves,
            "usual": alarm.usual,
        },
    )


@dataclass(frozen=True, slots=True)
class Certificates:
    """Certificates without their key."""

    x5c: tuple[bytes, ...]


@dataclass
class ProgramsRoom:
    """What programs use: tokens, single issues, standing approvals.

    Args:
        here: the installation.
        view: for reading.
        standing: standing approvals as a reader of the chain sees them.
        hooks: told about kill points.
    """

    here: Installation
    view: RegistryView
    standing: StandingService
    hooks: Hooks | None = None

    @cached_property
    def tokens(self) -> TokenService:
        """API tokens."""
        return open_tokens(self.here)

    @cached_property
    def pages(self) -> SqlPages:
        """Lists, a page at a time."""
        return SqlPages(database_of(self.here))

    @cached_property
    def on_demand(self) -> OnDemandService:
        """Single issues; needs the key store, no key of an agency."""
        here = self.here
        return OnDemandService(
            here.store,
            SqlSingles(database_of(here), WINDOW_ROWS),
            here.vault,
            self.view,
            self._certificates,
            DrawableValidator,
            here.clock,
            here.entropy,
            self.hooks,
            dumps=orjson.dumps,
        )

    def _certificates(self, issuer: str) -> Certificates:
        return Certificates(load_certificates(self.here.agencies.uri(issuer, "credential")))


def open_tokens(here: Installation) -> TokenService:
    """API tokens of an installation."""
    return TokenService(SqlTokens(database_of(here)), here.clock, here.entropy)


def database_of(here: Installation) -> Database:
    """The database of the store."""
    store = here.store
    if not isinstance(store, SqlStore):
        raise TypeError("an installation keeps its business data in SQL")
    return store.database
