"""What callers notice while others hold connections open: ``python -m bench.slow_clients``.

A real service in a process of its own meets clients that send half a request head and wait, and clients whose
body arrives byte by byte. Whoever is cut off comes back at once, so their number stays. Meanwhile a caller asks
for ``/healthz`` twenty times a second and checks a picture once a second. The limit beside it is the same caller
before the slow clients come, in the same run.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
import statistics
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from io import BytesIO
from multiprocessing import get_context
from multiprocessing.queues import SimpleQueue
from pathlib import Path
from typing import Final

import numpy as np
from PIL import Image

from bench.fuzz_api import service

#: Seconds between questions for /healthz, and between checks.
_PROBE_S, _CHECK_S = 0.05, 1.0
#: Seconds within which all slow clients have come.
_ARRIVAL_S: Final = 5.0
_HALF: Final = b"GET /healthz HTTP/1.1\r\nHost: bench\r\nX-Half: "
_BODY: Final = (
    b"POST /v1/verify HTTP/1.1\r\nHost: bench\r\nContent-Type: image/jpeg\r\nContent-Length: 1000000\r\n\r\n"
)


@dataclass
class Seen:
    """What the caller saw.

    Attributes:
        times: Seconds that each ``/healthz`` took.
        health: Its statuses.
        checks: Statuses of the checks.
        check_times: Seconds that each check took.
        ended: What slow clients were told when they were cut off: a status, or 0 for nothing.
    """

    times: list[float] = field(default_factory=list)
    health: Counter[int] = field(default_factory=Counter)
    checks: Counter[int] = field(default_factory=Counter)
    check_times: list[float] = field(default_factory=list)
    ended: Counter[int] = field(default_factory=Counter)

    def percentile(self, share: int) -> float:
        """Return the percentile of the times of ``/healthz``, seconds."""
        return statistics.quantiles(self.times, n=100)[share - 1]


async def _asked(port: int, request: bytes) -> int:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(request)
        await writer.drain()
        head = await reader.readuntil(b"\r\n\r\n")
        await reader.read()
        return int(head[9:12])
    finally:
        writer.close()


async def _ask_again(
    port: int, request: bytes, pause_s: float, until: float, times: list[float], statuses: Counter[int]
) -> None:
    while time.perf_counter() < until:
        started = time.perf_counter()
        statuses[await _asked(port, request)] += 1
        times.append(time.perf_counter() - started)
        await asyncio.sleep(max(0.0, pause_s - (time.perf_counter() - started)))


async def _slow(port: int, begun: bytes, pause_s: float, until: float, ended: Counter[int]) -> None:
    """Send ``begun`` and then a byte every ``pause_s``, again and again."""
    while time.perf_counter() < until:
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            ended[0] += 1
            await asyncio.sleep(0.5)
            continue
        try:
            writer.write(begun)
            told = asyncio.ensure_future(reader.read(512))
            while time.perf_counter() < until and not told.done():
                await asyncio.wait([told], timeout=pause_s)
                if not told.done():
                    writer.write(b"a")
            if told.done():
                answer = told.result()
                ended[int(answer[9:12]) if answer[9:12].isdigit() else 0] += 1
            told.cancel()
        except OSError:
            ended[0] += 1
        finally:
            writer.close()


def picture() -> bytes:
    """Return a JPEG of made content."""
    rough = np.random.default_rng(5).integers(0, 256, (24, 32, 3), dtype=np.uint8)
    made = BytesIO()
    Image.fromarray(rough).resize((800, 600), Image.Resampling.BICUBIC).save(made, "JPEG", quality=85)
    return made.getvalue()


def attack(port: int, half_open: int, trickling: int, seconds: float, checked: bytes) -> Seen:
    """Return what a caller saw during ``seconds`` with so many slow clients; ``checked`` is a picture to check.

    The slow clients have a process of their own, so that the caller measures the service and not itself.
    """
    spawning = get_context("spawn")
    told: SimpleQueue[Counter[int]] = spawning.SimpleQueue()
    crowd = spawning.Process(target=_crowd, args=(port, half_open, trickling, seconds, told))
    if half_open + trickling:
        crowd.start()
    seen = asyncio.run(_caller(port, seconds, checked))
    if half_open + trickling:
        seen.ended.update(told.get())
        crowd.join()
    return seen


def _crowd(
    port: int, half_open: int, trickling: int, seconds: float, told: SimpleQueue[Counter[int]]
) -> None:
    """Be the slow clients; they come within :data:`_ARRIVAL_S`."""
    ended: Counter[int] = Counter()
    kinds = [(_HALF, 3.0)] * half_open + [(_BODY, 0.5)] * trickling

    async def one(number: int, begun: bytes, pause_s: float, until: float) -> None:
        await asyncio.sleep(_ARRIVAL_S * number / len(kinds))
        await _slow(port, begun, pause_s, until, ended)

    async def everybody() -> None:
        until = time.perf_counter() + seconds
        await asyncio.gather(*(one(n, begun, pause_s, until) for n, (begun, pause_s) in enumerate(kinds)))

    asyncio.run(everybody())
    told.put(ended)


async def _caller(port: int, seconds: float, checked: bytes) -> Seen:
    seen, until = Seen(), time.perf_counter() + seconds
    probe = b"GET /healthz HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n\r\n"
    head = f"POST /v1/verify HTTP/1.1\r\nHost: bench\r\nConnection: close\r\nContent-Length: {len(checked)}\r\n\r\n"
    await asyncio.gather(
        _ask_again(port, probe, _PROBE_S, until, seen.times, seen.health),
        _ask_again(port, head.encode() + checked, _CHECK_S, until, seen.check_times, seen.checks),
    )
    return seen


def _tell(name: str, seen: Seen) -> None:
    p = seen.percentile
    print(
        f"{name:28} /healthz {dict(seen.health)} p50 {p(50) * 1e3:6.1f} p99 {p(99) * 1e3:6.1f} "
        f"max {max(seen.times) * 1e3:6.1f} ms; checks {dict(seen.checks)} "
        f"median {statistics.median(seen.check_times) * 1e3:.0f} ms; slow clients told {dict(seen.ended)}"
    )


def main() -> int:
    """Print what the caller saw without and with slow clients; 1 where the promised latency was missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--half-open", type=int, default=500, help="clients that send half a head")
    parser.add_argument("--trickling", type=int, default=200, help="clients that send two bytes a second")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--port", type=int, default=8793)
    given = parser.parse_args()
    print(
        f"{platform.machine()}, {os.cpu_count()} CPUs, load {os.getloadavg()[0]:.1f}, "
        f"Python {platform.python_version()}; one service process, the clients on the same machine"
    )
    with (
        tempfile.TemporaryDirectory() as scratch,
        service(Path(scratch) / "installation", given.port),
    ):
        checked = picture()
        _tell("nobody else", attack(given.port, 0, 0, 10.0, checked))
        seen = attack(given.port, given.half_open, given.trickling, given.seconds, checked)
        _tell(f"{given.half_open} half-open, {given.trickling} trickling", seen)
        _tell("afterwards", attack(given.port, 0, 0, 5.0, checked))
    return int(seen.percentile(99) > 0.2 or set(seen.health) != {200})


if __name__ == "__main__":
    sys.exit(main())
