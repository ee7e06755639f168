"""`ecert issue`: a data file becomes credentials that wait for maker and approver.

Without `--dry-run` the rows are made durable, the batches closed, and the credentials signed by the
worker. Killed and run again with the same file it goes on; rows that were issued before are not issued
again.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from ledger.apps.cli_frame import Option, Session, Text, command
from ledger.apps.cli_govern import ISSUER

REFUSED = 1
SHOWN_ERRORS = 20
FILE_ERROR_ROW = 1

FOUND = Text(
    "共 {rows} 行,{valid} 行有效,{invalid} 处错误。", "{rows} rows, {valid} valid, {invalid} faults."
)
MORE = Text("……还有 {count} 处,见 --json 或结果文件。", "… and {count} more; see --json or the result file.")
ROW = Text("  第 {row} 行 {column}:{message} [{code}]", "  row {row} {column}: {message} [{code}]")
WARNED = Text(
    "  注意 第 {row} 行 {column}:{message} [{code}]", "  note row {row} {column}: {message} [{code}]"
)
DRY = Text("只检查,未写入任何内容(--dry-run)。", "Checked only, nothing was written (--dry-run).")
KNOWN = Text(
    "与已签发的对照:已签发过 {already},内容有变化 {changed}。",
    "Compared with what was issued: issued before {already}; changed {changed}.",
)
NOT_LOOKED_UP = Text(
    "没有密钥库的口令,未能对照已签发的记录:只检查了各行内容(设置 ECERT_PASSWORD_FILE 后可对照)。",
    "Without the key store's password it could not be looked up which records were issued before: only the "
    "rows themselves were checked (set ECERT_PASSWORD_FILE to compare).",
)
NOT_ACCEPTED = Text(
    "文件有错误,整个文件未导入。请改正后重新导入;或用 --only-valid 只导入有效行。",
    "The file has faults and was refused as a whole. Correct it, or take only its valid rows with --only-valid.",
)
DONE = Text(
    "新签发 {issued},已签发过 {already},内容有变化 {changed}。",
    "New: {issued}; issued before: {already}; changed: {changed}.",
)
CHANGED = Text(
    "有 {changed} 行的业务键已签发过但内容不同;如要换发,请加 --supersede 再运行一次。",
    "{changed} rows were issued before with other values; run again with --supersede to replace them.",
)
RESULT = Text("逐行结果:{path}", "Result of each row: {path}")
WAITING = Text(
    "批次 {batches} 等待经办人确认:ecert batch make {words} --key {key}",
    "Batches {batches} wait for the maker: ecert batch make {words} --key {key}",
)
OTHER_WORKER = Text("后台任务正在签名,等待其完成……", "the running worker signs; waiting for it…")
READING = Text("读取", "reading")


def _issue(
    session: Session,
    issuer: str,
    type_name: str,
    file: Path,
    result: Path | None,
    *,
    dry_run: bool,
    only_valid: bool,
    supersede: bool,
    pending: bool,
) -> None:
    from ledger.apps.cli_open import open_installation
    from ledger.apps.issuing import IssueOrder, check_file, issue_file

    here = open_installation(session)
    order = IssueOrder(issuer, type_name, file, only_valid=only_valid, supersede=supersede, pending=pending)
    with _progress(session) as tell:
        if dry_run:
            outcome = check_file(here, order, tell)
        else:
            outcome = issue_file(
                here, order, tell, result=result, on_wait=lambda: session.remark(OTHER_WORKER)
            )
    report = outcome.report
    faults = sorted((*report.errors, *report.changes), key=lambda issue: issue.row)
    errors = [issue.as_json() for issue in faults]
    session.emit({"rows": report.rows, "valid": report.valid, "errors": errors})
    _show(session, report, dry_run=dry_run)
    if outcome.result is not None:
        session.show(RESULT.format(path=outcome.result))
    waiting = [str(batch.id) for batch in outcome.batches if batch.state == "signed"]
    if waiting:
        key = here.key_hint(issuer, "maker")
        session.show(WAITING.format(batches=", ".join(waiting), words=" ".join(waiting), key=key))
    if not report.is_looked_up:
        session.remark(NOT_LOOKED_UP)
    if errors:
        session.exit_code = REFUSED


def _show(session: Session, report: Any, *, dry_run: bool) -> None:
    session.show(FOUND.format(rows=report.rows, valid=report.valid, invalid=len(report.errors)))
    for form, issues in ((ROW, report.errors), (ROW, report.changes), (WARNED, report.warnings)):
        for issue in issues[:SHOWN_ERRORS]:
            session.show(_line(form, issue))
        if len(issues) > SHOWN_ERRORS:
            session.show(MORE.format(count=len(issues) - SHOWN_ERRORS))
    if dry_run:
        if report.is_looked_up:
            session.show(KNOWN.format(already=report.already, changed=report.changed))
        session.show(DRY)
        return
    if not report.accepted:
        session.show(NOT_ACCEPTED)
        return
    session.show(DONE.format(issued=report.issued, already=report.already, changed=report.changed))
    if report.changed:
        session.show(CHANGED.format(changed=report.changed))


def _line(form: Text, issue: Any) -> Text:
    message = issue.message
    values = {"row": issue.row, "column": issue.column, "code": issue.code}
    return Text(
        form.zh.format(**values, message=message["zh"]), form.en.format(**values, message=message["en"])
    )


@contextmanager
def _progress(session: Session) -> Iterator[Callable[[Any], None]]:
    """Rows, rate and time left, drawn on a terminal only; never mixed into the result."""
    if session.as_json or not sys.stderr.isatty():
        yield lambda _progress: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn(str(READING)),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]:.0f}/s"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=None, rate=0.0)

        def tell(progress: Any) -> None:
            left = progress.seconds_left
            total = None if left is None else progress.rows + round(left * progress.per_second)
            bar.update(task, completed=progress.rows, total=total, rate=progress.per_second)

        yield tell


ISSUE = command(
    "issue",
    Text(
        "导入数据文件并制证。\n\n"
        "接受 CSV(UTF-8、GB18030 自动识别)、XLSX 和 JSON Lines。逐行检查后签名,等待经办人和审批人;\n"
        "审批并上链后才放行。同一份数据再次导入不会重复签发。任何一行有错误时整个文件不导入。\n"
        "已签发过但内容不同的行列为 ROW_CHANGED,其余照常签发;--supersede 换发。--dry-run 也对照已签发的记录。\n"
        "退出码:0 完成,1 有错误或内容变化,2 文件无法读取或用法错误。",
        "Import a data file and make credentials of it.\n\n"
        "Takes CSV (UTF-8 or GB18030, detected), XLSX and JSON lines. Rows are checked and signed, then wait\n"
        "for maker and approver; nothing is handed out before it is anchored. The same data again issues\n"
        "nothing twice. One bad row refuses the whole file. A row that was issued before with other values is\n"
        "listed as ROW_CHANGED while the others are issued; --supersede replaces it. --dry-run looks that up too.\n"
        "Exit codes: 0 done, 1 faults or changed values, 2 unreadable file or wrong usage.",
    ),
    params=[
        click.Argument(["file"], type=click.Path(path_type=Path, dir_okay=False), metavar="FILE"),
        ISSUER,
        Option(
            ["--type", "type_name"],
            required=True,
            metavar="TYPE",
            text=Text("证照类型,如 HPF_PERSONAL_DEPOSIT。", "Credential type, e.g. HPF_PERSONAL_DEPOSIT."),
        ),
        Option(["--dry-run"], is_flag=True, text=Text("只检查,不写入。", "Check only, write nothing.")),
        Option(
            ["--only-valid"],
            is_flag=True,
            text=Text("有错误的行跳过,其余导入。", "Skip bad rows and take the others."),
        ),
        Option(
            ["--supersede"],
            is_flag=True,
            text=Text(
                "内容有变化的行换发新证,旧证上链标为已换发。",
                "Replace credentials whose values changed; the old ones become SUPERSEDED.",
            ),
        ),
        Option(
            ["--pending"],
            is_flag=True,
            text=Text(
                "签发为待激活,之后用 ecert status set --to valid 激活(只限有此状态的类型)。",
                "Issue as PENDING, to be activated by `ecert status set --to valid` (types that have it only).",
            ),
        ),
        Option(
            ["--result"],
            type=click.Path(path_type=Path, dir_okay=False),
            metavar="FILE",
            text=Text(
                "逐行结果文件(默认在数据文件旁:文件名.result.csv)。",
                "Result file, a line per row (default: FILE.result.csv beside the data).",
            ),
        ),
    ],
    examples=(
        "ecert issue --issuer 12990100MAXXXX023E --type HPF_PERSONAL_DEPOSIT export.csv --dry-run",
        "ecert issue --issuer 12990100MAXXXX023E --type HPF_PERSONAL_DEPOSIT export.csv",
        "ecert issue --issuer 11990100MAXXXX031C --type BIZ_LICENSE licences.xlsx --only-valid",
    ),
)(_issue)
