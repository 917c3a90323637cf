"""Reports given at once, for services of several processes."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_WHOLE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Add the table; reports in the memory of a process are not in it."""
    op.create_table(
        "kept_report",
        sa.Column("id", _WHOLE, primary_key=True),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("created_us", _WHOLE, nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
    )
    op.create_index("ix_kept_report_name", "kept_report", ["name"], unique=True)
    op.create_index("ix_kept_report_created_us", "kept_report", ["created_us"])
