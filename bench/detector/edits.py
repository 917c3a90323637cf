"""Experiment: are local edits seen without the original? ``python -m bench.detector.edits FOLDER``.

No part of the product: it shows whether a map of noise, resampling or double compression would earn a place.
Of each photograph three forgeries are made, each over an ellipse a quarter of the sides: a region of another
photograph with another compression history, one that was enlarged, and one painted in from its surroundings.
Each is looked at as JPEG 90, and scaled to 0.6 and stored as JPEG 75.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from provenance.detect.curve import auc

#: Longest side looked at, pixels; side of the squares that a map consists of.
SIDE_PX: Final = 960
CELL_PX: Final = 16
#: Share of a map's cells that may lie over the value by which a whole picture is told.
PEAK: Final = 0.98
_QUALITIES: Final = range(50, 96, 5)
_WINDOW_PX: Final = 64

Bgr = NDArray[np.uint8]
Map = NDArray[np.float64]


def stored(picture: Bgr, quality: int) -> Bgr:
    """Return a picture after a JPEG of that quality."""
    done, data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not done:
        raise ValueError("the picture could not be stored as JPEG")
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)


def degraded(picture: Bgr) -> Bgr:
    """Return a picture scaled to 0.6 and stored as JPEG 75."""
    small = cv2.resize(picture, None, fx=0.6, fy=0.6, interpolation=cv2.INTER_AREA)
    return stored(np.asarray(small, np.uint8), 75)


FORMS: Final[dict[str, Callable[[Bgr], Bgr]]] = {
    "JPEG 90": lambda picture: stored(picture, 90),
    "0.6x, JPEG 75": degraded,
}


def spliced(picture: Bgr, other: Bgr, mask: NDArray[np.bool_]) -> Bgr:
    """Return the picture with a region of another that was a JPEG 65, off the grid of blocks."""
    size = (picture.shape[1], picture.shape[0])
    region = np.roll(stored(np.asarray(cv2.resize(other, size), np.uint8), 65), (3, 5), (0, 1))
    return np.where(mask[..., None], region, picture)


def enlarged(picture: Bgr, other: Bgr, mask: NDArray[np.bool_]) -> Bgr:
    """Return the picture with a region of another, enlarged by a third."""
    rows, columns = (side * 3 // 4 for side in other.shape[:2])
    size = (picture.shape[1], picture.shape[0])
    region = cv2.resize(other[:rows, :columns], size, interpolation=cv2.INTER_CUBIC)
    return np.where(mask[..., None], region, picture).astype(np.uint8)


def painted(picture: Bgr, _: Bgr, mask: NDArray[np.bool_]) -> Bgr:
    """Return the picture with the region filled from its surroundings."""
    return np.asarray(cv2.inpaint(picture, mask.astype(np.uint8) * 255, 5, cv2.INPAINT_TELEA), np.uint8)


EDITS: Final[dict[str, Callable[[Bgr, Bgr, NDArray[np.bool_]], Bgr]]] = {
    "spliced": spliced,
    "enlarged": enlarged,
    "painted in": painted,
}


def _cells(values: NDArray[np.float32]) -> Map:
    rows, columns = (side // CELL_PX for side in values.shape)
    whole = values[: rows * CELL_PX, : columns * CELL_PX]
    return np.asarray(whole.reshape(rows, CELL_PX, columns, CELL_PX).mean((1, 3)), np.float64)


def _unusual(values: Map, *explained: Map) -> Map:
    """Return how far each cell lies from what its texture and brightness lead to expect, robust deviations."""
    terms = [np.ones_like(values), *explained, *(one * one for one in explained)]
    table = np.stack(terms, axis=-1).reshape(-1, len(terms))
    factors, *_ = np.linalg.lstsq(table, values.ravel(), rcond=None)
    left = values.ravel() - table @ factors
    middle = np.median(left)
    return np.asarray((left - middle) / (1.4826 * np.median(np.abs(left - middle)) + 1e-6)).reshape(
        values.shape
    )


def _grey(picture: Bgr) -> NDArray[np.float32]:
    return np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), np.float32)


def _texture(grey: NDArray[np.float32]) -> Map:
    smooth = np.asarray(cv2.GaussianBlur(grey, (0, 0), 4), np.float32)
    return np.asarray(np.log(_cells(np.abs(grey - smooth)) + 0.3), np.float64)


def noise(picture: Bgr) -> Map:
    """Return where noise is unlike the rest. Source: Mahdian and Saic, IVC 27 (2009), 1497-1503, in spirit."""
    grey = _grey(picture)
    strength = np.log(_cells(np.abs(cv2.Laplacian(grey, cv2.CV_32F))) + 0.3)
    return np.abs(_unusual(strength, _texture(grey), _cells(grey) / 255))


def ghosts(picture: Bgr) -> Map:
    """Return where storing once more changes unusually little or much. Source: Farid, IEEE TIFS 4 (2009), 154-160."""
    texture, exact = _texture(_grey(picture)), picture.astype(np.float32)
    found = []
    for quality in _QUALITIES:
        change = ((stored(picture, quality) - exact) ** 2).mean(axis=2)
        found.append(np.abs(cv2.blur(_unusual(np.log(_cells(change) + 0.05), texture), (3, 3))))
    return np.asarray(np.max(found, axis=0), np.float64)


def grid(picture: Bgr) -> Map:
    """Return where the 8 x 8 grid of JPEG lies elsewhere. Source: Li et al., Signal Processing 89 (2009)."""
    grey = _grey(picture)
    steps = np.abs(2 * grey[:, 1:-1] - grey[:, :-2] - grey[:, 2:])
    side = 2 * CELL_PX
    rows, columns = (one // side for one in steps.shape)
    whole = steps[: rows * side, : columns * side].reshape(rows, side, columns, side // 8, 8).mean((1, 3))
    phases = whole / (whole.mean(axis=-1, keepdims=True) + 0.1)
    far = np.sqrt(((phases - np.median(phases.reshape(-1, 8), axis=0)) ** 2).sum(axis=-1))
    return np.repeat(np.repeat(_unusual(far), 2, axis=0), 2, axis=1)


def resampling(picture: Bgr) -> Map:
    """Return where interpolation left a period. Source: Gallagher, CRV 2005, 65-72."""
    grey = _grey(picture)
    edges = np.abs(cv2.Laplacian(grey, cv2.CV_32F))
    window = np.outer(np.hanning(_WINDOW_PX), np.hanning(_WINDOW_PX))
    found = np.zeros([side // CELL_PX for side in grey.shape])
    for top in range(0, grey.shape[0] - _WINDOW_PX + 1, _WINDOW_PX // 2):
        for left in range(0, grey.shape[1] - _WINDOW_PX + 1, _WINDOW_PX // 2):
            part = edges[top : top + _WINDOW_PX, left : left + _WINDOW_PX]
            power = np.abs(np.fft.rfft2((part - part.mean()) * window))
            power[:4, :4] = power[-4:, :4] = 0
            power[::8] = power[:, ::8] = 0  # the grid of JPEG has these periods everywhere
            peak = np.log(power.max() + 1e-3) - np.log(np.median(power) + 1e-3)
            rows, columns = (slice(one // CELL_PX, (one + _WINDOW_PX) // CELL_PX) for one in (top, left))
            found[rows, columns] = np.maximum(found[rows, columns], peak)
    return _unusual(found)


MAPS: Final[dict[str, Callable[[Bgr], Map]]] = {
    "noise": noise,
    "double compression": ghosts,
    "grid": grid,
    "resampling": resampling,
}


def one_of_each(folder: Path, most: int) -> list[Bgr]:
    """Return up to ``most`` photographs of a folder; of regions of one photograph (``NAME@nn``) the first."""
    first: dict[str, Path] = {}
    for path in sorted(folder.glob("*.jpg")):
        first.setdefault(path.stem.partition("@")[0], path)
    pictures = []
    for path in list(first.values())[:most]:
        whole = np.asarray(cv2.imread(str(path)), np.uint8)
        scale = min(1.0, SIDE_PX / max(whole.shape[:2]))
        small = cv2.resize(whole, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        pictures.append(stored(np.asarray(small, np.uint8), 92))
    return pictures


def _ellipse(shape: Sequence[int], dice: np.random.Generator) -> NDArray[np.bool_]:
    height, width = shape[:2]
    middle = (int(width * dice.uniform(0.15, 0.85)), int(height * dice.uniform(0.15, 0.85)))
    drawn = np.zeros((height, width), np.uint8)
    cv2.ellipse(drawn, middle, (width // 8, height // 8), 0, 0, 360, 255, -1)
    return drawn > 0


def measured(pictures: Sequence[Bgr], form: Callable[[Bgr], Bgr], look: Callable[[Bgr], Map]) -> str:
    """Return, per edit, the area by which cells inside tell from cells outside, and forged from untouched pictures."""
    dice = np.random.default_rng(1)
    untouched = np.array([np.quantile(look(form(one)), PEAK) for one in pictures])
    texts = []
    for edit in EDITS.values():
        places, peaks = [], []
        for picture, other in zip(pictures, [*pictures[1:], pictures[0]], strict=True):
            mask = _ellipse(picture.shape, dice)
            made = form(edit(picture, other, mask))
            found = look(made)
            shown = cv2.resize(mask.astype(np.float32), (made.shape[1], made.shape[0]))
            inside = _cells(np.asarray(shown, np.float32))[: found.shape[0], : found.shape[1]]
            found = found[: inside.shape[0], : inside.shape[1]]
            places.append(auc(found[inside < 0.1], found[inside > 0.8]))
            peaks.append(float(np.quantile(found, PEAK)))
        texts.append(f"{np.mean(places):8.2f} / {auc(untouched, np.array(peaks)):.2f}")
    return "  ".join(texts)


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--most", type=int, default=60, help="photographs")
    asked = parser.parse_args()
    cv2.setNumThreads(1)
    pictures = one_of_each(asked.folder, asked.most)
    print(
        f"{len(pictures)} photographs; area of cells inside against outside / of forged against untouched pictures"
    )
    print(f"{'form':16}{'map':20}" + "  ".join(f"{one:>15}" for one in EDITS))
    for form_name, form in FORMS.items():
        for name, look in MAPS.items():
            print(f"{form_name:16}{name:20}{measured(pictures, form, look)}", flush=True)


if __name__ == "__main__":
    main()
