"""What `ecert doctor` says about checkpoints and witnesses, and what to do."""

from __future__ import annotations

from ledger.apps.cli_frame import Text

NOTHING = Text("", "")
CHECKPOINT_TEXTS: dict[str, tuple[Text, Text]] = {
    "DOCTOR_NO_CHECKPOINT_KEY": (
        Text(
            "没有可用的检查点密钥:其他机关无法见证这个账本",
            "No checkpoint key is in force: other agencies cannot bear witness to this ledger",
        ),
        Text(
            "ecert key new --kind credential --out DIR,再 ecert key register --issuer {issuer} "
            "--purpose checkpoint --key file:DIR/signing.key --admin … --admin …,然后重启后台任务。",
            "ecert key new --kind credential --out DIR, then ecert key register --issuer {issuer} "
            "--purpose checkpoint --key file:DIR/signing.key --admin … --admin …, and restart the worker.",
        ),
    ),
    "DOCTOR_CHECKPOINT_KEY_ENDS": (
        Text("检查点密钥将在 {days} 天后到期", "The checkpoint key ends in {days} days"),
        Text(
            "登记一个新的:ecert key register --purpose checkpoint。",
            "Register a new one: ecert key register --purpose checkpoint.",
        ),
    ),
    "DOCTOR_CHECKPOINTS": (
        Text("检查点已签到区块 {block}", "Checkpoints are signed up to block {block}"),
        NOTHING,
    ),
    "DOCTOR_CHECKPOINTS_BEHIND": (
        Text(
            "检查点只签到区块 {block},链已到 {head}",
            "Checkpoints are signed up to block {block} only, the chain is at {head}",
        ),
        Text(
            "启动后台任务;仍落后则查看 logs/worker.log(密钥口令、磁盘)。",
            "Start the worker; if that does not help look at logs/worker.log (the key's password, the disk).",
        ),
    ),
    "DOCTOR_WITNESSES": (
        Text(
            "见证已覆盖到区块 {height}(至少 {threshold} 家)",
            "Witnesses cover block {height} ({threshold} needed)",
        ),
        NOTHING,
    ),
    "DOCTOR_WITNESSES_SILENT": (
        Text(
            "见证只到区块 {height}(链高 {head}),已等待 {minutes} 分钟;其后的证照不会放行",
            "Witnesses cover block {height} only (chain at {head}) for {minutes} minutes: nothing later is released",
        ),
        Text(
            "联系见证机构,请其检查 ecert mirror;长期缺席时用 ecert trust next 调整见证名单。",
            "Call the witnesses and have them look after ecert mirror; if one stays away, change the list with "
            "ecert trust next.",
        ),
    ),
    "DOCTOR_WITNESS_CONTRADICTS": (
        Text(
            "见证机构 {kid} 签过的区块 {block} 与本机的链不符(链高 {head})",
            "Witness {kid} signed a block {block} that is not ours (chain at {head})",
        ),
        Text(
            "本机的链可能是旧备份。立即停止出块,按 docs/operations/restore.md 处理。",
            "This chain may come from an old backup: stop sealing at once and follow docs/operations/restore.md.",
        ),
    ),
}
