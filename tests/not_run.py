"""Pytest plugin: what lacks its tool is listed as NOT RUN directly above the last line.

A test marked `needs("chromium")` on a machine without chromium is taken out of the run, named at the
very end with the reason, and makes the exit status 1 where `CI` is set. A skip is listed the same
way, so that nothing can hide behind one. Works with and without pytest-xdist: the workers collect,
the controller reports.
"""

from __future__ import annotations

import os
from collections.abc import Generator
from typing import Any

import pytest

from tests import needs

NOT_RUN = pytest.StashKey[dict[str, str]]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[NOT_RUN] = {}
    if config.pluginmanager.hasplugin("xdist"):
        config.pluginmanager.register(_Controller(config), "not-run-controller")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    kept, dropped = [], []
    for item in items:
        tools = [tool for mark in item.iter_markers("needs") for tool in mark.args]
        reasons = [reason for tool in tools if (reason := needs.missing(tool))]
        if reasons:
            config.stash[NOT_RUN][item.nodeid] = "; ".join(dict.fromkeys(reasons))
            dropped.append(item)
        else:
            kept.append(item)
    if dropped:
        items[:] = kept
        config.hook.pytest_deselected(items=dropped)


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.skipped and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        _skipped[report.nodeid] = reason


_skipped: dict[str, str] = {}


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    config = session.config
    listed = config.stash[NOT_RUN]
    worker_output: dict[str, Any] | None = getattr(config, "workeroutput", None)
    if worker_output is not None:
        worker_output["not_run"] = dict(listed)
        return
    listed.update(_skipped)
    if not listed:
        return
    if os.environ.get("CI"):
        session.exitstatus = exitstatus or pytest.ExitCode.TESTS_FAILED
    elif exitstatus == pytest.ExitCode.NO_TESTS_COLLECTED:
        session.exitstatus = pytest.ExitCode.OK


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> Generator[None, None, None]:
    yield
    listed = config.stash[NOT_RUN]
    if not listed:
        return
    strict = " (CI is set: this fails the run)" if os.environ.get("CI") else ""
    terminalreporter.section(f"NOT RUN: {len(listed)}{strict}", yellow=True)
    for nodeid, reason in sorted(listed.items()):
        terminalreporter.write_line(f"NOT RUN {nodeid}: {reason}", yellow=True)


class _Controller:
    """Gathers what each worker process took out."""

    def __init__(self, config: pytest.Config) -> None:
        self._listed = config.stash[NOT_RUN]

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any, error: object) -> None:
        del error
        self._listed.update(getattr(node, "workeroutput", {}).get("not_run", {}))
