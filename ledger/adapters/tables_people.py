"""Tables of people: persons, roles, sessions, second factors, audit log."""

from __future__ import annotations
