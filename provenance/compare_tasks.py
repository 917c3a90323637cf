"""The task that compares a film's frames with stored ones, run inside a media worker."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from provenance.evidence import Box, Channel, Comparison, Difference, DifferenceKind, Geometry
from provenance.fingerprint import image
from provenance.match import align, compare, covering, detail, film_compare, reference, warp
from provenance.match.film_compare import Frame, Region
from provenance.match.residual import SCALES, Residual, residual
from provenance.media import decode, faces
from provenance.media.sandbox import Job
from provenance.plain import from_plain, to_plain
from provenance.report import strip

#: Longest side of the copy's frames, pixels: twice the stored ones, so that nothing they show is lost.
SIDE_PX: Final = 512
#: Stored frames by which time and geometry of a stretch are sharpened.
_SHARPENED: Final = 6
#: Moments around the expected one that are tried for each of them, seconds.
_TRIED_S: Final = tuple(step * 0.04 for step in range(-7, 8))
#: Moments tried for every other stored frame: one frame at 25 a second to both sides.
_NEAR_S: Final = (-0.04, 0.0, 0.04)
#: How far the copy's frame may be from a moment to be compared with the stored frame of it, seconds: at six frames a
#: second what moves fast is elsewhere.
_WITHIN_S: Final = 0.06
#: Longer side at which moments are told apart, pixels.
_TIMING_PX: Final = 64
#: Share of a stored frame's textured blocks that must look alike for the frame to count as laid onto it: below
#: it something is wrong with place or time, and nothing is said about the frame. Source: docs/measurements.md.
LAID: Final = 0.6
#: Least difference of luma in a block of 16 pixels, grey levels, fine detail left out. Source:
#: docs/measurements.md, film: stored frames of 2.4 kB are up to 8 off in drawings and clipped skies.
MIN_LEVELS: Final = 10.0
#: Change of a region over its time, grey levels, up to which it stands still and from which it moves. Source: a logo
#: re-encoded at crf 28 changes by under 3 levels in the median; things that walk by change theirs by 15 and more.
STANDS_LEVELS: Final = 4.0
MOVES_LEVELS: Final = 12.0
#: Share of a stretch that a logo or caption lasts, and of the picture beside an edge that it keeps to: a patch in the
#: middle, or one that comes and goes, hides something.
LASTING: Final = 0.7
EDGE: Final = 0.35
# Detail finer than this is left out, pixels of a stored frame.
_SOFT_PX = 1.5
# Textured blocks below which a frame is taken as it is.
_BLOCKS = 4
#: Stored frames whose moments are read in one go.
_GROUP: Final = 24
#: Rows of the strip of frames that is drawn.
_ROWS: Final = 4


@dataclass(frozen=True, slots=True)
class _Pair:
    """A moment of the copy and the stored frame it should show: times in seconds, picture."""

    copy_s: float
    asset_s: float
    known: image.Rgb


def compare_film(job: Job) -> object:
    """Return where a stretch of a film differs from stored frames, gathered over time.

    1. The moment at which the copy shows each of a few stored frames best is looked for; the median of how far
       it is off corrects the stretch.
    2. The geometry is sharpened on those frames, and plain bars that all of them have are left out: what they
       cover is cropped away.
    3. Every stored frame is compared with the copy's frame of its moment; energies are gathered over time.
    4. What is left is named as in still pictures, on the frame that shows it best.

    Params: ``geometry``; ``pairs``: list of {``copy_s``, ``asset_s``, ``blob``}, ascending in ``copy_s``, at most a
    few hundred. Result: {``shift_s``, ``geometry``, ``compared``: frames that could be laid, ``unlaid``:
    moments of the copy whose frame could not, seconds, ``differences``, ``strip``: PNG or None}.
    """
    geometry = from_plain(Geometry, job.params["geometry"])
    pairs = [_pair(one) for one in cast("Sequence[Mapping[str, object]]", job.params["pairs"])]
    chosen = [pairs[i] for i in np.unique(np.linspace(0, len(pairs) - 1, _SHARPENED).astype(int))]
    shift_s, geometry, shown = _sharpened(job, chosen, geometry)
    moved = [replace(one, copy_s=max(one.copy_s + shift_s, 0.0)) for one in pairs]
    compared, unlaid = _compared(job, moved, geometry, shown)
    frames = [frame for frame, _ in compared]
    step_s = float(np.median(np.diff([one.copy_s for one in frames]))) if len(frames) > 1 else 0.5
    # Where most frames could not be laid, the few that could are no evidence.
    told = len(frames) >= max(1, len(moved) / 2)
    found = film_compare.regions(frames, min(step_s, film_compare.MAX_STEP_S)) if told else []
    rows = [_row(job, one, compared, geometry) for one in found]
    return {
        "shift_s": shift_s,
        "geometry": to_plain(geometry),
        "compared": len(frames) if told else 0,
        "unlaid": unlaid,
        "differences": [to_plain(one.difference) for one in rows],
        "strip": strip.strip_png(rows[:_ROWS], geometry) if rows else None,
    }


def _row(job: Job, region: Region, compared: Sequence[tuple[Frame, _Pair]], geometry: Geometry) -> strip.Row:
    """Return a region as a difference, named by its strongest frame, with frames of its start and end."""
    inside = [pair for _, pair in compared if region.copy.start_s <= pair.copy_s <= region.copy.end_s]
    strongest = compared[region.strongest][1]
    pairs = sorted(
        {id(one): one for one in (inside[0], strongest, inside[-1])}.values(), key=lambda one: one.copy_s
    )
    looks = [(pair, _nearest(pair, tried, geometry)) for pair, tried in _around(job, pairs, _NEAR_S) if tried]
    box = warp.box_through(np.linalg.inv(warp.matrix_of(geometry)).astype(np.float64), region.box)
    plain = Difference(
        DifferenceKind.REPLACED,
        Channel.PICTURE,
        box,
        region.copy,
        region.asset,
        round(region.strength, 1),
        share=region.share * box.area / max(region.box.area, 1e-9),
    )
    seen = next((rgb for pair, rgb in looks if pair is strongest), None)
    if seen is not None:
        plain = _named(plain, seen, strongest.known, geometry)
    lasting = region.copy.length_s >= LASTING * (compared[-1][1].copy_s - compared[0][1].copy_s)
    if lasting and _at_edge(box) and _lies_on(looks, region.box, warp.matrix_of(geometry)):
        plain = replace(plain, kind=DifferenceKind.OVERLAY)
    views = tuple(strip.View(pair.copy_s, pair.asset_s, rgb, pair.known) for pair, rgb in looks)
    return strip.Row(plain, views)


def _at_edge(box: Box) -> bool:
    """Return whether a region keeps to one side of the picture, as captions and logos do."""
    return box.x + box.w <= EDGE or box.x >= 1 - EDGE or box.y + box.h <= EDGE or box.y >= 1 - EDGE


def _lies_on(looks: Sequence[tuple[_Pair, image.Rgb]], box: Box, matrix: warp.Matrix) -> bool:
    """Return whether a region shows one and the same thing while the original moves beneath it, as a logo does."""
    if len(looks) < 2:
        return False
    grid = looks[0][0].known.shape[:2]
    rows = slice(int(box.y * grid[0]), math.ceil((box.y + box.h) * grid[0]))
    columns = slice(int(box.x * grid[1]), math.ceil((box.x + box.w) * grid[1]))
    shown = [warp.onto(rgb, grid, matrix)[0][rows, columns].astype(np.float32) for _, rgb in looks]
    known = [_sized(pair.known, grid)[rows, columns].astype(np.float32) for pair, _ in looks]
    stands = max(float(np.median(np.abs(one - shown[0]))) for one in shown[1:])
    moves = max(float(np.abs(one - known[0]).mean()) for one in known[1:])
    return stands <= STANDS_LEVELS and moves >= MOVES_LEVELS


def _named(plain: Difference, seen: image.Rgb, known: image.Rgb, geometry: Geometry) -> Difference:
    """Return a difference with what still pictures say it looks like, and whether it lies on a face."""
    box = cast("Box", plain.box)
    still = compare.compare_picture(seen, known, geometry).differences
    alike = [one for one in still if one.box is not None and _shared(one.box, box) > 0]
    if alike:
        plain = replace(plain, kind=max(alike, key=lambda one: _shared(cast("Box", one.box), box)).kind)
        # Gathered over time an outline is blocks wide; one frame shows how much an overlay covers.
        covered = sum(
            one.share for one in alike if one.kind is DifferenceKind.OVERLAY and one.share is not None
        )
        if plain.kind is DifferenceKind.OVERLAY and 0 < covered < (plain.share or 0.0):
            plain = replace(plain, share=covered)
    back = np.linalg.inv(warp.matrix_of(geometry)).astype(np.float64)
    there = (warp.box_through(back, Box(*face)) for face in faces.find_faces(known))
    on_faces = [*there, *(Box(*face) for face in faces.find_faces(seen))]
    return covering.with_faces(Comparison((plain,)), on_faces).differences[0]


def _shared(one: Box, other: Box) -> float:
    """Return the area that two boxes share."""
    width = min(one.x + one.w, other.x + other.w) - max(one.x, other.x)
    height = min(one.y + one.h, other.y + other.h) - max(one.y, other.y)
    return max(width, 0.0) * max(height, 0.0)


def _pair(one: Mapping[str, object]) -> _Pair:
    known = reference.open_reference(cast("bytes", one["blob"]))
    return _Pair(float(cast("float", one["copy_s"])), float(cast("float", one["asset_s"])), known)


def _sharpened(job: Job, chosen: Sequence[_Pair], geometry: Geometry) -> tuple[float, Geometry, Box]:
    """Return by how many seconds the copy's moments are off, the geometry there, and the part inside bars."""
    offs, placed, trimmed = [], [], []
    for pair, tried in _around(job, chosen, _TRIED_S):
        if not tried:
            continue
        # Of moments that show one and the same frame the one nearest to where it should be.
        off_s, rgb = min(tried, key=lambda one: (unlike(one[1], pair.known, geometry), abs(one[0])))
        offs.append(off_s)
        trimmed.append(_inside_bars(rgb))
        found = align.Aligner(rgb).place(align.Known(pair.known), mirrored=geometry.mirrored, refined=True)
        if found is not None:
            placed.append(found)
    if len(placed) >= 2:
        geometry = warp.middle(placed)
    return (float(np.median(offs)) if offs else 0.0), geometry, _around_all(trimmed)


def _inside_bars(rgb: image.Rgb) -> Box:
    """Return the part of a frame inside plain bars, fractions."""
    height, width = rgb.shape[:2]
    left, top, right, bottom = image.trim_border(rgb)
    return Box(left / width, top / height, (right - left) / width, (bottom - top) / height)


def _around_all(boxes: Sequence[Box]) -> Box:
    """Return the smallest box around all: bars are bars only while every frame has them."""
    if not boxes:
        return Box(0.0, 0.0, 1.0, 1.0)
    left, top = min(one.x for one in boxes), min(one.y for one in boxes)
    right, bottom = max(one.x + one.w for one in boxes), max(one.y + one.h for one in boxes)
    return Box(left, top, right - left, bottom - top)


def _part(shown: Box, grid: tuple[int, ...], matrix: warp.Matrix) -> warp.Mask:
    """Return where the part of the copy inside its bars lies on the grid."""
    side = 256
    plate = np.zeros((side, side, 3), np.uint8)
    rows = slice(round(shown.y * side), round((shown.y + shown.h) * side))
    columns = slice(round(shown.x * side), round((shown.x + shown.w) * side))
    plate[rows, columns] = 255
    laid, inside = warp.onto(plate, grid, matrix)
    return np.asarray(inside & (laid[:, :, 0] == 255), np.bool_)


def _around(
    job: Job, pairs: Sequence[_Pair], steps_s: Sequence[float]
) -> list[tuple[_Pair, list[tuple[float, image.Rgb]]]]:
    """Return for each pair the copy's frames at small steps around its moment."""
    wanted = sorted({max(pair.copy_s + step, 0.0) for pair in pairs for step in steps_s})
    shown: dict[float, image.Rgb] = dict(
        decode.read_moments(job.files[0], wanted, SIDE_PX, within_s=_WITHIN_S, limits=job.limits)
    )
    return [
        (pair, [(step, shown[at]) for step in steps_s if (at := max(pair.copy_s + step, 0.0)) in shown])
        for pair in pairs
    ]


def unlike(rgb: image.Rgb, known: image.Rgb, geometry: Geometry) -> float:
    """Return how far the detail of a frame is from a stored one's, at a small size; lower is nearer."""
    small = reference.shrunk(known, _TIMING_PX * 2)
    laid, inside = warp.onto(rgb, small.shape[:2], warp.matrix_of(geometry))
    here, there = (cv2.cvtColor(one, cv2.COLOR_RGB2GRAY).astype(np.float32) for one in (laid, small))
    if not inside.any():
        return float("inf")
    off = (here - here[inside].mean()) - (there - there[inside].mean())
    return float(np.abs(off[inside]).mean())


def _nearest(pair: _Pair, tried: Sequence[tuple[float, image.Rgb]], geometry: Geometry) -> image.Rgb:
    return min(tried, key=lambda one: unlike(one[1], pair.known, geometry))[1]


def _compared(
    job: Job, pairs: Sequence[_Pair], geometry: Geometry, shown: Box
) -> tuple[list[tuple[Frame, _Pair]], list[float]]:
    """Return every pair of which the copy has a frame, compared, and the moments that could not be laid."""
    matrix = warp.matrix_of(geometry)
    grid = pairs[0].known.shape[:2]
    compared, unlaid = list[tuple[Frame, _Pair]](), list[float]()
    part = _part(shown, grid, matrix)
    # In groups, so that memory is bounded by a few dozen frames of the copy.
    for start in range(0, len(pairs), _GROUP):
        for pair, tried in _around(job, pairs[start : start + _GROUP], _NEAR_S):
            if not tried:
                continue
            known = pair.known if pair.known.shape[:2] == grid else _sized(pair.known, grid)
            laid, inside = warp.onto(_nearest(pair, tried, geometry), grid, matrix)
            inside &= part
            if not _laid(laid, known, inside):
                unlaid.append(pair.copy_s)
                continue
            if int(inside.sum()) >= compare.MIN_COVERED:
                energy = _energy(residual(laid, known, inside))
                compared.append((Frame(pair.copy_s, pair.asset_s, energy), pair))
    return compared, unlaid


def _energy(found: Residual) -> NDArray[np.float32]:
    """Return the energy of what copying does not explain, none where it is less than storing a frame loses.

    A small stored frame loses fine lines that a flat ground makes conspicuous: what is told must be seen in the
    luma of areas.
    """
    shown, known = found.copy[:, :, 0], found.expected[:, :, 0]
    # Brightened beyond white, or darkened to black, the tone can no longer be told.
    burnt = ((shown > 240) & (known > 200)) | ((shown < 16) & (known < 50))
    off = cv2.GaussianBlur(np.where(burnt, 0, shown - known).astype(np.float32), (0, 0), _SOFT_PX)
    levels = np.sqrt(np.maximum(cv2.blur(off * off, (SCALES[0], SCALES[0])), 0))
    energy = found.energy * found.uneven
    kept = np.where(levels >= MIN_LEVELS, energy, np.minimum(energy, 0))
    return np.asarray(kept, np.float32)


def _laid(laid: image.Rgb, known: image.Rgb, inside: warp.Mask) -> bool:
    """Return whether a frame of the copy lies where it should: most of its textured blocks look alike."""
    here, there = (detail.fine(detail.luma(one)) for one in (laid, known))
    alike = detail.of_blocks(*detail.correlated(here, there, inside))
    return len(alike) < _BLOCKS or float(np.mean(alike >= detail.ALIKE)) >= LAID


def _sized(rgb: image.Rgb, grid: tuple[int, ...]) -> image.Rgb:
    return np.asarray(cv2.resize(rgb, (grid[1], grid[0]), interpolation=cv2.INTER_CUBIC), np.uint8)


#: What a worker may be asked to compare, by name.
TASKS: Final[Mapping[str, Callable[[Job], object]]] = {"compare_film": compare_film}
