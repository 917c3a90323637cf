"""Settle: what is left of misregistration once one map of the plane was found, taken out.

A map fitted to few features, or to part of a picture, is a pixel or two off in a corner, which looks like a
difference along every edge there; a photographed screen is seen in perspective where few features show it. One
map of the plane holds for the whole picture: it is too stiff to undo what was bent within it.
"""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

#: Smoothing, pixels, and rounds under it at most: a linear step reaches about as far as the smoothing, and each round
#: looks again from where the last one ended.
ROUNDS_PX: Final = ((4.0, 2), (1.5, 3))
#: Movement, pixels, that is misregistration enough to be taken out, and most that is believed.
LEAST_PX: Final = 0.1
MOST_PX: Final = 24.0
# Blocks in which movement is measured, pixels.
_BLOCK_PX = 16
# Width of what level follows, pixels.
_AROUND_PX = 48
# Noise of a pixel, grey levels, and weight of the belief in no movement, squared gradients of half a block.
_NOISE, _BELIEF = 2.0, 2.0

Plane = NDArray[np.float32]
Mask = NDArray[np.bool_]
Values = NDArray[np.float64]


def settled(copy: Plane, expected: Plane, inside: Mask) -> tuple[Plane, Mask]:
    """Return the copy laid better onto the original, and where it covers it then.

    Gauss-Newton steps over a homography near the identity, each block weighted by how little of it stays
    unexplained, so that what was altered does not pull.

    Args:
        copy: float32, shape (h, w, 3): the copy on the original's grid, 0..255.
        expected: float32, shape (h, w, 3): the original in the copy's tone.
        inside: bool, shape (h, w): where the copy covers the original.

    Returns:
        The copy and ``inside`` themselves where it lies well already, or where moving it makes nothing better.
    """
    shown, known, total = _luma(copy), _luma(expected), np.eye(3)
    height, width = inside.shape
    levels = [(_Blocks(known, inside, soft_px), rounds) for soft_px, rounds in ROUNDS_PX]
    for blocks, rounds in levels:
        for _ in range(rounds):
            moved = _moved(shown, total, cv2.INTER_LINEAR)
            step = blocks.step(blocks.off(moved))
            total = total @ np.linalg.inv(step)
            if not _farthest(total, width, height) <= MOST_PX:
                return copy, inside
            if _farthest(step, width, height) < LEAST_PX:
                break
    if _farthest(total, width, height) < LEAST_PX:
        return copy, inside
    finest, _ = levels[-1]
    before, after = (finest.rest(finest.off(one)) for one in (shown, _moved(shown, total, cv2.INTER_LINEAR)))
    if after >= before:
        return copy, inside
    covered = _moved(inside.astype(np.float32), total, cv2.INTER_LINEAR, cv2.BORDER_CONSTANT)
    return np.clip(_moved(copy, total, cv2.INTER_CUBIC), 0, 255), np.asarray(covered > 0.99, np.bool_)


def _luma(rgb: Plane) -> Plane:
    return np.asarray(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), np.float32)


def _soft(plane: Plane, deviation_px: float) -> Plane:
    smooth = cv2.GaussianBlur(plane, (0, 0), deviation_px)
    return np.asarray(smooth - cv2.blur(smooth, (_AROUND_PX, _AROUND_PX)), np.float32)


def _moved(planes: Plane, back: Values, kind: int, border: int = cv2.BORDER_REPLICATE) -> Plane:
    """Return ``planes`` sampled where ``back``, a map of centred fractions -1..1, says each pixel lies."""
    height, width = planes.shape[:2]
    centred = np.array([[2 / width, 0, 1 / width - 1], [0, 2 / height, 1 / height - 1], [0, 0, 1]])
    pixels = np.linalg.inv(centred) @ back @ centred
    flags = kind | cv2.WARP_INVERSE_MAP
    return np.asarray(
        cv2.warpPerspective(planes, pixels, (width, height), flags=flags, borderMode=border),
        np.float32,
    )


def _farthest(map_: Values, width: int, height: int) -> float:
    """Return how far the corner moves that moves most, pixels."""
    corners = np.array([[-1, -1, 1], [1, -1, 1], [1, 1, 1], [-1, 1, 1]], np.float64)
    there = corners @ map_.T
    moved = there[:, :2] / there[:, 2:] - corners[:, :2]
    return float(np.linalg.norm(moved * (width / 2, height / 2), axis=1).max())


class _Blocks:
    """Gradients of the original in blocks, and what a movement of the copy would change in them.

    Args:
        known: float32, shape (h, w): luma of the original.
        inside: bool, shape (h, w): where the copy covers it.
        soft_px: Smoothing of both before they are held against each other, pixels.
    """

    def __init__(self, known: Plane, inside: Mask, soft_px: float) -> None:
        self._soft_px, self._there = soft_px, _soft(known, soft_px)
        there = self._there
        height, width = inside.shape
        self._size = (max(1, width // _BLOCK_PX), max(1, height // _BLOCK_PX))
        self._cover = inside.astype(np.float32)
        # Movement is counted in half widths and half heights, the unit of the places.
        self._across = cv2.Sobel(there, cv2.CV_32F, 1, 0, ksize=3, scale=0.125) * (width / 2)
        self._down = cv2.Sobel(there, cv2.CV_32F, 0, 1, ksize=3, scale=0.125) * (height / 2)
        self._count = self._mean(np.ones_like(there))
        self._xx, self._xy, self._yy = (
            self._mean(one) for one in (self._across**2, self._across * self._down, self._down**2)
        )
        columns, rows = self._size
        x, y = np.meshgrid(np.arange(1, 2 * columns, 2) / columns - 1, np.arange(1, 2 * rows, 2) / rows - 1)
        x, y = x.ravel(), y.ravel()
        one, none = np.ones_like(x), np.zeros_like(x)
        # First order of a homography with entries 1 + a, b, c; d, 1 + e, f; g, h, 1.
        self._u = np.stack([x, y, one, none, none, none, -x * x, -x * y], axis=1)
        self._v = np.stack([none, none, none, x, y, one, -x * y, -y * y], axis=1)
        self._belief = _BELIEF * (width + height) ** 2 / 16

    def _mean(self, plane: Plane) -> Values:
        return (
            cv2.resize(plane * self._cover, self._size, interpolation=cv2.INTER_AREA)
            .ravel()
            .astype(np.float64)
        )

    def off(self, shown: Plane) -> tuple[Values, Values, Values]:
        """Return the block means of the copy's difference with the gradients and with itself."""
        off = _soft(shown, self._soft_px) - self._there
        return self._mean(self._across * off), self._mean(self._down * off), self._mean(off * off)

    def rest(self, off: tuple[Values, Values, Values]) -> float:
        """Return the mean difference of the textured half of the blocks, as a robust sum, grey levels squared."""
        usual = _NOISE**2
        strong = self._xx + self._yy
        kept = (self._count > 0.5) & (strong >= np.median(strong))
        return float(np.log1p(off[2][kept] / usual).sum())

    def step(self, off: tuple[Values, Values, Values]) -> Values:
        """Return the homography of centred places that explains most of the difference."""
        xd, yd, dd = off
        u, v = self._u, self._v
        weight, found = self._count.copy(), np.zeros(8)
        for _ in range(4):
            left, right = u * (weight * self._xx)[:, None], v * (weight * self._yy)[:, None]
            cross = u.T @ (v * (weight * self._xy)[:, None])
            normal = left.T @ u + right.T @ v + cross + cross.T + self._belief * np.eye(8)
            found = np.linalg.solve(normal, u.T @ (weight * xd) + v.T @ (weight * yd))
            a, b = u @ found, v @ found
            rest = dd - 2 * (a * xd + b * yd) + a * a * self._xx + 2 * a * b * self._xy + b * b * self._yy
            covered = rest[self._count > 0.5]
            usual = max(float(np.median(covered)) if len(covered) else 0.0, _NOISE**2)
            weight = self._count / (1 + np.maximum(rest, 0) / usual) ** 2
        return np.append(found, 0.0).reshape(3, 3) + np.eye(3)
