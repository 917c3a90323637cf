"""What the routes share: the open installation, the shelf of reports and the places for checks."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from fastapi import Depends, Request

from provenance.errors import UnavailableError
from provenance.media.asset import MediaType
from provenance.report.report import Report
from provenance.search import Hit
from provenance.setup import Installation
from provenance_api.shelf import Shelf

_log = logging.getLogger(__name__)


class Places:
    """A fixed number of checks at once, those waiting for a worker included (SR-23).

    Args:
        count: How many.
    """

    def __init__(self, count: int) -> None:
        self._count = count
        self._free = threading.BoundedSemaphore(count)

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Hold one place.

        Raises:
            UnavailableError: All are taken; nothing of the request was read yet.
        """
        if not self._free.acquire(blocking=False):
            raise UnavailableError(
                f"expected at most {self._count} checks at once, all places are taken",
                hint="try again in a few seconds",
            )
        try:
            yield
        finally:
            self._free.release()


@dataclass(frozen=True, slots=True)
class Wiring:
    """Everything a route needs.

    Attributes:
        installation: The open installation.
        shelf: Finished reports.
        places: Room for checks.
        folder: Private folder for files on their way, mode 0700.
        search_turn: Held while searching: the searcher's books grow while they are read.
    """

    installation: Installation
    shelf: Shelf
    places: Places
    folder: Path
    search_turn: threading.Lock

    def check(self, path: Path, name: str, declared: MediaType | None) -> Report:
        """Return the report on the file at ``path``; the log gets the verdict, never name or content.

        Args:
            path: The received file.
            name: Its name as the client gave it, cleaned.
            declared: Media type the client vouches for; None where it does not.
        """
        report = self.installation.verifier.verify(path, name=name, declared=declared)
        codes = " ".join(reason.code for reason in report.verdict.reasons)
        _log.info("%s %s: %s", report.evidence.digest, report.verdict.code.value, codes)
        return report

    def search(self, text: str, radius: int | None) -> list[Hit]:
        """Return the registered assets near the hash ``text``."""
        with self.search_turn:
            return self.installation.searcher.by_text(text, radius)


def wired(request: Request) -> Wiring:
    """Return the wiring of the application that got ``request``."""
    wiring: Wiring = request.app.state.wiring
    return wiring


Wired = Annotated[Wiring, Depends(wired)]
