"""Fade: whether a region of another level has no outline: glare, a lamp, a lens, and not something laid over.

What was painted, pasted or recoloured ends somewhere; light fades away.
"""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

#: Share of the region's level that is a step at half of its outline. Source: docs/measurements.md, tuning half:
#: glare a fifth of the picture wide, the steepest tried, steps by a quarter.
STEP_SHARE: Final = 0.45
# Width of the two blocks that are told apart at a step, half their distance, and how far the outline of the
# statistic may lie from that of the thing itself, pixels.
_BLOCK_PX, _ACROSS_PX, _NEAR_PX = 9, 6, 41

Plane = NDArray[np.float32]
Mask = NDArray[np.bool_]


class Outlines:
    """The steps in what differs between copy and original.

    Args:
        off: float32, shape (h, w, 3): copy less original, grey levels.
        inside: bool, shape (h, w): where the copy covers the original.
    """

    def __init__(self, off: Plane, inside: Mask) -> None:
        self._inside = inside
        window = (_BLOCK_PX, _BLOCK_PX)
        share = cv2.blur(inside.astype(np.float32), window)
        total = cv2.blur(off * inside[..., None].astype(np.float32), window)
        level = np.asarray(total / np.maximum(share, 0.1)[..., None], np.float32)
        self._level = np.asarray(np.linalg.norm(level, axis=2), np.float32)
        steps = np.zeros(inside.shape, np.float32)
        height, width = inside.shape
        for rows, columns in ((0, _ACROSS_PX), (_ACROSS_PX, 0)):
            here = (slice(2 * rows, None), slice(2 * columns, None))
            there = (slice(None, height - 2 * rows), slice(None, width - 2 * columns))
            step = np.linalg.norm(level[here] - level[there], axis=2) * (inside[here] & inside[there])
            middle = steps[rows : height - rows, columns : width - columns]
            np.maximum(middle, step, out=middle)
        self._steps = np.asarray(cv2.dilate(steps, np.ones((_NEAR_PX, _NEAR_PX), np.uint8)), np.float32)

    def fades(self, region: Mask) -> bool:
        """Return whether the level of ``region``, bool of shape (h, w), falls off without a step at its outline."""
        rim = region & (cv2.erode(region.astype(np.uint8), np.ones((3, 3), np.uint8)) == 0)
        # Where the copy ends no outline is to be seen.
        rim &= cv2.erode(self._inside.astype(np.uint8), np.ones((5, 5), np.uint8), borderValue=0) > 0
        if not rim.any():
            return False
        level = float(np.quantile(self._level[region], 0.75))
        return float(np.median(self._steps[rim])) < STEP_SHARE * level
