"""Pytest plugin: tests of one group, and tests of one file, run on one worker of pytest-xdist, one after another.

`xdist_group` alone does nothing here: xdist 3.8 writes the group behind `item._nodeid`, a name that
pytest 9.2 does not read any more, so that every test was a unit of its own, fixtures of modules and
of the session were made on each worker, and tests of one file ran beside each other. The group is
written behind the name that counts; what has no group goes with its file.
"""

from __future__ import annotations

from collections.abc import Iterable

import pytest


def keep_together(config: pytest.Config, items: Iterable[pytest.Item]) -> None:
    """Write each item's group behind its name, in a worker under `--dist loadgroup`."""
    if not config.getoption("loadgroup", default=False):
        return
    for item in items:
        names = sorted({str(mark.args[0]) for mark in item.iter_markers("xdist_group")})
        if names and item.parent is not None and "@" not in item.nodeid.rpartition("]")[2]:
            item._id = item.parent.id.child(f"{item.name}@{'_'.join(names)}")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> object:
    """Ours for `--dist loadgroup`; None: xdist's own."""
    if config.getoption("dist") != "loadgroup":
        return None
    from xdist.scheduler import LoadGroupScheduling

    class Together(LoadGroupScheduling):  # type: ignore[misc]  # xdist is there only where it is used
        def _split_scope(self, nodeid: str) -> str:
            scope = str(super()._split_scope(nodeid))
            return nodeid.split("::", 1)[0] if scope == nodeid else scope

    return Together(config, log)
