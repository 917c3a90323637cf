"""Pixels of the benchmark: reading, resizing, encoding and the copies' file forms."""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

Rgb = NDArray[np.uint8]
Rng = np.random.Generator
#: Wallpapers reach 5120 x 2880.
Image.MAX_IMAGE_PIXELS = 50_000_000


@dataclass(frozen=True, slots=True)
class File:
    """A file a user might hold.

    Attributes:
        data: Its bytes.
        form: Its format: ``JPEG``, ``WEBP``, ``AVIF`` or ``PNG``.
    """

    data: bytes
    form: str

    @property
    def suffix(self) -> str:
        """File name suffix with its dot."""
        return {"JPEG": ".jpg", "WEBP": ".webp", "AVIF": ".avif", "PNG": ".png"}[self.form]

    @property
    def rgb(self) -> Rgb:
        """The pixels, uint8, shape (height, width, 3)."""
        with Image.open(BytesIO(self.data)) as picture:
            return np.asarray(picture.convert("RGB"))


def read(path: Path) -> Rgb:
    """Return a picture's pixels on white, uint8, shape (height, width, 3)."""
    with Image.open(path) as picture:
        full = picture.convert("RGBA") if "A" in picture.getbands() or picture.mode == "P" else picture
        if full.mode == "RGBA":
            ground = Image.new("RGBA", full.size, "white")
            full = Image.alpha_composite(ground, full)
        return np.asarray(full.convert("RGB"))


def clipped(values: Any) -> Rgb:
    """Return values as 8 bit, rounded and clipped."""
    return np.clip(np.rint(np.asarray(values, np.float32)), 0, 255).astype(np.uint8)


def save(rgb: Rgb, quality: int = 85, form: str = "JPEG") -> File:
    """Return ``rgb`` encoded; JPEG with halved colour as cameras and platforms do."""
    buffer = BytesIO()
    picture = Image.fromarray(np.ascontiguousarray(rgb))
    match form:
        case "PNG":
            picture.save(buffer, form)
        case "AVIF":
            picture.save(buffer, form, quality=quality, speed=9, max_threads=1)
        case "JPEG":
            picture.save(buffer, form, quality=quality, subsampling=2)
        case _:
            picture.save(buffer, form, quality=quality, method=2)
    return File(buffer.getvalue(), form)


def again(rgb: Rgb, quality: int = 85, form: str = "JPEG") -> Rgb:
    """Return ``rgb`` after a lossy round trip."""
    return save(rgb, quality, form).rgb


def sized(rgb: Rgb, width: int, height: int) -> Rgb:
    """Return ``rgb`` at another size, averaged when it shrinks and cubic when it grows."""
    way = cv2.INTER_AREA if width < rgb.shape[1] else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(rgb, (max(1, width), max(1, height)), interpolation=way), np.uint8)


def scaled(rgb: Rgb, factor: float) -> Rgb:
    """Return ``rgb`` with both sides times ``factor``."""
    return sized(rgb, round(rgb.shape[1] * factor), round(rgb.shape[0] * factor))


def fitted(rgb: Rgb, side_px: int) -> Rgb:
    """Return ``rgb`` with its longer side ``side_px`` where it is longer."""
    factor = side_px / max(rgb.shape[:2])
    return scaled(rgb, factor) if factor < 1 else rgb


def filled(rgb: Rgb, width: int, height: int) -> Rgb:
    """Return the middle of ``rgb`` scaled so that it fills ``width`` x ``height``."""
    factor = max(width / rgb.shape[1], height / rgb.shape[0])
    grown = sized(rgb, max(width, round(rgb.shape[1] * factor)), max(height, round(rgb.shape[0] * factor)))
    top, left = (grown.shape[0] - height) // 2, (grown.shape[1] - width) // 2
    return np.ascontiguousarray(grown[top : top + height, left : left + width])


def soft(rgb: Rgb, sigma: float) -> Rgb:
    """Return ``rgb`` blurred by a Gaussian of ``sigma`` pixels."""
    return np.asarray(cv2.GaussianBlur(rgb, (0, 0), sigma), np.uint8)


def sharpened(rgb: Rgb, percent: int = 80) -> Rgb:
    """Return ``rgb`` after an unsharp mask."""
    return np.asarray(Image.fromarray(rgb).filter(ImageFilter.UnsharpMask(1.5, percent, 2)))


def canvas(width: int, height: int, colour: tuple[int, int, int]) -> Rgb:
    """Return a plain picture."""
    return np.full((height, width, 3), colour, np.uint8)
