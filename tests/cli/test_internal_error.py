"""A fault of the program itself: one sentence, exit code 70, and nothing of a row in it."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from tests.cli.story import ROOT

FAULTY = """
import sys
from ledger.apps import cli
from ledger.apps.cli_frame import Text, command
from ledger.core.claims import shanghai_day

def boom(session):
    shanghai_day({"name": "SOMEBODY"}["no such key SOMEBODY"])

cli.ROOT.lazy["boom"] = (Text("x", "x"), lambda: command("boom", Text("x", "x"))(boom))
cli.main(sys.argv[1:])
"""


def run(*argv, **environ):
    return subprocess.run(
        [sys.executable, "-c", FAULTY, "boom", *argv],
        cwd=ROOT,
        env={"PATH": os.defpath, "HOME": "/nonexistent", "ECERT_LANG": "zh", "PYTHONUTF8": "1", **environ},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_one_sentence_without_the_values():
    for language, word in (("zh", "程序内部错误:KeyError"), ("en", "Internal error: KeyError")):
        done = run("--lang", language)
        assert done.returncode == 70
        assert done.stdout == ""
        assert done.stderr.startswith(word)
        assert len(done.stderr.splitlines()) == 1
        assert "ledger/apps/cli" in done.stderr  # the last place of ours
        assert "SOMEBODY" not in done.stderr


def test_json_stays_one_object():
    done = run("--json")
    error = json.loads(done.stdout)["error"]
    assert (done.returncode, error["code"], error["detail"]["type"]) == (70, "INTERNAL", "KeyError")
    assert set(error["message"]) == {"zh", "en"}
    assert done.stderr == ""


@pytest.mark.parametrize("how", ["option", "environment"])
def test_the_traceback_on_request(how):
    done = run("--debug") if how == "option" else run(ECERT_DEBUG="1")
    assert done.returncode == 70
    assert "Traceback (most recent call last)" in done.stderr
    assert "程序内部错误:KeyError" in done.stderr
