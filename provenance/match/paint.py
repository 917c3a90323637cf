"""Paint: whether what a region of a copy shows was laid over the original: lettering, bars, logos, stickers.

Paint has few flat colours and an outline. Each changed pixel is one of those colours, lies under one translucent
layer, or is, at an edge, a mixture of a colour with what is beneath or with another colour. A pasted photograph,
a fill that continues its surroundings, a change of hue and a bend have none of this, so they do not pass: when
in doubt a region is no paint. All bounds: docs/measurements.md#alteration, tuning half.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

#: Most different colours of one overlay.
COLOURS: Final = 4
#: Least step across the outline of paint, grey levels: less, and something was painted out, bent or recoloured.
STEP: Final = 30.0
#: The same for a translucent layer, which lets what is beneath through.
LAYER_STEP: Final = 8.0
# Share of what changed from which one connected part stands for all.
_MAIN_SHARE = 0.6
# Fewest pixels that are judged.
_FEWEST = 12
# Width of a colour bin, reach of a colour and of a mixture, grey levels: what JPEG at quality 55 leaves.
_BIN, _REACH, _MIXTURE = 16, 16.0, 20.0
# Of the pixels within twice its reach a colour must hold this share (a gradient would give half), and of all
# changed pixels this one.
_PEAK, _COLOUR_SHARE = 0.68, 0.03
# Reach within which flat paint stays, grey levels; standard deviation in 3x3 pixels up to which it is flat.
_TIGHT, _FLAT = 7.0, 6.0
# Pixels from an edge within which a mixture is believed: the blur of a stroke scaled to the reference.
_EDGE_PX, _SEAM_PX = 3.0, 3.5
# Opacities of a translucent layer, least correlation with what is beneath, least share of the inside under it.
_OPACITY, _FOLLOWS, _LAYER_SHARE = (0.15, 0.9), 0.92, 0.55
# Black and white in luma and colour differences: the two colours of outlined lettering.
_BLACK, _WHITE = np.array([0, 127.5, 127.5], np.float32), np.array([255, 127.5, 127.5], np.float32)

Plane = NDArray[np.float32]
Mask = NDArray[np.bool_]
Colour = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class _Pixels:
    """The changed pixels of a region, as rows.

    Attributes:
        where: bool, shape (h, w): the pixels.
        here: float32, shape (n, 3): what the copy shows.
        beneath: float32, shape (n, 3): what the original has there.
        depth: float32, shape (n,): pixels to what did not change.
        off: float32, shape (n,): grey levels between the two.
    """

    where: Mask
    here: Plane
    beneath: Plane
    depth: Plane
    off: Plane

    @property
    def thin(self) -> bool:
        """Whether most of it is strokes."""
        return bool((self.depth > _EDGE_PX).mean() < 0.3)


@dataclass(frozen=True, slots=True)
class Look:
    """What the changed pixels of a region look like; shares are 0..1.

    Attributes:
        layered: Share under one translucent layer.
        told: Share that colours, layer and mixtures at edges explain.
        outlined: Share that black, white and mixtures of them with what is beneath explain.
        deep: Share well inside, beyond the blur of an edge.
        solid: Of the deep ones, share of a colour or under the layer.
        tight: Of the deep ones of a colour, share within its narrow reach.
        flat: Of the deep ones, share without detail.
        through: Correlation of their detail with that of what is beneath, -1..1.
        step: Median step across the outline, grey levels.
        upper_step: Step that 3 parts in 10 of the outline exceed: where the original has the colour of the paint,
            no outline shows.
        off: Median difference from what is beneath, grey levels.
        lighter: Upper quartile of the difference in luma alone, grey levels.
        colour: Median luma and colour differences.
    """

    layered: float
    told: float
    outlined: float
    deep: float
    solid: float
    tight: float
    flat: float
    through: float
    step: float
    upper_step: float
    off: float
    lighter: float
    colour: tuple[float, float, float]

    @property
    def plain(self) -> bool:
        """Whether it is flat paint, with or without an outline that shows."""
        return self.told >= 0.9 and self.solid >= 0.85 and self.tight >= 0.9 and self.deep >= 0.35

    def like(self, other: Look) -> bool:
        """Whether both are of one colour: parts of a bar that crosses something of its own colour."""
        return float(np.linalg.norm(np.subtract(self.colour, other.colour))) <= _REACH

    @property
    def paint(self) -> bool:
        """Whether it is a translucent layer, thin strokes, bold lettering or a filled shape."""
        layer = self.layered >= 0.35 and self.told >= 0.75 and self.step >= LAYER_STEP
        if layer or self.upper_step < STEP:
            return layer
        strokes = (
            self.step >= STEP
            and self.deep < 0.35
            and (self.told >= 0.6 or self.outlined >= 0.9)
            and self.off >= 25
        )
        lettering = self.step >= STEP and self.deep < 0.7 and self.told >= 0.93 and self.solid >= 0.6
        lettering = lettering and self.tight >= 0.7 and self.flat < 0.7
        filled = self.deep >= 0.35 and self.solid >= 0.78 and self.tight >= 0.83 and self.flat >= 0.5
        filled = filled and self.told >= 0.72 and self.lighter >= 20 and self.through < 0.6
        return strokes or lettering or filled


def look(shown: Plane, expected: Plane, changed: Mask, inside: Mask) -> Look | None:
    """Return what the changed pixels look like; None where they are too few to tell.

    Args:
        shown: float32, shape (h, w, 3): the copy, luma and colour differences, 0..255.
        expected: float32, shape (h, w, 3): the original there in the copy's tone and blur.
        changed: bool, shape (h, w): pixels that differ; with some pixels around them that do not.
        inside: bool, shape (h, w): where the copy covers the original.
    """
    if int(changed.sum()) < _FEWEST:
        return None
    changed = _main_part(changed)
    distance = cv2.distanceTransform(np.pad(changed, 1).astype(np.uint8), cv2.DIST_L2, 3)[1:-1, 1:-1]
    here, beneath = shown[changed], expected[changed]
    off = np.asarray(np.linalg.norm(here - beneath, axis=1), np.float32)
    pixels = _Pixels(changed, here, beneath, np.asarray(distance[changed], np.float32), off)
    layered = _layered(pixels)
    colours = _colours(pixels, ~layered)
    if not colours and pixels.thin and (stroke := _stroke(pixels)) is not None:
        colours = [stroke]
    solid = layered | np.any([_near(here, one, _REACH) for one in colours], axis=0)
    tight = np.any([_near(here, one, _TIGHT) for one in colours], axis=0)
    deep = pixels.depth > _EDGE_PX + 1
    steps = _steps(shown, changed, inside & ~changed)
    middle = np.median(here, axis=0)
    enough = int(deep.sum()) >= _FEWEST

    def within(share: Mask, among: Mask) -> float:
        return float(share[among].mean()) if enough and among.any() else 1.0

    return Look(
        layered=float(layered.mean()),
        told=float((solid | _mixed(pixels, colours)).mean()),
        outlined=float(_outlined(pixels).mean()),
        deep=float(deep.mean()),
        solid=within(solid, deep),
        tight=within(np.broadcast_to(tight, deep.shape), deep & solid & ~layered),
        flat=within(_spread(shown)[changed] <= _FLAT, deep),
        through=_through(shown, expected, changed),
        step=float(np.median(steps)),
        upper_step=float(np.quantile(steps, 0.7)),
        off=float(np.median(off)),
        lighter=float(np.quantile(np.abs(here[:, 0] - beneath[:, 0]), 0.75)),
        colour=(float(middle[0]), float(middle[1]), float(middle[2])),
    )


def _main_part(changed: Mask) -> Mask:
    """Return the one connected part that holds most of what changed, else all of it: specks beside a bar."""
    _, labels, stats, _ = cv2.connectedComponentsWithStats(changed.astype(np.uint8), connectivity=8)
    areas = stats[1:, cv2.CC_STAT_AREA]
    largest = int(np.argmax(areas)) + 1
    most = stats[largest, cv2.CC_STAT_AREA] >= _MAIN_SHARE * areas.sum()
    return np.asarray(labels == largest, np.bool_) if most else changed


def _spread(planes: Plane) -> Plane:
    mean = cv2.blur(planes, (3, 3))
    variance = (cv2.blur(planes * planes, (3, 3)) - mean * mean).max(axis=2)
    return np.asarray(np.sqrt(np.maximum(variance, 0)), np.float32)


def _near(pixels: Plane, colour: Colour, reach: float) -> Mask:
    return np.asarray(np.linalg.norm(pixels - colour, axis=1) <= reach, np.bool_)


# --- colours ---------------------------------------------------------------------------------------------


def _colours(pixels: _Pixels, free: Mask) -> list[Colour]:
    """Return the paint's colours, commonest first; those without a peak, as in a gradient, are left out."""
    if int(free.sum()) < _FEWEST:
        return []
    left, off = pixels.here[free], pixels.off[free]
    if pixels.thin:  # strokes show their colour where they differ most from what is beneath
        left = left[off >= np.quantile(off, 0.6)]
    found: list[Colour] = []
    least = max(_FEWEST / 2, _COLOUR_SHARE * len(left))
    for _ in range(2 * COLOURS):
        if len(left) < least or len(found) == COLOURS:
            break
        colour = _commonest(left)
        near, around = _near(left, colour, _REACH), _near(left, colour, 2 * _REACH)
        if near.sum() < least:
            break
        if near.sum() >= _PEAK * around.sum():
            found.append(colour)
        left = left[~around]
    return found


def _commonest(pixels: Plane) -> Colour:
    bins = (np.clip(pixels, 0, 255) // _BIN).astype(np.int64)
    keys = bins[:, 0] * 4096 + bins[:, 1] * 64 + bins[:, 2]
    values, counts = np.unique(keys, return_counts=True)
    colour = pixels[keys == values[np.argmax(counts)]].mean(axis=0)
    for _ in range(2):  # a bin's border may cut a colour in two
        near = _near(pixels, colour, _REACH)
        colour = pixels[near].mean(axis=0) if near.any() else colour
    return np.asarray(colour, np.float32)


def _stroke(pixels: _Pixels) -> Colour | None:
    """Return the colour that all lines from what is beneath through what is shown come nearest to.

    Strokes thinner than a pixel never show their own colour, but all their mixtures point at it. Weighted least
    squares, the weights falling with a line's distance; the strongest mixtures keep the point near.
    """
    strong = pixels.off >= max(25.0, float(np.quantile(pixels.off, 0.3)))
    if int(strong.sum()) < _FEWEST:
        return None
    start, off = pixels.beneath[strong].astype(np.float64), pixels.off[strong]
    way = (pixels.here[strong] - start) / off[:, None]
    across = np.eye(3) - way[:, :, None] * way[:, None, :]
    top = pixels.here[strong][off >= np.quantile(off, 0.8)].mean(axis=0)
    weight, point = np.ones(len(off)), top.astype(np.float64)
    for _ in range(6):
        pull = 0.02 * weight.sum()
        normal = np.einsum("i,ijk->jk", weight, across) + pull * np.eye(3)
        point = np.linalg.solve(normal, np.einsum("i,ijk,ik->j", weight, across, start) + pull * top)
        miss = np.linalg.norm(np.einsum("ijk,ik->ij", across, point - start), axis=1)
        weight = 1 / (1 + (miss / max(float(np.median(miss)), 4.0)) ** 2)
    point[0] = np.clip(point[0], 0, 255)
    return np.asarray(point, np.float32)


# --- mixtures --------------------------------------------------------------------------------------------


def _mixed(pixels: _Pixels, colours: list[Colour]) -> Mask:
    """Return the pixels between a colour and what is beneath at edges, or between two colours at their seam."""
    told, distances = np.zeros(len(pixels.here), np.bool_), []
    for colour in colours:
        told |= (pixels.depth <= _EDGE_PX) & _between(pixels.here, pixels.beneath, colour)
        away = np.ones(pixels.where.shape, np.uint8)
        away[pixels.where] = ~_near(pixels.here, colour, _REACH)
        distances.append(cv2.distanceTransform(away, cv2.DIST_L2, 3)[pixels.where])
    for one, other in combinations(range(len(colours)), 2):
        seam = (distances[one] <= _SEAM_PX) & (distances[other] <= _SEAM_PX)
        told |= seam & _between(pixels.here, np.broadcast_to(colours[one], pixels.here.shape), colours[other])
    return told


def _outlined(pixels: _Pixels) -> Mask:
    start = np.broadcast_to(_BLACK, pixels.here.shape)
    told = _between(pixels.here, start, _WHITE)
    return (
        told | _between(pixels.here, pixels.beneath, _BLACK) | _between(pixels.here, pixels.beneath, _WHITE)
    )


def _between(here: Plane, start: Plane, end: Colour) -> Mask:
    line = end - start
    along = np.sum((here - start) * line, axis=1) / np.maximum(np.sum(line * line, axis=1), 1)
    rest = here - start - np.clip(along, 0, 1)[:, None] * line
    return np.asarray(np.linalg.norm(rest, axis=1) <= _MIXTURE, np.bool_)


def _layered(pixels: _Pixels) -> Mask:
    """Return which pixels lie under one translucent neutral layer of even opacity; none where none does."""
    none, deep = np.zeros(len(pixels.here), np.bool_), pixels.depth > _EDGE_PX - 1
    if int(deep.sum()) < _FEWEST:
        return none
    luma, under = pixels.here[deep, 0].astype(np.float64), pixels.beneath[deep, 0].astype(np.float64)
    slope, offset = _line(luma, under)
    keep = np.abs(luma - slope * under - offset) <= 8
    for _ in range(3):
        if int(keep.sum()) < _FEWEST or under[keep].std() < 4:
            return none
        slope, offset = np.polyfit(under[keep], luma[keep], 1)
        keep = np.abs(luma - slope * under - offset) <= 8
    opacity = 1 - slope
    if not _OPACITY[0] <= opacity <= _OPACITY[1] or keep.mean() < _LAYER_SHARE:
        return none
    if np.corrcoef(under[keep], luma[keep])[0, 1] < _FOLLOWS or not -30 <= offset / opacity <= 285:
        return none
    colour = np.array([offset / opacity, 127.5, 127.5], np.float32)
    wanted = pixels.beneath * (1 - opacity) + colour * opacity
    return np.asarray(np.linalg.norm(pixels.here - wanted, axis=1) <= _REACH, np.bool_)


def _line(luma: NDArray[np.float64], under: NDArray[np.float64]) -> tuple[float, float]:
    """Return slope and offset that most pixels share, so that lettering on a bar does not tilt the line."""
    best, found = 0, (1.0, 0.0)
    for slope in (0.25, 0.35, 0.45, 0.55, 0.65, 0.75):
        rest = luma - slope * under
        counts, edges = np.histogram(rest, bins=np.arange(rest.min() - 8, rest.max() + 16, 8.0))
        top = int(np.argmax(counts))
        near = rest[(rest >= edges[top] - 4) & (rest <= edges[top + 1] + 4)]
        offset = float(near.mean())
        agreeing = int((np.abs(rest - offset) <= 8).sum())
        if agreeing > best:
            best, found = agreeing, (slope, offset)
    return found


# --- surroundings ----------------------------------------------------------------------------------------


def _through(shown: Plane, expected: Plane, changed: Mask) -> float:
    here, there = (
        (plane[:, :, 0] - cv2.blur(plane[:, :, 0], (9, 9)))[changed] for plane in (shown, expected)
    )
    return float((here * there).mean() / np.sqrt((here * here).mean() * (there * there).mean() + 1))


def _steps(shown: Plane, changed: Mask, around: Mask) -> Plane:
    """Return the step of the copy at each pixel of the outline of what changed, grey levels; 0 without outline."""
    window, shares, means = (7, 7), [], []
    for part in (changed, around):
        share = cv2.blur(part.astype(np.float32), window)
        mean = cv2.blur(shown * part.astype(np.float32)[..., None], window)
        shares.append(share)
        means.append(mean / np.maximum(share, 1e-3)[..., None])
    rim = changed & (cv2.erode(changed.astype(np.uint8), np.ones((3, 3), np.uint8)) == 0)
    rim &= (shares[0] > 0.1) & (shares[1] > 0.1)
    if not rim.any():
        return np.zeros(1, np.float32)
    return np.asarray(np.linalg.norm(means[0][rim] - means[1][rim], axis=1), np.float32)
