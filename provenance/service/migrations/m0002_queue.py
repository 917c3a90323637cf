"""The queue of jobs on PostgreSQL: the tables of procrastinate. SQLite has none of them.

They are those of the installed version, which is pinned; a newer one comes with a migration of its own.
"""

from __future__ import annotations

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables; jobs that wait are put into the queue by the first worker that looks."""
    if op.get_bind().dialect.name == "postgresql":
        from provenance.service.queue import create_tables  # noqa: PLC0415 - installed with PostgreSQL only

        create_tables(op.get_bind())
