"""What Alembic runs: the migrations within the transaction that the caller opened."""

from __future__ import annotations

from alembic import context

from provenance.ledger.tables import METADATA

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    # The caller's transaction holds all of it: an upgrade is whole or did not happen.
    transactional_ddl=True,
)
context.run_migrations()
