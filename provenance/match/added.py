"""Sound of a copy that the original does not have: put in between its parts, or standing before and after them.

Two parts that adjoin in the original but not in the copy show by their places alone that something was put in
between. What lies there must besides be unlike the original along the lines of both parts, or it is genuine sound
that the codes missed; and it must be louder than the pauses of the recording, or it is a pause.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final

import numpy as np

from provenance.evidence import Channel, Difference, DifferenceKind, Segment, Span
from provenance.fingerprint.sound import MEL_RATE, SILENCE_DB
from provenance.match.edits import overlap, uncovered
from provenance.match.path import Line
from provenance.match.spectrum import MIN_ROWS, Levels, Mel, grid, heard, levels, placed
from provenance.match.takes import loud_difference
from provenance.wording import span_text

#: Deviations that a stretch has which is known by its seams: how far it is off was not measured beyond the limit.
#: Source: docs/measurements.md, sound.
BY_SEAMS: Final = 5.2
#: Seconds by which the seams of clean copies are off: parts put further apart than that show it by their places alone.
#: Source: docs/measurements.md, clips: sound is placed within .05 s, and two seams bound a gap.
SEAM_SPREAD_S: Final = 0.1
#: Shortest stretch put between two parts that nearly follow on each other in the original, seconds.
MIN_INSERTED_S: Final = 0.25
#: Seconds of the original that may lie between, or be told twice, around something short put in.
SEAM_S: Final = 0.5
#: Shortest stretch of foreign sound under genuine picture, or between genuine parts, that is told, seconds.
MIN_FOREIGN_S: Final = 2.0
#: Seconds by which the lines on both sides of a long gap may be apart and still be one; beyond, the gap is longer or
#: shorter than what it stands for.
ONE_LINE_S: Final = 1.0
#: Longest stretch between two adjoining parts that is a difference of the recording however short these are, seconds: a
#: sentence or a few. A longer one, longer than both parts, makes them quotations in something else.
SENTENCES_S: Final = 15.0
#: Shortest sound before the beginning or after the end of the original that is told, seconds: a word. Codecs add .1 s.
MIN_OUTSIDE_S: Final = 0.7
#: Shortest pause put in that is told, seconds.
MIN_PAUSE_S: Final = 1.0
#: Agreement up to which a stretch is other sound. Source: docs/measurements.md, sound: unrelated stretches of 5 s
#: exceed .5 in one of 1,000, genuine ones with noise at 10 dB have .54 and more.
FOREIGN_AGREEMENT: Final = 0.5
#: Share of the original's levels that must stand out of the copy's noise before other sound there says anything.
#: Source: docs/measurements.md, sound: under noise at 10 dB, quiet intros of music have 0, speech .27 and more.
STANDS_OUT: Final = 0.15
#: Mean difference of loud levels, dB, from which a stretch is other sound too. Source: the same: genuine stretches
#: have at most 3.0 (echo), words spoken by another voice 4.3 and more.
FOREIGN_DB: Final = 3.6
#: Agreement of clean copies, mean and standard deviation. Source: the same.
CLEAN_AGREEMENT: Final = 0.85
CLEAN_AGREEMENT_SPREAD: Final = 0.13

# Stored dB under which a moment is silent.
_SILENT = SILENCE_DB + 100
# dB above the quiet tenth of the recording up to which sound is one of its pauses, and dB that pauses lie under its
# loud tenth at least.
_PAUSE_DB, _UNDER_LOUD_DB = 6.0, 25.0
# dB above the quiet tenth of a band from which sound stands out of it.
_OVER_NOISE_DB = 6.0
# Most rows at either end of a gap that may hold sound of its neighbours, for seams are some tenths of a second off.
_EDGE = 8


@dataclass(frozen=True, slots=True, eq=False)
class Sounds:
    """The spectra of copy and original, uint8 (n, 32), and the length of the copy, seconds."""

    copy: Mel
    ref: Mel
    duration_s: float

    def off(self, span: Span, part: Segment) -> float | None:
        """Return by how many deviations of clean copies a stretch is other sound than the original on a part's line.

        None where it may be the original's. Beyond the ends of the original everything is other sound.
        """
        put, agreement = placed(self.copy, self.ref, along(part, span))
        # The same words in another voice at the same times may agree by more, but not in their levels.
        if agreement > FOREIGN_AGREEMENT and loud_difference(self.copy, self.ref, put) < FOREIGN_DB:
            return None
        return round(max(0.0, CLEAN_AGREEMENT - agreement) / CLEAN_AGREEMENT_SPREAD, 1)

    def standing_out(self, span: Span, part: Segment) -> float:
        """Return which share of the original, 0..1, would stand out of the copy's noise on a part's line.

        What the original has there is taken to be as loud in the copy, band by band, as it is during the part.
        """
        rows, places = grid(self.copy, self.ref, part.copy, Line.of(part))
        own = heard(self.copy, rows, part)
        tone = np.median(own - levels(self.ref, places), axis=0)
        expected = levels(self.ref, grid(self.copy, self.ref, span, Line.of(part))[1]) + tone
        return float((expected > np.percentile(own, 10, axis=0) + _OVER_NOISE_DB).mean())

    def paused(self, span: Span, sound: Sequence[Segment]) -> bool:
        """Return whether the copy is silent during ``span``, or no louder than the pauses of its genuine parts."""
        there = _loudness(self.copy, span)
        edge = min(len(there) // 5, _EDGE)
        there = there[edge : len(there) - edge]
        limit = _pause_limit(self.copy, [one.copy for one in sound])
        return not len(there) or float(np.percentile(there, 90)) <= limit


def _loudness(mel: Mel, span: Span) -> Levels:
    """Return the loudest band of each row of a span, dB above the stored floor."""
    rows = mel[max(0, round(span.start_s * MEL_RATE)) : max(0, round(span.end_s * MEL_RATE))]
    return levels(rows, np.arange(len(rows), dtype=np.float64)).max(axis=1) if len(rows) else np.zeros(0)


def _pause_limit(mel: Mel, spans: Sequence[Span]) -> float:
    """Return the level up to which a row is one of the pauses of the given spans, dB above the stored floor."""
    own = np.concatenate([np.zeros(0), *(_loudness(mel, one) for one in spans)])
    if not len(own):
        return _SILENT
    quiet, loud = np.percentile(own, (10, 90)).tolist()
    return float(max(_SILENT, min(quiet + _PAUSE_DB, loud - _UNDER_LOUD_DB)))


def audible(copy_mel: Mel, ref_mel: Mel, sound: Sequence[Segment]) -> list[Segment]:
    """Return the segments without silence at both ends of the copy where the original has sound.

    Silence before and after an excerpt lies on the line of the excerpt like any other sound, for silence has no
    codes; but whoever fades a recording in or out, or pads it, has replaced nothing.
    """
    found = list(sound)
    copy_limit = _pause_limit(copy_mel, [one.copy for one in sound])
    ref_limit = _pause_limit(ref_mel, [one.asset for one in sound])
    for number, back in ((0, False), (-1, True)) if found else ():
        one = found[number]
        loud = np.flatnonzero((_loudness(copy_mel, one.copy) > copy_limit)[:: -1 if back else 1])
        silent_s = (int(loud[0]) if len(loud) else 0) / MEL_RATE
        start_s, end_s = one.copy.start_s, one.copy.end_s
        silence = Span(end_s - silent_s, end_s) if back else Span(start_s, start_s + silent_s)
        there = _loudness(ref_mel, along(one, silence).asset)
        if len(there) >= MIN_ROWS and float(np.percentile(there, 90)) > ref_limit:
            found[number] = replace(
                along(one, Span(start_s, end_s - silent_s) if back else Span(start_s + silent_s, end_s)),
                strength=one.strength,
            )
    return found


def along(part: Segment, span: Span) -> Segment:
    """Return the segment that another stretch of the copy would be on the line of a part."""
    return replace(Line.of(part).segment(Channel.SOUND, span, 0.0), pitch=part.pitch)


def added(sounds: Sounds, picture: Sequence[Segment], sound: Sequence[Segment]) -> Iterator[Difference]:
    """Yield what stands in the copy between, before and after the parts of its sound that are the original's.

    Args:
        sounds: Both spectra.
        picture: Segments of the picture that run forwards: under them the picture says what should be heard.
        sound: Segments of the sound, in order of the copy.

    Yields:
        ``sound-inserted`` between parts that adjoin in the original, ``sound-differs`` where a few words of the
        original are missing there, ``sound-foreign`` elsewhere, ``sound-silence`` for a pause put in.
    """
    own = _clipped(sounds, sound)
    for before, after in pairwise(own):
        gap = Span(before.copy.end_s, after.copy.start_s)
        if MIN_INSERTED_S <= gap.length_s < MIN_FOREIGN_S:
            yield from _few_words(sounds, before, after, own)
        elif gap.length_s >= MIN_FOREIGN_S:
            yield from _between(sounds, before, after, own, under=_under(gap, picture))
    if own:
        # The sound of a film may end before its picture.
        heard_s = min(sounds.duration_s, len(sounds.copy) / MEL_RATE)
        head, tail = Span(0.0, own[0].copy.start_s), Span(own[-1].copy.end_s, heard_s)
        for gap, neighbour in ((head, own[0]), (tail, own[-1])):
            if gap.length_s >= MIN_OUTSIDE_S and not _under(gap, picture):
                yield from _outside(sounds, gap, neighbour, own)


def unexplained(
    sounds: Sounds, picture: Sequence[Segment], sound: Sequence[Segment], differences: Sequence[Difference]
) -> Iterator[str]:
    """Yield, as clauses, which seconds of the copy were neither compared with the original nor told to differ."""
    told = [one.span for one in differences if one.span is not None and one.channel is Channel.SOUND]
    covered = [*told, *(one.copy for one in picture), *(one.copy for one in sound)]
    for gap in uncovered(covered, sounds.duration_s):
        if gap.length_s < MIN_PAUSE_S:
            continue
        if sounds.paused(gap, sound):
            yield f"sound: {span_text(gap)} of the copy is silent, and was not compared"
        else:
            yield f"sound: {span_text(gap)} of the copy was not found in the original, nor shown to be foreign"


def _clipped(sounds: Sounds, sound: Sequence[Segment]) -> list[Segment]:
    """Return the segments without what lies before the beginning and after the end of the original."""
    end_s = len(sounds.ref) / MEL_RATE
    found: list[Segment] = []
    for one in sound:
        line = Line.of(one)
        first_s, last_s = (line.back(limit_s) for limit_s in (0.0, end_s))
        copy = overlap(one.copy, Span(min(first_s, last_s), max(first_s, last_s)))
        found.append(along(one, copy) if copy.length_s > 0 else one)
    return found


def _under(gap: Span, picture: Sequence[Segment]) -> bool:
    """Return whether most of a gap lies under genuine picture."""
    return sum(max(0.0, overlap(one.copy, gap).length_s) for one in picture) > gap.length_s / 2


def _few_words(
    sounds: Sounds, before: Segment, after: Segment, own: Sequence[Segment]
) -> Iterator[Difference]:
    """Yield what stands between two parts instead of a few words of the original, or of nothing."""
    gap, there, between_s = _seams(before, after)
    # Noise makes seams uncertain: what is put in may begin later than it does, and be told twice for as long.
    twice_s = ONE_LINE_S if gap.length_s >= MIN_PAUSE_S else SEAM_S
    if not -twice_s <= between_s < MIN_FOREIGN_S:
        return
    if between_s > gap.length_s / 2:
        yield _difference(DifferenceKind.SOUND_DIFFERS, gap, there, BY_SEAMS)
    elif not sounds.paused(gap, own):
        yield _difference(DifferenceKind.SOUND_INSERTED, gap, there, BY_SEAMS)
    elif gap.length_s >= MIN_PAUSE_S:
        yield _difference(DifferenceKind.SOUND_SILENCE, gap, there, 0.0)


def _between(
    sounds: Sounds, before: Segment, after: Segment, own: Sequence[Segment], *, under: bool
) -> Iterator[Difference]:
    """Yield what stands between two parts, longer than a few words and other than what it stands for.

    Where the parts adjoin, the sound itself tells, whatever picture is shown meanwhile; elsewhere the picture does.
    """
    gap, there, between_s = _seams(before, after)
    stood_for_s = gap.length_s * before.speed
    if abs(between_s - stood_for_s) <= ONE_LINE_S:
        return  # as much of the original is missing: the comparison along the line tells whether it was replaced
    adjoin = -ONE_LINE_S <= between_s < stood_for_s
    if under and not adjoin:
        return
    if sounds.paused(gap, own):
        if adjoin:
            yield _difference(DifferenceKind.SOUND_SILENCE, gap, there, 0.0)
        return
    off = [sounds.off(gap, one) for one in (before, after)]
    strengths = [one for one in off if one is not None]
    if len(strengths) < len(off):
        return
    genuine_s = sum(one.copy.length_s for one in own)
    if adjoin and gap.length_s <= max(SENTENCES_S, genuine_s):
        apart = round((stood_for_s - between_s) / SEAM_SPREAD_S, 1)
        yield _difference(DifferenceKind.SOUND_INSERTED, gap, there, max(BY_SEAMS, apart))
    else:
        yield _difference(DifferenceKind.SOUND_FOREIGN, gap, None, max(BY_SEAMS, *strengths))


def _outside(sounds: Sounds, gap: Span, neighbour: Segment, own: Sequence[Segment]) -> Iterator[Difference]:
    """Yield what stands before the first part, or after the last one, and is not the original's."""
    line, head = Line.of(neighbour), gap.end_s <= neighbour.copy.start_s
    edge_s = line.back(0.0 if head else len(sounds.ref) / MEL_RATE)
    first, last = Span(gap.start_s, min(max(edge_s, gap.start_s), gap.end_s)), gap.end_s
    parts = (first, Span(first.end_s, last))
    beyond, rest = parts if head else parts[::-1]
    off = None
    # Where the original goes on, it must be long and loud enough to say that this is something else.
    if rest.length_s >= MIN_FOREIGN_S and sounds.standing_out(rest, neighbour) >= STANDS_OUT:
        off = None if sounds.paused(rest, own) else sounds.off(rest, neighbour)
    outside = beyond.length_s >= MIN_OUTSIDE_S and not sounds.paused(beyond, own)
    if off is not None:
        yield _difference(DifferenceKind.SOUND_FOREIGN, gap if outside else rest, None, off)
    elif outside:
        yield _difference(DifferenceKind.SOUND_FOREIGN, beyond, None, BY_SEAMS)


def _seams(before: Segment, after: Segment) -> tuple[Span, Span, float]:
    """Return the gap between two parts, its place in the original, and the seconds of the original left out by it."""
    there = Span(before.asset.end_s, max(before.asset.end_s, after.asset.start_s))
    gap = Span(before.copy.end_s, after.copy.start_s)
    return gap, there, after.asset.start_s - before.asset.end_s


def _difference(kind: DifferenceKind, span: Span, there: Span | None, strength: float) -> Difference:
    return Difference(kind, Channel.SOUND, None, span, there, strength)
