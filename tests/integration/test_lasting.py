"""No credential outlives the certificate of its key: refused before its row is stored, and before it is signed."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from ledger.adapters.pki import CertificateAuthority
from ledger.adapters.signer_file import save_certificates
from ledger.adapters.signer_memory import MemoryCredentialSigner
from ledger.adapters.system import ManualClock, SystemEntropy
from ledger.bootstrap import Installation, open_home
from ledger.bootstrap_demo import FUND
from ledger.bootstrap_keys import certify, new_key
from ledger.core.errors import InputError, RefusedError
from ledger.core.flow import DAY_S, BatchState
from ledger.services.lasting import CertificateTerm
from ledger.settings import load_settings
from tests.flow_world import ISSUER, START, World, deposit_table, found

ENTROPY = SystemEntropy()
ROWS = range(3)


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("lasting") / "home"
    found(folder, ManualClock(START))
    return folder


@pytest.fixture
def world(template: Path, tmp_path: Path) -> Iterator[World]:
    shutil.copytree(template, tmp_path / "home")
    opened = World(tmp_path / "home", ManualClock(START))
    yield opened
    opened.close()


def lasting_until(signer: MemoryCredentialSigner, not_after: int) -> MemoryCredentialSigner:
    root = CertificateAuthority.new_root("Root", not_before=START, not_after=not_after, entropy=ENTROPY)
    leaf = root.issue_leaf(
        signer.public_jwk, name="Fund", uri="https://fund.example", not_before=START, not_after=not_after
    )
    return signer.with_x5c((leaf, root.certificate))


def swap(world: World, not_after: int) -> MemoryCredentialSigner:
    """The agency's key gets a certificate that ends then; the one it had."""
    before = world.agencies.credential_signer(ISSUER)
    world.agencies._signers["credential"] = lasting_until(before, not_after)
    return before


def test_the_last_second_of_both_may_be_the_same() -> None:
    term = CertificateTerm(lasting_until(MemoryCredentialSigner.generate(), START + 100))
    term.require(START + 101)  # good until the second in which the certificate is good for the last time
    term.require(None)
    with pytest.raises(RefusedError) as refusal:
        term.require(START + 102, row=5)
    assert refusal.value.code == "KEY_CERTIFICATE_TOO_SHORT"
    assert refusal.value.detail == {"ends": "2026-11-22", "row": 5}
    CertificateTerm(MemoryCredentialSigner.generate()).require(START + 102)  # no certificate to compare with


def test_a_file_is_refused_whole_and_comes_again_under_a_longer_certificate(world: World) -> None:
    long = swap(world, START + 2 * DAY_S)
    with pytest.raises(RefusedError) as refusal:
        world.load(deposit_table(ROWS))
    assert (refusal.value.code, refusal.value.detail["row"]) == ("KEY_CERTIFICATE_TOO_SHORT", 2)
    assert not world.store.batches.batches(states=(BatchState.CLOSED, BatchState.SIGNED))
    world.agencies._signers["credential"] = long
    report = world.issue_all(deposit_table(ROWS))
    assert (report.issued, report.already) == (len(ROWS), 0)


def test_a_certificate_that_became_shorter_signs_nothing(world: World) -> None:
    report = world.load(deposit_table(ROWS))
    assert report.job_id is not None
    [batch] = world.issue.close_import(report.job_id)
    swap(world, START + 2 * DAY_S)
    world.work()
    assert world.store.batches.batch(batch.id).state is not BatchState.SIGNED
    [dead] = world.store.outbox.jobs(dead=True)
    assert dead.code == "KEY_CERTIFICATE_TOO_SHORT"
    assert not world.store.signing.entries(batch.id)


@pytest.fixture
def here(demo_home: Path, tmp_path: Path) -> Installation:
    shutil.copytree(demo_home, tmp_path / "home")
    return open_home(
        load_settings({"ECERT_HOME": str(tmp_path / "home")}), ask=lambda _: "a password of a test"
    )


def authority(here: Installation) -> CertificateAuthority:
    uri = f"file:{here.home.keys / FUND / 'ca' / 'signing.key'}"
    return CertificateAuthority.load(uri, here.passwords, ENTROPY)


@pytest.mark.xdist_group("served")
@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    ("lie", "code"),
    [
        ("none", None),
        ("a stranger's root", "X5C_UNKNOWN_ROOT"),
        ("another agency's URL", "KEY_CERTIFICATE_OTHER"),
        ("another key's", "KEY_CERTIFICATE_OTHER"),
        ("ended", "X5C_EXPIRED_AT_ANCHOR"),
    ],
)
def test_a_certificate_that_came_with_a_key_is_checked(
    here: Installation, tmp_path: Path, lie: str, code: str | None
) -> None:
    made = new_key("credential", tmp_path / "new", lambda _: "a password of a test")
    uri, agency, now = f"file:{made.path}", here.record.agency(FUND), here.clock.now()
    signer = here.keyring.credential_signer(uri)
    here.keyring.forget(uri)
    term = {"not_before": now - 2 * DAY_S, "not_after": now + (-DAY_S if lie == "ended" else DAY_S)}
    ca = authority(here)
    if lie == "a stranger's root":
        ca = CertificateAuthority.new_root("Stranger", **term, entropy=ENTROPY)
    key = MemoryCredentialSigner.generate() if lie == "another key's" else signer
    url = "https://other.example" if lie == "another agency's URL" else agency.iss
    leaf = ca.issue_leaf(key.public_jwk, name="Fund", uri=url, **term)
    save_certificates(uri, (leaf, ca.certificate))
    if code is None:
        assert certify(here, agency, uri, None).x5c == (leaf, ca.certificate)
        assert here.home.kept_leaf(signer.thumbprint) == leaf
        return
    with pytest.raises((InputError, RefusedError)) as refusal:
        certify(here, agency, uri, None)
    assert refusal.value.code == code
    assert here.home.kept_leaf(signer.thumbprint) is None


@pytest.mark.xdist_group("served")
@pytest.mark.timeout(300)
def test_a_key_without_a_certificate_gets_a_good_one(here: Installation, tmp_path: Path) -> None:
    made = new_key("credential", tmp_path / "new", lambda _: "a password of a test")
    signer = certify(here, here.record.agency(FUND), f"file:{made.path}", None)
    assert here.home.kept_leaf(signer.thumbprint) == signer.x5c[0]
