"""Growing the tree again from the stored leaves: every leaf hash, tile, signed root and the head compared.

This shows that the stored entries are those whose roots were signed. It does not read what the entries say;
:mod:`provenance.ledger.audit` does, and uses this.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from provenance.errors import ProofError
from provenance.ledger.checkpoint import LogVerifier, open_checkpoint
from provenance.ledger.merkle import (
    HASH_BYTES,
    TILE_HEIGHT,
    TILE_WIDTH,
    Edge,
    edge_root,
    edge_shape,
    grow,
    leaf_hash,
)
from provenance.ledger.rows import Head
from provenance.ledger.store import Store

#: Entries read at a time where only the tree is checked.
_STEP: Final = 5_000
#: What to do about damage.
DAMAGE_HINT: Final = "keep the damaged file as evidence and restore the newest backup"


@dataclass(frozen=True, slots=True)
class TreeCheck:
    """What a check of the tree found in order: entries, their root, and signed checkpoints on the way."""

    size: int
    root: bytes
    checkpoints: int


class Regrowth:
    """A tree that grows again while its leaves are read, oldest first.

    Args:
        store: The log.
        verifier: The log's public key or keys.

    Attributes:
        size: Entries so far.
        checkpoints: Signed checkpoints met so far.
    """

    def __init__(self, store: Store, verifier: LogVerifier) -> None:
        self._store, self._verifier = store, verifier
        self.size = 0
        self.checkpoints = 0
        self._edge: Edge = ()
        self._newest = ""
        self._notes = _notes(store)
        self._next: tuple[int, str] | None = next(self._notes, None)

    def check_leaf(self, index: int, expected: int, stored: bytes, leaf: bytes) -> None:
        """Return if the row at ``index`` is the ``expected`` one and its hash is that of its leaf.

        Raises:
            ProofError: It is not.
        """
        if index != expected:
            raise ProofError(f"expected entry {expected} next, found entry {index}", hint=DAMAGE_HINT)
        if leaf_hash(leaf) != stored:
            raise ProofError(
                f"entry {index}: expected leaf hash {stored.hex()[:16]}, found another", hint=DAMAGE_HINT
            )

    def extend(self, hashes: Sequence[bytes]) -> None:
        """Add the next leaf hashes, stopping at each signed size on the way.

        Raises:
            ProofError: A stored tile or signed root is another one.
            CheckpointError: A stored checkpoint is not signed by this log.
        """
        start = 0
        while start < len(hashes):
            left = len(hashes) - start
            stop = start + (left if self._next is None else min(left, max(self._next[0] - self.size, 1)))
            self._grow(hashes[start:stop])
            start = stop

    def _grow(self, hashes: Sequence[bytes]) -> None:
        self._edge, tiles = grow(self._edge, self.size, hashes)
        self.size += len(hashes)
        for level, number, content in tiles:
            if len(content) == TILE_WIDTH * HASH_BYTES:
                self._compare(level, number, content)
        if self._next is None or self._next[0] != self.size:
            return
        found = open_checkpoint(self._next[1], self._verifier)
        if (found.size, found.root) != (self.size, edge_root(self._edge, self.size)):
            raise ProofError(
                f"entry {self.size - 1}: expected the root signed at size {self.size}, found another",
                hint=DAMAGE_HINT,
            )
        self.checkpoints += 1
        self._newest = self._next[1]
        self._next = next(self._notes, None)

    def _compare(self, level: int, number: int, content: bytes) -> None:
        if self._store.tile(level, number) != content:
            last = ((number + 1) * TILE_WIDTH << TILE_HEIGHT * level) - 1
            raise ProofError(
                f"entry {last}: expected its hash in tile {number} of level {level}, found another",
                hint=DAMAGE_HINT,
            )

    def finish(self, head: Head) -> None:
        """Check what only the whole tree can show: the unfinished tiles and the head.

        Raises:
            ProofError: They do not fit.
            CheckpointError: The head's checkpoint is not signed by this log.
        """
        if self.size != head.size:
            raise ProofError(f"expected {head.size} entries, found {self.size}", hint=DAMAGE_HINT)
        for level, (number, width) in enumerate(edge_shape(self.size)):
            if width and self._store.tile(level, number)[: width * HASH_BYTES] != self._edge[level]:
                raise ProofError(
                    f"expected the last tile of level {level} to match the entries, it does not",
                    hint=DAMAGE_HINT,
                )
        if edge_root(self._edge, self.size) != head.root:
            raise ProofError(
                f"expected root {head.root.hex()[:16]} at size {self.size}, found another", hint=DAMAGE_HINT
            )
        if head.size and self._newest != head.note:
            raise ProofError(
                f"expected the checkpoint of size {head.size} among those that were kept, found none",
                hint=DAMAGE_HINT,
            )
        if self._next is not None and self._next[0] <= self.size:
            raise ProofError(
                f"expected checkpoints in order, found one of size {self._next[0]} twice", hint=DAMAGE_HINT
            )
        if head.size and open_checkpoint(head.note, self._verifier).root != head.root:
            raise ProofError(
                f"expected the newest checkpoint to be of root {head.root.hex()[:16]}", hint=DAMAGE_HINT
            )


def check_tree(store: Store, verifier: LogVerifier) -> TreeCheck:
    """Return what was checked: leaf hashes, tiles and signed roots of the whole log, not what entries say.

    Args:
        store: The log.
        verifier: The log's public key or keys.

    Raises:
        ProofError: Something does not fit; the text names the first bad entry.
        CheckpointError: A stored checkpoint is not signed by ``verifier``.
        StorageError: The database cannot be read.
    """
    head = store.head()
    tree = Regrowth(store, verifier)
    for rows in read_leaves(store, head.size, _STEP):
        for expected, (index, stored, leaf) in enumerate(rows, tree.size):
            tree.check_leaf(index, expected, stored, leaf)
        tree.extend([stored for _, stored, _ in rows])
    tree.finish(head)
    return TreeCheck(tree.size, head.root, tree.checkpoints)


def read_leaves(store: Store, size: int, step: int) -> Iterator[list[tuple[int, bytes, bytes]]]:
    """Yield ``(index, leaf hash, leaf)`` of the entries below ``size``, at most ``step`` at a time, never none."""
    for start in range(0, size, step):
        rows = store.leaves(start, min(start + step, size))
        if rows:
            yield rows


def _notes(store: Store) -> Iterator[tuple[int, str]]:
    after = -1
    while rows := store.checkpoints(after):
        yield from rows
        after = rows[-1][0]
