"""What the registry's constructor fixes, for every chain that can be founded."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Founding:
    """What the registry's constructor fixes for ever.

    `governance`: 20 bytes. `admin1`, `admin2`: signer ids of the root issuer's first admins.
    `directory_hash`: of the root issuer's directory entry.
    """

    governance: bytes
    root_issuer: str
    admin1: bytes
    admin2: bytes
    directory_hash: bytes
