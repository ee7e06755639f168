"""`ecert proof`: checks a proof file of the ledger's public pages against a ledger of one's own."""

from __future__ import annotations

from pathlib import Path

import click

from ledger.apps.cli_frame import Option, Session, Text, command
from ledger.apps.cli_time import say_time

MARKS = {"passed": "✔", "failed": "✘", "unknown": "?"}
CHECKS = {
    "ledger": Text("账本与信任文件一致", "The ledger is the trusted one"),
    "inclusion": Text("条目在这棵树里", "The entry lies in this tree"),
    "anchor": Text("这棵树的根已上链且未撤回", "The tree's root is anchored and not withdrawn"),
    "block": Text("所在区块与本账本相同", "The block is the same in this ledger"),
    "witnesses": Text("见证方签过此区块或其后的区块", "Witnesses signed this block or a later one"),
}
NEEDS_TRUST = Text(
    "请用 --trust 指定信任文件(向账本运营单位索取)。",
    "Name the trust file with --trust (ask the ledger's operator for it).",
)
EXIT_REFUSED = 1
EXIT_CANNOT_TELL = 3


def _proof(session: Session, file: Path, trust: Path | None, ledger: Path | None) -> None:
    from ledger.bootstrap import default_ledger, load_trust, open_view, read_bundle
    from ledger.core.proof import Witnessing, check_proof, parse_proof
    from ledger.services.proving import known_blocks

    home = default_ledger(session.settings)
    if trust is None:
        if home is None:
            raise click.UsageError(str(NEEDS_TRUST))
        trust = home / "trust.json"
    trusted = load_trust(trust)
    source = ledger or home
    view = None if source is None else open_view(source)
    proof = parse_proof(read_bundle(file))
    receipt = proof.receipt
    evidence = None
    known: dict[int, bytes] = {}
    if view is not None:
        evidence = view.evidence(
            receipt.issuer, receipt.root, receipt.leaf_index, block_number=receipt.block.number
        )
        known = known_blocks(view, proof)
    findings = check_proof(
        proof,
        (trusted.ledger_id, trusted.chain_id, trusted.ledger.address),
        evidence,
        Witnessing(trusted.witnesses.threshold, frozenset(trusted.witnesses.keys), known),
    )
    for finding in findings:
        session.show(f"  {MARKS[finding.outcome]} {CHECKS[finding.check.value]} [{finding.code}]")
    if evidence is not None and evidence.anchor is not None:
        when = say_time(evidence.anchor.anchored_at)
        session.show(Text(f"由 {receipt.issuer} 于 {when} 上链", f"Anchored by {receipt.issuer} on {when}"))
    outcomes = {finding.outcome for finding in findings}
    if "failed" in outcomes:
        session.exit_code = EXIT_REFUSED
    elif "unknown" in outcomes:
        session.exit_code = EXIT_CANNOT_TELL
    session.emit(
        {
            "entry": "0x" + proof.entry.hex(),
            "issuer": receipt.issuer,
            "checks": [
                {"id": finding.check.value, "outcome": finding.outcome, "code": finding.code}
                for finding in findings
            ],
        }
    )


PROOF = command(
    "proof",
    Text(
        "用自己的账本副本核对一份上链证明(账本查询页可下载)。\n\n"
        "只证明某条目何时由谁上链,不含证照内容,也不说明证照现在是否有效。\n"
        "退出码:0 相符,1 不符,2 无法读取,3 无法判断。",
        "Check a proof of anchoring (downloaded from the ledger's pages) with a ledger of your own.\n\n"
        "It proves who anchored the entry and when; it holds no values and says nothing about validity now.\n"
        "Exit codes: 0 right, 1 wrong, 2 unreadable, 3 cannot tell.",
    ),
    params=[
        click.Argument(["file"], type=click.Path(path_type=Path, dir_okay=False), metavar="FILE"),
        Option(
            ["--trust"],
            type=click.Path(path_type=Path, dir_okay=False),
            metavar="FILE",
            text=Text(
                "信任文件(默认 ECERT_HOME/trust.json)。", "Trust file (default: ECERT_HOME/trust.json)."
            ),
        ),
        Option(
            ["--ledger"],
            type=click.Path(path_type=Path),
            metavar="HOME|CHAINFILE",
            text=Text(
                "账本:数据目录或链文件(默认 ECERT_HOME)。",
                "Ledger: data directory or chain file (default: ECERT_HOME).",
            ),
        ),
    ],
    examples=("ecert proof entry.proof.json --trust trust.json --ledger /srv/ecert",),
)(_proof)
