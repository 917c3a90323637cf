"""Panels: rectangles within a picture that look like pictures of their own.

A screenshot, a page, a meme or a collage shows its pictures apart from each other by plain gutters; a picture in
a picture ends at four straight edges. Each panel is worth a look of its own: at the scale of the whole it has
neither the codes nor, where it is small, the local features of its original.
"""

from __future__ import annotations

from itertools import combinations
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from provenance.examination import Part

Gray = NDArray[np.uint8]
Plane = NDArray[np.float32]

#: Longer side, pixels, of the picture that panels are looked for in: a gutter of 1 % is four pixels wide.
SIDE_PX: Final = 384
#: Most panels, largest first.
MOST: Final = 4
#: Least and largest share of the picture that a panel takes; beyond, the whole picture shows as much.
SHARES: Final = (0.03, 0.92)
#: Shortest side of a panel, pixels at :data:`SIDE_PX`, and largest ratio of its sides: lines of text are neither.
MIN_SIDE_PX: Final = 36
MAX_RATIO: Final = 5.0

# A line of pixels is plain where 98 of 100 levels lie this close together: JPEG at quality 40
# leaves 12 levels around lettering.
_PLAIN_LEVELS = 16
_PLAIN_OUTSIDE = 0.01
# Narrowest gutter, pixels, and how often a part is cut again.
_GUTTER_PX = 2
_DEPTH = 8

# An edge of a picture stands out along this many pixels: its mean step is this many times that beside it, and
# this many levels at least.
_EDGE_PX = 31
_EDGE_RATIO = 1.5
_EDGE_LEVELS = 4.0
# Straight edges considered in each direction, strongest first, and the share of each side that must show one.
_EDGES = 12
_SUPPORT = 0.8

_Box = tuple[int, int, int, int]


def gutter_panels(gray: Gray) -> tuple[Part, ...]:
    """Return the parts that plain gutters separate: the recursive X-Y cut of page analysis (Nagy and Seth 1984).

    Args:
        gray: uint8, shape (height, width), upright.

    Returns:
        At most four parts, largest first; none where the picture is of one piece.
    """
    small = _small(gray)
    found: list[_Box] = []
    _cut(small, (0, 0, small.shape[1], small.shape[0]), found, _DEPTH)
    return _chosen(found, small)


def edged_panels(gray: Gray) -> tuple[Part, ...]:
    """Return the rectangles with four straight upright edges, of which the picture's own border is none.

    Args:
        gray: uint8, shape (height, width), upright.

    Returns:
        At most four parts, largest first.
    """
    small = _small(gray)
    across, down = _edges(small), _edges(np.ascontiguousarray(small.T))
    found: list[_Box] = []
    for left, right in combinations(sorted(across), 2):
        for top, bottom in combinations(sorted(down), 2):
            width, height = right - left, bottom - top
            if min(width, height) < MIN_SIDE_PX:
                continue
            sides = min(int(across[x][bottom] - across[x][top]) for x in (left, right))
            ends = min(int(down[y][right] - down[y][left]) for y in (top, bottom))
            if sides >= _SUPPORT * height and ends >= _SUPPORT * width:
                found.append((left, top, right, bottom))
    return _chosen(found, small)


def overlap(one: Part, other: Part) -> float:
    """Return the area that two parts share, as a fraction of what they cover together."""
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    shared = max(width, 0.0) * max(height, 0.0)
    areas = sum((part[2] - part[0]) * (part[3] - part[1]) for part in (one, other))
    return shared / (areas - shared)


def _small(gray: Gray) -> Gray:
    height, width = gray.shape
    scale = SIDE_PX / max(height, width)
    if scale >= 1:
        return gray
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.asarray(cv2.resize(gray, size, interpolation=cv2.INTER_AREA), np.uint8)


def _cut(gray: Gray, box: _Box, found: list[_Box], depth: int) -> None:
    """Add the parts that gutters leave of a box."""
    left, top, right, bottom = box
    if min(right - left, bottom - top) < MIN_SIDE_PX:
        return
    part = gray[top:bottom, left:right]
    rows, columns = _runs(_plain(part)), _runs(_plain(part.T))
    whole = rows == [(0, bottom - top)] and columns == [(0, right - left)]
    if whole or not depth:
        found.append(box)
        return
    # One direction at a time: a column between two paragraphs is no gutter of the picture above them.
    parts = [(left, top + start, right, top + stop) for start, stop in rows]
    if rows == [(0, bottom - top)]:
        parts = [(left + start, top, left + stop, bottom) for start, stop in columns]
    for one in parts:
        _cut(gray, one, found, depth - 1)


def _plain(part: Gray) -> NDArray[np.bool_]:
    """Return which rows hold one level only."""
    aside = max(0, int(_PLAIN_OUTSIDE * part.shape[1]))
    low, high = aside, part.shape[1] - 1 - aside
    ordered = np.partition(part, (low, high), axis=1)
    spread = ordered[:, high].astype(np.int16) - ordered[:, low]
    return np.asarray(spread <= _PLAIN_LEVELS)


def _runs(plain: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Return the stretches between gutters."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], ~plain, [False]]).astype(np.int8)))
    runs: list[tuple[int, int]] = []
    for start, stop in edges.reshape(-1, 2).tolist():
        if runs and start - runs[-1][1] < _GUTTER_PX:
            runs[-1] = (runs[-1][0], stop)
        else:
            runs.append((start, stop))
    return runs


def _edges(gray: Gray) -> dict[int, list[int]]:
    """Return columns at whose left side an edge stands out, with the number of rows above each that show it."""
    values = gray.astype(np.float32)
    step = np.zeros_like(values)
    step[:, 1:] = np.abs(np.diff(values, axis=1))
    mean = np.asarray(cv2.blur(step, (1, _EDGE_PX)), np.float32)
    beside = np.full_like(mean, np.inf)
    # The step itself may be smeared over its neighbours: two and more pixels away counts.
    near = np.mean([np.roll(mean, by, axis=1) for by in (-5, -4, -3, 3, 4, 5)], axis=0)
    beside[:, 6:-6] = near[:, 6:-6]
    standing = (mean > _EDGE_RATIO * beside) & (mean > _EDGE_LEVELS)
    length = standing.sum(axis=0)
    chosen: dict[int, list[int]] = {}
    for column in np.argsort(-length, kind="stable").tolist():
        if len(chosen) == _EDGES or length[column] < MIN_SIDE_PX * 0.6:
            break
        if all(abs(column - other) > 2 for other in chosen):
            near_by = standing[:, max(0, column - 1) : column + 2].any(axis=1)
            chosen[column] = [0, *np.cumsum(near_by).tolist()]
    return chosen


def _chosen(found: list[_Box], gray: Gray) -> tuple[Part, ...]:
    height, width = gray.shape
    kept: list[_Box] = []
    for box in sorted(found, key=lambda one: (-_area(one), one)):
        left, top, right, bottom = box
        sides = sorted((right - left, bottom - top))
        share = _area(box) / (width * height)
        fits = sides[0] >= MIN_SIDE_PX and sides[1] <= MAX_RATIO * sides[0]
        if fits and SHARES[0] <= share <= SHARES[1] and not any(_same(box, other) for other in kept):
            kept.append(box)
    return tuple((a / width, b / height, c / width, d / height) for a, b, c, d in kept[:MOST])


def _area(box: _Box) -> int:
    return (box[2] - box[0]) * (box[3] - box[1])


def _same(one: _Box, other: _Box) -> bool:
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    return max(width, 0) * max(height, 0) > 0.8 * min(_area(one), _area(other))
