"""Interludes: seconds in which a copy shows another picture than the original it otherwise follows.

What lies between genuine parts is looked at, not concluded from the absence of a match: the copy's frames are laid
onto the stored frames of the moments they should be, or could be (:mod:`provenance.match.looks`).

1. Parts before and after on one line: the copy runs along, and the original's picture was replaced or mirrored.
2. Parts that adjoin in the original: something was inserted.
3. Before the first part, after the last, or between parts that do not adjoin: something was added.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, cast

import numpy as np
from numpy.typing import NDArray

from provenance.evidence import (
    Channel,
    Comparison,
    Difference,
    DifferenceKind,
    Geometry,
    Match,
    Segment,
    Span,
)
from provenance.examination import FrameTrack
from provenance.fingerprint.frames import QUERY_RATE
from provenance.match.edits import mid, overlap, re_edited, share_covered, uncovered
from provenance.match.film_comparer import Stored, Unlaid
from provenance.match.films import MIN_FOREIGN_S
from provenance.match.looks import Look, Seen, runs_of
from provenance.match.path import Line
from provenance.media.sandbox import WorkerPool
from provenance.plain import from_plain, to_plain
from provenance.splices import STEP_S, first_s, last_s
from provenance.synchrony import SHIFT_S

#: Most interludes looked at, longest first, and most moments of one.
MAX_GAPS: Final = 12
MAX_MOMENTS: Final = 24
#: Seconds between moments that are looked at, as stored frames are.
MOMENT_S: Final = 0.5
#: Seconds between doubtful moments from which they are not one stretch: two and a half stored frames.
APART_S: Final = 1.3
#: Seconds at the edges of an interlude that may still be the part beside it: half of the time between two frames that
#: have codes.
EDGE_S: Final = 0.5 / QUERY_RATE
#: Stored frames that a moment of inserted picture is held against, nearest in code.
NEAREST: Final = 3
#: Change between neighbouring frames, bits of PDQ, from which it is a cut. Source: :mod:`provenance.match.shown`.
CUT_BITS: Final = 76
#: Share of the copy that must be the original's for what surrounds it to be called added: below it the copy is a work
#: of its own that quotes the original.
MOSTLY: Final = 0.5
#: Strength of a mirrored stretch: frames that fit mirrored and not as they are.
MIRRORED_STRENGTH: Final = 8.0
#: Least piece of a segment that is kept where the rest shows another picture, seconds.
MIN_PIECE_S: Final = 0.9


@dataclass(frozen=True, slots=True)
class Gap:
    """A stretch of the copy that no segment of the picture covers, and the segments beside it."""

    copy: Span
    before: Segment | None
    after: Segment | None

    @property
    def line(self) -> Line | None:
        """The line that the segments on both sides lie on; None where they lie on two."""
        if self.before is None or self.after is None or min(self.before.speed, self.after.speed) <= 0:
            return None
        first, last = Line.of(self.before), Line.of(self.after)
        at = mid(self.copy)
        return first if abs(first.at(at) - last.at(at)) <= STEP_S[Channel.PICTURE] else None

    @property
    def adjoins(self) -> bool:
        """Whether the segments on both sides follow each other in the asset."""
        if self.before is None or self.after is None:
            return False
        return abs(first_s(self.after) - last_s(self.before)) <= STEP_S[Channel.PICTURE]


def gaps(pictures: Sequence[Segment], duration_s: float) -> list[Gap]:
    """Return the stretches of a copy beside its segments that are long enough to be told, longest first."""
    ordered = sorted(pictures, key=lambda one: one.copy.start_s)
    found = []
    for span in uncovered([one.copy for one in ordered], duration_s):
        before = [one for one in ordered if one.copy.end_s <= span.start_s + EDGE_S]
        after = [one for one in ordered if one.copy.start_s >= span.end_s - EDGE_S]
        if span.length_s >= MIN_FOREIGN_S:
            latest = max(before, key=lambda one: one.copy.end_s, default=None)
            found.append(Gap(span, latest, after[0] if after else None))
    return sorted(found, key=lambda one: -one.copy.length_s)[:MAX_GAPS]


class Interludes:
    """Looks at what a film shows beside and within its aligned stretches; media is looked at in workers only.

    Args:
        pool: Media workers.
        path: The copy.
        patience_s: Seconds a worker may take for one look.
        frames: Codes of the copy's frames.
        duration_s: Length of the copy, seconds.
    """

    def __init__(
        self, pool: WorkerPool, path: Path, patience_s: float, frames: FrameTrack, duration_s: float
    ) -> None:
        self._pool, self._path, self._patience_s, self._duration_s = pool, path, patience_s, duration_s
        self._codes = np.ascontiguousarray(frames.code_array()).view(np.uint64)
        self._times = frames.time_array()

    # --- within segments ----------------------------------------------------------------------------------

    def pieces(self, match: Match, unlaid: Unlaid, stored: Stored) -> list[Segment]:
        """Return the picture segments of a match without the stretches in which they show another picture.

        Args:
            match: An aligned match.
            unlaid: Moments of its segments whose frames could not be laid.
            stored: All stored frames of the asset.
        """
        kept: list[Segment] = []
        for segment in pictured(match):
            geometry = segment.geometry or (match.alignment.geometry if match.alignment is not None else None)
            other: list[Span] = []
            if segment in unlaid and geometry is not None and segment.speed > 0:
                other = self._others(segment, geometry, unlaid[segment], stored)
            line = Line.of(segment)
            for span in uncovered(_outside(segment.copy, other), segment.copy.end_s):
                if not other:
                    kept.append(segment)
                elif span.length_s >= MIN_PIECE_S:
                    piece = line.segment(segment.channel, span, segment.strength)
                    kept.append(replace(piece, geometry=segment.geometry, uncertain_s=segment.uncertain_s))
        return kept

    def _others(
        self, segment: Segment, geometry: Geometry, times: Sequence[float], stored: Stored
    ) -> list[Span]:
        line = Line.of(segment)
        inside = [(line.back(one[0]), one[1]) for one in stored if _in(segment.asset, one[0])]
        shift = {round(copy_s, 2) for copy_s in times}
        doubtful = _near(inside, shift)
        seen = self._look(doubtful, geometry, segment.copy) if len(doubtful) > 1 else []
        apart_s = APART_S * max(1.0, len(doubtful) / MAX_MOMENTS)
        found = [run for look in (Look.OTHER, Look.MIRRORED) for run in runs_of(seen, look, apart_s)]
        return [self._edges(run, segment.copy) for run in found]

    def _edges(self, run: Sequence[Seen], within: Span) -> Span:
        """Return the stretch around a run of moments, to the cuts on both sides or half a moment further."""
        first_s, last_s = run[0].copy_s, run[-1].copy_s
        # A moment may pass for the original's by a frame before the cut: one more frame is looked at.
        start_s = self._cut(first_s - MOMENT_S - 1 / QUERY_RATE, first_s, first_s - MOMENT_S / 2)
        end_s = self._cut(last_s, last_s + MOMENT_S + 1 / QUERY_RATE, last_s + MOMENT_S / 2)
        start_s = within.start_s if start_s - within.start_s < MOMENT_S else start_s
        end_s = within.end_s if within.end_s - end_s < MOMENT_S else end_s
        return Span(start_s, end_s)

    def _cut(self, start_s: float, end_s: float, otherwise_s: float) -> float:
        """Return when the greatest change within a stretch happens, seconds, if it is a cut."""
        first, last = np.searchsorted(self._times, [start_s - EDGE_S, end_s + EDGE_S])
        times, codes = self._times[first:last], self._codes[first:last]
        if len(times) < 2:
            return otherwise_s
        change = np.bitwise_count(codes[1:] ^ codes[:-1]).sum(axis=1)
        at = int(change.argmax())
        return float(times[at] + times[at + 1]) / 2 if change[at] >= CUT_BITS else otherwise_s

    # --- beside segments ----------------------------------------------------------------------------------

    def told(self, match: Match, track: FrameTrack, stored: Stored) -> Match:
        """Return the match with what the copy shows beside its segments as differences.

        Args:
            match: With its final segments.
            track: Codes of the asset's frames.
            stored: All stored frames of the asset.
        """
        comparison, alignment = match.comparison, match.alignment
        if not isinstance(comparison, Comparison) or alignment is None:
            return match
        pictures = pictured(match)
        mostly = share_covered([one.copy for one in pictures], self._duration_s) >= MOSTLY
        found, notes = list(self._turned(match, stored)), list[str]()
        for gap in gaps(pictures, self._duration_s):
            beside = gap.before or gap.after
            geometry = (beside.geometry if beside is not None else None) or alignment.geometry
            if geometry is None:
                continue
            for one in self._gap(gap, geometry, match, track, stored):
                quoting = one.kind in (DifferenceKind.PICTURE_FOREIGN, DifferenceKind.PICTURE_INSERTED)
                if mostly or not quoting:
                    found.append(one)
                elif one.span is not None:
                    notes.append(_quoting(one.span))
        differences = (*comparison.differences, *sorted(found, key=_start_s))
        edits = re_edited(comparison.edits, alignment.segments, differences)
        not_compared = (*comparison.not_compared, *sorted(notes))
        comparison = replace(comparison, differences=differences, edits=edits, not_compared=not_compared)
        return replace(match, comparison=comparison)

    def _gap(
        self, gap: Gap, geometry: Geometry, match: Match, track: FrameTrack, stored: Stored
    ) -> Iterator[Difference]:
        line = gap.line or _beneath(gap, match)
        if line is not None:
            start_s, end_s = (line.at(gap.copy.start_s), line.at(gap.copy.end_s))
            along = [(line.back(one[0]), [one[1]]) for one in stored if start_s <= one[0] <= end_s]
            along = along or [(time_s, []) for time_s in _moments(gap.copy)]
            seen = self._look(along, geometry, gap.copy)
            for look, kind in (
                (Look.OTHER, DifferenceKind.PICTURE_DIFFERS),
                (Look.MIRRORED, DifferenceKind.PICTURE_MIRRORED),
            ):
                for run in runs_of(seen, look):
                    span = self._edges(run, gap.copy)
                    there = Span(max(line.at(span.start_s), 0.0), max(line.at(span.end_s), 0.0))
                    yield Difference(kind, Channel.PICTURE, None, span, there, _strength(run))
            return
        kind = DifferenceKind.PICTURE_INSERTED if gap.adjoins else DifferenceKind.PICTURE_FOREIGN
        moments = _moments(gap.copy)
        likely = [self._likely(time_s, gap, stored) for time_s in moments]
        near = [self._nearest(time_s, track, stored) for time_s in moments]
        candidates = [
            (at, [*(one or []), *more]) for at, one, more in zip(moments, likely, near, strict=True)
        ]
        seen = self._look(candidates, geometry, gap.copy)
        # Beyond the ends of the original a blank frame is added material like any other.
        beyond = {round(at, 3) for at, one in zip(moments, likely, strict=True) if one is None}
        seen = [
            replace(one, look=Look.OTHER)
            if one.look is Look.BLANK and round(one.copy_s, 3) in beyond
            else one
            for one in seen
        ]
        seam = _seam(gap) if kind is DifferenceKind.PICTURE_INSERTED else None
        for run in runs_of(seen, Look.OTHER):
            yield Difference(kind, Channel.PICTURE, None, self._edges(run, gap.copy), seam, _strength(run))

    def _likely(self, time_s: float, gap: Gap, stored: Stored) -> list[bytes] | None:
        """Return the stored frames that a moment would show if a part beside it went on; None beyond the original.

        Where the original is blank there are none.
        """
        wanted = [Line.of(one).at(time_s) for one in (gap.before, gap.after) if one is not None]
        wanted = [
            one for one in wanted if stored and stored[0][0] - MOMENT_S <= one <= stored[-1][0] + MOMENT_S
        ]
        if not wanted:
            return None
        near = [min(stored, key=lambda one, at=at: abs(one[0] - at)) for at in wanted]  # type: ignore[misc]
        return [blob for at, (time_s, blob) in zip(wanted, near, strict=True) if abs(time_s - at) <= MOMENT_S]

    def _nearest(self, time_s: float, track: FrameTrack, stored: Stored) -> list[bytes]:
        """Return the stored frames whose codes are nearest to that of a moment; none where it has no code."""
        if not len(self._times) or not stored:
            return []
        at = int(np.abs(self._times - time_s).argmin())
        if abs(float(self._times[at]) - time_s) > MOMENT_S:
            return []
        theirs: NDArray[np.uint64] = np.ascontiguousarray(track.code_array()).view(np.uint64)
        bits = np.bitwise_count(theirs ^ self._codes[at]).sum(axis=1)
        times = np.array([one[0] for one in stored])
        nearest = track.time_array()[np.argsort(bits, kind="stable")[:NEAREST]]
        return [stored[int(np.abs(times - one).argmin())][1] for one in nearest]

    def _turned(self, match: Match, stored: Stored) -> Iterator[Difference]:
        """Yield the segments that are mirrored against most of the picture."""
        pictures = [one for one in pictured(match) if one.speed > 0]
        turned = [one for one in pictures if one.geometry is not None and one.geometry.mirrored]
        rest = [one for one in pictures if one not in turned]
        if not turned or not rest or match.alignment is None:
            return
        fewer = min(turned, rest, key=lambda each: sum(one.copy.length_s for one in each))
        usual = rest if fewer is turned else turned
        geometry = usual[0].geometry or match.alignment.geometry
        for one in fewer if geometry is not None and geometry.mirrored is not (fewer is turned) else ():
            line = Line.of(one)
            along = [(line.back(at), [blob]) for at, blob in stored if _in(one.asset, at)]
            # A scene that is symmetrical lies both ways.
            if runs_of(self._look(along, cast("Geometry", geometry), one.copy), Look.MIRRORED):
                kind = DifferenceKind.PICTURE_MIRRORED
                yield Difference(kind, Channel.PICTURE, None, one.copy, one.asset, MIRRORED_STRENGTH)

    def _look(
        self, moments: Sequence[tuple[float, Sequence[bytes]]], geometry: Geometry, within: Span
    ) -> list[Seen]:
        """Return what moments of the copy show; frames at the very edges of the stretch are left out."""
        if not moments:
            return []
        chosen = np.unique(np.linspace(0, len(moments) - 1, MAX_MOMENTS).astype(int)).tolist()
        params = {
            "geometry": to_plain(geometry),
            "start_s": within.start_s + EDGE_S if within.start_s > 0 else 0.0,
            "end_s": within.end_s - EDGE_S,
            "moments": [{"copy_s": moments[at][0], "stored": list(moments[at][1])} for at in chosen],
        }
        answers = self._pool.run("look_at_moments", [self._path], params, timeout_s=self._patience_s)
        return [from_plain(Seen, one) for one in cast("Sequence[object]", answers)]


def pictured(match: Match) -> list[Segment]:
    """Return the picture segments of a match."""
    segments = match.alignment.segments if match.alignment is not None else ()
    return [one for one in segments if one.channel is Channel.PICTURE]


def _beneath(gap: Gap, match: Match) -> Line | None:
    """Return the line of the part beside a gap at an end of the copy, where the sound beneath runs along it."""
    beside = gap.before or gap.after
    if (gap.before and gap.after) or beside is None or beside.speed <= 0 or match.alignment is None:
        return None
    line = Line.of(beside)
    for one in match.alignment.segments:
        shared = overlap(one.copy, gap.copy)
        if one.channel is Channel.SOUND and shared.length_s >= max(MIN_FOREIGN_S, gap.copy.length_s / 2):
            at = mid(shared)
            return line if abs(Line.of(one).at(at) - line.at(at)) <= SHIFT_S else None
    return None


def _seam(gap: Gap) -> Span | None:
    """Return the place in the original at which something was inserted."""
    if gap.before is None or gap.after is None:
        return None
    left_s = last_s(gap.before)
    return Span(left_s, max(left_s, first_s(gap.after)))


def _strength(run: Sequence[Seen]) -> float:
    if run[0].look is Look.MIRRORED:
        return MIRRORED_STRENGTH
    return round(float(np.mean([one.strength for one in run])), 1)


def _moments(span: Span) -> list[float]:
    """Return moments of a stretch, at least two, from edge to edge, seconds."""
    inner = Span(span.start_s + EDGE_S, span.end_s - EDGE_S)
    count = max(2, round(inner.length_s / MOMENT_S) + 1)
    return [float(one) for one in np.linspace(inner.start_s, inner.end_s, count)]


def _outside(copy: Span, other: Sequence[Span]) -> list[Span]:
    return [Span(0.0, copy.start_s), *other]


def _in(span: Span, time_s: float) -> bool:
    return span.start_s <= time_s <= span.end_s


def _near(inside: Sequence[tuple[float, bytes]], times: set[float]) -> list[tuple[float, list[bytes]]]:
    """Return the stored frames whose moments are among some times, within the correction that comparing makes."""
    return [
        (copy_s, [blob])
        for copy_s, blob in inside
        if any(abs(copy_s - time_s) <= MOMENT_S * 0.6 for time_s in times)
    ]


def _start_s(one: Difference) -> float:
    return one.span.start_s if one.span is not None else 0.0


def _quoting(span: Span) -> str:
    return f"picture: {span.start_s:.1f} to {span.end_s:.1f} s is not the original's; the copy quotes it"
