"""Description: geometry and comparison of a match as the transformation that made the copy."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from provenance.evidence import Box, Comparison, DifferenceKind, Geometry
from provenance.match import warp
from provenance.match.colour import UNKNOWN, Colours
from provenance.transformation import Transformation

# Cells along each side on which shares of a picture are counted: a part in 100 of an area and better.
_CELLS = 64


def described(
    geometry: Geometry,
    comparison: Comparison,
    sizes: tuple[tuple[int, int], tuple[int, int]],
    jpeg_quality: int | None,
    sharpness: float | None,
    coloured: Colours = UNKNOWN,
) -> Transformation:
    """Return what was done to the original.

    Args:
        geometry: How the copy lies in it.
        comparison: What differs.
        sizes: Width and height, pixels, of the copy and of the original.
        jpeg_quality: Quality of the copy's compression, 1..100, or None.
        sharpness: Fine detail of the copy against the original's, or None.
        coloured: What was done to its colours.
    """
    matrix = warp.matrix_of(geometry)
    along, down, perspective = _scales(matrix, *sizes)
    return Transformation(
        place=warp.box_through(np.linalg.inv(matrix).astype(np.float64), Box(0, 0, 1, 1)),
        shown=geometry.crop,
        shown_share=shown_share(matrix),
        # The geometry turns before it mirrors; people are told of the mirroring first.
        rotation_deg=-geometry.rotation_deg if geometry.mirrored else geometry.rotation_deg,
        scale=1 / down,
        stretch=down / along,
        mirrored=geometry.mirrored,
        negative=geometry.negative,
        perspective=perspective,
        jpeg_quality=jpeg_quality,
        sharpness=sharpness,
        overlays=tuple(
            one.box
            for one in comparison.differences
            if one.kind is DifferenceKind.OVERLAY and one.box is not None
        ),
        colour=coloured.colour,
        tint=coloured.tint,
        brightness=coloured.brightness,
    )


def grid() -> NDArray[np.float64]:
    """Return the centres of 64 x 64 cells of a picture, row by row, fractions, shape (4096, 2)."""
    line = (np.arange(_CELLS) + 0.5) / _CELLS
    x, y = np.meshgrid(line, line)
    return np.stack([x.ravel(), y.ravel()], axis=1)


def shown_share(matrix: warp.Matrix) -> float:
    """Return the share of the original that the copy shows, 0..1, counted in cells."""
    back = warp.apply(np.linalg.inv(matrix).astype(np.float64), grid())
    return float(((back >= 0) & (back <= 1)).all(axis=1).mean())


def _scales(matrix: warp.Matrix, copy: tuple[int, int], asset: tuple[int, int]) -> tuple[float, float, float]:
    """Return original pixels per copy pixel along and down the copy, and how much that changes across it."""
    step = 1e-4
    middle = warp.apply(matrix, np.array([[0.5, 0.5], [0.5 + step, 0.5], [0.5, 0.5 + step]]))
    along = float(np.hypot(*((middle[1] - middle[0]) / step * asset))) / copy[0]
    down = float(np.hypot(*((middle[2] - middle[0]) / step * asset))) / copy[1]
    depth = np.column_stack([warp.CORNERS, np.ones(4)]) @ matrix[2]
    return along, down, float(depth.max() / depth.min() - 1)
