"""Copies as a checking service is sent them: photographs recompressed, cropped, captioned; smooth look-alikes."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from importlib.metadata import files
from io import BytesIO
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

#: Registered photographs, of scikit-image.
PHOTOGRAPHS: Final = (
    "astronaut.png",
    "coffee.png",
    "chelsea.png",
    "rocket.jpg",
    "motorcycle_left.png",
    "hubble_deep_field.jpg",
)
#: Registered look-alikes: smooth colour, with a code of its own each and much the same local features.
BLOBS: Final = 8
#: Longer side of photographs, pixels: about 200 kB as JPEG.
SIDE_PX: Final = 1400

Rgb = NDArray[np.uint8]


def blob(seed: int, quality: int, height: int = 900) -> bytes:
    """Return smooth colour of the given seed as JPEG."""
    rough = np.random.default_rng(seed).integers(0, 256, (24, 32, 3), dtype=np.uint8)
    size = (height * 4 // 3, height)
    return _jpeg(Image.fromarray(rough).resize(size, Image.Resampling.BICUBIC), quality)


def blob_copies(count: int, first: int = 0) -> list[bytes]:
    """Return ``count`` different copies of the look-alikes by turns, from the ``first`` on."""
    numbers = range(first, first + count)
    return [blob(n % BLOBS, 60 + n // BLOBS % 30, 900 - 4 * (n // (30 * BLOBS))) for n in numbers]


@cache
def photograph(name: str) -> Image.Image:
    """Return a photograph of the package at :data:`SIDE_PX`."""
    [path] = [
        Path(str(one.locate()))
        for one in files("scikit-image") or ()
        if one.as_posix().endswith(f"data/{name}")
    ]
    with Image.open(path) as opened:
        rgb = opened.convert("RGB")
    scale = SIDE_PX / max(rgb.size)
    return rgb.resize((round(rgb.width * scale), round(rgb.height * scale)), Image.Resampling.BICUBIC)


def originals() -> list[bytes]:
    """Return the photographs as they are registered, JPEG of quality 92."""
    return [_jpeg(photograph(name), 92) for name in PHOTOGRAPHS]


def recompressed(name: str, number: int) -> bytes:
    """Return a photograph at quality 60 to 89, by ``number``."""
    return _jpeg(photograph(name), 60 + number % 30)


def cropped(name: str, number: int) -> bytes:
    """Return 80 % of each side, from a place by ``number``, at 0.9 of the size."""
    picture = photograph(name)
    width, height = (round(0.8 * side) for side in picture.size)
    left = number * 7 % (picture.width - width)
    top = number * 5 % (picture.height - height)
    part = picture.crop((left, top, left + width, top + height))
    return _jpeg(part.resize((round(width * 0.9), round(height * 0.9))), 85)


def captioned(name: str, number: int) -> bytes:
    """Return a photograph with a line of white lettering over it."""
    picture = photograph(name).copy()
    place = (picture.width // 12, picture.height * 5 // 6)
    ImageDraw.Draw(picture).text(place, f"BREAKING {number}", "white", ImageFont.load_default(90))
    return _jpeg(picture, 85)


def altered(name: str, number: int) -> bytes:
    """Return a photograph of which a sixth of each side, in the middle, shows another one."""
    picture, other = photograph(name).copy(), photograph(PHOTOGRAPHS[PHOTOGRAPHS.index(name) - 1])
    width, height = (side // 6 for side in picture.size)
    place = (picture.width * 5 // 12 + number % 30, picture.height * 5 // 12)
    picture.paste(other.crop((100, 100, 100 + width, 100 + height)), place)
    return _jpeg(picture, 85)


#: Ways of copying, by turns.
WAYS: Final = (recompressed, cropped, captioned)


def photograph_copies(count: int, first: int = 0) -> list[bytes]:
    """Return ``count`` different copies of the photographs: recompressed, cropped, captioned by turns."""
    turns = [(n, WAYS[n % len(WAYS)]) for n in range(first, first + count)]
    return [way(PHOTOGRAPHS[n // len(WAYS) % len(PHOTOGRAPHS)], n // len(WAYS)) for n, way in turns]


def mean_kb(copies: Sequence[bytes]) -> float:
    """Return the mean size of files, kB."""
    return sum(map(len, copies)) / len(copies) / 1e3


def _jpeg(picture: Image.Image, quality: int) -> bytes:
    made = BytesIO()
    picture.save(made, "JPEG", quality=quality)
    return made.getvalue()
