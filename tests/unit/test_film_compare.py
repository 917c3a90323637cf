"""What persists in a film is told, what flickers is noise."""

import numpy as np
import pytest

from provenance.match import compare, film_compare
from provenance.match.film_compare import Frame, gathered, regions

GRID = (36, 64)


def frames(count, *patches, noise=0.3, step_s=0.5):
    """Frames of noise with patches of (first frame, frame after, rows, columns, energy)."""
    rng = np.random.default_rng(3)
    made = []
    for number in range(count):
        energy = np.abs(rng.normal(0, noise, (2, *GRID))).astype(np.float32)
        for first, end, rows, columns, height in patches:
            if first <= number < end:
                energy[:, rows, columns] += height
        made.append(Frame(number * step_s, 40 + number * step_s, energy))
    return made


FACE = (slice(8, 18), slice(20, 34))


def test_a_patch_of_three_seconds_is_told_with_its_place_and_time():
    [found] = regions(frames(24, (6, 13, *FACE, 4.0)), 0.5)
    assert found.copy.start_s == pytest.approx(3.0, abs=0.51)
    assert found.copy.end_s == pytest.approx(6.0, abs=0.76)
    assert found.asset.start_s == pytest.approx(43.0, abs=0.51)
    assert found.box.x == pytest.approx(20 / 64, abs=0.03)
    assert found.box.h == pytest.approx(10 / 36, abs=0.06)
    assert 6 <= found.strongest < 13


def test_noise_and_single_frames_are_not_told():
    assert regions(frames(24), 0.5) == []
    assert regions(frames(24, (11, 12, *FACE, 9.0)), 0.5) == []
    assert regions(frames(24, (23, 24, *FACE, 9.0)), 0.5) == []
    assert regions(frames(24, (0, 1, *FACE, 9.0)), 0.5) == []


def test_a_patch_that_stays_is_told_from_end_to_end():
    [found] = regions(frames(10, (0, 10, *FACE, 4.0)), 0.5)
    assert found.copy.start_s == 0.0
    assert found.copy.end_s >= 4.5


def test_two_patches_at_two_times_are_two_regions():
    found = regions(frames(40, (4, 12, *FACE, 4.0), (25, 34, slice(20, 30), slice(44, 60), 5.0)), 0.5)
    assert len(found) == 2
    assert found[0].strength > found[1].strength


def test_lower_energy_than_a_still_picture_needs_is_told_over_time():
    height = (film_compare.SEED[1] + compare.SEED[1]) / 2
    assert height < min(compare.SEED)
    assert regions(frames(12, (2, 10, *FACE, height), noise=0.0), 0.5)
    assert regions(frames(1, (0, 1, *FACE, height), noise=0.0), 0.5) == []


def test_frames_far_apart_are_not_gathered():
    far = frames(4, (1, 2, *FACE, 9.0), step_s=30.0)
    assert [round(one.copy.start_s) for one in regions(far, 0.5)] == [30]


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 6])
def test_short_stretches_are_gathered_without_failing(count):
    assert gathered([one.energy for one in frames(count)]).shape == (count, 2, *GRID)
