"""While the service runs, the witnesses of its log are kept up to date."""

from __future__ import annotations

import logging
import threading
from typing import Final

from provenance.errors import ConflictError, ProvenanceError
from provenance.ledger.cosign import Cosigning
from provenance.web import Web

_log = logging.getLogger(__name__)
#: Seconds between two looks at the log: receipts can be renewed with cosignatures soon after.
EVERY_S: Final = 2.0
#: Seconds until witnesses that did not agree are asked again; doubled each time up to the second.
FIRST_PAUSE_S: Final = 5.0
LONGEST_PAUSE_S: Final = 300.0


class Witnessing:
    """Asks the witnesses at start, and again whenever the log has grown.

    Args:
        cosigning: How they are asked.
        web: The client; closed at the end.
        every_s: Seconds between two looks.
    """

    def __init__(self, cosigning: Cosigning, web: Web, every_s: float = EVERY_S) -> None:
        self._cosigning, self._web, self._every_s = cosigning, web, every_s
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, name="witnessing", daemon=True)

    def start(self) -> None:
        """Ask once, then go on in a thread.

        Raises:
            ConflictError: A witness has seen more of this log, or another history: the database is an old
                copy, and nothing must be signed.
        """
        if not self._cosigning.empty():
            self._ask()
        self._thread.start()

    def stop(self) -> None:
        """End the thread; a request under way is waited for."""
        self._end.set()
        if self._thread.is_alive():
            self._thread.join()
        self._web.close()

    def _ask(self) -> bool:
        try:
            self._cosigning.ask(self._web)
        except ConflictError:
            raise
        except ProvenanceError as error:
            _log.warning("witnesses did not agree yet: %s", error.message)
            return False
        return True

    def _run(self) -> None:
        pause = FIRST_PAUSE_S
        wait = self._every_s
        while not self._end.wait(wait):
            try:
                agreed = not self._cosigning.due() or self._ask()
            except ProvenanceError as error:  # the log goes on; what was signed cannot be unsigned
                _log.error("ALARM: witnesses contradict this log: %s", error.message)
                agreed = False
            wait = self._every_s if agreed else pause
            pause = FIRST_PAUSE_S if agreed else min(2 * pause, LONGEST_PAUSE_S)
