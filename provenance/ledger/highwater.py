"""The high-water mark: the largest signed checkpoint, remembered outside the database.

Restoring an old backup would make the log sign a second history. The mark refuses that: the database must
be at least as long as the mark and must begin with what the mark says.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache, partial
from pathlib import Path

from provenance.errors import ConflictError, ProofError, StorageError
from provenance.ledger.checkpoint import Checkpoint, LogVerifier, open_checkpoint
from provenance.ledger.merkle import check_consistency
from provenance.ledger.rows import Head


class HighWater:
    """The mark of one log in one file.

    Args:
        path: The file; it need not exist yet. Best on another disk than the database, never in its backup.
        verifier: The log's public key.
    """

    def __init__(self, path: Path, verifier: LogVerifier) -> None:
        self._path = path
        # The same few notes are asked for at every append; a signature is checked once.
        self._open: Callable[[str], Checkpoint] = lru_cache(4)(partial(open_checkpoint, verifier=verifier))

    def read(self) -> Checkpoint | None:
        """Return the remembered checkpoint, or None where there is no mark yet.

        Raises:
            CheckpointError: The file holds something else, or a checkpoint of another log.
            StorageError: The file cannot be read.
        """
        with _disk(self._path):
            try:
                note = self._path.read_text("utf-8", errors="replace")
            except FileNotFoundError:
                return None
        return self._open(note)

    def check(self, head: Head, prove: Callable[[int, int], Sequence[bytes]]) -> None:
        """Return if the database is the newest one (case 105).

        Args:
            head: Head of the database.
            prove: Gives the consistency proof between two sizes.

        Raises:
            ConflictError: The database is shorter than the mark, or has another history.
        """
        mark = self.read()
        if mark is None or mark.size == 0 or (mark.size, mark.root) == (head.size, head.root):
            return
        hint = f"restore the newest registry; the mark is {self._path}"
        if head.size < mark.size:
            raise ConflictError(
                f"expected a log of at least {mark.size} entries, found {head.size}: an old backup", hint=hint
            )
        try:
            check_consistency(mark.size, head.size, prove(mark.size, head.size), mark.root, head.root)
        except ProofError as cause:
            raise ConflictError(
                f"expected the log to begin with its {mark.size} signed entries, found another history",
                hint=hint,
            ) from cause

    def raise_to(self, note: str) -> None:
        """Remember ``note`` unless a larger one is remembered; on disk when this returns.

        Raises:
            CheckpointError: ``note`` is not a checkpoint of this log.
            StorageError: The file cannot be written.
        """
        size = self._open(note).size
        with _disk(self._path), _turn(self._path):
            mark = self.read()
            if mark is not None and mark.size >= size:
                return
            fresh = self._path.with_name(self._path.name + ".new")
            with fresh.open("w", encoding="utf-8") as file:
                file.write(note)
                file.flush()
                os.fsync(file.fileno())
            fresh.replace(self._path)
            folder = os.open(self._path.parent, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)


@contextmanager
def _disk(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as cause:
        raise StorageError(
            f"expected to read and write the high-water mark {path}, found: {cause.strerror}",
            hint="check the disk and the permissions of its folder",
        ) from cause


@contextmanager
def _turn(path: Path) -> Iterator[None]:
    # The lock is a file of its own, because the mark itself is replaced.
    with path.with_name(path.name + ".lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
