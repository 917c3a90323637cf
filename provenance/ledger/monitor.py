"""A monitor: follows a log that somebody else runs, checks all of it, and says what is wrong.

It keeps the newest checkpoint it has checked in a folder of its own. Whatever contradicts that checkpoint is
an alarm, and both signed notes are kept as evidence: together they prove what the log did.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Final

from provenance import files
from provenance.digest import Digest
from provenance.errors import CheckpointError, FormatError, NotFoundError, ProofError
from provenance.ledger.checkpoint import Checkpoint, LogVerifier, open_checkpoint
from provenance.ledger.entry import publisher_of, read_entry
from provenance.ledger.policy import Policy
from provenance.ledger.source import FolderSource, TileSource, read_note
from provenance.ledger.tiles import CHECKPOINT_PATH, bundles_of
from provenance.ledger.verified import Bundle, VerifiedTiles

#: Most alarms of one round; a log that was rewritten would give one for each entry.
MAX_ALARMS: Final = 1_000
_EVIDENCE: Final = "evidence"


class AlarmKind(StrEnum):
    """What can be wrong with a log."""

    CHECKPOINT = "checkpoint"  # not a checkpoint of this log, or not signed by it
    WITNESSES = "witnesses"  # too few cosignatures for the policy
    ROLLBACK = "rollback"  # smaller than what was seen before
    FORK = "fork"  # signed another history than the one seen before
    TREE = "tree"  # tiles that do not give the signed root, or are missing
    ENTRY = "entry"  # an entry that is not the one the signed tree has
    FORM = "form"  # an entry that is no entry of this product's format
    WATCHED = "watched"  # an entry by a publisher key that is being watched


@dataclass(frozen=True, slots=True)
class Alarm:
    """One thing that is wrong, or that somebody asked to be told of.

    Attributes:
        kind: What.
        text: In words, naming entry or size.
        index: Position of the entry, where it is about one.
    """

    kind: AlarmKind
    text: str
    index: int | None = None


@dataclass(frozen=True, slots=True)
class Round:
    """What one look at the log gave.

    Attributes:
        checkpoint: The log's checkpoint; None where it could not be used.
        first: First entry that was checked.
        alarms: What is wrong; of :attr:`AlarmKind.WATCHED` what was asked for.
    """

    checkpoint: Checkpoint | None
    first: int
    alarms: tuple[Alarm, ...] = ()


@dataclass(frozen=True, slots=True)
class Monitor:
    """Follows one log.

    Attributes:
        source: Where the log is.
        keys: Its keys.
        state: Folder that remembers the newest checked checkpoint and keeps evidence.
        policy: Which witnesses must have cosigned; None asks for none.
        entries: Whether entries must be of this product's format; false for logs of others.
        watched: Thumbprints of publisher keys whose entries are reported.
    """

    source: TileSource
    keys: LogVerifier
    state: Path
    policy: Policy | None = None
    entries: bool = True
    watched: Collection[Digest] = field(default=frozenset())

    def last(self) -> Checkpoint | None:
        """Return the newest checkpoint that was checked; None before the first.

        Raises:
            CheckpointError: The state is not a checkpoint of this log.
        """
        if not (self.state / CHECKPOINT_PATH).is_file():
            return None
        return open_checkpoint(read_note(FolderSource(self.state)), self.keys)

    def look(self, *, recheck: bool = False) -> Round:
        """Check what is new since the last look, and remember it unless something is wrong.

        Args:
            recheck: Check every entry again, from the first on.

        Raises:
            NotFoundError: There is no log, and there was none before.
            UnavailableError: The log cannot be reached; nothing was concluded.
            StorageError: The state cannot be written.
        """
        last = self.last()
        try:
            note = read_note(self.source)
            point = open_checkpoint(note, self.keys)
        except (CheckpointError, FormatError, NotFoundError) as cause:
            if last is None and isinstance(cause, NotFoundError):
                raise  # a wrong address rather than a log that hides what it has shown
            return Round(None, 0, (Alarm(AlarmKind.CHECKPOINT, cause.message),))
        alarms = [] if self.policy is None else _unwitnessed(note, self.policy)
        first = 0 if recheck or last is None else min(last.size, point.size)
        try:
            if last is not None and (contradiction := _contradicts(last, point)) is not None:
                self._keep(note)
                return Round(point, first, (*alarms, contradiction))
            tiles = VerifiedTiles(self.source, point)
            if last is not None:
                tiles.check_continues(last)
        except (ProofError, NotFoundError) as cause:
            self._keep(note)
            kind = AlarmKind.TREE if last is None or isinstance(cause, NotFoundError) else AlarmKind.FORK
            return Round(point, first, (*alarms, Alarm(kind, cause.message)))
        alarms += list(self._walk(tiles, point.size, first))[:MAX_ALARMS]
        if all(each.kind is AlarmKind.WATCHED for each in alarms):
            self.state.mkdir(parents=True, exist_ok=True)
            files.write_whole(self.state / CHECKPOINT_PATH, note.encode(), replace=True)
        else:
            self._keep(note)
        return Round(point, first, tuple(alarms))

    def _walk(self, tiles: VerifiedTiles, size: int, first: int) -> Iterator[Alarm]:
        for name in bundles_of(size, first):
            try:
                yield from self._entries(tiles.bundle(name), first)
            except (ProofError, NotFoundError) as cause:
                yield Alarm(AlarmKind.ENTRY, f"{name.path}: {cause.message}")

    def _entries(self, bundle: Bundle, first: int) -> Iterator[Alarm]:
        for index, leaf in enumerate(bundle.leaves, bundle.name.number * 256):
            if index < first:
                continue
            if index in bundle.wrong:
                text = f"entry {index}: its bytes are not those that the signed tree has"
                yield Alarm(AlarmKind.ENTRY, text, index)
            elif self.entries:
                yield from self._form(leaf, index)

    def _form(self, leaf: bytes, index: int) -> Iterator[Alarm]:
        try:
            entry, publisher = read_entry(leaf), publisher_of(leaf)
        except FormatError as cause:
            yield Alarm(AlarmKind.FORM, f"entry {index}: {cause.message}", index)
            return
        if publisher in self.watched:
            yield Alarm(AlarmKind.WATCHED, f"entry {index}: {entry.type} by watched key {publisher}", index)

    def _keep(self, note: str) -> None:
        """Keep ``note``, and the one it contradicts, under names that no later one takes."""
        folder = self.state / _EVIDENCE
        folder.mkdir(parents=True, exist_ok=True)
        kept = [note]
        if (self.state / CHECKPOINT_PATH).is_file():
            kept.append(read_note(FolderSource(self.state)))
        for each in kept:
            name = hashlib.sha256(each.encode()).hexdigest()[:16]
            files.write_whole(folder / f"{name}.note", each.encode(), replace=True)


def _contradicts(last: Checkpoint, point: Checkpoint) -> Alarm | None:
    if point.size < last.size:
        text = (
            f"expected at least {last.size} entries, the log shows {point.size}: rolled back, or an old copy"
        )
        return Alarm(AlarmKind.ROLLBACK, text)
    if point.size == last.size and point.root != last.root:
        text = f"two signed roots at size {point.size}: {last.root.hex()[:16]} and {point.root.hex()[:16]}"
        return Alarm(AlarmKind.FORK, text)
    return None


def _unwitnessed(note: str, policy: Policy) -> list[Alarm]:
    try:
        policy.check_quorum(note)
    except CheckpointError as cause:
        return [Alarm(AlarmKind.WITNESSES, cause.message)]
    return []
