"""What lies between neighbouring parts of a copy: seconds of the original left out, or gone back over."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from typing import Final

from provenance.comparison import Channel, Segment, Span

#: Asset seconds left out or gone back between two neighbouring parts before they count as a cut or a change
#: of order. Source: docs/measurements.md, clips: seams are known to .25 s in picture and .1 s in sound, and two
#: seams bound each step.
STEP_S: Final = {Channel.PICTURE: 0.6, Channel.SOUND: 0.4}


def left_out(segments: Iterable[Segment]) -> list[Span]:
    """Return the stretches of the asset that parts of one channel skip, in order of the copy.

    Foreign material between two parts may stand for as much of the asset as it is long.
    """
    found: list[Span] = []
    ordered = sorted(segments, key=lambda one: one.copy.start_s)
    for before, after in pairwise(ordered):
        stood_for = max(0.0, after.copy.start_s - before.copy.end_s) * before.speed
        left, entered = last_s(before), first_s(after)
        if entered - left - stood_for > STEP_S[before.channel]:
            found.append(Span(left, entered))
    return found


def gone_back(segments: Iterable[Segment]) -> bool:
    """Return whether a part of one channel begins earlier in the asset than the part before it ended."""
    ordered = sorted(segments, key=lambda one: one.copy.start_s)
    return any(
        first_s(after) < last_s(before) - STEP_S[before.channel] for before, after in pairwise(ordered)
    )


def first_s(one: Segment) -> float:
    """Return the asset time that a segment begins with, seconds: the later one where it runs backwards."""
    return one.asset.end_s if one.speed < 0 else one.asset.start_s


def last_s(one: Segment) -> float:
    """Return the asset time that a segment ends with, seconds."""
    return one.asset.start_s if one.speed < 0 else one.asset.end_s
