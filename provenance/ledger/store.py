"""The registry and the log in one SQL database, read: what verification and search ask.

Each read sees one state of the database and may run in any thread. Writes go through :meth:`Store.writer`,
which commits everything or nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Self

import sqlalchemy as sa

from provenance.digest import Digest
from provenance.errors import ConflictError, NotFoundError
from provenance.ledger.banded import BandTable
from provenance.ledger.cose import PublicKey, key_bytes, key_thumbprint
from provenance.ledger.database import asking, closed_on_error, open_engine, reading, scrub, writing
from provenance.ledger.entry import EntryType, Payload, publisher_of, read_entry
from provenance.ledger.mailbox import Mailbox
from provenance.ledger.queries import READ_LEAF
from provenance.ledger.registry import ROWS, Registry
from provenance.ledger.rows import (
    Counts,
    Head,
    PublisherKey,
    find_leaves,
    payload_of,
    read_head,
    read_publishers,
    read_tile,
)
from provenance.ledger.schema import LEDGER, check_schema, create_schema
from provenance.ledger.tables import (
    ASSET,
    BANDED,
    CHECKPOINT,
    COSIGNED,
    ENTRY,
    FINGERPRINT,
    HEAD,
    PAYLOAD,
    PUBLISHER,
    REFERENCE,
)
from provenance.ledger.writer import Writer


class Store(Registry):
    """The registry and log of one installation; cheap to open, safe to share between threads.

    Args:
        engine: Made by :meth:`open` or :meth:`create`.
    """

    @classmethod
    def create(cls, url: str) -> Self:
        """Return the store at ``url``, made empty if there is none.

        Raises:
            ConfigError: Not the URL of a database.
            SchemaError: The database has another schema version.
            StorageError: It cannot be written.
        """
        engine = open_engine(url)
        with closed_on_error(engine):
            create_schema(engine, LEDGER)
        return cls(engine)

    @classmethod
    def open(cls, url: str) -> Self:
        """Return the store at ``url``.

        Raises:
            ConfigError: Not the URL of a database.
            NotFoundError: There is no registry.
            SchemaError: The database has another schema version.
            StorageError: It cannot be read.
        """
        engine = open_engine(url)
        with closed_on_error(engine):
            check_schema(engine, LEDGER)
        return cls(engine)

    @property
    def shared(self) -> bool:
        """Whether other processes, on other machines too, may append to it at the same time."""
        return self._engine.dialect.name != "sqlite"

    def mailbox(self) -> Mailbox:
        """Return the lease and the waiting batches of this database."""
        return Mailbox(self._engine)

    def banded(self) -> BandTable:
        """Return the codes of this database as it finds them itself; only a :attr:`shared` one does."""
        return BandTable(self._engine)

    @property
    def url(self) -> str:
        """The database URL, without a password."""
        return self._engine.url.render_as_string()

    def close(self) -> None:
        """Close all connections; the store must not be used afterwards."""
        self._engine.dispose()

    @contextmanager
    def writer(self) -> Iterator[Writer]:
        """Give a transaction with the write lock; it is committed at the end of the block, or not at all.

        Raises:
            StorageError: Full disk, read-only or locked database.
            LedgerError: A constraint or trigger refused the change.
        """
        with writing(self._engine) as connection:
            yield Writer(connection)

    def scrub(self) -> None:
        """Remove what was erased from the files too, as far as the database lets us: not from backups.

        Raises:
            StorageError: The database cannot be written.
        """
        derived = (BANDED,) if self.shared else ()
        scrub(self._engine, (PAYLOAD, ASSET, FINGERPRINT, REFERENCE, *derived))

    # --- publishers ---

    def admit(self, key: PublicKey, organisation: str) -> Digest:
        """Accept entries by ``key`` in the name of ``organisation``; repeating it changes nothing.

        Returns:
            Thumbprint of the key.

        Raises:
            ConflictError: The key was admitted for another name, or revoked.
            StorageError: The database cannot be written.
        """
        thumbprint = key_thumbprint(key)
        with writing(self._engine) as connection:
            found = read_publishers(connection).get(thumbprint)
            if found is None:
                row = {
                    "thumbprint": thumbprint.value,
                    "public_key": key_bytes(key),
                    "organisation": organisation,
                    "revoked": False,
                }
                connection.execute(sa.insert(PUBLISHER), row)
            elif found.revoked or found.organisation != organisation:
                state = "revoked" if found.revoked else f"that of {found.organisation!r}"
                raise ConflictError(
                    f"expected a new publisher key for {organisation!r}, found one that is {state}",
                    hint="make another publisher key",
                )
        return thumbprint

    def publishers(self) -> dict[Digest, PublisherKey]:
        """Return all publisher keys by thumbprint."""
        with reading(self._engine) as connection:
            return read_publishers(connection)

    # --- log ---

    def head(self) -> Head:
        """Return size, root, checkpoint and time of the log."""
        with asking(self._engine) as connection:
            return read_head(connection)

    def tile(self, level: int, number: int) -> bytes:
        """Return the hashes of a tile, 32 to 8,192 bytes.

        Raises:
            NotFoundError: There is no such tile.
        """
        with reading(self._engine) as connection:
            return read_tile(connection, level, number)

    def leaves(self, start: int, stop: int) -> list[tuple[int, bytes, bytes]]:
        """Return ``(index, leaf hash, leaf)`` of the entries from ``start`` to before ``stop``, in order."""
        query = sa.select(ENTRY.c.idx, ENTRY.c.leaf_hash, ENTRY.c.body).where(
            ENTRY.c.idx >= start, ENTRY.c.idx < stop
        )
        return [tuple(row) for row in self._rows(query.order_by(ENTRY.c.idx))]

    def entry_at(self, index: int) -> tuple[Head, bytes, PublisherKey]:
        """Return the head, the leaf at ``index`` below it and the key that signed it, of one moment.

        Raises:
            NotFoundError: The log is shorter.
        """
        with reading(self._engine) as connection:
            head = read_head(connection)
            if not 0 <= index < head.size:
                raise NotFoundError(
                    f"expected an entry at index {index}, the log is shorter", hint="see the checkpoint"
                )
            leaf = connection.execute(READ_LEAF, {"index": index}).scalar_one()
            return head, leaf, read_publishers(connection)[publisher_of(leaf)]

    def places(self, leaf_hashes: Sequence[bytes]) -> tuple[Head, dict[bytes, int]]:
        """Return the head, and the positions of those leaves that are in the log, of one moment."""
        with reading(self._engine) as connection:
            return read_head(connection), find_leaves(connection, leaf_hashes)

    def redacted_between(self, start: int, stop: int) -> bool:
        """Return whether an entry from ``start`` to before ``stop`` redacts: what was read before holds too much.

        Books in memory that keep codes ask this when the log has grown, and are read anew where it says so.
        """
        query = sa.select(ENTRY.c.body).where(ENTRY.c.idx >= start, ENTRY.c.idx < stop)
        with reading(self._engine) as connection:
            found = (row.body for row in connection.execute(query).yield_per(ROWS))
            # The name of the type stands in the leaf as text: most leaves need not be parsed.
            redact = EntryType.REDACT.value.encode()
            return any(redact in leaf and read_entry(leaf).type is EntryType.REDACT for leaf in found)

    def checkpoints(self, after: int = -1) -> list[tuple[int, str]]:
        """Return ``(size, note)`` of every signed checkpoint larger than ``after``, at most 10,000."""
        query = sa.select(CHECKPOINT).where(CHECKPOINT.c.size > after).order_by(CHECKPOINT.c.size)
        return [(r.size, r.note) for r in self._rows(query.limit(ROWS))]

    def cosigned(self) -> str | None:
        """Return the newest checkpoint that enough witnesses cosigned; None where there is none."""
        found = self._rows(sa.select(COSIGNED.c.note).order_by(COSIGNED.c.size.desc()).limit(1))
        return str(found[0].note) if found else None

    def payload(self, leaf: bytes) -> Payload | None:
        """Return the payload of a leaf hash; ``None`` where it was erased or never was.

        Raises:
            FormatError: The stored bytes are damaged.
        """
        found = self._rows(sa.select(PAYLOAD).where(PAYLOAD.c.leaf_hash == leaf))
        return payload_of(found[0]) if found else None

    def payloads_between(self, start: int, stop: int) -> dict[int, Callable[[], Payload | None]]:
        """Return what reads the payload of each entry from ``start`` to before ``stop`` that has one.

        They are read one by one, so that a damaged payload is found at its entry.
        """
        query = sa.select(ENTRY.c.idx, PAYLOAD.c.salt, PAYLOAD.c.body).join_from(
            ENTRY, PAYLOAD, ENTRY.c.leaf_hash == PAYLOAD.c.leaf_hash
        )
        rows = self._rows(query.where(ENTRY.c.idx >= start, ENTRY.c.idx < stop))
        return {row.idx: partial(payload_of, row) for row in rows}

    def counts(self) -> Counts:
        """Return how much the registry holds."""
        with reading(self._engine) as connection:
            number = sa.select(sa.func.count())
            size = connection.execute(sa.select(HEAD.c.size)).scalar_one()
            counted = (number.select_from(table) for table in (ASSET, FINGERPRINT, PUBLISHER))
            return Counts(size, *(connection.execute(each).scalar_one() for each in counted))
