"""All checks of a bundle with a warm view, against openvc and against the bare signature check."""

from __future__ import annotations

import random
from collections.abc import Callable

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from openvc.proof.sd_jwt import SdJwtVcProofSuite

from ledger.adapters.format_sd_jwt import SdJwtFormat
from ledger.adapters.json_orjson import read_json
from ledger.adapters.type_files import load_types
from ledger.core.receipt import parse_bundle
from ledger.services.verify import Verifier
from scripts.benchmarks.measure import Figure, interleave, rate_figure
from scripts.benchmarks.world import deposit_file, installation, issue_file, trust_of

BUNDLES = 2_000
BATCHES = 2
"""Trees of 1,000 leaves have paths of 10 nodes. Every bundle is another one, and batches take turns."""


def run(rounds: int) -> list[Figure]:
    with installation(files=False) as world:
        for batch in range(BATCHES):
            rows = deposit_file(world.folder, BUNDLES // BATCHES, batch * BUNDLES)
            issue_file(world, rows, b"verify-%d".ljust(32, b"-") % batch)
        bundles = [bundle for batch in world.released.batches.values() for bundle in batch.values()]
        random.Random(BUNDLES).shuffle(bundles)  # noqa: S311 (an order, no secret): as at a counter
        world.follower.advance()
        verifier = Verifier(trust_of(world), SdJwtFormat(), load_types(), world.view, read_json)
        now = world.clock.now()
        refused = [b for b in bundles if not verifier.verify(b, now=now).accepted]
        if refused:
            report = verifier.verify(refused[0], now=now)
            raise RuntimeError(f"{len(refused)} refused: {report.verdict.code}")
        parsed = [SdJwtFormat().parse(parse_bundle(b).credential) for b in bundles]
        jwk = dict(world.agencies.credential_signer("12990100XXXX000190").public_jwk)
        suite = SdJwtVcProofSuite()

        def ours() -> None:
            for bundle in bundles:
                verifier.verify(bundle, now=now)

        def openvc() -> None:
            for credential in parsed:
                suite.verify(credential.text, public_key_jwk=jwk)

        figures = []
        peers: list[tuple[str, Callable[[], None], float]] = [
            ("openvc suite.verify(public_key_jwk)", openvc, 1.0),
            ("raw ES256 verify of cryptography", _raw(parsed, jwk), 0.4),
        ]
        for name, theirs, goal in peers:
            pair = interleave(ours, theirs, rounds)
            work = "verify, all checks, warm view"
            figures.append(rate_figure(work, name, pair, (BUNDLES, BUNDLES), goal))
    return figures


def _raw(parsed: list, jwk: dict[str, str]) -> Callable[[], None]:  # type: ignore[type-arg]
    import base64

    def number(text: str) -> int:
        return int.from_bytes(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)), "big")

    key = ec.EllipticCurvePublicNumbers(number(jwk["x"]), number(jwk["y"]), ec.SECP256R1()).public_key()
    algorithm = ec.ECDSA(hashes.SHA256())
    work = []
    for credential in parsed:
        r, s = (
            int.from_bytes(part, "big") for part in (credential.signature[:32], credential.signature[32:])
        )
        work.append((encode_dss_signature(r, s), credential.signing_input))

    def theirs() -> None:
        for signature, message in work:
            key.verify(signature, message, algorithm)

    return theirs
