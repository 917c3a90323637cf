"""How well scores tell generated from real pictures: area under the curve with its bounds, calibration."""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

#: Quantile of a two-sided 95 % interval of the normal distribution.
_Z: Final = 1.959964
#: Bins of equal width in which calibration is looked at. Source: Guo et al., ICML 2017.
_BINS: Final = 10
#: Repetitions by which the floor of the calibration error is found; its quantile then moves by under .005.
_DRAWS: Final = 200

Scores = NDArray[np.float64]


def auc(real: Scores, generated: Scores) -> float:
    """Return the chance that a generated picture scores above a real one, ties counting half.

    Args:
        real: Scores of real pictures, shape (n,), at least one.
        generated: Scores of generated pictures, shape (m,), at least one.

    Raises:
        ValueError: One of them is empty.
    """
    if not len(real) or not len(generated):
        raise ValueError("the area under the curve needs pictures of both labels")
    ordered = np.sort(real)
    below = np.searchsorted(ordered, generated, side="left")
    ties = np.searchsorted(ordered, generated, side="right") - below
    return float((below + ties / 2).mean() / len(real))


def auc_bounds(area: float, real: int, generated: int) -> tuple[float, float]:
    """Return the 95 % interval of an area under the curve.

    Their variance is none where no pair is out of order; then the interval is that of as many pictures of the
    rarer label without a miss.

    Source: Hanley and McNeil, Radiology 143 (1982), 29-36; :func:`share_bounds`.
    """
    one, two = area / (2 - area), 2 * area * area / (1 + area)
    variance = area * (1 - area) + (generated - 1) * (one - area**2) + (real - 1) * (two - area**2)
    half = _Z * math.sqrt(max(variance, 0.0) / (real * generated))
    rarer = min(real, generated)
    most, least = share_bounds(rarer, rarer)[0], share_bounds(0, rarer)[1]
    return max(0.0, min(area - half, most)), min(1.0, max(area + half, least))


def share_bounds(hits: int, trials: int) -> tuple[float, float]:
    """Return the 95 % interval of a share. Source: Wilson, JASA 22 (1927), 209-212."""
    if trials == 0:
        return 0.0, 1.0
    share, square = hits / trials, _Z * _Z
    middle = (share + square / (2 * trials)) / (1 + square / trials)
    spread = share * (1 - share) / trials + square / (4 * trials**2)
    half = _Z * math.sqrt(spread) / (1 + square / trials)
    return max(0.0, middle - half), min(1.0, middle + half)


def roc(real: Scores, generated: Scores) -> tuple[Scores, Scores]:
    """Return false-positive and detection rates at every threshold, from strict to lax."""
    thresholds = np.unique(np.concatenate([real, generated]))[::-1]
    false = 1 - np.searchsorted(np.sort(real), thresholds, side="left") / len(real)
    found = 1 - np.searchsorted(np.sort(generated), thresholds, side="left") / len(generated)
    return np.concatenate([[0.0], false]), np.concatenate([[0.0], found])


def calibration(log10_lr: Scores, generated: NDArray[np.bool_]) -> tuple[Scores, Scores, float]:
    """Return, per bin, the stated and the found share of generated pictures, and the expected error.

    Both labels weigh the same, whatever their numbers: a likelihood ratio knows no prior.

    Args:
        log10_lr: Stated log10 likelihood ratios, shape (n,).
        generated: Whether each is generated, shape (n,), both labels present.
    """
    stated = _stated(log10_lr)
    weights = _weights(generated)
    which = np.minimum((stated * _BINS).astype(np.int64), _BINS - 1)
    mass = np.bincount(which, weights, _BINS)
    filled = mass > 0
    mean = np.bincount(which, weights * stated, _BINS)[filled] / mass[filled]
    found = np.bincount(which, weights * generated, _BINS)[filled] / mass[filled]
    return mean, found, float((mass[filled] * np.abs(mean - found)).sum())


def calibration_floor(log10_lr: Scores, generated: NDArray[np.bool_]) -> float:
    """Return the expected error that an honest score shows by chance, with as many pictures; its 95 % quantile.

    Pictures of both labels are drawn again from the same scores, generated ones in proportion to what was stated
    of them and real ones to the rest: what was stated is then true, and the error is that of counting alone.

    Args:
        log10_lr: As in :func:`calibration`.
        generated: As there.
    """
    dice = np.random.default_rng(0)
    stated, weights = _stated(log10_lr), _weights(generated)
    yes, no = weights * stated, weights * (1 - stated)
    counts = int(generated.sum()), int((~generated).sum())
    labels = np.repeat([True, False], counts)
    drawn = []
    for _ in range(_DRAWS):
        picked = [
            dice.choice(log10_lr, count, p=part / part.sum())
            for count, part in zip(counts, (yes, no), strict=True)
        ]
        drawn.append(calibration(np.concatenate(picked), labels)[2])
    return float(np.quantile(drawn, 0.95))


def _stated(log10_lr: Scores) -> Scores:
    """Return the share of generated pictures that ratios state where both labels are as frequent."""
    return np.asarray(1 / (1 + 10.0**-log10_lr), np.float64)


def _weights(generated: NDArray[np.bool_]) -> Scores:
    return np.asarray(np.where(generated, 0.5 / generated.sum(), 0.5 / (~generated).sum()), np.float64)
