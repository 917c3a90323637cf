"""Text and stickers drawn on pictures, in a font that Matplotlib brings along."""

from __future__ import annotations

from functools import cache

import numpy as np
from matplotlib.font_manager import findfont
from PIL import Image, ImageDraw, ImageFont

from bench.pictures.raster import Rgb, Rng

Colour = tuple[int, int, int]
_WORDS = (
    *("when", "the", "weekend", "starts", "breaking", "news", "this", "just", "nobody", "expected", "that"),
    *("share", "before", "gone", "only", "here", "today", "look", "closely", "what", "happened", "next"),
    *("official", "statement", "city", "harbour", "market", "summer", "winter", "never", "always"),
)


@cache
def font(size: int) -> ImageFont.FreeTypeFont:
    """Return DejaVu Sans Bold at ``size`` pixels; Matplotlib ships it."""
    return ImageFont.truetype(findfont("DejaVu Sans:bold"), size)


def sentence(rng: Rng, words: int) -> str:
    """Return words in random order."""
    return " ".join(rng.choice(_WORDS, words))


def written(
    rgb: Rgb,
    text: str,
    at: tuple[float, float],
    size: int,
    colour: Colour = (255, 255, 255),
    *,
    edge: int = 0,
) -> Rgb:
    """Return ``rgb`` with ``text`` centred on ``at`` (fractions), ``size`` pixels high, with a dark edge."""
    picture = Image.fromarray(rgb)
    place = (at[0] * picture.width, at[1] * picture.height)
    ImageDraw.Draw(picture).text(
        place, text, colour, font(size), anchor="mm", stroke_width=edge, stroke_fill=(0, 0, 0)
    )
    return np.asarray(picture)


def watermarked(rgb: Rgb, text: str, opacity: float) -> Rgb:
    """Return ``rgb`` with ``text`` repeated over all of it, turned and half transparent."""
    height, width = rgb.shape[:2]
    side = int(np.hypot(width, height))
    sheet = Image.new("RGBA", (side, side), (255, 255, 255, 0))
    draw, size = ImageDraw.Draw(sheet), max(14, width // 22)
    for row, y in enumerate(range(0, side, size * 4)):
        for x in range(-(row % 2) * size * 3, side, size * 9):
            draw.text((x, y), text, (255, 255, 255, int(opacity * 255)), font(size))
    turned = sheet.rotate(30, Image.Resampling.BICUBIC)
    left, top = (side - width) // 2, (side - height) // 2
    layer = turned.crop((left, top, left + width, top + height))
    return np.asarray(Image.alpha_composite(Image.fromarray(rgb).convert("RGBA"), layer).convert("RGB"))


def sticker(rgb: Rgb, at: tuple[float, float], radius: int, rng: Rng) -> Rgb:
    """Return ``rgb`` with a round smiling sticker on ``at`` (fractions)."""
    picture = Image.fromarray(rgb)
    draw = ImageDraw.Draw(picture)
    x, y, r = at[0] * picture.width, at[1] * picture.height, radius
    skin = tuple(int(c) for c in rng.integers((200, 150, 0), (256, 230, 90)))
    draw.ellipse((x - r, y - r, x + r, y + r), fill=skin, outline=(60, 40, 0), width=max(1, r // 15))
    for side in (-1, 1):
        ex, ey = x + side * r * 0.35, y - r * 0.25
        draw.ellipse((ex - r * 0.12, ey - r * 0.18, ex + r * 0.12, ey + r * 0.18), fill=(60, 40, 0))
    mouth = (x - r * 0.55, y - r * 0.45, x + r * 0.55, y + r * 0.6)
    draw.chord(mouth, 15, 165, fill=(120, 20, 20))
    return np.asarray(picture)
