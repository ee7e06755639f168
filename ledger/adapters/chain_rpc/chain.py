"""The Chain port over nodes that others run.

Guarantees beyond the port: a transaction is remembered before it is handed over, goes to every node,
and is handed over again as long as no block has it; one that is stuck is replaced on its own nonce,
never beside it; what no quorum of nodes says is not said.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from ledger.adapters.abi import Artifacts, gas_limit_of
from ledger.adapters.chain_rpc.fees import Fees
from ledger.adapters.chain_rpc.finality import Finality
from ledger.adapters.chain_rpc.node import Node, NodeRefusedError, NodeSilentError, Receipt
from ledger.adapters.chain_rpc.nodes import Nodes, SleepingClock
from ledger.adapters.chain_rpc.reader import Place, RpcReader
from ledger.adapters.chain_rpc.sending import MemorySendings, Sending, Sendings
from ledger.adapters.transaction import LegacyTransaction, read_transaction, sign_transaction
from ledger.core.errors import InputError, UnavailableError
from ledger.core.model import BlockRef
from ledger.ports import ChainSigner, ContractCall, PreparedTransaction, TransactionOutcome

_log = logging.getLogger("ledger.chain")
_LOOK_EVERY_S = 1.0
_AGAIN_EVERY_S = 5.0
_MOST_AHEAD_S = 120  # as far as an anchor may be ahead of its credentials' day
_MOST_BEHIND_S = 600
_PACE_S = 120.0  # a block that appeared between two looks so far apart was made between them
STUCK_S = 120
_HARMLESS = (
    "already known",
    "already imported",
    "known transaction",
    "nonce too low",
    "underpriced",
    "base fee",
)
"""Refusals of a transaction that is on its way, or whose nonce somebody else has: the chain decides."""

Whereabouts = Literal["unknown", "waiting", "included"]
SignerOf = Callable[[bytes], ChainSigner | None]


@dataclass(frozen=True, slots=True)
class _Fate:
    """What one node knows of a family: nonces used in final blocks, then receipts in the family's order."""

    used: int
    receipts: tuple[Receipt | None, ...]


class RpcChain(RpcReader):
    """See the module.

    Args:
        nodes: of one chain.
        place: which chain, and where the contracts are.
        finality: the chain's rule.
        clock: paces looking and sending again.
        sendings: what was handed over.
        fees: what transactions pay.
        signer_of: the key of an address, to replace what is stuck; None where it is not here.
        stuck_s: seconds after which a waiting transaction is replaced by a dearer one.
        holds_lock: no other process of this installation sends.
        artifacts: of the contracts; None loads the shipped ones.
    """

    def __init__(
        self,
        nodes: Nodes,
        place: Place,
        finality: Finality,
        clock: SleepingClock,
        *,
        sendings: Sendings | None = None,
        fees: Fees | None = None,
        signer_of: SignerOf = lambda _address: None,
        stuck_s: int = STUCK_S,
        holds_lock: bool = False,
        artifacts: Artifacts | None = None,
    ) -> None:
        super().__init__(nodes, place, finality, artifacts)
        self._clock = clock
        self._sendings: Sendings = MemorySendings() if sendings is None else sendings
        self._fees = fees or Fees()
        self._signer_of = signer_of
        self._stuck_s = stuck_s
        self.holds_lock = holds_lock
        self._seen: BlockRef | None = None
        self._looked_at: float | None = None
        self._newest: BlockRef | None = None
        self._newest_at = 0.0
        self._is_behind = False
        self._handed_at: dict[bytes, float] = {}
        self._block_gas = 0

    # sending

    def prepare(self, call: ContractCall, signer: ChainSigner, nonce: int) -> PreparedTransaction:
        """Raises: InputError(CALL_INVALID), UnavailableError(CHAIN_TOO_DEAR, CHAIN_UNAVAILABLE)."""
        data = self.encode(call)
        return sign_transaction(
            signer,
            chain_id=self.place.chain_id,
            nonce=nonce,
            to=self.contract(call.contract),
            data=data,
            gas=min(gas_limit_of(call, data), self.most_gas()),
            gas_price=self.price(),
        )

    def price(self) -> int:
        """Wei for one gas of a new transaction. Raises: see Fees."""
        return self._fees.price(self.nodes)

    def most_gas(self) -> int:
        """What one transaction may ask for, by the newest block's limit."""
        if not self._block_gas:
            self._block_gas = min(self.nodes.gather(lambda node: node.gas_limit()))
        return self._block_gas

    def send(self, raw: bytes) -> None:
        """Remembered, then given to every node. Known already: given again.

        Raises: InputError(TRANSACTION_INVALID, TRANSACTION_TYPE, WRONG_CHAIN, GAS_TOO_HIGH,
        NONCE_TOO_LOW); UnavailableError(CHAIN_UNAVAILABLE, CHAIN_REFUSES, CHAIN_CLOCK_AHEAD).
        """
        transaction = read_transaction(raw, self.place.chain_id)
        if transaction.gas > self.most_gas():
            raise InputError(
                "GAS_TOO_HIGH",
                "a transaction may not ask for so much gas",
                gas=transaction.gas,
                limit=self.most_gas(),
            )
        self._require_clock()
        used = self.next_nonce(transaction.sender)
        if used > transaction.nonce:
            hashes = self._hashes(transaction.hash)
            if any(self._fate(transaction.sender, hashes, self.head().number).receipts):
                return
            raise InputError(
                "NONCE_TOO_LOW",
                "another transaction of this account has this nonce",
                expected=used,
                given=transaction.nonce,
            )
        self._sendings.keep(_sending(transaction, transaction.hash, self._clock.now()))
        self._hand_over(self._sendings.family(transaction.hash)[-1])

    def _look_at_clock(self) -> None:
        """Whether the chain makes blocks of the past; an old newest block alone means that nothing happens there."""
        newest = max(self.nodes.gather(_newest), key=lambda block: block.number)
        now, before, looked_at = self._clock.monotonic(), self._newest, self._newest_at
        self._newest, self._newest_at = newest, now
        if newest.time >= self._clock.now() - _MOST_BEHIND_S:
            self._is_behind = False
        elif before is not None and newest.number > before.number and now - looked_at <= _PACE_S:
            self._is_behind = True

    def _require_clock(self) -> None:
        """A block's time is evidence. One clock of the two is wrong when blocks are of the future or long past."""
        if self._is_behind:
            self._look_at_clock()
        if self._is_behind and self._newest is not None:
            raise UnavailableError(
                "CHAIN_CLOCK_BEHIND",
                "The chain makes blocks of the past: this machine's clock or the chain's is wrong.",
                clock=self._clock.now(),
                head=self._newest.time,
            )
        head, now = self.head(), self._clock.now()
        if head.time > now + _MOST_AHEAD_S:
            raise UnavailableError(
                "CHAIN_CLOCK_AHEAD",
                "The chain's newest block is of the future: this machine's clock or the chain's is wrong.",
                clock=now,
                head=head.time,
            )

    def _hand_over(self, sending: Sending) -> None:
        """Give one transaction to every node; one that takes it is enough."""
        self._handed_at[sending.family] = self._clock.monotonic()
        refusals = []
        for node, refusal in self.nodes.each(lambda node: _given(node, sending.raw)):
            if not refusal or any(word in refusal.lower() for word in _HARMLESS):
                return
            refusals.append(f"{node.name}: {refusal}")
        if refusals:
            raise UnavailableError(
                "CHAIN_REFUSES", "No node of the chain takes the transaction.", answers=refusals
            )
        raise UnavailableError(
            "CHAIN_UNAVAILABLE", "No node of the chain answers; try again.", troubles=self.nodes.troubles()
        )

    # what became of it

    def outcome(self, transaction_hash: bytes) -> TransactionOutcome:
        """Of this transaction, or of the one that replaced it.

        Raises: UnavailableError(CHAIN_UNAVAILABLE, CHAIN_DISAGREES).
        """
        family = self._sendings.family(transaction_hash)
        hashes = self._hashes(transaction_hash)
        if not family:
            return self._without_record(transaction_hash)
        sender, nonce = family[0].sender, family[0].nonce
        fate = self._fate(sender, hashes, self.head().number)
        for one, receipt in zip(hashes, fate.receipts, strict=True):
            if receipt is not None:
                return self._decided(one, receipt)
        if fate.used > nonce:
            return TransactionOutcome("rejected", error=("NONCE_TOO_LOW", (fate.used, nonce)))
        is_known = nonce > fate.used or self._whereabouts(hashes) != "unknown"
        return TransactionOutcome("pending" if is_known else "unknown")

    def _without_record(self, transaction_hash: bytes) -> TransactionOutcome:
        """Somebody else's, or sent before this installation kept a record."""
        height = self.head().number
        receipt = self.nodes.agree(lambda node: _final_receipt(node, transaction_hash, height))
        if receipt is not None:
            return self._decided(transaction_hash, receipt)
        is_known = self._whereabouts((transaction_hash,)) != "unknown"
        return TransactionOutcome("pending" if is_known else "unknown")

    def _hashes(self, transaction_hash: bytes) -> tuple[bytes, ...]:
        family = self._sendings.family(transaction_hash)
        return tuple(row.hash for row in family) or (transaction_hash,)

    def _fate(self, sender: bytes, hashes: Sequence[bytes], height: int) -> _Fate:
        """Nonces first: a node that has executed the block which used one has its receipt as well."""
        return self.nodes.agree(
            lambda node: _Fate(
                node.transaction_count(sender, height),
                tuple(_final_receipt(node, one, height) for one in hashes),
            )
        )

    def _whereabouts(self, hashes: Sequence[bytes]) -> Whereabouts:
        """The most that any node knows about one of these; they may rightly differ."""
        told = self.nodes.gather(lambda node: tuple(node.transaction(one) for one in hashes))
        seen = [one for answer in told for one in answer if one is not None]
        if any(one.block is not None for one in seen):
            return "included"
        return "waiting" if seen else "unknown"

    def _decided(self, transaction_hash: bytes, receipt: Receipt) -> TransactionOutcome:
        block = self._block(receipt.block)
        if block.hash != receipt.block_hash:
            return TransactionOutcome("pending")  # of a history that is gone: the next look knows more
        if receipt.succeeded:
            return TransactionOutcome("final", block)
        return TransactionOutcome("reverted", block, self._why(transaction_hash, receipt))

    def _why(self, transaction_hash: bytes, receipt: Receipt) -> tuple[str, tuple[Any, ...]]:
        """The error behind a revert, which receipts do not tell.

        A node that can trace knows it exactly; else the call is run again, before its block and in it.
        """
        seen = self.nodes.agree(lambda node: node.transaction(transaction_hash))
        if seen is None:
            raise UnavailableError("CHAIN_UNAVAILABLE", "The nodes have a receipt without its transaction.")
        if receipt.gas_used >= seen.gas:
            return "OutOfGas", ()
        for _node, output in self.nodes.each(lambda node: node.traced_revert(transaction_hash)):
            if output is not None:
                return self.codec.decode_error(output)
        for height in (receipt.block - 1, receipt.block):
            answer = self.nodes.agree(
                lambda node, height=height: node.call(  # type: ignore[misc]
                    seen.to, seen.data, height, sender=seen.sender, gas=seen.gas
                )
            )
            if answer.reverted:
                return self.codec.decode_error(answer.output)
        return "Reverted", (b"",)

    # looking after it

    def step(self) -> BlockRef | None:
        """For a worker's loop, as often as it likes: sends again and replaces what needs it.

        Returns: the final head when it moved since the last step. Nodes in trouble stop nothing here.
        """
        now = self._clock.monotonic()
        if self._looked_at is not None and now - self._looked_at < _LOOK_EVERY_S:
            return None
        self._looked_at = now
        try:
            head = self.head()
            self._look_at_clock()
            self._look_after()
        except UnavailableError as error:
            _log.warning("the chain does not answer", extra={"code": error.code})
            return None
        moved = head != self._seen
        self._seen = head
        return head if moved else None

    def _look_after(self) -> None:
        families: dict[bytes, list[Sending]] = {}
        for row in self._sendings.undecided():
            families.setdefault(row.family, []).append(row)
        for rows in families.values():
            handed_at = self._handed_at.get(rows[0].family)
            if handed_at is None or self._clock.monotonic() - handed_at >= _AGAIN_EVERY_S:
                self._look_at(rows)

    def _look_at(self, rows: list[Sending]) -> None:
        """One family. Nodes that refuse it hold up nothing else; that they do not answer is for the caller."""
        name = rows[0].family
        if self.outcome(name).state in ("final", "reverted", "rejected"):
            self._sendings.decided(name)
            self._handed_at.pop(name, None)
            return
        self._handed_at[name] = self._clock.monotonic()
        place = self._whereabouts([row.hash for row in rows])
        if place == "included":
            return  # in a block that is not final yet
        try:
            if self._clock.now() - rows[-1].sent_at >= self._stuck_s:
                self._replace(rows)
            elif place == "unknown":
                self._hand_over(rows[-1])
        except UnavailableError as error:
            if error.code != "CHAIN_REFUSES":
                raise
            _log.warning("no node takes a transaction", extra={"nonce": rows[-1].nonce, "why": error.detail})

    def _replace(self, rows: list[Sending]) -> None:
        """The same call on the same nonce for more; as it is where that cannot be."""
        newest = rows[-1]
        price = self._fees.higher(newest.gas_price)
        signer = self._signer_of(newest.sender)
        if price is None or signer is None:
            self._hand_over(newest)
            return
        old = read_transaction(newest.raw, self.place.chain_id)
        made = sign_transaction(
            signer,
            chain_id=self.place.chain_id,
            nonce=old.nonce,
            to=old.to,
            data=old.data,
            gas=old.gas,
            gas_price=price,
        )
        transaction = read_transaction(made.raw, self.place.chain_id)
        sending = _sending(transaction, newest.family, self._clock.now())
        self._sendings.keep(sending)
        _log.info("a stuck transaction is replaced", extra={"nonce": old.nonce, "price": price})
        self._hand_over(sending)


def _newest(node: Node) -> BlockRef:
    found = node.block("latest")
    if found is None:
        raise NodeSilentError("no newest block", is_down=False)
    return found


def _final_receipt(node: Node, transaction_hash: bytes, height: int) -> Receipt | None:
    """None also for one above the final head: there, honest nodes differ."""
    receipt = node.receipt(transaction_hash)
    return receipt if receipt is not None and receipt.block <= height else None


def _given(node: Node, raw: bytes) -> str:
    """Empty when the node took it, else its words."""
    try:
        node.send(raw)
    except NodeRefusedError as error:
        return error.message or str(error.code)
    return ""


def _sending(transaction: LegacyTransaction, family: bytes, now: int) -> Sending:
    return Sending(
        hash=transaction.hash,
        family=family,
        sender=transaction.sender,
        nonce=transaction.nonce,
        raw=transaction.raw,
        gas_price=transaction.gas_price,
        sent_at=now,
    )
