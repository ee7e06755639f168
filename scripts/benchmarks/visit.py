"""A first visit of the start page with an empty cache, in headless chromium on a slow line and processor.

Bytes as they come over the wire, heads included, from chromium's own network log.
"""

from __future__ import annotations

from typing import Any

from playwright.sync_api import Browser, sync_playwright

from scripts.benchmarks.measure import Figure, plain_figure
from scripts.benchmarks.office import office
from tests.needs import chromium_path

LINE = {"offline": False, "latency": 150, "downloadThroughput": 1.6e6 / 8, "uploadThroughput": 1.6e6 / 8}
SLOWER = 4
SETTLED_MS = 1_500
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]
WATCH = """new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) window.largestAt = entry.startTime;
}).observe({type: "largest-contentful-paint", buffered: true});"""


def run(rounds: int) -> list[Figure]:
    """Kilobytes and Largest Contentful Paint, a browser context without a cache each round."""
    path = chromium_path()
    if path is None:
        raise RuntimeError("no chromium on PATH")
    sizes, paints = [], []
    with office() as ours, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        for _ in range(rounds):
            size, paint = _visit(browser, f"http://127.0.0.1:{ours.port}/")
            sizes.append(size / 1000)
            paints.append(paint / 1000)
        browser.close()
    return [
        plain_figure("first visit, all of it, over the wire", sizes, "KB", "<=", 250),
        plain_figure("Largest Contentful Paint, 1.6 Mbit/s, 150 ms, CPU/4", paints, "s", "<=", 2.5),
    ]


def _visit(browser: Browser, address: str) -> tuple[int, float]:
    """Bytes, and milliseconds to the largest paint."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.add_init_script(WATCH)
    log = context.new_cdp_session(page)
    sizes: list[int] = []

    def finished(event: dict[str, Any]) -> None:
        sizes.append(int(event["encodedDataLength"]))

    log.on("Network.loadingFinished", finished)
    log.send("Network.enable")
    log.send("Network.setCacheDisabled", {"cacheDisabled": True})
    log.send("Network.emulateNetworkConditions", LINE)
    log.send("Emulation.setCPUThrottlingRate", {"rate": SLOWER})
    page.goto(address, wait_until="load")
    page.wait_for_timeout(SETTLED_MS)
    paint = float(page.evaluate("window.largestAt"))
    context.close()
    if not sizes or paint <= 0:
        raise RuntimeError("chromium told nothing")
    return sum(sizes), paint
