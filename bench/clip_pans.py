"""Pans and zooms over photographs: films whose every moment is a part of one still picture."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from provenance.errors import UnmatchableError
from provenance.fingerprint import image

#: Size of made films, width and height, pixels.
SIZE: Final = (480, 270)
# Corners, per 480 x 270 pixels, that a part of a photograph needs to become a shot.
_CORNERS = 120

Rgb = NDArray[np.uint8]


def shots(picture: Rgb) -> list[Rgb]:
    """Return the parts of a photograph, none of which overlap, that are rich enough to be told from others."""
    height, width = picture.shape[:2]
    across = max(1, min(4, width // 600))
    cell = width // across
    tall = round(cell * SIZE[1] / SIZE[0])
    cells = [
        picture[y : y + tall, x * cell : (x + 1) * cell]
        for y in range(0, height - tall + 1, tall)
        for x in range(across)
    ]
    return [one for one in cells if _rich(one)]


def _rich(cell: Rgb) -> bool:
    grey = cv2.resize(cv2.cvtColor(cell, cv2.COLOR_RGB2GRAY), SIZE, interpolation=cv2.INTER_AREA)
    return len(cv2.FastFeatureDetector.create(12).detect(grey)) >= _CORNERS


def registrable(cell: Rgb) -> bool:
    """Return whether the product would register a film of it."""
    try:
        image.pdq(np.asarray(cv2.resize(cell, SIZE, interpolation=cv2.INTER_AREA), np.uint8))
    except UnmatchableError:
        return False
    return True


def pan(cell: Rgb, frames: int, rng: np.random.Generator) -> Iterator[Rgb]:
    """Yield frames of a camera that moves and zooms over a part of a photograph, with a shaking hand."""
    height, width = cell.shape[:2]
    scales = rng.uniform(0.55, 0.95, 2)
    corners = rng.uniform(0, 1, (2, 2))
    shake = np.cumsum(rng.normal(0, 0.0015, (frames, 2)), axis=0)
    for number in range(frames):
        t = number / max(frames - 1, 1)
        ease = t * t * (3 - 2 * t)
        scale = scales[0] + (scales[1] - scales[0]) * ease
        at = corners[0] + (corners[1] - corners[0]) * ease + shake[number]
        w, h = width * scale, height * scale
        x, y = np.clip(at, 0, 1) * (width - w, height - h)
        matrix = np.array([[SIZE[0] / w, 0, -x * SIZE[0] / w], [0, SIZE[1] / h, -y * SIZE[1] / h]])
        yield np.asarray(cv2.warpAffine(cell, matrix, SIZE, flags=cv2.INTER_AREA), np.uint8)
