"""The clip bench: what it does to sound is where it says it is, and its shares are shares."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bench import clip_film, clip_report, clip_score, clip_sound
from bench.clip_material import Original
from bench.clip_packages import half_of
from bench.clip_queries import Counts, make, plan
from bench.clip_waves import RATE, read_wave, write_wave


def speech(seconds=20.0, seed=1):
    """Bursts and pauses of noise, as loud as speech."""
    rng = np.random.default_rng(seed)
    wave = rng.standard_normal(round(seconds * RATE)).astype(np.float32) * 0.05
    for start in range(0, len(wave), RATE * 3):
        wave[start : start + RATE // 4] = 0
    return wave


def test_a_replaced_stretch_is_the_only_one_that_differs():
    wave = speech()
    altered = clip_sound.replaced(wave, speech(seed=2), 0.8, np.random.default_rng(3))
    first, end = round(altered.start_s * RATE), round(altered.end_s * RATE)
    fade = RATE // 50
    assert np.array_equal(altered.wave[: first - fade], wave[: first - fade])
    assert np.array_equal(altered.wave[end + fade : -fade], wave[end + fade : -fade])
    assert not np.allclose(altered.wave[first:end], wave[first:end], atol=0.01)


def test_cutting_and_putting_in_change_the_length_by_as_much():
    wave = speech()
    assert len(wave) - len(clip_sound.removed(wave, 0.9, np.random.default_rng(1)).wave) == round(0.9 * RATE)
    longer = clip_sound.inserted(wave, speech(seed=2), 0.7, np.random.default_rng(1))
    assert len(longer.wave) - len(wave) == round(0.7 * RATE)
    assert longer.end_s - longer.start_s == pytest.approx(0.7, abs=0.001)


def test_noise_is_as_far_below_the_sound_as_it_says():
    wave = speech()
    noise = clip_sound.noisy(wave, np.random.default_rng(1), db=10.0) - wave
    assert 20 * np.log10(np.sqrt(np.mean(wave**2) / np.mean(noise**2))) == pytest.approx(10, abs=0.2)


def test_a_region_of_five_percent_is_replaced_and_no_more():
    frame = np.zeros((100, 160, 3), np.uint8)
    frame[::2] = 200
    other = np.random.default_rng(1).integers(0, 255, (50, 50, 3), np.uint8)
    (changed,) = clip_film.region_replaced([frame], other, (0.5, 0.5), 0.05)
    assert 0.03 < (changed != frame).any(axis=2).mean() < 0.08


def recording(folder: Path, name: str) -> Original:
    write_wave(folder / name, speech(40.0, seed=len(name)))
    return Original(name, folder / name, "recorded speech", "somebody", 40.0, film=False)


def test_every_clip_says_which_stretch_it_is(tmp_path):
    own = [recording(tmp_path, "a.wav"), recording(tmp_path, "bb.wav")]
    film = Original("f.mp4", tmp_path / "f.mp4", "film", "", 30.0, film=True)
    queries = list(
        plan([*own, film], [*own, film], Counts(picture=1, tracks=1, sound=1, words=1, strangers=4))
    )
    assert {one.group for one in queries} >= {"picture", "time", "edit", "sound", "words", "stranger"}
    query = next(one for one in queries if one.attack == "EQ bass")
    clip = make(query, tmp_path, tmp_path)
    (piece,) = clip.pieces
    assert piece.name == query.source.name
    assert len(read_wave(clip.path)) / RATE == pytest.approx(piece.end_s, abs=0.01)


def test_intervals_hold_the_share_and_narrow():
    assert clip_report.interval(0, 0) == (0.0, 1.0)
    for hits, count in ((0, 10), (10, 10), (950, 1000)):
        low, high = clip_report.interval(hits, count)
        assert low <= hits / count <= high
    assert clip_report.interval(0, 2000)[1] < 0.002


def test_halves_are_fixed_by_the_name():
    assert [half_of(name) for name in ("vtest.avi", "tree.avi", "demo.mp4")] == [0, 1, 0]


def test_sound_that_comes_twice_may_be_placed_at_either(tmp_path):
    wave = speech(20.0, seed=4)
    write_wave(tmp_path / "twice.wav", np.concatenate([wave, wave]))
    original = Original("t", tmp_path / "twice.wav", "music", "", 40.0, film=False)
    assert clip_score._repeats(original, 5.0, 25.0)
    assert not clip_score._repeats(original, 5.0, 27.0)
    assert not clip_score._repeats(original, 5.0, 5.2)
