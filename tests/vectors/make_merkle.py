"""Make merkle.json: proofs of small trees, and what is wrong with their relatives.

Run it as ``python -m tests.vectors.make_merkle``; a test holds that the file is what this makes. It shares no
code with the product: trees and proofs follow the recursive definitions of RFC 9162 section 2.1 to the letter.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

FILE = Path(__file__).with_name("merkle.json")
#: Sizes around powers of two, and one beyond a tile.
SIZES = (1, 2, 3, 4, 5, 7, 8, 9, 16, 17, 257)


def leaf(number: int) -> bytes:
    return hashlib.sha256(b"\x00" + f"leaf {number}".encode()).digest()


def split(size: int) -> int:
    """The largest power of two below ``size``."""
    half = 1
    while half * 2 < size:
        half *= 2
    return half


def tree(leaves: list[bytes]) -> bytes:
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    half = split(len(leaves))
    return hashlib.sha256(b"\x01" + tree(leaves[:half]) + tree(leaves[half:])).digest()


def path(index: int, leaves: list[bytes]) -> list[bytes]:
    if len(leaves) == 1:
        return []
    half = split(len(leaves))
    if index < half:
        return [*path(index, leaves[:half]), tree(leaves[half:])]
    return [*path(index - half, leaves[half:]), tree(leaves[:half])]


def subproof(old: int, leaves: list[bytes], *, whole: bool) -> list[bytes]:
    if old == len(leaves):
        return [] if whole else [tree(leaves)]
    half = split(len(leaves))
    if old <= half:
        return [*subproof(old, leaves[:half], whole=whole), tree(leaves[half:])]
    return [*subproof(old - half, leaves[half:], whole=False), tree(leaves[:half])]


def flipped(content: bytes) -> bytes:
    return content[:-1] + bytes([content[-1] ^ 1])


def inclusion(size: int) -> list[dict]:
    leaves = [leaf(n) for n in range(size)]
    root, made = tree(leaves), []
    for index in sorted({0, 1, size // 2, size - 2, size - 1} & set(range(size))):
        proof = path(index, leaves)
        good = {"index": index, "size": size, "leaf": leaves[index], "proof": proof, "root": root}
        made.append(good | {"name": "holds", "holds": True})
        wrong = {
            "root flipped": {"root": flipped(root)},
            "leaf flipped": {"leaf": flipped(leaves[index])},
            "root is the leaf's": {"root": leaves[index]} if proof else {"root": flipped(root)},
            "one hash more": {"proof": [*proof, bytes(32)]},
            "one hash more before": {"proof": [bytes(32), *proof]},
            "index beyond": {"index": size},
            "size zero": {"size": 0},
            "short root": {"root": root[:-1]},
        }
        if proof:
            wrong |= {
                "last hash left out": {"proof": proof[:-1]},
                "first hash left out": {"proof": proof[1:]},
                "first hash flipped": {"proof": [flipped(proof[0]), *proof[1:]]},
                "last hash flipped": {"proof": [*proof[:-1], flipped(proof[-1])]},
                "short hash": {"proof": [proof[0][:-1], *proof[1:]]},
                "neighbour's index": {"index": index ^ 1 if (index ^ 1) < size else index - 1},
            }
        made += [good | change | {"name": name, "holds": False} for name, change in wrong.items()]
    return made


def consistency(old: int, new: int) -> list[dict]:
    leaves = [leaf(n) for n in range(new)]
    proof = subproof(old, leaves, whole=True)
    good = {"old": old, "new": new, "proof": proof, "old_root": tree(leaves[:old]), "new_root": tree(leaves)}
    made = [good | {"name": "holds", "holds": True}]
    wrong = {
        "old root flipped": {"old_root": flipped(good["old_root"])},
        "new root flipped": {"new_root": flipped(good["new_root"])},
        "one hash more": {"proof": [*proof, bytes(32)]},
        "old size zero": {"old": 0},
        "short root": {"new_root": good["new_root"][:-1]},
    }
    if old < new:
        wrong |= {
            "sizes swapped": {"old": new, "new": old},
            "roots swapped": {"old_root": good["new_root"], "new_root": good["old_root"]},
            "no proof": {"proof": []},
            "last hash left out": {"proof": proof[:-1]},
            "first hash flipped": {"proof": [flipped(proof[0]), *proof[1:]]},
            "last hash flipped": {"proof": [*proof[:-1], flipped(proof[-1])]},
        }
    made += [good | change | {"name": name, "holds": False} for name, change in wrong.items()]
    return made


def plain(value: object) -> object:
    if isinstance(value, bytes):
        return value.hex()
    return [plain(each) for each in value] if isinstance(value, list) else value


def vectors() -> dict[str, list[dict]]:
    made = {
        "inclusion": [each for size in SIZES for each in inclusion(size)],
        "consistency": [
            each for new in SIZES for old in SIZES if old <= new for each in consistency(old, new)
        ],
    }
    return {
        kind: [{key: plain(value) for key, value in each.items()} for each in cases]
        for kind, cases in made.items()
    }


def text() -> str:
    """The file: one case a line, so that a change shows where it is."""
    parts = [
        f' "{kind}": [\n' + ",\n".join(f"  {json.dumps(each)}" for each in cases) + "\n ]"
        for kind, cases in vectors().items()
    ]
    return "{\n" + ",\n".join(parts) + "\n}\n"


if __name__ == "__main__":
    FILE.write_text(text(), "ascii")
