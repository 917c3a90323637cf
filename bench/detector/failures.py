"""What failures look like: the most suspected photographs, and the least suspected generated pictures by name."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from bench.detector.folds import HeldOut
from bench.detector.pictures import Labelled, opened
from bench.pictures.lettering import written
from bench.pictures.raster import Rgb, canvas, filled, save
from provenance.detect.card import Bucket

#: Pictures of each kind that are named or shown, and the cell of one, pixels.
SHOWN: Final = 8
_CELL: Final = (232, 190)


def asked(pictures: Sequence[Labelled], held: HeldOut, bucket: Bucket) -> dict[str, float]:
    """Return, per source, the share of pictures for which the model asks for a review."""
    source = np.array([one.source for one in pictures])
    beyond = np.array([bucket.log10_lr(float(score)) > bucket.band for score in held.scores])
    return {str(name): round(float(beyond[source == name].mean()), 4) for name in np.unique(source)}


def named(pictures: Sequence[Labelled], held: HeldOut) -> dict[str, list[Any]]:
    """Return names and raw scores of the most suspected real pictures and of the least suspected generated ones."""
    order = np.argsort(held.scores, kind="stable")
    rows = [(f"{pictures[i].source}/{pictures[i].path.name}", round(float(held.scores[i]), 2)) for i in order]
    generated = [pictures[i].generated for i in order]
    return {
        "most suspected real": [row for row, label in zip(rows, generated, strict=True) if not label][::-1][
            :SHOWN
        ],
        "least suspected generated": [row for row, label in zip(rows, generated, strict=True) if label][
            :SHOWN
        ],
    }


def draw(pictures: Sequence[Labelled], held: HeldOut, bucket: Bucket, source: str, target: Path) -> None:
    """Write the most and the least suspected photographs of one source, at most one region of each, as JPEG.

    Args:
        pictures: The pictures.
        held: Their scores, source held out.
        bucket: The calibration, for the ratio that is written over each.
        source: A real source whose licence allows that it is shown.
        target: File to write.
    """
    order = [i for i in np.argsort(held.scores, kind="stable") if pictures[i].source == source]
    cells = []
    for places in (order[::-1], order):
        seen: set[str] = set()
        for i in places:
            work = pictures[i].path.stem.partition("@")[0]
            if work not in seen and len(seen) < SHOWN // 2:
                seen.add(work)
                ratio = bucket.log10_lr(float(held.scores[i]))
                words = f"{ratio:+.2f}" + (": asks for review" if ratio > bucket.band else "")
                cells.append(_cell(opened(pictures[i], "clean"), words))
    rows = [np.hstack(cells[i : i + SHOWN // 2]) for i in range(0, len(cells), SHOWN // 2)]
    target.write_bytes(save(np.vstack(rows), 82).data)


def _cell(rgb: Rgb, words: str) -> Rgb:
    width, height = _CELL
    made = canvas(width, height, (255, 255, 255))
    made[24:-4, 4:-4] = filled(rgb, width - 8, height - 28)
    return written(made, words, (0.5, 0.06), 12, (0, 0, 0))
