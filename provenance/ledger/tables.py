"""Tables of ledger and registry, and the triggers that refuse changes.

The log tables are written once and never changed (head and the last tiles aside); triggers refuse it even to
somebody at the SQL prompt. The registry tables hold what is searched; all of it is bound to a leaf.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlmodel import Field, SQLModel

METADATA: Final = sa.MetaData()
#: Large everywhere; SQLite makes a key the row number itself, and numbers rows, only where it says INTEGER.
_WHOLE: Final = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


class _Blob(sa.LargeBinary):
    """Bytes; where somebody wrote text or a number into such a column of SQLite, the bytes of that text."""

    def result_processor(self, dialect: sa.Dialect, coltype: object) -> Callable[[Any], bytes | None] | None:
        """Return what makes bytes of the driver's value; None where the driver does."""
        if dialect.name != "sqlite":
            return super().result_processor(dialect, coltype)  # type: ignore[no-untyped-call, no-any-return]
        return lambda value: value if value is None or isinstance(value, bytes) else str(value).encode()


class _Row(SQLModel):
    """Base of all tables; keeps them apart from other users of SQLModel in the same process."""

    metadata = METADATA


class AlembicVersion(_Row, table=True):
    """The one row that says which migration made the tables; the table is Alembic's."""

    __tablename__ = "alembic_version"
    version_num: str = Field(primary_key=True, sa_type=sa.String(32))


class LogHead(_Row, table=True):
    """The one row that every append compares and swaps."""

    __tablename__ = "log_head"
    log_id: int = Field(primary_key=True)
    size: int = Field(sa_type=_WHOLE)
    root: bytes
    note: str
    at_us: int = Field(sa_type=_WHOLE)


class LogEntry(_Row, table=True):
    """Leaves in order."""

    __tablename__ = "log_entry"
    idx: int = Field(primary_key=True, sa_type=_WHOLE, sa_column_kwargs={"autoincrement": False})
    leaf_hash: bytes = Field(unique=True)
    body: bytes


class LogTile(_Row, table=True):
    """Tiles of 256 hashes; the last of each level grows in place until it is full."""

    __tablename__ = "log_tile"
    level: int = Field(primary_key=True)
    n: int = Field(primary_key=True, sa_type=_WHOLE)
    data: bytes


class LogCheckpoint(_Row, table=True):
    """Every checkpoint that was ever signed."""

    __tablename__ = "log_checkpoint"
    size: int = Field(primary_key=True, sa_type=_WHOLE, sa_column_kwargs={"autoincrement": False})
    note: str


class LogCosigned(_Row, table=True):
    """Checkpoints that enough witnesses cosigned; those that are published where witnesses are asked."""

    __tablename__ = "log_cosigned"
    size: int = Field(primary_key=True, sa_type=_WHOLE, sa_column_kwargs={"autoincrement": False})
    note: str


class PayloadRow(_Row, table=True):
    """What entries commit to; erased by emptying salt and body."""

    __tablename__ = "payload"
    leaf_hash: bytes = Field(primary_key=True)
    salt: bytes | None
    body: bytes | None
    erased_at_us: int | None = Field(sa_type=_WHOLE)


class PublisherRow(_Row, table=True):
    """Publisher keys that may add entries."""

    __tablename__ = "publisher"
    thumbprint: bytes = Field(primary_key=True)
    public_key: bytes
    organisation: str
    revoked: bool = False


class AssetRow(_Row, table=True):
    """One row for each registration, with the fold of later entries."""

    __tablename__ = "asset"
    idx: int = Field(primary_key=True, sa_type=_WHOLE, sa_column_kwargs={"autoincrement": False})
    leaf_hash: bytes = Field(unique=True)
    publisher_key: bytes
    digest: bytes = Field(index=True)
    media_type: str
    title: str
    publisher: str
    certificate: bytes
    manifest_id: str = Field(index=True)
    bound: bytes | None = Field(index=True)
    source_type: str
    model: str | None
    registered_at_us: int = Field(sa_type=_WHOLE)
    status: str
    status_reason: str
    replaced_by: str | None
    duration_s: float | None
    width: int | None
    height: int | None
    status_by: str | None
    status_at_us: int | None = Field(sa_type=_WHOLE)
    status_entry: bytes | None


class FingerprintRow(_Row, table=True):
    """Perceptual codes in registration order; ``place`` counts within an asset."""

    __tablename__ = "fingerprint"
    # The primary key gives all codes of an asset, the first index the streams that fill the code index, the
    # second one exact look-ups of the interoperable 64-bit code; it is small because it holds only that.
    __table_args__ = (
        sa.Index("fingerprint_stream", "algorithm", "entry_idx", "place"),
        sa.Index(
            "fingerprint_phash",
            "algorithm",  # without it the planner prefers the stream index and reads every code
            "value",
            sqlite_where=sa.text("algorithm = 'phash64-v1'"),
            postgresql_where=sa.text("algorithm = 'phash64-v1'"),
        ),
        {"sqlite_with_rowid": False},
    )
    entry_idx: int = Field(primary_key=True, sa_type=_WHOLE, sa_column_kwargs={"autoincrement": False})
    place: int = Field(primary_key=True)
    algorithm: str
    value: bytes
    time_s: float | None
    quality: int | None


class ReferenceRow(_Row, table=True):
    """Stored picture and sound of assets."""

    __tablename__ = "reference"
    __table_args__ = (sa.Index("reference_kind", "entry_idx", "kind"),)
    id: int | None = Field(default=None, primary_key=True, sa_type=_WHOLE)
    entry_idx: int = Field(sa_type=_WHOLE)
    kind: str
    time_s: float | None
    blob: bytes


#: What only PostgreSQL has, made with the tables above: where one process has the file to itself, the same is kept
#: in its memory (:mod:`provenance.match.near`).
POSTGRESQL: Final = sa.MetaData()
#: Codes with the numbers of their bands, see :mod:`provenance.ledger.banded`. Derived from ``fingerprint``.
BANDED: Final = sa.Table(
    "code_band",
    POSTGRESQL,
    sa.Column("entry_idx", sa.BigInteger(), primary_key=True, autoincrement=False),
    sa.Column("place", sa.Integer(), primary_key=True, autoincrement=False),
    sa.Column("algorithm", sa.SmallInteger(), nullable=False),
    sa.Column("code", postgresql.BIT(256), nullable=False),
    sa.Column("bands", postgresql.ARRAY(sa.Integer()), nullable=False),
    # Rows go into the index at once: a list of waiting ones would have to be read by every look-up.
    sa.Index("code_band_bands", "bands", postgresql_using="gin", postgresql_with={"fastupdate": "off"}),
)


class LeaseRow(_Row, table=True):
    """Which process appends for all; only saves them from racing, the head's comparison keeps the log right."""

    __tablename__ = "log_lease"
    lease_id: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    holder: str
    until_us: int = Field(sa_type=_WHOLE)


class PendingRow(_Row, table=True):
    """Batches that wait for the process with the lease; ``refusal`` says why one was not taken."""

    __tablename__ = "log_pending"
    id: int | None = Field(default=None, primary_key=True, sa_type=_WHOLE)
    batch: bytes = Field(unique=True)
    body: bytes
    refusal: str | None


for _each in [column for table in METADATA.tables.values() for column in table.c]:
    if isinstance(_each.type, sa.LargeBinary):
        _each.type = _Blob()


def _table(name: str) -> sa.Table:
    return METADATA.tables[name]


VERSION: Final = _table("alembic_version")
HEAD: Final = _table("log_head")
ENTRY: Final = _table("log_entry")
TILE: Final = _table("log_tile")
CHECKPOINT: Final = _table("log_checkpoint")
COSIGNED: Final = _table("log_cosigned")
PAYLOAD: Final = _table("payload")
PUBLISHER: Final = _table("publisher")
ASSET: Final = _table("asset")
FINGERPRINT: Final = _table("fingerprint")
REFERENCE: Final = _table("reference")
LEASE: Final = _table("log_lease")
PENDING: Final = _table("log_pending")


@sa.event.listens_for(FINGERPRINT, "after_create")
def _make_banded(_table: sa.Table, connection: sa.Connection, **_: object) -> None:
    if connection.dialect.name == "postgresql":
        POSTGRESQL.create_all(connection)


# --- triggers --------------------------------------------------------------------------------------------


def _on_create(table: sa.Table, dialect: str, text: str) -> None:
    statement = sa.DDL(text.replace("%", "%%")).execute_if(dialect=dialect)  # type: ignore[no-untyped-call]
    sa.event.listen(table, "after_create", statement)


def _guard(table: sa.Table, event: str, condition: str = "") -> None:
    name = f"{table.name}_no_{event.lower().replace(' ', '_')}"
    _on_create(
        table,
        "sqlite",
        f"CREATE TRIGGER {name} BEFORE {event} ON {table.name} {condition} "
        f"BEGIN SELECT RAISE(ABORT, '{table.name} is append-only'); END",
    )


def _guard_postgresql(table: sa.Table) -> None:
    _on_create(
        table,
        "postgresql",
        "CREATE OR REPLACE FUNCTION provenance_append_only() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        "RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation'; END $$",
    )
    for name, event, each in (
        ("no_change", "UPDATE OR DELETE", "ROW"),
        ("no_truncate", "TRUNCATE", "STATEMENT"),
    ):
        _on_create(
            table,
            "postgresql",
            f"CREATE TRIGGER {table.name}_{name} BEFORE {event} ON {table.name} "
            f"FOR EACH {each} EXECUTE FUNCTION provenance_append_only()",
        )


for _table_of_the_log, _same in (
    (ENTRY, "idx = NEW.idx OR leaf_hash = NEW.leaf_hash"),
    (CHECKPOINT, "size = NEW.size"),
):
    _guard(_table_of_the_log, "UPDATE")
    _guard(_table_of_the_log, "DELETE")
    # INSERT OR REPLACE deletes without asking the DELETE trigger (SQLite documentation, REPLACE).
    _guard(
        _table_of_the_log,
        "INSERT",
        f"WHEN EXISTS (SELECT 1 FROM {_table_of_the_log.name} WHERE {_same})",  # noqa: S608 - our names
    )
    _guard_postgresql(_table_of_the_log)
