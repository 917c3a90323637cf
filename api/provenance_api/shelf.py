"""The shelf: finished reports, for an hour; in memory, or where several processes need them in the database."""

from __future__ import annotations

import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

from provenance.checking import read_report, write_report
from provenance.errors import NotFoundError
from provenance.report.report import Report
from provenance.service.reports import Reports


@dataclass(frozen=True, slots=True)
class _Kept:
    report: Report
    until: float

    @property
    def weight(self) -> int:
        picture = self.report.map_png
        return len(picture) if picture is not None else 0


class Shelf(Protocol):
    """Reports by unguessable names."""

    def put(self, report: Report) -> str:
        """Keep ``report`` and return its name: 32 hex digits."""

    def get(self, name: str) -> Report:
        """Return the report called ``name``; raises NotFoundError where it was never made or its time is over."""


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


class MemoryShelf:
    """Reports by unguessable names; the oldest go when time, number or the size of pictures run out.

    The shelf belongs to one process; several that share a database keep reports there instead
    (:class:`SharedShelf`).

    Args:
        keep_s: Seconds a report is kept.
        max_reports: Most reports kept.
        max_bytes: Most bytes of difference pictures kept.
        clock: Monotonic seconds.
    """

    #: Random bytes of a name. Whoever knows the name may read the report, so it must not be guessable.
    NAME_BYTES: Final = 16

    def __init__(
        self,
        keep_s: float = 3600.0,
        max_reports: int = 500,
        max_bytes: int = 128 << 20,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._keep_s, self._max_reports, self._max_bytes = keep_s, max_reports, max_bytes
        self._clock = clock
        self._kept: OrderedDict[str, _Kept] = OrderedDict()
        self._lock = threading.Lock()

    def put(self, report: Report) -> str:
        """Keep ``report`` and return its name: 32 hex digits."""
        name = secrets.token_hex(self.NAME_BYTES)
        with self._lock:
            self._kept[name] = _Kept(report, self._clock() + self._keep_s)
            self._drop()
        return name

    def get(self, name: str) -> Report:
        """Return the report called ``name``.

        Raises:
            NotFoundError: Never made here, or its time is over.
        """
        with self._lock:
            self._drop()
            kept = self._kept.get(name)
        if kept is None:
            raise NotFoundError(
                f"expected a report kept for up to {self._keep_s / 60:.0f} minutes, found none of this name",
                hint="check the file again",
            )
        return kept.report

    def _drop(self) -> None:
        weight = sum(kept.weight for kept in self._kept.values())
        while self._kept:
            oldest = next(iter(self._kept.values()))
            if (
                len(self._kept) <= self._max_reports
                and weight <= self._max_bytes
                and oldest.until > self._clock()
            ):
                return
            self._kept.popitem(last=False)
            weight -= oldest.weight
