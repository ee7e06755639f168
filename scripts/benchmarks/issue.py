"""The whole issue path a CPU-second, durable, against the bare signing of the same credentials by openvc.

Ours: a GB18030 file is read, every row checked, encrypted, stored with synchronous=FULL, signed, put
in a tree, approved by two keys, anchored, and written out as bundles. Theirs: `issue` alone.
"""

from __future__ import annotations

from openvc.keys import P256SigningKey
from openvc.proof.sd_jwt import SdJwtVcProofSuite

from scripts.benchmarks.measure import Figure, interleave, rate_figure
from scripts.benchmarks.world import deposit_file, installation, issue_file, peer_claims

ROWS = 5_000
PEER_ROWS = 2_000


def run(rounds: int) -> list[Figure]:
    with installation() as world:
        warm = deposit_file(world.folder, 200, first=9_000_000)
        issue_file(world, warm, b"warm".ljust(32, b"-"))
        claims, names, x5c = peer_claims(next(iter(world.bundles().values())))
        suite, key = SdJwtVcProofSuite(), P256SigningKey.generate("peer")
        files = [deposit_file(world.folder, ROWS, first=i * ROWS) for i in range(rounds)]

        def ours() -> None:
            path = files.pop(0)
            if issue_file(world, path, path.name.encode().ljust(32, b"-")) != ROWS:
                raise RuntimeError("not every row was issued")

        def theirs() -> None:
            for _ in range(PEER_ROWS):
                suite.issue(claims, signing_key=key, disclosable=names, x5c=x5c)

        pair = interleave(ours, theirs, rounds)
    return [
        rate_figure(
            "whole issue path, rows a CPU-second",
            "openvc SdJwtVcProofSuite.issue, same claims, disclosures, x5c",
            pair,
            (ROWS, PEER_ROWS),
            0.9,
        )
    ]
