"""Refining a proposed map by enhanced correlation of the pictures, in the part whose detail agrees."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from provenance.match import warp
from provenance.match.detail import ALIKE, MIN_BLOCKS, Gray, correlated, fine, luma, of_blocks
from provenance.match.reference import shrunk

#: Rounds at most: the blocks that agree are known better after the first, and detail that correlates at .98 may still
#: lie .8 pixel off, which the comparison sees as a difference.
ROUNDS: Final = 2
#: Movement of a corner, pixels, up to which a round is the last: in 51 copies that the first moved by less than .3, the
#: second moved none by more than .22 and nine of ten by less than .09. Source: docs/measurements.md, stages of a check.
STILL_PX: Final = 0.25

# Change of a corner by refinement beyond which it has left the picture for another minimum, fraction.
_DRIFT = 0.04
# Correlation of a block's detail above which it takes part in refinement: what was pasted must not pull.
_STEADY = 0.3


def refined(
    copy_rgb: warp.Rgb, reference_rgb: warp.Rgb, matrix: warp.Matrix, *, inverted: bool
) -> tuple[warp.Matrix, float]:
    """Return the sharpened map and the share of blocks that agree under it; the best of what was tried.

    Args:
        copy_rgb: uint8, shape (h, w, 3).
        reference_rgb: uint8, shape (h, w, 3).
        matrix: Proposed map from copy fractions to reference fractions.
        inverted: Whether the copy is a negative.
    """
    # Luma is laid, not colour, at a third of the cost.
    copy, known = luma(copy_rgb), luma(reference_rgb)
    copy = 255 - copy if inverted else copy
    there = fine(known)
    trial = best = _trial(copy, there, matrix)
    if not best.enough:  # too smooth: its coarser detail may do
        known = luma(shrunk(reference_rgb, max(reference_rgb.shape) // 2))
        there = fine(known)
        trial = best = _trial(copy, there, matrix)
    for _ in range(ROUNDS):
        sharper = _sharpened(trial, known)
        if sharper is None:
            break
        still = _moved_px(trial.matrix, sharper, known) < STILL_PX
        trial = _trial(copy, there, sharper)
        best = trial if trial.mean > best.mean else best
        if still:
            break
    return best.matrix, best.share


def _moved_px(one: warp.Matrix, other: warp.Matrix, known: Gray) -> float:
    """Return how far apart two maps put the corner of the copy that moves most, pixels of the reference."""
    off = warp.apply(one, warp.CORNERS) - warp.apply(other, warp.CORNERS)
    return float(np.abs(off * (known.shape[1], known.shape[0])).max())


@dataclass(frozen=True, slots=True, eq=False)
class _Trial:
    """A copy laid by one map.

    Attributes:
        matrix: The map.
        seen: uint8, shape (h, w): luma of the copy on the reference's grid.
        steady: uint8, shape (h, w): 1 where the detail agrees enough to take part.
        mean: Mean correlation of the textured blocks; 0 where there are too few.
        share: Share of them that agree; 0 likewise.
        enough: Whether there are enough of them to say anything.
    """

    matrix: warp.Matrix
    seen: Gray
    steady: NDArray[np.uint8]
    mean: float
    share: float
    enough: bool


def _trial(copy: Gray, there: NDArray[np.float32], matrix: warp.Matrix) -> _Trial:
    """Return the copy laid by ``matrix`` and how far its detail is that of the reference, ``there``."""
    seen, inside = warp.onto(copy, there.shape, matrix)
    alike, textured = correlated(fine(seen), there, inside)
    found = of_blocks(alike, textured)
    enough = len(found) >= MIN_BLOCKS
    mean, share = (float(found.mean()), float(np.mean(found >= ALIKE))) if enough else (0.0, 0.0)
    return _Trial(matrix, seen, (inside & (alike >= _STEADY)).astype(np.uint8), mean, share, enough)


def _sharpened(trial: _Trial, known: Gray) -> warp.Matrix | None:
    """Return the map after enhanced correlation, or None where it does not converge nearby."""
    # What the features found stays affine where it was: a copy is rarely seen in perspective.
    perspective = bool(np.abs(trial.matrix[2, :2]).max() > 1e-6)
    step = np.eye(3, dtype=np.float32) if perspective else np.eye(2, 3, dtype=np.float32)
    motion = cv2.MOTION_HOMOGRAPHY if perspective else cv2.MOTION_AFFINE
    ends = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 40, 1e-5)
    try:
        _, found = cv2.findTransformECC(known, trial.seen, step, motion, ends, trial.steady, 5)
    except cv2.error:  # it did not converge: what was there stands, and must pass the same check
        return None
    full = found.astype(np.float64) if perspective else np.vstack([found.astype(np.float64), [0, 0, 1]])
    pixels = warp.to_pixels(known.shape[1], known.shape[0])
    # The step maps reference pixels to pixels of the copy laid on the same grid.
    change = np.linalg.inv(pixels) @ np.linalg.inv(full) @ pixels
    drift = np.abs(warp.apply(change, warp.CORNERS) - warp.CORNERS).max()
    if not np.isfinite(drift) or drift > _DRIFT:
        return None
    refined_map = change @ trial.matrix
    return np.asarray(refined_map / refined_map[2, 2], np.float64)
