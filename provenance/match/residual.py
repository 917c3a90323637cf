"""What re-encoding, resizing, tone and blur leave unexplained between a copy and its reference.

All of it is estimated from the part of the copy that agrees: its tone curve, its blur and its noise. Where a
block then stands out from that noise, something else happened to it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from provenance.match import warp
from provenance.match.noise import noise
from provenance.match.settle import settled
from provenance.match.structure import contradiction
from provenance.match.tone import toned

#: Widths of the blocks, pixels of the reference at a long side of 512: about 1 and 4 parts in 1000 of a
#: square picture, the smallest differences that are looked for.
SCALES: Final = (16, 32)

# Quantiles of block means whose implied spread is tried, and the normal distribution's deviation at each: a mean
# that many blocks share is the copy's own unevenness.
_USUAL = ((0.30, 0.3853), (0.60, 0.8416), (0.80, 1.2816))
# Width of what level and contrast follow, pixels, and the bounds of the contrast: three blocks of the finer scale.
_AROUND_PX, _CONTRAST = 48, (0.7, 1.4)
# Blur of the copy against the reference that is tried, standard deviation in pixels.
_BLURS = (0.0, 0.4, 0.55, 0.7, 0.85, 1.0, 1.2, 1.5, 1.9, 2.4, 3.0, 4.0)
# Weight of the belief that a level stays what it was, in blocks: a colour too rare to show its tone keeps it.
_BELIEF = 0.02
# Level of the copy from which, and up to which, a channel is cut off, and the level at which the original in the
# copy's tone is then believed to be there too.
_WHITE, _BLACK = (250.0, 225.0), (5.0, 30.0)
# Least spread of block means, grey levels: rounding, and what a tone curve of seven terms leaves.
_LEAST_SHIFT = 2.0
# Least energy that counts as typical: half a standard deviation.
_LEAST_TYPICAL = float(np.log(0.25 + 0.1))
# Upper quartile of a good copy's energy, the most that one is allowed to be uneven, and the upper quartile at which
# so much must have been altered: clean copies reach .95 (160 pixels wide), lettering over a picture 1.7 to 3.
# Source: docs/measurements.md, alteration.
_EVEN, _MOST_UNEVEN, _ALTERED = 0.3, 1.7, 1.3
# Most that the channels of a copy without colour differ, grey levels: JPEG and film rounding.
_GREY = 6
# A single pixel counts for at most this many standard deviations, so that one edge does not make a region.
_CLIP = 6.0
Plane = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Residual:
    """What is left of the copy after the reference explained it.

    Attributes:
        deviation: float32, shape (h, w, 3): luma and the two colour differences, in standard deviations of
            the copy's own noise at this texture.
        energy: float32, shape (2, h, w): log of the mean squared deviation of the block around each pixel,
            against its typical value in the part that agrees; less where the whole copy is uneven; one plane per
            scale.
        shift: float32, shape (2, h, w): mean of the block in standard deviations of such means, likewise.
        torn: float32, shape (h, w): where both show marks, and not the same ones (:mod:`provenance.match.structure`).
        uneven: float32, shape (2, 1, 1): what energy and shift were divided by, at least 1. Frames gathered
            over time are judged before that: what is uneven in one is not in the next.
        inside: bool, shape (h, w): where the copy covers the reference.
        copy: float32, shape (h, w, 3): the copy, luma and colour differences, 0..255.
        expected: float32, shape (h, w, 3): the reference in the copy's tone and blur.
        sigma: float32, shape (h, w): noise of the copy in luma, grey levels.
        blur: Standard deviation of the copy's blur against the reference, pixels; negative where the copy
            is the sharper one.
        noise: Noise of the copy in luma at middling texture, grey levels.
    """

    deviation: Plane
    energy: Plane
    shift: Plane
    torn: Plane
    uneven: Plane
    inside: warp.Mask
    copy: Plane
    expected: Plane
    sigma: Plane
    blur: float
    noise: float


def residual(laid: warp.Rgb, reference_rgb: warp.Rgb, inside: warp.Mask) -> Residual:
    """Return what tone, blur and noise do not explain of the copy.

    1. The tone and light that most blocks agree on are applied to the reference.
    2. What is left of misregistration is taken out, and light that was cut off is left out.
    3. The sharper of the two is blurred until their detail has one contrast.
    4. Level and contrast follow the copy around each pixel; what is left is structure.
    5. The noise is measured against local texture and taken out.
    6. Levels of blocks, which step 4 took out, are judged by themselves, and so are marks that contradict others.
    7. Where most of the copy is uneven, all of it counts for less.

    Args:
        laid: uint8, shape (h, w, 3): the copy on the reference's grid.
        reference_rgb: uint8, shape (h, w, 3).
        inside: bool, shape (h, w): where the copy covers the reference; at least 64 pixels.
    """
    known = _grey(reference_rgb) if _colourless(laid, inside) else reference_rgb
    shown_rgb = laid.astype(np.float32)
    expected_rgb = toned(shown_rgb, known.astype(np.float32), inside)
    shown_rgb, inside = settled(shown_rgb, expected_rgb, inside)
    expected_rgb = _cut_off(shown_rgb, expected_rgb)
    copy, expected = _planes(shown_rgb), _planes(expected_rgb)
    blur = _blur(copy[:, :, 0], expected[:, :, 0], inside)
    expected = _blurred(expected, blur) if blur > 0 else expected
    shown = _blurred(copy, -blur) if blur < 0 else copy
    rest = _followed(shown, expected, inside)
    sigma = noise(rest, expected, inside)
    deviation = rest / sigma
    blocks = [_Blocks(inside, width) for width in SCALES]
    square = _square(deviation)
    energy = np.stack([_energy(square, each) for each in blocks])
    uneven = np.array(
        [_uneven(each.sampled(plane)) for each, plane in zip(blocks, energy, strict=True)], np.float32
    )[:, None, None]
    shift = np.stack([_shift(shown - expected, sigma, each) for each in blocks])
    torn = contradiction(shown[:, :, 0], expected[:, :, 0], sigma[:, :, 0])
    return Residual(
        deviation=deviation,
        energy=np.asarray(energy / uneven, np.float32),
        shift=np.asarray(shift / uneven, np.float32),
        torn=np.where(inside, torn, 0).astype(np.float32),
        uneven=uneven,
        inside=inside,
        copy=copy,
        expected=expected,
        sigma=sigma[:, :, 0],
        blur=blur,
        noise=float(np.median(sigma[:, :, 0][inside])),
    )


def _cut_off(shown: Plane, expected: Plane) -> Plane:
    """Return the original with the copy's own level where both are at the same end of what a file can show.

    Clipped light says no more than that it was at least as light.
    """
    white = (shown >= _WHITE[0]) & (expected >= _WHITE[1])
    black = (shown <= _BLACK[0]) & (expected <= _BLACK[1])
    return np.where(white | black, shown, expected).astype(np.float32)


def _planes(rgb: Plane) -> Plane:
    # Colour differences of float pictures are around one half: bring all planes to one range.
    planes = cv2.cvtColor(rgb / 255, cv2.COLOR_RGB2YCrCb) * 255
    return np.asarray(planes, np.float32)


def _colourless(rgb: warp.Rgb, inside: warp.Mask) -> bool:
    red, green, blue = cv2.split(rgb)
    spread = cv2.max(cv2.max(red, green), blue) - cv2.min(cv2.min(red, green), blue)
    return bool(np.count_nonzero(spread[inside] > _GREY) <= 0.01 * np.count_nonzero(inside))


def _grey(rgb: warp.Rgb) -> warp.Rgb:
    return np.asarray(np.repeat(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)[:, :, None], 3, axis=2), np.uint8)


def _blurred(planes: Plane, deviation: float) -> Plane:
    return np.asarray(cv2.GaussianBlur(planes, (0, 0), deviation), np.float32)


def _followed(shown: Plane, expected: Plane, inside: warp.Mask) -> Plane:
    """Return what the copy leaves of the original where level and contrast may follow it around each pixel.

    Light that changes from place to place is no difference of content; the contrast follows within bounds, so
    that missing detail stays missing.
    """
    cover, window = inside.astype(np.float32), (_AROUND_PX, _AROUND_PX)
    share = np.maximum(cv2.blur(cover, window), 1e-3)

    def around(planes: Plane) -> Plane:
        many = planes.ndim == 3
        total = cv2.blur(planes * (cover[..., None] if many else cover), window)
        return np.asarray(total / (share[..., None] if many else share), np.float32)

    here, there = shown - around(shown), expected - around(expected)
    luma = (here[..., 0], there[..., 0])
    both, own = around(luma[0] * luma[1]), around(luma[1] * luma[1])
    # Four grey levels squared: without detail the contrast stays what it was.
    contrast = np.clip((both + 4) / (own + 4), *_CONTRAST)
    return np.asarray(here - contrast[..., None] * there, np.float32)


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
        softer = (contrast(_band(_soft(copy, s)), known) for s in _BLURS)
        return -_BLURS[_nearest_one(softer)]
    softer = (contrast(seen, _band(_soft(expected, s))) for s in _BLURS)
    return _BLURS[_nearest_one(softer)]


def _soft(plane: Plane, deviation: float) -> Plane:
    return _blurred(plane, deviation) if deviation else plane


def _nearest_one(contrasts: Iterable[float]) -> int:
    """Return the place of the contrast that is nearest to one by its ratio.

    With growing blur contrasts run towards one and beyond: after the first that is further off no better one comes.
    """
    best, least = 0, np.inf
    for place, value in enumerate(contrasts):
        off = abs(np.log(max(value, 1e-3)))
        if off > least:
            break
        if off < least:
            best, least = place, off
    return best


class _Blocks:
    """The blocks of one width around each pixel, as far as the copy covers them.

    Args:
        inside: bool, shape (h, w): where the copy covers the reference.
        width: Of a block, pixels.
    """

    def __init__(self, inside: warp.Mask, width: int) -> None:
        self.inside, self.width = inside, width
        self._cover = inside.astype(np.float32)
        share = cv2.blur(self._cover, (width, width))
        # Nothing is said of a block that the copy covers by less than half.
        self._weight = np.where(share >= 0.5, 1 / np.maximum(share, 0.5), 0).astype(np.float32)
        # Means of blocks change little within an eighth of their width.
        step = width // 8
        self._some = (slice(step // 2, None, step),) * 2

    def mean(self, plane: Plane) -> Plane:
        """Return the mean over the part of each block that the copy covers; 0 where it covers under half."""
        total = cv2.blur(plane * self._cover, (self.width, self.width))
        return np.asarray(total * self._weight, np.float32)

    def sampled(self, means: Plane) -> Plane:
        """Return means at every eighth of a block where the copy is, for their quantiles, shape (n,)."""
        found = means[self._some][self.inside[self._some]]
        return found if len(found) else means[self.inside]


def _uneven(energy: Plane) -> float:
    """Return how many times more a copy's energy varies than a good copy's does, at least 1.

    The upper quartile says it; where that is beyond what unevenness makes, a quarter of the copy was altered.
    """
    upper = float(np.quantile(energy, 0.75))
    return float(np.clip(upper / _EVEN, 1, _MOST_UNEVEN)) if upper < _ALTERED else 1.0


def _square(deviation: Plane) -> Plane:
    """Return the mean of the channels' squares, one pixel counting for no more than :data:`_CLIP` deviations."""
    clipped = np.minimum(deviation * deviation, np.float32(_CLIP**2))
    return np.asarray(cv2.transform(clipped, np.full((1, 3), 1 / 3, np.float32)), np.float32)


def _energy(square: Plane, blocks: _Blocks) -> Plane:
    # A tenth of the usual: less than that is agreement, however small; running means may round below zero.
    value = np.log(np.maximum(blocks.mean(square), 0) + np.float32(0.1))
    # Most of a drawing is flat and agrees to the last level; its edges are not to be judged by that.
    typical = max(float(np.median(blocks.sampled(value))), _LEAST_TYPICAL)
    return np.where(blocks.inside, value - np.float32(typical), 0).astype(np.float32)


def _shift(rest: Plane, sigma: Plane, blocks: _Blocks) -> Plane:
    strongest = np.zeros(blocks.inside.shape, np.float32)
    shares, deviations = zip(*_USUAL, strict=True)
    for channel in range(3):
        value = np.abs(blocks.mean(rest[:, :, channel]))
        usual = float((np.quantile(blocks.sampled(value), shares) / deviations).max())
        # Where texture is noisy its mean is too; half of the noise is what a block of 16 pixels keeps of it.
        own = blocks.mean(sigma[:, :, channel]) * np.float32(8 / blocks.width)
        strongest = np.maximum(strongest, value / np.maximum(own, np.float32(max(usual, _LEAST_SHIFT))))
    return np.where(blocks.inside, strongest, 0).astype(np.float32)
