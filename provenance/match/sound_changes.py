"""Where genuine sound differs: words replaced, put in or cut out, other sound, and what was added under it.

Copying (codecs, tone, level, noise) and additions leave the energy of the original where it was, so a passage
counts as different only where the spectrum is off *and* energy of the original is missing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from provenance.evidence import Channel, Difference, DifferenceKind, Segment, Span
from provenance.fingerprint.sound import MEL_RATE, SILENCE_DB
from provenance.match.added import BY_SEAMS, MIN_FOREIGN_S, ONE_LINE_S, SENTENCES_S, Sounds, added
from provenance.match.edits import mid, overlap, uncovered
from provenance.match.path import Line
from provenance.match.spectrum import (
    MIN_ROWS,
    Levels,
    Mel,
    check,
    grid,
    heard,
    levels,
)

#: Deviations of the stretch's own noise above which a passage differs, in residual and in missing energy both.
#: Source: docs/measurements.md, sound: 105 minutes of clean copies stay under it; of 40 replaced words 37 are above.
DIFFERS: Final = BY_SEAMS
# ... and above which its neighbourhood belongs to it: half a window before it begins the mean is half as high.
_ABOUT = 2.8
#: Shortest passage that is told, seconds: two syllables.
MIN_PASSAGE_S: Final = 0.4
#: Level, dB over all bands, by which sound must exceed the original's over :data:`OVERLAY_S` to be an overlay.
#: Source: the same: codecs, tone, telephone and speed reach 1.3, echo 5, music at -6 dB and noise at -20 dB 6.
OVERLAY_DB: Final = 4.0
#: Seconds over which an addition is averaged, and the least it lasts.
OVERLAY_S: Final = 2.0
# Rows of the running mean: .6 s, the shortest word that is asked for.
_WINDOW = 12
# Rows at either end of a segment that are left out: the window reaches over the seam.
_SEAM = 6
# Rows by which the spectra are moved against each other once a segment is put right.
_SHIFTS = (0.0, -0.5, 0.5, -1.0, 1.0)
# dB above the quiet level of a band under which it says nothing: background, codec noise.
_ABOVE_FLOOR_DB = 3.0
# ... but no higher than this under the loud rows of the original: steady sound has no quiet level.
_BELOW_HIGH_DB = 20.0
# Bands that move by less than this in the copy, but not in the original, carry no signal: cut off by a codec or a
# telephone.
_LIVELY_DB = 6.0
# A level control moves all bands together by up to this; a muted word by more.
_LEVEL_DB = 10.0
# Correlation of the moving spectra up to which the original is not there any more.
_LOST = 0.3
# dB off the original's level that is nobody's doing.
_TOLERANCE_DB = 3.0
# Least noise of residual and of missing energy, dB, so that a perfect copy has no huge deviations.
_LEAST_NOISE_DB = (0.7, 0.4)
# Share of a band's loudest rows that tell its tone: there additions do not reach.
_LOUD = 80
# Stored dB under which both sides are silent and nothing can have been replaced.
_SILENT = SILENCE_DB + 100


def compare_sound(
    copy_mel: Mel, ref_mel: Mel, segments: Sequence[Segment], duration_s: float
) -> tuple[Difference, ...]:
    """Return where the copy's sound is not the asset's.

    Args:
        copy_mel: uint8, shape (n, 32).
        ref_mel: uint8, shape (m, 32).
        segments: Segments of both channels; those of the picture tell where the asset's sound should be.
        duration_s: Length of the copy, seconds.

    Returns:
        In order of time: ``sound-differs`` for passages within genuine sound and for what was put in between,
        ``sound-replaced`` for stretches of genuine picture, or between genuine parts of a recording, with another
        sound, ``sound-overlay`` for what was added under or over genuine sound. ``strength`` is in standard
        deviations of the copy's own noise, of an overlay in :data:`OVERLAY_DB`.

    Raises:
        FormatError: A shape or type is another.
    """
    check(copy_mel, ref_mel)
    sound = [one for one in segments if one.channel is Channel.SOUND]
    # A picture that stands still or runs backwards has no sound of its own.
    picture = [one for one in segments if one.channel is Channel.PICTURE and one.speed > 0]
    found: list[Difference] = []
    for segment in sound:
        stretch = _Stretch(copy_mel, ref_mel, segment)
        if len(stretch.rows) >= MIN_ROWS:
            passages = list(stretch.passages())
            found += [*passages, *stretch.overlays(passages)]
    sounds = Sounds(copy_mel, ref_mel, duration_s)
    beside = list(added(sounds, picture, sound))
    found += [*beside, *_replaced(sounds, picture, sound, [one.span for one in beside if one.span])]
    return tuple(sorted(found, key=lambda one: one.span.start_s if one.span else 0.0))


class _Stretch:
    """Copy and asset along one segment, row by row."""

    def __init__(self, copy_mel: Mel, ref_mel: Mel, segment: Segment) -> None:
        self.line = Line.of(segment)
        rows, places = grid(copy_mel, ref_mel, segment.copy, self.line)
        self.rows, self._places, self._ref = rows[_SEAM:-_SEAM], places[_SEAM:-_SEAM], ref_mel
        self._copy = heard(copy_mel, self.rows, segment)

    def passages(self) -> Iterator[Difference]:
        """Yield passages that are off the original and lack its energy."""
        score = self.score()
        # At the ends half a window is all there is, and that varies more.
        whole = np.zeros(len(score), np.bool_)
        whole[_WINDOW // 2 : len(score) - _WINDOW // 2] = True
        for first, end in _stretches(score >= _ABOUT):
            span = self._span(first, end)
            strength = float(score[first:end].max(where=whole[first:end], initial=0.0))
            if strength >= DIFFERS and span.length_s >= MIN_PASSAGE_S:
                yield self._difference(DifferenceKind.SOUND_DIFFERS, span, strength)

    def score(self) -> Levels:
        """Return by how many deviations each row differs in a way that an addition does not explain.

        Something of the original is missing, or hardly anything of its movement is left under what is there.
        """
        residual, missing, alike = self._off()
        own = alike >= np.median(alike)
        off = _deviations(residual, own, _LEAST_NOISE_DB[0])
        lost = np.where(alike <= _LOST, off / 2, 0.0)
        return np.maximum(np.minimum(off, _deviations(missing, own, _LEAST_NOISE_DB[1])), lost)

    def overlays(self, passages: Sequence[Difference]) -> Iterator[Difference]:
        """Yield stretches in which the copy is louder than the original all over the spectrum.

        What stands in the place of a replaced passage is not added to the original, and the mean over a few seconds
        spreads it beyond both ends: there is no overlay over or beside ``passages``.
        """
        ref = levels(self._ref, self._places)
        loud = ref >= np.percentile(ref, _LOUD, axis=0)
        off = np.where(loud, self._copy - ref, np.nan)
        expected = ref + np.nanmedian(off, axis=0)
        louder = np.maximum(self._copy - np.maximum(expected, _SILENT) - _TOLERANCE_DB, 0.0).mean(axis=1)
        count = min(round(OVERLAY_S * MEL_RATE), len(louder))
        mean = _running(louder, count)
        told = [one.span for one in passages if one.span is not None]
        high = (mean >= OVERLAY_DB) & ~self._within(told, OVERLAY_S / 2)
        for first, end in _stretches(high):
            span = self._span(first, end)
            if span.length_s >= OVERLAY_S:
                strength = float(mean[first:end].max()) / OVERLAY_DB
                yield self._difference(DifferenceKind.SOUND_OVERLAY, span, strength)

    def _off(self) -> tuple[Levels, Levels, Levels]:
        """Return by how many dB each row differs, how many of them are missing, and how alike both move.

        All over the length of a word; the last as a correlation, -1..1.
        """
        ref = levels(self._ref, self._places)
        tone = np.median(self._copy - ref, axis=0)
        (quiet, high), (ref_quiet, ref_high) = (
            np.percentile(one, (10, 90), axis=0) for one in (self._copy, ref + tone)
        )
        floor = np.minimum(np.maximum(quiet, ref_quiet) + _ABOVE_FLOOR_DB, ref_high - _BELOW_HIGH_DB)
        lively = (high - quiet >= _LIVELY_DB) | (ref_high - ref_quiet < _LIVELY_DB)
        if not lively.any():
            return np.zeros(len(ref)), np.zeros(len(ref)), np.ones(len(ref))
        copy = np.maximum(self._copy, floor)[:, lively]
        residual, missing = np.full(len(ref), np.inf), np.full(len(ref), np.inf)
        alike = np.full(len(ref), -1.0)
        for shift in _SHIFTS:
            expected = levels(self._ref, self._places + shift) + tone
            level = np.median((self._copy - expected)[:, lively], axis=1, keepdims=True)
            there = np.maximum(expected, floor)[:, lively]
            alike = np.maximum(alike, _alike(copy, there))
            off = copy - there
            off -= np.where(np.abs(level) <= _LEVEL_DB, level, 0.0)
            residual = np.minimum(residual, _running(np.abs(off).mean(axis=1), _WINDOW))
            lacking = np.maximum(-off - _TOLERANCE_DB, 0.0).mean(axis=1)
            missing = np.minimum(missing, _running(lacking, _WINDOW))
        return residual, missing, alike

    def _within(self, spans: Sequence[Span], beyond_s: float) -> NDArray[np.bool_]:
        """Return which rows lie in one of the spans or up to ``beyond_s`` seconds before or after it."""
        times = self.rows / MEL_RATE
        inside = [(times >= one.start_s - beyond_s) & (times <= one.end_s + beyond_s) for one in spans]
        return np.any(inside, axis=0) if inside else np.zeros(len(times), np.bool_)

    def _span(self, first: int, end: int) -> Span:
        return Span(float(self.rows[first]) / MEL_RATE, float(self.rows[end - 1] + 1) / MEL_RATE)

    def _difference(self, kind: DifferenceKind, span: Span, strength: float) -> Difference:
        there = _along(self.line, span)
        return Difference(kind, Channel.SOUND, None, span, there, round(strength, 1))


def _along(line: Line, span: Span) -> Span:
    return Span(max(0.0, line.at(span.start_s)), max(0.0, line.at(span.end_s)))


def _running(values: Levels, count: int) -> Levels:
    """Return the mean of ``count`` values around each."""
    padded = np.pad(values, (count // 2, count - 1 - count // 2), mode="edge")
    return np.asarray(np.convolve(padded, np.ones(count) / count, "valid"), np.float64)


def _alike(a: Levels, b: Levels) -> Levels:
    """Return how the shapes of two spectra move together in the window around each row, a correlation."""
    a, b = (one - one.mean(axis=1, keepdims=True) for one in (a - a.mean(axis=0), b - b.mean(axis=0)))
    both = _running((a * b).sum(axis=1), _WINDOW)
    norm = np.sqrt(_running((a * a).sum(axis=1), _WINDOW) * _running((b * b).sum(axis=1), _WINDOW))
    return np.asarray(both / np.maximum(norm, 1e-6), np.float64)


def _deviations(values: Levels, own: NDArray[np.bool_], least: float) -> Levels:
    """Return by how many deviations values are above those of rows that are the original's for sure."""
    middle = float(np.median(values[own]))
    noise = max(1.4826 * float(np.median(np.abs(values[own] - middle))), least)
    return np.asarray((values - middle) / noise, np.float64)


def _stretches(high: NDArray[np.bool_]) -> Iterator[tuple[int, int]]:
    """Yield stretches (first, after the last) of high rows, joined over a window."""
    places = np.flatnonzero(high)
    if not len(places):
        return
    breaks = np.flatnonzero(np.diff(places) > _WINDOW)
    for first, last in zip(
        np.r_[0, breaks + 1].tolist(), np.r_[breaks, len(places) - 1].tolist(), strict=True
    ):
        yield int(places[first]), int(places[last]) + 1


# --- between and beside the segments ---------------------------------------------------------------------


def _replaced(
    sounds: Sounds, picture: Sequence[Segment], sound: Sequence[Segment], told: Sequence[Span]
) -> Iterator[Difference]:
    """Yield stretches, none of them told yet, that picture, or sound on both sides, says should be the asset's."""
    for gap in uncovered([*told, *(one.copy for one in sound)], sounds.duration_s):
        for one in picture or _bridges(gap, sound):
            span = overlap(one.copy, gap)
            if span.length_s < MIN_FOREIGN_S or _silent(sounds.copy, sounds.ref, span, Line.of(one)):
                continue
            if (strength := sounds.off(span, one)) is not None:
                there = _along(Line.of(one), span)
                # A sentence replaced in a recording is a difference within it, as where the codes joined both sides.
                sentence = not picture and span.length_s <= SENTENCES_S
                kind = DifferenceKind.SOUND_DIFFERS if sentence else DifferenceKind.SOUND_REPLACED
                yield Difference(kind, Channel.SOUND, None, span, there, max(strength, BY_SEAMS))


def _bridges(gap: Span, sound: Sequence[Segment]) -> list[Segment]:
    """Return, for a gap with one and the same line on both sides, the segment that would close it."""
    before = [one for one in sound if one.copy.end_s <= gap.start_s]
    after = [one for one in sound if one.copy.start_s >= gap.end_s]
    if not before or not after:
        return []
    first, last = Line.of(before[-1]), Line.of(after[0])
    if abs(first.at(mid(gap)) - last.at(mid(gap))) > ONE_LINE_S:
        return []
    return [first.segment(Channel.SOUND, gap, 0.0)]


def _silent(copy_mel: Mel, ref_mel: Mel, span: Span, line: Line) -> bool:
    rows, places = grid(copy_mel, ref_mel, span, line)
    if len(rows) < MIN_ROWS:
        return True
    both = (levels(copy_mel, rows.astype(np.float64)), levels(ref_mel, places))
    return all(float(np.percentile(one.max(axis=1), 90)) < _SILENT for one in both)
