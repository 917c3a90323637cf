"""Films and sound: ticks, rotation, seeking, several tracks, limits, and bounded memory."""

import io
from dataclasses import replace

import av
import numpy as np
import pytest

from provenance.errors import LimitError, MediaError, UnsupportedError
from provenance.media import decode
from provenance.media.asset import MediaType
from provenance.settings import Limits
from tests.media_samples import gray_film, turned, wav

LIMITS = Limits()
LEVELS = list(range(20, 240, 5))  # 44 frames, 4.4 s at 10 per second


@pytest.fixture(scope="module")
def film():
    return gray_film(LEVELS, tone_s=4.0)


def ticks(content, **options):
    return list(decode.read_frames(io.BytesIO(content), **options))


def level(rgb):
    return float(rgb.mean())


def test_probe_of_a_film(film):
    found = decode.probe(io.BytesIO(film), MediaType.MP4, LIMITS)
    assert found.duration_s == pytest.approx(4.4, abs=0.1)
    assert (found.width, found.height, found.has_picture, found.has_sound) == (64, 48, True, True)
    assert found.fps == pytest.approx(10, rel=0.05)
    assert found.sample_rate == 44100
    assert found.notes == ()


def test_probe_of_a_recording_and_a_picture():
    found = decode.probe(io.BytesIO(wav(2.0)), MediaType.WAV, LIMITS)
    assert (found.duration_s, found.has_picture, found.has_sound, found.width) == (2.0, False, True, 0)
    png = decode.encode_png(np.zeros((30, 40, 3), np.uint8))
    found = decode.probe(io.BytesIO(png), MediaType.PNG, LIMITS)
    assert (found.width, found.height, found.duration_s, found.has_sound) == (40, 30, 0.0, False)


def test_each_tick_shows_the_nearest_frame(film):
    found = ticks(film, rate_hz=2.5)
    assert [time for time, _ in found] == pytest.approx([n / 2.5 for n in range(11)])
    for time, rgb in found:
        assert rgb.shape == (48, 64, 3)
        assert rgb.dtype == np.uint8
        assert level(rgb) == pytest.approx(LEVELS[round(time * 10)], abs=3)


def test_variable_frame_rates_follow_their_time_stamps():
    times = [0.0, 0.1, 0.2, 2.0, 2.1, 4.0]
    levels = [20, 60, 100, 140, 180, 220]
    found = ticks(gray_film(levels, times=times), rate_hz=2)
    expected = {0.0: 20, 0.5: 100, 1.0: 100, 1.5: 140, 2.0: 140, 2.5: 180, 3.0: 180, 3.5: 220, 4.0: 220}
    got = {time: level(rgb) for time, rgb in found if time in expected}
    assert set(got) == set(expected)
    for time, value in expected.items():
        assert got[time] == pytest.approx(value, abs=4), time


def test_a_part_equals_the_same_part_of_the_whole(film):
    whole = dict(ticks(film, rate_hz=5))
    part = dict(ticks(film, rate_hz=5, start_s=1.9, end_s=3.01))
    assert list(part) == [time for time in whole if 1.9 <= time < 3.01]
    for time, rgb in part.items():
        assert np.array_equal(rgb, whole[time])


def test_a_part_outside_the_film_is_empty(film):
    assert ticks(film, start_s=60.0) == []
    assert ticks(film, start_s=1.0, end_s=1.0) == []


def test_frames_are_reduced_but_never_enlarged(film):
    assert ticks(film, max_side=32)[0][1].shape == (24, 32, 3)
    assert ticks(film, max_side=4096)[0][1].shape == (48, 64, 3)


@pytest.mark.parametrize(
    ("matrix", "place"),
    [
        ((1, 0, 0, 1), (0, 0)),
        ((0, 1, -1, 0), (0, -1)),  # shown turned by 90 degrees clockwise: the first corner goes to the right
        ((-1, 0, 0, -1), (-1, -1)),
        ((0, -1, 1, 0), (-1, 0)),
    ],
)
def test_the_display_matrix_is_applied(matrix, place):
    picture = np.zeros((48, 64, 3), np.uint8)
    picture[:24, :32] = 255  # bright in the first corner
    sink = io.BytesIO()
    with av.open(sink, "w", format="mp4") as output:
        stream = output.add_stream("mpeg4", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for _ in range(3):
            output.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        output.mux(stream.encode())
    rgb = ticks(turned(sink.getvalue(), matrix))[0][1]
    assert rgb.shape == ((48, 64, 3) if matrix[0] else (64, 48, 3))
    height, width = rgb.shape[:2]
    quarters = rgb.reshape(2, height // 2, 2, width // 2, 3).mean(axis=(1, 3, 4))
    assert quarters[place] > 200
    assert np.sort(quarters.ravel())[2] < 50


def test_sound_is_mono_at_the_asked_rate():
    content = np.concatenate(list(decode.read_sound(io.BytesIO(wav(3.0, channels=2)), rate_hz=11025)))
    assert content.dtype == np.float32
    assert len(content) == pytest.approx(3 * 11025, abs=20)
    middle = content[11025:22050]
    assert np.abs(middle).max() == pytest.approx(0.5, abs=0.02)
    spectrum = np.abs(np.fft.rfft(middle))
    assert spectrum.argmax() == 441


def test_sound_of_a_film_and_part_of_it(film):
    whole = np.concatenate(list(decode.read_sound(io.BytesIO(film))))
    assert len(whole) / 11025 == pytest.approx(4.0, abs=0.1)
    part = np.concatenate(list(decode.read_sound(io.BytesIO(film), start_s=1.0, end_s=2.0)))
    assert len(part) == 11025
    assert np.array_equal(part, whole[11025 : 11025 + len(part)])


def test_the_number_of_channels_does_not_change_the_level():
    mono, stereo = (
        np.concatenate(list(decode.read_sound(io.BytesIO(wav(1.0, channels=count))))) for count in (1, 2)
    )
    assert np.allclose(mono, stereo, atol=1e-4)
    six = np.concatenate(list(decode.read_sound(io.BytesIO(wav(1.0, channels=6)))))
    assert len(six) == len(mono)


def test_sound_chunks_are_small():
    assert max(len(chunk) for chunk in decode.read_sound(io.BytesIO(wav(20.0)))) < 11025


@pytest.mark.parametrize("container", ["mp4", "mov", "matroska", "avi"])
def test_containers_agree(container):
    codec = "mpeg4"
    found = ticks(gray_film(LEVELS, container=container, codec=codec), rate_hz=2)
    assert len(found) == 9
    for time, rgb in found:
        assert level(rgb) == pytest.approx(LEVELS[round(time * 10)], abs=8)


def test_webm_is_read():
    found = ticks(gray_film(LEVELS[:12], container="webm", codec="libvpx"), rate_hz=2)
    assert [time for time, _ in found] == [0.0, 0.5, 1.0]


def test_what_a_file_lacks_is_said(film):
    with pytest.raises(MediaError, match="no picture track"):
        ticks(wav(1.0))
    with pytest.raises(MediaError, match="no sound track"):
        list(decode.read_sound(io.BytesIO(gray_film(LEVELS[:5]))))
    with pytest.raises(UnsupportedError):
        ticks(decode.encode_png(np.zeros((8, 8, 3), np.uint8)))


def test_more_tracks_than_one_are_noted():
    sink = io.BytesIO()
    with av.open(sink, "w", format="mp4") as output:
        tracks = [output.add_stream("aac", rate=44100, layout="mono") for _ in range(2)]
        for track in tracks:
            frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
            frame.sample_rate, frame.pts = 44100, 0
            output.mux(track.encode(frame))
            output.mux(track.encode())
    found = decode.probe(io.BytesIO(sink.getvalue()), MediaType.MP4, LIMITS)
    assert found.notes == ("the file holds 2 sound tracks; only the first was looked at",)


def test_sr12_limits_hold_before_and_during_decoding(film):
    with pytest.raises(LimitError, match="at most 4 s"):
        decode.probe(io.BytesIO(film), MediaType.MP4, replace(LIMITS, duration_s=4.0))
    with pytest.raises(LimitError, match="64 x 48"):
        decode.probe(io.BytesIO(film), MediaType.MP4, replace(LIMITS, pixels=3000))
    with pytest.raises(LimitError, match="at most 2 s"):
        ticks(film, limits=replace(LIMITS, duration_s=2.0))
    with pytest.raises(LimitError, match="at most 1 s"):
        list(decode.read_sound(io.BytesIO(wav(3.0)), limits=replace(LIMITS, duration_s=1.0)))
    with pytest.raises(LimitError, match="64 x 48"):
        ticks(film, limits=replace(LIMITS, side_px=60))


def test_a_damaged_film_yields_what_can_be_decoded_and_says_so():
    film = bytearray(gray_film(LEVELS, codec="libx264"))
    start = film.index(b"mdat") + 4
    for at in range(start + 900, len(film) - 2000, 97):
        film[at] ^= 0xFF
    notes = []
    try:
        found = ticks(bytes(film), on_note=notes.append)
    except MediaError:
        return  # damaged beyond reading is an answer as well
    assert found
    assert all("left out" in note for note in notes)


def test_a_film_cut_short_is_damaged(film):
    with pytest.raises(MediaError):
        decode.probe(io.BytesIO(film[: len(film) // 2]), MediaType.MP4, LIMITS)


def test_a_film_in_a_sound_container_is_not_passed_off_as_sound():
    film = gray_film(LEVELS[:10], tone_s=1.0).replace(b"isom", b"M4A ", 1)
    found = decode.probe(io.BytesIO(film), MediaType.M4A, LIMITS)
    assert not found.has_picture
    assert found.notes == ("the recording holds a film track as well, which was not looked at",)


def test_bytes_around_a_seek_do_not_move_the_sound():
    """Silence stands in for the time before a late sound track, so that both share one clock."""
    sink = io.BytesIO()
    with av.open(sink, "w", format="matroska") as output:
        film = output.add_stream("mpeg4", rate=10)
        film.width, film.height, film.pix_fmt = 64, 48, "yuv420p"
        sound = output.add_stream("pcm_s16le", rate=8000, layout="mono")
        for _ in range(20):
            output.mux(
                film.encode(av.VideoFrame.from_ndarray(np.zeros((48, 64, 3), np.uint8), format="rgb24"))
            )
        output.mux(film.encode())
        frame = av.AudioFrame.from_ndarray(np.full((1, 8000), 16000, np.int16), format="s16", layout="mono")
        frame.sample_rate, frame.pts = 8000, 8000
        output.mux(sound.encode(frame))
        output.mux(sound.encode())
    content = np.concatenate(list(decode.read_sound(io.BytesIO(sink.getvalue()), rate_hz=8000)))
    assert len(content) == pytest.approx(16000, abs=40)
    assert np.abs(content[:7900]).max() == 0
    assert content[8200:15000].min() > 0.4
