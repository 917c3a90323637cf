"""Doer: does one job that an engine handed out, keeps its lease, and writes down how it ended."""

from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Protocol

from provenance.errors import BusyError, ProvenanceError, StorageError, UnavailableError
from provenance.service.jobs import MAX_TRIES, Job, Jobs, JobState, new_id

_log = logging.getLogger(__name__)


class JobStoppedError(ProvenanceError):
    """The job was cancelled, or the service stops; what was done of it is dropped."""

    code = "job-stopped"


Tell = Callable[[str, float, str], None]
Work = Callable[[Job, Tell], bytes]


class Engine(Protocol):
    """What takes jobs and has them done; there is one for each kind of database."""

    def start(self) -> None:
        """Begin to take jobs."""

    def wake(self) -> None:
        """Look for jobs now."""

    def stop(self, wait_s: float) -> None:
        """Take no more jobs; those under way go back into the queue at their next step.

        Args:
            wait_s: Time they have for it, seconds.
        """


def worker_name() -> str:
    """Return a name for whoever leases a job: this machine, and what tells it from others there."""
    return f"{socket.gethostname()}/{new_id()[:8]}"


class Doer:
    """Does jobs, each when it is handed out.

    Args:
        jobs: Where they are written down.
        work: What to do for each kind; called with the job and a function that takes stage, percent and
            note, and raises JobStoppedError where the job is to end.
        over: Called with each job that is over, to remove what it left.
    """

    def __init__(self, jobs: Jobs, work: Mapping[str, Work], over: Callable[[Job], None]) -> None:
        self._jobs, self._work, self._over = jobs, dict(work), over
        self.stopping = threading.Event()

    def do(self, job: Job, worker: str) -> None:
        """Do ``job``, which ``worker`` leases, and write down how it ended.

        Raises:
            StorageError: It cannot be written; the lease runs out and the job is done again.
        """
        _log.info("job %s (%s), try %d", job.id, job.kind, job.tries)

        def tell(stage: str, percent: float, note: str) -> None:
            progress = {"stage": stage, "percent": percent} | ({"note": note} if note else {})
            if self.stopping.is_set() or not self._jobs.renew(job, worker, **progress):
                raise JobStoppedError("expected the job to go on, it was stopped")

        try:
            with self._kept_alive(job, worker):
                result = self._work[job.kind](job, tell)
            self._jobs.finish(job, worker, result)
        except JobStoppedError:
            self._jobs.put_back(job, worker)
        except ProvenanceError as cause:
            self._failed(job, worker, cause)
        except Exception:  # noqa: BLE001 - the edge of the thread: a bug in one job must not end the others
            if self._jobs.find(job.id).state is JobState.CANCELLED:
                # Its file is removed at once, under whoever reads it.
                _log.info("job %s was cancelled", job.id)
            else:
                _log.exception("job %s failed", job.id)
                self._jobs.fail(job, worker, {"code": "bug", "detail": "this is a bug; quote the job's id"})
        if self._jobs.find(job.id).state.over:
            self._over(job)

    def _failed(self, job: Job, worker: str, cause: ProvenanceError) -> None:
        """Give a job up whose file is at fault; what met a full disk, a busy pool or a lost database is tried again."""
        _log.info("job %s failed: %s", job.id, cause.code)
        temporary = isinstance(cause, StorageError | BusyError) or type(cause) is UnavailableError
        if temporary and self.stopping.is_set():
            self._jobs.put_back(job, worker)
            return
        if temporary and job.tries < MAX_TRIES:
            # Whoever takes it when the lease has run out finds the trouble over, or counts one more try.
            self._jobs.renew(job, worker, stage="to be tried again")
            return
        self._jobs.fail(job, worker, {"code": cause.code, "detail": cause.message, "hint": cause.hint})

    @contextmanager
    def _kept_alive(self, job: Job, worker: str) -> Iterator[None]:
        """Renew the lease while the job is done, also where a step takes longer than the lease."""
        over = threading.Event()

        def renew() -> None:
            while not over.wait(self._jobs.lease_s / 4):
                try:
                    self._jobs.renew(job, worker)
                except ProvenanceError as cause:
                    _log.warning("the lease of job %s cannot be renewed: %s", job.id, cause.message)

        thread = threading.Thread(target=renew, name=f"lease-{job.id[:8]}", daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()
