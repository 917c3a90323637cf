"""The pixel watermark of open generators (dwtDct): read without any model, its lattice found at any crop offset.

The scheme, as its public description has it: the U plane of the picture is halved by a Haar wavelet; in each
4 x 4 block of the low band the largest coefficient but the first is moved to a quarter (bit 0) or three
quarters (bit 1) of a step of 36. Bits repeat along the blocks, row by row. It survives lossless copies and
straight crops of them, nothing else; so only losslessly stored pictures are worth a look.

Source: docs/measurements.md, marks: thresholds with their measured false hits.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

#: Step of the quantisation, in units of the low band.
STEP: Final = 36.0
#: Side of a block: 4 coefficients of the low band, 8 pixels.
BLOCK_PX: Final = 8
#: Payloads that generators write: name of the generator, bits. Source: public sources of the generators.
PAYLOADS: Final[tuple[tuple[str, str], ...]] = (
    ("Stable Diffusion XL", "101100111110110010010000011110111011000110011110"),
    ("Stable Diffusion 1", "".join(f"{byte:08b}" for byte in b"StableDiffusionV1")),
    ("Stable Diffusion 2", "".join(f"{byte:08b}" for byte in b"SDV2")),
    # Published as a 48-bit number whose two leading zeros its own program drops.
    ("FLUX.1", "1010101111111010000111100111001111010100101110"),
    ("InvokeAI", "".join(f"{byte:08b}" for byte in b"InvokeAI")),
)
#: Bits of the payload that must be read right, by number of bits: by chance, over all places a payload may start
#: at, at most one picture in 8,000. Source: binomial tails; python -m bench.marks counts false hits.
BITS_RIGHT: Final = {48: 42, 136: 108, 32: 31, 46: 41, 64: 54}
#: Concentration of the largest coefficients at a quarter and three quarters of the step, -1..1, from which the
#: payloads are tried. Source: python -m bench.marks: 1,638 unmarked photographs have a median of -.01, but 1 % lie
#: over .55, so this only saves time; marked ones have .27 and more. The payload decides.
LATTICE: Final = 0.2
#: Pixels a side of the middle part in which offsets are searched.
_SEARCH_PX: Final = 768
#: Fewest blocks that are read: each bit of the longest payload is then read at least twice.
_MIN_BLOCKS: Final = 272

Rgb = NDArray[np.uint8]
Bits = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Watermark:
    """A payload that was read from the pixels.

    Attributes:
        generator: Whose payload it is.
        right: Bits read right.
        bits: Bits of the payload.
        cropped: Whether the picture begins inside the original.
    """

    generator: str
    right: int
    bits: int
    cropped: bool


def read_watermark(rgb: Rgb) -> Watermark | None:
    """Return the watermark in the pixels, or None where none of the known payloads can be read.

    Args:
        rgb: uint8, shape (height, width, 3), as stored: not resized, not turned.
    """
    plane = _u_plane(rgb)
    if plane.shape[0] * plane.shape[1] < _MIN_BLOCKS * BLOCK_PX * BLOCK_PX or min(plane.shape) < 4 * BLOCK_PX:
        return None
    offset, strength = _offset(plane)
    if strength < LATTICE:
        return None
    values = _largest(plane[offset[0] :, offset[1] :])
    ones = values % STEP > STEP / 2
    read = [_best(ones, generator, payload) for generator, payload in PAYLOADS]
    good = [one for one in read if one.right >= BITS_RIGHT[one.bits]]
    return max(good, key=lambda one: one.right / one.bits, default=None)


def lattice(rgb: Rgb) -> float:
    """Return how far the largest coefficients gather at the lattice's places, at the best offset, -1..1."""
    return _offset(_u_plane(rgb))[1]


def _u_plane(rgb: Rgb) -> NDArray[np.float32]:
    return np.asarray(cv2.cvtColor(rgb, cv2.COLOR_RGB2YUV)[:, :, 1], np.float32)


def _low_band(plane: NDArray[np.float32]) -> NDArray[np.float32]:
    height, width = (side // 2 * 2 for side in plane.shape)
    even = plane[:height, :width]
    return np.asarray((even[::2, ::2] + even[1::2, ::2] + even[::2, 1::2] + even[1::2, 1::2]) / 2, np.float32)


def _largest(plane: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the largest coefficient but the first of each whole block, shape (rows, columns)."""
    return _of_blocks(_low_band(plane))


def _of_blocks(band: NDArray[np.float32]) -> NDArray[np.float32]:
    rows, columns = band.shape[0] // 4, band.shape[1] // 4
    blocks = band[: rows * 4, : columns * 4].reshape(rows, 4, columns, 4).swapaxes(1, 2).reshape(-1, 16)
    return np.asarray(np.abs(blocks[:, 1:]).max(axis=1).reshape(rows, columns), np.float32)


def _offset(plane: NDArray[np.float32]) -> tuple[tuple[int, int], float]:
    """Return the pixel offset (down, right) at which the lattice shows best, and how well."""
    top = max(0, (plane.shape[0] - _SEARCH_PX) // 2) // BLOCK_PX * BLOCK_PX
    left = max(0, (plane.shape[1] - _SEARCH_PX) // 2) // BLOCK_PX * BLOCK_PX
    middle = plane[top : top + _SEARCH_PX, left : left + _SEARCH_PX]
    best, place = -1.0, (0, 0)
    for down in (0, 1):
        for right in (0, 1):
            band = _low_band(middle[down:, right:])
            for row in range(4):
                for column in range(4):
                    values = _of_blocks(band[row:, column:])
                    # A quarter and three quarters of the step are one place modulo half a step.
                    gathered = float(np.cos((values - STEP / 4) * (4 * np.pi / STEP)).mean())
                    if gathered > best:
                        best, place = gathered, (2 * row + down, 2 * column + right)
    return place, best


def _best(ones: Bits, generator: str, payload: str) -> Watermark:
    """Return the reading of ``payload`` at the best of all row lengths and starts the original may have had."""
    length = len(payload)
    signs = np.where(np.frombuffer(payload.encode(), np.uint8) == ord("1"), 1.0, -1.0)
    rows, columns = ones.shape
    votes = np.where(ones, 1.0, -1.0)
    # Votes of a row by column modulo the length, then against every rotation of the payload.
    folded = np.zeros((rows, length))
    for start in range(0, columns, length):
        part = votes[:, start : start + length]
        folded[:, : part.shape[1]] += part
    turned = np.stack([np.roll(signs, -turn) for turn in range(length)], axis=1)
    agreed = folded @ turned
    numbers = np.arange(rows)
    totals = np.empty((length, length))
    for row_step in range(length):
        shifts = (numbers[:, None] * row_step + np.arange(length)) % length
        totals[row_step] = np.take_along_axis(agreed, shifts, axis=1).sum(axis=0)
    row_step, start = (int(one) for one in np.unravel_index(int(totals.argmax()), totals.shape))
    right = _bits_right(votes, signs, row_step, start)
    whole = start == 0 and row_step == columns % length
    return Watermark(generator, right, length, not whole)


def _bits_right(votes: NDArray[np.float64], signs: NDArray[np.float64], row_step: int, start: int) -> int:
    rows, columns = votes.shape
    which = (np.arange(rows)[:, None] * row_step + np.arange(columns) + start) % len(signs)
    sums = np.bincount(which.ravel(), weights=votes.ravel(), minlength=len(signs))
    return int((np.sign(sums) == signs).sum())
