"""All ordeals in one table: ``python -m bench.torture.campaign [--long]``; exit status 1 if anything was lost.

The long form: at least 1,000 kills, 100 full disks, 100 restarts of the database server. SIGKILL keeps the
page cache: loss of power is not tried here.
"""

from __future__ import annotations

import argparse
import itertools
import os
import platform
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from bench.postgres import Server, find_binaries
from bench.torture import clocks, commits, disks, kills, servers
from bench.torture.ground import Ground, Tally


@dataclass(frozen=True, slots=True)
class Scale:
    """How often each blow falls."""

    kills: int
    racing: int
    full: int
    restarts: int
    commits: int
    calls: tuple[int, ...]


SHORT = Scale(kills=4, racing=4, full=1, restarts=1, commits=6, calls=(2,))
LONG = Scale(
    kills=500, racing=240, full=100, restarts=100, commits=100, calls=(*range(1, 16), 20, 25, 30, 40, 50)
)

Ordeal = tuple[str, Callable[[Tally], None] | str]


def sqlite_grounds(folder: Path) -> Iterator[Ground]:
    """Yield empty registries in SQLite files."""
    for number in itertools.count():
        place = folder / f"sqlite-{number}"
        place.mkdir()
        yield Ground.make(f"sqlite:///{place}/registry.db", place)


def postgres_grounds(server: Server, folder: Path) -> Iterator[Ground]:
    """Yield empty registries in databases of ``server``."""
    for number in itertools.count():
        place = folder / f"postgres-{number}"
        place.mkdir()
        yield Ground.make(server.database(f"torture{number}"), place)


def ordeals(scale: Scale, folder: Path, server: Server | None) -> Iterator[Ordeal]:
    """Yield each ordeal by name: what to do, or the reason why it cannot be done here."""
    lite = sqlite_grounds(folder)
    yield "SQLite: writer killed at random", lambda t: kills.at_random(lite, 1, scale.kills, t)
    yield "SQLite: 2 racing writers killed", lambda t: kills.at_random(lite, 2, scale.racing, t)
    yield "SQLite: 4 racing writers killed", lambda t: kills.at_random(lite, 4, scale.racing, t)
    yield "SQLite: killed at every statement", lambda t: kills.at_every_statement(next(lite), t)
    yield "SQLite: commit fails, persisted or not", lambda t: commits.lying(next(lite), scale.commits, t)
    mounts = os.geteuid() == 0
    yield (
        "SQLite: disk full",
        (lambda t: disks.full(folder, scale.full, t)) if mounts else "mounting needs root",
    )
    for calls, error in (("fsync,fdatasync", "EIO"), ("pwrite64", "EIO"), ("pwrite64", "ENOSPC")):
        injected = partial(_inject, lite, calls, error, scale.calls)
        yield f"SQLite: {calls} answers {error}", injected if disks.have_strace() else "needs strace"
    stepped = lambda t: clocks.steps(next(lite), t)  # noqa: E731
    yield "clock steps", stepped if clocks.LIBRARY.exists() else "needs libfaketime"
    if server is None:
        yield "PostgreSQL: all", "needs a PostgreSQL server"
        return
    big = postgres_grounds(server, folder)
    yield "PostgreSQL: 4 racing writers killed", lambda t: kills.at_random(big, 4, scale.racing, t)
    yield "PostgreSQL: killed at every statement", lambda t: kills.at_every_statement(next(big), t)
    yield "PostgreSQL: commit fails, persisted or not", lambda t: commits.lying(next(big), scale.commits, t)
    yield (
        "PostgreSQL: server killed under 2 writers",
        lambda t: servers.restarts(server, folder, scale.restarts, t),
    )


def _inject(
    grounds: Iterator[Ground], calls: str, error: str, numbers: tuple[int, ...], tally: Tally
) -> None:
    disks.failing(next(grounds), calls, error, numbers, tally)


def run(scale: Scale, tell: Callable[[str], None]) -> dict[str, Tally | str]:
    """Run all ordeals; return what each did and found, or why it could not be run."""
    found: dict[str, Tally | str] = {}
    binaries = find_binaries()
    server = None if binaries is None else Server(binaries)
    try:
        with tempfile.TemporaryDirectory(prefix="provenance-torture-") as name:
            for title, ordeal in ordeals(scale, Path(name), server):
                if isinstance(ordeal, str):
                    found[title] = ordeal
                    tell(f"{title:44} not run: {ordeal}")
                    continue
                tally, started = Tally(), time.monotonic()
                ordeal(tally)
                found[title] = tally
                tell(_line(title, tally, time.monotonic() - started))
    finally:
        if server is not None:
            server.close()
    return found


def _line(title: str, tally: Tally, seconds: float) -> str:
    return (
        f"{title:44} {tally.blows:5} blows, {tally.acknowledged:8,} receipts re-checked in {tally.checks:4} full "
        f"checks: {tally.lost} lost, {tally.changed} changed, {tally.broken} broken  ({seconds:.0f} s)"
        + "".join(f"\n    {each}" for each in tally.words)
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--long", action="store_true", help="1,000 kills, 100 full disks, 100 restarts")
    wanted = parser.parse_args()
    print(
        f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores, {platform.machine()}, "
        f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}",
        flush=True,
    )
    found = run(LONG if wanted.long else SHORT, lambda line: print(line, flush=True))
    tallies = [each for each in found.values() if isinstance(each, Tally)]
    print(
        f"in all {sum(each.blows for each in tallies)} blows: {sum(each.lost for each in tallies)} lost, "
        f"{sum(each.changed for each in tallies)} changed, {sum(each.broken for each in tallies)} broken"
    )
    return int(any(each.wrong or not each.blows for each in tallies))


if __name__ == "__main__":
    sys.exit(main())
