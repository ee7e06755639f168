"""Tables of counters that limit how often somebody may ask."""

from __future__ import annotations
