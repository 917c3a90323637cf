"""Clips: where the picture of a film lies in a registered one, in time and in the frame.

1. Whole-picture codes in one order of time place what was only re-encoded, captioned or changed in speed.
2. Where they leave the copy unexplained, local features of some of its frames lead to stretches of registered
   films, and stored frames there say how the copy lies in the frame: cropped, mirrored, within bars or within
   another picture.
3. Codes of the shared part alone, of the copy's frames and of the stored ones, place it in time again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from provenance.evidence import Geometry, Segment, Span
from provenance.fingerprint.frames import QUERY_RATE
from provenance.match import inverse, warp
from provenance.match.edits import overlap, share_covered, uncovered
from provenance.match.frame_votes import SPAN_S, FilmVotes, FrameView, Place
from provenance.match.path import Line
from provenance.media.sandbox import WorkerPool
from provenance.plain import from_plain

#: Frames of the copy whose features are looked up, spread over it. Source: docs/measurements.md, film.
VIEWED: Final = 20
#: Frames of the copy that are laid onto stored frames to find the geometry.
PLACED: Final = 8
#: Frames that must lie in stored frames by local features.
MIN_PLACED: Final = 2
#: Share of the copy that whole-picture codes must explain so that the frame is not searched further.
EXPLAINED: Final = 0.9
#: Least piece of a segment beside another one that is kept, seconds.
MIN_PIECE_S: Final = 0.9
#: Geometries of one copy in one film that are followed, most frames first.
GEOMETRIES: Final = 3
#: Largest move of a corner between two frames' geometries that still count as one, fraction of the frame.
SAME_FRAME: Final = 0.06
#: Difference of two frames' offsets in time that still count as one, seconds: stored frames a second apart.
SAME_OFFSET_S: Final = 0.6
#: Frames a second of the copy whose shared part is coded.
RATE_HZ: Final = 8.0
#: Stored film on both sides of a voted place that is compared, seconds of the asset.
ROOM_S: Final = 20.0
#: Most stored frames sent to a worker at once: 2.4 kB each, within the 16 MB of one message.
MAX_STORED: Final = 4000

#: Offsets in time around a framing's that are tried where its shared part has no place, seconds.
STEP_S: Final = 0.25
TRIED_S: Final = (-0.5, -0.25, 0.0, 0.25, 0.5)
#: Stored frames apart, and pairs of them, by which a pan over one still picture is told.
APART: Final = 3
PAIRS: Final = 5
#: Seconds by which a crop of a pan over one still picture may be placed wrongly. Source: docs/measurements.md, clips:
#: the 95th percentile of crops of panned photographs of 10 s.
PAN_S: Final = 3.1
#: Share of the copy that must be placed for them not to be tried.
PLACED_SHARE: Final = 0.5
#: Move of a corner from which the shared part is coded again, fraction of the frame.
MOVED: Final = 0.01

_T = TypeVar("_T")
Stored = Sequence[tuple[float, bytes]]


@dataclass(frozen=True, slots=True)
class Placed:
    """A frame of the copy in a stored frame: times in seconds, and how it lies there."""

    copy_s: float
    asset_s: float
    geometry: Geometry

    @property
    def offset_s(self) -> float:
        """Time in the asset less time in the copy, seconds."""
        return self.asset_s - self.copy_s


@dataclass(frozen=True, slots=True)
class Framing:
    """One way in which a copy's frames lie in a film's.

    Attributes:
        geometry: That of the frame with the most agreeing features.
        placed: All frames that lie so.
    """

    geometry: Geometry
    placed: tuple[Placed, ...]


def view_times(duration_s: float, count: int = VIEWED) -> list[float]:
    """Return the times of the frames whose features are looked up: on the grid of ticks, spread evenly.

    Args:
        duration_s: Length of the copy, seconds.
        count: Most times.
    """
    ticks = max(1, int(duration_s * QUERY_RATE))
    chosen = np.unique(np.linspace(0, ticks - 1, min(count, max(2, ticks // 2)) + 2)[1:-1].astype(int))
    return [float(tick) / QUERY_RATE for tick in chosen]


class ClipAligner:
    """Aligns one film with registered ones; looks at media in workers only.

    Args:
        pool: Media workers.
        path: The film.
        patience_s: Seconds a worker may take for one look at it.
    """

    def __init__(self, pool: WorkerPool, path: Path, patience_s: float) -> None:
        self._pool, self._path, self._patience_s = pool, path, patience_s

    def views(self, times: Sequence[float]) -> list[FrameView]:
        """Return features of the copy's frames at ``times``, seconds, ascending."""
        answers = cast("list[object]", self._run("frame_views", {"times": list(times)}))
        return [from_plain(FrameView, one) for one in answers]

    def framings(self, places: Sequence[Place], stored: Stored) -> list[Framing]:
        """Return how the copy lies in the film around the voted places, most frames first.

        Args:
            places: Where frames of the copy may be, best first.
            stored: All stored frames of the film: time, picture.
        """
        moments: list[dict[str, object]] = []
        for place in _spread(places):
            around = [one for one in stored if place.asset_s <= one[0] <= place.asset_s + SPAN_S]
            if near := _thinned(around):
                blobs = [{"time_s": time_s, "blob": blob} for time_s, blob in near]
                moments.append({"time_s": place.copy_s, "mirrored": place.mirrored, "stored": blobs})
        return self._placed(moments)

    def sharpened(self, framing: Framing, segments: Sequence[Segment], stored: Stored) -> Framing:
        """Return the framing of frames taken at the very moments of stored ones; the same where too few fit.

        Args:
            framing: What frames met somewhere between stored ones gave.
            segments: Where the copy lies in time.
            stored: All stored frames of the film.
        """
        pairs = [
            (Line.of(one).back(time_s), time_s, blob)
            for one in segments
            for time_s, blob in stored
            if one.asset.start_s <= time_s <= one.asset.end_s
        ]
        moments: list[dict[str, object]] = [
            {
                "time_s": max(copy_s, 0.0),
                "mirrored": framing.geometry.mirrored,
                "stored": [{"time_s": asset_s, "blob": blob}],
            }
            for copy_s, asset_s, blob in _evenly(pairs, PLACED)
        ]
        return next(iter(self._placed(moments)), framing)

    def timed(self, framing: Framing, stored: Stored, duration_s: float) -> Framing:
        """Return the framing at the offset in time at which most detail agrees; the same where none does.

        Frames are met by stored ones up to half a second away, and a camera that moves is elsewhere by then: the
        geometry is off by as much.

        Args:
            framing: What such frames gave.
            stored: All stored frames of the film.
            duration_s: Length of the copy, seconds.
        """
        about_s = float(np.median([one.offset_s for one in framing.placed]))
        inside = [one for one in stored if about_s <= one[0] <= about_s + duration_s]
        offsets = [about_s + step for step in TRIED_S]
        moments: list[dict[str, object]] = [
            {
                "time_s": asset_s - offset_s,
                "mirrored": framing.geometry.mirrored,
                "stored": [{"time_s": asset_s, "blob": blob}],
            }
            for asset_s, blob in _evenly(inside, PLACED)
            for offset_s in offsets
            if 0 <= asset_s - offset_s <= duration_s
        ]
        best, most = framing, 0.0
        answers = self._laid(moments)
        for offset_s in offsets:
            fitting = [one for one in answers if abs(one.offset_s - offset_s) < STEP_S / 2]
            agreeing = sum(one.geometry.agreement for one in fitting)
            if len(fitting) >= MIN_PLACED and agreeing > most:
                geometry = warp.middle([one.geometry for one in fitting])
                best, most = Framing(geometry, tuple(fitting)), agreeing
        return best

    def _placed(self, moments: list[dict[str, object]]) -> list[Framing]:
        return _grouped(self._laid(moments))

    def _laid(self, moments: list[dict[str, object]]) -> list[Placed]:
        if not moments:
            return []
        moments.sort(key=lambda one: cast("float", one["time_s"]))
        answers = cast("list[object]", self._run("place_frames", {"moments": moments}))
        return [from_plain(Placed, one) for one in answers]

    def segments(self, framing: Framing, stored: Stored, times: Iterable[float]) -> list[Segment]:
        """Return the segments of the copy in one framing, by codes of the shared part.

        Args:
            framing: How it lies in the frame.
            stored: All stored frames of the film.
            times: Moments of the film, seconds, around which to look.
        """
        around = sorted(times)
        near = [one for one in stored if any(abs(one[0] - time_s) <= ROOM_S for time_s in around)]
        blobs = [{"time_s": time_s, "blob": blob} for time_s, blob in near[:MAX_STORED]]
        if not blobs:
            return []
        params = {"matrix": list(framing.geometry.matrix), "stored": blobs, "rate": RATE_HZ}
        answer = cast("Mapping[str, Mapping[str, bytes]]", self._run("shared_codes", params))
        found = inverse.align_stored(_track(answer["copy"]), _track(answer["asset"]))
        return [replace(one, geometry=framing.geometry) for one in found]

    def certain(self, segments: Sequence[Segment], stored: Stored) -> list[Segment]:
        """Return segments of cropped frames with those over one still picture said to be uncertain.

        Args:
            segments: Of one framing.
            stored: All stored frames of the film.
        """
        made: list[Segment] = []
        for one in segments:
            inside = [blob for time_s, blob in stored if one.asset.start_s <= time_s <= one.asset.end_s]
            pairs = [[a, b] for a, b in zip(inside, inside[APART:], strict=False)]
            if pairs and self._pool.run("one_picture", [], {"pairs": _evenly(pairs, PAIRS)}):
                made.append(replace(one, uncertain_s=max(one.uncertain_s, PAN_S)))
            else:
                made.append(one)
        return made

    def _run(self, task: str, params: Mapping[str, object]) -> object:
        return self._pool.run(task, [self._path], params, timeout_s=self._patience_s)


def explained(segments: Sequence[Segment], duration_s: float) -> float:
    """Return the share of the copy that its picture segments cover, 0..1."""
    return share_covered([one.copy for one in segments], duration_s)


def merged(first: Sequence[Segment], more: Sequence[Segment]) -> list[Segment]:
    """Return both in order of the copy; of a later one what earlier ones cover is left out, and all if that is half."""
    kept = list(first)
    for one in more:
        if any(overlap(one.copy, other.copy).length_s >= one.copy.length_s / 2 for other in kept):
            continue
        kept += list(_uncovered(one, [other.copy for other in kept]))
    return sorted(kept, key=lambda one: one.copy.start_s)


def _uncovered(one: Segment, spans: Sequence[Span]) -> Iterator[Segment]:
    """Yield the pieces of a segment that no span covers."""
    if not any(overlap(one.copy, span).length_s > 0 for span in spans) or not one.speed:
        yield one
        return
    line = Line.of(one)
    for span in uncovered([Span(0.0, one.copy.start_s), *spans], one.copy.end_s):
        if span.length_s >= MIN_PIECE_S:
            yield replace(
                line.segment(one.channel, span, one.strength),
                geometry=one.geometry,
                uncertain_s=one.uncertain_s,
            )


def place_times(votes: FilmVotes, framings: Sequence[Framing]) -> list[float]:
    """Return the moments of the film that anything spoke for, seconds."""
    voted = [one.asset_s + SPAN_S / 2 for one in votes.places]
    return sorted({*voted, *(placed.asset_s for one in framings for placed in one.placed)})


def _spread(places: Sequence[Place]) -> list[Place]:
    """Return the best place of up to :data:`PLACED` frames, the frames with the most votes first."""
    chosen: dict[float, Place] = {}
    for one in places:
        chosen.setdefault(one.copy_s, one)
    return list(chosen.values())[:PLACED]


def _grouped(placed: Sequence[Placed]) -> list[Framing]:
    """Return groups of frames that lie alike, most frames first.

    A frame may fit several stored ones: a zoom makes a crop of an earlier frame the whole of a later one. So
    frames that also agree in their offset in time are one group before those that only lie alike (a copy at
    another speed, or cut).
    """
    left, found = list(placed), list[Framing]()
    for slack_s in (SAME_OFFSET_S, float("inf")):
        while left and len(found) < GEOMETRIES:
            groups = [_group(centre, left, slack_s) for centre in left]
            best = max(groups, key=lambda group: (len(group), sum(one.geometry.inliers for one in group)))
            if len(best) < MIN_PLACED:
                break
            found.append(Framing(warp.middle([one.geometry for one in best]), tuple(best)))
            gone = {one.copy_s for one in best}
            left = [one for one in left if one.copy_s not in gone]
    return found


def _group(centre: Placed, placed: Sequence[Placed], slack_s: float) -> list[Placed]:
    """Return of each moment the frame that lies as ``centre`` does, nearest in offset."""
    best: dict[float, Placed] = {}
    for one in sorted(placed, key=lambda one: abs(one.offset_s - centre.offset_s)):
        near = abs(one.offset_s - centre.offset_s) <= slack_s
        if near and warp.apart(one.geometry, centre.geometry) <= SAME_FRAME:
            best.setdefault(one.copy_s, one)
    return list(best.values())


def _thinned(stored: Stored) -> list[tuple[float, bytes]]:
    """Return stored frames a second apart."""
    kept: list[tuple[float, bytes]] = []
    for one in stored:
        if not kept or one[0] - kept[-1][0] >= 1.0 - 1e-6:
            kept.append(one)
    return kept


def moved(one: Framing, other: Framing) -> bool:
    """Return whether two framings differ enough for the codes of the shared part to differ."""
    return warp.apart(one.geometry, other.geometry) > MOVED


def _evenly(pairs: Sequence[_T], count: int) -> list[_T]:
    if len(pairs) <= count:
        return list(pairs)
    return [pairs[i] for i in np.unique(np.linspace(0, len(pairs) - 1, count).astype(int)).tolist()]


def _track(answer: Mapping[str, bytes]) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
    codes = np.frombuffer(answer["codes"], np.uint8).reshape(-1, 32)
    return codes, np.frombuffer(answer["times"], "<f8").astype(np.float64)
