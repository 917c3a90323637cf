"""The attacks: what happens to pictures on their way, harmless or meant to hide where they come from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from typing import Final

import numpy as np

from bench.pictures import frames, moves, tones
from bench.pictures.raster import File, Rgb, Rng, again, fitted, save, scaled, sharpened


class Group(StrEnum):
    """How much an attack changes."""

    BENIGN = "benign"  # what platforms and viewers do; must always be found
    HARD = "hard"  # what people and forgers do; recall asked .97
    OVERLAID = "overlaid"  # hard, and something lies over the picture or around it


@dataclass(frozen=True, slots=True)
class Attack:
    """One attack.

    Attributes:
        name: What is done.
        group: How much it changes.
        make: Makes the file from a picture, with randomness, and with an unregistered picture for those that
            need a second one.
    """

    name: str
    group: Group
    make: Callable[[Rgb, Rng, Rgb], File]


Step = Callable[[Rgb, Rng, Rgb], Rgb]


def _encoded(name: str, group: Group, step: Step, quality: int = 85, form: str = "JPEG") -> Attack:
    def make(rgb: Rgb, rng: Rng, other: Rgb) -> File:
        return save(step(rgb, rng, other), quality, form)

    return Attack(name, group, make)


def _same(rgb: Rgb, _rng: Rng, _other: Rgb) -> Rgb:
    return rgb


def _shrunk(side_px: int) -> Step:
    return lambda rgb, _rng, _other: fitted(rgb, side_px)


def chain(*steps: Step) -> Step:
    """Return the steps one after another."""

    def run(rgb: Rgb, rng: Rng, other: Rgb) -> Rgb:
        for step in steps:
            rgb = step(rgb, rng, other)
        return rgb

    return run


def _resaved(quality: int, form: str = "JPEG") -> Step:
    return lambda rgb, _rng, _other: again(rgb, quality, form)


def _sharper(rgb: Rgb, _rng: Rng, _other: Rgb) -> Rgb:
    return sharpened(rgb)


#: A messenger that limits pictures to 1280 pixels and strips what it can; sent on twice.
messenger: Final = chain(_shrunk(1280), _resaved(65))
#: A network that shows pictures 1080 wide, sharpens them and saves at quality 72.
network: Final = chain(_shrunk(1080), _sharper, _resaved(72))
#: A network that keeps WebP previews.
preview: Final = chain(_shrunk(680), _resaved(70, "WEBP"))

_B, _H, _O = Group.BENIGN, Group.HARD, Group.OVERLAID


def _benign() -> list[Attack]:
    forms = [("JPEG", q) for q in (90, 70, 50, 30, 15)]
    forms += [("WEBP", 50), ("WEBP", 15), ("AVIF", 40), ("AVIF", 15), ("PNG", 0)]
    made = [_encoded(f"{form} q{q}" if q else form, _B, _same, q, form) for form, q in forms]
    made += [
        _encoded("half size", _B, lambda rgb, _r, _o: scaled(rgb, 0.5), 75),
        _encoded("320 pixels", _B, _shrunk(320), 75),
        _encoded("enlarged 1.5 x", _B, lambda rgb, _r, _o: scaled(rgb, 1.5), 75),
        _encoded("messenger", _B, messenger, 65),
        _encoded("messenger, sent on twice", _B, chain(messenger, _shrunk(800), messenger), 60),
        _encoded("network", _B, network, 72),
        _encoded("network preview", _B, preview, 60, "WEBP"),
        _encoded("network, then messenger", _B, chain(network, messenger), 60),
        _encoded("brighter", _B, tones.brighter),
        _encoded("darker", _B, tones.darker),
        _encoded("more contrast", _B, tones.contrast),
        _encoded("gamma", _B, tones.gamma),
        _encoded("warmer", _B, tones.warmer),
        _encoded("grey", _B, tones.grey),
        _encoded("blurred", _B, tones.blurred),
        _encoded("sharpened", _B, _sharper),
        _encoded("noise", _B, tones.noisy),
        _encoded("vignette", _B, tones.vignette),
        _encoded("256 colours", _B, tones.palette, 0, "PNG"),
    ]
    return made


def _hard() -> list[Attack]:
    crops = [
        _encoded(f"crop, {p} % of each side away", _H, partial(moves.cropped, keep=1 - p / 100))
        for p in (10, 20, 30)
    ]
    half = partial(moves.cropped, keep=0.7071)
    crops += [
        _encoded("crop to half the area", _H, half),
        _encoded("crop to half of each side", _H, partial(moves.cropped, keep=0.5)),
    ]
    turns = [_encoded(f"rotated {d} deg, cut", _H, partial(moves.rotated, degrees=d)) for d in (1, 5, 10)]
    quarters = [_encoded(f"quarter turn {90 * k}", _H, partial(moves.turned, quarters=k)) for k in (1, 2, 3)]
    small = partial(moves.cropped, keep=0.8)
    return [
        *crops,
        *turns,
        _encoded("rotated 5 deg, filled", _H, moves.rotated_filled),
        _encoded("mirrored", _H, moves.mirrored),
        *quarters,
        _encoded("mirrored, quarter turn", _H, chain(moves.mirrored, partial(moves.turned, quarters=1))),
        _encoded("stretched 15 %", _H, moves.stretched),
        _encoded("sheared", _H, moves.sheared),
        _encoded("perspective", _H, moves.perspective),
        _encoded("photo of a screen", _H, moves.screen, 75),
        _encoded("photo of a screen, oblique", _H, partial(moves.screen, tilt=0.12), 70),
        _encoded("negative", _H, tones.negative),
        _encoded("duotone", _H, tones.duotone),
        _encoded("blurred 3 px", _H, partial(tones.blurred, sigma=3.0)),
        _encoded("strong noise", _H, partial(tones.noisy, sigma=25.0), 70),
        _encoded("smoothed like a painting", _H, tones.painted),
        _encoded("printed and scanned", _H, tones.printed),
        _encoded("JPEG q5", _H, _same, 5),
        _encoded("160 pixels", _H, _shrunk(160), 75),
        _encoded("crop 20 %, mirrored, q50", _H, chain(small, moves.mirrored), 50),
        _encoded(
            "crop 20 %, 640 px, q50, brighter", _H, chain(small, _shrunk(640), _resaved(50), tones.brighter)
        ),
        _encoded(
            "rotated 5 deg, 640 px, q50", _H, chain(partial(moves.rotated, degrees=5), _shrunk(640)), 50
        ),
    ]


def _overlaid() -> list[Attack]:
    small = partial(moves.cropped, keep=0.8)
    return [
        _encoded("white border", _O, frames.bordered),
        _encoded("rounded corners", _O, frames.rounded),
        _encoded("meme bars", _O, frames.meme),
        _encoded("caption bar below", _O, frames.captioned),
        _encoded("overlay text", _O, frames.text_over),
        _encoded("watermark", _O, frames.watermark),
        _encoded("stickers", _O, frames.stickers),
        _encoded("logo in a corner", _O, frames.logo),
        _encoded("phone screenshot", _O, frames.phone, 80),
        _encoded("phone screenshot, dark, forwarded", _O, chain(frames.phone_dark, messenger), 65),
        _encoded("browser screenshot", _O, frames.browser, 0, "PNG"),
        _encoded("story with blurred ground", _O, frames.story, 75),
        _encoded("picture in picture", _O, frames.inset_in),
        _encoded("another picture inset", _O, frames.inset_on),
        _encoded("collage of two", _O, frames.pair),
        _encoded("collage of four", _O, frames.four),
        _encoded(
            "meme bars, mirrored, q40, 640 px", _O, chain(frames.meme, moves.mirrored, _shrunk(640)), 40
        ),
        _encoded("crop 20 %, text, 640 px, q50", _O, chain(small, frames.text_over, _shrunk(640)), 50),
        _encoded("screenshot of a meme", _O, chain(frames.meme, frames.phone, messenger), 65),
        _encoded("stickers, rotated 5 deg", _O, chain(frames.stickers, partial(moves.rotated, degrees=5))),
    ]


#: All attacks.
ATTACKS: Final = (*_benign(), *_hard(), *_overlaid())


def seeded(name: str, number: int) -> Rng:
    """Return the generator of one copy: the same for the same attack and original, whatever else is run."""
    return np.random.default_rng([number, *name.encode()])
