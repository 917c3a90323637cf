"""Mirror: the local features of a picture's mirror image from those of the picture.

Corners are corners in a mirror: only their descriptors have to be made again, a third of what finding them costs.
"""

from __future__ import annotations

import cv2
import numpy as np

# How points are found and described is part of the version of registered features: there is one place for it.
from provenance.fingerprint.local import _LEVELS, _PATCH, _SCALE_STEP, Features, Gray, _described, _sized


def mirrored(found: Features, gray: Gray, side_px: int) -> Features:
    """Return the features of a mirror image, in the order of ``found``.

    They are those of :func:`provenance.fingerprint.local.features`, but for a point that is chosen where another is as
    strong.

    Args:
        found: Features of the picture.
        gray: uint8, shape (height, width): its mirror image, left for right.
        side_px: Longer side at which they were found, pixels.
    """
    picture = _sized(gray, side_px)
    height, width = picture.shape
    orb = cv2.ORB.create(scaleFactor=_SCALE_STEP, nlevels=_LEVELS, edgeThreshold=_PATCH, patchSize=_PATCH)
    places = found.points * np.array([width, height], np.float32)
    # A point is a pixel of its level, times the level's step: there the mirror turns whole pixels.
    step = _SCALE_STEP ** found.octave.astype(np.float64)
    across = ((np.rint(width / step) - 1) * step - places[:, 0]).tolist()
    down, levels = places[:, 1].tolist(), found.octave.tolist()
    turned = ((180 - found.angle) % 360).tolist()
    points = [
        cv2.KeyPoint(x, y, _PATCH * _SCALE_STEP**level, angle, 0.0, level)
        for x, y, angle, level in zip(across, down, turned, levels, strict=True)
    ]
    return _described(orb, picture, points)
