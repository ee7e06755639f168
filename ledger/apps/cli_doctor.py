"""`ecert doctor`: what is wrong and what to do; exit 1 when something is."""

from __future__ import annotations

from typing import Any

from ledger.apps.cli_doctor_chain import CHAIN_TEXTS
from ledger.apps.cli_doctor_checkpoints import CHECKPOINT_TEXTS
from ledger.apps.cli_doctor_restore import RESTORE_FINDINGS
from ledger.apps.cli_frame import Option, Session, Text, command

MARKS = {"ok": "✔", "warning": "!", "problem": "✘"}
ADVICE = Text("怎么办", "what to do")
SUMMARY_GOOD = Text("一切正常。", "Everything is in order.")
SUMMARY_WARNINGS = Text(
    "没有故障,有 {count} 处需要留意。", "Nothing is broken; {count} things to keep in mind."
)
SUMMARY_BAD = Text("有 {count} 处故障。", "{count} things are wrong.")
NOTHING = Text("", "")

# code → what was found, what to do
TEXTS: dict[str, tuple[Text, Text]] = {
    **CHAIN_TEXTS,
    **CHECKPOINT_TEXTS,
    **RESTORE_FINDINGS,
    "DOCTOR_FAILED": (
        Text("检查「{what}」没有完成:{code}", "The question {what!r} could not be answered: {code}"),
        Text("按该错误的说明处理后再运行一次。", "Deal with that error, then run this again."),
    ),
    "DOCTOR_FILE_OPEN": (
        Text("{path} 别人也能读", "{path} may be read by others"),
        Text("运行:chmod go= {path}", "Run: chmod go= {path}"),
    ),
    "DOCTOR_PERMISSIONS": (Text("文件权限", "File permissions"), NOTHING),
    "DOCTOR_WORKER_SILENT": (
        Text(
            "后台任务占着链,但 {seconds} 秒没有动静",
            "The worker holds the chain but gave no sign of life for {seconds} seconds",
        ),
        Text(
            "查看 logs/worker.log,必要时重启服务。",
            "Look at logs/worker.log; restart the service if need be.",
        ),
    ),
    "DOCTOR_BACKUP": (Text("最近一次备份在 {hours} 小时前", "Newest backup: {hours} hours ago"), NOTHING),
    "DOCTOR_BACKUP_OLD": (
        Text("最近一次备份已是 {hours} 小时前", "The newest backup is {hours} hours old"),
        Text("每天运行 ecert backup(见 docs/deploy.md)。", "Run ecert backup each day (docs/deploy.md)."),
    ),
    "DOCTOR_NO_BACKUP": (
        Text("还没有做过备份", "There is no backup yet"),
        Text("每天运行 ecert backup(见 docs/deploy.md)。", "Run ecert backup each day (docs/deploy.md)."),
    ),
    "DOCTOR_DATABASE": (Text("{path} 完整", "{path} is intact"), NOTHING),
    "DOCTOR_DATABASE_MISSING": (
        Text("{path} 不见了", "{path} is missing"),
        Text("停止服务,从备份恢复。", "Stop the service and restore it from the backup."),
    ),
    "DOCTOR_DATABASE_BROKEN": (
        Text("{path} 已损坏:{answer}", "{path} is damaged: {answer}"),
        Text(
            "立即停止服务,保留原文件,从备份恢复;view.db 可直接删除,会自动重建。",
            "Stop the service, keep the file, restore it from the backup; view.db may be deleted, it is rebuilt.",
        ),
    ),
    "DOCTOR_DISK": (Text("磁盘剩余 {free_mb} MB", "{free_mb} MB of disk left"), NOTHING),
    "DOCTOR_DISK_FULL": (
        Text("磁盘只剩 {free_mb} MB", "Only {free_mb} MB of disk left"),
        Text(
            "请扩容,或把 released/ 下已交付的文件移走。",
            "Add space, or move delivered files out of released/.",
        ),
    ),
    "DOCTOR_CLOCK": (Text("时钟正常(链高 {block})", "The clock is right (chain at block {block})"), NOTHING),
    "DOCTOR_CLOCK_BEHIND": (
        Text("时钟比链慢 {seconds} 秒", "The clock is {seconds} s behind the chain"),
        Text("校准系统时间(NTP)后再启动。", "Set the system's time (NTP), then start again."),
    ),
    "DOCTOR_CLOCK_AHEAD": (
        Text("时钟比链快 {days} 天", "The clock is {days} days ahead of the chain"),
        Text(
            "核对系统时间;若确实停用了这么久,用 ECERT_ACCEPT_CLOCK=1 启动一次。",
            "Check the system's time; if the ledger really rested that long, start once with ECERT_ACCEPT_CLOCK=1.",
        ),
    ),
    "DOCTOR_NO_WORKER": (Text("没有后台任务在运行(链空闲)", "No worker runs (the chain is free)"), NOTHING),
    "DOCTOR_WORKER_RUNS": (Text("后台任务正在运行", "A worker runs"), NOTHING),
    "DOCTOR_VIEW": (Text("链视图落后 {blocks} 块", "The chain view is {blocks} blocks behind"), NOTHING),
    "DOCTOR_NO_VIEW": (Text("链视图将由后台任务建立", "The worker will make the chain view"), NOTHING),
    "DOCTOR_SNAPSHOT": (
        Text(
            "快照到区块 {block},{hours} 小时前确认为最新",
            "Snapshot up to block {block}, the newest {hours} hours ago",
        ),
        NOTHING,
    ),
    "DOCTOR_SNAPSHOT_OLD": (
        Text(
            "快照太旧(区块 {block},{hours} 小时前):核验一律「无法判断」",
            "The snapshot is too old (block {block}, {hours} hours ago): every verdict is `cannot tell`",
        ),
        Text("导入新的快照:ecert snapshot import。", "Import a newer one: ecert snapshot import."),
    ),
    "DOCTOR_SNAPSHOT_NONE": (
        Text("还没有导入快照", "No snapshot was imported yet"),
        Text("运行 ecert snapshot import。", "Run ecert snapshot import."),
    ),
    "DOCTOR_VIEW_BEHIND": (
        Text(
            "后台任务在运行,但链视图落后 {blocks} 块", "A worker runs, but the view is {blocks} blocks behind"
        ),
        Text(
            "重启后台任务;仍落后则删除 view.db。",
            "Restart the worker; if that does not help, delete view.db.",
        ),
    ),
    "DOCTOR_VIEW_FORKED": (
        Text("链与已记录的区块矛盾", "The chain contradicts blocks that were taken before"),
        Text(
            "可能恢复了旧备份。停止服务,联系账本运营单位。",
            "An old backup may have been restored. Stop the service and call the ledger's operator.",
        ),
    ),
    "DOCTOR_OVERLAP": (
        Text(
            "{issuer} 的状态列表 {list} 有两个批次重叠:{roots}",
            "Two batches of {issuer} overlap in list {list}: {roots}",
        ),
        Text(
            "核验结论不受影响;请查明是谁上链的,撤回其中一个批次。",
            "Verdicts are not affected; find out who anchored them and withdraw one.",
        ),
    ),
    "DOCTOR_STANDING": (
        Text(
            "{issuer} 的常设审批一天内用了 {leaves} 份,平常是 {usual} 份(0 表示尚无常量):{standing}",
            "A standing approval of {issuer} was used for {leaves} in a day, usually {usual} (0: nothing is "
            "usual yet): {standing}",
        ),
        Text(
            "问清楚是谁的业务;不明的立即撤销:ecert standing revoke。",
            "Find out whose work it was; if nobody knows, revoke it at once: ecert standing revoke.",
        ),
    ),
    "DOCTOR_TRUST": (Text("信任文件还有 {days} 天", "The trust file is good for {days} days"), NOTHING),
    "DOCTOR_TRUST_ENDS": (
        Text("信任文件还有 {days} 天到期", "The trust file ends in {days} days"),
        Text("签发下一版并分发给核验单位。", "Sign the next version and hand it to verifiers."),
    ),
    "DOCTOR_TRUST_ENDED": (
        Text("信任文件已到期", "The trust file has ended"),
        Text("立即签发下一版并分发给核验单位。", "Sign the next version now and hand it to verifiers."),
    ),
    "DOCTOR_KEY": (
        Text(
            "{issuer} 的 {key} 密钥正常,证书还有 {days} 天",
            "{issuer}: {key} key good, certificate {days} days",
        ),
        NOTHING,
    ),
    "DOCTOR_NO_CERTIFICATE": (
        Text("{issuer} 的 {key} 密钥没有证书", "The {key} key of {issuer} has no certificate"),
        Text(
            "用 ecert key register 登记并取得证书。",
            "Register it with ecert key register, which certifies it.",
        ),
    ),
    "DOCTOR_KEY_NOT_REGISTERED": (
        Text("{issuer} 的 {key} 密钥没有在链上登记", "The {key} key of {issuer} is not registered on chain"),
        Text("用 ecert key register 登记。", "Register it with ecert key register."),
    ),
    "DOCTOR_KEY_NOT_GOOD": (
        Text(
            "{issuer} 的 {key} 密钥已停用、到期或失密",
            "The {key} key of {issuer} is retired, ended or compromised",
        ),
        Text(
            "生成新密钥并登记:ecert key new、ecert key register。",
            "Make and register a new one: ecert key new, ecert key register.",
        ),
    ),
    "DOCTOR_CERTIFICATE_ENDS": (
        Text(
            "{issuer} 的 {key} 证书还有 {days} 天到期",
            "The {key} certificate of {issuer} ends in {days} days",
        ),
        Text(
            "登记新密钥;长期有效的证照需换发。", "Register a new key; permanent credentials need re-issuing."
        ),
    ),
    "DOCTOR_REISSUE": (
        Text(
            "批次 {batch}({size} 份长期证照)里的证书还有 {days} 天到期",
            "Batch {batch} ({size} long-lived credentials): its certificate ends in {days} days",
        ),
        Text(
            "到期后通用核验软件不再接受;请用新密钥换发(ecert issue --supersede)。",
            "Standard verifiers refuse them after that; re-issue with a new key (ecert issue --supersede).",
        ),
    ),
    "DOCTOR_LISTS": (
        Text("{lists} 个公开状态列表在有效期内", "{lists} published status lists are current"),
        NOTHING,
    ),
    "DOCTOR_LIST_ENDED": (
        Text(
            "{issuer} 的公开状态列表 {lists} 已过期,通用核验软件会拒绝其证照",
            "Published status lists {lists} of {issuer} have ended: standard verifiers refuse its credentials",
        ),
        Text(
            "让 ecert serve 或 ecert worker 一直运行,它会按时更新。",
            "Keep ecert serve or ecert worker running: it renews them in time.",
        ),
    ),
    "DOCTOR_REISSUE_UNKNOWN": (
        Text(
            "批次 {batch}({size} 份长期证照)里的证书何时到期,这里查不到",
            "Batch {batch} ({size} long-lived credentials): when its certificate ends cannot be told here",
        ),
        Text(
            "从备份恢复 pki/ 里的证书,或打开 {issuer} 的一份证照查看 x5c;到期前换发。",
            "Restore the certificates in pki/ from a backup, or look at x5c in a credential of {issuer}.",
        ),
    ),
    "DOCTOR_CASES": (Text("{cases} 份变更单完好", "{cases} cases of status changes in order"), NOTHING),
    "DOCTOR_CASE_UNREADABLE": (
        Text("变更单 {case} 无法打开", "Case {case} cannot be opened"),
        Text(
            "从备份恢复 cases/ 里的文件或 keys.db;若其决定尚未上链,重新办理。",
            "Restore its file in cases/ or keys.db from a backup; if it is not on chain, decide it again.",
        ),
    ),
    "DOCTOR_DEAD_LETTER": (
        Text(
            "任务 {job}({kind},批次 {batch})失败:{reason}",
            "Job {job} ({kind}, batch {batch}) failed: {reason}",
        ),
        Text(
            "APPROVAL_EXPIRED:ecert batch ask-again 批次;其他:ecert batch show 批次 查看,再 ask-again 或 reject。",
            "APPROVAL_EXPIRED: ecert batch ask-again BATCH; others: look with ecert batch show, then ask-again or reject.",
        ),
    ),
    "DOCTOR_ROW_FAULT": (
        Text(
            "批次 {batch} 停下:{serial} 这一行无法签发({reason})",
            "Batch {batch} stopped: row {serial} cannot be signed ({reason})",
        ),
        Text(
            "去掉该行,其余行进入新批次:ecert batch reject {batch} --requeue --without {serial}",
            "Drop the row, the others go into a new batch: ecert batch reject {batch} --requeue --without {serial}",
        ),
    ),
    "DOCTOR_NO_DEAD_LETTERS": (Text("没有失败的任务", "No failed jobs"), NOTHING),
    "DOCTOR_BACKLOG": (
        Text("有 {jobs} 个任务在等,但没有后台任务在运行", "{jobs} jobs wait, but no worker runs"),
        Text("运行 ecert worker(或 ecert worker --once)。", "Run ecert worker (or ecert worker --once)."),
    ),
    "DOCTOR_JOBS": (Text("{jobs} 个任务在队列中", "{jobs} jobs queued"), NOTHING),
    "DOCTOR_WAITS": (
        Text(
            "批次 {batch} 在等({state}),还有 {hours} 小时",
            "Batch {batch} waits ({state}), {hours} hours left",
        ),
        NOTHING,
    ),
    "DOCTOR_AUDIT": (Text("审计日志完整({rows} 行)", "The audit log is whole ({rows} rows)"), NOTHING),
    "DOCTOR_AUDIT_UNSEALED": (
        Text(
            "审计日志前后相连({rows} 行);没有口令,未核对封印",
            "The audit log hangs together ({rows} rows); without a password its seal was not checked",
        ),
        NOTHING,
    ),
    "DOCTOR_AUDIT_BROKEN": (
        Text(
            "审计日志从第 {row} 行起被改动({fault})",
            "The audit log was tampered with from row {row} on ({fault})",
        ),
        Text(
            "保留 store.db 和 audit-head.json 原样,与备份和日志导出比对,查明谁能写数据库。",
            "Keep store.db and audit-head.json as they are, compare with backups and exports, find out who can write.",
        ),
    ),
    "DOCTOR_APPROVAL_ENDS": (
        Text(
            "批次 {batch}({state})还有 {hours} 小时过期", "Batch {batch} ({state}) expires in {hours} hours"
        ),
        Text(
            "请经办人或审批人尽快签名;过期后用 ecert batch ask-again。",
            "Have it signed soon; after that use ecert batch ask-again.",
        ),
    ),
}


def _doctor(session: Session, chain: str | None, finality: str) -> None:
    from ledger.apps.cli_open import open_installation
    from ledger.bootstrap_doctor import OK, PROBLEM, examine, examine_chain, machine_clock

    if chain is None:
        findings = examine(open_installation(session))
    else:
        findings = examine_chain(chain, finality, machine_clock())
    problems = sum(finding.outcome == PROBLEM for finding in findings)
    noted = sum(finding.outcome not in (OK, PROBLEM) for finding in findings)
    session.emit({"ok": not problems, "findings": [_finding_json(finding) for finding in findings]})
    for finding in findings:
        found, advice = TEXTS[finding.code]
        session.show(f"{MARKS[finding.outcome]} {found.format(**finding.detail)}")
        if finding.outcome != OK:
            session.show(f"    {ADVICE}: {advice.format(**finding.detail)}")
    if problems:
        session.exit_code = 1
        session.show(SUMMARY_BAD.format(count=problems))
    elif noted:
        session.show(SUMMARY_WARNINGS.format(count=noted))
    else:
        session.show(SUMMARY_GOOD)


def _finding_json(finding: Any) -> dict[str, Any]:
    found, advice = TEXTS[finding.code]
    return {
        "outcome": finding.outcome,
        "code": finding.code,
        "message": found.format(**finding.detail).to_json(),
        "advice": advice.format(**finding.detail).to_json(),
        "detail": finding.detail,
    }


DOCTOR = command(
    "doctor",
    Text(
        "全面体检,并说明如何处理。\n\n"
        "检查文件权限、数据库、磁盘、时钟、链视图、信任文件、密钥和证书、需换发的长期证照、失败和积压的任务、\n"
        "快过期的审批。不需要口令,不改动任何东西。有故障时退出码为 1。",
        "Check everything, and say what to do.\n\n"
        "Looks at file permissions, databases, disk, clock, chain view, trust file, keys and certificates,\n"
        "permanent credentials to re-issue, failed and waiting jobs, approvals about to expire. Needs no\n"
        "password and changes nothing. Exit code 1 when something is wrong.",
    ),
    params=[
        Option(
            ["--chain"],
            metavar="URL,URL",
            text=Text(
                "不看本机,而是检查这些 JSON-RPC 节点背后的链能否承载账本。",
                "Look at the chain behind these JSON-RPC nodes instead: can it carry a ledger?",
            ),
        ),
        Option(
            ["--finality"],
            default="immediate",
            show_default=True,
            metavar="RULE",
            text=Text(
                "准备采用的最终性规则:immediate、finalized 或确认数。",
                "The rule of finality to be used: immediate, finalized or a number of confirmations.",
            ),
        ),
    ],
    examples=("ecert doctor", "ecert doctor --json", "ecert doctor --chain http://node.example:8545"),
)(_doctor)
