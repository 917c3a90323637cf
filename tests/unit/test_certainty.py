"""Whether only one place in a film fits: motion, still scenes, loops."""

import numpy as np
import pytest

from provenance.match.certainty import uncertain_s
from provenance.match.films import Films
from provenance.match.path import Line

RNG = np.random.default_rng(4)


def walk(count, step_bits=12):
    """Codes of which each differs from the one before it in a few bits."""
    bits = np.zeros((count, 256), np.uint8)
    bits[0] = RNG.integers(0, 2, 256)
    for number in range(1, count):
        bits[number] = bits[number - 1]
        bits[number, RNG.choice(256, step_bits, replace=False)] ^= 1
    return np.packbits(bits, axis=1)


def placed(ref, start, count=20):
    """A copy of twenty stored frames from a place, and the line it lies on."""
    films = Films.of(ref[start : start + count], np.arange(count) / 2, ref, np.arange(len(ref)) / 2)
    return uncertain_s(films, Line(1.0, start / 2), 0, count)


def test_motion_has_one_place():
    assert placed(walk(120), 40) == 0


def test_a_still_scene_may_be_anywhere_in_it():
    ref = np.concatenate([walk(30), np.repeat(walk(1), 60, axis=0), walk(30)])
    assert placed(ref, 50) == pytest.approx(10, abs=1.1)


def test_a_loop_fits_at_every_round():
    assert placed(np.tile(walk(24), (4, 1)), 24) == pytest.approx(24, abs=0.6)
