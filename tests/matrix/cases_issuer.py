"""Lies about the issuer: certificate, directory, keys, entitlement."""

from __future__ import annotations

import base64
from dataclasses import replace
from typing import Any

from ledger.core.checks.codes import Code
from ledger.core.directory import make_directory_entry
from ledger.core.jose import kid_of
from ledger.core.model import Purpose
from tests.matrix import world as w
from tests.matrix.cases import (
    C,
    F,
    P,
    U,
    accepted,
    case,
    doubtful,
    refused,
)
from tests.matrix.world import World

# Who the issuer is


@case(
    "another agency's key and certificate, this agency's name",
    **refused(6, C.ISSUER_BINDING, Code.ISS_NOT_SAN),
)
def other_issuers_key(world: World) -> None:
    world.signer = w.authorities().other.signer


@case(
    "another agency's key, certificate and address; this agency's batch",
    verdict=(6, Code.LIST_ISSUER_DIFFERS, 1),
    expected={
        C.ISSUER_BINDING: (F, Code.KEY_OF_OTHER_ISSUER),
        C.STATUS_LIST: (F, Code.LIST_ISSUER_DIFFERS),
    },
)
def key_of_other_issuer(world: World) -> None:
    world.signer = w.authorities().other.signer
    world.payload["iss"] = w.OTHER_ISS


@case("kid is not the certificate's key", **refused(6, C.ISSUER_BINDING, Code.KID_NOT_X5C))
def kid_not_x5c(world: World) -> None:
    world.header["kid"] = kid_of(w.authorities().status_signer.thumbprint)


@case("kid of another agency's key", **refused(6, C.ISSUER_BINDING, Code.KID_NOT_X5C))
def kid_of_other_issuer(world: World) -> None:
    world.header["kid"] = kid_of(w.authorities().other.signer.thumbprint)


@case(
    "a certificate for another address",
    **refused(6, C.ISSUER_BINDING, Code.ISS_NOT_SAN),
)
def san_not_iss(world: World) -> None:
    world.signer = w.authorities().leaf(11, uri="https://gjj.city.example.evil.example")


@case(
    "no x5c",
    **refused(6, C.ISSUER_BINDING, Code.X5C_MISSING, {C.SIGNATURE: (U, Code.SIGNER_KEY_MISSING)}),
)
def no_x5c(world: World) -> None:
    world.header["x5c"] = []


@case(
    "x5c that is no certificate",
    **refused(6, C.ISSUER_BINDING, Code.X5C_NOT_CERTIFICATE, {C.SIGNATURE: (U, Code.SIGNER_KEY_MISSING)}),
)
def x5c_rubbish(world: World) -> None:
    world.header["x5c"] = [base64.b64encode(b"rubbish").decode("ascii")]


@case("a certificate of an unknown root", **refused(6, C.ISSUER_BINDING, Code.X5C_UNKNOWN_ROOT))
def unknown_root(world: World) -> None:
    world.trust = replace(world.trust, x509_anchors=(w.authorities().stranger_root.certificate,))


@case("the certificate has expired by now, good when anchored", **accepted())
def leaf_expired_now(world: World) -> None:
    world.signer = w.authorities().leaf(11, end=w.ANCHORED_AT + 3600)


@case(
    "the certificate had expired when anchored",
    **refused(6, C.ISSUER_BINDING, Code.X5C_EXPIRED_AT_ANCHOR),
)
def leaf_expired_at_anchor(world: World) -> None:
    world.signer = w.authorities().leaf(11, end=w.ANCHORED_AT - 1)


@case(
    "the certificate began after anchoring",
    **refused(6, C.ISSUER_BINDING, Code.X5C_NOT_YET_VALID_AT_ANCHOR),
)
def leaf_too_young(world: World) -> None:
    world.signer = w.authorities().leaf(11, begin=w.ANCHORED_AT + 1)


@case("a directory entry with another name", **refused(6, C.ISSUER_BINDING, Code.DIRECTORY_DIFFERS))
def directory_differs(world: World) -> None:
    city = w.authorities().city
    world.entry = make_directory_entry(
        issuer=city.issuer,
        name_zh="国家公积金总局",
        name_en="National Administration",
        iss=city.iss,
        division="990100",
        issued_at=w.MIDNIGHT,
        signer=city.signer,
    )


@case(
    "another agency's directory entry",
    **refused(6, C.ISSUER_BINDING, Code.DIRECTORY_OTHER_ISSUER),
)
def directory_of_other(world: World) -> None:
    world.entry = w.authorities().other.entry


@case("an illegible directory entry", **refused(6, C.ISSUER_BINDING, Code.DIRECTORY_SHAPE))
def directory_rubbish(world: World) -> None:
    world.entry = "rubbish"


@case("no directory entry", **doubtful(C.ISSUER_BINDING, Code.DIRECTORY_MISSING))
def directory_missing(world: World) -> None:
    world.alter_bundle = lambda bundle: {
        name: item for name, item in bundle.items() if name != "directory_entry"
    }


@case("a newer directory entry, set after anchoring", **accepted())
def directory_changed_later(world: World) -> None:
    world.issuer = replace(
        world.issuer, directory=(*world.issuer.directory, (b"\x09" * 32, w.ANCHORED_AT + 1))
    )


# Keys


@case("a key of purpose seal", **refused(6, C.KEY_VALID_AT_ANCHOR, Code.KEY_PURPOSE))
def key_purpose(world: World) -> None:
    world.key = replace(world.key, purpose=Purpose.SEAL)


@case(
    "the key retired before anchoring",
    **refused(
        6,
        C.KEY_VALID_AT_ANCHOR,
        Code.KEY_RETIRED_BEFORE,
        {C.ISSUER_NOW: (P, Code.ISSUER_KEY_RETIRED)},
    ),
)
def key_retired_before(world: World) -> None:
    world.key = replace(world.key, valid_until=w.ANCHORED_AT)


@case("the key retired after anchoring", **accepted({C.ISSUER_NOW: (P, Code.ISSUER_KEY_RETIRED)}))
def key_retired_after(world: World) -> None:
    world.key = replace(world.key, valid_until=w.ANCHORED_AT + 1)


@case("the key not yet in use", **refused(6, C.KEY_VALID_AT_ANCHOR, Code.KEY_NOT_YET_VALID))
def key_too_young(world: World) -> None:
    world.key = replace(world.key, valid_from=w.ANCHORED_AT + 1)


@case("the key compromised before anchoring", **refused(6, C.KEY_COMPROMISE, Code.KEY_COMPROMISED))
def key_compromised_before(world: World) -> None:
    world.key = replace(world.key, compromised_since=w.ANCHORED_AT - 1)


@case(
    "the key compromised in the second of anchoring",
    **refused(6, C.KEY_COMPROMISE, Code.KEY_COMPROMISED),
)
def key_compromised_at(world: World) -> None:
    world.key = replace(world.key, compromised_since=w.ANCHORED_AT)


@case(
    "the key compromised after anchoring",
    **accepted({C.KEY_COMPROMISE: (P, Code.KEY_COMPROMISED_LATER)}),
)
def key_compromised_after(world: World) -> None:
    world.key = replace(world.key, compromised_since=w.ANCHORED_AT + 1)


@case(
    "anchored under another key of the agency",
    **refused(6, C.ISSUER_BINDING, Code.ANCHOR_KEY_DIFFERS),
)
def anchor_key_differs(world: World) -> None:
    world.more_keys = [world.key]
    world.key = w.key_record(w.CITY, 10, b"\x0a" * 32, Purpose.CREDENTIAL)


# Entitlement

_WITHDRAWN_NOW = {C.ISSUER_NOW: (P, Code.GRANT_WITHDRAWN_SINCE)}


def _withdraw(world: World, issuer: str, **changes: Any) -> None:
    world.grants = {**world.grants, issuer: (w.grant(issuer, **changes),)}


@case(
    "the grant withdrawn before anchoring",
    **refused(6, C.GRANT_AT_ANCHOR, Code.GRANT_WITHDRAWN, _WITHDRAWN_NOW),
)
def grant_withdrawn_before(world: World) -> None:
    _withdraw(world, w.CITY, withdrawn_at=w.ANCHORED_AT - 1, withdrawn_since=w.ANCHORED_AT - 1, cause=1)


@case("the grant withdrawn after anchoring, no breaking cause", **accepted(_WITHDRAWN_NOW))
def grant_withdrawn_after(world: World) -> None:
    _withdraw(world, w.CITY, withdrawn_at=w.ANCHORED_AT + 9, withdrawn_since=w.ANCHORED_AT - 9, cause=2)


@case(
    "the grant withdrawn later for misconduct since before anchoring",
    **refused(
        6,
        C.GRANT_AT_ANCHOR,
        Code.GRANT_BROKEN,
        _WITHDRAWN_NOW,
    ),
)
def grant_broken(world: World) -> None:
    _withdraw(world, w.CITY, withdrawn_at=w.ANCHORED_AT + 9, withdrawn_since=w.ANCHORED_AT - 9, cause=129)


@case("misconduct only after anchoring", **accepted(_WITHDRAWN_NOW))
def grant_broken_later(world: World) -> None:
    _withdraw(world, w.CITY, withdrawn_at=w.ANCHORED_AT + 9, withdrawn_since=w.ANCHORED_AT + 1, cause=129)


def _renew_then_withdraw(world: World, issuer: str, cause: int) -> None:
    """Renewed before anchoring, withdrawn after it since a day before: the older interval stays open."""
    first = w.grant(issuer)
    renewed = replace(
        first,
        valid_from=w.ANCHORED_AT - 3600,
        withdrawn_since=w.ANCHORED_AT - 86_400,
        withdrawn_at=w.ANCHORED_AT + 9,
        cause=cause,
    )
    world.grants = {**world.grants, issuer: (first, renewed)}


@case(
    "the grant renewed, then withdrawn for misconduct since before anchoring",
    **refused(6, C.GRANT_AT_ANCHOR, Code.GRANT_BROKEN, _WITHDRAWN_NOW),
)
def grant_renewed_then_broken(world: World) -> None:
    _renew_then_withdraw(world, w.CITY, 129)


@case("the grant renewed, then withdrawn after anchoring, no breaking cause", **accepted(_WITHDRAWN_NOW))
def grant_renewed_then_withdrawn(world: World) -> None:
    _renew_then_withdraw(world, w.CITY, 1)


@case(
    "the grant renewed for a shorter time, over before anchoring",
    **refused(6, C.GRANT_AT_ANCHOR, Code.GRANT_MISSING, {C.ISSUER_NOW: (P, Code.GRANT_ENDED)}),
)
def grant_renewed_shorter(world: World) -> None:
    first = w.grant(w.CITY)
    shorter = replace(first, valid_from=w.ANCHORED_AT - 3600, valid_until=w.ANCHORED_AT)
    world.grants = {**world.grants, w.CITY: (first, shorter)}


@case(
    "no grant of this type",
    **refused(6, C.GRANT_AT_ANCHOR, Code.GRANT_MISSING, {C.ISSUER_NOW: (P, Code.GRANT_ENDED)}),
)
def grant_missing(world: World) -> None:
    world.grants = {**world.grants, w.CITY: ()}


@case(
    "the province's grant withdrawn before anchoring",
    **refused(6, C.GRANT_CHAIN, Code.GRANT_CHAIN_BROKEN),
)
def ancestors_grant_withdrawn(world: World) -> None:
    _withdraw(world, w.PROVINCE, withdrawn_at=w.ANCHORED_AT - 1, withdrawn_since=w.ANCHORED_AT - 1, cause=1)


@case(
    "the province's grant broken back to before anchoring",
    **refused(6, C.GRANT_CHAIN, Code.GRANT_CHAIN_BROKEN),
)
def ancestors_grant_broken(world: World) -> None:
    _withdraw(world, w.PROVINCE, withdrawn_at=w.ANCHORED_AT + 9, withdrawn_since=w.ANCHORED_AT, cause=130)


@case(
    "the province's grant renewed, then broken back to before anchoring",
    **refused(6, C.GRANT_CHAIN, Code.GRANT_CHAIN_BROKEN),
)
def ancestors_grant_renewed_then_broken(world: World) -> None:
    _renew_then_withdraw(world, w.PROVINCE, 130)


@case("the province's grant withdrawn after anchoring", **accepted())
def ancestors_grant_withdrawn_after(world: World) -> None:
    _withdraw(world, w.PROVINCE, withdrawn_at=w.ANCHORED_AT + 9, withdrawn_since=w.ANCHORED_AT - 9, cause=1)


@case(
    "a tree that ends at another root agency",
    **refused(6, C.GRANT_CHAIN, Code.ROOT_ISSUER_DIFFERS),
)
def root_issuer_differs(world: World) -> None:
    world.trust = replace(world.trust, root_issuer=w.OTHER)


@case(
    "the agency dissolved after anchoring",
    **accepted({C.ISSUER_NOW: (P, Code.ISSUER_DISSOLVED)}),
)
def issuer_dissolved_after(world: World) -> None:
    world.issuer = replace(world.issuer, dissolved_at=w.ANCHORED_AT + 1, successor=w.OTHER)


@case(
    "the agency dissolved before anchoring",
    **refused(
        6,
        C.GRANT_AT_ANCHOR,
        Code.ISSUER_DISSOLVED_BEFORE,
        {C.ISSUER_NOW: (P, Code.ISSUER_DISSOLVED)},
    ),
)
def issuer_dissolved_before(world: World) -> None:
    world.issuer = replace(world.issuer, dissolved_at=w.ANCHORED_AT - 1)
