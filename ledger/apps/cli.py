"""The `ecert` program: picks the command, and turns what went wrong into words and an exit code.

Exit codes are chosen here and nowhere else. `verify`: 0 accepted, 1 refused, 2 unreadable or wrong
usage, 3 cannot tell (several files: the worst). Everything else: 0 done, 1 not done or something is
wrong, 2 wrong usage or unreadable input. Both: 70 an error in this program. Commands are imported when they are used: `--help` must be
quick, and checking a file must not load a blockchain.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress

import click

from ledger.apps.cli_frame import LANGUAGE, BilingualGroup, Session, Text, common_options
from ledger.core.errors import InputError, LedgerError, UnavailableError
from ledger.settings import Language, Settings, load_settings

EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_UNKNOWN = 3
EXIT_INTERNAL = 70  # EX_SOFTWARE of sysexits.h; no verdict and no refusal ends with it
EXIT_INTERRUPTED = 130  # 128 + SIGINT, as shells report it


# Whoever calls named something that is not there or not theirs: the command line is wrong, not the data.
MISTYPED = frozenset({"ISSUER_NOT_HERE", "KEY_NOT_FOUND", "TYPE_NOT_GRANTED", "TYPE_NOT_HERE"})


def _lazy(module: str, attribute: str) -> Callable[[], click.Command]:
    def load() -> click.Command:
        found = getattr(importlib.import_module(f"ledger.apps.{module}"), attribute)
        if not isinstance(found, click.Command):
            raise TypeError(f"{module}.{attribute} is no command")
        return found

    return load


ROOT = BilingualGroup(
    "ecert",
    text=Text(
        "电子证照账本:签发、上链、核验电子证照和住房公积金缴存证明。\n\n"
        "第一次使用?「ecert demo」建立一套完整的演示环境;「ecert verify 文件 --trust trust.json」核验一份证照。",
        "A ledger for e-certificates: issue, anchor and verify licences and deposit proofs.\n\n"
        "New here? `ecert demo` builds a complete demo; `ecert verify FILE --trust trust.json` checks a bundle.",
    ),
    params=common_options(),
    examples=(
        "ecert demo",
        "ecert issue --issuer USCC --type HPF_PERSONAL_DEPOSIT export.csv --dry-run",
        "ecert batch list",
        "ecert verify proof.ecert.json --trust trust.json",
    ),
    lazy={
        "init": (
            Text("建立正式环境:链、密钥、信任文件。", "Set up a production installation."),
            _lazy("cli_init", "INIT"),
        ),
        "demo": (
            Text("一条命令建立完整的演示环境。", "Build a complete demo with one command."),
            _lazy("cli_demo", "DEMO"),
        ),
        "issuer": (
            Text("发证机关:列出、接纳、授权。", "Issuing agencies: list, admit, grant."),
            _lazy("cli_issuer", "ISSUER_GROUP"),
        ),
        "role": (
            Text("角色:提议、接受、代理、重置。", "Roles: propose, accept, deputies, resets."),
            _lazy("cli_role", "ROLE_GROUP"),
        ),
        "directory": (
            Text("机构名录:签名、发布。", "Directory entries: sign, publish."),
            _lazy("cli_directory", "DIRECTORY"),
        ),
        "key": (
            Text("密钥:生成、登记、停用、列出。", "Keys: make, register, retire, list."),
            _lazy("cli_key", "KEY"),
        ),
        "person": (
            Text("人员:添加、列出、角色、重置、停用。", "People: add, list, roles, reset, suspend."),
            _lazy("cli_person", "PERSON"),
        ),
        "issue": (
            Text("导入数据文件并制证。", "Import a data file and make credentials of it."),
            _lazy("cli_issue", "ISSUE"),
        ),
        "batch": (
            Text("批次:查看、经办、审批、驳回、撤回。", "Batches: look, sign, approve, reject, withdraw."),
            _lazy("cli_batch", "BATCH"),
        ),
        "standing": (
            Text("常设审批:登记、查看、撤销。", "Standing approvals: grant, list, revoke."),
            _lazy("cli_standing", "STANDING"),
        ),
        "token": (
            Text("接口令牌:生成、查看、撤销。", "API tokens: make, list, revoke."),
            _lazy("cli_token", "TOKEN"),
        ),
        "worker": (
            Text("运行后台任务:签名、上链、放行。", "Run the background jobs: sign, anchor, release."),
            _lazy("cli_work", "WORKER"),
        ),
        "status": (
            Text("改变证照状态:挂起、恢复、吊销……", "Change a credential's status: suspend, resume, revoke…"),
            _lazy("cli_status", "STATUS"),
        ),
        "verify": (
            Text("核验证照文件,逐项给出结果。", "Check bundles, point by point."),
            _lazy("cli_verify", "VERIFY"),
        ),
        "snapshot": (
            Text("快照:导出、签名、查看、导入。", "Snapshots: export, sign, look, import."),
            _lazy("cli_snapshot", "SNAPSHOT"),
        ),
        "proof": (
            Text("核对一份上链证明。", "Check a proof of anchoring."),
            _lazy("cli_proof", "PROOF"),
        ),
        "verify-receipt": (
            Text("核对一份核验回执。", "Check a verification receipt."),
            _lazy("cli_receipt", "VERIFY_RECEIPT"),
        ),
        "guide": (
            Text("办事指南:发布、列出。", "Service guides: publish, list."),
            _lazy("cli_guide", "GUIDE"),
        ),
        "show": (
            Text(
                "查看证照、机关、密钥、常设审批或批次,含经过。",
                "Look at a credential, agency, key, standing approval or batch, and its history.",
            ),
            _lazy("cli_show", "SHOW"),
        ),
        "list": (
            Text("列出已签发的证照。", "List issued credentials."),
            _lazy("cli_show", "LIST"),
        ),
        "mirror": (
            Text("镜像:跟随账本,自行核对,共同签名。", "Mirror: follow a ledger, check it, co-sign."),
            _lazy("cli_mirror", "MIRROR"),
        ),
        "serve": (
            Text("启动网页服务和后台任务。", "Start the web page and the worker."),
            _lazy("cli_work", "SERVE"),
        ),
        "node": (
            Text("只提供账本节点。", "Serve the ledger's node alone."),
            _lazy("cli_work", "NODE"),
        ),
        "trust": (
            Text("信任文件:查看、下一版、签名、启用。", "Trust file: show, next version, sign, take."),
            _lazy("cli_trust", "TRUST"),
        ),
        "migrate": (
            Text("把账本迁移到他人运行的链。", "Move the ledger to a chain that others run."),
            _lazy("cli_migrate", "MIGRATE"),
        ),
        "backup": (
            Text("备份,不必停机。", "Back up while it runs."),
            _lazy("cli_keep", "BACKUP"),
        ),
        "restore": (
            Text("从备份恢复到空目录。", "Restore a backup into an empty folder."),
            _lazy("cli_restore", "RESTORE"),
        ),
        "heal": (
            Text("数据库与链不一致时修复。", "Make database and chain agree again."),
            _lazy("cli_restore", "HEAL"),
        ),
        "refresh": (
            Text("为旧证照文件换新回执。", "Give an old bundle a fresh receipt."),
            _lazy("cli_refresh", "REFRESH"),
        ),
        "erase": (
            Text("永久删除一个人的数据。", "Erase a person's data for good."),
            _lazy("cli_keep", "ERASE"),
        ),
        "doctor": (
            Text("全面体检,并说明如何处理。", "Check everything, and say what to do."),
            _lazy("cli_doctor", "DOCTOR"),
        ),
    },
)


def main(argv: Sequence[str] | None = None) -> None:
    """Run one command line and leave the process with its exit code."""
    sys.exit(run(sys.argv[1:] if argv is None else argv))


def run(argv: Sequence[str], settings: Settings | None = None) -> int:
    """Run one command line.

    Args:
        argv: without the program's name.
        settings: instead of those of the environment.

    Returns: the exit code.
    """
    as_json = "--json" in argv
    try:
        told = settings or load_settings()
    except InputError as error:
        return _explain(error, argv, as_json=as_json, debug=False)
    token = LANGUAGE.set(_language_of(argv) or told.language)
    try:
        session = Session(told, as_json=as_json)
        ROOT.main(list(argv), prog_name="ecert", standalone_mode=False, obj=session)
    except Exception as error:  # noqa: BLE001  the edge of the process: every error becomes words and a code
        return _explain(error, argv, as_json=as_json, debug=told.debug or "--debug" in argv)
    else:
        return session.exit_code
    finally:
        LANGUAGE.reset(token)


def _language_of(argv: Sequence[str]) -> Language | None:
    """The language asked for, before any text is shown (help comes before option callbacks)."""
    for position, word in enumerate(argv):
        value = word.removeprefix("--lang=") if word.startswith("--lang=") else None
        if word == "--lang" and position + 1 < len(argv):
            value = argv[position + 1]
        if value == "zh":
            return "zh"
        if value == "en":
            return "en"
    return None


def _explain(error: Exception, argv: Sequence[str], *, as_json: bool, debug: bool) -> int:
    from ledger.apps import cli_errors

    if isinstance(error, click.exceptions.Exit):
        return error.exit_code
    if isinstance(error, click.exceptions.Abort):
        click.echo(str(cli_errors.INTERRUPTED), err=True)
        return EXIT_INTERRUPTED
    if isinstance(error, click.ClickException):
        cli_errors.show_usage_error(error, as_json=as_json)
        return EXIT_USAGE
    if isinstance(error, LedgerError):
        cli_errors.show_ledger_error(error, as_json=as_json)
        return _exit_code(error, is_verify="verify" in argv[:4])
    if isinstance(error, BrokenPipeError):
        # the reader of our output has gone (`ecert list | head`); nothing is left to say
        with suppress(OSError):
            sys.stdout.close()
        return EXIT_FAILED
    cli_errors.show_internal_error(error, as_json=as_json, debug=debug)
    return EXIT_INTERNAL


def _exit_code(error: LedgerError, *, is_verify: bool) -> int:
    if isinstance(error, InputError) or error.code in MISTYPED:
        return EXIT_USAGE
    if is_verify:
        return EXIT_UNKNOWN if isinstance(error, UnavailableError) else EXIT_USAGE
    return EXIT_FAILED


if __name__ == "__main__":
    main()
