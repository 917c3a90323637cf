"""Local features of a film: of each frame only those that the frames just before it do not already hold.

A still scene costs its features once in a few seconds, a moving one costs them every time, and a query that
meets any of them is led to within a few seconds of its place.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from provenance.errors import UnmatchableError
from provenance.fingerprint import local

#: Features offered by one stored frame. Source: docs/measurements.md, film: 64 lose a third of 9:16 crops.
COUNT: Final = 80
#: Seconds between frames that offer features.
STEP_S: Final = 1.0
#: Seconds for which a kept feature stands for its like in later frames; also how far from its true place a
#: feature may lead.
HOLD_S: Final = 4.0
#: Distance, bits, up to which a feature is held already: below the 48 bits at which two views of one point
#: are told from two points. Source: docs/measurements.md, film.
HELD_BITS: Final = 36

Gray = NDArray[np.uint8]


@dataclass(frozen=True, slots=True, eq=False)
class _Held:
    since_s: float
    words: NDArray[np.uint64]


class FeatureCollector:
    """Takes in a film's frames in order of time and gives out the features worth storing."""

    def __init__(self) -> None:
        self._held: list[_Held] = []
        self._next_s = 0.0

    def add(self, time_s: float, gray: Gray) -> local.Features | None:
        """Return the features of a frame that no frame of the last seconds holds, or None where all are held.

        One frame a second is looked at, whatever comes in.

        Args:
            time_s: Its time, seconds of media time, not before the previous one's.
            gray: uint8, shape (height, width), upright.
        """
        if time_s < self._next_s:
            return None
        self._next_s = time_s + STEP_S - 1e-6
        self._held = [one for one in self._held if time_s - one.since_s < HOLD_S]
        try:
            found = local.features(gray, COUNT)
        except UnmatchableError:  # too narrow for descriptors: its codes still find the film
            return None
        words = np.ascontiguousarray(found.descriptors).view(np.uint64)
        new = np.ones(len(words), np.bool_)
        for one in self._held:
            distance = np.bitwise_count(words[:, None, :] ^ one.words[None, :, :]).sum(axis=2)
            new &= distance.min(axis=1, initial=256) > HELD_BITS
        if not new.any():
            return None
        self._held.append(_Held(time_s, words[new]))
        return local.Features(
            found.points[new],
            found.angle[new],
            found.octave[new],
            np.ascontiguousarray(found.descriptors[new]),
        )
