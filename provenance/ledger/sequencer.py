"""One process appends for all: whoever holds the lease; the others leave their batches with it and wait.

The lease saves processes from racing for the head, no more. Two that believe to hold it, because one was
paused for longer than the lease, still write one history: the comparison of the head decides.
"""

from __future__ import annotations

import logging
import secrets
import threading
import time
from collections.abc import Sequence
from typing import Final

from provenance.errors import BusyError, ProvenanceError, UnavailableError
from provenance.ledger.log import Log
from provenance.ledger.mailbox import Mailbox
from provenance.ledger.receipt import Receipt
from provenance.ledger.registration import Examined, Registration

_log = logging.getLogger(__name__)
#: How long the lease lasts without being kept, seconds: as long do submissions wait when its holder dies.
LEASE_S: Final = 3.0
#: Pause between two looks into the mailbox, seconds: while something is going on, and otherwise.
_BUSY_PAUSE_S: Final = 0.005
_IDLE_PAUSE_S: Final = 0.05
#: How long a batch waits for the holder before its submitter is told to try again, seconds.
_PATIENCE_S: Final = 30.0
#: Batches taken out of the mailbox at a time.
_TAKEN: Final = 16


class Sequencer:
    """A log that several processes append to through the one that holds the lease.

    Args:
        log: This process's log.
        mailbox: Lease and waiting batches of its database.
        lease_s: How long the lease lasts without being kept, seconds.
    """

    def __init__(self, log: Log, mailbox: Mailbox, *, lease_s: float = LEASE_S) -> None:
        self._log, self._mailbox, self._lease_s = log, mailbox, lease_s
        self._holder = secrets.token_hex(16)
        self._kept_until = 0.0  # by this process's steady clock, never later than the lease itself
        self._closed = threading.Event()
        self._thread: threading.Thread | None = None
        self._starting = threading.Lock()

    def examine(self, batch: Sequence[Registration]) -> list[Examined]:
        """Check signatures and commitments, as :meth:`Log.examine` does."""
        return self._log.examine(batch)

    def commit(self, examined: Sequence[Examined]) -> list[Receipt]:
        """Store what was examined, here or through the holder of the lease; durable when this returns.

        Raises:
            BusyError: The holder did not answer in time.
            ProvenanceError: As :meth:`Log.commit`, wherever it happened.
        """
        if self._holds():
            return self._log.commit(examined)
        key = self._mailbox.post([each.registration for each in examined])
        deadline = time.monotonic() + _PATIENCE_S
        while self._mailbox.waits(key):
            if self._holds():  # its holder is gone
                receipts = self._log.commit(examined)
                self._mailbox.take_back(key)
                return receipts
            if time.monotonic() > deadline:
                self._mailbox.take_back(key)
                raise BusyError(
                    f"expected the process that appends to answer within {_PATIENCE_S:.0f} s, it did not",
                    hint="try again; submitting the same again is harmless",
                )
            self._closed.wait(_BUSY_PAUSE_S)
        return self._log.receipts(examined)

    def close(self) -> None:
        """Give the lease back and take no more batches of others."""
        self._closed.set()
        with self._starting:
            thread = self._thread
        if thread is not None:
            thread.join()
            self._mailbox.release(self._holder)

    def _holds(self) -> bool:
        """Take or keep the lease; the first time, start serving the others."""
        now = time.monotonic()
        if now < self._kept_until - self._lease_s / 2:
            return True
        if not self._mailbox.hold(self._holder, self._lease_s):
            self._kept_until = 0.0
            return False
        self._kept_until = now + self._lease_s
        with self._starting:
            if self._thread is None and not self._closed.is_set():
                self._thread = threading.Thread(target=self._serve, name="ledger-sequencer", daemon=True)
                self._thread.start()
        return True

    def _serve(self) -> None:
        """Append what others left, while the lease is held; look for it again when it was lost."""
        while not self._closed.is_set():
            served = 0
            try:
                if self._holds():
                    served = self._serve_once()
            except UnavailableError as error:
                _log.warning("the ledger's mailbox cannot be served now: %s", error.message)
            self._closed.wait(_BUSY_PAUSE_S if served else _IDLE_PAUSE_S)

    def _serve_once(self) -> int:
        batches = self._mailbox.waiting(_TAKEN)
        for key, batch in batches:
            try:
                self._log.commit(self._log.examine(batch))
            except UnavailableError:
                raise  # the batch stays and is tried again
            except ProvenanceError as error:
                self._mailbox.refuse(key, error)
            else:
                self._mailbox.take_back(key)
        return len(batches)
