"""What lies on a film: a logo stands while the original moves beneath it; what belongs to the film moves along."""

import numpy as np
import pytest

from provenance import compare_tasks
from provenance.evidence import Box

RNG = np.random.default_rng(2)
BOX = Box(0.6, 0.1, 0.3, 0.3)


def frames(moving=True):
    first = RNG.integers(0, 255, (90, 160, 3), np.uint8)
    return [np.roll(first, 30 * n * moving, axis=1) for n in range(3)]


def with_logo(rgb, grain=0):
    made = rgb.copy()
    patch = np.full((27, 48, 3), 200) + RNG.integers(-grain, grain + 1, (27, 48, 3))
    made[9:36, 96:144] = np.clip(patch, 0, 255)
    return made


def told(shown, known):
    looks = [
        (compare_tasks._Pair(float(n), float(n), one), rgb)
        for n, (one, rgb) in enumerate(zip(known, shown, strict=True))
    ]
    return compare_tasks._lies_on(looks, BOX, np.eye(3))


def test_a_logo_on_a_moving_film_lies_on_it():
    known = frames()
    assert told([with_logo(one, grain=2) for one in known], known)


@pytest.mark.parametrize("moving", [True, False])
def test_a_patch_that_moves_with_the_film_does_not(moving):
    known = frames(moving)
    shown = [np.roll(one, 20 * n, axis=0) for n, one in enumerate(known)]
    assert not told(shown, known)


def test_a_patch_on_a_still_scene_may_be_a_forgery():
    known = frames(moving=False)
    assert not told([with_logo(one) for one in known], known)


def test_one_look_says_nothing():
    [known, *_] = frames()
    assert not told([with_logo(known)], [known])


def test_captions_and_logos_keep_to_an_edge():
    assert compare_tasks._at_edge(Box(0.0, 0.8, 1.0, 0.2))
    assert compare_tasks._at_edge(Box(0.85, 0.05, 0.1, 0.2))
    assert not compare_tasks._at_edge(Box(0.4, 0.3, 0.25, 0.3))
