"""Proves that an entry lies in an anchored batch, with all that speaks for it: for auditors.

The tree is computed again from every entry where this installation keeps them; root, block and witnesses
are compared with the ledger. What comes out is one file that anybody checks elsewhere (ledger.core.proof).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from ledger.core.checkpoint import SignedCheckpoint
from ledger.core.errors import NotFoundError
from ledger.core.merkle import MerkleTree, entry_of
from ledger.core.model import AnchorRecord
from ledger.core.proof import (
    Proof,
    ProofCheck,
    ProofFinding,
    TrustedLedger,
    Witnessing,
    check_proof,
)
from ledger.core.receipt import parse_bundle
from ledger.core.trust import Trust
from ledger.ports import ChainView
from ledger.services.explorer import ExplorerService

Statements = Callable[[int], tuple[SignedCheckpoint | None, tuple[SignedCheckpoint, ...]]]
"""Operator's and witnesses' words that cover a block and agree with this ledger."""
WHOLE_UP_TO = 50_000
"""Entries of a batch that a page hashes while somebody waits: a fifth of a second."""


@dataclass(frozen=True, slots=True)
class Proven:
    """What was found.

    Attributes:
        proof: with the statements that cover its block.
        findings: each check of it against this ledger and its trust file.
        anchor: what the ledger says about the batch; None: nothing.
        recomputed: the root out of all entries; None where they are kept elsewhere or are too many for a page.
        operator: the operator's checkpoint among the statements.
        witnesses: the trust file's witnesses among them, with the names that it gives.
    """

    proof: Proof
    findings: tuple[ProofFinding, ...]
    anchor: AnchorRecord | None
    recomputed: bytes | None
    operator: SignedCheckpoint | None
    witnesses: tuple[tuple[str, SignedCheckpoint], ...]


class ProvingService:
    """See the module.

    Args:
        explorer: entries of this installation's batches.
        view: anchors and blocks.
        statements: what operator and witnesses signed.
        trust_of: the trust file in use.
    """

    def __init__(
        self,
        explorer: ExplorerService,
        view: ChainView,
        statements: Statements,
        trust_of: Callable[[], Trust],
    ) -> None:
        self._explorer = explorer
        self._view = view
        self._statements = statements
        self._trust_of = trust_of

    def entry(self, issuer: str, root: bytes, leaf_index: int) -> Proven:
        """An entry of a batch that this installation keeps.

        Raises:
            NotFoundError: SEARCH_NOTHING, PROOF_ELSEWHERE.
        """
        return self.prove(self._explorer.entry(issuer, root, leaf_index).proof)

    def bundle(self, data: bytes) -> Proven:
        """A bundle in hand, of any agency on this ledger, by its own receipt; forgotten afterwards.

        Raises:
            InputError: BUNDLE_*, RECEIPT_*.
            NotFoundError: SEARCH_NOTHING.
        """
        bundle = parse_bundle(data)
        if bundle.receipt is None:
            raise NotFoundError(
                "SEARCH_NOTHING", "This certificate is not on the ledger yet: it has no receipt."
            )
        entry = entry_of(bundle.credential.partition("~")[0].encode())
        return self.prove(Proof(entry, bundle.receipt))

    def prove(self, proof: Proof) -> Proven:
        """Everything that can be said about a proof here; its own statements give way to this ledger's."""
        receipt, trust = proof.receipt, self._trust_of()
        operator, words = self._statements(receipt.block.number)
        counted = tuple(word for word in words if word.thumbprint in trust.witnesses.keys)
        spoken = (() if operator is None else (operator,)) + counted
        full = replace(proof, statements=spoken)
        evidence = self._view.evidence(
            receipt.issuer, receipt.root, receipt.leaf_index, block_number=receipt.block.number
        )
        trusted: TrustedLedger = (trust.ledger_id, trust.chain_id, trust.ledger.address)
        witnessing = Witnessing(
            trust.witnesses.threshold, frozenset(trust.witnesses.keys), known_blocks(self._view, full)
        )
        findings = check_proof(full, trusted, evidence, witnessing)
        if trust.witnesses.threshold and not spoken:  # nobody has signed yet: that is no proof either
            findings += (ProofFinding(ProofCheck.WITNESSES, "unknown", "PROOF_WITNESS_MISSING"),)
        names = trust.witnesses.names
        return Proven(
            proof=full,
            findings=findings,
            anchor=None if evidence is None else evidence.anchor,
            recomputed=self._recomputed(receipt.issuer, receipt.root, receipt.tree_size),
            operator=operator,
            witnesses=tuple((names.get(word.thumbprint, ""), word) for word in counted),
        )

    def _recomputed(self, issuer: str, root: bytes, size: int) -> bytes | None:
        if size > WHOLE_UP_TO:
            return None
        try:
            entries = self._explorer.entries(issuer, root)
        except NotFoundError:
            return None  # another installation keeps them
        return MerkleTree.of_entries(entries).root


def known_blocks(view: ChainView, proof: Proof) -> dict[int, bytes]:
    """Hashes that a ledger has at the heights which the proof's statements are about."""
    receipt = proof.receipt
    found: dict[int, bytes] = {}
    for signed in proof.statements:
        number = signed.checkpoint.block.number
        evidence = view.evidence(receipt.issuer, receipt.root, None, block_number=number)
        if evidence is not None and evidence.receipt_block_hash is not None:
            found[number] = evidence.receipt_block_hash
    return found
