"""Tables of the verifier's desk: look-ups, history, receipts, watches."""

from __future__ import annotations
