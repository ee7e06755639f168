"""A clerk's 5,000 rows from the upload to the final anchor, and changes of status until a page refuses.

Everything by HTTP with the cookies of people who logged in. The clock stands while the maker and the
approver are waited for, and runs while their presses are answered. Meanwhile somebody else looks at
pages; how long those take counts too.
"""

from __future__ import annotations

import tempfile
import threading
import time
from pathlib import Path

from scripts.benchmarks.measure import Figure, percentile, plain_figure, spread_figure
from scripts.benchmarks.office import APPROVER, CLERK, LOOK_EVERY_S, PATIENCE_S, Office, Person, office
from scripts.benchmarks.rest import FUND, TYPE
from scripts.benchmarks.world import deposit_file

ROWS = 5_000
CHANGES = 10
PAUSE_S = 0.1
PAGES = ("/", "/desk", "/desk/batches", "/accessibility", "/desk/imports")


def run(_rounds: int) -> list[Figure]:
    """One import: thousands of rows vary less than the machine does."""
    with office() as ours:
        total, others = _import(ours)
        refused = [*_suspended(ours), *_voided(ours)]
    worst = percentile(others, 0.95) * 1000
    slow = percentile(refused, 0.95)
    return [
        plain_figure(f"{ROWS:,} rows by browser to final anchor", [total], "s", "<=", 8),
        spread_figure("other pages meanwhile: p95", worst, [one * 1000 for one in others], "ms", 300),
        spread_figure(f"status pressed to refused, {len(refused)} times: p95", slow, refused, "s", 3),
    ]


def _import(ours: Office) -> tuple[float, list[float]]:
    """Seconds on the clock, and seconds of each other request."""
    clerk, approver = ours.person(CLERK), ours.person(APPROVER)
    with tempfile.TemporaryDirectory() as name:
        data = deposit_file(Path(name), ROWS, first=2_000_000).read_bytes()
    others: list[float] = []
    stop = threading.Event()
    looker = threading.Thread(target=_look_around, args=(ours, stop, others))
    looker.start()
    try:
        form = clerk.token(f"/desk/import/{TYPE}")
        begin = time.perf_counter()
        page = clerk.send(f"/desk/import/{TYPE}", form, {"file": ("rows.csv", data)})
        intake = int(page.url.split("?")[0].rsplit("/", 1)[1])
        ours.wait("SELECT 1 FROM intake WHERE id = ? AND state = 'checked'", intake)
        clerk.send(f"/desk/imports/{intake}/submit", form)
        ((job,),) = ours.wait("SELECT job_id FROM intake WHERE id = ? AND state = 'closed'", intake)
        batches = _all_batches(ours, job)
        total = time.perf_counter() - begin
        for who in (clerk, approver):
            for batch in batches:
                press = who.sign(f"/approve/{batch}")
                begin = time.perf_counter()
                press()
                total += time.perf_counter() - begin
        begin = time.perf_counter()
        for batch in batches:
            ours.wait("SELECT 1 FROM batch WHERE id = ? AND state IN ('anchored', 'released')", batch)
        total += time.perf_counter() - begin
    finally:
        stop.set()
        looker.join()
    for batch in batches:
        ours.wait("SELECT 1 FROM batch WHERE id = ? AND state = 'released'", batch)
    return total, others


def _all_batches(ours: Office, job: int) -> list[int]:
    """Batches of the import once each is signed and waits for its maker."""
    found = [row[0] for row in ours.wait("SELECT id FROM batch WHERE job_id = ?", job)]
    for batch in found:
        ours.wait("SELECT 1 FROM batch WHERE id = ? AND state = 'signed'", batch)
    return found


def _look_around(ours: Office, stop: threading.Event, seconds: list[float]) -> None:
    """Pages of the desk and of the public, one after the other, a few a second."""
    person = Person(ours.port)
    person.http.cookies.update(ours.person(CLERK).http.cookies)
    at = 0
    while not stop.wait(PAUSE_S):
        begin = time.perf_counter()
        person.get(PAGES[at % len(PAGES)])
        seconds.append(time.perf_counter() - begin)
        at += 1


def _suspended(ours: Office) -> list[float]:
    """One person's press: suspended at once."""
    return [_until_refused(ours, path, lambda number=number: _decide(ours, number, "suspend"), "paused")
            for path, number in _victims(ours, 0)]  # fmt: skip


def _voided(ours: Office) -> list[float]:
    """The approver's press: void for good."""
    took = []
    for path, number in _victims(ours, CHANGES):
        case = _decide(ours, number, "void")
        ours.person(CLERK).sign(case)()
        took.append(_until_refused(ours, path, ours.person(APPROVER).sign(case), "bad"))
    return took


def _victims(ours: Office, first: int) -> list[tuple[Path, str]]:
    """Released credentials of the import, and their numbers."""
    folder = max((ours.home / "released" / FUND).iterdir(), key=lambda path: path.stat().st_mtime)
    paths = sorted(folder.glob("*.ecert.json"))[first : first + CHANGES]
    return [(path, path.name[:32].upper()) for path in paths]


def _decide(ours: Office, number: str, change: str) -> str:
    clerk = ours.person(CLERK)
    answer = clerk.post(
        "/status/new", "/status/new", numbers=number, change=change, reason="issuer_error",
        legal_basis="条例第一条", document="文1号",
    )  # fmt: skip
    return answer.url.removeprefix(clerk.base).split("?")[0]


def _until_refused(ours: Office, path: Path, press: object, state: str) -> float:
    anybody, data = Person(ours.port), path.read_bytes()
    if "verdict--good" not in anybody.send("/check/file", {}, {"file": (path.name, data)}).text:
        raise RuntimeError("it was refused before anybody pressed")
    begin = time.perf_counter()
    press()  # type: ignore[operator]
    while f"verdict--{state}" not in anybody.send("/check/file", {}, {"file": (path.name, data)}).text:
        if time.perf_counter() - begin > PATIENCE_S:
            raise TimeoutError("the page goes on accepting")
        time.sleep(LOOK_EVERY_S)
    return time.perf_counter() - begin
