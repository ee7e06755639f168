"""A process that has everything imported and forks a fresh one per command, to be killed.

Commands come as JSON lines on standard input: {"home", "first", "last", "point", "nth", "supersede", "decide",
"print"}.
Each child is a real process that opens the installation, does the whole flow and may kill itself at a
point. Standard output tells "start PID", "claimed PID", "point PID NAME", "done PID", "exit PID STATUS".
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import signal
import sys
import traceback
from pathlib import Path
from typing import Any

from ledger.adapters.chain_rpc.chain import RpcChain
from ledger.adapters.system import ManualClock
from ledger.apps.working import open_work
from ledger.bootstrap import open_home
from ledger.bootstrap_migrate import Mover, plan_target
from ledger.core.flow import BatchState
from ledger.core.intake import IntakeState
from ledger.core.model import ReasonClass
from ledger.core.paper import PrintKind
from ledger.core.status import Status
from ledger.services.issue import IssuePlan
from ledger.services.kill_points import KillPoint
from ledger.services.status import Grounds
from ledger.settings import Settings
from tests.flow_world import START, TYPE_REF, World, chain_signer, deposit_table
from tests.intake_world import IssuingOffice, spoiled


def tell(*words: object) -> None:
    """One line, at once, in one write."""
    os.write(1, (" ".join(str(word) for word in words) + "\n").encode())


class KillAt:
    """Hooks that kill this process when a point is reached for the n-th time."""

    def __init__(self, point: str | None, nth: int) -> None:
        self._point = point
        self._left = nth

    def reach(self, point: KillPoint) -> None:
        if point is KillPoint.JOB_CLAIMED:
            tell("claimed", os.getpid())
        if point == self._point:
            self._left -= 1
            if self._left == 0:
                tell("point", os.getpid(), point)
                os.kill(os.getpid(), signal.SIGKILL)


def run(command: dict[str, Any]) -> None:
    """The whole flow over some rows, however far earlier processes came."""
    home = Path(command["home"])
    if command.get("move"):
        move(home, command)
        return
    if command.get("installed"):
        issue_here(home, command)
        return
    logging.basicConfig(filename=home / "worker.log", level=logging.INFO, force=True)
    hooks = KillAt(command.get("point"), command.get("nth", 1))
    world = World(home, ManualClock(START), hooks, owner="sealer")
    numbers = range(command["first"], command["last"])
    if command.get("intake"):
        take_in(world, numbers)
        world.close()
        return
    world.issue_all(deposit_table(numbers), max_batch=command["batch"], chunk=command["chunk"])
    if command.get("supersede"):
        changed = dict.fromkeys(numbers[:3], "1.00")
        world.issue_all(deposit_table(numbers, changed), supersede=True)
    if command.get("decide"):
        decide(world)
    if command.get("print"):
        print_all(world)
    world.close()


def move(home: Path, command: dict[str, Any]) -> None:
    """Move an installation to a node, killed when a step begins, or when so many transactions were handed over."""

    def say(step: str, _count: int) -> None:
        if step == command.get("step"):
            tell("point", os.getpid(), step)
            os.kill(os.getpid(), signal.SIGKILL)

    left = [command.get("sends", 0)]
    given = RpcChain.send

    def send(chain: RpcChain, raw: bytes) -> None:
        given(chain, raw)
        left[0] -= 1
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    RpcChain.send = send  # type: ignore[method-assign]  # reason: dies between two of its transactions
    mover = Mover(open_home(Settings(home)), (), (), say, look_every_s=0.02)
    mover.run(mover.plan(plan_target(command["move"], "immediate", None, 0)))


def issue_here(home: Path, command: dict[str, Any]) -> None:
    """Some rows through the worker of a real installation, however far earlier processes came."""
    here = open_home(Settings(home))
    issuer = command["installed"]
    maker, approver = (here.agencies.chain_signer(issuer, who) for who in ("maker", "approver"))
    with open_work(here, KillAt(command.get("point"), command.get("nth", 1))) as work:
        desk = work.bench.desk
        table = deposit_table(range(command["first"], command["last"]))
        plan = IssuePlan(issuer=issuer, credential_type=here.credential_type(TYPE_REF).type, mode="demo")
        report = desk.issue.import_rows(table, plan, table.digest)
        if report.job_id is not None and report.accepted:
            desk.issue.close_import(report.job_id)
        work.until_idle()
        for batch in here.store.batches.batches(issuer, states=(BatchState.SIGNED,)):
            desk.approve.make(batch.id, maker, approver.signer_id)
        for batch in here.store.batches.batches(issuer, states=(BatchState.MADE,)):
            desk.approve.approve(batch.id, approver)
        work.until_idle()


def print_all(world: World) -> None:
    """A whole batch and one more copy on paper, anchored: each once, however far earlier processes came."""
    world.documents.order_batch(1, language="zh", by="1")
    first = bytes.fromhex(min(world.bundles())[:32])
    world.documents.order(
        first, kind=PrintKind.FULL, language="en", by="1", document_id=hashlib.sha256(first).digest()[:16]
    )
    world.work()
    world.maker.collect(now=True)
    world.finish()


def take_in(world: World, numbers: range) -> None:
    """A file with one bad row from the desk to released bundles, however far earlier processes came."""
    office = IssuingOffice(world)
    found = office.take(spoiled([*numbers, numbers.stop], [numbers.stop]))
    world.work()
    if office.intake.intake(found.id).state is IntakeState.CHECKED:
        office.intake.submit(found.id)
    world.finish()
    office.work.tidy()


def decide(world: World) -> None:
    """Suspend two credentials, void two, withdraw a batch: each once, however far earlier processes came."""
    world.work()
    why = Grounds(ReasonClass.ADMINISTRATIVE)
    maker, approver = chain_signer("maker"), chain_signer("approver")
    by_batch: dict[int, list[bytes]] = {}
    for file in world.bundles():
        name = bytes.fromhex(file.split(".", maxsplit=1)[0])
        place = world.store.batches.place(name)
        if place is None:
            raise RuntimeError("a bundle of nobody")
        by_batch.setdefault(place.batch_id, []).append(name)
    pairs = list(zip(*(sorted(by_batch[batch]) for batch in sorted(by_batch)), strict=False))
    made = {case.status: case for case in world.status.cases().cases}
    if Status.SUSPENDED not in made:
        world.status.suspend(pairs[0], why)
        world.work()
    for status in (Status.VOID, None):
        case = made.get(status)
        if case is None and status is not None:
            case = world.status.make(pairs[1], status, why, maker, approver.signer_id)
        elif case is None:
            case = world.status.make_withdrawal(min(by_batch), why, maker, approver.signer_id)
        if case.state == "made":
            world.status.approve(case.id, approver)
        world.work()


def main() -> None:
    """Serve commands until standard input ends."""
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            status = 1
            try:
                tell("start", os.getpid())
                run(json.loads(line))
                tell("done", os.getpid())
                status = 0
            except BaseException:  # noqa: BLE001 - the parent sees the exit status and this text
                traceback.print_exc()
            finally:
                os._exit(status)
        _, status = os.waitpid(child, 0)
        tell("exit", child, os.waitstatus_to_exitcode(status))


if __name__ == "__main__":
    main()
