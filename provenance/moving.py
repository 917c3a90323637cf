"""Moving: a registry leaves its SQLite file for PostgreSQL, and proves there that it is the same."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from provenance.errors import VerificationError
from provenance.ledger.log import Log
from provenance.ledger.store import Store
from provenance.service.copying import copy_database
from provenance.settings import Settings
from provenance.setup import Installation


@dataclass(frozen=True, slots=True)
class Moved:
    """What was moved.

    Attributes:
        entries: Size of the ledger.
        root: Its root hash, 32 bytes.
        rows: Rows of each table.
    """

    entries: int
    root: bytes
    rows: Mapping[str, int]


def move_to_postgresql(settings: Settings, url: str) -> Moved:
    """Copy the registry of ``settings`` into the empty database at ``url`` and check every entry there.

    The SQLite file stays as it is. While the copy is made, others cannot write to it; what they write later
    is not in the copy, so stop the service before.

    Raises:
        ConfigError: The registry is not a SQLite file, or ``url`` not a PostgreSQL database.
        OutputExistsError: The database is not empty; nothing was changed.
        VerificationError: The copy is not the same log. Drop it; the SQLite file was not touched.
        StorageError: One of them cannot be read or written.
    """
    rows = copy_database(settings.database, url)
    with (
        Installation.open(settings) as here,
        Installation.open(replace(settings, database_url=url)) as there,
    ):
        found = there.log.audit()
        old, new = here.store.head(), there.store.head()
        if (old.size, old.root, old.note) != (new.size, new.root, new.note):
            raise VerificationError(
                f"expected the ledger of {old.size} entries that was copied, found one of {new.size}",
                hint="somebody wrote meanwhile: stop the service, drop the database, and move again",
            )
        _same_proofs(here.log, there.log, there.store)
    return Moved(found.size, found.root, rows)


def _same_proofs(here: Log, there: Log, store: Store) -> None:
    size = store.head().size
    for index in sorted({0, size // 2, size - 1} if size else ()):
        if here.prove(index) != there.prove(index):
            raise VerificationError(f"expected the receipt of entry {index} to be the same, found another")
