"""The tables of the first release, SQLite only. Databases of it have no Alembic table; they are stamped.

PostgreSQL came with the next migration: its databases begin there.
"""

from __future__ import annotations

from typing import Final

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_TABLES: Final = """
CREATE TABLE schema_version (id INTEGER NOT NULL PRIMARY KEY, version INTEGER NOT NULL);
CREATE TABLE log_head (
  log_id INTEGER NOT NULL PRIMARY KEY, size INTEGER NOT NULL, root BLOB NOT NULL, note VARCHAR NOT NULL,
  at_us INTEGER NOT NULL
);
CREATE TABLE log_entry (idx INTEGER NOT NULL PRIMARY KEY, leaf_hash BLOB NOT NULL UNIQUE, body BLOB NOT NULL);
CREATE TABLE log_tile (level INTEGER NOT NULL, n INTEGER NOT NULL, data BLOB NOT NULL, PRIMARY KEY (level, n));
CREATE TABLE log_checkpoint (size INTEGER NOT NULL PRIMARY KEY, note VARCHAR NOT NULL);
CREATE TABLE payload (leaf_hash BLOB NOT NULL PRIMARY KEY, salt BLOB, body BLOB, erased_at_us INTEGER);
CREATE TABLE publisher (
  thumbprint BLOB NOT NULL PRIMARY KEY, public_key BLOB NOT NULL, organisation VARCHAR NOT NULL,
  revoked BOOLEAN NOT NULL
);
CREATE TABLE asset (
  idx INTEGER NOT NULL PRIMARY KEY, leaf_hash BLOB NOT NULL UNIQUE, publisher_key BLOB NOT NULL,
  digest BLOB NOT NULL, media_type VARCHAR NOT NULL, title VARCHAR NOT NULL, publisher VARCHAR NOT NULL,
  certificate BLOB NOT NULL, manifest_id VARCHAR NOT NULL, bound BLOB, source_type VARCHAR NOT NULL,
  model VARCHAR, registered_at_us INTEGER NOT NULL, status VARCHAR NOT NULL, status_reason VARCHAR NOT NULL,
  replaced_by VARCHAR, duration_s FLOAT, width INTEGER, height INTEGER
);
CREATE INDEX ix_asset_bound ON asset (bound);
CREATE INDEX ix_asset_manifest_id ON asset (manifest_id);
CREATE INDEX ix_asset_digest ON asset (digest);
CREATE TABLE fingerprint (
  entry_idx INTEGER NOT NULL, place INTEGER NOT NULL, algorithm VARCHAR NOT NULL, value BLOB NOT NULL,
  time_s FLOAT, quality INTEGER, PRIMARY KEY (entry_idx, place)
) WITHOUT ROWID;
CREATE INDEX fingerprint_phash ON fingerprint (algorithm, value) WHERE algorithm = 'phash64-v1';
CREATE INDEX fingerprint_stream ON fingerprint (algorithm, entry_idx, place);
CREATE TABLE reference (
  id INTEGER NOT NULL PRIMARY KEY, entry_idx INTEGER NOT NULL, kind VARCHAR NOT NULL, time_s FLOAT,
  blob BLOB NOT NULL
);
CREATE INDEX reference_kind ON reference (entry_idx, kind)
"""


def upgrade() -> None:
    """Make all tables, indexes and triggers."""
    for statement in _TABLES.split(";"):
        op.execute(statement)
    for table, same in (
        ("log_entry", "idx = NEW.idx OR leaf_hash = NEW.leaf_hash"),
        ("log_checkpoint", "size = NEW.size"),
    ):
        taken = f"WHEN EXISTS (SELECT 1 FROM {table} WHERE {same})"  # noqa: S608 - names written above
        for event, condition in (("UPDATE", ""), ("DELETE", ""), ("INSERT", taken)):
            op.execute(
                f"CREATE TRIGGER {table}_no_{event.lower()} BEFORE {event} ON {table} {condition} "
                f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
            )
