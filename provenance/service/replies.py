"""Replies: what a request with an Idempotency-Key was answered, so that repeating it changes nothing (SR-26)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa

from provenance.digest import Digest
from provenance.errors import ConflictError, LedgerError
from provenance.ledger.database import reading, writing
from provenance.service.tables import REPLY, Database, now_us

#: Seconds a reply is kept. Source: IETF draft idempotency-key-header-07, expiry is the server's choice.
KEEP_S: Final = 86_400
#: Seconds after which a request that never ended, because its process died, no longer blocks its key.
UNFINISHED_S: Final = 900
_SECOND: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Reply:
    """A kept answer.

    Attributes:
        status: HTTP status.
        media_type: Type of the body.
        headers: Further headers.
        body: The body.
    """

    status: int
    media_type: str
    headers: Mapping[str, str]
    body: bytes


class Replies:
    """Kept answers by tenant and key.

    Args:
        database: From :func:`provenance.service.schema.open_database`.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def begin(self, tenant: str, key: str, request: Digest) -> Reply | None:
        """Return the kept answer, or None where the caller is the one who has to make it.

        Args:
            tenant: Who asks.
            key: Their Idempotency-Key.
            request: Digest of everything that makes two requests the same.

        Raises:
            ConflictError: The key was used for another request, or its request is still under way.
        """
        mine = (REPLY.c.tenant == tenant, REPLY.c.key == key)
        row = {"tenant": tenant, "key": key, "request_sha256": request.value, "created_us": now_us()}
        empty = {"status": None, "media_type": "", "headers": "{}", "body": b""}
        try:
            with writing(self._database) as connection:
                self._forget_old(connection)
                found = connection.execute(REPLY.select().where(*mine)).first()
                if found is None:
                    connection.execute(REPLY.insert(), row | empty)
                    return None
        except LedgerError:  # another process was faster between the two statements
            with reading(self._database) as connection:
                found = connection.execute(REPLY.select().where(*mine)).first()
        if found is None or found.request_sha256 != request.value:
            raise ConflictError(
                "expected the request that this Idempotency-Key was first used for, found another",
                hint="use a new key for a new request",
            )
        if found.status is None:
            raise ConflictError(
                "expected a request that is over, the one with this key is still under way",
                hint="repeat it in a few seconds",
            )
        return Reply(found.status, found.media_type, json.loads(found.headers), found.body)

    def keep(self, tenant: str, key: str, reply: Reply) -> None:
        """Keep the answer of a request that was begun."""
        values = {
            "status": reply.status,
            "media_type": reply.media_type,
            "headers": json.dumps(dict(reply.headers)),
            "body": reply.body,
        }
        with writing(self._database) as connection:
            connection.execute(
                REPLY.update().where(REPLY.c.tenant == tenant, REPLY.c.key == key).values(values)
            )

    def drop(self, tenant: str, key: str) -> None:
        """Forget a request that failed, so that it can be repeated with the same key."""
        with writing(self._database) as connection:
            connection.execute(REPLY.delete().where(REPLY.c.tenant == tenant, REPLY.c.key == key))

    @staticmethod
    def _forget_old(connection: sa.Connection) -> None:
        now = now_us()
        old = REPLY.c.created_us < now - KEEP_S * _SECOND
        dead = sa.and_(REPLY.c.status.is_(None), REPLY.c.created_us < now - UNFINISHED_S * _SECOND)
        connection.execute(REPLY.delete().where(sa.or_(old, dead)))
