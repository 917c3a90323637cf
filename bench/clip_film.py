"""What happens to circulating film: re-encoded, cropped, framed, sped up, cut, dubbed, shifted, painted over.

A change of the picture takes a frame and returns a frame; :data:`PICTURE` names them. Changes in time and sound are
made by :mod:`bench.clip_queries`, which knows the truth about every clip.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Final

import av
import cv2
import numpy as np
from numpy.typing import NDArray

Rgb = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Scene:
    """What a change of the picture may need: where to crop, what else to show.

    Attributes:
        at: Two numbers 0..1, the same for all frames of a clip.
        others: Frames of another film.
    """

    at: tuple[float, float]
    others: Sequence[Rgb]


Paint = Callable[[Rgb, int, Scene], Rgb]


def read_film(path: Path, start_s: float, length_s: float) -> tuple[list[Rgb], Fraction]:
    """Return the frames of a stretch, uint8 (h, w, 3) at the film's own size, and their rate."""
    frames: list[Rgb] = []
    with av.open(str(path)) as film:
        track = film.streams.video[0]
        rate = Fraction(track.average_rate or 25)
        if start_s > 2:
            film.seek(int((start_s - 1) * av.time_base))
        half = 0.5 / float(rate)
        for frame in film.decode(video=0):
            if frame.time < start_s - half:
                continue
            if frame.time >= start_s + length_s - half:
                break
            frames.append(np.asarray(frame.to_ndarray(format="rgb24"), np.uint8))
    return frames, rate


def sized(rgb: Rgb, width: int, height: int) -> Rgb:
    """Return a picture at another size, sides even."""
    size = (max(2, width // 2 * 2), max(2, height // 2 * 2))
    return np.asarray(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA), np.uint8)


def _as_it_is(rgb: Rgb, _: int, __: Scene) -> Rgb:
    return rgb


def _smaller(rgb: Rgb, _: int, __: Scene) -> Rgb:
    return sized(rgb, rgb.shape[1] * 2 // 3, rgb.shape[0] * 2 // 3)


def _overlay(rgb: Rgb, _: int, __: Scene) -> Rgb:
    made = rgb.copy()
    height, width = made.shape[:2]
    made[-height // 7 :] = made[-height // 7 :] // 5
    scale = height / 380
    cv2.putText(
        made, "Watch until the end", (width // 12, height - height // 22), 0, scale, (255, 255, 255), 1
    )
    cv2.circle(made, (width - width // 9, height // 7), height // 12, (220, 40, 40), -1)
    return made


def _mirrored(rgb: Rgb, _: int, __: Scene) -> Rgb:
    return np.ascontiguousarray(rgb[:, ::-1])


def _letterbox(rgb: Rgb, _: int, __: Scene) -> Rgb:
    bar = rgb.shape[1] * 3 // 4 - rgb.shape[0]
    bar = max(bar, rgb.shape[0] // 5) // 2
    return np.pad(rgb, ((bar, bar), (0, 0), (0, 0)))


def _pillarbox(rgb: Rgb, _: int, __: Scene) -> Rgb:
    bar = rgb.shape[1] // 6
    return np.pad(rgb, ((0, 0), (bar, bar), (0, 0)))


def _blurred_bars(rgb: Rgb, _: int, __: Scene) -> Rgb:
    height, width = rgb.shape[:2]
    tall = width * 16 // 9
    ground = cv2.GaussianBlur(cv2.resize(rgb, (width // 4, tall // 4)), (0, 0), 6) // 2
    made = np.asarray(cv2.resize(ground, (width, tall)), np.uint8)
    top = (tall - height) // 2
    made[top : top + height] = rgb
    return sized(made, 270, 480)


def _cropped(rgb: Rgb, _: int, scene: Scene, *, share: float) -> Rgb:
    height, width = rgb.shape[:2]
    h, w = round(height * (1 - share)), round(width * (1 - share))
    y, x = round(scene.at[0] * (height - h)), round(scene.at[1] * (width - w))
    return np.ascontiguousarray(rgb[y : y + h, x : x + w])


def _narrow(rgb: Rgb, _: int, scene: Scene, *, shape: float) -> Rgb:
    height, width = rgb.shape[:2]
    w = min(width, round(height * shape))
    x = round(scene.at[1] * (width - w))
    return np.ascontiguousarray(rgb[:, x : x + w])


def _inset(rgb: Rgb, number: int, scene: Scene) -> Rgb:
    height, width = rgb.shape[:2]
    made = sized(scene.others[number % len(scene.others)], width, height).copy()
    small = sized(rgb, round(width * 0.55), round(height * 0.55))
    y, x = made.shape[0] - small.shape[0] - height // 20, made.shape[1] - small.shape[1] - width // 20
    made[y : y + small.shape[0], x : x + small.shape[1]] = small
    return made


def _grey(rgb: Rgb, _: int, __: Scene) -> Rgb:
    grey = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY).astype(np.float32)
    return np.repeat(np.clip(grey * 1.15 + 12, 0, 255).astype(np.uint8)[..., None], 3, axis=2)


#: Copying that must not hide the original, by name.
PICTURE: Final[Mapping[str, Paint]] = {
    "re-encode": _smaller,
    "overlay": _overlay,
    "mirror": _mirrored,
    "letterbox": _letterbox,
    "pillarbox": _pillarbox,
    "blurred bars": _blurred_bars,
    "brighter, grey": _grey,
    "crop 10 %": partial(_cropped, share=0.1),
    "crop 20 %": partial(_cropped, share=0.2),
    "9:16": partial(_narrow, shape=9 / 16),
    "1:1": partial(_narrow, shape=1.0),
    "picture in picture": _inset,
}


def painted(frames: Sequence[Rgb], paint: Paint, scene: Scene) -> Iterator[Rgb]:
    """Yield the frames of a clip after a change of the picture."""
    return (paint(frame, number, scene) for number, frame in enumerate(frames))


def region_replaced(
    frames: Sequence[Rgb], other: Rgb, at: tuple[float, float], share: float
) -> Iterator[Rgb]:
    """Yield frames in which an ellipse of ``share`` of the area shows another picture, blended at its edge."""
    height, width = frames[0].shape[:2]
    side = round((share * height * width * 4 / np.pi) ** 0.5)
    side = min(side, height - 4, width - 4)
    y, x = round(2 + at[0] * (height - side - 4)), round(2 + at[1] * (width - side - 4))
    patch = sized(other, side * 2, side * 2)[:side, :side].astype(np.float32)
    mask = np.zeros((side, side), np.float32)
    cv2.ellipse(mask, (side // 2, side // 2), (side // 2 - 2, side // 2 - 2), 0, 0, 360, 1.0, -1)
    mask = cv2.GaussianBlur(mask, (0, 0), max(side / 20, 1))[..., None]
    for frame in frames:
        made = frame.copy()
        there = made[y : y + side, x : x + side].astype(np.float32)
        # The light of the place, so that brightness alone does not tell.
        own = patch + (there.mean(axis=(0, 1)) - patch.mean(axis=(0, 1)))
        made[y : y + side, x : x + side] = np.clip(there * (1 - mask) + own * mask, 0, 255).astype(np.uint8)
        yield made
