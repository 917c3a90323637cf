"""Views: the ways of looking at a query picture for local features that its registered original has too.

ORB features keep through turning and moderate scaling, but not through mirroring, inverting, and scaling
beyond their pyramid: those are looked for in further views of the picture.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from provenance.errors import UnmatchableError
from provenance.examination import FeatureView, View
from provenance.fingerprint import image, local

#: Features of one view and the cells along each side they are taken from. Source: docs/measurements.md,
#: matching: a query of 300 in 10 x 10 cells against 200 registered ones.
COUNT: Final = 300
GRID: Final = 10
#: Features and cells at 1024 pixels: a picture that takes a tenth of the copy still has sixty.
LARGE_COUNT: Final = 600
LARGE_GRID: Final = 16
#: Share of the picture that a plain border must take before the picture inside it gets views of its own.
MIN_TRIMMED: Final = 0.1
#: Longer sides, pixels, of the further views: 256 finds half crops, 1024 a picture within a picture.
FURTHER_SIDES: Final = (256, 1024)

Rgb = NDArray[np.uint8]
Part = tuple[float, float, float, float]


def first_views(rgb: Rgb) -> tuple[View, ...]:
    """Return the views that find most copies: plain and mirrored, with and without a plain border.

    Args:
        rgb: uint8, shape (height, width, 3), upright.
    """
    views = [View(), View(mirrored=True)]
    height, width = rgb.shape[:2]
    left, top, right, bottom = image.trim_border(rgb)
    if (right - left) * (bottom - top) < (1 - MIN_TRIMMED) * height * width:
        inner = (left / width, top / height, right / width, bottom / height)
        views += part_views(inner, "border trimmed")
    return tuple(views)


def further_views() -> tuple[View, ...]:
    """Return the views to try where the first ones find nothing: the negative, and other scales."""
    scaled = [View(mirrored=flip, side_px=side) for side in FURTHER_SIDES for flip in (False, True)]
    return (View(inverted=True), View(mirrored=True, inverted=True), *scaled)


def part_views(part: Part, name: str) -> tuple[View, ...]:
    """Return the views of a part of the picture, plain and mirrored.

    Args:
        part: Left, top, right, bottom, fractions of the picture.
        name: What the part is, for readers.
    """
    return View(part=part, name=name), View(mirrored=True, part=part, name=name)


def seen(rgb: Rgb, views: Iterable[View]) -> tuple[FeatureView, ...]:
    """Return the local features of a picture in each view; views without any are left out.

    Args:
        rgb: uint8, shape (height, width, 3), upright.
        views: The views.
    """
    gray = np.asarray(cv2.cvtColor(np.ascontiguousarray(rgb), cv2.COLOR_RGB2GRAY), np.uint8)
    made = []
    for view in views:
        count, grid = (LARGE_COUNT, LARGE_GRID) if view.side_px > local.SIDE_PX else (COUNT, GRID)
        try:
            found = local.features(view.shown(gray), count, grid, view.side_px)
        except UnmatchableError:  # a ribbon holds no descriptor; the picture's codes may still be found
            continue
        if len(found):
            made.append(FeatureView(view, found.to_bytes()))
    return tuple(made)
