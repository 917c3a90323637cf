"""Look-up of local descriptors by locality-sensitive hashing: most of the near ones, at a cost that hardly grows.

A descriptor is looked up by eight samples of its bits. A stored one is met where all bits of one sample are
equal, and kept where the whole differs in few enough bits. One descriptor may be missed, since a picture has
hundreds: where a miss matters (whole-picture codes) :mod:`provenance.match.index` answers exactly.

Stored descriptors are kept in sorted runs; a run is merged with the one before it as soon as that is no more
than four times its size, so that what was just added is found at once and each descriptor is sorted a few
times in all. Why no library: docs/adr/0003-index-engine.md.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from provenance.fingerprint.local import DESCRIPTOR_BYTES

#: Samples of bits. Source: docs/measurements.md, matching: 8 samples of 20 to 23 bits find the original as
#: often as an exact search does.
TABLES: Final = 8
#: Most bits of a sample; a short run uses the first of them only.
KEY_BITS: Final = 24
#: Distance, bits, up to which a descriptor is near. Source: the same measurement.
RADIUS: Final = 36
#: Stored descriptors under one sample beyond which the sample is passed over: it is shared by too many to
#: say anything, and whoever registers the same picture a thousand times must not slow down every query.
MAX_SHARED: Final = 256

# The bytes of each sample, far apart: neighbouring comparisons of ORB lie closer together. Source:
# bench/index.py on real descriptors; choosing single bits instead brings up as many strangers and takes
# twenty times as long to compute.
_BYTES: Final = tuple((t, (t + 11) % 32, (t + 22) % 32) for t in range(TABLES))
# Mean of stored descriptors a sample value should have: fewer costs memory, more costs time.
_LOAD_BITS = 2
_MIN_BITS = 6
_MERGE_FACTOR = 4
# Descriptors whose distances are computed at a time: their words stay in the cache.
_BLOCK = 1 << 15

Descriptors = NDArray[np.uint8]
_Places = NDArray[np.int64]


class Near(NamedTuple):
    """Near pairs, each once, by ``which`` then ``position``.

    Attributes:
        which: int64, shape (k,): rows of the query.
        position: int64, shape (k,): stored descriptors in their order of adding.
        distance: int64, shape (k,): bits.
    """

    which: _Places
    position: _Places
    distance: _Places


class DescriptorIndex:
    """Descriptors of 256 bits in memory, about 76 bytes each, added and never taken away.

    Readers and one writer at a time may work at once: what a reader sees is complete up to some number of
    descriptors that only grows.
    """

    def __init__(self) -> None:
        self._writing = threading.Lock()
        self._runs: tuple[_Run, ...] = ()

    def __len__(self) -> int:
        return sum(len(run.words) for run in self._runs)

    def add(self, descriptors: Descriptors) -> range:
        """Append descriptors and return their positions; many at once are cheaper than one by one.

        Args:
            descriptors: uint8, shape (n, 32).

        Raises:
            ValueError: ``descriptors`` has another shape or type.
        """
        _check(descriptors)
        with self._writing:
            runs = list(self._runs)
            first = sum(len(run.words) for run in runs)
            words = np.array(descriptors, order="C").view(np.uint64).reshape(-1, 4)
            while runs and len(runs[-1].words) <= _MERGE_FACTOR * len(words):
                words = np.concatenate([runs.pop().words, words])
            if len(words):
                self._runs = (*runs, _Run.of(words))
            return range(first, first + len(descriptors))

    def near(self, descriptors: Descriptors, radius: int = RADIUS) -> Near:
        """Return stored descriptors within ``radius`` of those of a query, most of them but not all.

        A pair ``d`` bits apart is found with probability ``1 - (1 - (1 - d/256)**b)**8``, ``b`` being the
        bits in use (two fewer than the logarithm of a run's length, at most 24): at 20 bits and one million
        stored, three in four.

        Args:
            descriptors: uint8, shape (m, 32).
            radius: 0 to 256 bits.

        Raises:
            ValueError: ``descriptors`` has another shape or type.
        """
        _check(descriptors)
        keys = _keys(descriptors)
        words = np.ascontiguousarray(descriptors).view(np.uint64).reshape(-1, 4)
        parts, start = [_EMPTY], 0
        for run in self._runs:
            found = run.near(words, keys, radius)
            parts.append(found._replace(position=found.position + start))
            start += len(run.words)
        which, position, distance = (np.concatenate(column) for column in zip(*parts, strict=True))
        order = np.lexsort((position, which))
        return Near(which[order], position[order], distance[order])


_EMPTY: Final = Near(*(np.zeros(0, np.int64) for _ in range(3)))


@dataclass(frozen=True, slots=True, eq=False)
class _Run:
    """Descriptors sorted by each sample of their bits.

    Attributes:
        words: uint64, shape (n, 4): the descriptors.
        bits: Bits of a sample in use.
        places: uint32, shape (8, n): positions by sample value.
        starts: uint32, shape (8, 2**bits + 1): where in ``places`` a sample value starts.
    """

    words: NDArray[np.uint64]
    bits: int
    places: NDArray[np.uint32]
    starts: NDArray[np.uint32]

    @classmethod
    def of(cls, words: NDArray[np.uint64]) -> _Run:
        count = len(words)
        bits = int(np.clip(int(np.ceil(np.log2(count + 1))) - _LOAD_BITS, _MIN_BITS, KEY_BITS))
        places = np.empty((TABLES, count), np.uint32)
        starts = np.zeros((TABLES, (1 << bits) + 1), np.uint32)
        keys = _keys(words.view(np.uint8).reshape(-1, DESCRIPTOR_BYTES)) >> np.uint32(KEY_BITS - bits)
        for table in range(TABLES):
            places[table] = _sorted_places(keys[table])
            starts[table, 1:] = np.cumsum(np.bincount(keys[table], minlength=1 << bits))
        return cls(words, bits, places, starts)

    def near(self, words: NDArray[np.uint64], keys: NDArray[np.uint32], radius: int) -> Near:
        which, position = self._met(keys >> np.uint32(KEY_BITS - self.bits))
        distance = np.empty(len(which), np.int64)
        for at in range(0, len(which), _BLOCK):
            part = slice(at, at + _BLOCK)
            apart = self.words[position[part]] ^ words[which[part]]
            distance[part] = np.bitwise_count(apart).sum(axis=1, dtype=np.int64)
        close = np.flatnonzero(distance <= radius)
        # A pair is met once for every sample in which it agrees.
        _, once = np.unique(which[close] * len(self.words) + position[close], return_index=True)
        kept = close[once]
        return Near(which[kept], position[kept], distance[kept])

    def _met(self, keys: NDArray[np.uint32]) -> tuple[_Places, _Places]:
        """Return the pairs with an equal sample: row of the query and place in this run, with repetitions."""
        table = np.repeat(np.arange(TABLES), keys.shape[1])
        row = np.tile(np.arange(keys.shape[1]), TABLES)
        value = keys.ravel().astype(np.intp)
        first = self.starts[table, value].astype(np.int64)
        count = self.starts[table, value + 1].astype(np.int64) - first
        held = (count > 0) & (count <= MAX_SHARED)
        first, count, table, row = first[held], count[held], table[held], row[held]
        before = np.cumsum(count) - count
        offset = np.repeat(first - before, count) + np.arange(int(count.sum()))
        position = self.places[np.repeat(table, count), offset].astype(np.int64)
        return np.repeat(row, count), position


def _keys(descriptors: Descriptors) -> NDArray[np.uint32]:
    """Return the samples of each descriptor, uint32, shape (8, n), 24 bits each."""
    made = np.empty((TABLES, len(descriptors)), np.uint32)
    for table, sampled in enumerate(_BYTES):
        high, middle, low = (descriptors[:, one].astype(np.uint32) for one in sampled)
        made[table] = (high << 16) | (middle << 8) | low
    return made


def _sorted_places(keys: NDArray[np.uint32]) -> NDArray[np.intp]:
    """Return a stable order of 24-bit keys: two passes of 16-bit radix sort, which NumPy has and is quick."""
    low = np.argsort(keys.astype(np.uint16), kind="stable")
    high = np.argsort((keys >> 16).astype(np.uint16)[low], kind="stable")
    return low[high]


def _check(descriptors: Descriptors) -> None:
    shape = descriptors.shape
    if descriptors.ndim != 2 or shape[1] != DESCRIPTOR_BYTES or descriptors.dtype != np.uint8:
        raise ValueError(
            f"descriptors are uint8 of shape (n, {DESCRIPTOR_BYTES}), not {descriptors.dtype} {shape}"
        )
