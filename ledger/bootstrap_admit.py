"""Admits one more agency to an installation: set-up's steps again, for this agency alone.

Until the last step is done the installation is what it was: whoever is interrupted, or mistaken, runs the
command again, and everybody else works on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ledger.adapters.home_files import Agency, Home, HomeRecord
from ledger.bootstrap import Installation
from ledger.bootstrap_init import Setup, SetupTools, known_refs, require_divisions
from ledger.bootstrap_work import is_chain_free
from ledger.core.directory import parse_directory_entry
from ledger.core.errors import ConflictError, NotFoundError, UnavailableError
from ledger.services.granting import require_grant
from ledger.services.refusals import refusal

DEEPEST = 5  # RegistryState


def require_admissible(here: Installation, uscc: str, parent: str | None, types: Sequence[str]) -> None:
    """Refuse what the contract would refuse, before keys and papers are made.

    Args:
        here: the installation.
        uscc: of the agency to be admitted; admitted under this parent already: all is well.
        parent: who admits it; None: the root.
        types: what it is to issue.

    Raises:
        NotFoundError: ISSUER_NOT_HERE, ISSUER_UNKNOWN, TYPE_NOT_HERE.
        RefusedError: RegistryIssuerExists, RegistryDissolved, RegistryTooDeep, TYPE_NOT_GRANTED.
    """
    by = here.record.agency(parent or here.record.root.uscc).uscc  # its admins' keys must be here
    records = {record.issuer: record for record in here.view.issuers()}
    above, known = records.get(by), records.get(uscc)
    if above is None:
        raise NotFoundError("ISSUER_UNKNOWN", f"{by} is not on this ledger.", issuer=by)
    if known is not None and known.parent != by:
        raise refusal("admitIssuer", "RegistryIssuerExists", (uscc.encode("ascii"),))
    if above.dissolved_at is not None:
        raise refusal("admitIssuer", "RegistryDissolved", (by.encode("ascii"), above.dissolved_at))
    if above.level >= DEEPEST:
        raise refusal("admitIssuer", "RegistryTooDeep", (by.encode("ascii"), above.level + 1))
    if above.parent is None:
        return  # what the root lacks, it grants itself on the way
    for ref in known_refs(types):
        type_id = here.type_id(here.credential_type(ref).type)
        require_grant(here.view, by, type_id, ref, here.clock.now())


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
        ConflictError: HOME_NOT_READY, AGENCY_DIFFERS.
        NotFoundError: TYPE_NOT_HERE, HOME_MISSING.
        UnavailableError: CHAIN_LOCKED while a worker runs.
    """
    record = home.load_ready()
    had = next((agency.types for agency in record.agencies if agency.uscc == uscc), ())
    agency = Agency(
        uscc=uscc,
        name_zh=name_zh,
        name_en=name_en,
        iss=iss,
        division=division,
        phone=phone,
        types=tuple(dict.fromkeys((*had, *known_refs(types)))),
        parent=parent or record.root.uscc,
    )
    wanted = replace(record.with_agency(agency), ready=False)
    require_divisions(wanted)
    _require_same(home, agency)
    if not is_chain_free(home.path):
        raise UnavailableError(
            "CHAIN_LOCKED", "Stop the worker first: admitting an agency writes to the chain itself."
        )
    return Setup(home, wanted, tools, uscc).run()


def _require_same(home: Home, agency: Agency) -> None:
    """Papers that were made are not made again: they must say what is asked for now."""
    text = home.entry(agency.uscc)
    if text is None:
        return
    entry = parse_directory_entry(text)
    made = (entry.name["zh"], entry.name["en"], entry.iss, entry.division, agency.phone and entry.phone)
    if made != (agency.name_zh, agency.name_en, agency.iss, agency.division, agency.phone):
        raise ConflictError(
            "AGENCY_DIFFERS",
            f"The papers of {agency.uscc} are made already and say otherwise ({entry.name['zh']}, {entry.iss}, "
            f"{entry.division}): admit it with the same words, then change them with `ecert directory publish`.",
            issuer=agency.uscc,
            name=entry.name["zh"],
            iss=entry.iss,
            division=entry.division,
        )
