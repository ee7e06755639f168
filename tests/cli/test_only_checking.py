"""Data directories that only check say what they are, and what to do instead."""

from __future__ import annotations

from pathlib import Path

import pytest

from ledger.adapters.home_files import Home, HomeRecord
from ledger.apps.cli import run
from ledger.settings import Settings


@pytest.mark.parametrize(
    ("kind", "command", "code"),
    [
        ("snapshot", "worker", "SNAPSHOT_READ_ONLY"),
        ("snapshot", "node", "SNAPSHOT_ONLY"),
        ("mirror", "worker", "MIRROR_READ_ONLY"),
    ],
)
@pytest.mark.parametrize(("lang", "word"), [("zh", "这个数据目录"), ("en", "This data directory")])
def test_work_that_is_not_theirs_is_refused_in_words(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    kind: str,
    command: str,
    code: str,
    lang: str,
    word: str,
) -> None:
    home = Home(tmp_path / "home")
    home.create()
    home.save(HomeRecord("demo", 1_795_000_000, (), ready=True, chain={"kind": kind, "url": "http://x"}))
    assert run([command, "--lang", lang], Settings(home.path)) == 1
    told = capsys.readouterr().err
    assert f"[{code}] {word}" in told
    assert "CHAIN_MISSING" not in told
