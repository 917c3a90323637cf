"""The engine on PostgreSQL: procrastinate tells workers of jobs; the job's row says who works on it and how far.

A job is put into procrastinate's queue in the transaction that writes its row, so that none is acknowledged
and not queued. Workers hear of it at once (LISTEN/NOTIFY) and take the row's lease; whoever does not get it
drops the message. Every few seconds each worker looks for rows that nobody works on and no message names:
their worker died, or the message was lost with it. This is the only user of procrastinate.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import procrastinate
import psycopg
from procrastinate.jobs import Status
from procrastinate.schema import SchemaManager

from provenance.errors import ConflictError, ProvenanceError
from provenance.ledger.database import Connected, driver_connection
from provenance.service.doer import Doer, Work, worker_name
from provenance.service.jobs import Job, Jobs

_log = logging.getLogger(__name__)
_TASK: Final = "provenance.job"
_QUEUE: Final = "provenance"
#: Seconds between looks for jobs whose worker died.
RESCUE_S: Final = 5.0
#: Seconds between tries to reach a database that is away.
_PAUSE_S: Final = 1.0
#: Seconds without a sign of life after which procrastinate's own records of a worker are removed.
_SILENT_S: Final = 60.0


def create_tables(connection: Connected) -> None:
    """Make procrastinate's tables and functions."""
    driver_connection(connection).execute(SchemaManager.get_schema())


class Queue:
    """Where jobs are put for workers to hear of, within the transaction of whoever hands them in."""

    def __init__(self) -> None:
        # Never opened: it only writes over connections of others.
        self._app = procrastinate.App(connector=procrastinate.SyncPsycopgConnector())

    def put(self, connection: Connected, job_id: str, *, first: bool) -> None:
        """Tell workers of a job when the transaction is committed; ``first`` puts it before new ones.

        Raises:
            ConflictError: They were told and none took it yet; the transaction can only be undone.
        """
        task = self._app.configure_task(
            _TASK,
            queue=_QUEUE,
            queueing_lock=job_id,
            priority=int(first),
            connection=driver_connection(connection),
        )
        try:
            task.defer(job_id=job_id)
        except procrastinate.exceptions.AlreadyEnqueued as cause:
            raise ConflictError("expected a job that is not queued, found one that is") from cause


class QueueRunner:
    """Takes jobs that procrastinate hands out and does them.

    Args:
        jobs: Where they are written down.
        work: What to do for each kind, see :class:`provenance.service.doer.Doer`.
        threads: Jobs done at once.
        over: Called with each job that is over, to remove what it left.
        conninfo: Connection string of libpq, of a database that keeps sessions: LISTEN needs one.
    """

    def __init__(
        self,
        jobs: Jobs,
        work: Mapping[str, Work],
        threads: int,
        over: Callable[[Job], None] = lambda _: None,
        *,
        conninfo: str,
    ) -> None:
        self._jobs, self._doer, self._count, self._conninfo = jobs, Doer(jobs, work, over), threads, conninfo
        self._started: tuple[asyncio.AbstractEventLoop, threading.Thread] | None = None
        self._stop = asyncio.Event()
        self._executor = ThreadPoolExecutor(threads + 1, thread_name_prefix="job-worker")

    def start(self) -> None:
        """Begin to take jobs."""
        loop = asyncio.new_event_loop()
        thread = threading.Thread(target=self._run, args=(loop,), name="job-queue")
        self._started = loop, thread
        thread.start()

    def wake(self) -> None:
        """Do nothing: the database tells."""

    def stop(self, wait_s: float) -> None:
        """Take no more jobs; those under way go back into the queue at their next step."""
        self._doer.stopping.set()
        if self._started is None:
            return
        loop, thread = self._started
        if thread.is_alive():
            loop.call_soon_threadsafe(self._stop.set)
            thread.join(wait_s)

    def _run(self, loop: asyncio.AbstractEventLoop) -> None:
        try:
            loop.set_default_executor(self._executor)  # procrastinate runs functions in it
            loop.run_until_complete(self._serve())
        finally:
            loop.close()

    async def _serve(self) -> None:
        """Work until told to stop; where the database goes away, begin anew."""
        while not self._stop.is_set():
            try:
                async with self._app().open_async() as app:
                    await self._work(app)
            except (procrastinate.exceptions.ProcrastinateException, psycopg.Error, OSError) as cause:
                _log.warning("the queue of jobs cannot be read now: %s", cause)
            await self._stopped_within(_PAUSE_S)

    def _app(self) -> procrastinate.App:
        connector = procrastinate.PsycopgConnector(
            conninfo=self._conninfo, min_size=1, max_size=4, timeout=10.0
        )
        app = procrastinate.App(connector=connector)
        app.task(name=_TASK, queue=_QUEUE)(self._take)
        return app

    async def _work(self, app: procrastinate.App) -> None:
        worker = asyncio.create_task(
            app.run_worker_async(
                queues=[_QUEUE],
                concurrency=self._count,
                install_signal_handlers=False,
                delete_jobs="always",  # the rows are the record
                stalled_worker_timeout=_SILENT_S,
            )
        )
        rescue, stop = asyncio.create_task(self._rescue(app)), asyncio.create_task(self._stop.wait())
        try:
            await asyncio.wait((worker, rescue, stop), return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in (rescue, stop, worker):
                each.cancel()
            ended = await asyncio.gather(worker, rescue, return_exceptions=True)
        for outcome in ended:
            if isinstance(outcome, Exception):
                raise outcome

    def _take(self, job_id: str) -> None:
        worker = worker_name()
        try:
            job = self._jobs.take(job_id, worker)
            if job is not None:
                self._doer.do(job, worker)
        except ProvenanceError as cause:  # the job is found again when its lease has run out
            _log.warning("job %s cannot be read or written: %s", job_id, cause.message)

    async def _rescue(self, app: procrastinate.App) -> None:
        """Put jobs into the queue again that nobody works on, at once and then every few seconds."""
        manager = app.job_manager
        while not await self._stopped_within(RESCUE_S):
            for dead in await manager.get_stalled_jobs(queue=_QUEUE, seconds_since_heartbeat=_SILENT_S):
                await manager.finish_job(dead, Status.FAILED, delete_job=True)
            queued = await manager.list_jobs_async(queue=_QUEUE, status=Status.TODO.value)
            names = frozenset(each.queueing_lock or "" for each in queued)
            try:
                found = await asyncio.to_thread(self._jobs.queue_again, names)
            except ProvenanceError as cause:
                _log.warning("lost jobs cannot be looked for: %s", cause.message)
                continue
            if found:
                _log.warning("%d jobs that nobody worked on are in the queue again", found)

    async def _stopped_within(self, seconds: float) -> bool:
        try:
            await asyncio.wait_for(self._stop.wait(), seconds)
        except TimeoutError:
            return False
        return True
