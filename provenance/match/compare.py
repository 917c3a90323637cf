"""Compare: where an aligned copy differs from its reference, beyond what copying explains.

1. The copy is laid onto the reference's grid.
2. Tone, blur and noise are estimated from the part that agrees and taken out (:mod:`provenance.match.residual`).
3. Blocks whose remaining energy no clean copy showed are seeds; neighbours above a lower bound join them.
4. Each connected region becomes a difference with its box in the copy, its strength and what it looks like.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from provenance.evidence import Box, Channel, Comparison, Difference, DifferenceKind, Geometry
from provenance.match import warp
from provenance.match.paint import Look, look
from provenance.match.residual import Residual, residual

#: Energy (log of mean squared deviation) of 16 and 32 pixel blocks from which a block is altered. Source:
#: bench/alteration.py, docs/measurements.md#alteration: above every clean copy of the tuning half.
SEED: Final = (2.6, 2.0)
#: Energy from which neighbours of a seed belong to its region.
GROW: Final = (1.6, 1.2)
#: Energy of one standard deviation over clean copies, for the strength of a difference. Source: as SEED.
SPREAD: Final = (0.40, 0.28)
#: Smallest region, share of the reference's pixels: one block of the finer scale.
MIN_SHARE: Final = 0.0008
#: Deviation, standard deviations, and difference, grey levels, from which a single pixel counts as changed.
CHANGED: Final = 3.0
CHANGED_LEVELS: Final = 10.0
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


@dataclass(frozen=True, slots=True)
class _Region:
    rows: slice
    columns: slice
    mask: warp.Mask
    strength: float


def compare_picture(copy_rgb: warp.Rgb, reference_rgb: warp.Rgb, geometry: Geometry) -> Comparison:
    """Return where the copy differs from the reference, and how much of the copy could be compared.

    Args:
        copy_rgb: uint8, shape (h, w, 3), upright.
        reference_rgb: uint8, shape (h, w, 3).
        geometry: How the copy lies in the reference.
    """
    matrix = warp.matrix_of(geometry)
    laid, inside = warp.onto(copy_rgb, reference_rgb.shape, matrix)
    if int(inside.sum()) < MIN_COVERED:
        return Comparison(not_compared=("picture: the part the copy shares with the original is too small",))
    found = residual(laid, reference_rgb, inside)
    back = np.linalg.inv(matrix).astype(np.float64)
    shared = warp.box_through(back, Box(0.0, 0.0, 1.0, 1.0)).area
    differences = tuple(_difference(found, region, back, shared) for region in _regions(found))
    return Comparison(
        differences=differences,
        compared=min(max(shared, 0.0), 1.0),
        not_compared=tuple(_gaps(found, shared)),
    )


def _regions(found: Residual) -> list[_Region]:
    """Return the connected regions around seeds, strongest first."""
    seed = (found.energy[0] > SEED[0]) | (found.energy[1] > SEED[1])
    grown = (found.energy[0] > GROW[0]) | (found.energy[1] > GROW[1])
    grown &= found.inside
    count, labels, stats, _ = cv2.connectedComponentsWithStats(grown.astype(np.uint8), connectivity=8)
    regions = []
    for label in range(1, count):
        left, top, width, height, area = (int(value) for value in stats[label])
        mask = labels == label
        if area < MIN_SHARE * grown.size or not (mask & seed).any():
            continue
        strength = max(float(found.energy[scale][mask].max()) / SPREAD[scale] for scale in range(len(SPREAD)))
        rows, columns = slice(top, top + height), slice(left, left + width)
        regions.append(_Region(rows, columns, mask[rows, columns], strength))
    return sorted(regions, key=lambda region: -region.strength)


def _difference(found: Residual, region: _Region, back: warp.Matrix, shared: float) -> Difference:
    height, width = found.inside.shape
    on_reference = Box(
        region.columns.start / width,
        region.rows.start / height,
        (region.columns.stop - region.columns.start) / width,
        (region.rows.stop - region.rows.start) / height,
    )
    surroundings = _surroundings(found, region)
    kind = _kind(found, region, look(*surroundings))
    # The blocks of the statistic reach beyond strokes; pixels do not.
    differing = int(surroundings[2].sum()) if kind is DifferenceKind.OVERLAY else int(region.mask.sum())
    return Difference(
        kind,
        Channel.PICTURE,
        box=warp.box_through(back, on_reference),
        strength=region.strength,
        share=min(differing / int(found.inside.sum()) * min(shared, 1.0), 1.0),
    )


def _kind(found: Residual, region: _Region, seen: Look | None) -> DifferenceKind:
    """Return what the region looks like: paint is an overlay, lost detail is a removal, else replaced."""
    shown = found.copy[region.rows, region.columns, 0]
    known = found.expected[region.rows, region.columns, 0]
    shown_detail, known_detail = _detail(shown)[region.mask], _detail(known)[region.mask]
    if seen is not None and seen.paint:
        return DifferenceKind.OVERLAY
    usual = float(np.median(known_detail))
    if usual >= MIN_DETAIL and float(np.median(shown_detail)) < MISSING_DETAIL * usual:
        return DifferenceKind.REMOVED
    return DifferenceKind.REPLACED


def _surroundings(found: Residual, region: _Region) -> tuple[Plane, Plane, warp.Mask, warp.Mask]:
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
    beyond = np.abs(found.deviation[wide]).max(axis=2) > CHANGED
    changed = np.asarray(here[wide] & beyond & (off > CHANGED_LEVELS), np.bool_)
    return shown, expected, changed, found.inside[wide]


def _detail(luma: Plane) -> Plane:
    mean = cv2.blur(luma, (5, 5))
    variance = cv2.blur(luma * luma, (5, 5)) - mean * mean
    return np.sqrt(np.maximum(np.asarray(variance, np.float32), 0))


def _gaps(found: Residual, shared: float) -> list[str]:
    gaps = []
    if shared < 0.99:
        gaps.append(
            f"picture: {1 - shared:.0%} of the copy lies outside the original and has nothing to compare with"
        )
    cropped = 1 - float(found.inside.mean())
    if cropped > 0.01:
        gaps.append(f"picture: {cropped:.0%} of the original is not in the copy (cropped away)")
    flat = float((_detail(found.expected[:, :, 0])[found.inside] < _FEATURELESS).mean())
    if flat > 0.05:
        gaps.append(f"picture: {flat:.0%} of the shared part is too flat to show small differences")
    if found.blur > 1.5:
        gaps.append("picture: the copy is strongly blurred; small differences cannot be seen")
    return gaps
