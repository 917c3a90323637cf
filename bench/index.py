"""Time of one exact look-up in the code index beside a scan of all codes, in the same run.

Run: ``python -m bench.index [--sizes 10000 100000 1000000] [--radius 31] [--queries 200] [--plot FILE.svg]``. Codes
are random; ``--clustered`` puts them within 40 bits of a tenth as many centres, as frames of films are.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from provenance.fingerprint.bands import CODE_BYTES
from provenance.match.index import CodeIndex, Neighbour, scan


def codes_of(size: int, rng: np.random.Generator, *, clustered: bool) -> NDArray[np.uint8]:
    """Return ``size`` codes, uint8 of shape (size, 32)."""
    if not clustered:
        return rng.integers(0, 256, (size, CODE_BYTES), np.uint8)
    centres = rng.integers(0, 256, (max(1, size // 10), CODE_BYTES), np.uint8)
    made = centres[rng.integers(0, len(centres), size)]
    for _ in range(40):
        bits = rng.integers(0, 256, size)
        made[np.arange(size), bits // 8] ^= (1 << (bits % 8)).astype(np.uint8)
    return made


def queries_of(codes: NDArray[np.uint8], count: int, rng: np.random.Generator) -> list[bytes]:
    """Return codes up to 31 bits away from stored ones, and as many unrelated ones."""
    chosen = np.unpackbits(codes[rng.integers(0, len(codes), count // 2)], axis=1)
    for row in chosen:
        row[rng.choice(256, int(rng.integers(0, 32)), replace=False)] ^= 1
    near = [bytes(row) for row in np.packbits(chosen, axis=1)]
    return near + [rng.bytes(CODE_BYTES) for _ in range(count - len(near))]


def timed(run: Callable[[bytes], list[Neighbour]], queries: list[bytes]) -> tuple[NDArray[np.float64], int]:
    """Return the CPU time of each query, ms, and how many neighbours all found."""
    times, found = [], 0
    for query in queries:
        start = time.process_time_ns()
        found += len(run(query))
        times.append((time.process_time_ns() - start) / 1e6)
    return np.array(times), found


def plotted(curves: Mapping[str, Sequence[tuple[int, float, float]]], place: Path) -> None:
    """Draw median and 99th percentile of each way over the number of codes, both axes logarithmic."""
    from matplotlib import pyplot as plt  # noqa: PLC0415 - only who draws needs it

    figure, axes = plt.subplots(figsize=(6, 3.6), layout="constrained")
    for name, colour in zip(curves, ("#1f6f8b", "#b5532a"), strict=True):
        sizes, middle, last = zip(*curves[name], strict=True)
        axes.loglog(sizes, middle, "o-", color=colour, label=f"{name}, median")
        axes.loglog(sizes, last, "o:", color=colour, label=f"{name}, 99 of 100 below")
    axes.set_xlabel("codes")
    axes.set_ylabel("CPU ms a query")
    axes.legend()
    figure.savefig(place)


def main() -> None:
    """Print one line for each size and way."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--sizes", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    options.add_argument("--radius", type=int, default=31)
    options.add_argument("--queries", type=int, default=200)
    options.add_argument("--clustered", action="store_true")
    options.add_argument("--plot", type=Path, help="SVG of the growth with the number of codes")
    given = options.parse_args()
    curves: dict[str, list[tuple[int, float, float]]] = {"index": [], "scan": []}
    rng = np.random.default_rng(1)
    print(f"radius {given.radius}, {given.queries} queries, {'clustered' if given.clustered else 'random'}")
    for size in given.sizes:
        codes = codes_of(size, rng, clustered=given.clustered)
        start = time.process_time()
        index = CodeIndex(codes)
        built = time.process_time() - start
        queries = queries_of(codes, given.queries, rng)
        counts = set()
        for name, run in (
            ("index", partial(index.within, radius=given.radius)),
            ("scan", partial(scan, codes, radius=given.radius)),
        ):
            times, found = timed(run, queries)
            counts.add(found)
            p50, p99 = (float(value) for value in np.percentile(times, [50, 99]))
            curves[name].append((size, p50, p99))
            print(f"{size:>10,} {name:>6}  p50 {p50:8.3f} ms  p99 {p99:8.3f} ms  built in {built:6.2f} s CPU")
        if len(counts) != 1:
            raise SystemExit(f"index and scan found different numbers of neighbours: {sorted(counts)}")
    if given.plot:
        plotted(curves, given.plot)


if __name__ == "__main__":
    main()
