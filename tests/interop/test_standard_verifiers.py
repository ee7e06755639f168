"""What we make is accepted by four verifiers that others wrote, and for VALID only."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from ledger.services.status_list import check_token
from tests.interop.npm_packages import run_node
from tests.interop.verifiers import STATUS, RefusedError, Verifiers
from tests.interop.world import CLAIMS, ISS, VCT, ListServer, World

CASES = (
    "valid",
    "pending",
    "suspended",
    "revoked",
    "superseded",
    "cancelled",
    "void",
    "used",
    "withdrawn",
    "compromised_before",
    "compromised_after",
    "grant_broken",
    "refused",
    "not_yet_anchored",
    "never_reserved",
    "beyond_the_list",
)
ACCEPTED = {"valid", "compromised_after"}
pytestmark = pytest.mark.xdist_group("interop")


@pytest.fixture(scope="module")
def world() -> World:
    return World()


@pytest.fixture(scope="module")
def server(world: World) -> Iterator[ListServer]:
    server = ListServer(ISS, world.uri, world.token)
    yield server
    server.close()


@pytest.fixture(scope="module")
def verifiers(world: World, server: ListServer) -> Verifiers:
    return Verifiers(world.root.certificate, ISS, VCT, server.local)


@pytest.fixture(scope="module")
def node_results(world: World, server: ListServer) -> dict[str, dict[str, Any]]:
    """Answers of @sd-jwt/sd-jwt-vc to all cases and to some broken ones, in one process."""
    return run_node(
        {case.name: case.credential for case in broken_and_whole(world)},
        root=world.root.certificate,
        iss=ISS,
        base=server.base,
        status_jwk=world.status_signer.public_jwk,
    )


def broken_and_whole(world: World) -> list[Any]:
    return [*world.cases, *(Broken(name, text) for name, text in broken(world).items())]


class Broken:
    def __init__(self, name: str, credential: str) -> None:
        self.name, self.credential = name, credential


def broken(world: World) -> dict[str, str]:
    """Lies that every verifier must see."""
    good = by_name(world, "valid").credential
    jwt, first, *rest = good.split("~")
    header, payload, signature = jwt.split(".")
    other = world.issue(by_name(world, "valid").idx).split("~")[1]
    flipped = signature[:-3] + ("A" if signature[-3] != "A" else "B") + signature[-2:]
    stranger = World()
    return {
        "broken_signature": "~".join([f"{header}.{payload}.{flipped}", first, *rest]),
        "broken_disclosure": "~".join([jwt, other, *rest]),
        "broken_root": stranger.issue(by_name(world, "valid").idx),
        "broken_name": world.issue(by_name(world, "valid").idx, iss="https://other.demo.example"),
    }


def by_name(world: World, name: str) -> Any:
    return next(case for case in world.cases if case.name == name)


def test_the_table_is_the_worlds(world: World) -> None:
    assert tuple(case.name for case in world.cases) == CASES
    assert {case.name for case in world.cases if case.is_good} == ACCEPTED


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("verifier", ["openvc", "polaris", "reference"])
def test_accepted_for_valid_only(name: str, verifier: str, world: World, verifiers: Verifiers) -> None:
    case = by_name(world, name)
    verify = getattr(verifiers, verifier)
    if not case.is_good:
        with pytest.raises(RefusedError) as refusal:
            verify(case.credential)
        assert (refusal.value.args[0] == STATUS) is (name != "beyond_the_list"), refusal.value
        return
    claims = verify(case.credential)
    assert {key: claims[key] for key, _ in CLAIMS} == dict(CLAIMS)


@pytest.mark.parametrize("verifier", ["openvc", "polaris", "reference"])
@pytest.mark.parametrize("lie", ["broken_signature", "broken_disclosure", "broken_root", "broken_name"])
def test_lies_are_refused(lie: str, verifier: str, world: World, verifiers: Verifiers) -> None:
    credential = broken(world)[lie]
    if (verifier, lie) == ("reference", "broken_disclosure"):
        # this library drops a disclosure without a digest: the claim must not come through
        assert (
            len(verifiers.reference(credential))
            == len(verifiers.reference(by_name(world, "valid").credential)) - 1
        )
        return
    with pytest.raises(RefusedError) as refusal:
        getattr(verifiers, verifier)(credential)
    assert refusal.value.args[0] != STATUS


@pytest.mark.needs("node")
@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", CASES)
def test_javascript_accepts_valid_only(
    name: str, world: World, node_results: dict[str, dict[str, Any]]
) -> None:
    answer = node_results[name]
    assert answer["accepted"] is by_name(world, name).is_good, answer
    if name not in {*ACCEPTED, "beyond_the_list"}:
        assert answer["error"] == "Status is not valid"
    if answer["accepted"]:
        assert {key: answer["claims"][key] for key, _ in CLAIMS} == dict(CLAIMS)


@pytest.mark.needs("node")
@pytest.mark.timeout(300)
@pytest.mark.parametrize("lie", ["broken_signature", "broken_disclosure", "broken_root", "broken_name"])
def test_javascript_refuses_lies(lie: str, node_results: dict[str, dict[str, Any]]) -> None:
    answer = node_results[lie]
    if lie == "broken_disclosure":
        # this library too drops a disclosure without a digest
        assert len(answer["claims"]) == len(node_results["valid"]["claims"]) - 1
        return
    assert answer["accepted"] is False
    assert answer["error"] != "Status is not valid"


def test_a_selection_is_accepted(world: World, verifiers: Verifiers) -> None:
    jwt, *disclosures, _ = by_name(world, "valid").credential.split("~")
    presentation = "~".join([jwt, *disclosures[:3], ""])
    for verifier in (verifiers.openvc, verifiers.polaris, verifiers.reference):
        names = {name for name, _ in CLAIMS} & verifier(presentation).keys()
        assert len(names) == 3


def test_key_binding_is_accepted(world: World, verifiers: Verifiers) -> None:
    presentation = world.present(
        by_name(world, "valid").credential, audience="https://bank.example", nonce="n-1"
    )
    assert verifiers.polaris(presentation, audience="https://bank.example", nonce="n-1")["name"] == "扎西顿珠"
    assert verifiers.openvc(presentation)["name"] == "扎西顿珠"
    with pytest.raises(RefusedError):
        verifiers.polaris(presentation, audience="https://bank.example", nonce="n-2")
    assert world.format.parse(presentation).key_binding_jwt == presentation.rpartition("~")[2]


def test_our_own_check_agrees_with_the_published_list(world: World, verifiers: Verifiers) -> None:
    token = check_token(
        verifiers.fetch(world.uri),
        uri=world.uri,
        keys=world.view.keys(""),
        anchors_x509=[world.root.certificate],
        now=world.now,
    )
    for case in world.cases[:-1]:
        assert (token.statuses.value(case.idx) == 0) is case.is_good, case.name
        assert token.statuses.value(case.idx) == verifiers.list_value(world.uri, case.idx)
    assert token.ttl_s == 60  # a batch is open
