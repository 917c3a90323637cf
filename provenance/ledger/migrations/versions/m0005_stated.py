"""Who gave an asset its status, when, and in which entry; of statuses given before it stays open."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_WHOLE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Add the columns."""
    op.add_column("asset", sa.Column("status_by", sa.String()))
    op.add_column("asset", sa.Column("status_at_us", _WHOLE))
    op.add_column("asset", sa.Column("status_entry", sa.LargeBinary()))
