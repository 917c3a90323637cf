"""Memory of the service while a very large file arrives: ``python -m bench.upload``.

A recording of a gibibyte is sent to a real service in a process of its own; what is read is the most memory that
was resident in the service process from the first byte to the answer, before and after. The limit beside it is
what was resident before the upload, and the time that writing and digesting as many bytes takes here.
"""

from __future__ import annotations

import argparse
import hashlib
import http.client
import json
import os
import platform
import struct
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from bench.fuzz_api import service
from bench.process import children, cpu_s, listener, reset_peak, resident

_BLOCK: Final = 1 << 20
#: Memory that an upload may take beside what is resident anyway, bytes.
_ALLOWED: Final = 100 << 20


def recording(size: int) -> Iterator[bytes]:
    """Yield a WAV file of ``size`` bytes block by block."""
    rate, sound = 48_000, size - 44
    head = struct.pack(
        "<4sI4s4sIHHIIHH", b"RIFF", size - 8, b"WAVE", b"fmt ", 16, 1, 2, rate, rate * 4, 4, 16
    )
    block = os.urandom(_BLOCK)
    yield head + struct.pack("<4sI", b"data", sound)
    for start in range(0, sound, _BLOCK):
        yield block[: min(_BLOCK, sound - start)]


def _send(address: str, key: str, size: int) -> tuple[int, dict[str, object]]:
    host = address.removeprefix("http://")
    connection = http.client.HTTPConnection(host, timeout=600)
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "audio/wav", "Content-Length": str(size)}
    connection.request(
        "POST", "/v1/verify?name=large.wav", recording(size), headers | {"Prefer": "respond-async"}
    )
    answer = connection.getresponse()
    said = answer.status, json.loads(answer.read())
    connection.close()
    return said


def _limit_s(size: int, folder: Path) -> float:
    """Return the CPU seconds that digesting and writing as many bytes takes."""
    before, state = time.process_time(), hashlib.sha256()
    with (folder / "limit").open("wb") as file:
        for block in recording(size):
            state.update(block)
            file.write(block)
    (folder / "limit").unlink()
    return time.process_time() - before


def main() -> int:
    """Print the figures; 1 where an upload took more memory than it may."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mebibytes", type=int, default=1024)
    parser.add_argument("--port", type=int, default=8794)
    given = parser.parse_args()
    size = given.mebibytes << 20
    print(
        f"{platform.machine()}, {os.cpu_count()} CPUs, load {os.getloadavg()[0]:.1f}, "
        f"Python {platform.python_version()}; one service process"
    )
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        limit_s = _limit_s(size, folder)
        with service(folder / "installation", given.port) as (address, key):
            process = listener(given.port)
            _send(address, key, 1 << 20)  # whatever is loaded at the first request is
            time.sleep(2)
            before, spent = resident(process), cpu_s(process)
            reset_peak(process)
            started = time.perf_counter()
            status, job = _send(address, key, size)
            wall = time.perf_counter() - started
            peak, spent = resident(process, "VmHWM"), cpu_s(process) - spent
            workers = [f"{resident(one, 'VmHWM') >> 20} MiB" for one in children(process)]
            connection = http.client.HTTPConnection(address.removeprefix("http://"), timeout=60)
            connection.request("DELETE", f"/v1/jobs/{job['id']}", headers={"Authorization": f"Bearer {key}"})
            connection.getresponse().read()
            connection.close()
    print(
        f"answer {status} after {wall:.1f} s, {spent:.2f} CPU-s; digesting and writing alone {limit_s:.2f} CPU-s"
    )
    print(
        f"service process: {before >> 20} MiB before, at most {peak >> 20} MiB during: "
        f"{(peak - before) / (1 << 20):.1f} MiB for the upload (allowed {_ALLOWED >> 20}); workers {workers}"
    )
    return int(peak - before > _ALLOWED or status != 202)


if __name__ == "__main__":
    sys.exit(main())
