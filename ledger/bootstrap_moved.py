"""What an installation remembers of ledgers that were moved to where it is now."""

from __future__ import annotations

from collections.abc import Mapping

from ledger.adapters.home_files import Home, HomeRecord
from ledger.bootstrap_chain import chain_info
from ledger.core.errors import ConflictError


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
