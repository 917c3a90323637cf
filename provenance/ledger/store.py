"""The registry and the log in one SQL database, read: what verification and search ask.

Each read sees one state of the database and may run in any thread. Writes go through :meth:`Store.writer`,
which commits everything or nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from itertools import groupby
from typing import Any, Final, Self

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from provenance.digest import Digest
from provenance.errors import ConflictError, NotFoundError, ProvenanceError
from provenance.evidence import Record
from provenance.ledger.cose import PublicKey, key_bytes, key_thumbprint
from provenance.ledger.database import open_engine, reading, scrub, writing
from provenance.ledger.entry import Payload, publisher_of
from provenance.ledger.merkle import EMPTY_ROOT
from provenance.ledger.registration import StoredFingerprint, StoredReference
from provenance.ledger.rows import (
    Counts,
    Head,
    PublisherKey,
    fingerprint_of,
    payload_of,
    read_head,
    read_publishers,
    read_tile,
    record_of,
    reference_of,
)
from provenance.ledger.schema import check_schema, create_schema, upgrade_schema
from provenance.ledger.tables import (
    ASSET,
    CHECKPOINT,
    COSIGNED,
    ENTRY,
    FINGERPRINT,
    HEAD,
    PAYLOAD,
    PUBLISHER,
    REFERENCE,
)
from provenance.ledger.writer import Writer

#: Rows read at a time where a whole table is walked; bounds memory, not results.
_ROWS: Final = 10_000


@contextmanager
def _closed_on_error(engine: Engine) -> Iterator[None]:
    try:
        yield
    except ProvenanceError:
        engine.dispose()
        raise


class Store:
    """The registry and log of one installation; cheap to open, safe to share between threads.

    Args:
        engine: Made by :meth:`open` or :meth:`create`.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @classmethod
    def create(cls, url: str) -> Self:
        """Return the store at ``url``, made empty if there is none.

        Raises:
            ConfigError: Not the URL of a database.
            SchemaError: The database has another schema version.
            StorageError: It cannot be written.
        """
        engine = open_engine(url)
        with _closed_on_error(engine):
            create_schema(engine, EMPTY_ROOT)
        return cls(engine)

    @classmethod
    def open(cls, url: str) -> Self:
        """Return the store at ``url``.

        Raises:
            ConfigError: Not the URL of a database.
            NotFoundError: There is no registry.
            SchemaError: The database has another schema version.
            StorageError: It cannot be read.
        """
        engine = open_engine(url)
        with _closed_on_error(engine):
            check_schema(engine)
        return cls(engine)

    @staticmethod
    def upgrade(url: str) -> tuple[str, str]:
        """Bring the tables at ``url`` to this version; return the migration before and after.

        Raises:
            ConfigError: Not the URL of a database.
            NotFoundError: There is no registry.
            SchemaError: The database is of a newer version.
            StorageError: It cannot be written.
        """
        engine = open_engine(url)
        try:
            return upgrade_schema(engine)
        finally:
            engine.dispose()

    @property
    def url(self) -> str:
        """The database URL, without a password."""
        return self._engine.url.render_as_string()

    def close(self) -> None:
        """Close all connections; the store must not be used afterwards."""
        self._engine.dispose()

    @contextmanager
    def writer(self) -> Iterator[Writer]:
        """Give a transaction with the write lock; it is committed at the end of the block, or not at all.

        Raises:
            StorageError: Full disk, read-only or locked database.
            LedgerError: A constraint or trigger refused the change.
        """
        with writing(self._engine) as connection:
            yield Writer(connection)

    def scrub(self) -> None:
        """Remove what was erased from the files too, as far as the database lets us: not from backups.

        Raises:
            StorageError: The database cannot be written.
        """
        scrub(self._engine, (PAYLOAD, ASSET, FINGERPRINT, REFERENCE))

    def _rows(self, query: sa.Select[Any]) -> list[Any]:
        with reading(self._engine) as connection:
            return list(connection.execute(query))

    # --- publishers ---

    def admit(self, key: PublicKey, organisation: str) -> Digest:
        """Accept entries by ``key`` in the name of ``organisation``; repeating it changes nothing.

        Returns:
            Thumbprint of the key.

        Raises:
            ConflictError: The key was admitted for another name, or revoked.
            StorageError: The database cannot be written.
        """
        thumbprint = key_thumbprint(key)
        with writing(self._engine) as connection:
            found = read_publishers(connection).get(thumbprint)
            if found is None:
                row = {
                    "thumbprint": thumbprint.value,
                    "public_key": key_bytes(key),
                    "organisation": organisation,
                    "revoked": False,
                }
                connection.execute(sa.insert(PUBLISHER), row)
            elif found.revoked or found.organisation != organisation:
                state = "revoked" if found.revoked else f"that of {found.organisation!r}"
                raise ConflictError(
                    f"expected a new publisher key for {organisation!r}, found one that is {state}",
                    hint="make another publisher key",
                )
        return thumbprint

    def publishers(self) -> dict[Digest, PublisherKey]:
        """Return all publisher keys by thumbprint."""
        with reading(self._engine) as connection:
            return read_publishers(connection)

    # --- log ---

    def head(self) -> Head:
        """Return size, root, checkpoint and time of the log."""
        with reading(self._engine) as connection:
            return read_head(connection)

    def tile(self, level: int, number: int) -> bytes:
        """Return the hashes of a tile, 32 to 8,192 bytes.

        Raises:
            NotFoundError: There is no such tile.
        """
        with reading(self._engine) as connection:
            return read_tile(connection, level, number)

    def leaves(self, start: int, stop: int) -> list[tuple[int, bytes, bytes]]:
        """Return ``(index, leaf hash, leaf)`` of the entries from ``start`` to before ``stop``, in order."""
        query = sa.select(ENTRY.c.idx, ENTRY.c.leaf_hash, ENTRY.c.body).where(
            ENTRY.c.idx >= start, ENTRY.c.idx < stop
        )
        return [(r.idx, r.leaf_hash, r.body) for r in self._rows(query.order_by(ENTRY.c.idx))]

    def entry_at(self, index: int) -> tuple[Head, bytes, PublisherKey]:
        """Return the head, the leaf at ``index`` below it and the key that signed it, of one moment.

        Raises:
            NotFoundError: The log is shorter.
        """
        with reading(self._engine) as connection:
            head = read_head(connection)
            if not 0 <= index < head.size:
                raise NotFoundError(
                    f"expected an entry at index {index}, the log is shorter", hint="see the checkpoint"
                )
            leaf = connection.execute(sa.select(ENTRY.c.body).where(ENTRY.c.idx == index)).scalar_one()
            return head, leaf, read_publishers(connection)[publisher_of(leaf)]

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

    def checkpoints(self, after: int = -1) -> list[tuple[int, str]]:
        """Return ``(size, note)`` of every signed checkpoint larger than ``after``, at most 10,000."""
        query = sa.select(CHECKPOINT).where(CHECKPOINT.c.size > after).order_by(CHECKPOINT.c.size)
        return [(r.size, r.note) for r in self._rows(query.limit(_ROWS))]

    def cosigned(self) -> str | None:
        """Return the newest checkpoint that enough witnesses cosigned; None where there is none."""
        found = self._rows(sa.select(COSIGNED.c.note).order_by(COSIGNED.c.size.desc()).limit(1))
        return str(found[0].note) if found else None

    def payload(self, leaf: bytes) -> Payload | None:
        """Return the payload of a leaf hash; ``None`` where it was erased or never was.

        Raises:
            FormatError: The stored bytes are damaged.
        """
        found = self._rows(sa.select(PAYLOAD).where(PAYLOAD.c.leaf_hash == leaf))
        return payload_of(found[0]) if found else None

    def payloads_between(self, start: int, stop: int) -> dict[int, Callable[[], Payload | None]]:
        """Return what reads the payload of each entry from ``start`` to before ``stop`` that has one.

        They are read one by one, so that a damaged payload is found at its entry.
        """
        query = sa.select(ENTRY.c.idx, PAYLOAD.c.salt, PAYLOAD.c.body).join_from(
            ENTRY, PAYLOAD, ENTRY.c.leaf_hash == PAYLOAD.c.leaf_hash
        )
        rows = self._rows(query.where(ENTRY.c.idx >= start, ENTRY.c.idx < stop))
        return {row.idx: partial(payload_of, row) for row in rows}

    # --- registry ---

    def record(self, asset_id: str) -> Record:
        """Return the record of a registration.

        Args:
            asset_id: ``sha256:`` and the 64 hex digits of the leaf hash.

        Raises:
            FormatError: Another spelling.
            NotFoundError: No such registration.
        """
        found = self._records(ASSET.c.leaf_hash == Digest.parse(asset_id).value)
        if not found:
            raise NotFoundError(
                f"expected an asset {asset_id}, found none", hint="search with provenance search"
            )
        return found[0]

    def _records(self, condition: sa.ColumnElement[bool]) -> tuple[Record, ...]:
        query = sa.select(ASSET).where(condition).order_by(ASSET.c.idx)
        return tuple(record_of(row) for row in self._rows(query))

    def by_digest(self, digest: Digest) -> tuple[Record, ...]:
        """Return every registration of exactly this file, first registered first (SR-28)."""
        return self._records(ASSET.c.digest == digest.value)

    def by_prefix(self, prefix: str) -> tuple[Record, ...]:
        """Return every registration of a file whose digest begins with ``prefix``, 1 to 63 hex digits."""
        low = bytes.fromhex(prefix.ljust(64, "0"))
        high = bytes.fromhex(prefix.ljust(64, "f"))
        return self._records(ASSET.c.digest.between(low, high))

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
                .limit(_ROWS)
            )
            rows = self._rows(query)
            for row in rows:
                yield f"sha256:{row.leaf_hash.hex()}", row.entry_idx, row.time_s, row.value
            if len(rows) < _ROWS:
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
        query = sa.select(REFERENCE).where(REFERENCE.c.entry_idx == index)
        if kind is not None:
            query = query.where(REFERENCE.c.kind == kind)
        rows = self._rows(query.order_by(REFERENCE.c.id))
        return tuple(reference_of(row) for row in rows)

    def counts(self) -> Counts:
        """Return how much the registry holds."""
        with reading(self._engine) as connection:
            number = sa.select(sa.func.count())
            size = connection.execute(sa.select(HEAD.c.size)).scalar_one()
            counted = (number.select_from(table) for table in (ASSET, FINGERPRINT, PUBLISHER))
            return Counts(size, *(connection.execute(each).scalar_one() for each in counted))
