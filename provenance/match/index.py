"""Exact look-up of 256-bit codes within a Hamming radius.

Up to radius 47 the bands of a code (:mod:`provenance.fingerprint.bands`) bring up candidates; beyond that, and
wherever they would bring up too many, all codes are scanned. Both ways give the same answer.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from provenance.fingerprint.bands import BAND_BITS, BANDS, CODE_BYTES, Codes, bands, near_bands, reach

#: Largest radius for which bands are looked up; 697 values a band beyond it cost more than a scan.
MAX_BAND_RADIUS: Final = reach(CODE_BYTES)

_BITS = BANDS * BAND_BITS
_VALUES = 1 << BAND_BITS
# A code brought up by a band costs this many times a code passed over in a scan: it is fetched from a random
# place. Source: bench/index.py on 1e6 codes, 150 to 190 ns against 6 to 8 ns.
_FETCH_COST = 24
# Codes appended since the last merge are scanned. They are merged when they are an eighth of all, so that
# merging costs a constant number of sorts a code, and no sooner than a scan of them takes a tenth of a
# millisecond.
_MIN_PENDING = 8192
_PENDING_SHARE = 8
# Codes scanned at a time: 2 MB of codes stay in the cache between the steps of a scan.
_SCAN_BLOCK = 1 << 16


class Neighbour(NamedTuple):
    """A code found.

    Attributes:
        position: Its place in the order of adding, from 0.
        distance: In bits.
    """

    position: int
    distance: int


def check_codes(codes: Codes) -> None:
    """Check the form of an array of codes.

    Raises:
        ValueError: Not uint8 of shape (n, 32).
    """
    if codes.ndim != 2 or codes.shape[1] != CODE_BYTES or codes.dtype != np.uint8:
        raise ValueError(f"codes are uint8 of shape (n, {CODE_BYTES}), not {codes.dtype} {codes.shape}")


def scan(codes: Codes, code: bytes, radius: int) -> list[Neighbour]:
    """Return the codes within ``radius`` of ``code`` by comparing all; see :meth:`CodeIndex.within`."""
    check_codes(codes)
    words = np.ascontiguousarray(codes).view(np.uint64)
    return _sorted(*_scan(words, _words(code), radius))


class CodeIndex:
    """Codes in memory, 96 bytes each, to which codes are added and never taken away.

    Readers and one writer at a time may work at once: what a reader sees is complete up to some number of
    codes that only grows.
    """

    def __init__(self, codes: Codes | None = None) -> None:
        self._writing = threading.Lock()
        start = np.zeros((0, CODE_BYTES), np.uint8) if codes is None else codes
        check_codes(start)
        self._state = _State.of(start)

    def __len__(self) -> int:
        state = self._state
        return len(state.words) + state.pending.count

    def add(self, codes: Codes) -> range:
        """Append codes.

        Args:
            codes: uint8, shape (n, 32).

        Returns:
            Their positions.

        Raises:
            ValueError: ``codes`` has another shape or type.
        """
        check_codes(codes)
        with self._writing:
            state = self._state
            start = len(state.words) + state.pending.count
            if len(codes) > state.pending.room:
                held = np.concatenate([state.words, state.pending.words[: state.pending.count]])
                every = np.concatenate([held.view(np.uint8), codes])
                self._state = _State.of(every)
            else:
                state.pending.append(codes)
            return range(start, start + len(codes))

    def within(self, code: bytes, radius: int) -> list[Neighbour]:
        """Return every code within ``radius`` bits of ``code``, without exception.

        Args:
            code: 32 bytes.
            radius: 0 to 256 bits.

        Returns:
            The neighbours by distance, then position.

        Raises:
            ValueError: ``code`` has another length or ``radius`` is out of range.
        """
        if not 0 <= radius <= _BITS:
            raise ValueError(f"a radius is 0 to {_BITS} bits, not {radius}")
        query = _words(code)
        state = self._state
        pending = state.pending.words[: state.pending.count]
        found = [state.within(query, code, radius)]
        if len(pending):
            positions, distances = _scan(pending, query, radius)
            found.append((positions + len(state.words), distances))
        return _sorted(
            np.concatenate([positions for positions, _ in found]),
            np.concatenate([distances for _, distances in found]),
        )

    def within_any(self, codes: Sequence[bytes], radius: int) -> list[tuple[int, Neighbour]]:
        """Return every code within ``radius`` of any of several, for example all forms of a picture.

        Args:
            codes: Codes of 32 bytes.
            radius: 0 to 256 bits.

        Returns:
            For each position found once: which of ``codes`` is nearest (the first of equals) and the
            neighbour; by distance, then position.
        """
        best: dict[int, tuple[int, Neighbour]] = {}
        for which, code in enumerate(codes):
            for found in self.within(code, radius):
                held = best.get(found.position)
                if held is None or found.distance < held[1].distance:
                    best[found.position] = (which, found)
        return sorted(best.values(), key=lambda entry: (entry[1].distance, entry[1].position))


class _Pending:
    """Codes waiting to be merged: written before they are counted, so a reader never sees half of one."""

    def __init__(self, capacity: int) -> None:
        self.words = np.zeros((capacity, CODE_BYTES // 8), np.uint64)
        self.count = 0

    @property
    def room(self) -> int:
        return len(self.words) - self.count

    def append(self, codes: Codes) -> None:
        end = self.count + len(codes)
        self.words[self.count : end] = np.ascontiguousarray(codes).view(np.uint64)
        self.count = end


@dataclass(frozen=True, slots=True, eq=False)
class _State:
    """Codes sorted into bands.

    Attributes:
        words: uint64, shape (n, 4): the codes.
        places: uint32, shape (16, n): positions by band value.
        starts: uint32, shape (16, 65537): where in ``places`` a band value starts.
        pending: Codes added since.
    """

    words: NDArray[np.uint64]
    places: NDArray[np.uint32]
    starts: NDArray[np.uint32]
    pending: _Pending

    @classmethod
    def of(cls, codes: Codes) -> _State:
        values = bands(codes)
        places = np.empty((BANDS, len(codes)), np.uint32)
        starts = np.zeros((BANDS, _VALUES + 1), np.uint32)
        # Zeros that nobody writes take no memory: a service keeps ten indexes, most of them empty, at 4 MiB each.
        for band in range(BANDS if len(codes) else 0):
            column = np.ascontiguousarray(values[:, band])
            places[band] = np.argsort(column, kind="stable")
            starts[band, 1:] = np.cumsum(np.bincount(column, minlength=_VALUES))
        # A copy: the caller may go on writing into its array.
        words = np.array(codes, order="C").view(np.uint64).reshape(-1, CODE_BYTES // 8)
        return cls(words, places, starts, _Pending(max(_MIN_PENDING, len(codes) // _PENDING_SHARE)))

    def within(
        self, query: NDArray[np.uint64], code: bytes, radius: int
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        if radius > MAX_BAND_RADIUS:
            return _scan(self.words, query, radius)
        # 1. The band values within the bits that one band must agree up to.
        values = near_bands(code, radius).astype(np.intp)
        band = np.repeat(np.arange(BANDS), values.shape[1])
        first = self.starts[band, values.ravel()].astype(np.int64)
        count = self.starts[band, values.ravel() + 1].astype(np.int64) - first
        total = int(count.sum())
        # 2. Where they bring up too much, as with codes of nearly equal pictures, scanning is cheaper.
        if total * _FETCH_COST >= len(self.words):
            return _scan(self.words, query, radius)
        # 3. The candidates, those of all values in one array; a code may come up in several bands.
        filled = count > 0
        first, count, band = first[filled], count[filled], band[filled]
        offset = np.repeat(first - np.concatenate([[0], np.cumsum(count)[:-1]]), count) + np.arange(total)
        candidates = self.places[np.repeat(band, count), offset].astype(np.int64)
        distances = _distances(self.words[candidates], query)
        near = distances <= radius
        positions, chosen = np.unique(candidates[near], return_index=True)
        return positions, distances[near][chosen]


def _words(code: bytes) -> NDArray[np.uint64]:
    if len(code) != CODE_BYTES:
        raise ValueError(f"a code has {CODE_BYTES} bytes, not {len(code)}")
    return np.frombuffer(code, np.uint64)


def _distances(words: NDArray[np.uint64], query: NDArray[np.uint64]) -> NDArray[np.int64]:
    distances: NDArray[np.int64] = np.bitwise_count(words ^ query).sum(axis=1, dtype=np.int64)
    return distances


def _scan(
    words: NDArray[np.uint64], query: NDArray[np.uint64], radius: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    positions, distances = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    for start in range(0, len(words), _SCAN_BLOCK):
        part = words[start : start + _SCAN_BLOCK]
        # Column by column: four passes over long arrays, where a sum over rows of four is slow.
        sums = np.bitwise_count(part[:, 0] ^ query[0]).astype(np.uint16)
        for column in range(1, CODE_BYTES // 8):
            sums += np.bitwise_count(part[:, column] ^ query[column])
        near = np.flatnonzero(sums <= radius)
        positions.append(near + start)
        distances.append(sums[near].astype(np.int64))
    return np.concatenate(positions), np.concatenate(distances)


def _sorted(positions: NDArray[np.int64], distances: NDArray[np.int64]) -> list[Neighbour]:
    order = np.lexsort((positions, distances))
    return [
        Neighbour(position, distance)
        for position, distance in zip(positions[order].tolist(), distances[order].tolist(), strict=True)
    ]
