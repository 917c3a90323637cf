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
# Rounds at most, and the change of any block, grey levels, from which further ones change nothing that is seen.
_ROUNDS, _STILL = 10, 0.01
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
Values = NDArray[np.float64]
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
    levels = [np.asarray(plane / np.float32(255), np.float32) for plane in cv2.split(known)]
    made = np.empty_like(known)
    for channel in range(3):
        kept = where & (cut[:, channel] <= _CUT_SHARE)
        kept = kept if kept.sum() >= _FEWEST * where.sum() else where
        terms = _terms(np.asarray(was[kept], np.float32), channel, _places(size[0], size[1])[kept])
        curve = _robust(terms.astype(np.float64), seen[kept, channel].astype(np.float64), tile[kept])
        made[:, :, channel] = _applied(curve, levels, channel)
    # What the copy's tone drove beyond black and white was cut off there.
    return np.clip(made, 0, 255)


def _places(width: int, height: int) -> Plane:
    """Return x and y of every pixel, -1..1, row by row, float32, shape (n, 2)."""
    x, y = np.meshgrid(_centred(width), _centred(height))
    return np.stack([x.ravel(), y.ravel()], axis=1)


def _centred(count: int) -> Plane:
    """Return the places of pixels along a side, -1..1, float32, shape (count,)."""
    return ((np.arange(count) + 0.5) / count * 2 - 1).astype(np.float32)


def _terms(rgb: Plane, channel: int, places: Plane) -> Plane:
    """Return constant, own level, the other two, three bends of the own level; then light: five of each."""
    level = np.clip(rgb / 255, 0, 1)
    own = level[:, channel]
    others = (level[:, (channel + 1) % 3], level[:, (channel + 2) % 3])
    curve = (np.ones_like(own), own, *others, own**2, own**3, np.sqrt(own))
    x, y = places[:, 0], places[:, 1]
    light = (x, y, x * x, x * y, y * y)
    return np.stack([*curve, *light, *(own * one for one in light)], axis=1).astype(np.float32)


def _applied(curve: Plane, levels: list[Plane], channel: int) -> Plane:
    """Return what :func:`_terms` times ``curve`` is at every pixel, without laying out seventeen planes.

    Args:
        curve: float32, shape (17,).
        levels: Three planes, float32, shape (h, w), 0..1.
        channel: Which of them is wanted.
    """
    own, one, other = (levels[(channel + by) % 3] for by in range(3))
    height, width = own.shape
    x, y = _centred(width), _centred(height)[:, None]

    def even(light: Plane) -> Plane:
        # x, y, x x, x y, y y: a row and a column, but for the product of both.
        return np.asarray((light[0] + light[2] * x) * x + (light[1] + light[4] * y + light[3] * x) * y)

    tone = curve[0] + own * (curve[1] + own * (curve[4] + own * curve[5])) + curve[6] * np.sqrt(own)
    tone += curve[2] * one + curve[3] * other
    return np.asarray(tone + even(curve[_CURVE : _CURVE + 5]) + own * even(curve[_CURVE + 5 :]))


def _robust(terms: Values, wanted: Values, tile: NDArray[np.int64]) -> Plane:
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
    parts = [part for part in (tile >= 0, *(tile == t for t in range(9))) if part.sum() >= 8]
    starts = [same, *(_ridge(terms[part], wanted[part], None, same, even) for part in parts)]
    starts.append(_ridge(terms, wanted, None, same, belief))
    off = np.quantile(np.abs(wanted - np.stack(starts) @ terms.T), _QUANTILE, axis=1)
    best = starts[int(np.argmin(off))]
    fitted = terms @ best
    for _ in range(_ROUNDS):
        distance = np.abs(wanted - fitted)
        lower, middle = np.quantile(distance, (_QUANTILE, 0.5)).tolist()
        # Where half of the picture was altered the median speaks of the alteration.
        scale = max(min(middle / _MEDIAN_DEVIATION, 2 * lower / _QUANTILE_DEVIATION), 1.0)
        weight = np.clip(1 - (distance / (_TUKEY * scale)) ** 2, 0, None) ** 2
        best = _ridge(terms, wanted, weight, same, belief)
        before, fitted = fitted, terms @ best
        if np.abs(fitted - before).max() < _STILL:
            break
    return best.astype(np.float32)


def _ridge(terms: Values, wanted: Values, weight: Values | None, same: Values, belief: Values) -> Values:
    loaded = terms if weight is None else terms * weight[:, None]
    normal = loaded.T @ terms + np.diag(belief)
    return same + np.linalg.solve(normal, loaded.T @ (wanted - terms @ same))
