"""The alterations: what a forger does to a part of a picture, at 1, 3 and 10 % of its area."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from bench.pictures.attacks import Step, chain, messenger, network
from bench.pictures.faces import Mask, blended, warped
from bench.pictures.lettering import sentence, written
from bench.pictures.raster import File, Rgb, Rng, again, clipped, filled, save, scaled

#: Shares of the area that are altered.
SHARES: Final = (0.01, 0.03, 0.10)


@dataclass(frozen=True, slots=True)
class Forgery:
    """A registered picture and what became of it.

    Attributes:
        base: The registered picture.
        copy: The forged one, same size, before it is sent on.
        mask: Where it was forged, bool of that size.
    """

    base: Rgb
    copy: Rgb
    mask: Mask

    @property
    def visible(self) -> float:
        """Share of the mask where a channel moved by over 10 levels: an inpainted sky is the same sky."""
        off = np.abs(self.base.astype(np.int16) - self.copy).max(axis=2)
        return float((off[self.mask] > 10).mean())


Forge = Callable[[Rgb, Mask, Rng, Rgb], Forgery]


def place(rgb: Rgb, share: float, rng: Rng) -> Mask:
    """Return a rounded region of ``share`` of the area, where the picture has something to alter.

    Of twelve random places the one with the most detail: what is removed or replaced is an object, not sky.
    """
    height, width = rgb.shape[:2]
    ratio = float(rng.uniform(0.7, 1.4))
    down = min(height / 2 - 2, float(np.sqrt(share * height * width / np.pi * ratio)))
    across = min(width / 2 - 2, share * height * width / np.pi / down)
    gray = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY).astype(np.float32)
    detail = np.abs(cv2.Laplacian(cv2.GaussianBlur(gray, (0, 0), 1.5), cv2.CV_32F))
    best, chosen = -1.0, np.zeros((height, width), np.bool_)
    for _ in range(12):
        x, y = rng.uniform(across, width - across), rng.uniform(down, height - down)
        drawn = np.zeros((height, width), np.uint8)
        cv2.ellipse(drawn, (round(x), round(y)), (round(across), round(down)), 0, 0, 360, 1, -1)
        found = float(detail[drawn > 0].mean())
        if found > best:
            best, chosen = found, drawn > 0
    return chosen


def _box(mask: Mask) -> tuple[slice, slice]:
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)


def _laid(rgb: Rgb, patch: Rgb, mask: Mask) -> Rgb:
    return np.where(mask[..., None], patch, rgb).astype(np.uint8)


def _cut(other: Rgb, rgb: Rgb, rng: Rng) -> Rgb:
    """Return another picture at this one's size, shifted at random so that its middle is not always used."""
    whole = filled(other, rgb.shape[1], rgb.shape[0])
    return np.roll(whole, (int(rng.integers(whole.shape[0])), int(rng.integers(whole.shape[1]))), (0, 1))


def pasted(rgb: Rgb, mask: Mask, rng: Rng, other: Rgb) -> Forgery:
    """Paste a part of another picture with a hard edge."""
    return Forgery(rgb, _laid(rgb, _cut(other, rgb, rng), mask), mask)


def blended_in(rgb: Rgb, mask: Mask, rng: Rng, other: Rgb) -> Forgery:
    """Blend a part of another picture in without a seam."""
    return Forgery(rgb, blended(rgb, _cut(other, rgb, rng), mask), mask)


def removed(rgb: Rgb, mask: Mask, _rng: Rng, _other: Rgb) -> Forgery:
    """Remove what is there and fill the hole from its rim (Telea)."""
    reach = max(3, min(12, max(rgb.shape) // 150))
    hole = mask.astype(np.uint8)
    return Forgery(rgb, np.asarray(cv2.inpaint(rgb, hole, reach, cv2.INPAINT_TELEA), np.uint8), mask)


def cloned(rgb: Rgb, mask: Mask, rng: Rng, _other: Rgb) -> Forgery:
    """Cover what is there by another part of the same picture, blended: the clone brush."""
    rows, columns = _box(mask)
    down, across = rows.stop - rows.start, columns.stop - columns.start
    shift = [int(s) for s in (down * rng.choice([-1.1, 1.1]), across * rng.choice([-1.1, 1.1]))]
    return Forgery(rgb, blended(rgb, np.roll(rgb, shift, (0, 1)), mask), mask)


def generated(rgb: Rgb, mask: Mask, rng: Rng, _other: Rgb) -> Forgery:
    """Fill with a synthesised texture: colours and spectrum of the surroundings, phases at random.

    It stands for what a generator paints in (same statistics, another content); it is not the output of one.
    """
    rows, columns = _box(mask)
    down, across = rows.stop - rows.start, columns.stop - columns.start
    top = rows.start - down if rows.start >= down else min(rows.stop, rgb.shape[0] - down)
    sample = rgb[max(0, top) : max(0, top) + down, columns].astype(np.float32)
    sample = np.asarray(cv2.resize(sample, (across, down)), np.float32)
    phase = np.angle(np.fft.rfft2(rng.normal(size=(down, across))))
    made = rgb.copy()
    layers = []
    for channel in range(3):
        spectrum = np.fft.rfft2(sample[..., channel] - sample[..., channel].mean())
        wave = np.fft.irfft2(np.abs(spectrum) * np.exp(1j * phase), (down, across))
        layers.append(wave + sample[..., channel].mean())
    made[rows, columns] = clipped(np.stack(layers, axis=2))
    return Forgery(rgb, blended(rgb, made, mask), mask)


def recoloured(rgb: Rgb, mask: Mask, rng: Rng, _other: Rgb) -> Forgery:
    """Give what is there another hue and saturation, with a soft edge: a coat or a flag in another colour."""
    hsv = cv2.cvtColor(rgb, cv2.COLOR_RGB2HSV).astype(np.float32)
    hsv[..., 0] = (hsv[..., 0] + float(rng.uniform(40, 140))) % 180
    hsv[..., 1] = np.clip(hsv[..., 1] * 1.3 + 60, 0, 255)
    new = cv2.cvtColor(hsv.astype(np.uint8), cv2.COLOR_HSV2RGB).astype(np.float32)
    edge = cv2.GaussianBlur(mask.astype(np.float32), (0, 0), 3)[..., None]
    return Forgery(rgb, clipped(rgb * (1 - edge) + new * edge), mask)


def bent(rgb: Rgb, mask: Mask, rng: Rng, _other: Rgb) -> Forgery:
    """Warp what is there smoothly."""
    return Forgery(rgb, warped(rgb, mask, rng), mask)


def retitled(rgb: Rgb, mask: Mask, rng: Rng, _other: Rgb) -> Forgery:
    """Change the words on a plate that the registered picture has: same place, same letters, another text."""
    rows, columns = _box(mask)
    plate = rgb.copy()
    plate[rows, columns] = (245, 244, 238)
    middle = (columns.start + columns.stop) / 2 / rgb.shape[1], (rows.start + rows.stop) / 2 / rgb.shape[0]
    size = max(8, int((columns.stop - columns.start) / 9))
    shown = [
        written(plate, text, middle, size, (20, 20, 25))
        for text in (sentence(rng, 2).upper()[:12], sentence(rng, 2).upper()[:12])
    ]
    changed = np.zeros_like(mask)
    changed[rows, columns] = True
    return Forgery(shown[0], shown[1], changed)


def sky(rgb: Rgb, share: float, rng: Rng, other: Rgb) -> Forgery:
    """Replace everything above a wavy horizon by another picture's upper part, with a soft edge."""
    height, width = rgb.shape[:2]
    walk = np.cumsum(rng.normal(0, 1, width))
    walk = cv2.GaussianBlur(walk.astype(np.float32).reshape(1, -1), (0, 0), 15).ravel()
    horizon = height * share * (1 + 0.3 * (walk - walk.mean()) / (np.abs(walk - walk.mean()).max() + 1e-6))
    mask = np.arange(height)[:, None] < horizon[None, :]
    edge = cv2.GaussianBlur(mask.astype(np.float32), (0, 0), 4)[..., None]
    new = filled(other, width, height)
    return Forgery(rgb, clipped(rgb * (1 - edge) + new * edge), np.asarray(mask, np.bool_))


#: Alterations of a region, by name; faces and skies need more than a region and are made apart.
REGIONS: Final[dict[str, Forge]] = {
    "pasted patch": pasted,
    "blended patch": blended_in,
    "object removed (inpainted)": removed,
    "object cloned over": cloned,
    "generated patch": generated,
    "colour changed": recoloured,
    "region warped": bent,
    "text changed": retitled,
}


def _half(rgb: Rgb, _rng: Rng, _other: Rgb) -> Rgb:
    return scaled(rgb, 0.6)


#: How a forged picture is sent on; each forgery takes one by turns.
ROUTES: Final[tuple[tuple[str, Step, int, str], ...]] = (
    ("JPEG q80", chain(), 80, "JPEG"),
    ("messenger", messenger, 65, "JPEG"),
    ("network", network, 72, "JPEG"),
    ("0.6 of the size, WebP q60", _half, 60, "WEBP"),
)


def sent(rgb: Rgb, rng: Rng, route: int) -> tuple[str, File]:
    """Return the name of a route and the file that arrives."""
    name, step, quality, form = ROUTES[route % len(ROUTES)]
    return name, save(step(rgb, rng, rgb), quality, form)


def registered(rgb: Rgb) -> Rgb:
    """Return the picture as the publisher's file shows it (JPEG quality 92)."""
    return again(rgb, 92)


def region_of(kind: str, rgb: Rgb, share: float, rng: Rng, other: Rgb) -> Forgery:
    """Return one forgery of a kind of :data:`REGIONS` or ``sky replaced``."""
    if kind == "sky replaced":
        return sky(rgb, share, rng, other)
    return REGIONS[kind](rgb, place(rgb, share, rng), rng, other)


def shrunk_mask(mask: NDArray[np.bool_], height: int, width: int) -> Mask:
    """Return a mask at another size: true where over half of a pixel was."""
    return np.asarray(
        cv2.resize(mask.astype(np.float32), (width, height), interpolation=cv2.INTER_AREA) > 0.5, np.bool_
    )
