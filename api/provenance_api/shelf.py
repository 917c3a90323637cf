"""The shelf: finished reports, for an hour; as files, or where several processes need them in the database."""

from __future__ import annotations

import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from provenance.checking import read_report, write_report
from provenance.errors import NotFoundError, StorageError
from provenance.report.report import Report
from provenance.service.reports import Reports


@dataclass(frozen=True, slots=True)
class _Kept:
    """A report in the folder: its bytes, and when its time is over."""

    size: int
    until: float


class Shelf(Protocol):
    """Reports by unguessable names."""

    def put(self, report: Report) -> str:
        """Keep ``report`` and return its name: 32 hex digits; raises StorageError where it cannot be written."""

    def get(self, name: str) -> Report:
        """Return the report called ``name``; raises NotFoundError where it was never made or its time is over."""

    def sweep(self) -> None:
        """Remove the reports whose time is over."""


class SharedShelf:
    """Reports in the database, where several processes answer for one service.

    Args:
        reports: Where they are kept.
    """

    def __init__(self, reports: Reports) -> None:
        self._reports = reports

    def put(self, report: Report) -> str:
        """Keep ``report`` and return its name: 32 hex digits."""
        return self._reports.put(write_report(report))

    def get(self, name: str) -> Report:
        """Return the report called ``name``.

        Raises:
            NotFoundError: Never made, its time is over, or another version made it.
        """
        return read_report(self._reports.get(name))

    def sweep(self) -> None:
        """Do nothing: every :meth:`put` removes the reports whose time is over."""


class FolderShelf:
    """Reports as files with unguessable names; the oldest go when time, number or bytes run out.

    Not in memory: a report may hold pictures of a megabyte, and an hour of them would be most of what the process
    takes. The shelf belongs to one process and begins empty; several that share a database keep reports there
    instead (:class:`SharedShelf`).

    Args:
        folder: Private to the process; made if it is missing, with mode 0700.
        keep_s: Seconds a report is kept.
        max_reports: Most reports kept.
        max_bytes: Most bytes of disk they take together.
        clock: Monotonic seconds.
    """

    #: Random bytes of a name. Whoever knows the name may read the report, so it must not be guessable.
    NAME_BYTES: Final = 16

    def __init__(
        self,
        folder: Path,
        keep_s: float = 3600.0,
        max_reports: int = 10_000,
        max_bytes: int = 1 << 30,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._folder, self._keep_s, self._clock = folder, keep_s, clock
        self._max_reports, self._max_bytes = max_reports, max_bytes
        self._kept: OrderedDict[str, _Kept] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()
        folder.mkdir(mode=0o700, exist_ok=True)

    def put(self, report: Report) -> str:
        """Keep ``report`` and return its name: 32 hex digits.

        Raises:
            StorageError: The disk is full.
        """
        name, body = secrets.token_hex(self.NAME_BYTES), write_report(report)
        try:
            (self._folder / name).write_bytes(body)
        except OSError as cause:
            (self._folder / name).unlink(missing_ok=True)
            raise StorageError(f"a report cannot be kept: {cause}") from cause
        with self._lock:
            self._kept[name] = _Kept(len(body), self._clock() + self._keep_s)
            self._bytes += len(body)
            self._drop()
        return name

    def get(self, name: str) -> Report:
        """Return the report called ``name``.

        Raises:
            NotFoundError: Never made here, or its time is over.
        """
        with self._lock:
            kept = self._kept.get(name)
        try:
            # Only a name that was given out becomes a path.
            if kept is not None and kept.until > self._clock():
                return read_report((self._folder / name).read_bytes())
        except FileNotFoundError:  # dropped by another request in between
            pass
        raise NotFoundError(
            f"expected a report kept for up to {self._keep_s / 60:.0f} minutes, found none of this name",
            hint="check the file again",
        )

    def sweep(self) -> None:
        """Remove the reports whose time is over."""
        with self._lock:
            self._drop()

    def _drop(self) -> None:
        """Remove the oldest until the rest is within all limits; the lock is held."""
        while self._kept:
            name, oldest = next(iter(self._kept.items()))
            if (
                len(self._kept) <= self._max_reports
                and self._bytes <= self._max_bytes
                and oldest.until > self._clock()
            ):
                return
            del self._kept[name]
            self._bytes -= oldest.size
            (self._folder / name).unlink(missing_ok=True)
