"""Checks, receipts, watches and lists of verifying organisations, in the store's database."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Row

from ledger.adapters.store_database import Database
from ledger.adapters.store_sql_outbox import enqueue_in, finish_in
from ledger.adapters.tables_desk import list_check, verification, watch
from ledger.core.errors import NotFoundError
from ledger.core.flow import JobKind, Lease, NewJob
from ledger.core.verified import (
    Kept,
    ListCheck,
    NewVerification,
    OpenWatch,
    PurposeKind,
    ReceiptState,
    Verification,
    WatchState,
)

_CHECKS = sa.select(
    verification, watch.c.state.label("watch_state"), watch.c.until, watch.c.fired_at
).outerjoin(watch, watch.c.verification_id == verification.c.id)


class SqlVerified:
    """See ledger.services.verified_book.VerifiedBook.

    Args:
        database: of the store.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, new: NewVerification) -> int:
        values = {
            "name": new.name,
            "uscc": new.uscc,
            "person_id": new.person,
            "at": new.at,
            "kind": new.kind,
            "purpose_kind": new.purpose_kind,
            "national": new.national,
            "code": new.code,
            "accepted": new.accepted,
            "presenter": new.presenter,
            "issuer": new.issuer,
            "type_ref": new.type_ref,
            "root": new.root,
            "sealed": new.sealed,
            "receipt_state": ReceiptState.NONE,
        }
        with self._database.write() as connection:
            made = connection.execute(sa.insert(verification).values(**values).returning(verification.c.id))
            return int(made.scalar_one())

    def kept(self, verification_id: int) -> Kept:
        with self._database.read() as connection:
            row = connection.execute(_CHECKS.where(verification.c.id == verification_id)).first()
        if row is None:
            raise NotFoundError(
                "CHECK_UNKNOWN", f"There is no check {verification_id}.", check=verification_id
            )
        return _kept(row)

    def newest(self, usccs: Collection[str], before: int | None, count: int) -> Sequence[Kept]:
        query = _CHECKS.where(verification.c.uscc.in_(usccs)).order_by(verification.c.id.desc()).limit(count)
        if before is not None:
            query = query.where(verification.c.id < before)
        return self._all(query)

    def counts(self, usccs: Collection[str], since: int) -> Mapping[tuple[str, str], int]:
        query = (
            sa.select(verification.c.uscc, verification.c.purpose_kind, sa.func.count())
            .where(verification.c.uscc.in_(usccs), verification.c.at >= since)
            .group_by(verification.c.uscc, verification.c.purpose_kind)
        )
        with self._database.read() as connection:
            return {(row[0], row[1]): int(row[2]) for row in connection.execute(query)}

    def order_receipt(self, verification_id: int) -> bool:
        with self._database.write() as connection:
            moved = connection.execute(
                sa.update(verification)
                .where(
                    verification.c.id == verification_id, verification.c.receipt_state == ReceiptState.NONE
                )
                .values(receipt_state=ReceiptState.ORDERED)
            )
            if moved.rowcount == 0:
                return False
            subject = f"receipt:{verification_id}"
            enqueue_in(connection, NewJob(JobKind.DESK, subject, {"verification": verification_id}))
        return True

    def keep_receipt(self, lease: Lease, verification_id: int, receipt: bytes, page: bytes) -> None:
        with self._database.write() as connection:
            connection.execute(
                sa.update(verification)
                .where(
                    verification.c.id == verification_id,
                    verification.c.receipt_state == ReceiptState.ORDERED,
                )
                .values(receipt_state=ReceiptState.MADE, receipt=receipt, receipt_page=page)
            )
            finish_in(connection, lease)

    def watch(self, verification_id: int, first_word: int, words: int, seen: bytes, until: int) -> None:
        with self._database.write() as connection:
            known = connection.execute(
                sa.update(watch)
                .where(watch.c.verification_id == verification_id, watch.c.state != WatchState.FIRED)
                .values(until=until, state=WatchState.OPEN)
            )
            if known.rowcount:
                return
            if connection.execute(
                sa.select(watch.c.state).where(watch.c.verification_id == verification_id)
            ).first():
                return  # it fired: that stays
            connection.execute(
                sa.insert(watch).values(
                    verification_id=verification_id,
                    first_word=first_word,
                    words=words,
                    seen=seen,
                    until=until,
                    state=WatchState.OPEN,
                    told=False,
                )
            )

    def open_watches(self) -> Sequence[OpenWatch]:
        query = sa.select(watch).where(watch.c.state == WatchState.OPEN)
        with self._database.read() as connection:
            return [
                OpenWatch(row.verification_id, row.first_word, row.words, bytes(row.seen), row.until)
                for row in connection.execute(query)
            ]

    def move_watch(
        self, verification_id: int, state: WatchState, *, seen: bytes | None = None, at: int | None = None
    ) -> None:
        values: dict[str, Any] = {"state": state}
        if seen is not None:
            values["seen"] = seen
        if at is not None:
            values["fired_at"] = at
        with self._database.write() as connection:
            connection.execute(
                sa.update(watch)
                .where(watch.c.verification_id == verification_id, watch.c.state == WatchState.OPEN)
                .values(**values)
            )

    def fired(self, uscc: str) -> Sequence[Kept]:
        return self._all(
            _CHECKS.where(
                verification.c.uscc == uscc, watch.c.state == WatchState.FIRED, watch.c.told.is_(False)
            ).order_by(watch.c.fired_at.desc())
        )

    def told(self, verification_id: int) -> None:
        with self._database.write() as connection:
            connection.execute(
                sa.update(watch).where(watch.c.verification_id == verification_id).values(told=True)
            )

    def forget(self, before: int) -> Sequence[bytes]:
        old = sa.select(verification.c.id).where(verification.c.at < before)
        with self._database.write() as connection:
            names = [
                bytes(name)
                for name in connection.execute(
                    sa.select(verification.c.name).where(verification.c.at < before)
                ).scalars()
            ]
            if names:
                connection.execute(sa.delete(watch).where(watch.c.verification_id.in_(old)))
                connection.execute(sa.delete(verification).where(verification.c.at < before))
            lists = [
                bytes(name)
                for name in connection.execute(
                    sa.select(list_check.c.name).where(list_check.c.at < before)
                ).scalars()
            ]
            if lists:
                connection.execute(sa.delete(list_check).where(list_check.c.at < before))
        return [*names, *lists]

    def add_list(
        self, name: bytes, uscc: str, person: int, at: int, purpose: PurposeKind, sealed: bytes
    ) -> int:
        values = {
            "name": name,
            "uscc": uscc,
            "person_id": person,
            "at": at,
            "purpose_kind": purpose,
            "state": "waiting",
            "total": 0,
            "done": 0,
            "good": 0,
            "code": "",
            "detail": "{}",
            "sealed": sealed,
        }
        with self._database.write() as connection:
            made = connection.execute(sa.insert(list_check).values(**values).returning(list_check.c.id))
            list_id = int(made.scalar_one())
            enqueue_in(connection, NewJob(JobKind.DESK, f"list:{list_id}", {"list": list_id}))
        return list_id

    def list_check(self, list_id: int) -> ListCheck:
        with self._database.read() as connection:
            row = connection.execute(sa.select(list_check).where(list_check.c.id == list_id)).first()
        if row is None:
            raise NotFoundError("LIST_CHECK_UNKNOWN", f"There is no list {list_id}.", list=list_id)
        return _list(row)

    def lists(self, usccs: Collection[str], count: int) -> Sequence[ListCheck]:
        query = (
            sa.select(list_check)
            .where(list_check.c.uscc.in_(usccs))
            .order_by(list_check.c.id.desc())
            .limit(count)
        )
        with self._database.read() as connection:
            return [_list(row) for row in connection.execute(query)]

    def move_list(self, list_id: int, lease: Lease | None = None, **values: Any) -> None:
        if "detail" in values:
            values["detail"] = json.dumps(values["detail"])
        with self._database.write() as connection:
            connection.execute(sa.update(list_check).where(list_check.c.id == list_id).values(**values))
            if lease is not None:
                finish_in(connection, lease)

    def _all(self, query: sa.Select[Any]) -> list[Kept]:
        with self._database.read() as connection:
            return [_kept(row) for row in connection.execute(query)]


def _bytes(value: Any) -> bytes | None:
    return None if value is None else bytes(value)


def _kept(row: Row[Any]) -> Kept:
    check = Verification(
        id=row.id,
        uscc=row.uscc,
        person=row.person_id,
        at=row.at,
        kind=row.kind,
        purpose_kind=PurposeKind(row.purpose_kind),
        national=row.national,
        code=row.code,
        accepted=row.accepted,
        presenter=row.presenter,
        issuer=row.issuer,
        type_ref=row.type_ref,
        root=bytes(row.root),
        content=None,
        receipt=ReceiptState(row.receipt_state),
        watch=None if row.watch_state is None else WatchState(row.watch_state),
        watch_until=row.until,
        fired_at=row.fired_at,
    )
    return Kept(check, bytes(row.name), bytes(row.sealed), _bytes(row.receipt), _bytes(row.receipt_page))


def _list(row: Row[Any]) -> ListCheck:
    return ListCheck(
        id=row.id,
        name=bytes(row.name),
        uscc=row.uscc,
        person=row.person_id,
        at=row.at,
        purpose_kind=PurposeKind(row.purpose_kind),
        state=row.state,
        total=row.total,
        done=row.done,
        good=row.good,
        code=row.code,
        detail=json.loads(row.detail),
        sealed=_bytes(row.sealed),
        result=_bytes(row.result),
    )
