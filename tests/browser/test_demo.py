"""The whole way: a demo made by the command line, served by `ecert serve`, used in a real browser."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.browser.logs import look_through_logs

ROOT = Path(__file__).resolve().parents[2]
STARTER = "import sys; from ledger.apps.cli import main; sys.exit(main(sys.argv[1:]))"

pytestmark = [pytest.mark.needs("chromium"), pytest.mark.xdist_group("look"), pytest.mark.timeout(300)]


def wait_until_it_answers(address: str) -> None:
    """The page's process may need a moment more than its supervisor."""
    for attempt in range(100):
        try:
            urllib.request.urlopen(f"{address}/healthz", timeout=5).close()
        except OSError:
            assert attempt < 99, "nobody answers"
            time.sleep(0.1)
        else:
            return


@pytest.fixture(scope="module")
def address(demo_home: Path) -> Iterator[str]:
    """Address of `ecert serve` on a free port; page and worker end with the test."""
    process = subprocess.Popen(
        [sys.executable, "-u", "-c", STARTER, "--home", str(demo_home), "serve", "--port", "0"],
        cwd=ROOT,
        env=os.environ | {"ECERT_LANG": "en"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    seen = []
    try:
        for line in process.stdout:
            seen.append(line)
            if found := re.search(r"http://localhost(:\d+)", line):
                address = f"http://127.0.0.1{found[1]}"
                wait_until_it_answers(address)
                yield address
                break
        else:
            pytest.fail(f"ecert serve ended: {seen}")
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=60)
        process.stdout.close()
    look_through_logs(demo_home / "logs", demo_home)


@pytest.mark.parametrize(
    ("bundle", "state", "words"),
    [
        ("good", "good", "顾客|单方账本"),
        ("altered", "bad", "不是签发机构签过的"),
        ("voided", "bad", "作废"),
        ("foreign-receipt", "bad", "批次"),
    ],
)
def test_real_bundles_in_a_real_browser(page, demo_home, address, bundle, state, words):
    page.goto(address)
    page.locator("#file").set_input_files(demo_home / "demo" / f"{bundle}.ecert.json")
    page.locator(".way--file button[type=submit]").click()
    page.wait_for_selector(f".verdict--{state}")
    text = page.locator("main").text_content()
    assert text is not None
    assert re.search(words, text)
    assert "来人身份未核对" in text
    assert "演示环境" in page.locator("header").inner_text()
    if state == "good":
        assert "住房公积金" in text
        assert re.search(r"国家核验结论代码\s*0", text)


def test_programs_ask_the_same_page(demo_home, address):
    bundle = (demo_home / "demo" / "good.ecert.json").read_bytes()
    request = urllib.request.Request(
        f"{address}/verify", data=bundle, headers={"Content-Type": "application/vnd.ecert+json"}
    )
    with urllib.request.urlopen(request, timeout=20) as answer:
        report = json.load(answer)
    assert report["accepted"] is True
    assert report["verdict"]["national"] == 0
    assert len(report["checks"]) == 32
