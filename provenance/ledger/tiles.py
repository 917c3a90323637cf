"""The names and contents of a log's public files: C2SP tlog-tiles, paths and entry bundles.

Pure: what is stored where is decided by whoever reads or writes these files.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Self

from provenance.errors import FormatError
from provenance.ledger.merkle import HASH_BYTES, TILE_HEIGHT, TILE_WIDTH, edge_shape

#: Name of the signed tree head. Source: C2SP tlog-tiles, "Checkpoints".
CHECKPOINT_PATH: Final = "checkpoint"
#: Highest level that a path may name. Source: C2SP tlog-tiles, "Merkle Tree".
MAX_LEVEL: Final = 63
#: Bytes of a full tile.
FULL_TILE_BYTES: Final = TILE_WIDTH * HASH_BYTES
#: Longest bundle: 256 entries of 64 KiB each with their lengths.
MAX_BUNDLE_BYTES: Final = TILE_WIDTH * ((1 << 16) + 1)
_LENGTH_BYTES: Final = 2
_PATH = re.compile(
    r"tile/(entries|0|[1-9][0-9]?)/((?:x[0-9]{3}/)*)([0-9]{3})(?:\.p/([1-9][0-9]{0,2}))?", re.ASCII
)


@dataclass(frozen=True, slots=True)
class TileName:
    """A tile of hashes, or a bundle of entries.

    Attributes:
        level: Level of the tile, 0 to 63; ``None`` for a bundle of entries.
        number: Position within the level, from 0.
        width: Hashes or entries in it, 1 to 256; 256 is a full one.
    """

    level: int | None
    number: int
    width: int = TILE_WIDTH

    def __post_init__(self) -> None:
        if self.level is not None and not 0 <= self.level <= MAX_LEVEL:
            raise ValueError(f"a tile's level is 0 to {MAX_LEVEL}, not {self.level}")
        if self.number < 0 or not 1 <= self.width <= TILE_WIDTH:
            raise ValueError("a tile has a number from 0 and a width of 1 to 256")

    @property
    def full(self) -> bool:
        """Whether it will never grow."""
        return self.width == TILE_WIDTH

    @property
    def max_bytes(self) -> int:
        """Most bytes it can have."""
        return MAX_BUNDLE_BYTES if self.level is None else self.width * HASH_BYTES

    @property
    def path(self) -> str:
        """Its path below the log's prefix, for example ``tile/0/x001/234.p/56``."""
        groups = [f"{self.number % 1000:03d}"]
        rest = self.number // 1000
        while rest:
            groups.append(f"x{rest % 1000:03d}")
            rest //= 1000
        level = "entries" if self.level is None else str(self.level)
        partial = "" if self.full else f".p/{self.width}"
        return f"tile/{level}/{'/'.join(reversed(groups))}{partial}"

    @classmethod
    def parse(cls, path: str) -> Self:
        """Return the tile or bundle at ``path``; only the one spelling of each is accepted.

        Raises:
            FormatError: Not such a path.
        """
        found = _PATH.fullmatch(path) if len(path) <= 100 else None
        if found is None:
            raise FormatError("expected the path of a tile or entry bundle, found another")
        level, upper, lower, width = found.groups()
        number = int(upper.replace("x", "").replace("/", "") + lower)
        try:
            made = cls(
                None if level == "entries" else int(level),
                number,
                TILE_WIDTH if width is None else int(width),
            )
        except ValueError as cause:
            raise FormatError(f"expected the path of a tile or entry bundle: {cause}") from cause
        if made.path != path:  # a leading x000, or a width of 256 as a partial one
            raise FormatError("expected the path of a tile in its one spelling, found another")
        return made


def tiles_of(size: int, beyond: int = 0) -> Iterator[TileName]:
    """Give every tile of hashes of a log of ``size`` entries, level 0 first.

    Args:
        size: Number of entries.
        beyond: Leave out tiles that were full already at this size.
    """
    for level, (number, width) in enumerate(edge_shape(size)):
        first = beyond >> TILE_HEIGHT * (level + 1)
        for full in range(min(first, number), number):
            yield TileName(level, full)
        if width:
            yield TileName(level, number, width)


def bundles_of(size: int, beyond: int = 0) -> Iterator[TileName]:
    """Give every entry bundle of a log of ``size`` entries that holds an entry from ``beyond`` on."""
    full, width = divmod(size, TILE_WIDTH)
    for number in range(beyond // TILE_WIDTH, full):
        yield TileName(None, number)
    if width and beyond < size:
        yield TileName(None, full, width)


def pack_bundle(leaves: Sequence[bytes]) -> bytes:
    """Return the entry bundle of ``leaves``: each with its length as two big-endian bytes before it.

    Raises:
        FormatError: A leaf of 64 KiB or more.
    """
    if any(len(leaf) >> 16 for leaf in leaves):
        raise FormatError("expected leaves below 64 KiB for an entry bundle, found a longer one")
    return b"".join(len(leaf).to_bytes(_LENGTH_BYTES, "big") + leaf for leaf in leaves)


def unpack_bundle(content: bytes, width: int) -> list[bytes]:
    """Return the ``width`` leaves of an entry bundle.

    Raises:
        FormatError: It holds fewer or more, or ends within a leaf.
    """
    leaves: list[bytes] = []
    at = 0
    while at < len(content) and len(leaves) < width:
        start = at + _LENGTH_BYTES
        at = start + int.from_bytes(content[at:start], "big")
        if at > len(content) or start > len(content):
            break
        leaves.append(content[start:at])
    if len(leaves) != width or at != len(content):
        raise FormatError(f"expected a bundle of {width} entries, found {len(leaves)} and other bytes")
    return leaves
