"""Attacks that lay something over the picture or put it into something else."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw

from bench.pictures.lettering import sentence, sticker, watermarked, written
from bench.pictures.raster import Rgb, Rng, canvas, clipped, filled, fitted, scaled, sized, soft


def _laid(ground: Rgb, rgb: Rgb, left: int, top: int) -> Rgb:
    """Return ``ground`` with ``rgb`` on it; what would stand out is cut."""
    made = ground.copy()
    part = rgb[: made.shape[0] - top, : made.shape[1] - left]
    made[top : top + part.shape[0], left : left + part.shape[1]] = part
    return made


def bordered(rgb: Rgb, _rng: Rng, _other: Rgb) -> Rgb:
    """Return a white border of 8 % around the picture."""
    edge = round(max(rgb.shape) * 0.08)
    return np.pad(rgb, ((edge, edge), (edge, edge), (0, 0)), constant_values=255)


def rounded(rgb: Rgb, _rng: Rng, _other: Rgb) -> Rgb:
    """Return the picture as a card with round corners on grey."""
    height, width = rgb.shape[:2]
    mask = Image.new("L", (width, height), 0)
    ImageDraw.Draw(mask).rounded_rectangle((0, 0, width - 1, height - 1), min(height, width) // 6, fill=255)
    card = np.where(np.asarray(mask)[..., None] > 127, rgb, 235).astype(np.uint8)
    edge = width // 20
    return np.pad(card, ((edge, edge), (edge, edge), (0, 0)), constant_values=235)


def meme(rgb: Rgb, rng: Rng, _other: Rgb) -> Rgb:
    """Return white bars with text above and below."""
    height, width = rgb.shape[:2]
    bar = round(height * 0.17)
    made = _laid(canvas(width, height + 2 * bar, (255, 255, 255)), rgb, 0, bar)
    share, size = bar / 2 / (height + 2 * bar), max(10, width // 26)
    for at in (share, 1 - share):
        made = written(made, sentence(rng, 6), (0.5, at), size, (0, 0, 0))
    return made


def captioned(rgb: Rgb, rng: Rng, _other: Rgb) -> Rgb:
    """Return a black bar with a line of text over the lower seventh of the picture."""
    made = rgb.copy()
    made[-rgb.shape[0] // 7 :] = 12
    return written(made, sentence(rng, 7), (0.5, 13 / 14), max(10, rgb.shape[1] // 30))


def text_over(rgb: Rgb, rng: Rng, _other: Rgb) -> Rgb:
    """Return two lines of large text with dark edges on the picture."""
    size = max(12, rgb.shape[1] // 13)
    for at in (0.15, 0.85):
        rgb = written(rgb, sentence(rng, 3).upper(), (0.5, at), size, edge=max(1, size // 14))
    return rgb


def watermark(rgb: Rgb, rng: Rng, _other: Rgb) -> Rgb:
    """Return a half transparent text repeated over the whole picture."""
    return watermarked(rgb, sentence(rng, 2), 0.35)


def stickers(rgb: Rgb, rng: Rng, _other: Rgb) -> Rgb:
    """Return four smiling stickers in random places, 8 % of the area together or a little more."""
    radius = round(min(rgb.shape[:2]) * 0.09)
    for _ in range(4):
        rgb = sticker(rgb, (float(rng.uniform(0.12, 0.88)), float(rng.uniform(0.12, 0.88))), radius, rng)
    return rgb


def logo(rgb: Rgb, rng: Rng, _other: Rgb) -> Rgb:
    """Return a red box with a station's name in a corner."""
    height, width = rgb.shape[:2]
    box, made = (round(height * 0.09), round(width * 0.2)), rgb.copy()
    top, left = (height // 25 if rng.random() < 0.5 else height - height // 25 - box[0]), width // 30
    made[top : top + box[0], left : left + box[1]] = (190, 15, 25)
    centre = ((left + box[1] / 2) / width, (top + box[0] / 2) / height)
    return written(made, "NEWS 7", centre, max(10, width // 26))


def _phone(rgb: Rgb, rng: Rng, ground: int) -> Rgb:
    """Return a phone's screen that shows the picture in a feed: status bar, name, picture, text, buttons."""
    ink = 255 - ground
    width, height = 720, 1480
    made = canvas(width, height, (ground, ground, ground))
    shown = fitted(sized(rgb, width, round(rgb.shape[0] * width / rgb.shape[1])), 1100)
    top = 170
    made = _laid(made, shown, (width - shown.shape[1]) // 2, top)
    made = sticker(made, (0.08, 115 / height), 34, rng)
    colour = (ink, ink, ink)
    for text, x, y in (("12:41", 0.1, 30), ("5G  87 %", 0.86, 30), (sentence(rng, 3), 0.42, 115)):
        made = written(made, text, (x, y / height), 26, colour)
    for line in range(4):
        made = written(
            made, sentence(rng, 5), (0.46, (top + shown.shape[0] + 50 + 44 * line) / height), 26, colour
        )
    return written(made, "<    o    =", (0.5, 1440 / height), 34, colour)


def phone(rgb: Rgb, rng: Rng, _other: Rgb) -> Rgb:
    """Return a screenshot of a phone's light feed."""
    return _phone(rgb, rng, 250)


def phone_dark(rgb: Rgb, rng: Rng, _other: Rgb) -> Rgb:
    """Return a screenshot of a phone's dark feed."""
    return _phone(rgb, rng, 18)


def browser(rgb: Rgb, rng: Rng, _other: Rgb) -> Rgb:
    """Return a desktop screenshot: the picture takes half the width of a page of text."""
    width, height = 1440, 900
    made = canvas(width, height, (252, 252, 252))
    made[:90] = (222, 225, 230)
    made = written(made, "https://news.example/" + sentence(rng, 1), (0.3, 0.06), 20, (40, 40, 40))
    shown = fitted(sized(rgb, 720, round(rgb.shape[0] * 720 / rgb.shape[1])), 720)
    made = _laid(made, shown, 90, 150)
    for line in range(16):
        made = written(made, sentence(rng, 5), (0.78, 0.2 + 0.045 * line), 20, (30, 30, 30))
    return made


def story(rgb: Rgb, rng: Rng, _other: Rgb) -> Rgb:
    """Return a 9:16 story: the picture in the middle, itself blurred as the ground, a line of text."""
    width, height = 720, 1280
    ground = clipped(soft(filled(rgb, width, height), 25) * 0.7)
    shown = fitted(sized(rgb, width, round(rgb.shape[0] * width / rgb.shape[1])), 1000)
    made = _laid(ground, shown, (width - shown.shape[1]) // 2, (height - shown.shape[0]) // 2)
    return written(made, sentence(rng, 3), (0.5, 0.1), 40, edge=2)


def inset_in(rgb: Rgb, rng: Rng, other: Rgb) -> Rgb:
    """Return another picture with this one in a corner, 38 % as wide."""
    ground = filled(other, 1280, 800)
    small = fitted(sized(rgb, 486, round(rgb.shape[0] * 486 / rgb.shape[1])), 640)
    left = 30 if rng.random() < 0.5 else 1280 - 30 - small.shape[1]
    top = 30 if rng.random() < 0.5 else max(0, 800 - 30 - small.shape[0])
    return _laid(ground, small, left, top)


def inset_on(rgb: Rgb, rng: Rng, other: Rgb) -> Rgb:
    """Return this picture with another one in a corner, a third as wide."""
    small = scaled(filled(other, 480, 320), rgb.shape[1] / 3 / 480)
    left = 10 if rng.random() < 0.5 else rgb.shape[1] - 10 - small.shape[1]
    return _laid(rgb, small, max(0, left), 10)


def pair(rgb: Rgb, rng: Rng, other: Rgb) -> Rgb:
    """Return two pictures side by side, this one on either side."""
    parts = [filled(rgb, 620, 620), filled(other, 620, 620)]
    if rng.random() < 0.5:
        parts.reverse()
    return np.hstack([parts[0], canvas(12, 620, (255, 255, 255)), parts[1]])


def four(rgb: Rgb, rng: Rng, other: Rgb) -> Rgb:
    """Return a collage of two by two: this picture whole, and three cuts of another one."""
    size = (560, 400)
    cells = [
        filled(rgb, *size),
        filled(other, *size),
        filled(other[:, ::-1], *size),
        filled(other[::-1], *size),
    ]
    order = rng.permutation(4)
    gap = canvas(10, size[1], (255, 255, 255))
    rows = [np.hstack([cells[order[i]], gap, cells[order[i + 1]]]) for i in (0, 2)]
    return np.vstack([rows[0], canvas(rows[0].shape[1], 10, (255, 255, 255)), rows[1]])
