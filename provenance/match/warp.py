"""Bringing a copy onto the reference's grid: plane maps between fractions of two pictures.

Coordinates are fractions of width and height; the centre of pixel ``i`` of ``n`` is ``(i + 0.5) / n``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from provenance.evidence import Box, Geometry

Matrix = NDArray[np.floating[Any]]
Rgb = NDArray[np.uint8]
Gray = NDArray[np.uint8]
Mask = NDArray[np.bool_]


class Laid(NamedTuple):
    """A copy on the reference's grid.

    Attributes:
        pixels: uint8, shape (h, w, 3), or (h, w) of luma.
        inside: bool, shape (h, w): where the copy covers the pixel with all of the interpolation's support.
    """

    pixels: Rgb
    inside: Mask


#: The corners of a picture in fractions, in order around it.
CORNERS: Final[NDArray[np.float64]] = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], np.float64)
# Longest side a copy keeps before it is warped, pixels: twice the longest reference, so nothing that the
# reference can show is lost.
_COPY_SIDE_PX = 1024


def to_pixels(width: int, height: int) -> Matrix:
    """Return the 3x3 map from fractions to pixel coordinates of a picture of this size."""
    return np.array([[width, 0, -0.5], [0, height, -0.5], [0, 0, 1]], np.float64)


def matrix_of(geometry: Geometry) -> Matrix:
    """Return the 3x3 map from copy fractions to asset fractions, float64."""
    return np.array(geometry.matrix, np.float64).reshape(3, 3)


def apply(matrix: Matrix, points: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """Return the mapped points.

    Args:
        matrix: float64, shape (3, 3).
        points: float64, shape (n, 2).
    """
    lifted = np.column_stack([points, np.ones(len(points))]) @ matrix.T
    return np.asarray(lifted[:, :2] / lifted[:, 2:], np.float64)


def box_through(matrix: Matrix, box: Box) -> Box:
    """Return the upright rectangle around the mapped ``box``, clipped to the picture it is mapped into.

    A box that maps outside has zero width or height.
    """
    right, below = box.x + box.w, box.y + box.h
    outline = [[box.x, box.y], [right, box.y], [right, below], [box.x, below]]
    corners = apply(matrix, np.array(outline))
    low, high = np.clip(corners.min(axis=0), 0, 1), np.clip(corners.max(axis=0), 0, 1)
    return Box(float(low[0]), float(low[1]), float(high[0] - low[0]), float(high[1] - low[1]))


def pixel_step(matrix: Matrix, source: tuple[int, int], grid: tuple[int, ...]) -> float:
    """Return how many source pixels one grid pixel steps over at the middle of what they share.

    Args:
        matrix: Map from source fractions to grid fractions.
        source: Height and width of the source picture, pixels.
        grid: Height and width of the grid, pixels.
    """
    back = np.linalg.inv(matrix).astype(np.float64)
    shown = box_through(matrix, Box(0, 0, 1, 1))
    centre = np.array([shown.x + shown.w / 2, shown.y + shown.h / 2])
    across, down = np.array([1 / grid[1], 0]), np.array([0, 1 / grid[0]])
    here, right, below = apply(back, np.array([centre, centre + across, centre + down]))
    size = np.array([source[1], source[0]], np.float64)
    edge, side = (right - here) * size, (below - here) * size
    return float(np.sqrt(abs(edge[0] * side[1] - edge[1] * side[0])))


def lay(copy_rgb: Rgb, reference_rgb: Rgb, geometry: Geometry) -> Laid:
    """Return the copy as it lies in the reference by ``geometry``; see :func:`onto`."""
    return onto(copy_rgb, reference_rgb.shape, matrix_of(geometry))


def onto(copy: Rgb | Gray, grid: tuple[int, ...], matrix: Matrix) -> Laid:
    """Return the copy as it lies on the reference's grid, and where it covers it.

    The copy is first averaged down to the grid's pixel size, so that a large copy does not alias.

    Args:
        copy: uint8, shape (height, width, 3), or (height, width) of luma.
        grid: Height and width of the reference, pixels.
        matrix: Map from copy fractions to reference fractions.
    """
    height, width = copy.shape[:2]
    step = max(pixel_step(matrix, (height, width), grid), max(height, width) / _COPY_SIDE_PX)
    small = copy
    if step > 1:
        size = (max(2, round(width / step)), max(2, round(height / step)))
        small = np.asarray(cv2.resize(copy, size, interpolation=cv2.INTER_AREA), np.uint8)
    rows, columns = small.shape[:2]
    pixels = to_pixels(grid[1], grid[0]) @ matrix @ np.linalg.inv(to_pixels(columns, rows))
    size = (grid[1], grid[0])
    # Replicated edges keep the interpolation free of a dark rim; the mask says where they are.
    laid = cv2.warpPerspective(small, pixels, size, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    whole = cv2.warpPerspective(
        np.full((rows, columns), 255, np.uint8), pixels, size, flags=cv2.INTER_LINEAR, borderValue=0
    )
    # Two pixels: the cubic kernel's reach.
    inside = cv2.erode(whole, np.ones((5, 5), np.uint8), borderType=cv2.BORDER_CONSTANT, borderValue=255)
    return Laid(np.asarray(laid, np.uint8), np.asarray(inside == 255, np.bool_))


def apart(one: Geometry, other: Geometry) -> float:
    """Return the largest distance of mapped corners of the copy, in fractions of the asset's frame."""
    corners = [apply(matrix_of(each), CORNERS) for each in (one, other)]
    return float(np.abs(corners[0] - corners[1]).max())


def middle(geometries: Sequence[Geometry]) -> Geometry:
    """Return the geometry nearest to all others: of a film's frames some are off by their motion.

    Args:
        geometries: At least one.
    """
    off = [sum(apart(one, other) for other in geometries) for one in geometries]
    return geometries[int(np.argmin(off))]
