"""From a file of rows to closed batches: checked, stored once by business key, durable in pieces.

A row is durable (encrypted) before anything else happens to it. The import can be killed anywhere:
the same file again goes on where its last durable piece ended, and a row that is there already is
never stored twice, in whatever order or file it comes again. Rows of a file that is refused leave.

Reading cells belongs to the row reader, judging them to core.rows, signing to services.signing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from ledger.core.claims import ClaimBuilder, shanghai_day
from ledger.core.credential_type import CredentialType
from ledger.core.errors import ConflictError, NotFoundError, RefusedError
from ledger.core.flow import (
    BatchRecord,
    BatchState,
    ImportedRow,
    ImportJob,
    ImportRequest,
    ImportState,
    KnownRow,
    NewRow,
    RowNote,
    RowOutcome,
    shanghai_midnight,
)
from ledger.core.model import Purpose
from ledger.core.rows import RowIssue
from ledger.core.schema import SchemaValidator
from ledger.ports import Agencies, Clock, Entropy, RowTable, Store, Vault
from ledger.services.checking import (
    WARNINGS_KEPT,
    CheckService,
    ImportReport,
    IssuePlan,
    Meter,
    Progress,
    ProgressHook,
    change_issue,
    header_refused,
    ignore_progress,
    index_row,
    judge,
    number_column,
    row_checker,
    write_json,
)
from ledger.services.granting import RegistryView, require_grant
from ledger.services.kill_points import Hooks, KillPoint, NoHooks
from ledger.services.lasting import CertificateTerm
from ledger.services.records import KnownRecords

__all__ = ["ROW_CONTEXT", "ImportReport", "IssuePlan", "IssueService", "Progress"]

LEAVES_PER_JOB = 1_000  # credentials a signing job: a few tenths of a second
ABANDONED_AFTER_S = 60  # an import that did not move for so long is dead
NAME_BYTES = 16
ROW_CONTEXT = b"row:"
_RACES = 5  # tries of one piece against other imports


class IssueService:
    """Imports files and closes batches.

    Args:
        store: where rows go.
        vault: encrypts them and makes search indexes.
        view: which types and keys are registered, and who holds which grant.
        agencies: the issuer's credential key (its thumbprint only).
        validator: makes the schema validator of a type.
        clock, entropy: time and randomness.
        hooks: told about kill points.
        dumps: JSON of a row as it is sealed; a fast writer saves some microseconds a row.
    """

    def __init__(
        self,
        store: Store,
        vault: Vault,
        view: RegistryView,
        agencies: Agencies,
        validator: Callable[[Mapping[str, Any]], SchemaValidator],
        clock: Clock,
        entropy: Entropy,
        hooks: Hooks | None = None,
        dumps: Callable[[Mapping[str, Any]], bytes] = write_json,
    ) -> None:
        self._store = store
        self._vault = vault
        self._view = view
        self._records = KnownRecords(store.imports, view)
        self._agencies = agencies
        self._validator = validator
        self._clock = clock
        self._entropy = entropy
        self._hooks = hooks or NoHooks()
        self._dumps = dumps

    def check(
        self, table: RowTable, plan: IssuePlan, progress: ProgressHook = ignore_progress
    ) -> ImportReport:
        """Judge every row, write nothing (--dry-run)."""
        checker = CheckService(self._records, self._vault, self._validator, self._clock, self._dumps)
        return checker.check(table, plan, progress)

    def import_rows(
        self,
        table: RowTable,
        plan: IssuePlan,
        digest: bytes,
        progress: ProgressHook = ignore_progress,
    ) -> ImportReport:
        """Make a file's rows durable. Killed and called again with the same file, it goes on.

        Without `only_valid` one bad row refuses the whole file. Batches stay open: see close_batches.

        Args:
            table: the rows; header and order as in the file.
            plan: issuer, type, and what to do about bad and changed rows.
            digest: SHA-256 of the file's bytes.
            progress: told after every durable piece.

        Raises:
            NotFoundError: TYPE_NOT_REGISTERED.
            RefusedError: TYPE_NOT_GRANTED.
            ConflictError: IMPORT_RUNNING when another live import holds one of the rows,
                IMPORT_TAKEN_OVER when another process goes on with this one.
            RefusedError: KEY_CERTIFICATE_TOO_SHORT; the file's rows leave again.
        """
        type_id = self.require_grant(plan.issuer, plan.credential_type)
        bound = row_checker(plan, self._validator, self._clock).bind(table.header)
        if bound.errors:
            return header_refused(bound)
        request = ImportRequest(
            issuer=plan.issuer,
            type_code=plan.credential_type.ref,
            type_id=type_id,
            digest=digest,
            pending=plan.pending,
            max_batch=plan.max_batch,
        )
        job = self._store.imports.begin(request)
        self._hooks.reach(KillPoint.IMPORT_BEGUN)
        meter = Meter(self._clock, table, progress, job.rows_done)
        expiry = self._expiry(plan)
        warnings: list[RowIssue] = []
        rows = islice(table.rows(), job.rows_done, None)
        while piece := list(islice(rows, plan.chunk)):
            good: list[tuple[int, bytes, bytes, bytes]] = []
            notes: list[RowNote] = []
            for number, cells in piece:
                result = bound.check(number, cells)
                if result.warnings and len(warnings) < WARNINGS_KEPT:
                    warnings.extend(result.warnings)
                if result.fields is None:
                    notes.append(_invalid(number, result.errors))
                else:
                    self._require_lasting(job, expiry, number, result.fields)
                    good.append((number, *index_row(self._vault, plan, result.fields, self._dumps)))
            job = self._store_piece(job, plan, good, notes, job.rows_done + len(piece))
            self._hooks.reach(KillPoint.ROWS_STORED)
            meter.tell(job.rows_done, job.invalid)
        job = self._finish(job, accepted=plan.only_valid or job.invalid == 0)
        self._hooks.reach(KillPoint.IMPORT_FINISHED)
        return self._report(job, number_column(bound, plan), warnings)

    def results(self, job_id: int) -> Iterator[ImportedRow]:
        """What became of each row of a file, in its order: the result file."""
        return self._store.imports.rows(job_id)

    def open_batches(self, issuer: str | None = None) -> tuple[BatchRecord, ...]:
        """Batches that wait to be closed, of accepted files and of refused batches."""
        ready = []
        for batch in self._store.batches.batches(issuer, (BatchState.OPEN,)):
            held = batch.job_id is not None and (
                self._store.imports.job(batch.job_id).state is not ImportState.ACCEPTED
            )
            if batch.size and not held:
                ready.append(batch)
        return tuple(ready)

    def close_batches(self, batch_ids: Sequence[int]) -> tuple[BatchRecord, ...]:
        """Fix members, order and words of these batches and queue their signing.

        Raises: NotFoundError(KEY_NOT_REGISTERED); RefusedError(TYPE_NOT_GRANTED);
            ConflictError(BATCH_EMPTY, BATCH_HELD).
        """
        closed = []
        for batch_id in batch_ids:
            batch = self._store.batches.batch(batch_id)
            issuer = batch.issuer
            require_grant(self._view, issuer, batch.type_id, batch.type_code, self._clock.now())
            closed.append(
                self._store.batches.close(
                    batch_id,
                    self._entropy,
                    shanghai_midnight(self._clock.now()),
                    self._key_number(issuer),
                    LEAVES_PER_JOB,
                )
            )
            self._hooks.reach(KillPoint.BATCH_CLOSED)
        return tuple(closed)

    def close_import(self, job_id: int) -> tuple[BatchRecord, ...]:
        """Close every open batch of one import; twice has no further effect."""
        found = self._store.batches.batches(states=(BatchState.OPEN,), job_id=job_id)
        self.close_batches([batch.id for batch in found if batch.size])
        return self._store.batches.batches(job_id=job_id)

    def require_grant(self, issuer: str, credential_type: CredentialType) -> int:
        """The chain's number of a type that the issuer may issue now.

        Raises: NotFoundError(TYPE_NOT_REGISTERED), ConflictError(TYPE_FILE_CHANGED),
            RefusedError(TYPE_NOT_GRANTED).
        """
        type_id = self._type_id(credential_type)
        require_grant(self._view, issuer, type_id, credential_type.ref, self._clock.now())
        return type_id

    def _expiry(self, plan: IssuePlan) -> tuple[ClaimBuilder, CertificateTerm]:
        """Tells when a row's credential would end, if it was signed today, and how long it may last."""
        builder = ClaimBuilder(
            plan.credential_type,
            issuer_code=plan.issuer,
            iss="",  # plays no part in a credential's end
            issued_on=shanghai_day(self._clock.now()),
        )
        return builder, CertificateTerm(self._agencies.credential_signer(plan.issuer))

    def _require_lasting(
        self,
        job: ImportJob,
        expiry: tuple[ClaimBuilder, CertificateTerm],
        row: int,
        fields: Mapping[str, Any],
    ) -> None:
        builder, term = expiry
        try:
            term.require(builder.expiry(fields), row=row)
        except RefusedError:
            self._finish(job, accepted=False)
            raise

    def _type_id(self, wanted: CredentialType) -> int:
        for known in self._view.types():
            if (known.code, known.version) == (wanted.type_code, wanted.version):
                if known.file_hash != wanted.file_hash:
                    raise ConflictError(
                        "TYPE_FILE_CHANGED",
                        f"The type file {wanted.ref} differs from the one registered on chain.",
                        type=wanted.ref,
                    )
                return known.type_id
        raise NotFoundError(
            "TYPE_NOT_REGISTERED", f"The type {wanted.ref} is not registered.", type=wanted.ref
        )

    def _key_number(self, issuer: str) -> int:
        thumbprint = self._agencies.credential_signer(issuer).thumbprint
        now = self._clock.now()
        for key in self._view.keys(issuer):
            good = key.valid_from <= now < key.valid_until and key.compromised_since is None
            if key.thumbprint == thumbprint and key.purpose == Purpose.CREDENTIAL and good:
                return key.number
        raise NotFoundError(
            "KEY_NOT_REGISTERED",
            f"The credential key of {issuer} is not registered, or not good now.",
            issuer=issuer,
        )

    def _store_piece(
        self,
        job: ImportJob,
        plan: IssuePlan,
        good: Sequence[tuple[int, bytes, bytes, bytes]],
        notes: Sequence[RowNote],
        rows_done: int,
    ) -> ImportJob:
        for attempt in range(_RACES):
            rows, told = self._sort_out(job, plan, good)
            sealed = self._seal(rows)
            self._hooks.reach(KillPoint.KEYS_CREATED)
            try:
                return self._store.imports.add(job, sealed, [*notes, *told], rows_done)
            except ConflictError as error:
                if error.code != "ROW_RACE" or attempt == _RACES - 1:
                    raise
                self._vault.erase([row.name for row in sealed], self._clock.now())
        raise RuntimeError("unreachable: the last attempt returns or raises")

    def _sort_out(
        self,
        job: ImportJob,
        plan: IssuePlan,
        good: Sequence[tuple[int, bytes, bytes, bytes]],
    ) -> tuple[list[tuple[NewRow, bytes]], list[RowNote]]:
        """New rows with their content, and notes about rows that are there already."""
        known = self._known(job, [key for _, key, _, _ in good])
        rows: list[tuple[NewRow, bytes]] = []
        notes: list[RowNote] = []
        here: dict[bytes, bytes] = {}
        for number, key, content_index, content in good:
            before = here.get(key)
            found = known.get(key)
            if before is not None:
                same = before == content_index
                outcome = RowOutcome.ALREADY if same else RowOutcome.CHANGED
                notes.append(RowNote(number, outcome))
                continue
            revision, supersedes = 0, None
            if found is not None:
                outcome = judge(found, content_index, supersede=plan.supersede)
                if outcome in (RowOutcome.ALREADY, RowOutcome.CHANGED):
                    is_twice = outcome is RowOutcome.CHANGED and found.job_id == job.id
                    notes.append(RowNote(number, outcome, None if is_twice else found.record_id))
                    continue
                revision = found.revision + 1
                if outcome is RowOutcome.SUPERSEDES:
                    supersedes = found.record_id
            here[key] = content_index
            row = NewRow(number, key, content_index, b"", b"", revision, supersedes)
            rows.append((row, content))
        return rows, notes

    def _known(self, job: ImportJob, keys: Sequence[bytes]) -> Mapping[bytes, KnownRow]:
        """What is stored under these keys, after dead imports that hold some of them were removed."""
        request = job.request
        known = self._records.known(request.issuer, request.type_code, keys)
        held = {
            row.job_id
            for row in known.values()
            if row.job_state is ImportState.RUNNING and row.job_id != job.id and row.job_id
        }
        if not held:
            return known
        for job_id in sorted(held):
            other = self._store.imports.job(job_id)
            if self._clock.now() - other.updated_at < ABANDONED_AFTER_S:
                raise ConflictError(
                    "IMPORT_RUNNING",
                    f"Import {job_id} of another file with some of these rows is not finished: "
                    "wait for it, or run it again.",
                    job=job_id,
                )
            self._finish(other, accepted=False)
        return self._records.known(request.issuer, request.type_code, keys)

    def _seal(self, rows: Sequence[tuple[NewRow, bytes]]) -> list[NewRow]:
        random = self._entropy.token(NAME_BYTES * len(rows)) if rows else b""
        names = [random[at : at + NAME_BYTES] for at in range(0, len(random), NAME_BYTES)]
        keys = self._vault.create(names) if names else ()
        return [
            NewRow(
                row.row_number,
                row.key_index,
                row.content_index,
                name,
                key.seal(content, ROW_CONTEXT + name),
                row.revision,
                row.supersedes,
            )
            for (row, content), name, key in zip(rows, names, keys, strict=True)
        ]

    def _finish(self, job: ImportJob, *, accepted: bool) -> ImportJob:
        useless = self._store.imports.finish(job, accepted=accepted)
        if useless:
            self._vault.erase(useless, self._clock.now())
        return self._store.imports.job(job.id)

    def _report(self, job: ImportJob, column: str, warnings: Sequence[RowIssue]) -> ImportReport:
        errors: list[RowIssue] = []
        changes: list[RowIssue] = []
        if job.invalid or job.changed:
            for row in self._store.imports.rows(job.id):
                errors.extend(
                    RowIssue(row.row_number, blamed, code, text) for blamed, code, text in row.errors
                )
                if row.outcome is RowOutcome.CHANGED:
                    changes.append(change_issue(row.row_number, column, is_stored=row.record_id is not None))
        accepted = job.state is ImportState.ACCEPTED
        return ImportReport(
            job_id=job.id,
            rows=job.rows_done,
            valid=job.rows_done - job.invalid,
            issued=job.issued if accepted else 0,
            already=job.already,
            changed=job.changed,
            errors=tuple(errors),
            warnings=tuple(warnings),
            accepted=accepted,
            changes=tuple(changes),
        )


def _invalid(number: int, errors: Sequence[RowIssue]) -> RowNote:
    told = tuple((error.column, error.code, error.text) for error in errors)
    return RowNote(number, RowOutcome.INVALID, None, told)
