"""The Merkle tree against a naive one, and what its strict checks refuse."""

from __future__ import annotations

import hashlib

import pytest

from provenance.errors import ProofError
from provenance.ledger.merkle import (
    EMPTY_ROOT,
    check_consistency,
    check_inclusion,
    edge_root,
    edge_shape,
    grow,
    leaf_hash,
    prove_consistency,
    prove_inclusion,
    root_of,
)

LEAVES = [leaf_hash(str(number).encode()) for number in range(700)]


def naive(hashes: list[bytes]) -> bytes:
    """MTH of RFC 9162 section 2.1.1, word for word."""
    if not hashes:
        return hashlib.sha256(b"").digest()
    if len(hashes) == 1:
        return hashes[0]
    split = 1
    while split * 2 < len(hashes):
        split *= 2
    return hashlib.sha256(b"\x01" + naive(hashes[:split]) + naive(hashes[split:])).digest()


def node(level: int, index: int) -> bytes:
    return naive(LEAVES[index << level : (index + 1) << level])


def test_the_empty_tree_has_the_hash_of_nothing_as_root():
    assert naive([]) == root_of(0, node) == EMPTY_ROOT


@pytest.mark.parametrize("size", [1, 2, 3, 7, 8, 255, 256, 257, 511, 512, 513, 699])
def test_roots_are_those_of_the_definition(size):
    assert root_of(size, node) == naive(LEAVES[:size])


@pytest.mark.parametrize("size", [1, 2, 5, 8, 13, 16, 33])
def test_every_inclusion_proof_holds_for_its_place_only(size):
    root = naive(LEAVES[:size])
    for index in range(size):
        proof = prove_inclusion(index, size, node)
        check_inclusion(LEAVES[index], index, size, proof, root)
        for other in set(range(size)) - {index}:
            with pytest.raises(ProofError):
                check_inclusion(LEAVES[index], other, size, proof, root)


@pytest.mark.parametrize("new", [1, 2, 3, 4, 7, 8, 9, 21, 32])
def test_every_consistency_proof_holds(new):
    for old in range(1, new + 1):
        proof = prove_consistency(old, new, node)
        check_consistency(old, new, proof, naive(LEAVES[:old]), naive(LEAVES[:new]))
        with pytest.raises(ProofError):
            check_consistency(old, new, [*proof, LEAVES[0]], naive(LEAVES[:old]), naive(LEAVES[:new]))


def test_proofs_are_refused_for_places_outside_the_tree():
    with pytest.raises(ValueError, match="not within"):
        prove_inclusion(3, 3, node)
    with pytest.raises(ValueError, match="no consistency proof"):
        prove_consistency(0, 3, node)


def test_hashes_of_another_length_are_refused():
    root = naive(LEAVES[:2])
    with pytest.raises(ProofError, match="32 bytes"):
        check_inclusion(LEAVES[0], 0, 2, [LEAVES[1][:31]], root)
    with pytest.raises(ProofError, match="32 bytes"):
        check_consistency(2, 2, [], b"WrongRoot1", b"WrongRoot1")


def test_a_proof_of_wrong_length_is_refused():
    proof = prove_inclusion(2, 5, node)
    root = naive(LEAVES[:5])
    with pytest.raises(ProofError, match="too few"):
        check_inclusion(LEAVES[2], 2, 5, proof[:-1], root)
    with pytest.raises(ProofError, match="beyond"):
        check_inclusion(LEAVES[2], 2, 5, [*proof, root], root)


@pytest.mark.parametrize("steps", [[1] * 300, [255, 1, 1, 255, 1], [256, 256], [700], [3, 600, 97]])
def test_growth_in_steps_gives_the_tiles_and_roots_of_the_whole(steps):
    edge, size, tiles = (), 0, {}
    for step in steps:
        edge, made = grow(edge, size, LEAVES[size : size + step])
        size += step
        for level, number, content in made:
            assert content.startswith(tiles.get((level, number), b"")), "a tile only becomes longer"
            tiles[level, number] = content
        assert edge_root(edge, size) == naive(LEAVES[:size])
    for (level, number), content in tiles.items():
        first = number * 256
        wanted = [node(8 * level, first + at) for at in range(len(content) // 32)]
        assert content == b"".join(wanted)
    assert [len(row) // 32 for row in edge] == [width for _, width in edge_shape(size)]
