"""Sound of a copy against the sound of one registered asset: genuine segments, and what differs along them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from provenance.evidence import Channel, Difference, Family, Found, Segment
from provenance.examination import SoundTrack
from provenance.fingerprint.sound import MEL_STEPS_PER_DB
from provenance.match import added, sound_changes, soundtrack, spectrum, takes

#: Length, seconds, and score (agreement of the spectra and :data:`BITS_WEIGHT` times by how much fewer bits than
#: :data:`BITS_AT` differ) from which a stretch is the same recording. Source: docs/measurements.md, clips: one voice
#: saying similar phrases is unlike in the sum of both where each alone is near.
SCORES: Final = ((4.0, 0.9), (5.0, 0.85), (10.0, 0.6), (30.0, 0.35))
#: What a stretch that is half, a quarter ... of the copy needs more each time: a longer copy has more stretches that
#: may resemble something. Source: the same.
SCORE_A_HALF: Final = 0.08
BITS_AT: Final = 0.35
BITS_WEIGHT: Final = 1.5
#: Shortest sound that is found, seconds: twelve codes.
LEAST_S: Final = 4.1
#: Least difference between loud and quiet tenths of a sound, dB. Source: the same: speech of 5 s is found in 29 of 30
#: with noise 5 dB below it (varies by 3 to 6 dB), in 12 of 29 at 0 dB (1.8 to 3.5), never at -5 dB.
LEAST_CONTRAST_DB: Final = 2.5
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

    @property
    def copied(self) -> bool:
        """Whether it is the same recording, rather than another reading that is like it."""
        return any(one.family is Family.SPECTRUM for one in self.found)


def too_little(sound: SoundTrack | None, refusals: Sequence[str]) -> str:
    """Return why a copy's sound is too short, too quiet or too noisy to say anything, as a clause; empty if it is not.

    Args:
        sound: The copy's sound; None where it has none or none that has codes.
        refusals: Why parts of the copy cannot be matched.
    """
    if sound is None:
        return next((one.removeprefix("sound: ") for one in refusals if one.startswith("sound: ")), "")
    if sound.duration_s < LEAST_S:
        return f"sound is too short to be told: {sound.duration_s:.1f} s, at least {LEAST_S} s needed"
    level = sound.spectrum_array().mean(axis=1) / MEL_STEPS_PER_DB
    varies_db = float(np.percentile(level, 90) - np.percentile(level, 10)) if len(level) else 0.0
    if varies_db < LEAST_CONTRAST_DB:
        return (
            f"sound is too noisy to be told: its level varies by {varies_db:.1f} dB, at least "
            f"{LEAST_CONTRAST_DB} dB needed; speech is found with noise down to 5 dB below it"
        )
    return ""


def least_score(length_s: float, copy_s: float) -> float:
    """Return the score from which ``length_s`` seconds of a copy of ``copy_s`` seconds are the same recording."""
    lengths, scores = zip(*SCORES, strict=True)
    rarer = max(0.0, math.log2(copy_s / length_s)) if length_s > 0 else 0.0
    return float(np.interp(length_s, lengths, scores)) + SCORE_A_HALF * rarer


def match_sound(copy: SoundTrack, ref: SoundTrack) -> SoundMatch:
    """Return the stretches of a copy's sound that are stretches of the asset's, put right by the spectrum."""
    forms, codes = copy.forms(), ref.code_array()
    aligned = soundtrack.align_sound(forms[0], codes, pitched=forms[1:])
    if not aligned:
        return SoundMatch()
    copy_mel, ref_mel = copy.spectrum_array(), ref.spectrum_array()
    kept: list[Segment] = []
    best, copied = (0.0, 0.0, 0.0), False
    for segment in aligned:
        bits = soundtrack.bit_error(forms, codes, segment)
        put, agreement = spectrum.placed(copy_mel, ref_mel, segment)
        score = agreement + BITS_WEIGHT * (BITS_AT - bits)
        if agreement >= LEAST_AGREEMENT and score >= least_score(segment.copy.length_s, copy.duration_s):
            kept.append(put)
            copied = copied or takes.one_take(forms, codes, (copy_mel, ref_mel), segment, put)
            best = max(best, (segment.copy.length_s, agreement, bits))
    if not kept:
        return SoundMatch()
    segments = added.audible(copy_mel, ref_mel, spectrum.settled(copy_mel, ref_mel, kept))
    return SoundMatch(tuple(segments), _families(best, copy.duration_s, copied=copied))


def _families(best: tuple[float, float, float], copy_s: float, *, copied: bool) -> tuple[Found, ...]:
    """Return what speaks for a match; the codes alone where it may be another reading by the same voice."""
    length_s, agreement, bits = best
    codes = Found(Family.SOUND, "sound codes in one order of time", bits, BITS_AT)
    if not copied:
        return (codes,)
    least = max(least_score(length_s, copy_s) - BITS_WEIGHT * (BITS_AT - bits), LEAST_AGREEMENT)
    return codes, Found(Family.SPECTRUM, "stored spectrum along the alignment", 1 - agreement, 1 - least)


def differences(
    copy: SoundTrack, ref: SoundTrack, segments: Sequence[Segment], duration_s: float
) -> list[Difference]:
    """Return where the copy's sound is not the asset's along segments of picture and sound; see ``compare_sound``."""
    found = sound_changes.compare_sound(copy.spectrum_array(), ref.spectrum_array(), segments, duration_s)
    return list(found)


def unexplained(
    copy: SoundTrack,
    ref: SoundTrack,
    segments: Sequence[Segment],
    differences: Sequence[Difference],
    duration_s: float,
) -> list[str]:
    """Return which seconds of the copy's sound nothing was said about, as clauses; see ``match.added``."""
    sounds = added.Sounds(copy.spectrum_array(), ref.spectrum_array(), duration_s)
    picture, sound = ([one for one in segments if one.channel is channel] for channel in Channel)
    return list(added.unexplained(sounds, picture, sound, differences))
