"""The registry and the log in one SQL database: the only place where rows become values and values rows.

Reads see one state of the database each and may run in any thread. Writes go through :meth:`Store.writer`,
which commits everything or nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Self

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from provenance.digest import Digest
from provenance.errors import ConflictError, FormatError, NotFoundError
from provenance.evidence import Record, RecordStatus, SourceType
from provenance.ledger.entry import EntryType, Payload
from provenance.ledger.merkle import EMPTY_ROOT, Tile
from provenance.ledger.registration import Examined, StoredFingerprint, StoredReference
from provenance.ledger.tables import (
    ASSET,
    CHECKPOINT,
    ENTRY,
    FINGERPRINT,
    HEAD,
    PAYLOAD,
    PUBLISHER,
    REFERENCE,
    TILE,
    check_schema,
    create_schema,
    open_engine,
    reading,
    writing,
)
from provenance.media.asset import MediaType

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
#: Rows read at a time where a whole table is walked; bounds memory, not results.
_ROWS: Final = 10_000
#: Values in one IN list. Source: SQLite limits, SQLITE_MAX_VARIABLE_NUMBER 32,766.
_MANY: Final = 10_000


@dataclass(frozen=True, slots=True)
class Head:
    """The state of the log.

    Attributes:
        size: Number of entries.
        root: Root hash, 32 bytes.
        note: Signed checkpoint; empty for the empty log.
        at: Time of the last append, aware UTC.
    """

    size: int
    root: bytes
    note: str
    at: datetime


@dataclass(frozen=True, slots=True)
class PublisherKey:
    """A publisher key known to the log.

    Attributes:
        public: Raw public key.
        organisation: Name it was admitted for.
        revoked: Whether a revocation was logged.
    """

    public: bytes
    organisation: str
    revoked: bool


@dataclass(frozen=True, slots=True)
class Counts:
    """How much the registry holds: entries of the log, assets, fingerprints, publisher keys."""

    entries: int
    assets: int
    fingerprints: int
    publishers: int


def _time(microseconds: int) -> datetime:
    return _EPOCH + timedelta(microseconds=microseconds)


def _microseconds(time: datetime) -> int:
    return (time - _EPOCH) // _MICROSECOND


def _record(row: sa.Row[Any]) -> Record:
    return Record(
        asset_id=str(Digest(row.leaf_hash)),
        index=row.idx,
        digest=Digest(row.digest),
        media_type=MediaType(row.media_type),
        title=row.title,
        publisher=row.publisher,
        certificate_sha256=Digest(row.certificate),
        manifest_id=row.manifest_id,
        bound_digest=row.bound,
        source_type=SourceType(row.source_type),
        model=row.model,
        registered_at=_time(row.registered_at_us),
        status=RecordStatus(row.status),
        status_reason=row.status_reason,
        replaced_by=row.replaced_by,
        duration_s=row.duration_s,
        width=row.width,
        height=row.height,
    )


def _head(connection: Connection, *, lock: bool = False) -> Head:
    query = sa.select(HEAD).where(HEAD.c.log_id == 1)
    row = connection.execute(query.with_for_update() if lock else query).one()
    return Head(row.size, row.root, row.note, _time(row.at_us))


class Writer:
    """One transaction that holds the write lock.

    Args:
        connection: Where; belongs to one :meth:`Store.writer`.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def head(self) -> Head:
        """Return the head, locked until the end of the transaction."""
        return _head(self._connection, lock=True)

    def tile(self, level: int, number: int) -> bytes:
        """Return the hashes of a tile, 32 to 8,192 bytes."""
        return _tile(self._connection, level, number)

    def indexes(self, leaf_hashes: Sequence[bytes]) -> dict[bytes, int]:
        """Return the positions of those leaves that are in the log."""
        found: dict[bytes, int] = {}
        for at in range(0, len(leaf_hashes), _MANY):
            query = sa.select(ENTRY.c.leaf_hash, ENTRY.c.idx).where(
                ENTRY.c.leaf_hash.in_(leaf_hashes[at : at + _MANY])
            )
            found.update((row.leaf_hash, row.idx) for row in self._connection.execute(query))
        return found

    def publishers(self) -> dict[Digest, PublisherKey]:
        """Return all publisher keys by thumbprint, as they are inside this transaction."""
        return _publishers(self._connection)

    def owner(self, leaf: bytes) -> Digest | None:
        """Return the thumbprint of the key that registered the asset, or None where there is no such asset."""
        query = sa.select(ASSET.c.publisher_key).where(ASSET.c.leaf_hash == leaf)
        found = self._connection.execute(query).scalar()
        return None if found is None else Digest(found)

    def insert(self, examined: Sequence[Examined], first: int, at: datetime) -> None:
        """Store entries, payloads, assets, fingerprints and references from position ``first``."""
        entries, payloads, assets, codes, blobs = [], [], [], [], []
        for index, each in enumerate(examined, first):
            made = each.registration
            entries.append({"idx": index, "leaf_hash": each.leaf_hash, "body": made.leaf})
            if made.payload is not None:
                body = made.payload.to_cbor()
                payloads.append({"leaf_hash": each.leaf_hash, "salt": made.payload.salt, "body": body})
            if each.entry.type.registers:
                assets.append(_asset_row(each, index, at))
            codes.extend(
                {"entry_idx": index, "algorithm": f.algorithm, "value": f.value, "time_s": f.time_s, "quality": f.quality}
                for f in made.fingerprints
            )
            blobs.extend(
                {"entry_idx": index, "kind": r.kind, "time_s": r.time_s, "blob": r.blob} for r in made.references
            )
        tables = ((ENTRY, entries), (PAYLOAD, payloads), (ASSET, assets), (FINGERPRINT, codes), (REFERENCE, blobs))
        for table, rows in tables:
            if rows:
                self._connection.execute(sa.insert(table), rows)

    def fold(self, each: Examined, at: datetime) -> None:
        """Apply what a later entry says about an earlier record; withdrawn outlasts every other status."""
        kind, refs = each.entry.type, each.entry.refs
        payload = each.registration.payload
        if kind is EntryType.REVOKE_KEY:
            change = sa.update(PUBLISHER).where(PUBLISHER.c.thumbprint == each.publisher.value)
            self._connection.execute(change.values(revoked=True))
        elif kind is EntryType.REDACT:
            self._erase(refs[0], at)
        elif kind in STATUS_OF:
            over = OVERRIDES[STATUS_OF[kind]]
            values = {"status": STATUS_OF[kind].value, "status_reason": payload.reason if payload else ""}
            if kind is EntryType.SUPERSEDE:
                values["replaced_by"] = str(Digest(each.leaf_hash))
            elif len(refs) > 1:
                values["replaced_by"] = str(refs[1])
            found = ASSET.c.leaf_hash == refs[0].value
            change = sa.update(ASSET).where(found, ASSET.c.status.in_(over)).values(values)
            self._connection.execute(change)

    def _erase(self, target: Digest, at: datetime) -> None:
        index = self.indexes([target.value])[target.value]
        run = self._connection.execute
        run(
            sa.update(PAYLOAD)
            .where(PAYLOAD.c.leaf_hash == target.value)
            .values(salt=None, body=None, erased_at_us=_microseconds(at))
        )
        blank = {"title": "", "publisher": "", "model": None, "status_reason": "", "duration_s": None}
        run(sa.update(ASSET).where(ASSET.c.idx == index).values(**blank, width=None, height=None))
        run(sa.delete(FINGERPRINT).where(FINGERPRINT.c.entry_idx == index))
        run(sa.delete(REFERENCE).where(REFERENCE.c.entry_idx == index))

    def advance(self, old: Head, new: Head, tiles: Sequence[Tile], grown: frozenset[tuple[int, int]]) -> None:
        """Store the tiles and the checkpoint and move the head, if it still is ``old``.

        Args:
            old: Head that the new one was computed from.
            new: The next head, with its signed checkpoint.
            tiles: New and longer tiles.
            grown: ``(level, number)`` of those that exist already and became longer.

        Raises:
            ConflictError: Another writer moved the head.
        """
        fresh = [{"level": level, "n": n, "data": data} for level, n, data in tiles if (level, n) not in grown]
        if fresh:
            self._connection.execute(sa.insert(TILE), fresh)
        for level, number, content in tiles:
            if (level, number) in grown:
                place = (TILE.c.level == level, TILE.c.n == number)
                self._connection.execute(sa.update(TILE).where(*place).values(data=content))
        self._connection.execute(sa.insert(CHECKPOINT), {"size": new.size, "note": new.note})
        moved = self._connection.execute(
            sa.update(HEAD)
            .where(HEAD.c.log_id == 1, HEAD.c.size == old.size, HEAD.c.root == old.root)
            .values(size=new.size, root=new.root, note=new.note, at_us=_microseconds(new.at))
        )
        if moved.rowcount != 1:
            raise ConflictError(
                f"expected the log to have {old.size} entries still, another writer was faster",
                hint="try again; nothing was written",
            )


#: Status that an entry gives to the record it speaks of first.
STATUS_OF: Final = {
    EntryType.WITHDRAW: RecordStatus.WITHDRAWN,
    EntryType.DISPUTE: RecordStatus.DISPUTED,
    EntryType.SUPERSEDE: RecordStatus.SUPERSEDED,
}
#: Statuses over which a later one may be written: withdrawn over all, superseded last.
OVERRIDES: Final = {
    RecordStatus.WITHDRAWN: tuple(RecordStatus),
    RecordStatus.DISPUTED: (RecordStatus.ACTIVE, RecordStatus.SUPERSEDED, RecordStatus.DISPUTED),
    RecordStatus.SUPERSEDED: (RecordStatus.ACTIVE, RecordStatus.SUPERSEDED),
}


def _asset_row(each: Examined, index: int, at: datetime) -> dict[str, Any]:
    record = each.record(index, at)
    return {
        "idx": index,
        "leaf_hash": each.leaf_hash,
        "publisher_key": each.publisher.value,
        "digest": record.digest.value,
        "media_type": record.media_type.value,
        "title": record.title,
        "publisher": record.publisher,
        "certificate": record.certificate_sha256.value,
        "manifest_id": record.manifest_id,
        "bound": record.bound_digest,
        "source_type": record.source_type.value,
        "model": record.model,
        "registered_at_us": _microseconds(at),
        "status": record.status.value,
        "status_reason": "",
        "replaced_by": None,
        "duration_s": record.duration_s,
        "width": record.width,
        "height": record.height,
    }


def _tile(connection: Connection, level: int, number: int) -> bytes:
    query = sa.select(TILE.c.data).where(TILE.c.level == level, TILE.c.n == number)
    found: bytes | None = connection.execute(query).scalar()
    if found is None:
        raise NotFoundError(f"expected tile {number} of level {level}, found none", hint="the log is shorter")
    return found


def _publishers(connection: Connection) -> dict[Digest, PublisherKey]:
    rows = connection.execute(sa.select(PUBLISHER))
    return {Digest(r.thumbprint): PublisherKey(r.public_key, r.organisation, r.revoked) for r in rows}


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
            ConfigError: Not the URL of a SQLite file.
            SchemaError: The database has another schema version.
            StorageError: It cannot be written.
        """
        engine = open_engine(url)
        create_schema(engine, EMPTY_ROOT)
        return cls(engine)

    @classmethod
    def open(cls, url: str) -> Self:
        """Return the store at ``url``.

        Raises:
            ConfigError: Not the URL of a SQLite file.
            NotFoundError: There is no registry.
            SchemaError: The database has another schema version.
            StorageError: It cannot be read.
        """
        engine = open_engine(url)
        check_schema(engine)
        return cls(engine)

    def close(self) -> None:
        """Close all connections; the store must not be used afterwards."""
        self._engine.dispose()
