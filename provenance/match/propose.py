"""Maps of the plane proposed by local features that a copy shares with a reference."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from provenance.examination import View
from provenance.match import warp

#: Local features that must agree. Source: docs/measurements.md, verified pairs: 0 of 33,067 wrong pairs at 9
#: or more, 2 at 8.
INLIERS: Final = 9
#: Fewest that make a pair worth aligning in full. Source: docs/measurements.md, matching: one wrong pair in a
#: few hundred has as many.
LIKELY: Final = 5
#: Inliers that settle a film frame or a stored picture, so that no further features or views are looked at.
PLENTY: Final = 30
#: Fewest that, with detail that agrees, settle the matter, so that no further view or method is tried.
SURE: Final = 15
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
# Least standard deviation of the agreeing points, pixels: along their narrow direction for a map of the plane (they
# span an area, not a line), and along their long one for a similarity (they are no spot).
_SPREAD_PX, _LENGTH_PX = 7.7, 15.0

Gray = NDArray[np.uint8]
Points = NDArray[np.float64]
Descriptors = NDArray[np.uint8] | NDArray[np.float32]

#: Views in order of how often each is needed; 256 finds half crops, 1024 finds a picture within a picture.
VIEWS: Final = (
    *(View(mirrored=flip, side_px=side) for side in (512, 256, 1024) for flip in (False, True)),
    *(View(mirrored=flip, inverted=True) for flip in (False, True)),
)


@dataclass(frozen=True, slots=True)
class Fit:
    """A proposed map.

    Attributes:
        matrix: float64, shape (3, 3): from copy fractions to reference fractions.
        inliers: Different places whose features agree with it.
        view: The view of the copy in which they do.
    """

    matrix: warp.Matrix
    inliers: int
    view: View


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
    kind = cv2.CV_32S if norm == cv2.NORM_HAMMING else cv2.CV_32F
    distance, partner = cv2.batchDistance(known, seen, kind, normType=norm, K=2)
    passing = np.flatnonzero(distance[:, 0] < ratio * distance[:, 1])
    # Of several partners of one seen feature the nearest stays, of equals the first.
    order = passing[np.lexsort((passing, distance[passing, 0]))]
    _, first = np.unique(partner[order, 0], return_index=True)
    kept = order[np.sort(first)]
    return np.stack([kept, partner[kept, 0]], axis=1).astype(np.int64)


def fit(
    seen: Points,
    known: Points,
    view: View,
    copy_size: tuple[int, int],
    size: tuple[int, int],
    least: int = INLIERS,
) -> Fit | None:
    """Return the map most pairs agree on, where enough do and it is plausible.

    Args:
        seen: float64, shape (n, 2): places in this view of the copy, fractions.
        known: float64, shape (n, 2): their partners in the reference, fractions.
        view: The view.
        copy_size: Width and height of the copy, pixels.
        size: Width and height of the reference, pixels.
        least: Fewest places that must agree, at least 4.
    """
    if len(seen) < least:
        return None
    left, top, right, bottom = view.part
    shown = ((right - left) * copy_size[0], (bottom - top) * copy_size[1])
    here, there = np.array(shown) * SIDE_PX / max(shown), np.array(size) * SIDE_PX / max(size)
    source, target = (seen * here).astype(np.float32), (known * there).astype(np.float32)
    for consensus, spread in ((_consensus, _SPREAD_PX), (_similar, _LENGTH_PX)):
        matrix, agree = consensus(source, target)
        count = min(_places(source[agree]), _places(target[agree]))
        # A map with four parameters needs a line of points only, the others an area.
        axis = 0 if consensus is _consensus else 1
        wide = count >= least and all(_deviation(p[agree], axis) > spread for p in (source, target))
        if wide and _plausible(matrix, here):
            fractions = np.diag([*(1 / there), 1]) @ matrix @ np.diag([*here, 1]) @ view.matrix()
            return Fit(np.asarray(fractions / fractions[2, 2], np.float64), count, view)
    return None


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


def _similar(
    source: NDArray[np.float32], target: NDArray[np.float32]
) -> tuple[warp.Matrix, NDArray[np.bool_]]:
    """Return the turn, scale and shift that most pairs agree on."""
    found, inside = cv2.estimateAffinePartial2D(
        source,
        target,
        method=cv2.RANSAC,
        ransacReprojThreshold=_TOLERANCE_PX,
        maxIters=_RANSAC_ROUNDS,
        confidence=_RANSAC_CONFIDENCE,
    )
    if np.size(found) != 6:
        return np.eye(3), np.zeros(len(source), np.bool_)
    return np.vstack([found, [0, 0, 1]]), np.ravel(inside).astype(np.bool_)


def _places(points: NDArray[np.float32]) -> int:
    """Return how many different places the points take: one corner seen at several levels counts once."""
    return len(np.unique(np.round(points / _TOLERANCE_PX), axis=0))


def _deviation(points: NDArray[np.float32], axis: int) -> float:
    """Return the standard deviation of points along their narrow (0) or long (1) direction, pixels."""
    return float(np.sqrt(max(0.0, float(np.linalg.eigvalsh(np.cov(points.T))[axis]))))


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
