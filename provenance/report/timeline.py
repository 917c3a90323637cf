"""Timelines: which stretch of the copy is which stretch of the original, as text and as SVG.

The drawing holds numbers and fixed words only; nothing that comes out of a media file gets into it. Differences
are marked by hatching, a number and words as well as by colour.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Final
from xml.sax.saxutils import escape

from provenance.evidence import Channel, Comparison, Difference, DifferenceKind, Evidence, Segment, Span
from provenance.media.asset import Kind
from provenance.wording import clock, place_text, segment_text, span_text

#: What stands for each thing in the lanes of the text form.
AGREES, DIFFERS, UNMATCHED = "=", "x", "."
#: And for original picture that runs backwards, or stands still.
BACKWARDS, STILL = "<", "-"
#: Least width of the text form, columns: shorter lanes show no segments.
MIN_WIDTH: Final = 30

_LANES = {Channel.PICTURE: "picture", Channel.SOUND: "sound"}
_WORDS = {
    DifferenceKind.REPLACED: "picture differs",
    DifferenceKind.REMOVED: "something is missing",
    DifferenceKind.WARPED: "picture is warped",
    DifferenceKind.OVERLAY: "overlay",
    DifferenceKind.SOUND_REPLACED: "another sound",
    DifferenceKind.SOUND_DIFFERS: "sound differs",
    DifferenceKind.SOUND_OVERLAY: "sound added",
    DifferenceKind.SOUND_INSERTED: "inserted sound",
    DifferenceKind.SOUND_FOREIGN: "foreign sound",
    DifferenceKind.SOUND_SILENCE: "inserted silence",
    DifferenceKind.PICTURE_REPLACED: "another picture",
    DifferenceKind.PICTURE_DIFFERS: "another picture",
    DifferenceKind.PICTURE_MIRRORED: "picture is mirrored",
    DifferenceKind.PICTURE_INSERTED: "picture inserted",
    DifferenceKind.PICTURE_FOREIGN: "other picture beside the original's",
}

# Layout of the drawing, user units.
_WIDTH, _LEFT, _RIGHT, _LANE, _BAND, _TICKS, _NOTE = 960, 144, 24, 26, 54, 22, 20
# Ink on a light ground; picture blue, sound teal, differences brick red: told apart by lightness as well, and
# by place, hatching and number without any colour. Contrast of all text on its ground is above 7 to 1.
_INK, _SOFT, _LINE, _GROUND, _EMPTY = "#1b1d21", "#4a4f58", "#b9b6ae", "#ffffff", "#efede8"
_FILL = {Channel.PICTURE: "#c3d5ea", Channel.SOUND: "#c4e3da"}
_EDGE = {Channel.PICTURE: "#1d4e89", Channel.SOUND: "#1c5f4a"}
_DIFFER, _DIFFER_GROUND = "#9c2a1e", "#fbeae6"
_FONT = "system-ui, 'Segoe UI', 'Liberation Sans', 'DejaVu Sans', sans-serif"
# Width of a letter of a segment's name, with room: of its names the first that fits is shown.
_LETTER = 6.6


def timeline_text(
    duration_s: float, segments: Sequence[Segment], differences: Sequence[Difference], width: int = 60
) -> str:
    """Return a timeline as lines of plain ASCII: a lane for each channel, then segments and differences in words.

    Args:
        duration_s: Length of the copy, seconds, above 0.
        segments: Segments of both channels.
        differences: Differences; those without a span are listed, not drawn.
        width: Columns, at least :data:`MIN_WIDTH`; longer sentences are not broken.

    Returns:
        Lines joined by newlines, without one at the end.

    Raises:
        ValueError: ``duration_s`` or ``width`` is out of range.
    """
    _check(duration_s)
    if width < MIN_WIDTH:
        raise ValueError(f"a timeline is at least {MIN_WIDTH} columns wide, not {width}")
    columns = width - 8
    lines = []
    for channel in _channels(segments, differences):
        marks = [UNMATCHED] * columns
        for own in (one for one in segments if one.channel is channel):
            _mark(marks, own.copy, duration_s, _sign(own))
        for one in differences:
            if one.channel is channel and one.span is not None:
                _mark(marks, one.span, duration_s, DIFFERS)
        lines.append(f"{_LANES[channel]:<8}{''.join(marks)}")
    if lines:
        lines.append(" " * 8 + _ruler(duration_s, columns))
        lines.append(f"        {_legend(segments)}")
    lines += [segment_text(one) for one in _ordered(segments)]
    lines += [f"{number}. {_words(one)}" for number, one in enumerate(differences, start=1)]
    return "\n".join(lines)


def timeline_svg(
    duration_s: float,
    segments: Sequence[Segment],
    differences: Sequence[Difference],
    asset_duration_s: float | None = None,
) -> str:
    """Return a timeline as an SVG element: the copy above, the original below, bands between what is the same.

    Args:
        duration_s: Length of the copy, seconds, above 0.
        segments: Segments of both channels.
        differences: Differences; those with a span are hatched and numbered, all are listed.
        asset_duration_s: Length of the original; None to draw it as far as the segments reach.

    Returns:
        An ``svg`` element, 960 units wide, with title and description for screen readers, without style
        sheet, script, or anything to be fetched; it may stand in HTML as it is.

    Raises:
        ValueError: A duration is out of range.
    """
    reach = max(
        [one.asset.end_s for one in segments]
        + [one.asset_span.end_s for one in differences if one.asset_span],
        default=0.0,
    )
    original_s = max(asset_duration_s or 0.0, reach, 1e-3)
    _check(duration_s)
    _check(original_s)
    channels = _channels(segments, differences)
    parts: list[str] = []
    top = 16.0
    for channel in channels:
        parts += _channel(channel, segments, differences, duration_s, original_s, top)
        top += 2 * _LANE + _BAND + 26
    copy_top = top
    parts += _ticks("copy", duration_s, copy_top)
    parts += _ticks("original", original_s, copy_top + _TICKS)
    top = copy_top + 2 * _TICKS + 14
    for number, one in enumerate(differences, start=1):
        parts.append(_badge(number, 22, top + 4))
        parts.append(_text(40, top + 8, _words(one), size=13))
        top += _NOTE
    height = math.ceil(top + 6)
    return _document(height, _description(duration_s, segments, differences), parts)


def evidence_timeline(evidence: Evidence) -> str | None:
    """Return the timeline of a copy beside its best match as an SVG element; None where there is none.

    Pictures have none, and neither has a film or recording of which nothing registered was found. The lanes of
    the copy reach as far as what was placed or differs.
    """
    best = evidence.best
    if evidence.kind is Kind.IMAGE or best is None or best.alignment is None or not best.alignment.segments:
        return None
    segments = best.alignment.segments
    differences = best.comparison.differences if isinstance(best.comparison, Comparison) else ()
    ends = [one.copy.end_s for one in segments] + [
        one.span.end_s for one in differences if one.span is not None
    ]
    return timeline_svg(max(ends), segments, differences, best.record.duration_s)


def _check(duration_s: float) -> None:
    if not (duration_s > 0 and math.isfinite(duration_s)):
        raise ValueError(f"a timeline needs a duration above 0 seconds, not {duration_s}")


def _channels(segments: Sequence[Segment], differences: Sequence[Difference]) -> list[Channel]:
    used = {one.channel for one in segments} | {one.channel for one in differences if one.span is not None}
    return [channel for channel in Channel if channel in used]


def _ordered(segments: Sequence[Segment]) -> list[Segment]:
    return sorted(segments, key=lambda one: (one.channel is not Channel.PICTURE, one.copy.start_s))


def _words(one: Difference) -> str:
    words = _WORDS[one.kind]
    words = words[:1].upper() + words[1:]
    if one.span is not None:
        words += f" in the copy from {span_text(one.span)}"
    return words + place_text(one)


# --- text ------------------------------------------------------------------------------------------------


def _sign(segment: Segment) -> str:
    if not segment.speed:
        return STILL
    return BACKWARDS if segment.speed < 0 else AGREES


def _legend(segments: Sequence[Segment]) -> str:
    """Return what the signs mean; the rare ones only where they stand."""
    odd = {BACKWARDS: "original, backwards", STILL: "original, standing still"}
    used = {_sign(one) for one in segments}
    rare = "".join(f"   {sign} {words}" for sign, words in odd.items() if sign in used)
    return f"{AGREES} original{rare}   {DIFFERS} differs   {UNMATCHED} not found in the original"


def _mark(marks: list[str], span: Span, duration_s: float, sign: str) -> None:
    """Set the columns of a span, at least one, so that nothing is too short to be seen."""
    scale = len(marks) / duration_s
    first = min(max(0, round(span.start_s * scale)), len(marks) - 1)
    end = min(max(first + 1, round(span.end_s * scale)), len(marks))
    marks[first:end] = sign * (end - first)


def _ruler(duration_s: float, columns: int) -> str:
    """Return 0 at the left, the end at the right and the middle where there is room."""
    ends = (clock(0), clock(duration_s / 2), clock(duration_s))
    ruler = list(ends[0].ljust(columns))
    ruler[columns - len(ends[2]) :] = ends[2]
    at = columns // 2
    if at > len(ends[0]) and at + len(ends[1]) < columns - len(ends[2]):
        ruler[at : at + len(ends[1])] = ends[1]
    return "".join(ruler)


# --- drawing ---------------------------------------------------------------------------------------------


def _channel(
    channel: Channel,
    segments: Sequence[Segment],
    differences: Sequence[Difference],
    duration_s: float,
    original_s: float,
    top: float,
) -> Iterator[str]:
    """Yield the two lanes of a channel with its bands, segments and differences."""
    below = top + _LANE + _BAND
    own = [one for one in segments if one.channel is channel]
    for y, name in ((top, f"Copy {_LANES[channel]}"), (below, f"Original {_LANES[channel]}")):
        yield _text(_LEFT - 12, y + 17, name, anchor="end", size=13)
        yield _box(_LEFT, y, _WIDTH - _LEFT - _RIGHT, _EMPTY, _LINE)
    for one in own:
        # Backwards the band crosses over itself.
        first_s, last_s = one.asset.start_s, one.asset.end_s
        entered_s, left_s = (last_s, first_s) if one.speed < 0 else (first_s, last_s)
        corners = (
            (_x(one.copy.start_s, duration_s), top + _LANE),
            (_x(one.copy.end_s, duration_s), top + _LANE),
            (_x(left_s, original_s), below),
            (_x(entered_s, original_s), below),
        )
        points = " ".join(f"{x:.1f},{y:.1f}" for x, y in corners)
        yield f'<polygon points="{points}" fill="{_FILL[channel]}" fill-opacity=".45" stroke="none"/>'
        for (x1, y1), (x2, y2) in ((corners[0], corners[3]), (corners[1], corners[2])):
            yield f'<path d="M{x1:.1f} {y1:.1f}L{x2:.1f} {y2:.1f}" stroke="{_EDGE[channel]}" stroke-opacity=".6"/>'
    for one in own:
        names = [span_text(one.copy)]
        if abs(one.speed - 1) >= 0.02:
            speed = _speed_words(one.speed)
            names = [f"{names[0]}, {speed}", speed]
        yield from _stretch(one.copy, duration_s, top, channel, *names)
        there = [span_text(one.asset)]
        if one.uncertain_s:
            there = [f"{there[0]}, place uncertain", "uncertain", "?"]
        yield from _stretch(one.asset, original_s, below, channel, *there)
    for number, difference in enumerate(differences, start=1):
        if difference.channel is channel and difference.span is not None:
            yield from _difference(number, difference.span, duration_s, top)


def _speed_words(speed: float) -> str:
    """Return a speed other than 1 in words: ``1.25 x speed``, ``backwards``, ``still``."""
    if not speed:
        return "still"
    fast = f"{abs(speed):.2f} x speed" if abs(abs(speed) - 1) >= 0.02 else ""
    return ", ".join(word for word in (fast, "backwards" if speed < 0 else "") if word)


def _x(seconds: float, duration_s: float) -> float:
    return _LEFT + min(max(seconds / duration_s, 0.0), 1.0) * (_WIDTH - _LEFT - _RIGHT)


def _stretch(span: Span, duration_s: float, y: float, channel: Channel, *names: str) -> Iterator[str]:
    x, end = _x(span.start_s, duration_s), _x(span.end_s, duration_s)
    yield _box(x, y, max(end - x, 2.0), _FILL[channel], _EDGE[channel])
    fitting = [name for name in names if end - x >= _LETTER * len(name)]
    if fitting:
        yield _text((x + end) / 2, y + 17, fitting[0], anchor="middle", size=12)


def _difference(number: int, span: Span, duration_s: float, y: float) -> Iterator[str]:
    x, end = _x(span.start_s, duration_s), _x(span.end_s, duration_s)
    # A passage of half a second in an hour is still four units wide.
    width = max(end - x, 4.0)
    yield _box(x, y, width, _DIFFER_GROUND, _DIFFER)
    yield (
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{_LANE}" fill="url(#differs)" '
        f'stroke="{_DIFFER}" stroke-width="1.5"/>'
    )
    yield _badge(number, min(max(x + width / 2, _LEFT + 9), _WIDTH - _RIGHT - 9), y + _LANE / 2)


def _badge(number: int, x: float, y: float) -> str:
    """Return a number in a disc."""
    disc = f'<circle cx="{x:.1f}" cy="{y:.1f}" r="9" fill="{_DIFFER}" stroke="{_GROUND}" stroke-width="1.5"/>'
    return disc + _text(x, y + 4, str(number), anchor="middle", size=11, fill=_GROUND, weight=700)


def _ticks(name: str, duration_s: float, y: float) -> Iterator[str]:
    """Yield a ruler: marks at round times, the lane it belongs to at the left."""
    yield _text(_LEFT - 12, y + 12, f"Time in the {name}", anchor="end", size=12, fill=_SOFT)
    step = _step(duration_s)
    count = math.floor(duration_s / step + 1e-9)
    for i in range(count + 1):
        x = _x(i * step, duration_s)
        anchor = "start" if i == 0 else "end" if x > _WIDTH - _RIGHT - 20 else "middle"
        yield f'<path d="M{x:.1f} {y - 4:.1f}v5" stroke="{_SOFT}"/>'
        yield _text(x, y + 12, clock(i * step), anchor=anchor, size=12, fill=_SOFT)


def _step(duration_s: float) -> float:
    """Return a round step that gives at most ten marks."""
    steps = (0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600)
    return next(
        (float(one) for one in steps if duration_s / one <= 10), math.ceil(duration_s / 36_000) * 3600.0
    )


def _box(x: float, y: float, width: float, fill: str, edge: str) -> str:
    return (
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{_LANE}" rx="2" fill="{fill}" '
        f'stroke="{edge}"/>'
    )


def _text(
    x: float, y: float, words: str, *, anchor: str = "start", size: int, fill: str = _INK, weight: int = 400
) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}" font-weight="{weight}" '
        f'fill="{fill}">{escape(words)}</text>'
    )


def _description(duration_s: float, segments: Sequence[Segment], differences: Sequence[Difference]) -> str:
    """Return the drawing in sentences, for those who do not see it."""
    sentences = [f"The copy is {clock(duration_s)} long."]
    sentences += [segment_text(one) for one in _ordered(segments)]
    sentences += [f"{number}: {_words(one)}." for number, one in enumerate(differences, start=1)]
    return " ".join(sentences)


def _document(height: int, description: str, parts: Sequence[str]) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" width="{_WIDTH}" '
        f'height="{height}" role="img" aria-labelledby="timeline-title timeline-text" font-family="{_FONT}">'
        f'<title id="timeline-title">Copy and original over time</title>'
        f'<desc id="timeline-text">{escape(description)}</desc>'
        '<defs><pattern id="differs" width="7" height="7" patternUnits="userSpaceOnUse" '
        f'patternTransform="rotate(45)"><path d="M0 0V7" stroke="{_DIFFER}" stroke-width="3" '
        'stroke-opacity=".55"/></pattern></defs>'
        f'<rect width="{_WIDTH}" height="{height}" fill="{_GROUND}"/>{"".join(parts)}</svg>'
    )
