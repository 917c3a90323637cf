"""The registry, read: records of registered assets, their fingerprints and references."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from provenance.digest import Digest
from provenance.errors import NotFoundError
from provenance.evidence import Record
from provenance.ledger.database import asking
from provenance.ledger.queries import ASSETS_BY_DIGEST, ASSETS_BY_LEAF, LOGGED_BY_DIGEST, LOGGED_BY_LEAF
from provenance.ledger.registration import StoredFingerprint, StoredReference
from provenance.ledger.rows import fingerprint_of, record_of, reference_of
from provenance.ledger.tables import ASSET, ENTRY, FINGERPRINT, REFERENCE

#: Rows read at a time where a whole table is walked; bounds memory, not results.
ROWS: Final = 10_000


@dataclass(frozen=True, slots=True)
class Logged:
    """Records and the log they are in, of one moment.

    Attributes:
        records: In the order of registration.
        log_size: Entries of the log; 0 where there are no records.
    """

    records: tuple[Record, ...]
    log_size: int


class Registry:
    """What is registered; each read sees one state of the database and may run in any thread.

    Args:
        engine: The database.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def _rows(self, query: sa.Select[Any], values: Mapping[str, object] | None = None) -> list[Any]:
        with asking(self._engine) as connection:
            return list(connection.execute(query, values))

    def record(self, asset_id: str) -> Record:
        """Return the record of a registration.

        Args:
            asset_id: ``sha256:`` and the 64 hex digits of the leaf hash.

        Raises:
            FormatError: Another spelling.
            NotFoundError: No such registration.
        """
        found = self._rows(ASSETS_BY_LEAF, {"hashes": [Digest.parse(asset_id).value]})
        if not found:
            raise NotFoundError(
                f"expected an asset {asset_id}, found none", hint="search with provenance search"
            )
        return record_of(found[0])

    def _records(self, condition: sa.ColumnElement[bool]) -> tuple[Record, ...]:
        query = sa.select(ASSET).where(condition).order_by(ASSET.c.idx)
        return tuple(record_of(row) for row in self._rows(query))

    def by_digest(self, digest: Digest) -> tuple[Record, ...]:
        """Return every registration of exactly this file, first registered first (SR-28)."""
        rows = self._rows(ASSETS_BY_DIGEST, {"low": digest.value, "high": digest.value})
        return tuple(record_of(row) for row in rows)

    def logged(self, digest: Digest) -> Logged:
        """Return every registration of exactly this file, and the size of the log at that moment."""
        return _logged(self._rows(LOGGED_BY_DIGEST, {"low": digest.value, "high": digest.value}))

    def logged_assets(self, asset_ids: Sequence[str]) -> Logged:
        """Return those of some assets that are registered, and the size of the log at that moment.

        Args:
            asset_ids: At most 10,000, as in :meth:`record`.
        """
        hashes = [Digest.parse(each).value for each in asset_ids]
        found = _logged(self._rows(LOGGED_BY_LEAF, {"hashes": hashes}))
        return Logged(tuple(sorted(found.records, key=lambda record: record.index)), found.log_size)

    def by_prefix(self, prefix: str) -> tuple[Record, ...]:
        """Return every registration of a file whose digest begins with ``prefix``, 1 to 63 hex digits."""
        low, high = bytes.fromhex(prefix.ljust(64, "0")), bytes.fromhex(prefix.ljust(64, "f"))
        return tuple(record_of(row) for row in self._rows(ASSETS_BY_DIGEST, {"low": low, "high": high}))

    def by_bound(self, bound: bytes) -> tuple[Record, ...]:
        """Return every registration of a file with these hard-bound bytes, first registered first."""
        return self._records(ASSET.c.bound == bound)

    def by_manifest(self, manifest_id: str) -> tuple[Record, ...]:
        """Return every registration of a file with this manifest URN, first registered first."""
        return self._records(ASSET.c.manifest_id == manifest_id)

    def by_phash(self, value: bytes) -> tuple[Record, ...]:
        """Return every registration with exactly this ``phash64-v1`` code, first registered first."""
        same = sa.and_(FINGERPRINT.c.value == value, sa.literal_column("algorithm = 'phash64-v1'"))
        return self._records(ASSET.c.idx.in_(sa.select(FINGERPRINT.c.entry_idx).where(same)))

    def records_after(self, index: int = -1, limit: int = 100) -> tuple[Record, ...]:
        """Return up to ``limit`` records with a position after ``index``, in registration order."""
        query = sa.select(ASSET).where(ASSET.c.idx > index).order_by(ASSET.c.idx).limit(limit)
        return tuple(record_of(row) for row in self._rows(query))

    def codes(self, algorithm: str) -> Iterator[tuple[str, int, float | None, bytes]]:
        """Give ``(asset_id, index, time_s, value)`` of every code of ``algorithm`` in registration order."""
        return self.codes_after(algorithm, -1)

    def codes_after(self, algorithm: str, index: int) -> Iterator[tuple[str, int, float | None, bytes]]:
        """Give the codes of assets registered after position ``index``, as :meth:`codes` does.

        The walk holds no lock and no connection between its steps; assets registered meanwhile are included.
        """
        f = FINGERPRINT.c
        last = (index, 1 << 31)
        while True:
            query = (
                sa.select(ASSET.c.leaf_hash, f.entry_idx, f.place, f.time_s, f.value)
                .join(ASSET, ASSET.c.idx == f.entry_idx)
                .where(f.algorithm == algorithm, sa.tuple_(f.entry_idx, f.place) > sa.tuple_(*last))
                .order_by(f.entry_idx, f.place)
                .limit(ROWS)
            )
            rows = self._rows(query)
            for row in rows:
                yield f"sha256:{row.leaf_hash.hex()}", row.entry_idx, row.time_s, row.value
            if len(rows) < ROWS:
                return
            last = (rows[-1].entry_idx, rows[-1].place)

    def fingerprints(self, asset_id: str) -> tuple[StoredFingerprint, ...]:
        """Return all codes of one asset in their order.

        Raises:
            FormatError: ``asset_id`` is spelled otherwise.
            NotFoundError: Not in the log.
        """
        index = self.index_of(asset_id)
        return self.fingerprints_between(index, index + 1).get(index, ())

    def fingerprints_between(self, start: int, stop: int) -> dict[int, tuple[StoredFingerprint, ...]]:
        """Return the codes of the entries from ``start`` to before ``stop`` that have some, by position."""
        f = FINGERPRINT.c
        query = sa.select(FINGERPRINT).where(f.entry_idx >= start, f.entry_idx < stop)
        rows = self._rows(query.order_by(f.entry_idx, f.place))
        return {
            index: tuple(fingerprint_of(row) for row in each)
            for index, each in groupby(rows, key=lambda row: int(row.entry_idx))
        }

    def references(self, asset_id: str, kind: str | None = None) -> tuple[StoredReference, ...]:
        """Return the stored picture and sound of one asset in their order.

        Args:
            asset_id: Registration.
            kind: Only of this kind, for example ``picture``; all kinds where it is None.

        Raises:
            FormatError: ``asset_id`` is spelled otherwise.
            NotFoundError: Not in the log.
        """
        return self.references_at(self.index_of(asset_id), kind)

    def references_at(self, index: int, kind: str | None = None) -> tuple[StoredReference, ...]:
        """Return the stored picture and sound of the entry at ``index``, as :meth:`references` does."""
        return self.references_between(index, index + 1, kind).get(index, ())

    def references_between(
        self, start: int, stop: int, kind: str | None = None
    ) -> dict[int, tuple[StoredReference, ...]]:
        """Return the references of the entries from ``start`` to before ``stop`` that have some, by position."""
        r = REFERENCE.c
        query = sa.select(REFERENCE).where(r.entry_idx >= start, r.entry_idx < stop)
        rows = self._rows(
            (query if kind is None else query.where(r.kind == kind)).order_by(r.entry_idx, r.id)
        )
        return {
            index: tuple(reference_of(row) for row in each)
            for index, each in groupby(rows, key=lambda row: int(row.entry_idx))
        }

    def index_of(self, asset_id: str) -> int:
        """Return the position of an entry by its leaf hash, spelled ``sha256:...``.

        Raises:
            FormatError: Another spelling.
            NotFoundError: Not in the log.
        """
        query = sa.select(ENTRY.c.idx).where(ENTRY.c.leaf_hash == Digest.parse(asset_id).value)
        found = self._rows(query)
        if not found:
            raise NotFoundError(
                f"expected an entry {asset_id}, found none", hint="search with provenance search"
            )
        return int(found[0].idx)


def _logged(rows: Sequence[Any]) -> Logged:
    return Logged(tuple(record_of(row) for row in rows), int(rows[0].log_size) if rows else 0)
