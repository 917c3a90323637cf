"""Registrations per second of the log, beside what database, disk and signatures allow in the same run.

Run: ``python -m bench.ledger [--databases sqlite postgresql] [--batches 1 16 256 1024] [--entries 4096]``. One entry
is a full registration: a signed leaf, payload, asset row, two fingerprints and a stored picture of ``--reference``
bytes; the append ends with tiles, root, signed checkpoint, one durable commit, the high-water mark and a
receipt for each entry. Beside it: *raw*, the same leaf and picture bytes into one plain table of the same
database with one durable commit for each batch; *pymerkle*, the leaves alone into its SQLite tree.

Then *group commit*: ``--clients`` threads submit one registration at a time through the intake; what is timed
is from the call to the receipt in hand. On a busy machine wall-clock figures say little: the CPU time of this
process an entry (the PostgreSQL server's is not in it) is what holds. ``bench.ledger_growth`` measures reading.
"""

from __future__ import annotations

import argparse
import os
import secrets
import sqlite3
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pymerkle
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from bench.postgres import Server, find_binaries
from bench.registrations import ORGANISATION, ORIGIN, registration_of
from provenance.ledger.checkpoint import NoteSigner
from provenance.ledger.highwater import HighWater
from provenance.ledger.intake import Intake
from provenance.ledger.log import Log
from provenance.ledger.registration import Registration
from provenance.ledger.store import Store

Batch = list[Registration]


@dataclass(frozen=True, slots=True)
class Rate:
    """Entries per second by wall clock, CPU of this process per entry, and the median time of one batch."""

    entries_per_s: float
    cpu_us: float
    p50_ms: float


def rate_of(batches: list[Batch], write: Callable[[Batch], object]) -> Rate:
    """Return the rate of writing ``batches`` one after another."""
    times = []
    cpu = time.process_time()
    for batch in batches:
        started = time.perf_counter()
        write(batch)
        times.append(time.perf_counter() - started)
    count = sum(map(len, batches))
    cpu_us = 1e6 * (time.process_time() - cpu) / count
    return Rate(count / sum(times), cpu_us, 1e3 * statistics.median(times))


@contextmanager
def raw_sqlite(folder: Path) -> Iterator[Callable[[Batch], object]]:
    """Give what writes a batch into one plain SQLite table with one durable commit."""
    raw = sqlite3.connect(folder / "raw.db", isolation_level=None)
    raw.execute("PRAGMA journal_mode=WAL")
    raw.execute("PRAGMA synchronous=FULL")
    raw.execute("CREATE TABLE entry (idx INTEGER PRIMARY KEY, body BLOB, picture BLOB)")

    def write(batch: Batch) -> None:
        raw.execute("BEGIN IMMEDIATE")
        rows = [(each.leaf, each.references[0].blob) for each in batch]
        raw.executemany("INSERT INTO entry (body, picture) VALUES (?, ?)", rows)
        raw.execute("COMMIT")

    yield write
    raw.close()


@contextmanager
def raw_postgresql(server: Server) -> Iterator[Callable[[Batch], object]]:
    """Give what copies a batch into one plain PostgreSQL table with one durable commit."""
    server.database("raw")
    with psycopg.connect(f"host={server.folder} user=postgres dbname=raw") as raw:
        raw.execute("CREATE TABLE entry (idx bigserial PRIMARY KEY, body bytea, picture bytea)")
        raw.commit()

        def write(batch: Batch) -> None:
            with raw.cursor().copy("COPY entry (body, picture) FROM STDIN (FORMAT BINARY)") as copy:
                for each in batch:
                    copy.write_row((each.leaf, each.references[0].blob))
            raw.commit()

        yield write


@contextmanager
def open_log(url: str, key: Ed25519PrivateKey, folder: Path) -> Iterator[tuple[Store, Log]]:
    """Give a new registry at ``url`` and its log, guarded by a high-water mark in ``folder``."""
    store = Store.create(url)
    store.admit(key.public_key(), ORGANISATION)
    signer = NoteSigner(ORIGIN, Ed25519PrivateKey.generate())
    mark = HighWater(folder / "mark", signer.verifier)
    yield store, Log(store, ORIGIN, signer, lambda: datetime.now(UTC), high_water=mark)
    store.close()


def fsync_ms(folder: Path) -> float:
    """Return the median time of writing 4 KiB and making it durable, milliseconds."""
    times = []
    with (folder / "sync").open("wb", buffering=0) as file:
        for _ in range(50):
            started = time.perf_counter()
            file.write(bytes(4096))
            os.fsync(file.fileno())
            times.append(time.perf_counter() - started)
    return 1e3 * statistics.median(times)


def signature_us() -> float:
    """Return the CPU time of verifying one Ed25519 signature over a leaf, microseconds: no append costs less."""
    key, message = Ed25519PrivateKey.generate(), secrets.token_bytes(420)
    public, signature = key.public_key(), key.sign(message)
    started = time.process_time()
    for _ in range(2_000):
        public.verify(signature, message)
    return 1e6 * (time.process_time() - started) / 2_000


def batches_of(size: int, entries: int, key: Ed25519PrivateKey, reference: int) -> list[Batch]:
    """Return batches of ``size``, at least four and at most 200."""
    turns = max(4, min(entries // size, 200))
    return [[registration_of(key, reference) for _ in range(size)] for _ in range(turns)]


def compare(
    name: str, log: Log, raw: Callable[[Batch], object], wanted: argparse.Namespace, key: Ed25519PrivateKey
) -> None:
    """Print one line for each batch size."""
    for size in wanted.batches:
        batches = batches_of(size, wanted.entries, key, wanted.reference)
        with tempfile.TemporaryDirectory() as folder:
            peer = pymerkle.SqliteTree(f"{folder}/peer.db")
            theirs = rate_of(batches, lambda batch, p=peer: p.append_entries([e.leaf for e in batch]))  # type: ignore[misc]
            peer.close()
        base = rate_of(batches, raw)
        mine = rate_of(batches, log.append)
        print(
            f"{name:10} {size:5} {mine.entries_per_s:10,.0f} {mine.cpu_us:9.0f} {mine.p50_ms:9.1f}   "
            f"{base.entries_per_s:10,.0f} {base.cpu_us:9.0f} {base.p50_ms:9.1f} "
            f"{mine.entries_per_s / base.entries_per_s:7.2f}   {theirs.entries_per_s:10,.0f}",
            flush=True,
        )


def group_commit(name: str, log: Log, wanted: argparse.Namespace, key: Ed25519PrivateKey) -> None:
    """Print rate and latency of many clients that submit one registration at a time."""
    turns = wanted.turns
    work = [[registration_of(key, wanted.reference) for _ in range(turns)] for _ in range(wanted.clients)]
    intake, times, start = Intake(log), [], threading.Barrier(wanted.clients + 1)

    def client(mine: Batch) -> None:
        start.wait()
        for each in mine:
            began = time.perf_counter()
            intake.append([each])
            times.append(1e3 * (time.perf_counter() - began))

    threads = [threading.Thread(target=client, args=(mine,)) for mine in work]
    for thread in threads:
        thread.start()
    start.wait()
    began, cpu = time.perf_counter(), time.process_time()
    for thread in threads:
        thread.join()
    took, cpu = time.perf_counter() - began, time.process_time() - cpu
    intake.close()
    times.sort()
    p50, p99 = times[len(times) // 2], times[int(len(times) * 0.99)]
    print(
        f"{name:10} {wanted.clients} clients: {len(times) / took:,.0f}/s, p50 {p50:.0f} ms, p99 {p99:.0f} ms, "
        f"CPU {1e6 * cpu / len(times):.0f} us an entry",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--databases", nargs="+", default=["sqlite", "postgresql"])
    parser.add_argument("--batches", type=int, nargs="+", default=[1, 16, 256, 1024])
    parser.add_argument("--entries", type=int, default=4096, help="entries at most for each batch size")
    parser.add_argument("--reference", type=int, default=1000, help="bytes of the stored picture")
    parser.add_argument("--clients", type=int, default=64)
    parser.add_argument("--turns", type=int, default=20, help="registrations of each client")
    wanted = parser.parse_args()
    key = Ed25519PrivateKey.generate()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        print(
            f"{datetime.now(UTC):%Y-%m-%d %H:%M}, {os.cpu_count()} cores, load average {os.getloadavg()[0]:.1f}; "
            f"4 KiB write + fsync {fsync_ms(folder):.2f} ms; Ed25519 verify {signature_us():.0f} us CPU; "
            f"SQLite {sqlite3.sqlite_version}"
        )
        head = ("log/s", "CPU us", "p50 ms", "raw/s", "CPU us", "p50 ms", "ratio", "pymerkle/s")
        print("database   batch {:>10} {:>9} {:>9}   {:>10} {:>9} {:>9} {:>7}   {:>10}".format(*head))
        if "sqlite" in wanted.databases:
            url = f"sqlite:///{folder}/registry.db"
            with open_log(url, key, folder) as (_, log), raw_sqlite(folder) as raw:
                compare("SQLite", log, raw, wanted, key)
                group_commit("SQLite", log, wanted, key)
        binaries = find_binaries()
        if "postgresql" in wanted.databases and binaries is not None:
            with Server(binaries) as server:
                (folder / "pg").mkdir()
                url = server.database("registry")
                with open_log(url, key, folder / "pg") as (_, log), raw_postgresql(server) as raw:
                    compare("PostgreSQL", log, raw, wanted, key)
                    group_commit("PostgreSQL", log, wanted, key)


if __name__ == "__main__":
    main()
