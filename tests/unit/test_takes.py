"""Takes: another reading of the same words is near in both families and is no copy; copies bear any channel."""

import numpy as np
import pytest

from provenance.evidence import Channel, DifferenceKind, Edit, Family, Segment, Span
from provenance.examination import Examination, FrameTrack, SoundTrack
from provenance.fingerprint.sound import PITCHES, RATE_HZ, sound
from provenance.match.sound_match import match_sound
from provenance.match.takes import ONE_TAKE_DB, loud_difference
from provenance.match.tracks import match_tracks
from tests.fakes.reports import RECORD


def reading(words: int, take: int, seconds: int = 10, voice_hz: float = 110.0) -> np.ndarray:
    """Notes of overtones: the same ones for the same words, each take with its own weights, levels and moments."""
    score, breath = np.random.default_rng(words), np.random.default_rng([words, take])
    out = np.zeros(seconds * RATE_HZ + RATE_HZ, np.float32)
    at = 0
    while at < seconds * RATE_HZ:
        time_s = np.arange(int(score.uniform(0.12, 0.5) * RATE_HZ)) / RATE_HZ
        hz, weights, loud = (
            voice_hz * 2 ** (score.integers(0, 36) / 12),
            score.uniform(0.1, 1, 6),
            score.uniform(0.3, 1),
        )
        weights = weights * np.exp(breath.normal(0, 0.5, 6))
        tone = sum(w * np.sin(2 * np.pi * hz * k * time_s) for k, w in enumerate(weights, start=1))
        first = max(0, at + int(breath.normal(0, 0.01) * RATE_HZ))
        out[first : first + len(time_s)] += (
            0.1 * tone * np.exp(-3 * time_s) * loud * np.exp(breath.normal(0, 0.3))
        )
        at += len(time_s) + int(score.uniform(0, 0.1) * RATE_HZ)
    return out[: seconds * RATE_HZ]


def telephone(wave):
    spectrum = np.fft.rfft(wave)
    hz = np.fft.rfftfreq(len(wave), 1 / RATE_HZ)
    spectrum[(hz < 300) | (hz > 3400)] = 0
    return noisy(np.fft.irfft(spectrum, len(wave)), 30)


def noisy(wave, below_db=15):
    noise = np.random.default_rng(1).standard_normal(len(wave)).astype(np.float32)
    return (wave + noise * np.sqrt(np.mean(wave**2)) * 10 ** (-below_db / 20)).astype(np.float32)


def track(wave, pitches=()):
    made = sound(wave, pitches)
    pitched = tuple(one.tobytes() for one in made.pitched)
    return SoundTrack(made.codes.tobytes(), made.mel.tobytes(), made.duration_s, pitched)


def families(copy, original):
    return {one.family for one in match_sound(track(copy, PITCHES), track(original)).found}


def film(wave, pitches=()) -> Examination:
    """What is taken out of a film with some picture and this sound."""
    frames = FrameTrack(b"", b"")
    return Examination(480, 270, len(wave) / RATE_HZ, None, frames, track(wave, pitches), (), ())


def whole(seconds=10.0):
    return Segment(Channel.SOUND, Span(0.0, seconds), Span(0.0, seconds), 1.0, 1.0)


@pytest.mark.parametrize("words", [1, 2, 3])
def test_another_reading_of_the_same_words_is_possible_and_not_confirmed(words):
    assert Family.SPECTRUM not in families(reading(words, take=2), reading(words, take=1))


def test_another_reading_still_leads_to_the_original():
    found = [families(reading(words, take=2), reading(words, take=1)) for words in range(1, 7)]
    assert {Family.SOUND} in found


@pytest.mark.parametrize("channel", [noisy, telephone])
def test_a_copy_through_a_bad_channel_is_confirmed(channel):
    assert families(channel(reading(1, take=1)), reading(1, take=1)) == {Family.SOUND, Family.SPECTRUM}


def test_loud_levels_of_a_copy_differ_little_and_those_of_another_reading_much():
    first, second = (sound(reading(1, take)).mel for take in (1, 2))
    copy = sound(telephone(reading(1, 1))).mel
    assert loud_difference(copy, first, whole()) < ONE_TAKE_DB < loud_difference(second, first, whole())


def test_what_is_altered_elsewhere_does_not_count_against_a_copy():
    original = reading(1, take=1, seconds=16)
    copy = original.copy()
    copy[8 * RATE_HZ :] = reading(1, take=2, seconds=16)[8 * RATE_HZ :]
    assert families(copy, original) == {Family.SOUND, Family.SPECTRUM}


def test_too_little_to_compare_is_no_copy():
    mel = sound(reading(1, take=1)).mel
    assert loud_difference(mel, mel, whole(0.3)) == float("inf")
    silent = np.zeros_like(mel)
    assert loud_difference(silent, mel, whole()) > ONE_TAKE_DB


def test_another_reading_under_the_genuine_picture_is_another_sound():
    picture = Segment(Channel.PICTURE, Span(0.0, 10.0), Span(0.0, 10.0), 1.0, 1.0)
    original = film(reading(1, take=1))
    for take, edits in ((1, ()), (2, (Edit.OTHER_SOUND,))):
        copy = film(reading(1, take=take), PITCHES)
        match = match_tracks(RECORD, copy, original.frames, original.sound, [picture])
        assert match.comparison.edits == edits
        kinds = [one.kind for one in match.comparison.differences]
        assert kinds == ([DifferenceKind.SOUND_REPLACED] if edits else [])
