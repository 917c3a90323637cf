"""The tables of the service. Those of databases that are older than this migration were made as they were needed.

Each table and index is made only where it is missing: a database may hold any first part of them.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_WHOLE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _text(*names: str) -> list[sa.Column[Any]]:
    return [sa.Column(name, sa.String(), nullable=False) for name in names]


def _whole(*names: str, nullable: bool = False) -> list[sa.Column[Any]]:
    return [sa.Column(name, _WHOLE, nullable=nullable) for name in names]


def _bytes(name: str, *, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.LargeBinary(), nullable=nullable)


def _number() -> sa.Column[Any]:
    return sa.Column("id", _WHOLE, primary_key=True)


def _name(name: str = "id") -> sa.Column[Any]:
    return sa.Column(name, sa.String(), primary_key=True)


def _table(name: str, *columns: sa.Column[Any], indexes: tuple[str, ...] = ()) -> None:
    op.create_table(name, *columns, if_not_exists=True)
    for each in indexes:
        op.create_index(f"ix_{name}_{each}", name, [each], if_not_exists=True)


def upgrade() -> None:
    """Make what is missing."""
    _registry()
    _callers()
    _work()
    _table(
        "watch", _name(), *_text("tenant", "asset_id", "verdicts", "target", "secret"), *_whole("created_us"),
        indexes=("asset_id",),
    )  # fmt: skip
    _table(
        "sighting", _number(), *_text("watch_id", "event_id"), *_whole("at_us"), *_text("body"),
        sa.Column("attempts", sa.Integer(), nullable=False), *_whole("due_us", "delivered_us", nullable=True),
        indexes=("watch_id",),
    )  # fmt: skip


def _registry() -> None:
    _table(
        "deposit", _name("manifest_id"), *_text("tenant"), _bytes("digest"), _bytes("store"),
        *_text("validation", "asset_id"), *_whole("created_us"),
    )  # fmt: skip
    _table(
        "binding", _number(), *_text("value"), sa.Column("algorithm", sa.String()),
        *_text("manifest_id", "tenant"), *_whole("created_us"), indexes=("value", "manifest_id"),
    )  # fmt: skip
    _table("unlisted_asset", _name("asset_id"), *_text("tenant"))
    _table("asset_owner", _name("asset_id"), *_text("tenant"))


def _callers() -> None:
    _table(
        "api_key", _name(), _bytes("secret_sha256"), *_text("tenant", "label", "scopes"),
        *_whole("created_us"), *_whole("expires_us", "revoked_us", "used_us", nullable=True),
    )  # fmt: skip
    _table(
        "audit_event", _number(), *_whole("at_us"), *_text("tenant", "actor", "action", "target", "outcome")
    )
    _table("feedback", _number(), *_whole("at_us"), *_text("report", "opinion", "text"))


def _work() -> None:
    _table(
        "kept_reply", _name("tenant"), _name("key"), _bytes("request_sha256"), sa.Column("status", sa.Integer()),
        *_text("media_type", "headers"), _bytes("body"), *_whole("created_us"),
    )  # fmt: skip
    _table(
        "job", _name(), *_text("kind", "tenant", "params", "cache_key", "state", "stage"),
        sa.Column("percent", sa.Float(), nullable=False), *_text("note"),
        sa.Column("attempts", sa.Integer(), nullable=False), *_text("leased_by"),
        *_whole("leased_until_us", "created_us"), *_whole("finished_us", nullable=True),
        _bytes("result", nullable=True), *_text("problem"), indexes=("cache_key",),
    )  # fmt: skip
    op.create_index("job_waiting", "job", ["state", "created_us"], if_not_exists=True)
