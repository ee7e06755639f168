"""A move of the ledger to another chain: the plan while it lasts, and what is remembered of it afterwards."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ledger.adapters.home_files import Home, HomeRecord, write_file
from ledger.bootstrap_chain import chain_info
from ledger.core.errors import ConflictError, InputError, NotFoundError

if TYPE_CHECKING:
    from ledger.adapters.chain_rpc.record import RpcRecord

_VERSION = 1


@dataclass(frozen=True, slots=True)
class Plan:
    """What `migration.json` says.

    Attributes:
        chain: the new chain, with the place of its contracts.
        decided_at: the moment that grants are judged at.
        closing: the old ledger is being, or has been, handed over: no way back.
        opened: the new ledger is open; the old chain is not needed any more.
    """

    chain: RpcRecord
    decided_at: int
    closing: bool = False
    opened: bool = False


def keep_plan(home: Home, plan: Plan) -> Plan:
    """Write the plan down; returns it."""
    value = {
        "version": _VERSION,
        "chain": plan.chain.to_json(),
        "decided_at": plan.decided_at,
        "closing": plan.closing,
        "opened": plan.opened,
    }
    write_file(home.migration_file, (json.dumps(value, indent=1) + "\n").encode())
    return plan


def load_plan(home: Home) -> Plan | None:
    """The move that was begun, None when there is none. Raises: InputError(HOME_BROKEN)."""
    from ledger.adapters.chain_rpc.record import parse_record

    try:
        value: dict[str, Any] = json.loads(home.migration_file.read_bytes())
        if value["version"] != _VERSION:
            raise InputError("HOME_BROKEN", f"{home.migration_file} is not of this version of ecert.")
        chain = parse_record(value["chain"])
        if chain is None:
            raise TypeError("the chain is not one of nodes")
        return Plan(chain, int(value["decided_at"]), bool(value["closing"]), bool(value["opened"]))
    except FileNotFoundError:
        return None
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise InputError("HOME_BROKEN", f"{home.migration_file} is not readable: {error!r}.") from error


def give_up(home: Home) -> None:
    """Give up a move: the ledger goes on where it was. What lies on the new chain is never opened.

    Raises: NotFoundError(MIGRATE_NONE), ConflictError(MIGRATE_TOO_LATE).
    """
    plan = load_plan(home)
    if plan is None:
        raise NotFoundError("MIGRATE_NONE", "No move was begun here.")
    if plan.closing:
        raise ConflictError(
            "MIGRATE_TOO_LATE", "The old ledger is closed already: only `ecert migrate` helps, it goes on."
        )
    home.migration_file.unlink()


def require_settled(home: Home) -> None:
    """Refuses to seal or send while the ledger is being moved. Raises: ConflictError(MIGRATING)."""
    if home.migration_file.exists():
        raise ConflictError(
            "MIGRATING",
            f"The ledger in {home.path} is being moved to another chain: finish it with `ecert migrate`, "
            "or give it up with `ecert migrate --abandon`.",
            path=str(home.path),
        )


def earlier_lists(record: HomeRecord) -> Mapping[bytes, Mapping[str, int]]:
    """Each earlier ledger's id with the number of every agency's newest status list there."""
    return {
        bytes.fromhex(str(one["ledger_id"]).removeprefix("0x")): dict(one["lists"]) for one in record.previous
    }


def installation_id(home: Home, record: HomeRecord) -> bytes:
    """The ledger that the installation began with, 32 bytes: what erasures and backups are named by, for life."""
    if record.previous:
        return bytes.fromhex(str(record.previous[0]["ledger_id"]).removeprefix("0x"))
    return chain_info(home, record).ledger_id
