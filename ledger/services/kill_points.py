"""Named places between every two steps of the flow, where tests let the process die.

The table is the list of places where a power cut may strike; a test compares it with the calls in the
code, another kills a real process at each one. In the product nothing happens there: NoHooks.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Protocol


class KillPoint(StrEnum):
    """Names; what lies before and after each is in POINTS."""

    IMPORT_BEGUN = "import_begun"
    KEYS_CREATED = "keys_created"
    ROWS_STORED = "rows_stored"
    IMPORT_FINISHED = "import_finished"
    BATCH_CLOSED = "batch_closed"
    JOB_CLAIMED = "job_claimed"
    CREDENTIALS_SIGNED = "credentials_signed"
    CREDENTIALS_STORED = "credentials_stored"
    ROOT_COMPUTED = "root_computed"
    ROOT_STORED = "root_stored"
    MAKER_SIGNED = "maker_signed"
    MAKER_STORED = "maker_stored"
    APPROVER_SIGNED = "approver_signed"
    APPROVAL_STORED = "approval_stored"
    WINDOW_STORED = "window_stored"
    STANDING_SIGNED = "standing_signed"
    STANDING_STORED = "standing_stored"
    TRANSACTION_RECORDED = "transaction_recorded"
    TRANSACTION_SENT = "transaction_sent"
    BLOCK_SEALED = "block_sealed"
    VIEW_ADVANCED = "view_advanced"
    TRANSACTION_FINAL = "transaction_final"
    ANCHOR_STORED = "anchor_stored"
    LISTS_PUBLISHED = "lists_published"
    BUNDLE_STAGED = "bundle_staged"
    BUNDLES_WRITTEN = "bundles_written"
    RELEASE_STORED = "release_stored"
    CASE_MADE = "case_made"
    CASE_SAVED = "case_saved"
    CASE_QUEUED = "case_queued"
    CASE_SENT = "case_sent"
    PRINT_ORDERED = "print_ordered"
    PAGE_SEALED = "page_sealed"
    PAGE_WRITTEN = "page_written"
    PAGE_STORED = "page_stored"
    PAGES_COLLECTED = "pages_collected"
    INTAKE_KEYED = "intake_keyed"
    INTAKE_STORED = "intake_stored"
    INTAKE_JUDGED = "intake_judged"
    INTAKE_CHECKED = "intake_checked"
    INTAKE_SUBMITTED = "intake_submitted"
    INTAKE_IMPORTED = "intake_imported"
    INTAKE_BATCHED = "intake_batched"
    INTAKE_CLOSED = "intake_closed"
    INTAKE_ERASED = "intake_erased"
    RESTORE_PULLED = "restore_pulled"
    RESTORE_PLANNED = "restore_planned"
    RESTORE_APPLIED = "restore_applied"


POINTS: Mapping[KillPoint, str] = {
    KillPoint.IMPORT_BEGUN: "the import is recorded, no row of it is",
    KillPoint.KEYS_CREATED: "data keys of a piece of the file are durable, its rows are not",
    KillPoint.ROWS_STORED: "a piece of the file is durable, the next is not read",
    KillPoint.IMPORT_FINISHED: "the file is accepted or refused, no batch is closed",
    KillPoint.BATCH_CLOSED: "members, order and words are fixed, nothing is signed",
    KillPoint.JOB_CLAIMED: "a worker holds the lease of a job and has done nothing",
    KillPoint.CREDENTIALS_SIGNED: "credentials exist in memory only",
    KillPoint.CREDENTIALS_STORED: "a piece of the batch is signed and durable",
    KillPoint.ROOT_COMPUTED: "the tree is known, its root is not stored",
    KillPoint.ROOT_STORED: "the batch waits for its maker",
    KillPoint.MAKER_SIGNED: "the maker's signature exists in memory only",
    KillPoint.MAKER_STORED: "the batch waits for its approver",
    KillPoint.APPROVER_SIGNED: "the approver's signature exists in memory only",
    KillPoint.APPROVAL_STORED: "the approved batch and its job are durable, in one transaction",
    KillPoint.WINDOW_STORED: "single rows are durable in an open batch, whoever sent them has no answer",
    KillPoint.STANDING_SIGNED: "the service key's signature exists in memory only",
    KillPoint.STANDING_STORED: "a batch under a standing approval and its job are durable, in one transaction",
    KillPoint.TRANSACTION_RECORDED: "the signed transaction is durable, not sent",
    KillPoint.TRANSACTION_SENT: "the chain has the transaction, in no block yet",
    KillPoint.BLOCK_SEALED: "the block is final, nobody here has looked",
    KillPoint.VIEW_ADVANCED: "the view has the block, the store does not know",
    KillPoint.TRANSACTION_FINAL: "the outcome is known in memory only",
    KillPoint.ANCHOR_STORED: "the batch is anchored, nothing is written out",
    KillPoint.LISTS_PUBLISHED: "the status list names the batch, no bundle exists",
    KillPoint.BUNDLE_STAGED: "some bundles are written where nobody looks",
    KillPoint.BUNDLES_WRITTEN: "all bundles are handed out, the store does not know",
    KillPoint.RELEASE_STORED: "everything is done",
    KillPoint.CASE_MADE: "a change of status waits for its approver",
    KillPoint.CASE_SAVED: "a decided change is durable, no call of it is in the outbox",
    KillPoint.CASE_QUEUED: "one call of a case is in the outbox, perhaps not all, and the case does not know",
    KillPoint.CASE_SENT: "all calls of a case are in the outbox, and the case knows",
    KillPoint.PRINT_ORDERED: "a print and its job are durable, nothing is drawn",
    KillPoint.PAGE_SEALED: "a sealed page exists in memory only",
    KillPoint.PAGE_WRITTEN: "the file of a print is durable, the store does not know",
    KillPoint.PAGE_STORED: "a print is made, it is in no document batch",
    KillPoint.PAGES_COLLECTED: "a document batch waits for its maker",
    KillPoint.INTAKE_KEYED: "the data key of an upload is durable, the upload is not",
    KillPoint.INTAKE_STORED: "an upload and its job are durable, in one transaction",
    KillPoint.INTAKE_JUDGED: "an upload is checked, the findings exist in memory only",
    KillPoint.INTAKE_CHECKED: "an upload waits for its clerk",
    KillPoint.INTAKE_SUBMITTED: "a clerk has handed the good rows in, no row is stored",
    KillPoint.INTAKE_IMPORTED: "the rows of an upload are accepted, no batch is closed",
    KillPoint.INTAKE_BATCHED: "the batches of an upload are closed, the upload does not know",
    KillPoint.INTAKE_CLOSED: "an upload knows its batches, its content is gone, the key is not",
    KillPoint.INTAKE_ERASED: "the key of an upload is destroyed, the upload does not know",
    KillPoint.RESTORE_PULLED: "the chain has what mirrors had, the database was not compared with it",
    KillPoint.RESTORE_PLANNED: "what is to be mended is known in memory only, stale bundles are gone",
    KillPoint.RESTORE_APPLIED: "the database agrees with its chain, nobody was told",
}


class Hooks(Protocol):
    """Told about every point that the flow passes."""

    def reach(self, point: KillPoint) -> None:
        """Called at the point; in the product without effect."""


class NoHooks:
    """The product's hooks."""

    def reach(self, point: KillPoint) -> None:
        """Nothing happens."""
