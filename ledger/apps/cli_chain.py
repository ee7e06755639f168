"""Options of commands that name a chain which others run."""

from __future__ import annotations

import click

from ledger.apps.cli_frame import Option, Text

CHAIN_RULES = (
    Option(
        ["--finality"],
        default="immediate",
        show_default=True,
        metavar="RULE",
        text=Text(
            "区块何时算最终:immediate(QBFT、PBFT)、finalized,或确认数。",
            "When a block is final: immediate (QBFT, PBFT), finalized, or a number of confirmations.",
        ),
    ),
    Option(
        ["--quorum"],
        type=int,
        metavar="N",
        text=Text(
            "几个节点答复相同才算数(默认过半)。",
            "How many nodes must say the same (default: more than half).",
        ),
    ),
    Option(
        ["--gas-ceiling"],
        type=click.IntRange(0, 1_000_000),
        default=0,
        show_default=True,
        metavar="GWEI",
        text=Text(
            "每单位 gas 最多付多少;0 表示该链不收费。",
            "The most to pay for one gas; 0: the chain is free of charge.",
        ),
    ),
)
"""How far such a chain is believed, and what it may cost."""
