"""What re-encoding, resizing, tone and blur leave unexplained between a copy and its reference.

All of it is estimated from the part of the copy that agrees: its tone curve, its blur and its noise. Where a
block then stands out from that noise, something else happened to it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from provenance.match import warp

#: Widths of the blocks, pixels of the reference at a long side of 512: about 1 and 4 parts in 1000 of a
#: square picture, the smallest differences that are looked for.
SCALES: Final = (16, 32)

# Normal distribution: the absolute deviation not exceeded by 30 parts in 100, in standard deviations. A lower
# quantile than the median holds where most of a picture was altered.
_QUANTILE, _QUANTILE_DEVIATION = 0.30, 0.3853
# Tukey's biweight at 95 % efficiency. Source: Maronna, Martin, Yohai 2006, section 2.3.
_TUKEY = 4.685
_ROUNDS = 8
# Blur of the copy against the reference that is tried, standard deviation in pixels.
_BLURS = (0.0, 0.4, 0.55, 0.7, 0.85, 1.0, 1.2, 1.5, 1.9, 2.4, 3.0, 4.0)
# Least noise of luma and of the colour differences, grey levels: rounding to 8 bits twice and WebP at its best;
# JPEG at quality 30 drops colour differences of up to 3 levels whole (its table's entry 17 at that quality).
_FLOORS = (1.0, 2.5, 2.5)
# Weight of the belief that a level stays what it was, in blocks: a colour too rare to show its tone keeps it.
_BELIEF = 0.02
# Most that the channels of a copy without colour differ, grey levels: JPEG and film rounding.
_GREY = 6
# A single pixel counts for at most this many standard deviations, so that one edge does not make a region.
_CLIP = 6.0
# Bins of texture, as shares of the pixels in order; narrow at the top, where edges are.
_EDGES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98)
# Noise that texture may bring, pixels of its gradient: what a third of a pixel of misplacement or of blur does.
_SLIP = 0.4

Plane = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Residual:
    """What is left of the copy after the reference explained it.

    Attributes:
        deviation: float32, shape (h, w, 3): luma and the two colour differences, in standard deviations of
            the copy's own noise at this texture.
        energy: float32, shape (2, h, w): log of the mean squared deviation of the block around each pixel,
            against its typical value in the part that agrees; one plane per scale.
        shift: float32, shape (2, h, w): mean of the block in standard deviations of such means.
        inside: bool, shape (h, w): where the copy covers the reference.
        copy: float32, shape (h, w, 3): the copy, luma and colour differences, 0..255.
        expected: float32, shape (h, w, 3): the reference in the copy's tone and blur.
        blur: Standard deviation of the copy's blur against the reference, pixels; negative where the copy
            is the sharper one.
        noise: Noise of the copy in luma at middling texture, grey levels.
    """

    deviation: Plane
    energy: Plane
    shift: Plane
    inside: warp.Mask
    copy: Plane
    expected: Plane
    blur: float
    noise: float


def residual(laid: warp.Rgb, reference_rgb: warp.Rgb, inside: warp.Mask) -> Residual:
    """Return what tone, blur and noise do not explain of the copy.

    1. The tone that most blocks agree on is applied to the reference.
    2. The sharper of the two is blurred until their detail has one contrast.
    3. The noise is measured against local texture and taken out.

    Args:
        laid: uint8, shape (h, w, 3): the copy on the reference's grid.
        reference_rgb: uint8, shape (h, w, 3).
        inside: bool, shape (h, w): where the copy covers the reference; at least 64 pixels.
    """
    known = _grey(reference_rgb) if _colourless(laid, inside) else reference_rgb
    copy = _planes(laid.astype(np.float32))
    expected = _planes(_toned(laid.astype(np.float32), known.astype(np.float32), inside))
    blur = _blur(copy[:, :, 0], expected[:, :, 0], inside)
    shown = copy
    if blur > 0:
        expected = _blurred(expected, blur)
    elif blur < 0:
        shown = _blurred(copy, -blur)
    rest = shown - expected
    activity = _activity(expected)
    curves = [_noise(rest[:, :, c], activity, inside, _FLOORS[c]) for c in range(3)]
    sigma = np.stack([_usual(activity, *curve) for curve in curves], axis=2)
    deviation = rest / sigma
    energy = np.stack([_energy(deviation, inside, width) for width in SCALES])
    shift = np.stack([_shift(rest, sigma, inside, width) for width in SCALES])
    middle = float(np.median(sigma[:, :, 0][inside]))
    return Residual(deviation, energy, shift, inside, copy, expected, blur, middle)


def _planes(rgb: Plane) -> Plane:
    # Colour differences of float pictures are around one half: bring all planes to one range.
    planes = cv2.cvtColor(rgb / 255, cv2.COLOR_RGB2YCrCb) * 255
    return np.asarray(planes, np.float32)


def _colourless(rgb: warp.Rgb, inside: warp.Mask) -> bool:
    seen = rgb[inside].astype(np.int16)
    return bool(np.quantile(seen.max(axis=1) - seen.min(axis=1), 0.99) <= _GREY)


def _grey(rgb: warp.Rgb) -> warp.Rgb:
    return np.asarray(np.repeat(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)[:, :, None], 3, axis=2), np.uint8)


def _blurred(planes: Plane, deviation: float) -> Plane:
    return np.asarray(cv2.GaussianBlur(planes, (0, 0), deviation), np.float32)


def _toned(copy: Plane, known: Plane, inside: warp.Mask) -> Plane:
    """Return the reference in the copy's tone: a curve for each channel and a share of the other two."""
    height, width = inside.shape
    # Block means: tone is a matter of areas, and they do not feel misregistration and grain.
    size = (max(1, width // 8), max(1, height // 8))
    cover = cv2.resize(inside.astype(np.float32), size, interpolation=cv2.INTER_AREA).ravel()
    where = cover > 0.99 if (cover > 0.99).sum() >= 16 else cover > 0
    means = [cv2.resize(a, size, interpolation=cv2.INTER_AREA).reshape(-1, 3) for a in (copy, known)]
    row, column = np.divmod(np.arange(size[0] * size[1]), size[0])
    tile = (row * 3 // size[1]) * 3 + column * 3 // size[0]
    toned = np.empty_like(known)
    for channel in range(3):
        terms = _terms(np.asarray(means[1][where], np.float32), channel)
        curve = _robust(terms, np.asarray(means[0][where, channel], np.float32), tile[where])
        toned[:, :, channel] = (_terms(known.reshape(-1, 3), channel) @ curve).reshape(height, width)
    # What the copy's tone drove beyond black and white was cut off there.
    return np.clip(toned, 0, 255)


def _terms(rgb: Plane, channel: int) -> Plane:
    """Return the terms of a tone: constant, own level, the other two, and three bends of the own level."""
    level = np.clip(rgb / 255, 0, 1)
    own = level[:, channel]
    others = (level[:, (channel + 1) % 3], level[:, (channel + 2) % 3])
    columns = (np.ones_like(own), own, *others, own**2, own**3, np.sqrt(own))
    return np.stack(columns, axis=1).astype(np.float32)


def _robust(terms: Plane, wanted: Plane, tile: NDArray[np.int64]) -> NDArray[np.float32]:
    """Return coefficients that suit the largest part of the blocks.

    Starts are the unchanged level and fits to the whole and to each ninth of the picture; the one that leaves
    the smallest lower quantile wins, so that a shift of half the picture is not averaged away.
    """
    same = np.zeros(terms.shape[1])
    same[1] = 255
    everywhere = np.ones(len(wanted), np.bool_)
    parts = [part for part in (everywhere, *(tile == t for t in range(9))) if part.sum() >= 8]
    starts = [same, *(_ridge(terms, wanted, part.astype(np.float64), same) for part in parts)]
    off = [float(np.quantile(np.abs(wanted - terms @ start), _QUANTILE)) for start in starts]
    best = starts[int(np.argmin(off))]
    for _ in range(_ROUNDS):
        distance = np.abs(wanted - terms @ best)
        scale = max(float(np.quantile(distance, _QUANTILE)) / _QUANTILE_DEVIATION, 1.0)
        weight = np.clip(1 - (distance / (_TUKEY * scale)) ** 2, 0, None) ** 2
        best = _ridge(terms, wanted, weight, same)
    return best.astype(np.float32)


def _ridge(
    terms: Plane, wanted: Plane, weight: NDArray[np.float64], same: NDArray[np.float64]
) -> NDArray[np.float64]:
    loaded = terms.astype(np.float64) * weight[:, None]
    normal = loaded.T @ terms + _BELIEF * np.eye(terms.shape[1])
    return same + np.linalg.solve(normal, loaded.T @ (wanted - terms @ same))


def _band(plane: Plane) -> Plane:
    return np.asarray(cv2.GaussianBlur(plane, (0, 0), 0.7) - cv2.GaussianBlur(plane, (0, 0), 2.0), np.float32)


def _blur(copy: Plane, expected: Plane, inside: warp.Mask) -> float:
    """Return the blur that brings the finest detail of both to one contrast, signed as in Residual."""
    seen, known = _band(copy), _band(expected)
    window = (SCALES[1], SCALES[1])
    both, own, other = (cv2.blur(a, window) for a in (seen * known, seen * seen, known * known))
    steady = inside & (both / np.sqrt(np.maximum(own * other, 0) + 1) > 0.5)
    if steady.sum() < SCALES[1] ** 2:
        return 0.0

    def contrast(here: Plane, there: Plane) -> float:
        return float(np.sum(here[steady] * there[steady]) / (np.sum(there[steady] ** 2) + 1e-6))

    if contrast(seen, known) >= 1:
        off = [abs(np.log(max(contrast(_band(_soft(copy, s)), known), 1e-3))) for s in _BLURS]
        return -_BLURS[int(np.argmin(off))]
    off = [abs(np.log(max(contrast(seen, _band(_soft(expected, s))), 1e-3))) for s in _BLURS]
    return _BLURS[int(np.argmin(off))]


def _soft(plane: Plane, deviation: float) -> Plane:
    return _blurred(plane, deviation) if deviation else plane


def _activity(planes: Plane) -> Plane:
    """Return root mean squared gradient of all planes around each pixel, grey levels a pixel."""
    across = cv2.Sobel(planes, cv2.CV_32F, 1, 0, ksize=3, scale=0.125)
    down = cv2.Sobel(planes, cv2.CV_32F, 0, 1, ksize=3, scale=0.125)
    square = cv2.blur((across**2 + down**2).sum(axis=2), (9, 9))
    # A running mean may round below zero.
    return np.asarray(np.sqrt(np.maximum(square, 0)), np.float32)


def _noise(
    rest: Plane, activity: Plane, inside: warp.Mask, floor: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return noise against local texture: a rising curve through a quantile of each bin of texture."""
    texture, off = activity[inside], np.abs(rest[inside])
    edges = (np.array(_EDGES) * len(texture)).astype(np.int64)
    groups = [g for g in np.split(np.argsort(texture, kind="stable"), edges) if len(g) >= 32]
    at = np.array([np.median(texture[g]) for g in groups], np.float64)
    size = [float(np.quantile(off[g], _QUANTILE)) / _QUANTILE_DEVIATION for g in groups]
    return at, np.maximum(_rising(size), floor)


def _usual(activity: Plane, at: NDArray[np.float64], noise: NDArray[np.float64]) -> Plane:
    """Return the noise at each pixel, never more than resampling can cause.

    Without the bound an object that holds all the texture of a picture would, when removed, pass for noise.
    """
    return np.asarray(np.minimum(np.interp(activity, at, noise), noise[0] + _SLIP * activity), np.float32)


def _rising(values: list[float]) -> NDArray[np.float64]:
    """Return the least-squares rising sequence (pool adjacent violators)."""
    pools: list[tuple[float, int]] = []
    for value in values:
        mean, count = value, 1
        while pools and pools[-1][0] > mean:
            before, size = pools.pop()
            mean, count = (before * size + mean * count) / (size + count), size + count
        pools.append((mean, count))
    return np.repeat([mean for mean, _ in pools], [count for _, count in pools]).astype(np.float64)


def _mean(plane: Plane, inside: warp.Mask, width: int) -> Plane:
    """Return the mean over the part of each block that the copy covers; 0 where it covers under half."""
    share = cv2.blur(inside.astype(np.float32), (width, width))
    total = cv2.blur(np.where(inside, plane, 0).astype(np.float32), (width, width))
    return np.where(share >= 0.5, total / np.maximum(share, 0.5), 0).astype(np.float32)


def _energy(deviation: Plane, inside: warp.Mask, width: int) -> Plane:
    square = np.minimum(deviation**2, _CLIP**2).mean(axis=2)
    # A tenth of the usual: less than that is agreement, however small; running means may round below zero.
    value = np.log(np.maximum(_mean(square, inside, width), 0) + 0.1)
    typical = float(np.median(value[inside]))
    return np.where(inside, value - typical, 0).astype(np.float32)


def _shift(rest: Plane, sigma: Plane, inside: warp.Mask, width: int) -> Plane:
    strongest = np.zeros(inside.shape, np.float32)
    for channel in range(3):
        value = np.abs(_mean(rest[:, :, channel], inside, width))
        usual = float(np.quantile(value[inside], _QUANTILE)) / _QUANTILE_DEVIATION
        # Where texture is noisy its mean is too; half of the noise is what a block of 16 pixels keeps of it.
        own = _mean(sigma[:, :, channel], inside, width) * (8 / width)
        least = _FLOORS[channel] / 2
        strongest = np.maximum(strongest, value / np.maximum(np.maximum(usual, own), least))
    return np.where(inside, strongest, 0).astype(np.float32)
