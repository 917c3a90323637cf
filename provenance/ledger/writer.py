"""One transaction of the log: everything that an append stores, in the order of docs/architecture.md."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from provenance.digest import Digest
from provenance.errors import BusyError
from provenance.ledger.banded import has_bands, insert_codes
from provenance.ledger.database import Connected, insert_rows
from provenance.ledger.entry import ABOUT_ASSETS, EntryType
from provenance.ledger.fold import fold, standing_of
from provenance.ledger.merkle import Tile
from provenance.ledger.queries import GROW_TILE, MOVE_HEAD
from provenance.ledger.registration import Examined
from provenance.ledger.rows import (
    Head,
    PublisherKey,
    asset_row,
    find_leaves,
    microseconds_of,
    read_head,
    read_publishers,
    read_tile,
    record_of,
)
from provenance.ledger.tables import (
    ASSET,
    BANDED,
    CHECKPOINT,
    COSIGNED,
    ENTRY,
    FINGERPRINT,
    PAYLOAD,
    PUBLISHER,
    REFERENCE,
    TILE,
)


class Writer:
    """One transaction that holds the write lock.

    Args:
        connection: Where; belongs to one :meth:`Store.writer`.
    """

    def __init__(self, connection: Connected) -> None:
        self._connection = connection

    def head(self) -> Head:
        """Return the head, locked until the end of the transaction."""
        return read_head(self._connection, lock=True)

    def tile(self, level: int, number: int) -> bytes:
        """Return the hashes of a tile, 32 to 8,192 bytes."""
        return read_tile(self._connection, level, number)

    def indexes(self, leaf_hashes: Sequence[bytes]) -> dict[bytes, int]:
        """Return the positions of those leaves that are in the log."""
        return find_leaves(self._connection, leaf_hashes)

    def publishers(self) -> dict[Digest, PublisherKey]:
        """Return all publisher keys by thumbprint, as they are inside this transaction."""
        return read_publishers(self._connection)

    def owner(self, leaf: bytes) -> Digest | None:
        """Return the thumbprint of the key that registered an asset, or None for no such asset."""
        query = ASSET.select().with_only_columns(ASSET.c.publisher_key).where(ASSET.c.leaf_hash == leaf)
        found = self._connection.execute(query).scalar()
        return None if found is None else Digest(found)

    def insert(self, examined: Sequence[Examined], first: int, at: datetime) -> None:
        """Store entries, payloads, assets, fingerprints and references from position ``first``."""
        entries: list[tuple[object, ...]] = []
        payloads: list[tuple[object, ...]] = []
        assets: list[tuple[object, ...]] = []
        codes: list[tuple[object, ...]] = []
        blobs: list[tuple[object, ...]] = []
        for index, each in enumerate(examined, first):
            made = each.registration
            entries.append((index, each.leaf_hash, made.leaf))
            if made.payload is not None:
                payloads.append((each.leaf_hash, made.payload.salt, each.body, None))
            if each.entry.type.registers:
                assets.append(asset_row(each, index, at))
            codes.extend(
                (index, place, f.algorithm, f.value, f.time_s, f.quality)
                for place, f in enumerate(made.fingerprints)
            )
            blobs.extend((index, r.kind, r.time_s, r.blob) for r in made.references)
        insert_rows(self._connection, ENTRY, entries)
        insert_rows(self._connection, PAYLOAD, payloads)
        insert_rows(self._connection, ASSET, assets)
        insert_rows(self._connection, FINGERPRINT, codes)
        insert_rows(self._connection, REFERENCE, blobs)
        if has_bands(self._connection):
            insert_codes(
                self._connection,
                (
                    (index, place, f.algorithm, f.value)
                    for index, each in enumerate(examined, first)
                    for place, f in enumerate(each.registration.fingerprints)
                ),
            )

    def fold(self, each: Examined, at: datetime) -> None:
        """Apply what a later entry says about an earlier record or about its publisher's key."""
        if each.entry.type is EntryType.REVOKE_KEY:
            key = PUBLISHER.c.thumbprint == each.publisher.value
            self._connection.execute(PUBLISHER.update().where(key).values(revoked=True))
        if each.entry.type not in ABOUT_ASSETS:
            return
        target = each.entry.refs[0]
        asset = ASSET.c.leaf_hash == target.value
        row = self._connection.execute(ASSET.select().where(asset)).one()
        standing = fold(standing_of(record_of(row)), each)
        change = ASSET.update().where(asset)
        self._connection.execute(
            change.values(
                status=standing.status.value,
                status_reason=standing.reason,
                replaced_by=standing.replaced_by,
                status_by=standing.by,
                status_at_us=None if standing.at is None else microseconds_of(standing.at),
                status_entry=standing.entry,
            )
        )
        if each.entry.type is EntryType.REDACT:
            self._erase(target, row.idx, at)

    def _erase(self, target: Digest, index: int, at: datetime) -> None:
        run = self._connection.execute
        run(
            PAYLOAD.update()
            .where(PAYLOAD.c.leaf_hash == target.value)
            .values(salt=None, body=None, erased_at_us=microseconds_of(at))
        )
        blank = {"title": "", "publisher": "", "model": None, "duration_s": None}
        run(ASSET.update().where(ASSET.c.idx == index).values(**blank, width=None, height=None))
        run(FINGERPRINT.delete().where(FINGERPRINT.c.entry_idx == index))
        run(REFERENCE.delete().where(REFERENCE.c.entry_idx == index))
        if has_bands(self._connection):
            run(BANDED.delete().where(BANDED.c.entry_idx == index))

    def keep_cosigned(self, size: int, note: str) -> None:
        """Store a checkpoint with its cosignatures, in place of one of the same size."""
        self._connection.execute(COSIGNED.delete().where(COSIGNED.c.size == size))
        self._connection.execute(COSIGNED.insert(), {"size": size, "note": note})

    def advance(self, old: Head, new: Head, tiles: Sequence[Tile], grown: frozenset[tuple[int, int]]) -> None:
        """Store the tiles and the checkpoint and move the head, if it still is ``old``.

        Args:
            old: Head that the new one was computed from.
            new: The next head, with its signed checkpoint.
            tiles: New and longer tiles.
            grown: ``(level, number)`` of those that exist already and became longer.

        Raises:
            BusyError: Another writer moved the head.
        """
        run = self._connection.execute
        insert_rows(self._connection, TILE, [tile for tile in tiles if tile[:2] not in grown])
        for level, number, content in tiles:
            if (level, number) in grown:
                run(GROW_TILE, {"at_level": level, "at_n": number, "content": content})
        insert_rows(self._connection, CHECKPOINT, [(new.size, new.note)])
        moved = run(
            MOVE_HEAD,
            {
                "old_size": old.size,
                "old_root": old.root,
                "new_size": new.size,
                "new_root": new.root,
                "new_note": new.note,
                "new_at_us": microseconds_of(new.at),
            },
        )
        if moved.rowcount != 1:
            raise BusyError(
                f"expected the log to have {old.size} entries still, another writer was faster",
                hint="try again; nothing was written",
            )
