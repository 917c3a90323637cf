"""Attacks on geometry: crops, turns, mirrors, stretching, perspective, the photograph of a screen."""

from __future__ import annotations

import cv2
import numpy as np

from bench.pictures.raster import Rgb, Rng, clipped, filled, sized, soft


def cropped(rgb: Rgb, rng: Rng, _other: Rgb, keep: float = 0.8) -> Rgb:
    """Return a part with ``keep`` of each side, anywhere in the picture."""
    height, width = rgb.shape[:2]
    rows, columns = round(height * keep), round(width * keep)
    top, left = int(rng.integers(0, height - rows + 1)), int(rng.integers(0, width - columns + 1))
    return np.ascontiguousarray(rgb[top : top + rows, left : left + columns])


def mirrored(rgb: Rgb, _rng: Rng, _other: Rgb) -> Rgb:
    """Return left and right exchanged."""
    return np.ascontiguousarray(rgb[:, ::-1])


def turned(rgb: Rgb, _rng: Rng, _other: Rgb, quarters: int = 1) -> Rgb:
    """Return the picture after clockwise quarter turns."""
    return np.ascontiguousarray(np.rot90(rgb, -quarters))


def rotated(rgb: Rgb, rng: Rng, _other: Rgb, degrees: float = 5.0) -> Rgb:
    """Return the picture rotated either way and cut so that no corner is empty."""
    height, width = rgb.shape[:2]
    spin = degrees * (1 if rng.random() < 0.5 else -1)
    sine, cosine = abs(np.sin(np.radians(spin))), np.cos(np.radians(spin))
    ratio = height / width
    keep = min(1 / (cosine + ratio * sine), 1 / (cosine + sine / ratio))
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), spin, 1.0)
    whole = np.asarray(cv2.warpAffine(rgb, matrix, (width, height), flags=cv2.INTER_CUBIC), np.uint8)
    rows, columns = int(height * keep) - 2, int(width * keep) - 2
    top, left = (height - rows) // 2, (width - columns) // 2
    return np.ascontiguousarray(whole[top : top + rows, left : left + columns])


def rotated_filled(rgb: Rgb, rng: Rng, _other: Rgb, degrees: float = 5.0) -> Rgb:
    """Return the whole picture rotated on a white ground."""
    height, width = rgb.shape[:2]
    spin = degrees * (1 if rng.random() < 0.5 else -1)
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), spin, 0.9)
    return np.asarray(cv2.warpAffine(rgb, matrix, (width, height), borderValue=(255, 255, 255)), np.uint8)


def stretched(rgb: Rgb, _rng: Rng, _other: Rgb) -> Rgb:
    """Return the picture 15 % wider."""
    return sized(rgb, round(rgb.shape[1] * 1.15), rgb.shape[0])


def sheared(rgb: Rgb, _rng: Rng, _other: Rgb) -> Rgb:
    """Return the picture leaning by 6 degrees, its empty corners grey."""
    height, width = rgb.shape[:2]
    lean = float(np.tan(np.radians(6)))
    matrix = np.array([[1, lean, -lean * height / 2], [0, 1, 0]], np.float32)
    return np.asarray(cv2.warpAffine(rgb, matrix, (width, height), borderValue=(128, 128, 128)), np.uint8)


def _tilted(rgb: Rgb, rng: Rng, ground: Rgb, tilt: float) -> Rgb:
    """Return ``rgb`` laid on ``ground`` (of the same size) with each corner moved inwards by up to ``tilt``."""
    height, width = rgb.shape[:2]
    size = np.array([width, height], np.float32)
    corners = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], np.float32)
    inward = np.array([[1, 1], [-1, 1], [-1, -1], [1, -1]], np.float32)
    moved = corners + inward * rng.uniform(tilt * 0.3, tilt, (4, 2)).astype(np.float32)
    matrix = cv2.getPerspectiveTransform(corners * size, (moved * size).astype(np.float32))
    shown = cv2.warpPerspective(rgb, matrix, (width, height), flags=cv2.INTER_AREA)
    where = cv2.warpPerspective(np.full((height, width), 255, np.uint8), matrix, (width, height))
    return np.asarray(np.where(where[..., None] > 127, shown, ground), np.uint8)


def perspective(rgb: Rgb, rng: Rng, _other: Rgb) -> Rgb:
    """Return the picture seen a little from the side, on black."""
    return _tilted(rgb, rng, np.zeros_like(rgb), 0.08)


def screen(rgb: Rgb, rng: Rng, other: Rgb, tilt: float = 0.05) -> Rgb:
    """Return a photograph of a screen: sub-pixels and the camera's own grid (moire), tilt, glare, tone, noise."""
    height, width = rgb.shape[:2]
    rows, columns = np.mgrid[:height, :width].astype(np.float32)
    # Two grids of nearly the same pitch beat: the visible bands are the screen's pixels under the sensor's.
    pitch, lean = rng.uniform(2.05, 2.3), rng.uniform(-0.06, 0.06)
    beat = np.cos(2 * np.pi * (columns + lean * rows) / pitch) * 14
    beat += np.cos(2 * np.pi * (rows - lean * columns) / (pitch * 1.07)) * 10
    lit = 255 * (rgb / np.float32(255)) ** rng.uniform(0.8, 1.3) * np.array([0.93, 0.97, 1.0])
    ground = clipped(filled(other, width, height) * 0.35)
    shown = _tilted(clipped(lit + beat[..., None]), rng, ground, tilt)
    glare = np.exp(
        -(((columns / width - rng.random()) / 0.25) ** 2 + ((rows / height - rng.random()) / 0.2) ** 2)
    )
    return clipped(soft(clipped(shown + 45 * glare[..., None]), 0.8) + rng.normal(0, 5, rgb.shape))
