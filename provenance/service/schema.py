"""The database with the service's tables in it: opened, made and upgraded."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from provenance.ledger.database import closed_on_error, open_engine
from provenance.ledger.schema import (
    LEDGER,
    UNVERSIONED,
    Schema,
    Upgrade,
    check_schema,
    create_schema,
    upgrade_schemas,
)
from provenance.service.tables import API_KEY, METADATA, VERSION, Database

#: Newest migration of the service's tables.
REVISION: Final = "0003"


def _former(connection: Connection) -> str | None:
    # Tables that were made before they had migrations.
    return UNVERSIONED if sa.inspect(connection).has_table(API_KEY.name) else None


def _fill(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        from provenance.service.queue import create_tables  # noqa: PLC0415 - installed with PostgreSQL only

        create_tables(connection)


#: What the service remembers.
SERVICE: Final = Schema(
    "service", METADATA, VERSION, REVISION, Path(__file__).with_name("migrations"), _fill, _former
)


def open_database(url: str) -> Database:
    """Return the database at ``url`` with the service's tables in it; they are made where there are none.

    Raises:
        ConfigError: Not a database URL.
        NotFoundError: There is no registry in it.
        SchemaError: Its tables are of another version.
        StorageError: It cannot be written.
    """
    engine = open_engine(url)
    with closed_on_error(engine):
        check_schema(engine, LEDGER)
        create_schema(engine, SERVICE)
    return engine


def upgrade_database(url: str) -> list[Upgrade]:
    """Bring all tables at ``url`` to this version in one transaction; return what was done to each set.

    Raises:
        ConfigError: Not a database URL.
        NotFoundError: There is no registry.
        SchemaError: The database is of a newer version.
        StorageError: It cannot be written.
    """
    engine = open_engine(url)
    try:
        return upgrade_schemas(engine, (LEDGER, SERVICE))
    finally:
        engine.dispose()
