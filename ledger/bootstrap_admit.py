"""Admits one more agency to an installation: set-up's steps again, for this agency alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ledger.adapters.home_files import Agency, Home, HomeRecord
from ledger.bootstrap_init import Setup, SetupTools, known_refs, require_divisions
from ledger.bootstrap_work import is_chain_free
from ledger.core.errors import UnavailableError


def admit_agency(
    home: Home,
    tools: SetupTools,
    *,
    uscc: str,
    name_zh: str,
    name_en: str,
    iss: str,
    division: str,
    phone: str | None,
    types: Sequence[str],
    parent: str | None = None,
) -> HomeRecord:
    """One more agency under `parent` (default: the root): set-up's steps, which leave alone what is there.

    Raises:
        RefusedError: DEMO_DIVISION.
        NotFoundError: TYPE_NOT_HERE, HOME_MISSING.
        UnavailableError: CHAIN_LOCKED while a worker runs.
    """
    agency = Agency(
        uscc=uscc,
        name_zh=name_zh,
        name_en=name_en,
        iss=iss,
        division=division,
        phone=phone,
        types=known_refs(types),
        parent=parent or home.load().root.uscc,
    )
    home.load().agency(agency.parent or "")  # its admins' keys must be here

    def add(record: HomeRecord) -> HomeRecord:
        wanted = replace(record.with_agency(agency), ready=False)
        require_divisions(wanted)
        return wanted

    if not is_chain_free(home.path):
        raise UnavailableError(
            "CHAIN_LOCKED", "Stop the worker first: admitting an agency writes to the chain itself."
        )
    return Setup(home, home.change(add), tools, uscc).run()
