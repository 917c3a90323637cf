"""SIGKILL of the whole PostgreSQL server while writers append, then recovery and check."""

from __future__ import annotations

import os
import random
import signal
import time
from pathlib import Path

from bench.postgres import Server
from bench.torture.ground import Child, Ground, Tally, check
from bench.torture.kills import append_for_ever
from provenance.ledger.receipt import Receipt

#: Restarts of one registry before a fresh one is taken.
_ROUNDS = 10


def restarts(server: Server, folder: Path, times: int, tally: Tally) -> None:
    """Kill the server under two writers, start it, let them go on for a moment, check; ``times`` over."""
    done = 0
    while done < times:
        place = folder / f"restarts-{done}"
        place.mkdir()
        ground = Ground.make(server.database(f"restarts{done}"), place)
        held: list[Receipt] = []
        for _ in range(min(_ROUNDS, times - done)):
            children = [Child(lambda say: append_for_ever(ground, say)) for _ in range(2)]  # noqa: B023 - ends here
            children[0].started()
            time.sleep(random.uniform(0.05, 0.6))
            server.kill()
            server.start()
            time.sleep(0.15)
            for child in children:
                os.kill(child.process, signal.SIGKILL)
            for child in children:
                held += child.receipts()
            done += 1
            tally.blows += 1
            check(ground, held, tally)
