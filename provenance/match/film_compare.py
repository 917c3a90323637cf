"""Differences of film frames gathered over time: what persists is told, what flickers is noise.

Every stored frame is compared with the copy's frame of the same moment as still pictures are; the energy of
what copying does not explain is a plane. Stacked over time and smoothed by a running median, single frames
that were caught in motion or at a cut fall away, and lower energies than a still picture needs are told.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage  # type: ignore[import-untyped]

from provenance.evidence import Box, Span
from provenance.match import compare

#: Frames over which energy is gathered: 2.5 seconds at two stored frames a second.
WINDOW: Final = 5
#: Fewest frames that say anything over time; below them single frames are judged as still pictures are.
MIN_FRAMES: Final = 3
#: Gathered energy of 16 and 32 pixel blocks from which a block is altered. Source: docs/measurements.md, film:
#: above every clean copy of the tuning half.
SEED: Final = (2.2, 1.9)
#: Energy from which neighbours in space and time belong to it. Source: as SEED.
GROW: Final = (1.4, 1.2)
#: Energy of one standard deviation over clean copies. Source: as SEED.
SPREAD: Final = (0.33, 0.28)
#: Smallest region, share of the frame, and of its frames those that show it at once.
MIN_SHARE: Final = 0.004
#: Differences told of one stretch, strongest first.
MAX_REGIONS: Final = 12
#: Seconds between frames from which energy is not gathered across.
MAX_STEP_S: Final = 2.5

Plane = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Frame:
    """A copy's frame compared with a stored one.

    Attributes:
        copy_s: Time in the copy, seconds.
        asset_s: Time in the asset, seconds.
        energy: float32, shape (2, h, w): see :class:`provenance.match.residual.Residual`.
    """

    copy_s: float
    asset_s: float
    energy: Plane


@dataclass(frozen=True, slots=True)
class Region:
    """A region that differs for some time.

    Attributes:
        box: Where in the stored frame, fractions.
        copy: When in the copy.
        asset: When in the asset.
        strength: Standard deviations of clean copies.
        share: Share of the stored frame that differs most of the time, 0..1.
        strongest: Index of the frame that shows it best.
    """

    box: Box
    copy: Span
    asset: Span
    strength: float
    share: float
    strongest: int


def regions(frames: Sequence[Frame], shown_s: float) -> list[Region]:
    """Return what differs in space and time, strongest first.

    Args:
        frames: Frames of one stretch in order of time, of one size.
        shown_s: Time from one stored frame to the next, seconds of the copy; a region's span reaches half of
            it to both sides.
    """
    found: list[Region] = []
    for first, end in _runs(frames):
        part = frames[first:end]
        found += [_moved(one, first) for one in _of_run(part, shown_s)]
    return sorted(found, key=lambda one: -one.strength)[:MAX_REGIONS]


def gathered(energies: Sequence[Plane]) -> Plane:
    """Return the energy of each frame gathered over its neighbours, float32, shape (n, 2, h, w)."""
    stack = np.stack(energies)
    if len(stack) < MIN_FRAMES:
        return stack
    width = min(WINDOW, len(stack) - 1 + len(stack) % 2)
    return np.asarray(ndimage.median_filter(stack, size=(width, 1, 1, 1), mode="mirror"), np.float32)


def _runs(frames: Sequence[Frame]) -> list[tuple[int, int]]:
    """Return stretches of frames that follow each other closely: (first, after the last)."""
    gaps = [at for at in range(1, len(frames)) if frames[at].copy_s - frames[at - 1].copy_s > MAX_STEP_S]
    return [(a, b) for a, b in pairwise([0, *gaps, len(frames)]) if b > a]


def _of_run(frames: Sequence[Frame], shown_s: float) -> list[Region]:
    energy = gathered([one.energy for one in frames])
    # Few frames are no more than still pictures, and must differ as much as those.
    few = len(frames) < MIN_FRAMES
    seed, grow, spread = (compare.SEED, compare.GROW, compare.SPREAD) if few else (SEED, GROW, SPREAD)
    grown: NDArray[np.bool_] = np.logical_or(energy[:, 0] > grow[0], energy[:, 1] > grow[1])
    sure: NDArray[np.bool_] = np.logical_or(energy[:, 0] > seed[0], energy[:, 1] > seed[1])
    labels, count = ndimage.label(grown, structure=np.ones((3, 3, 3), np.int8))
    if not count:
        return []
    strength = (energy / np.array(spread, np.float32)[:, None, None]).max(axis=1)
    found = []
    for label, where in enumerate(ndimage.find_objects(labels), start=1):
        mask = np.asarray(labels[where] == label, np.bool_)
        if not (mask & sure[where]).any():
            continue
        # A second is told, half of one is not: after gathering, that is a frame or two around a cut or a jolt.
        if len(frames) >= WINDOW and where[0].stop - where[0].start < MIN_FRAMES:
            continue
        area = float(np.count_nonzero(mask, axis=(1, 2)).max()) / (grown.shape[1] * grown.shape[2])
        if area < MIN_SHARE:
            continue
        found.append(
            _region(frames, where, mask, np.where(mask, strength[where], 0), shown_s, grown.shape[1:])
        )
    return found


def _region(
    frames: Sequence[Frame],
    where: tuple[slice, ...],
    mask: NDArray[np.bool_],
    strength: Plane,
    shown_s: float,
    grid: tuple[int, ...],
) -> Region:
    times, rows, columns = where
    first, last = frames[times.start], frames[times.stop - 1]
    # The place where it is most of the time, so that one stray block does not widen the box.
    usual = mask.mean(axis=0) >= min(0.5, 1.0 / len(mask) + 1e-6)
    down, across = np.flatnonzero(usual.any(axis=1)), np.flatnonzero(usual.any(axis=0))
    top, left = rows.start + int(down[0]), columns.start + int(across[0])
    height, width = int(down[-1] - down[0]) + 1, int(across[-1] - across[0]) + 1
    box = Box(left / grid[1], top / grid[0], width / grid[1], height / grid[0])
    half = shown_s / 2
    copy = Span(max(0.0, first.copy_s - half), last.copy_s + half)
    asset = sorted((first.asset_s, last.asset_s))
    peak = strength.reshape(len(strength), -1).max(axis=1)
    share = float(usual.sum()) / (grid[0] * grid[1])
    strongest = times.start + int(peak.argmax())
    return Region(box, copy, Span(asset[0], asset[1]), float(peak.max()), share, strongest)


def _moved(one: Region, first: int) -> Region:
    return replace(one, strongest=one.strongest + first)
