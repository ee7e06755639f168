"""The fonts of printed pages: whole, unchanged, free, and no others."""

from __future__ import annotations

import hashlib
import tomllib

from tests.house.tree import ROOT, tracked_files

FOLDER = ROOT / "ledger" / "fonts"


def test_every_font_is_listed_with_package_licence_and_hash():
    packages = tomllib.loads((FOLDER / "VENDOR.toml").read_text(encoding="utf-8"))["package"]
    listed = {name: digest for package in packages for name, digest in package["sha256"].items()}
    there = {path.name for path in FOLDER.iterdir() if path.name != "VENDOR.toml"}
    assert there == listed.keys()
    for name, digest in listed.items():
        assert hashlib.sha256((FOLDER / name).read_bytes()).hexdigest() == digest, name
    for package in packages:
        assert package["version"]
        assert package["licence"] == "OFL-1.1"
        text = (FOLDER / package["licence_file"]).read_text(encoding="utf-8")
        assert "SIL OPEN FONT LICENSE" in text.upper()


def test_whole_fonts_lie_nowhere_else():
    elsewhere = [path for path in tracked_files() if path.suffix == ".ttf" and path.parent != FOLDER]
    assert not elsewhere
