"""The page under 32 connections: a report for programs and a result for people, against a plain Flask.

Each POST carries another bundle of the demo; all checks run, the answer is whole. Ours as `ecert serve`
starts it, with one web process; the peer on the same server with one process. In turns, a few seconds each.
"""

from __future__ import annotations

import statistics
import sys
import time
from dataclasses import replace

import requests

from scripts.benchmarks.hello import hello_served
from scripts.benchmarks.load import Load, press, raw_request, tool
from scripts.benchmarks.measure import Figure, percentile, plain_figure, spread_figure
from scripts.benchmarks.office import CLERK, Office, Person, office

SECONDS = 5.0
UPLOADS = 40
MOST_ROUNDS = 5
MOST_BUNDLES = 100
EDGE = "bench-boundary"


def run(rounds: int) -> list[Figure]:
    """Ratio and p99 of both."""
    taken: dict[str, list[tuple[Load, Load]]] = {"verify": [], "page": []}
    with office() as ours, hello_served() as peer:
        bundles = good_bundles(ours)
        asked = {
            "verify": [
                raw_request(ours.port, "POST", "/verify", one, "application/vnd.ecert+json")
                for one in bundles
            ],
            "page": [form_request(ours.port, one) for one in bundles],
        }
        hello = [raw_request(peer, "GET", "/")]
        sealed = _answers_to_pdf(ours)
        for requests_ in (asked["verify"], asked["page"]):
            press(ours.port, requests_, 1)  # warm
        press(peer, hello, 1)
        for _ in range(min(rounds, MOST_ROUNDS)):
            for name, requests_ in asked.items():
                taken[name].append((press(ours.port, requests_, SECONDS), press(peer, hello, SECONDS)))
    print(f"load by {tool()}, {len(bundles)} bundles in turns", file=sys.stderr)
    verify = [one.p99_ms for one, _ in taken["verify"]]
    theirs = [one.p99_ms for _, one in taken["verify"]]
    return [
        _ratio("POST /verify, all checks, 32 connections", taken["verify"], 0.22),
        replace(  # what the machine does to everybody shows in the peer's
            plain_figure("POST /verify, 32 connections: p99", verify, "ms", "<=", 35),
            baseline="plain Flask JSON hello, same server, one process",
            theirs=statistics.median(theirs),
        ),
        _ratio("result page of a file, 32 connections", taken["page"], 0.12),
        spread_figure(
            "answer to a sealed PDF, with its upload: p95", percentile(sealed, 0.95), sealed, "s", 1
        ),
    ]


def good_bundles(ours: Office) -> list[bytes]:
    """Bundles that the page accepts."""
    found = []
    for bundle in ours.bundles()[:MOST_BUNDLES]:
        answer = requests.post(
            f"http://127.0.0.1:{ours.port}/verify",
            bundle,
            headers={"Content-Type": "application/vnd.ecert+json"},
            timeout=30,
        )
        if answer.ok and answer.json()["accepted"]:
            found.append(bundle)
    if not found:
        raise RuntimeError("the demo has no good bundle")
    return found


def _answers_to_pdf(ours: Office) -> list[float]:
    """Seconds from the press to the whole result page, one person after the other."""
    clerk, anybody = ours.person(CLERK), Person(ours.port)
    prints = ours.ask("SELECT document_id FROM printed_copy WHERE state = 'made' AND revoked_at IS NULL")
    files = [
        clerk.http.get(f"{clerk.base}/prints/{document.hex()}/file.pdf", timeout=30).content
        for (document,) in prints
    ]
    took = []
    for turn in range(UPLOADS):
        begin = time.perf_counter()
        page = anybody.send("/check/file", {}, {"file": ("proof.pdf", files[turn % len(files)])})
        took.append(time.perf_counter() - begin)
        if "verdict--" not in page.text:
            raise RuntimeError("a sealed PDF was not judged")
    return took


def form_request(port: int, data: bytes, name: str = "proof.ecert.json") -> bytes:
    """The form of the start page with this file, as a browser sends it."""
    head = f'--{EDGE}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'.encode()
    body = head + data + f"\r\n--{EDGE}--\r\n".encode()
    return raw_request(port, "POST", "/check/file", body, f"multipart/form-data; boundary={EDGE}")


def _ratio(work: str, rounds: list[tuple[Load, Load]], goal: float) -> Figure:
    ratios = [ours.rate / peer.rate for ours, peer in rounds]
    return Figure(
        work,
        "plain Flask JSON hello, same server, one process",
        statistics.median(ratios),
        "x",
        ">=",
        goal,
        min(ratios),
        max(ratios),
        statistics.median(ours.rate for ours, _ in rounds),
        statistics.median(peer.rate for _, peer in rounds),
        "/s",
    )
