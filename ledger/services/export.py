"""Writes out the bundles of a batch, after its anchor is final and its status list is published.

Order: the list that names the batch, then all bundles at once. Every step can run twice; a bundle is
made of stored bytes, so twice gives the same bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial

from ledger.core.errors import ConflictError
from ledger.core.flow import BatchRecord, BatchState, Lease, StoredCredential
from ledger.core.merkle import MerkleTree
from ledger.core.model import DOCUMENT_TYPE, ChainInfo
from ledger.core.receipt import Bundle, Receipt, encode_bundle
from ledger.ports import Agencies, ListPublisher, ReleaseFolder, Store, Vault
from ledger.services.kill_points import Hooks, KillPoint, NoHooks
from ledger.services.signing import CREDENTIAL_CONTEXT, tree_of

_CREDENTIAL = "?"
_HASH_DIGITS = 64
PAGE = 1_000  # credentials read and decrypted at once
RELEASE_LEASE_S = 120


def bundle_name(name: bytes) -> str:
    """File name of a row's bundle; says nothing about its holder."""
    return f"{name.hex()}.ecert.json"


class ExportService:
    """Handles the jobs `release` and `publish`.

    Args:
        store: anchored batches.
        vault: opens credentials; an erased one is left out.
        agencies: directory entries, part of every bundle.
        info: chain and contract that receipts name.
        lists: publishes status lists.
        folder: where bundles are handed out.
        hooks: told about kill points.
        entry_at: the directory entry of an agency as of a time; None: the current one always.
    """

    def __init__(
        self,
        store: Store,
        vault: Vault,
        agencies: Agencies,
        info: ChainInfo,
        lists: ListPublisher,
        folder: ReleaseFolder,
        hooks: Hooks | None = None,
        entry_at: Callable[[str, int], str] | None = None,
    ) -> None:
        self._store = store
        self._vault = vault
        self._entry_at = entry_at or (lambda issuer, _at: agencies.directory_entry(issuer))
        self._info = info
        self._lists = lists
        self._folder = folder
        self._hooks = hooks or NoHooks()
        self._last_tree: tuple[int, MerkleTree] | None = None

    def release(self, lease: Lease) -> None:
        """Publish the list, write the bundles, note it."""
        batch = self._store.batches.batch(lease.job.payload["batch"])
        if batch.state is not BatchState.ANCHORED:
            self._store.outbox.finish(lease)
            return
        if batch.type_id == DOCUMENT_TYPE:  # sealed files left when they were made: nothing is written out
            self._store.releases.released(lease, batch.id)
            return
        self._lists.publish(batch.issuer, batch.list)
        self._hooks.reach(KillPoint.LISTS_PUBLISHED)
        renew = partial(self._store.outbox.renew, lease, RELEASE_LEASE_S)
        self._folder.write(batch.issuer, batch.id, self._bundles(batch, renew))
        self._hooks.reach(KillPoint.BUNDLES_WRITTEN)
        self._store.releases.released(lease, batch.id)
        self._hooks.reach(KillPoint.RELEASE_STORED)

    def write_again(self, batch: BatchRecord) -> bool:
        """Write out the bundles of a released batch that are not there (after a restore); whether it did."""
        if batch.type_id == DOCUMENT_TYPE or self._folder.is_complete(batch.issuer, batch.id):
            return False
        self._folder.write(batch.issuer, batch.id, self._bundles(batch, lambda: None))
        return True

    def publish(self, lease: Lease) -> None:
        """Publish one list anew."""
        self._lists.publish(lease.job.payload["issuer"], lease.job.payload["list"])
        self._store.outbox.finish(lease)

    def bundle(self, batch_id: int, leaf_index: int) -> bytes:
        """One bundle of an anchored batch, made anew.

        Raises: ConflictError(BATCH_STATE, CREDENTIAL_ERASED).
        """
        batch = self._store.batches.batch(batch_id)
        if batch.state not in (BatchState.ANCHORED, BatchState.RELEASED):
            raise ConflictError(
                "BATCH_STATE",
                f"Batch {batch_id} is {batch.state}: nothing of it leaves before its anchor is final.",
                batch=batch_id,
                state=str(batch.state),
            )
        tree = self._tree(batch)
        found = self._store.releases.credentials(batch_id, leaf_index, leaf_index + 1)
        path = b"".join(tree.inclusion_path(leaf_index))
        for _, data in self._encode(self._writer(batch), found, iter([path])):
            return data
        raise ConflictError("CREDENTIAL_ERASED", "This credential was erased.", batch=batch_id)

    def _tree(self, batch: BatchRecord) -> MerkleTree:
        """The tree of a batch; the last one is kept, since prints of one batch are made in a row."""
        known = self._last_tree
        if known is None or known[0] != batch.id:
            known = self._last_tree = (batch.id, tree_of(self._store, batch))
        return known[1]

    def _bundles(self, batch: BatchRecord, renew: Callable[[], object]) -> Iterator[tuple[str, bytes]]:
        tree = tree_of(self._store, batch)
        if tree.root != batch.root:
            raise ConflictError(
                "ROOT_MISMATCH", f"The stored entries of batch {batch.id} changed.", batch=batch.id
            )
        writer, paths = self._writer(batch), tree.paths()
        for first in range(0, batch.size, PAGE):
            page = self._store.releases.credentials(batch.id, first, min(first + PAGE, batch.size))
            renew()
            for written in self._encode(writer, page, paths):
                yield written
                self._hooks.reach(KillPoint.BUNDLE_STAGED)

    def _encode(
        self, writer: BundleWriter, page: Sequence[StoredCredential], paths: Iterator[bytes]
    ) -> Iterator[tuple[str, bytes]]:
        """Names and bytes of bundles; a credential whose key was destroyed is left out.

        `paths` goes on where the page starts and is advanced to its end.
        """
        keys = self._vault.load([credential.name for credential in page])
        for credential, path in zip(page, paths, strict=False):
            key = keys.get(credential.name)
            if key is None or credential.sealed is None:
                continue
            text = key.open(credential.sealed, CREDENTIAL_CONTEXT + credential.name)
            yield bundle_name(credential.name), writer.write(text, credential.leaf_index, path)

    def _writer(self, batch: BatchRecord) -> BundleWriter:
        if batch.block is None or batch.root is None:
            raise RuntimeError("only anchored batches have receipts")
        receipt = Receipt(
            ledger_id=self._info.ledger_id,
            chain_id=self._info.chain_id,
            contract=self._info.ledger,
            issuer=batch.issuer,
            root=batch.root,
            leaf_index=0,
            tree_size=batch.size,
            path=(),
            block=batch.block,
        )
        entry = self._entry_at(batch.issuer, batch.block.time)
        return BundleWriter(Bundle(_CREDENTIAL, receipt, entry))


class BundleWriter:
    """Writes the bundles of one batch, which differ in credential, leaf index and path only.

    The rest is written once by encode_bundle and cut at those three members; a test compares every
    bundle with encode_bundle's own.

    Args:
        pattern: a bundle with _CREDENTIAL as credential, leaf index 0 and an empty path.
    """

    def __init__(self, pattern: Bundle) -> None:
        data = encode_bundle(pattern)
        self._before, rest = _cut(data, b'"credential":"', _CREDENTIAL.encode("ascii"))
        self._to_index, rest = _cut(rest, b'"leaf_index":', b"0")
        self._to_path, self._after = _cut(rest, b'"path":[', b"")

    def write(self, credential: bytes, leaf_index: int, path: bytes) -> bytes:
        """One bundle.

        Args:
            credential: an SD-JWT; it has no character that JSON escapes.
            leaf_index: its place.
            path: joined siblings, leaf upward, 32 bytes each.
        """
        digits = path.hex()
        siblings = ",".join(
            [f'"0x{digits[at : at + _HASH_DIGITS]}"' for at in range(0, len(digits), _HASH_DIGITS)]
        )
        return b"".join(
            (
                self._before,
                credential,
                self._to_index,
                b"%d" % leaf_index,
                self._to_path,
                siblings.encode("ascii"),
                self._after,
            )
        )


def _cut(data: bytes, member: bytes, value: bytes) -> tuple[bytes, bytes]:
    """Bytes up to the member's value, and bytes after it. The member occurs once."""
    before, found, after = data.partition(member + value)
    if not found or member in after:
        message = f"a bundle has {member!r} not exactly once"
        raise RuntimeError(message)
    return before + member, after
