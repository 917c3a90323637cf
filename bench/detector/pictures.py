"""The labelled pictures and the forms in which they are looked at.

A folder holds ``labels.csv`` (file, label: real or generated, source) and ``images/``. Further real sources
are folders of photographs; each is brought to the same form (short side 512, JPEG 90), so that size and
format give nothing away.
"""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

#: Forms a picture is looked at in: as it is; scaled to 0.6 and stored as JPEG 75.
CLEAN, DEGRADED = "clean", "degraded"
FORMS: Final = (CLEAN, DEGRADED)
SHORT_PX: Final = 512
#: Most photographs taken of a further source.
MOST: Final = 200

Rgb = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Labelled:
    """One picture: where it is, whether it is generated, and where it came from."""

    path: Path
    generated: bool
    source: str


def labelled(folder: Path, more: Mapping[str, Path]) -> list[Labelled]:
    """Return the pictures of a labelled folder and of further real sources (name -> folder)."""
    with (folder / "labels.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    found = [
        Labelled(folder / "images" / row["file"], row["label"] == "generated", row["source"]) for row in rows
    ]
    for name, place in more.items():
        paths = [
            one
            for one in sorted(place.rglob("*"))
            if one.suffix.lower() in (".jpg", ".jpeg", ".png", ".webp")
        ]
        chosen = sorted(paths, key=lambda one: hashlib.sha256(one.name.encode()).digest())[:MOST]
        found += [Labelled(path, False, name) for path in chosen]
    return found


def opened(one: Labelled, form: str) -> Rgb:
    """Return a picture in a form, uint8, shape (h, w, 3)."""
    with Image.open(one.path) as stored:
        stored.draft("RGB", (SHORT_PX, SHORT_PX))
        picture = stored.convert("RGB")
    if min(picture.size) != SHORT_PX:
        scale = SHORT_PX / min(picture.size)
        size = (round(picture.width * scale), round(picture.height * scale))
        picture = _stored(picture.resize(size, Image.Resampling.LANCZOS), "JPEG", 90)
    if form == DEGRADED:
        picture = _stored(_scaled(picture, 0.6), "JPEG", 75)
    return np.asarray(picture, np.uint8)


def _scaled(picture: Image.Image, scale: float) -> Image.Image:
    return picture.resize(
        (round(picture.width * scale), round(picture.height * scale)), Image.Resampling.BICUBIC
    )


def _stored(picture: Image.Image, name: str, quality: int) -> Image.Image:
    file = io.BytesIO()
    picture.save(file, name, quality=quality)
    file.seek(0)
    with Image.open(file) as made:
        return made.convert("RGB")


def sources(pictures: Sequence[Labelled], *, generated: bool) -> list[str]:
    """Return the names of the sources of one label, sorted."""
    return sorted({one.source for one in pictures if one.generated is generated})
