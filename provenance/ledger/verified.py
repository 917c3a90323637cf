"""A log read from anywhere, every byte of it bound to one signed checkpoint before it is used."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

from provenance.errors import FormatError, LimitError, NotFoundError, ProofError
from provenance.ledger.checkpoint import Checkpoint
from provenance.ledger.merkle import (
    HASH_BYTES,
    TILE_WIDTH,
    check_consistency,
    edge_root,
    edge_shape,
    leaf_hash,
    tree_levels,
)
from provenance.ledger.prover import Prover
from provenance.ledger.source import TileSource
from provenance.ledger.tiles import TileName, unpack_bundle

#: Tiles kept, 8 KiB each; the walk over a log needs one of each level.
_KEPT_TILES: Final = 1_024
_HINT: Final = "keep the checkpoint and the file as evidence"


@dataclass(frozen=True, slots=True)
class Bundle:
    """Entries as they were served, beside the hashes that the signed tree has for them.

    Attributes:
        name: Which bundle.
        content: Its bytes.
        leaves: The entries in it.
        wrong: Positions in the log of the entries that do not hash to what the tree says.
    """

    name: TileName
    content: bytes
    leaves: tuple[bytes, ...]
    wrong: tuple[int, ...]


class VerifiedTiles:
    """The tree of one checkpoint; each tile is checked against the one above it, the top against the root.

    Args:
        source: Where the files are; not trusted.
        checkpoint: Tree head whose signature was checked.

    Raises:
        ProofError: The tiles do not give the signed root.
        NotFoundError: A tile is missing.
        UnavailableError: The source cannot be read now.
    """

    def __init__(self, source: TileSource, checkpoint: Checkpoint) -> None:
        self._source = source
        self.checkpoint = checkpoint
        self._kept: OrderedDict[tuple[int, int], bytes] = OrderedDict()
        self._shape = edge_shape(checkpoint.size)
        names = [TileName(level, number, width) for level, (number, width) in enumerate(self._shape) if width]
        found = {name.level: self._fetch(name) for name in names}
        edge = tuple(found.get(level, b"") for level in range(len(self._shape)))
        if edge_root(edge, checkpoint.size) != checkpoint.root:
            raise ProofError(
                f"expected the tiles of size {checkpoint.size} to give root {checkpoint.root.hex()[:16]}, "
                f"they give another",
                hint=_HINT,
            )
        self._edge = edge
        self._prover = Prover(self.tile)

    def tile(self, level: int, number: int) -> bytes:
        """Return the hashes of a tile at this checkpoint's size, checked.

        Raises:
            ProofError: Its hashes do not give what the tile above it says.
            NotFoundError: It is missing, or the log is shorter.
        """
        if level >= len(self._shape) or number > self._shape[level][0]:
            raise NotFoundError(f"expected a tile within size {self.checkpoint.size}, found one beyond it")
        if number == self._shape[level][0]:
            return self._edge[level]
        kept = self._kept.get((level, number))
        if kept is not None:
            return kept
        content = self._fetch(TileName(level, number))
        above, place = divmod(number, TILE_WIDTH)
        expected = self.tile(level + 1, above)[place * HASH_BYTES : (place + 1) * HASH_BYTES]
        if tree_levels(content)[-1] != expected:
            raise ProofError(
                f"expected tile {number} of level {level} to be the one that the signed tree has, "
                "found another",
                hint=_HINT,
            )
        self._kept[(level, number)] = content
        if len(self._kept) > _KEPT_TILES:
            self._kept.popitem(last=False)
        return content

    def bundle(self, name: TileName) -> Bundle:
        """Return the entries of a bundle and which of them are not those of the signed tree.

        Raises:
            ProofError: Not a bundle of so many entries, or its tile does not hold.
            NotFoundError: It is missing.
        """
        hashes = self.tile(0, name.number)
        content = self._read(name)
        try:
            leaves = unpack_bundle(content, name.width)
        except FormatError as cause:
            first = name.number * TILE_WIDTH
            raise ProofError(
                f"entries {first} to {first + name.width - 1}: {cause.message}", hint=_HINT
            ) from cause
        wrong = tuple(
            name.number * TILE_WIDTH + place
            for place, leaf in enumerate(leaves)
            if leaf_hash(leaf) != hashes[place * HASH_BYTES : (place + 1) * HASH_BYTES]
        )
        return Bundle(name, content, tuple(leaves), wrong)

    def inclusion(self, index: int) -> tuple[bytes, ...]:
        """Return the proof that leads from the entry at ``index`` to the root.

        Raises:
            NotFoundError: The log is shorter.
            ProofError: A tile on the way does not hold.
        """
        if not 0 <= index < self.checkpoint.size:
            raise NotFoundError(f"expected an entry below {self.checkpoint.size}, found {index}")
        return self._prover.inclusion([index], self.checkpoint.size)[index]

    def consistency(self, old: int, new: int) -> tuple[bytes, ...]:
        """Return the proof that the log of size ``old`` is the beginning of that of size ``new``.

        Raises:
            ValueError: Not ``0 < old <= new``.
            NotFoundError: ``new`` is beyond the checkpoint.
            ProofError: A tile on the way does not hold.
        """
        if new > self.checkpoint.size:
            raise NotFoundError(f"expected a size of at most {self.checkpoint.size}, found {new}")
        return self._prover.consistency(old, new)

    def check_continues(self, earlier: Checkpoint) -> None:
        """Return if this tree begins with that of ``earlier``.

        Raises:
            ProofError: It does not: the log has shown two histories.
        """
        if earlier.size > self.checkpoint.size:
            raise ProofError(
                f"expected a log of at least {earlier.size} entries, found {self.checkpoint.size}",
                hint="the log was rolled back, or an old copy is shown; keep both checkpoints as evidence",
            )
        if earlier.size:
            proof = self.consistency(earlier.size, self.checkpoint.size)
            check_consistency(earlier.size, self.checkpoint.size, proof, earlier.root, self.checkpoint.root)

    def _fetch(self, name: TileName) -> bytes:
        content = self._read(name)
        if len(content) != name.width * HASH_BYTES:
            raise ProofError(
                f"expected {name.width * HASH_BYTES} bytes in {name.path}, found {len(content)}", hint=_HINT
            )
        return content

    def _read(self, name: TileName) -> bytes:
        try:
            return self._source.read(name.path, name.max_bytes)
        except LimitError as cause:
            raise ProofError(cause.message, hint=_HINT) from cause
        except NotFoundError:
            if name.full:
                raise
            # A log may drop a partial tile once it is full. Source: C2SP tlog-tiles, "Partial Tiles".
            whole = self._source.read(
                TileName(name.level, name.number).path, TileName(name.level, 0).max_bytes
            )
            return _beginning(whole, name)


def _beginning(whole: bytes, name: TileName) -> bytes:
    """Return what the partial file ``name`` would hold, taken from the full one."""
    if name.level is not None:
        return whole[: name.width * HASH_BYTES]
    at = 0
    for _ in range(name.width):
        at += 2 + int.from_bytes(whole[at : at + 2], "big")
    return whole[:at]
