"""An issuer of its own process: seals and signs on command, with the machine's clock.

Usage: python -m tests.mirror.issuer HOME
Commands on standard input, one a line: `anchor`, `suspend ROOT`, `check`. Each is answered by one line:
`anchored ROOT NUMBER`, `suspended NUMBER`, `checked NUMBER`.
"""

from __future__ import annotations

import sys
import time
from dataclasses import replace
from pathlib import Path

from ledger.settings import load_settings

load_settings()

from ledger.adapters.abi import issuer_id, keccak256  # noqa: E402  settings choose the hash library first
from ledger.adapters.chain_embedded.chain import EmbeddedChain  # noqa: E402
from ledger.adapters.chain_embedded.deploy import deploy_contracts  # noqa: E402
from ledger.adapters.checkpoint_file import CheckpointFile  # noqa: E402
from ledger.adapters.home_files import Agency, Home, HomeRecord, write_file  # noqa: E402
from ledger.adapters.system import ManualClock, SeededEntropy, SystemClock  # noqa: E402
from ledger.core.model import Purpose, WordChange  # noqa: E402
from ledger.core.status import Status  # noqa: E402
from tests.mirror_world import OPERATOR_KEY, Operator, make_world_trust  # noqa: E402
from tests.ports.chain_world import DEPLOYER, GOVERNANCE, ROOT, World, crew, founding  # noqa: E402

YEAR_S = 366 * 86_400
_AGE_S = 60
"""The ledger is so old when a test begins."""
_PATIENCE_S = 600
"""This operator signs on command alone: a slow machine must not make its last word too old."""


def found_home(folder: Path, now: int) -> Home:
    """A ledger whose root issuer can anchor, in a folder that `ecert node` serves; founded a moment before `now`."""
    home = Home(folder)
    home.create()
    clock = ManualClock(now - _AGE_S)
    chain = EmbeddedChain.create(home.chain_file, clock, SeededEntropy(7))
    deploy_contracts(chain, DEPLOYER, founding(), lambda: clock.advance(1))
    world, me, since, until = World(chain, clock), issuer_id(ROOT), now - 2 * _AGE_S, now + YEAR_S
    world.register_type(1)
    world.do("ledger", "open", (), GOVERNANCE)
    world.must("grantType", ROOT, me, 1, since, until)
    people = crew(ROOT)
    for role, person in ((2, people.operator), (3, people.maker), (4, people.approver)):
        world.must("setRole", ROOT, me, person.signer_id, role, 0, since, until)
    world.must("registerKey", ROOT, me, keccak256(b"credentials"), int(Purpose.CREDENTIAL), since, until)
    world.must("registerKey", ROOT, me, OPERATOR_KEY.thumbprint, int(Purpose.CHECKPOINT), since, until)
    write_home(home, Operator(chain, clock))
    chain.close()
    return home


def write_home(home: Home, operator: Operator) -> None:
    """What `ecert node` needs beside the chain."""
    agency = Agency(ROOT, "根机关", "Root agency", "https://root.example", "990000")
    home.save(HomeRecord("demo", operator.clock.now(), (agency,), ready=True))
    write_file(home.trust_file, make_world_trust(operator, mirror_age_s=_PATIENCE_S))


def tell(*words: object) -> None:
    """One answer."""
    sys.stdout.write(" ".join(map(str, words)) + "\n")
    sys.stdout.flush()


def main() -> None:
    """Serve commands until standard input ends."""
    home, clock = Home(Path(sys.argv[1])), SystemClock()
    chain = EmbeddedChain.open(home.chain_file, clock, accept_clock=True)
    world, book = World(chain, ManualClock(clock.now())), CheckpointFile(home.checkpoints_file)
    number = int(sys.argv[2]) if len(sys.argv) > 2 else 0

    def seal() -> int:
        while chain.seal() is None:
            time.sleep(0.05)
        return sign()

    def sign() -> int:
        signer = Operator(chain, ManualClock(clock.now()))
        book.keep(signer.state(), "operator")
        return chain.head().number

    tell("ready", sign())
    for line in sys.stdin:
        world.clock = ManualClock(clock.now())
        command, *words = line.split()
        if command == "anchor":
            number += 1
            batch = replace(world.batch(ROOT, number), key=1)
            world.submit("ledger", "anchor", world.anchor_args(batch), crew(ROOT).operator)
            tell("anchored", batch.root.hex(), seal())
        elif command == "suspend":
            change = WordChange(0, 15, int(Status.SUSPENDED))
            args = (issuer_id(ROOT), bytes.fromhex(words[0]), issuer_id(ROOT), 4)
            tuples = [(change.word, change.mask, change.value)]
            world.submit("ledger", "suspend", (*args, tuples), crew(ROOT).operator)
            tell("suspended", seal())
        else:
            tell("checked", sign())


if __name__ == "__main__":
    main()
