"""Bands: the pieces of a code by which near codes are looked up exactly.

A code is cut into bands of 16 bits, 16 of them for 256 bits. Two codes within radius r agree in some band up to
``r // bands`` bits (pigeonhole), so looking up every band value that near misses nothing: 17 values a band up to
radius 31 of 256 bits, 137 up to 47. In memory :mod:`provenance.match.index` does so, in PostgreSQL the table of
:mod:`provenance.ledger.banded`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from functools import cache
from itertools import combinations
from typing import Final

import numpy as np
from numpy.typing import NDArray

#: Bytes of the codes that most of this is about, their bands, and bits of a band.
CODE_BYTES: Final = 32
BANDS: Final = 16
BAND_BITS: Final = 16
#: Most bits by which a band is varied; three make 697 values a band, which cost more than a scan of all codes.
MAX_VARIED: Final = 2
#: Bits moved at a time, as bytes: 2 MB of codes stay in the cache.
_BLOCK: Final = 1 << 16

Codes = NDArray[np.uint8]


@cache
def _order(bits: int) -> NDArray[np.intp]:
    """Return the fixed order of bits: sorted by the SHA-256 of their number.

    Neighbouring bits of PDQ and ORB speak of neighbouring frequencies or points and go together; spread over
    the bands they bring up 1.8 instead of 2.5 times the candidates of random bits (docs/measurements.md,
    index). The order is also that of bands kept in databases, so it must never change.
    """
    return np.array(sorted(range(bits), key=lambda bit: hashlib.sha256(bytes([bit])).digest()), np.intp)


def bands(codes: Codes) -> NDArray[np.uint16]:
    """Return the band values of each code.

    Args:
        codes: uint8, shape (n, 8) or (n, 32).

    Returns:
        uint16, shape (n, 4) or (n, 16). Codes of 256 bits within radius 31 share a value up to one bit in at
        least one band.
    """
    if codes.ndim != 2 or codes.dtype != np.uint8 or codes.shape[1] not in (8, CODE_BYTES):
        raise ValueError(f"codes are uint8 of shape (n, 8) or (n, 32), not {codes.dtype} {codes.shape}")
    order = _order(8 * codes.shape[1])
    values = np.empty((len(codes), codes.shape[1] * 8 // BAND_BITS), np.uint16)
    # In blocks: a bit takes a byte while it is moved.
    for start in range(0, len(codes), _BLOCK):
        bits = np.unpackbits(codes[start : start + _BLOCK], axis=1).take(order, axis=1)
        values[start : start + _BLOCK] = np.packbits(bits, axis=1).view(">u2")
    return values


def reach(size: int) -> int:
    """Return the largest radius, bits, at which bands of codes of ``size`` bytes are looked up."""
    return (MAX_VARIED + 1) * (size * 8 // BAND_BITS) - 1


def near_bands(code: bytes, radius: int) -> NDArray[np.uint16]:
    """Return the band values of which every code within ``radius`` has at least one.

    Args:
        code: 8 or 32 bytes.
        radius: 0 to :func:`reach` bits.

    Returns:
        uint16, shape (bands, values a band): 1, 17 or 137 values.
    """
    own = bands(np.frombuffer(code, np.uint8)[None])[0]
    near: NDArray[np.uint16] = own[:, None] ^ masks(radius // len(own))
    return near


@cache
def masks(bits: int) -> NDArray[np.uint16]:
    """Return all 16-bit values with at most ``bits`` bits set."""
    return np.fromiter(_masks(bits), np.uint16)


def _masks(bits: int) -> Iterator[int]:
    for size in range(bits + 1):
        yield from (sum(1 << bit for bit in chosen) for chosen in combinations(range(BAND_BITS), size))
