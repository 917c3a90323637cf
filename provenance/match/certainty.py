"""Whether only one place in a film fits a stretch of a copy: scenes that stand still or come back fit at several."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np

from provenance.match.films import Films
from provenance.match.path import Line

#: Bits per frame by which another place must be worse for this one to be told from it. Source: as for speeds,
#: :mod:`provenance.match.timeline`; clean copies of one frame are up to 8 bits apart, and 24 frames are averaged.
TELLING_BITS: Final = 3.0
#: Shifts below this are the error of placing itself, seconds.
MIN_SHIFT_S: Final = 1.0
# Frames that are compared, spread over the stretch.
_FRAMES = 24
# Bits by which a stored frame may be farther from a frame of the copy than its nearest one to propose a shift.
_NEAR_BITS = 12
# Shifts that are tried, nearest first.
_MAX_SHIFTS = 64


def uncertain_s(films: Films, line: Line, first: int, end: int) -> float:
    """Return by how many seconds the place of a stretch may be off; 0 where no other place fits as well.

    Args:
        films: Codes of copy and asset.
        line: Where the stretch lies.
        first: Its first frame of the copy.
        end: The frame after its last.
    """
    chosen = np.unique(np.linspace(first, max(end - 1, first), _FRAMES).astype(int))
    part = Films(films.copy[chosen], films.copy_s[chosen], films.ref, films.ref_s)
    limit = _mean_bits(part, line) + TELLING_BITS
    equal = [
        abs(shift)
        for shift in _shifts(part, line)
        if _mean_bits(part, Line(line.speed, line.offset_s + shift)) <= limit
    ]
    return max(equal, default=0.0)


def _mean_bits(part: Films, line: Line) -> float:
    return float(np.minimum(part.cost(line), 128).mean())


def _shifts(part: Films, line: Line) -> Iterator[float]:
    """Yield shifts at which the middle frame of the stretch, and one to each side, have a frame that is as near."""
    count = len(part.copy_s)
    near = []
    for at in {count // 4, count // 2, (3 * count) // 4}:
        bits = np.bitwise_count(part.ref ^ part.copy[at]).sum(axis=1)
        around = np.abs(part.ref_s - line.at(float(part.copy_s[at]))) <= part.reach
        own = int(bits[around].min()) if around.any() else int(bits.min())
        near.append(part.ref_s[bits <= own + _NEAR_BITS] - line.at(float(part.copy_s[at])))
    first, *others = near
    fitting = [
        float(shift)
        for shift in first[np.argsort(np.abs(first))]
        if abs(shift) >= MIN_SHIFT_S
        and all(len(other) and np.abs(other - shift).min() <= part.reach for other in others)
    ]
    yield from fitting[:_MAX_SHIFTS]
