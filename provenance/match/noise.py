"""Noise: how far a good copy is off at each texture, measured on the copy itself.

Edges are off by more than plain ground wherever a copy is a fraction of a pixel misplaced or a little blurred.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

# Normal distribution: the absolute deviation not exceeded by 30 parts in 100, in standard deviations. A lower
# quantile than the median holds where most of a picture was altered.
_QUANTILE, _QUANTILE_DEVIATION = 0.30, 0.3853
# Least noise of luma and of the colour differences, grey levels: rounding to 8 bits twice and WebP at its best;
# JPEG at quality 30 drops colour differences of up to 3 levels whole (its table's entry 17 at that quality).
_FLOORS: Final = (1.0, 2.5, 2.5)
# Bins of texture, as shares of the pixels in order; narrow at the top, where edges are, and fewest pixels of one.
_EDGES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98)
_FEWEST = 32
# Noise that texture may bring, pixels of its gradient: what a third of a pixel of misplacement or of blur does.
_SLIP = 0.4

Plane = NDArray[np.float32]
Mask = NDArray[np.bool_]


def noise(rest: Plane, expected: Plane, inside: Mask) -> Plane:
    """Return the noise of each pixel and channel, grey levels, float32, shape (h, w, 3).

    Args:
        rest: float32, shape (h, w, 3): what the copy leaves of the original, luma and colour differences.
        expected: float32, shape (h, w, 3): the original in the copy's tone and blur.
        inside: bool, shape (h, w): where the copy covers the original; at least 64 pixels.
    """
    activity = _activity(expected)
    seen = activity[inside]
    inner = [int(share * len(seen)) for share in _EDGES]
    # In order from bin to bin, which is half the work of an order within them.
    order = np.argpartition(seen, inner)
    ranked = seen[order]
    off = np.stack([np.abs(plane[inside])[order] for plane in cv2.split(rest)])
    edges = [0, *inner, len(order)]
    bins = [slice(a, b) for a, b in pairwise(edges) if b - a >= _FEWEST]
    at = np.array([np.median(ranked[one]) for one in bins], np.float64)
    sizes = np.array([np.quantile(off[:, one], _QUANTILE, axis=1) for one in bins]) / _QUANTILE_DEVIATION
    curves = [np.maximum(_rising(sizes[:, n].tolist()), floor) for n, floor in enumerate(_FLOORS)]
    return _usual(activity, at, curves)


def _activity(planes: Plane) -> Plane:
    """Return root mean squared gradient of all planes around each pixel, grey levels a pixel."""
    across = cv2.Sobel(planes, cv2.CV_32F, 1, 0, ksize=3, scale=0.125)
    down = cv2.Sobel(planes, cv2.CV_32F, 0, 1, ksize=3, scale=0.125)
    square = cv2.blur((across**2 + down**2).sum(axis=2), (9, 9))
    # A running mean may round below zero.
    return np.asarray(np.sqrt(np.maximum(square, 0)), np.float32)


def _usual(activity: Plane, at: NDArray[np.float64], curves: Sequence[NDArray[np.float64]]) -> Plane:
    """Return the noise at each pixel by each curve, linear between its points, never more than resampling can cause.

    Without the bound an object that holds all the texture of a picture would, when removed, pass for noise.
    """
    piece = np.zeros(activity.shape, np.uint8)
    for value in at.astype(np.float32):
        piece += activity > value
    made = np.empty((*activity.shape, len(curves)), np.float32)
    for channel, curve in enumerate(curves):
        # Level before the first point and after the last; points that fall together have no slope between them.
        width = np.diff(at)
        slope = np.concatenate([[0.0], np.diff(curve) / np.where(width > 0, width, np.inf), [0.0]])
        start = np.concatenate([curve[:1], curve]) - slope * np.concatenate([at[:1], at])
        usual = start.astype(np.float32)[piece] + slope.astype(np.float32)[piece] * activity
        made[:, :, channel] = np.minimum(usual, np.float32(curve[0]) + np.float32(_SLIP) * activity)
    return made


def _rising(values: list[float]) -> NDArray[np.float64]:
    """Return the least-squares rising sequence (pool adjacent violators)."""
    pools: list[tuple[float, int]] = []
    for value in values:
        mean, count = value, 1
        while pools and pools[-1][0] > mean:
            before, size = pools.pop()
            mean, count = (before * size + mean * count) / (size + count), size + count
        pools.append((mean, count))
    return np.repeat([mean for mean, _ in pools], [count for _, count in pools]).astype(np.float64)
