"""A process that sends anchors and seals them, telling what it was promised; killed by its tests.

Usage: python -m tests.integration.chain_sealer CHAIN_FILE START_NUMBER
Writes `ready`, then a line per promise: `sent HASH ROOT` once the chain has it durably, `final HASH`
once it is in a block. Its clock advances one second a block.
"""

from __future__ import annotations

import sys
from pathlib import Path

from ledger.settings import load_settings


def main() -> None:
    load_settings()
    from ledger.adapters.chain_embedded.chain import EmbeddedChain
    from ledger.adapters.chain_embedded.reader import EmbeddedReader
    from ledger.adapters.system import ManualClock
    from tests.ports.chain_world import ROOT, World, crew

    path, number = Path(sys.argv[1]), int(sys.argv[2])
    reader = EmbeddedReader(path)
    clock = ManualClock(reader.head().time)
    reader.close()
    chain = EmbeddedChain.open(path, clock)
    clock.advance(1)
    chain.seal()  # what an earlier process left waiting
    world = World(chain, clock)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    while True:
        sent = []
        for _ in range(1 + number % 4):
            number += 1
            batch = world.batch(ROOT, number)
            transaction = world.submit("ledger", "anchor", world.anchor_args(batch), crew(ROOT).operator)
            sent.append(transaction)
            sys.stdout.write(f"sent {transaction.hex()} {batch.root.hex()}\n")
            sys.stdout.flush()
        world.seal()
        sys.stdout.write("".join(f"final {transaction.hex()}\n" for transaction in sent))
        sys.stdout.flush()


if __name__ == "__main__":
    main()
