"""What following a log costs: mirror, monitor, witness and receipts, beside hashing and signature limits.

Run: ``python -m bench.follow [--entries 65536]``. A log of signed registrations is made as static tiles; every
figure is CPU time of one thread, so that a busy machine changes it little. The limits are measured in the same
run: one SHA-256 over each leaf, read from the same files, and one Ed25519 verification.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey

from bench.registrations import registration_of
from provenance.ledger.checkpoint import Checkpoint, Cosigner, LogSigner, NoteSigner, sign_checkpoint
from provenance.ledger.cose_receipt import check_cose_receipt, make_cose_receipt
from provenance.ledger.entry import read_entry
from provenance.ledger.merkle import Edge, edge_root, grow, leaf_hash
from provenance.ledger.mirror import mirror
from provenance.ledger.monitor import Monitor
from provenance.ledger.receipt import Receipt, check_receipt
from provenance.ledger.renew import renew
from provenance.ledger.source import FolderSource
from provenance.ledger.tiles import TileName, bundles_of, pack_bundle, unpack_bundle
from provenance.ledger.verified import VerifiedTiles
from provenance.ledger.witness import Submission, Witness

_ORIGIN = "bench.example/log"
#: Leaves made with a signature of their own; the others repeat them, which no reader can tell by its work.
_DISTINCT = 1_024


@dataclass(frozen=True)
class Made:
    """A log as files, and what is needed to judge it."""

    folder: Path
    signer: LogSigner
    points: dict[int, Checkpoint]
    leaves: list[bytes]
    publisher: bytes


def make(folder: Path, entries: int) -> Made:
    """Write a log of ``entries`` registrations as tiles, with checkpoints at half and full size."""
    publisher, key = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
    quantum = Cosigner(_ORIGIN, MLDSA44PrivateKey.generate(), lambda: datetime.now(UTC))
    signer = LogSigner(NoteSigner(_ORIGIN, key), (quantum,))
    distinct = [registration_of(publisher, 16).leaf for _ in range(min(entries, _DISTINCT))]
    leaves = [distinct[n % len(distinct)] for n in range(entries)]
    edge: Edge = ()
    points = {}
    at = 0
    for size in (entries // 2, entries):
        edge, tiles = grow(edge, at, [leaf_hash(each) for each in leaves[at:size]])
        for level, number, content in tiles:
            write(folder, TileName(level, number, len(content) // 32), content)
        for name in bundles_of(size, at):
            first = name.number * 256
            write(folder, name, pack_bundle(leaves[first : first + name.width]))
        points[size] = Checkpoint(_ORIGIN, size, edge_root(edge, size))
        at = size
    (folder / "checkpoint").write_text(sign_checkpoint(points[entries], signer))
    return Made(folder, signer, points, leaves, publisher.public_key().public_bytes_raw())


def write(folder: Path, name: TileName, content: bytes) -> None:
    """Write one tile or bundle."""
    path = folder / name.path
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


@contextmanager
def clocked(label: str, count: int, limit_us: float | None = None) -> Iterator[None]:
    """Print the CPU time of the block for each of ``count`` things, and its ratio to a limit."""
    started = time.process_time()
    yield
    each_us = (time.process_time() - started) / count * 1e6
    ratio = "" if limit_us is None else f"  {each_us / limit_us:6.2f} x the limit"
    print(f"{label:<52}{each_us:>10.2f} us{ratio}")


def cost_us(repeat: int, work: Callable[[], object]) -> float:
    """Return the CPU time of one run of ``work``, microseconds."""
    started = time.process_time()
    for _ in range(repeat):
        work()
    return (time.process_time() - started) / repeat * 1e6


def follow(made: Made, scratch: Path) -> None:
    """Print what monitor and mirror cost an entry."""
    entries = len(made.leaves)
    source = FolderSource(made.folder)

    def hash_all() -> None:
        for name in bundles_of(entries):
            for leaf in unpack_bundle(source.read(name.path, name.max_bytes), name.width):
                leaf_hash(leaf)

    limit = cost_us(1, hash_all) / entries
    print(f"{'limit: read the bundles and hash each leaf once':<52}{limit:>10.2f} us")
    keys = made.signer.verifier
    with clocked("monitor, entries of any format", entries, limit):
        assert not Monitor(source, keys, scratch / "any", entries=False).look().alarms
    with clocked("monitor, entries of our format read", entries, limit):
        assert not Monitor(source, keys, scratch / "own").look().alarms
    with clocked("monitor, nothing new", 1):
        Monitor(source, keys, scratch / "own").look()
    with clocked("mirror into an empty folder", entries, limit):
        mirror(source, scratch / "mirror", keys)


def receipts(made: Made, scratch: Path) -> None:
    """Print what receipts and a witness cost."""
    size, half = max(made.points), min(made.points)
    signer = made.signer
    tiles = VerifiedTiles(FolderSource(made.folder), made.points[size])
    index = size // 3
    leaf = made.leaves[index]
    digest = read_entry(leaf).asset
    if digest is None:
        raise SystemExit("the bench's own entries have an asset")
    note = sign_checkpoint(made.points[size], signer)
    receipt = Receipt(leaf, made.publisher, index, tiles.inclusion(index), note)
    text, ed25519, both = receipt.format(), signer.primary.verifier, signer.verifier
    key = Ed25519PrivateKey.generate()
    point = made.points[size]
    public, message = key.public_key(), os.urandom(300)
    signature = key.sign(message)
    limit = cost_us(500, lambda: public.verify(signature, message))
    print(f"{'limit: one Ed25519 verification':<52}{limit:>10.2f} us")
    for label, work in (
        ("check a receipt, log's Ed25519 key", lambda: check_receipt(text, digest, ed25519)),
        ("check a receipt, Ed25519 and ML-DSA-44", lambda: check_receipt(text, digest, both)),
        ("inclusion proof from tiles that are kept", lambda: tiles.inclusion(index)),
        ("sign a checkpoint, Ed25519", lambda: sign_checkpoint(point, signer.primary)),
        ("sign a checkpoint, Ed25519 and ML-DSA-44", lambda: sign_checkpoint(point, signer)),
    ):
        each = cost_us(300, work)
        print(f"{label:<52}{each:>10.2f} us  {each / limit:6.2f} x the limit")
    plain = NoteSigner(_ORIGIN, key)
    alone = Receipt(leaf, made.publisher, index, receipt.proof, sign_checkpoint(point, plain))
    made_cose = make_cose_receipt(alone, _ORIGIN, key).format()
    cose_us = cost_us(300, lambda: check_cose_receipt(made_cose, digest, plain.verifier))
    print(f"{'check a COSE receipt':<52}{cose_us:>10.2f} us  {cose_us / limit:6.2f} x the limit")
    early = sign_checkpoint(made.points[half], signer)
    old = VerifiedTiles(FolderSource(made.folder), made.points[half]).inclusion(index)
    before = Receipt(leaf, made.publisher, index, old, early).format()
    renewed = cost_us(5, lambda: renew(before, FolderSource(made.folder), both))
    print(f"{'renew a receipt of half the size from a folder':<52}{renewed:>10.2f} us")
    cosigner = Cosigner("w.example/bench", Ed25519PrivateKey.generate(), lambda: datetime.now(UTC))
    witness = Witness([cosigner], {_ORIGIN: both}, scratch / "witness")
    witness.add_checkpoint(Submission(0, (), early).format().encode())
    body = Submission(half, tiles.consistency(half, size), note).format().encode()
    with clocked("witness: one checkpoint judged, cosigned, on disk", 1):
        assert witness.add_checkpoint(body).status == 200
    print(
        f"receipt {len(text)} bytes with both signatures, {len(alone.format())} with Ed25519 alone; "
        f"COSE {len(made_cose)} bytes"
    )


def main() -> None:
    """Print all figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--entries", type=int, default=65_536)
    entries = parser.parse_args().entries
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "log"
        folder.mkdir()
        made = make(folder, entries)
        print(f"{entries} entries of about {len(made.leaves[0])} bytes; CPU time of one thread\n")
        follow(made, Path(scratch))
        print()
        receipts(made, Path(scratch))


if __name__ == "__main__":
    main()
