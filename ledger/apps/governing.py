"""Acts of two admins from the command line: through the chain if it is free, else through the outbox."""

from __future__ import annotations

from collections.abc import Sequence

from ledger.apps.cli_open import chain_key, role_holders
from ledger.apps.working import work_or_wait
from ledger.bootstrap import Installation
from ledger.bootstrap_init import LEAF_YEARS, YEAR_S
from ledger.bootstrap_keys import certify
from ledger.bootstrap_work import GrantFacts, issuer_facts, open_desk
from ledger.core.eip712 import registry_domain
from ledger.core.errors import NotFoundError
from ledger.core.flow import DAY_S
from ledger.core.model import KeyRecord, Purpose, Role
from ledger.services.carry import OutboxCarrier
from ledger.services.registry import FOREVER, Act, Registry


def govern(here: Installation, by: str, acts: Sequence[Act], admins: tuple[str, str]) -> None:
    """Propose with the first admin's key, accept with the second's; returns when it is final.

    Raises:
        RefusedError: SAME_ADMIN, or the contract's error.
        UnavailableError: WORKER_SLOW.
    """
    desk = open_desk(here)
    info = desk.info
    carrier = OutboxCarrier(
        here.store,
        by,
        registry_domain(info.chain_id, info.registry, info.ledger_id),
        here.clock,
        here.entropy,
        lambda is_done: work_or_wait(here, is_done),
    )
    proposer, accepter = (chain_key(here, admin) for admin in admins)
    Registry(desk.reader, carrier).carry_out(acts, proposer, accepter)


def register_key(
    here: Installation,
    issuer: str,
    uri: str,
    purpose: Purpose,
    admins: tuple[str, str],
    *,
    until: int | None,
    authority: str | None,
) -> int:
    """Certify, register and take into use one P-256 key; its number. Twice has no further effect."""
    agency = here.record.agency(issuer)
    signer = certify(here, agency, uri, authority, is_seal=purpose is Purpose.SEAL)
    if _number(here, issuer, signer.thumbprint) is None:
        now = here.clock.now()
        end = until or now + LEAF_YEARS * YEAR_S
        issuer_id = issuer.encode("ascii")
        act = Act("registerKey", (issuer_id, issuer_id, signer.thumbprint, int(purpose), now, end))
        govern(here, issuer, [act], admins)
    if purpose in (Purpose.CREDENTIAL, Purpose.STATUS, Purpose.SEAL):
        here.use_key(issuer, purpose.name.lower(), uri)
    number = _number(here, issuer, signer.thumbprint)
    if number is None:
        raise RuntimeError("a registered key is in the view")
    return number


def retire_key(here: Installation, issuer: str, number: int, admins: tuple[str, str], at: int | None) -> None:
    """End a key's interval; ended earlier already: no effect."""
    end = here.clock.now() if at is None else at
    if _key(here, issuer, number).valid_until > end:
        issuer_id = issuer.encode("ascii")
        govern(here, issuer, [Act("retireKey", (issuer_id, issuer_id, number, end))], admins)


def compromise_key(here: Installation, issuer: str, number: int, admins: tuple[str, str], since: int) -> None:
    """Break what the key signed since; reported for an earlier time already: no effect.

    People name a day, which begins before a key that was registered on that day: then it is all its life.
    """
    key = _key(here, issuer, number)
    start = max(since, key.valid_from)
    if key.compromised_since is None or key.compromised_since > start:
        issuer_id = issuer.encode("ascii")
        govern(here, issuer, [Act("compromiseKey", (issuer_id, issuer_id, number, start))], admins)


def grant_type(
    here: Installation, issuer: str, type_name: str, admins: tuple[str, str], until: int | None
) -> None:
    """A grant by the agency's parent from now on; a good one stands already: no effect."""
    type_id = here.type_id(here.credential_type(type_name).type)
    now = here.clock.now()
    parent = _parent(here, issuer)
    if not any(grant.is_good and grant.type_id == type_id for grant in _grants(here, issuer)):
        args = (parent.encode("ascii"), issuer.encode("ascii"), type_id, now, until or FOREVER)
        govern(here, parent, [Act("grantType", args)], admins)
    here.allow_type(issuer, here.credential_type(type_name).type.ref)


def withdraw_grant(
    here: Installation, issuer: str, type_name: str, admins: tuple[str, str], cause: int, since: int | None
) -> None:
    """Withdraw the good grant; none is good: no effect."""
    type_id = here.type_id(here.credential_type(type_name).type)
    parent = _parent(here, issuer)
    if any(grant.is_good and grant.type_id == type_id for grant in _grants(here, issuer)):
        start = here.clock.now() if since is None else since
        granted = min(grant.valid_from for grant in here.view.grants(issuer, type_id))
        if start < granted < start + DAY_S:
            start = granted  # a person names the day of the grant; the contract knows its second
        args = (parent.encode("ascii"), issuer.encode("ascii"), type_id, start, cause)
        govern(here, parent, [Act("withdrawGrant", args)], admins)


def set_role(
    here: Installation,
    issuer: str,
    signer_id: bytes,
    role: Role,
    admins: tuple[str, str],
    *,
    until: int | None,
    remove: bool,
) -> None:
    """Appoint or remove; it is so already: no effect."""
    holds = signer_id in role_holders(here, issuer, role)
    if holds != remove and until is None:
        return
    now = here.clock.now()
    interval = (0, 0) if remove else (now, until or FOREVER)
    issuer_id = issuer.encode("ascii")
    args = (issuer_id, issuer_id, signer_id, int(role), 0, *interval)
    govern(here, issuer, [Act("setRole", args)], admins)


def _parent(here: Installation, issuer: str) -> str:
    for record in here.view.issuers():
        if record.issuer == issuer:
            return record.parent or issuer
    raise NotFoundError("ISSUER_UNKNOWN", f"{issuer} is not on this ledger.", issuer=issuer)


def _grants(here: Installation, issuer: str) -> tuple[GrantFacts, ...]:
    return next((facts.grants for facts in issuer_facts(here) if facts.uscc == issuer), ())


def _number(here: Installation, issuer: str, thumbprint: bytes) -> int | None:
    return next((key.number for key in here.view.keys(issuer) if key.thumbprint == thumbprint), None)


def _key(here: Installation, issuer: str, number: int) -> KeyRecord:
    for key in here.view.keys(issuer):
        if key.number == number:
            return key
    raise NotFoundError("KEY_UNKNOWN", f"{issuer} has no key {number}.", issuer=issuer, number=number)
