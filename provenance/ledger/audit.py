"""The full check of a stored log: every leaf, hash, tile, checkpoint and registry row is recomputed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Final

from provenance.digest import Digest
from provenance.errors import FormatError, NotFoundError, ProofError, ProvenanceError
from provenance.evidence import Record
from provenance.ledger.checkpoint import LogVerifier, open_checkpoint
from provenance.ledger.cose import check_message, split
from provenance.ledger.entry import ABOUT_ASSETS, MAX_LEAF_BYTES, Entry, EntryType, Payload
from provenance.ledger.fold import Standing, fold
from provenance.ledger.merkle import Edge, edge_root, edge_shape, grow, leaf_hash
from provenance.ledger.registration import Examined, Registration, StoredFingerprint, examine
from provenance.ledger.rows import Head, PublisherKey
from provenance.ledger.store import Store

#: Entries read at a time; a multiple of nothing on purpose, so that steps and tiles do not coincide.
_STEP: Final = 1_000
_HINT: Final = "keep the damaged file as evidence and restore the newest backup"


@dataclass(frozen=True, slots=True)
class Audit:
    """What a full check found in order.

    Attributes:
        size: Entries checked.
        root: Root recomputed from the leaves.
        checkpoints: Signed checkpoints whose roots were recomputed.
        assets: Registry rows compared with their entries.
        redacted: Entries whose payload was erased.
    """

    size: int
    root: bytes
    checkpoints: int
    assets: int
    redacted: int


@dataclass(slots=True)
class _Expected:
    """What the registry must say of an asset, as far as the walk has come."""

    standing: Standing = field(default_factory=Standing)
    erased: bool = False
    redacted: bool = False


class _Walk:
    """One pass over the log, oldest entry first."""

    def __init__(self, store: Store, verifier: LogVerifier) -> None:
        self.store = store
        self.verifier = verifier
        self.publishers: dict[Digest, PublisherKey] = store.publishers()
        self.edge: Edge = ()
        self.size = 0
        self.checkpoints = 0
        self.assets: dict[bytes, _Expected] = {}
        self._payloads: dict[int, Callable[[], Payload | None]] = {}
        self._codes: dict[int, tuple[StoredFingerprint, ...]] = {}
        self._rows: dict[int, Record] = {}
        self._newest = ""
        self._notes = _notes(store)
        self._next: tuple[int, str] | None = next(self._notes, None)

    def step(self, rows: list[tuple[int, bytes, bytes]]) -> None:
        """Check some neighbouring entries and the checkpoints that end among them."""
        first, last = rows[0][0], rows[-1][0]
        self._payloads = self.store.payloads_between(first, last + 1)
        self._codes = self.store.fingerprints_between(first, last + 1)
        self._rows = {each.index: each for each in self.store.records_after(first - 1, len(rows))}
        for index, stored, leaf in rows:
            if index != self.size:
                raise ProofError(f"expected entry {self.size} next, found entry {index}", hint=_HINT)
            if leaf_hash(leaf) != stored:
                raise ProofError(
                    f"entry {index}: expected leaf hash {stored.hex()[:16]}, found another", hint=_HINT
                )
            try:
                self._entry(index, stored, leaf)
            except ProvenanceError as cause:
                raise ProofError(f"entry {index}: {cause.message}", hint=_HINT) from cause
            self._extend(stored)

    def _extend(self, stored: bytes) -> None:
        self.edge, tiles = grow(self.edge, self.size, [stored])
        self.size += 1
        for level, number, content in tiles:
            if len(content) == 256 * 32 and self.store.tile(level, number) != content:
                raise ProofError(
                    f"entry {self.size - 1}: expected its hash in tile {number} of level {level}, "
                    "found another",
                    hint=_HINT,
                )
        if self._next is not None and self._next[0] == self.size:
            found = open_checkpoint(self._next[1], self.verifier)
            if (found.size, found.root) != (self.size, edge_root(self.edge, self.size)):
                raise ProofError(
                    f"entry {self.size - 1}: expected the root signed at size {self.size}, found another",
                    hint=_HINT,
                )
            self.checkpoints += 1
            self._newest = self._next[1]
            self._next = next(self._notes, None)

    def _entry(self, index: int, stored: bytes, leaf: bytes) -> None:
        message = split(leaf, MAX_LEAF_BYTES)
        key = self.publishers.get(message.kid)
        if key is None:
            raise NotFoundError("expected a publisher key that was admitted, found another")
        payload = self._payloads[index]() if index in self._payloads else None
        codes = self._codes.get(index, ())
        # References may be large: those of one entry at a time.
        pictures = self.store.references_at(index)
        registration = Registration(leaf, payload, codes, pictures)
        public = key.key
        entry = Entry.from_cbor(message.payload)
        if entry.payload is not None and payload is None:
            if codes or pictures:
                raise FormatError(
                    "expected an erased payload without fingerprints and references, found some"
                )
            check_message(message, public)
            each = Examined(registration, stored, entry, message.kid, key.public)
            self.assets[stored] = _Expected(erased=True)
        else:
            each = examine(registration, message, public, key.organisation)
            if entry.type.registers:
                self._compare(each, index)
                self.assets[stored] = _Expected()
        self._fold(each)

    def _compare(self, each: Examined, index: int) -> None:
        found = self._rows.get(index)
        if found is None:
            raise FormatError("expected a registry row, found none")
        expected = each.record(index, found.registered_at)
        same = replace(found, status=expected.status, status_reason="", replaced_by=None)
        if same != expected:
            raise FormatError("expected a registry row that says what the entry says, found another")

    def _fold(self, each: Examined) -> None:
        kind = each.entry.type
        if kind not in ABOUT_ASSETS:
            return
        target = self.assets.get(each.entry.refs[0].value)
        if target is None:
            raise FormatError("expected a reference to an earlier asset, found another")
        if kind is EntryType.REDACT:
            if not target.erased:
                raise FormatError("expected a redaction of an erased asset, its payload is still there")
            target.redacted = True
        target.standing = fold(target.standing, each)

    def finish(self, head: Head) -> None:
        """Check what only the whole log can show: the edge, the head, the statuses."""
        shape = enumerate(edge_shape(self.size))
        for level, (number, width) in shape:
            if width and self.store.tile(level, number)[: width * 32] != self.edge[level]:
                raise ProofError(
                    f"expected the last tile of level {level} to match the entries, it does not", hint=_HINT
                )
        if edge_root(self.edge, self.size) != head.root:
            raise ProofError(
                f"expected root {head.root.hex()[:16]} at size {self.size}, found another", hint=_HINT
            )
        if head.size and self._newest != head.note:
            raise ProofError(
                f"expected the checkpoint of size {head.size} among those that were kept, found none",
                hint=_HINT,
            )
        if self._next is not None and self._next[0] <= self.size:
            raise ProofError(
                f"expected checkpoints in order, found one of size {self._next[0]} twice", hint=_HINT
            )
        for record in _records(self.store, self.size):
            expected = self.assets.pop(Digest.parse(record.asset_id).value, None)
            found = Standing(record.status, record.status_reason, record.replaced_by)
            if expected is None or found != expected.standing:
                raise ProofError(
                    f"entry {record.index}: expected the status its later entries give, found another",
                    hint=_HINT,
                )
            if expected.erased and not expected.redacted:
                raise ProofError(f"entry {record.index}: expected its payload, it is gone", hint=_HINT)
        if self.assets:
            raise ProofError(
                f"expected a registry row for each asset, {len(self.assets)} are missing", hint=_HINT
            )


def audit(store: Store, verifier: LogVerifier) -> Audit:
    """Return what was checked: all of the log up to its present size.

    Run it while nothing is appended: a status that changes meanwhile would look like damage.

    Args:
        store: The log.
        verifier: The log's public key.

    Raises:
        ProofError: Something does not fit; the text names the first bad entry.
        CheckpointError: A stored checkpoint is not signed by ``verifier``.
        StorageError: The database cannot be read.
    """
    head = store.head()
    walk = _Walk(store, verifier)
    while walk.size < head.size:
        rows = store.leaves(walk.size, min(walk.size + _STEP, head.size))
        if not rows:
            raise ProofError(f"expected {head.size} entries, found {walk.size}", hint=_HINT)
        walk.step(rows)
    redacted = sum(each.erased for each in walk.assets.values())
    assets = len(walk.assets)
    walk.finish(head)
    if head.size and open_checkpoint(head.note, verifier).root != head.root:
        raise ProofError(f"expected the newest checkpoint to be of root {head.root.hex()[:16]}", hint=_HINT)
    return Audit(walk.size, head.root, walk.checkpoints, assets, redacted)


def _notes(store: Store) -> Iterator[tuple[int, str]]:
    after = -1
    while rows := store.checkpoints(after):
        yield from rows
        after = rows[-1][0]


def _records(store: Store, size: int) -> Iterator[Record]:
    after = -1
    while rows := store.records_after(after, _STEP):
        for record in rows:
            if record.index >= size:
                return
            yield record
        after = rows[-1].index
