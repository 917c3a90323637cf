"""How much one service process carries: ``python -m bench.load``.

A real service (``provenance serve``) in a process of its own is asked over keep-alive connections by a client
that only writes prepared bytes and counts answers. Printed for each kind of request: answers a second of wall
time, answers a second of the service's CPU time (its media workers included), and percentiles of the latency.
The limit beside it is ``GET /healthz``, an answer that does nothing, in the same run.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import re
import sqlite3
import statistics
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Final

import numpy as np

from bench import copies
from bench.fuzz_api import service
from bench.process import cpu_s, listener, resident

#: Checks a second with the whole search at which latency is asked for: half of the rate that is asked.
WHOLE_RATE: Final = 6.0


@dataclass(frozen=True, slots=True)
class Load:
    """A kind of request: what it is, the prepared requests, how many connections send them, and how often.

    With a ``rate``, requests a second, each has its moment, and its latency counts from that moment on, whether or
    not a connection was free then. Without, every connection sends the next one as soon as it has an answer.
    """

    name: str
    requests: Sequence[bytes]
    connections: int
    rate: float | None = None


def request(
    method: str, path: str, body: bytes = b"", media_type: str = "application/json", key: str = ""
) -> bytes:
    """Return the bytes of a request."""
    lines = [
        f"{method} {path} HTTP/1.1",
        "Host: bench",
        f"Content-Length: {len(body)}",
        f"Content-Type: {media_type}",
    ]
    lines += [f"Authorization: Bearer {key}"] if key else []
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + body


async def _answer(reader: asyncio.StreamReader) -> int:
    head = await reader.readuntil(b"\r\n\r\n")
    status, length = int(head[9:12]), 0
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            length = int(line[15:])
    await reader.readexactly(length)
    return status


async def _send(
    port: int, load: Load, numbers: Iterator[int], span: tuple[float, float], seen: list[tuple[float, int]]
) -> None:
    """Send the next requests from ``span[0]`` to ``span[1]``; add latency and status of each to ``seen``."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 20)
    for number in numbers:
        due = span[0] + number / load.rate if load.rate else time.perf_counter()
        if due >= span[1]:
            break
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        writer.write(load.requests[number % len(load.requests)])
        await writer.drain()
        status = await _answer(reader)
        seen.append((time.perf_counter() - due, status))
    writer.close()


def measure(port: int, process: int, load: Load, seconds: float) -> None:
    """Send ``load`` for ``seconds`` and print what came of it."""
    seen: list[tuple[float, int]] = []

    async def all_of_them() -> None:
        began, numbers = time.perf_counter(), count()
        span = (began, began + seconds)
        await asyncio.gather(*(_send(port, load, numbers, span, seen) for _ in range(load.connections)))

    before, started = cpu_s(process), time.perf_counter()
    asyncio.run(all_of_them())
    wall, spent = time.perf_counter() - started, cpu_s(process) - before
    times, statuses = [took for took, _ in seen], {status for _, status in seen}
    p = statistics.quantiles(times, n=100) if len(times) > 1 else times * 99
    print(
        f"{load.name:60} {len(times) / wall:8.0f}/s wall {len(times) / max(spent, 0.01):8.0f}/core-s "
        f"p50 {p[49] * 1e3:7.1f} p99 {p[98] * 1e3:7.1f} ms  status {sorted(statuses)}"
    )


def _publish(address: str, key: str, content: bytes) -> tuple[str, bytes]:
    """Return name and signed bytes of a newly registered picture."""
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "image/jpeg"}
    asked = urllib.request.Request(f"{address}/v1/sign?title=bench", content, headers)
    with urllib.request.urlopen(asked, timeout=120) as answer:
        return answer.headers["Asset-Id"], answer.read()


def _fill(database: Path, codes: int) -> None:
    """Add random codes to the first asset, so that the index is as large as that of a large registry."""
    rng, block = np.random.default_rng(1), 50_000
    with closing(sqlite3.connect(database)) as connection:
        for start in range(0, codes, block):
            rows = rng.integers(0, 256, (block, 32), dtype=np.uint8)
            connection.executemany(
                "INSERT INTO fingerprint (entry_idx, place, algorithm, value) VALUES (0, ?, 'pdq256-v1', ?)",
                ((1000 + start + n, rows[n].tobytes()) for n in range(block)),
            )
        connection.commit()


def _loads(
    key: str, published: Sequence[tuple[str, bytes]], digests: Sequence[str], near: str, seconds: float
) -> list[Load]:
    lookup = [json.dumps({"hashes": [one]}).encode() for one in digests]
    unknown = json.dumps({"hashes": ["sha256:" + "0" * 64]}).encode()
    code = json.dumps({"hashes": [near], "radius": 20}).encode()
    # Each copy once: the same file again is answered from memory. No machine does thirty a second.
    many, paced = round(30 * seconds), round(WHOLE_RATE * seconds) + 2
    alike, photos = copies.blob_copies(many + paced), copies.photograph_copies(many + paced)
    words = f"search and comparison, photographs of {copies.mean_kb(photos):.0f} kB"

    def posted(
        name: str,
        path: str,
        bodies: Sequence[bytes],
        media_type: str,
        connections: int,
        rate: float | None = None,
    ) -> Load:
        return Load(name, [request("POST", path, one, media_type, key) for one in bodies], connections, rate)

    def got(name: str, paths: Sequence[str]) -> Load:
        return Load(name, [request("GET", one, key=key) for one in paths], 16)

    text, jpeg = "application/json", "image/jpeg"
    return [
        got("GET /healthz (does nothing: the limit)", ["/healthz"]),
        posted("look-up by digest, found, with receipt", "/v1/lookup", lookup, text, 16),
        posted("look-up by digest, not found", "/v1/lookup", [unknown], text, 16),
        posted("look-up by PDQ code within 20 bits", "/v1/lookup", [code], text, 16),
        got("k-anonymous prefix", [f"/v1/lookup/prefix/{one[7:12]}" for one in digests]),
        got("GET asset", [f"/v1/assets/{name}" for name, _ in published]),
        posted("look-up by digest, 200/s", "/v1/lookup", lookup, text, 16, 200.0),
        posted("verify, the same signed file again", "/v1/verify", [c for _, c in published], jpeg, 4),
        posted("verify, the same signed file, 30/s", "/v1/verify", [c for _, c in published], jpeg, 4, 30.0),
        posted("verify, search and comparison, look-alikes", "/v1/verify", alike[:many], jpeg, 4),
        posted("verify, the same, 6/s", "/v1/verify", alike[many:], jpeg, 8, WHOLE_RATE),
        posted(f"verify, {words}", "/v1/verify", photos[:many], jpeg, 4),
        posted("verify, the same, 6/s", "/v1/verify", photos[many:], jpeg, 8, WHOLE_RATE),
    ]


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=5.0, help="for each kind of request")
    parser.add_argument("--codes", type=int, default=1_000_000, help="random PDQ codes in the registry")
    parser.add_argument("--only", default="", help="kinds whose name matches this pattern")
    parser.add_argument("--port", type=int, default=8792)
    given = parser.parse_args()
    busy = os.getloadavg()[0]
    print(
        f"{platform.machine()}, {os.cpu_count()} CPUs, load {busy:.1f}, Python {platform.python_version()}, "
        "one service process"
    )
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "installation"
        with service(folder, given.port) as (address, key):
            alike = [copies.blob(seed, 92) for seed in range(copies.BLOBS)]
            published = [_publish(address, key, one) for one in (*alike, *copies.originals())]
        with sqlite3.connect(folder / "registry.db") as connection:
            digests = [f"sha256:{row[0].hex()}" for row in connection.execute("SELECT digest FROM asset")]
            [near] = connection.execute(
                "SELECT value FROM fingerprint WHERE algorithm='pdq256-v1' AND place=0"
            ).fetchone()
        loads = _loads(key, published, digests, f"pdq256-v1:{near.hex()}", given.seconds)
        loads = [one for one in loads if re.search(given.only, one.name)]
        # Random codes are not assets: they fill the index of look-ups, and verification is measured without.
        _measure_all(
            folder, given.port, [one for one in loads if one.name.startswith("verify")], given.seconds
        )
        _fill(folder / "registry.db", given.codes)
        _measure_all(
            folder, given.port, [one for one in loads if not one.name.startswith("verify")], given.seconds
        )
    return 0


def _measure_all(folder: Path, port: int, loads: Sequence[Load], seconds: float) -> None:
    with service(folder, port, again=True):
        process = listener(port)
        for load in loads:
            _warm(port, load)
            measure(port, process, load, seconds)
        print(f"resident memory of the service process: {resident(process) >> 20} MiB")


def _warm(port: int, load: Load) -> None:
    """Ask once, so that indexes are built and workers started before the clock runs."""

    async def once() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 20)
        writer.write(load.requests[-1])
        await _answer(reader)
        writer.close()

    asyncio.run(once())


if __name__ == "__main__":
    sys.exit(main())
