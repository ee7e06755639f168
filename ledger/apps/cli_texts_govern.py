"""Texts of what governance refuses: who may not do what to whom, and what to do instead."""

from __future__ import annotations

from ledger.apps.cli_frame import Text
from ledger.services.refusals import REASONS


def _contract(code: str, zh: str) -> tuple[str, Text]:
    """The contract's refusal; its English sentence is that of services.refusals."""
    return code, Text(zh, REASONS[code][1])


GOVERN_ERRORS: dict[str, Text] = {
    "TWO_ADMINS": Text(
        "请用 --admin 给出两名管理员的密钥(立即生效),或一名(只提议)。",
        "Name two admin keys with --admin (done at once), or one (proposed).",
    ),
    "SAME_ADMIN": Text(
        "提议人和接受人必须是两名不同的管理员,请换另一名管理员的密钥。",
        "One admin proposes and another accepts: use the other admin's key.",
    ),
    "NOT_CONFIRMED": Text(
        "什么也没有做:请在终端确认,或加 --yes。", "Nothing was done: confirm at a terminal, or add --yes."
    ),
    "NOT_AN_ADMIN": Text(
        "{signer} 现在不是 {issuer} 的管理员。「ecert role list --issuer {issuer}」列出谁是。",
        "{signer} is no admin of {issuer} now. `ecert role list --issuer {issuer}` shows who is.",
    ),
    "PROPOSAL_UNKNOWN": Text(
        "链上没有提议 {proposal}。「ecert role waiting」列出等待接受的提议。",
        "There is no proposal {proposal} on this ledger. `ecert role waiting` lists those that wait.",
    ),
    "PROPOSAL_ENDED": Text(
        "提议 {proposal} 已不再等待({state}):已接受、已取消或超过 7 天。如仍需要,请重新提议。",
        "Proposal {proposal} waits no more ({state}). If it is still wanted, let it be proposed again.",
    ),
    "PROPOSAL_ORPHANED": Text(
        "提议人 {signer} 已不是 {issuer} 的管理员,提议 {proposal} 不能再接受。请由现任管理员重新提议。",
        "{signer} is no admin of {issuer} any more, so proposal {proposal} cannot be accepted. Let a present admin "
        "propose it again.",
    ),
    "PROPOSAL_ACT_UNKNOWN": Text(
        "从交易中读不出提议 {proposal} 的内容(可能由合约钱包提出)。请在提出的地方接受。",
        "What proposal {proposal} says cannot be read from its transaction (a wallet contract may have made it). "
        "Accept it where it was made.",
    ),
    "RESET_NONE": Text(
        "没有公布过 {issuer} 的角色重置。先由上级机关的两名管理员运行「ecert role reset」。",
        "No reset of {issuer} is announced. Two admins of an agency above it announce one: `ecert role reset`.",
    ),
    "RESET_TOO_EARLY": Text(
        "{issuer} 的角色重置还要等 {minutes} 分钟:重置须提前 24 小时公布。届时再次运行。",
        "The reset of {issuer} can be carried out in {minutes} minutes: it is announced 24 hours ahead. Run this "
        "again then.",
    ),
    "NOT_THE_ROOT": Text(
        "治理密钥只能重置根机关 {root}。{issuer} 由上级机关的两名管理员重置:--admin。",
        "The governance key resets the root {root} only. For {issuer}, two admins of an agency above it do: --admin.",
    ),
    "AGENCY_DIFFERS": Text(
        "{issuer} 的证书和名录条目已按「{name},{iss},{division}」生成。请用同样的内容接纳,再用「ecert directory publish」更改。",
        "The papers of {issuer} are made already: {name}, {iss}, {division}. Admit it with the same words, then "
        "change them with `ecert directory publish`.",
    ),
    "NOT_ABOVE": Text(
        "没有一个机关同时是 {issuer} 和 {successor} 的上级。",
        "No agency stands above both {issuer} and {successor}.",
    ),
    "ISSUER_UNKNOWN": Text(
        "账本上没有 {issuer}。「ecert issuer list」列出所有机关。",
        "{issuer} is not on this ledger. `ecert issuer list` shows every agency.",
    ),
    "KEY_UNKNOWN": Text(
        "{issuer} 没有编号 {number} 的密钥。「ecert key list」列出密钥。",
        "{issuer} has no key {number}. `ecert key list` shows the keys.",
    ),
    "SUBJECT_UNKNOWN": Text(
        "账本上没有 {hash} 这个密钥、常设审批或批次。",
        "The ledger knows no key, no standing approval and no batch {hash}.",
    ),
    "BATCH_SHAPE": Text(
        "批次请写编号,或 0x 加 64 位十六进制的默克尔根。",
        "A batch is named by its number, or by 0x and the 64 hex digits of its Merkle root.",
    ),
    "BATCH_AMBIGUOUS": Text(
        "有几个机关都上链了 {root}:{issuers}。请写明是谁的:--issuer,查看时写「代码/0x根」。",
        "Several agencies anchored {root}: {issuers}. Say whose is meant: --issuer, or USCC/0xROOT to look at it.",
    ),
    "BATCH_OTHER_ISSUER": Text(
        "批次 {batch} 是 {issuer} 的,不是 {named} 的。", "Batch {batch} is one of {issuer}, not of {named}."
    ),
    "BATCH_NOT_ON_CHAIN": Text("这个批次还没有上链。", "This batch is not on chain (yet)."),
    "DIRECTORY_KEY": Text(
        "这个名录条目由密钥 {kid} 签名,它不是 {issuer} 登记的签发密钥。请机关用「ecert key list」列出的密钥签名。",
        "This directory entry is signed with the key {kid}, which is no registered credential key of {issuer}. Let "
        "the agency sign it with one of those that `ecert key list` shows.",
    ),
    "DIRECTORY_SIGNATURE": Text(
        "名录条目的签名不对:文件在途中被改动了。请机关重新发来。",
        "The signature of the directory entry does not hold: the file was changed on its way. Let it be sent again.",
    ),
    "DIRECTORY_OTHER_ISSUER": Text(
        "这个名录条目是 {entry} 的,不是 {issuer} 的。",
        "This directory entry is that of {entry}, not of {issuer}.",
    ),
    **dict(
        [
            _contract("RegistryUnknownIssuer", "{issuer} 不是本账本的机关。"),
            _contract("RegistryIssuerExists", "{issuer} 已经是本账本的机关。"),
            _contract("RegistryBadIssuerId", "{issuer} 不是统一社会信用代码。"),
            _contract("RegistryTooDeep", "机关最多五级,{parent} 不能再有下级。"),
            _contract(
                "RegistryNotAncestor",
                "{by} 无权对 {issuer} 办理此事:授权和接纳只能由其直接上级,收回、密钥和重置可由任一上级办理。",
            ),
            _contract("RegistryNotOwnAct", "{by} 不能代 {issuer} 办理:这要由 {issuer} 自己的管理员办理。"),
            _contract("RegistryDissolved", "{issuer} 已于 {time} 撤销:由承继机关或上级机关办理。"),
            _contract("RegistryUnknownType", "账本上没有 {type_id} 号类型。"),
            _contract("RegistryGrantMissing", "{issuer} 从未获得 {type_id} 号类型的授权,请先授权给它。"),
            _contract(
                "RegistryGrantNotGood", "{issuer} 的 {type_id} 号类型授权在 {time} 无效:已到期或被收回。"
            ),
            _contract(
                "RegistryGrantExceedsParent",
                "{issuer} 自己的 {type_id} 号类型授权只到 {until},请把期限写得更早。",
            ),
            _contract("RegistryAlreadyWithdrawn", "{issuer} 的 {type_id} 号类型授权已于 {time} 收回。"),
            _contract(
                "RegistryBadInterval",
                "期限 {since} 至 {until} 不成立:止期须晚于起期;生效中的授权和不限期的管理员不能从将来起算。",
            ),
            _contract("RegistryBadRole", "没有角色 {role_zh},或与该类型不符。"),
            _contract("RegistryKeyExists", "这个密钥已登记,是 {issuer} 的 {number} 号密钥。"),
            _contract("RegistryUnknownKey", "{issuer} 没有 {number} 号密钥。"),
            _contract(
                "RegistryKeyOnlyEarlier", "该密钥已报告自 {time} 起失密;日期只能提前,不能改为 {wanted}。"
            ),
            _contract("RegistrySinceOutOfRange", "日期 {since} 超出范围:须在 {earliest} 与 {latest} 之间。"),
            _contract("RegistryMissingRole", "{signer} 现在不是 {issuer} 的{role_zh}。"),
            _contract("RegistrySameSigner", "{signer} 不能同时代表两人:必须是两个不同的人。"),
            _contract("RegistryExpired", "已于 {end} 到期(当时 {time}):请重新提议。"),
            _contract("RegistryUnknownProposal", "提议 {proposal} 不在等待:已接受、已取消或从未提出。"),
            _contract("RegistryActMismatch", "提议 {proposal} 是另一件事。"),
            _contract("RegistryNoReset", "没有公布过 {issuer} 的角色重置。"),
            _contract("RegistryResetTooEarly", "{issuer} 的角色重置须在 {time} 之后执行。"),
            _contract("RegistryZeroSigner", "签名人编号不能全是零。"),
            _contract("RegistryTooManyOperators", "{issuer} 已有 {limit} 名操作员,请先免去一名。"),
            _contract("RegistryTooFewAdmins", "{issuer} 至少要有两名不限期的管理员:先任命新的,再免去旧的。"),
            _contract("RegistryOnlyGovernance", "{caller} 不是本账本的治理密钥。"),
        ]
    ),
}
