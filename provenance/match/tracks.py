"""Tracks: the picture and the sound of a copy against those of one registered film or recording.

Picture and sound are aligned apart, so that a genuine picture with another sound, and genuine sound with
another picture, are told from a plain excerpt.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from provenance.evidence import (
    Alignment,
    Channel,
    Comparison,
    Difference,
    DifferenceKind,
    Edit,
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
from provenance.match import films, soundtrack, spectrum, timeline
from provenance.match.align import INLIERS

#: Aligned frames that must fit a stored frame in one geometry each. Source: docs/measurements.md, film.
MIN_FRAMES: Final = 2
#: Stretch of the copy that a track must match before a missing other track is called replaced, seconds; below it
#: five-second sound codes are not reliable enough to say so.
MIN_REPLACED_S: Final = 5.0


def match_tracks(
    record: Record, copy: Examination, frames: FrameTrack | None, sound: SoundTrack | None
) -> Match | None:
    """Return the match of a copy with a registered film or recording, or None where neither track aligns.

    Args:
        record: The registered asset.
        copy: What was taken out of the copy.
        frames: The asset's frame codes, or None where it has no picture.
        sound: The asset's sound codes and spectrum, or None where it has no sound.
    """
    found: list[Found] = []
    pictures: list[Segment] = []
    if copy.frames is not None and frames is not None:
        pictures = timeline.align_frames(
            copy.frames.code_array(), copy.frames.time_array(), frames.code_array(), frames.time_array()
        )
        if pictures:
            radius = float(films.FRAME_RADIUS)
            found.append(Found(Family.GLOBAL, "frame codes in one order of time", _apart(pictures), radius))
    sounds: list[Segment] = []
    agreement = None
    if copy.sound is not None and sound is not None:
        sounds = soundtrack.align_sound(copy.sound.code_array(), sound.code_array())
    if sounds and copy.sound is not None and sound is not None:
        found.append(Found(Family.SOUND, "sound codes in one order of time", _apart(sounds), 1.0))
        longest = max(sounds, key=lambda one: one.copy.length_s)
        agreement = spectrum.spectrum_agreement(copy.sound.spectrum_array(), sound.spectrum_array(), longest)
        least = spectrum.min_agreement(longest.copy.length_s)
        if agreement >= least:
            limit = 1 - least
            found.append(Found(Family.SPECTRUM, "stored spectrum along the alignment", 1 - agreement, limit))
    if not found:
        return None
    comparison = _compare(copy, frames, sound, pictures, sounds)
    return Match(record, tuple(found), Alignment(segments=(*pictures, *sounds)), comparison)


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
    edits = list(
        edit_rules.classify_edits(
            pictures if copy.frames is not None and frames is not None else None,
            sounds if copy.sound is not None and sound is not None else None,
        )
    )
    differences: list[Difference] = []
    gaps: list[str] = []
    whole = Span(0.0, duration_s)
    if copy.sound is not None and sound is not None:
        if sounds:
            differences += spectrum.compare_sound(
                copy.sound.spectrum_array(), sound.spectrum_array(), sounds, duration_s
            )
        elif _length(pictures) >= MIN_REPLACED_S:
            differences.append(Difference(DifferenceKind.SOUND_REPLACED, Channel.SOUND, span=whole))
            edits.append(Edit.OTHER_SOUND)
        else:
            gaps.append(
                f"sound: {MIN_REPLACED_S:.0f} s of matching picture are needed to say that it differs"
            )
    elif copy.sound is None and sound is not None:
        gaps.append("sound: the copy has none that can be compared")
    if copy.frames is not None and frames is not None:
        if pictures:
            gaps.append(
                "picture: frames were aligned; regions within film frames are not compared in this version"
            )
        elif _length(sounds) >= MIN_REPLACED_S:
            differences.append(Difference(DifferenceKind.PICTURE_REPLACED, Channel.PICTURE, span=whole))
            edits.append(Edit.OTHER_PICTURE)
    elif copy.frames is None and frames is not None:
        gaps.append("picture: the copy has none that can be compared")
    covered = max(_length(pictures), _length(sounds))
    compared = min(covered / duration_s, 1.0) if duration_s else 0.0
    return Comparison(tuple(differences), tuple(dict.fromkeys(edits)), compared, tuple(gaps))


def _length(segments: Sequence[Segment]) -> float:
    return sum(one.copy.length_s for one in segments)


def frame_pairs(match: Match, stored: Sequence[tuple[float, bytes]], count: int) -> list[tuple[float, bytes]]:
    """Return up to ``count`` pairs of a copy's moment and the stored frame of the same moment, spread evenly.

    Args:
        match: A match with picture segments.
        stored: Stored frames of the asset: time in seconds and picture.
        count: Most pairs.
    """
    pairs = []
    for segment in match.alignment.segments if match.alignment is not None else ():
        if segment.channel is Channel.PICTURE:
            inside = [one for one in stored if segment.asset.start_s <= one[0] <= segment.asset.end_s]
            for asset_s, blob in inside:
                copy_s = segment.copy.start_s + (asset_s - segment.asset.start_s) / segment.speed
                pairs.append((copy_s, blob))
    if len(pairs) <= count:
        return pairs
    return [pairs[round(i * (len(pairs) - 1) / (count - 1))] for i in range(count)]


def with_geometries(match: Match, geometries: Sequence[Geometry], tried: int) -> Match:
    """Return the match with the family of local features where enough frames fit, else unchanged."""
    if len(geometries) < MIN_FRAMES or match.alignment is None:
        return match
    best = max(geometries, key=lambda one: one.inliers)
    method = f"local features in {len(geometries)} of {tried} frames"
    found = Found(Family.LOCAL, method, float(best.inliers), float(INLIERS))
    return replace(match, found=(*match.found, found), alignment=replace(match.alignment, geometry=best))
