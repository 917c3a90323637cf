"""Candidates: which registered assets could the copy come from. Nothing counts before it is verified.

Films are looked up by the codes of their frames and recordings by their sound codes, both voting for an offset
in time; for pictures see :mod:`provenance.match.pictures`.
"""

from __future__ import annotations

from collections import Counter, defaultdict
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


class SoundBook:
    """Sound codes of all registered sound tracks, looked up by equal code and voting for an offset."""

    def __init__(self) -> None:
        self._tracks: list[tuple[str, NDArray[np.uint32]]] = []
        self._sorted: tuple[NDArray[np.uint32], NDArray[np.int64]] | None = None
        self._starts: NDArray[np.int64] = np.zeros(0, np.int64)

    def add(self, asset_id: str, codes: NDArray[np.uint32]) -> None:
        """Add a registered sound track: codes uint32 (n,)."""
        self._tracks.append((asset_id, codes))
        self._sorted = None

    def track(self, asset_id: str) -> NDArray[np.uint32] | None:
        """Return the codes of a registered sound track, or None where it has none."""
        return next((codes for owner, codes in self._tracks if owner == asset_id), None)

    def vote(self, codes: NDArray[np.uint32]) -> list[Candidate]:
        """Return the tracks that share codes with the copy at one offset, most agreeing codes first.

        Each code is looked up as it is and with each single bit flipped, so that codecs do not hide it.
        """
        if not self._tracks:
            return []
        if self._sorted is None:
            self._build()
        assert self._sorted is not None  # noqa: S101 - made by the line before
        values, places = self._sorted
        flips = np.concatenate([[np.uint32(0)], np.uint32(1) << np.arange(32, dtype=np.uint32)])
        probes = (codes[:, None] ^ flips[None, :]).ravel()
        origin = np.repeat(np.arange(len(codes)), len(flips))
        low, high = np.searchsorted(values, probes), np.searchsorted(values, probes, side="right")
        counts = high - low
        which = np.repeat(np.arange(len(probes)), counts)
        within = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
        hits = places[np.repeat(low, counts) + within]
        track = np.searchsorted(self._starts, hits, side="right") - 1
        offset = hits - self._starts[track] - origin[which]
        keys, tally = np.unique(np.stack([track, offset // 2]), axis=1, return_counts=True)
        best: Counter[str] = Counter()
        for number, count in zip(keys[0], tally, strict=True):
            owner = self._tracks[int(number)][0]
            best[owner] = max(best[owner], int(count))
        return [Candidate(asset_id, float(count)) for asset_id, count in best.most_common()]

    def _build(self) -> None:
        joined = np.concatenate([codes for _, codes in self._tracks])
        lengths = [len(codes) for _, codes in self._tracks]
        self._starts = np.concatenate([[0], np.cumsum(lengths)[:-1]]).astype(np.int64)
        order = np.argsort(joined, kind="stable")
        self._sorted = (joined[order], order.astype(np.int64))
