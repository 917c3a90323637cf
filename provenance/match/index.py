"""Exact look-up of 256-bit codes within a Hamming radius.

A code is cut into 16 bands of 16 bits. Two codes within radius r agree in some band up to ``r // 16`` bits
(pigeonhole), so looking up every band value that near misses nothing: 17 values a band up to radius 31, 137
up to 47. Beyond that, and wherever the bands would bring up too many candidates, all codes are scanned; both
ways give the same answer.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

#: Bytes of one code.
CODE_BYTES: Final = 32
#: Bands of a code and bits of a band.
BANDS: Final = 16
BAND_BITS: Final = 16
#: Largest radius for which bands are looked up; 697 values a band beyond it cost more than a scan.
MAX_BAND_RADIUS: Final = 3 * BANDS - 1

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

Codes = NDArray[np.uint8]


class Neighbour(NamedTuple):
    """A code found.

    Attributes:
        position: Its place in the order of adding, from 0.
        distance: In bits.
    """

    position: int
    distance: int


def _permutation() -> NDArray[np.intp]:
    """Return the fixed order of bits: sorted by the SHA-256 of their number.

    Neighbouring bits of PDQ and ORB speak of neighbouring frequencies or points and go together; spread over
    the bands they bring up 1.8 instead of 2.5 times the candidates of random bits (docs/measurements.md,
    index). The order is also that of bands kept in a database, so it must never change.
    """
    order = sorted(range(_BITS), key=lambda bit: hashlib.sha256(bytes([bit])).digest())
    return np.array(order, np.intp)


_ORDER: Final = _permutation()


def bands(codes: Codes) -> NDArray[np.uint16]:
    """Return the 16 band values of each code.

    Args:
        codes: uint8, shape (n, 32).

    Returns:
        uint16, shape (n, 16). Codes within radius 31 share a value up to one bit in at least one band.
    """
    check_codes(codes)
    values = np.empty((len(codes), BANDS), np.uint16)
    # In blocks: a bit takes a byte while it is moved.
    for start in range(0, len(codes), _SCAN_BLOCK):
        bits = np.unpackbits(codes[start : start + _SCAN_BLOCK], axis=1).take(_ORDER, axis=1)
        values[start : start + _SCAN_BLOCK] = np.packbits(bits, axis=1).view(">u2")
    return values


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
        masks = _MASKS[radius // BANDS]
        values = (bands(np.frombuffer(code, np.uint8)[None])[0][:, None] ^ masks).astype(np.intp)
        band = np.repeat(np.arange(BANDS), len(masks))
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


def _masks(bits: int) -> NDArray[np.uint16]:
    """Return all 16-bit values with at most ``bits`` bits set."""
    every = [
        sum(1 << bit for bit in chosen)
        for size in range(bits + 1)
        for chosen in combinations(range(BAND_BITS), size)
    ]
    return np.array(every, np.uint16)


_MASKS: Final = tuple(_masks(bits) for bits in range(MAX_BAND_RADIUS // BANDS + 1))


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
