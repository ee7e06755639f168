"""An issuing desk over a flow world: the web's side, the worker's side and what the desk looks at."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import orjson

from ledger.adapters.intake_desk import SqlDesk
from ledger.adapters.intake_sheets import SheetFiles
from ledger.adapters.intake_store import SqlIntakes
from ledger.adapters.schema_rust import RustSchemaValidator
from ledger.adapters.store_sql import SqlStore
from ledger.adapters.system import SystemEntropy
from ledger.core.flow import JobKind
from ledger.core.intake import Intake
from ledger.services.checking import CheckService
from ledger.services.intake import IntakeService
from ledger.services.intake_work import IntakeWork
from ledger.services.issuing_desk import IssuingDesk
from ledger.services.records import KnownRecords
from tests.flow_world import ISSUER, TYPE_REF, ListTable, World, deposit_row, deposit_table

PERSON = 7


@dataclass
class IssuingOffice:
    """Everything about uploads in one world. `breathe`: what the worker does between two pieces."""

    world: World
    breathe: Callable[[], None] = lambda: None

    def __post_init__(self) -> None:
        world = self.world
        assert isinstance(world.store, SqlStore)
        self.book = SqlIntakes(world.store.database)
        self.sheets = SheetFiles(world.types)
        self.intake = IntakeService(
            self.book,
            world.store,
            KnownRecords(world.store.imports, world.view),
            world.vault,
            world.types,
            RustSchemaValidator,
            "demo",
            world.clock,
            SystemEntropy(),
            world.hooks,
            orjson.dumps,
        )
        self.work = IntakeWork(
            self.book,
            world.store.outbox,
            world.vault,
            self.sheets,
            CheckService(
                KnownRecords(world.store.imports, world.view),
                world.vault,
                RustSchemaValidator,
                world.clock,
                orjson.dumps,
            ),
            world.issue,
            world.types,
            "demo",
            world.clock,
            world.hooks,
            self.breathe,
        )
        self.desk = IssuingDesk(
            self.book,
            SqlDesk(world.store.database),
            world.store,
            world.vault,
            world.view,
            world.types,
            self.sheets,
            world.clock,
            orjson.loads,
        )
        world.add_handler(JobKind.IMPORT, self.work.run)

    def take(self, table: ListTable | bytes, name: str = "缴存.csv") -> Intake:
        """Hand a file in."""
        data = table if isinstance(table, bytes) else table.csv().encode()
        return self.intake.receive(ISSUER, TYPE_REF, data, name, PERSON)[0]

    def checked(self, table: ListTable | bytes) -> Intake:
        """Hand a file in and let the worker look at it."""
        found = self.take(table)
        self.world.work()
        return self.intake.intake(found.id)

    def import_all(self, table: ListTable | bytes, *, supersede: bool = False) -> Intake:
        """The whole way of a file until its batches wait for their maker."""
        found = self.checked(table)
        self.intake.submit(found.id, supersede=supersede)
        self.world.work()
        return self.intake.intake(found.id)


def spoiled(numbers: Sequence[int], bad: Sequence[int]) -> ListTable:
    """Rows of which some have a wrong check character."""
    table = deposit_table(numbers)
    cells = [list(deposit_row(number)) for number in numbers]
    for place, number in enumerate(numbers):
        if number in bad:
            value = cells[place][2]
            cells[place][2] = value[:-1] + ("0" if value[-1] != "0" else "1")
    table.cells = cells
    return table
