"""Texts of error codes for people: what happened and what to do. `{names}` come from the error's detail.

A code without a text here is shown with its own English sentence, so nothing is ever silent.
"""

from __future__ import annotations

from ledger.apps.cli_frame import Text
from ledger.apps.cli_texts_govern import GOVERN_ERRORS
from ledger.apps.cli_texts_mirror import MIRROR_ERRORS
from ledger.apps.cli_texts_restore import RESTORE_ERRORS

ERRORS: dict[str, Text] = {
    **GOVERN_ERRORS,
    **MIRROR_ERRORS,
    **RESTORE_ERRORS,
    # settings and home
    "SETTING_INVALID": Text(
        "环境变量 {name} 的值 {value!r} 不对,请改正后重试。",
        "The environment variable {name} has the wrong value {value!r}; correct it and try again.",
    ),
    "HOME_MISSING": Text(
        "{path} 里还没有安装。请运行「ecert init」(正式)或「ecert demo」(演示),或用 --home / ECERT_HOME 指定目录。",
        "{path} holds no installation. Run `ecert init` (production) or `ecert demo`, or name a directory "
        "with --home or ECERT_HOME.",
    ),
    "HOME_NOT_READY": Text(
        "{path} 的安装被中断过。请再次运行「{command}」,它会从中断处继续。",
        "Set-up of {path} was interrupted. Run `{command}` again; it continues where it stopped.",
    ),
    "HOME_OTHER": Text(
        "{path} 已经是 {issuer} 的安装({mode})。请用 --home 指定另一个目录。",
        "{path} already holds the installation of {issuer} ({mode}). Choose another directory with --home.",
    ),
    "HOME_BROKEN": Text(
        "{path} 读不出来或内容不对。请从备份恢复这个文件。",
        "{path} cannot be read or has not the expected shape. Restore this file from a backup.",
    ),
    "HOME_VERSION": Text(
        "{path} 由更新版本的 ecert 写成。请升级 ecert。",
        "{path} was written by a newer version of ecert. Upgrade ecert.",
    ),
    "ISSUER_NOT_HERE": Text(
        "{issuer} 不是本安装的机关。「ecert issuer list」列出本安装的机关。",
        "{issuer} is no agency of this installation. `ecert issuer list` shows those that are.",
    ),
    "DEMO_DIVISION": Text(
        "行政区划 {division} 不能用于{mode_zh}环境:99xxxx 只用于演示,演示只用 99xxxx。",
        "Division {division} cannot be used in {mode} mode: 99xxxx is for demos only, and demos use nothing else.",
    ),
    # passwords and keys
    "KEY_CERTIFICATE_TOO_SHORT": Text(
        "签发密钥的证书 {ends} 到期,有的证照比它有效得更久。请登记证书期限更长的密钥(ecert key new、key register)后重试。",
        "The signing key's certificate ends on {ends}, but a credential is to be good for longer. Register "
        "a key whose certificate lasts longer (ecert key new, key register), then try again.",
    ),
    "KEY_CERTIFICATE_OTHER": Text(
        "{path} 旁的证书不是这个密钥的,或没有写明机关网址 {iss}。请换用正确的证书。",
        "The certificate beside {path} is not this key's, or does not name the agency's URL {iss}. Put the right one there.",
    ),
    "PASSWORD_NEEDED": Text(
        "需要密钥 {key} 的口令。请在终端运行,或把 ECERT_PASSWORD_FILE 指向存有同名文件的目录,或用 systemd 的 LoadCredential。",
        "The key {key} needs its password. Run this at a terminal, or set ECERT_PASSWORD_FILE to a folder "
        "with a file of that name, or use systemd's LoadCredential.",
    ),
    "PASSWORD_FILE_OPEN_TO_OTHERS": Text(
        "口令文件 {path} 别人也能读。请运行:chmod 600 {path}",
        "The password file {path} may be read by others. Run: chmod 600 {path}",
    ),
    "PASSWORD_FILE_BROKEN": Text(
        "口令文件 {path} 必须是一行 UTF-8 文字,不能为空。",
        "The password file {path} must hold one line of UTF-8 text.",
    ),
    "PASSWORD_TOO_SHORT": Text(
        "密钥 {key} 的口令太短:至少 {least} 个字符。",
        "The password of the key {key} is too short: at least {least} characters.",
    ),
    "PASSWORD_REUSED": Text(
        "密钥 {key} 与 {other} 用了同一个口令。每个密钥必须有自己的口令,由不同的人保管。",
        "The keys {key} and {other} were given the same password. Each key needs its own, kept by its own person.",
    ),
    "KEY_PASSWORD_WRONG": Text(
        "口令不对,密钥打不开。请重试。", "Wrong password: the key did not open. Try again."
    ),
    "KEY_NOT_FOUND": Text(
        "找不到密钥文件。请检查路径。({message})", "The key file is not there. Check the path. ({message})"
    ),
    "KEY_EXISTS": Text(
        "这里已有密钥,不会覆盖。({message})", "A key is already there; it is never overwritten. ({message})"
    ),
    "KEY_URI": Text(
        "密钥要写成 file:/绝对路径/signing.key。({message})",
        "Write keys as file:/absolute/path/signing.key. ({message})",
    ),
    "KEY_FILE_OPEN_TO_OTHERS": Text(
        "密钥文件别人也能读。请收紧权限:chmod 600。({message})",
        "The key file may be read by others. Tighten it with chmod 600. ({message})",
    ),
    # trust, files, chain
    "TRUST_MISSING": Text(
        "读不到信任文件 {path}。请向账本运营单位索取,并用 --trust 指定。",
        "The trust file {path} cannot be read. Ask the ledger's operator for it and name it with --trust.",
    ),
    "TRUST_SIGNATURE": Text(
        "信任文件的签名不对,可能被改过。请从可靠渠道重新获取。",
        "The trust file's signature is wrong; it may have been altered. Get it again over a channel you trust.",
    ),
    "TRUST_SHAPE": Text("信任文件的格式不对:{message}", "The trust file has the wrong shape: {message}"),
    "FILE_UNREADABLE": Text(
        "读不到文件 {path}。请检查路径和权限。", "{path} cannot be read. Check path and permissions."
    ),
    "CHAIN_MISSING": Text(
        "这里没有链文件。请用 --ledger 指定数据目录或链文件。({message})",
        "There is no chain file. Name a data directory or chain file with --ledger. ({message})",
    ),
    "CHAIN_LOCKED": Text(
        "链正由另一个进程(worker 或 serve)使用。",
        "Another process (worker or serve) is using the chain.",
    ),
    "CHAIN_SLOW": Text(
        "链没有及时处理完。请运行「ecert doctor」。({message})",
        "The chain did not decide in time. Run `ecert doctor`. ({message})",
    ),
    "CHAIN_DISAGREES": Text(
        "链的各节点互相矛盾,在一致之前不采信任何一个。请运行「ecert doctor」。",
        "The chain's nodes contradict each other; none is believed until they agree. Run `ecert doctor`.",
    ),
    "CHAIN_REFUSES": Text(
        "链的节点都不接受这笔交易:{answers}", "No node of the chain takes the transaction: {answers}"
    ),
    "CHAIN_CLOCK_AHEAD": Text(
        "链的最新区块比本机时钟超前。请核对本机和链的时钟。",
        "The chain's newest block is ahead of this machine's clock. Check both clocks.",
    ),
    "CHAIN_CLOCK_BEHIND": Text(
        "链正在产生时间早已过去的区块。请核对本机和链的时钟。",
        "The chain makes blocks of the past. Check this machine's clock and the chain's.",
    ),
    "JOIN_WAITING": Text(
        "上级尚未以本机关的管理员接纳 {issuer}。请把 {entry}、管理员地址 {admins} 和(供下一版信任文件用的){authority} "
        "交给上级,接纳后再次运行「ecert init --join」。",
        "The agency above has not admitted {issuer} with our admins yet. Send it {entry}, the addresses {admins} and, "
        "for the next trust file, {authority}; then run `ecert init --join` again.",
    ),
    "JOIN_DIFFERS": Text(
        "这些节点上的账本与信任文件不符。({message})", "The ledger there is not the trust file's. ({message})"
    ),
    "JOIN_CHAIN": Text(
        "请用 --chain rpc:URL,URL 指定账本的节点。", "Name the ledger's nodes: --chain rpc:URL,URL."
    ),
    "CHAIN_TOO_DEAR": Text(
        "链的 gas 价格({price} wei)高于上限({ceiling} wei),稍后再试。",
        "The chain's gas price ({price} wei) is above the ceiling ({ceiling} wei); it is tried again later.",
    ),
    "CHAIN_URL": Text(
        "链的地址不对,应如 rpc:https://node.example:8545,多个用逗号分隔,各写一次。",
        "Name a chain like rpc:https://node.example:8545, several with commas between, each once.",
    ),
    "CHAIN_FINALITY": Text(
        "最终性应为 immediate、finalized 或 1 至 10000 的确认数。",
        "Finality is immediate, finalized or a number of confirmations from 1 to 10000.",
    ),
    "CHAIN_QUORUM": Text(
        "法定数应在 1 和节点数之间。", "The quorum must lie between 1 and the number of nodes."
    ),
    "MIGRATING": Text(
        "账本正在迁移到另一条链:请运行「ecert migrate」完成,或「ecert migrate --abandon」放弃。",
        "The ledger is being moved to another chain: finish with `ecert migrate`, or give it up with --abandon.",
    ),
    "MIGRATE_DIRECTION": Text(
        "账本只能从自己的链迁移到他人运行的链,不能反向,也不能在他人的链之间迁移。",
        "A ledger moves from a chain of its own to one that others run: never back, nor between such chains.",
    ),
    "MIGRATE_UNFINISHED": Text(
        "请先办完或驳回在办事项:{batches_count} 个已签批次、{cases_count} 份变更单、{jobs} 个任务、"
        "{proposals_count} 项待另一管理员同意的提议、{resets_count} 项已公告的角色重置。",
        "Finish or refuse first: {batches_count} signed batches, {cases_count} status cases, {jobs} jobs, "
        "{proposals_count} proposals that wait for another admin, {resets_count} announced resets of roles.",
    ),
    "MIGRATE_COINS": Text(
        "这些账户须先在新链上有币(每 gas {price_wei} wei):{accounts}。",
        "These accounts need coins of the new chain first (a gas costs {price_wei} wei): {accounts}.",
    ),
    "MIGRATE_GOVERNANCE": Text(
        "治理账户是 {governance},本机 keys/ledger/governance 中的密钥却是 {key}:请换成治理账户的密钥。",
        "Governance is {governance}, but the key in keys/ledger/governance is {key}: put governance's key there.",
    ),
    "MIGRATE_KEYS_MISSING": Text(
        "新链上每家机关都要两名管理员签名,缺少:{issuers}。请用 --key 指定密钥。",
        "Two admins of each agency sign on the new chain; missing: {issuers}. Name the keys with --key.",
    ),
    "MIGRATE_DIFFERS": Text(
        "新账本与旧账本有 {count} 处不同({first})。什么都没有关闭:请「ecert migrate --abandon」后重来。",
        "The new ledger differs in {count} places ({first}). Nothing was closed: --abandon, then begin again.",
    ),
    "MIGRATE_TARGET": Text(
        "请用 --to rpc:URL,URL 指定新链;已开始的迁移只能继续或放弃。({message})",
        "Name the new chain with --to rpc:URL,URL; a move that was begun is finished or given up. ({message})",
    ),
    "MIGRATE_NONE": Text("这里没有开始过迁移。", "No move was begun here."),
    "MIGRATE_TOO_LATE": Text(
        "旧账本已经关闭,只能运行「ecert migrate」完成迁移。",
        "The old ledger is closed already: only `ecert migrate` helps, it goes on.",
    ),
    "MIGRATE_TRUST_SIGNATURES": Text(
        "下一版信任文件需要 {threshold} 个签名,现有 {good} 个:请对 {path} 运行 ecert trust sign 和 ecert trust take,"
        "再运行 ecert migrate。",
        "The next trust file needs {threshold} signatures and has {good}: `ecert trust sign` {path}, "
        "`ecert trust take` it, then run `ecert migrate` again.",
    ),
    "CONTRACT_FOREIGN": Text(
        "链上该地址的合约不是本程序的合约。({message})",
        "The contracts at these addresses are not this program's. ({message})",
    ),
    "CHAIN_UNAVAILABLE": Text(
        "链暂时不可用,请稍后再试。({message})", "The chain does not answer; try again. ({message})"
    ),
    "CLOCK_JUMP": Text(
        "时钟不对:{message} 请先校准系统时间;确认无误后用 ECERT_ACCEPT_CLOCK=1 再启动一次。",
        "The clock is wrong: {message} Set the system's time first; when it is right, start once with "
        "ECERT_ACCEPT_CLOCK=1.",
    ),
    "WORKER_SLOW": Text(
        "正在运行的后台任务 {seconds} 秒内没有做完。任务仍在队列中,不会丢;请运行「ecert doctor」查看。",
        "The running worker did not finish within {seconds} seconds. The job stays queued and is not lost; "
        "see `ecert doctor`.",
    ),
    "JOB_DEAD": Text(
        "任务失败:{reason}。{advice_zh}",
        "The job failed: {reason}. {advice_en}",
    ),
    # registry
    "PROPOSAL_RACE": Text(
        "别的管理员正在同时修改登记。请重试。",
        "Other admins are changing the registry at the same moment. Try again.",
    ),
    "TYPE_DIFFERENT": Text(
        "证照类型 {type} 第 {version} 版已登记,但文件内容不同。改过的类型文件要用新的版本号。",
        "Type {type} version {version} is registered with another file. A changed type file needs a new version.",
    ),
    "TYPE_NOT_HERE": Text(
        "没有证照类型 {type}。已知类型:{known}。",
        "There is no credential type {type}. Known: {known}.",
    ),
    "TYPE_NOT_REGISTERED": Text(
        "证照类型 {type} 还没有在链上登记。",
        "Credential type {type} is not registered on this chain.",
    ),
    "TYPE_NOT_GRANTED": Text(
        "{issuer} 没有签发 {type} 的授权。请上级机关先授权(ecert issuer grant)。",
        "{issuer} holds no grant for {type}. Its parent agency must grant it first (ecert issuer grant).",
    ),
    "TYPE_WITHOUT_PENDING": Text(
        "{type} 没有待激活状态,不能用 --pending。",
        "Credentials of {type} are never PENDING: leave --pending out.",
    ),
    # batches, cases, status
    "ROW_NOT_IN_BATCH": Text(
        "批次 {batch} 里没有 {row}。请写数据文件的行号、序列号或证照标识。",
        "{row} is not in batch {batch}. Name a row of the data file, a serial or a licence identifier.",
    ),
    "BATCH_UNKNOWN": Text(
        "没有这个批次。「ecert batch list」列出所有批次。({message})",
        "There is no such batch. `ecert batch list` shows them all. ({message})",
    ),
    "BATCH_STATE": Text(
        "批次现在的状态不允许这样做:{message}",
        "The batch is not in a state for that: {message}",
    ),
    "SAME_PERSON": Text(
        "经办人和审批人必须是两个人、两个不同的密钥。",
        "Maker and approver must be two people with two different keys.",
    ),
    "WRONG_ROLE": Text(
        "密钥 {address} 不是 {issuer} 的{role_zh}。",
        "The key {address} is not {role} of {issuer}.",
    ),
    "NO_APPROVER": Text(
        "{issuer} 没有登记审批人。请两名管理员先登记(ecert issuer role)。",
        "{issuer} has no registered approver. Let two admins register one (ecert issuer role).",
    ),
    "SEVERAL_APPROVERS": Text(
        "{issuer} 有多名审批人,请用 --approver 指定其中一名:{approvers}",
        "{issuer} has several approvers; name one with --approver: {approvers}",
    ),
    "CREDENTIAL_UNKNOWN": Text(
        "本机没有签发过编号 {serial} 的证照。",
        "No credential with the serial {serial} was issued here.",
    ),
    "SERIAL_SHAPE": Text(
        "{text!r} 不是证照标识、证明编号或 32 位序列号。",
        "{text!r} is neither a licence identifier nor a serial of 32 hex digits.",
    ),
    "NOT_ANCHORED_YET": Text(
        "还没有上链(批次 {batch},状态 {state}),所以没有可改的状态。",
        "Not on chain yet (batch {batch}, {state}): there is no status to change.",
    ),
    "STATUS_TRANSITION": Text(
        "{serial} 现在是 {now},不能变为 {wanted}。",
        "{serial} is {now} now; it cannot become {wanted}.",
    ),
    "STATUS_NOT_OF_TYPE": Text(
        "{type} 类证照没有 {wanted} 这种状态;可用:{instead}。",
        "Credentials of {type} never become {wanted}; there are: {instead}.",
    ),
    "SUSPEND_ALONE": Text(
        "挂起由操作员立即完成,不需要经办和审批。",
        "Suspending needs no maker and approver: the operator does it at once.",
    ),
    "CASE_UNKNOWN": Text(
        "没有这个变更单。「ecert status list」列出所有变更单。",
        "There is no such case. `ecert status list` shows them all.",
    ),
    "CASE_UNREADABLE": Text("变更单 {case} 的文件无法读取。", "The file of case {case} cannot be read."),
    "CASE_STATE": Text("变更单 {case} 已经是 {state}。", "Case {case} is {state} already."),
    "HEIR_ACTS": Text(
        "{issuer} 的证照现由 {heir} 经管,状态变更由该机构的人员办理。",
        "{heir} acts for {issuer} now: its people change the status of these credentials.",
    ),
    "CASE_EXPIRED": Text(
        "变更单 {case} 等得太久,已失效。请经办人重新办理。",
        "Case {case} waited too long. Let the maker make it again.",
    ),
    "WRONG_APPROVER": Text(
        "变更单 {case} 指定了另一位审批人。",
        "Case {case} names another approver.",
    ),
    "ALREADY_WITHDRAWN": Text("批次 {batch} 已经撤回。", "Batch {batch} was withdrawn already."),
    "SEVERAL_ISSUERS": Text("一次只能处理同一机关的证照。", "Name credentials of one issuer at a time."),
    "USCC_LENGTH": Text("统一社会信用代码必须是 18 位。", "A USCC has 18 characters."),
    "USCC_CHECK": Text(
        "统一社会信用代码的校验位不对,请核对。", "The USCC's check character is wrong; compare it."
    ),
    "USCC_CHARACTER": Text(
        "统一社会信用代码里有不允许的字符。", "The USCC holds a character that is not allowed."
    ),
    "USCC_ORGANISATION_CHECK": Text(
        "统一社会信用代码里的组织机构代码校验位不对。",
        "The organisation code inside the USCC has a wrong check character.",
    ),
    "ASK_OR_DRAW": Text("--ask 和 --draw 只能选一个。", "--ask and --draw exclude each other."),
    "LOGIN_INVALID": Text(
        "登录名要 3 到 40 个小写字母、数字或 . - _。",
        "A log-in name has 3 to 40 letters a-z, digits, . - or _.",
    ),
    "LOGIN_TAKEN": Text("这个登录名已被使用。", "This log-in name is taken."),
    "NAME_INVALID": Text("姓名要 1 到 60 个可见字符。", "A name has 1 to 60 printable characters."),
    "LOGIN_PASSWORD_SHORT": Text("密码至少 12 个字符。", "A password has at least 12 characters."),
    "LOGIN_PASSWORD_LONG": Text("密码最多 128 个字符。", "A password has at most 128 characters."),
    "LOGIN_PASSWORD_EASY": Text(
        "密码不能含登录名,也不能是连续或重复的字符。",
        "The password holds the log-in name, or runs or repeats.",
    ),
    "PERSON_UNKNOWN": Text(
        "没有这个人;ecert person list 列出全部。", "No such person; `ecert person list` shows all."
    ),
    "ORGANISATION_UNKNOWN": Text(
        "这里没有机构 {uscc};只核验的机构先用 ecert person organisation 登记。",
        "There is no organisation {uscc} here; add one that only verifies with `ecert person organisation`.",
    ),
    "ROLE_PERIOD": Text("角色的结束日期应晚于开始和今天。", "The role would be over before it begins."),
    # snapshots
    "SNAPSHOT_SHAPE": Text(
        "这不是可读的快照:文件被截断、被改动,或不是快照。请重新获取。",
        "This is no readable snapshot: it was cut off or altered on the way, or is something else. Get it again. "
        "({reason})",
    ),
    "SNAPSHOT_VERSION": Text(
        "快照的格式版本是 {version},本程序认得的是 {known}。请使用相应版本的程序。",
        "The snapshot has format version {version}; this program knows {known}. Use the program that fits.",
    ),
    "SNAPSHOT_TOO_LARGE": Text(
        "快照太大,未读取。请向导出单位核实。",
        "The snapshot is too large and was not read. Ask whoever exported it.",
    ),
    "SNAPSHOT_LEDGER": Text(
        "这是另一个账本的快照,与信任文件不符。请核对文件来源。",
        "This snapshot is of another ledger than the trust file. Check where the file came from.",
    ),
    "SNAPSHOT_NO_SIGNERS": Text(
        "信任文件(第 {version} 版)没有写明谁签的快照算数。请向账本运营单位索取新版信任文件。",
        "The trust file (version {version}) names nobody whose snapshots count. Ask the ledger's operator for a newer one.",
    ),
    "SNAPSHOT_SIGNATURE": Text(
        "快照的签名对不上:内容被改动过。请不要使用,并告知导出单位。",
        "A signature does not fit this snapshot: it was altered. Do not use it, and tell whoever exported it.",
    ),
    "SNAPSHOT_SIGNERS": Text(
        "须有信任文件所列签名人中的 {threshold} 个签名,现有 {good} 个。请补签,或核对信任文件版本。",
        "{threshold} signers of the trust file must sign a snapshot; {good} did. Have it signed, or get the trust file "
        "of today.",
    ),
    "SNAPSHOT_STATE": Text(
        "快照的内容与所签的不一致,或不可能成立。请不要使用,并告知导出单位。",
        "What this snapshot holds is not what was signed, or cannot be. Do not use it, and tell whoever exported it.",
    ),
    "SNAPSHOT_ROLLBACK": Text(
        "这个快照到区块 {block} 为止,而此前已接受过区块 {known}:旧快照可能漏掉吊销。请取新的;确需查看过去,加 --allow-older。",
        "This snapshot ends at block {block}, but block {known} was accepted before: an old one may miss revocations. "
        "Get a newer one; to look at the past on purpose, add --allow-older.",
    ),
    "SNAPSHOT_FORKED": Text(
        "这个快照与此前接受的(或它自带的见证)矛盾:同一区块 {block} 有两种内容。请不要使用,并通知账本运营单位和见证方。",
        "This snapshot contradicts what was accepted before, or its own witnesses: block {block} has two stories. "
        "Do not use it; tell the ledger's operator and its witnesses.",
    ),
    "SNAPSHOT_GAP": Text(
        "这个增量接在区块 {follows} 之后,而这里不是那一状态。请先导入中间的增量,或导入一个完整快照。",
        "This delta follows block {follows}, which is not the state here. Take the deltas between first, or a whole snapshot.",
    ),
    "SNAPSHOT_SINCE": Text(
        "增量不能从区块 {block} 开始:账本现在到区块 {head},或那里的区块不同。",
        "A delta cannot begin at block {block}: the ledger is at block {head}, or its block there is another one.",
    ),
    "SNAPSHOT_OVERWRITES": Text(
        "{path} 正是增量所接的快照,不能覆盖:请换一个输出文件名。",
        "{path} is the snapshot that the delta is to follow: name another file to write.",
    ),
    "SNAPSHOT_SINCE_FILE": Text(
        "这里只有快照,没有账本的历史:请给出上一次快照的文件,而不是区块号。",
        "There are only snapshots here and no history: name the earlier snapshot's file, not a block number.",
    ),
    "SNAPSHOT_SOURCE_FORKED": Text(
        "本机的账本副本与来源矛盾(区块 {block}),不能导出。请先运行「ecert doctor」。",
        "The copy of the ledger here contradicts its source (block {block}); nothing is exported. Run `ecert doctor` first.",
    ),
    "SNAPSHOT_MEMORY_BROKEN": Text(
        "{path} 读不出来,无法判断快照是否比接受过的旧。若不是您改动的,请先查明;确认后删除该文件再试。",
        "{path} cannot be read, so an older snapshot would not be noticed. Find out who changed it; then delete it and try again.",
    ),
    "SNAPSHOT_MEMORY_UNWRITABLE": Text(
        "{path} 写不进去:下次收到旧快照将不会被发现。请把信任文件放在可写的目录。",
        "{path} cannot be written: an older snapshot will not be noticed next time. Keep the trust file where one can write.",
    ),
    "HOME_WITHOUT_AGENCY": Text(
        "这个数据目录只用于核验,不代表任何发证机关。",
        "This data directory only verifies: it issues for no agency.",
    ),
    "HOME_OTHER_KIND": Text(
        "{path} 自己跟随账本,不需要快照。请用 --home 另指定一个核验目录。",
        "{path} follows its ledger itself and needs no snapshots. Name another directory with --home.",
    ),
    "FILE_UNWRITABLE": Text(
        "{path} 写不进去。请检查目录和权限。",
        "{path} cannot be written. Check the folder and its permissions.",
    ),
    "SNAPSHOT_TRUST_OTHER": Text(
        "{path} 里的信任文件是第 {here} 版,所给的是第 {named} 版。请先运行「ecert trust take」换版。",
        "{path} has version {here} of the trust file, the one named is version {named}. Renew it with `ecert trust take`.",
    ),
}
