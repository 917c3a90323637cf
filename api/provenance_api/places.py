"""Room: how many requests may do something at once, and how much disk received files may take."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from provenance.errors import StorageError, UnavailableError

#: How upload folders are called; the number of their process follows.
UPLOADS: Final = "uploads-"


class Places:
    """A fixed number of things at once, those waiting for a worker included (SR-23).

    Args:
        count: How many.
        what: What they are, for the message.
    """

    def __init__(self, count: int, what: str = "checks") -> None:
        self._count, self._what = count, what
        self._free = threading.BoundedSemaphore(count)
        self.used = 0

    def enter(self) -> None:
        """Take a place.

        Raises:
            UnavailableError: All are taken; nothing of the request was read yet.
        """
        if not self._free.acquire(blocking=False):
            raise UnavailableError(
                f"expected at most {self._count} {self._what} at once, all places are taken",
                hint="try again in a few seconds",
            )
        self.used += 1

    def leave(self) -> None:
        """Give the place back."""
        self.used -= 1
        self._free.release()

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Hold a place for a block; raises UnavailableError."""
        self.enter()
        try:
            yield
        finally:
            self.leave()


class Space:
    """Disk that received files may take together, those of waiting jobs included (SR-22).

    Args:
        max_bytes: How much.
        jobs: Folder with the files of jobs.
    """

    def __init__(self, max_bytes: int, jobs: Path) -> None:
        self._max_bytes, self._jobs = max_bytes, jobs
        self._used, self._waiting = 0, 0
        self._lock = threading.Lock()

    @property
    def used(self) -> int:
        """Bytes that are taken."""
        return self._used + self._waiting

    @contextmanager
    def file(self) -> Iterator[Callable[[int], None]]:
        """Give the function that counts the bytes of one file; they are free again after the block.

        The function raises StorageError where there is no room for as many more bytes.
        """
        self._waiting = sum(_size(one) for one in self._jobs.iterdir())
        mine = 0

        def take(count: int) -> None:
            nonlocal mine
            with self._lock:
                if self._used + self._waiting + count > self._max_bytes:
                    raise StorageError(f"expected received files of at most {self._max_bytes} bytes together")
                self._used += count
                mine += count

        try:
            yield take
        finally:
            with self._lock:
                self._used -= mine


def _size(path: Path) -> int:
    """Return the size of a file; 0 where its job ended between the listing and this look."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def remove_orphans(spool: Path) -> None:
    """Remove the upload folders of processes that were killed; those that still run keep theirs."""
    for folder in spool.glob(f"{UPLOADS}*"):
        number = folder.name.removeprefix(UPLOADS).partition("-")[0]
        if number.isdecimal() and (int(number) == os.getpid() or not Path(f"/proc/{number}").exists()):
            shutil.rmtree(folder, ignore_errors=True)
