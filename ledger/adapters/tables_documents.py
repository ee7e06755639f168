"""Tables of printed documents: copies, their check codes and secrets, document batches."""

from __future__ import annotations
