"""Times, segments, edits and differences in words, for every report alike."""

from __future__ import annotations

from collections.abc import Iterable

from provenance.comparison import Comparison, Difference, DifferenceKind, Edit, Segment, Span
from provenance.synchrony import shift_text

_EDIT_TEXT = {
    Edit.CUT: "parts of the original are left out",
    Edit.REORDERED: "parts of the original are in another order",
    Edit.SPEED: "the speed differs from the original",
    Edit.BACKWARDS: "parts of the original run backwards",
    Edit.FROZEN: "a frame of the original stands still",
    Edit.OTHER_SOUND: "the sound track is not the original's",
    Edit.OTHER_PICTURE: "the picture is not the original's",
    Edit.SOUND_SHIFTED: "the sound is shifted against the picture",
    Edit.JOINED: "they are joined with parts of another registered asset",
    Edit.EXTENDED: "sound that was not found in the original stands beside it",
}
_FOREIGN = {
    Edit.OTHER_SOUND: DifferenceKind.SOUND_REPLACED,
    Edit.OTHER_PICTURE: DifferenceKind.PICTURE_REPLACED,
    Edit.EXTENDED: DifferenceKind.SOUND_FOREIGN,
}
#: Seconds of the original below which something put in is said to stand at one moment of it.
MIN_STOOD_FOR_S = 0.5
_PUT_IN = (DifferenceKind.SOUND_INSERTED, DifferenceKind.SOUND_SILENCE)
_DIFFERENCE_TEXT = {
    DifferenceKind.REPLACED: "differs from the original",
    DifferenceKind.REMOVED: "is missing something the original shows",
    DifferenceKind.WARPED: "is warped against the original",
    DifferenceKind.OVERLAY: "is covered by an overlay",
    DifferenceKind.SOUND_REPLACED: "carries another sound than the original",
    DifferenceKind.SOUND_DIFFERS: "sounds different from the original",
    DifferenceKind.SOUND_OVERLAY: "has music, noise or an echo added to the original's",
    DifferenceKind.SOUND_INSERTED: "has something put in that the original does not have there",
    DifferenceKind.SOUND_FOREIGN: "was not found in the original",
    DifferenceKind.SOUND_SILENCE: "has silence put in",
    DifferenceKind.PICTURE_REPLACED: "shows another picture than the original",
}


def clock(seconds: float) -> str:
    """Return media time as ``m:ss.s`` or ``h:mm:ss.s``."""
    tenths = round(max(seconds, 0.0) * 10)
    whole, tenth = divmod(tenths, 10)
    minutes, second = divmod(whole, 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02d}:{second:02d}.{tenth}" if hours else f"{minutes}:{second:02d}.{tenth}"


def span_text(span: Span) -> str:
    """Return a span as ``0:12.4 to 0:19.0``."""
    return f"{clock(span.start_s)} to {clock(span.end_s)}"


def edit_text(edit: Edit, comparison: Comparison, segments: Iterable[Segment]) -> str:
    """Return an edit in words: of shifted sound by how much, of a foreign track when."""
    if edit is Edit.SOUND_SHIFTED:
        return f"{_EDIT_TEXT[edit]}{shift_text(segments)}"
    found = comparison.differences
    spans = [span_text(one.span) for one in found if one.span and one.kind is _FOREIGN.get(edit)]
    return f"{_EDIT_TEXT[edit]} from {' and '.join(spans)}" if spans else _EDIT_TEXT[edit]


def segment_text(segment: Segment) -> str:
    """Return a segment in words: where in the copy, where in the original, at which speed."""
    noun = segment.channel.value.capitalize()
    if not segment.speed:
        return _still_text(segment, noun)
    speed = f" at {abs(segment.speed):.2f} x speed" if abs(abs(segment.speed) - 1) >= 0.02 else ""
    way = ", backwards" if segment.speed < 0 else ""
    doubt = uncertain_text(segment)
    return (
        f"{noun} {span_text(segment.copy)} is {span_text(segment.asset)} of the original{speed}{way}{doubt}."
    )


def uncertain_text(segment: Segment) -> str:
    """Return a clause that says how sure the place of a segment is; empty where only one fits."""
    if not segment.uncertain_s:
        return ""
    return f"; the place is uncertain, for moments up to {segment.uncertain_s:.1f} s away look the same"


def _still_text(segment: Segment, noun: str) -> str:
    """Return a segment of speed 0 in words; a picture has no time, so all its segments are at 0 in it."""
    if not segment.asset.end_s:
        return f"{noun} {span_text(segment.copy)} shows the original picture."
    moment = f"the frame at {clock(segment.asset.start_s)} of the original"
    if not segment.copy.length_s:
        return f"The picture is {moment}."
    return f"{noun} {span_text(segment.copy)} stands still at {moment}{uncertain_text(segment)}."


def difference_text(difference: Difference) -> str:
    """Return a difference in words: which region, when, and what it looks like."""
    what = _what(difference)
    when = f" from {span_text(difference.span)}" if difference.span is not None else ""
    return f"{what} {_DIFFERENCE_TEXT[difference.kind]}{when}{place_text(difference)}"


def place_text(difference: Difference) -> str:
    """Return where in the original a difference lies, in brackets after a blank; empty where it is not told."""
    there = difference.asset_span
    if there is None:
        return ""
    # A seam is known to a tenth of a second or two: what was put in there stands for nothing.
    if difference.kind in _PUT_IN and there.length_s < MIN_STOOD_FOR_S:
        return f" (at {clock(there.start_s)} of the original)"
    return f" (original {span_text(there)})"


def region_text(difference: Difference) -> str:
    """Return where a difference is, and when: ``a region at 25%, 85% (size 54% by 12%) from 0:12.4 to 0:19.0``."""
    when = f" from {span_text(difference.span)}" if difference.span is not None else ""
    return f"{_what(difference)}{when}"


def _what(difference: Difference) -> str:
    if difference.box is None:
        return f"the {difference.channel.value}"
    box = difference.box
    noun = "the face" if difference.face else "a region"
    return f"{noun} at {box.x:.0%}, {box.y:.0%} (size {box.w:.0%} by {box.h:.0%})"
