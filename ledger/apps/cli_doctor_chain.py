"""What `ecert doctor` says about a chain that others run: code → what was found, what to do."""

from __future__ import annotations

from ledger.apps.cli_frame import Text

NOTHING = Text("", "")

CHAIN_TEXTS: dict[str, tuple[Text, Text]] = {
    "CHAIN_NODE": (
        Text("节点 {node} 有应答(链 {chain_id})", "Node {node} answers (chain {chain_id})"),
        NOTHING,
    ),
    "CHAIN_NODE_SILENT": (
        Text("节点 {node} 没有可用的应答:{why}", "Node {node} gives no usable answer: {why}"),
        Text(
            "检查地址、网络和该节点;法定数够时账本照常运行。",
            "Check address, network and node; with a quorum left the ledger goes on.",
        ),
    ),
    "CHAIN_NODES_AGREE": (
        Text(
            "各节点({nodes})在第 {block} 块一致,高度相差 {apart}",
            "The nodes ({nodes}) agree at block {block}, {apart} blocks apart",
        ),
        NOTHING,
    ),
    "CHAIN_NODES_DISAGREE": (
        Text(
            "各节点({nodes})在第 {block} 块互相矛盾",
            "The nodes ({nodes}) contradict each other at block {block}",
        ),
        Text(
            "查明哪个节点在另一条链或分叉上,在此之前不要办理业务。",
            "Find out which one is on another chain or fork; issue nothing until then.",
        ),
    ),
    "CHAIN_HAS": (Text("具备 {what}", "It has {what}"), NOTHING),
    "CHAIN_LACKS": (
        Text("缺少 {what},合约无法运行", "It lacks {what}: the contracts cannot run"),
        Text(
            "请链的运营方启用 Cancun 或更新的规则。",
            "Ask the chain's operator to switch on the rules of Cancun or later.",
        ),
    ),
    "CHAIN_LACKS_P256": (
        Text("没有 {what} 预编译", "It has no {what} precompile"),
        Text(
            "通行密钥的签名由合约自行验证,每次多花约 30 万 gas。",
            "Passkeys are checked by the contract itself, for some 300,000 gas more each.",
        ),
    ),
    "CHAIN_GAS": (Text("每块 gas 上限 {limit}", "A block has {limit} gas"), NOTHING),
    "CHAIN_GAS_LOW": (
        Text(
            "每块 gas 上限只有 {limit}(希望 {wanted})", "A block has only {limit} gas ({wanted} are wanted)"
        ),
        Text(
            "大批次和大量状态变更要分成小份。",
            "Keep batches that begin as pending, and changes of many at once, small.",
        ),
    ),
    "CHAIN_GAS_TOO_LOW": (
        Text(
            "每块 gas 上限只有 {limit},合约放不上去",
            "A block has only {limit} gas: the contracts cannot be put there",
        ),
        Text("请链的运营方提高区块 gas 上限。", "Ask the chain's operator for a higher gas limit of blocks."),
    ),
    "CHAIN_FREE": (Text("不收 gas 费", "Gas costs nothing"), NOTHING),
    "CHAIN_PRICED": (
        Text("gas 价格 {gwei} gwei", "Gas costs {gwei} gwei"),
        Text(
            "给治理、管理员和操作员账户充值,并用 --gas-ceiling 设上限。",
            "Fund the accounts of governance, admins and operators, and set --gas-ceiling.",
        ),
    ),
    "CHAIN_YOUNG": (
        Text(
            "链刚开始(第 {block} 块),看不出出块间隔",
            "The chain is too young (block {block}) to tell its pace",
        ),
        Text("稍后再看。", "Look again later."),
    ),
    "CHAIN_PACE": (Text("平均 {seconds} 秒一块", "A block every {seconds} s"), NOTHING),
    "CHAIN_TIME": (Text("最新区块是 {seconds} 秒前的", "The newest block is {seconds} s old"), NOTHING),
    "CHAIN_QUIET": (
        Text("最新区块已是 {seconds} 秒前的", "The newest block is {seconds} s old"),
        Text(
            "可能只在有交易时出块;否则查看验证者是否停了。",
            "It may make blocks on demand only; else its validators stand still.",
        ),
    ),
    "CHAIN_CLOCK_FAST": (
        Text("最新区块比本机时钟快 {seconds} 秒", "The newest block is {seconds} s ahead of this clock"),
        Text(
            "校准本机或验证者的时钟;在此之前不会发送交易。",
            "Set this clock or the validators'; nothing is sent until then.",
        ),
    ),
    "CHAIN_FINALITY_RULE": (
        Text(
            "最终性规则 {rule}(高度 {height},finalized {finalized})",
            "Rule of finality {rule} (height {height}, finalized {finalized})",
        ),
        NOTHING,
    ),
    "CHAIN_NO_FINALIZED": (
        Text("链不支持 finalized 标签", "The chain has no finalized tag"),
        Text(
            "QBFT、PBFT 用 immediate,其他用确认数。",
            "Use immediate for QBFT and PBFT, a number of confirmations else.",
        ),
    ),
    "CHAIN_NOT_IMMEDIATE": (
        Text(
            "链的 finalized 标签({finalized})落后于高度 {height}",
            "The finalized tag ({finalized}) is behind the height {height}",
        ),
        Text(
            "区块并非立即最终:用 --finality finalized。",
            "Blocks are not final at once: use --finality finalized.",
        ),
    ),
    "CHAIN_NO_TRACING": (
        Text(
            "节点不提供 debug_traceTransaction(不影响运行)",
            "The node has no debug_traceTransaction (not needed)",
        ),
        NOTHING,
    ),
}
