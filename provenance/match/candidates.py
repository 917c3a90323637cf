"""Candidates: which registered assets could the copy come from. Nothing counts before it is verified.

Films are looked up by the codes of their frames, which vote for an offset in time; for pictures see
:mod:`provenance.match.pictures`, for sound :mod:`provenance.match.sounds`.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from provenance.examination import FrameTrack, View
from provenance.match.index import CodeIndex

#: Query frames looked up, spread over the film.
QUERY_FRAMES: Final = 64
#: Distance at which a frame votes; wider than for single pictures, since the votes must agree in time.
FRAME_RADIUS: Final = 47
#: Width of an offset bin in seconds.
OFFSET_BIN_S: Final = 1.0


@dataclass(frozen=True, slots=True)
class Candidate:
    """A registered asset that the copy could come from.

    Attributes:
        asset_id: The registration.
        votes: How much speaks for it, in the units of its finder.
        distance: Smallest code distance, bits, or None.
        form: Form of the copy at that distance, for readers.
        view: How the copy was looked at when it was found, or None.
    """

    asset_id: str
    votes: float
    distance: int | None = None
    form: str = ""
    view: View | None = None


class FrameBook:
    """Codes of the frames of all registered films, with their times."""

    def __init__(self) -> None:
        self._codes = CodeIndex()
        self._owner: list[str] = []
        self._times: list[float] = []
        self._tracks: dict[str, FrameTrack] = {}

    def add(self, asset_id: str, codes: NDArray[np.uint8], times: NDArray[np.float64]) -> None:
        """Add a registered film: codes uint8 (n, 32) and their times in seconds (n,)."""
        self._codes.add(codes)
        self._owner.extend([asset_id] * len(codes))
        self._times.extend(times.tolist())
        self._tracks[asset_id] = FrameTrack(codes.tobytes(), times.astype("<f8").tobytes())

    def track(self, asset_id: str) -> FrameTrack | None:
        """Return the codes and times of a registered film, or None where it has none."""
        return self._tracks.get(asset_id)

    def near(self, codes: Sequence[bytes], radius: int) -> Iterator[tuple[int, int, str, float]]:
        """Yield (which code, distance in bits, asset, time in seconds) of stored frames within ``radius``."""
        for which, neighbour in self._codes.within_any(list(codes), radius):
            position = neighbour.position
            yield which, neighbour.distance, self._owner[position], self._times[position]

    def vote(self, codes: NDArray[np.uint8], times: NDArray[np.float64]) -> list[Candidate]:
        """Return the films whose frames agree with the copy's in one offset, most agreeing frames first."""
        chosen = np.unique(np.linspace(0, len(codes) - 1, min(QUERY_FRAMES, len(codes))).astype(int))
        seen: defaultdict[tuple[str, int], set[int]] = defaultdict(set)
        for which, neighbour in self._codes.within_any([codes[i].tobytes() for i in chosen], FRAME_RADIUS):
            offset = self._times[neighbour.position] - float(times[chosen[which]])
            seen[(self._owner[neighbour.position], round(offset / OFFSET_BIN_S))].add(which)
        votes: Counter[str] = Counter()
        for (owner, _), frames in seen.items():
            votes[owner] = max(votes[owner], len(frames))
        return [Candidate(asset_id, float(count)) for asset_id, count in votes.most_common()]
