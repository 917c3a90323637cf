"""Lettering: whether words, numbers or signs on a ground were changed or taken away, and not laid over a picture.

What is laid over a picture covers it. Where writing was changed, the ground comes to light that strokes of the
original covered: a forged number in a document, another name on a plate.
"""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from provenance.evidence import DifferenceKind

#: Share of the changed pixels that must come nearer to the ground, as where the original had strokes, and their share
#: among all that come nearer or go farther: lettering laid over a wall with windows reaches .37. Source of all
#: bounds: docs/measurements.md, alteration.
UNCOVERED: Final = 0.17
OF_STROKES: Final = 0.4
#: Most that the typical one of them may keep of its distance: through a translucent layer half of it is left.
KEPT: Final = 0.3
#: Share of the changed pixels that must come nearer or go farther.
TOLD: Final = 0.28
#: Share of new strokes among the changed pixels from which writing was replaced rather than removed.
WRITTEN: Final = 0.04
# Reach of the ground's colour, and least change of a pixel's distance from it, grey levels: thin strokes never show
# the bare ground between them. Share of the surroundings that must have that colour, in copy and original.
_GROUND, _STROKE, _GROUND_SHARE = 18.0, 30.0, 0.55
# Pixels around strokes in which the ground is looked for, and fewest pixels that are judged.
_AROUND_PX, _FEWEST = 4, 12

Plane = NDArray[np.float32]
Mask = NDArray[np.bool_]


def kind_of_writing(shown: Plane, expected: Plane, changed: Mask, inside: Mask) -> DifferenceKind | None:
    """Return replaced or removed where strokes on an even ground changed, None where nothing says so.

    Args:
        shown: float32, shape (h, w, 3): the copy, luma and colour differences, 0..255.
        expected: float32, shape (h, w, 3): the original there in the copy's tone and blur.
        changed: bool, shape (h, w): pixels that differ.
        inside: bool, shape (h, w): where the copy covers the original.
    """
    ground = even_ground(shown, expected, changed, inside)
    if ground is None:
        return None
    now, before = _far(shown[changed], ground), _far(expected[changed], ground)
    bared, drawn = before - now >= _STROKE, now - before >= _STROKE
    uncovered, written = float(bared.mean()), float(drawn.mean())
    told = uncovered + written
    if told < TOLD or uncovered < max(UNCOVERED, OF_STROKES * told):
        return None
    if float(np.median(now[bared] / before[bared])) > KEPT:
        return None
    return DifferenceKind.REPLACED if written >= WRITTEN else DifferenceKind.REMOVED


def even_ground(shown: Plane, expected: Plane, changed: Mask, inside: Mask) -> Plane | None:
    """Return the colour around what changed, float32, shape (3,), None where copy or original has no even ground there.

    Arguments are those of :func:`kind_of_writing`.
    """
    reach = np.ones((2 * _AROUND_PX + 1,) * 2, np.uint8)
    around = (cv2.dilate(changed.astype(np.uint8), reach) > 0) & ~changed & inside
    if min(int(changed.sum()), int(around.sum())) < _FEWEST:
        return None
    ground = _commonest(expected[around])
    shares = [float((_far(planes[around], ground) <= _GROUND).mean()) for planes in (shown, expected)]
    return ground if min(shares) >= _GROUND_SHARE else None


def _commonest(pixels: Plane) -> Plane:
    """Return the mean colour of the pixels whose luma is commonest."""
    luma = pixels[:, 0]
    counts, edges = np.histogram(luma, bins=16, range=(0, 255))
    top = int(np.argmax(counts))
    near = np.abs(luma - (edges[top] + edges[top + 1]) / 2) <= _GROUND
    return np.asarray(np.median(pixels[near], axis=0), np.float32)


def _far(pixels: Plane, colour: Plane) -> Plane:
    return np.asarray(np.linalg.norm(pixels - colour, axis=1), np.float32)
