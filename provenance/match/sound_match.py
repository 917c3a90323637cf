"""Sound of a copy against the sound of one registered asset: genuine segments, and what differs along them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from provenance.evidence import Difference, Family, Found, Segment
from provenance.examination import SoundTrack
from provenance.match import sound_changes, soundtrack, spectrum

#: Length, seconds, and score (agreement of the spectra and :data:`BITS_WEIGHT` times by how much fewer bits than
#: :data:`BITS_AT` differ) from which a stretch is the same recording. Source: docs/measurements.md, clips: one voice
#: saying similar phrases is unlike in the sum of both where each alone is near.
SCORES: Final = ((4.0, 0.8), (5.0, 0.75), (10.0, 0.55), (30.0, 0.35))
BITS_AT: Final = 0.35
BITS_WEIGHT: Final = 1.5
#: Agreement below which no number of equal bits makes two stretches one recording.
LEAST_AGREEMENT: Final = 0.2


@dataclass(frozen=True, slots=True)
class SoundMatch:
    """What two sounds share.

    Attributes:
        segments: Genuine stretches, in order of the copy; empty where nothing is shared.
        found: The families that speak for it.
    """

    segments: tuple[Segment, ...] = ()
    found: tuple[Found, ...] = ()


def least_score(length_s: float) -> float:
    """Return the score from which a stretch of ``length_s`` seconds counts as the same recording."""
    lengths, scores = zip(*SCORES, strict=True)
    return float(np.interp(length_s, lengths, scores))


def match_sound(copy: SoundTrack, ref: SoundTrack) -> SoundMatch:
    """Return the stretches of a copy's sound that are stretches of the asset's, put right by the spectrum."""
    forms, codes = copy.forms(), ref.code_array()
    aligned = soundtrack.align_sound(forms[0], codes, pitched=forms[1:])
    if not aligned:
        return SoundMatch()
    copy_mel, ref_mel = copy.spectrum_array(), ref.spectrum_array()
    kept: list[Segment] = []
    best = (0.0, 0.0, 0.0)
    for segment in aligned:
        bits = soundtrack.bit_error(forms, codes, segment)
        put, agreement = spectrum.placed(copy_mel, ref_mel, segment)
        score = agreement + BITS_WEIGHT * (BITS_AT - bits)
        if agreement >= LEAST_AGREEMENT and score >= least_score(segment.copy.length_s):
            kept.append(put)
            best = max(best, (segment.copy.length_s, agreement, bits))
    if not kept:
        return SoundMatch()
    length_s, agreement, bits = best
    least = least_score(length_s) - BITS_WEIGHT * (BITS_AT - bits)
    found = (
        Found(Family.SOUND, "sound codes in one order of time", bits, BITS_AT),
        Found(
            Family.SPECTRUM,
            "stored spectrum along the alignment",
            1 - agreement,
            1 - max(least, LEAST_AGREEMENT),
        ),
    )
    return SoundMatch(tuple(spectrum.settled(copy_mel, ref_mel, kept)), found)


def differences(
    copy: SoundTrack, ref: SoundTrack, segments: Sequence[Segment], duration_s: float
) -> list[Difference]:
    """Return where the copy's sound is not the asset's along segments of picture and sound; see ``compare_sound``."""
    found = sound_changes.compare_sound(copy.spectrum_array(), ref.spectrum_array(), segments, duration_s)
    return list(found)
