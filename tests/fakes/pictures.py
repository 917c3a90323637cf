"""Pictures for tests: a real photograph out of an installed package, and its encodings."""

from __future__ import annotations

from importlib.util import find_spec
from io import BytesIO
from pathlib import Path
from typing import Any

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
