"""Codes with their bands in a table of PostgreSQL, for all that are registered; SQLite keeps them in memory."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from provenance.ledger.banded import fill_bands

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table and fill it; the index is made last, which is cheaper than growing it."""
    if op.get_bind().dialect.name != "postgresql":
        return
    op.create_table(
        "code_band",
        sa.Column("entry_idx", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("place", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("algorithm", sa.SmallInteger(), nullable=False),
        sa.Column("code", postgresql.BIT(256), nullable=False),
        sa.Column("bands", postgresql.ARRAY(sa.Integer()), nullable=False),
    )
    # How codes become bands can never change, so the program's own function may be used.
    fill_bands(op.get_bind())
    op.create_index(
        "code_band_bands",
        "code_band",
        ["bands"],
        postgresql_using="gin",
        postgresql_with={"fastupdate": "off"},
    )
