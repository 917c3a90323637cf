"""How well alterations are told from copying: false alarms on clean copies, detections of altered ones.

Photographs of scikit-image. The thresholds in provenance.match.compare were set with all twelve pictures in view,
so the two halves are no held-out test; a small set like this shows the order of magnitude, not an error rate.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from importlib.metadata import files
from io import BytesIO
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from provenance.evidence import DifferenceKind
from provenance.match.align import align_picture
from provenance.match.compare import compare_picture
from provenance.match.reference import make_reference, open_reference

TUNE = ("astronaut.png", "coffee.png", "chelsea.png", "motorcycle_left.png", "retina.jpg", "brick.png")
REPORT = ("rocket.jpg", "hubble_deep_field.jpg", "ihc.png", "camera.png", "grass.png", "coins.png")
Rgb = NDArray[np.uint8]


def load(name: str) -> Rgb:
    """Return a scikit-image photograph, uint8 RGB, long side at most 1024."""
    [path] = [
        Path(str(one.locate()))
        for one in files("scikit-image") or ()
        if one.as_posix().endswith(f"data/{name}")
    ]
    with Image.open(path) as picture:
        shown = picture.convert("RGB")
        shown.thumbnail((1024, 1024))
        return np.asarray(shown)


def saved(pixels: Any, quality: int, form: str = "JPEG") -> Rgb:
    """Return ``pixels`` after a lossy round trip."""
    buffer = BytesIO()
    Image.fromarray(np.asarray(pixels, np.uint8)).save(buffer, form, quality=quality)
    return np.asarray(Image.open(buffer).convert("RGB"))


def clean(picture: Rgb) -> Iterator[tuple[str, Rgb]]:
    """Yield copies that only copying made."""
    height, width = picture.shape[:2]
    for quality in (95, 70, 30):
        yield f"JPEG q{quality}", saved(picture, quality)
    yield "WebP q50", saved(picture, 50, "WEBP")
    yield (
        "half size, q75",
        saved(cv2.resize(picture, (width // 2, height // 2), interpolation=cv2.INTER_AREA), 75),
    )
    part = picture[height // 10 : height * 17 // 20, width // 8 : width * 9 // 10]
    yield "crop to 58 %", saved(np.ascontiguousarray(part), 80)
    yield "brighter", saved(np.clip(picture * 1.15 + 10, 0, 255), 85)
    yield "blurred", saved(cv2.GaussianBlur(picture, (0, 0), 1.2), 85)


def altered(picture: Rgb, other: Rgb, rng: np.random.Generator) -> Iterator[tuple[str, Rgb]]:
    """Yield copies with a square of 1, 3 or 10 % of the area pasted over or inpainted away, at JPEG q80."""
    height, width = picture.shape[:2]
    middle = other[
        other.shape[0] // 4 : other.shape[0] * 3 // 4, other.shape[1] // 4 : other.shape[1] * 3 // 4
    ]
    for share in (0.01, 0.03, 0.10):
        side = int((share * height * width) ** 0.5)
        top, left = int(rng.integers(0, height - side)), int(rng.integers(0, width - side))
        where = (slice(top, top + side), slice(left, left + side))
        pasted = picture.copy()
        pasted[where] = cv2.resize(middle, (side, side))
        yield f"pasted {share:.0%}", saved(pasted, 80)
        hole = np.zeros((height, width), np.uint8)
        hole[where] = 1
        yield f"inpainted {share:.0%}", saved(cv2.inpaint(picture, hole, 5, cv2.INPAINT_TELEA), 80)


def flagged(copy: Rgb, stored: Rgb) -> bool | None:
    """Return whether a difference other than an overlay is found; None where the copy does not align."""
    geometry = align_picture(copy, stored)
    if geometry is None:
        return None
    return any(
        one.kind is not DifferenceKind.OVERLAY for one in compare_picture(copy, stored, geometry).differences
    )


def main() -> None:
    """Print a table for each half."""
    rng = np.random.default_rng(20)
    for half, names in (("tuning half", TUNE), ("report half", REPORT)):
        pictures = [load(name) for name in names]
        rows: defaultdict[str, list[bool | None]] = defaultdict(list)
        for number, picture in enumerate(pictures):
            stored = open_reference(make_reference(picture))
            other = pictures[(number + 1) % len(pictures)]
            for name, copy in (*clean(picture), *altered(picture, other, rng)):
                rows[name].append(flagged(copy, stored))
        print(f"{half}, {len(names)} pictures: flagged / aligned / all")
        for name, outcomes in rows.items():
            told = [one for one in outcomes if one is not None]
            print(f"  {name:<16} {sum(told):2d} / {len(told):2d} / {len(outcomes):2d}")


if __name__ == "__main__":
    main()
