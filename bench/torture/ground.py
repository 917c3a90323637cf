"""What every ordeal stands on: a registry with keys and mark, its acknowledgements, and the check after."""

from __future__ import annotations

import base64
import json
import os
import secrets
import select
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from bench.registrations import ORGANISATION, registration_of
from provenance.digest import Digest
from provenance.errors import NotFoundError, ProvenanceError
from provenance.ledger.checkpoint import NoteSigner, open_checkpoint
from provenance.ledger.entry import read_entry
from provenance.ledger.highwater import HighWater
from provenance.ledger.log import Log
from provenance.ledger.merkle import check_consistency
from provenance.ledger.receipt import Receipt, check_receipt
from provenance.ledger.registration import Registration
from provenance.ledger.store import Store

ORIGIN = "torture.example/log"
#: Bytes of a stored picture: small, so that many appends fit between two kills.
_PICTURE_BYTES = 200


@dataclass(slots=True)
class Tally:
    """What a campaign did and found.

    Attributes:
        blows: Kills, full disks, restarts and other blows.
        acknowledged: Receipts that were handed out.
        checks: Full checks that were made after a blow.
        lost: Acknowledged entries that were gone.
        changed: Acknowledged entries that were something else, or whose receipt no longer holds.
        broken: Full checks that failed: a gap, a wrong tile, root, checkpoint or status.
        words: The first few things that were wrong.
    """

    blows: int = 0
    acknowledged: int = 0
    checks: int = 0
    lost: int = 0
    changed: int = 0
    broken: int = 0
    words: list[str] = field(default_factory=list)

    @property
    def wrong(self) -> int:
        """How much went wrong."""
        return self.lost + self.changed + self.broken

    def note(self, words: str) -> None:
        """Keep the first few findings for the reader."""
        if len(self.words) < 10:
            self.words.append(words)


@dataclass(frozen=True, slots=True)
class Ground:
    """One registry under torture.

    Attributes:
        url: Its database.
        folder: Where the high-water mark lies.
        key: The publisher's key.
        log_key: The log's key.
    """

    url: str
    folder: Path
    key: Ed25519PrivateKey
    log_key: Ed25519PrivateKey

    @classmethod
    def make(cls, url: str, folder: Path) -> Self:
        """Return an empty registry at ``url``."""
        key, log_key = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
        store = Store.create(url)
        store.admit(key.public_key(), ORGANISATION)
        store.close()
        return cls(url, folder, key, log_key)

    @property
    def signer(self) -> NoteSigner:
        """The log's key as signer of checkpoints."""
        return NoteSigner(ORIGIN, self.log_key)

    def log(self, store: Store, mark: type[HighWater] = HighWater) -> Log:
        """Return the log over ``store``, guarded by the mark."""
        high_water = mark(self.folder / "mark", self.signer.verifier)
        return Log(store, ORIGIN, self.signer, lambda: datetime.now(UTC), high_water=high_water)

    def batch(self, count: int) -> list[Registration]:
        """Return registrations of pictures that do not exist."""
        return [registration_of(self.key, _PICTURE_BYTES) for _ in range(count)]


class Child:
    """A forked process that works until it is killed or done; what it says is read from a pipe.

    Args:
        work: Gets a function that says one receipt, durably written to the pipe before it returns.
    """

    def __init__(self, work: Callable[[Callable[[Receipt], None]], None]) -> None:
        self._out, into = os.pipe()
        self.process = os.fork()
        if self.process == 0:
            os.close(self._out)
            status = 1
            try:
                work(lambda receipt: _say(into, receipt))
                status = 0
            finally:
                os._exit(status)
        os.close(into)

    def started(self) -> None:
        """Wait until it was given its first receipt; a kill before would be none."""
        select.select([self._out], [], [], 60)

    def receipts(self) -> list[Receipt]:
        """Wait for the end; return what was acknowledged, the last line only if it is whole."""
        with os.fdopen(self._out, "rb") as pipe:
            lines = pipe.read().split(b"\n")[:-1]
        os.waitpid(self.process, 0)
        return [Receipt.parse(base64.b64decode(json.loads(line)).decode()) for line in lines]


def _say(pipe: int, receipt: Receipt) -> None:
    line = json.dumps(base64.b64encode(receipt.format().encode()).decode()).encode() + b"\n"
    while line:
        line = line[os.write(pipe, line) :]


def check(ground: Ground, receipts: Iterable[Receipt], tally: Tally) -> int:
    """Check the whole log and every receipt ever acknowledged; return the size of the log."""
    tally.checks += 1
    store = Store.open(ground.url)
    try:
        log = ground.log(store)
        size = log.audit().size
        now = open_checkpoint(log.checkpoint(), ground.signer.verifier)
        proven: set[str] = set()
        places: dict[int, str] = {}
        for receipt in receipts:
            tally.acknowledged += 1
            if places.setdefault(receipt.index, receipt.asset_id) != receipt.asset_id:
                tally.changed += 1
                tally.note(f"entry {receipt.index} was acknowledged for two leaves")
            asset = read_entry(receipt.leaf).asset or Digest(bytes(32))
            check_receipt(receipt.format(), asset, ground.signer.vkey)
            if receipt.checkpoint not in proven:
                then = open_checkpoint(receipt.checkpoint, ground.signer.verifier)
                proof = log.consistency(then.size, now.size)
                check_consistency(then.size, now.size, proof, then.root, now.root)
                proven.add(receipt.checkpoint)
            try:
                held = log.prove(receipt.index)
            except NotFoundError:
                tally.lost += 1
                tally.note(f"entry {receipt.index} of {receipt.asset_id} is gone")
                continue
            if held.leaf != receipt.leaf:
                tally.changed += 1
                tally.note(f"entry {receipt.index} holds another leaf")
    except ProvenanceError as error:
        tally.broken += 1
        tally.note(f"{type(error).__name__}: {error.message}")
        size = -1
    finally:
        store.close()
    return size


def some(least: int, most: int) -> int:
    """Return a random number, both ends included."""
    return least + secrets.randbelow(most - least + 1)
