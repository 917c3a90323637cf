"""Watches: a publisher hears when an altered copy of an asset was checked; what differs and when, never who asked."""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa

from provenance.errors import LimitError, NotFoundError
from provenance.ledger.database import reading, writing
from provenance.ledger.rows import time_of
from provenance.service.tables import SIGHTING, WATCH, Database, count_of, now_us

#: Watches of one tenant; each adds a row to every sighting of its asset.
MAX_WATCHES: Final = 1_000
#: Seconds before each further attempt to deliver; then the sighting stays in the feed only.
#: Source: Standard Webhooks, retry schedule.
RETRIES_S: Final = (5, 300, 1_800, 7_200, 18_000, 36_000, 50_400)
_SECOND: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Watch:
    """A watch on an asset.

    Attributes:
        id: Its name, 32 hex digits.
        tenant: Whose it is.
        asset_id: The asset.
        verdicts: Verdicts that are reported.
        target: Address that sightings are sent to; empty for a feed alone.
        secret: Signs what is sent, ``whsec_`` and base64; empty without a target.
        created: When it was made.
    """

    id: str
    tenant: str
    asset_id: str
    verdicts: tuple[str, ...]
    target: str
    secret: str
    created: datetime


@dataclass(frozen=True, slots=True)
class Sighting:
    """A checked copy that a watch asked for.

    Attributes:
        id: Position in the feed.
        event_id: Name of the event, the same in every attempt to deliver it.
        at: When, aware UTC.
        body: What is sent, JSON text.
        attempts: How often delivery was tried.
        delivered: Whether the target took it.
    """

    id: int
    event_id: str
    at: datetime
    body: str
    attempts: int
    delivered: bool


class Watches:
    """The watches and what they saw.

    Args:
        database: From :func:`provenance.service.schema.open_database`.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, tenant: str, asset_id: str, verdicts: Sequence[str], target: str) -> Watch:
        """Return a new watch; its secret is not shown again.

        Raises:
            LimitError: The tenant has too many.
        """
        made = Watch(
            secrets.token_hex(16),
            tenant,
            asset_id,
            tuple(verdicts),
            target,
            f"whsec_{base64.b64encode(secrets.token_bytes(32)).decode()}" if target else "",
            time_of(now_us()),
        )
        row = {
            "id": made.id,
            "tenant": tenant,
            "asset_id": asset_id,
            "verdicts": " ".join(verdicts),
            "target": target,
            "secret": made.secret,
            "created_us": now_us(),
        }
        with writing(self._database) as connection:
            if connection.execute(count_of(WATCH, WATCH.c.tenant == tenant)).scalar_one() >= MAX_WATCHES:
                raise LimitError(f"expected at most {MAX_WATCHES} watches of a tenant")
            connection.execute(WATCH.insert(), row)
        return made

    def of_tenant(self, tenant: str) -> list[Watch]:
        """Return the watches of a tenant, oldest first."""
        return self._watches(WATCH.c.tenant == tenant)

    def find(self, watch_id: str, tenant: str) -> Watch:
        """Return a watch of ``tenant``; raises NotFoundError."""
        found = self._watches(sa.and_(WATCH.c.id == watch_id, WATCH.c.tenant == tenant))
        if not found:
            raise NotFoundError("expected a watch of the caller, found none of this name")
        return found[0]

    def _watches(self, condition: sa.ColumnElement[bool]) -> list[Watch]:
        with reading(self._database) as connection:
            rows = connection.execute(WATCH.select().where(condition).order_by(WATCH.c.created_us)).all()
        return [
            Watch(
                row.id,
                row.tenant,
                row.asset_id,
                tuple(row.verdicts.split()),
                row.target,
                row.secret,
                time_of(row.created_us),
            )
            for row in rows
        ]

    def remove(self, watch_id: str, tenant: str) -> None:
        """Forget a watch and what it saw; raises NotFoundError."""
        self.find(watch_id, tenant)
        with writing(self._database) as connection:
            connection.execute(SIGHTING.delete().where(SIGHTING.c.watch_id == watch_id))
            connection.execute(WATCH.delete().where(WATCH.c.id == watch_id))

    def report(self, asset_id: str, verdict: str, event: Mapping[str, Any]) -> int:
        """Add ``event`` to every watch on the asset that asked for the verdict; return how many there are."""
        wanted = [one for one in self._watches(WATCH.c.asset_id == asset_id) if verdict in one.verdicts]
        rows = [
            {
                "watch_id": one.id,
                "event_id": f"msg_{secrets.token_hex(12)}",
                "at_us": now_us(),
                "body": json.dumps(dict(event) | {"watch": one.id}),
                "attempts": 0,
                "due_us": now_us() if one.target else None,
                "delivered_us": None,
            }
            for one in wanted
        ]
        if rows:
            with writing(self._database) as connection:
                connection.execute(SIGHTING.insert(), rows)
        return len(rows)

    def feed(self, watch_id: str, after: int, limit: int) -> list[Sighting]:
        """Return what a watch saw after position ``after``, oldest first."""
        query = SIGHTING.select().where(SIGHTING.c.watch_id == watch_id, SIGHTING.c.id > after)
        with reading(self._database) as connection:
            rows = connection.execute(query.order_by(SIGHTING.c.id).limit(limit)).all()
        return [_sighting(row) for row in rows]

    def due(self) -> tuple[Watch, Sighting] | None:
        """Take the oldest sighting that is to be sent, and put it off so that nobody else sends it now."""
        now = now_us()
        ready = sa.and_(SIGHTING.c.due_us <= now, SIGHTING.c.delivered_us.is_(None))
        with reading(self._database) as connection:
            if connection.execute(sa.select(SIGHTING.c.id).where(ready).limit(1)).first() is None:
                return None
        with writing(self._database) as connection:
            query = SIGHTING.select().where(ready).order_by(SIGHTING.c.due_us).limit(1)
            row = connection.execute(query.with_for_update(skip_locked=True)).first()
            if row is None:
                return None
            wait = RETRIES_S[row.attempts] if row.attempts < len(RETRIES_S) else None
            due = None if wait is None else now + wait * _SECOND
            change = SIGHTING.update().where(SIGHTING.c.id == row.id)
            connection.execute(change.values(attempts=row.attempts + 1, due_us=due))
        found = self._watches(WATCH.c.id == row.watch_id)
        return (found[0], _sighting(row)) if found else None

    def delivered(self, sighting: Sighting) -> None:
        """Note that the target took a sighting."""
        change = SIGHTING.update().where(SIGHTING.c.id == sighting.id)
        with writing(self._database) as connection:
            connection.execute(change.values(delivered_us=now_us(), due_us=None))


def _sighting(row: Any) -> Sighting:
    delivered = row.delivered_us is not None
    return Sighting(row.id, row.event_id, time_of(row.at_us), row.body, row.attempts, delivered)
