"""Signs the credentials of closed batches and computes their trees. Any number of workers.

Each leaf is signed from its stored row and stored once under (batch, leaf index); the store refuses
a second. What a worker signed and could not store is forgotten: nothing ever leaves from here.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from ledger.core.claims import ClaimBuilder, shanghai_day
from ledger.core.credential_type import CredentialType
from ledger.core.directory import parse_directory_entry
from ledger.core.errors import ConflictError, InputError
from ledger.core.flow import (
    BatchRecord,
    BatchState,
    Leaf,
    Lease,
    SignedLeaf,
    proof_number,
)
from ledger.core.identifiers import licence_identifier_maker
from ledger.core.merkle import MerkleTree, entry_of
from ledger.core.model import CREDENTIALS_PER_WORD, ChainInfo
from ledger.core.status_list import status_uri
from ledger.ports import (
    Agencies,
    ChainView,
    CredentialFormat,
    CredentialSigner,
    Entropy,
    Store,
    Vault,
)
from ledger.services.issue import ROW_CONTEXT
from ledger.services.kill_points import Hooks, KillPoint, NoHooks
from ledger.services.lasting import CertificateTerm

CREDENTIAL_CONTEXT = b"credential:"
HASH_BYTES = 32


class SigningService:
    """Handles the jobs `sign` and `root`.

    Args:
        store: rows in, credentials out.
        vault: opens rows, seals credentials.
        view: which keys are registered.
        info: which chain; its ledger id is part of the status list's address.
        agencies: credential keys and directory entries.
        types: every credential type by its ref, for instance HPF_PERSONAL_DEPOSIT:1.
        credential_format: writes credentials.
        entropy: salts and orders of disclosures.
        hooks: told about kill points.
        loads: reads the JSON of stored rows; a fast reader saves some microseconds a row.
    """

    def __init__(
        self,
        store: Store,
        vault: Vault,
        view: ChainView,
        info: ChainInfo,
        agencies: Agencies,
        types: Mapping[str, CredentialType],
        credential_format: CredentialFormat,
        entropy: Entropy,
        hooks: Hooks | None = None,
        loads: Callable[[bytes], Any] = json.loads,
    ) -> None:
        self._store = store
        self._vault = vault
        self._view = view
        self._info = info
        self._agencies = agencies
        self._types = types
        self._format = credential_format
        self._loads = loads
        self._entropy = entropy
        self._hooks = hooks or NoHooks()

    def sign(self, lease: Lease) -> None:
        """Sign the leaves that the job names, and store them with the end of the job."""
        payload = lease.job.payload
        batch = self._store.batches.batch(payload["batch"])
        if batch.state is not BatchState.CLOSED:
            self._store.outbox.finish(lease)  # refused meanwhile, or signed by the lease's heir
            return
        signed = self._sign(batch, payload["first"], payload["last"])
        self._hooks.reach(KillPoint.CREDENTIALS_SIGNED)
        self._store.signing.add_credentials(lease, batch.id, signed)
        self._hooks.reach(KillPoint.CREDENTIALS_STORED)

    def root(self, lease: Lease) -> None:
        """The tree over all entries of a batch; from now on it waits for its maker."""
        batch = self._store.batches.batch(lease.job.payload["batch"])
        if batch.state is not BatchState.CLOSED:
            self._store.outbox.finish(lease)
            return
        tree = tree_of(self._store, batch)
        self._hooks.reach(KillPoint.ROOT_COMPUTED)
        self._store.signing.set_root(lease, batch.id, tree.root)
        self._hooks.reach(KillPoint.ROOT_STORED)

    def _sign(self, batch: BatchRecord, first: int, last: int) -> list[SignedLeaf]:
        credential_type = self._types[batch.type_code]
        signer = self._signer(batch)
        term = CertificateTerm(signer)
        entry = parse_directory_entry(self._agencies.directory_entry(batch.issuer))
        builder = ClaimBuilder(
            credential_type,
            issuer_code=batch.issuer,
            iss=entry.iss,
            issued_on=shanghai_day(batch.issued_on),
        )
        list_uri = status_uri(entry.iss, self._info.ledger_id, batch.list)
        identifier = licence_identifier_maker(credential_type.type_code, batch.issuer)
        base = batch.first_word * CREDENTIALS_PER_WORD
        leaves = self._store.signing.leaves(batch.id, first, last)
        keys = self._vault.load([leaf.name for leaf in leaves])
        signed = []
        for leaf in leaves:
            name = leaf.name
            key = keys.get(name)
            if key is None:
                raise ConflictError(
                    "ROW_ERASED",
                    f"A row of batch {batch.id} was erased: refuse the batch without it, queue the others.",
                    **_row(batch, leaf),
                )
            try:
                payload, disclosable = builder.build(
                    self._loads(key.open(leaf.sealed, ROW_CONTEXT + name)),
                    list_uri=list_uri,
                    idx=base + leaf.leaf_index,
                    identifier=identifier(name.hex().upper()),
                    proof_no=proof_number(name),
                )
            except InputError as error:  # good when it was read, not on the day of issue
                raise InputError(
                    error.code,
                    f"A row of batch {batch.id} cannot be signed any more ({error.message}): "
                    "refuse the batch without it, queue the others.",
                    **_row(batch, leaf),
                ) from error
            term.require(payload.get("exp"), batch=batch.id)
            text = self._format.issue(payload, disclosable, signer, self._entropy).encode("ascii")
            sealed = key.seal(text, CREDENTIAL_CONTEXT + name)
            hashed = entry_of(text[: text.index(b"~")])
            signed.append(SignedLeaf(leaf.leaf_index, leaf.record_id, hashed, sealed))
        return signed

    def _signer(self, batch: BatchRecord) -> CredentialSigner:
        """The issuer's signer, if it still is the key that the batch was closed for."""
        signer = self._agencies.credential_signer(batch.issuer)
        for key in self._view.keys(batch.issuer):
            if key.number == batch.key and key.thumbprint == signer.thumbprint:
                return signer
        raise ConflictError(
            "KEY_CHANGED",
            f"Batch {batch.id} was closed for another credential key: refuse it and queue its rows.",
            batch=batch.id,
            key=batch.key,
        )


def _row(batch: BatchRecord, leaf: Leaf) -> dict[str, int | str]:
    """Which row stops the batch, by numbers that tell nothing about a person."""
    return {"batch": batch.id, "record": leaf.record_id, "serial": leaf.name.hex().upper()}


def tree_of(store: Store, batch: BatchRecord) -> MerkleTree:
    """The tree over the stored entries. Raises ConflictError(BATCH_INCOMPLETE)."""
    entries = store.signing.entries(batch.id)
    if len(entries) != batch.size * HASH_BYTES:
        raise ConflictError(
            "BATCH_INCOMPLETE",
            f"Batch {batch.id} has {len(entries) // HASH_BYTES} of {batch.size} credentials.",
            batch=batch.id,
        )
    return MerkleTree.of_entries(entries[at : at + HASH_BYTES] for at in range(0, len(entries), HASH_BYTES))
