"""The service under a small steady load for a long time: ``python -m bench.soak --minutes 60 --write``.

A real service in a process of its own is asked the same mix again and again: look-ups, the same signed file, new
copies, recordings as jobs with their events, reports, and now and then a registration. Resident memory of the
service and of its media workers, open files and answers are noted every five seconds. Printed: answers by status,
and how memory went; ``--write`` draws it into docs/figures/soak.svg. A first tenth, in which caches fill and
workers start, is drawn but not part of the trend. ``--faster 12 --minutes 3`` asks the same mix twelve times as
often, to see within minutes what a change does to memory; its trend is not that of an hour.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from io import BytesIO
from itertools import count
from pathlib import Path
from typing import Final

import httpx
import numpy as np
from PIL import Image

from bench.fuzz_api import service
from bench.process import children, cpu_s, listener, resident

#: Seconds between two notes of memory.
_NOTE_S: Final = 5.0
_FIGURE: Final = Path("docs/figures/soak.svg")


@dataclass(frozen=True, slots=True)
class Note:
    """How it stood at one moment.

    Attributes:
        minute: Since the start.
        service: Resident memory of the service process, MiB.
        workers: Resident memory of its media workers together, MiB.
        files: Open files of the service process.
        errors: Answers other than 2xx and broken connections so far.
    """

    minute: float
    service: float
    workers: float
    files: int
    errors: int


def picture(seed: int, quality: int) -> bytes:
    """Return a JPEG of made content."""
    rough = np.random.default_rng(seed).integers(0, 256, (24, 32, 3), dtype=np.uint8)
    made = BytesIO()
    Image.fromarray(rough).resize((1200, 900), Image.Resampling.BICUBIC).save(made, "JPEG", quality=quality)
    return made.getvalue()


def _recording(seed: int) -> bytes:
    rng = np.random.default_rng(seed)
    sound = (
        (rng.normal(0, 3_000, 160_000) * (1.2 + np.sin(np.arange(160_000) / 3_000))).astype("<i2").tobytes()
    )
    head = b"RIFF" + (36 + len(sound)).to_bytes(4, "little") + b"WAVEfmt \x10\0\0\0\x01\0\x01\0"
    head += (16_000).to_bytes(4, "little") + (32_000).to_bytes(4, "little") + b"\x02\0\x10\0data"
    return head + len(sound).to_bytes(4, "little") + sound


class Mix:
    """What is asked, over and over.

    Args:
        client: Asks with a key of all scopes.

    Attributes:
        statuses: Answers by kind of request and status; 0 is a connection that broke.
    """

    def __init__(self, client: httpx.Client) -> None:
        self._client, self._number = client, count(1)
        self.statuses: Counter[tuple[str, int]] = Counter()
        self._signed = self._client.post("/v1/sign?title=soak", content=picture(0, 92)).content

    @property
    def errors(self) -> int:
        """Answers other than 2xx and broken connections so far: everything that is asked here is to be done."""
        return sum(many for (_, status), many in self.statuses.items() if not 200 <= status < 300)

    def turns(self) -> Sequence[tuple[float, Callable[[], None]]]:
        """Return every kind of request with the seconds between two of them."""
        return (
            (0.5, self._look_up),
            (1.0, self._same),
            (4.0, self._copy),
            (15.0, self._sound),
            (30.0, self._register),
        )

    def _ask(self, name: str, method: str, path: str, **more: object) -> httpx.Response | None:
        try:
            answer = self._client.request(method, path, **more)  # type: ignore[arg-type]  # httpx types each by itself
        except httpx.TransportError:
            self.statuses[name, 0] += 1
            return None
        self.statuses[name, answer.status_code] += 1
        return answer

    def _look_up(self) -> None:
        self._ask("look-up", "POST", "/v1/lookup", json={"hashes": ["sha256:" + "0" * 64]})

    def _same(self) -> None:
        self._ask("verify, same file", "POST", "/v1/verify", content=self._signed)

    def _copy(self) -> None:
        number = next(self._number)
        answer = self._ask(
            "verify, new copy", "POST", "/v1/verify", content=picture(0, 40 + number % 50) + bytes(number)
        )
        if answer is not None and answer.status_code == 200:
            self._ask("report", "GET", answer.json()["links"]["html"])

    def _sound(self) -> None:
        answer = self._ask("job", "POST", "/v1/verify", content=_recording(next(self._number)))
        if answer is not None and answer.status_code == 202:
            self._ask("events", "GET", answer.json()["events"])

    def _register(self) -> None:
        self._ask("register", "POST", "/v1/assets?title=soak", content=picture(next(self._number), 92))


@dataclass
class _Turn:
    """A kind of request and when it is due."""

    due: float
    pause_s: float
    ask: Callable[[], None]


def soak(mix: Mix, process: int, minutes: float, faster: float) -> list[Note]:
    """Return the notes of a run of ``minutes``, in which everything is asked ``faster`` times as often."""
    started, notes = time.monotonic(), list[Note]()
    turns = [_Turn(started, pause_s / faster, ask) for pause_s, ask in mix.turns()]
    turns.append(_Turn(started, _NOTE_S, lambda: notes.append(_noted(mix, process, started))))
    while (now := time.monotonic()) < started + 60 * minutes:
        turn = min(turns, key=lambda one: one.due)
        time.sleep(max(0.0, turn.due - now))
        turn.ask()
        # A busy machine makes the load smaller, never a burst.
        turn.due = max(turn.due + turn.pause_s, time.monotonic())
    return notes


def _noted(mix: Mix, process: int, started: float) -> Note:
    workers = sum(resident(one) for one in children(process))
    files = len(list(Path(f"/proc/{process}/fd").iterdir()))
    minute = (time.monotonic() - started) / 60
    return Note(minute, resident(process) / (1 << 20), workers / (1 << 20), files, mix.errors)


def trend(notes: Sequence[Note], of: Callable[[Note], float]) -> float:
    """Return how much ``of`` grows an hour after the first tenth, by least squares."""
    steady = notes[len(notes) // 10 :]
    return float(np.polyfit([one.minute / 60 for one in steady], [of(one) for one in steady], 1)[0])


def draw(notes: Sequence[Note], title: str, target: Path) -> None:
    """Write memory and errors over time as a picture."""
    from matplotlib.figure import Figure  # noqa: PLC0415 - only who draws needs it

    figure = Figure(figsize=(8, 4), layout="constrained")
    memory = figure.subplots()
    minutes = [one.minute for one in notes]
    memory.plot(minutes, [one.service for one in notes], color="black", label="service process")
    memory.plot(minutes, [one.workers for one in notes], color="grey", label="media workers together")
    memory.set(title=title, xlabel="minutes", ylabel="resident memory, MiB", ylim=(0, None))
    errors = memory.twinx()
    errors.plot(
        minutes, [one.errors for one in notes], color="tab:red", linestyle=":", label="not 2xx so far"
    )
    errors.set(ylabel="answers other than 2xx so far", ylim=(0, max(5, notes[-1].errors * 2)))
    figure.legend(loc="outside lower center", ncols=3)
    figure.savefig(target, metadata={"Date": None})


def main() -> int:
    """Run, print, draw; 1 where an answer was not 2xx or a connection broke."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument(
        "--faster", type=float, default=1.0, help="how many times as often everything is asked"
    )
    parser.add_argument("--port", type=int, default=8795)
    parser.add_argument("--write", action="store_true", help=f"draw into {_FIGURE}")
    given = parser.parse_args()
    conditions = f"{platform.machine()}, {os.cpu_count()} CPUs, load {os.getloadavg()[0]:.1f}"
    with (
        tempfile.TemporaryDirectory() as scratch,
        service(Path(scratch) / "installation", given.port) as (address, key),
        httpx.Client(base_url=address, headers={"Authorization": f"Bearer {key}"}, timeout=120) as client,
    ):
        process, mix = listener(given.port), Mix(client)
        before = cpu_s(process)
        notes = soak(mix, process, given.minutes, given.faster)
        spent = cpu_s(process) - before
    print(
        f"{conditions} at the start, {os.getloadavg()[0]:.1f} at the end; "
        f"{given.minutes:g} minutes, {given.faster:g} times as often, {spent:.0f} CPU-s"
    )
    for (name, status), many in sorted(mix.statuses.items()):
        print(f"{name:20} {status} {many:6}")
    first, last = notes[len(notes) // 10], notes[-1]
    memory: dict[str, Callable[[Note], float]] = {
        "service": lambda one: one.service,
        "workers": lambda one: one.workers,
    }
    for name, of in memory.items():
        print(
            f"{name}: {of(first):.0f} MiB after a tenth, {of(last):.0f} at the end, trend {trend(notes, of):+.1f} MiB/h"
        )
    print(f"open files: {first.files} and {last.files}; errors: {mix.errors}")
    if given.write:
        draw(notes, f"{given.minutes:g} minutes of a small steady load", _FIGURE)
    return int(mix.errors > 0)


if __name__ == "__main__":
    sys.exit(main())
