"""Views: the ways of looking at a query picture for local features that its registered original has too.

ORB features keep through turning and moderate scaling, but not through mirroring, inverting, and scaling
beyond their pyramid: those are looked for in further views of the picture.
"""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from provenance.errors import UnmatchableError
from provenance.examination import FeatureView
from provenance.fingerprint import image, local

#: Features of one view and the cells along each side they are taken from. Source: docs/measurements.md,
#: matching: a query of 300 in 10 x 10 cells against 200 registered ones.
COUNT: Final = 300
GRID: Final = 10
#: Share of the picture that a plain border must take before the picture inside it gets views of its own.
MIN_TRIMMED: Final = 0.1
#: Longer sides, pixels, of the further views: 256 finds half crops, 1024 a picture within a picture.
FURTHER_SIDES: Final = (256, 1024)

Rgb = NDArray[np.uint8]
Gray = NDArray[np.uint8]


def first_views(rgb: Rgb) -> tuple[FeatureView, ...]:
    """Return the views that find most copies: plain and mirrored, with and without a plain border.

    Args:
        rgb: uint8, shape (height, width, 3), upright.

    Returns:
        Up to four views; those without any feature are left out.
    """
    gray = _luma(rgb)
    views = [("as it is", gray), ("mirrored", gray[:, ::-1])]
    left, top, right, bottom = image.trim_border(rgb)
    if (right - left) * (bottom - top) < (1 - MIN_TRIMMED) * gray.size:
        inner = gray[top:bottom, left:right]
        views += [("border trimmed", inner), ("mirrored, border trimmed", inner[:, ::-1])]
    return _views([(form, shown, local.SIDE_PX) for form, shown in views])


def further_views(rgb: Rgb) -> tuple[FeatureView, ...]:
    """Return the views to try where the first ones find nothing: other scales, and the negative.

    Args:
        rgb: uint8, shape (height, width, 3), upright.
    """
    gray = _luma(rgb)
    scaled = [
        (f"{form}{side} px", shown, side)
        for side in FURTHER_SIDES
        for form, shown in (("", gray), ("mirrored, ", gray[:, ::-1]))
    ]
    inverted = 255 - gray
    return _views(
        [
            *scaled,
            ("negative", inverted, local.SIDE_PX),
            ("mirrored, negative", inverted[:, ::-1], local.SIDE_PX),
        ]
    )


def _views(wanted: list[tuple[str, Gray, int]]) -> tuple[FeatureView, ...]:
    made = []
    for form, gray, side in wanted:
        try:
            found = local.features(np.ascontiguousarray(gray), COUNT, GRID, side)
        except UnmatchableError:  # a ribbon holds no descriptor; the picture's codes may still be found
            continue
        if len(found):
            made.append(FeatureView(form, found.to_bytes()))
    return tuple(made)


def _luma(rgb: Rgb) -> Gray:
    return np.asarray(cv2.cvtColor(np.ascontiguousarray(rgb), cv2.COLOR_RGB2GRAY), np.uint8)
