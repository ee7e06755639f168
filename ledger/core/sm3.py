"""SM3 digest (GB/T 32905-2016), as the vectors and later seal formats need it.

No arithmetic of our own: `cryptography` computes it.
"""

from __future__ import annotations

from cryptography.hazmat.primitives.hashes import SM3, Hash


def sm3(data: bytes) -> bytes:
    """32-byte SM3 digest of `data`."""
    digest = Hash(SM3())
    digest.update(data)
    return digest.finalize()
