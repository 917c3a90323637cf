"""Find: candidates -> verified matches. Two independent families and an alignment confirm a match.

The registry is asked through :class:`provenance.match.registry.Registry`; media is looked at by the workers only.
"""

from __future__ import annotations

from pathlib import Path
from threading import Lock

from provenance.evidence import Comparison, Match, Record
from provenance.examination import Examination
from provenance.match.edits import with_joins
from provenance.match.picture_finder import PictureFinder
from provenance.match.registry import Registry
from provenance.match.shown import ShownFinder
from provenance.match.timed import TimedFinder
from provenance.media.asset import Kind, MediaType
from provenance.media.sandbox import WorkerPool
from provenance.settings import Limits


class Finder:
    """Finds registered assets that a copy comes from; its look-up books follow the ledger.

    Args:
        pool: Media workers.
        registry: The registry.
        limits: Limits on one file.
    """

    def __init__(self, pool: WorkerPool, registry: Registry, limits: Limits) -> None:
        self._pool, self._registry, self._limits = pool, registry, limits
        self._seen, self._lock = 0, Lock()
        self._start()

    def _start(self) -> None:
        self._pictures = PictureFinder(self._pool, self._registry, self._limits)
        self._timed = TimedFinder(self._pool, self._registry, self._limits)
        self._shown = ShownFinder(self._pool, self._pictures, self._limits)
        self._seen = 0

    def refresh(self) -> int:
        """Take in what was registered since the last call; return the ledger size the books now cover.

        After a redaction all books are read anew: it is rare, and what was erased must not find anything.
        """
        with self._lock:
            size = self._registry.head().size
            if size > self._seen:
                if self._seen and self._registry.redacted_between(self._seen, size):
                    self._start()  # what was erased must leave the books too (SR-30)
                self._pictures.take_in(self._seen - 1)
                self._timed.take_in(self._seen - 1)
                self._seen = size
            return self._seen

    def find(self, path: Path, media_type: MediaType, examination: Examination) -> tuple[Match, ...]:
        """Return the registered assets the copy comes from, confirmed ones first."""
        self.refresh()
        if media_type.kind is Kind.IMAGE:
            if examination.picture is None:
                return ()
            pictures = self._pictures.find(examination.picture)
            matches = [*pictures, *self._timed.find_still(examination.picture)]
        else:
            timed = self._timed.find(path, examination)
            shown = self._shown.find(path, examination.frames, examination.duration_s or 0.0, timed)
            matches = with_joins([*timed, *shown])
        return tuple(sorted(matches, key=_rank))

    def like(self, record: Record) -> list[str]:
        """Return the registered films or recordings whose stored codes are near those of a registered one."""
        self.refresh()
        return self._timed.like(record.asset_id)


def _rank(match: Match) -> tuple[bool, int, float]:
    compared = match.comparison.compared if isinstance(match.comparison, Comparison) else 0.0
    return (not match.confirmed, -len(match.found), -compared)
