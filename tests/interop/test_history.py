"""Real credentials and the really published list before the four verifiers of others: VALID only is accepted.

Every status is reached through store, outbox, contracts, view and publisher (tests/interop/history.py).
All eight are; USED by redeeming a single-use type that the test brings, since the product has none yet.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from ledger.adapters.format_sd_jwt import SdJwtFormat
from ledger.core.status import Status
from ledger.core.status_list import StatusListToken, parse_status_list_token
from ledger.services.status_list import check_token
from tests.flow_world import ISSUER
from tests.interop.history import History
from tests.interop.npm_packages import run_node
from tests.interop.verifiers import STATUS, RefusedError, Verifiers
from tests.interop.world import ListServer

pytestmark = [pytest.mark.xdist_group("interop"), pytest.mark.timeout(300)]
ISS = "https://fund.example"
FORMAT = SdJwtFormat()
ACCEPTED = frozenset({"valid", "resumed", "replacement", "activated", "unused"})
ENDED = {
    "suspended": "SUSPENDED",
    "cancelled": "CANCELLED",
    "void": "VOID",
    "superseded": "SUPERSEDED",
    "pending": "PENDING",
    "revoked": "REVOKED",
    "refused_activation": "CANCELLED",
    "used": "USED",
    "withdrawn": "BATCH_WITHDRAWN",
    "grant_broken": "GRANT_BROKEN",
    "compromised_before": "KEY_COMPROMISED",
}
"""What our own verifier says, which sees more than the public list."""
NOT_RELEASED = ("refused", "not_yet_approved", "not_yet_anchored")
NAMES = (*sorted(ACCEPTED), *ENDED, *NOT_RELEASED)


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> Iterator[History]:
    played = History(tmp_path_factory.mktemp("history"))
    yield played
    played.world.close()


@pytest.fixture(scope="module")
def server(history: History) -> Iterator[ListServer]:
    uri = status_of(history.credentials["valid"])["uri"]
    server = ListServer(ISS, uri, history.published)
    yield server
    server.close()


@pytest.fixture(scope="module")
def node_results(history: History, server: ListServer) -> dict[str, dict[str, Any]]:
    """Answers of @sd-jwt/sd-jwt-vc, all from one process."""
    history.publish()
    return run_node(
        history.credentials,
        root=root_of(history),
        iss=ISS,
        base=server.base,
        status_jwk=history.world.agencies.status_signer(ISSUER).public_jwk,
    )


def root_of(history: History) -> bytes:
    return (history.world.folder / "root.ca").read_bytes()


def status_of(credential: str) -> dict[str, Any]:
    reference: dict[str, Any] = FORMAT.parse(credential).payload["status"]["status_list"]
    return reference


def test_all_eight_statuses_are_on_chain_and_ours_tells_them_apart(history: History) -> None:
    history.publish()
    assert set(history.credentials) == set(NAMES)
    on_chain = history.on_chain()
    assert set(on_chain.values()) == set(Status)
    assert {name for name, status in on_chain.items() if status is Status.VALID} == {
        *ACCEPTED, "withdrawn", "grant_broken", "compromised_before",
    }  # fmt: skip
    verifier, now = history.world.verifier(), history.world.clock.now()
    reports = {name: verifier.verify(data, now=now) for name, data in history.bundles.items()}
    assert {name: report.verdict.code for name, report in reports.items()} == {
        **dict.fromkeys(ACCEPTED, "ACCEPTED"),
        **ENDED,
    }
    assert not set(NOT_RELEASED) & set(history.bundles)
    assert {name for name, report in reports.items() if report.accepted} == ACCEPTED


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("verifier", ["openvc", "polaris", "reference"])
def test_accepted_for_valid_only(name: str, verifier: str, history: History, server: ListServer) -> None:
    history.publish()  # a token lives two minutes while a batch is open
    credential = history.credentials[name]
    ours = FORMAT.parse(credential)
    verify = getattr(Verifiers(root_of(history), ISS, ours.payload["vct"], server.local), verifier)
    if name in ACCEPTED:
        claims = verify(credential)
        assert {key: claims[key] for key in ours.disclosed} == {
            key: ours.claims[key] for key in ours.disclosed
        }
        return
    with pytest.raises(RefusedError) as refusal:
        verify(credential)
    assert refusal.value.args[0] == STATUS, refusal.value


@pytest.mark.needs("node")
@pytest.mark.parametrize("name", NAMES)
def test_javascript_accepts_valid_only(name: str, node_results: dict[str, dict[str, Any]]) -> None:
    answer = node_results[name]
    assert answer["accepted"] is (name in ACCEPTED), answer
    if name not in ACCEPTED:
        assert answer["error"] == "Status is not valid"


def test_our_own_reader_agrees_with_what_was_published(history: History) -> None:
    history.publish()
    world = history.world
    [uri] = {status_of(credential)["uri"] for credential in history.credentials.values()}
    token = check_token(
        history.published(),
        uri=uri,
        keys=world.view.keys(ISSUER),
        anchors_x509=[root_of(history)],
        now=world.clock.now(),
    )
    waiting = {"suspended", "pending", "not_yet_approved", "not_yet_anchored"}
    assert shown_by(token, history, NAMES) == {
        name: 0 if name in ACCEPTED else 2 if name in waiting else 1 for name in NAMES
    }
    assert token.ttl_s == 60  # batches are open


def test_every_change_was_published_by_its_own_job(history: History) -> None:
    """Without the worker's regular refresh, which comes half a minute later."""
    until_then = [name for name in NAMES if name not in (*NOT_RELEASED, "compromised_before")]
    by_jobs = parse_status_list_token(history.published_by_jobs)
    history.publish()
    now = parse_status_list_token(history.published())
    assert shown_by(by_jobs, history, until_then) == shown_by(now, history, until_then)


def shown_by(token: StatusListToken, history: History, names: Sequence[str]) -> dict[str, int]:
    """Public value of each credential."""
    return {name: token.statuses.value(status_of(history.credentials[name])["idx"]) for name in names}
