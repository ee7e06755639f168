"""Texts of error codes of mirrors, nodes and data directories that only check; see cli_texts."""

from __future__ import annotations

from ledger.apps.cli_frame import Text

MIRROR_ERRORS: dict[str, Text] = {
    "MIRROR_READ_ONLY": Text(
        "这个数据目录是镜像:只核验,不签发也不更改。跟随账本请用「ecert mirror follow」,提供网页请用「ecert serve」;"
        "签发请用 --home 指定发证机关的数据目录。",
        "This data directory is a mirror: it checks, but issues and changes nothing. Follow the ledger with "
        "`ecert mirror follow`, serve pages with `ecert serve`; to issue, name the agency's own directory with --home.",
    ),
    "SNAPSHOT_READ_ONLY": Text(
        "这个数据目录只有账本的快照:只核验,不签发,没有后台任务可做。核验请用「ecert verify」或「ecert serve」,"
        "更新请用「ecert snapshot import」;签发请用 --home 指定发证机关的数据目录。",
        "This data directory knows its ledger from snapshots: it checks, issues nothing, and has no work for a worker. "
        "Check with `ecert verify` or `ecert serve`, renew it with `ecert snapshot import`; to issue, name the agency's "
        "own directory with --home.",
    ),
    "SNAPSHOT_ONLY": Text(
        "这个数据目录只有快照,没有账本的区块和历史。",
        "This data directory knows its ledger from snapshots: blocks and history are not here.",
    ),
    "NODE_REMOTE": Text(
        "这个账本在别家运行的链上:镜像和核验方请直接询问那条链的节点。",
        "This ledger lies on a chain that others run: mirrors and verifiers ask its own nodes.",
    ),
    "NODE_URL": Text(
        "节点地址的写法应如 https://ledger.example.gov.cn。",
        "A node's address must look like https://ledger.example.gov.cn.",
    ),
    "NODE_SILENT": Text(
        "节点 {node} 没有给出可用的应答({why})。请检查地址和网络,稍后再试。",
        "The node {node} gives no usable answer ({why}). Check the address and the network, or try again later.",
    ),
    "NODE_ANSWER": Text(
        "{node} 的应答不是本账本节点的格式({what})。请检查地址。",
        "What {node} answers is not what a node of this ledger answers ({what}). Check the address.",
    ),
    "NODE_ENDED": Text(
        "随镜像启动的节点退出了(退出码 {status})。端口 {address} 可能已被占用;见上面的输出。",
        "The node beside the mirror ended (status {status}). Perhaps {address} is taken; see the lines above.",
    ),
    "LISTEN_ADDRESS": Text(
        "--listen 的写法应如 127.0.0.1:8422(主机:端口),而不是 {given}。",
        "--listen takes HOST:PORT, for instance 127.0.0.1:8422, not {given}.",
    ),
    "MIRROR_NEEDS_URL": Text(
        "请给出账本节点的地址:ecert mirror URL --trust FILE。",
        "Name the address of the ledger's node: `ecert mirror URL --trust FILE`.",
    ),
    "MIRROR_NEEDS_TRUST": Text(
        "请用 --trust 给出账本的信任文件,并从可靠渠道取得它。",
        "Name the ledger's trust file with --trust; get it from the operator by a way you trust.",
    ),
    "MIRROR_LEDGER": Text(
        "这个地址的账本不是信任文件所指的账本。请核对地址和信任文件。",
        "This is not the ledger of the trust file; check the address and the trust file.",
    ),
    "MIRROR_MISSING": Text(
        "{path} 里没有镜像。请先运行「ecert mirror init」,或用 --home 指定镜像目录。",
        "{path} holds no mirror. Run `ecert mirror init` first, or name the mirror's directory with --home.",
    ),
    "EVIDENCE_MISSING": Text(
        "读不到证据文件 {path}。请检查路径和权限。",
        "The evidence file {path} cannot be read. Check path and permissions.",
    ),
    "HOME_EXISTS": Text(
        "{path} 里已有别的安装。请用 --home 指定另一个目录。",
        "{path} holds another installation; name another directory with --home.",
    ),
    "EVIDENCE_SHAPE": Text(
        "这不是规定格式的证据文件({member})。",
        "This is no evidence file as the format demands it ({member}).",
    ),
    "EVIDENCE_SIGNATURE": Text(
        "证据文件的见证签名不对:文件在保存之后被改过。",
        "The signature under this evidence does not fit: it was changed afterwards.",
    ),
    "EVIDENCE_PROVES_NOTHING": Text(
        "文件里的声明和区块头证明不了 {kind}。",
        "The statements and headers of this file do not prove {kind}.",
    ),
}
