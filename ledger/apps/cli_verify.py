"""`ecert verify`: point-by-point verdict on bundles; needs a trust file and, for most checks, a ledger.

Several files: the exit code is that of the worst, refused before unreadable before cannot-tell.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from ledger.apps.cli_frame import LANGUAGE, Option, Session, Text, command
from ledger.core.errors import LedgerError

MARKS = {"passed": "✔", "failed": "✘", "skipped": "–", "unknown": "?"}
SEVERITY = (0, 3, 2, 1)  # from best to worst: accepted, cannot tell, unreadable, refused
UNREADABLE = 2
NAMED_ABOVE = frozenset({"identifier"})
TITLES = {
    0: Text("通过", "ACCEPTED"),
    1: Text("不通过", "REFUSED"),
    2: Text("无法读取", "UNREADABLE"),
    3: Text("无法判断", "CANNOT TELL"),
}
PRESENTERS = {
    "bound": Text("已绑定持证人", "bound to the holder"),
    "not_checked": Text(
        "来人身份未核对(请核对身份证件)", "the person presenting it was not checked (look at an ID card)"
    ),
    "refused": Text("不是持证人", "not the holder"),
}
SINGLE_OPERATOR = Text(
    "单方账本:账本只由一家机构运行,没有其他机构见证。",
    "Single-operator ledger (单方账本): one agency runs it alone, no other bears witness.",
)
LABELS = {
    "file": Text("文件", "File"),
    "verdict": Text("结论", "Verdict"),
    "presenter": Text("来人", "Presenter"),
    "ledger": Text("账本", "Ledger"),
    "type": Text("证照", "Credential"),
    "issuer": Text("发证机关", "Issuer"),
    "identifier": Text("证照标识", "Identifier"),
    "claims": Text("证照内容(请与所持材料逐项对照)", "What it says (compare with the paper in hand)"),
    "checks": Text("逐项结果", "Checks"),
    "advice": Text("怎么办", "What to do"),
}
ONE_SOURCE = Text(
    "--snapshot 不能与 --ledger 或 --no-ledger 同时使用。",
    "--snapshot goes with neither --ledger nor --no-ledger.",
)
FROM_SNAPSHOT = Text(
    "依据快照:区块 {block},确认为最新的时间 {time}(已过 {hours} 小时 {minutes} 分);此后的吊销不在其中。\n",
    "From a snapshot: block {block}, known to be the newest at {time} ({hours} h {minutes} min ago); what was "
    "revoked since is not in it.\n",
)
NEEDS_TRUST = Text(
    "请用 --trust 指定信任文件(向账本运营单位索取)。",
    "Name the trust file with --trust (ask the ledger's operator for it).",
)


def _verify(
    session: Session,
    files: tuple[str, ...],
    trust: Path | None,
    ledger: Path | None,
    snapshots: tuple[Path, ...],
    *,
    offline: bool,
    allow_older: bool,
) -> None:
    from ledger.bootstrap import default_ledger, open_verifier

    if snapshots and (ledger is not None or offline):
        raise click.UsageError(str(ONE_SOURCE))

    home = default_ledger(session.settings)
    if trust is None:
        if home is None:
            raise click.UsageError(str(NEEDS_TRUST))
        trust = home / "trust.json"
    source: Any = None if offline else (ledger or home)
    if snapshots:
        source = _snapshot_view(session, snapshots, trust, allow_older=allow_older)
    verifier = open_verifier(trust, source)
    results: list[tuple[str, int, dict[str, Any]]] = []
    for name in files:
        try:
            report = verifier.verify(_read(name))
        except LedgerError as error:
            results.append((name, UNREADABLE, _unreadable(session, name, error)))
            continue
        _show(session, name, report)
        results.append((name, report.exit_code, report.as_json()))
    session.exit_code = max((code for _, code, _ in results), key=SEVERITY.index)
    if len(results) == 1:
        session.emit(results[0][2])
    else:
        session.emit({"results": [{"file": name, "exit": code, **value} for name, code, value in results]})


def _snapshot_view(session: Session, paths: tuple[Path, ...], trust: Path, *, allow_older: bool) -> Any:
    """A view of the snapshots, remembered so that an older one is noticed next time."""
    from ledger.apps.cli_errors import error_text
    from ledger.apps.cli_time import say_time
    from ledger.bootstrap import load_trust
    from ledger.bootstrap_snapshot import accept, age_s, memory_beside, open_snapshots
    from ledger.core.errors import UnavailableError

    trusted, memory = load_trust(trust), memory_beside(trust)
    opened = open_snapshots(paths, trusted, memory, allow_older=allow_older)
    try:
        accept(opened.header, trusted, memory)
    except (
        UnavailableError
    ) as error:  # a read-only medium: the verdict stands, the next one is less protected
        session.remark(error_text(error))
    header, minutes = opened.header, age_s(opened.header) // 60
    session.show(
        FROM_SNAPSHOT.format(
            block=header.block.number,
            time=say_time(header.confirmed_at),
            hours=minutes // 60,
            minutes=minutes % 60,
        )
    )
    return opened.view


def _read(name: str) -> bytes:
    from ledger.bootstrap import LARGEST_BUNDLE, read_bundle

    if name == "-":
        return sys.stdin.buffer.read(LARGEST_BUNDLE + 1)
    return read_bundle(Path(name))


def _unreadable(session: Session, name: str, error: LedgerError) -> dict[str, Any]:
    from ledger.apps.cli_errors import error_json, error_text

    session.show(f"{LABELS['file']}  {name}")
    session.show(f"{LABELS['verdict']}  {MARKS['unknown']} {TITLES[UNREADABLE]}: {error_text(error)}\n")
    return error_json(error)


def _show(session: Session, name: str, report: Any) -> None:
    if session.as_json:
        return
    from ledger.core.checks.texts import advice_of, check_name, text_of

    language = LANGUAGE.get()
    mark = {0: MARKS["passed"], 3: MARKS["unknown"]}.get(report.exit_code, MARKS["failed"])
    session.show(f"{LABELS['file']}  {name}")
    session.show(
        f"{LABELS['verdict']}  {mark} {TITLES[report.exit_code]} [{report.verdict.national}] "
        f"{report.verdict.text[language]}"
    )
    session.show(f"{LABELS['presenter']}  {PRESENTERS[report.presenter.value]}")
    if report.single_operator and "单方账本" not in report.verdict.text[language]:
        session.show(f"{LABELS['ledger']}  {SINGLE_OPERATOR}")
    if report.credential is not None:
        _show_credential(session, report.credential)
    session.show(f"{LABELS['checks']}")
    advice: list[str] = []
    for number, result in enumerate(report.checks, 1):
        label = check_name(result.id.value, language)
        text = text_of(result.code, language)
        session.show(f"  {MARKS[result.outcome.value]} {number:2d} {label}: {text} [{result.code}]")
        if result.outcome.value in ("failed", "unknown"):
            advice.append(advice_of(result.code, language))
    for line in dict.fromkeys(advice):
        session.show(f"{LABELS['advice']}  {line}")
    session.show("")


def _show_credential(session: Session, summary: Any) -> None:
    from ledger.bootstrap import claim_labels

    language = LANGUAGE.get()
    names = summary.issuer_name or {}
    session.show(f"{LABELS['type']}  {_type_name(summary.type)}")
    session.show(f"{LABELS['issuer']}  {names.get(language) or '?'} ({summary.issuer})")
    if summary.identifier:
        session.show(f"{LABELS['identifier']}  {summary.identifier}")
    session.show(f"{LABELS['claims']}")
    for claim, labels in claim_labels(summary.type, summary.claims).items():
        if claim not in NAMED_ABOVE:
            session.show(f"    {Text(*labels)}: {_say(summary.claims[claim])}")


def _type_name(code: str) -> str:
    from ledger.bootstrap import type_labels

    return f"{Text(*type_labels(code))} {code}"


def _say(value: object) -> str:
    if isinstance(value, bool):
        return str(Text("是" if value else "否", "yes" if value else "no"))
    return str(value)


VERIFY = command(
    "verify",
    Text(
        "核验证照文件,逐项给出结果。\n\n"
        "信任文件说明相信哪个账本;账本(数据目录或链文件)提供链上事实。没有账本时,需要链的检查项\n"
        "为「无法判断」。连不到账本时用快照(--snapshot),结论会说明快照有多旧。退出码:0 通过,1 不通过,2 无法读取或用法错误,3 无法判断;多个文件取最坏的。",
        "Check bundles, point by point.\n\n"
        "The trust file says which ledger is believed; the ledger (data directory or chain file) gives the\n"
        "facts. Without a ledger, checks that need the chain cannot tell; where none can be reached, a snapshot\n"
        "(--snapshot) stands in for it, and its age is told. Exit codes: 0 accepted, 1 refused,\n"
        "2 unreadable or wrong usage, 3 cannot tell; of several files the worst.",
    ),
    params=[
        click.Argument(["files"], nargs=-1, required=True, metavar="FILE..."),
        Option(
            ["--trust"],
            type=click.Path(path_type=Path, dir_okay=False),
            metavar="FILE",
            text=Text(
                "信任文件(默认 ECERT_HOME/trust.json)。", "Trust file (default: ECERT_HOME/trust.json)."
            ),
        ),
        Option(
            ["--ledger"],
            type=click.Path(path_type=Path),
            metavar="HOME|CHAINFILE",
            text=Text(
                "账本:数据目录或链文件(默认 ECERT_HOME)。",
                "Ledger: data directory or chain file (default: ECERT_HOME).",
            ),
        ),
        Option(
            ["--snapshot", "snapshots"],
            multiple=True,
            type=click.Path(path_type=Path, dir_okay=False),
            metavar="FILE",
            text=Text(
                "用快照代替账本(离线);先完整快照,再按顺序给出增量。",
                "Snapshot instead of a ledger (offline); a whole one first, then deltas in order.",
            ),
        ),
        Option(
            ["--allow-older"],
            is_flag=True,
            text=Text(
                "快照比已接受过的旧也用(查看过去时)。",
                "Use a snapshot older than one accepted before (to look at the past).",
            ),
        ),
        Option(
            ["--no-ledger", "offline"],
            is_flag=True,
            text=Text(
                "不用账本,只做不需要链的检查。", "Use no ledger; only checks that need no chain can pass."
            ),
        ),
    ],
    examples=(
        "ecert verify proof.ecert.json --trust trust.json --ledger /srv/ecert",
        "ecert verify proof.ecert.json --trust trust.json --snapshot today.ecertsnap",
        "ecert verify *.ecert.json --json",
        "cat proof.ecert.json | ecert verify - --trust trust.json",
    ),
)(_verify)
