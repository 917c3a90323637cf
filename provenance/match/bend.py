"""Bend: whether a region of a copy shows the same content as the original, moved smoothly from its place."""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

#: Share of the squared difference that moving the original must explain. Source: docs/measurements.md, tuning half.
EXPLAINED: Final = 0.75
#: The same for moving the copy back onto the original. Source: 14 bends of 1 and 4 % of eight photographs, 0.70 on;
#: a figure painted over with its ground, -0.06 (29 November 2026).
EXPLAINED_BACK: Final = 0.5
#: Least and greatest movement of a bend, pixels of the reference, upper quartile: less is misregistration, more
#: finds likeness anywhere.
LEAST_PX: Final = 1.2
MOST_PX: Final = 24.0
# Smallest side that dense optical flow takes, pixels.
_SIDE_PX = 24

Plane = NDArray[np.float32]
Mask = NDArray[np.bool_]


def is_bend(shown: Plane, expected: Plane, region: Mask) -> bool:
    """Return whether dense optical flow explains the region, from the original and back.

    Args:
        shown: float32, shape (h, w): luma of the copy, 0..255.
        expected: float32, shape (h, w): luma of the original there, with a margin around the region.
        region: bool, shape (h, w): what differs.
    """
    if min(shown.shape) < _SIDE_PX or not region.any():
        return False
    forth, distance = _moved(shown, expected, region)
    if forth < EXPLAINED or not LEAST_PX <= distance <= MOST_PX:
        return False
    # Ground is drawn over what was removed as easily as over what bent; what was removed cannot be drawn from it.
    return _moved(expected, shown, region)[0] >= EXPLAINED_BACK


def _moved(shown: Plane, known: Plane, region: Mask) -> tuple[float, float]:
    """Return the share of the squared difference that moving ``known`` explains, and by how many pixels it moves."""
    here, there = (np.clip(plane, 0, 255).astype(np.uint8) for plane in (shown, known))
    flow = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM).calc(
        here, there, np.zeros((*shown.shape, 2), np.float32)
    )
    # Content moves as a whole: what only single pixels do is noise that looks for its like.
    smooth = cv2.GaussianBlur(flow, (0, 0), 2.0)
    rows, columns = np.indices(shown.shape, dtype=np.float32)
    moved = cv2.remap(known, columns + smooth[..., 0], rows + smooth[..., 1], cv2.INTER_LINEAR)
    before = float(np.mean((shown - known)[region] ** 2))
    after = float(np.mean((shown - moved)[region] ** 2))
    distance = float(np.quantile(np.linalg.norm(smooth, axis=2)[region], 0.75))
    return (1 - after / before if before else 0.0), distance
