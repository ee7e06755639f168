"""`ecert migrate`: a ledger moves from a chain of its own to one that others run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ledger.apps.cli_ask import is_agreed
from ledger.apps.cli_chain import CHAIN_RULES
from ledger.apps.cli_frame import Option, Session, Text, command
from ledger.core.errors import InputError

if TYPE_CHECKING:
    from ledger.bootstrap_migrate import Moved, Preview

GWEI = 10**9
STEPS = {
    "contracts": Text("· 部署合约……", "· deploying the contracts…"),
    "types": Text("· 证照类型({count})……", "· credential types ({count})…"),
    "issuers": Text("· 机关({count})……", "· agencies ({count})…"),
    "directory": Text("· 名录条目({count})……", "· directory entries ({count})…"),
    "keys": Text("· 签发密钥({count})……", "· signing keys ({count})…"),
    "grants": Text("· 授权({count})……", "· grants ({count})…"),
    "withdrawals": Text("· 撤回的授权({count})……", "· withdrawn grants ({count})…"),
    "compromises": Text("· 泄露的密钥({count})……", "· compromised keys ({count})…"),
    "roles": Text("· 角色({count})……", "· roles ({count})…"),
    "standings": Text("· 常设审批({count})……", "· standing approvals ({count})…"),
    "dissolutions": Text("· 撤销的机关({count})……", "· dissolved agencies ({count})…"),
    "batches": Text(
        "· 批次及状态,保留原上链时间({count})……", "· batches with their times and statuses ({count})…"
    ),
    "compare": Text("· 逐项比对新旧账本……", "· comparing both ledgers…"),
    "handover": Text("· 关闭旧账本({count} 家机关)……", "· closing the old ledger ({count} agencies)…"),
    "open": Text("· 启用新账本……", "· opening the new ledger…"),
    "trust": Text("· 签署下一版信任文件……", "· signing the next trust file…"),
    "switch": Text("· 切换数据目录……", "· switching the data directory…"),
}
LOAD = Text(
    "将迁移:{issuers} 家机关、{types} 个类型、{keys} 个密钥、{grants} 段授权、{roles} 个角色、{standings} 份常设审批、"
    "{batches} 个批次({words} 个状态字)。\n新链上至多用 {gas} gas{cost}。",
    "To be carried: {issuers} agencies, {types} types, {keys} keys, {grants} grants, {roles} roles, "
    "{standings} standing approvals, {batches} batches ({words} status words).\n"
    "On the new chain this takes at most {gas} gas{cost}.",
)
COST = Text(",按现价约 {amount} 个链币", ", about {amount} coins at today's price")
MISSING = Text(
    "缺少这些机关的两名管理员的密钥,请用 --key 指定:{issuers}",
    "Keys of two admins are missing for these agencies; name them with --key: {issuers}",
)
LEFT = Text(
    "{count} 份常设审批的审批人密钥不在本机,迁移后须由本人重新登记。",
    "{count} standing approvals: their approvers' keys are not here, they register anew after the move.",
)
POOR = Text("新链上缺币:{account}({whose})", "Too few coins on the new chain: {account} ({whose})")
WHOSE = {
    "operator": Text("{issuer} 的操作员,部署合约", "operator of {issuer}, who deploys the contracts"),
    "governance": Text("治理账户", "governance"),
    "admin": Text("{issuer} 的管理员", "an admin of {issuer}"),
}
FREE = Text(
    "这条链的节点报价每 gas {price} wei:若收费,请加 --gas-ceiling,否则交易不会被接收。",
    "The chain's nodes ask {price} wei for a gas: if it charges, add --gas-ceiling, or no transaction is taken.",
)
UNSIGNED = Text(
    "下一版信任文件需要 {threshold} 个签名,这里只能签 {good} 个:请用 --trust-key 指定其余密钥,或在迁移途中补签"
    "(ecert trust sign)。",
    "The next trust file needs {threshold} signatures, {good} can be made here: name the other keys with "
    "--trust-key, or have it signed during the move (ecert trust sign).",
)
SURE = Text(
    "旧账本将永久关闭,不能退回。确定迁移吗?输入批次数 {batches} 以继续",
    "The old ledger is closed for good; there is no way back. Type the number of batches, {batches}, to go on",
)
NOT_SURE = Text("没有迁移:在终端确认,或加 --yes。", "Nothing was moved: confirm at a terminal, or add --yes.")
DONE = Text(
    "账本已迁移:{batches} 个批次,{issuers} 家机关。\n  新账本  {ledger}\n  旧链    {folder}(只读保存)\n"
    "  信任文件 第 {version} 版 —— 请交给每个核验单位;旧版在旧链停止更新后只会给出「无法判断」。\n下一步:ecert doctor,然后 ecert serve。",
    "The ledger has moved: {batches} batches, {issuers} agencies.\n  new ledger  {ledger}\n"
    "  old chain   {folder} (kept, read-only)\n"
    "  trust file  version {version}: hand it to every verifier; with the old one, checks soon cannot tell.\n"
    "Next: ecert doctor, then ecert serve.",
)
ABANDONED = Text(
    "已放弃迁移,账本照旧在原链上运行。", "The move was given up; the ledger goes on where it was."
)


def _migrate(
    session: Session,
    to: str | None,
    finality: str,
    quorum: int | None,
    gas_ceiling: int,
    keys: tuple[str, ...],
    trust_keys: tuple[str, ...],
    *,
    dry_run: bool,
    abandon: bool,
    yes: bool,
) -> None:
    from ledger.apps.cli_open import key_uri, open_installation
    from ledger.bootstrap_migrate import Mover, plan_target
    from ledger.bootstrap_moved import give_up, load_plan

    here = open_installation(session)
    if abandon:
        give_up(here.home)
        session.emit({"state": "abandoned"})
        session.show(ABANDONED)
        return
    if to == "embedded":
        raise InputError(
            "MIGRATE_DIRECTION", "A ledger moves from a chain of its own to one that others run, never back."
        )
    remote = None if to is None else plan_target(to, finality, quorum, gas_ceiling)
    mover = Mover(
        here,
        [key_uri(key) for key in keys],
        [key_uri(key) for key in trust_keys],
        lambda step, count: session.remark(STEPS[step].format(count=count)),
    )
    if load_plan(here.home) is None or dry_run:
        if remote is None:
            raise InputError("MIGRATE_TARGET", "Name the new chain: --to rpc:URL,URL")
        preview = mover.preview(remote)
        _tell(session, preview, charged=remote.ceiling_wei > 0)
        if dry_run:
            session.emit({"state": "planned", **_facts(preview)})
            return
        batches = str(preview.load.batches)
        if not yes and not is_agreed(SURE.format(batches=batches), batches):
            session.remark(NOT_SURE)
            session.exit_code = 1
            return
    moved = mover.run(mover.plan(remote))
    session.emit({"state": "moved", **_result(moved)})
    session.show(
        DONE.format(
            batches=moved.batches,
            issuers=moved.issuers,
            ledger="0x" + moved.info.ledger_id.hex(),
            folder=moved.folder,
            version=moved.trust_version,
        )
    )
    if moved.left:
        session.remark(LEFT.format(count=moved.left))


def _tell(session: Session, preview: Preview, *, charged: bool) -> None:
    load = preview.load
    coins = load.gas * preview.price_wei / GWEI**2
    cost = COST.format(amount=f"{coins:.6f}") if charged else Text("", "")
    counts = {name: getattr(load, name) for name in load.__slots__ if name != "gas"}
    gas = f"{load.gas:,}"
    session.remark(
        Text(LOAD.zh.format(gas=gas, cost=cost.zh, **counts), LOAD.en.format(gas=gas, cost=cost.en, **counts))
    )
    if preview.price_wei and not charged:
        session.remark(FREE.format(price=preview.price_wei))
    if preview.missing:
        session.remark(MISSING.format(issuers=", ".join(preview.missing)))
    if preview.left:
        session.remark(LEFT.format(count=preview.left))
    for one in preview.poor:
        whose = WHOSE[one.role].format(issuer=one.issuer)
        zh = POOR.zh.format(account=one.address, whose=whose.zh)
        session.remark(Text(zh, POOR.en.format(account=one.address, whose=whose.en)))
    good, threshold = preview.trust_signatures
    if good < threshold:
        session.remark(UNSIGNED.format(good=good, threshold=threshold))


def _facts(preview: Preview) -> dict[str, object]:
    load = preview.load
    return {
        "carried": {name: getattr(load, name) for name in load.__slots__ if name != "gas"},
        "gas": load.gas,
        "price_wei": preview.price_wei,
        "missing_keys": list(preview.missing),
        "standings_left": preview.left,
        "accounts_without_coins": [
            {"account": one.address, "role": one.role, "issuer": one.issuer} for one in preview.poor
        ],
        "trust_signatures": {"here": preview.trust_signatures[0], "needed": preview.trust_signatures[1]},
    }


def _result(moved: Moved) -> dict[str, object]:
    return {
        "issuers": moved.issuers,
        "batches": moved.batches,
        "chain_id": moved.info.chain_id,
        "ledger_id": "0x" + moved.info.ledger_id.hex(),
        "old_ledger_id": "0x" + moved.old.ledger_id.hex(),
        "folder": str(moved.folder),
        "trust_version": moved.trust_version,
        "standings_left": moved.left,
    }


MIGRATE = command(
    "migrate",
    Text(
        "把账本从自己的链迁移到他人运行的链。\n\n"
        "在新链上部署合约,带去类型、机关、名录、密钥、授权、角色、常设审批和全部批次(原上链时间、状态、撤回),"
        "逐项比对后关闭旧账本、启用新账本,签署带链接的下一版信任文件,再切换数据目录。\n"
        "已发出的证照、回执和状态列表照常核验。先停掉 serve 和 worker;中断后再次运行会继续;关闭旧账本之前可用 --abandon 放弃。",
        "Move the ledger from its own chain to one that others run.\n\n"
        "Deploys the contracts there and carries over types, agencies, directory, keys, grants, roles, standing\n"
        "approvals and every batch with its original time, statuses and withdrawal; compares both, closes the old\n"
        "ledger, opens the new one, signs the next trust file with a link, and switches the data directory.\n"
        "Bundles, receipts and status lists go on verifying. Stop serve and worker first. Interrupted? Run it\n"
        "again: it continues. Before the old ledger is closed, --abandon gives the move up.",
    ),
    params=[
        Option(
            ["--to"],
            metavar="rpc:URL,URL",
            text=Text(
                "新链的 JSON-RPC 节点,逗号分隔(继续时不需要)。",
                "JSON-RPC nodes of the new chain, commas between (continuing needs none).",
            ),
        ),
        *CHAIN_RULES,
        Option(
            ["--key", "keys"],
            multiple=True,
            metavar="file:PATH",
            text=Text(
                "不在本机数据目录里的管理员或审批人的密钥(可重复)。",
                "Key of an admin or approver that lies elsewhere (repeatable).",
            ),
        ),
        Option(
            ["--trust-key", "trust_keys"],
            multiple=True,
            metavar="file:PATH",
            text=Text(
                "签署信任文件的其他密钥(可重复)。", "Further key that signs the trust file (repeatable)."
            ),
        ),
        Option(
            ["--dry-run"],
            is_flag=True,
            text=Text("只说明会带走什么、要多少 gas。", "Only say what would be carried and the gas."),
        ),
        Option(
            ["--abandon"], is_flag=True, text=Text("放弃已开始的迁移。", "Give up a move that was begun.")
        ),
        Option(["--yes"], is_flag=True, text=Text("不再询问。", "Do not ask.")),
    ],
    examples=(
        "ecert migrate --to rpc:https://node1.example:8545,https://node2.example:8545 --dry-run",
        "ecert migrate --to rpc:https://node1.example:8545,https://node2.example:8545 --yes",
        "ecert migrate          # 继续 / continue",
    ),
)(_migrate)
