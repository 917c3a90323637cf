"""Places: which parts of a copy its matches explain, and what is left."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from provenance.evidence import Box, Channel, Comparison, Difference, DifferenceKind, Match
from provenance.examination import Part
from provenance.match import warp
from provenance.match.description import grid

#: Least share of the copy that is looked at by itself: what is smaller shows too few features at 512 pixels.
MIN_REST: Final = 0.03
#: Most parts looked at by themselves, largest first.
MAX_PARTS: Final = 4
#: Share of a difference that must lie in another match for the match to explain it; the rectangle around a
#: difference reaches up to a block beyond what differs.
EXPLAINED: Final = 0.6

#: Overlap of what differs with the place of the picture on it, from which the picture lies there whole.
WHOLE: Final = 0.5


def unexplained(matches: Sequence[Match]) -> list[Part]:
    """Return the parts of the copy that no match explains, largest first.

    A match explains where its original lies in the copy, but not where the two differ.

    Args:
        matches: Confirmed matches with a geometry.

    Returns:
        Rectangles around connected parts: left, top, right, bottom as fractions.
    """
    points = grid()
    side = round(len(points) ** 0.5)
    rest = np.ones(len(points), np.bool_)
    for match in matches:
        rest &= ~(_covered(match, points) & ~_differing(match, points))
    cells = rest.reshape(side, side).astype(np.uint8)
    # A row of cells at a seam is the seam's, not a part.
    cells = np.asarray(cv2.morphologyEx(cells, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8)), np.uint8)
    count, _, stats, _ = cv2.connectedComponentsWithStats(cells, connectivity=4)
    found = sorted((stats[label].tolist() for label in range(1, count)), key=lambda one: -one[4])
    return [
        (left / side, top / side, (left + width) / side, (top + height) / side)
        for left, top, width, height, area in found[:MAX_PARTS]
        if area >= MIN_REST * side * side
    ]


def attributed(matches: Sequence[Match]) -> list[Match]:
    """Return the matches with differences called overlays where another confirmed match explains them.

    A registered picture that lies whole on another one differs from it, but is no forgery of it, whatever faces
    it shows. A part of a registered picture pasted into another one explains nothing: the rest of it is missing.
    """
    points = grid()
    covers = [
        _covered(match, points) if match.confirmed else np.zeros(len(points), np.bool_) for match in matches
    ]
    made = []
    for match, own in zip(matches, covers, strict=True):
        on_it = [cover for cover in covers if cover is not own and _smaller(cover, own)]
        if on_it and isinstance(match.comparison, Comparison):
            differences = match.comparison.differences
            for cover in on_it:
                differences = _attributed(differences, points, cover)
            made.append(_with_differences(match, match.comparison, differences))
        else:
            made.append(match)
    return made


def _with_differences(match: Match, comparison: Comparison, differences: tuple[Difference, ...]) -> Match:
    transformation = match.transformation
    if transformation is not None:
        overlays = (one.box for one in differences if one.kind is DifferenceKind.OVERLAY)
        transformation = replace(transformation, overlays=tuple(box for box in overlays if box is not None))
    return replace(
        match, comparison=replace(comparison, differences=differences), transformation=transformation
    )


def _attributed(
    differences: tuple[Difference, ...], points: NDArray[np.float64], cover: NDArray[np.bool_]
) -> tuple[Difference, ...]:
    """Return the differences with those that the picture at ``cover`` makes joined into one overlay."""
    insides = [
        np.zeros(len(points), np.bool_) if d.box is None else _inside(d.box, points) for d in differences
    ]
    theirs = [bool(inside.any() and cover[inside].mean() >= EXPLAINED) for inside in insides]
    if not any(theirs):
        return differences
    reach = np.logical_or.reduce([inside for inside, own in zip(insides, theirs, strict=True) if own])
    place, around = _around(cover, points), _around(reach, points)
    if place.overlap(around) < WHOLE:
        return differences
    strength = max(d.strength for d, own in zip(differences, theirs, strict=True) if own)
    overlay = Difference(
        DifferenceKind.OVERLAY, Channel.PICTURE, box=place, strength=strength, share=float(cover.mean())
    )
    return (overlay, *(d for d, own in zip(differences, theirs, strict=True) if not own))


def _around(cells: NDArray[np.bool_], points: NDArray[np.float64]) -> Box:
    (left, top), (right, bottom) = points[cells].min(axis=0), points[cells].max(axis=0)
    return Box(float(left), float(top), float(right - left), float(bottom - top))


def _smaller(cover: NDArray[np.bool_], other: NDArray[np.bool_]) -> bool:
    """Return whether ``cover`` is a picture on the other, not another registration of the same picture."""
    return bool(cover.any() and cover.sum() < 0.8 * other.sum())


def _covered(match: Match, points: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return which cells of the copy show the match's original."""
    geometry = match.alignment.geometry if match.alignment is not None else None
    if geometry is None:
        return np.full(len(points), match.identical)
    there = warp.apply(warp.matrix_of(geometry), points)
    return np.asarray(((there >= 0) & (there <= 1)).all(axis=1))


def _differing(match: Match, points: NDArray[np.float64]) -> NDArray[np.bool_]:
    made = np.zeros(len(points), np.bool_)
    if isinstance(match.comparison, Comparison):
        for one in match.comparison.differences:
            if one.box is not None:
                made |= _inside(one.box, points)
    return made


def _inside(box: Box, points: NDArray[np.float64]) -> NDArray[np.bool_]:
    low, high = np.array([box.x, box.y]), np.array([box.x + box.w, box.y + box.h])
    return np.asarray(((points >= low) & (points <= high)).all(axis=1))
