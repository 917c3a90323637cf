"""Pictures for tests: real photographs out of an installed package, their encodings and clean copies."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image


def photograph(name: str = "astronaut.png") -> Image.Image:
    """Return a photograph of scikit-image; a test that registers one of its own takes another than the service's."""
    spec = find_spec("skimage")
    assert spec is not None
    assert spec.origin is not None
    return Image.open(Path(spec.origin).parent / "data" / name).convert("RGB")


def encoded(image: Image.Image, form: str = "JPEG", **options: Any) -> bytes:
    made = BytesIO()
    image.save(made, form, **options)
    return made.getvalue()


def load(name: str) -> Any:
    """Return a photograph of scikit-image, uint8 RGB, long side at most 1024."""
    shown = photograph(name)
    shown.thumbnail((1024, 1024))
    return np.asarray(shown)


def saved(pixels: Any, quality: int, form: str = "JPEG") -> Any:
    """Return ``pixels`` after a lossy round trip."""
    made = encoded(Image.fromarray(np.asarray(pixels, np.uint8)), form, quality=quality)
    return np.asarray(Image.open(BytesIO(made)).convert("RGB"))


def clean_copies(picture: Any) -> Iterator[tuple[str, Any]]:
    """Yield copies that only copying made, each with its name."""
    height, width = picture.shape[:2]
    for quality in (95, 70, 30):
        yield f"JPEG q{quality}", saved(picture, quality)
    yield "WebP q50", saved(picture, 50, "WEBP")
    half = cv2.resize(picture, (width // 2, height // 2), interpolation=cv2.INTER_AREA)
    yield "half size, q75", saved(half, 75)
    part = picture[height // 10 : height * 17 // 20, width // 8 : width * 9 // 10]
    yield "crop to 58 %", saved(np.ascontiguousarray(part), 80)
    yield "brighter", saved(np.clip(picture * 1.15 + 10, 0, 255), 85)
    yield "blurred", saved(cv2.GaussianBlur(picture, (0, 0), 1.2), 85)
    yield "clipped", saved(np.clip((picture.astype(np.float32) - 110) * 1.6 + 128, 0, 255), 85)
    y, x = np.mgrid[:height, :width]
    away = ((x / width - 0.3) / 0.25) ** 2 + ((y / height - 0.3) / 0.25) ** 2
    yield "glare", saved(np.clip(picture + 45 * np.exp(-away)[..., None], 0, 255), 80)
    yield "256 colours", np.asarray(Image.fromarray(picture).quantize(256).convert("RGB"))
    yield "JPEG q10", saved(picture, 10)
