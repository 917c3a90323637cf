"""A copy of a whole registry, all of ledger, registry and the service's memory, in an empty PostgreSQL database.

One transaction on each side: the source is locked against writers and read as one state, and the target holds
all of it or nothing.
"""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from provenance.errors import ConfigError, OutputExistsError
from provenance.ledger.banded import fill_bands
from provenance.ledger.database import closed_on_error, insert_rows, open_engine, wait_alone, writing
from provenance.ledger.schema import LEDGER, Schema
from provenance.ledger.tables import BANDED, LEASE
from provenance.service.schema import SERVICE, open_database

#: Rows read and written at a time: some megabytes, since a reference is some tens of kilobytes.
_ROWS: Final = 500
_SETS: Final = (LEDGER, SERVICE)


def copy_database(source: str, target: str) -> dict[str, int]:
    """Copy the registry at ``source`` into the empty database at ``target``; return the rows of each table.

    Args:
        source: URL of a SQLite file of this version.
        target: URL of a PostgreSQL database without tables of a registry.

    Raises:
        ConfigError: Not a SQLite file and a PostgreSQL database.
        OutputExistsError: There are tables in the target; nothing was changed.
        SchemaError: The source is of another version.
        StorageError: One of them cannot be read or written.
    """
    into = open_engine(target)
    with closed_on_error(into):
        if into.dialect.name != "postgresql":
            raise ConfigError("expected a PostgreSQL database to copy into, found another kind")
        old = open_database(source)
    try:
        if old.dialect.name != "sqlite":
            raise ConfigError("expected a registry in a SQLite file to copy from, found another kind")
        return _copy(old, into)
    finally:
        old.dispose()
        into.dispose()


def _copy(old: Engine, into: Engine) -> dict[str, int]:
    # Writers of the source wait until the copy is complete: what they are told afterwards is not in it.
    with writing(old) as reader, writing(into) as writer:
        wait_alone(writer)
        taken = sa.inspect(writer).get_table_names()
        if taken:
            raise OutputExistsError(
                f"expected an empty database, found one with {len(taken)} tables, among them {min(taken)}",
                hint="make a new one: createdb NAME",
            )
        rows = {name: count for each in _SETS for name, count in _copy_set(reader, writer, each).items()}
        return rows | {BANDED.name: fill_bands(writer)}


def _copy_set(reader: Connection, writer: Connection, schema: Schema) -> dict[str, int]:
    schema.metadata.create_all(writer)
    schema.fill(writer)
    copied = {}
    for table in schema.metadata.sorted_tables:
        if table is LEASE:  # filled: nobody appends to the new log yet
            continue
        writer.execute(table.delete())
        copied[table.name] = _copy_table(reader, writer, table)
    return copied


def _copy_table(reader: Connection, writer: Connection, table: sa.Table) -> int:
    count = 0
    for rows in reader.execution_options(yield_per=_ROWS).execute(table.select()).partitions():
        insert_rows(writer, table, [tuple(row) for row in rows], generated=True)
        count += len(rows)
    number = table.autoincrement_column
    if number is not None and count:
        # Later rows go on counting where the copied ones end.
        newest = sa.select(sa.func.max(number)).scalar_subquery()
        sequence = sa.func.pg_get_serial_sequence(table.name, number.name)
        writer.execute(sa.select(sa.func.setval(sequence, newest)))
    return count
