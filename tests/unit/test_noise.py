"""The noise of a good copy at each texture."""

from __future__ import annotations

import numpy as np

from provenance.match.noise import Plane, noise

SIDE = 128
EVERYWHERE = np.ones((SIDE, SIDE), np.bool_)


def striped() -> Plane:
    """Plain on the left, stripes of 60 levels on the right."""
    plain = np.full((SIDE, SIDE, 3), 100, np.float32)
    plain[:, SIDE // 2 :][:, (np.arange(SIDE // 2) // 4) % 2 == 0] += 60
    return plain


def off_by(expected: Plane, plain: float, textured: float) -> Plane:
    """What a copy leaves that is off by normal noise, other on plain ground than among stripes."""
    size = np.full(expected.shape, plain, np.float32)
    size[:, SIDE // 2 :] = textured
    return np.asarray(np.random.default_rng(1).normal(0, size), np.float32)


def test_noise_is_that_of_the_texture() -> None:
    expected = striped()
    found = noise(off_by(expected, 3.0, 6.0), expected, EVERYWHERE)
    assert abs(float(np.median(found[:, : SIDE // 2 - 16])) - 3.0) < 0.3
    assert abs(float(np.median(found[:, SIDE // 2 + 16 :])) - 6.0) < 0.6


def test_a_perfect_copy_has_the_noise_of_rounding() -> None:
    expected = striped()
    found = noise(np.zeros_like(expected), expected, EVERYWHERE)
    assert np.allclose(found.min(axis=(0, 1)), (1.0, 2.5, 2.5))


def test_texture_explains_no_more_than_resampling_can() -> None:
    """A removed object that held all the texture must not pass for noise."""
    expected = striped()
    found = noise(off_by(expected, 1.0, 60.0), expected, EVERYWHERE)
    assert float(found.max()) < 20.0


def test_what_lies_outside_of_the_copy_is_not_measured() -> None:
    expected = striped()
    rest = off_by(expected, 3.0, 3.0)
    inside = EVERYWHERE.copy()
    inside[: SIDE // 2] = False
    disturbed = rest.copy()
    disturbed[: SIDE // 2] = 200.0
    assert np.array_equal(noise(rest, expected, inside), noise(disturbed, expected, inside))
