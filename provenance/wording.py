"""Times, segments, edits and differences in words, for every report alike."""

from __future__ import annotations

from collections.abc import Iterable

from provenance.comparison import Channel, Comparison, Difference, DifferenceKind, Edit, Segment, Span
from provenance.splices import left_out
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
    Edit.EXTENDED: "that was not found in the original stands beside it",
}
_FOREIGN = {
    Edit.OTHER_SOUND: (DifferenceKind.SOUND_REPLACED,),
    Edit.OTHER_PICTURE: (DifferenceKind.PICTURE_REPLACED,),
    Edit.EXTENDED: (DifferenceKind.PICTURE_FOREIGN, DifferenceKind.SOUND_FOREIGN),
}
#: Seconds of the original below which something put in is said to stand at one moment of it.
MIN_STOOD_FOR_S = 0.5
_PUT_IN = (DifferenceKind.PICTURE_INSERTED, DifferenceKind.SOUND_INSERTED, DifferenceKind.SOUND_SILENCE)
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
    DifferenceKind.PICTURE_DIFFERS: "shows another picture than the original",
    DifferenceKind.PICTURE_MIRRORED: "is mirrored against the rest of the copy",
    DifferenceKind.PICTURE_INSERTED: "shows an inserted picture that is not the original's",
    DifferenceKind.PICTURE_FOREIGN: "was not found in the original",
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
    """Return an edit in words: of shifted sound by how much, of a foreign track when, of a cut what is missing."""
    if edit is Edit.SOUND_SHIFTED:
        return f"{_EDIT_TEXT[edit]}{shift_text(segments)}"
    if edit is Edit.CUT:
        missing = [span_text(one) for one in _missing(segments)]
        return f"{_EDIT_TEXT[edit]}: {' and '.join(missing)}" if missing else _EDIT_TEXT[edit]
    found = comparison.differences
    foreign = [one for one in found if one.span and one.kind in _FOREIGN.get(edit, ())]
    text = _EDIT_TEXT[edit]
    if edit is Edit.EXTENDED:
        nouns = [one.value for one in Channel if any(other.channel is one for other in foreign)]
        text = f"{nouns[0] if len(nouns) == 1 else 'material'} {text}"
    # Both tracks of an end card begin and end together but for the errors of their seams: one of them is named.
    spans = list[Span]()
    for one in foreign:
        if one.span and not any(_one_stretch(one.span, other) for other in spans):
            spans.append(one.span)
    return f"{text} from {' and '.join(span_text(one) for one in spans)}" if spans else text


def _one_stretch(one: Span, other: Span) -> bool:
    """Return whether two spans begin and end within a second of each other."""
    return abs(one.start_s - other.start_s) <= 1.0 and abs(one.end_s - other.end_s) <= 1.0


def _missing(segments: Iterable[Segment]) -> list[Span]:
    """Return what the picture leaves out of the original, or the sound where the picture leaves nothing out."""
    every = list(segments)
    for channel in Channel:
        if found := left_out(one for one in every if one.channel is channel):
            return found
    return []


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
    if difference.kind is DifferenceKind.SOUND_FOREIGN:  # or the time would seem to be the original's
        return f"{what}{when} {_DIFFERENCE_TEXT[difference.kind]}"
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
