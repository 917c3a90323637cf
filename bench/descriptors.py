"""Engines for local descriptors side by side: recall, CPU time of a query, memory and building.

Run: ``python -m bench.descriptors [--sizes 100000 1000000] [--engines ours faiss-hash ...]``. Stored are ORB
descriptors of scikit-image's photographs, each repeated with 60 of 256 bits flipped, which keeps how uneven
real bits are and puts the repetitions out of reach of each other. A query is 600 stored descriptors (a
picture and its mirror image) with 5 to 36 bits flipped; recall is the share of them whose stored descriptor is
answered. ``faiss-cpu`` and ``usearch`` are optional: an engine that is not installed is left out by name.
"""

from __future__ import annotations

import argparse
import importlib.util
import time
from collections.abc import Callable
from importlib.metadata import files
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from provenance.fingerprint import local
from provenance.match.descriptors import RADIUS, DescriptorIndex
from provenance.match.index import CodeIndex

Codes = NDArray[np.uint8]
Pairs = tuple[NDArray[np.int64], NDArray[np.int64]]
#: Returns rows of the query and stored positions within the radius.
Search = Callable[[Codes], Pairs]

QUERY_SIZE = 600


def flipped(codes: Codes, counts: NDArray[np.int64], rng: np.random.Generator) -> Codes:
    """Return the codes with ``counts`` different bits flipped in each."""
    order = np.argsort(rng.random((len(codes), 256), np.float32), axis=1)
    masks = np.zeros((len(codes), 256), np.uint8)
    chosen = np.arange(256)[None, :] < counts[:, None]
    np.put_along_axis(masks, order, chosen.astype(np.uint8), axis=1)
    return np.asarray(codes ^ np.packbits(masks, axis=1), np.uint8)


def stored_of(size: int, rng: np.random.Generator) -> Codes:
    """Return ``size`` descriptors, uint8 of shape (size, 32)."""
    real = []
    for one in files("scikit-image") or ():
        path = Path(str(one.locate()))
        gray = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE) if path.suffix in (".png", ".jpg") else None
        if gray is not None and min(gray.shape) >= 200:
            real.append(local.features(np.asarray(gray, np.uint8), 2000, 20).descriptors)
    found = np.concatenate(real)
    parts = [found[:size]]
    while sum(map(len, parts)) < size:
        block = found[rng.integers(0, len(found), min(50_000, size - sum(map(len, parts))))]
        parts.append(flipped(block, np.full(len(block), 60), rng))
    return np.concatenate(parts)


# --- engines ---------------------------------------------------------------------------------------------


def ours(stored: Codes) -> Search:
    """The product's: eight samples, sorted runs."""
    index = DescriptorIndex()
    index.add(stored)

    def search(query: Codes) -> Pairs:
        near = index.near(query)
        return near.which, near.position

    return search


def exact(stored: Codes) -> Search:
    """The product's exact index of whole-picture codes, at its widest banded radius."""
    index = CodeIndex(stored)

    def search(query: Codes) -> Pairs:
        found = [
            (row, near.position) for row, code in enumerate(query) for near in index.within(bytes(code), 31)
        ]
        which, position = np.array(found, np.int64).reshape(-1, 2).T
        return which, position

    return search


def _ranged(index: object, query: Codes) -> Pairs:
    limits, _, position = index.range_search(query, RADIUS + 1)  # type: ignore[attr-defined]
    return np.repeat(np.arange(len(query)), np.diff(limits.astype(np.int64))), np.asarray(position, np.int64)


def _nearest(index: object, query: Codes) -> Pairs:
    distance, position = index.search(query, 50)  # type: ignore[attr-defined]
    which, rank = np.nonzero((distance <= RADIUS) & (position >= 0))
    return which, position[which, rank]


def faiss_flat(stored: Codes) -> Search:
    """Brute force in C++ with vector instructions."""
    import faiss  # noqa: PLC0415 - optional

    index = faiss.IndexBinaryFlat(256)
    index.add(stored)
    return lambda query: _ranged(index, query)


def faiss_multihash(stored: Codes) -> Search:
    """Faiss' own form of the same hashing: eight keys of 20 bits, none flipped."""
    import faiss  # noqa: PLC0415 - optional

    index = faiss.IndexBinaryMultiHash(256, 8, 20)
    index.nflip = 0
    index.add(stored)
    return lambda query: _ranged(index, query)


def faiss_ivf(stored: Codes) -> Search:
    """Inverted lists around trained centres, eight of them looked at."""
    import faiss  # noqa: PLC0415 - optional

    quantizer = faiss.IndexBinaryFlat(256)
    index = faiss.IndexBinaryIVF(quantizer, 256, max(16, int(4 * len(stored) ** 0.5) // 4))
    index.train(stored[:: max(1, len(stored) // 50_000)])
    index.add(stored)
    index.nprobe = 8
    search: Search = lambda query: _nearest(index, query)  # noqa: E731 - keeps quantizer alive
    search.__dict__["quantizer"] = quantizer
    return search


def usearch_graph(stored: Codes) -> Search:
    """HNSW graph over bits."""
    from usearch.index import Index  # noqa: PLC0415 - optional

    index = Index(ndim=256, dtype="b1", metric="hamming", connectivity=16)
    index.add(np.arange(len(stored)), stored, threads=1)

    def search(query: Codes) -> Pairs:
        found = index.search(query, 50, threads=1)
        which, rank = np.nonzero(found.distances <= RADIUS)
        return which, found.keys[which, rank].astype(np.int64)

    return search


ENGINES: dict[str, tuple[str, Callable[[Codes], Search]]] = {
    "ours": ("numpy", ours),
    "exact-index": ("numpy", exact),
    "faiss-flat": ("faiss", faiss_flat),
    "faiss-multihash": ("faiss", faiss_multihash),
    "faiss-ivf": ("faiss", faiss_ivf),
    "usearch-hnsw": ("usearch", usearch_graph),
}


def resident_mb() -> float:
    """Return the memory of this process, MB."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 1e6


def measure(name: str, stored: Codes, queries: int) -> str:
    """Return one line on an engine."""
    rng = np.random.default_rng(2)
    before, start = resident_mb(), time.process_time()
    search = ENGINES[name][1](stored)
    built, memory = time.process_time() - start, resident_mb() - before
    times, met, answers = [], 0, 0
    for _ in range(queries):
        wanted = rng.integers(0, len(stored), QUERY_SIZE)
        query = flipped(stored[wanted], rng.integers(5, RADIUS + 1, QUERY_SIZE), rng)
        start = time.process_time()
        which, position = search(query)
        times.append((time.process_time() - start) * 1e3)
        met += len(np.unique(which[position == wanted[which]]))
        answers += len(which)
    recall = met / queries / QUERY_SIZE
    return (
        f"{len(stored):>10,} {name:<16} {np.median(times):9.1f} ms  recall {recall:.3f}  "
        f"{answers / queries:8.0f} answers  {memory:8.0f} MB  built in {built:7.1f} s"
    )


def main() -> None:
    """Print one line for each size and engine."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--sizes", type=int, nargs="+", default=[100_000, 1_000_000])
    options.add_argument("--engines", nargs="+", choices=ENGINES, default=list(ENGINES))
    options.add_argument("--queries", type=int, default=5)
    given = options.parse_args()
    if importlib.util.find_spec("faiss"):
        import faiss  # noqa: PLC0415 - optional

        faiss.omp_set_num_threads(1)
    print(f"CPU time of {QUERY_SIZE} descriptors, one thread, radius {RADIUS}")
    for size in given.sizes:
        stored = stored_of(size, np.random.default_rng(1))
        for name in given.engines:
            if importlib.util.find_spec(ENGINES[name][0]) is None:
                print(f"{size:>10,} {name:<16} not installed")
                continue
            print(measure(name, stored, given.queries), flush=True)


if __name__ == "__main__":
    main()
