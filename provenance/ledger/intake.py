"""Group commit: submissions of many threads become one append, and each is answered after the commit.

One thread appends. While it commits, further submissions gather; with the first of them it waits a few
milliseconds more, so that those who were just answered can join. A refused entry is answered alone: the
batch is halved until only its own submission fails.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Final, Protocol

from provenance.errors import BusyError, FormatError, UnavailableError
from provenance.ledger.receipt import Receipt
from provenance.ledger.registration import Examined, Registration

#: Time that the first submission waits for others, seconds. A choice: less than one fsync of a busy disk.
WINDOW_S: Final = 0.002
#: Most entries of one append; bounds the time for which readers wait for a fresh checkpoint.
MOST: Final = 1_024
#: Entries that may wait. Source: Tessera's pushback, 4,096 (append_lifecycle.go).
ROOM: Final = 4_096


class Appender(Protocol):
    """What takes registrations and answers with receipts once they are on disk."""

    def append(self, batch: Sequence[Registration]) -> list[Receipt]:
        """Add entries, all or none, and return a receipt for each in order."""
        ...


class Ledger(Protocol):
    """The two halves of an append, as :class:`provenance.ledger.log.Log` has them."""

    def examine(self, batch: Sequence[Registration]) -> list[Examined]:
        """Check signatures and commitments."""
        ...

    def commit(self, examined: Sequence[Examined]) -> list[Receipt]:
        """Store what was examined; durable when this returns."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class _Waiting:
    entries: list[Examined]
    answer: Future[list[Receipt]] = field(default_factory=Future)


class Intake:
    """Takes submissions from any thread and appends them together.

    Args:
        ledger: The log that is appended to.
        window_s: Time that the first submission waits for others, seconds.
        room: Entries that may wait; more are refused.
    """

    def __init__(self, ledger: Ledger, *, window_s: float = WINDOW_S, room: int = ROOM) -> None:
        self._ledger, self._window_s, self._room = ledger, window_s, room
        # Owned by ``_change``: the queue, the entries in it, whether it is closed, and the thread.
        self._change = threading.Condition()
        self._queue: deque[_Waiting] = deque()
        self._held = 0
        self._closed = False
        self._thread: threading.Thread | None = None

    def append(self, batch: Sequence[Registration]) -> list[Receipt]:
        """Return the receipts of ``batch``; its entries are durable, integrated and signed by then (SR-27).

        Args:
            batch: 1 to 1,024 registrations; all of them are added or none.

        Raises:
            BusyError: Too much is waiting; nothing of the batch was taken.
            UnavailableError: The intake is closed, or the clock stepped.
            FormatError: A leaf is malformed; or the batch has another length.
            ReceiptError: A publisher's signature does not verify.
            AuthorisationError: The publisher key is not admitted, revoked, or may not speak of that asset.
            NotFoundError: An entry refers to an asset that is not registered.
            StorageError: The disk is full or the database cannot be written. It may have kept the batch all
                the same; submitting it again is harmless.
        """
        if not 0 < len(batch) <= MOST:
            raise FormatError(f"expected 1 to {MOST} entries at a time, found {len(batch)}")
        waiting = _Waiting(self._ledger.examine(batch))
        with self._change:
            if self._closed:
                raise UnavailableError("expected an open ledger, it is closing", hint="try again later")
            if self._held + len(batch) > self._room:
                raise BusyError(
                    f"expected at most {self._room} entries to wait for the ledger, found more",
                    hint="try again in a few seconds; nothing was registered",
                )
            self._queue.append(waiting)
            self._held += len(batch)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="ledger-intake", daemon=True)
                self._thread.start()
            self._change.notify()
        return waiting.answer.result()

    def close(self) -> None:
        """Take nothing more, answer what waits, and end the thread."""
        with self._change:
            self._closed = True
            self._change.notify()
            thread = self._thread
        if thread is not None:
            thread.join()

    def _run(self) -> None:
        while taken := self._take():
            self._commit(taken)

    def _take(self) -> list[_Waiting]:
        """Return the next submissions, oldest first; none when closed and empty."""
        with self._change:
            while not self._queue and not self._closed:
                self._change.wait()
        time.sleep(self._window_s)
        with self._change:
            taken: list[_Waiting] = []
            count = 0
            while self._queue and count + len(self._queue[0].entries) <= MOST:
                count += len(self._queue[0].entries)
                taken.append(self._queue.popleft())
            self._held -= count
            return taken

    def _commit(self, taken: Sequence[_Waiting]) -> None:
        """Append ``taken`` and answer each; what one of them did wrong is told to that one only."""
        try:
            receipts = self._ledger.commit([each for waiting in taken for each in waiting.entries])
        except BaseException as error:  # noqa: BLE001 - belongs to those who wait, not to this thread
            if len(taken) == 1 or isinstance(error, UnavailableError):
                for waiting in taken:
                    waiting.answer.set_exception(error)
                return
            middle = len(taken) // 2
            self._commit(taken[:middle])
            self._commit(taken[middle:])
            return
        start = 0
        for waiting in taken:
            stop = start + len(waiting.entries)
            waiting.answer.set_result(receipts[start:stop])
            start = stop
