"""Looks through the logs of a served demo for anything personal."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable
from pathlib import Path

from tests.privacy_search import search_folder

PERSONAL = ("姓名", "证件号码", "个人账号")  # columns of the demo's exports


def look_through_logs(folder: Path, demo_home: Path, others: Iterable[str] = ()) -> None:
    """No log holds anything of a person of the demo, or of who logged in."""
    personal = {*others, *json.loads((demo_home / "demo/people.json").read_bytes()).values()}
    for export in (demo_home / "demo").glob("*.gb18030.csv"):
        with export.open(encoding="gb18030", newline="") as file:
            personal |= {row[column] for row in csv.DictReader(file) for column in PERSONAL}
    assert len(personal) > 100
    assert search_folder(folder, personal) == []
