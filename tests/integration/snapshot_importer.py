"""A process that imports two snapshots in turns, for ever: to be killed.

Usage: python -m tests.integration.snapshot_importer HOME TRUST WHOLE DELTA. Tells "ready", then one line an import.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from ledger.bootstrap_snapshot import import_snapshots
from ledger.settings import Settings


def main() -> None:
    home, trust, *files = map(Path, sys.argv[1:])
    os.write(1, b"ready\n")
    while True:
        for file in files:
            done = import_snapshots(Settings(home), [file], trust, allow_older=True)
            os.write(1, b"%d\n" % done.header.block.number)


if __name__ == "__main__":
    main()
