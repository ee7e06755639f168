"""Takes a whole chain from a mirror: for a chain file that is gone, damaged, or went its own way.

The mirror is not believed. The chain must begin with the trust file's ledger id, hold the trusted code at
the trusted addresses, and end with a block that the operator's checkpoint key, as registered on this very
chain, or a witness of the trust file has signed; every block is run. The old file is kept beside it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from ledger.adapters.chain_embedded.chain import EmbeddedChain
from ledger.adapters.chain_embedded.process_lock import ProcessLock
from ledger.adapters.chain_view_follow import Follower
from ledger.adapters.chain_view_memory import MemoryView
from ledger.adapters.node_client import NodeClient
from ledger.adapters.trust_files import HomeTrust
from ledger.bootstrap import Installation
from ledger.core.errors import ConflictError, UnavailableError
from ledger.core.model import KeyRecord
from ledger.core.trust import Trust
from ledger.services.block_pull import Word, listen

PIECE = 2_000
"""Blocks that become durable together."""


def rebuild_chain(here: Installation, url: str) -> None:
    """Put the mirror's chain in the place of chain.db.

    Raises:
        UnavailableError: CHAIN_LOCKED, MIRRORS_SILENT, NODE_SILENT.
        ConflictError: MIRROR_UNSIGNED, MIRROR_OTHER_LEDGER.
        InputError: NODE_*, BLOCK_*.
    """
    home, trust, node = here.home, HomeTrust(here.home).trust(), NodeClient(url)
    copy = home.chain_file.with_name(f"{home.chain_file.name}.rebuilt")
    lock = ProcessLock(home.chain_file)
    try:
        _remove(copy)
        chain = EmbeddedChain.join(copy, here.clock, chain_id=trust.chain_id, genesis_rlp=node.genesis())
        with closing(chain):
            _fill(here, chain, node, trust)
        aside = f"chain.aside-{here.clock.now()}.db"
        for part in _parts(home.chain_file):
            part.replace(part.with_name(part.name.replace("chain.db", aside, 1)))
        for part in _parts(copy):
            part.replace(part.with_name(part.name.replace(copy.name, home.chain_file.name, 1)))
    finally:
        lock.release()
        _remove(copy)


def _fill(here: Installation, chain: EmbeddedChain, node: NodeClient, trust: Trust) -> None:
    if chain.info().ledger_id != trust.ledger_id:
        raise _other(node)
    chain.save_contracts({"registry": trust.registry.address, "ledger": trust.ledger.address})
    newest = node.checkpoint()
    if newest is None:
        raise _unsigned(node)
    last = newest.checkpoint.block.number
    for piece in _pieces(node, 1, last):
        chain.import_blocks(piece)
    info = chain.info()
    if (info.registry_code_hash, info.ledger_code_hash) != (trust.registry.code_hash, trust.ledger.code_hash):
        raise _other(node)
    view = MemoryView()
    Follower(chain, view, here.clock, f"rebuild:{os.getpid()}").advance()
    if not any(
        chain.block(word.block.number) == word.block
        for word in _words(chain, node, trust, view.keys(trust.root_issuer))
    ):
        raise _unsigned(node)


def _words(
    chain: EmbeddedChain, node: NodeClient, trust: Trust, keys: tuple[KeyRecord, ...]
) -> tuple[Word, ...]:
    """Statements that cover the head of what was fetched."""
    heard = listen([node], chain.info(), trust, keys)
    return tuple(word for word in heard.words if word.block.number == chain.head().number)


def _pieces(node: NodeClient, first: int, last: int) -> Iterator[list[bytes]]:
    number = first
    piece: list[bytes] = []
    while number <= last:
        found = node.blocks_from(number)[: last - number + 1]
        if not found:
            raise UnavailableError(
                "MIRRORS_SILENT", f"{node.name} does not hand out block {number}.", mirrors=node.name
            )
        piece += found
        number += len(found)
        if len(piece) >= PIECE or number > last:
            yield piece
            piece = []


def _parts(file: Path) -> tuple[Path, ...]:
    """A database and its log, without the lock's file."""
    return tuple(part for part in (file, *file.parent.glob(f"{file.name}-*")) if part.exists())


def _remove(file: Path) -> None:
    for part in (*_parts(file), file.with_name(f"{file.name}.lock")):
        part.unlink(missing_ok=True)


def _other(node: NodeClient) -> ConflictError:
    return ConflictError(
        "MIRROR_OTHER_LEDGER",
        f"{node.name} serves another ledger than the trust file names.",
        mirror=node.name,
    )


def _unsigned(node: NodeClient) -> ConflictError:
    return ConflictError(
        "MIRROR_UNSIGNED",
        f"The newest block of {node.name} is signed neither by this ledger's operator nor by a witness.",
        mirror=node.name,
    )
