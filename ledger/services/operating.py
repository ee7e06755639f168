"""What an operator looks after: jobs that wait, jobs that gave up, and giving them another try."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from ledger.core.errors import NotFoundError
from ledger.core.flow import Job
from ledger.ports import Store

_BATCH = "batch"
_ISSUER = "issuer"


@dataclass(frozen=True, slots=True)
class WorkItem:
    """A job and whose it is. `issuer` is empty for what belongs to the installation as a whole."""

    job: Job
    issuer: str
    batch: int | None


class OperatingService:
    """Jobs of organisations.

    Args:
        store: where the outbox and the batches lie.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def waiting(self, usccs: Collection[str]) -> list[WorkItem]:
        """Unfinished jobs that these organisations may look at, oldest first."""
        return self._of(self._store.outbox.jobs(), usccs)

    def dead(self, usccs: Collection[str]) -> list[WorkItem]:
        """Dead letters that these organisations may look at, oldest first."""
        return self._of(self._store.outbox.jobs(dead=True), usccs)

    def retry(self, job_id: int, usccs: Collection[str]) -> WorkItem:
        """A dead letter becomes ready again.

        Raises:
            NotFoundError: JOB_UNKNOWN (also for a job of somebody else).
            ConflictError: JOB_NOT_DEAD when somebody was faster.
        """
        for item in self.dead(usccs):
            if item.job.id == job_id:
                self._store.outbox.revive(job_id)
                return item
        raise NotFoundError("JOB_UNKNOWN", f"There is no dead letter {job_id} here.", job=job_id)

    def _of(self, jobs: Collection[Job], usccs: Collection[str]) -> list[WorkItem]:
        items = (self._item(job) for job in jobs)
        return [item for item in items if not item.issuer or item.issuer in usccs]

    def _item(self, job: Job) -> WorkItem:
        batch = job.payload.get(_BATCH)
        if isinstance(batch, int):
            return WorkItem(job, self._store.batches.batch(batch).issuer, batch)
        issuer = job.payload.get(_ISSUER)
        return WorkItem(job, issuer if isinstance(issuer, str) else "", None)
