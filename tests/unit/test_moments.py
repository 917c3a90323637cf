"""Films as they come: given moments, key frames, B-frames and edit lists, growing and encrypted files."""

import io
from fractions import Fraction

import av
import numpy as np
import pytest

from provenance.errors import MediaError
from provenance.media import decode
from provenance.media.asset import MediaType
from provenance.settings import Limits

RATE, FRAMES = 10, 60
LIMITS = Limits()


def film(codec="libx264", options=None, mux=None, count=FRAMES):
    """A film whose frame n has the grey level 4 n."""
    sink = io.BytesIO()
    with av.open(sink, "w", format="mp4", options=mux or {}) as out:
        track = out.add_stream(codec, rate=RATE)
        track.width, track.height, track.pix_fmt = 64, 48, "yuv420p"
        track.options = options or {}
        for number in range(count):
            frame = av.VideoFrame.from_ndarray(
                np.full((48, 64, 3), min(4 * number, 255), np.uint8), format="rgb24"
            )
            frame.pts, frame.time_base = number, Fraction(1, RATE)
            out.mux(track.encode(frame))
        out.mux(track.encode(None))
    return io.BytesIO(sink.getvalue())


@pytest.fixture(scope="module")
def with_b_frames():
    return film(options={"bf": "3", "g": "20", "crf": "10"}).getvalue()


def number_of(rgb):
    return round(float(rgb.mean()) / 4)


def test_b_frames_and_the_edit_list_they_need_keep_their_times(with_b_frames):
    assert b"elst" in with_b_frames
    shown = dict(decode.read_frames(io.BytesIO(with_b_frames), rate_hz=RATE))
    for time_s, rgb in shown.items():
        assert number_of(rgb) == pytest.approx(time_s * RATE, abs=1)
    assert len(shown) == pytest.approx(FRAMES, abs=1)


def test_given_moments_show_the_nearest_frames(with_b_frames):
    times = [0.31, 0.32, 2.5, 5.68]
    shown = list(decode.read_moments(io.BytesIO(with_b_frames), times))
    assert [time_s for time_s, _ in shown] == times
    assert [number_of(rgb) for _, rgb in shown] == pytest.approx([3, 3, 25, 57], abs=1)


def test_moments_that_no_frame_is_near_have_none(with_b_frames):
    times = [0.31, 2.45, 2.5, 5.97]
    shown = list(decode.read_moments(io.BytesIO(with_b_frames), times, within_s=0.03))
    assert [time_s for time_s, _ in shown] == [0.31, 2.5]


def test_moments_far_apart_are_wound_to_and_those_after_the_end_have_no_frame():
    long = film(options={"g": "20"}, count=200).getvalue()
    shown = list(decode.read_moments(io.BytesIO(long), [0.5, 18.0, 300.0]))
    assert [time_s for time_s, _ in shown] == [0.5, 18.0]


def test_no_moments_no_frames(with_b_frames):
    assert list(decode.read_moments(io.BytesIO(with_b_frames), [])) == []


def test_key_frames_are_those_of_the_film(with_b_frames):
    shown = list(decode.read_key_frames(io.BytesIO(with_b_frames)))
    assert [time_s for time_s, _ in shown] == pytest.approx([0.0, 2.0, 4.0], abs=0.11)
    assert [number_of(rgb) for _, rgb in shown] == pytest.approx([0, 20, 40], abs=1)


def test_of_nothing_but_key_frames_two_a_second_are_looked_at():
    every = film(options={"g": "1"}).getvalue()
    assert len(list(decode.read_key_frames(io.BytesIO(every)))) == pytest.approx(2 * FRAMES / RATE, abs=1)


def test_a_growing_file_is_refused_with_the_place_where_it_ends():
    grown = film(options={"g": "10"}, mux={"movflags": "frag_keyframe+empty_moov"}).getvalue()
    with pytest.raises(MediaError, match="expected a box"):
        decode.probe(io.BytesIO(grown[: len(grown) * 2 // 3]), MediaType.MP4, LIMITS)


def test_an_encrypted_track_is_refused_not_guessed(with_b_frames):
    locked = io.BytesIO(with_b_frames.replace(b"avc1", b"encv"))
    with pytest.raises(MediaError):
        list(decode.read_frames(locked, rate_hz=RATE))


def test_a_film_without_a_usable_length_is_read_by_its_time_stamps():
    endless = film(mux={"movflags": "frag_keyframe+empty_moov"}).getvalue()
    assert decode.probe(io.BytesIO(endless), MediaType.MP4, LIMITS).duration_s == pytest.approx(6.0, abs=0.2)
