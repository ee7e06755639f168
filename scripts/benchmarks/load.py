"""Requests over 32 connections of loopback for some seconds: by `wrk` where it is installed, else by a loop of ours.

Both keep their connections and send the next request when the last one is answered. Whatever is not a
2xx is counted, and the cases take none.
Usage (ours, a process of its own): python -m scripts.benchmarks.load PORT SECONDS FOLDER
"""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

CONNECTIONS = 32
LONGEST_S = 60.0
LUA = """
local list = {}
for line in io.lines(arg_folder .. "/list") do
  local file = io.open(line, "rb"); list[#list + 1] = file:read("*a"); file:close()
end
local at = 0
request = function()
  at = at % #list + 1
  return list[at]
end
done = function(summary, latency)
  local e = summary.errors
  io.write(string.format("[%d, %d, %d, %f]\\n", summary.requests, summary.duration,
    e.connect + e.read + e.write + e.status + e.timeout, latency:percentile(99)))
end
"""


@dataclass(frozen=True, slots=True)
class Load:
    """What was answered: requests, elapsed seconds, answers that are no 2xx or none at all, p99 in ms."""

    tool: str
    requests: int
    seconds: float
    bad: int
    p99_ms: float

    @property
    def rate(self) -> float:
        """Requests a second."""
        return self.requests / self.seconds


def tool() -> str:
    """Name of what sends."""
    return "wrk" if shutil.which("wrk") else "our own loop"


def raw_request(port: int, method: str, path: str, body: bytes = b"", content_type: str = "") -> bytes:
    """A request as it goes over the wire; form posts say that they come from our own page."""
    lines = [f"{method} {path} HTTP/1.1", f"Host: 127.0.0.1:{port}"]
    if body:
        lines += [
            f"Content-Type: {content_type}",
            f"Content-Length: {len(body)}",
            "Sec-Fetch-Site: same-origin",
        ]
    return "\r\n".join([*lines, "", ""]).encode() + body


def press(port: int, requests: Sequence[bytes], seconds: float) -> Load:
    """Send these requests in turns for so long.

    Raises: RuntimeError when an answer was no 2xx.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        paths = []
        for number, raw in enumerate(requests):
            paths.append(folder / f"{number}.request")
            paths[-1].write_bytes(raw)
        (folder / "list").write_text("".join(f"{path}\n" for path in paths))
        load = _wrk(port, seconds, folder) if tool() == "wrk" else _ours(port, seconds, folder)
    if load.bad or not load.requests:
        raise RuntimeError(f"{load.bad} of {load.requests} answers were no 2xx")
    return load


def _wrk(port: int, seconds: float, folder: Path) -> Load:
    script = folder / "load.lua"
    script.write_text(f'arg_folder = "{folder}"\n' + LUA)
    done = subprocess.run(
        ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds:.0f}s", "--timeout", "30s", "-s", str(script),
         f"http://127.0.0.1:{port}/"],
        check=True, capture_output=True, text=True, timeout=LONGEST_S + seconds,
    )  # fmt: skip
    count, micros, bad, p99 = json.loads(done.stdout.splitlines()[-1])
    return Load("wrk", count, micros / 1e6, bad, p99 / 1000)


def _ours(port: int, seconds: float, folder: Path) -> Load:
    done = subprocess.run(
        [sys.executable, "-m", "scripts.benchmarks.load", str(port), str(seconds), str(folder)],
        check=True, capture_output=True, text=True, timeout=LONGEST_S + seconds,
    )  # fmt: skip
    count, took, bad, p99 = json.loads(done.stdout)
    return Load("our own loop", count, took, bad, p99)


async def _connection(
    port: int, requests: Sequence[bytes], first: int, until: float
) -> list[tuple[float, bool]]:
    """Times and 2xx of one kept connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    answers = []
    at = first
    while time.perf_counter() < until:
        asked = time.perf_counter()
        writer.write(requests[at % len(requests)])
        at += 1
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(
            int(line.split(b":")[1])
            for line in head.lower().split(b"\r\n")
            if line.startswith(b"content-length")
        )
        await reader.readexactly(length)
        answers.append((time.perf_counter() - asked, head[9:10] == b"2"))
    writer.close()
    return answers


async def _all(port: int, requests: Sequence[bytes], seconds: float) -> list[tuple[float, bool]]:
    until = time.perf_counter() + seconds
    runs = await asyncio.gather(*(_connection(port, requests, first, until) for first in range(CONNECTIONS)))
    return [answer for run in runs for answer in run]


def main() -> None:
    """Prints requests, seconds, bad answers, p99 in ms."""
    port, seconds, folder = int(sys.argv[1]), float(sys.argv[2]), Path(sys.argv[3])
    requests = [Path(line).read_bytes() for line in (folder / "list").read_text().splitlines()]
    begin = time.perf_counter()
    answers = asyncio.run(_all(port, requests, seconds))
    took = time.perf_counter() - begin
    times = sorted(answer[0] for answer in answers)
    p99 = times[min(len(times) - 1, len(times) * 99 // 100)] * 1000 if times else 0.0
    print(json.dumps([len(answers), took, sum(not is_good for _, is_good in answers), p99]))


if __name__ == "__main__":
    main()
