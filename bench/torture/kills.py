"""SIGKILL of writers: at random moments, with racing writers, and at every statement of an append."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import sqlalchemy as sa

from bench.torture.ground import Child, Ground, Tally, check, some
from provenance.errors import UnavailableError
from provenance.ledger.highwater import HighWater
from provenance.ledger.log import Log
from provenance.ledger.receipt import Receipt
from provenance.ledger.registration import Registration
from provenance.ledger.store import Store

#: Blows to one registry before a fresh one is taken; keeps the full check short.
_ROUNDS = 10


def append_for_ever(ground: Ground, say: Callable[[Receipt], None]) -> None:
    """Append batches of random sizes; what the database refuses for now is submitted again."""
    store = Store.open(ground.url)
    log = ground.log(store)
    while True:
        batch = ground.batch(random.choice([1, 1, 1, 3, 17, 40]))
        for receipt in _insist(log, batch):
            say(receipt)


def _insist(log: Log, batch: Sequence[Registration]) -> list[Receipt]:
    while True:
        try:
            return log.append(batch)
        except UnavailableError:
            time.sleep(0.02)


def at_random(grounds: Iterator[Ground], writers: int, kills: int, tally: Tally) -> None:
    """Kill ``writers`` racing writers at random moments until there were ``kills``."""
    wanted = tally.blows + kills
    while tally.blows < wanted:
        ground = next(grounds)
        held: list[Receipt] = []
        for _ in range(_ROUNDS):
            children = [Child(lambda say, g=ground: append_for_ever(g, say)) for _ in range(writers)]  # type: ignore[misc]
            children[0].started()
            time.sleep(random.uniform(0.03, 0.35))
            for child in children:
                os.kill(child.process, signal.SIGKILL)
                tally.blows += 1
            for child in children:
                held += child.receipts()
            check(ground, held, tally)
            if tally.blows >= wanted:
                return


class _KillingMark(HighWater):
    """A mark whose process dies between the commit and the answer."""

    def raise_to(self, note: str) -> None:
        """Die; the entry is durable by now, and nobody was told."""
        del note
        os.kill(os.getpid(), signal.SIGKILL)


#: Entries of the append that is killed; the appends before it have fewer, so that tiles fill up at any point.
_KILLED = 20


def _append_and_die(ground: Ground, point: int, say: Callable[[Receipt], None]) -> None:
    """Append once whole, then once with death before the ``point``-th statement; -1: after the commit."""
    store = Store.open(ground.url)
    log = ground.log(store)
    for receipt in log.append(ground.batch(some(1, 30))):
        say(receipt)
    if point < 0:
        log = ground.log(store, _KillingMark)
    count = 0

    def step(*_: Any) -> None:
        nonlocal count
        if count == point:
            os.kill(os.getpid(), signal.SIGKILL)
        count += 1

    batch = log.examine(ground.batch(_KILLED))
    if point >= 0:
        sa.event.listen(sa.Engine, "before_cursor_execute", step)
        sa.event.listen(sa.Engine, "commit", step)
    for receipt in log.commit(batch):
        say(receipt)


def at_every_statement(ground: Ground, tally: Tally) -> None:
    """Kill a writer before each statement of an append, before its commit and after it, then check."""
    size, point = 0, -1
    while True:
        child = Child(lambda say, p=point: _append_and_die(ground, p, say))  # type: ignore[misc]
        told = child.receipts()
        before, size = size, check(ground, told, tally)
        if len({receipt.checkpoint for receipt in told}) == 2:  # there were fewer statements than that
            return
        tally.blows += 1
        more = size - before - len(told)
        if more not in (0, _KILLED) or (point < 0 and not more):
            tally.broken += 1
            tally.note(f"killed before statement {point}: {more} of {_KILLED} entries are there")
        point += 1
