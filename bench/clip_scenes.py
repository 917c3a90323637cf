"""Films composed of moving things in front of moving grounds, cut every few seconds as news are.

A pan over one photograph cannot be placed in time by what it shows, for a crop of one moment is the whole of another.
Here every moment is its own: things cut out of photographs walk their own ways before a ground that scrolls slower
than they do, a hand holds the camera, the light changes, and the cuts go back and forth between a few scenes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

#: Photographs' parts that one film is made of, each the ground of one scene.
GROUNDS: Final = 6
#: Shortest and longest shot, seconds.
SHOT_S: Final = (2.0, 6.0)
#: Things in one scene.
THINGS: Final = 4
# Side of a thing before it is scaled, pixels.
_THING_PX = 160

Rgb = NDArray[np.uint8]
Plane = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class _Way:
    """A smooth way through the plane: two sums of sines that do not repeat within a film.

    Attributes:
        middle: x and y of its middle.
        reach: Amplitudes, shape (2, 2): per axis and sine.
        period_s: Periods, shape (2, 2), seconds.
        phase: Phases, shape (2, 2), radians.
    """

    middle: NDArray[np.float64]
    reach: NDArray[np.float64]
    period_s: NDArray[np.float64]
    phase: NDArray[np.float64]

    @classmethod
    def made(cls, rng: np.random.Generator, middle: tuple[float, float], reach: tuple[float, float]) -> _Way:
        """Return a way around ``middle`` that goes about ``reach`` to each side of it, x and y."""
        share = np.stack([np.array(reach) * 0.7, np.array(reach) * 0.3], axis=1)
        return cls(np.array(middle), share, rng.uniform(3.0, 11.0, (2, 2)), rng.uniform(0, 2 * np.pi, (2, 2)))

    def at(self, time_s: float) -> NDArray[np.float64]:
        """Return x and y at a time, seconds."""
        turns = np.sin(2 * np.pi * time_s / self.period_s + self.phase)
        return np.asarray(self.middle + (self.reach * turns).sum(axis=1), np.float64)


@dataclass(frozen=True, slots=True, eq=False)
class _Thing:
    """A cut-out: its look, float32 (s, s, 3); its soft mask, float32 (s, s); where it goes; how it sways."""

    look: Plane
    mask: Plane
    way: _Way
    sway: _Way


@dataclass(frozen=True, slots=True, eq=False)
class _Scene:
    """A ground, float32 (h, w, 3), larger than the frame; its camera's way, and what moves before it."""

    ground: Plane
    camera: _Way
    light: _Way
    things: tuple[_Thing, ...]


def film(
    cells: Sequence[Rgb], length_s: float, fps: int, size: tuple[int, int], rng: np.random.Generator
) -> Iterator[Rgb]:
    """Yield the frames of a film, uint8, shape (h, w, 3).

    Args:
        cells: :data:`GROUNDS` parts of photographs.
        length_s: Its length, seconds.
        fps: Frames a second.
        size: Width and height, pixels.
        rng: All chance.
    """
    scenes = [_scene(cells, number, size, rng) for number in range(len(cells))]
    shake = np.cumsum(rng.normal(0, 0.5, (round(length_s * fps), 2)), axis=0)
    shake = shake - np.asarray(cv2.blur(shake, (1, 2 * fps)), np.float64)
    grain = rng.normal(0, 2.0, (size[1] * 2, size[0] * 2, 1)).astype(np.float32)
    shown, until_s = 0, 0.0
    for number, hand in enumerate(shake):
        time_s = number / fps
        if time_s >= until_s:
            others = [one for one in range(len(scenes)) if one != shown]
            # Half of the cuts go to the neighbour and back, as between two people who talk.
            shown = shown ^ 1 if rng.random() < 0.5 and (shown ^ 1) < len(scenes) else int(rng.choice(others))
            until_s = time_s + float(rng.uniform(*SHOT_S))
        y, x = rng.integers(0, size[1]), rng.integers(0, size[0])
        frame = _frame(scenes[shown], time_s, hand, size) + grain[y : y + size[1], x : x + size[0]]
        yield np.clip(frame, 0, 255).astype(np.uint8)


def _scene(cells: Sequence[Rgb], number: int, size: tuple[int, int], rng: np.random.Generator) -> _Scene:
    width, height = size
    ground = cv2.resize(cells[number], (width * 5 // 4, height * 5 // 4), interpolation=cv2.INTER_AREA)
    camera = _Way.made(rng, (width / 8, height / 8), (width / 12, height / 12))
    light = _Way.made(rng, (1.0, 0.0), (0.08, 6.0))
    things = tuple(_thing(cells[(number + 1 + n) % len(cells)], (width, height), rng) for n in range(THINGS))
    return _Scene(ground.astype(np.float32), camera, light, things)


def _thing(cell: Rgb, size: tuple[int, int], rng: np.random.Generator) -> _Thing:
    side = min(cell.shape[:2]) // 2
    y, x = (int(rng.integers(0, each - side)) for each in cell.shape[:2])
    look = cv2.resize(cell[y : y + side, x : x + side], (_THING_PX, _THING_PX), interpolation=cv2.INTER_AREA)
    corners = rng.uniform(0.25, 0.48, 9) * _THING_PX
    angles = np.linspace(0, 2 * np.pi, len(corners), endpoint=False)
    outline = np.stack([np.cos(angles), np.sin(angles)], axis=1) * corners[:, None] + _THING_PX / 2
    mask = np.zeros((_THING_PX, _THING_PX), np.float32)
    cv2.fillPoly(mask, [np.round(outline).astype(np.int32)], (1.0,))
    width, height = size
    middle = (float(rng.uniform(0.15, 0.85)) * width, float(rng.uniform(0.25, 0.85)) * height)
    way = _Way.made(rng, middle, (width / 4, height / 8))
    # Turned by some degrees, and larger and smaller, about its own middle.
    sway = _Way.made(rng, (0.0, float(rng.uniform(0.5, 1.0))), (12.0, 0.12))
    soft = np.asarray(cv2.GaussianBlur(mask, (0, 0), 2.0), np.float32)
    return _Thing(look.astype(np.float32), soft, way, sway)


def _frame(scene: _Scene, time_s: float, hand: NDArray[np.float64], size: tuple[int, int]) -> Plane:
    at = scene.camera.at(time_s) + hand
    matrix = np.array([[1, 0, -at[0]], [0, 1, -at[1]]])
    shown = cv2.warpAffine(scene.ground, matrix, size, borderMode=cv2.BORDER_REFLECT_101)
    # What is near moves more than the ground when the camera does.
    near = 1.6 * (at - scene.camera.middle)
    for thing in scene.things:
        angle, scale = thing.sway.at(time_s)
        turn = cv2.getRotationMatrix2D((_THING_PX / 2, _THING_PX / 2), angle, scale)
        turn[:, 2] = turn[:, 2] + thing.way.at(time_s) - near - _THING_PX / 2
        mask = cv2.warpAffine(thing.mask, turn, size)[..., None]
        look = cv2.warpAffine(thing.look, turn, size, borderMode=cv2.BORDER_REFLECT_101)
        shown = shown * (1 - mask) + look * mask
    gain, offset = scene.light.at(time_s)
    return np.asarray(shown * gain + offset, np.float32)
