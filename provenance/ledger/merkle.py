"""Merkle tree of RFC 9162: hashes, proofs, their strict checks, and growth by tiles of 256 hashes.

All functions are pure. A tree is read through a :data:`NodeReader`, so the same code proves from memory and
from stored tiles.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from provenance.errors import ProofError

#: Length of every hash. Source: RFC 9162 section 2.1, SHA-256.
HASH_BYTES: Final = 32
#: Root of the tree without leaves. Source: RFC 9162 section 2.1.1.
EMPTY_ROOT: Final = hashlib.sha256(b"").digest()
#: Levels and hashes of one tile. Source: C2SP tlog-tiles, tile height 8.
TILE_HEIGHT: Final = 8
TILE_WIDTH: Final = 1 << TILE_HEIGHT
#: Largest tree. Source: sizes are stored as signed 64-bit integers in SQL.
MAX_SIZE: Final = (1 << 63) - 1

#: ``(level, index) -> hash`` of the complete subtree over leaves ``index << level`` to
#: ``(index + 1) << level``, exclusive.
NodeReader = Callable[[int, int], bytes]
#: Unfinished tiles on the right edge, level 0 first; each holds 0 to 255 hashes of 32 bytes.
Edge = tuple[bytes, ...]
#: ``(level, number, hashes)`` of a tile; full tiles hold 8,192 bytes.
Tile = tuple[int, int, bytes]


def leaf_hash(content: bytes) -> bytes:
    """Return the hash of a leaf: SHA-256 of 0x00 and its content. Source: RFC 9162 section 2.1.1."""
    return hashlib.sha256(b"\x00" + content).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of an inner node: SHA-256 of 0x01 and both children. Source: RFC 9162 section 2.1.1."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def tree_levels(hashes: bytes) -> list[bytes]:
    """Return the rows of the tree over ``hashes``: the hashes themselves, their parents, and so on.

    Args:
        hashes: Neighbouring hashes, 32 bytes each, 1 to 256 of them.

    Returns:
        Rows from the given one upwards; a node without a sibling is left out of the row above it.
    """
    rows = [hashes]
    while len(rows[-1]) >= 2 * HASH_BYTES:
        row = rows[-1]
        pairs = range(0, len(row) - HASH_BYTES, 2 * HASH_BYTES)
        digest = hashlib.sha256
        rows.append(b"".join(digest(b"\x01" + row[at : at + 2 * HASH_BYTES]).digest() for at in pairs))
    return rows


# --- roots and proofs ------------------------------------------------------------------------------------


def _range_hash(start: int, stop: int, node: NodeReader) -> bytes:
    """Return the hash of leaves ``start`` to ``stop``; ``start`` is a multiple of the split size."""
    width = stop - start
    level = (width - 1).bit_length()
    if width == 1 << level:
        return node(level, start >> level)
    middle = start + (1 << (level - 1))
    return node_hash(node(level - 1, start >> (level - 1)), _range_hash(middle, stop, node))


def root_of(size: int, node: NodeReader) -> bytes:
    """Return the root of the tree of ``size`` leaves."""
    return _range_hash(0, size, node) if size else EMPTY_ROOT


def prove_inclusion(index: int, size: int, node: NodeReader) -> list[bytes]:
    """Return the hashes that lead from leaf ``index`` to the root, the leaf's sibling first.

    Raises:
        ValueError: ``index`` is not within a tree of ``size`` leaves.

    Source: RFC 9162 section 2.1.3.1.
    """
    return list(prove_inclusions((index,), size, node)[index])


def prove_inclusions(indexes: Iterable[int], size: int, node: NodeReader) -> dict[int, tuple[bytes, ...]]:
    """Return the proof of each index, as :func:`prove_inclusion`; neighbours share what was computed.

    Raises:
        ValueError: An index is not within a tree of ``size`` leaves.
    """
    wanted = sorted(set(indexes))
    if wanted and not 0 <= wanted[0] <= wanted[-1] < size:
        raise ValueError(f"leaves {wanted[0]} to {wanted[-1]} are not within a tree of {size}")
    proofs: dict[int, tuple[bytes, ...]] = {}

    def walk(start: int, stop: int, low: int, high: int, path: tuple[bytes, ...]) -> None:
        """Prove ``wanted[low:high]``, all under the node of ``start`` to ``stop``, whose proof is ``path``."""
        if stop - start == 1:
            proofs[start] = path
            return
        middle = start + (1 << ((stop - start - 1).bit_length() - 1))
        cut = bisect_left(wanted, middle, low, high)
        if low < cut:
            walk(start, middle, low, cut, (_range_hash(middle, stop, node), *path))
        if cut < high:
            walk(middle, stop, cut, high, (_range_hash(start, middle, node), *path))

    if wanted:
        walk(0, size, 0, len(wanted), ())
    return proofs


def prove_consistency(old: int, new: int, node: NodeReader) -> list[bytes]:
    """Return the hashes that show the tree of ``old`` leaves to be the beginning of the one of ``new``.

    Raises:
        ValueError: Not ``0 < old <= new``.

    Source: RFC 9162 section 2.1.4.1.
    """
    if not 0 < old <= new:
        raise ValueError(f"no consistency proof from size {old} to size {new}")
    proof: list[bytes] = []
    start, stop, complete = 0, new, True
    while old != stop:
        middle = start + (1 << ((stop - start - 1).bit_length() - 1))
        if old <= middle:
            proof.append(_range_hash(middle, stop, node))
            stop = middle
        else:
            proof.append(_range_hash(start, middle, node))
            start, complete = middle, False
    if not complete:
        proof.append(_range_hash(start, stop, node))
    return proof[::-1]


# --- checks ----------------------------------------------------------------------------------------------


def _check_shape(hashes: Sequence[bytes]) -> None:
    if any(len(each) != HASH_BYTES for each in hashes):
        raise ProofError(
            "expected every hash of the proof to be 32 bytes, found another length",
            hint="the proof is damaged; ask the log for a new one",
        )


def check_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> None:
    """Return if ``leaf`` is at ``index`` of the tree with ``size`` leaves and this ``root``.

    Args:
        leaf: Leaf hash, 32 bytes.
        index: Zero-based position.
        size: Number of leaves.
        proof: Sibling hashes from the leaf upwards, 32 bytes each.
        root: Root hash, 32 bytes.

    Raises:
        ProofError: The proof does not lead to the root.

    Source: RFC 9162 section 2.1.3.2; hashes of another length are refused.
    """
    _check_shape((root,))
    found = inclusion_root(leaf, index, size, proof)
    if found != root:
        raise ProofError(
            f"expected the inclusion proof to lead to root {root.hex()[:16]}, it leads to {found.hex()[:16]}",
            hint="the entry is not the one at this position of this log",
        )


def inclusion_root(leaf: bytes, index: int, size: int, proof: Sequence[bytes]) -> bytes:
    """Return the root that an inclusion proof leads to; arguments as for :func:`check_inclusion`.

    Raises:
        ProofError: The proof has another length than its place in the tree demands.
    """
    _check_shape((leaf, *proof))
    if not 0 <= index < size <= MAX_SIZE:
        raise ProofError(
            f"expected an index below the size {size}, found {index}", hint="the proof is damaged"
        )
    at, last, found = index, size - 1, leaf
    for step in proof:
        if last == 0:
            raise ProofError("expected the proof to end at the root, found hashes beyond it")
        if at & 1 or at == last:
            found = node_hash(step, found)
            while not at & 1 and at != 0:
                at >>= 1
                last >>= 1
        else:
            found = node_hash(found, step)
        at >>= 1
        last >>= 1
    if last != 0:
        raise ProofError("expected the proof to reach the root, found too few hashes")
    return found


def check_consistency(old: int, new: int, proof: Sequence[bytes], old_root: bytes, new_root: bytes) -> None:
    """Return if the tree of ``old`` leaves with ``old_root`` is the beginning of the one of ``new``.

    Args:
        old: Size of the earlier tree, at least 1.
        new: Size of the later tree, at least ``old``.
        proof: Hashes as made by :func:`prove_consistency`.
        old_root: Root of the earlier tree, 32 bytes.
        new_root: Root of the later tree, 32 bytes.

    Raises:
        ProofError: The trees are not shown to be consistent.

    Source: RFC 9162 section 2.1.4.2; hashes of another length are refused.
    """
    _check_shape((old_root, new_root, *proof))
    if not 0 < old <= new <= MAX_SIZE:
        raise ProofError(f"expected sizes 0 < old <= new, found {old} and {new}")
    if old == new:
        if proof or old_root != new_root:
            raise ProofError(
                f"expected one root at size {old}, found two or a proof that is not empty",
                hint="the log showed two histories; keep both checkpoints as evidence",
            )
        return
    if not proof:
        raise ProofError(f"expected hashes from size {old} to size {new}, found an empty proof")
    path = [old_root, *proof] if old & (old - 1) == 0 else list(proof)
    at, last = old - 1, new - 1
    while at & 1:
        at >>= 1
        last >>= 1
    found_old, found_new, left = _walk(path, at, last)
    if left != 0 or found_old != old_root or found_new != new_root:
        raise ProofError(
            f"expected the log of size {new} to begin with the log of size {old}; the proof does not show it",
            hint="the log may have rewritten its history; keep both checkpoints as evidence",
        )


def _walk(path: Sequence[bytes], at: int, last: int) -> tuple[bytes, bytes, int]:
    found_old = found_new = path[0]
    for step in path[1:]:
        if last == 0:
            raise ProofError("expected the proof to end at the root, found hashes beyond it")
        if at & 1 or at == last:
            found_old, found_new = node_hash(step, found_old), node_hash(step, found_new)
            while not at & 1 and at != 0:
                at >>= 1
                last >>= 1
        else:
            found_new = node_hash(found_new, step)
        at >>= 1
        last >>= 1
    return found_old, found_new, last


# --- growth ----------------------------------------------------------------------------------------------


def edge_shape(size: int) -> list[tuple[int, int]]:
    """Return ``(number, width)`` of the unfinished tile of each level of a tree of ``size`` leaves.

    Width 0 means that the level ends with a full tile, so that no unfinished one exists.
    """
    shape = []
    while size:
        shape.append((size >> TILE_HEIGHT, size % TILE_WIDTH))
        size >>= TILE_HEIGHT
    return shape


def grow(edge: Edge, size: int, hashes: Sequence[bytes]) -> tuple[Edge, list[Tile]]:
    """Return the right edge after appending ``hashes``, and every tile that is new or longer than before.

    Args:
        edge: Edge at ``size``.
        size: Number of leaves before.
        hashes: Leaf hashes to append, 32 bytes each.
    """
    grown: list[bytes] = []
    tiles: list[Tile] = []
    row, level = b"".join(hashes), 0
    full = TILE_WIDTH * HASH_BYTES
    while row or level < len(edge):
        number = size >> TILE_HEIGHT * (level + 1)
        content = (edge[level] if level < len(edge) else b"") + row
        above: list[bytes] = []
        at = 0
        while len(content) - at >= full:
            tile = content[at : at + full]
            tiles.append((level, number, tile))
            above.append(tree_levels(tile)[-1])
            number += 1
            at += full
        rest = content[at:]
        if rest and row:
            tiles.append((level, number, rest))
        grown.append(rest)
        row, level = b"".join(above), level + 1
    return tuple(grown), tiles


def edge_root(edge: Edge, size: int) -> bytes:
    """Return the root of the tree of ``size`` leaves from its right edge alone."""
    rows = [tree_levels(tile) for tile in edge]

    def node(level: int, index: int) -> bytes:
        tall, low = divmod(level, TILE_HEIGHT)
        at = (index - (size >> TILE_HEIGHT * (tall + 1) << (TILE_HEIGHT - low))) * HASH_BYTES
        return rows[tall][low][at : at + HASH_BYTES]

    return root_of(size, node)
