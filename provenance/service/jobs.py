"""Jobs: work that outlasts a request, leased from a table so that a crash loses none of it.

A job is ``waiting``, ``running`` under a lease, or over: ``done``, ``failed`` or ``cancelled``. Whoever works on
it renews the lease; one that ran out is taken up by the next worker. Three tries end it: a file that kills its
worker each time must not do so for ever. The row is the truth about a job on both databases; who is told of
it differs: on SQLite whoever asks (:mod:`provenance.service.runner`), on PostgreSQL procrastinate tells
(:mod:`provenance.service.queue`).
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, Protocol

import sqlalchemy as sa

from provenance.errors import ConflictError, NotFoundError, UnavailableError
from provenance.ledger.database import Connected, reading, writing
from provenance.ledger.rows import time_of
from provenance.service.tables import JOB, Database, count_of, now_us

#: Seconds a worker may be silent before another one takes its job, unless the operator says otherwise.
LEASE_S: Final = 60.0
#: Tries after which a job is given up. Source: security.md, poison jobs.
MAX_TRIES: Final = 3
#: Seconds that a finished job and its result are kept.
KEEP_S: Final = 3600.0
_SECOND: Final = 1_000_000


class JobState(StrEnum):
    """Where a job is."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def over(self) -> bool:
        """Whether nothing more happens to it."""
        return self not in (JobState.WAITING, JobState.RUNNING)


_OPEN: Final = tuple(state.value for state in JobState if not state.over)


@dataclass(frozen=True, slots=True)
class Job:
    """A job.

    Attributes:
        id: Unguessable name, 32 hex digits.
        kind: What to do.
        tenant: For whom; empty for anonymous callers.
        params: What to do it with, plain JSON values.
        state: Where it is.
        stage: What is being done, in words.
        percent: How far it is, 0 to 100.
        note: What is known already, JSON text; empty before anything is.
        tries: How often a worker took it.
        created: When it was handed in.
        result: What came out, of a job that is done.
        problem: Why it failed: stable code and words, JSON text.
    """

    id: str
    kind: str
    tenant: str
    params: Mapping[str, Any]
    state: JobState
    stage: str
    percent: float
    note: str
    tries: int
    created: datetime
    result: bytes | None
    problem: str


class Announced(Protocol):
    """Where workers hear of jobs."""

    def put(self, connection: Connected, job_id: str, *, first: bool) -> None:
        """Tell workers of a job when the transaction is committed; raises ConflictError where they were told.

        Args:
            connection: In the transaction that writes the job.
            job_id: The job.
            first: Whether it goes before those that nobody worked on yet.
        """


class Jobs:
    """The table of jobs.

    Args:
        database: From :func:`provenance.service.schema.open_database`.
        max_waiting: Jobs that may wait; more are refused.
        queue: Where workers hear of jobs; None where they look for themselves.
        lease_s: Time a worker may be silent before another one takes its job, seconds.
    """

    def __init__(
        self,
        database: Database,
        max_waiting: int = 256,
        queue: Announced | None = None,
        lease_s: float = LEASE_S,
    ) -> None:
        self._database, self._max_waiting, self._queue = database, max_waiting, queue
        self.lease_s = lease_s

    def add(self, kind: str, tenant: str, params: Mapping[str, Any], job_id: str | None = None) -> Job:
        """Hand in a job.

        Raises:
            UnavailableError: Too many wait already.
            StorageError: It cannot be written.
        """
        row = {
            "id": job_id or new_id(),
            "kind": kind,
            "tenant": tenant,
            "params": json.dumps(params),
            "cache_key": "",
            "state": JobState.WAITING.value,
            "stage": "waiting",
            "percent": 0.0,
            "note": "",
            "attempts": 0,
            "leased_by": "",
            "leased_until_us": 0,
            "created_us": now_us(),
            "finished_us": None,
            "result": None,
            "problem": "",
        }
        with writing(self._database) as connection:
            waiting = connection.execute(count_of(JOB, JOB.c.state == JobState.WAITING.value)).scalar_one()
            if waiting >= self._max_waiting:
                raise UnavailableError(
                    f"expected fewer than {self._max_waiting} jobs to wait, the queue is full",
                    hint="try again later",
                )
            connection.execute(JOB.insert(), row)
            self._announce(connection, str(row["id"]))
        return self.find(str(row["id"]))

    def _announce(self, connection: Connected, job_id: str, *, first: bool = False) -> None:
        if self._queue is not None:
            self._queue.put(connection, job_id, first=first)

    def find(self, job_id: str) -> Job:
        """Return the job of that name; raises NotFoundError."""
        with reading(self._database) as connection:
            row = connection.execute(JOB.select().where(JOB.c.id == job_id)).first()
        if row is None:
            raise NotFoundError("expected a job that was handed in within the hour, found none of this name")
        return _job(row)

    def waiting(self) -> int:
        """Return how many jobs wait or run."""
        with reading(self._database) as connection:
            return int(connection.execute(count_of(JOB, JOB.c.state.in_(_OPEN))).scalar_one())

    def claim(self, worker: str) -> Job | None:
        """Take the oldest job that waits or whose worker fell silent; None where there is none."""
        with reading(self._database) as connection:
            if connection.execute(sa.select(JOB.c.id).where(_free(now_us())).limit(1)).first() is None:
                return None
        with writing(self._database) as connection:
            found = _lease(connection, worker, self._lease_end())
        return None if found is None else self.find(found)

    def take(self, job_id: str, worker: str) -> Job | None:
        """Take the job of that name; None where it is over, gone, or somebody works on it."""
        with writing(self._database) as connection:
            found = _lease(connection, worker, self._lease_end(), JOB.c.id == job_id)
        return None if found is None else self.find(found)

    def _lease_end(self) -> int:
        return now_us() + int(self.lease_s * _SECOND)

    def queue_again(self, queued: Collection[str]) -> int:
        """Queue jobs that nobody works on and that are not ``queued``; return how many were lost like that."""
        with reading(self._database) as connection:
            free = [str(row.id) for row in connection.execute(sa.select(JOB.c.id).where(_free(now_us())))]
        done = 0
        for job_id in free:
            if job_id not in queued:
                with suppress(ConflictError), writing(self._database) as connection:
                    self._announce(connection, job_id, first=True)
                    done += 1
        return done

    def renew(self, job: Job, worker: str, **progress: Any) -> bool:
        """Say that ``worker`` still works on ``job``; return whether it should go on.

        Args:
            job: The job.
            worker: Who works on it.
            progress: New values of ``stage``, ``percent`` and ``note``.
        """
        until = self._lease_end()
        with writing(self._database) as connection:
            changed = connection.execute(
                JOB.update().where(*_mine(job, worker)).values(leased_until_us=until, **progress)
            )
            return bool(changed.rowcount)

    def finish(self, job: Job, worker: str, result: bytes) -> None:
        """Store what came out, unless the job was cancelled or taken away meanwhile."""
        self._end(job, worker, state=JobState.DONE.value, result=result, percent=100.0, stage="done")

    def fail(self, job: Job, worker: str, problem: Mapping[str, Any]) -> None:
        """Store why the job failed, unless it was cancelled or taken away meanwhile."""
        self._end(job, worker, state=JobState.FAILED.value, problem=json.dumps(problem), stage="failed")

    def put_back(self, job: Job, worker: str) -> None:
        """Let another worker take the job at once; the try does not count. For a service that is stopping."""
        waits = {"state": JobState.WAITING.value, "stage": "waiting", "leased_by": "", "finished_us": None}
        with writing(self._database) as connection:
            change = JOB.update().where(*_mine(job, worker)).values(attempts=JOB.c.attempts - 1, **waits)
            if connection.execute(change).rowcount:
                self._announce(connection, job.id, first=True)

    def _end(self, job: Job, worker: str, **values: Any) -> None:
        with writing(self._database) as connection:
            change = JOB.update().where(*_mine(job, worker))
            connection.execute(change.values({"finished_us": now_us()} | values))

    def cancel(self, job_id: str) -> Job:
        """Cancel a job that is not over; one that is stays as it is.

        Raises:
            NotFoundError: There is no such job.
        """
        change = JOB.update().where(JOB.c.id == job_id, JOB.c.state.in_(_OPEN))
        with writing(self._database) as connection:
            connection.execute(
                change.values(state=JobState.CANCELLED.value, stage="cancelled", finished_us=now_us())
            )
        return self.find(job_id)

    def forget_old(self) -> list[str]:
        """Remove jobs that were over :data:`KEEP_S` ago; return the names of all that are not over."""
        old = now_us() - int(KEEP_S * _SECOND)
        with writing(self._database) as connection:
            connection.execute(JOB.delete().where(JOB.c.finished_us < old))
            left = sa.select(JOB.c.id).where(JOB.c.state.in_(_OPEN))
            return [str(row.id) for row in connection.execute(left)]


def _mine(job: Job, worker: str) -> tuple[sa.ColumnElement[bool], ...]:
    return (JOB.c.id == job.id, JOB.c.leased_by == worker, JOB.c.state == JobState.RUNNING.value)


def _silent(now: int) -> sa.ColumnElement[bool]:
    return sa.and_(JOB.c.state == JobState.RUNNING.value, JOB.c.leased_until_us < now)


def _free(now: int) -> sa.ColumnElement[bool]:
    return sa.or_(JOB.c.state == JobState.WAITING.value, _silent(now))


def _lease(connection: Connected, worker: str, until: int, *which: sa.ColumnElement[bool]) -> str | None:
    """Give the oldest free job of ``which`` to ``worker``; return its name. Jobs tried too often end here."""
    now = now_us()
    poison = JOB.update().where(_silent(now), JOB.c.attempts >= MAX_TRIES)
    given_up = {"code": "job-given-up", "detail": f"given up after {MAX_TRIES} tries"}
    connection.execute(
        poison.values(state=JobState.FAILED.value, problem=json.dumps(given_up), finished_us=now)
    )
    oldest = sa.select(JOB.c.id).where(_free(now), *which).order_by(JOB.c.created_us).limit(1)
    found: str | None = connection.execute(oldest.with_for_update(skip_locked=True)).scalar()
    if found is not None:
        lease = {"leased_by": worker, "leased_until_us": until}
        change = JOB.update().where(JOB.c.id == found)
        connection.execute(change.values(state=JobState.RUNNING.value, attempts=JOB.c.attempts + 1, **lease))
    return found


def new_id() -> str:
    """Return an unguessable name of a job."""
    return secrets.token_hex(16)


def _job(row: Any) -> Job:
    return Job(
        row.id,
        row.kind,
        row.tenant,
        json.loads(row.params),
        JobState(row.state),
        row.stage,
        row.percent,
        row.note,
        row.attempts,
        time_of(row.created_us),
        row.result,
        row.problem,
    )
