"""What the log costs as it grows: proofs, full check and bytes at each size, beside pymerkle.

Run: ``python -m bench.ledger_growth [--database sqlite|postgresql] [--sizes 10000 100000 1000000]``. Entries are full
registrations without a stored picture, committed in batches of 2,000; only the last 2,000 of each size are signed
and were examined, the others are filler, so CPU an entry is that of the commit alone.
*Cold* is the first proof of a fresh log
object at a random place, *warm* a proof when 2,000 were made; both hold the reading of the entry. The check of
a receipt is split: the inclusion proof alone, and all of it with the signatures of log and publisher.
"""

from __future__ import annotations

import argparse
import os
import secrets
import sqlite3
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pymerkle
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from bench.ledger import open_log
from bench.postgres import Server, find_binaries
from bench.registrations import filler_of, registration_of
from provenance.ledger.checkpoint import open_checkpoint
from provenance.ledger.entry import read_entry
from provenance.ledger.log import Log
from provenance.ledger.merkle import check_inclusion, leaf_hash
from provenance.ledger.receipt import check_receipt
from provenance.ledger.regrow import check_tree
from provenance.ledger.store import Store

_BATCH = 2_000
_LOG_TABLES = ("log_entry", "log_tile", "log_checkpoint", "log_head")


def quantiles(count: int, work: Callable[[int], object]) -> tuple[float, float]:
    """Return median and 99th percentile of the time of ``work(number)``, milliseconds."""
    times = []
    for number in range(count):
        started = time.perf_counter()
        work(number)
        times.append(1e3 * (time.perf_counter() - started))
    times.sort()
    return times[len(times) // 2], times[int(len(times) * 0.99)]


def grow(log: Log, key: Ed25519PrivateKey, peer: pymerkle.SqliteTree, entries: int) -> float:
    """Append ``entries`` to the log and their leaves to the peer; return CPU microseconds an entry of the log."""
    cpu, public = 0.0, key.public_key()
    for start in range(0, entries, _BATCH):
        count = min(_BATCH, entries - start)
        if start + count < entries:
            batch = [filler_of(public) for _ in range(count)]
        else:
            batch = log.examine([registration_of(key, 0) for _ in range(count)])
        began = time.process_time()
        log.commit(batch)
        cpu += time.process_time() - began
        peer.append_entries([each.registration.leaf for each in batch])
    return 1e6 * cpu / entries


def bytes_of(url: str) -> tuple[int, int]:
    """Return the bytes of the log's tables with their indexes, and of all tables."""
    if url.startswith("sqlite"):
        raw = sqlite3.connect(url.removeprefix("sqlite:///"))
        owner = dict(raw.execute("SELECT name, tbl_name FROM sqlite_master"))
        pages = raw.execute("SELECT name, sum(pgsize) FROM dbstat GROUP BY name").fetchall()
        raw.close()
        sizes = [(owner.get(name, name), size) for name, size in pages]
    else:
        with psycopg.connect(url.replace("+psycopg", "")) as connection:
            query = "SELECT relname, pg_total_relation_size(oid) FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"  # noqa: E501 - one statement
            sizes = connection.execute(query).fetchall()
    return sum(size for name, size in sizes if name in _LOG_TABLES), sum(size for _, size in sizes)


def report(url: str, store: Store, log: Log, peer: pymerkle.SqliteTree, cpu_us: float) -> None:
    """Print one line of figures at the present size."""
    size = store.head().size
    fresh = Log(store, log.verifier.name, None, lambda: datetime.now(UTC), verifier=log.verifier)
    cold = quantiles(
        30,
        lambda _: Log(store, log.verifier.name, None, lambda: datetime.now(UTC), verifier=log.verifier).prove(
            secrets.randbelow(size)
        ),
    )
    quantiles(2_000, lambda _: fresh.prove(secrets.randbelow(size)))
    warm = quantiles(500, lambda _: fresh.prove(secrets.randbelow(size)))
    receipts = [fresh.prove(size - 1 - secrets.randbelow(_BATCH)) for _ in range(200)]  # signed ones
    vkey = getattr(log.verifier, "vkey", "")
    root = open_checkpoint(receipts[0].checkpoint, log.verifier).root
    leaves = [leaf_hash(each.leaf) for each in receipts]
    proof = quantiles(
        200, lambda n: check_inclusion(leaves[n], receipts[n].index, size, receipts[n].proof, root)
    )
    texts = [(each.format(), read_entry(each.leaf).asset) for each in receipts]
    whole = quantiles(200, lambda n: check_receipt(texts[n][0], texts[n][1], vkey))  # type: ignore[arg-type]
    began, cpu = time.perf_counter(), time.process_time()
    check_tree(store, log.verifier)
    tree_s, tree_cpu_s = time.perf_counter() - began, time.process_time() - cpu
    theirs = quantiles(20, lambda _: peer.prove_inclusion(1 + secrets.randbelow(size)))
    logged, everything = bytes_of(url)
    print(
        f"{size:>9,} {cpu_us:7.0f} {cold[0]:7.2f} {warm[0]:6.2f}/{warm[1]:<6.2f} {1e3 * proof[0]:6.0f} "
        f"{1e3 * whole[0]:6.0f} {tree_s:7.1f}/{tree_cpu_s:<6.1f} {logged / size:6.0f} {everything / size:7.0f}   "
        f"{theirs[0]:.1f}/{theirs[1]:.1f}",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--database", choices=["sqlite", "postgresql"], default="sqlite")
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    wanted = parser.parse_args()
    key = Ed25519PrivateKey.generate()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        server = None
        if wanted.database == "postgresql":
            binaries = find_binaries()
            if binaries is None:
                raise SystemExit("needs a PostgreSQL server")
            server = Server(binaries)
        url = f"sqlite:///{folder}/registry.db" if server is None else server.database("registry")
        peer = pymerkle.SqliteTree(f"{folder}/peer.db")
        print(
            f"{datetime.now(UTC):%Y-%m-%d %H:%M}, {wanted.database}, load average {os.getloadavg()[0]:.1f}\n"
            "  entries  CPU us cold ms warm p50/p99  proof  check  fsck --tree s/CPU s  log B   all B   pymerkle"
            " prove p50/p99 ms"
        )
        with open_log(url, key, folder) as (store, log):
            held = 0
            for size in wanted.sizes:
                cpu_us = grow(log, key, peer, size - held)
                held = size
                report(url, store, log, peer, cpu_us)
        peer.close()
        if server is not None:
            server.close()


if __name__ == "__main__":
    main()
