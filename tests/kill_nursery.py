"""A process that has everything imported and forks a fresh one per command, to be killed.

Commands come as JSON lines on standard input: {"home", "first", "last", "point", "nth", "supersede"}.
Each child is a real process that opens the installation, does the whole flow and may kill itself at a
point. Standard output tells "start PID", "claimed PID", "point PID NAME", "done PID", "exit PID STATUS".
"""

from __future__ import annotations

import json
import logging
import os
import signal
import sys
import traceback
from pathlib import Path
from typing import Any

from ledger.adapters.system import ManualClock
from ledger.services.kill_points import KillPoint
from tests.flow_world import START, World, deposit_table


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
    logging.basicConfig(filename=home / "worker.log", level=logging.INFO, force=True)
    hooks = KillAt(command.get("point"), command.get("nth", 1))
    world = World(home, ManualClock(START), hooks, owner="sealer")
    numbers = range(command["first"], command["last"])
    world.issue_all(deposit_table(numbers), max_batch=command["batch"], chunk=command["chunk"])
    if command.get("supersede"):
        changed = dict.fromkeys(numbers[:3], "1.00")
        world.issue_all(deposit_table(numbers, changed), supersede=True)
    world.close()


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
