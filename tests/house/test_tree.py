"""What must not lie in the tree: secrets, addresses of registries, paths of a machine, odd sizes."""

from __future__ import annotations

import json
import os
import re
import stat

from tests.house.tree import ROOT, fail_with, text_files, tracked_files

PROBES = ("tests/house/test_tree.py",)
HOSTS = re.compile(
    "|".join(
        re.escape(host)
        for host in (
            "py" + "pi.org",
            "python" + "hosted.org",
            "registry.npm" + "js.org",
            "npm" + "mirror",
            "yarn" + "pkg.com",
            "deb." + "debian.org",
            "crates" + ".io",
            "tsinghua" + ".edu.cn",
            "aliyun" + ".com",
        )
    )
)
MACHINE = re.compile(
    r"(?<![\w./~-])/("
    + "|".join(("wo" + "rk", "ro" + "ot", "ho" + "me/[a-z]", "Us" + "ers/[A-Za-z]", "fa" + "rm"))
    + r")/"
)
KEY_BLOCK = re.compile(r"-----BEGIN (?:RSA |EC |ENCRYPTED |OPENSSH )?PRIVATE KEY-----\s+[A-Za-z0-9+/=]{40}")
SECRET_NAMES = re.compile(r"(^|/)(id_rsa|\.env|.*\.p12|.*\.pfx|.*\.key)$")
RESIDENT_ID = re.compile(
    r"(?<![0-9A-Za-z])([1-9]\d{5}(?:19|20)\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])\d{3}[\dX])(?![0-9A-Za-z])"
)
MAX_BYTES = 2 * 1024 * 1024
MAX_FONT_BYTES = 16 * 1024 * 1024  # a whole Chinese font; tests/house/test_fonts.py knows each one


def scan(pattern, skip=()):
    return [
        f"{where}:{text.count(chr(10), 0, found.start()) + 1}: {found[0][:60]}"
        for where, text in text_files()
        if where not in PROBES and not where.startswith(tuple(skip) or ("\0",))
        for found in pattern.finditer(text)
    ]


def test_no_registry_is_named():
    fail_with(scan(HOSTS))


def test_no_path_of_a_machine():
    fail_with(scan(MACHINE, skip=(".ci/",)))


def test_no_private_key_is_kept():
    fail_with(scan(KEY_BLOCK) + [where for where, _ in text_files() if SECRET_NAMES.search(where)])


def test_people_are_invented():
    """Resident IDs that pass the check digit may only be of division 99xxxx or come from a standard's example."""
    weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
    examples = {"11010519491231002X"}  # GB 11643's own example
    published = (
        "tests/vectors/identifiers.json",
    )  # published examples of check characters; `source` names them
    problems = []
    for where, text in text_files():
        if (
            where in PROBES
            or where.endswith((".lock", "package-lock.json"))
            or where.startswith(("contracts/", *published))
        ):
            continue
        for found in RESIDENT_ID.finditer(text):
            number = found[1]
            check = "10X98765432"[sum(int(d) * w for d, w in zip(number[:17], weights, strict=True)) % 11]
            if check == number[17] and not number.startswith("99") and number not in examples:
                problems.append(f"{where}: {number[:6]}… is a complete resident ID outside division 99xxxx")
    fail_with(problems)


def test_files_are_small_enough_to_review():
    fail_with(
        [
            f"{path.relative_to(ROOT)}: {path.stat().st_size} bytes"
            for path in tracked_files()
            if path.stat().st_size > (MAX_FONT_BYTES if path.suffix == ".ttf" else MAX_BYTES)
        ]
    )


def test_scripts_can_be_run():
    problems = []
    for path in tracked_files():
        where = path.relative_to(ROOT).as_posix()
        if where == ".ci/run" or (where.startswith("scripts/") and not path.suffix):
            first = path.read_text(encoding="utf-8").splitlines()[0]
            if not first.startswith("#!"):
                problems.append(f"{where}: no #! line")
            if not path.stat().st_mode & stat.S_IXUSR:
                problems.append(f"{where}: not executable")
    fail_with(problems)


def test_locks_hold_hashes_and_no_addresses():
    problems = []
    for name in ("runtime.lock", "dev.lock"):
        text = (ROOT / "requirements" / name).read_text(encoding="utf-8")
        entries = [
            entry for entry in re.split(r"\n(?=\S)", text) if entry.strip() and not entry.startswith("#")
        ]
        assert len(entries) > 30
        for entry in entries:
            head = entry.split("\\")[0].strip()
            if not re.match(r"[a-z0-9._-]+(\[[a-z0-9,-]+\])?==[^\s]+( ; .+)?\Z", head):
                problems.append(f"{name}: {head} is not pinned")
            if "--hash=sha256:" not in entry:
                problems.append(f"{name}: {head} has no hash")
        if "://" in text or "--index" in text:
            problems.append(f"{name}: names an address")
    fail_with(problems)


def test_every_runtime_package_is_in_both_locks():
    def pins(name):
        text = (ROOT / "requirements" / name).read_text(encoding="utf-8")
        return set(re.findall(r"^([a-z0-9._-]+==[^\s;\\]+)", text, re.MULTILINE))

    missing = pins("runtime.lock") - pins("dev.lock")
    assert not missing, "one environment must serve run and test"


def test_vectors_say_where_they_come_from():
    problems = []
    for path in tracked_files():
        where = path.relative_to(ROOT).as_posix()
        if where.startswith("tests/vectors/") and path.suffix == ".json":
            data = json.loads(path.read_text(encoding="utf-8"))
            if not (isinstance(data, dict) and data.get("source")):
                problems.append(f"{where}: no `source`")
    fail_with(problems)


def test_foreign_parts_keep_their_licence():
    """A folder with other people's files holds their licence text."""
    folders = {
        path.parent
        for path in tracked_files()
        if {"vendor", "third_party"} & set(path.relative_to(ROOT).parts[:-1])
    }
    problems = [
        f"{folder.relative_to(ROOT)}: no LICENSE"
        for folder in folders
        if not any(
            (above / "LICENSE").exists() or (above / "licences").is_dir()
            for above in (folder, *folder.parents)
            if ROOT in above.parents
        )
    ]
    fail_with(problems)


def test_no_key_file_is_open_to_others():
    assert os.access(ROOT / "pyproject.toml", os.R_OK)
    fail_with([str(path) for path in tracked_files() if path.stat().st_mode & stat.S_IWOTH])
