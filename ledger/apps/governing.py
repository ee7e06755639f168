"""Acts of two admins from the command line: through the chain if it is free, else through the outbox.

Two keys at hand do an act at once. With one key it is proposed, and waits on chain for another admin;
what an act needs in this installation afterwards (a type remembered, a key in use) is done by asking for
it again, or when it is accepted here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ledger.apps.cli_open import chain_key
from ledger.apps.working import work_or_wait
from ledger.bootstrap import Installation
from ledger.bootstrap_directory import use_entry
from ledger.bootstrap_init import LEAF_YEARS, YEAR_S
from ledger.bootstrap_keys import certify
from ledger.bootstrap_work import open_desk
from ledger.core.directory import parse_directory_entry
from ledger.core.eip712 import registry_domain
from ledger.core.errors import InputError, NotFoundError
from ledger.core.flow import DAY_S
from ledger.core.governed import Proposal
from ledger.core.grants import GrantState, covering_grant, grant_state
from ledger.core.model import IssuerRecord, KeyRecord, Purpose, Role
from ledger.services.carry import OutboxCarrier
from ledger.services.governance import Decided, Governance
from ledger.services.governed import GovernedBook, ancestors_of, heir_of
from ledger.services.refusals import refusal
from ledger.services.registry import FOREVER, Act, Registry
from ledger.services.roles import RoleBook

Waiting = tuple[Proposal, ...]
"""Proposals that wait for a second admin; none: it is done."""
DONE: Waiting = ()


def carrier_of(here: Installation, by: str) -> OutboxCarrier:
    """Carries calls of this agency's admins with its operator's transactions."""
    info = open_desk(here).info
    return OutboxCarrier(
        here.store,
        by,
        registry_domain(info.chain_id, info.registry, info.ledger_id),
        here.clock,
        here.entropy,
        lambda is_done: work_or_wait(here, is_done),
    )


def governance_of(here: Installation, by: str) -> Governance:
    """Proposing and accepting for the admins of one agency."""
    reader = open_desk(here).reader
    return Governance(reader, GovernedBook(reader), carrier_of(here, by), here.clock)


def govern(here: Installation, by: str, acts: Sequence[Act], admins: Sequence[str]) -> Waiting:
    """Two keys: propose with the first, accept with the second; one key: propose. Returns when it is final.

    Raises:
        InputError: TWO_ADMINS when neither one nor two keys are named.
        RefusedError: SAME_ADMIN, NOT_AN_ADMIN, or the contract's error.
        UnavailableError: WORKER_SLOW.
    """
    here.record.agency(by)  # its operator carries the call
    signers = [chain_key(here, admin) for admin in require_admins(admins)]
    if len(signers) == 1:
        governance = governance_of(here, by)
        return tuple(governance.propose(act, signers[0]) for act in acts)
    Registry(open_desk(here).reader, carrier_of(here, by)).carry_out(acts, signers[0], signers[1])
    return DONE


def require_admins(admins: Sequence[str]) -> Sequence[str]:
    """One admin key or two.

    Raises:
        InputError: TWO_ADMINS.
    """
    if len(admins) not in (1, 2):
        raise InputError(
            "TWO_ADMINS", "Name two admin keys (--admin file:… --admin file:…), or one that proposes."
        )
    return admins


def accept(here: Installation, number: int, admin: str, agree: Callable[[Proposal, Act], None]) -> Decided:
    """Accept a proposal; then do here what its act needs here.

    Args:
        here: the installation.
        number: of the proposal.
        admin: the accepting admin's key, as a person named it.
        agree: shown what would be accepted, once nothing speaks against it; raises when the person does not agree.

    Raises: as Governance.accept, and what `agree` raises.
    """
    by = GovernedBook(open_desk(here).reader).proposal(number).by
    governance, accepter = governance_of(here, by), chain_key(here, admin)
    acceptable = governance.acceptable(number, accepter)
    agree(acceptable.proposal, acceptable.act)
    decided = governance.accept(number, accepter)
    follow_up(here, decided.act)
    return decided


def cancel(here: Installation, number: int, admin: str) -> Proposal:
    """Take a proposal back. Raises: as Governance.cancel."""
    by = GovernedBook(open_desk(here).reader).proposal(number).by
    return governance_of(here, by).cancel(number, chain_key(here, admin))


def follow_up(here: Installation, act: Act) -> None:
    """What this installation remembers once an act is on chain; others need nothing here."""
    issuer = act.args[1].decode("ascii")
    if act.function in ("setDirectory", "admitIssuer"):
        text = here.home.kept_entry(issuer, act.args[-1])
        if text is not None:  # made or sent here; else somebody else keeps it
            use_entry(here, parse_directory_entry(text))
    elif act.function == "grantType" and issuer in {agency.uscc for agency in here.record.agencies}:
        numbers = {(one.code, one.version): one.type_id for one in here.view.types()}
        for one in here.types.all():
            if numbers.get((one.type.type_code, one.type.version)) == act.args[2]:
                here.allow_type(issuer, one.type.ref)


@dataclass(frozen=True, slots=True)
class Registration:
    """A key after it was asked to be registered; no number while the proposal waits."""

    number: int | None
    waiting: Waiting


def register_key(
    here: Installation,
    issuer: str,
    uri: str,
    purpose: Purpose,
    admins: Sequence[str],
    *,
    until: int | None,
    authority: str | None,
) -> Registration:
    """Certify, register and take into use one P-256 key. Twice has no further effect."""
    agency = here.record.agency(issuer)
    signer = certify(here, agency, uri, authority, is_seal=purpose is Purpose.SEAL)
    if _number(here, issuer, signer.thumbprint) is None:
        now = here.clock.now()
        end = until or (now + LEAF_YEARS * YEAR_S) // DAY_S * DAY_S  # asked again today: the same act
        issuer_id = issuer.encode("ascii")
        act = Act("registerKey", (issuer_id, issuer_id, signer.thumbprint, int(purpose), now, end))
        waiting = govern(here, issuer, [act], admins)
        if waiting:
            return Registration(None, waiting)
    if purpose in (Purpose.CREDENTIAL, Purpose.STATUS, Purpose.SEAL, Purpose.CHECKPOINT):
        here.use_key(issuer, purpose.name.lower(), uri)
    number = _number(here, issuer, signer.thumbprint)
    if number is None:
        raise RuntimeError("a registered key is in the view")
    return Registration(number, DONE)


def retire_key(
    here: Installation, issuer: str, number: int, admins: Sequence[str], at: int | None, by: str | None = None
) -> Waiting:
    """End a key's interval; ended earlier already: no effect. `by`: an agency above, when its admins do it."""
    end = here.clock.now() if at is None else at
    if _key(here, issuer, number).valid_until <= end:
        return DONE
    acting = by or issuer
    args = (acting.encode("ascii"), issuer.encode("ascii"), number, end)
    return govern(here, acting, [Act("retireKey", args)], admins)


def compromise_key(
    here: Installation, issuer: str, number: int, admins: Sequence[str], since: int, by: str | None = None
) -> Waiting:
    """Break what the key signed since; reported for an earlier time already: no effect.

    People name a day, which begins before a key that was registered on that day: then it is all its life.
    """
    key = _key(here, issuer, number)
    start = max(since, key.valid_from)
    if key.compromised_since is not None and key.compromised_since <= start:
        return DONE
    acting = by or issuer
    args = (acting.encode("ascii"), issuer.encode("ascii"), number, start)
    return govern(here, acting, [Act("compromiseKey", args)], admins)


def admit(
    here: Installation,
    issuer: str,
    new_admins: tuple[bytes, bytes],
    entry_hash: bytes,
    admins: Sequence[str],
    by: str | None,
) -> Waiting:
    """Admit an agency of another installation; admitted already under the same parent with this entry: no effect.

    Raises:
        RefusedError: RegistryIssuerExists when it was admitted otherwise.
    """
    acting = by or here.record.root.uscc
    known = next((record for record in here.view.issuers() if record.issuer == issuer), None)
    if known is not None:
        if known.parent == acting and known.directory and known.directory[-1][0] == entry_hash:
            return DONE
        raise refusal("admitIssuer", "RegistryIssuerExists", (issuer.encode("ascii"),))
    args = (acting.encode("ascii"), issuer.encode("ascii"), *new_admins, entry_hash)
    return govern(here, acting, [Act("admitIssuer", args)], admins)


def set_directory(
    here: Installation, issuer: str, entry_hash: bytes, admins: Sequence[str], by: str | None
) -> Waiting:
    """Put the hash of an agency's entry on chain; it is there already: no effect."""
    record = _record(here, issuer)
    if record.directory and record.directory[-1][0] == entry_hash:
        return DONE
    acting = by or _above(here, issuer)
    args = (acting.encode("ascii"), issuer.encode("ascii"), entry_hash)
    return govern(here, acting, [Act("setDirectory", args)], admins)


def grant_type(
    here: Installation, issuer: str, type_name: str, admins: Sequence[str], until: int | None
) -> Waiting:
    """A grant from now on by the agency's parent, or by who took over from it; it runs to that end: no effect.

    A running grant with another end is replaced: renewed, or cut short.
    """
    kind = here.credential_type(type_name).type
    type_id, now, end = here.type_id(kind), here.clock.now(), until or FOREVER
    history = here.view.grants(issuer, type_id)
    running = covering_grant(history, now) if grant_state(history, now) is GrantState.GOOD else None
    if running is None or running.valid_until != end:
        parent = heir_of(here.view.issuers(), _record(here, issuer).parent or issuer)
        args = (parent.encode("ascii"), issuer.encode("ascii"), type_id, now, end)
        waiting = govern(here, parent, [Act("grantType", args)], admins)
        if waiting:
            return waiting
    if any(agency.uscc == issuer for agency in here.record.agencies):
        here.allow_type(issuer, kind.ref)
    return DONE


def withdraw_grant(
    here: Installation,
    issuer: str,
    type_name: str,
    admins: Sequence[str],
    cause: int,
    since: int | None,
    by: str | None = None,
) -> Waiting:
    """Withdraw the newest grant, also one that ended by itself: what was anchored under it may have to break.

    `by`: who above withdraws, by default the nearest. Withdrawn already for this cause and as far back: no effect.

    Raises:
        RefusedError: RegistryGrantMissing, RegistryAlreadyWithdrawn when it was withdrawn otherwise.
    """
    type_id = here.type_id(here.credential_type(type_name).type)
    acting = by or _above(here, issuer)
    named, history = issuer.encode("ascii"), here.view.grants(issuer, type_id)
    if not history:
        raise refusal("withdrawGrant", "RegistryGrantMissing", (named, type_id))
    start = here.clock.now() if since is None else since
    granted = min(grant.valid_from for grant in history)
    if start < granted < start + DAY_S:
        start = granted  # a person names the day of the grant; the contract knows its second
    newest = history[-1]
    if newest.withdrawn_at is not None:
        reaches = newest.withdrawn_at if newest.withdrawn_since is None else newest.withdrawn_since
        if newest.cause == cause and (since is None or reaches <= start):
            return DONE
        raise refusal("withdrawGrant", "RegistryAlreadyWithdrawn", (named, type_id, newest.withdrawn_at))
    return govern(
        here, acting, [Act("withdrawGrant", (acting.encode("ascii"), named, type_id, start, cause))], admins
    )


def set_role(
    here: Installation,
    issuer: str,
    signer_id: bytes,
    role: Role,
    admins: Sequence[str],
    *,
    since: int | None = None,
    until: int | None = None,
    remove: bool = False,
) -> Waiting:
    """Appoint, from-to for a deputy, or remove, also who has not begun; it is so already: no effect."""
    now = here.clock.now()
    start = now if since is None else max(since, now)  # a day begins before the call that names it
    interval = (0, 0) if remove else (start, until or FOREVER)
    held = RoleBook(open_desk(here).reader).held(issuer, signer_id, role)
    if held is None or held.valid_until <= now:
        is_so = remove
    else:
        begins_so = held.valid_from <= now if start == now else held.valid_from == start
        is_so = begins_so and held.valid_until == interval[1]
    if is_so:
        return DONE
    issuer_id = issuer.encode("ascii")
    args = (issuer_id, issuer_id, signer_id, int(role), 0, *interval)
    return govern(here, issuer, [Act("setRole", args)], admins)


def dissolve(
    here: Installation, issuer: str, successor: str | None, admins: Sequence[str], by: str | None
) -> Waiting:
    """Dissolve an agency, with or without one that takes over; dissolved already in this way: no effect.

    Raises:
        NotFoundError: ISSUER_UNKNOWN.
        InputError: NOT_ABOVE when no agency stands above both.
    """
    record = _record(here, issuer)
    if record.dissolved_at is not None and record.successor == successor:
        return DONE
    acting = by or _common_ancestor(here, issuer, successor)
    heir = bytes(18) if successor is None else successor.encode("ascii")
    args = (acting.encode("ascii"), issuer.encode("ascii"), heir)
    return govern(here, acting, [Act("dissolveIssuer", args)], admins)


def announce_reset(
    here: Installation,
    issuer: str,
    new_admins: tuple[bytes, bytes],
    admins: Sequence[str],
    by: str | None,
) -> Waiting:
    """Two admins of an agency above announce that these two become the issuer's admins in 24 hours."""
    acting = by or _above(here, issuer)
    args = (acting.encode("ascii"), issuer.encode("ascii"), *new_admins)
    return govern(here, acting, [Act("scheduleReset", args)], admins)


def cancel_reset(here: Installation, issuer: str, admins: Sequence[str], by: str | None) -> Waiting:
    """The issuer's own admins, or who announced it, take an announced reset back."""
    acting = by or issuer
    args = (acting.encode("ascii"), issuer.encode("ascii"))
    return govern(here, acting, [Act("cancelReset", args)], admins)


def carry_reset_out(here: Installation, issuer: str) -> None:
    """Carry an announced reset out; nobody's consent is asked for any more.

    Raises:
        NotFoundError: RESET_NONE.
        ConflictError: RESET_TOO_EARLY.
    """
    own = {agency.uscc for agency in here.record.agencies}
    carried_by = issuer if issuer in own else here.record.root.uscc
    governance_of(here, carried_by).carry_reset_out(issuer, here.agencies.operator(carried_by))


def _record(here: Installation, issuer: str) -> IssuerRecord:
    for record in here.view.issuers():
        if record.issuer == issuer:
            return record
    raise NotFoundError("ISSUER_UNKNOWN", f"{issuer} is not on this ledger.", issuer=issuer)


def _above(here: Installation, issuer: str) -> str:
    """The nearest agency above that is not dissolved; the root acts on itself."""
    records = {record.issuer: record for record in here.view.issuers()}
    above = ancestors_of(records.values(), _record(here, issuer).issuer)
    return next((one for one in above if records[one].dissolved_at is None), issuer)


def _common_ancestor(here: Installation, issuer: str, successor: str | None) -> str:
    """The nearest living agency above the issuer that is the successor or stands above it."""
    records = list(here.view.issuers())
    alive = {record.issuer for record in records if record.dissolved_at is None}
    above = [one for one in ancestors_of(records, _record(here, issuer).issuer) if one in alive]
    if successor is None and above:
        return above[0]
    reach = set() if successor is None else {successor, *ancestors_of(records, successor)}
    for one in above:
        if one in reach:
            return one
    raise InputError(
        "NOT_ABOVE",
        f"No agency stands above both {issuer} and {successor}.",
        issuer=issuer,
        successor=successor,
    )


def _number(here: Installation, issuer: str, thumbprint: bytes) -> int | None:
    return next((key.number for key in here.view.keys(issuer) if key.thumbprint == thumbprint), None)


def _key(here: Installation, issuer: str, number: int) -> KeyRecord:
    for key in here.view.keys(issuer):
        if key.number == number:
            return key
    raise NotFoundError("KEY_UNKNOWN", f"{issuer} has no key {number}.", issuer=issuer, number=number)
