"""How often somebody may ask, and how long a wrong answer makes them wait: the rules, without any storage.

A bucket per kind and client holds a burst and fills evenly. Beside it wrong answers are counted: the
first few cost nothing, each further one doubles the wait up to a longest one. Nothing is ever locked:
a right answer is let through once the wait is over, and only the client that was wrong waits.

A machine's clock may be set back: nobody then waits longer than the longest wait of the rule.
"""

from __future__ import annotations

import ipaddress
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import lru_cache

MINUTE_S = 60
DAY_S = 86_400
IPV6_NETWORK_BITS = 64  # one subscriber's own network (RFC 6177); single addresses of it are free to choose
SHARES_OF_A_BURST = 8


class LimitKind(StrEnum):
    """What is limited."""

    CHECK = "check"
    """Checks of what somebody holds, per client."""
    ASK = "ask"
    """Other public questions (explorer, directory, searches), per client."""
    CODE = "code"
    """Proof number and check code, per client; wrong ones make it wait."""
    SIGN_IN = "sign_in"
    """Attempts to log in, per client; wrong ones make it wait."""
    ACCOUNT = "account"
    """Attempts to log in, per account; wrong ones make it wait, shortly: nobody may lock a colleague out."""
    SECOND_FACTOR = "second_factor"
    """Codes and recovery codes, per account; wrong ones make it wait."""
    TOKEN = "token"  # noqa: S105  (a word, no secret)
    """Calls of a program, per token."""
    TOKEN_WRONG = "token_wrong"  # noqa: S105
    """Calls with a token that does not exist, per client; each makes it wait."""
    UPLOAD = "upload"
    """Files handed in for import, per person."""
    NODE = "node"
    """Blocks, checkpoints, tiles, per client: a mirror asks every second, and a new one for everything."""
    NODE_SIGN = "node_sign"
    """Co-signatures handed in, per client."""


@dataclass(frozen=True, slots=True)
class Rule:
    """How much of a kind one client may have.

    Args:
        burst: how many at once, at least 1.
        per_minute: how many more each minute, evenly.
        share: how many a process may take at once and give out on its own; 1: each is counted at once.
        free_failures: wrong answers that cost nothing.
        first_wait_s: after the first that costs; doubles with each further one.
        longest_wait_s: no wait is longer; 0: wrong answers are not counted.
        forget_after_s: this long after the newest wrong answer all are forgotten.
        is_open: goes on, counted in the process alone, while the counters cannot be reached.
    """

    burst: int
    per_minute: int
    share: int = 1
    free_failures: int = 0
    first_wait_s: int = 1
    longest_wait_s: int = 0
    forget_after_s: int = DAY_S
    is_open: bool = False

    @property
    def fills_in_s(self) -> int:
        """Seconds until an empty bucket is full."""
        return math.ceil(self.burst * MINUTE_S / self.per_minute)


def flowing(per_minute: int) -> Rule:
    """A minute's worth at once, shared out to processes, never refused for want of the counters."""
    return Rule(per_minute, per_minute, share=max(1, per_minute // SHARES_OF_A_BURST), is_open=True)


RULES: Mapping[LimitKind, Rule] = {
    LimitKind.CHECK: flowing(60),  # the setting ECERT_CHECKS_PER_MINUTE takes its place
    LimitKind.ASK: flowing(120),
    LimitKind.CODE: Rule(20, 20, free_failures=3, first_wait_s=2, longest_wait_s=900),
    LimitKind.SIGN_IN: Rule(20, 20, free_failures=5, first_wait_s=2, longest_wait_s=900),
    LimitKind.ACCOUNT: Rule(20, 20, free_failures=5, first_wait_s=1, longest_wait_s=60),
    LimitKind.SECOND_FACTOR: Rule(10, 10, free_failures=3, first_wait_s=2, longest_wait_s=900),
    LimitKind.TOKEN: flowing(12_000),
    LimitKind.TOKEN_WRONG: Rule(20, 20, free_failures=3, first_wait_s=2, longest_wait_s=300),
    LimitKind.UPLOAD: Rule(30, 30),
    LimitKind.NODE: flowing(1_200),
    LimitKind.NODE_SIGN: flowing(240),
}


@dataclass(frozen=True, slots=True)
class Counter:
    """What is known about one client and kind. Times are seconds since 1970.

    Args:
        level: what the bucket held at `filled_at`.
        filled_at: when that was.
        failures: wrong answers in a row.
        failed_at: the newest of them.
        waits_until: nothing is let through before.
    """

    level: float
    filled_at: int
    failures: int = 0
    failed_at: int = 0
    waits_until: int = 0


def fresh(rule: Rule, now: int) -> Counter:
    """Of somebody who was never seen."""
    return Counter(float(rule.burst), now)


def as_of(rule: Rule, counter: Counter, now: int) -> Counter:
    """The same counter now: filled up, what is old forgotten, no wait longer than the rule's longest."""
    passed = max(0, now - counter.filled_at)
    level = min(float(rule.burst), counter.level + passed * rule.per_minute / MINUTE_S)
    known = replace(counter, level=level, filled_at=now)
    if known.failures and now - known.failed_at >= rule.forget_after_s:
        return replace(known, failures=0, failed_at=0, waits_until=0)
    return replace(known, waits_until=min(known.waits_until, now + rule.longest_wait_s))


def take(rule: Rule, counter: Counter, now: int, count: int = 1, wanted: int = 1) -> tuple[Counter, int, int]:
    """Take at least `count`, at best `wanted`, from the bucket.

    Returns: the counter afterwards, how many were taken (0 or `count`..`wanted`), seconds to wait
        when none were.
    """
    known = as_of(rule, counter, now)
    if known.waits_until > now:
        return known, 0, known.waits_until - now
    if known.level < count:
        return known, 0, max(1, math.ceil((count - known.level) * MINUTE_S / rule.per_minute))
    taken = min(max(count, wanted), int(known.level))
    return replace(known, level=known.level - taken), taken, 0


def fail(rule: Rule, counter: Counter, now: int) -> tuple[Counter, int]:
    """One more wrong answer: the counter afterwards, and how long this client waits from now on."""
    known = as_of(rule, counter, now)
    failures = known.failures + 1
    costly = failures - rule.free_failures
    wait_s = 0 if costly <= 0 else min(rule.longest_wait_s, rule.first_wait_s << min(costly - 1, 30))
    until = max(known.waits_until, now + wait_s)
    return replace(known, failures=failures, failed_at=now, waits_until=until), until - now


def forgiven(counter: Counter) -> Counter:
    """The right answer came: its wrong ones are forgotten, what it took stays taken."""
    return replace(counter, failures=0, failed_at=0, waits_until=0)


def expires_at(rule: Rule, counter: Counter) -> int:
    """From then on the counter says no more than that of somebody who was never seen."""
    full_at = counter.filled_at + math.ceil((rule.burst - counter.level) * MINUTE_S / rule.per_minute)
    forgotten_at = counter.failed_at + rule.forget_after_s if counter.failures else 0
    return max(full_at, forgotten_at)


@lru_cache(maxsize=1024)
def client_name(address: str | None) -> str:
    """Whom an address stands for: an IPv6 one for its /64 network, an IPv4 one for itself.

    Args:
        address: as the connection or our own proxy named it; anything unreadable is one client.
    """
    try:
        parsed = ipaddress.ip_address(address or "")
    except ValueError:
        return "unknown"
    if isinstance(parsed, ipaddress.IPv4Address):
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.ip_network((int(parsed), IPV6_NETWORK_BITS), strict=False).network_address)
