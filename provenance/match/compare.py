"""Compare: where an aligned copy differs from its reference, beyond what copying explains.

1. The copy is laid onto the reference's grid.
2. Tone, blur and noise are estimated from the part that agrees and taken out (:mod:`provenance.match.residual`).
3. Blocks whose remaining energy no clean copy showed are seeds; neighbours above a lower bound join them. Light
   that fades away without an outline is no difference.
4. Each connected region becomes a difference with its box in the copy, its strength and what it looks like.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from provenance.evidence import Box, Channel, Comparison, Difference, DifferenceKind, Geometry
from provenance.match import warp
from provenance.match.bend import is_bend
from provenance.match.description import shown_share
from provenance.match.fade import Outlines
from provenance.match.lettering import even_ground, kind_of_writing
from provenance.match.paint import look
from provenance.match.residual import SCALES, Residual, residual
from provenance.transformation import UNSAID_SHARE

#: Energy (log of mean squared deviation) of 16 and 32 pixel blocks from which a block is altered. Source:
#: docs/measurements.md#alteration: above every clean copy of the tuning half.
SEED: Final = (2.8, 2.3)
#: Energy from which neighbours of a seed belong to its region.
GROW: Final = (1.6, 1.2)
#: Energy of one standard deviation over clean copies, for the strength of a difference. Source: as SEED.
SPREAD: Final = (0.40, 0.28)
#: The same for the shift of a block's level (standard deviations of the copy's own unevenness). Source: as SEED.
SHIFT_SEED: Final = (9.5, 8.5)
SHIFT_GROW: Final = (5.0, 4.0)
SHIFT_SPREAD: Final = (1.4, 1.1)
#: Contradiction of marks from which a place is altered, from which neighbours belong to it, and what one is worth in
#: standard deviations of clean copies. Source: :mod:`provenance.match.structure`.
TORN_SEED: Final = 1.0
TORN_GROW: Final = 0.5
TORN_STRENGTH: Final = 8.0
#: Share of the reference that a copy must go beyond it to count as framed, and the rim left out then, pixels: the
#: error of a perspective and the reach of its blur.
BEYOND: Final = 0.01
RIM_PX: Final = 8
#: Share of the reference along the edges that is left out without a word: two pixels on all sides are 3 % of most.
RIM_SHARE: Final = 0.035
#: Depth of a strip along an edge of such a copy that is not compared where it differs, share of the side.
EDGE_SHARE: Final = 0.12
#: Noise of a block in luma from which it is no use if the original's detail is less, grey levels.
LOUD: Final = 10.0
#: Luma up to and from which a pixel is burnt out, and the share of a block's pixels that makes it so.
BURNT: Final = (2.0, 253.0)
BURNT_SHARE: Final = 0.9
#: Smallest region, share of the reference's pixels: one block of the finer scale.
MIN_SHARE: Final = 0.0008
#: Deviation, standard deviations, and difference, grey levels, from which a single pixel counts as changed.
CHANGED: Final = 3.0
CHANGED_LEVELS: Final = 10.0
#: Share of a region's pixels that must have changed for its box to be drawn around them alone.
TRIMMED_SHARE: Final = 0.1
#: Pixels around a region that are looked at with it: the reach of an outline.
MARGIN_PX: Final = 6
#: Detail of the copy against the reference's from which something is missing rather than replaced.
MISSING_DETAIL: Final = 0.35
#: Detail of the reference, grey levels, under which missing detail says nothing.
MIN_DETAIL: Final = 6.0
#: Fewest pixels of the reference that the copy must cover to be compared.
MIN_COVERED: Final = 1024
# Reference blocks under this detail, grey levels, cannot show small differences of texture.
_FEATURELESS = 1.5

Plane = NDArray[np.float32]
_Surroundings = tuple[Plane, Plane, warp.Mask, warp.Mask]


@dataclass(frozen=True, slots=True, eq=False)
class Field:
    """Where the copy differs, on the reference's grid.

    Attributes:
        strength: float32, shape (h, w): standard deviations above what clean copies show; 0 outside the copy.
        seen: bool, shape (h, w): where a difference could be seen.
    """

    strength: Plane
    seen: warp.Mask


@dataclass(frozen=True, slots=True)
class _Region:
    rows: slice
    columns: slice
    mask: warp.Mask
    strength: float
    torn_only: bool


def compare_picture(copy_rgb: warp.Rgb, reference_rgb: warp.Rgb, geometry: Geometry) -> Comparison:
    """Return where the copy differs from the reference; see :func:`compare_in_full`."""
    return compare_in_full(warp.lay(copy_rgb, reference_rgb, geometry), reference_rgb, geometry)[0]


def compare_in_full(laid: warp.Laid, reference_rgb: warp.Rgb, geometry: Geometry) -> tuple[Comparison, Field]:
    """Return where the copy differs from the reference, how much of it could be compared, and the statistic.

    Args:
        laid: The copy as it lies in the reference.
        reference_rgb: uint8, shape (h, w, 3).
        geometry: How it lies there.
    """
    matrix = warp.matrix_of(geometry)
    beyond = _beyond_edges(matrix)
    inside = laid.inside & _without_rim(laid.inside.shape) if beyond else laid.inside
    if int(inside.sum()) < MIN_COVERED:
        nothing = Field(np.zeros(inside.shape, np.float32), np.zeros_like(inside))
        reason = "picture: the part the copy shares with the original is too small"
        return Comparison(not_compared=(reason,)), nothing
    found = residual(laid.pixels, reference_rgb, inside)
    back = np.linalg.inv(matrix).astype(np.float64)
    regions = _regions(found)
    seen = inside & ~_blind(found)
    if beyond:
        for region in (one for one in regions if _along_edge(one, inside.shape)):
            seen[region.rows, region.columns] &= ~region.mask
        regions = [one for one in regions if not _along_edge(one, inside.shape)]
    shared = warp.box_through(back, Box(0.0, 0.0, 1.0, 1.0)).area
    differences = _differences(found, regions, back, shared)
    comparison = Comparison(
        differences=differences,
        compared=min(max(shared, 0.0), 1.0) * float(seen.sum() / inside.sum()),
        not_compared=tuple(_gaps(found, shared, shown_share(matrix), seen)),
    )
    return comparison, Field(_strength(found), seen)


def _beyond_edges(matrix: warp.Matrix) -> bool:
    """Return whether the copy goes on beyond the reference: a screenshot, a photographed screen, a collage."""
    outline = warp.apply(matrix, warp.CORNERS)
    return bool((outline.min(axis=0) < -BEYOND).any() or (outline.max(axis=0) > 1 + BEYOND).any())


def _without_rim(shape: tuple[int, ...]) -> warp.Mask:
    """Return the reference without its rim: what surrounds a picture on a screen bleeds into its edge."""
    whole = np.zeros(shape, np.bool_)
    whole[RIM_PX:-RIM_PX, RIM_PX:-RIM_PX] = True
    return whole


def _blind(found: Residual) -> warp.Mask:
    """Return where nothing could stand out: noise or blur above any detail, or burnt to black or white."""
    window = (SCALES[1], SCALES[1])
    noise = cv2.blur(found.sigma, window)
    detail = cv2.blur(_detail(found.expected[:, :, 0]), window)
    level = found.copy[:, :, 0]
    burnt = cv2.blur(((level <= BURNT[0]) | (level >= BURNT[1])).astype(np.float32), window) > BURNT_SHARE
    kept = (found.expected[:, :, 0] > BURNT[0]) & (found.expected[:, :, 0] < BURNT[1])
    return np.asarray((noise > np.maximum(detail, LOUD)) | (burnt & kept), np.bool_)


def _strength(found: Residual) -> Plane:
    """Return the strongest of the statistics at each pixel, in standard deviations of clean copies."""
    energy = [plane / spread for plane, spread in zip(found.energy, SPREAD, strict=True)]
    shift = [plane / spread for plane, spread in zip(found.shift, SHIFT_SPREAD, strict=True)]
    return np.asarray(
        np.maximum(np.max([*energy, *shift, found.torn * TORN_STRENGTH], axis=0), 0), np.float32
    )


def _beyond(
    found: Residual, energy: tuple[float, float], shift: tuple[float, float], torn: float
) -> warp.Mask:
    beyond = found.torn > torn
    for scale in range(len(SCALES)):
        beyond |= (found.energy[scale] > energy[scale]) | (found.shift[scale] > shift[scale])
    return beyond & found.inside


def _regions(found: Residual) -> list[_Region]:
    """Return the connected regions around seeds, strongest first."""
    seed = _beyond(found, SEED, SHIFT_SEED, TORN_SEED)
    if not seed.any():
        return []
    grown = _beyond(found, GROW, SHIFT_GROW, TORN_GROW)
    torn = _beyond(found, SEED, (np.inf, np.inf), TORN_SEED)
    loud = _beyond(found, SEED, SHIFT_SEED, np.inf)
    outlines = Outlines(found.copy - found.expected, found.inside)
    strengths = _strength(found)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(grown.astype(np.uint8), connectivity=8)
    regions = []
    for label in range(1, count):
        left, top, width, height, area = (int(value) for value in stats[label])
        mask = labels == label
        if area < MIN_SHARE * grown.size or not (mask & seed).any():
            continue
        if not (mask & torn).any() and outlines.fades(mask):
            continue
        strength = float(strengths[mask].max())
        rows, columns = slice(top, top + height), slice(left, left + width)
        regions.append(_Region(rows, columns, mask[rows, columns], strength, not (mask & loud).any()))
    return sorted(regions, key=lambda region: -region.strength)


def _along_edge(region: _Region, shape: tuple[int, ...]) -> bool:
    """Return whether a region is a strip along an edge of the reference: the edge lies a little beside its place."""
    height, width = shape
    deep, across = EDGE_SHARE * height, EDGE_SHARE * width
    rim = 2 * RIM_PX
    rows, columns = region.rows, region.columns
    above, left = rows.start <= rim and rows.stop <= deep, columns.start <= rim and columns.stop <= across
    below = rows.stop >= height - rim and rows.start >= height - deep
    right = columns.stop >= width - rim and columns.start >= width - across
    return bool(above or below or left or right)


def _differences(
    found: Residual, regions: Sequence[_Region], back: warp.Matrix, shared: float
) -> tuple[Difference, ...]:
    """Return the regions as differences; flat paint of an overlay's colour is a part of that overlay.

    Marks that contradict each other and nothing else that differs are believed as writing only.
    """
    made = []
    for region in regions:
        surroundings = _surroundings(found, region)
        if region.torn_only and even_ground(*surroundings) is None:
            continue
        made.append((_difference(found, region, surroundings, back, shared), look(*surroundings)))
    overlays = [seen for one, seen in made if one.kind is DifferenceKind.OVERLAY and seen is not None]
    return tuple(
        replace(one, kind=DifferenceKind.OVERLAY)
        if seen is not None and seen.plain and any(seen.like(other) for other in overlays)
        else one
        for one, seen in made
    )


def _difference(
    found: Residual, region: _Region, surroundings: _Surroundings, back: warp.Matrix, shared: float
) -> Difference:
    on_reference = _box(found, region, surroundings[2])
    kind = _kind(found, region, surroundings)
    # The blocks of the statistic reach beyond strokes; pixels do not.
    differing = int(surroundings[2].sum()) if kind is DifferenceKind.OVERLAY else int(region.mask.sum())
    return Difference(
        kind,
        Channel.PICTURE,
        box=warp.box_through(back, on_reference),
        strength=region.strength,
        share=min(differing / int(found.inside.sum()) * min(shared, 1.0), 1.0),
    )


def _box(found: Residual, region: _Region, changed: warp.Mask) -> Box:
    """Return the box around the changed pixels, or the region's where they are few.

    Blocks that touch a difference stand out too, so a region reaches half a block beyond what differs.
    """
    height, width = found.inside.shape
    top, left = max(region.rows.start - MARGIN_PX, 0), max(region.columns.start - MARGIN_PX, 0)
    rows, columns = region.rows, region.columns
    if changed.sum() >= TRIMMED_SHARE * region.mask.sum():
        # A single stray pixel does not stretch the box.
        across, down = np.flatnonzero(changed.sum(axis=0) > 1), np.flatnonzero(changed.sum(axis=1) > 1)
        if len(across) and len(down):
            rows = slice(top + int(down[0]), top + int(down[-1]) + 1)
            columns = slice(left + int(across[0]), left + int(across[-1]) + 1)
    return Box(
        columns.start / width,
        rows.start / height,
        (columns.stop - columns.start) / width,
        (rows.stop - rows.start) / height,
    )


def _kind(found: Residual, region: _Region, surroundings: _Surroundings) -> DifferenceKind:
    """Return what the region looks like: paint is an overlay, what moved is warped, lost detail is removed."""
    rewritten = kind_of_writing(*surroundings)
    if rewritten is not None:
        return rewritten
    if region.torn_only:  # a stroke added to a sign that stays: another sign
        return DifferenceKind.REPLACED
    seen = look(*surroundings)
    here = (region.rows, region.columns)
    shown_detail, known_detail = (
        _detail(planes[here][..., 0])[region.mask] for planes in (found.copy, found.expected)
    )
    if seen is not None and seen.paint:
        return DifferenceKind.OVERLAY
    usual = float(np.median(known_detail))
    shown, expected, changed, _ = surroundings
    if is_bend(shown[..., 0].copy(), expected[..., 0].copy(), changed):
        return DifferenceKind.WARPED
    if usual >= MIN_DETAIL and float(np.median(shown_detail)) < MISSING_DETAIL * usual:
        return DifferenceKind.REMOVED
    return DifferenceKind.REPLACED


def _surroundings(found: Residual, region: _Region) -> _Surroundings:
    """Return copy, original, changed and covered pixels of the region with a margin of its surroundings."""
    height, width = found.inside.shape
    wide = (
        slice(max(region.rows.start - MARGIN_PX, 0), min(region.rows.stop + MARGIN_PX, height)),
        slice(max(region.columns.start - MARGIN_PX, 0), min(region.columns.stop + MARGIN_PX, width)),
    )
    shown, expected = found.copy[wide], found.expected[wide]
    here = np.zeros(found.inside.shape, np.bool_)
    here[region.rows, region.columns] = region.mask
    off = np.abs(shown - expected).max(axis=2)
    beyond = off > np.maximum(CHANGED * found.sigma[wide], CHANGED_LEVELS)
    changed = np.asarray(here[wide] & beyond, np.bool_)
    return shown, expected, changed, found.inside[wide]


def _detail(luma: Plane) -> Plane:
    mean = cv2.blur(luma, (5, 5))
    variance = cv2.blur(luma * luma, (5, 5)) - mean * mean
    return np.sqrt(np.maximum(np.asarray(variance, np.float32), 0))


def _gaps(found: Residual, shared: float, shown: float, seen: warp.Mask) -> list[str]:
    gaps = []
    if shared < 0.99:
        gaps.append(
            f"picture: {1 - shared:.0%} of the copy lies outside the original and has nothing to compare with"
        )
    # What alignment cannot tell is not said, here as in the transformation.
    cropped = 1 - shown if 1 - shown > UNSAID_SHARE else 0.0
    if cropped:
        gaps.append(f"picture: {cropped:.0%} of the original is not in the copy (cropped away)")
    rim = 1 - float(found.inside.mean()) - cropped
    if rim > RIM_SHARE:
        gaps.append(f"picture: {rim:.0%} of the original, along the edges of the copy, is not compared")
    flat = float((_detail(found.expected[:, :, 0])[found.inside] < _FEATURELESS).mean())
    if flat > 0.05:
        gaps.append(f"picture: {flat:.0%} of the shared part is too flat to show small differences")
    blind = 1 - float(seen.sum() / found.inside.sum())
    if blind > 0.01:
        gaps.append(
            f"picture: {blind:.0%} of the shared part is too noisy, blurred or burnt out to be compared"
        )
    if found.blur > 1.5:
        gaps.append("picture: the copy is strongly blurred; small differences cannot be seen")
    return gaps
