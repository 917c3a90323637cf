"""Reports that were given at once, kept for an hour where several processes answer for one service."""

from __future__ import annotations

import secrets
from typing import Final

import sqlalchemy as sa

from provenance.errors import NotFoundError
from provenance.ledger.database import reading, writing
from provenance.service.tables import REPORT, Database, now_us

#: Seconds a report is kept.
KEEP_S: Final = 3600.0
#: Reports kept; the oldest go. Each is some kilobytes and at most one difference picture.
MAX_REPORTS: Final = 2_000
_SECOND: Final = 1_000_000


class Reports:
    """Reports by unguessable names: whoever knows the name may read the report.

    Args:
        database: From :func:`provenance.service.schema.open_database`.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def put(self, report: bytes) -> str:
        """Keep ``report``, any bytes, and return its name: 32 hex digits.

        Raises:
            StorageError: The database cannot be written.
        """
        now = now_us()
        row = {"name": secrets.token_hex(16), "created_us": now, "body": report}
        with writing(self._database) as connection:
            made = connection.execute(REPORT.insert().returning(REPORT.c.id), row).scalar_one()
            gone = sa.or_(
                REPORT.c.created_us < now - int(KEEP_S * _SECOND), REPORT.c.id <= made - MAX_REPORTS
            )
            connection.execute(REPORT.delete().where(gone))
        return str(row["name"])

    def get(self, name: str) -> bytes:
        """Return the report called ``name``.

        Raises:
            NotFoundError: Never made, or its time is over.
        """
        fresh = REPORT.c.created_us >= now_us() - int(KEEP_S * _SECOND)
        with reading(self._database) as connection:
            body: bytes | None = connection.execute(
                sa.select(REPORT.c.body).where(REPORT.c.name == name, fresh)
            ).scalar()
        if body is None:
            raise NotFoundError(
                f"expected a report kept for up to {KEEP_S / 60:.0f} minutes, found none of this name",
                hint="check the file again",
            )
        return body
