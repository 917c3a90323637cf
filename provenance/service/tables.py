"""Tables of the service's own memory, beside those of ledger and registry in the same database.

Nothing here is evidence: losing a row never changes what the ledger proves. Times are microseconds since 1970.
"""

from __future__ import annotations

import time
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Engine
from sqlmodel import Field, SQLModel

#: All tables of the service.
METADATA: Final = sa.MetaData()
_WHOLE: Final = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
#: A database that the rows here live in.
Database = Engine


class _Row(SQLModel):
    """Base of all tables of the service."""

    metadata = METADATA


class ServiceVersion(_Row, table=True):
    """The one row that says which migration made the tables; the table is Alembic's."""

    __tablename__ = "service_version"
    version_num: str = Field(primary_key=True, sa_type=sa.String(32))


class DepositRow(_Row, table=True):
    """A C2PA manifest store that somebody deposited; ``validation`` says what was found in it."""

    __tablename__ = "deposit"
    manifest_id: str = Field(primary_key=True)
    tenant: str
    digest: bytes
    store: bytes
    validation: str
    asset_id: str
    created_us: int = Field(sa_type=_WHOLE)


class BindingRow(_Row, table=True):
    """A soft binding value that leads to a manifest."""

    __tablename__ = "binding"
    id: int | None = Field(default=None, primary_key=True, sa_type=_WHOLE)
    value: str = Field(index=True)
    algorithm: str | None
    manifest_id: str = Field(index=True)
    tenant: str
    created_us: int = Field(sa_type=_WHOLE)


class ApiKeyRow(_Row, table=True):
    """An API key: its name and the digest of its secret, never the secret."""

    __tablename__ = "api_key"
    id: str = Field(primary_key=True)
    secret_sha256: bytes
    tenant: str
    label: str
    scopes: str
    created_us: int = Field(sa_type=_WHOLE)
    expires_us: int | None = Field(sa_type=_WHOLE)
    revoked_us: int | None = Field(sa_type=_WHOLE)
    used_us: int | None = Field(sa_type=_WHOLE)


class AuditRow(_Row, table=True):
    """Who changed what: callers by key or subject, things by their public names; never media or secrets."""

    __tablename__ = "audit_event"
    id: int | None = Field(default=None, primary_key=True, sa_type=_WHOLE)
    at_us: int = Field(sa_type=_WHOLE)
    tenant: str
    actor: str
    action: str
    target: str
    outcome: str


class UnlistedRow(_Row, table=True):
    """A registered asset that only its tenant is shown."""

    __tablename__ = "unlisted_asset"
    asset_id: str = Field(primary_key=True)
    tenant: str


class OwnerRow(_Row, table=True):
    """The tenant through which an asset was registered here."""

    __tablename__ = "asset_owner"
    asset_id: str = Field(primary_key=True)
    tenant: str


class ReplyRow(_Row, table=True):
    """The answer to a request with an Idempotency-Key, kept for a day."""

    __tablename__ = "kept_reply"
    tenant: str = Field(primary_key=True)
    key: str = Field(primary_key=True)
    request_sha256: bytes
    status: int | None
    media_type: str
    headers: str
    body: bytes
    created_us: int = Field(sa_type=_WHOLE)


class JobRow(_Row, table=True):
    """A job: what to do, who leases it, how far it is, and its result."""

    __tablename__ = "job"
    __table_args__ = (sa.Index("job_waiting", "state", "created_us"),)
    id: str = Field(primary_key=True)
    kind: str
    tenant: str
    params: str
    cache_key: str = Field(index=True)
    state: str
    stage: str
    percent: float
    note: str
    attempts: int
    leased_by: str
    leased_until_us: int = Field(sa_type=_WHOLE)
    created_us: int = Field(sa_type=_WHOLE)
    finished_us: int | None = Field(sa_type=_WHOLE)
    result: bytes | None
    problem: str


class WatchRow(_Row, table=True):
    """Who wants to hear when an altered copy of an asset is verified, and where."""

    __tablename__ = "watch"
    id: str = Field(primary_key=True)
    tenant: str
    asset_id: str = Field(index=True)
    verdicts: str
    target: str
    secret: str
    created_us: int = Field(sa_type=_WHOLE)


class SightingRow(_Row, table=True):
    """A verified copy that a watch asked for: what differs and when, never who asked."""

    __tablename__ = "sighting"
    id: int | None = Field(default=None, primary_key=True, sa_type=_WHOLE)
    watch_id: str = Field(index=True)
    event_id: str
    at_us: int = Field(sa_type=_WHOLE)
    body: str
    attempts: int
    due_us: int | None = Field(sa_type=_WHOLE)
    delivered_us: int | None = Field(sa_type=_WHOLE)


class ReportRow(_Row, table=True):
    """A report that was given at once; kept here where several processes answer for one service."""

    __tablename__ = "kept_report"
    id: int | None = Field(default=None, primary_key=True, sa_type=_WHOLE)
    name: str = Field(unique=True, index=True)
    created_us: int = Field(index=True, sa_type=_WHOLE)
    body: bytes


class FeedbackRow(_Row, table=True):
    """What somebody thinks of a report; free text, read by people."""

    __tablename__ = "feedback"
    id: int | None = Field(default=None, primary_key=True, sa_type=_WHOLE)
    at_us: int = Field(sa_type=_WHOLE)
    report: str
    opinion: str
    text: str


def _table(name: str) -> sa.Table:
    return METADATA.tables[name]


VERSION: Final = _table("service_version")
DEPOSIT: Final = _table("deposit")
BINDING: Final = _table("binding")
API_KEY: Final = _table("api_key")
AUDIT: Final = _table("audit_event")
UNLISTED: Final = _table("unlisted_asset")
OWNER: Final = _table("asset_owner")
REPLY: Final = _table("kept_reply")
JOB: Final = _table("job")
WATCH: Final = _table("watch")
SIGHTING: Final = _table("sighting")
REPORT: Final = _table("kept_report")
FEEDBACK: Final = _table("feedback")


def now_us() -> int:
    """Return the present time, whole microseconds since 1970."""
    return time.time_ns() // 1_000


def count_of(table: sa.Table, *conditions: Any) -> sa.Select[Any]:
    """Return the query for the number of rows of ``table`` that meet ``conditions``."""
    return sa.select(sa.func.count()).select_from(table).where(*conditions)
