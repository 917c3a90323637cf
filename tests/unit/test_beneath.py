"""Sound beneath a genuine picture: a voice cloned for some seconds leaves genuine stretches too short for codes."""

import pytest

from provenance.evidence import Channel, DifferenceKind, Edit, Segment, Span
from provenance.fingerprint.sound import PITCHES, RATE_HZ, sound
from provenance.match.beneath import sound_beneath
from provenance.match.tracks import match_tracks
from provenance.wording import edit_text
from tests.fakes.reports import RECORD
from tests.unit.test_takes import film, noisy, reading

SECONDS = 14


def picture(off_s=0.1, speed=1.0):
    """The picture's segment, some tenths off as pictures are."""
    return Segment(Channel.PICTURE, Span(0.0, SECONDS), Span(off_s, SECONDS + off_s), speed, 1.0)


def cloned(start_s, end_s):
    """The original, in a hall with some noise, spoken by another voice from one second to another."""
    wave = reading(1, take=1, seconds=SECONDS).copy()
    at = slice(round(start_s * RATE_HZ), round(end_s * RATE_HZ))
    wave[at] = reading(1, take=2, seconds=SECONDS, voice_hz=163.0)[at]
    return noisy(wave, 25)


def original():
    return reading(1, take=1, seconds=SECONDS)


def test_genuine_stretches_around_a_cloned_one_are_found():
    first, last = sound_beneath(sound(cloned(3, 11)).mel, sound(original()).mel, [picture()])
    assert (first.copy.start_s, first.copy.end_s) == pytest.approx((0, 3), abs=0.6)
    assert (last.copy.start_s, last.copy.end_s) == pytest.approx((11, 14), abs=0.6)
    assert first.asset.start_s == pytest.approx(0, abs=0.1)


def test_another_voice_has_no_genuine_stretch():
    assert sound_beneath(sound(cloned(0, SECONDS)).mel, sound(original()).mel, [picture()]) == []


@pytest.mark.parametrize("speed", [0.0, -1.0])
def test_a_picture_without_sound_of_its_own_has_none(speed):
    assert sound_beneath(sound(original()).mel, sound(original()).mel, [picture(speed=speed)]) == []


def test_a_voice_cloned_for_some_seconds_is_told_with_its_times():
    copy, registered = film(cloned(3, 11), PITCHES), film(original())
    match = match_tracks(RECORD, copy, registered.frames, registered.sound, [picture()])
    [told] = [one for one in match.comparison.differences if one.kind is DifferenceKind.SOUND_REPLACED]
    assert (told.span.start_s, told.span.end_s) == pytest.approx((3, 11), abs=0.6)
    assert Edit.OTHER_SOUND in match.comparison.edits
    assert "from 0:0" in edit_text(Edit.OTHER_SOUND, match.comparison, match.alignment.segments)
