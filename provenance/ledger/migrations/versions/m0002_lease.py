"""Several processes over one database: a lease on appending, and a place for what waits for its holder."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_WHOLE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Add both tables; the table that kept the first release's version goes, Alembic has its own."""
    lease = op.create_table(
        "log_lease",
        sa.Column("lease_id", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("holder", sa.String(), nullable=False),
        sa.Column("until_us", _WHOLE, nullable=False),
    )
    op.bulk_insert(lease, [{"lease_id": 1, "holder": "", "until_us": 0}])
    op.create_table(
        "log_pending",
        sa.Column("id", _WHOLE, primary_key=True),
        sa.Column("batch", sa.LargeBinary(), nullable=False, unique=True),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("refusal", sa.String()),
    )
    op.drop_table("schema_version")
