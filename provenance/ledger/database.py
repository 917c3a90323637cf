"""The database under ledger and registry: SQLite in one file, or PostgreSQL, chosen by the URL alone.

A writer's transaction is durable when it ends, and readers see one state throughout. On SQLite writers take
turns by its one write lock; on PostgreSQL they wait for each other at the head's row. Neither is what keeps
the log right: that is the comparison of the head at the end of every append, and the primary keys.
"""

from __future__ import annotations

import functools
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import URL, Connection, Engine

from provenance.errors import BusyError, ConfigError, LedgerError, ProvenanceError, StorageError

#: Time a writer waits for another one, milliseconds. Source: ledger crash tests with three racing writers.
BUSY_MS: Final = 30_000
#: Connections of one process to PostgreSQL: kept, and opened for a while. Its default allows 100 in all.
_POOL: Final = {"pool_size": 8, "max_overflow": 8, "pool_timeout": BUSY_MS / 1e3}
#: A connection within a transaction, for the modules that use the tables.
Connected = Connection
_WRITER: Final = "provenance_writer"
#: Set on connections that are asked one thing outside of a transaction.
_ALONE: Final = "provenance_alone"
#: serialization_failure, deadlock_detected, lock_not_available: another writer was in the way. Source:
#: PostgreSQL documentation, appendix A; CockroachDB and YugabyteDB answer 40001 where PostgreSQL waits.
_CONTENTION: Final = frozenset(("40001", "40P01", "55P03"))
#: unique_violation; the triggers answer restrict_violation (23001) instead.
_UNIQUE: Final = "23505"
#: Name of the lock on making tables: "provenan" in ASCII. Any number would do that nobody else uses.
_TABLES_LOCK: Final = 0x70726F76656E616E
#: Where two writers with one head would write the same key.
_LOG_TABLES: Final = frozenset(("log_entry", "log_tile", "log_checkpoint"))


# --- errors ----------------------------------------------------------------------------------------------


@contextmanager
def refusals() -> Iterator[None]:
    """Turn the database's errors into ours.

    Raises:
        BusyError: Another writer was faster; the same again may work.
        StorageError: Full disk, read-only, locked or unreachable database, or a damaged file.
        LedgerError: A constraint or trigger refused the change.
    """
    try:
        yield
    except (sa.exc.DBAPIError, sa.exc.TimeoutError) as cause:
        found = " ".join(str(getattr(cause, "orig", None) or cause).split())
        if _is_contention(getattr(cause, "orig", None)):
            raise BusyError(
                f"expected no other writer, found one that was faster: {found}", hint="try again"
            ) from cause
        if isinstance(cause, sa.exc.IntegrityError):
            raise LedgerError(
                f"expected a change that the tables allow, the database refused it: {found}",
                hint="entries are never changed; another process may have written at the same time",
            ) from cause
        raise StorageError(
            f"expected to read and write the registry, found: {found}", hint=_hint(found)
        ) from cause


def _is_contention(error: object) -> bool:
    state = getattr(error, "sqlstate", None)  # only PostgreSQL's errors have one
    table = getattr(getattr(error, "diag", None), "table_name", None)
    return state in _CONTENTION or (state == _UNIQUE and table in _LOG_TABLES)


def _hint(found: str) -> str:
    for word, hint in (
        ("full", "free space on the disk of the registry; nothing was lost"),
        ("No space left", "free space on the disk of the database server; nothing was lost"),
        ("readonly", "make the registry file and its folder writable for this user"),
        ("locked", "another process writes for a long time; try again"),
        ("unable to open", "check the folder of database_url and its permissions"),
        ("malformed", "restore the registry from a backup, then run provenance doctor"),
        ("not a database", "database_url names a file of another kind"),
        ("authentication", "check user and password in database_url"),
        ("connection", "check that the database server runs and that database_url names it"),
    ):
        if word in found:
            return hint
    return "check the disk and database_url; nothing was acknowledged that is not stored"


# --- engine ----------------------------------------------------------------------------------------------


def open_engine(url: str) -> Engine:
    """Return an engine whose commits survive a crash of the machine; no connection is made yet.

    Args:
        url: ``sqlite:////absolute/path.db`` or ``postgresql+psycopg://user@host/database``.

    Raises:
        ConfigError: Neither, or the PostgreSQL driver is not installed.
    """
    hint = "use sqlite:////absolute/path/registry.db or postgresql+psycopg://user@host/database"
    try:
        parsed = sa.make_url(url)
    except sa.exc.ArgumentError as cause:
        raise ConfigError(f"expected a database URL, found {url!r}", hint=hint) from cause
    if parsed.drivername == "postgresql+psycopg" and parsed.database:
        return _open_postgresql(parsed)
    if parsed.get_backend_name() == "sqlite" and parsed.database and parsed.database != ":memory:":
        return _open_sqlite(parsed)
    raise ConfigError(
        f"expected database_url to name a SQLite file or a PostgreSQL database, "
        f"found {parsed.render_as_string()!r}",
        hint=hint,
    )


def _open_sqlite(url: URL) -> Engine:
    # More connections than the web server has worker threads, so that no request waits for one.
    engine = sa.create_engine(url, pool_size=8, max_overflow=56, connect_args={"timeout": BUSY_MS / 1e3})
    sa.event.listen(engine, "connect", _on_connect)
    sa.event.listen(engine, "begin", _on_begin)
    return engine


def _open_postgresql(url: URL) -> Engine:
    # A server may set synchronous_commit off for all; the ledger's answers must survive its crash.
    options = f"-c synchronous_commit=on -c lock_timeout={BUSY_MS}"
    try:
        return sa.create_engine(url, pool_pre_ping=True, connect_args={"options": options}, **_POOL)
    except ModuleNotFoundError as cause:
        raise ConfigError(
            f"expected the driver of PostgreSQL, found none: {cause}",
            hint="pip install 'content-provenance[postgres]'",
        ) from cause


def _on_connect(connection: sqlite3.Connection, _record: Any) -> None:
    # The driver must not begin transactions by itself: writers have to take the lock before they read.
    connection.isolation_level = None
    # SQLite keeps text in any column that somebody writes it to; a damaged value must be read to be named.
    connection.text_factory = lambda raw: raw.decode("utf-8", "replace")
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout={BUSY_MS}")
    if cursor.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
        cursor.execute("PRAGMA journal_mode=WAL")
    # NORMAL may lose acknowledged commits on power loss. Source: SQLite documentation, PRAGMA synchronous.
    cursor.execute("PRAGMA synchronous=FULL")
    # What is erased is overwritten with zeros, not left in unused pages (SR-30).
    cursor.execute("PRAGMA secure_delete=ON")
    cursor.close()


def _on_begin(connection: Connection) -> None:
    options = connection.get_execution_options()
    if not options.get(_ALONE, False):
        connection.exec_driver_sql("BEGIN IMMEDIATE" if options.get(_WRITER, False) else "BEGIN")


def _is_sqlite(engine: Engine) -> bool:
    return engine.dialect.name == "sqlite"


@contextmanager
def closed_on_error(engine: Engine) -> Iterator[None]:
    """Close all connections of an engine that turns out to be unusable."""
    try:
        yield
    except ProvenanceError:
        engine.dispose()
        raise


def driver_connection(connection: Connection) -> Any:
    """Return the driver's own connection under ``connection``: what libraries get that join its transaction."""
    return connection.connection.driver_connection


def conninfo_of(engine: Engine) -> str:
    """Return the connection string of libpq for a PostgreSQL database, password included."""
    return engine.url.set(drivername="postgresql").render_as_string(hide_password=False)


# --- transactions ----------------------------------------------------------------------------------------


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """Give a connection that sees one state of the database throughout.

    Raises:
        StorageError: The database cannot be read.
    """
    # A transaction of SQLite sees one state anyway.
    options = (
        {} if _is_sqlite(engine) else {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
    )
    with (
        refusals(),
        engine.connect() as connection,
        connection.execution_options(**options).begin(),
    ):
        yield connection


@contextmanager
def asking(engine: Engine) -> Iterator[Connection]:
    """Give a connection for one SELECT, which sees one state by itself: a transaction would only cost its turns.

    Raises:
        StorageError: The database cannot be read.
    """
    options = {_ALONE: True} if _is_sqlite(engine) else {"isolation_level": "AUTOCOMMIT"}
    with refusals(), engine.connect() as connection:
        yield connection.execution_options(**options)


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """Give a connection whose changes are all committed, durably, at the end, or none.

    Raises:
        BusyError: Another writer was faster; the same again may work.
        StorageError: The database cannot be written.
        LedgerError: A constraint or trigger refused the change.
    """
    with refusals(), engine.execution_options(**{_WRITER: True}).begin() as connection:
        yield connection


def wait_alone(connection: Connection) -> None:
    """Wait until no other process makes or upgrades tables; they wait until this transaction ends."""
    if connection.dialect.name != "sqlite":  # whose writers have the only write lock already
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_TABLES_LOCK})")


def scrub(engine: Engine, tables: Sequence[sa.Table]) -> None:
    """Let go of the old contents of ``tables`` in the database's files; backups keep theirs.

    Raises:
        StorageError: The database cannot be written.
    """
    if _is_sqlite(engine):
        with refusals(), engine.connect() as connection:
            # The write-ahead log holds the pages as they were until it is folded in.
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        return
    with refusals(), engine.connect() as connection:
        outside = connection.execution_options(isolation_level="AUTOCOMMIT")
        outside.exec_driver_sql(f"VACUUM {', '.join(each.name for each in tables)}")


@functools.cache
def _insert_text(table: sa.Table, dialect: sa.Dialect, generated: bool) -> str:  # noqa: FBT001 - cached by place
    """Return an INSERT for all columns or all but a generated one; on PostgreSQL of one array for each column."""
    columns = [each for each in table.c if generated or each is not table.autoincrement_column]
    names = ", ".join(each.name for each in columns)
    if dialect.name == "sqlite":
        return f"INSERT INTO {table.name} ({names}) VALUES ({', '.join('?' * len(columns))})"  # noqa: S608 - our names
    kinds = (each.type.compile(dialect=dialect) for each in columns)
    arrays = ", ".join(f"%b::{kind}[]" for kind in kinds)
    return f"INSERT INTO {table.name} ({names}) SELECT * FROM unnest({arrays})"  # noqa: S608 - our names


def insert_rows(
    connection: Connection, table: sa.Table, rows: Sequence[tuple[object, ...]], *, generated: bool = False
) -> None:
    """Insert ``rows``, each with a value for every column in the order of the table.

    A generated id is left out of them, unless ``generated`` says that it is given too.

    The driver is used directly: binding by name costs more than the insert itself, docs/measurements.md#ledger.
    """
    if not rows:
        return
    text = _insert_text(table, connection.dialect, generated)
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql(text, list(rows))
    else:
        connection.exec_driver_sql(text, tuple(map(list, zip(*rows, strict=True))))
