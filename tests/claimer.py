"""A process that claims and finishes jobs of one database until none is left; prints what it did."""

from __future__ import annotations

import sys
from pathlib import Path

from ledger.adapters.store_sql import open_store
from ledger.adapters.system import SystemClock
from ledger.core.flow import JobKind, NewJob


def main() -> None:
    """`python -m tests.claimer FILE NAME`."""
    store = open_store(Path(sys.argv[1]), SystemClock())
    sys.stdin.readline()  # everybody starts at once
    while (lease := store.outbox.claim((JobKind.CALL,), sys.argv[2], 600)) is not None:
        store.outbox.finish(lease, [NewJob(JobKind.PUBLISH, f"follows {lease.job.id}")])
        sys.stdout.write(f"{lease.job.id}\n")
    store.close()


if __name__ == "__main__":
    main()
