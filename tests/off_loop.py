"""Runs what starts an event loop of its own in a thread: browser tests leave one running in theirs."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any


def off_loop(function: Callable[..., Any], *args: Any, **more: Any) -> Any:
    """What the function gives; its exception comes through."""
    with ThreadPoolExecutor(max_workers=1) as thread:
        return thread.submit(function, *args, **more).result()
