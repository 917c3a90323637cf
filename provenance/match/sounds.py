"""Registered sound by which candidates for a copy are found: every track is slid past stretches of the copy.

A stretch of five seconds is compared with a hundred registered hours in some 40 ms, so nothing is looked up by
equal codes: a telephone leaves hardly one code as it was, and half a semitone none.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from provenance.match.candidates import Candidate
from provenance.match.column import Column

#: Codes of a stretch that is slid past the tracks: 7.7 s of sound; shorter copies are slid whole.
STRETCH: Final = 40
#: Stretches tried, spread over the copy, so that a long copy of several originals finds each of some length.
MAX_STRETCHES: Final = 6
#: Share of differing bits above which a place is none. Source: docs/measurements.md, clips: genuine stretches of
#: five seconds over a telephone differ by up to .34, and unrelated places begin at .3.
MAX_SHARE: Final = 0.37

# Codes of a stretch that are compared at every place, and places that are then compared in full. Neighbouring
# codes share 19 of their 20 frames, so a fourth of them says nearly all.
_PROBES, _PLACES = 10, 256

Codes = NDArray[np.uint32]


class SoundBook:
    """Sound codes of all registered sound tracks, in memory: 116 kB an hour."""

    def __init__(self) -> None:
        self._codes = Column(np.uint32)
        self._owners: list[str] = []
        self._starts: list[int] = []
        self._number: dict[str, int] = {}

    def add(self, asset_id: str, codes: Codes) -> None:
        """Add a registered sound track: codes uint32 (n,)."""
        self._number[asset_id] = len(self._owners)
        self._starts.append(len(self._codes))
        self._owners.append(asset_id)
        self._codes.extend(codes)

    def track(self, asset_id: str) -> Codes | None:
        """Return the codes of a registered sound track, or None where it has none."""
        number = self._number.get(asset_id)
        if number is None:
            return None
        end = self._starts[number + 1] if number + 1 < len(self._starts) else len(self._codes)
        return self._codes.values()[self._starts[number] : end]

    def vote(self, forms: Sequence[Codes]) -> list[Candidate]:
        """Return the tracks of which a stretch is near a stretch of the copy, nearest first.

        Args:
            forms: Codes of the copy as it is and at other pitches, uint32 (n,) each.

        Returns:
            Candidates; ``votes`` is by how many of 100 bits the nearest stretch is nearer than half.
        """
        book, starts = self._codes.values(), np.array(self._starts, np.int64)
        nearest: defaultdict[int, float] = defaultdict(lambda: 1.0)
        for codes in forms:
            for stretch in _stretches(codes):
                for place, share in _places(book, stretch):
                    track = int(np.searchsorted(starts, place, side="right")) - 1
                    nearest[track] = min(nearest[track], share)
        ranked = sorted(nearest.items(), key=lambda item: (item[1], item[0]))
        return [Candidate(self._owners[track], 50 - 100 * share) for track, share in ranked]


def _stretches(codes: Codes) -> Iterator[Codes]:
    """Yield stretches spread over the copy, without those of silence or a tone, whose codes are all the same."""
    width = min(STRETCH, len(codes))
    count = min(MAX_STRETCHES, max(1, len(codes) // max(width, 1)))
    for first in np.linspace(0, len(codes) - width, count).astype(int).tolist():
        stretch = codes[first : first + width]
        if len(np.unique(stretch)) > width // 2:
            yield stretch


def _places(book: Codes, stretch: Codes) -> Iterator[tuple[int, float]]:
    """Yield places of the book where at most :data:`MAX_SHARE` of the stretch's bits differ, with that share."""
    count = len(book) - len(stretch) + 1
    if count <= 0:
        return
    probes = np.unique(np.linspace(0, len(stretch) - 1, _PROBES).astype(int)).tolist()
    bits = np.zeros(count, np.uint16)
    for at in probes:
        bits += np.bitwise_count(book[at : at + count] ^ stretch[at])
    kept = np.argpartition(bits, _PLACES)[:_PLACES] if count > _PLACES else np.arange(count)
    windows = book[kept[:, None] + np.arange(len(stretch))]
    shares = np.bitwise_count(windows ^ stretch).mean(axis=1) / 32
    for place, share in zip(kept.tolist(), shares.tolist(), strict=True):
        if share <= MAX_SHARE:
            yield place, share
