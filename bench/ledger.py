"""Entries per second of the log beside what SQLite and the disk allow, in the same run.

Run: ``python -m bench.ledger [--batches 1 16 256 1024] [--entries 4096]``. One entry is a full registration: a
signed leaf, payload, asset row, two fingerprints and a stored picture of ``--reference`` bytes; the append
ends with tiles, root, signed checkpoint, one durable commit and a receipt for each entry. The raw rate beside
it writes the same leaf and picture bytes into one plain table, one durable commit for each batch.
"""

from __future__ import annotations

import argparse
import os
import secrets
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from provenance.digest import Digest
from provenance.evidence import SourceType
from provenance.ledger.checkpoint import NoteSigner
from provenance.ledger.entry import Entry, EntryType, Payload, sign_entry
from provenance.ledger.log import Log
from provenance.ledger.receipt import check_receipt
from provenance.ledger.registration import (
    Registration,
    StoredFingerprint,
    StoredReference,
    fingerprints_digest,
    references_digest,
)
from provenance.ledger.store import Store
from provenance.media.asset import MediaType

_ORIGIN = "bench.example/log"
_NAME = "TEST Bench"


def registration_of(key: Ed25519PrivateKey, reference_bytes: int) -> Registration:
    """Return a registration of a picture that does not exist, with random codes."""
    codes = (
        StoredFingerprint("phash64-v1", secrets.token_bytes(8)),
        StoredFingerprint("pdq256-v1", secrets.token_bytes(32), quality=100),
    )
    pictures = (StoredReference("picture", secrets.token_bytes(reference_bytes)),)
    payload = Payload(
        secrets.token_bytes(16),
        "a picture",
        _NAME,
        fingerprints=fingerprints_digest(codes),
        references=references_digest(pictures),
    )
    entry = Entry(
        EntryType.REGISTER,
        payload.commitment(),
        datetime.now(UTC).replace(microsecond=0),
        asset=Digest(secrets.token_bytes(32)),
        manifest_store=Digest(secrets.token_bytes(32)),
        claim=Digest(secrets.token_bytes(32)),
        manifest_id=f"urn:c2pa:{secrets.token_hex(16)}",
        certificate=Digest(bytes(32)),
        source_type=SourceType.DIGITAL_CAPTURE,
        media_type=MediaType.JPEG,
        bound=secrets.token_bytes(32),
    )
    return Registration(sign_entry(entry, key), payload, codes, pictures)


@dataclass(frozen=True, slots=True)
class Rate:
    """Entries per second, and the time of one batch in milliseconds: median and 95th percentile."""

    entries_per_s: float
    p50_ms: float
    p95_ms: float


def rate_of(batches: list[list[Registration]], write: Callable[[list[Registration]], object]) -> Rate:
    """Return the rate of writing ``batches`` one after another."""
    times = []
    for batch in batches:
        started = time.perf_counter()
        write(batch)
        times.append(time.perf_counter() - started)
    count = sum(map(len, batches))
    ordered = sorted(times)
    return Rate(count / sum(times), 1e3 * statistics.median(times), 1e3 * ordered[int(len(ordered) * 0.95)])


def raw_writer(path: Path) -> Callable[[list[Registration]], object]:
    """Return what writes a batch into one table with one durable commit."""
    raw = sqlite3.connect(path, isolation_level=None)
    raw.execute("PRAGMA journal_mode=WAL")
    raw.execute("PRAGMA synchronous=FULL")
    raw.execute("CREATE TABLE entry (idx INTEGER PRIMARY KEY, body BLOB, picture BLOB)")

    def write(batch: list[Registration]) -> None:
        raw.execute("BEGIN IMMEDIATE")
        rows = [(each.leaf, each.references[0].blob) for each in batch]
        raw.executemany("INSERT INTO entry (body, picture) VALUES (?, ?)", rows)
        raw.execute("COMMIT")

    return write


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


def microseconds(count: int, work: Callable[[int], object]) -> float:
    """Return the median time of ``work(number)``, microseconds."""
    times = []
    for number in range(count):
        started = time.perf_counter()
        work(number)
        times.append(time.perf_counter() - started)
    return 1e6 * statistics.median(times)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--batches", type=int, nargs="+", default=[1, 16, 256, 1024])
    parser.add_argument("--entries", type=int, default=4096, help="entries at most for each batch size")
    parser.add_argument("--reference", type=int, default=1000, help="bytes of the stored picture")
    wanted = parser.parse_args()
    key, log_key = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
    signer = NoteSigner(_ORIGIN, log_key)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        store = Store.create(f"sqlite:///{folder}/registry.db")
        store.admit(key.public_key(), _NAME)
        log = Log(store, _ORIGIN, signer, lambda: datetime.now(UTC))
        plain = raw_writer(folder / "raw.db")
        print(f"4 KiB write + fsync {fsync_ms(folder):.2f} ms; load average {os.getloadavg()[0]:.1f}")
        print("batch  log entries/s  p50 ms  p95 ms   raw SQLite entries/s  p50 ms   log/raw")
        for size in wanted.batches:
            turns = max(4, min(wanted.entries // size, 200))
            batches = [[registration_of(key, wanted.reference) for _ in range(size)] for _ in range(turns)]
            mine, base = rate_of(batches, log.append), rate_of(batches, plain)
            print(
                f"{size:5}  {mine.entries_per_s:13,.0f}  {mine.p50_ms:6.1f}  {mine.p95_ms:6.1f}   "
                f"{base.entries_per_s:20,.0f}  {base.p50_ms:6.1f}   {mine.entries_per_s / base.entries_per_s:7.2f}"
            )
        report_reads(store, log, signer)
        store.close()


def report_reads(store: Store, log: Log, signer: NoteSigner) -> None:
    """Print what reading costs at the size that was reached."""
    size = store.head().size
    places = [int.from_bytes(secrets.token_bytes(4)) % size for _ in range(400)]
    records = {record.index: record for record in store.records_after(-1, size)}
    receipts = [log.prove(place).format() for place in places[:200]]
    fresh = Log(store, _ORIGIN, signer, lambda: datetime.now(UTC))
    prove = microseconds(200, lambda n: fresh.prove(places[n]))
    check = microseconds(200, lambda n: check_receipt(receipts[n], records[places[n]].digest, signer.vkey))
    record = microseconds(200, lambda n: store.record(records[places[n]].asset_id))
    digest = microseconds(200, lambda n: store.by_digest(records[places[n]].digest))
    started = time.perf_counter()
    codes = sum(1 for _ in store.codes("pdq256-v1"))
    stream = codes / (time.perf_counter() - started)
    started = time.perf_counter()
    Store.open(store.url).close()
    opening = 1e3 * (time.perf_counter() - started)
    print(
        f"at {size:,} entries: prove {prove:.0f} us, check receipt {check:.0f} us, record {record:.0f} us, "
        f"by digest {digest:.0f} us, codes {stream:,.0f}/s, open {opening:.1f} ms"
    )


if __name__ == "__main__":
    main()
