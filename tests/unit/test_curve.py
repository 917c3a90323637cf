"""Areas, bounds and calibration against values worked out by hand and by counting."""

from __future__ import annotations

import numpy as np
import pytest

from provenance.detect.curve import (
    auc,
    auc_bounds,
    calibration,
    calibration_floor,
    roc,
    share_bounds,
)


def test_area_counts_pairs():
    real, generated = np.array([0.0, 1.0, 2.0]), np.array([1.0, 3.0])
    pairs = [(g > r) + (g == r) / 2 for g in generated for r in real]
    assert auc(real, generated) == pytest.approx(np.mean(pairs))
    assert auc(generated, real) == pytest.approx(1 - np.mean(pairs))
    with pytest.raises(ValueError, match="both labels"):
        auc(np.array([]), generated)


def test_bounds_hold_the_area_and_narrow():
    low, high = auc_bounds(0.8, 50, 50)
    assert low < 0.8 < high
    narrow = auc_bounds(0.8, 500, 500)
    assert low < narrow[0] < narrow[1] < high
    # Twelve pictures without a miss do not prove a perfect model.
    assert auc_bounds(1.0, 12, 400)[0] < 0.8
    # Hanley and McNeil's own example: area .893, 51 abnormal, 58 normal, standard error .032.
    low, high = auc_bounds(0.893, 58, 51)
    assert (high - low) / 2 / 1.96 == pytest.approx(0.032, abs=0.001)


def test_shares():
    assert share_bounds(0, 0) == (0.0, 1.0)
    assert share_bounds(0, 100)[1] == pytest.approx(0.037, abs=0.001)
    low, high = share_bounds(50, 100)
    assert low == pytest.approx(1 - high)


def test_curve_runs_from_corner_to_corner():
    false, found = roc(np.array([0.0, 1.0]), np.array([1.0, 2.0]))
    assert (false[0], found[0], false[-1], found[-1]) == (0, 0, 1, 1)
    assert (np.diff(false) >= 0).all()


def test_calibration_of_honest_and_boastful_scores():
    dice = np.random.default_rng(3)
    lr = np.repeat([-1.0, 0.0, 1.0], 4000)
    generated = dice.random(len(lr)) < 1 / (1 + 10**-lr)
    assert calibration(lr, generated)[2] < 0.03
    assert calibration(3 * lr, generated)[2] > 0.04


def test_few_pictures_leave_an_error_to_honest_scores_too():
    dice = np.random.default_rng(4)

    def drawn(count):
        lr = dice.normal(0, 1, count)
        return lr, dice.random(count) < 1 / (1 + 10**-lr)

    few, many = calibration_floor(*drawn(60)), calibration_floor(*drawn(3000))
    assert many < 0.05 < few
    assert np.median([calibration(*drawn(3000))[2] for _ in range(9)]) < many
    lr, generated = drawn(3000)
    assert calibration(3 * lr, generated)[2] > many
    assert calibration_floor(lr, generated) == calibration_floor(lr, generated)
