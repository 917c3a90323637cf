"""What Alembic runs for every set of tables: the migrations within the transaction that the caller opened."""

from __future__ import annotations

from alembic import context

_schema = context.config.attributes["schema"]
context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=_schema.metadata,
    version_table=_schema.version.name,
    # The caller's transaction holds all of it: an upgrade is whole or did not happen.
    transactional_ddl=True,
)
context.run_migrations()
