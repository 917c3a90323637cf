"""How far the sound of a copy is off the picture it was recorded with."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from provenance.comparison import Channel, Segment, Span

#: Seconds by which sound must be off the picture. Source: half a second is more than both errors (.25 s and
#: .12 s) together.
SHIFT_S: Final = 0.5
#: Shortest overlap, seconds, of a part of sound and a part of picture that are compared for a shift.
OVERLAP_S: Final = 2.0


def sound_shift_s(segments: Iterable[Segment]) -> float | None:
    """Return by how many seconds the sound comes before the picture it belongs to; below 0 where it comes after.

    Args:
        segments: Segments of both channels of one copy and asset; pictures that stand still or run backwards have no
            sound of their own and are left out.

    Returns:
        The greatest shift, in seconds of the copy; None where every part of the picture has sound within
        :data:`SHIFT_S` beneath it, or none of :data:`OVERLAP_S` and more.
    """
    both = [one for one in segments if one.speed > 0]
    sound = [one for one in both if one.channel is Channel.SOUND]
    shifts = []
    for one in both:
        beneath = [(_shared(one.copy, other.copy), other) for other in sound]
        offs = [
            (_at(other, span) - _at(one, span)) / one.speed
            for span, other in beneath
            if one.channel is Channel.PICTURE and span.length_s >= OVERLAP_S
        ]
        # A repeated or cut picture has sound of both sides beneath it; it is shifted only if none fits.
        if offs and abs(least := min(offs, key=abs)) > SHIFT_S:
            shifts.append(least)
    return max(shifts, key=abs, default=None)


def shift_text(segments: Iterable[Segment]) -> str:
    """Return the shift as a clause that follows "the sound is shifted against the picture"; empty for none."""
    shift_s = sound_shift_s(segments)
    if shift_s is None:
        return ""
    return f" by {abs(shift_s):.1f} s and comes {'too early' if shift_s > 0 else 'too late'}"


def _shared(a: Span, b: Span) -> Span:
    return Span(max(a.start_s, b.start_s), min(a.end_s, b.end_s))


def _at(segment: Segment, span: Span) -> float:
    """Return the asset's time at the middle of a span, on the segment's line; its end fixes the line."""
    return segment.asset.end_s + segment.speed * ((span.start_s + span.end_s) / 2 - segment.copy.end_s)
