"""How genuine parts were put together: cuts, order, speed, foreign picture or sound."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final

from provenance.evidence import Channel, Comparison, Difference, DifferenceKind, Edit, Match, Segment, Span
from provenance.splices import gone_back, left_out
from provenance.synchrony import sound_shift_s

#: Change of speed that counts: conversion from 24 to 25 pictures a second (4 %) does, resampling does not.
SPEED_SHARE: Final = 0.02
#: Seconds by which a change of speed must move one end of its part against the other to be seen at all.
SPEED_S: Final = 0.35
#: Shortest part of another registered film that counts as joined, seconds.
JOINED_S: Final = 1.0


def classify_edits(
    picture: Sequence[Segment] | None,
    sound: Sequence[Segment] | None,
    differences: Sequence[Difference] = (),
) -> tuple[Edit, ...]:
    """Return how the copy was put together from the asset; one excerpt at its own speed is no edit.

    A part that comes twice counts as another order. What surrounds the picture is an edit only where it was told as
    foreign: a film that quotes another one has not edited it. Sound beside the original's is one: a sentence put
    before or after a speech passes for a part of it.

    Args:
        picture: Segments of the picture; None where copy or asset has none that can be compared, empty where
            both have one and share nothing.
        sound: Segments of the sound, likewise.
        differences: Differences found along the segments; replaced picture or sound is an edit.

    Returns:
        Each edit once, in the order of :class:`provenance.evidence.Edit`.
    """
    found: set[Edit] = set()
    for segments in (picture or (), sound or ()):
        found |= _order(segments)
    if picture and sound is not None and not sound:
        found.add(Edit.OTHER_SOUND)
    if sound and picture is not None and not picture:
        found.add(Edit.OTHER_PICTURE)
    kinds = {difference.kind for difference in differences}
    if DifferenceKind.SOUND_REPLACED in kinds:
        found.add(Edit.OTHER_SOUND)
    if DifferenceKind.PICTURE_REPLACED in kinds:
        found.add(Edit.OTHER_PICTURE)
    if kinds & {DifferenceKind.SOUND_FOREIGN, DifferenceKind.PICTURE_FOREIGN}:
        found.add(Edit.EXTENDED)
    if sound_shift_s((*(picture or ()), *(sound or ()))) is not None:
        found.add(Edit.SOUND_SHIFTED)
    return tuple(edit for edit in Edit if edit in found)


def _order(segments: Sequence[Segment]) -> set[Edit]:
    """Return cuts, changes of order, direction and speed among the segments of one channel."""
    found = {Edit.CUT} if left_out(segments) else set()
    if gone_back(segments):
        found.add(Edit.REORDERED)
    for one in segments:
        found |= _pace(one)
    return found


def _pace(one: Segment) -> set[Edit]:
    """Return what a segment's speed is, where it is not the original's; 0 is a frame that stands still."""
    if not one.speed:
        return {Edit.FROZEN} if one.copy.length_s > SPEED_S else set()
    found = {Edit.BACKWARDS} if one.speed < 0 else set()
    off = abs(abs(one.speed) - 1)
    return found | ({Edit.SPEED} if off > SPEED_SHARE and off * one.copy.length_s > SPEED_S else set())


def re_edited(
    before: Sequence[Edit], segments: Sequence[Segment], differences: Sequence[Difference]
) -> tuple[Edit, ...]:
    """Return the edits of a copy whose segments or differences were put right after they were classified.

    Args:
        before: What was found before; a whole track that is not the original's stays so.
        segments: All segments.
        differences: All differences.
    """
    picture, sound = ([one for one in segments if one.channel is channel] or None for channel in Channel)
    found = {*classify_edits(picture, sound, differences)}
    found |= {one for one in before if one in (Edit.OTHER_SOUND, Edit.OTHER_PICTURE, Edit.JOINED)}
    return tuple(edit for edit in Edit if edit in found)


def with_joins(matches: Sequence[Match]) -> list[Match]:
    """Return the matches of one copy; those that stand for different stretches of its picture are joined.

    What is another registered asset's picture is not foreign to the copy.

    Two assets that show the same stretch (a clip and the film it is from) are alternatives, not joined.

    Args:
        matches: All matches of one copy; only confirmed ones count.
    """
    joined: list[Match] = []
    for one in matches:
        others = [other for other in matches if other is not one and other.confirmed]
        if one.confirmed and isinstance(one.comparison, Comparison) and any(_beside(one, o) for o in others):
            known = [span for other in others if _beside(one, other) for span in _spans(other)]
            joined.append(_joined(one, one.comparison, known))
        else:
            joined.append(one)
    return joined


def _joined(one: Match, comparison: Comparison, known: Sequence[Span]) -> Match:
    differences = tuple(
        other for other in comparison.differences if not (other.kind in _FOREIGN and _explained(other, known))
    )
    segments = one.alignment.segments if one.alignment is not None else ()
    edits = re_edited((*comparison.edits, Edit.JOINED), segments, differences)
    return replace(one, comparison=replace(comparison, differences=differences, edits=edits))


_FOREIGN: Final = (DifferenceKind.PICTURE_FOREIGN, DifferenceKind.PICTURE_INSERTED)


def _explained(difference: Difference, known: Sequence[Span]) -> bool:
    """Return whether half of a difference and more lies in some of the given spans."""
    span = difference.span
    if span is None:
        return False
    shared = sum(max(0.0, overlap(span, other).length_s) for other in known)
    return shared >= span.length_s / 2


def _beside(one: Match, other: Match) -> bool:
    """Return whether each has a second and more of the copy's picture, and neither shows what the other does."""
    mine, theirs = _spans(one), _spans(other)
    least = min(sum(span.length_s for span in mine), sum(span.length_s for span in theirs))
    shared = sum(max(0.0, overlap(a, b).length_s) for a in mine for b in theirs)
    return least >= JOINED_S and shared <= least / 10


def _spans(match: Match) -> list[Span]:
    segments = match.alignment.segments if match.alignment is not None else ()
    return [one.copy for one in segments if one.channel is Channel.PICTURE]


# --- spans -----------------------------------------------------------------------------------------------


def mid(span: Span) -> float:
    """Return the middle of a span, seconds."""
    return (span.start_s + span.end_s) / 2


def overlap(a: Span, b: Span) -> Span:
    """Return what two spans share; of length 0 or below where that is nothing."""
    return Span(max(a.start_s, b.start_s), min(a.end_s, b.end_s))


def uncovered(spans: Iterable[Span], duration_s: float) -> tuple[Span, ...]:
    """Return the stretches of ``0..duration_s`` that no span covers, in order."""
    gaps: list[Span] = []
    reached = 0.0
    for span in sorted(spans, key=lambda one: one.start_s):
        if span.start_s > reached:
            gaps.append(Span(reached, min(span.start_s, duration_s)))
        reached = max(reached, span.end_s)
    if reached < duration_s:
        gaps.append(Span(reached, duration_s))
    return tuple(gap for gap in gaps if gap.length_s > 0)


def share_covered(spans: Iterable[Span], duration_s: float) -> float:
    """Return which share of ``0..duration_s`` the spans cover, 0..1; 0 for a duration of 0."""
    if duration_s <= 0:
        return 0.0
    return 1.0 - sum(gap.length_s for gap in uncovered(spans, duration_s)) / duration_s
