"""The stored spectrum along an alignment: whether two sounds are one, and where they differ."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from provenance.errors import FormatError
from provenance.evidence import Channel, Difference, DifferenceKind, Segment, Span
from provenance.fingerprint.sound import MEL_BANDS, MEL_RATE, MEL_STEPS_PER_DB
from provenance.match.edits import mid, overlap, uncovered
from provenance.match.path import Line

#: Length, seconds, and agreement that one of 1,000 unrelated stretches of that length reaches. Source:
#: docs/measurements.md, sound: 1,680 to 2,700 pairs of stretches of speech, music and film sound each.
AGREEMENT: Final = ((4.0, 0.47), (5.0, 0.40), (10.0, 0.27), (30.0, 0.16))
#: Agreement that counts at every length; :func:`min_agreement` asks less of longer stretches.
MIN_AGREEMENT: Final = AGREEMENT[0][1]
#: Agreement of clean copies (codecs, noise, echo, tone), mean and standard deviation. Source: the same.
CLEAN_AGREEMENT: Final = 0.85
CLEAN_AGREEMENT_SPREAD: Final = 0.13
#: Standard deviations of the stretch's own noise above which a passage differs. Source: the same; the greatest
#: of 84 minutes of clean copies was 4.6.
DIFFERS: Final = 5.0
#: Least residual, dB, that a differing passage has beside it; clean copies at normal speed stay under it when
#: their noise is low enough for the deviations to be small.
DIFFERS_DB: Final = 2.5
#: Shortest passage that is told, seconds: two syllables.
MIN_PASSAGE_S: Final = 0.4
#: Shortest stretch of foreign sound under genuine picture that is told, seconds: the seams of sound are known
#: to about a second.
MIN_FOREIGN_S: Final = 3.0

Mel = NDArray[np.uint8]
Levels = NDArray[np.float64]

# Rows by which the spectra are moved against each other; alignment by codes is good to .12 s.
_SHIFTS: Final = (0.0, -0.5, 0.5, -1.0, 1.0, -1.5, 1.5, -2.0, 2.0)
# Rows at either end of a segment that are left out: the seam is not known better.
_SEAM = 5
# Rows of a comparison at least, 1 s.
_MIN_ROWS = 10
# dB above the quiet level of a band under which it says nothing: background, codec noise.
_ABOVE_FLOOR_DB = 3.0
# Bands whose levels move less than this in the copy carry no signal: cut off by a codec or a telephone.
_LIVELY_DB = 6.0
# A level control moves all bands together by up to this; a muted word by more.
_LEVEL_DB = 6.0
# Fall of all bands together that is no level control: digital silence lies 20 dB and more below any room.
_MUTED_DB = 15.0
# Rows of the running mean of residuals, .5 s.
_WINDOW = 5
# Least noise of a comparison, dB: that of the stored 8 bits and of the time grid.
_MIN_NOISE_DB = 0.7
# dB under which a stretch is silent on both sides and cannot have been replaced.
_SILENT_DB = -72.0


def min_agreement(length_s: float) -> float:
    """Return the agreement from which a stretch of ``length_s`` seconds counts as the same sound, 0..1."""
    lengths, limits = zip(*AGREEMENT, strict=True)
    return float(np.interp(length_s, lengths, limits))


def spectrum_agreement(copy_mel: Mel, ref_mel: Mel, segment: Segment) -> float:
    """Return how far the spectra of copy and asset move together along a segment.

    Args:
        copy_mel: uint8, shape (n, 32), of :func:`provenance.fingerprint.sound.log_mel`.
        ref_mel: uint8, shape (m, 32), of the registered sound.
        segment: The alignment, from codes or from the picture.

    Returns:
        Correlation, 0..1, of what is left of the levels after each row's and each band's mean, at the best of
        shifts up to .2 s; 0 where there is less than a second to compare or either side does not move. To be
        held against :func:`min_agreement`.

    Raises:
        FormatError: A shape or type is another.
    """
    _check(copy_mel, ref_mel)
    return _agreement(copy_mel, ref_mel, segment.copy, Line.of(segment))


def agreeing(copy_mel: Mel, ref_mel: Mel, segments: Sequence[Segment]) -> list[Segment]:
    """Return the segments whose spectra agree as one unrelated stretch in 1,000 does; others need a second look.

    Codes and spectrum are independent of each other in noise, tone and tempo, and depend on the same melody.

    Args:
        copy_mel: uint8, shape (n, 32).
        ref_mel: uint8, shape (m, 32).
        segments: Segments of :func:`provenance.match.soundtrack.align_sound`.

    Raises:
        FormatError: A shape or type is another.
    """
    return [
        one
        for one in segments
        if spectrum_agreement(copy_mel, ref_mel, one) >= min_agreement(one.copy.length_s)
    ]


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
        In order of time: ``sound-differs`` for passages within genuine sound, ``sound-replaced`` for
        stretches of genuine picture, or between genuine parts of a recording, with another sound.
        ``strength`` is in standard deviations of clean copies.

    Raises:
        FormatError: A shape or type is another.
    """
    _check(copy_mel, ref_mel)
    sound = [one for one in segments if one.channel is Channel.SOUND]
    picture = [one for one in segments if one.channel is Channel.PICTURE]
    found = [one for segment in sound for one in _passages(copy_mel, ref_mel, segment)]
    found += _replaced(copy_mel, ref_mel, picture, sound, duration_s)
    return tuple(sorted(found, key=lambda one: one.span.start_s if one.span else 0.0))


def _check(*spectra: Mel) -> None:
    for mel in spectra:
        if mel.ndim != 2 or mel.shape[1] != MEL_BANDS or mel.dtype != np.uint8:
            raise FormatError(
                f"expected uint8 levels of shape (n, {MEL_BANDS}), found {mel.dtype} {mel.shape}"
            )


# --- along a line ----------------------------------------------------------------------------------------


def _grid(copy_mel: Mel, ref_mel: Mel, span: Span, line: Line) -> tuple[NDArray[np.intp], Levels]:
    """Return the copy's rows within a span that the asset has too, and their places in its rows."""
    first, last = int(np.ceil(span.start_s * MEL_RATE)), int(span.end_s * MEL_RATE)
    rows = np.arange(first, min(last + 1, len(copy_mel)))
    places = line.along(rows / MEL_RATE) * MEL_RATE
    inside = (places >= 0) & (places <= len(ref_mel) - 1)
    return rows[inside], places[inside]


def _levels(mel: Mel, places: Levels) -> Levels:
    """Return the levels, dB above the stored floor, at places between rows."""
    places = np.clip(places, 0, len(mel) - 1)
    low = np.floor(places).astype(np.intp)
    share = (places - low)[:, None]
    between = mel[low] * (1 - share) + mel[np.minimum(low + 1, len(mel) - 1)] * share
    return np.asarray(between / MEL_STEPS_PER_DB, np.float64)


def _agreement(copy_mel: Mel, ref_mel: Mel, span: Span, line: Line) -> float:
    rows, places = _grid(copy_mel, ref_mel, span, line)
    if len(rows) < _MIN_ROWS:
        return 0.0
    a = _centred(_levels(copy_mel, rows.astype(np.float64)))
    return max(0.0, *(_correlation(a, _centred(_levels(ref_mel, places + shift))) for shift in _SHIFTS))


def _centred(levels: Levels) -> Levels:
    # Without each row's level, or any two sounds with pauses agree; without each band's, any two of one tone.
    shape = levels - levels.mean(axis=1, keepdims=True)
    return np.asarray(shape - shape.mean(axis=0), np.float64)


def _correlation(a: Levels, b: Levels) -> float:
    norm = float(np.sqrt(np.square(a).sum() * np.square(b).sum()))
    return float((a * b).sum()) / norm if norm > 0 else 0.0


# --- passages within genuine sound -----------------------------------------------------------------------


def _passages(copy_mel: Mel, ref_mel: Mel, segment: Segment) -> Iterator[Difference]:
    line = Line.of(segment)
    rows, places = _grid(copy_mel, ref_mel, segment.copy, line)
    rows, places = rows[_SEAM:-_SEAM], places[_SEAM:-_SEAM]
    if len(rows) < _MIN_ROWS:
        return
    residual = _residual(_levels(copy_mel, rows.astype(np.float64)), ref_mel, places)
    middle = float(np.median(residual))
    noise = max(1.4826 * float(np.median(np.abs(residual - middle))), _MIN_NOISE_DB)
    score = (residual - middle) / noise
    high = (score >= DIFFERS) & (residual >= DIFFERS_DB)
    for first, end in _stretches(high):
        span = Span(float(rows[first]) / MEL_RATE, float(rows[end - 1] + 1) / MEL_RATE)
        if span.length_s >= MIN_PASSAGE_S:
            there = Span(max(0.0, line.at(span.start_s)), max(0.0, line.at(span.end_s)))
            strength = round(float(score[first:end].max()), 1)
            yield Difference(DifferenceKind.SOUND_DIFFERS, Channel.SOUND, None, span, there, strength)


def _residual(copy: Levels, ref_mel: Mel, places: Levels) -> Levels:
    """Return by how many dB each row differs, after tone, level and background are allowed for."""
    tone = np.median(copy - _levels(ref_mel, places), axis=0)
    quiet = np.maximum(
        np.percentile(copy, 10, axis=0), np.percentile(_levels(ref_mel, places) + tone, 10, axis=0)
    )
    floor = quiet + _ABOVE_FLOOR_DB
    lively = np.percentile(copy, 90, axis=0) - np.percentile(copy, 10, axis=0) >= _LIVELY_DB
    if not lively.any():
        return np.zeros(len(copy))
    a = np.maximum(copy, floor)[:, lively]
    best = np.full(len(copy), np.inf)
    window = np.ones(_WINDOW) / _WINDOW
    for shift in _SHIFTS:
        b = np.maximum(_levels(ref_mel, places + shift) + tone, floor)[:, lively]
        off = a - b
        off -= np.clip(np.median(off, axis=1, keepdims=True), -_LEVEL_DB, _LEVEL_DB)
        best = np.minimum(best, np.convolve(np.abs(off).mean(axis=1), window, "same"))
    muted = np.convolve(_muted(copy, ref_mel, places, tone), window, "same")
    return np.asarray(np.maximum(best, muted), np.float64)


def _muted(copy: Levels, ref_mel: Mel, places: Levels, tone: Levels) -> Levels:
    """Return by how many dB the copy falls silent where the asset does not; steady sound has no other trace.

    Rows in which the asset is at its quietest are left out: gates and codecs silence those.
    """
    # The lowest of the shifts: a steep decay a tenth of a second off is no fall.
    level = np.min([(_levels(ref_mel, places + shift) + tone).mean(axis=1) for shift in _SHIFTS], axis=0)
    fall = level - copy.mean(axis=1)
    return np.where((fall >= _MUTED_DB) & (level >= np.median(level)), fall, 0.0)


def _stretches(high: NDArray[np.bool_]) -> Iterator[tuple[int, int]]:
    """Yield stretches (first, after the last) of high rows, joined over half a second."""
    places = np.flatnonzero(high)
    if not len(places):
        return
    breaks = np.flatnonzero(np.diff(places) > _WINDOW)
    for first, last in zip(
        np.r_[0, breaks + 1].tolist(), np.r_[breaks, len(places) - 1].tolist(), strict=True
    ):
        yield int(places[first]), int(places[last]) + 1


# --- foreign sound ---------------------------------------------------------------------------------------


def _replaced(
    copy_mel: Mel, ref_mel: Mel, picture: Sequence[Segment], sound: Sequence[Segment], duration_s: float
) -> Iterator[Difference]:
    """Yield stretches that the picture, or the sound on both sides, says should be the asset's sound."""
    gaps = uncovered([one.copy for one in sound], duration_s)
    for gap in gaps:
        for one in picture or _bridges(gap, sound):
            span = overlap(one.copy, gap)
            if span.length_s < MIN_FOREIGN_S:
                continue
            line = Line.of(one)
            if _silent(copy_mel, ref_mel, span, line):
                continue
            agreement = _agreement(copy_mel, ref_mel, span, line)
            if agreement < min_agreement(span.length_s):
                there = Span(max(0.0, line.at(span.start_s)), max(0.0, line.at(span.end_s)))
                strength = round((CLEAN_AGREEMENT - agreement) / CLEAN_AGREEMENT_SPREAD, 1)
                kind = DifferenceKind.SOUND_REPLACED
                yield Difference(kind, Channel.SOUND, None, span, there, strength)


def _bridges(gap: Span, sound: Sequence[Segment]) -> list[Segment]:
    """Return, for a gap with one and the same line on both sides, the segment that would close it."""
    before = [one for one in sound if one.copy.end_s <= gap.start_s]
    after = [one for one in sound if one.copy.start_s >= gap.end_s]
    if not before or not after:
        return []
    first, last = Line.of(before[-1]), Line.of(after[0])
    if abs(first.at(mid(gap)) - last.at(mid(gap))) > 1.0:
        return []
    return [first.segment(Channel.SOUND, gap, 0.0)]


def _silent(copy_mel: Mel, ref_mel: Mel, span: Span, line: Line) -> bool:
    rows, places = _grid(copy_mel, ref_mel, span, line)
    if len(rows) < _MIN_ROWS:
        return True
    both = (_levels(copy_mel, rows.astype(np.float64)), _levels(ref_mel, places))
    return all(float(np.percentile(one.max(axis=1), 90)) < _SILENT_DB + 100 for one in both)
