"""Tables of uploads on their way into an import, and of drafts of single issues."""

from __future__ import annotations
