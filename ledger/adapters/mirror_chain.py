"""A mirror's copy of an embedded chain: grows by running foreign blocks, seals and sends nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from ledger.adapters.abi import issuer_id
from ledger.adapters.chain_embedded.chain import EmbeddedChain
from ledger.adapters.chain_embedded.reader import HEARTBEAT, MIRROR_MARK
from ledger.adapters.chain_view_follow import Follower
from ledger.adapters.chain_view_reading import Fork, encode_fork
from ledger.adapters.chain_view_sql import SqlView
from ledger.core.errors import InputError, NotFoundError, RefusedError
from ledger.core.model import BlockRef, ChainInfo, Purpose
from ledger.core.trust import Trust
from ledger.ports import Clock, ContractCall


class MirrorCopy:
    """See ledger.ports.mirror.MirrorChain. Use `open`.

    Args:
        chain: of this process alone.
    """

    def __init__(self, chain: EmbeddedChain) -> None:
        self.chain = chain

    @classmethod
    def open(cls, path: Path, clock: Clock, trust: Trust, genesis: Callable[[], bytes]) -> MirrorCopy:
        """The copy in this file; begun with the trusted genesis block when it is not there.

        Args:
            path: of the chain file.
            clock: ours.
            trust: names ledger, chain and contracts.
            genesis: fetches block 0, whose hash is the ledger id.
        Raises: InputError(BLOCK_INVALID, MIRROR_LEDGER), UnavailableError(CHAIN_LOCKED, NODE_SILENT).
        """
        try:
            chain = EmbeddedChain.open(path, clock, accept_clock=True)
        except NotFoundError:  # none yet, or one whose beginning was cut short
            chain = EmbeddedChain.join(path, clock, chain_id=trust.chain_id, genesis_rlp=genesis())
        copy = cls(chain)
        found = chain.info()
        if (found.ledger_id, found.chain_id) != (trust.ledger_id, trust.chain_id):
            is_new = not chain.head().number
            copy.close()
            if is_new:
                path.unlink()  # begun a moment ago with a wrong block
            raise InputError(
                "MIRROR_LEDGER",
                "This is not the ledger of the trust file; check the address and the trust file.",
                ledger_id=found.ledger_id.hex(),
                trusted=trust.ledger_id.hex(),
            )
        chain.save_contracts(
            {MIRROR_MARK: b"1", "registry": trust.registry.address, "ledger": trust.ledger.address}
        )
        return copy

    def close(self) -> None:
        """Give the file back."""
        self.chain.close()

    def info(self) -> ChainInfo:
        """See MirrorChain."""
        return self.chain.info()

    def head(self) -> BlockRef:
        """See MirrorChain."""
        return self.chain.head()

    def block(self, number: int) -> BlockRef | None:
        """See MirrorChain."""
        return self.chain.block(number)

    def block_rlp(self, number: int) -> bytes | None:
        """See MirrorChain."""
        return self.chain.block_rlp(number)

    def state_root(self, number: int) -> bytes:
        """See MirrorChain."""
        return self.chain.state_root(number)

    def import_blocks(self, blocks: Iterable[bytes], confirm: Callable[[], None]) -> BlockRef:
        """See MirrorChain."""
        return self.chain.import_blocks(blocks, confirm)

    def may_sign(self, thumbprint: bytes, at: int, issuer: str) -> bool:
        """See MirrorChain."""
        try:
            found = self.chain.read(ContractCall("registry", "keyAt", (thumbprint, at)))
        except RefusedError:
            return False
        is_good, holder, _, key = found
        return bool(is_good) and holder == issuer_id(issuer) and key[3] == Purpose.CHECKPOINT


class MirrorViewFile:
    """See ledger.ports.mirror.MirrorView.

    Args:
        copy: what is followed.
        view: of kind mirror, writable.
        clock: ours.
    """

    def __init__(self, copy: MirrorCopy, view: SqlView, clock: Clock) -> None:
        self._copy = copy
        self._view = view
        self._clock = clock
        self._follower = Follower(copy.chain, view, clock, "mirror")

    def advance(self, confirmed_at: int) -> None:
        """See MirrorView. The chain file tells its age as well, to whoever gets a copy of it."""
        result = self._follower.advance(confirmed_at)
        if result.state in ("behind", "forked"):  # of an earlier copy: everything is in the chain file
            self._view.clear()
            self._follower.advance(confirmed_at)
        self._copy.chain.save_contracts({HEARTBEAT: confirmed_at.to_bytes(8)})

    def stop(self, number: int, ours: bytes, theirs: bytes) -> None:
        """See MirrorView."""
        with self._view.write() as rows:
            rows.put("fact", ("fork",), (encode_fork(Fork(number, ours, theirs, self._clock.now())),))
