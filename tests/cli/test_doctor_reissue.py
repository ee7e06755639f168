"""Permanent credentials whose certificate ends: found without any bundle, and never passed over in silence."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from ledger.adapters.pki import CertificateAuthority
from ledger.adapters.system import ManualClock
from ledger.apps.cli_doctor import TEXTS
from ledger.apps.working import open_work
from ledger.bootstrap import Installation, open_home
from ledger.bootstrap_demo import BUREAU, FUND
from ledger.bootstrap_doctor import FINAL_BITS, Finding, examine
from ledger.bootstrap_work import open_desk
from ledger.core.flow import DAY_S, BatchState
from ledger.core.x5c import leaf_facts
from ledger.settings import load_settings

pytestmark = [pytest.mark.xdist_group("demo"), pytest.mark.timeout(300)]
LEFT = 99


@pytest.fixture
def home(demo_home: Path, tmp_path: Path) -> Path:
    shutil.copytree(demo_home, tmp_path / "home")
    return tmp_path / "home"


def opened(home: Path) -> Installation:
    return open_home(load_settings({"ECERT_HOME": str(home)}))


def reissue(home: Path) -> list[Finding]:
    return [one for one in examine(opened(home)) if one.code.startswith("DOCTOR_REISSUE")]


def kept_file(home: Path) -> Path:
    """The kept certificate of the licence bureau's credential key."""
    thumbprint = opened(home).agencies.credential_signer(BUREAU).thumbprint
    return home / "pki" / f"leaf-{thumbprint.hex()}.der"


def shorten(home: Path) -> None:
    """As if that certificate had been made for a short time."""
    here = opened(home)
    ca = CertificateAuthority.load(
        f"file:{home / 'keys' / BUREAU / 'ca' / 'signing.key'}", here.passwords, here.entropy
    )
    end = here.clock.now() + LEFT * DAY_S + 3600
    leaf = ca.issue_leaf(
        here.agencies.credential_signer(BUREAU).public_jwk,
        name="bureau", uri="https://amr.example.org", not_before=end - 1000 * DAY_S, not_after=end,
    )  # fmt: skip
    kept_file(home).write_bytes(leaf)


def licences(home: Path) -> dict[int, int]:
    found = opened(home).store.batches.batches(BUREAU, (BatchState.RELEASED,))
    return {batch.id: batch.size for batch in found}


def test_a_long_certificate_is_no_finding_and_every_key_has_its_kept_one(home: Path) -> None:
    assert reissue(home) == []
    here = opened(home)
    for agency in here.record.agencies:
        for signer in (
            here.agencies.credential_signer(agency.uscc),
            here.agencies.status_signer(agency.uscc),
        ):
            kept = here.home.kept_leaf(signer.thumbprint)
            assert kept == signer.x5c[0]
            assert leaf_facts(kept).thumbprint == signer.thumbprint


@pytest.mark.parametrize("bundles", ["there", "handed out", "damaged"])
def test_an_old_certificate_is_told_whatever_became_of_the_bundles(home: Path, bundles: str) -> None:
    shorten(home)
    if bundles == "handed out":
        shutil.rmtree(home / "released")
        (home / "released").mkdir(mode=0o700)
    if bundles == "damaged":
        for path in (home / "released" / BUREAU).rglob("*.ecert.json"):
            path.write_bytes(b'{"credential": 7')
    found = reissue(home)
    assert {one.detail["batch"]: one.detail["size"] for one in found} == licences(home) != {}
    assert {(one.code, one.outcome, one.detail["days"]) for one in found} == {
        ("DOCTOR_REISSUE", "warning", LEFT)
    }


def test_a_new_key_does_not_hide_what_the_old_one_signed(home: Path) -> None:
    shorten(home)
    opened(home).use_key(BUREAU, "credential", f"file:{home / 'keys' / BUREAU / 'status' / 'signing.key'}")
    assert {one.code for one in reissue(home)} == {"DOCTOR_REISSUE"}


@pytest.mark.parametrize("lost", ["missing", "damaged", "of another key"])
def test_when_it_cannot_be_told_that_is_a_finding(home: Path, lost: str) -> None:
    kept, in_use = kept_file(home), home / "keys" / BUREAU / "credential" / "signing.crt"
    other = opened(home).agencies.status_signer(BUREAU).x5c[0]
    kept.unlink()
    assert reissue(home) == []  # the one in use tells it
    in_use.unlink()
    if lost == "damaged":
        kept.write_bytes(b"no certificate")
        in_use.write_bytes(b"none either")
    if lost == "of another key":
        kept.write_bytes(other)
    found = reissue(home)
    assert {(one.code, one.outcome) for one in found} == {("DOCTOR_REISSUE_UNKNOWN", "warning")}
    assert {one.detail["batch"] for one in found} == set(licences(home))
    for one in found:
        assert all(part.format(**one.detail).zh for part in TEXTS[one.code])


def test_only_what_has_not_ended_is_counted() -> None:
    word = 0x8 | 0x9 << 4 | 0x2 << 8 | 0xC << 252 | 0x1 << 16
    assert (word & FINAL_BITS).bit_count() == 3  # revoked, superseded, used; not suspended, pending


def lists(home: Path) -> list[Finding]:
    return [one for one in examine(opened(home)) if one.code.startswith("DOCTOR_LIST")]


def test_published_lists_that_ran_out_or_cannot_be_read_are_told(home: Path) -> None:
    here = opened(home)
    with open_work(here):
        open_desk(here).publisher.publish_all([BUREAU, FUND])
    assert [(one.code, one.outcome) for one in lists(home)] == [("DOCTOR_LISTS", "ok")]

    publisher = open_desk(here).publisher
    publisher._clock = ManualClock(here.clock.now() - 3600)  # as if nobody had published for an hour
    publisher.publish_all([BUREAU])
    [old] = lists(home)
    assert (old.code, old.outcome) == ("DOCTOR_LIST_ENDED", "warning")
    assert old.detail == {"issuer": BUREAU, "lists": "1"}

    for path in (home / "published").rglob("*.jwt"):
        path.write_bytes(b"\xff no token")
    assert [one.detail["issuer"] for one in lists(home)] == sorted([BUREAU, FUND])
