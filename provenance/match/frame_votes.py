"""Which registered film shows what a copy's frames show, by votes of local features: crops and frames too.

Whole-picture codes lose a film that was cropped or put into another picture; the points in it are still
there. A frame's features vote for films and for stretches of a few seconds in them; what they lead to is only
a place to look at.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from provenance.fingerprint import local
from provenance.fingerprint.frame_features import HOLD_S
from provenance.match.descriptors import DescriptorIndex

#: A feature that hits more films than this says nothing about any of them.
MAX_FILMS: Final = 50
#: Votes of one frame below which it does not speak for a place: two stray hits are common.
MIN_VOTES: Final = 3.0
#: Places of one frame in one film that are kept, most votes first: a film may show a thing twice.
PLACES: Final = 2


@dataclass(frozen=True, slots=True)
class FrameView:
    """Features of one way of looking at one frame of the copy.

    Attributes:
        time_s: Time of the frame in the copy, seconds.
        mirrored: Whether they are those of the mirrored frame.
        features: Stored form of its local features.
    """

    time_s: float
    mirrored: bool
    features: bytes


@dataclass(frozen=True, slots=True)
class Place:
    """Where a frame of the copy may be in a film.

    Attributes:
        copy_s: Time in the copy, seconds.
        asset_s: Start of the stretch of the film, seconds; it is :data:`SPAN_S` long.
        mirrored: Whether the mirrored frame voted.
        votes: Features of the frame that led there, each divided by the films it hits.
    """

    copy_s: float
    asset_s: float
    mirrored: bool
    votes: float


#: Length of the stretch a place stands for: a feature may be stored that long before it is met, and bins
#: half as long overlap.
SPAN_S: Final = 2 * HOLD_S


@dataclass(frozen=True, slots=True)
class FilmVotes:
    """How much speaks for one registered film.

    Attributes:
        asset_id: The registration.
        votes: Sum over frames of the votes of their best place.
        places: Best places first.
    """

    asset_id: str
    votes: float
    places: tuple[Place, ...]


class FeatureBook:
    """Local features of the frames of all registered films."""

    def __init__(self) -> None:
        self._index = DescriptorIndex()
        self._names: list[str] = []
        # Of each stored feature: the number of its film, and its time.
        self._owner: list[NDArray[np.int32]] = []
        self._times: list[NDArray[np.float32]] = []
        self._joined: tuple[NDArray[np.int32], NDArray[np.float32]] | None = None

    def add(self, asset_id: str, frames: Iterable[tuple[float, bytes]]) -> None:
        """Add a registered film: times in seconds and stored features of its frames."""
        number = len(self._names)
        self._names.append(asset_id)
        parts = [(time_s, local.Features.from_bytes(stored).descriptors) for time_s, stored in frames]
        if not parts:
            return
        counts = [len(descriptors) for _, descriptors in parts]
        self._index.add(np.concatenate([descriptors for _, descriptors in parts]))
        self._owner.append(np.full(sum(counts), number, np.int32))
        self._times.append(np.repeat(np.array([time_s for time_s, _ in parts], np.float32), counts))
        self._joined = None

    def vote(self, views: Sequence[FrameView]) -> list[FilmVotes]:
        """Return the films that frames of the copy lead to, most votes first."""
        if not len(self._index):
            return []
        if self._joined is None:
            self._joined = np.concatenate(self._owner), np.concatenate(self._times)
        places: defaultdict[int, list[Place]] = defaultdict(list)
        for view in views:
            for number, place in self._places(view, *self._joined):
                places[number].append(place)
        found = [_film(self._names[number], each) for number, each in places.items()]
        return sorted(found, key=lambda one: (-one.votes, one.asset_id))

    def _places(
        self, view: FrameView, owners: NDArray[np.int32], times: NDArray[np.float32]
    ) -> Iterator[tuple[int, Place]]:
        descriptors = local.Features.from_bytes(view.features).descriptors
        which, at, _ = self._index.near(descriptors)
        if not len(which):
            return
        owner, bins = owners[at], np.floor(times[at] / HOLD_S).astype(np.int64)
        # Each feature counts once for a film and stretch, and less the more films it hits.
        pairs = np.unique(np.stack([which, owner]), axis=1)
        films = np.bincount(pairs[0], minlength=len(descriptors))
        both = np.concatenate([np.stack([which, owner, bins]), np.stack([which, owner, bins - 1])], axis=1)
        both = np.unique(both[:, films[both[0]] <= MAX_FILMS], axis=1)
        keys, group = np.unique(both[1:], axis=1, return_inverse=True)
        votes = np.bincount(group.ravel(), 1 / films[both[0]], minlength=keys.shape[1])
        kept: defaultdict[int, list[int]] = defaultdict(list)
        for column in np.argsort(-votes, kind="stable").tolist():
            number, start = int(keys[0, column]), int(keys[1, column])
            if votes[column] < MIN_VOTES or len(kept[number]) == PLACES:
                continue
            if all(abs(start - other) > 1 for other in kept[number]):
                kept[number].append(start)
                yield number, Place(view.time_s, start * HOLD_S, view.mirrored, float(votes[column]))


def _film(name: str, places: list[Place]) -> FilmVotes:
    best: dict[float, float] = {}
    for one in places:
        best[one.copy_s] = max(best.get(one.copy_s, 0.0), one.votes)
    ranked = sorted(places, key=lambda one: (-one.votes, one.copy_s))
    return FilmVotes(name, sum(best.values()), tuple(ranked))
