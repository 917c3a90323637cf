"""Commits that lie: reported as failed although they persisted, and reported as failed because they did."""

from __future__ import annotations

import contextlib
from typing import Any

import sqlalchemy as sa

from bench.torture.ground import Ground, Tally, check
from provenance.errors import StorageError
from provenance.ledger.receipt import Receipt
from provenance.ledger.store import Store


def lying(ground: Ground, times: int, tally: Tally) -> None:
    """Append with a commit that fails, by turns persisted or not; submit again; check that nothing is double."""
    store = Store.open(ground.url)
    log = ground.log(store)
    held: list[Receipt] = []
    for turn in range(times):
        batch = ground.batch(1 + turn % 40)
        persisted = turn % 2 == 0

        def commit(connection: sa.Connection, persisted: bool = persisted) -> None:  # noqa: FBT001
            if persisted:
                raw: Any = connection.connection
                raw.commit()
            raise sa.exc.OperationalError("COMMIT", {}, Exception("injected: the connection was lost"))

        examined, before = log.examine(batch), store.head().size
        sa.event.listen(sa.Engine, "commit", commit)
        try:
            with contextlib.suppress(StorageError):
                log.commit(examined)
                tally.broken += 1
                tally.note("a commit that failed was answered")
        finally:
            sa.event.remove(sa.Engine, "commit", commit)
        kept = store.head().size - before
        if kept != (len(batch) if persisted else 0):
            tally.broken += 1
            tally.note(f"turn {turn}: {kept} of {len(batch)} entries kept, persisted: {persisted}")
        receipts = log.append(batch)
        if store.head().size - before != len(batch):
            tally.broken += 1
            tally.note(f"turn {turn}: submitting again made entries twice")
        held += receipts
        tally.blows += 1
    store.close()
    check(ground, held, tally)
