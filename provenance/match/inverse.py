"""Stored frames placed in a copy: exact where stored frames are far apart and the copy is at hand.

Between two stored frames of fast motion a copy's frame is like neither. The other way round every stored frame
has a frame of the copy within a sixteenth of a second, so stored frames are aligned with the copy as the
copy's frames are with a film elsewhere, and the result is turned over.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from provenance.evidence import Segment, Span
from provenance.match import timeline
from provenance.match.certainty import uncertain_s
from provenance.match.films import Codes, Films, Times
from provenance.match.path import Line

#: Passes over what is not explained yet: a stretch of the asset that comes back is found once a pass.
PASSES: Final = 6
#: Frames of the copy that another pass needs.
MIN_LEFT: Final = 8
#: Seconds by which a speed must move one end against the other to be told from none. Source: errors of the
#: placing of single stored frames, docs/measurements.md, film.
SNAP_S: Final = 0.5

Track = tuple[Codes, Times]


def align_stored(copy: Track, asset: Track) -> list[Segment]:
    """Return which stretches of the copy are which of the asset, in order of the copy.

    Args:
        copy: Codes uint8 (n, 32) and ascending times (n,), seconds, of closely spaced frames.
        asset: The same of stored frames.

    Returns:
        Segments of the picture that do not overlap in the copy. An end that lies within one stored frame of
        an end of the copy, or of another segment, reaches it: at the frame of the greatest change between
        two segments.
    """
    found: list[Segment] = []
    free = np.ones(len(copy[1]), np.bool_)
    for _ in range(PASSES):
        if int(free.sum()) < MIN_LEFT or not len(asset[1]):
            break
        placed = timeline.align_frames(*asset, copy[0][free], copy[1][free], stills=False)
        turned = [one for each in placed if (one := _turned(each, copy[1][free])) is not None]
        before = len(found)
        # Stored frames after the end of an excerpt still resemble its last frame: the longest has the say.
        for one in sorted(turned, key=lambda one: -one.copy.length_s):
            if _mostly_free(one.copy, copy[1], free):
                found.append(one)
                free &= (copy[1] < one.copy.start_s) | (copy[1] > one.copy.end_s)
        if len(found) == before:
            break
    films = Films.of(*copy, *asset)
    reaching = _reaching(sorted(found, key=lambda one: one.copy.start_s), copy, _step(asset[1]))
    return [_certain(one, films) for one in reaching]


def _certain(one: Segment, films: Films) -> Segment:
    """Return a segment with how far its place may be off."""
    first, end = np.searchsorted(films.copy_s, [one.copy.start_s, one.copy.end_s]).tolist()
    if end <= first:
        return one
    return replace(one, uncertain_s=uncertain_s(films, Line.of(one), first, end))


def _turned(one: Segment, times: Times) -> Segment | None:
    """Return a segment of the asset in the copy as one of the copy in the asset, as far as the copy goes."""
    start_s, end_s = max(one.asset.start_s, float(times[0])), min(one.asset.end_s, float(times[-1]))
    if end_s <= start_s:
        return None
    back = Line.of(one)
    line = Line(1 / back.speed, -back.offset_s / back.speed)
    usual = math.copysign(1.0, line.speed)
    if abs(line.speed - usual) * (end_s - start_s) < SNAP_S:
        middle = (start_s + end_s) / 2
        line = Line(usual, line.at(middle) - usual * middle)
    return line.segment(one.channel, Span(start_s, end_s), one.strength)


def _mostly_free(span: Span, times: Times, free: NDArray[np.bool_]) -> bool:
    inside = (times >= span.start_s) & (times <= span.end_s)
    return bool(inside.any()) and float(free[inside].mean()) >= 0.5


def _reaching(ordered: Sequence[Segment], copy: Track, step_s: float) -> Iterator[Segment]:
    """Yield the segments with ends moved to what bounds them, where that is within one stored frame."""
    if not ordered:
        return
    half = _step(copy[1]) / 2
    first, last = float(copy[1][0]), float(copy[1][-1]) + 2 * half
    ends = [(one.copy.start_s, one.copy.end_s) for one in ordered]
    seams = [
        _seam(before[1], after[0], copy, half, step_s / abs(after_one.speed))
        for before, after, after_one in zip(ends, ends[1:], ordered[1:], strict=False)
    ]
    starts = [
        first if ends[0][0] - first <= step_s / abs(ordered[0].speed) else ends[0][0],
        *(b for _, b in seams),
    ]
    stops = [
        *(a for a, _ in seams),
        last if last - ends[-1][1] <= step_s / abs(ordered[-1].speed) else ends[-1][1],
    ]
    for one, start_s, stop_s in zip(ordered, starts, stops, strict=True):
        if stop_s > start_s:
            yield Line.of(one).segment(one.channel, Span(start_s, stop_s), one.strength)


def _seam(end_s: float, start_s: float, copy: Track, half: float, room_s: float) -> tuple[float, float]:
    """Return where one segment ends and the next begins: one moment, where the two are close."""
    if start_s - end_s > 2 * room_s:
        return end_s, start_s
    low, high = sorted((end_s, start_s))
    # One stored frame to both sides: the last one of a stretch may lie after its end and still resemble it.
    first, last = np.searchsorted(copy[1], [low - room_s, high + room_s])
    codes = np.ascontiguousarray(copy[0][first : last + 1]).view(np.uint64)
    if len(codes) < 2:
        return (low + high) / 2, (low + high) / 2
    change = np.bitwise_count(codes[1:] ^ codes[:-1]).sum(axis=1)
    at = float(copy[1][first + int(change.argmax())]) + half
    return at, at


def _step(times: Times) -> float:
    gaps = np.diff(times)
    return float(np.median(gaps)) if len(gaps) else 1.0
