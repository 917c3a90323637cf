"""The log: appends that are durable, integrated and signed before they are answered, and its proofs."""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import lru_cache, partial
from typing import Final

from provenance.digest import Digest
from provenance.errors import (
    AuthorisationError,
    BusyError,
    CheckpointError,
    FormatError,
    KeyMaterialError,
    NotFoundError,
    UnavailableError,
)
from provenance.ledger.audit import Audit, audit
from provenance.ledger.authority import authorise
from provenance.ledger.checkpoint import (
    Checkpoint,
    LogSigner,
    LogVerifier,
    NoteSigner,
    open_checkpoint,
    sign_checkpoint,
)
from provenance.ledger.cose import split
from provenance.ledger.entry import MAX_LEAF_BYTES
from provenance.ledger.highwater import HighWater
from provenance.ledger.merkle import Edge, edge_root, edge_shape, grow
from provenance.ledger.prover import Prover
from provenance.ledger.receipt import Receipt
from provenance.ledger.registration import Examined, Registration, examine
from provenance.ledger.rows import Head, PublisherKey
from provenance.ledger.store import Store
from provenance.ledger.writer import Writer

_log = logging.getLogger(__name__)
#: How far the wall clock may step before appends are refused. Source: security.md SR-32.
MAX_CLOCK_STEP: Final = timedelta(minutes=5)
#: How often an append is tried when other processes append too, and the longest pause before the next try,
#: seconds. A choice: a writer that lost twelve times in a row had better tell its submitters.
_TRIES: Final = 12
_PAUSE_S: Final = 0.02
#: Most entries of one append; bounds the time that readers of a fresh checkpoint wait.
MAX_BATCH: Final = 4_096


class Log:
    """The append-only log over a store.

    Args:
        store: Where everything is kept.
        origin: Name of the log, the first line of its checkpoints.
        signer: Signs checkpoints; its name is the origin. ``None`` makes a log that can only be read.
        clock: Gives the present time, aware UTC.
        verifier: The log's public key; needed only where ``signer`` is ``None``.
        high_water: File outside the database that remembers the largest signed checkpoint, so that an old
            backup of the database is refused; ``None`` does without.
        monotonic: Gives seconds that never step, to notice that ``clock`` does; by default the time since
            the machine was started.

    Raises:
        KeyMaterialError: Neither signer nor verifier, or one of another name.
        CheckpointError: The stored checkpoint is of another log or key, or does not fit the stored head.
        ConflictError: The database is older than the high-water mark, or has another history.
        StorageError: The database cannot be read.
    """

    def __init__(
        self,
        store: Store,
        origin: str,
        signer: NoteSigner | LogSigner | None,
        clock: Callable[[], datetime],
        *,
        verifier: LogVerifier | None = None,
        high_water: HighWater | None = None,
        monotonic: Callable[[], float] | None = None,
    ) -> None:
        known = signer.verifier if signer is not None else verifier
        if known is None or known.name != origin:
            raise KeyMaterialError(
                f"expected the key of log {origin}, found {'none' if known is None else known.name}",
                hint="the ledger key and the origin belong together",
            )
        self._store = store
        self._signer = signer
        self._clock = clock
        self._high_water = high_water
        self._monotonic = monotonic or _since_boot
        self._clock_start = (clock(), self._monotonic())
        self._turn = threading.Lock()
        self._edge: tuple[int, Edge] | None = None
        self._prover = Prover(store.tile)
        self._publishers: dict[Digest, PublisherKey] = {}
        self.verifier: LogVerifier = known
        # Every append reads the head that the last one wrote; its signature is checked once.
        self._open: Callable[[str], Checkpoint] = lru_cache(4)(partial(open_checkpoint, verifier=known))
        self._check_head(store.head())

    # --- append ---

    def append(self, batch: Sequence[Registration]) -> list[Receipt]:
        """Add entries and return a receipt for each, in order; all of them are added or none.

        When this returns, entries, registry rows, tiles and the signed checkpoint are on disk (SR-27). A leaf
        that is in the log already is not added again and gets a receipt for where it is.

        Args:
            batch: 1 to 4,096 registrations, withdrawals, disputes and other signed entries.

        Raises:
            FormatError: A leaf is malformed or commits to something else; or the batch has another length.
            ReceiptError: A publisher's signature does not verify.
            AuthorisationError: The publisher key is not admitted, revoked, or may not speak of that asset.
            NotFoundError: An entry refers to an asset that is not registered.
            ConflictError: The database is not the newest one (high-water mark).
            KeyMaterialError: This log can only be read.
            BusyError: Other processes were faster each time.
            UnavailableError: The clock stepped.
            StorageError: Disk full, database read-only, locked or unreachable. It may have kept the batch
                all the same; appending it again is harmless.
        """
        return self.commit(self.examine(batch))

    def examine(self, batch: Sequence[Registration]) -> list[Examined]:
        """Return the entries of ``batch`` with their signatures and commitments checked; any thread may.

        Raises:
            FormatError: A leaf is malformed or commits to something else; or the batch has another length.
            ReceiptError: A publisher's signature does not verify.
            AuthorisationError: The publisher key is not admitted, or speaks in another's name.
        """
        if not 0 < len(batch) <= MAX_BATCH:
            raise FormatError(f"expected 1 to {MAX_BATCH} entries at a time, found {len(batch)}")
        return [self._examine(each) for each in batch]

    def _examine(self, registration: Registration) -> Examined:
        message = split(registration.leaf, MAX_LEAF_BYTES)
        publisher = self._publishers.get(message.kid)
        if publisher is None:  # admitted since, perhaps; whether one was revoked is asked at the commit
            self._publishers = self._store.publishers()
            publisher = self._publishers.get(message.kid)
        if publisher is None:
            raise AuthorisationError(
                "expected an entry by an admitted publisher key, found another key",
                hint="the operator of the log admits publisher keys",
            )
        return examine(registration, message, publisher.public, publisher.organisation)

    def commit(self, examined: Sequence[Examined]) -> list[Receipt]:
        """Store what :meth:`examine` returned, as :meth:`append` promises it."""
        signer = self._signer
        if signer is None:
            raise KeyMaterialError("expected the ledger key for an append, found none", hint="set keys")
        with self._turn:
            head, places = self._store_all(examined, signer)
        _log.info("log %s has %d entries, root %s", self.verifier.name, head.size, head.root.hex())
        return self._answer(examined, places, head)

    def receipts(self, examined: Sequence[Examined]) -> list[Receipt]:
        """Return the receipts of entries that are in the log, whoever appended them, in order.

        Raises:
            NotFoundError: One is not.
        """
        head, places = self._store.places([each.leaf_hash for each in examined])
        if len(places) < len({each.leaf_hash for each in examined}):
            raise NotFoundError("expected entries of the log, found others", hint="submit them again")
        return self._answer(examined, places, head)

    def _answer(self, examined: Sequence[Examined], places: dict[bytes, int], head: Head) -> list[Receipt]:
        proofs = self._prover.inclusion(set(places.values()), head.size)
        indexes = (places[each.leaf_hash] for each in examined)
        return [
            Receipt(each.registration.leaf, each.public, index, proofs[index], head.note)
            for each, index in zip(examined, indexes, strict=True)
        ]

    def _store_all(
        self, examined: Sequence[Examined], signer: NoteSigner | LogSigner
    ) -> tuple[Head, dict[bytes, int]]:
        """Store everything in one transaction; once more where another process was faster."""
        tries = 0
        while True:
            edge, self._edge = self._edge, None  # whatever goes wrong, it is read anew
            try:
                with self._store.writer() as writer:
                    head, grown, places = self._write(writer, examined, signer, edge)
            except BusyError:
                tries += 1
                if tries == _TRIES:
                    raise
                time.sleep(random.uniform(0, _PAUSE_S))  # else the same writers meet again
            else:
                self._edge = (head.size, grown)
                if self._high_water is not None:
                    self._high_water.raise_to(head.note)
                return head, places

    def _write(
        self,
        writer: Writer,
        examined: Sequence[Examined],
        signer: NoteSigner | LogSigner,
        cached: tuple[int, Edge] | None,
    ) -> tuple[Head, Edge, dict[bytes, int]]:
        head = writer.head()
        self._check_head(head)
        places = writer.indexes([each.leaf_hash for each in examined])
        fresh = list({e.leaf_hash: e for e in examined if e.leaf_hash not in places}.values())
        edge = cached[1] if cached is not None and cached[0] == head.size else _read_edge(head.size, writer)
        if not fresh:
            return head, edge, places
        at = self._now(head)
        places.update((each.leaf_hash, index) for index, each in enumerate(fresh, head.size))
        authorise(fresh, writer)
        writer.insert(fresh, head.size, at)
        for each in fresh:
            writer.fold(each, at)
        before = frozenset(
            (level, number) for level, (number, width) in enumerate(edge_shape(head.size)) if width
        )
        edge, tiles = grow(edge, head.size, [each.leaf_hash for each in fresh])
        size = head.size + len(fresh)
        root = edge_root(edge, size)
        note = sign_checkpoint(Checkpoint(signer.name, size, root), signer)
        new = Head(size, root, note, at)
        grown = frozenset((level, number) for level, number, _ in tiles) & before
        writer.advance(head, new, tiles, grown)
        return new, edge, places

    def _now(self, head: Head) -> datetime:
        """Return the time of an append: the clock's, but never before the head's (SR-32).

        Raises:
            UnavailableError: The clock stepped by more than :data:`MAX_CLOCK_STEP`.
        """
        now = self._clock()
        wall, steady = self._clock_start
        step = abs((now - wall) - timedelta(seconds=self._monotonic() - steady))
        behind = head.at - now
        if max(step, behind) > MAX_CLOCK_STEP:
            _log.error("clock stepped: now %s, last entry %s, step %s", now, head.at, step)
            raise UnavailableError(
                f"expected a clock that runs on from {head.at:%Y-%m-%d %H:%M:%S}Z, "
                f"found {now:%Y-%m-%d %H:%M:%S}Z",
                hint="correct the clock, then start again; nothing was written",
            )
        return max(now, head.at)

    def _check_head(self, head: Head) -> None:
        if head.size:
            found = self._open(head.note)
            if (found.size, found.root) != (head.size, head.root):
                raise CheckpointError(
                    f"expected the stored checkpoint to be of size {head.size}, found {found.size}",
                    hint="the registry is damaged; restore it, then run provenance doctor",
                )
        if self._high_water is not None:
            self._high_water.check(head, self.consistency)

    # --- proofs ---

    def checkpoint(self) -> str:
        """Return the newest signed checkpoint.

        Raises:
            NotFoundError: The log is empty and this installation cannot sign.
        """
        head = self._store.head()
        if head.size:
            return head.note
        if self._signer is None:
            raise NotFoundError("expected a checkpoint, found an empty log", hint="register an asset first")
        return sign_checkpoint(Checkpoint(self._signer.name, 0, head.root), self._signer)

    def prove(self, index: int) -> Receipt:
        """Return the receipt of the entry at ``index`` against the newest checkpoint.

        Raises:
            NotFoundError: The log is shorter.
        """
        head, leaf, key = self._store.entry_at(index)
        proof = self._prover.inclusion((index,), head.size)[index]
        return Receipt(leaf, key.public, index, proof, head.note)

    def receipt(self, asset_id: str) -> Receipt:
        """Return the receipt of an entry by its name, ``sha256:`` and the leaf hash.

        Raises:
            FormatError: Spelled otherwise.
            NotFoundError: Not in the log.
        """
        return self.prove(self._store.index_of(asset_id))

    def consistency(self, old: int, new: int) -> tuple[bytes, ...]:
        """Return the proof that the log of size ``old`` is the beginning of the log of size ``new``.

        Raises:
            FormatError: Not ``0 < old <= new``.
            NotFoundError: The log is shorter than ``new``.
        """
        if not 0 < old <= new:
            raise FormatError(f"expected sizes 0 < old <= new, found {old} and {new}")
        size = self._store.head().size
        if new > size:
            raise NotFoundError(f"expected a size of at most {size}, found {new}", hint="see the checkpoint")
        return self._prover.consistency(old, new)

    def audit(self) -> Audit:
        """Return what a full check of the stored log found in order; every row is recomputed.

        Raises:
            ProofError: Something does not fit; the text names the first bad entry.
            CheckpointError: A stored checkpoint is not signed by this log.
        """
        return audit(self._store, self.verifier)


def _read_edge(size: int, writer: Writer) -> Edge:
    shape = enumerate(edge_shape(size))
    return tuple(writer.tile(level, number) if width else b"" for level, (number, width) in shape)


def _since_boot() -> float:
    # CLOCK_MONOTONIC stands still while a machine sleeps; waking up would look like a step of the clock.
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))
