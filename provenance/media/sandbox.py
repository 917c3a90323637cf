"""A pool of locked-down worker processes; all media is parsed in them and nowhere else.

A worker is a fresh interpreter (never a fork of a threaded parent) that imports the tasks, locks itself down
(:mod:`provenance.media.lockdown`) and then answers jobs one at a time. Files reach it as open descriptors,
values as plain CBOR (:mod:`provenance.media.wire`). Whatever happens in it, the parent answers with a value
or with an error of the product's tree: a job past its deadline is killed, a death is reported, and the next
job finds a worker again.

A module of tasks offers ``TASKS: Mapping[str, Callable[[Job], object]]`` and may offer ``warm_up()``, called
before the lock-down for everything that must be imported or read from disk early.
"""

from __future__ import annotations

import contextlib
import logging
import mmap
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import CancelledError, ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Self, cast

from provenance.errors import DeadlineError, FormatError, ProvenanceError, UnavailableError, WorkerError
from provenance.media.job import (
    Callback,
    CallbackError,
    Job,
    NonsenseError,
    Source,
    converse,
    open_source,
    value_of,
)
from provenance.media.lockdown import CPU_LIFETIME_S, Isolation, Level
from provenance.media.wire import MAX_DESCRIPTORS, Channel
from provenance.settings import Limits

__all__ = ["RECYCLE_AFTER", "Callback", "Isolation", "Job", "Level", "Source", "WorkerPool"]

_log = logging.getLogger(__name__)

#: Jobs after which a worker is replaced: bounds what a leak or a fragmented heap can add up to.
RECYCLE_AFTER = 256
#: Busy seconds after which a worker is replaced, so that no job meets the CPU limit of the worker's life.
_RECYCLE_BUSY_S = CPU_LIFETIME_S / 6
#: Seconds a worker may take to import its tasks; about 1 s where the disk is warm (measured).
_BOOT_S = 120.0
#: Resident memory, bytes, from which a worker is replaced: an engine that keeps what a large file took would add it
#: to all that follows. Source: docs/measurements.md, film: a worker that signed an hour of film kept 400 MB.
_RECYCLE_BYTES = 320 << 20
_START = (
    "import sys; sys.path[:] = sys.argv[2:]\nfrom provenance.media.worker import main; main(int(sys.argv[1]))"
)
#: The whole environment of a worker. Nothing of the parent's is passed on: it may hold secrets.
_ENVIRONMENT = {
    "LANG": "C.UTF-8",
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "MALLOC_ARENA_MAX": "2",  # each arena reserves 64 MiB of the limited address space
    # Planes of a picture, 2 MB each, come from memory that the process has already: asked of the system each time, they
    # were a seventh of a check in page faults. What is larger, and what lies free beyond this, goes back as before.
    # Source: docs/measurements.md, stages of a check.
    "MALLOC_MMAP_THRESHOLD_": str(8 << 20),
    "MALLOC_TRIM_THRESHOLD_": str(64 << 20),
}


class _Worker:
    """One worker process and the parent's end of its channel; owned by one thread at a time."""

    def __init__(self, tasks: str, limits: Limits) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            paths = [str(Path(entry).resolve()) for entry in sys.path if entry]
            self.process = subprocess.Popen(  # noqa: S603 - our own interpreter and our own code
                [sys.executable, "-I", "-c", _START, str(theirs.fileno()), *paths],
                pass_fds=(theirs.fileno(),),
                env=_ENVIRONMENT,
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,  # native libraries print what hostile media makes them print
                start_new_session=True,  # an interrupt at the terminal is for the parent to handle
            )
        self.channel = Channel(ours)
        self.jobs = 0
        self.busy_s = 0.0
        self.isolation = self._boot(tasks, limits)

    def _boot(self, tasks: str, limits: Limits) -> Isolation:
        deadline = time.monotonic() + _BOOT_S
        try:
            self.channel.send({"tasks": tasks, "limits": asdict(limits)}, deadline=deadline)
            answer = cast("dict[str, str]", self.channel.receive(deadline=deadline)[0])
        except (EOFError, OSError, FormatError) as cause:
            raise WorkerError(
                f"a media worker did not start: {self.end(1.0)}",
                hint="run the same command again; if it persists, worker_memory_bytes may be too small",
            ) from cause
        if "failed" in answer:
            self.end()
            raise WorkerError(f"a media worker could not load {tasks}: {answer['failed']}")
        return Isolation(Level(answer["level"]), answer["reason"])

    @property
    def worn(self) -> bool:
        """Whether the worker should be replaced before another job."""
        old = self.jobs >= RECYCLE_AFTER or self.busy_s >= _RECYCLE_BUSY_S
        return old or self.resident >= _RECYCLE_BYTES

    @property
    def resident(self) -> int:
        """Memory that the process holds, bytes; 0 where the system does not tell."""
        try:
            pages = Path(f"/proc/{self.process.pid}/statm").read_text("ascii").split()[1]
        except OSError:
            return 0
        return int(pages) * mmap.PAGESIZE

    def end(self, grace_s: float = 0.0) -> str:
        """Kill and reap the process; return how it ended, as text.

        Args:
            grace_s: Seconds for one that is already dying to keep its own status, the interesting one.
        """
        if grace_s:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(timeout=grace_s)
        self.process.kill()
        status = self.process.wait()
        self.channel.close()
        if status < 0:
            return f"killed by {signal.Signals(-status).name}"
        return f"ended with status {status}"


class WorkerPool:
    """Runs tasks on media in locked-down processes. Thread-safe.

    Workers start when they are first needed, at most ``size`` of them. A dead or worn worker is replaced in
    the background.

    Args:
        tasks: Name of the module with ``TASKS``.
        limits: Limits of one worker and of the media it is given.
        size: Most workers; default ``limits.workers``.
    """

    def __init__(
        self, tasks: str = "provenance.tasks", limits: Limits | None = None, size: int | None = None
    ) -> None:
        self._tasks = tasks
        self._limits = limits if limits is not None else Limits()
        self._size = size if size is not None else self._limits.workers
        if self._size < 1:
            raise ValueError(f"a pool has at least one worker, not {self._size}")
        self._idle: list[_Worker] = []
        self._live: set[_Worker] = set()
        self._started = 0  # workers that live or are being started
        self._closed = False
        self._isolation: Isolation | None = None
        self._changed = threading.Condition()
        # A worker is told to die with the *thread* that started it, so one lasting thread starts them all.
        self._starter = ThreadPoolExecutor(1, thread_name_prefix="media-worker-starter")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def isolation(self) -> Isolation:
        """How the workers are contained; starts one if none has run yet."""
        if self._isolation is None:
            self._release(self._acquire(None))
        if self._isolation is None:
            raise WorkerError("a started worker did not say how it is contained")
        return self._isolation

    def close(self) -> None:
        """Kill all workers and wait for them; a job that is running ends with an error."""
        with self._changed:
            self._closed = True
            idle, self._idle = self._idle, []
            self._changed.notify_all()
        self._starter.shutdown(wait=True, cancel_futures=True)
        with self._changed:
            doomed = list(self._live)
            self._live.clear()
        for worker in doomed:
            worker.process.kill()
        for worker in doomed:
            worker.process.wait()
        for worker in idle:
            worker.channel.close()  # that of a busy one belongs to the thread that waits for it

    def run(
        self,
        task: str,
        files: Sequence[Source] = (),
        params: Mapping[str, object] | None = None,
        *,
        timeout_s: float | None = None,
        wait_s: float | None = None,
        callbacks: Mapping[str, Callback] | None = None,
    ) -> object:
        """Return the plain value that ``task`` makes of ``files`` and ``params`` in a worker.

        Args:
            task: Name in the module's ``TASKS``.
            files: At most sixteen. An open file must have a descriptor; its position is shared with the
                worker, so one open file belongs to one job at a time. Paths are opened anew.
            params: Plain values.
            timeout_s: Seconds the worker may take, without the time callbacks take; default
                ``limits.worker_seconds``.
            wait_s: Seconds to wait for a free worker; default as long as it takes.
            callbacks: What the task may ask of the parent, by name. The worker is not trusted: a callback
                that does something of value counts and checks what it is asked. One that raises ends the
                job; its error is passed on unchanged.

        Raises:
            DeadlineError: The time is over; the worker was killed.
            WorkerError: The worker died or answered nonsense.
            LimitError: The worker ran out of memory.
            UnavailableError: No worker became free in time, or the pool is closed.
            ProvenanceError: The class the task raised.
        """
        allowed_s = timeout_s if timeout_s is not None else self._limits.worker_seconds
        if len(files) > MAX_DESCRIPTORS:
            raise ValueError(f"a job takes at most {MAX_DESCRIPTORS} files, not {len(files)}")
        with contextlib.ExitStack() as stack:
            opened = [open_source(source, stack) for source in files]
            message = {"task": task, "params": dict(params or {}), "modes": [mode for _, mode in opened]}
            worker = self._acquire(wait_s)
            started = time.monotonic()
            with self._answering(worker, task, allowed_s):
                answer = converse(
                    worker.channel, message, [fd for fd, _ in opened], started + allowed_s, callbacks or {}
                )
        worker.jobs += 1
        worker.busy_s += time.monotonic() - started
        if answer.get("spent") or worker.worn:
            self._discard(worker)
        else:
            self._release(worker)
        return value_of(answer)

    @contextlib.contextmanager
    def _answering(self, worker: _Worker, task: str, allowed_s: float) -> Iterator[None]:
        """Whatever goes wrong in the conversation costs the worker and becomes an error of the product."""
        try:
            yield
        except CallbackError as cause:
            self._discard(worker)
            raise cause.error from None
        except TimeoutError as cause:
            self._discard(worker)
            raise DeadlineError(
                f"{task} did not end within {allowed_s:g} s",
                hint="the file is very large or made to be slow; allow more time if it is trusted",
            ) from cause
        except (EOFError, ConnectionError, NonsenseError) as cause:
            end = self._discard(worker, grace_s=0.0 if isinstance(cause, NonsenseError) else 1.0)
            reason = "the pool was closed" if self._closed else f"{cause}; {end}"
            raise WorkerError(
                f"the media worker died in {task}: {reason}", hint="the file may be damaged or hostile"
            ) from cause
        except BaseException:
            self._discard(worker)
            raise

    def _acquire(self, wait_s: float | None) -> _Worker:
        deadline = None if wait_s is None else time.monotonic() + wait_s
        with self._changed:
            while True:
                if self._closed:
                    raise UnavailableError("the pool of media workers is closed")
                while self._idle:
                    worker = self._idle.pop()  # the last one used has the warmest caches
                    if worker.process.poll() is None:
                        return worker
                    self._forget(worker)  # it was ended from outside while it had nothing to do
                if self._started < self._size:
                    self._started += 1
                    break
                left = None if deadline is None else deadline - time.monotonic()
                if left is not None and left <= 0:
                    raise UnavailableError(
                        f"no media worker became free within {wait_s:g} s", hint="repeat the request later"
                    )
                self._changed.wait(left)
        try:
            return self._starter.submit(self._start).result()
        except (RuntimeError, CancelledError) as cause:  # the starter was shut down in between
            raise UnavailableError("the pool of media workers is closed") from cause

    def _start(self) -> _Worker:
        """Start a worker that was already counted; runs in the starter thread."""
        try:
            worker = _Worker(self._tasks, self._limits)
        except BaseException:
            with self._changed:
                self._started -= 1
                self._changed.notify()
            raise
        with self._changed:
            self._live.add(worker)
            self._isolation = worker.isolation
        if worker.isolation.level is not Level.SECCOMP:
            _log.warning(
                "media workers are contained by %s only: %s",
                worker.isolation.level.value,
                worker.isolation.reason,
            )
        return worker

    def _refill(self) -> None:
        with self._changed:
            if self._closed or self._started >= self._size:
                return
            self._started += 1
        try:
            worker = self._start()
        except (ProvenanceError, OSError) as cause:
            _log.warning("a media worker could not be replaced: %s", cause)
            return
        self._release(worker)

    def _release(self, worker: _Worker) -> None:
        with self._changed:
            if not self._closed:
                self._idle.append(worker)
                self._changed.notify()
                return
        worker.end()

    def _discard(self, worker: _Worker, grace_s: float = 0.0) -> str:
        end = worker.end(grace_s)
        with self._changed:
            self._forget(worker)
            if not self._closed:
                self._starter.submit(self._refill)
        return end

    def _forget(self, worker: _Worker) -> None:
        """Take an ended worker out of the count; the caller holds the lock."""
        worker.channel.close()
        self._live.discard(worker)
        self._started -= 1
        self._changed.notify()
