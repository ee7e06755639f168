"""Wires standing approvals, single issues and API tokens over an installation."""

from __future__ import annotations

import logging
from collections.abc import Callable

from ledger.bootstrap import Installation
from ledger.core.errors import RefusedError
from ledger.core.standing import StandingAlarm
from ledger.ports import Chain, ChainView, ContractCall
from ledger.services.approve import ApproveService
from ledger.services.kill_points import Hooks
from ledger.services.standing import AskChain, StandingService

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


def ask_contract(chain: Chain) -> Callable[[bytes], tuple[int, int, int]]:
    """How the contract counts today's use."""

    def ask(standing_id: bytes) -> tuple[int, int, int]:
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
