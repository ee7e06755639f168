"""Network namespaces for tests: an issuer in the middle, mirrors around it, each wire can be cut."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

MIRRORS = ("a", "b")


def ip(*words: str) -> None:
    """One `ip` command, which must work."""
    subprocess.run(["ip", *words], check=True, capture_output=True)


@dataclass(frozen=True)
class Spaces:
    """Names of the namespaces; `issuer_at` is the issuer's address on the wire to each mirror."""

    issuer: str
    mirrors: dict[str, str]
    issuer_at: dict[str, str]

    def cut(self, mirror: str) -> None:
        """Nothing gets through any more; nobody is told."""
        ip("-n", self.mirrors[mirror], "link", "set", "wire", "down")

    def mend(self, mirror: str) -> None:
        ip("-n", self.mirrors[mirror], "link", "set", "wire", "up")


@contextmanager
def spaces() -> Iterator[Spaces]:
    """Made now, gone afterwards, with all that is in them."""
    mark = f"ec{os.getpid()}"
    issuer = f"{mark}i"
    mirrors = {name: f"{mark}{name}" for name in MIRRORS}
    made: list[str] = []
    try:
        for name in (issuer, *mirrors.values()):
            ip("netns", "add", name)
            made.append(name)
            ip("-n", name, "link", "set", "lo", "up")
        at: dict[str, str] = {}
        for number, (mirror, space) in enumerate(mirrors.items(), 1):
            near = f"wire{mirror}"
            ip("-n", issuer, "link", "add", near, "type", "veth", "peer", "name", "wire", "netns", space)
            ip("-n", issuer, "addr", "add", f"10.77.{number}.1/24", "dev", near)
            ip("-n", space, "addr", "add", f"10.77.{number}.2/24", "dev", "wire")
            ip("-n", issuer, "link", "set", near, "up")
            ip("-n", space, "link", "set", "wire", "up")
            at[mirror] = f"10.77.{number}.1"
        yield Spaces(issuer, mirrors, at)
    finally:
        for name in made:
            ip("netns", "del", name)
