"""Stored frames placed in a copy: excerpts, cuts, repeats and speed, with ends at the frame."""

import numpy as np
import pytest

from provenance.match.inverse import align_stored

COPY_HZ, STORED_HZ = 8.0, 2.0


def codes_at(times, seed=0):
    """Codes that drift with time, 60 bits a second, as those of a moving picture do."""
    rng = np.random.default_rng(seed)
    order = rng.permutation(256 * 60) % 256
    base = rng.integers(0, 2, 256, dtype=np.uint8)
    made = []
    for time_s in times:
        bits = base.copy()
        for place in order[: round(max(time_s, 0) * 60)]:
            bits[place] ^= 1
        made.append(np.packbits(bits))
    return np.array(made, np.uint8).reshape(-1, 32)


ASSET = (codes_at(np.arange(0, 60, 1 / STORED_HZ)), np.arange(0, 60, 1 / STORED_HZ))


def copy_of(*parts):
    """A copy of (start, end, speed) parts of the asset."""
    shown = [np.arange(a, b, speed / COPY_HZ) for a, b, speed in parts]
    times = np.concatenate(shown)
    return codes_at(times), np.arange(len(times)) / COPY_HZ


def test_an_excerpt_is_placed_at_its_time_and_reaches_both_ends():
    [found] = align_stored(copy_of((20.3, 30.3, 1.0)), ASSET)
    assert found.copy.start_s == 0.0
    assert found.copy.end_s == pytest.approx(10.0, abs=0.01)
    assert found.asset.start_s == pytest.approx(20.3, abs=0.1)


def test_a_cut_is_found_at_its_frame():
    found = align_stored(copy_of((10.2, 16.2, 1.0), (30.6, 36.6, 1.0)), ASSET)
    assert len(found) == 2
    assert found[0].copy.end_s == pytest.approx(6.0, abs=0.25)
    assert found[1].asset.start_s == pytest.approx(30.6, abs=0.25)


def test_a_repeated_part_is_found_twice():
    found = align_stored(copy_of((10.2, 16.2, 1.0), (10.2, 16.2, 1.0)), ASSET)
    assert [one.asset.start_s for one in found] == pytest.approx([10.2, 10.2], abs=0.6)


def test_double_speed():
    [found] = align_stored(copy_of((10.2, 30.2, 2.0)), ASSET)
    assert found.speed == pytest.approx(2.0, abs=0.05)


def test_a_foreign_film_is_not_placed():
    times = np.arange(0, 10, 1 / COPY_HZ)
    assert align_stored((codes_at(times, seed=5), times), ASSET) == []


def test_no_frames_no_segments():
    nothing = np.zeros((0, 32), np.uint8), np.zeros(0)
    assert align_stored(nothing, ASSET) == []
    assert align_stored(copy_of((20, 30, 1.0)), nothing) == []
