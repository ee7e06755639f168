"""Makes prints: drawn, sealed, stored encrypted; then collected into document batches for the ledger.

Order: the page is sealed in memory, its file is durable, then the row knows it. Killed in between, it is
made anew with another check code; the older file is overwritten, nobody ever saw it. Files are collected
in one transaction; from there a document batch goes the way of all batches.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Sequence

from ledger.core.credential_type import CredentialType
from ledger.core.directory import parse_directory_entry
from ledger.core.errors import ConflictError, InputError, LedgerError
from ledger.core.flow import MAX_BATCH, BatchState, Lease, NewJob, shanghai_midnight
from ledger.core.merkle import entry_of
from ledger.core.model import ParsedCredential, Purpose
from ledger.core.paper import (
    DOCUMENT_TYPE_ID,
    SECRET_BYTES,
    PageFacts,
    Print,
    PrintKind,
    PrintState,
    make_check_code,
    page_url,
)
from ledger.core.paper_bundle import narrow_bundle
from ledger.core.paper_page import PROOF_NO, page_data, printed_claims
from ledger.ports import ChainView, Clock, CredentialSigner, Entropy, Glyphs, Store
from ledger.services.document_ports import PageRenderer, PageSealer, PrintFiles, PrintStore, SealAgencies
from ledger.services.documents import DocumentService, page_tree, piece_job
from ledger.services.kill_points import Hooks, KillPoint, NoHooks

PIECE_LEASE_S = 60
COLLECT_AT = 1_000  # files: then a batch is made at once
COLLECT_AFTER_S = 60  # seconds that a file waits for others
CODE_BYTES = 16
Opened = tuple[bytes, ParsedCredential, CredentialType]
NEVER = frozenset({"CREDENTIAL_ERASED", "GLYPH_MISSING"})
"""Faults of one print that come out the same however often it is tried."""


class DocumentMaker:
    """Handles the jobs `document` and collects files; runs in the worker, which holds the seal keys.

    Args:
        documents: opens credentials, seals files at rest.
        prints: where prints are kept.
        files: where their files go.
        store: outbox and batches.
        agencies: names and seal keys.
        view: which seal keys are registered.
        pages: draws.
        sealer: seals.
        glyphs: what can be drawn.
        clock, entropy: times; check codes and secrets.
        is_demo: draws the watermark.
        hooks: told about kill points.
        collect_at, collect_after_s: when files become a batch.
    """

    def __init__(
        self,
        documents: DocumentService,
        prints: PrintStore,
        files: PrintFiles,
        store: Store,
        agencies: SealAgencies,
        view: ChainView,
        pages: PageRenderer,
        sealer: PageSealer,
        glyphs: Glyphs,
        clock: Clock,
        entropy: Entropy,
        *,
        is_demo: bool,
        hooks: Hooks | None = None,
        collect_at: int = COLLECT_AT,
        collect_after_s: int = COLLECT_AFTER_S,
    ) -> None:
        self._documents = documents
        self._prints = prints
        self._files = files
        self._store = store
        self._agencies = agencies
        self._view = view
        self._pages = pages
        self._sealer = sealer
        self._glyphs = glyphs
        self._clock = clock
        self._entropy = entropy
        self._is_demo = is_demo
        self._hooks = hooks or NoHooks()
        self._collect_at = collect_at
        self._collect_after_s = collect_after_s

    def make(self, lease: Lease) -> None:
        """One print, or one piece of a run and then the job of the next piece."""
        payload = lease.job.payload
        if "print" in payload:
            self._make_or_fail(self._prints.get(bytes.fromhex(payload["print"])))
            self._store.outbox.finish(lease)
            return
        run_id, piece = bytes.fromhex(payload["run"]), payload["piece"]
        for one in self._prints.of_piece(run_id, piece):
            self._store.outbox.renew(lease, PIECE_LEASE_S)
            self._make_or_fail(one)
        following: Sequence[NewJob] = ()
        if self._prints.of_piece(run_id, piece + 1):
            following = (piece_job(run_id, piece + 1),)
        self._store.outbox.finish(lease, following)

    def draw(self, one: Print, code: str, secret: bytes) -> bytes:
        """The page of a print, not sealed: the same arguments give the same bytes."""
        return self._draw(one, self._documents.read(one), code, secret)

    def _draw(self, one: Print, opened: Opened, code: str, secret: bytes) -> bytes:
        bundle, credential, kind = opened
        purpose = self._documents.purpose(one)
        if one.kind is PrintKind.PURPOSE:
            shown = printed_claims(kind, credential.claims, one.kind, one.fields)
            bundle = narrow_bundle(bundle, shown.keys(), purpose)
        batch = self._store.batches.batch(one.batch_id)
        if batch.root is None:
            raise RuntimeError("a released batch has a root")
        entry = parse_directory_entry(self._agencies.directory_entry(one.issuer))
        data = page_data(
            ordered=one,
            kind=kind,
            claims=credential.claims,
            purpose=purpose,
            entry=entry,
            facts=PageFacts(
                type=one.type_code,
                issuer=one.issuer,
                root=batch.root,
                leaf_index=one.leaf_index,
                entry=entry_of(credential.issuer_jwt),
                kind=one.kind,
                template=one.template,
                document=one.id,
            ),
            check_code=code,
            is_demo=self._is_demo,
        )
        missing = self._glyphs.missing("".join(line["value"] for line in data["lines"]))
        if missing:
            characters = [f"U+{ord(each):04X}" for each in missing]
            raise InputError("GLYPH_MISSING", "A value cannot be drawn.", characters=characters)
        return self._pages.render(data, page_url(entry.iss, secret), bundle)

    def _make_or_fail(self, one: Print) -> None:
        """What can never be printed is noted at the print; the others of its run are made all the same."""
        try:
            self._make(one)
        except (ConflictError, InputError) as error:
            if error.code not in NEVER:
                raise
            self._prints.failed(one.id, error.code)

    def _make(self, one: Print) -> None:
        if one.state is PrintState.MADE:
            return
        code = make_check_code(self._entropy.token(CODE_BYTES))
        secret = self._entropy.token(SECRET_BYTES)
        signer = self._signer(one.issuer)
        name = parse_directory_entry(self._agencies.directory_entry(one.issuer)).name["zh"]
        opened = self._documents.read(one)
        file = self._sealer.seal(self._draw(one, opened, code, secret), signer, name)
        at_rest = self._documents.seal_file(one, file)
        proof_no = str(opened[1].claims[PROOF_NO])
        self._hooks.reach(KillPoint.PAGE_SEALED)
        self._files.write(one.id, at_rest)
        self._hooks.reach(KillPoint.PAGE_WRITTEN)
        self._prints.made(
            one.id,
            file_hash=hashlib.sha256(file).digest(),
            size=len(file),
            crc32=zlib.crc32(file),
            code_index=self._documents.code_index(proof_no, code),
            secret_index=self._documents.secret_index(secret),
        )
        self._hooks.reach(KillPoint.PAGE_STORED)

    def _signer(self, issuer: str) -> CredentialSigner:
        """The agency's seal key, if it is registered and good now. Raises ConflictError(SEAL_KEY_CHANGED)."""
        signer = self._agencies.seal_signer(issuer)
        self._key_number(issuer, signer)
        return signer

    def _key_number(self, issuer: str, signer: CredentialSigner) -> int:
        now = self._clock.now()
        for key in self._view.keys(issuer):
            good = key.valid_from <= now < key.valid_until and key.compromised_since is None
            if key.thumbprint == signer.thumbprint and key.purpose == Purpose.SEAL and good:
                return key.number
        raise ConflictError(
            "SEAL_KEY_CHANGED",
            f"The seal key of {issuer} in this installation is not registered, or not good now.",
            issuer=issuer,
        )

    # Document batches.

    def collect(self, *, now: bool = False) -> int:
        """Make document batches of the files that wait; how many batches. No agency holds up another.

        Args:
            now: do not wait for more files.

        Raises: the last failure, when nothing could be collected.
        """
        self._free_expired()
        made = 0
        failure: LedgerError | None = None
        for issuer, count, oldest in self._prints.waiting():
            waited = self._clock.now() - oldest >= self._collect_after_s
            if not (now or waited or count >= self._collect_at):
                continue
            try:
                self._collect(issuer)
            except LedgerError as error:
                if error.code != "PAGES_TAKEN":  # else the other process has them
                    failure = error
                continue
            made += 1
        if failure is not None and not made:
            raise failure
        return made

    def _collect(self, issuer: str) -> None:
        """Raises: ConflictError(PAGES_TAKEN, SEAL_KEY_CHANGED)."""
        files = self._prints.next_files(issuer, MAX_BATCH)
        tree = page_tree(b"".join(digest for _, digest in files))
        key = self._key_number(issuer, self._agencies.seal_signer(issuer))
        midnight = shanghai_midnight(self._clock.now())
        self._prints.collect(issuer, [one for one, _ in files], tree.root, key, midnight)
        self._hooks.reach(KillPoint.PAGES_COLLECTED)

    def _free_expired(self) -> None:
        """A document batch that nobody approved in its week: its files go into the next one."""
        for batch in self._store.batches.batches(states=(BatchState.SIGNED, BatchState.MADE)):
            if batch.type_id == DOCUMENT_TYPE_ID and self._clock.now() >= batch.expires_on:
                try:
                    self._store.batches.refuse(batch.id, "APPROVAL_EXPIRED", requeue=False)
                except LedgerError as error:
                    if error.code != "BATCH_STATE":
                        raise
