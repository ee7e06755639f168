"""Names of the set-up steps for people."""

from __future__ import annotations

from ledger.apps.cli_frame import Text

SAY = {
    "keys": Text("· 生成密钥,每个在自己的目录里……", "· making keys, each in its own folder…"),
    "certificates": Text("· 签发证书……", "· issuing certificates…"),
    "directory": Text("· 签署名录条目……", "· signing directory entries…"),
    "chain": Text("· 建链并部署合约……", "· founding the chain, deploying contracts…"),
    "registry": Text(
        "· 登记机关、类型、密钥和角色(双人)……", "· registering agencies, types, keys, roles (two admins)…"
    ),
    "trust": Text("· 签署信任文件……", "· signing the trust file…"),
    "databases": Text("· 建立数据库……", "· making the databases…"),
}
