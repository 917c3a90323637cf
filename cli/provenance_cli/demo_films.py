"""Films for the demo: one made of a portrait, and copies cut, put in another order, or with a face replaced."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from provenance_cli.demo_media import sample, sound_pieces

#: Pictures a second of the films made here.
RATE = 25
_SIZE = (640, 360)
_SECONDS = 16

Rgb = NDArray[np.uint8]
#: Changes a frame at a time in the copy, seconds.
Change = Callable[[Rgb, float], Rgb]


def portrait_film(target: Path) -> None:
    """Write a film that moves slowly over the portrait of an astronaut, without sound."""
    portrait = cv2.imread(str(sample("scikit-image", "skimage/data/astronaut.png")))
    with av.open(str(target), "w") as out:
        track = _track(out, _SIZE)
        for number in range(_SECONDS * RATE):
            shown = _looked_at(np.asarray(portrait, np.uint8), number / (_SECONDS * RATE))
            _put(out, track, np.ascontiguousarray(shown[:, :, ::-1]), number)
        out.mux(track.encode(None))


def _looked_at(picture: Rgb, progress: float) -> Rgb:
    """Return the part of a square picture that is in view, as a frame."""
    width = 420 + 80 * np.sin(2 * np.pi * progress)
    height = width * _SIZE[1] / _SIZE[0]
    left = (picture.shape[1] - width) * (0.5 + 0.35 * np.sin(4 * np.pi * progress))
    top = 12 + 14 * np.sin(6 * np.pi * progress)
    scale = _SIZE[0] / width
    onto = np.array([[scale, 0, -left * scale], [0, scale, -top * scale]])
    shown = cv2.warpAffine(picture, onto, _SIZE, flags=cv2.INTER_AREA, borderMode=cv2.BORDER_REFLECT)
    assert height < picture.shape[0]  # noqa: S101 - a demo film stays inside its picture
    return np.asarray(shown, np.uint8)


def face_replaced(foreign: Path, start_s: float, end_s: float) -> Change:
    """Return a change that lays the face of another picture over the astronaut's, softly, for some seconds."""
    patch = np.asarray(cv2.imread(str(foreign)), np.uint8)[60:210, 150:300, ::-1]

    def change(rgb: Rgb, time_s: float) -> Rgb:
        if not start_s <= time_s < end_s:
            return rgb
        height, width = rgb.shape[:2]
        face = _face_box(time_s, width, height)
        laid = cv2.resize(patch, (face[2], face[3]), interpolation=cv2.INTER_AREA)
        mask = np.zeros((face[3], face[2]), np.float32)
        cv2.ellipse(
            mask, (face[2] // 2, face[3] // 2), (face[2] * 2 // 5, face[3] * 2 // 5), 0, 0, 360, 1.0, -1
        )
        soft = cv2.GaussianBlur(mask, (0, 0), face[2] / 24)[:, :, None]
        out = rgb.copy()
        part = out[face[1] : face[1] + face[3], face[0] : face[0] + face[2]]
        soft, laid = soft[: len(part), : part.shape[1]], laid[: len(part), : part.shape[1]]
        part[:] = np.clip(part * (1 - soft) + laid * soft, 0, 255).astype(np.uint8)
        return out

    return change


def _face_box(time_s: float, width: int, height: int) -> tuple[int, int, int, int]:
    """Return left, top, width and height of the astronaut's face in the film, pixels of a frame."""
    progress = time_s / _SECONDS
    view = 420 + 80 * np.sin(2 * np.pi * progress)
    left = (512 - view) * (0.5 + 0.35 * np.sin(4 * np.pi * progress))
    top = 12 + 14 * np.sin(6 * np.pi * progress)
    scale = width / view
    x, y, side = (175 - left) * scale, (60 - top) * scale, 100 * scale
    return max(0, round(x)), max(0, round(y)), round(side), round(min(side * 1.2, height - y))


def upright_crop(rgb: Rgb, time_s: float) -> Rgb:  # noqa: ARG001 - a change like any other
    """Return the middle of a frame in 9:16 on a black ground, as upright players show it."""
    height, width = rgb.shape[:2]
    shown = round(height * 9 / 16)
    left = (width - shown) // 2
    out = np.zeros_like(rgb)
    out[:, left : left + shown] = rgb[:, left : left + shown]
    return out


def copied(
    source: Path,
    target: Path,
    parts: Sequence[tuple[float, float]],
    *,
    height: int = 360,
    change: Change | None = None,
) -> None:
    """Write parts of a film, in the order given, re-encoded, with their own sound where there is any.

    Args:
        source: The film.
        target: The copy.
        parts: Start and end of each part, seconds.
        height: Height of the copy, pixels.
        change: Applied to every frame with its time in the copy.
    """
    with av.open(str(target), "w") as out, av.open(str(source)) as film:
        shown = film.streams.video[0]
        size = (round(shown.width * height / shown.height / 2) * 2, height)
        rate = Fraction(shown.guessed_rate or RATE)
        track = _track(out, size, rate)
        sound: Any = out.add_stream("aac", rate=44_100) if film.streams.audio else None
        if sound is not None:
            sound.layout = "mono"
        frames = (rgb for part in parts for rgb in _frames(source, part, size))
        for number, rgb in enumerate(frames):
            _put(out, track, rgb if change is None else change(rgb, number / float(rate)), number)
        out.mux(track.encode(None))
        at = 0
        for start_s, end_s in parts if sound is not None else ():
            for piece in sound_pieces(source, start_s, end_s - start_s):
                piece.pts, at = at, at + piece.samples
                out.mux(sound.encode(piece))
        if sound is not None:
            out.mux(sound.encode(None))


def _frames(source: Path, part: tuple[float, float], size: tuple[int, int]) -> Iterator[Rgb]:
    with av.open(str(source)) as film:
        for frame in film.decode(video=0):
            if frame.time >= part[1]:
                return
            if frame.time >= part[0]:
                yield np.asarray(frame.reformat(*size, format="rgb24").to_ndarray(), np.uint8)


def _track(out: Any, size: tuple[int, int], rate: Fraction = Fraction(RATE)) -> Any:
    track = out.add_stream("libx264", rate=rate)
    track.width, track.height, track.pix_fmt = *size, "yuv420p"
    track.options = {"crf": "26", "preset": "veryfast"}
    return track


def _put(out: Any, track: Any, rgb: Rgb, number: int) -> None:
    frame = av.VideoFrame.from_ndarray(rgb, format="rgb24")
    frame.pts, frame.time_base = number, 1 / Fraction(track.average_rate)
    out.mux(track.encode(frame))
