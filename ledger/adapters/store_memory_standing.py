"""Standing approvals of the memory store."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from ledger.adapters.store_memory_jobs import Part
from ledger.core.flow import BatchRecord, BatchState, Lease, NewJob, PlannedChange
from ledger.core.model import StandingAct
from ledger.core.standing import StandingAlarm, StandingUse


class MemoryStanding(Part):
    """Port StandingBook."""

    def sanction(
        self,
        batch: BatchRecord,
        signature: bytes,
        changes: Sequence[PlannedChange],
        job: NewJob,
        uses: Sequence[StandingUse],
    ) -> BatchRecord:
        with self._locked() as data:
            found = data.require(batch.id, (BatchState.SIGNED,))
            data.batches[batch.id] = replace(
                found,
                state=BatchState.APPROVED,
                maker=batch.maker,
                approver=batch.approver,
                deadline=batch.deadline,
                maker_signature=signature,
                approver_signature=None,
                standing_id=batch.standing_id,
            )
            data.changes[batch.id] = tuple(replace(change, approver_signature=b"") for change in changes)
            data.uses[batch.id] = tuple(uses)
            data.enqueue(job)
            return data.batches[batch.id]

    def give_back(self, lease: Lease, batch_id: int, reason: str) -> None:
        with self._locked() as data:
            data.finish(lease)
            found = data.batch(batch_id)
            if found.state is BatchState.APPROVED:
                data.batches[batch_id] = replace(
                    found,
                    state=BatchState.SIGNED,
                    reason=reason,
                    maker=None,
                    approver=None,
                    deadline=0,
                    maker_signature=None,
                    standing_id=None,
                )
            data.changes.pop(batch_id, None)
            data.uses.pop(batch_id, None)

    def uses(self, standing_id: bytes, since_day: int) -> tuple[StandingUse, ...]:
        with self._locked() as data:
            leaves: Counter[tuple[int, StandingAct]] = Counter()
            for uses in data.uses.values():
                for use in uses:
                    if use.standing_id == standing_id and use.day >= since_day:
                        leaves[use.day, use.act] += use.leaves
            return tuple(
                StandingUse(standing_id, act, day, count) for (day, act), count in sorted(leaves.items())
            )

    def raise_alarm(self, alarm: StandingAlarm) -> bool:
        with self._locked() as data:
            key = (alarm.standing_id, alarm.day)
            is_new = key not in data.alarms
            data.alarms.setdefault(key, alarm)
            return is_new

    def alarms(self, since_day: int) -> tuple[StandingAlarm, ...]:
        with self._locked() as data:
            found = [alarm for alarm in data.alarms.values() if alarm.day >= since_day]
            return tuple(sorted(found, key=lambda alarm: (-alarm.raised_at, alarm.standing_id)))
