"""Single issues: rows that arrive one by one are gathered into batches, each durable before it is answered.

A flush to the disk costs more than all the rest, so callers who come at the same moment share one: the
first of them stores everything that waits, the others find their answer ready. Rows lie in the open
batch of their (issuer, type), which belongs to no file; its window closes about a second after the
first row came, or when it is large enough, and from then on it is a batch like any other.

The same Idempotency-Key with the same body is answered as before, whoever asks at whatever moment; the
key is stored in the transaction of its rows, so that a crash leaves both or neither.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Protocol

from ledger.core.cells import Cell
from ledger.core.claims import ClaimBuilder, shanghai_day
from ledger.core.credential_type import CredentialType
from ledger.core.errors import ConflictError, InputError, LedgerError, NotFoundError
from ledger.core.flow import MAX_BATCH, BatchState, ImportState, KnownRow, NewRow, RowOutcome
from ledger.core.rows import BoundRows, RowIssue
from ledger.core.schema import SchemaValidator
from ledger.core.singles import KeptAnswer, RequestKey, SingleGroup, SingleResult
from ledger.ports import BatchStore, Clock, Entropy, Store, Vault
from ledger.services.checking import IssuePlan, RowWriter, index_row, judge, row_checker, write_json
from ledger.services.granting import RegistryView, require_grant
from ledger.services.issue import ROW_CONTEXT, IssueService
from ledger.services.kill_points import Hooks, KillPoint, NoHooks
from ledger.services.lasting import CertificateTerm, Certified
from ledger.services.records import KnownRecords

WINDOW_S = 0.8
"""How long a batch of single issues waits for more, from when the worker first sees it."""
WINDOW_ROWS = 2_000
"""A window closes at once when so many rows are in it."""
MAX_ROWS = 1_000
"""Rows of one request."""
NAME_BYTES = 16
_RACES = 5


class SingleStore(Protocol):
    """Rows of single issues and the keys of their requests.

    Guarantee: `add` stores all groups with their keys or nothing, durably.
    """

    def answers(self, keys: Sequence[RequestKey]) -> Mapping[tuple[int, bytes], KeptAnswer]:
        """What these keys were answered in the last day, by (token, key)."""

    def add(self, groups: Sequence[SingleGroup]) -> None:
        """Raises ConflictError(ROW_RACE) when another process was faster: look again."""

    def free(self, keys: Sequence[RequestKey]) -> int:
        """Drop those of these keys that were kept for a day; how many."""


class RowsRefusedError(InputError):
    """Rows that are not good; nothing of the request was stored.

    Args:
        issues: every fault; `row` counts from 1 in the request.
    """

    def __init__(self, issues: Sequence[RowIssue]) -> None:
        super().__init__("ROWS_REFUSED", f"{len(issues)} faults; nothing was stored.", faults=len(issues))
        self.issues = tuple(issues)


@dataclass(frozen=True, slots=True)
class _Row:
    key_index: bytes
    content_index: bytes
    content: bytes


@dataclass(slots=True)
class _Waiting:
    """A request on its way into the store, and what came of it."""

    plan: IssuePlan
    type_id: int
    rows: Sequence[_Row]
    key: RequestKey | None
    results: tuple[SingleResult, ...] | None = None
    error: Exception | None = None

    @property
    def is_done(self) -> bool:
        return self.results is not None or self.error is not None


class OnDemandService:
    """Takes single rows.

    Args:
        store: what is known of earlier rows.
        singles: where rows go.
        vault: encrypts them and makes search indexes.
        view: which types are registered.
        certificates: of an issuer's credential key; the key itself is not needed here.
        validator: makes the schema validator of a type.
        clock, entropy: time and randomness.
        hooks: told about kill points.
        dumps: JSON of a row, the same as that of imports.
    """

    def __init__(
        self,
        store: Store,
        singles: SingleStore,
        vault: Vault,
        view: RegistryView,
        certificates: Callable[[str], Certified],
        validator: Callable[[Mapping[str, Any]], SchemaValidator],
        clock: Clock,
        entropy: Entropy,
        hooks: Hooks | None = None,
        dumps: RowWriter = write_json,
    ) -> None:
        self._store = store
        self._singles = singles
        self._vault = vault
        self._view = view
        self._records = KnownRecords(store.imports, view)
        self._certificates = certificates
        self._validator = validator
        self._clock = clock
        self._entropy = entropy
        self._hooks = hooks or NoHooks()
        self._dumps = dumps
        self._checkers: dict[tuple[str, str, date], BoundRows] = {}
        self._granted: dict[tuple[str, str], int] = {}
        self._terms: dict[str, tuple[int, CertificateTerm]] = {}
        self._type_ids: dict[str, int] = {}  # the registry only ever adds types
        self._queue: list[_Waiting] = []
        self._queue_lock = threading.Lock()
        self._leader_lock = threading.Lock()

    def issue(
        self, plan: IssuePlan, rows: Sequence[Mapping[str, Cell]], key: RequestKey | None = None
    ) -> tuple[SingleResult, ...]:
        """Make rows durable; all or none.

        Args:
            plan: issuer, type, what to do about changed rows.
            rows: 1 to MAX_ROWS, each naming its own columns (field keys or any header of the type).
            key: see RequestKey.
        Returns: what became of each row, in their order; ISSUED and SUPERSEDES are on their way now.

        Raises:
            RowsRefusedError: faulty rows, ROW_CHANGED where a row is known with other values.
            ConflictError: IDEMPOTENCY_MISMATCH, IMPORT_RUNNING.
            NotFoundError: TYPE_NOT_REGISTERED.
            RefusedError: TYPE_NOT_GRANTED, KEY_CERTIFICATE_TOO_SHORT.
        """
        try:
            checked = self._check(plan, rows)
        except LedgerError:  # good when the key was used, not good any more: it is answered as before
            if key is not None and (kept := self._singles.answers([key])):
                return _same(kept[key.token, key.key], key)
            raise
        waiting = _Waiting(plan, self._type_id(plan.credential_type), checked, key)
        with self._queue_lock:
            self._queue.append(waiting)
        with self._leader_lock:
            if not waiting.is_done:
                with self._queue_lock:
                    taken, self._queue = self._queue, []
                self._lead(taken)
        if waiting.error is not None:
            raise waiting.error
        if waiting.results is None:
            raise RuntimeError("whoever leads answers everybody")
        return waiting.results

    def _check(self, plan: IssuePlan, rows: Sequence[Mapping[str, Cell]]) -> list[_Row]:
        if not 1 <= len(rows) <= MAX_ROWS:
            raise InputError("ROWS_COUNT", f"A request holds 1 to {MAX_ROWS} rows.", rows=len(rows))
        self._require_grant(plan)
        bound = self._checker(plan)
        term = self._term(plan.issuer)
        today = shanghai_day(self._clock.now())
        builder = ClaimBuilder(plan.credential_type, issuer_code=plan.issuer, iss="", issued_on=today)
        good: list[_Row] = []
        issues: list[RowIssue] = []
        for number, cells in enumerate(rows, start=1):
            result = bound.check(number, cells)
            if result.fields is None:
                issues.extend(result.errors)
                continue
            term.require(builder.expiry(result.fields), row=number)
            good.append(_Row(*index_row(self._vault, plan, result.fields, self._dumps)))
        if issues:
            raise RowsRefusedError(issues)
        return good

    def _require_grant(self, plan: IssuePlan) -> None:
        """As the chain has it; asked once a second and type, since the chain says nothing new more often."""
        wanted, now = (plan.issuer, plan.credential_type.ref), self._clock.now()
        if self._granted.get(wanted) != now:
            type_id = self._type_id(plan.credential_type)
            require_grant(self._view, plan.issuer, type_id, plan.credential_type.ref, now)
            self._granted[wanted] = now

    def _term(self, issuer: str) -> CertificateTerm:
        """Of the credential key's certificate; looked at once a second, since it may be renewed any time."""
        now = self._clock.now()
        seen = self._terms.get(issuer)
        if seen is None or seen[0] != now:
            seen = self._terms[issuer] = (now, CertificateTerm(self._certificates(issuer)))
        return seen[1]

    def _checker(self, plan: IssuePlan) -> BoundRows:
        """Compiled once a type and day."""
        today = shanghai_day(self._clock.now())
        wanted = (plan.credential_type.ref, plan.mode, today)
        found = self._checkers.get(wanted)
        if found is None:
            found = row_checker(plan, self._validator, self._clock).bind(None)
            self._checkers = {key: kept for key, kept in self._checkers.items() if key[2] == today}
            self._checkers[wanted] = found
        return found

    def _type_id(self, wanted: CredentialType) -> int:
        found = self._type_ids.get(wanted.ref)
        if found is None:
            for known in self._view.types():
                if (known.code, known.version) == (wanted.type_code, wanted.version):
                    self._type_ids[wanted.ref] = found = known.type_id
        if found is None:
            raise NotFoundError(
                "TYPE_NOT_REGISTERED", f"The type {wanted.ref} is not registered.", type=wanted.ref
            )
        return found

    # Storing: one thread at a time.

    def _lead(self, taken: Sequence[_Waiting]) -> None:
        """Store everything that waits; every request of it has its answer afterwards."""
        try:
            for attempt in range(_RACES):
                try:
                    self._store_all(taken)
                except ConflictError as error:
                    if error.code != "ROW_RACE" or attempt == _RACES - 1:
                        raise
                    # a key whose day is over, and that nobody dropped yet, stands in the way of its next use
                    self._singles.free([one.key for one in taken if one.key is not None])
                else:
                    return
        except LedgerError as error:
            for waiting in taken:
                if not waiting.is_done:
                    waiting.error = error
        finally:
            for waiting in taken:  # a mistake of ours must not leave a caller without an answer
                if not waiting.is_done:
                    waiting.error = RuntimeError("the rows of this request were not stored")

    def _store_all(self, taken: Sequence[_Waiting]) -> None:
        kept = dict(self._singles.answers([one.key for one in taken if one.key is not None]))
        known = self._known(taken)
        fresh: dict[tuple[str, str, bytes], tuple[bytes, bytes]] = {}
        planned: list[tuple[_Waiting, list[tuple[NewRow, bytes]], tuple[SingleResult, ...]]] = []
        for waiting in taken:
            try:
                before = None if waiting.key is None else kept.get((waiting.key.token, waiting.key.key))
                if before is not None and waiting.key is not None:
                    waiting.results = _same(before, waiting.key)
                    continue
                rows, results = self._sort_out(waiting, known, fresh)
            except LedgerError as error:
                waiting.error = error
                continue
            planned.append((waiting, rows, results))
            if waiting.key is not None:
                kept[waiting.key.token, waiting.key.key] = KeptAnswer(waiting.key.body, results)
        names = [row.name for _, rows, _ in planned for row, _ in rows]
        keys = iter(self._vault.create(names) if names else ())
        groups = [
            SingleGroup(
                waiting.plan.issuer,
                waiting.plan.credential_type.ref,
                waiting.type_id,
                waiting.plan.pending,
                tuple(
                    _sealed(row, next(keys).seal(content, ROW_CONTEXT + row.name)) for row, content in rows
                ),
                results,
                waiting.key,
            )
            for waiting, rows, results in planned
        ]
        try:
            self._singles.add(groups)
        except LedgerError:
            self._vault.erase(names, self._clock.now())
            for (
                waiting
            ) in taken:  # what repeated a key of these was not stored; what differed from them may be
                waiting.results = waiting.error = None
            raise
        self._hooks.reach(KillPoint.WINDOW_STORED)
        for waiting, _, results in planned:
            waiting.results = results

    def _known(self, taken: Sequence[_Waiting]) -> dict[tuple[str, str, bytes], KnownRow]:
        by_stream: dict[tuple[str, str], list[bytes]] = {}
        for waiting in taken:
            stream = (waiting.plan.issuer, waiting.plan.credential_type.ref)
            by_stream.setdefault(stream, []).extend(row.key_index for row in waiting.rows)
        return {
            (*stream, key): row
            for stream, keys in by_stream.items()
            for key, row in self._records.known(*stream, keys).items()
        }

    def _sort_out(
        self,
        waiting: _Waiting,
        known: Mapping[tuple[str, str, bytes], KnownRow],
        fresh: dict[tuple[str, str, bytes], tuple[bytes, bytes]],
    ) -> tuple[list[tuple[NewRow, bytes]], tuple[SingleResult, ...]]:
        """New rows with their content, and what each row is answered. `fresh` gets them when all are good."""
        rows: list[tuple[NewRow, bytes]] = []
        results: list[SingleResult] = []
        issues: list[RowIssue] = []
        here = dict[tuple[str, str, bytes], tuple[bytes, bytes]]()
        plan = waiting.plan
        for number, row in enumerate(waiting.rows, start=1):
            place = (plan.issuer, plan.credential_type.ref, row.key_index)
            twin = here.get(place) or fresh.get(place)
            if twin is not None:
                if twin[0] == row.content_index:
                    results.append(SingleResult(RowOutcome.ALREADY, twin[1]))
                else:
                    issues.append(RowIssue(number, "", "ROW_TWICE"))
                continue
            found = known.get(place)
            outcome = RowOutcome.ISSUED
            if found is not None:
                if found.job_state is ImportState.RUNNING:
                    raise ConflictError(
                        "IMPORT_RUNNING", "A file with this record is being imported: ask again later."
                    )
                outcome = judge(found, row.content_index, supersede=plan.supersede)
                if outcome is RowOutcome.ALREADY:
                    results.append(SingleResult(outcome, found.name))
                    continue
                if outcome is RowOutcome.CHANGED:
                    issues.append(RowIssue(number, "", "ROW_CHANGED"))
                    continue
            name = self._entropy.token(NAME_BYTES)
            revision = 0 if found is None else found.revision + 1
            supersedes = found.record_id if found and outcome is RowOutcome.SUPERSEDES else None
            rows.append(
                (
                    NewRow(number, row.key_index, row.content_index, name, b"", revision, supersedes),
                    row.content,
                )
            )
            here[place] = (row.content_index, name)
            results.append(SingleResult(outcome, name))
        if issues:
            raise RowsRefusedError(issues)
        fresh.update(here)
        return rows, tuple(results)


def _sealed(row: NewRow, sealed: bytes) -> NewRow:
    return NewRow(
        row.row_number, row.key_index, row.content_index, row.name, sealed, row.revision, row.supersedes
    )


def _same(kept: KeptAnswer, key: RequestKey) -> tuple[SingleResult, ...]:
    """The earlier answer, if it was the same request."""
    if kept.body != key.body:
        raise ConflictError(
            "IDEMPOTENCY_MISMATCH", "This Idempotency-Key came before with another body: use a new key."
        )
    return kept.rows


class Window:
    """Closes the open batches of single issues; runs in the worker.

    Args:
        batches: where they lie.
        issue: closes them.
        clock: paces.
        window_s: how long one waits for more rows.
        rows: from how many rows on it waits no longer.
    """

    def __init__(
        self,
        batches: BatchStore,
        issue: IssueService,
        clock: Clock,
        window_s: float = WINDOW_S,
        rows: int = WINDOW_ROWS,
    ) -> None:
        self._batches = batches
        self._issue = issue
        self._clock = clock
        self._window_s = window_s
        self._rows = min(rows, MAX_BATCH)
        self._seen: dict[int, float] = {}

    def close_due(self) -> int:
        """Close what has waited long enough; how many. One that cannot be closed stops none of the others.

        Raises: the first failure, when nothing could be closed.
        """
        now = self._clock.monotonic()
        waiting = [
            batch
            for batch in self._batches.batches(states=(BatchState.OPEN,))
            if batch.job_id is None and batch.size
        ]
        self._seen = {batch.id: self._seen.get(batch.id, now) for batch in waiting}
        closed = 0
        failure: LedgerError | None = None
        for batch in waiting:
            if batch.size < self._rows and now - self._seen[batch.id] < self._window_s:
                continue
            try:
                closed += len(self._issue.close_batches([batch.id]))
            except LedgerError as error:
                failure = error
        if failure is not None and not closed:
            raise failure
        return closed
