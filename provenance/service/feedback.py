"""Feedback: what readers think of reports; kept for people who improve the product."""

from __future__ import annotations

from provenance.ledger.database import writing
from provenance.service.tables import FEEDBACK, Database, now_us


def keep_feedback(database: Database, report: str, opinion: str, text: str) -> None:
    """Keep an opinion about a report; nothing about who gave it.

    Raises:
        StorageError: The database cannot be written.
    """
    row = {"at_us": now_us(), "report": report, "opinion": opinion, "text": text}
    with writing(database) as connection:
        connection.execute(FEEDBACK.insert(), row)
