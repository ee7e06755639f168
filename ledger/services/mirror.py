"""Follows a ledger for those who do not believe its operator: runs every block, compares every word, co-signs.

Steps of one round, for the node and then each peer: 1 the newest checkpoint, whose signature, ledger and key
(purpose checkpoint, good at that time in the registry of our own copy) must hold; 2 blocks up to it, run and
kept only together with such a checkpoint; 3 what contradicts an earlier statement is refused for good and kept
as evidence; 4 the view is advanced, confirmed as of the checkpoint's own time; 5 our co-signature, written down
before it leaves; 6 other witnesses' co-signatures.

Invariants: no block is kept that no checkpoint of a registered key covers; no two hashes are signed at one
height; the view is never fresher than the operator's last word; after a contradiction nothing is followed,
confirmed or signed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from ledger.core.block_header import BlockHeader, header_of, is_chain
from ledger.core.checkpoint import (
    Checkpoint,
    CheckpointSigner,
    SignedCheckpoint,
    require_ledger,
    require_signed,
    sign_checkpoint,
)
from ledger.core.contradictions import MOST_HEADERS, Evidence, Kind, is_set_back, require_proof
from ledger.core.errors import ConflictError, InputError, LedgerError, RefusedError, UnavailableError
from ledger.core.mirroring import Condition, MirrorState
from ledger.core.trust import Trust
from ledger.ports import Clock
from ledger.ports.mirror import EvidenceFolder, LedgerNode, MirrorChain, MirrorView
from ledger.ports.witness import CheckpointBook
from ledger.services.mirror_blocks import BackdatedError, Piece

FUTURE_S: Final = 120
"""A checkpoint may be so far ahead of our clock, as a view may (VIEW_FROM_FUTURE)."""
TRUST_EVERY_S: Final = 60
_TRIES: Final = 64
"""Heights that are asked about for a statement; the operator signs each block, a mirror keeps fewer."""
_LOCAL: Final = frozenset({"CHAIN_UNAVAILABLE", "VIEW_UNAVAILABLE", "CHECKPOINTS_UNAVAILABLE"})


class _ContradictedError(Exception):
    """Carries evidence up to `step`; never leaves the module."""

    def __init__(self, evidence: Evidence) -> None:
        super().__init__(evidence.kind)
        self.evidence = evidence


@dataclass
class MirrorParts:
    """What a mirror works with.

    Args:
        chain: our copy.
        view: what verifiers read.
        book: statements, the operator's and witnesses'.
        evidence: written once.
        clock: ours.
        trust: the trust file in use; a person may have put the next one there.
        take_trust: accepts a version of the trust file that follows ours; raises InputError when it does not.
        on_state: told about every change, to write it down.
    """

    chain: MirrorChain
    view: MirrorView
    book: CheckpointBook
    evidence: EvidenceFolder
    clock: Clock
    trust: Callable[[], Trust]
    take_trust: Callable[[bytes], Trust]
    on_state: Callable[[MirrorState], None]


class Mirror:
    """See the module.

    Args:
        parts: see MirrorParts.
        node: the ledger's own.
        peers: other mirrors: asked as well, and for blocks where the node is silent.
        trust: the trust file in use.
        signer: our witness key; None: follow without co-signing.
        state: as an earlier process left it.
    """

    def __init__(
        self,
        parts: MirrorParts,
        node: LedgerNode,
        peers: Sequence[LedgerNode],
        trust: Trust,
        signer: CheckpointSigner | None = None,
        state: MirrorState | None = None,
    ) -> None:
        self._parts = parts
        self._chain = parts.chain
        self._book = parts.book
        self._sources = (node, *peers)
        self._trust = trust
        self._signer = signer
        self.state = state or MirrorState("starting", parts.chain.head(), since=parts.clock.now())
        self._confirmed: SignedCheckpoint | None = None
        self._unsent: dict[int, SignedCheckpoint] = {}
        self._asked_trust_at: int | None = None
        self._warning: str | None = None
        self.on_progress: Callable[[MirrorState], None] = lambda _state: None

    @property
    def trust(self) -> Trust:
        """The trust file in use."""
        return self._trust

    def step(self) -> MirrorState:
        """One round; never raises for what others say or do not say.

        Raises: UnavailableError(CHAIN_UNAVAILABLE, VIEW_UNAVAILABLE, CHECKPOINTS_UNAVAILABLE) for our own files.
        """
        self._renew_trust()
        if self.state.condition in ("refusing", "restored"):
            return self._stay_refused()
        self._warning = None
        codes: list[str] = []
        for source in self._sources:
            try:
                self._take(source)
                self._hear(source)
            except _ContradictedError as contradicted:
                return self._refuse(contradicted.evidence)
            except LedgerError as error:
                if error.code in _LOCAL:
                    raise
                codes.append(error.code)
        self._hand_over()
        return self._told(codes)

    def _told(self, codes: Sequence[str]) -> MirrorState:
        newest = self._book.newest("operator")
        head, now = self._chain.head(), self._parts.clock.now()
        confirmed = self.state.confirmed_at
        is_current = newest is not None and newest.checkpoint.block.hash == head.hash
        if is_current and newest is not None:
            confirmed = max(confirmed or 0, min(newest.checkpoint.signed_at, now))
        is_fresh = confirmed is not None and now - confirmed <= self._trust.max_age_s["mirror"]
        good = len(codes) < len(self._sources) and is_current and is_fresh and "LEDGER_SET_BACK" not in codes
        condition: Condition = "following" if good else "waiting"
        nothing_new = "CHECKPOINT_NONE" if newest is None else "CHECKPOINT_OLD"
        code = None if good else next(iter(codes), nothing_new)
        warning = self._warning or (codes[0] if good and codes else None)
        changed = (condition, code) != (self.state.condition, self.state.code)
        return self._set(
            replace(
                self.state,
                condition=condition,
                head=head,
                code=code,
                since=now if changed else self.state.since,
                confirmed_at=confirmed,
                target=None,
                warning=warning,
            )
        )

    def _set(self, state: MirrorState) -> MirrorState:
        if state != self.state:
            self.state = state
            self._parts.on_state(state)
        return state

    # 1 the newest checkpoint

    def _take(self, source: LedgerNode) -> None:
        offered = source.checkpoint()
        if offered is None:
            raise UnavailableError("CHECKPOINT_NONE", f"{source.name} has no checkpoint yet.")
        require_ledger(offered, self._trust.ledger_id, self._trust.chain_id)
        require_signed(offered)
        if offered.checkpoint.signed_at > self._parts.clock.now() + FUTURE_S:
            raise UnavailableError(
                "CHECKPOINT_FROM_FUTURE",
                f"The checkpoint of {source.name} is dated in the future; compare the clocks.",
            )
        if offered.checkpoint.block.number > self._chain.head().number:
            self._catch_up(source, offered)
        else:
            self._compare(source, offered)

    def _compare(self, source: LedgerNode, offered: SignedCheckpoint) -> None:
        """A checkpoint at or below our head: ours again, older, or another story."""
        block, head = offered.checkpoint.block, self._chain.head()
        if block == head and self._is_told(offered.checkpoint):
            return
        newest = self._book.newest("operator")
        self._require_operator(offered)
        if self._differs(offered):
            raise _ContradictedError(self._rewritten_below(source, offered))
        if block.number == head.number:
            # a peer may repeat an older word about the same head: what was confirmed later stays confirmed
            is_older = newest is not None and newest.checkpoint.signed_at > offered.checkpoint.signed_at
            self._confirm(newest if newest is not None and is_older else offered)
            return
        if newest is None or not is_set_back(newest, offered):
            raise UnavailableError("CHECKPOINT_OLD", f"{source.name} answers with an old checkpoint.")
        self._parts.evidence.keep(self._evidence("LEDGER_SET_BACK", source, (newest, offered)))
        raise UnavailableError(
            "LEDGER_SET_BACK", f"{source.name} was set back from block {head.number} to {block.number}."
        )

    def _is_told(self, stated: Checkpoint) -> bool:
        """The same word as was confirmed, or an older one that says the same."""
        if self._confirmed is None:
            return False
        known = self._confirmed.checkpoint
        return (stated.block, stated.state_root) == (known.block, known.state_root) and (
            stated.signed_at <= known.signed_at
        )

    def _differs(self, offered: SignedCheckpoint) -> bool:
        checkpoint = offered.checkpoint
        ours = self._chain.block(checkpoint.block.number)
        return ours != checkpoint.block or (
            self._chain.state_root(checkpoint.block.number) != checkpoint.state_root
        )

    def _require_operator(self, offered: SignedCheckpoint) -> None:
        """Raises: RefusedError(CHECKPOINT_KEY): by a key that our copy of the registry does not have for this."""
        at = offered.checkpoint.signed_at
        if not self._chain.may_sign(offered.thumbprint, at, self._trust.root_issuer):
            raise RefusedError(
                "CHECKPOINT_KEY",
                "The checkpoint is signed by a key that is not registered for checkpoints, or no longer good.",
                thumbprint=offered.thumbprint.hex(),
            )

    # 2 blocks

    def _catch_up(self, source: LedgerNode, offered: SignedCheckpoint) -> None:
        target = offered.checkpoint.block.number
        while self._chain.head().number < target:
            piece = Piece(source, self._chain.head().number + 1, offered, self._book.newest("operator"))
            try:
                head = self._chain.import_blocks(piece.blocks(), lambda: self._keep(piece.covering()))  # noqa: B023  run at once
            except BackdatedError as found:
                raise _ContradictedError(self._backdated(source, offered, found)) from found
            except ConflictError as error:
                if error.code != "CHAIN_FORKED":
                    raise
                raise _ContradictedError(self._rewritten_above(source, offered)) from error
            except InputError as error:
                if error.code in (
                    "NODE_ANSWER",
                    "CHECKPOINT_SIGNATURE",
                    "CHECKPOINT_LEDGER",
                ) or piece.is_early(self._parts.clock.now()):
                    raise
                raise _ContradictedError(self._invalid(source, offered, piece)) from error
            self._parts.view.advance(min(piece.covering().checkpoint.signed_at, self._parts.clock.now()))
            if head.number < target:
                self.on_progress(self._set(replace(self.state, head=head, target=target)))
        self._confirm(offered)

    def _keep(self, covering: SignedCheckpoint) -> None:
        """Between running blocks and keeping them: does a good checkpoint name what came out?"""
        block = covering.checkpoint.block
        if (
            self._chain.head() != block
            or self._chain.state_root(block.number) != covering.checkpoint.state_root
        ):
            raise InputError("NODE_ANSWER", "the blocks are not those of the checkpoint", what="blocks")
        self._require_contracts()
        self._require_operator(covering)
        self._book.keep(covering, "operator")

    def _require_contracts(self) -> None:
        info, trust = self._chain.info(), self._trust
        found = (info.registry, info.registry_code_hash, info.ledger, info.ledger_code_hash)
        pins = (
            trust.registry.address,
            trust.registry.code_hash,
            trust.ledger.address,
            trust.ledger.code_hash,
        )
        if found != pins:
            raise UnavailableError(
                "MIRROR_CONTRACTS", "The code at the trust file's addresses is not the code that it names."
            )

    # 3 contradictions

    def _evidence(
        self,
        kind: Kind,
        source: LedgerNode,
        statements: tuple[SignedCheckpoint, ...],
        headers: tuple[BlockHeader, ...] = (),
        block: bytes = b"",
    ) -> Evidence:
        evidence = Evidence(kind, statements, headers, block, source.name, self._parts.clock.now())
        require_proof(evidence)
        return evidence

    def _ours(self, number: int) -> SignedCheckpoint | None:
        """What the operator signed at this height and we hold to be true."""
        for kept in self._book.at(number):
            if kept.signatory == "operator" and not self._differs(kept.signed):
                return kept.signed
        return None

    def _our_header(self, number: int) -> BlockHeader:
        raw = self._chain.block_rlp(number)
        if raw is None:
            raise RuntimeError(f"our copy lost block {number} below its head")
        return header_of(raw)

    def _rewritten_below(self, source: LedgerNode, offered: SignedCheckpoint) -> Evidence:
        """Theirs is at or below our head and not what we have there."""
        number = offered.checkpoint.block.number
        ours = self._stated_from(number)
        last = ours.checkpoint.block.number
        if last == number and ours.thumbprint == offered.thumbprint:
            return self._evidence("CHECKPOINTS_CONFLICT", source, _by_time(ours, offered))
        headers = tuple(self._our_header(height) for height in range(number, last + 1))
        return self._evidence("HISTORY_REWRITTEN", source, _by_time(ours, offered), headers)

    def _stated_from(self, number: int) -> SignedCheckpoint:
        """Our lowest statement of the operator at or above a height.

        Raises: UnavailableError(MIRROR_WORDS_LOST): the newest were lost with the power, or deleted.
        """
        for height in range(number, self._chain.head().number + 1):
            found = self._ours(height)
            if found is not None:
                return found
        raise UnavailableError(
            "MIRROR_WORDS_LOST",
            f"The ledger shows another block {number}, and the statement that covered ours is no longer here.",
            block=number,
        )

    def _rewritten_above(self, source: LedgerNode, offered: SignedCheckpoint) -> Evidence:
        """Their next block does not stand on ours: find where we part, and a statement of ours above that."""
        self._require_operator(offered)
        last_common, first_other = 0, self._chain.head().number
        while first_other - last_common > 1:
            middle = (last_common + first_other) // 2
            theirs, ours = source.block(middle), self._chain.block(middle)
            if theirs is not None and ours is not None and header_of(theirs).hash == ours.hash:
                last_common = middle
            else:
                first_other = middle
        signed = self._stated_from(first_other)
        near, headers = self._shown(source, signed.checkpoint.block.number, offered)
        return self._evidence("HISTORY_REWRITTEN", source, _by_time(signed, near), headers)

    def _backdated(self, source: LedgerNode, offered: SignedCheckpoint, found: BackdatedError) -> Evidence:
        self._require_operator(offered)
        near, headers = self._shown(source, found.number, offered)
        return self._evidence("BLOCK_BACKDATED", source, (found.earlier, near), headers)

    def _invalid(self, source: LedgerNode, offered: SignedCheckpoint, piece: Piece) -> Evidence:
        self._require_operator(offered)
        bad = header_of(piece.newest)
        near, headers = self._shown(source, bad.number, offered)
        return self._evidence("BLOCK_INVALID", source, (near,), headers, piece.newest)

    def _shown(
        self, source: LedgerNode, first: int, offered: SignedCheckpoint
    ) -> tuple[SignedCheckpoint, tuple[BlockHeader, ...]]:
        """A statement of theirs and the headers that lead up to it: the offered one, or one near enough."""
        near = offered
        furthest = first + MOST_HEADERS - 1
        if offered.checkpoint.block.number > furthest:
            heights = range(furthest, max(first, furthest - _TRIES), -1)
            found = (self._other(source, height) for height in heights)
            near = next((signed for signed in found if signed is not None), offered)
        return near, self._linked(source, first, near)

    def _other(self, source: LedgerNode, number: int) -> SignedCheckpoint | None:
        """A statement of the operator about a block of this height that is not ours."""
        for signed in source.statements(number)[0]:
            if signed.checkpoint.block.number != number:
                continue
            require_ledger(signed, self._trust.ledger_id, self._trust.chain_id)
            require_signed(signed)
            if self._differs(signed):
                self._require_operator(signed)
                return signed
        return None

    def _linked(self, source: LedgerNode, first: int, offered: SignedCheckpoint) -> tuple[BlockHeader, ...]:
        """Headers first..offered, which must hang together and end in the offered block: then they are signed.

        Raises: InputError(NODE_ANSWER): the node serves blocks that nobody signed.
        """
        target = offered.checkpoint.block
        headers: list[BlockHeader] = []
        while first + len(headers) <= target.number and len(headers) < MOST_HEADERS:
            raw = source.blocks_from(first + len(headers))
            if not raw:
                break
            headers += [header_of(item) for item in raw]
        linked = tuple(header for header in headers if header.number <= target.number)
        if not linked or linked[0].number != first or linked[-1].hash != target.hash or not is_chain(linked):
            raise InputError(
                "NODE_ANSWER", f"{source.name} serves blocks that its checkpoint does not cover."
            )
        return linked

    def _refuse(self, evidence: Evidence) -> MirrorState:
        name = self._parts.evidence.keep(evidence)
        number = evidence.number
        ours = self._chain.block(number) or self._chain.head()
        self._parts.view.stop(number, ours.hash, evidence.theirs)
        return self._set(
            replace(
                self.state,
                condition="refusing",
                code=evidence.kind,
                head=self._chain.head(),
                since=self._parts.clock.now(),
                target=None,
                evidence=tuple(dict.fromkeys((*self.state.evidence, name))),
                refused_block=number,
                refused_signed_at=evidence.statements[0].checkpoint.signed_at,
            )
        )

    def _stay_refused(self) -> MirrorState:
        number, signed_at = self.state.refused_block, self.state.refused_signed_at or 0
        if number is not None and self._trust.voids(number, signed_at):
            return self._set(replace(self.state, condition="restored"))
        return self.state

    # 4, 5 confirming and co-signing

    def _confirm(self, offered: SignedCheckpoint) -> None:
        """Our head is the operator's, as of its own clock, but never later than ours."""
        self._book.keep(offered, "operator")
        self._parts.view.advance(min(offered.checkpoint.signed_at, self._parts.clock.now()))
        if self._signer is not None:
            self._cosign(self._signer, offered.checkpoint)
        self._confirmed = offered

    def _cosign(self, signer: CheckpointSigner, stated: Checkpoint) -> None:
        number = stated.block.number
        for kept in self._book.at(number):
            is_ours = kept.signatory == "witness" and kept.signed.thumbprint == signer.thumbprint
            is_void = self._trust.voids(number, kept.signed.checkpoint.signed_at)
            if is_ours and self._differs(kept.signed) and not is_void:
                raise ConflictError(
                    "MIRROR_SIGNED_OTHER",
                    f"This key has co-signed another block {number}; it signs no second one.",
                )
        signed = sign_checkpoint(replace(stated, signed_at=self._parts.clock.now()), signer)
        self._book.keep(signed, "witness")
        self._unsent = dict.fromkeys(range(len(self._sources)), signed)

    def _hand_over(self) -> None:
        for at, signed in list(self._unsent.items()):
            try:
                code = self._sources[at].post_cosignature(signed)
            except LedgerError:
                continue  # kept, and handed over in the next round
            del self._unsent[at]
            if code != "COSIGNED" and at == 0:
                self._warning = code

    # 6 other witnesses

    def _hear(self, source: LedgerNode) -> None:
        head = self._chain.head()
        for signed in source.cosignatures():
            block = signed.checkpoint.block
            is_ours = self._signer is not None and signed.thumbprint == self._signer.thumbprint
            if is_ours or signed.thumbprint not in self._trust.witnesses.keys or block.number > head.number:
                continue
            if self._is_kept(signed):
                continue
            require_ledger(signed, self._trust.ledger_id, self._trust.chain_id)
            require_signed(signed)
            if signed.checkpoint.signed_at > self._parts.clock.now() + FUTURE_S:
                self._warning = "CHECKPOINT_FROM_FUTURE"  # kept, it would never be replaced by a later word
            elif self._differs(signed):
                self._look_into(source, block.number)
            else:
                self._book.keep(signed, "witness")

    def _is_kept(self, signed: SignedCheckpoint) -> bool:
        return any(kept.signed == signed for kept in self._book.at(signed.checkpoint.block.number))

    def _look_into(self, source: LedgerNode, number: int) -> None:
        """A witness saw another history: if the operator signed that one too, it told two stories."""
        self._warning = "WITNESS_CONTRADICTS"
        other = self._other(source, number)
        if other is not None:
            raise _ContradictedError(self._rewritten_below(source, other))

    # the trust file

    def _renew_trust(self) -> None:
        """Take newer versions that follow ours, from whoever has them; now and then."""
        now = self._parts.clock.now()
        if self._asked_trust_at is not None and 0 <= now - self._asked_trust_at < TRUST_EVERY_S:
            return
        self._asked_trust_at = now
        self._look_at_own_trust()
        for source in self._sources:
            try:
                while (data := source.trust(self._trust.version + 1)) is not None:
                    taken = self._parts.take_trust(data)
                    if taken.version <= self._trust.version:
                        break
                    self._trust = taken
            except (InputError, UnavailableError):
                continue  # no version that follows ours: the next source, the next time

    def _look_at_own_trust(self) -> None:
        """A person may have taken newer versions into use, beside us; a file half written counts next time."""
        try:
            here = self._parts.trust()
        except LedgerError:
            return
        is_ours = (here.ledger_id, here.chain_id) == (self._trust.ledger_id, self._trust.chain_id)
        if is_ours and here.version > self._trust.version:
            self._trust = here


def _by_time(one: SignedCheckpoint, other: SignedCheckpoint) -> tuple[SignedCheckpoint, SignedCheckpoint]:
    return (one, other) if one.checkpoint.signed_at <= other.checkpoint.signed_at else (other, one)
