"""Vendored files are what VENDOR.toml says, all of them, with their licences."""

from __future__ import annotations

import hashlib
import re
import tomllib

from tests.house.tree import ROOT

VENDOR = ROOT / "web" / "static" / "vendor"
RECORD = tomllib.loads((VENDOR / "VENDOR.toml").read_text("utf-8"))
OPEN_LICENCES = frozenset({"MIT", "0BSD", "OFL-1.1", "Apache-2.0", "BSD-3-Clause"})


def test_every_file_has_the_hash_that_is_written_down():
    wrong = [
        name
        for package in RECORD["package"]
        for name, digest in package["sha256"].items()
        if hashlib.sha256((VENDOR / name).read_bytes()).hexdigest() != digest
    ]
    assert wrong == []


def test_nothing_lies_there_that_is_not_written_down():
    written = {name for package in RECORD["package"] for name in package["sha256"]} | {"VENDOR.toml"}
    lying = {path.relative_to(VENDOR).as_posix() for path in VENDOR.rglob("*") if path.is_file()}
    assert lying == written


def test_every_package_has_an_open_licence_and_its_text():
    for package in RECORD["package"]:
        assert package["licence"] in OPEN_LICENCES, package["name"]
        text = (VENDOR / package["licence_file"]).read_text("utf-8")
        assert re.search(r"copyright|permission to use", text, re.IGNORECASE), package["name"]
        assert re.fullmatch(r"\d+\.\d+\.\d+", package["version"]), package["name"]


def test_what_is_compiled_into_a_package_has_its_licence_here_too():
    """zxing-wasm's own licence is MIT; the decoder inside is zxing-cpp under Apache-2.0 (§4a: a copy goes along)."""
    parts = {part["name"]: part for package in RECORD["package"] for part in package.get("compiled_in", ())}
    assert parts["zxing-cpp"]["licence"] == "Apache-2.0"
    for part in parts.values():
        assert part["licence"] in OPEN_LICENCES
        text = (VENDOR / part["licence_file"]).read_text("utf-8")
        assert "Apache License" in text
        assert "TERMS AND CONDITIONS FOR USE, REPRODUCTION, AND DISTRIBUTION" in text


def test_nothing_that_is_reserved_to_others():
    """govuk-frontend is MIT; the crown, the logo and GDS Transport are for gov.uk alone."""
    for path in VENDOR.rglob("*.css"):
        words = path.read_text("utf-8")
        assert "GDS Transport" not in words
        assert "crown" not in words.lower()
    assert [path for path in VENDOR.rglob("*") if "crown" in path.name.lower()] == []


def test_fonts_that_the_sheet_names_are_there():
    named = set(re.findall(r"url\((fonts/[^)]+)\)", (VENDOR / "fonts.css").read_text("utf-8")))
    assert len(named) > 90
    assert named == {path.relative_to(VENDOR).as_posix() for path in (VENDOR / "fonts").iterdir()}
