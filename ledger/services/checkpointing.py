"""Signs checkpoints of the chain that is sealed here: one for every block, and again while nothing happens.

An idle checkpoint says "this is still the head": whoever follows the ledger knows by it that nothing is
held back. Signing takes a tenth of a millisecond and is written to a file of its own, so that sealing and
anchoring do not wait for it.
"""

from __future__ import annotations

from collections.abc import Callable

from ledger.core.checkpoint import Checkpoint, CheckpointSigner, sign_checkpoint
from ledger.core.errors import LedgerError, UnavailableError
from ledger.ports import Clock
from ledger.ports.witness import BlockFile, CheckpointBook

IDLE_EVERY_S = 20.0
RETRY_EVERY_S = 5.0


class Checkpointer:
    """Call `step` as often as you like.

    Args:
        chain: sealed by this process.
        book: where checkpoints are kept.
        signer: opens the registered key of purpose checkpoint; None when this installation has none.
        clock: dates checkpoints, paces the idle ones.
        warn: told the code of what keeps it from signing, once.
    """

    def __init__(
        self,
        chain: BlockFile,
        book: CheckpointBook,
        signer: Callable[[], CheckpointSigner | None],
        clock: Clock,
        warn: Callable[[str], None] = lambda _code: None,
    ) -> None:
        self._chain = chain
        self._book = book
        self._signer = signer
        self._clock = clock
        self._warn = warn
        self._signed: int | None = None
        self._due_at = clock.monotonic()
        self._failure = ""

    def step(self) -> bool:
        """Sign the head if it is new or was signed a while ago; whether it did.

        A key that cannot be opened and a file that cannot be written stop nothing but this: it is told
        once, tried again, and `ecert doctor` says it too. Without checkpoints witnesses do not sign.
        """
        now = self._clock.monotonic()
        head = self._chain.head()
        if (self._failure or head.number == self._signed) and now < self._due_at:
            return False
        try:
            self._sign()
        except LedgerError as error:
            if error.code == "CLOCK_JUMP":
                raise
            if error.code != self._failure:
                self._warn(error.code)
            self._failure = error.code
            self._due_at = now + RETRY_EVERY_S
            return False
        self._failure = ""
        self._signed = head.number
        self._due_at = now + IDLE_EVERY_S
        return True

    def _sign(self) -> None:
        signer = self._signer()
        if signer is None:
            raise UnavailableError("CHECKPOINT_KEY_MISSING", "No key of purpose checkpoint lies here.")
        head, info = self._chain.head(), self._chain.info()
        checkpoint = Checkpoint(
            ledger_id=info.ledger_id,
            chain_id=info.chain_id,
            block=head,
            state_root=self._chain.state_root(head.number),
            signed_at=self._clock.now(),
        )
        self._book.keep(sign_checkpoint(checkpoint, signer), "operator")
