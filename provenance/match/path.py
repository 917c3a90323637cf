"""Lines of time, and the cheapest way through a copy along them; shared by picture and sound."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from provenance.evidence import Channel, Segment, Span


@dataclass(frozen=True, slots=True)
class Line:
    """Where the copy's time lies in the asset's: ``asset = speed * copy + offset_s``.

    Attributes:
        speed: Asset seconds per copy second; below 0 where the copy runs backwards, 0 where it stands still.
        offset_s: Asset time at copy time 0, seconds; may be negative.
    """

    speed: float
    offset_s: float

    def __post_init__(self) -> None:
        if not (math.isfinite(self.speed) and math.isfinite(self.offset_s)):
            raise ValueError(f"a line has a finite speed and offset, not {self.speed} and {self.offset_s}")

    def at(self, copy_s: float) -> float:
        """Return the asset time of one copy time, seconds."""
        return self.speed * copy_s + self.offset_s

    def back(self, asset_s: float) -> float:
        """Return the copy time of one asset time, seconds.

        Raises:
            ValueError: The copy stands still on this line: one asset time has no one copy time.
        """
        if not self.speed:
            raise ValueError("a still has no one moment of the copy for a moment of the asset")
        return (asset_s - self.offset_s) / self.speed

    def along(self, copy_s: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the asset times of copy times, seconds."""
        times: NDArray[np.float64] = self.speed * copy_s + self.offset_s
        return times

    def segment(self, channel: Channel, copy: Span, strength: float) -> Segment:
        """Return the segment of this line over a stretch of the copy; asset time does not start below 0."""
        first, last = sorted((self.at(copy.start_s), self.at(copy.end_s)))
        return Segment(channel, copy, Span(max(0.0, first), max(0.0, last)), self.speed, strength)

    @classmethod
    def of(cls, segment: Segment) -> Line:
        """Return the line a segment lies on; its later time fixes it, for its earlier one may have been cut at 0."""
        copy_s = segment.copy.end_s if segment.speed >= 0 else segment.copy.start_s
        return cls(segment.speed, segment.asset.end_s - segment.speed * copy_s)


def best_path(costs: NDArray[np.float32], switch: float) -> NDArray[np.intp]:
    """Return which state each unit of the copy is in so that the sum of costs is the least.

    Args:
        costs: float32, shape (n, k): cost of unit i in state k; n and k at least 1.
        switch: Cost of going to another state between two units; keeps single units from jumping.

    Returns:
        Shape (n,), states 0..k-1. Among equal costs staying wins, then the lower state.

    Source: Viterbi 1967; with one switching cost each step needs only the cheapest state before it.
    """
    count, states = costs.shape
    if not count or not states:
        raise ValueError(f"a path needs at least one unit and one state, not {costs.shape}")
    total = costs[0].astype(np.float64)
    came = np.empty((count, states), np.intp)
    own = np.arange(states)
    for i in range(1, count):
        cheapest = int(total.argmin())
        jump = total[cheapest] + switch
        stays = total <= jump
        came[i] = np.where(stays, own, cheapest)
        total = np.where(stays, total, jump) + costs[i]
    path = np.empty(count, np.intp)
    path[-1] = total.argmin()
    for i in range(count - 1, 0, -1):
        path[i - 1] = came[i, path[i]]
    return path


def runs(path: NDArray[np.intp]) -> list[tuple[int, int, int]]:
    """Return the stretches of equal states: (state, first unit, unit after the last); none of an empty path."""
    if not len(path):
        return []
    edges = [0, *(np.flatnonzero(np.diff(path)) + 1).tolist(), len(path)]
    return [(int(path[a]), a, b) for a, b in pairwise(edges)]


def best_stretch(gain: NDArray[np.float64]) -> tuple[int, int]:
    """Return the stretch (first unit, unit after the last) with the greatest sum; (0, 0) if none is above 0.

    Source: Kadane's maximum subarray, by prefix sums.
    """
    sums = np.concatenate([[0.0], np.cumsum(gain)])
    low = np.minimum.accumulate(sums)
    end = int((sums - low).argmax())
    if sums[end] <= low[end]:
        return 0, 0
    return int(sums[: end + 1].argmin()), end


def fit_line(
    copy_s: NDArray[np.float64],
    asset_s: NDArray[np.float64],
    weight: NDArray[np.float64],
    start: Line,
    *,
    hold: bool = False,
) -> Line:
    """Return the weighted least-squares line through pairs of times.

    The speed is left as it was where it cannot be told (pairs within 2 s), where the fit leaves half to
    double speed in its direction, and is set to 1 (backwards: -1) where that moves no end by more than a quarter
    of a second. A still stays a still.

    Args:
        copy_s: Shape (n,), copy times, seconds.
        asset_s: Shape (n,), asset times, seconds.
        weight: Shape (n,), 0 or above.
        start: The line to improve; returned where all weights are 0.
        hold: Whether to keep its speed.
    """
    whole = float(weight.sum())
    if whole <= 0:
        return start
    x, y = float(weight @ copy_s) / whole, float(weight @ asset_s) / whole
    length = float(np.ptp(copy_s[weight > 0]))
    speed, usual = start.speed, math.copysign(1.0, start.speed)
    hold = hold or not start.speed
    if length >= _TELLING_S and not hold:
        off = copy_s - x
        fitted = float(weight @ (off * (asset_s - y))) / float(weight @ (off * off))
        if _SLOWEST <= fitted * usual <= _FASTEST:
            speed = fitted
    if not hold and abs(speed - usual) * length < 2 * _SNAP_S:
        speed = usual
    return Line(speed, y - speed * x)


# A speed needs a stretch to be seen on: at 2 s one stored frame of error is a quarter.
_TELLING_S = 2.0
_SLOWEST, _FASTEST = 0.45, 2.2
# Times of frames are known to a quarter of a second; a speed that shows less at either end is none.
_SNAP_S = 0.125
