"""Room: how many requests may do something at once, and how much disk received files may take."""

from __future__ import annotations

import fcntl
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from provenance.errors import StorageError, UnavailableError

#: How upload folders are called; something random follows.
UPLOADS: Final = "uploads-"
_LOCK: Final = "lock"
#: Age below which an upload folder may be one whose process is still taking the lock, seconds.
_YOUNG_S: Final = 5.0


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
            UnavailableError: All are taken.
        """
        if not self._free.acquire(blocking=False):
            raise self._full()
        self.used += 1

    def check(self) -> None:
        """Return if a place is free, which may be taken the moment after; raises UnavailableError."""
        if self.used >= self._count:
            raise self._full()

    def _full(self) -> UnavailableError:
        return UnavailableError(
            f"expected at most {self._count} {self._what} at once, all places are taken",
            hint="try again in a few seconds",
        )

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


@contextmanager
def upload_folder(spool: Path) -> Iterator[Path]:
    """Give a private folder for received files, mode 0700; it and what is put beside it is removed after the block.

    A lock beside it tells other processes, also those in other containers on the same spool, that it is used.
    """
    with TemporaryDirectory(prefix=UPLOADS, dir=spool) as name, (Path(name) / _LOCK).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        folder = Path(name) / "files"
        folder.mkdir(mode=0o700)
        yield folder


def remove_orphans(spool: Path) -> None:
    """Remove the upload folders of processes that were killed; those that still run keep theirs."""
    for folder in spool.glob(f"{UPLOADS}*"):
        if _abandoned(folder):
            shutil.rmtree(folder, ignore_errors=True)


def _abandoned(folder: Path) -> bool:
    try:
        young = time.time() - folder.stat().st_mtime < _YOUNG_S
    except FileNotFoundError:
        return False
    try:
        with (folder / _LOCK).open("r+") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except FileNotFoundError:  # its process did not come to take the lock, or has removed all of it
        return not young
    return not young
