"""Time, randomness and free ports of this machine, and their memory versions for tests.

The only module that asks the operating system for them. The memory versions give the same answers
each time: they are for tests and benches, bootstrap never wires them.
"""

from __future__ import annotations

import http
import http.client
import os
import random
import socket
import time
from array import array
from collections.abc import Sequence

_RANDOM_BYTES = 8

ANSWER_S = 2.0


class SystemClock:
    """The machine's clock (port Clock)."""

    def now(self) -> int:
        return int(time.time())

    def monotonic(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Wait; not part of the port, since only the edge of a process may."""
        time.sleep(seconds)


class SystemEntropy:
    """The operating system's random source (port Entropy)."""

    def token(self, size: int) -> bytes:
        return os.urandom(size)

    def permutation(self, size: int) -> Sequence[int]:
        # Sorting by 64 random bits each: a shuffle asks the system once for every place. Two equal keys
        # among 10,000 (one in 10^11) would keep their order, which tells nothing.
        keys = array("Q", os.urandom(_RANDOM_BYTES * size))
        return sorted(range(size), key=keys.__getitem__)


def free_port(host: str) -> int:
    """A TCP port of this machine that nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind((host, 0))
        port: int = probe.getsockname()[1]
        return port


def is_answering(host: str, port: int, path: str) -> bool:
    """True when a web server there answers this path with 200."""
    connection = http.client.HTTPConnection(host, port, timeout=ANSWER_S)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


class ManualClock:
    """A clock that moves only when told to.

    Args:
        now: seconds since 1970 UTC at the start.
    """

    def __init__(self, now: int) -> None:
        self._now = now
        self._monotonic = 0.0

    def now(self) -> int:
        return self._now

    def monotonic(self) -> float:
        return self._monotonic

    def advance(self, seconds: int) -> None:
        """Both clocks move on, as they do when nobody touches the machine's time."""
        self._now += seconds
        self._monotonic += seconds

    def set(self, now: int) -> None:
        """Somebody touched the machine's time: the monotonic clock does not move."""
        self._now = now


class SeededEntropy:
    """The same "random" answers for the same seed: never for real credentials.

    Args:
        seed: any integer.
    """

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)  # noqa: S311  reproducible on purpose

    def token(self, size: int) -> bytes:
        return self._random.randbytes(size)

    def permutation(self, size: int) -> Sequence[int]:
        order = list(range(size))
        self._random.shuffle(order)
        return order
