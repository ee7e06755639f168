"""What the ledger's governance key does itself: it announces new admins of the root, which nobody stands above."""

from __future__ import annotations

from ledger.adapters.carrier import DirectCarrier
from ledger.bootstrap import Installation
from ledger.bootstrap_work import open_bench
from ledger.core.errors import RefusedError
from ledger.ports import ChainSigner, ContractCall, Step
from ledger.services.registry import require_done


def announce_root_reset(
    here: Installation, issuer: str, new_admins: tuple[bytes, bytes], governance: ChainSigner
) -> None:
    """Announce that these two become the root's admins in 24 hours; the root's own admins may take it back.

    The contract asks for the governance key's own transaction, so this process sends it: no worker may run.

    Raises:
        RefusedError: NOT_THE_ROOT, or the contract's error.
        UnavailableError: CHAIN_LOCKED while a worker runs.
    """
    root = next(record.issuer for record in here.view.issuers() if record.parent is None)
    if issuer != root:
        raise RefusedError(
            "NOT_THE_ROOT",
            f"The governance key resets the root {root} only; for {issuer}, two admins of an agency above it do.",
            issuer=issuer,
            root=root,
        )
    call = ContractCall("registry", "scheduleRootReset", new_admins)
    with open_bench(here) as bench:
        require_done(DirectCarrier(bench.chain).carry([Step(call, governance)])[0], call)
        bench.advance()
