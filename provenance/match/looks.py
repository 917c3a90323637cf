"""Looks: whether a copy's frame is the stored frame of its moment, that frame mirrored, or another picture.

A moment that could only not be placed by codes is told here from one that shows something else: the pictures
themselves are laid onto each other. Still, dark and fast scenes look alike at their moments; nothing else does.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import cv2
import numpy as np

from provenance.evidence import Geometry
from provenance.match import align, detail, warp

#: Share of a stored frame's textured blocks, and correlation of its coarse luma, from which a frame is it. Source:
#: docs/measurements.md, film: of 384 moments of five films (crf 35, darkened, eight a second) three blank ones are not.
ALIKE_SHARE: Final = 0.4
ALIKE_COARSE: Final = 0.75
#: Likeness of clean copies (mean of both), mean and standard deviation. Source: the same.
CLEAN_LIKENESS: Final = 0.95
CLEAN_SPREAD: Final = 0.08
#: Share of a frame's blocks with texture from which it is a picture where the original is blank.
PICTURED: Final = 0.3
#: Fewest moments of one look in a row that are told: a single one may be caught in a cut.
LEAST: Final = 2
# Columns of the coarse luma, its least number of cells, and grey levels that count as its noise.
_COARSE, _CELLS, _NOISE = 24, 8, 2.0
# From black and white frames at least this much of the stored frame must be covered.
_COVERED = 0.05


class Look(StrEnum):
    """What a moment of the copy shows."""

    ALIKE = "alike"
    MIRRORED = "mirrored"
    OTHER = "other"
    BLANK = "blank"  # too flat on both sides to be told
    MISSING = "missing"  # the copy has no frame there


@dataclass(frozen=True, slots=True)
class Seen:
    """A look at one moment.

    Attributes:
        copy_s: When in the copy, seconds.
        look: What it shows.
        likeness: Mean of the largest share of a stored frame's textured blocks that agree and the largest correlation
            of coarse luma, 0..1.
    """

    copy_s: float
    look: Look
    likeness: float = 0.0

    @property
    def strength(self) -> float:
        """Standard deviations of clean copies by which it is unlike the original; 0 where it is not another picture."""
        return (CLEAN_LIKENESS - self.likeness) / CLEAN_SPREAD if self.look is Look.OTHER else 0.0


def look_at(copy_s: float, shown: Sequence[warp.Rgb], known: Sequence[warp.Rgb], geometry: Geometry) -> Seen:
    """Return what a moment shows.

    Args:
        copy_s: The moment, seconds.
        shown: The copy's frames around it, uint8, shape (h, w, 3); empty where it has none.
        known: Stored frames any of which it may be; empty where the original is blank.
        geometry: How the copy's frames lie in the stored ones.
    """
    if not shown or not known:
        pictured = bool(shown) and _pictured(shown[len(shown) // 2])
        return Seen(copy_s, Look.OTHER if pictured else Look.BLANK if shown else Look.MISSING)
    matrix, middle = warp.matrix_of(geometry), shown[len(shown) // 2]
    found = [_against(shown, one, matrix) for one in known]
    share = max((one[0] for one in found if one[0] is not None), default=0.0)
    coarse = max(one[1] for one in found)
    look = Look.OTHER
    if share >= ALIKE_SHARE or coarse >= ALIKE_COARSE:
        look = Look.ALIKE
    elif all(one[0] is None for one in found) and not _pictured(middle):
        look = Look.BLANK
    elif _placed(middle, known, mirrored=geometry.mirrored):
        look = Look.ALIKE
    elif _turned(shown, known, matrix) or _placed(middle, known, mirrored=not geometry.mirrored):
        look = Look.MIRRORED
    return Seen(copy_s, look, (share + coarse) / 2)


def _placed(rgb: warp.Rgb, known: Sequence[warp.Rgb], *, mirrored: bool) -> bool:
    """Return whether a frame lies anywhere in a stored one by local features: cropped or moved otherwise."""
    aligner = align.Aligner(rgb)
    places = (aligner.place(align.Known(one), mirrored=mirrored, refined=True) for one in known)
    return any(place is not None for place in places)


def _turned(shown: Sequence[warp.Rgb], known: Sequence[warp.Rgb], matrix: warp.Matrix) -> bool:
    """Return whether frames are stored ones once they are mirrored; coarse luma alone does not say so."""
    mirrored = [rgb[:, ::-1] for rgb in shown]
    return any((_against(mirrored, one, matrix)[0] or 0.0) >= ALIKE_SHARE for one in known)


def _against(shown: Sequence[warp.Rgb], known: warp.Rgb, matrix: warp.Matrix) -> tuple[float | None, float]:
    """Return the best share of agreeing blocks, None where none has texture, and the best coarse correlation."""
    there, shares, coarse = detail.fine(detail.luma(known)), list[float](), [0.0]
    for rgb in shown:
        laid, inside = warp.onto(rgb, known.shape[:2], matrix)
        if inside.mean() < _COVERED:
            continue
        alike = detail.of_blocks(*detail.correlated(detail.fine(detail.luma(laid)), there, inside))
        if len(alike) >= detail.MIN_BLOCKS:
            shares.append(float(np.mean(alike >= detail.ALIKE)))
        coarse.append(_coarse(laid, known, inside))
    return max(shares, default=None), max(coarse)


def _coarse(laid: warp.Rgb, known: warp.Rgb, inside: warp.Mask) -> float:
    """Return the correlation of two pictures at a width of two dozen pixels, -1..1; 0 where either is flat."""
    height, width = inside.shape
    size = (_COARSE, max(4, round(_COARSE * height / width)))
    cells = cv2.resize(inside.astype(np.float32), size, interpolation=cv2.INTER_AREA) > 0.9
    if int(cells.sum()) < _CELLS:
        return 0.0
    small = [
        cv2.resize(
            np.where(inside, detail.luma(one), 0).astype(np.float32), size, interpolation=cv2.INTER_AREA
        )[cells]
        for one in (laid, known)
    ]
    here, there = (one - one.mean() for one in small)
    noise = len(here) * _NOISE**2
    return float((here * there).sum() / np.sqrt((here * here).sum() * (there * there).sum() + noise**2))


def _pictured(rgb: warp.Rgb) -> bool:
    """Return whether a frame shows something: a good part of its blocks has texture."""
    fine = detail.fine(detail.luma(rgb))
    whole = np.ones(fine.shape, np.bool_)
    alike, textured = detail.correlated(fine, fine, whole)
    every = detail.of_blocks(alike, np.ones_like(textured))
    return len(detail.of_blocks(alike, textured)) >= PICTURED * len(every)


def runs_of(seen: Sequence[Seen], look: Look, apart_s: float = math.inf) -> list[list[Seen]]:
    """Return runs of moments of one look, in order of time; blank and missing ones neither count nor end a run.

    Args:
        seen: In order of time.
        look: The look.
        apart_s: Seconds between two moments from which they are no longer one run.
    """
    found: list[list[Seen]] = [[]]
    for one in seen:
        if one.look is look:
            if found[-1] and one.copy_s - found[-1][-1].copy_s > apart_s:
                found.append([])
            found[-1].append(one)
        elif one.look not in (Look.BLANK, Look.MISSING):
            found.append([])
    return [run for run in found if len(run) >= LEAST]
