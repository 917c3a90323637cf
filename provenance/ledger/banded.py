"""Codes in a table of bands: exact look-up by Hamming distance inside PostgreSQL, for all its processes at once.

Each code is a row with its bits and the numbers of its bands (:mod:`provenance.fingerprint.bands`), which an
inverted index (GIN) leads from. The bands near a code bring up candidates, ``bit_count`` of PostgreSQL 14 says how
far each is. Beyond the radius that bands serve, PostgreSQL compares all codes of the algorithm, within a time
limit. Rows are written and erased by the transactions that register and redact; docs/adr/0003 has the layout's
measurements.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache
from itertools import groupby
from types import MappingProxyType
from typing import Any, Final, NamedTuple

import numpy as np
import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from provenance.errors import UnavailableError
from provenance.fingerprint.bands import BAND_BITS, Codes, bands, near_bands, reach
from provenance.fingerprint.code import Nearby
from provenance.ledger.database import reading


class _Kept(NamedTuple):
    """How the table holds an algorithm: its number, and the bytes of its codes."""

    number: int
    size: int


#: The algorithms in the table. Numbers are only added, since rows and the numbers of bands hold them.
ALGORITHMS: Final = MappingProxyType(
    {
        "phash64-v1": _Kept(0, 8),
        "pdq256-v1": _Kept(1, 32),
        "iscc-image-v0": _Kept(2, 32),
        "iscc-audio-v0": _Kept(3, 32),
        "iscc-data-v0": _Kept(4, 32),
        "iscc-instance-v0": _Kept(5, 32),
    }
)
#: Time that comparing all codes may take, ms: some 4e7 codes. Source: docs/measurements.md#codes-in-the-database.
SCAN_MS: Final = 5_000
#: query_canceled. Source: PostgreSQL documentation, appendix A.
_CANCELLED: Final = "57014"
#: Bits of the number of a band of a code: 4 of the place and 16 of the value; the algorithm stands above them.
_PLACE_BITS: Final = 4

#: Codes filled in at a time.
_ROWS: Final = 5_000

#: A code to be stored: entry, place, algorithm, value.
Stored = tuple[int, int, str, bytes]

_INSERT: Final = """
INSERT INTO code_band (entry_idx, place, algorithm, code, bands)
SELECT entry_idx, place, algorithm, code::bit(256), bands::int[]
FROM unnest(%b::bigint[], %b::int[], %b::smallint[], %b::text[], %b::text[])
  AS stored (entry_idx, place, algorithm, code, bands)
"""
_NEAREST: Final = """
SELECT asset.leaf_hash, near.distance, fingerprint.time_s
FROM (
  SELECT DISTINCT ON (entry_idx) entry_idx, place, bit_count(code # CAST(:code AS bit(256))) AS distance
  FROM code_band
  WHERE algorithm = :algorithm AND bit_count(code # CAST(:code AS bit(256))) <= :radius {bands}
  ORDER BY entry_idx, distance, place
) AS near
JOIN asset ON asset.idx = near.entry_idx
JOIN fingerprint ON fingerprint.entry_idx = near.entry_idx AND fingerprint.place = near.place
ORDER BY near.distance, near.entry_idx
"""


# The planner takes an overlap of arrays for a quarter of the table, where it is a thousandth, and a distance for a
# third of it: left alone it would read all assets, to join, compile and share out work for as many rows. With these
# the rows lead to their assets, and the bands to the rows, whatever it thinks. Source: EXPLAIN at 1e5 and 1e6 codes.
_FEW: Final = ("enable_hashjoin = off", "enable_mergejoin = off", "jit = off")
#: Without plain index scans there are still those by bitmap.
_BY_BANDS: Final = (
    *_FEW,
    "enable_seqscan = off",
    "enable_indexscan = off",
    "max_parallel_workers_per_gather = 0",
)


class BandTable:
    """The registered codes in the database; a :class:`provenance.match.near.NearCodes`.

    Args:
        engine: A PostgreSQL database with the tables of the registry.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def near(self, algorithm: str, code: bytes, radius: int) -> list[Nearby]:
        """Return the assets with a code within ``radius`` bits, nearest first, of equal ones the first registered.

        Raises:
            UnavailableError: ``radius`` is beyond what bands serve, and there are too many codes to compare all.
            StorageError: The database cannot be read.
        """
        number = ALGORITHMS[algorithm].number
        asked: dict[str, Any] = {"code": _bits(code), "algorithm": number, "radius": radius}
        with reading(self._engine) as connection:
            if radius > reach(len(code)):
                rows = _compare_all(connection, asked)
            else:
                near = _numbers(number, near_bands(code, radius))
                asked |= {f"band{place}": values for place, values in enumerate(near.tolist())}
                _set(connection, *_BY_BANDS)
                rows = connection.execute(_nearest(len(near)), asked).all()
        return [Nearby(f"sha256:{row.leaf_hash.hex()}", row.distance, row.time_s) for row in rows]


def _compare_all(connection: Connection, asked: dict[str, Any]) -> Any:
    _set(connection, *_FEW, f"statement_timeout = {SCAN_MS}")
    try:
        return connection.execute(_nearest(0), asked).all()
    except sa.exc.OperationalError as cause:
        if getattr(cause.orig, "sqlstate", None) != _CANCELLED:
            raise
        raise UnavailableError(
            f"expected to compare all codes within {SCAN_MS / 1000:.0f} s, found too many",
            hint=f"ask for a radius of at most {reach(len(asked['code']) // 8)} bits",
        ) from cause


def _set(connection: Connection, *settings: str) -> None:
    """Change settings of the server for this transaction."""
    connection.exec_driver_sql("; ".join(f"SET LOCAL {each}" for each in settings))


@cache
def _nearest(count: int) -> sa.TextClause:
    """Return the query with ``count`` bands; one condition each, since GIN compares candidates with all of a list."""
    each = " OR ".join(f"bands && CAST(:band{place} AS int[])" for place in range(count))
    return sa.text(_NEAREST.format(bands=f"AND ({each})" if count else ""))


def has_bands(connection: Connection) -> bool:
    """Return whether the database keeps bands: PostgreSQL does."""
    return connection.dialect.name == "postgresql"


def insert_codes(connection: Connection, codes: Iterable[Stored]) -> int:
    """Store the bands of those codes whose algorithm is looked up by them; return how many."""
    rows = list(_rows(codes))
    if rows:
        connection.exec_driver_sql(_INSERT, tuple(map(list, zip(*rows, strict=True))))
    return len(rows)


def _rows(codes: Iterable[Stored]) -> Iterator[tuple[int, int, int, str, str]]:
    # What is registered under the name of an algorithm in another length is near nothing.
    known = (each for each in codes if each[2] in ALGORITHMS and len(each[3]) == ALGORITHMS[each[2]].size)
    for algorithm, group in groupby(sorted(known, key=lambda each: each[2]), key=lambda each: each[2]):
        listed, number = list(group), ALGORITHMS[algorithm].number
        values: Codes = np.frombuffer(b"".join(value for *_, value in listed), np.uint8)
        own = _numbers(number, bands(values.reshape(len(listed), -1)).T).T.tolist()
        for (entry_idx, place, _, value), numbers in zip(listed, own, strict=True):
            yield entry_idx, place, number, _bits(value), f"{{{','.join(map(str, numbers))}}}"


def _numbers(algorithm: int, values: Any) -> Any:
    """Return the numbers of bands: int64 of the shape of ``values``, whose first axis is the place of the band."""
    place = np.arange(len(values), dtype=np.int64)[:, None]
    return ((algorithm << _PLACE_BITS | place) << BAND_BITS) | values.astype(np.int64)


def _bits(code: bytes) -> str:
    """Return a code as PostgreSQL reads ``bit(256)``; shorter ones end in zeros, which add no distance."""
    return f"{int.from_bytes(code):0{8 * len(code)}b}".ljust(256, "0")


def fill_bands(connection: Connection) -> int:
    """Store the bands of all codes in ``fingerprint``, into an empty table; return how many."""
    text = "SELECT entry_idx, place, algorithm, value FROM fingerprint"
    rows = connection.execute(sa.text(text).execution_options(yield_per=_ROWS))
    return sum(insert_codes(connection, [tuple(row) for row in part]) for part in rows.partitions())
