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
import sqlite3
import statistics
import sys
import tempfile
import time
import urllib.request
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image

from bench.fuzz_api import service
from bench.process import cpu_s, listener, resident


@dataclass(frozen=True, slots=True)
class Load:
    """A kind of request: what it is, the prepared requests, and how many connections send them."""

    name: str
    requests: Sequence[bytes]
    connections: int


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
    port: int, load: Load, first: int, until: float, times: list[float], statuses: set[int]
) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 20)
    number = first
    while time.perf_counter() < until:
        started = time.perf_counter()
        writer.write(load.requests[number % len(load.requests)])
        await writer.drain()
        statuses.add(await _answer(reader))
        times.append(time.perf_counter() - started)
        number += load.connections
    writer.close()


def measure(port: int, process: int, load: Load, seconds: float) -> None:
    """Send ``load`` for ``seconds`` and print what came of it."""
    times: list[float] = []
    statuses: set[int] = set()

    async def all_of_them() -> None:
        until = time.perf_counter() + seconds
        senders = [_send(port, load, n, until, times, statuses) for n in range(load.connections)]
        await asyncio.gather(*senders)

    before, started = cpu_s(process), time.perf_counter()
    asyncio.run(all_of_them())
    wall, spent = time.perf_counter() - started, cpu_s(process) - before
    p = statistics.quantiles(times, n=100) if len(times) > 1 else times * 99
    print(
        f"{load.name:44} {len(times) / wall:8.0f}/s wall {len(times) / max(spent, 0.01):8.0f}/core-s "
        f"p50 {p[49] * 1e3:7.1f} p99 {p[98] * 1e3:7.1f} ms  status {sorted(statuses)}"
    )


def _picture(seed: int, quality: int, size: int = 900) -> bytes:
    rough = np.random.default_rng(seed).integers(0, 256, (24, 32, 3), dtype=np.uint8)
    made = BytesIO()
    Image.fromarray(rough).resize((size * 4 // 3, size), Image.Resampling.BICUBIC).save(
        made, "JPEG", quality=quality
    )
    return made.getvalue()


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


def _loads(key: str, published: Sequence[tuple[str, bytes]], digests: Sequence[str], near: str) -> list[Load]:
    lookup = [json.dumps({"hashes": [one]}).encode() for one in digests]
    unknown = json.dumps({"hashes": ["sha256:" + "0" * 64]}).encode()
    code = json.dumps({"hashes": [near], "radius": 20}).encode()
    copies = [_picture(n % 8, 60 + n // 8) for n in range(240)]

    def posted(name: str, path: str, bodies: Sequence[bytes], media_type: str, connections: int) -> Load:
        return Load(name, [request("POST", path, one, media_type, key) for one in bodies], connections)

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
        posted("verify, the same signed file again", "/v1/verify", [c for _, c in published], jpeg, 4),
        posted("verify, another copy each time", "/v1/verify", copies, jpeg, 4),
    ]


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=5.0, help="for each kind of request")
    parser.add_argument("--codes", type=int, default=1_000_000, help="random PDQ codes in the registry")
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
            published = [_publish(address, key, _picture(seed, 92)) for seed in range(8)]
        with sqlite3.connect(folder / "registry.db") as connection:
            digests = [f"sha256:{row[0].hex()}" for row in connection.execute("SELECT digest FROM asset")]
            [near] = connection.execute(
                "SELECT value FROM fingerprint WHERE algorithm='pdq256-v1' AND place=0"
            ).fetchone()
        loads = _loads(key, published, digests, f"pdq256-v1:{near.hex()}")
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
