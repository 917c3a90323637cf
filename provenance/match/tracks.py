"""Tracks: the picture and the sound of a copy against those of one registered film or recording.

Picture and sound are aligned apart, so that a genuine picture with another sound, and genuine sound with
another picture, are told from a plain excerpt.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

from provenance.evidence import (
    Alignment,
    Channel,
    Comparison,
    Difference,
    DifferenceKind,
    Family,
    Found,
    Geometry,
    Match,
    Record,
    Segment,
    Span,
)
from provenance.examination import Examination, FrameTrack, SoundTrack
from provenance.match import edits as edit_rules
from provenance.match import films, sound_match
from provenance.match.align import INLIERS
from provenance.match.beneath import sound_beneath
from provenance.match.path import Line

#: Aligned frames that must fit a stored frame in one geometry each. Source: docs/measurements.md, film.
MIN_FRAMES: Final = 2
#: Stretch of the copy that a track must match before a missing other track is called replaced, seconds; below it
#: five-second sound codes are not reliable enough to say so.
MIN_REPLACED_S: Final = 5.0


def match_tracks(
    record: Record,
    copy: Examination,
    frames: FrameTrack | None,
    sound: SoundTrack | None,
    pictures: list[Segment],
) -> Match | None:
    """Return the match of a copy with a registered film or recording, or None where neither track aligns.

    Args:
        record: The registered asset.
        copy: What was taken out of the copy.
        frames: The asset's frame codes, or None where it has no picture.
        sound: The asset's sound codes and spectrum, or None where it has no sound.
        pictures: Aligned stretches of the picture, in order of the copy.
    """
    found: list[Found] = []
    pictures = [
        kept for one in pictures if (kept := within(one, copy.duration_s, record.duration_s)) is not None
    ]
    if pictures:
        radius = float(films.FRAME_RADIUS)
        found.append(Found(Family.GLOBAL, "frame codes in one order of time", _apart(pictures), radius))
    sounds: list[Segment] = []
    if copy.sound is not None and sound is not None:
        heard = sound_match.match_sound(copy.sound, sound)
        # Under a genuine picture, sound that is only like the original's is not the original's: a voice was cloned.
        if heard.copied or not pictures:
            sounds, found = list(heard.segments), [*found, *heard.found]
        sounds = sound_beneath(copy.sound.spectrum_array(), sound.spectrum_array(), pictures, sounds)
    if not found:
        return None
    comparison = _compare(copy, frames, sound, pictures, sounds)
    return Match(record, tuple(found), Alignment(segments=(*pictures, *sounds)), comparison)


def within(one: Segment, copy_s: float | None, asset_s: float | None) -> Segment | None:
    """Return a segment without what lies beyond the ends of copy and asset, seconds; None where nothing is left.

    Frames stand for the time up to the next one, which the last frame has not.
    """
    if one.speed <= 0:
        return replace(one, copy=Span(one.copy.start_s, min(one.copy.end_s, copy_s or one.copy.end_s)))
    line = Line.of(one)
    end_s = min(one.copy.end_s, copy_s or one.copy.end_s)
    if asset_s and line.at(end_s) > asset_s:
        end_s = line.back(asset_s)
    if end_s <= one.copy.start_s:
        return None
    return replace(one, copy=Span(one.copy.start_s, end_s), asset=Span(one.asset.start_s, line.at(end_s)))


def clipped(match: Match, copy_s: float | None) -> Match:
    """Return a match with picture segments that end where copy, of ``copy_s`` seconds, and asset do."""
    alignment = match.alignment or Alignment()
    kept = (
        within(one, copy_s, match.record.duration_s) if one.channel is Channel.PICTURE else one
        for one in alignment.segments
    )
    segments = tuple(one for one in kept if one is not None)
    return replace(match, alignment=replace(alignment, segments=segments))


def _apart(segments: Sequence[Segment]) -> float:
    """Return 1 minus the length-weighted strength: 0 where everything agrees."""
    length = sum(one.copy.length_s for one in segments)
    return 1 - sum(one.strength * one.copy.length_s for one in segments) / length if length else 1.0


def _compare(
    copy: Examination,
    frames: FrameTrack | None,
    sound: SoundTrack | None,
    pictures: list[Segment],
    sounds: list[Segment],
) -> Comparison:
    duration_s = copy.duration_s or 0.0
    # A track that does not match counts as replaced only where the other one matches long enough to say so.
    picture_told = bool(pictures) or _length(sounds) >= MIN_REPLACED_S
    sound_told = bool(sounds) or _length(pictures) >= MIN_REPLACED_S
    both_pictures = copy.frames is not None and frames is not None and picture_told
    both_sounds = copy.sound is not None and sound is not None and sound_told
    differences = (
        _differences(copy, sound, [*pictures, *sounds], duration_s) if both_sounds and sounds else []
    )
    whole = Span(0.0, duration_s)
    if both_sounds and not sounds:
        differences.append(Difference(DifferenceKind.SOUND_REPLACED, Channel.SOUND, span=whole))
    if both_pictures and not pictures:
        differences.append(Difference(DifferenceKind.PICTURE_REPLACED, Channel.PICTURE, span=whole))
    edits = edit_rules.classify_edits(
        pictures if both_pictures else None, sounds if both_sounds else None, differences
    )
    # Sound that goes on beneath another picture compares nothing of that picture.
    covered = edit_rules.share_covered([one.copy for one in pictures or sounds], duration_s)
    gaps = [*_gaps(copy, frames, sound, told=(both_pictures, both_sounds))]
    if copy.sound is not None and sound is not None and sounds:
        heard = (copy.sound, sound, [*pictures, *sounds], differences, duration_s)
        gaps += sound_match.unexplained(*heard)
    return Comparison(tuple(differences), edits, covered, tuple(gaps))


def _differences(
    copy: Examination, sound: SoundTrack | None, sounds: list[Segment], duration_s: float
) -> list[Difference]:
    if copy.sound is None or sound is None:
        return []
    return sound_match.differences(copy.sound, sound, sounds, duration_s)


def _gaps(
    copy: Examination, frames: FrameTrack | None, sound: SoundTrack | None, told: tuple[bool, bool]
) -> Iterator[str]:
    both_pictures, both_sounds = told
    for channel, ours, theirs, compared in (
        ("picture", copy.frames, frames, both_pictures),
        ("sound", copy.sound, sound, both_sounds),
    ):
        if ours is None and theirs is not None:
            yield f"{channel}: the copy has none that can be compared"
        elif ours is not None and theirs is not None and not compared:
            yield f"{channel}: at least {MIN_REPLACED_S:.0f} s that match are needed to say that it differs"


def _length(segments: Sequence[Segment]) -> float:
    return sum(one.copy.length_s for one in segments)


def frame_pairs(match: Match, stored: Sequence[tuple[float, bytes]], count: int) -> list[tuple[float, bytes]]:
    """Return up to ``count`` pairs of a copy's moment and the stored frame of the same moment, spread evenly.

    Args:
        match: A match with picture segments.
        stored: Stored frames of the asset: time in seconds and picture.
        count: Most pairs.
    """
    pairs: list[tuple[float, bytes]] = []
    for segment in match.alignment.segments if match.alignment is not None else ():
        if segment.channel is not Channel.PICTURE:
            continue
        line = Line.of(segment)
        if not line.speed:
            nearest = min(stored, key=lambda one: abs(one[0] - segment.asset.start_s), default=None)
            pairs += [] if nearest is None else [(edit_rules.mid(segment.copy), nearest[1])]
            continue
        inside = [one for one in stored if segment.asset.start_s <= one[0] <= segment.asset.end_s]
        pairs += [(line.back(asset_s), blob) for asset_s, blob in inside]
    pairs.sort(key=lambda one: one[0])
    if len(pairs) <= count:
        return pairs
    return [pairs[round(i * (len(pairs) - 1) / (count - 1))] for i in range(count)]


def with_local(match: Match, known: Match) -> Match:
    """Return a match with the geometry, and the family of local features, of the match it was made anew from."""
    local = tuple(one for one in known.found if one.family is Family.LOCAL)
    geometry = known.alignment.geometry if known.alignment is not None else None
    alignment = replace(match.alignment or Alignment(), geometry=geometry)
    return replace(match, found=(*match.found, *local), alignment=alignment)


def with_geometries(match: Match, geometries: Sequence[Geometry], tried: int) -> Match:
    """Return the match with the family of local features where enough frames fit, else unchanged."""
    if not geometries or match.alignment is None:
        return match
    best = max(geometries, key=lambda one: one.inliers)
    # A copy that stands still has one frame to show: it must be as sure as a picture by itself.
    still = not any(one.speed for one in match.alignment.segments)
    if len(geometries) < MIN_FRAMES and not (still and best.inliers >= INLIERS):
        return match
    method = f"local features in {len(geometries)} of {tried} frames"
    found = Found(Family.LOCAL, method, float(best.inliers), float(INLIERS))
    return replace(match, found=(*match.found, found), alignment=replace(match.alignment, geometry=best))
