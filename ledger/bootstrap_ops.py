"""Wires what keeps an installation running: limits, the web's log, its metrics token."""

from __future__ import annotations

import stat
from pathlib import Path

from ledger.adapters import logs
from ledger.adapters.counters_database import CountersDatabase
from ledger.adapters.home_files import Home
from ledger.adapters.limits_sql import SqlLimits
from ledger.bootstrap import Installation
from ledger.core.errors import InputError
from ledger.core.limits import RULES, LimitKind, flowing
from ledger.ports import Entropy, Limits
from ledger.services.audit import AuditService
from ledger.settings import Settings

SHORTEST_TOKEN = 20
OTHERS = stat.S_IRWXG | stat.S_IRWXO


def open_limits(counters: CountersDatabase, settings: Settings, entropy: Entropy) -> Limits:
    """The limits of an installation; their database is opened with the first question."""
    rules = {**RULES, LimitKind.CHECK: flowing(settings.checks_per_minute)}
    return SqlLimits(counters, entropy, rules)


def log_web_to(home: Home) -> None:
    """Send what the web has to say to `logs/web.log`."""
    logs.log_to(home.logs, "web.log", ("ledger", "web"))


def metrics_token(settings: Settings) -> str | None:
    """The token that reads /metrics from another machine, None when there is none.

    Raises:
        InputError: METRICS_TOKEN_BROKEN.
    """
    path = settings.metrics_token_path
    if path is None:
        return None
    try:
        is_open = path.stat().st_mode & OTHERS
        token = path.read_text("ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise _broken(path) from error
    if is_open or len(token) < SHORTEST_TOKEN:
        raise _broken(path)
    return token


def _broken(path: Path) -> InputError:
    return InputError(
        "METRICS_TOKEN_BROKEN",
        f"{path} must be readable by its owner only and hold at least {SHORTEST_TOKEN} characters.",
        path=str(path),
    )


def command_audit(here: Installation) -> AuditService:
    """The audit log for a command line: nobody is logged in, counters are not asked."""
    from ledger.bootstrap_people import open_people

    limits = open_limits(CountersDatabase(here.home.counters_file, here.clock), here.settings, here.entropy)
    return open_people(here, None, limits).audit
