"""Reading a log of a million entries: proofs and ``fsck --tree``, when there is no time to register a million.

Run: ``python -m bench.ledger_million [--entries 1000000]``. Only the log's own tables are
filled, in steps of 20,000 entries with leaves of the usual size (one leaf with a counter in its signature);
registry tables stay empty.
"""

from __future__ import annotations

import argparse
import os
import secrets
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from bench.ledger_growth import bytes_of, quantiles
from bench.registrations import ORGANISATION, ORIGIN, filler_of
from provenance.ledger.checkpoint import Checkpoint, NoteSigner, sign_checkpoint
from provenance.ledger.database import insert_rows
from provenance.ledger.log import Log
from provenance.ledger.merkle import Edge, edge_root, edge_shape, grow, leaf_hash
from provenance.ledger.regrow import check_tree
from provenance.ledger.rows import Head
from provenance.ledger.store import Store
from provenance.ledger.tables import ENTRY

_STEP = 20_000


def fill(store: Store, signer: NoteSigner, leaf: bytes, entries: int) -> None:
    """Append ``entries`` variants of ``leaf``; tiles, checkpoints and head are those of real appends."""
    edge: Edge = ()
    for start in range(0, entries, _STEP):
        numbers = range(start, min(start + _STEP, entries))
        leaves = [leaf[:-8] + number.to_bytes(8, "big") for number in numbers]
        hashes = [leaf_hash(each) for each in leaves]
        with store.writer() as writer:
            old = writer.head()
            insert_rows(writer._connection, ENTRY, list(zip(numbers, hashes, leaves, strict=True)))  # noqa: SLF001
            before = {(level, n) for level, (n, width) in enumerate(edge_shape(old.size)) if width}
            edge, tiles = grow(edge, old.size, hashes)
            size = old.size + len(leaves)
            root = edge_root(edge, size)
            note = sign_checkpoint(Checkpoint(ORIGIN, size, root), signer)
            grown = frozenset((level, number) for level, number, _ in tiles) & before
            writer.advance(old, Head(size, root, note, datetime.now(UTC)), tiles, frozenset(grown))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--entries", type=int, default=1_000_000)
    wanted = parser.parse_args()
    key, signer = Ed25519PrivateKey.generate(), NoteSigner(ORIGIN, Ed25519PrivateKey.generate())
    with tempfile.TemporaryDirectory() as name:
        url = f"sqlite:///{Path(name)}/registry.db"
        store = Store.create(url)
        store.admit(key.public_key(), ORGANISATION)
        fill(store, signer, filler_of(key.public_key()).registration.leaf, wanted.entries)

        def fresh() -> Log:
            return Log(store, ORIGIN, None, lambda: datetime.now(UTC), verifier=signer.verifier)

        cold = quantiles(30, lambda _: fresh().prove(secrets.randbelow(wanted.entries)))
        log = fresh()
        quantiles(3_000, lambda _: log.prove(secrets.randbelow(wanted.entries)))
        began = time.process_time()
        warm = quantiles(1_000, lambda _: log.prove(secrets.randbelow(wanted.entries)))
        warm_cpu_ms = time.process_time() - began
        wall, cpu = time.perf_counter(), time.process_time()
        check_tree(store, signer.verifier)
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        print(
            f"{datetime.now(UTC):%Y-%m-%d %H:%M}, load average {os.getloadavg()[0]:.1f}, "
            f"{wanted.entries:,} entries: inclusion proof cold p50 {cold[0]:.2f} ms, "
            f"warm p50 {warm[0]:.2f} / p99 {warm[1]:.2f} ms (CPU {warm_cpu_ms:.2f} ms); fsck --tree {wall:.1f} s "
            f"(CPU {cpu:.1f} s); {bytes_of(url)[0] / wanted.entries:.0f} bytes an entry in the log's tables"
        )
        store.close()


if __name__ == "__main__":
    main()
