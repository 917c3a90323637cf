"""Tables of ledger and registry, their triggers, and the engine that keeps SQLite durable.

The log tables are written once and never changed (head and the last tiles aside); triggers refuse it even to
somebody at the SQL prompt. The registry tables hold what is searched; all of it is bound to a leaf.
"""

from __future__ import annotations

import functools
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine
from sqlmodel import Field, SQLModel

from provenance.errors import ConfigError, LedgerError, NotFoundError, SchemaError, StorageError

#: Version of all tables below; a database of another version is not opened.
SCHEMA_VERSION: Final = 1
#: Time a writer waits for another one, milliseconds. Source: ledger crash tests with three racing writers.
BUSY_MS: Final = 30_000
#: A connection within a transaction, for the modules that use the tables.
Connected = Connection
_METADATA: Final = sa.MetaData()
_WRITER: Final = "provenance_writer"
#: Large everywhere; SQLite makes a key the row number itself, and numbers rows, only where it says INTEGER.
_WHOLE: Final = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


class _Row(SQLModel):
    """Base of all tables; keeps them apart from other users of SQLModel in the same process."""

    metadata = _METADATA


class SchemaVersion(_Row, table=True):
    """The one row that says which version the tables have."""

    __tablename__ = "schema_version"
    id: int = Field(primary_key=True)
    version: int


class LogHead(_Row, table=True):
    """The one row that every append compares and swaps."""

    __tablename__ = "log_head"
    log_id: int = Field(primary_key=True)
    size: int = Field(sa_type=_WHOLE)
    root: bytes
    note: str
    at_us: int = Field(sa_type=_WHOLE)


class LogEntry(_Row, table=True):
    """Leaves in order."""

    __tablename__ = "log_entry"
    idx: int = Field(primary_key=True, sa_type=_WHOLE, sa_column_kwargs={"autoincrement": False})
    leaf_hash: bytes = Field(unique=True)
    body: bytes


class LogTile(_Row, table=True):
    """Tiles of 256 hashes; the last of each level grows in place until it is full."""

    __tablename__ = "log_tile"
    level: int = Field(primary_key=True)
    n: int = Field(primary_key=True, sa_type=_WHOLE)
    data: bytes


class LogCheckpoint(_Row, table=True):
    """Every checkpoint that was ever signed."""

    __tablename__ = "log_checkpoint"
    size: int = Field(primary_key=True, sa_type=_WHOLE, sa_column_kwargs={"autoincrement": False})
    note: str


class PayloadRow(_Row, table=True):
    """What entries commit to; erased by emptying salt and body."""

    __tablename__ = "payload"
    leaf_hash: bytes = Field(primary_key=True)
    salt: bytes | None
    body: bytes | None
    erased_at_us: int | None = Field(sa_type=_WHOLE)


class PublisherRow(_Row, table=True):
    """Publisher keys that may add entries."""

    __tablename__ = "publisher"
    thumbprint: bytes = Field(primary_key=True)
    public_key: bytes
    organisation: str
    revoked: bool = False


class AssetRow(_Row, table=True):
    """One row for each registration, with the fold of later entries."""

    __tablename__ = "asset"
    idx: int = Field(primary_key=True, sa_type=_WHOLE, sa_column_kwargs={"autoincrement": False})
    leaf_hash: bytes = Field(unique=True)
    publisher_key: bytes
    digest: bytes = Field(index=True)
    media_type: str
    title: str
    publisher: str
    certificate: bytes
    manifest_id: str = Field(index=True)
    bound: bytes | None = Field(index=True)
    source_type: str
    model: str | None
    registered_at_us: int = Field(sa_type=_WHOLE)
    status: str
    status_reason: str
    replaced_by: str | None
    duration_s: float | None
    width: int | None
    height: int | None


class FingerprintRow(_Row, table=True):
    """Perceptual codes in registration order; ``place`` counts within an asset."""

    __tablename__ = "fingerprint"
    # The primary key gives all codes of an asset, the first index the streams that fill the code index, the
    # second one exact look-ups of the interoperable 64-bit code; it is small because it holds only that.
    __table_args__ = (
        sa.Index("fingerprint_stream", "algorithm", "entry_idx", "place"),
        sa.Index(
            "fingerprint_phash",
            "algorithm",  # without it the planner prefers the stream index and reads every code
            "value",
            sqlite_where=sa.text("algorithm = 'phash64-v1'"),
            postgresql_where=sa.text("algorithm = 'phash64-v1'"),
        ),
        {"sqlite_with_rowid": False},
    )
    entry_idx: int = Field(primary_key=True, sa_type=_WHOLE, sa_column_kwargs={"autoincrement": False})
    place: int = Field(primary_key=True)
    algorithm: str
    value: bytes
    time_s: float | None
    quality: int | None


class ReferenceRow(_Row, table=True):
    """Stored picture and sound of assets."""

    __tablename__ = "reference"
    __table_args__ = (sa.Index("reference_kind", "entry_idx", "kind"),)
    id: int | None = Field(default=None, primary_key=True, sa_type=_WHOLE)
    entry_idx: int = Field(sa_type=_WHOLE)
    kind: str
    time_s: float | None
    blob: bytes


def _table(name: str) -> sa.Table:
    return _METADATA.tables[name]


VERSION: Final = _table("schema_version")
HEAD: Final = _table("log_head")
ENTRY: Final = _table("log_entry")
TILE: Final = _table("log_tile")
CHECKPOINT: Final = _table("log_checkpoint")
PAYLOAD: Final = _table("payload")
PUBLISHER: Final = _table("publisher")
ASSET: Final = _table("asset")
FINGERPRINT: Final = _table("fingerprint")
REFERENCE: Final = _table("reference")
#: The one column that the database fills in.
_GENERATED: Final = REFERENCE.c.id


def _guard(table: sa.Table, event: str, condition: str) -> None:
    name = f"{table.name}_no_{event.lower().replace(' ', '_')}"
    text = (
        f"CREATE TRIGGER {name} BEFORE {event} ON {table.name} {condition} "
        f"BEGIN SELECT RAISE(ABORT, '{table.name} is append-only'); END"
    )
    guard = sa.DDL(text).execute_if(dialect="sqlite")  # type: ignore[no-untyped-call]
    sa.event.listen(table, "after_create", guard)


_guard(ENTRY, "UPDATE", "")
_guard(ENTRY, "DELETE", "")
_guard(CHECKPOINT, "UPDATE", "")
_guard(CHECKPOINT, "DELETE", "")
# INSERT OR REPLACE deletes without asking the DELETE trigger (SQLite documentation, REPLACE).
_guard(
    ENTRY,
    "INSERT",
    "WHEN EXISTS (SELECT 1 FROM log_entry WHERE idx = NEW.idx OR leaf_hash = NEW.leaf_hash)",
)
_guard(CHECKPOINT, "INSERT", "WHEN EXISTS (SELECT 1 FROM log_checkpoint WHERE size = NEW.size)")


# --- engine ----------------------------------------------------------------------------------------------


@contextmanager
def refusals() -> Iterator[None]:
    """Turn the database's errors into ours.

    Raises:
        StorageError: Full disk, read-only or locked database, or a damaged file.
        LedgerError: A constraint or trigger refused the change.
    """
    try:
        yield
    except sa.exc.IntegrityError as cause:
        raise LedgerError(
            f"expected a change that the tables allow, the database refused it: {cause.orig}",
            hint="entries are never changed; another process may have written at the same time",
        ) from cause
    except (sa.exc.DBAPIError, sa.exc.TimeoutError) as cause:
        found = str(getattr(cause, "orig", None) or cause)
        raise StorageError(
            f"expected to read and write the registry, found: {found}", hint=_storage_hint(found)
        ) from cause


def _storage_hint(found: str) -> str:
    for word, hint in (
        ("full", "free space on the disk of the registry; nothing was lost"),
        ("readonly", "make the registry file and its folder writable for this user"),
        ("locked", "another process writes for a long time; try again"),
        ("unable to open", "check the folder of database_url and its permissions"),
        ("malformed", "restore the registry from a backup, then run provenance doctor"),
        ("not a database", "database_url names a file of another kind"),
    ):
        if word in found:
            return hint
    return "check the disk and database_url; nothing was acknowledged that is not stored"


def open_engine(url: str) -> Engine:
    """Return an engine whose commits survive a crash of the machine; no connection is made yet.

    Args:
        url: ``sqlite:////absolute/path.db``.

    Raises:
        ConfigError: Not the URL of a SQLite file.
    """
    try:
        parsed = sa.make_url(url)
        if parsed.get_backend_name() != "sqlite" or not parsed.database or parsed.database == ":memory:":
            raise ConfigError(
                f"expected database_url to name a SQLite file, found {url!r}",
                hint="use sqlite:////absolute/path/registry.db",
            )
        # More connections than the web server has worker threads, so that no request waits for one.
        engine = sa.create_engine(
            parsed, pool_size=8, max_overflow=56, connect_args={"timeout": BUSY_MS / 1e3}
        )
    except sa.exc.ArgumentError as cause:
        raise ConfigError(
            f"expected a database URL, found {url!r}", hint="use sqlite:////absolute/path/registry.db"
        ) from cause
    sa.event.listen(engine, "connect", _on_connect)
    sa.event.listen(engine, "begin", _on_begin)
    return engine


def _on_connect(connection: sqlite3.Connection, _record: Any) -> None:
    # The driver must not begin transactions by itself: writers have to take the lock before they read.
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout={BUSY_MS}")
    if cursor.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
        cursor.execute("PRAGMA journal_mode=WAL")
    # NORMAL may lose acknowledged commits on power loss. Source: SQLite documentation, PRAGMA synchronous.
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.close()


def _on_begin(connection: Connection) -> None:
    writer = connection.get_execution_options().get(_WRITER, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writer else "BEGIN")


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """Give a connection that sees one state of the database throughout.

    Raises:
        StorageError: The database cannot be read.
    """
    with refusals(), engine.connect() as connection, connection.begin():
        yield connection


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """Give a connection that holds the write lock; all of it is committed at the end, or none.

    Raises:
        StorageError: The database cannot be written.
        LedgerError: A constraint or trigger refused the change.
    """
    with refusals(), engine.execution_options(**{_WRITER: True}).begin() as connection:
        yield connection


@functools.lru_cache
def _insert_text(table: str) -> str:
    names = [column.name for column in _table(table).c if column is not _GENERATED]
    return f"INSERT INTO {table} ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})"  # noqa: S608 - our names


def insert_rows(connection: Connection, table: sa.Table, rows: Sequence[tuple[object, ...]]) -> None:
    """Insert ``rows``, each with a value for every column in the order of the table; generated ids aside.

    The driver is used directly: binding by name costs more than the insert itself, docs/measurements.md#ledger.
    """
    if rows:
        connection.exec_driver_sql(_insert_text(table.name), list(rows))


# --- schema ----------------------------------------------------------------------------------------------


def create_schema(engine: Engine, root: bytes) -> None:
    """Make the tables and the empty head, unless they are there.

    Args:
        engine: Where.
        root: Root of the empty tree.

    Raises:
        SchemaError: There are tables of another version.
        StorageError: The database cannot be written.
    """
    with writing(engine) as connection:
        if sa.inspect(connection).has_table(VERSION.name):
            _check_version(connection)
            return
        _METADATA.create_all(connection)
        connection.execute(sa.insert(VERSION), {"id": 1, "version": SCHEMA_VERSION})
        connection.execute(sa.insert(HEAD), {"log_id": 1, "size": 0, "root": root, "note": "", "at_us": 0})


def check_schema(engine: Engine) -> None:
    """Return if the database has the tables of this version.

    Raises:
        NotFoundError: It has none.
        SchemaError: It has those of another version.
        StorageError: It cannot be read.
    """
    with reading(engine) as connection:
        if not sa.inspect(connection).has_table(VERSION.name):
            raise NotFoundError(
                f"expected a registry in {engine.url.render_as_string()}, found none",
                hint="run `provenance init` first, or set database_url",
            )
        _check_version(connection)


def _check_version(connection: Connection) -> None:
    found = connection.execute(sa.select(VERSION.c.version)).scalar()
    if found != SCHEMA_VERSION:
        raise SchemaError(
            f"expected a registry of schema version {SCHEMA_VERSION}, found {found}",
            hint="use the version of this product that made it, or register the assets anew",
        )
