"""A ledger for electronic licences and housing-provident-fund deposit proofs.

What a third party needs to verify a bundle; everything else is private.

    import ledger

    verifier = ledger.open_verifier("trust.json", "ledger-home")
    report = verifier.verify(open("proof.ecert.json", "rb").read())
    print(report.accepted, report.verdict.text["zh"])

The names are loaded when first used, so that `import ledger` costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

__all__ = [
    "CheckId",
    "CheckResult",
    "LedgerError",
    "Outcome",
    "Report",
    "load_trust",
    "open_verifier",
    "open_view",
]

_HOMES = {
    "CheckId": "ledger.core.report",
    "CheckResult": "ledger.core.report",
    "LedgerError": "ledger.core.errors",
    "Outcome": "ledger.core.report",
    "Report": "ledger.core.report",
    "load_trust": "ledger.bootstrap",
    "open_verifier": "ledger.bootstrap",
    "open_view": "ledger.bootstrap",
}


def __getattr__(name: str) -> Any:
    """Loads one of the public names (PEP 562)."""
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'ledger' has no attribute {name!r}")
    return getattr(import_module(home), name)


def __dir__() -> list[str]:
    return sorted(__all__)
