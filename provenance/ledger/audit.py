"""The full check of a stored log: every leaf, hash, tile, checkpoint and registry row is recomputed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Final

from provenance.digest import Digest
from provenance.errors import FormatError, NotFoundError, ProofError, ProvenanceError
from provenance.evidence import Record
from provenance.ledger.checkpoint import LogVerifier
from provenance.ledger.cose import check_message, split
from provenance.ledger.entry import ABOUT_ASSETS, MAX_LEAF_BYTES, Entry, EntryType, Payload
from provenance.ledger.fold import Standing, fold, standing_of
from provenance.ledger.registration import Examined, Registration, StoredFingerprint, StoredReference, examine
from provenance.ledger.regrow import DAMAGE_HINT, Regrowth, read_leaves
from provenance.ledger.rows import Head, PublisherKey
from provenance.ledger.store import Store

#: Entries read at a time; a multiple of nothing on purpose, so that steps and tiles do not coincide.
_STEP: Final = 1_000
#: Entries whose references are read at a time: those of a film take megabytes.
_FEW: Final = 20


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
        self.tree = Regrowth(store, verifier)
        self.publishers: dict[Digest, PublisherKey] = store.publishers()
        self.assets: dict[bytes, _Expected] = {}
        self._payloads: dict[int, Callable[[], Payload | None]] = {}
        self._codes: dict[int, tuple[StoredFingerprint, ...]] = {}
        self._pictures: dict[int, tuple[StoredReference, ...]] = {}
        self._rows: dict[int, Record] = {}

    def step(self, rows: list[tuple[int, bytes, bytes]]) -> None:
        """Check some neighbouring entries and the checkpoints that end among them."""
        first, last = rows[0][0], rows[-1][0]
        self._payloads = self.store.payloads_between(first, last + 1)
        self._codes = self.store.fingerprints_between(first, last + 1)
        self._rows = {each.index: each for each in self.store.records_after(first - 1, len(rows))}
        for expected, (index, stored, leaf) in enumerate(rows, self.tree.size):
            self.tree.check_leaf(index, expected, stored, leaf)
            if not index % _FEW or index == first:
                self._pictures = self.store.references_between(index, index - index % _FEW + _FEW)
            try:
                self._entry(index, stored, leaf)
            except ProvenanceError as cause:
                raise ProofError(f"entry {index}: {cause.message}", hint=DAMAGE_HINT) from cause
        self.tree.extend([stored for _, stored, _ in rows])

    def _entry(self, index: int, stored: bytes, leaf: bytes) -> None:
        message = split(leaf, MAX_LEAF_BYTES)
        key = self.publishers.get(message.kid)
        if key is None:
            raise NotFoundError("expected a publisher key that was admitted, found another")
        payload = self._payloads[index]() if index in self._payloads else None
        codes = self._codes.get(index, ())
        pictures = self._pictures.get(index, ())
        registration = Registration(leaf, payload, codes, pictures)
        entry = Entry.from_cbor(message.payload)
        if entry.payload is not None and payload is None:
            if codes or pictures:
                raise FormatError(
                    "expected an erased payload without fingerprints and references, found some"
                )
            check_message(message, key.public)
            each = Examined(registration, stored, entry, message.kid, key.public, None)
            self.assets[stored] = _Expected(erased=True)
        else:
            each = examine(registration, message, key.public, key.organisation)
            if entry.type.registers:
                self._compare(each, index)
                self.assets[stored] = _Expected()
        self._fold(each)

    def _compare(self, each: Examined, index: int) -> None:
        found = self._rows.get(index)
        if found is None:
            raise FormatError("expected a registry row, found none")
        expected = each.record(index, found.registered_at)
        fresh: dict[str, Any] = {"status_reason": "", "replaced_by": None}
        fresh |= {"status_by": "", "status_at": None, "status_entry": None}
        same = replace(found, status=expected.status, **fresh)
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
        """Check what only the whole log can show: the head and the statuses."""
        self.tree.finish(head)
        for record in _records(self.store, self.tree.size):
            expected = self.assets.pop(Digest.parse(record.asset_id).value, None)
            found = standing_of(record)
            if expected is not None and found.entry is None:
                # An older program did not note the entry.
                expected.standing = replace(expected.standing, by="", at=None, entry=None)
            if expected is None or found != expected.standing:
                raise ProofError(
                    f"entry {record.index}: expected the status its later entries give, found another",
                    hint=DAMAGE_HINT,
                )
            if expected.erased and not expected.redacted:
                raise ProofError(f"entry {record.index}: expected its payload, it is gone", hint=DAMAGE_HINT)
        if self.assets:
            raise ProofError(
                f"expected a registry row for each asset, {len(self.assets)} are missing", hint=DAMAGE_HINT
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
    for rows in read_leaves(store, head.size, _STEP):
        walk.step(rows)
    redacted = sum(each.erased for each in walk.assets.values())
    assets = len(walk.assets)
    walk.finish(head)
    return Audit(walk.tree.size, head.root, walk.tree.checkpoints, assets, redacted)


def _records(store: Store, size: int) -> Iterator[Record]:
    after = -1
    while rows := store.records_after(after, _STEP):
        for record in rows:
            if record.index >= size:
                return
            yield record
        after = rows[-1].index
