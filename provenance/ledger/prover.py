"""Proofs from stored tiles: the inner hashes of the tiles used last are kept in memory."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable
from typing import Final

from provenance.ledger.merkle import (
    HASH_BYTES,
    TILE_HEIGHT,
    TILE_WIDTH,
    prove_consistency,
    prove_inclusions,
    tree_levels,
)

#: Tiles whose inner hashes are kept, about 16 KiB each: the tiles above level 0 of 1e8 entries fit.
_CACHED_TILES: Final = 2_048


class Prover:
    """Proves places and growth of one log; safe to share between threads.

    Args:
        tile: ``(level, number) -> hashes`` of a stored tile.
    """

    def __init__(self, tile: Callable[[int, int], bytes]) -> None:
        self._tile = tile
        self._tiles: OrderedDict[tuple[int, int], list[bytes]] = OrderedDict()
        self._lock = threading.Lock()

    def inclusion(self, indexes: Iterable[int], size: int) -> dict[int, tuple[bytes, ...]]:
        """Return the inclusion proof of each index in the tree of ``size`` leaves.

        Raises:
            ValueError: An index is not below ``size``.
            NotFoundError: A tile is missing.
        """
        return prove_inclusions(indexes, size, self._node)

    def consistency(self, old: int, new: int) -> tuple[bytes, ...]:
        """Return the proof that the tree of ``old`` leaves is the beginning of the one of ``new``.

        Raises:
            ValueError: Not ``0 < old <= new``.
            NotFoundError: A tile is missing.
        """
        return tuple(prove_consistency(old, new, self._node))

    def _node(self, level: int, index: int) -> bytes:
        """Return the hash of a complete subtree from its tile."""
        tall, low = divmod(level, TILE_HEIGHT)
        number, place = divmod(index, TILE_WIDTH >> low)
        row = self._rows(tall, number, (place + 1) << low)[low]
        return row[place * HASH_BYTES : (place + 1) * HASH_BYTES]

    def _rows(self, level: int, number: int, width: int) -> list[bytes]:
        with self._lock:
            rows = self._tiles.get((level, number))
            # An unfinished tile may have grown since; its beginning never changes.
            if rows is not None and len(rows[0]) >= width * HASH_BYTES:
                self._tiles.move_to_end((level, number))
                return rows
        rows = tree_levels(self._tile(level, number))
        with self._lock:
            self._tiles[(level, number)] = rows
            if len(self._tiles) > _CACHED_TILES:
                self._tiles.popitem(last=False)
        return rows
