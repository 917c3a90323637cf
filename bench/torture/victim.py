"""A writer in a process of its own, for ordeals that start it under strace or libfaketime.

Reads the publisher's and the log's private key, hexadecimal, from stdin; appends ``count`` batches; prints
each receipt it was given, hexadecimal. Exit status 0: all was appended; 3: the ledger refused and said why.
"""

from __future__ import annotations

import select
import sys
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from bench.torture.ground import Ground
from provenance.errors import UnavailableError
from provenance.ledger.store import Store


def main() -> int:
    url, folder = sys.argv[1], Path(sys.argv[2])
    count, pause_s = (int(sys.argv[3]), float(sys.argv[4])) if len(sys.argv) > 4 else (3, 0.0)
    keys = bytes.fromhex(sys.stdin.readline().strip())
    publisher, log_key = (Ed25519PrivateKey.from_private_bytes(each) for each in (keys[:32], keys[32:]))
    try:
        store = Store.open(url)
        ground = Ground(url, folder, publisher, log_key)
        log = ground.log(store)
        for _ in range(count):
            for receipt in log.append(ground.batch(3)):
                print(receipt.format().encode().hex(), flush=True)
            select.select([], [], [], pause_s)  # libfaketime breaks time.sleep
    except UnavailableError as error:
        print(error.message, file=sys.stderr)
        return 3
    return 0


if __name__ == "__main__":
    sys.exit(main())
