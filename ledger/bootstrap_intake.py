"""Wires the issuing desk: what the web calls, and what the worker does with uploads."""

from __future__ import annotations

import orjson

from ledger.adapters.glyphs_fonts import DrawableValidator
from ledger.adapters.intake_desk import SqlDesk
from ledger.adapters.intake_sheets import SheetFiles
from ledger.adapters.intake_store import SqlIntakes
from ledger.adapters.store_sql import SqlStore
from ledger.bootstrap import Installation
from ledger.core.credential_type import CredentialType
from ledger.ports import Store
from ledger.services.checking import CheckService
from ledger.services.intake import IntakeService
from ledger.services.intake_work import IntakeWork
from ledger.services.issue import IssueService
from ledger.services.issuing_desk import IssuingDesk
from ledger.services.kill_points import Hooks
from ledger.services.records import KnownRecords


def open_intake(here: Installation, hooks: Hooks | None = None) -> IntakeService:
    """Takes files and forms; opens the vault.

    Raises: RefusedError(PASSWORD_NEEDED).
    """
    return IntakeService(
        SqlIntakes(sql_store(here.store).database),
        here.store,
        KnownRecords(here.store.imports, here.view),
        here.vault,
        known_types(here),
        DrawableValidator,
        here.record.mode,
        here.clock,
        here.entropy,
        hooks,
        orjson.dumps,
    )


def open_issuing_desk(here: Installation) -> IssuingDesk:
    """Batches, rows, figures and search; opens the vault.

    Raises: RefusedError(PASSWORD_NEEDED).
    """
    database = sql_store(here.store).database
    types = known_types(here)
    return IssuingDesk(
        SqlIntakes(database),
        SqlDesk(database),
        here.store,
        here.vault,
        here.view,
        types,
        SheetFiles(types),
        here.clock,
        orjson.loads,
    )


def open_intake_work(here: Installation, issue: IssueService, hooks: Hooks | None = None) -> IntakeWork:
    """What a worker does with uploads; opens the vault."""
    types = known_types(here)
    return IntakeWork(
        SqlIntakes(sql_store(here.store).database),
        here.store.outbox,
        here.vault,
        SheetFiles(types),
        CheckService(
            KnownRecords(here.store.imports, here.view),
            here.vault,
            DrawableValidator,
            here.clock,
            orjson.dumps,
        ),
        issue,
        types,
        here.record.mode,
        here.clock,
        hooks,
    )


def known_types(here: Installation) -> dict[str, CredentialType]:
    """Every credential type by its ref."""
    return {loaded.type.ref: loaded.type for loaded in here.types.all()}


def sql_store(store: Store) -> SqlStore:
    """The store with its database, whose tables the rooms of the web share."""
    if not isinstance(store, SqlStore):
        message = "the web's rooms want the store over SQL"
        raise TypeError(message)
    return store
