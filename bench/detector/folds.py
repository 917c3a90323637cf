"""Scores of pictures whose generator and whose real source the model never saw."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from bench.detector.pictures import Labelled, sources
from provenance.detect.curve import auc

#: Rounds of the solver; it converges in under a hundred.
_ROUNDS: Final = 300

Table = NDArray[np.float32]
Scores = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Head:
    """A linear model over standardised features: ``score = (x - mean) / spread @ weight + bias``."""

    mean: NDArray[np.float64]
    spread: NDArray[np.float64]
    weight: NDArray[np.float64]
    bias: float

    def score(self, features: Table) -> Scores:
        """Return raw scores of features, shape (n, d)."""
        return np.asarray((features - self.mean) / self.spread @ self.weight + self.bias, np.float64)

    def folded(self) -> tuple[NDArray[np.float32], np.float32]:
        """Return weight and bias on features as they are."""
        weight = self.weight / self.spread
        return weight.astype(np.float32), np.float32(self.bias - float(self.mean @ weight))


def fitted(features: Table, generated: NDArray[np.bool_], source: NDArray[np.str_], strength: float) -> Head:
    """Return the head fitted to features; every source of a label weighs the same.

    Args:
        features: float32, shape (n, d).
        generated: Labels, shape (n,).
        source: Names of sources, shape (n,).
        strength: Inverse of the regularisation (C); small, or the head learns the sources.
    """
    mean, spread = features.mean(axis=0, dtype=np.float64), features.std(axis=0, dtype=np.float64) + 1e-6
    weights = np.zeros(len(features))
    for label in (False, True):
        names = np.unique(source[generated == label])
        for name in names:
            chosen = (generated == label) & (source == name)
            weights[chosen] = len(features) / (2 * len(names) * chosen.sum())
    model = LogisticRegression(C=strength, max_iter=_ROUNDS)
    model.fit(((features - mean) / spread).astype(np.float32), generated, sample_weight=weights)
    return Head(mean, spread, model.coef_[0].astype(np.float64), float(model.intercept_[0]))


@dataclass(frozen=True, slots=True)
class HeldOut:
    """Raw scores with generator and real source held out.

    Attributes:
        areas: (generator, real source) -> area under the curve of that fold.
        scores: Per picture the mean of its scores over the folds in which its source was held out.
    """

    areas: dict[tuple[str, str], float]
    scores: Scores

    def by_real(self, name: str) -> float:
        """Return the mean area over generators with real source ``name`` held out."""
        return float(np.mean([area for (_, real), area in self.areas.items() if real == name]))

    def by_generator(self, name: str) -> float:
        """Return the mean area over real sources with generator ``name`` held out."""
        return float(np.mean([area for (generator, _), area in self.areas.items() if generator == name]))


def held_out(
    pictures: Sequence[Labelled], training: Sequence[Table], tested: Table, strength: float
) -> HeldOut:
    """Return the scores of every picture in one form, trained on all forms of all other sources.

    Args:
        pictures: The pictures.
        training: Features in each form used for training, each shape (n, d).
        tested: Features in the form that is tested, shape (n, d).
        strength: As in :func:`fitted`.
    """
    generated = np.array([one.generated for one in pictures])
    source = np.array([one.source for one in pictures])
    areas: dict[tuple[str, str], float] = {}
    total, count = np.zeros(len(pictures)), np.zeros(len(pictures))
    for real in sources(pictures, generated=False):
        for generator in sources(pictures, generated=True):
            out = (source == real) | (source == generator)
            kept = np.concatenate([table[~out] for table in training])
            labels = np.tile(generated[~out], len(training))
            names = np.tile(source[~out], len(training))
            made = fitted(kept, labels, names, strength).score(tested[out])
            total[out] += made
            count[out] += 1
            areas[generator, real] = auc(made[~generated[out]], made[generated[out]])
    return HeldOut(areas, total / np.maximum(count, 1))
