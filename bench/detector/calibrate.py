"""From held-out raw scores to the calibration of a card: band, clamp and what they are worth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from bench.detector.folds import HeldOut
from bench.detector.pictures import Labelled, sources
from provenance.detect.card import Bucket
from provenance.detect.curve import auc_bounds, calibration, calibration_floor, share_bounds

#: Most real pictures beyond the band, in the worst real source. Source: the product's promise to newsrooms.
FALSE_POSITIVES: Final = 0.02
#: Room between band and clamp, log10.
_ROOM: Final = 0.05
_POINTS: Final = 21
#: Bounds of log10 LR of a model that never asks for review. Source: half of the clamp that the design allows
#: before measured figures justify more.
_QUIET: Final = 0.25

Scores = NDArray[np.float64]
Labels = NDArray[np.bool_]


def likelihood(scores: Scores, generated: Labels, real_source: NDArray[np.str_]) -> tuple[float, float]:
    """Return slope and offset of log10 LR over raw score; labels and real sources weigh the same.

    Source: Platt, Advances in Large Margin Classifiers (1999), 61-74.
    """
    weights = np.where(generated, 0.5 / generated.sum(), 0.0)
    names = np.unique(real_source[~generated])
    for name in names:
        chosen = ~generated & (real_source == name)
        weights[chosen] = 0.5 / len(names) / chosen.sum()
    model = LogisticRegression(C=1e6).fit(scores[:, None], generated, sample_weight=weights * len(scores))
    return float(model.coef_[0, 0]) / np.log(10), float(model.intercept_[0]) / np.log(10)


def bucket(name: str, pictures: Sequence[Labelled], held: HeldOut) -> tuple[Bucket, CalibrationErrors]:
    """Return the calibration of one compression history from held-out scores, and how far it is off."""
    generated = np.array([one.generated for one in pictures])
    source = np.array([one.source for one in pictures])
    reals, makers = sources(pictures, generated=False), sources(pictures, generated=True)
    threshold = max(
        float(np.quantile(held.scores[source == one], 1 - FALSE_POSITIVES, method="higher")) for one in reals
    )
    beyond = held.scores > threshold
    false = max(float(beyond[source == one].mean()) for one in reals)
    found = float(np.mean([beyond[source == one].mean() for one in makers]))
    slope, offset = likelihood(held.scores, generated, source)
    supported = _supported(beyond, generated)
    useful = supported > _ROOM
    if (
        not useful
    ):  # too few beyond the threshold: it may speak within narrow bounds and never asks for review
        supported = _QUIET
    band = min(slope * threshold + offset, supported - _ROOM) if useful else supported
    reach = np.quantile(held.scores, [0.01, 0.99])
    raw = np.unique(np.concatenate([np.linspace(float(reach[0]), float(reach[1]), _POINTS), [threshold]]))
    ratios = np.clip(slope * raw + offset, -supported, supported)
    if useful:
        ratios = np.where(raw <= threshold, np.minimum(ratios, band), np.maximum(ratios, band + 1e-3))
    worst = min(reals, key=held.by_real)
    low, _ = auc_bounds(held.by_real(worst), int((source == worst).sum()), int(generated.sum()))
    points = tuple((round(float(r), 4), round(float(x), 4)) for r, x in zip(raw, ratios, strict=True))
    errors = calibration_errors(pictures, held, points[0][1], points[-1][1])
    made = Bucket(
        name=name,
        points=points,
        band=round(band, 4),
        false_positive_rate=round(false, 4) if useful else 0.0,
        detected=round(found, 4) if useful else 0.0,
        auc=round(float(np.mean([held.by_real(one) for one in reals])), 4),
        auc_low=round(low, 4),
        pictures=len(pictures),
        calibration_error=errors.all[0],
        calibration_worst=max(error for error, _ in errors.by_real.values()),
    )
    return made, errors


def _supported(beyond: Labels, generated: Labels) -> float:
    """Return the log10 ratio that the counts beyond the threshold support at their 95 % bounds."""
    low, _ = share_bounds(int((beyond & generated).sum()), int(generated.sum()))
    _, high = share_bounds(int((beyond & ~generated).sum()), int((~generated).sum()))
    return float(np.log10(max(low / high, 1.0)))


@dataclass(frozen=True, slots=True)
class CalibrationErrors:
    """Expected calibration errors, and what an honest score would show by chance (95 % quantile).

    Attributes:
        all: Over all pictures: error, chance.
        by_real: Of each real source against all generated pictures.
        by_generator: Of each generator against all real pictures.
    """

    all: tuple[float, float]
    by_real: dict[str, tuple[float, float]]
    by_generator: dict[str, tuple[float, float]]


def calibration_errors(
    pictures: Sequence[Labelled], held: HeldOut, least: float, most: float
) -> CalibrationErrors:
    """Return the errors of ratios whose calibration saw neither the picture's real source nor its generator.

    Args:
        pictures: The pictures.
        held: Their scores, held out as well.
        least: Smallest log10 ratio that the card states.
        most: Largest one.
    """
    generated = np.array([one.generated for one in pictures])
    source = np.array([one.source for one in pictures])
    reals, makers = sources(pictures, generated=False), sources(pictures, generated=True)
    total, count = np.zeros(len(pictures)), np.zeros(len(pictures))
    for real in reals:
        for maker in makers:
            out = (source == real) | (source == maker)
            slope, offset = likelihood(held.scores[~out], generated[~out], source[~out])
            total[out] += slope * held.scores[out] + offset
            count[out] += 1
    ratios = np.clip(total / count, least, most)

    def error(chosen: Labels) -> tuple[float, float]:
        part, labels = ratios[chosen], generated[chosen]
        return round(calibration(part, labels)[2], 4), round(calibration_floor(part, labels), 4)

    return CalibrationErrors(
        error(np.ones(len(pictures), np.bool_)),
        {one: error(generated | (source == one)) for one in reals},
        {one: error(~generated | (source == one)) for one in makers},
    )
