"""`ecert proof`, `ecert guide`, `ecert verify-receipt` as a person types them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ledger.bootstrap_web import open_web
from ledger.core.proof import encode_proof
from ledger.settings import Settings
from tests.cli.clerk import Clerk, clerk_of_a_copy

pytestmark = pytest.mark.xdist_group("demo")


@pytest.fixture(scope="module")
def clerk(demo_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Clerk:
    return clerk_of_a_copy(demo_home, tmp_path_factory.mktemp("public"))


def test_a_downloaded_proof_is_checked_with_the_ledger_at_hand(clerk: Clerk, tmp_path: Path):
    parts = open_web(Settings(clerk.home))
    anchor = next(anchor for anchor in parts.explorer.anchors() if anchor.type_id)
    proof = parts.explorer.entry(anchor.issuer, anchor.root, 0).proof
    parts.here.store.close()
    file = tmp_path / "entry.proof.json"
    file.write_bytes(encode_proof(proof))
    told = clerk.ask("proof", file)
    assert [check["outcome"] for check in told["checks"]] == ["passed"] * 4
    lie = json.loads(file.read_text())
    lie["entry"] = "0x" + "ab" * 32
    file.write_text(json.dumps(lie))
    assert clerk.ask("proof", file, code=1)["checks"][1]["code"] == "PROOF_NOT_INCLUDED"
    file.write_text("{}")
    assert clerk.run("proof", file).code == 2


def test_a_guide_is_published_whole_or_not_at_all(clerk: Clerk, tmp_path: Path):
    before = clerk.ask("guide", "list")["guides"]
    assert len(before) == 4
    example = json.loads(
        (Path(__file__).parents[2] / "ledger/guides/rent_withdrawal.json").read_text("utf-8")
    )
    file = tmp_path / "guide.json"
    file.write_text(json.dumps({**example, "code": "NEW_ONE"}), encoding="utf-8")
    assert clerk.ask("guide", "publish", file)["code"] == "NEW_ONE"
    file.write_text(json.dumps({key: value for key, value in example.items() if key != "fees"}))
    refused = clerk.run("guide", "publish", file)
    assert refused.code == 2
    assert len(clerk.ask("guide", "list")["guides"]) == 5


def test_a_file_that_is_no_receipt_is_refused(clerk: Clerk, tmp_path: Path):
    file = tmp_path / "receipt.jwt"
    file.write_text("a.b.c")
    ran = clerk.run("verify-receipt", file)
    assert ran.code == 2
