"""Tables of people's signing keys and of requests that wait for a signature."""

from __future__ import annotations
