"""Uploads and drafts in SQL (IntakeBook): each step one transaction, with its job or its lease."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row
from sqlalchemy.exc import IntegrityError

from ledger.adapters.store_database import Database
from ledger.adapters.store_schema import outbox
from ledger.adapters.store_sql_imports import SqlImports
from ledger.adapters.store_sql_outbox import enqueue_in, finish_in, renew_in
from ledger.adapters.tables_intake import intake, intake_finding, intake_piece, issue_draft
from ledger.core.errors import ConflictError, NotFoundError
from ledger.core.flow import ImportJob, JobKind, JobState, Lease, NewJob
from ledger.core.intake import (
    Counts,
    DeadJob,
    Draft,
    Finding,
    FindingKind,
    Intake,
    IntakeKind,
    IntakeState,
    IntakeStep,
    Move,
    NewIntake,
    Part,
    intake_subject,
)

_COUNTS = ("rows", "done", "valid", "invalid", "already", "changed", "replaceable", "warnings")
_ENDED = (IntakeState.CLOSED, IntakeState.ABANDONED)


class SqlIntakes:
    """IntakeBook over the database of the store."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._imports = SqlImports(database)

    def receive(
        self, new: NewIntake, pieces: Sequence[bytes], draft: bytes | None = None
    ) -> tuple[Intake, bool]:
        now = self._database.clock.now()
        same = sa.select(intake).where(
            intake.c.issuer == new.issuer,
            intake.c.type_code == new.type_code,
            intake.c.digest == new.digest,
        )
        try:
            with self._database.write() as connection:
                row = connection.execute(same).first()
                if draft is not None:
                    connection.execute(sa.delete(issue_draft).where(issue_draft.c.name == draft))
                if row is not None:
                    return _intake(row), False
                connection.execute(sa.insert(intake).values(_first_values(new, now)))
                found = _intake(connection.execute(same).one())
                _put_pieces(self._database, connection, found.id, "file", pieces)
                _queue(connection, found.id, found.round, new.step)
        except IntegrityError:  # the same file at the same moment, on a database with many writers
            with self._database.read() as connection:
                return _intake(connection.execute(same).one()), False
        return found, True

    def intake(self, intake_id: int) -> Intake:
        with self._database.read() as connection:
            return _intake_in(connection, intake_id)

    def intakes(
        self, issuers: Sequence[str], states: Sequence[IntakeState], first: int, count: int
    ) -> tuple[Intake, ...]:
        query = sa.select(intake).where(intake.c.issuer.in_(list(issuers)))
        if states:
            query = query.where(intake.c.state.in_(list(states)))
        with self._database.read() as connection:
            rows = connection.execute(query.order_by(intake.c.id.desc()).offset(first).limit(count))
            return tuple(_intake(row) for row in rows)

    def of_digest(self, issuer: str, type_code: str, digest: bytes) -> Intake | None:
        query = sa.select(intake).where(
            intake.c.issuer == issuer, intake.c.type_code == type_code, intake.c.digest == digest
        )
        with self._database.read() as connection:
            row = connection.execute(query).first()
        return None if row is None else _intake(row)

    def of_import(self, job_id: int) -> Intake | None:
        with self._database.read() as connection:
            row = connection.execute(sa.select(intake).where(intake.c.job_id == job_id)).first()
        return None if row is None else _intake(row)

    def pieces(self, intake_id: int, part: Part) -> Sequence[bytes]:
        query = (
            sa.select(intake_piece.c.sealed)
            .where(intake_piece.c.intake_id == intake_id, intake_piece.c.part == part)
            .order_by(intake_piece.c.number)
        )
        with self._database.read() as connection:
            return [bytes(sealed) for sealed in connection.execute(query).scalars()]

    def findings(
        self, intake_id: int, kinds: Sequence[FindingKind], first: int, count: int
    ) -> tuple[Finding, ...]:
        query = (
            sa.select(intake_finding)
            .where(intake_finding.c.intake_id == intake_id, intake_finding.c.kind.in_(list(kinds)))
            .order_by(intake_finding.c.row_number, intake_finding.c.number)
            .offset(first)
            .limit(count)
        )
        with self._database.read() as connection:
            return tuple(
                Finding(
                    row.row_number, FindingKind(row.kind), row.column_name, row.code, json.loads(row.text)
                )
                for row in connection.execute(query)
            )

    def move(
        self, intake_id: int, before: Sequence[IntakeState], move: Move, lease: Lease | None = None
    ) -> Intake:
        values: dict[str, Any] = {
            **move.values,
            "state": move.state,
            "updated_at": self._database.clock.now(),
        }
        if "detail" in values:
            values["detail"] = json.dumps(values["detail"], ensure_ascii=False)
        if move.forget:
            values["digest"] = None
        with self._database.write() as connection:
            found = _intake_in(connection, intake_id, lock=True)
            if found.state not in before:
                raise ConflictError(
                    "INTAKE_STATE",
                    f"Upload {intake_id} is {found.state}; this needs {' or '.join(before)}.",
                    intake=intake_id,
                    state=str(found.state),
                )
            if move.step is not None:
                values["round"] = found.round + 1
                _queue(connection, intake_id, found.round + 1, move.step)
            connection.execute(sa.update(intake).where(intake.c.id == intake_id).values(**values))
            for part in move.drop:
                _drop_pieces(connection, intake_id, part)
            if move.findings is not None:
                self._put_findings(connection, intake_id, move.findings)
            if move.failed is not None:
                _drop_pieces(connection, intake_id, "failed")
                _put_pieces(self._database, connection, intake_id, "failed", move.failed)
            if lease is not None:
                finish_in(connection, lease)
            return _intake_in(connection, intake_id)

    def _put_findings(self, connection: Connection, intake_id: int, findings: Sequence[Finding]) -> None:
        connection.execute(sa.delete(intake_finding).where(intake_finding.c.intake_id == intake_id))
        self._database.insert_many(
            connection,
            intake_finding,
            ("intake_id", "number", "row_number", "kind", "column_name", "code", "text"),
            [
                (
                    intake_id,
                    number,
                    finding.row,
                    str(finding.kind),
                    finding.column,
                    finding.code,
                    json.dumps(None if finding.text is None else dict(finding.text), ensure_ascii=False),
                )
                for number, finding in enumerate(findings)
            ],
        )

    def note(
        self, lease: Lease, lease_s: int, intake_id: int, done: int, rows: int, seconds_left: int | None
    ) -> Lease:
        now = self._database.clock.now()
        with self._database.write() as connection:
            renewed = renew_in(connection, lease, now + lease_s)
            connection.execute(
                sa.update(intake)
                .where(intake.c.id == intake_id)
                .values(done=done, rows=rows, seconds_left=seconds_left, updated_at=now)
            )
        return renewed

    def import_of(self, issuer: str, type_code: str, digest: bytes) -> ImportJob | None:
        return self._imports.of_digest(issuer, type_code, digest)

    def stale(self, states: Sequence[IntakeState], before: int, count: int) -> tuple[Intake, ...]:
        query = (
            sa.select(intake)
            .where(intake.c.state.in_(list(states)), intake.c.updated_at < before)
            .order_by(intake.c.id)
            .limit(count)
        )
        with self._database.read() as connection:
            return tuple(_intake(row) for row in connection.execute(query))

    def stale_failed(self, before: int, count: int) -> tuple[Intake, ...]:
        query = (
            sa.select(intake)
            .where(
                intake.c.state == IntakeState.CLOSED,
                intake.c.updated_at < before,
                intake.c.failed_kept > 0,
            )
            .order_by(intake.c.id)
            .limit(count)
        )
        with self._database.read() as connection:
            return tuple(_intake(row) for row in connection.execute(query))

    def unerased(self, count: int) -> tuple[Intake, ...]:
        query = (
            sa.select(intake)
            .where(intake.c.state.in_(list(_ENDED)), intake.c.erased_at.is_(None))
            .order_by(intake.c.id)
            .limit(count)
        )
        with self._database.read() as connection:
            return tuple(_intake(row) for row in connection.execute(query))

    def set_erased(self, intake_id: int, at: int) -> None:
        with self._database.write() as connection:
            connection.execute(sa.update(intake).where(intake.c.id == intake_id).values(erased_at=at))

    def dead_jobs(self, kinds: Sequence[JobKind], subjects: str) -> tuple[DeadJob, ...]:
        query = (
            sa.select(outbox.c.id, outbox.c.kind, outbox.c.code, outbox.c.detail)
            .where(
                outbox.c.kind.in_(list(kinds)),
                outbox.c.state == JobState.DEAD,
                outbox.c.subject.startswith(subjects, autoescape=True),
            )
            .order_by(outbox.c.id)
        )
        with self._database.read() as connection:
            return tuple(
                DeadJob(row.id, row.kind, row.code, json.loads(row.detail))
                for row in connection.execute(query)
            )

    def save_draft(self, draft: Draft) -> None:
        values = {
            "supersedes": draft.supersedes,
            "sealed": draft.sealed,
            "updated_at": draft.updated_at,
        }
        with self._database.write() as connection:
            row = connection.execute(
                sa.select(issue_draft).where(issue_draft.c.name == draft.name).with_for_update()
            ).first()
            if row is None:
                connection.execute(
                    sa.insert(issue_draft).values(
                        name=draft.name,
                        issuer=draft.issuer,
                        type_code=draft.type_code,
                        person=draft.person,
                        **values,
                    )
                )
                return
            if (row.issuer, row.type_code, row.person) != (draft.issuer, draft.type_code, draft.person):
                raise NotFoundError("DRAFT_UNKNOWN", "There is no such draft.")
            connection.execute(
                sa.update(issue_draft).where(issue_draft.c.name == draft.name).values(**values)
            )

    def draft(self, name: bytes) -> Draft | None:
        with self._database.read() as connection:
            row = connection.execute(sa.select(issue_draft).where(issue_draft.c.name == name)).first()
        return None if row is None else _draft(row)

    def drafts(self, issuer: str, person: int) -> tuple[Draft, ...]:
        query = (
            sa.select(issue_draft)
            .where(issue_draft.c.issuer == issuer, issue_draft.c.person == person)
            .order_by(issue_draft.c.updated_at.desc())
        )
        with self._database.read() as connection:
            return tuple(_draft(row) for row in connection.execute(query))

    def drop_draft(self, name: bytes) -> bool:
        with self._database.write() as connection:
            gone = connection.execute(sa.delete(issue_draft).where(issue_draft.c.name == name))
            return gone.rowcount == 1

    def stale_drafts(self, before: int) -> tuple[bytes, ...]:
        query = sa.select(issue_draft.c.name).where(issue_draft.c.updated_at < before)
        with self._database.read() as connection:
            return tuple(bytes(name) for name in connection.execute(query).scalars())


def _first_values(new: NewIntake, now: int) -> dict[str, Any]:
    return {
        "name": new.name,
        "failed_name": new.failed_name,
        "issuer": new.issuer,
        "type_code": new.type_code,
        "kind": new.kind,
        "digest": new.digest,
        "person": new.person,
        "label": new.label,
        "size": new.size,
        "state": new.state,
        "supersede": new.supersede,
        "round": 1,
        **dict.fromkeys(_COUNTS, 0),
        "code": "",
        "detail": "{}",
        "created_at": now,
        "updated_at": now,
        "started_at": now,
        "failed_kept": 0,
    }


def _queue(connection: Connection, intake_id: int, round_number: int, step: IntakeStep) -> None:
    payload = {"intake": intake_id, "step": str(step)}
    enqueue_in(connection, NewJob(JobKind.IMPORT, intake_subject(intake_id, round_number), payload))


def _put_pieces(
    database: Database, connection: Connection, intake_id: int, part: Part, pieces: Sequence[bytes]
) -> None:
    database.insert_many(
        connection,
        intake_piece,
        ("intake_id", "part", "number", "sealed"),
        [(intake_id, part, number, piece) for number, piece in enumerate(pieces)],
    )


def _drop_pieces(connection: Connection, intake_id: int, part: Part) -> None:
    connection.execute(
        sa.delete(intake_piece).where(intake_piece.c.intake_id == intake_id, intake_piece.c.part == part)
    )


def _intake_in(connection: Connection, intake_id: int, *, lock: bool = False) -> Intake:
    query = sa.select(intake).where(intake.c.id == intake_id)
    row = connection.execute(query.with_for_update() if lock else query).first()
    if row is None:
        raise NotFoundError("INTAKE_UNKNOWN", f"There is no upload {intake_id}.", intake=intake_id)
    return _intake(row)


def _intake(row: Row[Any]) -> Intake:
    return Intake(
        id=row.id,
        name=bytes(row.name),
        failed_name=bytes(row.failed_name),
        issuer=row.issuer,
        type_code=row.type_code,
        kind=IntakeKind(row.kind),
        digest=None if row.digest is None else bytes(row.digest),
        person=row.person,
        label=bytes(row.label),
        size=row.size,
        state=IntakeState(row.state),
        supersede=bool(row.supersede),
        round=row.round,
        counts=Counts(**{name: row._mapping[name] for name in _COUNTS}),  # noqa: SLF001  SQLAlchemy's public name
        code=row.code,
        detail=json.loads(row.detail),
        job_id=row.job_id,
        created_at=row.created_at,
        updated_at=row.updated_at,
        started_at=row.started_at,
        seconds_left=row.seconds_left,
        failed_kept=row.failed_kept,
        erased_at=row.erased_at,
    )


def _draft(row: Row[Any]) -> Draft:
    return Draft(
        name=bytes(row.name),
        issuer=row.issuer,
        type_code=row.type_code,
        person=row.person,
        supersedes=row.supersedes,
        sealed=bytes(row.sealed),
        updated_at=row.updated_at,
    )
