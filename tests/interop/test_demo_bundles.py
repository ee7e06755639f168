"""Bundles of a whole installation, made by the command line, before the four verifiers of others."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from ledger import bootstrap
from ledger.adapters.format_sd_jwt import SdJwtFormat
from ledger.core.status_list import parse_status_uri
from ledger.services.status_list import build_status_list, make_status_list_token
from ledger.settings import load_settings
from tests.interop.npm_packages import run_node
from tests.interop.verifiers import STATUS, RefusedError, Verifiers
from tests.interop.world import ListServer

pytestmark = [pytest.mark.xdist_group("demo"), pytest.mark.timeout(300)]
NAMES = ("good", "voided")
FORMAT = SdJwtFormat()


class Shop(NamedTuple):
    """An agency's credentials, its list on loopback, and who judges them."""

    credentials: dict[str, str]
    verifiers: Verifiers
    server: ListServer
    status_jwk: dict[str, str]
    root: bytes
    iss: str


def credential_in(bundle: Path) -> str:
    return str(json.loads(bundle.read_bytes())["credential"])


def open_shop(home: Path, credentials: dict[str, str]) -> Shop:
    here = bootstrap.open_home(load_settings({"ECERT_HOME": str(home)}))
    payload = FORMAT.parse(next(iter(credentials.values()))).payload
    uri, issuer = payload["status"]["status_list"]["uri"], payload["issuer_code"]
    number = parse_status_uri(uri).number
    signer = here.agencies.status_signer(issuer)

    def token() -> str:
        published = build_status_list(here.view, issuer, number, ())
        return make_status_list_token(published, uri=uri, signer=signer, now=here.clock.now())

    [root] = bootstrap.load_trust(home / "trust.json").x509_anchors
    server = ListServer(payload["iss"], uri, token)
    verifiers = Verifiers(root, payload["iss"], payload["vct"], server.local)
    return Shop(credentials, verifiers, server, dict(signer.public_jwk), root, payload["iss"])


@pytest.fixture(scope="module")
def shop(demo_home: Path) -> Iterator[Shop]:
    """The provident-fund centre: deposit proofs of natural persons."""
    shop = open_shop(
        demo_home, {name: credential_in(demo_home / "demo" / f"{name}.ecert.json") for name in NAMES}
    )
    yield shop
    shop.server.close()


@pytest.fixture(scope="module")
def bureau(demo_home: Path, shop: Shop) -> Iterator[Shop]:
    """The licence bureau: business licences, identifier in clear."""
    bundles = sorted((demo_home / "released").rglob("*.ecert.json"))
    licences = [text for text in map(credential_in, bundles) if FORMAT.parse(text).payload["iss"] != shop.iss]
    bureau = open_shop(demo_home, {"good": licences[0]})
    yield bureau
    bureau.server.close()


@pytest.mark.parametrize("verifier", ["openvc", "polaris", "reference"])
def test_a_licence_is_accepted(verifier: str, bureau: Shop) -> None:
    claims = getattr(bureau.verifiers, verifier)(bureau.credentials["good"])
    assert claims["vct"] == "urn:ecert:type:BIZ_LICENSE:1"
    assert claims["identifier"] == FORMAT.parse(bureau.credentials["good"]).payload["identifier"]


@pytest.mark.parametrize("verifier", ["openvc", "polaris", "reference"])
def test_the_good_one_is_accepted(verifier: str, shop: Shop) -> None:
    claims = getattr(shop.verifiers, verifier)(shop.credentials["good"])
    ours = FORMAT.parse(shop.credentials["good"])
    assert len(ours.disclosed) > 10
    assert {name: claims[name] for name in ours.disclosed} == {
        name: ours.claims[name] for name in ours.disclosed
    }


@pytest.mark.parametrize("verifier", ["openvc", "polaris", "reference"])
def test_the_voided_one_is_refused_for_its_status(verifier: str, shop: Shop) -> None:
    with pytest.raises(RefusedError) as refusal:
        getattr(shop.verifiers, verifier)(shop.credentials["voided"])
    assert refusal.value.args[0] == STATUS


@pytest.mark.needs("node")
def test_javascript_agrees(shop: Shop) -> None:
    answers = run_node(
        shop.credentials, root=shop.root, iss=shop.iss, base=shop.server.base, status_jwk=shop.status_jwk
    )
    assert answers["good"]["accepted"], answers["good"]
    assert not answers["voided"]["accepted"]
    assert answers["voided"]["error"] == "Status is not valid"
