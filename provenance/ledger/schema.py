"""Making, checking and upgrading tables. What changes them are the migrations, in order.

A database may hold several sets of tables: ledger and registry, and what the service remembers. Each set has
its own line of migrations and a table that says where in it it is. New tables are made as the newest ones at
once; tests hold that the migrations lead to the same. Migrations only go forward: an older program would not
know what the newer tables hold, so the way back is the backup made before.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from provenance.errors import NotFoundError, SchemaError
from provenance.ledger.database import reading, wait_alone, writing
from provenance.ledger.merkle import EMPTY_ROOT
from provenance.ledger.tables import HEAD, LEASE, METADATA, VERSION

#: Newest migration of ledger and registry; a database of another one is not opened.
REVISION: Final = "0005"
#: Tables of a set that are older than its first migration.
UNVERSIONED: Final = "0000"
#: The first release kept its version in a table of its own; its tables are those of this migration.
_FIRST: Final = "0001"
_FIRST_TABLE: Final = "schema_version"
#: Folder of ``env.py``, which all sets share.
_SCRIPTS: Final = Path(__file__).with_name("migrations")


def _no_tables(_connection: Connection) -> str | None:
    return None


def _no_rows(_connection: Connection) -> None:
    return


@dataclass(frozen=True, slots=True)
class Schema:
    """A set of tables with its own line of migrations.

    Attributes:
        title: What it is, in words.
        metadata: The newest tables.
        version: The table that says which migration made them; Alembic's, with one column.
        revision: Newest migration.
        migrations: Folder of the migrations.
        fill: Writes the first rows of new tables.
        former: Says of which migration tables are that have no version table yet; None where there are none.
    """

    title: str
    metadata: sa.MetaData
    version: sa.Table
    revision: str
    migrations: Path
    fill: Callable[[Connection], None] = _no_rows
    former: Callable[[Connection], str | None] = _no_tables

    def found(self, connection: Connection) -> str | None:
        """Return the migration that the tables in the database are of, None where there are none."""
        if sa.inspect(connection).has_table(self.version.name):
            found: str | None = connection.execute(sa.select(self.version.c.version_num)).scalar()
            return found
        return self.former(connection)


@dataclass(frozen=True, slots=True)
class Upgrade:
    """What an upgrade did to one set of tables.

    Attributes:
        title: The set, in words.
        before: Its migration before; None where there were no tables.
        after: Its migration now.
    """

    title: str
    before: str | None
    after: str


def _fill_ledger(connection: Connection) -> None:
    connection.execute(LEASE.insert(), {"lease_id": 1, "holder": "", "until_us": 0})
    empty = {"log_id": 1, "size": 0, "root": EMPTY_ROOT, "note": "", "at_us": 0}
    connection.execute(HEAD.insert(), empty)


def _former_ledger(connection: Connection) -> str | None:
    if not sa.inspect(connection).has_table(_FIRST_TABLE):
        return None
    version = connection.execute(sa.select(sa.table(_FIRST_TABLE, sa.column("version")))).scalar()
    return _FIRST if version == 1 else f"version {version}"


#: Ledger and registry.
LEDGER: Final = Schema(
    "ledger and registry",
    METADATA,
    VERSION,
    REVISION,
    _SCRIPTS / "versions",
    _fill_ledger,
    _former_ledger,
)


def create_schema(engine: Engine, schema: Schema) -> None:
    """Make the tables of ``schema`` with their first rows, unless they are there.

    Raises:
        SchemaError: There are tables of another version.
        StorageError: The database cannot be written.
    """
    with reading(engine) as connection:
        if schema.found(connection) is not None:
            _check_revision(connection, schema)
            return
    with writing(engine) as connection:
        wait_alone(connection)
        if schema.found(connection) is None:  # no other process was faster
            _create(connection, schema)


def _create(connection: Connection, schema: Schema) -> None:
    schema.metadata.create_all(connection)
    connection.execute(schema.version.insert(), {"version_num": schema.revision})
    schema.fill(connection)


def check_schema(engine: Engine, schema: Schema) -> None:
    """Return if the database has the tables of ``schema`` in this version.

    Raises:
        NotFoundError: It has none.
        SchemaError: It has those of another version.
        StorageError: It cannot be read.
    """
    with reading(engine) as connection:
        if schema.found(connection) is None:
            raise NotFoundError(
                f"expected a registry in {engine.url.render_as_string()}, found none",
                hint="run `provenance init` first, or set database_url",
            )
        _check_revision(connection, schema)


def upgrade_schemas(engine: Engine, schemas: Sequence[Schema]) -> list[Upgrade]:
    """Bring the tables to this version, all in one transaction; those of a set that is missing are made.

    Args:
        engine: Where.
        schemas: The sets; the first one must be there.

    Raises:
        NotFoundError: The first set has no tables.
        SchemaError: Tables are of a version that this one does not know: a newer one.
        StorageError: The database cannot be written.
    """
    with writing(engine) as connection:
        wait_alone(connection)
        if schemas[0].found(connection) is None:
            raise NotFoundError("expected a registry to upgrade, found none", hint="run `provenance init`")
        return [_upgrade(connection, schema) for schema in schemas]


def _upgrade(connection: Connection, schema: Schema) -> Upgrade:
    from alembic import command  # noqa: PLC0415 - only an upgrade needs it
    from alembic.script import ScriptDirectory  # noqa: PLC0415 - only an upgrade needs it

    before = schema.found(connection)
    if before is None:
        _create(connection, schema)
        return Upgrade(schema.title, None, schema.revision)
    config = alembic_config(schema)
    known = {each.revision for each in ScriptDirectory.from_config(config).walk_revisions()}
    if before not in known | {UNVERSIONED}:
        raise SchemaError(
            f"expected tables ({schema.title}) of a migration up to {schema.revision}, found {before}",
            hint="these tables are newer than this program; update it",
        )
    config.attributes["connection"] = connection
    if before != UNVERSIONED and not sa.inspect(connection).has_table(schema.version.name):
        command.stamp(config, before)
    command.upgrade(config, "head")
    return Upgrade(schema.title, before, schema.revision)


def alembic_config(schema: Schema) -> Any:
    """Return what Alembic needs to know of ``schema``, as its ``Config``; the connection is still to be set."""
    from alembic.config import Config  # noqa: PLC0415 - only an upgrade needs it

    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS).replace("%", "%%"))
    config.set_main_option("version_locations", str(schema.migrations).replace("%", "%%"))
    config.set_main_option("path_separator", "newline")  # a folder's name may hold anything else
    config.attributes["schema"] = schema
    return config


def _check_revision(connection: Connection, schema: Schema) -> None:
    found = schema.found(connection)
    if found != schema.revision:
        raise SchemaError(
            f"expected tables ({schema.title}) of migration {schema.revision}, found {found}",
            hint="run `provenance db upgrade`; make a backup first",
        )
