"""Detail: what of the fine structure of two pictures agrees, once one lies on the other's grid.

Detail is luma less its Gaussian mean over 4 pixels.
"""

from __future__ import annotations

from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from provenance.match import warp
from provenance.match.reference import shrunk

#: Correlation of a block's detail from which it agrees.
ALIKE: Final = 0.5
#: Least standard deviation of a block's detail that counts as texture, grey levels: above WebP's own noise.
TEXTURE: Final = 3.0
#: Fewest textured blocks that say anything.
MIN_BLOCKS: Final = 4

Gray = NDArray[np.uint8]


def agreement(
    copy_rgb: warp.Rgb, reference_rgb: warp.Rgb, matrix: warp.Matrix, *, inverted: bool = False
) -> float:
    """Return the share of the reference's textured blocks in which the aligned copy shows the same detail.

    Detail is luma less its Gaussian mean over 4 pixels; blocks are a sixteenth of the long side wide, and a block
    agrees where the correlation of its detail is at least one half. A picture too smooth for that is looked at
    with half the pixels, where its detail has ten periods a side and more, still beyond the eight that PDQ sees.

    Args:
        copy_rgb: uint8, shape (height, width, 3).
        reference_rgb: uint8, shape (height, width, 3).
        matrix: Map from copy fractions to reference fractions.
        inverted: Whether the copy is a negative.

    Returns:
        0..1; 0 where the copy covers fewer than :data:`MIN_BLOCKS` textured blocks at both sizes.
    """
    for known in (reference_rgb, shrunk(reference_rgb, max(reference_rgb.shape) // 2)):
        alike = blocks(copy_rgb, known, matrix, inverted=inverted)
        if len(alike) >= MIN_BLOCKS:
            return float(np.mean(alike >= ALIKE))
    return 0.0


def sharpness(laid_rgb: warp.Rgb, reference_rgb: warp.Rgb) -> float | None:
    """Return the contrast of the copy's detail against the reference's; None where the reference has none.

    Args:
        laid_rgb: uint8, shape (h, w, 3): the copy on the reference's grid.
        reference_rgb: uint8, shape (h, w, 3).
    """
    ours, theirs = (float(fine(luma(one)).std()) for one in (laid_rgb, reference_rgb))
    return ours / theirs if theirs >= TEXTURE else None


def blocks(
    copy_rgb: warp.Rgb, reference_rgb: warp.Rgb, matrix: warp.Matrix, *, inverted: bool
) -> NDArray[np.float32]:
    """Return the correlation of detail of each textured block that the copy covers, shape (n,)."""
    laid, inside = warp.onto(copy_rgb, reference_rgb.shape[:2], matrix)
    seen = luma(laid)
    return of_blocks(*correlated(fine(255 - seen if inverted else seen), fine(luma(reference_rgb)), inside))


def of_blocks(alike: NDArray[np.float32], textured: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Return the correlation of each textured block out of those around each pixel, shape (n,)."""
    step = _window(alike)
    sampled, counted = (a[step // 2 :: step, step // 2 :: step] for a in (alike, textured))
    return np.asarray(sampled[counted], np.float32)


def _window(picture: NDArray[Any]) -> int:
    """Return the width of a block, pixels: 32 at a long side of 512, and at least 9."""
    return max(9, len(picture) // 16, len(picture[0]) // 16)


def correlated(
    here: NDArray[np.float32], there: NDArray[np.float32], inside: warp.Mask
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Return the correlation of detail in the block around each pixel, and where the reference has any.

    Args:
        here: float32, shape (h, w): detail of the copy on the reference's grid, as :func:`fine` returns it.
        there: float32, shape (h, w): detail of the reference.
        inside: bool, shape (h, w): where the copy covers it.
    """
    window = (_window(there),) * 2
    both, own, other = (cv2.blur(a, window) for a in (here * there, here * here, there * there))
    whole = cv2.blur(inside.astype(np.float32), window) > 0.99
    # One grey level squared keeps blocks without detail from dividing noise by noise.
    return both / np.sqrt(np.maximum(own * other, 0) + 1), (other > TEXTURE**2) & whole


def luma(rgb: warp.Rgb) -> Gray:
    """Return the luma of a picture, uint8, shape (h, w)."""
    return np.asarray(cv2.cvtColor(np.ascontiguousarray(rgb), cv2.COLOR_RGB2GRAY), np.uint8)


def fine(gray: Gray) -> NDArray[np.float32]:
    """Return the detail of a picture, grey levels, in the shape of ``gray``."""
    values = cv2.GaussianBlur(gray.astype(np.float32), (0, 0), 1.0)
    return np.asarray(values - cv2.GaussianBlur(values, (0, 0), 4.0), np.float32)
