"""Aligning a copy of a picture with its reference, or finding that it is not a copy of it.

Local features propose a map of the plane and whole-picture correlation refines it; both must agree before an
alignment is returned. Smooth pictures, which have no features, are aligned by correlation alone where the
framing is nearly the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import InitVar, dataclass, field
from typing import Final, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from provenance.errors import UnmatchableError
from provenance.evidence import Box, Geometry
from provenance.examination import WHOLE, FeatureView, Part, View
from provenance.fingerprint import local
from provenance.fingerprint.views import ALIGNED_COUNT, GRID
from provenance.match import propose, warp
from provenance.match.detail import agreement, fine, luma
from provenance.match.reference import shrunk
from provenance.match.refine import refined

#: Local features that must agree.
INLIERS: Final = propose.INLIERS
#: Share of textured blocks that must look alike after alignment. Source: docs/measurements.md#alteration.
AGREEING: Final = 0.30
#: Correlation of the whole pictures' detail asked where too few features agree. Source: as AGREEING.
DENSE: Final = 0.85

#: Least side of the part of a stored frame that a copy shows, for codes of that part, pixels.
MIN_SHARED_PX: Final = 40

# Features taken of the reference. More than the index keeps: here the picture itself is at hand.
_REFERENCE_COUNT = 500
# Longer side at which whole pictures are first correlated, pixels.
_DENSE_PX = 64
# Reach of the detail filter from a border, pixels: three standard deviations of its wider Gaussian.
_MARGIN_PX = 12
# Share of agreeing blocks from which no further view is looked at.
_SETTLED = 0.6

Gray = NDArray[np.uint8]
Points = NDArray[np.float64]


class _Described(NamedTuple):
    """Local features: float32 places, fractions, shape (n, 2), and their descriptors, uint8, shape (n, 32)."""

    points: NDArray[np.float32]
    descriptors: NDArray[np.uint8]


@dataclass(slots=True)
class Known:
    """A stored picture that several copies are held against; its features are computed once.

    Args:
        rgb: uint8, shape (height, width, 3), at most 512 pixels a side.
    """

    rgb: warp.Rgb
    features: _Described | None = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self.features = _features(luma(self.rgb), _REFERENCE_COUNT, local.GRID, local.SIDE_PX)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height, pixels."""
        return self.rgb.shape[1], self.rgb.shape[0]


@dataclass(slots=True)
class Aligner:
    """A copy ready to be aligned with several references; its features are computed once.

    Args:
        copy_rgb: uint8, shape (height, width, 3), upright.
        looked: Views of the copy whose features are known already.

    Raises:
        FormatError: ``copy_rgb`` has another shape or type.
        UnmatchableError: The copy is too narrow to be compared.
    """

    copy_rgb: warp.Rgb
    looked: InitVar[Sequence[FeatureView]] = ()
    _small: warp.Rgb = field(init=False, repr=False)
    _features: dict[View, _Described | None] = field(init=False, repr=False, default_factory=dict)
    _sift: dict[View, tuple[NDArray[np.float32], Points]] = field(
        init=False, repr=False, default_factory=dict
    )

    def __post_init__(self, looked: Sequence[FeatureView]) -> None:
        self._small = shrunk(self.copy_rgb, 1024)
        for one in looked:
            if one.points:
                self._features[one.view] = _Described(one.point_array(), one.descriptor_array())

    def align(
        self,
        reference_rgb: warp.Rgb,
        asset_size: tuple[int, int] | None = None,
        views: Sequence[View] = propose.VIEWS,
        *,
        sift: bool = True,
        start: propose.Fit | None = None,
    ) -> Geometry | None:
        """Return how the copy lies in the reference, or None where it is no copy of it.

        1. A map already proposed, by enough features to need no more, settles it if it makes the detail agree.
           Else ORB features of the copy in each view: the first whose map makes the detail of the two pictures
           agree well, or the one with the most agreeing features.
        2. Where fewer than nine agree: SIFT, which finds more in smooth pictures.
        3. Where fewer than nine agree still: correlation of the whole pictures in eight forms.
        4. Refinement by enhanced correlation; then the detail of the two pictures must agree.

        Args:
            reference_rgb: uint8, shape (height, width, 3), at most 512 pixels a side.
            asset_size: Width and height of the registered asset, pixels, for the scale; the reference's
                where absent.
            views: The views to look at, likeliest first.
            sift: Whether SIFT is tried; it costs ten times what a view does.
            start: What :meth:`proposed` says of the reference's stored features, if it was asked.

        Returns:
            The geometry; ``inliers`` is 0 where it rests on correlation alone.

        Raises:
            FormatError: ``reference_rgb`` has another shape or type.
        """
        reference = luma(shrunk(reference_rgb, propose.SIDE_PX))
        size = asset_size or _size(reference)
        best: tuple[propose.Fit, warp.Matrix, float] | None = None
        if start is not None and start.inliers >= propose.PLENTY:
            best = (start, *_refined(self._small, reference_rgb, start))
        if not _settled(best):
            best = self._by_orb(reference_rgb, reference, views)
        if sift and not _settled(best):
            fit = self._by_sift(reference)
            if fit is not None:
                best = _likelier(best, (fit, *_refined(self._small, reference_rgb, fit)))
        if best is not None and best[2] >= AGREEING:
            fit, matrix, alike = best
            return _geometry(
                matrix, fit.inliers, self.copy_rgb.shape, size, alike, negative=fit.view.inverted
            )
        return self.align_whole(reference_rgb, size, views[0].part)

    def align_whole(
        self, reference_rgb: warp.Rgb, asset_size: tuple[int, int], part: Part = WHOLE
    ) -> Geometry | None:
        """Return how the copy lies in the reference by correlation of the whole pictures alone, or None.

        Args:
            reference_rgb: uint8, shape (height, width, 3), at most 512 pixels a side.
            asset_size: Width and height of the registered asset, pixels, for the scale.
            part: What of the copy may show the whole reference.

        Raises:
            FormatError: ``reference_rgb`` has another shape or type.
        """
        dense = _by_correlation(self._small, reference_rgb, View(part=part).matrix())
        if dense is None:
            return None
        alike = agreement(self._small, reference_rgb, dense)
        return _geometry(dense, 0, self.copy_rgb.shape, asset_size, alike)

    def proposed(self, stored: local.Features, asset_size: tuple[int, int], view: View) -> propose.Fit | None:
        """Return the plausible map of a view that most stored features of an asset agree on; None under five.

        This costs a fiftieth of :meth:`align`: what it does not make likely need not be aligned.
        """
        seen = self._of(view)
        return None if seen is None else self._fit(stored, seen, asset_size, view, propose.LIKELY)

    def agreeing(self, stored: local.Features, asset_size: tuple[int, int], view: View) -> int:
        """Return how many stored features agree with the map of :meth:`proposed`; 0 where there is none."""
        fit = self.proposed(stored, asset_size, view)
        return fit.inliers if fit is not None else 0

    def strongest(self, reference_rgb: warp.Rgb, views: Sequence[View]) -> Geometry | None:
        """Return the best map that at least five features propose, whether or not it is believed.

        For measuring how strong the maps of unrelated pictures are.
        """
        reference = luma(shrunk(reference_rgb, propose.SIDE_PX))
        best = self._by_orb(reference_rgb, reference, views, propose.LIKELY)
        if best is None:
            return None
        return _geometry(best[1], best[0].inliers, self.copy_rgb.shape, _size(reference), best[2])

    def place(self, known: Known, *, mirrored: bool, refined: bool) -> Geometry | None:
        """Return how the copy lies in a stored frame by local features alone, or None.

        Args:
            known: The stored frame.
            mirrored: Whether the copy is to be looked at mirrored.
            refined: Whether the map is sharpened by correlation, and refused where the detail disagrees.
        """
        if known.features is None:
            return None
        best: propose.Fit | None = None
        for view in propose.VIEWS:
            if view.mirrored != mirrored or view.inverted:
                continue
            seen = self._of(view)
            fit = None if seen is None else self._fit(known.features, seen, known.size, view)
            if fit is not None and (best is None or fit.inliers > best.inliers):
                best = fit
            if best is not None and best.inliers >= propose.PLENTY:
                break
        if best is None:
            return None
        matrix, alike = best.matrix, 1.0
        if refined:
            matrix, alike = _refined(self._small, known.rgb, best)
            if alike < AGREEING:
                return None
        return _geometry(matrix, best.inliers, self.copy_rgb.shape, known.size, alike)

    def _by_orb(
        self, reference_rgb: warp.Rgb, reference: Gray, views: Sequence[View], least: int = INLIERS
    ) -> tuple[propose.Fit, warp.Matrix, float] | None:
        known = _features(reference, _REFERENCE_COUNT, local.GRID, local.SIDE_PX)
        best: tuple[propose.Fit, warp.Matrix, float] | None = None
        if known is None:
            return None
        for view in views:
            seen = self._of(view)
            fit = None if seen is None else self._fit(known, seen, _size(reference), view, least)
            if fit is None or (best is not None and fit.inliers <= best[0].inliers):
                continue
            best = _likelier(best, (fit, *_refined(self._small, reference_rgb, fit)))
            if _settled(best):
                break
        return best

    def _fit(
        self,
        known: local.Features | _Described,
        seen: _Described,
        size: tuple[int, int],
        view: View,
        least: int = INLIERS,
    ) -> propose.Fit | None:
        pairs = propose.pairs(known.descriptors, seen.descriptors, cv2.NORM_HAMMING, propose.ORB_RATIO)
        here, there = _points(seen)[pairs[:, 1]], _points(known)[pairs[:, 0]]
        return propose.fit(here, there, view, self._size, size, least)

    def _of(self, view: View) -> _Described | None:
        if view not in self._features:
            gray = view.shown(luma(self._small))
            # A picture within the picture has only its share of the features: more of them where it is sought.
            more = max(1, view.side_px // local.SIDE_PX)
            self._features[view] = _features(gray, ALIGNED_COUNT * more, GRID * more, view.side_px)
        return self._features[view]

    def _by_sift(self, reference: Gray) -> propose.Fit | None:
        known, known_at = propose.sift(reference)
        gray = luma(shrunk(self._small, propose.SIDE_PX))
        best: propose.Fit | None = None
        for view in propose.VIEWS[:2]:
            if view not in self._sift:
                self._sift[view] = propose.sift(view.shown(gray))
            seen, seen_at = self._sift[view]
            pairs = propose.pairs(known, seen, cv2.NORM_L2, propose.SIFT_RATIO)
            fit = propose.fit(seen_at[pairs[:, 1]], known_at[pairs[:, 0]], view, self._size, _size(reference))
            if fit is not None and (best is None or fit.inliers > best.inliers):
                best = fit
        return best

    @property
    def _size(self) -> tuple[int, int]:
        return self._small.shape[1], self._small.shape[0]


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


def _size(gray: Gray) -> tuple[int, int]:
    return gray.shape[1], gray.shape[0]


def _features(gray: Gray, count: int, grid: int, side_px: int) -> _Described | None:
    try:
        found = local.features(gray, count, grid, side_px)
    except UnmatchableError:  # too narrow for a descriptor: SIFT and correlation may still serve
        return None
    return _Described(found.points, found.descriptors) if len(found) else None


def _points(found: local.Features | _Described) -> Points:
    return np.asarray(found.points, np.float64)


def _settled(best: tuple[propose.Fit, warp.Matrix, float] | None) -> bool:
    """Return whether looking further could hardly change the answer."""
    if best is None:
        return False
    return best[2] >= _SETTLED or (best[2] >= AGREEING and best[0].inliers >= propose.SURE)


def _likelier(
    one: tuple[propose.Fit, warp.Matrix, float] | None, other: tuple[propose.Fit, warp.Matrix, float]
) -> tuple[propose.Fit, warp.Matrix, float]:
    """Return the map under which the detail of more blocks agrees, of equals the one with more features."""
    if one is None or (other[2], other[0].inliers) > (one[2], one[0].inliers):
        return other
    return one


def _refined(copy_rgb: warp.Rgb, reference_rgb: warp.Rgb, fit: propose.Fit) -> tuple[warp.Matrix, float]:
    return refined(copy_rgb, reference_rgb, fit.matrix, inverted=fit.view.inverted)


def _by_correlation(copy_rgb: warp.Rgb, reference_rgb: warp.Rgb, cut: warp.Matrix) -> warp.Matrix | None:
    """Return the map of nearly the same framing, plain, turned or mirrored, that makes the detail agree."""
    best, start = 0.0, None
    for dihedral in _DIHEDRAL:
        matrix = dihedral @ cut
        alike = _likeness(copy_rgb, reference_rgb, matrix, _DENSE_PX)
        if alike > best:
            best, start = alike, matrix
    if start is None or best < 0.5:
        return None
    sharp, _ = refined(copy_rgb, reference_rgb, start, inverted=False)
    return sharp if _likeness(copy_rgb, reference_rgb, sharp, 2 * _DENSE_PX) >= DENSE else None


# The eight ways a picture can be turned and mirrored, as maps of fractions.
_TURN = np.array([[0, 1, 0], [-1, 0, 1], [0, 0, 1]], np.float64)
_FLIP = np.array([[-1, 0, 1], [0, 1, 0], [0, 0, 1]], np.float64)
_DIHEDRAL = tuple(
    np.linalg.matrix_power(_TURN, turns) @ flip for flip in (np.eye(3), _FLIP) for turns in range(4)
)


def _likeness(copy_rgb: warp.Rgb, reference_rgb: warp.Rgb, matrix: warp.Matrix, side_px: int) -> float:
    """Return the correlation of the detail of both pictures at ``side_px``; 0 without detail or overlap."""
    known_rgb = shrunk(reference_rgb, side_px)
    laid, inside = warp.onto(copy_rgb, known_rgb.shape[:2], matrix)
    if inside.mean() < 0.6:
        return 0.0
    # Near a border the detail of any gradient is the filter's own: two different skies would agree there.
    reach = np.ones((2 * _MARGIN_PX + 1,) * 2, np.uint8)
    within = cv2.erode(inside.astype(np.uint8), reach, borderType=cv2.BORDER_CONSTANT, borderValue=0) > 0
    if not within.any():
        return 0.0
    seen, known = fine(luma(laid))[within], fine(luma(known_rgb))[within]
    spread = (float(seen.std()), float(known.std()))
    if min(spread) < 1.0:
        return 0.0
    return float(np.mean((seen - seen.mean()) * (known - known.mean())) / (spread[0] * spread[1]))


def _geometry(
    matrix: warp.Matrix,
    inliers: int,
    copy_shape: tuple[int, ...],
    asset_size: tuple[int, int],
    alike: float = 0.0,
    *,
    negative: bool = False,
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
        agreement=alike,
        negative=negative,
    )
