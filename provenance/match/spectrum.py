"""The stored spectrum along an alignment: how far two sounds move together, and exactly where they begin to.

Codes know time to an eighth of a second and seams to about one; the spectrum, twenty rows a second, knows both to
a tenth.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from provenance.errors import FormatError
from provenance.evidence import Channel, Segment, Span
from provenance.fingerprint.sound import MEL_BANDS, MEL_HZ, MEL_RATE, MEL_STEPS_PER_DB
from provenance.match.path import Line

Mel = NDArray[np.uint8]
Levels = NDArray[np.float64]

#: Rows by which the spectra are moved against each other: alignment by codes is good to .12 s, or twice that where
#: the speed of a short stretch is not known.
SHIFTS: Final = tuple(sorted(np.arange(-5, 5.5, 0.5).tolist(), key=abs))
#: Rows of a comparison at least, .6 s.
MIN_ROWS: Final = 12
# Rows by which the ends of a placed segment are turned about its middle, as much as codes leave a speed untold, and
# rows by which it is then moved. Source: docs/measurements.md, clips: ten seconds 3 % too fast agree by .4 before and
# .9 after.
_END_ROWS, _NEAR_ROWS = tuple(np.arange(-5, 5.5, 0.5).tolist()), (0.0, -0.5, 0.5, -1.0, 1.0, -2.0, 2.0)
# Agreement that a part may lose when it is put on its neighbour's line: another phrase loses .3 and more.
_AS_GOOD = 0.05
# Agreement that another speed must add, and seconds that show one.
_WORTH_A_SPEED, _TELLING_S = 0.03, 3.0
# Neighbours whose seam is looked for again: at most this far apart, seconds, and so far beyond on both sides.
_NEAR_S, _BEYOND_S = 4.0, 2.0
# Seconds from an end of the copy within which there is no seam to look for.
_SURE_S = 0.3
# What a row on no line costs at a seam, in residuals of rows on theirs: other sound has 3 to 8 (measured).
_FOREIGN = 2.0
# Residual that a row on its line has at least, dB; clean copies at normal speed have 1 to 2.
_LEAST_DB = 1.0
# A word that may have been put in beside an uncovered end, seconds.
_WORD_S = 1.3
# An uncovered end, seconds, whose place is looked for near the place of its neighbour, within so many seconds; the
# agreement it needs is out of reach of other words in the same voice.
_END_S, _AROUND_S, _END_AGREEMENT = (0.7, 7.0), 4.0, 0.7


def placed(copy_mel: Mel, ref_mel: Mel, segment: Segment) -> tuple[Segment, float]:
    """Return a segment put where the spectra agree most, and how far they do.

    A segment too short for the codes to tell its speed is tried at normal speed and at that which would explain its
    pitch.

    Args:
        copy_mel: uint8, shape (n, 32), of :func:`provenance.fingerprint.sound.log_mel`.
        ref_mel: uint8, shape (m, 32), of the registered sound.
        segment: The alignment, from codes or from the picture.

    Returns:
        The segment, moved by at most a quarter of a second at its middle; the correlation, 0..1, of what is left of
        the levels after each row's and each band's mean, 0 where there is less than .6 s to compare or either side
        does not move.

    Raises:
        FormatError: A shape or type is another.
    """
    check(copy_mel, ref_mel)
    line = Line.of(segment)
    centre_s = (segment.copy.start_s + segment.copy.end_s) / 2
    best, most = segment, 0.0
    for speed in dict.fromkeys(
        (line.speed, 1.0, 2 ** (segment.pitch / 12)) if segment.pitch else (line.speed,)
    ):
        turned = Line(speed, line.at(centre_s) - speed * centre_s)
        shift, agreement = _best_shift(copy_mel, ref_mel, _along(segment, turned, segment.copy))
        if agreement > most:
            moved = Line(speed, turned.offset_s + shift / MEL_RATE)
            best, most = _along(segment, moved, segment.copy), agreement
    return _turned(copy_mel, ref_mel, best, most)


def _turned(copy_mel: Mel, ref_mel: Mel, segment: Segment, most: float) -> tuple[Segment, float]:
    """Return a placed segment at the speed at which the spectra agree most, if it is worth one."""
    line, length_s = Line.of(segment), segment.copy.length_s
    centre_s = (segment.copy.start_s + segment.copy.end_s) / 2
    best, least = segment, most + _WORTH_A_SPEED
    for rows in _END_ROWS if length_s >= _TELLING_S else ():
        speed = line.speed + 2 * rows / MEL_RATE / length_s
        turned = _along(segment, Line(speed, line.at(centre_s) - speed * centre_s), segment.copy)
        shift, agreement = _best_shift(copy_mel, ref_mel, turned, _NEAR_ROWS)
        if agreement > max(most, least):
            at = Line.of(turned)
            best, most = _along(segment, Line(speed, at.offset_s + shift / MEL_RATE), segment.copy), agreement
    return best, most


def settled(copy_mel: Mel, ref_mel: Mel, segments: Sequence[Segment]) -> list[Segment]:
    """Return placed segments with the seams between neighbours, and uncovered ends, found by the spectrum.

    Args:
        copy_mel: uint8, shape (n, 32).
        ref_mel: uint8, shape (m, 32).
        segments: Segments of the sound, in order of the copy, each :func:`placed`.

    Raises:
        FormatError: A shape or type is another.
    """
    check(copy_mel, ref_mel)
    plain = _plain(copy_mel, ref_mel, segments)
    found = _with_ends(copy_mel, ref_mel, [_trimmed(copy_mel, ref_mel, one) for one in plain])
    for number in range(len(found) - 1):
        found[number : number + 2] = _seam(copy_mel, ref_mel, *found[number : number + 2])
    return found


def check(*spectra: Mel) -> None:
    """Raise FormatError unless every spectrum is uint8 of shape (n, 32)."""
    for mel in spectra:
        if mel.ndim != 2 or mel.shape[1] != MEL_BANDS or mel.dtype != np.uint8:
            raise FormatError(
                f"expected uint8 levels of shape (n, {MEL_BANDS}), found {mel.dtype} {mel.shape}"
            )


def grid(copy_mel: Mel, ref_mel: Mel, span: Span, line: Line) -> tuple[NDArray[np.intp], Levels]:
    """Return the copy's rows within a span that the asset has too, and their places in its rows."""
    first, last = max(0, int(np.ceil(span.start_s * MEL_RATE))), int(span.end_s * MEL_RATE)
    rows = np.arange(first, min(last + 1, len(copy_mel)))
    places = line.along(rows / MEL_RATE) * MEL_RATE
    inside = (places >= 0) & (places <= len(ref_mel) - 1)
    return rows[inside], places[inside]


def levels(mel: Mel, places: Levels) -> Levels:
    """Return the levels, dB above the stored floor, at places between rows."""
    places = np.clip(places, 0, len(mel) - 1)
    low = np.floor(places).astype(np.intp)
    share = (places - low)[:, None]
    between = mel[low] * (1 - share) + mel[np.minimum(low + 1, len(mel) - 1)] * share
    return np.asarray(between / MEL_STEPS_PER_DB, np.float64)


def unpitched(rows: Levels, semitones: float) -> Levels:
    """Return levels of sound that is ``semitones`` too high in the bands it would have at its own pitch."""
    if semitones == 0.0:
        return rows
    there = np.interp(MEL_HZ * 2 ** (semitones / 12), MEL_HZ, np.arange(MEL_BANDS))
    low = np.minimum(there.astype(np.intp), MEL_BANDS - 2)
    share = there - low
    return np.asarray(rows[:, low] * (1 - share) + rows[:, low + 1] * share, np.float64)


def heard(copy_mel: Mel, rows: NDArray[np.intp], segment: Segment) -> Levels:
    """Return the copy's levels at rows of a segment, at the asset's pitch, dB above the stored floor."""
    return unpitched(levels(copy_mel, rows.astype(np.float64)), segment.pitch)


def _best_shift(
    copy_mel: Mel, ref_mel: Mel, segment: Segment, shifts: Sequence[float] = SHIFTS
) -> tuple[float, float]:
    """Return the shift in rows at which the spectra agree most, and how far they do."""
    rows, places = grid(copy_mel, ref_mel, segment.copy, Line.of(segment))
    if len(rows) < MIN_ROWS:
        return 0.0, 0.0
    a = _centred(heard(copy_mel, rows, segment))
    found = [(shift, _correlation(a, _centred(levels(ref_mel, places + shift)))) for shift in shifts]
    return max(found, key=lambda one: one[1])


def _centred(rows: Levels) -> Levels:
    # Without each row's level, or any two sounds with pauses agree; without each band's, any two of one tone.
    shape = rows - rows.mean(axis=1, keepdims=True)
    return np.asarray(shape - shape.mean(axis=0), np.float64)


def _correlation(a: Levels, b: Levels) -> float:
    norm = float(np.sqrt(np.square(a).sum() * np.square(b).sum()))
    return float((a * b).sum()) / norm if norm > 0 else 0.0


# --- place, seams, ends ----------------------------------------------------------------------------------


def _along(segment: Segment, line: Line, copy: Span) -> Segment:
    return replace(line.segment(Channel.SOUND, copy, segment.strength), pitch=segment.pitch)


def _plain(copy_mel: Mel, ref_mel: Mel, segments: Sequence[Segment]) -> list[Segment]:
    """Return the segments, two as one where one line explains both: what comes twice in the original has two places."""
    found: list[Segment] = []
    for segment in segments:
        found.append(segment)
        while len(found) > 1 and (one := _one_line(copy_mel, ref_mel, *found[-2:])) is not None:
            found[-2:] = [one]
    return found


def _one_line(copy_mel: Mel, ref_mel: Mel, before: Segment, after: Segment) -> Segment | None:
    if before.pitch != after.pitch or after.copy.start_s - before.copy.end_s > _NEAR_S:
        return None
    for other, line in ((before, Line.of(after)), (after, Line.of(before))):
        moved = _along(other, line, other.copy)
        inside = line.at(other.copy.start_s) >= 0 and moved.asset.end_s <= len(ref_mel) / MEL_RATE
        own, there = (_best_shift(copy_mel, ref_mel, one, _NEAR_ROWS)[1] for one in (other, moved))
        if inside and there >= own - _AS_GOOD:
            return _along(other, line, Span(before.copy.start_s, after.copy.end_s))
    return None


def _seam(copy_mel: Mel, ref_mel: Mel, before: Segment, after: Segment) -> tuple[Segment, Segment]:
    """Return two neighbours with their seam where it costs least; rows between them may be on no line."""
    if abs(after.copy.start_s - before.copy.end_s) > _NEAR_S:
        return before, after
    ends = sorted((before.copy.end_s, after.copy.start_s))
    start_s = max(before.copy.start_s, ends[0] - _BEYOND_S)
    span = Span(start_s, min(after.copy.end_s, ends[1] + _BEYOND_S))
    rows = np.arange(int(np.ceil(span.start_s * MEL_RATE)), int(span.end_s * MEL_RATE))
    if len(rows) < MIN_ROWS:
        return before, after
    costs = [_costs(copy_mel, ref_mel, one, rows) for one in (before, after)]
    foreign = max(_foreign(copy_mel, ref_mel, one) for one in (before, after))
    first = np.r_[0.0, np.cumsum(costs[0] - foreign)]
    second = np.r_[0.0, np.cumsum(costs[1] - foreign)]
    second = second[-1] - second
    # The best end of the first part for every beginning of the second one.
    best = np.minimum.accumulate(first)
    begin = int((best + second).argmin())
    end = int(first[: begin + 1].argmin())
    ends_s, begins_s = (float(rows[0] + at) / MEL_RATE for at in (end, begin))
    if not (before.copy.start_s < ends_s <= begins_s < after.copy.end_s):
        return before, after
    return (
        _along(before, Line.of(before), Span(before.copy.start_s, ends_s)),
        _along(after, Line.of(after), Span(begins_s, after.copy.end_s)),
    )


def _trimmed(copy_mel: Mel, ref_mel: Mel, segment: Segment) -> Segment:
    """Return a segment that ends where other sound begins, up to two seconds before or after its codes do."""
    own_s, length_s = segment.copy, len(copy_mel) / MEL_RATE
    start_s = max(0.0, own_s.start_s - _BEYOND_S) if own_s.start_s > _SURE_S else own_s.start_s
    end_s = min(length_s, own_s.end_s + _BEYOND_S) if own_s.end_s < length_s - _SURE_S else own_s.end_s
    rows = np.arange(int(np.ceil(start_s * MEL_RATE)), int(end_s * MEL_RATE))
    count = round(2 * _BEYOND_S * MEL_RATE)
    if len(rows) < 2 * count or (start_s, end_s) == (own_s.start_s, own_s.end_s):
        return segment
    costs = _costs(copy_mel, ref_mel, segment, rows)
    sums = np.r_[0.0, np.cumsum(costs - _FOREIGN * max(_LEAST_DB, float(np.percentile(costs, 50))))]
    if start_s < own_s.start_s:
        start_s = float(rows[0] + sums[:count].argmax()) / MEL_RATE
    if end_s > own_s.end_s:
        end_s = float(rows[0] + len(sums) - count + sums[-count:].argmin()) / MEL_RATE
    return _along(segment, Line.of(segment), Span(start_s, end_s))


def _foreign(copy_mel: Mel, ref_mel: Mel, segment: Segment) -> float:
    """Return the cost of a row, dB, above which it is not the segment's."""
    rows, _ = grid(copy_mel, ref_mel, segment.copy, Line.of(segment))
    return _FOREIGN * max(_LEAST_DB, float(np.median(_costs(copy_mel, ref_mel, segment, rows))))


def _costs(copy_mel: Mel, ref_mel: Mel, segment: Segment, rows: NDArray[np.intp]) -> Levels:
    """Return by how many dB each row differs along the segment's line, after its tone and each row's level."""
    line = Line.of(segment)
    own, places = grid(copy_mel, ref_mel, segment.copy, line)
    tone = np.median(heard(copy_mel, own, segment) - levels(ref_mel, places), axis=0)
    there = line.along(rows / MEL_RATE) * MEL_RATE
    off = heard(copy_mel, rows, segment) - levels(ref_mel, there) - tone
    off -= np.median(off, axis=1, keepdims=True)
    cost = np.abs(off).mean(axis=1)
    inside = (there >= 0) & (there <= len(ref_mel) - 1)
    return np.asarray(np.where(inside, cost, cost.max(initial=0.0) + 10.0), np.float64)


def _with_ends(copy_mel: Mel, ref_mel: Mel, segments: list[Segment]) -> list[Segment]:
    """Return the segments with what the codes were too long for at both ends, where its place is near."""
    if not segments:
        return segments
    found = list(segments)
    found[:1] = _with_start(copy_mel, ref_mel, found[0])
    found[-1:] = _with_finish(copy_mel, ref_mel, found[-1])
    return found


def _with_start(copy_mel: Mel, ref_mel: Mel, segment: Segment) -> list[Segment]:
    begins_s = segment.copy.start_s
    if begins_s <= _SURE_S:
        begins_s += _foreign_rows(copy_mel, ref_mel, segment)[0] / MEL_RATE
    end = _end(copy_mel, ref_mel, Span(0.0, begins_s), segment)
    if not end:
        return [segment]
    return _joined(*end, _along(segment, Line.of(segment), Span(begins_s, segment.copy.end_s)))


def _with_finish(copy_mel: Mel, ref_mel: Mel, segment: Segment) -> list[Segment]:
    length_s, ends_s = len(copy_mel) / MEL_RATE, segment.copy.end_s
    if ends_s >= length_s - _SURE_S:
        ends_s -= _foreign_rows(copy_mel, ref_mel, segment)[1] / MEL_RATE
    end = _end(copy_mel, ref_mel, Span(ends_s, length_s), segment)
    if not end:
        return [segment]
    return _joined(_along(segment, Line.of(segment), Span(segment.copy.start_s, ends_s)), *end)


def _foreign_rows(copy_mel: Mel, ref_mel: Mel, segment: Segment) -> tuple[int, int]:
    """Return how many rows at the start and at the end of a segment are rather not its own: fewer than half."""
    rows, _ = grid(copy_mel, ref_mel, segment.copy, Line.of(segment))
    if len(rows) < MIN_ROWS:
        return 0, 0
    over = _costs(copy_mel, ref_mel, segment, rows) - _foreign(copy_mel, ref_mel, segment)
    first, last = (np.r_[0.0, np.cumsum(one[: len(rows) // 2])] for one in (over, over[::-1]))
    return int(first.argmax()), int(last.argmax())


def _end(copy_mel: Mel, ref_mel: Mel, gap: Span, neighbour: Segment) -> list[Segment]:
    """Return the segment of an uncovered end, as a list of one, or an empty one."""
    if not _END_S[0] <= gap.length_s <= _END_S[1]:
        return []
    # What lies next to the neighbour may be a word put in; the seam between both is found afterwards.
    aside_s = min(_WORD_S, gap.length_s - _END_S[0])
    first = gap.start_s == 0.0
    gap = Span(0.0, gap.end_s - aside_s) if first else Span(gap.start_s + aside_s, gap.end_s)
    line = Line.of(neighbour)
    lines = [Line(line.speed, line.offset_s + off) for off in np.arange(-_AROUND_S, _AROUND_S, 1 / MEL_RATE)]
    tried = [_along(neighbour, one, gap) for one in lines if one.at(gap.start_s) >= 0]
    rated = [(_best_shift(copy_mel, ref_mel, one, (0.0,))[1], number) for number, one in enumerate(tried)]
    agreement, number = max(rated, default=(0.0, 0))
    return [tried[number]] if agreement >= _END_AGREEMENT else []


def _joined(*parts: Segment) -> list[Segment]:
    """Return two neighbours as one where they lie on one line; a single one as it is."""
    first, last = parts[0], parts[-1]
    if len(parts) == 1 or abs(Line.of(first).offset_s - Line.of(last).offset_s) > 2 / MEL_RATE:
        return list(parts)
    longer = max(parts, key=lambda one: one.copy.length_s)
    return [_along(longer, Line.of(longer), Span(first.copy.start_s, last.copy.end_s))]
