"""Proof checks against published vectors, and roots against the tree of the RFC 6962 reference tests."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest

from provenance.errors import ProofError
from provenance.ledger.merkle import (
    check_consistency,
    check_inclusion,
    edge_root,
    grow,
    leaf_hash,
    node_hash,
    prove_consistency,
    prove_inclusions,
)
from tests.vectors.make_merkle import FILE, text
from tests.vectors.make_merkle import leaf as vector_leaf

SHARED = Path(__file__).parents[3] / "shared" / "data" / "merkle"
#: Vectors that do not apply: roots of 12 bytes at equal sizes, which the reference accepts without hashing.
NOT_APPLICABLE = {"consistency/additional/sizes-are-equal-one-and-proof-is-empty.json"}

#: Leaves and roots of the reference tree. Source: google/certificate-transparency, merkle tree tests.
LEAVES = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


def test_the_reference_tree_has_the_published_roots():
    edge = ()
    for size, (leaf, root) in enumerate(zip(LEAVES, ROOTS, strict=True)):
        edge, _ = grow(edge, size, [leaf_hash(bytes.fromhex(leaf))])
        assert edge_root(edge, size + 1).hex() == root


def vectors(kind: str) -> list[tuple[str, dict[str, object]]]:
    if not SHARED.is_dir():
        pytest.skip(f"published vectors are not at {SHARED}")
    files = sorted((SHARED / kind).rglob("*.json"))
    return [(str(file.relative_to(SHARED)), json.loads(file.read_text())) for file in files]


def holds(kind: str, vector: dict) -> bool:
    proof = [base64.b64decode(each) for each in vector["proof"] or []]
    try:
        if kind == "inclusion":
            leaf, root = (base64.b64decode(vector[name] or "") for name in ("leafHash", "root"))
            check_inclusion(leaf, vector["leafIdx"], vector["treeSize"], proof, root)
        else:
            roots = [base64.b64decode(vector[name] or "") for name in ("root1", "root2")]
            check_consistency(vector["size1"], vector["size2"], proof, *roots)
    except ProofError:
        return False
    return True


@pytest.mark.shared
@pytest.mark.parametrize("kind", ["inclusion", "consistency"])
def test_published_vectors_agree(kind):
    found = vectors(kind)
    assert len(found) == 98
    wrong = {name for name, vector in found if holds(kind, vector) == vector["wantErr"]}
    assert wrong == {name for name in NOT_APPLICABLE if name.startswith(kind)}


# --- our own: tests/vectors/make_merkle.py ---


def test_the_file_of_our_own_vectors_is_what_the_generator_makes():
    assert FILE.read_text("ascii") == text()


def own(kind: str) -> list[dict]:
    return json.loads(FILE.read_text("ascii"))[kind]


def ours(kind: str, case: dict) -> None:
    proof = [bytes.fromhex(each) for each in case["proof"]]
    if kind == "inclusion":
        leaf, root = bytes.fromhex(case["leaf"]), bytes.fromhex(case["root"])
        check_inclusion(leaf, case["index"], case["size"], proof, root)
    else:
        roots = (bytes.fromhex(case["old_root"]), bytes.fromhex(case["new_root"]))
        check_consistency(case["old"], case["new"], proof, *roots)


@pytest.mark.parametrize(("kind", "least"), [("inclusion", 500), ("consistency", 600)])
def test_our_own_vectors_hold_or_fail_as_they_say(kind, least):
    cases = own(kind)
    assert len(cases) >= least
    for case in cases:
        if case["holds"]:
            ours(kind, case)
        else:
            with pytest.raises(ProofError):
                ours(kind, case)


def test_what_we_prove_is_what_the_definition_gives():
    """Proofs from tiles, as the log makes them, against the recursive definition."""
    for case in own("inclusion") + own("consistency"):
        if not case["holds"]:
            continue
        size = case.get("size", case.get("new"))
        hashes = b"".join(map(vector_leaf, range(size)))

        def node(level: int, index: int, hashes: bytes = hashes) -> bytes:
            below = hashes[32 * (index << level) : 32 * (index + 1 << level)]
            while len(below) > 32:
                pairs = (below[at : at + 64] for at in range(0, len(below), 64))
                below = b"".join(node_hash(each[:32], each[32:]) for each in pairs)
            return below

        if "index" in case:
            found = prove_inclusions([case["index"]], size, node)[case["index"]]
        else:
            found = prove_consistency(case["old"], case["new"], node)
        assert [each.hex() for each in found] == case["proof"]
