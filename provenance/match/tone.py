"""Tone: brightness, contrast, colour and lighting of a copy, estimated from the part that agrees.

A curve for each channel with a share of the other two holds for the whole picture; its level and its contrast may
change smoothly across it, as a vignette or the lamp over a photographed screen makes them.
"""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

# Normal distribution: the absolute deviation not exceeded by 30 parts in 100 and by half, in standard deviations.
# The lower quantile chooses the start: it holds where most of a picture was altered.
_QUANTILE, _QUANTILE_DEVIATION, _MEDIAN_DEVIATION = 0.30, 0.3853, 0.6745
# Tukey's biweight at 95 % efficiency. Source: Maronna, Martin, Yohai 2006, section 2.3.
_TUKEY: Final = 4.685
_ROUNDS: Final = 10
# Belief that a level stays what it was and that light is even, in blocks: a colour too rare to show its tone
# keeps it, and a corner too dark to show its light.
_BELIEF, _EVEN = 0.02, 0.3
# Blocks of a tone, pixels: tone is a matter of areas, which do not feel misregistration and grain.
_BLOCK_PX = 8
# Levels up to and from which a channel is cut off, the share of a block's pixels from which its mean tells no tone,
# and the share of the blocks that must be left.
_CUT, _CUT_SHARE, _FEWEST = (2.0, 253.0), 0.05, 0.2
# Terms of the tone curve; those of the light follow them.
_CURVE = 7

Plane = NDArray[np.float32]
Mask = NDArray[np.bool_]


def toned(copy: Plane, known: Plane, inside: Mask) -> Plane:
    """Return the original in the copy's tone and light.

    Args:
        copy: float32, shape (h, w, 3): RGB, 0..255, on the original's grid.
        known: float32, shape (h, w, 3): the original.
        inside: bool, shape (h, w): where the copy covers it.
    """
    height, width = inside.shape
    size = (max(1, width // _BLOCK_PX), max(1, height // _BLOCK_PX))
    cover = cv2.resize(inside.astype(np.float32), size, interpolation=cv2.INTER_AREA).ravel()
    where = cover > 0.99 if (cover > 0.99).sum() >= 16 else cover > 0
    seen, was = (cv2.resize(a, size, interpolation=cv2.INTER_AREA).reshape(-1, 3) for a in (copy, known))
    row, column = np.divmod(np.arange(size[0] * size[1]), size[0])
    tile = (row * 3 // size[1]) * 3 + column * 3 // size[0]
    cut = cv2.resize(
        ((copy <= _CUT[0]) | (copy >= _CUT[1])).astype(np.float32), size, interpolation=cv2.INTER_AREA
    )
    cut = cut.reshape(-1, 3)
    pixels = _places(width, height)
    made = np.empty_like(known)
    for channel in range(3):
        kept = where & (cut[:, channel] <= _CUT_SHARE)
        kept = kept if kept.sum() >= _FEWEST * where.sum() else where
        terms = _terms(np.asarray(was[kept], np.float32), channel, _places(size[0], size[1])[kept])
        curve = _robust(terms, np.asarray(seen[kept, channel], np.float32), tile[kept])
        made[:, :, channel] = (_terms(known.reshape(-1, 3), channel, pixels) @ curve).reshape(height, width)
    # What the copy's tone drove beyond black and white was cut off there.
    return np.clip(made, 0, 255)


def _places(width: int, height: int) -> Plane:
    """Return x and y of every pixel, -1..1, row by row, float32, shape (n, 2)."""
    x, y = np.meshgrid((np.arange(width) + 0.5) / width, (np.arange(height) + 0.5) / height)
    return np.stack([x.ravel(), y.ravel()], axis=1).astype(np.float32) * 2 - 1


def _terms(rgb: Plane, channel: int, places: Plane) -> Plane:
    """Return constant, own level, the other two, three bends of the own level; then light: five of each."""
    level = np.clip(rgb / 255, 0, 1)
    own = level[:, channel]
    others = (level[:, (channel + 1) % 3], level[:, (channel + 2) % 3])
    curve = (np.ones_like(own), own, *others, own**2, own**3, np.sqrt(own))
    x, y = places[:, 0], places[:, 1]
    light = (x, y, x * x, x * y, y * y)
    return np.stack([*curve, *light, *(own * one for one in light)], axis=1).astype(np.float32)


def _robust(terms: Plane, wanted: Plane, tile: NDArray[np.int64]) -> Plane:
    """Return coefficients that suit the largest part of the blocks.

    Starts are the unchanged level and fits to the whole and to each ninth of the picture, in even light; the
    one that leaves the smallest lower quantile wins, so that a shift of half the picture is not averaged away.
    """
    same = np.zeros(terms.shape[1])
    same[1] = 255
    belief = np.full(terms.shape[1], _BELIEF)
    belief[_CURVE:] = _EVEN
    even = belief.copy()
    even[_CURVE:] = 1e4
    everywhere = np.ones(len(wanted), np.bool_)
    parts = [part for part in (everywhere, *(tile == t for t in range(9))) if part.sum() >= 8]
    starts = [same, *(_ridge(terms, wanted, part.astype(np.float64), same, even) for part in parts)]
    starts.append(_ridge(terms, wanted, everywhere.astype(np.float64), same, belief))
    off = [float(np.quantile(np.abs(wanted - terms @ start), _QUANTILE)) for start in starts]
    best = starts[int(np.argmin(off))]
    for _ in range(_ROUNDS):
        distance = np.abs(wanted - terms @ best)
        lower = float(np.quantile(distance, _QUANTILE)) / _QUANTILE_DEVIATION
        # Where half of the picture was altered the median speaks of the alteration.
        scale = max(min(float(np.median(distance)) / _MEDIAN_DEVIATION, 2 * lower), 1.0)
        weight = np.clip(1 - (distance / (_TUKEY * scale)) ** 2, 0, None) ** 2
        best = _ridge(terms, wanted, weight, same, belief)
    return best.astype(np.float32)


def _ridge(
    terms: Plane,
    wanted: Plane,
    weight: NDArray[np.float64],
    same: NDArray[np.float64],
    belief: NDArray[np.float64],
) -> NDArray[np.float64]:
    loaded = terms.astype(np.float64) * weight[:, None]
    normal = loaded.T @ terms + np.diag(belief)
    return same + np.linalg.solve(normal, loaded.T @ (wanted - terms @ same))
