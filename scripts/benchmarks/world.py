"""A small installation in a temporary folder, and the same claims as a peer takes them."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

from ledger.adapters.format_sd_jwt import SdJwtFormat
from ledger.adapters.release_folder import FileReleaseFolder, MemoryReleaseFolder
from ledger.adapters.row_readers import open_rows
from ledger.adapters.signer_memory import MemoryCredentialSigner
from ledger.adapters.system import ManualClock
from ledger.core.receipt import parse_bundle
from ledger.core.trust import ContractPin, Trust, load_trust_bytes, make_trust, sign_trust
from ledger.demo_data import deposit_rows, write_csv
from tests.flow_world import ISSUER, START, World, chain_signer, found


@contextmanager
def installation(*, files: bool = True) -> Iterator[World]:
    """A founded ledger whose clock moves a second a block, durable as in production.

    Args:
        files: False keeps the finished bundles in memory instead of one file each.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "home"
        clock = ManualClock(START)
        found(folder, clock)
        released = FileReleaseFolder if files else lambda _path: MemoryReleaseFolder()
        world = World(folder, clock, make_released=released)
        try:
            yield world
        finally:
            world.close()


def deposit_file(folder: Path, count: int, first: int = 0) -> Path:
    """A GB18030 export of `count` accounts from number `first` on."""
    path = folder / f"deposits-{first}-{count}.csv"
    write_csv(path, deposit_rows(count, first=first))
    return path


def issue_file(world: World, path: Path, digest: bytes) -> int:
    """The whole path: rows read, checked, signed, approved, anchored, receipts and bundles written.

    Returns the number of rows issued.
    """
    report = world.issue.import_rows(open_rows(path), world.plan(max_batch=10_000, chunk=2_000), digest)
    if report.job_id is None or not report.accepted:
        raise RuntimeError(f"the file was refused: {report.errors[:3]}")
    world.issue.close_import(report.job_id)
    world.finish()
    return report.issued


def peer_claims(bundle: bytes) -> tuple[dict[str, Any], list[str], list[str]]:
    """The claims of a bundle of ours as openvc's `issue` takes them: claims, disclosable names, x5c."""
    credential = SdJwtFormat().parse(parse_bundle(bundle).credential)
    names = list(credential.disclosed)
    claims = {key: value for key, value in credential.claims.items() if not key.startswith("_sd")}
    return claims, names, list(credential.header["x5c"])


def trust_of(world: World) -> Trust:
    """A trust file of this installation, as `ecert init` writes it."""
    info, key = world.chain.info(), MemoryCredentialSigner.generate()
    document = make_trust(
        mode="demo",
        ledger_id=info.ledger_id,
        chain_id=info.chain_id,
        registry=ContractPin(info.registry, info.registry_code_hash),
        ledger=ContractPin(info.ledger, info.ledger_code_hash),
        root_issuer=ISSUER,
        governance=chain_signer("governance").address,
        x509_anchors=[(world.folder / "root.ca").read_bytes()],
        types={ref: kind.file_hash for ref, kind in world.types.items()},
        not_after=date(2030, 1, 1),
        keys=[key.public_jwk],
    )
    return load_trust_bytes(sign_trust(document, [key]))
