"""Wires erasure over an installation, and what the worker does after a restore."""

from __future__ import annotations

from functools import partial

from ledger.adapters.erasure_list import FILE_NAME
from ledger.adapters.erasure_targets import ErasureBookFiles, SqlErasureTargets, remove_files
from ledger.adapters.vitals_sql import SqlVitals
from ledger.bootstrap import Installation
from ledger.bootstrap_backup import REBUILD_MARK
from ledger.bootstrap_moved import installation_id
from ledger.bootstrap_work import Desk
from ledger.core.flow import BatchState
from ledger.services.audit import AuditService
from ledger.services.erasure import ErasureService


def open_erasure(here: Installation, audit: AuditService) -> ErasureService:
    """The service; needs the key store's password."""
    ledger_id = installation_id(here.home, here.record)
    places = [f"{folder}/{FILE_NAME}" for folder in SqlVitals(here.store.database).backup_places()]
    places += [str(path) for path in here.settings.erasure_paths]
    return ErasureService(
        SqlErasureTargets(here.store.database),
        ErasureBookFiles(here.home, ledger_id, places),
        here.vault,
        partial(remove_files, here.home),
        audit.note,
        here.clock,
    )


def finish_erasures(here: Installation) -> int:
    """Destroy keys that are on the list and came back, by a power cut or a restore; how many."""
    ledger_id = installation_id(here.home, here.record)
    noted = ErasureBookFiles(here.home, ledger_id, ()).noted()
    if not noted:
        return 0
    done = {name for name, _ in here.vault.erasures()}
    return sum(here.vault.erase([name], at) for name, at in noted if name not in done)


def rebuild_released(desk: Desk) -> bool:
    """After a restore: write out the bundles of one batch; false when all are there, or none was restored."""
    mark = desk.here.home.path / REBUILD_MARK
    if not mark.exists():
        return False
    for batch in desk.here.store.batches.batches(states=(BatchState.RELEASED,)):
        if desk.export.write_again(batch):
            return True
    mark.unlink(missing_ok=True)
    return False
