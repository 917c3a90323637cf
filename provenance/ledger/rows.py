"""Rows of the tables as values, and values as rows."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, ParamSpec, TypeVar

from provenance.digest import Digest
from provenance.errors import FormatError, NotFoundError, StorageError
from provenance.evidence import Record, RecordStatus, SourceType
from provenance.ledger.cose import PublicKey, key_from_bytes
from provenance.ledger.database import Connected
from provenance.ledger.entry import Payload
from provenance.ledger.queries import FIND_LEAVES, LOCK_HEAD, READ_HEAD, READ_PUBLISHERS, READ_TILE
from provenance.ledger.registration import Examined, StoredFingerprint, StoredReference
from provenance.media.asset import MediaType

#: Values in one IN list. Source: SQLite limits, SQLITE_MAX_VARIABLE_NUMBER 32,766.
_MANY: Final = 10_000
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_P = ParamSpec("_P")
_T = TypeVar("_T")


def _readable(convert: Callable[_P, _T]) -> Callable[_P, _T]:
    """Make ``convert`` raise StorageError for a row whose values cannot be what was written."""

    @functools.wraps(convert)
    def checked(*args: _P.args, **options: _P.kwargs) -> _T:
        try:
            return convert(*args, **options)
        except (ValueError, TypeError, OverflowError) as cause:
            place = getattr(args[0], "idx", None) if args else None
            of = "" if place is None else f" of entry {place}"
            raise StorageError(
                f"expected a readable row{of} in the registry, found a damaged one: {cause}",
                hint="restore the registry from a backup, then run provenance doctor",
            ) from cause

    return checked


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

    @property
    def key(self) -> PublicKey:
        """The key, ready to verify with.

        Raises:
            FormatError: The stored bytes are no key.
        """
        return key_from_bytes(self.public)


@dataclass(frozen=True, slots=True)
class Counts:
    """How much the registry holds: entries of the log, assets, fingerprints, publisher keys."""

    entries: int
    assets: int
    fingerprints: int
    publishers: int


def time_of(microseconds: int) -> datetime:
    """Return the aware UTC time of microseconds since 1970."""
    return _EPOCH + timedelta(microseconds=microseconds)


def microseconds_of(time: datetime) -> int:
    """Return whole microseconds since 1970."""
    return (time - _EPOCH) // _MICROSECOND


@_readable
def record_of(row: Any) -> Record:
    """Return the record in a row of ``asset``."""
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
        registered_at=time_of(row.registered_at_us),
        status=RecordStatus(row.status),
        status_reason=row.status_reason,
        replaced_by=row.replaced_by,
        duration_s=row.duration_s,
        width=row.width,
        height=row.height,
        status_by=row.status_by or "",
        status_at=None if row.status_at_us is None else time_of(row.status_at_us),
        status_entry=None if row.status_entry is None else str(Digest(row.status_entry)),
    )


def payload_of(row: Any) -> Payload | None:
    """Return the payload in a row of ``payload``; None where it was erased.

    Raises:
        FormatError: The stored bytes are damaged.
    """
    if row.body is None:
        return None
    try:
        return Payload.from_cbor(row.salt, row.body)
    except ValueError as cause:
        raise FormatError(f"expected a stored payload: {cause}") from cause


@_readable
def fingerprint_of(row: Any) -> StoredFingerprint:
    """Return the code in a row of ``fingerprint``."""
    return StoredFingerprint(row.algorithm, row.value, row.time_s, row.quality)


@_readable
def reference_of(row: Any) -> StoredReference:
    """Return the reference in a row of ``reference``."""
    return StoredReference(row.kind, row.blob, row.time_s)


@_readable
def read_head(connection: Connected, *, lock: bool = False) -> Head:
    """Return the head; with ``lock`` nobody else may move it until the transaction ends."""
    row = connection.execute(LOCK_HEAD if lock else READ_HEAD).one()
    return Head(row.size, row.root, row.note, time_of(row.at_us))


def asset_row(each: Examined, index: int, at: datetime) -> tuple[object, ...]:
    """Return the row of ``asset`` for a new asset at position ``index``, accepted ``at``."""
    record = each.record(index, at)
    return (
        index,
        each.leaf_hash,
        each.publisher.value,
        record.digest.value,
        record.media_type.value,
        record.title,
        record.publisher,
        record.certificate_sha256.value,
        record.manifest_id,
        record.bound_digest,
        record.source_type.value,
        record.model,
        microseconds_of(at),
        record.status.value,
        "",
        None,
        record.duration_s,
        record.width,
        record.height,
        None,
        None,
        None,
    )


def read_tile(connection: Connected, level: int, number: int) -> bytes:
    """Return the hashes of a tile.

    Raises:
        NotFoundError: There is no such tile.
    """
    found: bytes | None = connection.execute(READ_TILE, {"level": level, "n": number}).scalar()
    if found is None:
        raise NotFoundError(f"expected tile {number} of level {level}, found none", hint="the log is shorter")
    return found


@_readable
def find_leaves(connection: Connected, leaf_hashes: Sequence[bytes]) -> dict[bytes, int]:
    """Return the positions of those leaves that are in the log."""
    found: dict[bytes, int] = {}
    for at in range(0, len(leaf_hashes), _MANY):
        rows = connection.execute(FIND_LEAVES, {"hashes": leaf_hashes[at : at + _MANY]})
        found.update((row.leaf_hash, row.idx) for row in rows)
    return found


@_readable
def read_publishers(connection: Connected) -> dict[Digest, PublisherKey]:
    """Return all publisher keys by thumbprint."""
    rows = connection.execute(READ_PUBLISHERS)
    return {Digest(r.thumbprint): PublisherKey(r.public_key, r.organisation, r.revoked) for r in rows}
