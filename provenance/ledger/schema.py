"""Making, checking and upgrading the tables. What changes them are the migrations, in order.

A new database is made as the newest tables at once; a test holds that the migrations lead to the same.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from provenance.errors import NotFoundError, SchemaError
from provenance.ledger.database import reading, writing
from provenance.ledger.tables import HEAD, LEASE, METADATA, VERSION

#: Newest migration; a database of another one is not opened.
REVISION: Final = "0003"
#: The first release kept its version in a table of its own; its tables are those of this migration.
_FIRST: Final = "0001"
_FIRST_TABLE: Final = "schema_version"
_MIGRATIONS: Final = Path(__file__).with_name("migrations")


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
        if _revision(connection) is not None:
            _check_revision(connection)
            return
        METADATA.create_all(connection)
        connection.execute(VERSION.insert(), {"version_num": REVISION})
        connection.execute(LEASE.insert(), {"lease_id": 1, "holder": "", "until_us": 0})
        connection.execute(HEAD.insert(), {"log_id": 1, "size": 0, "root": root, "note": "", "at_us": 0})


def check_schema(engine: Engine) -> None:
    """Return if the database has the tables of this version.

    Raises:
        NotFoundError: It has none.
        SchemaError: It has those of another version.
        StorageError: It cannot be read.
    """
    with reading(engine) as connection:
        if _revision(connection) is None:
            raise NotFoundError(
                f"expected a registry in {engine.url.render_as_string()}, found none",
                hint="run `provenance init` first, or set database_url",
            )
        _check_revision(connection)


def upgrade_schema(engine: Engine) -> tuple[str, str]:
    """Bring the tables to this version in one transaction; return the migration before and after.

    Raises:
        NotFoundError: The database has no tables.
        SchemaError: They are of a version that this one does not know: a newer one.
        StorageError: It cannot be written.
    """
    from alembic import command  # noqa: PLC0415 - only an upgrade needs it
    from alembic.config import Config  # noqa: PLC0415 - only an upgrade needs it
    from alembic.script import ScriptDirectory  # noqa: PLC0415 - only an upgrade needs it

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    known = {each.revision for each in ScriptDirectory.from_config(config).walk_revisions()}
    with writing(engine) as connection:
        before = _revision(connection)
        if before is None:
            raise NotFoundError("expected a registry to upgrade, found none", hint="run `provenance init`")
        if before not in known:
            raise SchemaError(
                f"expected tables of a migration up to {REVISION}, found {before}",
                hint="these tables are newer than this program; update it",
            )
        config.attributes["connection"] = connection
        if before == _FIRST and not sa.inspect(connection).has_table(VERSION.name):
            command.stamp(config, _FIRST)
        command.upgrade(config, "head")
    return before, REVISION


def _revision(connection: Connection) -> str | None:
    """Return the migration that the tables are of, None where there are none."""
    tables = sa.inspect(connection)
    if tables.has_table(VERSION.name):
        found: str | None = connection.execute(sa.select(VERSION.c.version_num)).scalar()
        return found
    if tables.has_table(_FIRST_TABLE):
        version = connection.execute(sa.select(sa.table(_FIRST_TABLE, sa.column("version")))).scalar()
        return _FIRST if version == 1 else f"version {version}"
    return None


def _check_revision(connection: Connection) -> None:
    found = _revision(connection)
    if found != REVISION:
        raise SchemaError(
            f"expected a registry of migration {REVISION}, found {found}",
            hint="run `provenance db upgrade`; make a backup first",
        )
