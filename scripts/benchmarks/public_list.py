"""A status changed by a command, until those who only read the public status list refuse.

Each of the consumers came at another moment, keeps its copy as long as the answer says (`Cache-Control`: what is
left of the token's `ttl`), and asks again. One change, many consumers: a minute or two, five where the list has no
open batch.
"""

from __future__ import annotations

import http.client
import json
import re
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ledger.core.jose import b64url_decode
from ledger.core.status_list import PUBLIC_BITS, PUBLIC_VALID, decode_status_list
from scripts.benchmarks.measure import Figure, percentile, spread_figure
from scripts.benchmarks.office import SETTINGS, demo_copy
from scripts.benchmarks.rest import FUND, TYPE, ecert, served

CONSUMERS = 40
HOST = "127.0.0.1"
PATIENCE = 300  # answers
AGAIN_S = 1  # after an answer that must not be kept


def run(_rounds: int) -> list[Figure]:
    """Seconds from the command to each consumer's refusal, as a share of the token's `ttl`."""
    with demo_copy() as home, served(home, **SETTINGS) as port:
        identifier, uri, idx = _credential(home)
        ttl = _ask(port, uri)[0]["ttl"]
        readers = [_Reader(port, uri, idx, starts_s=ttl * number / CONSUMERS) for number in range(CONSUMERS)]
        for reader in readers:
            reader.start()
        time.sleep(ttl)  # until the last one has its first copy
        pressed = time.monotonic()
        ecert(home, "status", "set", identifier, "--to", "suspended", "--reason", "security")
        for reader in readers:
            reader.join()
    took = [reader.refused_at - pressed for reader in readers]
    return [
        spread_figure(
            f"status by command to refused by {CONSUMERS} consumers of the public list (ttl {ttl} s): p95",
            percentile(took, 0.95), took, "s", ttl,
        )
    ]  # fmt: skip


@dataclass
class _Reader(threading.Thread):
    port: int
    uri: str
    idx: int
    starts_s: float
    refused_at: float = field(default=float("inf"), init=False)

    def __post_init__(self) -> None:
        super().__init__(daemon=True)

    def __hash__(self) -> int:
        return id(self)

    def run(self) -> None:
        time.sleep(self.starts_s)
        for _ in range(PATIENCE):
            token, keep_s = _ask(self.port, self.uri)
            values = decode_status_list(token["status_list"]["lst"], PUBLIC_BITS)
            if values.value(self.idx) != PUBLIC_VALID:
                self.refused_at = time.monotonic()
                return
            time.sleep(min(keep_s, token["ttl"]) or AGAIN_S)


def _credential(home: Path) -> tuple[str, str, int]:
    """A released deposit proof: its identifier, the address of its list, its index."""
    listed = ecert(home, "list", "--issuer", FUND, "--type", TYPE, "--limit", "1000")["credentials"]
    entry = next(entry for entry in listed if entry["bundle"] is not None and entry["status"] == "VALID")
    bundle = json.loads(Path(entry["bundle"]).read_bytes())
    claims = _payload(bundle["credential"].split("~")[0])
    reference = claims["status"]["status_list"]
    return entry["identifier"], reference["uri"], reference["idx"]


def _ask(port: int, uri: str) -> tuple[dict[str, Any], int]:
    """The claims of the list token, and for how many seconds the answer may be kept.

    The agency's host stands in the head, as a proxy passes it on.
    """
    connection = http.client.HTTPConnection(HOST, port, timeout=10)
    where = urlsplit(uri)
    connection.request("GET", where.path, headers={"Host": where.netloc})
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    if answer.status != http.client.OK:
        raise RuntimeError(f"the public list: {answer.status}")
    kept = re.search(r"max-age=(\d+)", answer.headers.get("Cache-Control", ""))
    return _payload(body.decode()), 0 if kept is None else int(kept.group(1))


def _payload(token: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(b64url_decode(token.split(".")[1]))
    return found
