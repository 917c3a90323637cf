"""Checkpoints with the cosignatures of witnesses, beside those that the log signed alone."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_WHOLE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Add the table; old checkpoints are not cosigned after the fact."""
    op.create_table(
        "log_cosigned",
        sa.Column("size", _WHOLE, primary_key=True, autoincrement=False),
        sa.Column("note", sa.String(), nullable=False),
    )
