"""Maps of the plane proposed by local features that a copy shares with a reference."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from provenance.match import warp

#: Local features that must agree. Source: docs/measurements.md, verified pairs: 0 of 33,067 wrong pairs at 9
#: or more, 2 at 8.
INLIERS: Final = 9
#: Inliers that settle the matter, so that no further form or scale is tried.
PLENTY: Final = 30
#: Longer side of the pictures in which distances are measured, pixels.
SIDE_PX: Final = 512
#: Nearest over second nearest distance, ORB. Source: docs/measurements.md, verification.
ORB_RATIO: Final = 0.85
#: The same for SIFT. Source: Lowe 2004, section 7.1 gives .8; .75 is the stricter usual choice.
SIFT_RATIO: Final = 0.75

# Distance to the map within which a feature agrees, pixels.
_TOLERANCE_PX = 4.0
_RANSAC_ROUNDS, _RANSAC_CONFIDENCE = 2000, 0.999
# Plausible maps: magnification between the pictures, ratio of its two directions.
_MAGNIFICATION, _SHEAR = 10.0, 2.0
# Least standard deviation of the agreeing points along their narrow direction, fraction of the picture.
_SPREAD = 0.015

Gray = NDArray[np.uint8]
Points = NDArray[np.float64]
Descriptors = NDArray[np.uint8] | NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Form:
    """One way of looking at the copy, with its way back.

    Attributes:
        mirrored: Left and right exchanged.
        inverted: Dark and light exchanged.
        side_px: Longer side at which features are taken.
    """

    mirrored: bool
    inverted: bool
    side_px: int

    def gray(self, gray: Gray) -> Gray:
        """Return the luma of the copy in this form."""
        shown = gray[:, ::-1] if self.mirrored else gray
        return np.ascontiguousarray(255 - shown if self.inverted else shown)

    def matrix(self) -> warp.Matrix:
        """Map from the copy's fractions to this form's."""
        flip = [[-1, 0, 1], [0, 1, 0], [0, 0, 1]] if self.mirrored else np.eye(3)
        return np.array(flip, np.float64)


#: In order of how often each is needed; 256 finds half crops, 1024 finds a picture within a picture.
FORMS = (
    *(Form(mirrored, False, side) for side in (512, 256, 1024) for mirrored in (False, True)),
    *(Form(mirrored, True, 512) for mirrored in (False, True)),
)


@dataclass(frozen=True, slots=True)
class Fit:
    """A proposed map.

    Attributes:
        matrix: float64, shape (3, 3): from copy fractions to reference fractions.
        inliers: Different places whose features agree with it.
        form: The form of the copy in which they do.
    """

    matrix: warp.Matrix
    inliers: int
    form: Form


def sift(gray: Gray) -> tuple[NDArray[np.float32], Points]:
    """Return SIFT descriptors, float32 of shape (n, 128), and their places in fractions, shape (n, 2)."""
    # OpenCV's type stub leaves SIFT out.
    finder = cv2.SIFT_create(nfeatures=600, contrastThreshold=0.01)  # type: ignore[attr-defined]
    found, described = finder.detectAndCompute(gray, None)
    if described is None:
        return np.zeros((0, 128), np.float32), np.zeros((0, 2))
    height, width = gray.shape
    return described, (np.array([p.pt for p in found]) + 0.5) / (width, height)


def pairs(known: Descriptors, seen: Descriptors, norm: int, ratio: float) -> NDArray[np.int64]:
    """Return index pairs that pass the ratio test, each seen feature at most once.

    Args:
        known: Descriptors of the reference, shape (n, d).
        seen: Descriptors of the copy, shape (m, d).
        norm: OpenCV's number of the distance.
        ratio: Most the nearest may measure of the second nearest, 0..1.

    Returns:
        int64, shape (k, 2): index into ``known``, index into ``seen``.
    """
    if len(known) < 2 or len(seen) < 2:
        return np.zeros((0, 2), np.int64)
    best: dict[int, tuple[float, int]] = {}
    for first, second in cv2.BFMatcher(norm).knnMatch(known, seen, k=2):
        if first.distance < ratio * second.distance:
            rival = best.get(first.trainIdx)
            if rival is None or first.distance < rival[0]:
                best[first.trainIdx] = (first.distance, first.queryIdx)
    return np.array([(q, t) for t, (_, q) in best.items()], np.int64).reshape(-1, 2)


def fit(
    seen: Points, known: Points, form: Form, copy_size: tuple[int, int], size: tuple[int, int]
) -> Fit | None:
    """Return the map most pairs agree on, where at least nine do and it is plausible.

    Args:
        seen: float64, shape (n, 2): places in this form of the copy, fractions.
        known: float64, shape (n, 2): their partners in the reference, fractions.
        form: The form.
        copy_size: Width and height of the copy, pixels.
        size: Width and height of the reference, pixels.
    """
    if len(seen) < INLIERS:
        return None
    here, there = np.array(copy_size) * SIDE_PX / max(copy_size), np.array(size) * SIDE_PX / max(size)
    source, target = (seen * here).astype(np.float32), (known * there).astype(np.float32)
    matrix, agree = _consensus(source, target)
    count = min(_places(source[agree]), _places(target[agree]))
    if count < INLIERS or not _spread(seen[agree], known[agree]) or not _plausible(matrix, here):
        return None
    fractions = np.diag([*(1 / there), 1]) @ matrix @ np.diag([*here, 1]) @ form.matrix()
    return Fit(np.asarray(fractions / fractions[2, 2], np.float64), count, form)


def _consensus(
    source: NDArray[np.float32], target: NDArray[np.float32]
) -> tuple[warp.Matrix, NDArray[np.bool_]]:
    cv2.setRNGSeed(0)  # the same pictures give the same alignment
    matrix, inside = cv2.findHomography(
        source,
        target,
        cv2.USAC_MAGSAC,
        _TOLERANCE_PX,
        maxIters=_RANSAC_ROUNDS,
        confidence=_RANSAC_CONFIDENCE,
    )
    # No map at all comes back as None, though the type stub knows of none.
    found: list[tuple[warp.Matrix, NDArray[np.bool_]]] = [(np.eye(3), np.zeros(len(source), np.bool_))]
    if np.size(matrix) == 9:
        found.append((np.asarray(matrix, np.float64), np.ravel(inside).astype(np.bool_)))
    flat, inside = cv2.estimateAffine2D(
        source,
        target,
        method=cv2.RANSAC,
        ransacReprojThreshold=_TOLERANCE_PX,
        maxIters=_RANSAC_ROUNDS,
        confidence=_RANSAC_CONFIDENCE,
    )
    # An affine map with nearly as many agreeing pairs is the better explanation: two parameters fewer.
    if np.size(flat) == 6 and np.sum(inside) >= 0.9 * found[-1][1].sum():
        found.append((np.vstack([flat, [0, 0, 1]]), np.ravel(inside).astype(np.bool_)))
    return found[-1]


def _places(points: NDArray[np.float32]) -> int:
    """Return how many different places the points take: one corner seen at several levels counts once."""
    return len(np.unique(np.round(points / _TOLERANCE_PX), axis=0))


def _spread(seen: Points, known: Points) -> bool:
    """Return whether the agreeing points span an area in both pictures, not a line or a spot."""
    return all(np.sqrt(max(0.0, float(np.linalg.eigvalsh(np.cov(p.T))[0]))) > 0.015 for p in (seen, known))


def _plausible(matrix: warp.Matrix, copy_size: Points) -> bool:
    """Return whether a pixel map keeps the copy's outline convex and of a possible size and shape."""
    corners = warp.CORNERS * copy_size
    depth = np.column_stack([corners, np.ones(4)]) @ matrix[2]
    if not np.isfinite(matrix).all() or depth.min() <= 0.2 * depth.max():
        return False
    mapped = warp.apply(matrix, corners)
    sides = np.roll(mapped, -1, axis=0) - mapped
    onward = np.roll(sides, -1, axis=0)
    turns = sides[:, 0] * onward[:, 1] - sides[:, 1] * onward[:, 0]
    if not (turns > 0).all():  # a mirrored copy was mirrored back before, so it turns the same way
        return False
    lengths = np.hypot(*sides.T) / np.hypot(*(np.roll(corners, -1, axis=0) - corners).T)
    within = lengths.min() > 1 / _MAGNIFICATION and lengths.max() < _MAGNIFICATION
    return bool(within and lengths.max() < _SHEAR * lengths.min())
