"""Views: the ways of looking at a query picture for local features that its registered original has too.

ORB features keep through turning and moderate scaling, but not through mirroring, inverting, and scaling
beyond their pyramid: those are looked for in further views of the picture. Pictures within the picture get views
and codes of their own (:mod:`provenance.fingerprint.panels`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from provenance.errors import UnmatchableError
from provenance.examination import PART, WHOLE, FeatureView, Look, Part, PictureCode, View
from provenance.fingerprint import image, local, panels
from provenance.fingerprint.mirror import mirrored

#: Features of one view and the cells along each side they are taken from. Source: docs/measurements.md,
#: matching: a query of 300 in 10 x 10 cells against 200 registered ones.
COUNT: Final = 300
GRID: Final = 10
#: Features by which a copy is aligned, from the same cells: both pictures are at hand there, and more of them help.
ALIGNED_COUNT: Final = 1000
#: Features and cells at 1024 pixels: a picture that takes a tenth of the copy still has sixty.
LARGE_COUNT: Final = 600
LARGE_GRID: Final = 16
#: Share of the picture that a plain border must take before the picture inside it gets views of its own.
MIN_TRIMMED: Final = 0.1
#: Longer sides, pixels, of the further views: 384 finds crops by a quarter, 256 half crops, 1024 small insets.
FURTHER_SIDES: Final = (384, 256, 1024)
#: Overlap from which a panel is the part inside the border, which has its views already.
SAME: Final = 0.8

Rgb = NDArray[np.uint8]


def first_look(rgb: Rgb) -> Look:
    """Return what finds most copies, beside the codes of the whole: its features, and its panels.

    The whole is looked at plain and mirrored, with and without a plain border.

    Args:
        rgb: uint8, shape (height, width, 3), upright.
    """
    parts = panels.gutter_panels(_gray(rgb))
    wanted = [View(), View(mirrored=True)]
    inner = _inside_border(rgb)
    if inner != WHOLE:
        wanted += part_views(inner, "border trimmed")
    others = tuple(part for part in parts if panels.overlap(part, inner) < SAME)
    return look(rgb, others, wanted)


def further_look(rgb: Rgb) -> Look:
    """Return what to try where the first look finds nothing: the negative, other scales, pictures in the picture.

    Args:
        rgb: uint8, shape (height, width, 3), upright.
    """
    wanted = [View(mirrored=flip, side_px=side) for side in FURTHER_SIDES for flip in (False, True)]
    negative = (View(inverted=True), View(mirrored=True, inverted=True))
    return look(rgb, panels.edged_panels(_gray(rgb)), (*negative, *wanted))


def look(rgb: Rgb, parts: Iterable[Part], views: Iterable[View] = ()) -> Look:
    """Return the codes and features of parts of a picture, after the features in ``views``.

    Args:
        rgb: uint8, shape (height, width, 3), upright.
        parts: Left, top, right, bottom, fractions of the picture.
        views: Further views, without codes.
    """
    found: list[PictureCode] = []
    wanted = list(views)
    for part in parts:
        wanted += part_views(part, PART)
        try:
            found += codes(rgb, part)
        except UnmatchableError:  # too small or flat for a code; its local features may still be found
            continue
    return Look(tuple(found), seen(rgb, wanted))


def codes(rgb: Rgb, part: Part = WHOLE) -> tuple[PictureCode, ...]:
    """Return the codes of a part of a picture in all forms that are looked up.

    Args:
        rgb: uint8, shape (height, width, 3), upright.
        part: Left, top, right, bottom, fractions of the picture.

    Raises:
        UnmatchableError: The part is too small or too flat for a code.
    """
    forms = image.pdq_forms(View(part=part).shown(rgb) if part != WHOLE else rgb)
    return tuple(
        PictureCode(
            one.fingerprint.algorithm,
            one.fingerprint.value,
            one.name if part == WHOLE else f"{one.name}, {PART}",
            None,
            one.mirrored,
            one.negative,
            part,
        )
        for one in forms
    )


def _inside_border(rgb: Rgb) -> Part:
    """Return the part inside a plain border that takes a tenth and more, or the whole."""
    height, width = rgb.shape[:2]
    left, top, right, bottom = image.trim_border(rgb)
    if (right - left) * (bottom - top) >= (1 - MIN_TRIMMED) * height * width:
        return WHOLE
    return left / width, top / height, right / width, bottom / height


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
    gray = _gray(rgb)
    made = []
    known: dict[View, local.Features] = {}
    for view in views:
        large = view.side_px > local.SIDE_PX
        count, grid = (LARGE_COUNT, LARGE_GRID) if large else (ALIGNED_COUNT, GRID)
        plain = replace(view, mirrored=False, name="")
        try:
            if view.mirrored and plain in known:
                found = mirrored(known[plain], view.shown(gray), view.side_px)
            else:
                found = local.features(view.shown(gray), count, grid, view.side_px)
        except UnmatchableError:  # a ribbon holds no descriptor; the picture's codes may still be found
            continue
        if not view.mirrored:
            known[plain] = found
        if not len(found):
            continue
        if large:
            made.append(FeatureView(view, found.to_bytes()))
        else:
            points, descriptors = found.points.astype("<f4").tobytes(), found.descriptors.tobytes()
            made.append(FeatureView(view, found.first(COUNT).to_bytes(), points, descriptors))
    return tuple(made)


def _gray(rgb: Rgb) -> NDArray[np.uint8]:
    return np.asarray(cv2.cvtColor(np.ascontiguousarray(rgb), cv2.COLOR_RGB2GRAY), np.uint8)
