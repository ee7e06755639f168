"""The next version of a trust file: what is in use, with some changes, still unsigned.

Whoever makes it needs no key. It counts once enough keys of the version before and of its own have signed
(ledger.core.trust.load_trust_bytes); they may do so in different places, one after the other.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from ledger.core.errors import InputError
from ledger.core.jose import jwk_thumbprint, kid_of, verify_es256
from ledger.core.trust import (
    ContractPin,
    Finality,
    KeySet,
    Link,
    RestoreNotice,
    Trust,
    make_trust,
    named_keys,
    parse_trust,
    sign_trust,
    signed_form,
)


@dataclass(frozen=True, slots=True)
class KeyChange:
    """How a set of keys changes. JWKs may have a `name`; `remove` holds kids; `threshold` None: as it was."""

    add: Sequence[Mapping[str, str]] = ()
    remove: Sequence[str] = ()
    threshold: int | None = None


@dataclass(frozen=True, slots=True)
class NewChain:
    """Where the ledger lives from now on, after a move; `link` names where it came from."""

    ledger_id: bytes
    chain_id: int
    registry: ContractPin
    ledger: ContractPin
    governance: bytes
    finality: Finality
    link: Link


@dataclass(frozen=True, slots=True)
class Changes:
    """What the next version has otherwise. `not_after`: the new last day, None as it was.

    With a `chain` the notices of the old chain are left behind: nothing of the new one was ever restored.
    """

    witnesses: KeyChange = field(default_factory=KeyChange)
    snapshots: KeyChange = field(default_factory=KeyChange)
    keys: KeyChange = field(default_factory=KeyChange)
    restore_notices: Sequence[RestoreNotice] = ()
    links: Sequence[Link] = ()
    not_after: date | None = None
    types: Mapping[str, bytes] = field(default_factory=dict)
    x509_anchors: Sequence[bytes] = ()
    max_age_s: Mapping[str, int] = field(default_factory=dict)
    chain: NewChain | None = None


def next_trust(previous: Trust, changes: Changes) -> bytes:
    """The version after `previous`, unsigned (an empty list of signatures); give it to sign_trust.

    Raises:
        InputError: TRUST_KEY_KNOWN, TRUST_KEY_UNKNOWN, TRUST_THRESHOLD name what does not fit; TRUST_SHAPE.
    """
    chain = changes.chain
    keys = _changed(previous.keys, changes.keys, 1, "keys")
    document = make_trust(
        mode=previous.mode,
        ledger_id=previous.ledger_id if chain is None else chain.ledger_id,
        chain_id=previous.chain_id if chain is None else chain.chain_id,
        registry=previous.registry if chain is None else chain.registry,
        ledger=previous.ledger if chain is None else chain.ledger,
        root_issuer=previous.root_issuer,
        governance=previous.governance if chain is None else chain.governance,
        finality=previous.finality if chain is None else chain.finality,
        x509_anchors=_together(previous.x509_anchors, changes.x509_anchors),
        types={**previous.types, **changes.types},
        not_after=changes.not_after or date.fromisoformat(previous.raw["not_after"]),
        keys=keys[1],
        threshold=keys[0],
        witnesses=_changed(previous.witnesses, changes.witnesses, 0, "witnesses"),
        snapshots=_changed(previous.snapshots, changes.snapshots, 0, "snapshots"),
        max_age_s={**previous.max_age_s, **changes.max_age_s},
        links=_together(previous.links, [*changes.links, *([] if chain is None else [chain.link])]),
        restore_notices=_together(() if chain else previous.restore_notices, changes.restore_notices),
        previous=previous,
    )
    data = sign_trust(document, [])
    parse_trust(data)
    return data


@dataclass(frozen=True, slots=True)
class Signatures:
    """How far a trust file is signed: kids of the keys that did, and how many are needed of each version."""

    own: tuple[str, ...]
    own_needed: int
    before: tuple[str, ...]
    before_needed: int

    @property
    def are_enough(self) -> bool:
        """It can be taken by whoever trusts the version before."""
        return len(self.own) >= self.own_needed and len(self.before) >= self.before_needed


def signatures_of(trust: Trust, previous: Trust | None) -> Signatures:
    """Which keys signed, of this version and of the one before; without one, its own count alone."""
    own = _signed_by(trust, trust.keys)
    if previous is None:
        return Signatures(own, trust.keys.threshold, (), 0)
    return Signatures(own, trust.keys.threshold, _signed_by(trust, previous.keys), previous.keys.threshold)


def _signed_by(trust: Trust, keys: KeySet) -> tuple[str, ...]:
    message = signed_form(trust.raw)
    kids = {kid_of(thumbprint): jwk for thumbprint, jwk in keys.keys.items()}
    good = {
        kid
        for kid, signature in trust.signatures
        if kid in kids and verify_es256(kids[kid], message, signature)
    }
    return tuple(sorted(good))


def _changed(old: KeySet, change: KeyChange, least: int, member: str) -> tuple[int, list[Mapping[str, str]]]:
    """Threshold and keys. A threshold that is not named stays, but never above the number of keys."""
    keys = {kid_of(jwk_thumbprint(jwk)): jwk for jwk in named_keys(old)}
    for kid in change.remove:
        if keys.pop(kid, None) is None:
            raise InputError("TRUST_KEY_UNKNOWN", f"{kid} is no key of {member}.", kid=kid, member=member)
    for jwk in change.add:
        try:
            kid = kid_of(jwk_thumbprint(jwk))
        except InputError as error:
            raise InputError("JWK_INVALID", "This is no public P-256 key (JWK).", member=member) from error
        if kid in keys:
            raise InputError(
                "TRUST_KEY_KNOWN", f"{kid} is a key of {member} already.", kid=kid, member=member
            )
        keys[kid] = jwk
    threshold = old.threshold if change.threshold is None else change.threshold
    if not least <= threshold <= len(keys):
        raise InputError(
            "TRUST_THRESHOLD",
            f"{threshold} of {len(keys)} keys of {member} cannot be demanded: name another threshold.",
            threshold=threshold,
            keys=len(keys),
            member=member,
        )
    return threshold, list(keys.values())


def _together(old: Iterable[Any], new: Iterable[Any]) -> list[Any]:
    """Both, without doubles, in order."""
    return list(dict.fromkeys([*old, *new]))
