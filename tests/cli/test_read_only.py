"""What the command line shows of a demo installation, and how it refuses."""

from __future__ import annotations

import json
import subprocess
import sys
import time

import jsonschema
import pytest

from ledger.apps.cli_reference import in_language, reference
from tests.cli.story import ROOT, STARTER, ecert, play, schema

pytestmark = [pytest.mark.xdist_group("demo"), pytest.mark.timeout(600)]
STORIES = ("verify", "wrong_usage")
FUND = "12990100MAXXXX023E"


@pytest.mark.parametrize("story", STORIES)
def test_story(story, demo_home):
    play(ROOT / "tests" / "cli" / "stories" / f"{story}.txt", {"home": str(demo_home)}, demo_home)


@pytest.mark.parametrize(
    ("shape", "argv"),
    [
        ("issuer-list", ("issuer", "list")),
        ("key-list", ("key", "list")),
        ("batch-list", ("batch", "list")),
        ("batch-show", ("batch", "show", "1", "--samples", "2")),
        ("status-list", ("status", "list")),
        ("list", ("list", "--limit", "5")),
        ("doctor", ("doctor",)),
        ("report", ("verify", "{home}/demo/good.ecert.json")),
        (
            "issue",
            (
                "issue",
                "--issuer",
                FUND,
                "--type",
                "HPF_PERSONAL_DEPOSIT",
                "--dry-run",
                "{home}/demo/deposits.gb18030.csv",
            ),
        ),
    ],
)
def test_json_has_its_documented_shape(shape, argv, demo_home):
    ran = ecert(*(word.format(home=demo_home) for word in argv), "--json", home=demo_home)
    assert ran.code == 0, ran.err
    jsonschema.validate(json.loads(ran.out), schema(shape))


def test_show_reveals_values_only_when_asked(demo_home):
    serial = json.loads(ecert("list", "--limit", "1", "--json", home=demo_home).out)["credentials"][0][
        "serial"
    ]
    plain = json.loads(ecert("show", serial, "--json", home=demo_home).out)
    open_ = json.loads(ecert("show", serial, "--values", "--json", home=demo_home).out)
    jsonschema.validate(plain, schema("show"))
    jsonschema.validate(open_, schema("show"))
    assert "fields" not in plain
    assert open_["fields"]


def test_an_error_in_json_is_one_object(demo_home):
    ran = ecert("batch", "show", "99", "--json", home=demo_home)
    value = json.loads(ran.out)
    jsonschema.validate(value, schema("error"))
    assert value["error"]["code"] == "BATCH_UNKNOWN"
    assert ran.code == 1


def test_issue_json_names_rows_columns_and_codes(demo_home, tmp_path):
    source = (demo_home / "demo" / "deposits.gb18030.csv").read_bytes().decode("gb18030").splitlines()
    header = source[0].split(",")
    cells = source[3].split(",")
    cells[header.index("账户余额")] = "-1.00"
    file = tmp_path / "bad.csv"
    file.write_text("\n".join([source[0], source[1], source[2], ",".join(cells)]) + "\n", encoding="utf-8")
    ran = ecert(
        "issue",
        "--issuer",
        FUND,
        "--type",
        "HPF_PERSONAL_DEPOSIT",
        str(file),
        "--dry-run",
        "--json",
        home=demo_home,
    )
    value = json.loads(ran.out)
    assert list(value) == ["rows", "valid", "errors"]
    assert (value["rows"], value["valid"]) == (3, 2)
    assert [(e["row"], e["column"], e["code"]) for e in value["errors"]] == [
        (4, "账户余额", "AMOUNT_NEGATIVE")
    ]
    assert set(value["errors"][0]["message"]) == {"zh", "en"}
    assert ran.code == 1
    assert not list(tmp_path.glob("*.result.csv"))


def test_reading_a_bundle_from_standard_input(demo_home):
    starter = "from ledger.apps.cli import main; main(['verify', '-', '--json'])"
    done = subprocess.run(
        [sys.executable, "-c", starter],
        cwd=ROOT,
        env={"ECERT_HOME": str(demo_home), "PATH": "/usr/bin:/bin"},
        input=(demo_home / "demo" / "good.ecert.json").read_bytes(),
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0
    assert json.loads(done.stdout)["accepted"] is True


def test_several_bundles_give_a_result_each_and_the_worst_code(demo_home):
    demo = demo_home / "demo"
    ran = ecert(
        "verify", str(demo / "good.ecert.json"), str(demo / "altered.ecert.json"), "--json", home=demo_home
    )
    results = json.loads(ran.out)["results"]
    assert [one["exit"] for one in results] == [0, 1]
    assert ran.code == 1
    unknown = ecert("verify", str(demo / "good.ecert.json"), str(demo_home / "home.json"), home=demo_home)
    assert unknown.code == 2


def test_verify_loads_no_virtual_machine(demo_home):
    code = (
        "import sys; from ledger.apps.cli import run; "
        f"code = run(['verify', {str(demo_home / 'demo' / 'good.ecert.json')!r}, '--json']); "
        "bad = [m for m in ('eth', 'eth_tester', 'web3', 'sqlalchemy', 'flask') if m in sys.modules]; "
        "print(bad, file=sys.stderr); sys.exit(code or bool(bad))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={"ECERT_HOME": str(demo_home), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_help_is_quick():
    """In a new interpreter: what the nursery has imported is no merit of the command."""
    _timed_help()  # byte code is written
    assert min(_timed_help() for _ in range(5)) < 0.5


def _timed_help() -> float:
    before = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", STARTER, "--help"], cwd=ROOT, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return time.monotonic() - before


def test_every_command_explains_itself_in_both_languages_with_an_example():
    chinese, english = dict(in_language("zh")), dict(in_language("en"))
    assert len(chinese) > 30
    for path, text in english.items():
        assert "Usage:" in text, path
        assert "Examples:" in text, path
        assert chinese[path] != text, path
        assert any("\u4e00" <= char <= "\u9fff" for char in chinese[path]), path
        words = text.partition("Examples:")[0]
        assert not any("\u4e00" <= char <= "\u9fff" for char in words.replace("单方账本", "")), path


def test_the_reference_page_is_the_commands_own():
    assert (ROOT / "docs" / "cli.md").read_text(encoding="utf-8") == reference()


def test_language_follows_the_environment_and_the_option():
    assert "Usage:" in ecert("--help", ECERT_LANG="en").out
    assert "用法:" in ecert("--help", ECERT_LANG="", LANG="C.UTF-8").out
    assert "Usage:" in ecert("--help", ECERT_LANG="", LANG="en_GB.UTF-8").out
    assert "用法:" in ecert("--help", "--lang", "zh", ECERT_LANG="en").out
    wrong = ecert("list", ECERT_LANG="fr")
    assert wrong.code == 2
    assert "ECERT_LANG" in wrong.err


def test_demo_twice_issues_nothing_twice(demo_home):
    before = (demo_home / "home.json").read_bytes()
    chain = json.loads(ecert("batch", "list", "--json", home=demo_home).out)
    documents = [one["state"] for one in chain["batches"] if one["type"] == "DOCUMENT:0"]
    assert documents == ["released"]  # else any worker, a minute later, would have a batch to make
    ran = ecert("demo", "--json", home=demo_home)
    assert ran.code == 0, ran.err
    value = json.loads(ran.out)
    jsonschema.validate(value, schema("demo"))
    assert [one["exit"] for one in value["examples"]] == [0, 1, 1, 1]
    assert json.loads(ecert("batch", "list", "--json", home=demo_home).out) == chain
    assert (demo_home / "home.json").read_bytes() == before


def test_demo_keys_lie_apart_with_passwords_of_their_own(demo_home):
    folders = [demo_home / "keys" / FUND / who for who in ("maker", "approver", "operator")]
    passwords = {(folder / "password").read_text() for folder in folders}
    assert len(passwords) == 3
    for path in [*demo_home.rglob("*.key"), *demo_home.rglob("password"), *demo_home.glob("*.db")]:
        assert path.stat().st_mode & 0o777 == 0o600, path
    assert demo_home.stat().st_mode & 0o777 == 0o700
    agencies = json.loads((demo_home / "home.json").read_text())["agencies"]
    assert [agency["division"][:2] for agency in agencies] == ["99"] * 4
