"""Aligning a copy of a picture with its reference, or finding that it is not a copy of it.

Local features propose a map of the plane and whole-picture correlation refines it; both must agree before an
alignment is returned. Smooth pictures, which have no features, are aligned by correlation alone where the
framing is nearly the same.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from provenance.errors import UnmatchableError
from provenance.evidence import Box, Geometry
from provenance.fingerprint import local
from provenance.match import warp
from provenance.match.reference import shrunk

#: Local features that must agree. Source: docs/measurements.md, verified pairs: 0 of 33,067 wrong pairs at 9
#: or more, 2 at 8.
INLIERS: Final = 9
#: Inliers that settle the matter, so that no further form or scale is tried.
PLENTY: Final = 30
#: Share of textured blocks that must look alike after alignment. Source: bench/alteration.py.
AGREEING: Final = 0.30
#: Correlation of the whole pictures' detail asked where too few features agree. Source: bench/alteration.py.
DENSE: Final = 0.85

# Features taken of the reference and of the copy, and the cells of the copy's grid.
_REFERENCE_COUNT, _COPY_COUNT, _COPY_GRID = 500, 1000, 10
# Nearest over second nearest distance. Source: docs/measurements.md, verification: .85.
_RATIO, _SIFT_RATIO = 0.85, 0.75
# Distance to the map within which a feature agrees, pixels at a long side of 512.
_TOLERANCE_PX = 4.0
_RANSAC_ROUNDS, _RANSAC_CONFIDENCE = 2000, 0.999
# Longer side of the pictures that correlation works on, pixels.
_SIDE_PX = 512
_DENSE_PX = 64
# Change of a corner by refinement beyond which it has left the picture for another minimum, fraction.
_DRIFT = 0.04
# Plausible maps: magnification between the pictures, ratio of its two directions.
_MAGNIFICATION, _SHEAR = 10.0, 2.0
# Least standard deviation of a block's detail that counts as texture, grey levels: above WebP's own noise.
_TEXTURE = 3.0

Gray = NDArray[np.uint8]
Points = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class _Form:
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
        shown = gray[:, ::-1] if self.mirrored else gray
        return np.ascontiguousarray(255 - shown if self.inverted else shown)

    def matrix(self) -> warp.Matrix:
        """Map from the copy's fractions to this form's."""
        flip = [[-1, 0, 1], [0, 1, 0], [0, 0, 1]] if self.mirrored else np.eye(3)
        return np.array(flip, np.float64)


# In order of how often each is needed; 256 finds half crops, 1024 finds a picture within a picture.
_FORMS = (
    *(_Form(mirrored, False, side) for side in (512, 256, 1024) for mirrored in (False, True)),
    *(_Form(mirrored, True, 512) for mirrored in (False, True)),
)


@dataclass(frozen=True, slots=True)
class _Fit:
    """A proposed map from copy fractions to reference fractions."""

    matrix: warp.Matrix
    inliers: int
    form: _Form


@dataclass(slots=True)
class Aligner:
    """A copy ready to be aligned with several references; its features are computed once.

    Args:
        copy_rgb: uint8, shape (height, width, 3), upright.

    Raises:
        FormatError: ``copy_rgb`` has another shape or type.
        UnmatchableError: The copy is too narrow to be compared.
    """

    copy_rgb: warp.Rgb
    _small: warp.Rgb = field(init=False, repr=False)
    _features: dict[_Form, local.Features | None] = field(init=False, repr=False, default_factory=dict)

    def __post_init__(self) -> None:
        self._small = shrunk(self.copy_rgb, 1024)

    def align(self, reference_rgb: warp.Rgb, asset_size: tuple[int, int] | None = None) -> Geometry | None:
        """Return how the copy lies in the reference, or None where it is no copy of it.

        1. ORB features, plain and mirrored, at three scales, then inverted: the first form with plenty of
           agreeing features settles it, else the one with the most.
        2. Where fewer than nine agree: SIFT, which finds more in smooth pictures.
        3. Where fewer than nine agree still: correlation of the whole pictures in eight forms.
        4. Refinement by enhanced correlation; then the detail of the two pictures must agree.

        Args:
            reference_rgb: uint8, shape (height, width, 3), at most 512 pixels a side.
            asset_size: Width and height of the registered asset, pixels, for the scale; the reference's
                where absent.

        Returns:
            The geometry; ``inliers`` is 0 where it rests on correlation alone.

        Raises:
            FormatError: ``reference_rgb`` has another shape or type.
        """
        reference = _luma(shrunk(reference_rgb, _SIDE_PX))
        for fits in (self._by_orb, self._by_sift):
            fit = fits(reference)
            if fit is not None:
                matrix = _refined(self._small, reference_rgb, fit)
                if agreement(self._small, reference_rgb, matrix, inverted=fit.form.inverted) >= AGREEING:
                    return _geometry(matrix, fit.inliers, self.copy_rgb.shape, asset_size or _size(reference))
        dense = _by_correlation(self._small, reference_rgb)
        if dense is None:
            return None
        return _geometry(dense, 0, self.copy_rgb.shape, asset_size or _size(reference))

    def _by_orb(self, reference: Gray) -> _Fit | None:
        known = _features(reference, _REFERENCE_COUNT, local.GRID, local.SIDE_PX)
        if known is None:
            return None
        best: _Fit | None = None
        for form in _FORMS:
            seen = self._of(form)
            if seen is None:
                continue
            pairs = _pairs(known.descriptors, seen.descriptors, cv2.NORM_HAMMING, _RATIO)
            fit = _fit(_points(seen)[pairs[:, 1]], _points(known)[pairs[:, 0]], form, self._small, reference)
            if fit is not None and (best is None or fit.inliers > best.inliers):
                best = fit
            if best is not None and best.inliers >= PLENTY:
                break
        return best

    def _of(self, form: _Form) -> local.Features | None:
        if form not in self._features:
            gray = form.gray(_luma(self._small))
            self._features[form] = _features(gray, _COPY_COUNT, _COPY_GRID, form.side_px)
        return self._features[form]

    def _by_sift(self, reference: Gray) -> _Fit | None:
        known, known_at = _sift(reference)
        gray = _luma(shrunk(self._small, _SIDE_PX))
        best: _Fit | None = None
        for mirrored in (False, True):
            form = _Form(mirrored=mirrored, inverted=False, side_px=_SIDE_PX)
            seen, seen_at = _sift(form.gray(gray))
            pairs = _pairs(known, seen, cv2.NORM_L2, _SIFT_RATIO)
            fit = _fit(seen_at[pairs[:, 1]], known_at[pairs[:, 0]], form, self._small, reference)
            if fit is not None and (best is None or fit.inliers > best.inliers):
                best = fit
        return best


def align_picture(
    copy_rgb: warp.Rgb, reference_rgb: warp.Rgb, asset_size: tuple[int, int] | None = None
) -> Geometry | None:
    """Return how a copy lies in a reference, or None where it is no copy of it.

    See :meth:`Aligner.align`, which serves where one copy is held against several references.

    Raises:
        FormatError: One of the pictures has another shape or type.
        UnmatchableError: The copy is too narrow to be compared.
    """
    return Aligner(copy_rgb).align(reference_rgb, asset_size)


def agreement(
    copy_rgb: warp.Rgb, reference_rgb: warp.Rgb, matrix: warp.Matrix, *, inverted: bool = False
) -> float:
    """Return the share of the reference's textured blocks in which the aligned copy shows the same detail.

    Detail is luma less its Gaussian mean over 4 pixels; blocks are 32 pixels wide at a long side of 512, and
    a block agrees where the correlation of its detail is at least one half.

    Args:
        copy_rgb: uint8, shape (height, width, 3).
        reference_rgb: uint8, shape (height, width, 3).
        matrix: Map from copy fractions to reference fractions.
        inverted: Whether the copy is a negative.

    Returns:
        0..1; 0 where the copy covers fewer than four textured blocks.
    """
    laid, inside = warp.onto(copy_rgb, matrix, (reference_rgb.shape[0], reference_rgb.shape[1]))
    seen, known = _detail(_luma(laid)), _detail(_luma(reference_rgb))
    side = max(reference_rgb.shape[:2])
    # The window of a local correlation: 32 pixels at a long side of 512.
    window = (max(9, side // 16),) * 2
    mean = [cv2.blur(a, window) for a in (seen * known, seen * seen, known * known)]
    textured = (mean[2] > _TEXTURE**2) & (cv2.blur(inside.astype(np.float32), window) > 0.99)
    blocks = textured[window[0] // 2 :: window[0], window[1] // 2 :: window[1]]
    if blocks.sum() < 4:
        return 0.0
    alike = mean[0] / np.sqrt(mean[1] * mean[2] + 1)
    sampled = alike[window[0] // 2 :: window[0], window[1] // 2 :: window[1]][blocks]
    return float(np.mean((-sampled if inverted else sampled) >= 0.5))


def _luma(rgb: warp.Rgb) -> Gray:
    return np.asarray(cv2.cvtColor(np.ascontiguousarray(rgb), cv2.COLOR_RGB2GRAY), np.uint8)


def _detail(gray: Gray) -> NDArray[np.float32]:
    values = cv2.GaussianBlur(gray.astype(np.float32), (0, 0), 1.0)
    return np.asarray(values - cv2.GaussianBlur(values, (0, 0), 4.0), np.float32)


def _size(gray: Gray) -> tuple[int, int]:
    return gray.shape[1], gray.shape[0]


def _features(gray: Gray, count: int, grid: int, side_px: int) -> local.Features | None:
    try:
        found = local.features(gray, count, grid, side_px)
    except UnmatchableError:  # too narrow for a descriptor: SIFT and correlation may still serve
        return None
    return found if len(found) else None


def _points(found: local.Features) -> Points:
    return np.asarray(found.points, np.float64)


def _sift(gray: Gray) -> tuple[NDArray[np.float32], Points]:
    found, described = cv2.SIFT_create(nfeatures=600, contrastThreshold=0.01).detectAndCompute(gray, None)
    if described is None:
        return np.zeros((0, 128), np.float32), np.zeros((0, 2))
    height, width = gray.shape
    return described, (np.array([p.pt for p in found]) + 0.5) / (width, height)


def _pairs(
    known: NDArray[np.generic], seen: NDArray[np.generic], norm: int, ratio: float
) -> NDArray[np.int64]:
    """Return index pairs (known, seen), each seen feature at most once, that pass the ratio test."""
    if len(known) < 2 or len(seen) < 2:
        return np.zeros((0, 2), np.int64)
    best: dict[int, tuple[float, int]] = {}
    for nearest in cv2.BFMatcher(norm).knnMatch(known, seen, k=2):
        first, second = nearest
        if first.distance < ratio * second.distance:
            rival = best.get(first.trainIdx)
            if rival is None or first.distance < rival[0]:
                best[first.trainIdx] = (first.distance, first.queryIdx)
    return np.array([(q, t) for t, (_, q) in best.items()], np.int64).reshape(-1, 2)


def _fit(seen: Points, known: Points, form: _Form, copy_rgb: warp.Rgb, reference: Gray) -> _Fit | None:
    """Return the map most pairs agree on, where at least nine do and it is plausible."""
    if len(seen) < INLIERS:
        return None
    copy_size = np.array([copy_rgb.shape[1], copy_rgb.shape[0]], np.float64)
    copy_size *= _SIDE_PX / copy_size.max()
    size = np.array(_size(reference), np.float64)
    size *= _SIDE_PX / size.max()
    source, target = (seen * copy_size).astype(np.float32), (known * size).astype(np.float32)
    cv2.setRNGSeed(0)  # the same pictures give the same alignment
    matrix, inside = cv2.findHomography(
        source, target, cv2.USAC_MAGSAC, _TOLERANCE_PX, None, _RANSAC_ROUNDS, _RANSAC_CONFIDENCE
    )
    agree = np.zeros(len(seen), np.bool_) if matrix is None else inside.ravel().astype(np.bool_)
    flat, flat_inside = cv2.estimateAffine2D(
        source, target, None, cv2.RANSAC, _TOLERANCE_PX, _RANSAC_ROUNDS, _RANSAC_CONFIDENCE
    )
    # An affine map with nearly as many agreeing pairs is the better explanation: two parameters fewer.
    if flat is not None and flat_inside.sum() >= 0.9 * agree.sum():
        matrix, agree = np.vstack([flat, [0, 0, 1]]), flat_inside.ravel().astype(np.bool_)
    count = min(_places(source[agree]), _places(target[agree]))
    if matrix is None or count < INLIERS or not _spread(seen[agree], known[agree]):
        return None
    if not _plausible(matrix, copy_size):
        return None
    fractions = np.diag([*(1 / size), 1]) @ matrix @ np.diag([*copy_size, 1]) @ form.matrix()
    return _Fit(fractions / fractions[2, 2], count, form)


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


def _refined(copy_rgb: warp.Rgb, reference_rgb: warp.Rgb, fit: _Fit) -> warp.Matrix:
    """Return the map sharpened by enhanced correlation; the fit's own where that finds no better one."""
    perspective = bool(np.abs(fit.matrix[2, :2]).max() > 1e-6)
    return _sharpened(copy_rgb, reference_rgb, fit.matrix, perspective, fit.form.inverted)


def _sharpened(
    copy_rgb: warp.Rgb, reference_rgb: warp.Rgb, matrix: warp.Matrix, perspective: bool, inverted: bool
) -> warp.Matrix:
    grid = (reference_rgb.shape[0], reference_rgb.shape[1])
    laid, inside = warp.onto(copy_rgb, matrix, grid)
    seen = 255 - _luma(laid) if inverted else _luma(laid)
    step = np.eye(3, dtype=np.float32) if perspective else np.eye(2, 3, dtype=np.float32)
    motion = cv2.MOTION_HOMOGRAPHY if perspective else cv2.MOTION_AFFINE
    ends = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 40, 1e-5)
    try:
        _, found = cv2.findTransformECC(
            _luma(reference_rgb), seen, step, motion, ends, inside.astype(np.uint8), 5
        )
    except cv2.error:  # it did not converge: what the features found stands, and must pass the same check
        return matrix
    full = found.astype(np.float64) if perspective else np.vstack([found.astype(np.float64), [0, 0, 1]])
    pixels = warp.to_pixels(grid[1], grid[0])
    # The step maps reference pixels to pixels of the copy laid on the same grid.
    change = np.linalg.inv(pixels) @ np.linalg.inv(full) @ pixels
    drift = np.abs(warp.apply(change, warp.CORNERS) - warp.CORNERS).max()
    if not np.isfinite(drift) or drift > _DRIFT:
        return matrix
    refined = change @ matrix
    return np.asarray(refined / refined[2, 2], np.float64)


def _by_correlation(copy_rgb: warp.Rgb, reference_rgb: warp.Rgb) -> warp.Matrix | None:
    """Return the map of nearly the same framing, plain, turned or mirrored, that makes the detail agree."""
    best, start = 0.0, None
    for matrix in _DIHEDRAL:
        alike = _likeness(copy_rgb, reference_rgb, matrix, _DENSE_PX)
        if alike > best:
            best, start = alike, matrix
    if start is None or best < 0.5:
        return None
    matrix = _sharpened(copy_rgb, reference_rgb, start, perspective=False, inverted=False)
    return matrix if _likeness(copy_rgb, reference_rgb, matrix, 2 * _DENSE_PX) >= DENSE else None


# The eight ways a picture can be turned and mirrored, as maps of fractions.
_TURN = np.array([[0, 1, 0], [-1, 0, 1], [0, 0, 1]], np.float64)
_FLIP = np.array([[-1, 0, 1], [0, 1, 0], [0, 0, 1]], np.float64)
_DIHEDRAL = tuple(
    np.linalg.matrix_power(_TURN, turns) @ flip for flip in (np.eye(3), _FLIP) for turns in range(4)
)


def _likeness(copy_rgb: warp.Rgb, reference_rgb: warp.Rgb, matrix: warp.Matrix, side_px: int) -> float:
    """Return the correlation of the detail of both pictures at ``side_px``; 0 without detail or overlap."""
    known_rgb = shrunk(reference_rgb, side_px)
    laid, inside = warp.onto(copy_rgb, matrix, (known_rgb.shape[0], known_rgb.shape[1]))
    if inside.mean() < 0.6:
        return 0.0
    seen, known = _detail(_luma(laid))[inside], _detail(_luma(known_rgb))[inside]
    spread = (float(seen.std()), float(known.std()))
    if min(spread) < 1.0:
        return 0.0
    return float(np.mean((seen - seen.mean()) * (known - known.mean())) / (spread[0] * spread[1]))


def _geometry(
    matrix: warp.Matrix, inliers: int, copy_shape: tuple[int, ...], asset_size: tuple[int, int]
) -> Geometry:
    height, width = copy_shape[:2]
    middle = warp.apply(matrix, np.array([[0.5, 0.5], [0.5 + 1e-4, 0.5], [0.5, 0.5 + 1e-4]]))
    asset = np.array(asset_size, np.float64)
    along = (middle[1] - middle[0]) / 1e-4 * asset / width
    down = (middle[2] - middle[0]) / 1e-4 * asset / height
    mirrored = bool(along[0] * down[1] - along[1] * down[0] < 0)
    forward = -along if mirrored else along
    turn = -float(np.degrees(np.arctan2(forward[1], forward[0])))
    values = tuple(float(v) for v in matrix.ravel())
    return Geometry(
        matrix=values,  # type: ignore[arg-type]  # nine by construction
        mirrored=mirrored,
        crop=warp.box_through(matrix, Box(0, 0, 1, 1)),
        rotation_deg=turn + 0.0,
        scale=float(1 / np.hypot(*along)),
        inliers=inliers,
    )
