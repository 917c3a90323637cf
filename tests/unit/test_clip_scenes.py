"""Composed films: seeded, of the asked size, cut every few seconds, and every moment unlike the others."""

import numpy as np

from bench import clip_scenes

SIZE = (96, 54)


def made(seed=1, length_s=12):
    rng = np.random.default_rng(7)
    noise = rng.normal(0, 10, (clip_scenes.GROUNDS, 108, 192, 3))
    cells = [np.clip(30 + 35 * n + one, 0, 255).astype(np.uint8) for n, one in enumerate(noise)]
    return np.stack(list(clip_scenes.film(cells, length_s, 12, SIZE, np.random.default_rng(seed))))


def test_the_same_seed_gives_the_same_film():
    film = made()
    assert film.shape == (144, 54, 96, 3)
    assert film.dtype == np.uint8
    assert np.array_equal(film, made())
    assert not np.array_equal(film, made(seed=2))


def test_it_is_cut_every_few_seconds():
    film = made(length_s=24).astype(np.int16)
    change = np.abs(np.diff(film, axis=0)).mean(axis=(1, 2, 3))
    shots = np.diff(np.flatnonzero(change > 15)) / 12
    assert len(shots) >= 2
    assert clip_scenes.SHOT_S[0] - 0.1 <= shots.min() <= shots.max() <= clip_scenes.SHOT_S[1] + 0.1
