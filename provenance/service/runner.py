"""Runner: the engine on SQLite; threads that look for jobs and do them."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from typing import Final

from provenance.errors import ProvenanceError
from provenance.service.doer import Doer, Work, worker_name
from provenance.service.jobs import Job, Jobs

_log = logging.getLogger(__name__)
#: Seconds between looks for jobs that other processes handed in.
POLL_S: Final = 1.0


class Runner:
    """Takes jobs from the table by lease and does them.

    Args:
        jobs: Where they come from.
        work: What to do for each kind, see :class:`provenance.service.doer.Doer`.
        threads: Jobs done at once.
        over: Called with each job that is over, to remove what it left.
    """

    def __init__(
        self,
        jobs: Jobs,
        work: Mapping[str, Work],
        threads: int,
        over: Callable[[Job], None] = lambda _: None,
    ) -> None:
        self._jobs, self._doer = jobs, Doer(jobs, work, over)
        self._woken = threading.Event()
        names = [worker_name() for _ in range(threads)]
        self._threads = [
            threading.Thread(target=self._loop, args=(name,), name=f"job-runner-{name}") for name in names
        ]

    def start(self) -> None:
        """Begin to take jobs."""
        for thread in self._threads:
            thread.start()

    def wake(self) -> None:
        """Look for jobs now instead of within a second."""
        self._woken.set()

    def stop(self, wait_s: float) -> None:
        """Take no more jobs; those under way go back into the queue at their next step."""
        self._doer.stopping.set()
        self._woken.set()
        for thread in self._threads:
            thread.join(wait_s)

    def _loop(self, worker: str) -> None:
        while not self._doer.stopping.is_set():
            try:
                job = self._jobs.claim(worker)
                if job is not None:
                    self._doer.do(job, worker)
                    continue
            except ProvenanceError as cause:
                _log.warning("jobs cannot be read or written: %s", cause.message)
            self._woken.wait(POLL_S)
            self._woken.clear()
