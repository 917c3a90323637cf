"""Synchrony: by how much the sound of a copy is off its picture, and how that is said."""

import pytest

from provenance.evidence import Channel, Comparison, Difference, DifferenceKind, Edit, Segment, Span
from provenance.synchrony import shift_text, sound_shift_s
from provenance.wording import edit_text


def part(channel, start_s, end_s, asset_s, speed=1.0):
    asset = Span(asset_s, asset_s + (end_s - start_s) * abs(speed))
    return Segment(channel, Span(start_s, end_s), asset, speed, 1.0)


@pytest.mark.parametrize(
    ("sound_at_s", "expected", "words"),
    [
        (31.2, 1.2, " by 1.2 s and comes too early"),
        (28.7, -1.3, " by 1.3 s and comes too late"),
        (30.4, None, ""),
    ],
)
def test_shift_is_told_with_its_amount_and_direction(sound_at_s, expected, words):
    segments = [part(Channel.PICTURE, 0, 10, 30), part(Channel.SOUND, 1, 9, sound_at_s + 1)]
    shift_s = sound_shift_s(segments)
    assert shift_s == (None if expected is None else pytest.approx(expected))
    assert shift_text(segments) == words


def test_picture_that_was_slowed_down_has_its_shift_in_seconds_of_the_copy():
    segments = [part(Channel.PICTURE, 0, 10, 30, 0.5), part(Channel.SOUND, 0, 10, 31, 0.5)]
    assert sound_shift_s(segments) == pytest.approx(2.0)


def test_repeated_picture_has_sound_of_both_sides_and_no_shift():
    segments = [
        part(Channel.PICTURE, 0, 10, 30),
        part(Channel.SOUND, 0, 5, 30),
        part(Channel.SOUND, 5, 10, 50),
    ]
    assert sound_shift_s(segments) is None


@pytest.mark.parametrize("speed", [-1.0, 0.0])
def test_picture_backwards_or_still_has_no_sound_of_its_own(speed):
    segments = [part(Channel.PICTURE, 0, 10, 30, speed), part(Channel.SOUND, 0, 10, 50)]
    assert sound_shift_s(segments) is None


def test_foreign_sound_is_told_with_its_times():
    replaced = Difference(DifferenceKind.SOUND_REPLACED, Channel.SOUND, span=Span(3.1, 9.0))
    said = edit_text(Edit.OTHER_SOUND, Comparison((replaced,), (Edit.OTHER_SOUND,)), ())
    assert said == "the sound track is not the original's from 0:03.1 to 0:09.0"
