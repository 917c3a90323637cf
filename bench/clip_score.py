"""What the product said about a clip against the truth."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np

from bench.clip_material import Original
from bench.clip_queries import Clip, Piece, Query
from bench.clip_waves import RATE, Wave, read_wave
from provenance.evidence import Channel, Comparison, Difference, DifferenceKind, Edit, Match, Segment
from provenance.judge import alters
from provenance.report.report import Report

# Correlation of waveforms from which two stretches are the same samples; takes of one phrase stay under .5.
_SAME = 0.8
# Seconds by which a cut or an altered stretch may be off.
_NEAR_S = 0.5


def score(query: Query, clip: Clip, report: Report) -> dict[str, Any]:
    """Return what was found and how well, as plain values.

    ``found``: every original of the clip is a confirmed match; ``false``: confirmed matches that are none of them;
    ``offset_s``: greatest error of a part's place at its middle; ``told``: whether the thing that was done was said.
    """
    matches = report.evidence.matches if isinstance(report.evidence.matches, tuple) else ()
    confirmed = [one for one in matches if one.confirmed]
    wanted = {piece.name for piece in clip.pieces}
    by_name = {one.record.title: one for one in confirmed}
    differences = [d for one in confirmed if one.record.title in wanted for d in _differences(one)]
    return {
        "group": query.group,
        "attack": query.attack,
        "length_s": query.length_s,
        "genre": query.source.genre,
        "source": query.source.name,
        "verdict": report.verdict.code.value,
        "found": bool(wanted) and wanted <= set(by_name),
        "false": sorted(
            set(by_name) - wanted - ({query.other.name} if query.attack == "picture in picture" else set())
        ),
        "offset_s": _offset(query, clip.pieces, by_name),
        "unsure": any(
            segment.uncertain_s
            for piece in clip.pieces
            if piece.name in by_name
            for segment in _segments(by_name[piece.name], Channel.PICTURE)
        ),
        "told": _told(query, clip, [by_name[name] for name in wanted if name in by_name], differences),
        "alarm": any(alters(one) for one in differences),
        "elapsed_s": round(report.elapsed_s, 3),
    }


def _differences(match: Match) -> tuple[Difference, ...]:
    return match.comparison.differences if isinstance(match.comparison, Comparison) else ()


def _edits(match: Match) -> tuple[Edit, ...]:
    return match.comparison.edits if isinstance(match.comparison, Comparison) else ()


def _segments(match: Match, channel: Channel) -> list[Segment]:
    every = match.alignment.segments if match.alignment is not None else ()
    return sorted((one for one in every if one.channel is channel), key=lambda one: one.copy.start_s)


def _offset(query: Query, pieces: Iterable[Piece], found: dict[str, Match]) -> float | None:
    """Return the greatest error over the parts, in the channel the clip is about; None where one has no segment.

    Sound that comes twice in its original, sample by sample, is rightly placed at either.
    """
    channel = (
        Channel.SOUND
        if query.group in ("sound", "words") or query.attack == "other picture"
        else Channel.PICTURE
    )
    errors = []
    for piece in pieces:
        middle = (piece.start_s + piece.end_s) / 2
        truth = piece.asset_s + abs(piece.speed) * (middle - piece.start_s)
        under = [
            one
            for one in (_segments(found[piece.name], channel) if piece.name in found else [])
            if one.copy.start_s <= middle <= one.copy.end_s
        ]
        if not under:
            return None
        places = [_at(one, middle) for one in under]
        again = channel is Channel.SOUND and any(_repeats(query.source, truth, place) for place in places)
        errors.append(0.0 if again else min(abs(place - truth) for place in places))
    return round(max(errors), 3) if errors else None


def _repeats(original: Original, one_s: float, other_s: float) -> bool:
    """Return whether a recording holds the samples around one moment at another, more than a second off, again."""
    if abs(one_s - other_s) <= 1.0:
        return False
    piece = read_wave(original.path, max(0.0, one_s - 1.0), 2.0)
    return _correlation(piece, read_wave(original.path, max(0.0, other_s - 1.25), 2.5)) >= _SAME


def _at(segment: Segment, copy_s: float) -> float:
    if segment.speed < 0:
        return segment.asset.start_s + segment.asset.end_s - _at(replace(segment, speed=1.0), copy_s)
    share = (copy_s - segment.copy.start_s) / max(segment.copy.length_s, 1e-6)
    return segment.asset.start_s + share * (segment.asset.end_s - segment.asset.start_s)


def _told(
    query: Query, clip: Clip, matches: Sequence[Match], differences: Sequence[Difference]
) -> bool | None:
    """Return whether the report says what was done; None where nothing had to be said."""
    edits = {edit for one in matches for edit in _edits(one)}
    kinds = {one.kind for one in differences}
    altered = any(alters(one) and _overlaps(one, clip) for one in differences)
    other_sound = Edit.OTHER_SOUND in edits or DifferenceKind.SOUND_REPLACED in kinds
    said = {
        "dubbed": other_sound,
        "voice cloned": other_sound,
        "other picture": Edit.OTHER_PICTURE in edits or DifferenceKind.PICTURE_REPLACED in kinds,
        "sound shifted": Edit.SOUND_SHIFTED in edits,
        "cut": Edit.CUT in edits and _cut_near(clip, matches, Channel.PICTURE),
        "reordered": Edit.REORDERED in edits and _cut_near(clip, matches, Channel.PICTURE),
        "repeated": Edit.REORDERED in edits and _cut_near(clip, matches, Channel.PICTURE),
        "word cut": Edit.CUT in edits and _cut_near(clip, matches, Channel.SOUND),
        "word replaced": altered,
        "word inserted": altered,
        "region replaced": altered,
        "music added": DifferenceKind.SOUND_OVERLAY in kinds,
        "reversed": any(_runs(one, clip.pieces[0], lambda speed: speed < 0) for one in matches),
        "freeze": any(_runs(one, clip.pieces[-1], lambda speed: speed == 0) for one in matches),
    }
    return said.get(query.attack)


def _runs(match: Match, piece: Piece, speed: Callable[[float], bool]) -> bool:
    """Return whether half of a piece is told at a speed of some kind."""
    told = [one.copy for one in _segments(match, Channel.PICTURE) if speed(one.speed)]
    shared = sum(max(0.0, min(one.end_s, piece.end_s) - max(one.start_s, piece.start_s)) for one in told)
    return shared >= (piece.end_s - piece.start_s) / 2


def _cut_near(clip: Clip, matches: Sequence[Match], channel: Channel) -> bool:
    if clip.altered is None:
        return False
    seams = [
        (before.copy.end_s + after.copy.start_s) / 2
        for one in matches
        for before, after in pairwise(_segments(one, channel))
    ]
    return any(abs(seam - clip.altered[0]) <= _NEAR_S for seam in seams)


def _overlaps(difference: Difference, clip: Clip) -> bool:
    if clip.altered is None:
        return False
    if difference.span is None:
        return difference.box is not None
    start_s, end_s = clip.altered
    return difference.span.start_s <= end_s + _NEAR_S and difference.span.end_s >= start_s - _NEAR_S


# --- false matches that are none -------------------------------------------------------------------------


def shares_recording(clip: Clip, match: Match, original: Original) -> bool:
    """Return whether clip and original hold the same samples somewhere along the match's sound.

    Independent of every fingerprint: two seconds of the waveforms correlate by .8 at some shift. Different takes of
    one phrase by one speaker stay under .5.
    """
    for segment in _segments(match, Channel.SOUND):
        ours = read_wave(clip.path, segment.copy.start_s, segment.copy.length_s)
        theirs = read_wave(original.path, max(0.0, segment.asset.start_s - 0.5), segment.asset.length_s + 1.0)
        count = 2 * RATE
        for first in range(0, len(ours) - count + 1, RATE):
            if _correlation(ours[first : first + count], theirs) >= _SAME:
                return True
    return False


def _correlation(piece: Wave, whole: Wave) -> float:
    """Return the greatest normalised correlation of a piece with any equally long stretch of a whole."""
    size = len(piece) + len(whole)
    products = np.fft.irfft(np.fft.rfft(whole, size) * np.conj(np.fft.rfft(piece, size)), size)
    count = len(whole) - len(piece) + 1
    if count <= 0:
        return 0.0
    energy = np.concatenate([[0.0], np.cumsum(np.square(whole, dtype=np.float64))])
    norms = np.sqrt(
        np.maximum(energy[len(piece) :] - energy[: -len(piece)], 1e-9) * float(np.square(piece).sum())
    )
    return float((products[:count] / np.maximum(norms, 1e-6)).max())
