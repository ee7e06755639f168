"""`ecert trust` as keepers type it, and what a ledger does once its trust file names a witness."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from ledger.adapters.home_files import Home
from ledger.adapters.signer_file import Keyring
from ledger.adapters.trust_files import HomeTrust
from ledger.bootstrap_node import open_node
from ledger.core.checkpoint import encode_checkpoint, sign_checkpoint
from ledger.demo_data import deposit_rows
from tests.cli.clerk import DEPOSIT, Clerk, batch_of, clerk_of_a_copy, results, written

pytestmark = [pytest.mark.xdist_group("demo"), pytest.mark.timeout(600)]
PASSWORD = "a witness's long password"


@pytest.fixture(scope="module")
def clerk(demo_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Clerk:
    return clerk_of_a_copy(demo_home, tmp_path_factory.mktemp("trust"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where keys and drafts lie."""
    return tmp_path_factory.mktemp("keepers")


def make_key(clerk: Clerk, folder: Path, name: str) -> Path:
    """A key of somebody else, and its public file."""
    place, password = folder / name, folder / "password"
    password.write_text(PASSWORD + "\n")
    password.chmod(0o600)
    given = {"ECERT_PASSWORD_FILE": str(password)}
    assert clerk.run("key", "new", "--kind", "credential", "--out", place, **given).code == 0
    out = folder / f"{name}.jwk"
    made = clerk.run("trust", "public", "--key", place, "--name", f"{name} 银行", "--out", out, **given)
    assert made.code == 0, made.err
    assert set(json.loads(out.read_text())) == {"crv", "kty", "x", "y", "name"}
    return out


def refuse(clerk: Clerk, code: str, *argv: object) -> None:
    assert clerk.ask("trust", *argv, code=2)["error"]["code"] == code


def test_a_witness_is_named_step_by_step_and_nothing_leaves_without_it(clerk: Clerk, folder: Path) -> None:
    first = clerk.ask("trust", "show")
    assert (first["version"], first["sets"]["witnesses"], first["signed"]["enough"]) == (
        1, {"threshold": 0, "keys": []}, True,
    )  # fmt: skip
    mine, verifiers = folder / "mine.json", folder / "verifier.json"
    shutil.copy(clerk.home / "trust.json", verifiers)
    public = make_key(clerk, folder, "anna")

    made = clerk.ask("trust", "next", "--out", mine, "--add-witness", public, "--witnesses", 1)
    assert made["version"] == 2
    refuse(clerk, "TRUST_SIGNATURE", "take", mine)
    signed = clerk.ask("trust", "sign", mine)  # with the demo's own trust key
    assert signed["signed"]["enough"] is True
    assert [key["name"] for key in signed["sets"]["witnesses"]["keys"]] == ["anna 银行"]
    assert clerk.ask("trust", "take", mine)["version"] == 2
    assert clerk.ask("trust", "take", mine)["version"] == 2  # again: no effect
    assert "见证机构:1 / 1" in clerk.run("trust", "show").out
    assert HomeTrust(Home(clerk.home)).versions() == [1, 2]
    assert clerk.ask("trust", "take", mine, "--trust", verifiers)["version"] == 2  # a verifier's own file

    file = written(folder / "rows.csv", deposit_rows(2, first=8_800_000))
    clerk.ask("issue", *DEPOSIT, file)
    batch = batch_of(file)
    clerk.ask("batch", "make", batch, "--key", clerk.key("maker"))
    told = clerk.run("batch", "approve", batch, "--key", clerk.key("approver"))
    assert (told.code, "等待见证机构" in told.out) == (0, True), told.out + told.err
    assert clerk.ask("batch", "show", batch)["state"] == "approved"
    assert clerk.run("worker", "--once").code == 0

    home = Home(clerk.home)
    node = open_node(home, home.load())
    seen = node.checkpoint().checkpoint
    witness = Keyring(lambda _uri: PASSWORD).credential_signer(f"file:{folder / 'anna' / 'signing.key'}")
    assert node.take(encode_checkpoint(sign_checkpoint(seen, witness))) == seen.block.number
    assert clerk.run("worker", "--once").code == 0
    assert clerk.ask("batch", "show", batch)["state"] == "released"
    report = clerk.ask("verify", clerk.bundle(results(file)[0]["identifier"]))
    finality = next(check for check in report["checks"] if check["id"] == "finality")
    assert (report["accepted"], finality["code"]) == (True, "WITNESSED")


def test_drafts_are_refused_where_they_do_not_fit(clerk: Clerk, folder: Path) -> None:
    draft = folder / "draft.json"
    stranger = make_key(clerk, folder, "berta")
    refuse(clerk, "TRUST_KEY_UNKNOWN", "next", "--out", draft, "--remove-witness", "A" * 43)
    refuse(clerk, "TRUST_THRESHOLD", "next", "--out", draft, "--witnesses", 9)
    refuse(clerk, "JWK_INVALID", "next", "--out", draft, "--add-key", clerk.home / "trust.json")
    private = folder / "private.jwk"
    private.write_text(json.dumps({**json.loads(stranger.read_text()), "d": "AAAA"}))
    refuse(clerk, "JWK_PRIVATE", "next", "--out", draft, "--add-key", private)
    assert not draft.exists()
    clerk.ask("trust", "next", "--out", draft, "--until", "2030-01-01", "--restore-notice", "5-7@1800000000")
    password = {"ECERT_PASSWORD_FILE": str(folder / "password")}
    wrong = clerk.run("trust", "sign", draft, "--key", folder / "berta", "--json", **password)
    assert (wrong.code, "TRUST_SIGNER" in wrong.out) == (2, True)
    assert clerk.run("trust", "next", "--out", draft, "--restore-notice", "7-5@1").code == 2
    assert clerk.run("trust", "next", "--out", draft, "--until", "2030-13-01").code == 2
    shown = clerk.run("trust", "show", draft, "--lang", "en").out
    assert "Restored: blocks 5 to 7" in shown
    assert "Signatures: of this version 0 of 1" in shown
