"""Film: which stretch of the copy is which stretch of the asset, by the codes of their frames.

Pairs of similar frames vote for lines of time, each line is grown and fitted on the codes themselves, and the
cheapest path over all lines says which one, or none, each frame of the copy lies on. Lines compete frame by
frame, so a cut within a still scene goes to the line whose frames are nearer, although both are near.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from provenance.evidence import Channel, Segment, Span
from provenance.fingerprint.code import PDQ256
from provenance.match.certainty import uncertain_s
from provenance.match.films import FOREIGN_BITS, FRAME_RADIUS, Codes, Films, Times
from provenance.match.path import Line, best_path, best_stretch, fit_line, runs

#: What the frames of a stretch must be nearer than FRAME_RADIUS, summed over frames unlike each other, bits.
#: One frame within the radius of single pictures has it, or several distinct ones that are farther.
MIN_EVIDENCE: Final = FRAME_RADIUS - PDQ256.radius
#: Bits per frame that a line which runs backwards or stands still costs more: where the scene itself stands still,
#: the plain explanation wins.
ODD_BITS: Final = 4.0
#: Change between neighbouring frames of the copy up to which it stands still, bits, and the shortest such stretch
#: that is told, seconds. Source: copies of one frame at crf 28 to 35 are up to 8 bits apart, docs/measurements.md.
STILL_BITS: Final = 10
MIN_STILL_S: Final = 0.9
#: Distance of a still to the stored frames around the end of the part before it, and to that part's last frame, up to
#: which it is that part's end, frozen, bits. Source: between stored frames of fast motion a genuine frame is up to
#: 92 bits from both; foreign ones are 128 with a standard deviation of 8 to 11.
HELD_BITS: Final = 96
#: Cost of beginning, ending or changing a line, bits: a stretch of foreign frames (128 bits from anything) is
#: left out from four frames on, and a change of line is seen where it brings frames as much nearer in sum.
SWITCH_BITS: Final = 80.0

# A line with its first frame and the frame after its last.
_Part = tuple[Line, int, int]

# Two frames of the copy at least this far apart count as distinct evidence.
_DISTINCT_BITS = PDQ256.radius
# Nearest stored frames of a frame that vote; still scenes have hundreds that say nothing.
_VOTES = 16
# Bits by which a vote loses 1/e against the frame's best vote, and by which a line counts as explaining it.
_SHARP_BITS = 8.0
# Speeds that are tried; between two neighbours a minute drifts by less than two bins. Backwards last.
_SPEEDS = (1.0, 0.96, 1.04, 0.92, 1.09, 0.86, 1.17, 0.8, 1.25, 0.7, 1.4, 0.6, 1.6, 0.5, 2.0, -1.0)
# At equal votes normal speed wins.
_NORMAL_BONUS = 1.1
# Votes (frames) a line needs to be tried, and most lines tried: a copy with more parts is cut off there.
_MIN_VOTES = 2.5
_MAX_LINES = 64
_MAX_FITS = 8
# Bits per frame by which another speed must be nearer than normal speed, where the fit does not lead to it.
_TELLING_BITS = 3.0
# Frames that a third of a line needs to be tried by itself.
_PIECE = 6
# Rows of the distance matrix computed at a time: 16 MB against four hours of film.
_BLOCK = 128


def align_frames(
    copy_codes: Codes, copy_times: Times, ref_codes: Codes, ref_times: Times, *, stills: bool = True
) -> list[Segment]:
    """Return which stretches of a copy's picture are which stretches of an asset's, in order of the copy.

    Args:
        copy_codes: uint8, shape (n, 32), PDQ codes of the copy's frames, of one form (mirrored and turned
            forms are aligned by separate calls).
        copy_times: float64, shape (n,), ascending, seconds.
        ref_codes: uint8, shape (m, 32), of the registered film.
        ref_times: float64, shape (m,), ascending, seconds.
        stills: Whether stretches in which the copy stands still are looked for, as a frozen frame.

    Returns:
        Segments of channel picture that do not overlap in the copy, of speed 0 where it stands still while the
        asset goes on, below 0 where it runs backwards; ``strength`` is the share of their frames within
        :data:`FRAME_RADIUS`. Empty where nothing is shared or either side has no frames.

    Raises:
        FormatError: A shape, a type or the order of the times is another.
    """
    films = Films.of(copy_codes, copy_times, ref_codes, ref_times)
    if not len(films.copy_s) or not len(films.ref_s):
        return []
    lines = list(_candidates(films))
    if stills:
        lines += _stills(films)
    if not lines:
        return []
    parts = _assign(films, lines)
    # Each part fits its own line; then the frames at the seams are given out again.
    parts = _assign(films, [line for line, _, _ in _joined(films, parts)])
    parts = _joined(films, parts)
    # Where stored frames are looked for in the copy, the one that looks settles the ends (inverse.py).
    parts = _frozen(_trimmed(films, parts) if stills else parts, films)
    return [segment for part in parts if (segment := _segment(films, *part)) is not None]


# --- lines -----------------------------------------------------------------------------------------------


@dataclass(slots=True, eq=False)
class _Votes:
    """Pairs of similar frames: frame of the copy, times of both, weight; a frame's weights sum to 1."""

    frame: NDArray[np.intp]
    copy_s: Times
    ref_s: Times
    weight: NDArray[np.float64]
    best: NDArray[np.float64]

    def peak(self, width: float, live: NDArray[np.bool_]) -> tuple[Line, float]:
        """Return the line of most votes of the live frames, and its votes."""
        on = live[self.frame]
        copy_s, ref_s, weight = self.copy_s[on], self.ref_s[on], self.weight[on]
        found, most = Line(1.0, 0.0), 0.0
        for speed in _SPEEDS if len(copy_s) else ():
            offsets = ref_s - speed * copy_s
            low = float(offsets.min())
            bins = np.bincount(((offsets - low) / width).astype(np.intp), weight)
            # Two neighbouring bins together, or a line between them would lose half its votes.
            pairs = bins[:-1] + bins[1:] if len(bins) > 1 else bins
            at = int(pairs.argmax())
            votes = float(pairs[at]) * (_NORMAL_BONUS if speed == 1.0 else 1.0)
            if votes > most:
                most = votes
                inside = np.abs(offsets - low - (at + 1) * width) <= width
                found = Line(speed, float(np.average(offsets[inside], weights=weight[inside])))
        return found, most


def _vote(films: Films) -> _Votes:
    """Return the votes of all frames; ``best`` is each frame's distance to the nearest stored one."""
    count = len(films.copy_s)
    best = np.full(count, np.inf)
    frames, places, bits = [], [], []
    ref = _signs(films.ref)
    for start in range(0, count, _BLOCK):
        # The product of 256 signs is 256 less twice the distance; small integers are exact in float32.
        block = (256 - _signs(films.copy[start : start + _BLOCK]) @ ref.T) / 2
        best[start : start + len(block)] = block.min(axis=1)
        if block.shape[1] > _VOTES:
            bound = np.partition(block, _VOTES - 1, axis=1)[:, _VOTES - 1 : _VOTES]
            row, column = np.nonzero(block <= np.minimum(bound, FRAME_RADIUS))
        else:
            row, column = np.nonzero(block <= FRAME_RADIUS)
        frames.append(row + start)
        places.append(column)
        bits.append(block[row, column])
    frame, place = np.concatenate(frames), np.concatenate(places)
    weight = np.exp((best[frame] - np.concatenate(bits)) / _SHARP_BITS)
    sums = np.bincount(frame, weight, minlength=count)
    return _Votes(frame, films.copy_s[frame], films.ref_s[place], weight / sums[frame], best)


def _signs(codes: NDArray[np.uint64]) -> NDArray[np.float32]:
    bits = np.unpackbits(codes.view(np.uint8), axis=1)
    return bits.astype(np.float32) * 2 - 1


def _candidates(films: Films) -> Iterator[Line]:
    """Yield grown lines until the frames that no line explains no longer vote together."""
    votes = _vote(films)
    live = votes.best <= FRAME_RADIUS
    for _ in range(_MAX_LINES):
        line, most = votes.peak(films.reach, live)
        if most < _MIN_VOTES:
            return
        voted = np.abs(votes.ref_s - line.along(votes.copy_s)) <= 2 * films.reach
        line, first, end = _grow(films, line, live)
        line = _told(films, line, first, end)
        yield line
        yield from _pieces(films, line, first, end)
        cost = films.cost(line)
        live &= cost > votes.best + _SHARP_BITS
        # The frames that voted for it have had their say, or the same peak would come back for ever.
        live[votes.frame[voted & (votes.weight > 1 / _VOTES)]] = False


def _grow(films: Films, line: Line, live: NDArray[np.bool_]) -> _Part:
    """Return the line fitted to the stretch of live frames around it, as long as it keeps changing."""
    first, end = 0, 0
    for _ in range(_MAX_FITS):
        cost = films.cost(line)
        gain = np.where(live, FRAME_RADIUS - np.minimum(cost, 2.0 * FRAME_RADIUS), 0.0)
        first, end = best_stretch(np.where(np.isfinite(cost), gain, -1.0))
        if end <= first:
            return line, 0, 0
        before, line = line, _fit(films, line, first, end)
        if abs(before.speed - line.speed) < 1e-4 and abs(before.offset_s - line.offset_s) < 0.01:
            break
    return line, first, end


def _told(films: Films, line: Line, first: int, end: int) -> Line:
    """Return the line, or the one of normal speed where the frames do not tell the two apart.

    A still scene looks the same at any speed: a speed is believed where the fit comes to it from normal speed
    too, or where normal speed is clearly worse.
    """
    if line.speed == 1.0 or end <= first:
        return line
    middle = float(films.copy_s[first:end].mean())
    normal = Line(1.0, line.at(middle) - middle)
    for _ in range(_MAX_FITS):
        normal = _fit(films, normal, first, end)
    if abs(normal.speed - line.speed) < 0.02:
        return line
    worse = np.minimum(films.cost(normal), 128) - np.minimum(films.cost(line), 128)
    told = float(worse[first:end].sum()) >= max(2 * SWITCH_BITS, _TELLING_BITS * (end - first))
    return line if told else normal


def _pieces(films: Films, line: Line, first: int, end: int) -> Iterator[Line]:
    """Yield lines of normal speed through each third: a cut in a still scene may pass for slow drift."""
    edges = np.linspace(first, end, 4).astype(int).tolist()
    for a, b in pairwise(edges):
        if b - a >= _PIECE:
            middle = float(films.copy_s[a:b].mean())
            piece = Line(1.0, line.at(middle) - middle)
            yield _fit(films, _fit(films, piece, a, b, hold=True), a, b, hold=True)


def _stands(films: Films) -> list[tuple[int, int]]:
    """Return the stretches in which the copy shows one frame: (first, after the last)."""
    if len(films.copy_s) < 2:
        return []
    change = np.bitwise_count(films.copy[1:] ^ films.copy[:-1]).sum(axis=1)
    still = [
        (first, end + 1) for moving, first, end in runs((change > STILL_BITS).astype(np.intp)) if not moving
    ]
    return [(a, b) for a, b in still if films.copy_s[b - 1] - films.copy_s[a] >= MIN_STILL_S]


def _stills(films: Films) -> Iterator[Line]:
    """Yield a line for each stretch in which the copy shows one frame, where the asset has that frame."""
    for first, end in _stands(films):
        bits = np.bitwise_count(films.ref ^ films.copy[(first + end) // 2]).sum(axis=1)
        if int(bits.min()) <= FRAME_RADIUS:
            yield Line(0.0, float(films.ref_s[int(bits.argmin())]))


def _fit(films: Films, line: Line, first: int, end: int, *, hold: bool = False) -> Line:
    """Return the line moved to where frames of the stretch are nearest.

    Distances grow evenly to both sides of the true time, so the mean of times weighted by nearness is it; in
    a still scene all are equal and the even window leaves the line where it was.
    """
    reach = 3 * films.reach
    part = films.part(first, end)
    bits, error = part.near(line, reach)
    best = bits.min(axis=1, keepdims=True)
    times = line.along(part.copy_s)
    # A window cut off by an end of the film would pull the line inwards.
    room = np.minimum(times - films.ref_s[0], films.ref_s[-1] - times) + films.reach / 2
    window = np.clip(room, films.reach / 2, reach)[:, None]
    usable = (best <= FRAME_RADIUS) & (np.abs(error) <= window) & np.isfinite(bits)
    nearness = np.where(usable, bits - np.where(np.isfinite(best), best, 0), 0) / _SHARP_BITS
    weight = np.where(usable, np.exp(-nearness - 2 * (error / window) ** 2), 0.0)
    copy_s = np.broadcast_to(part.copy_s[:, None], weight.shape)
    return fit_line(copy_s.ravel(), (times[:, None] + error).ravel(), weight.ravel(), line, hold=hold)


# --- parts -----------------------------------------------------------------------------------------------


def _assign(films: Films, lines: list[Line]) -> list[_Part]:
    """Return the parts of the cheapest path over lines and no line: (line, first frame, frame after)."""
    costs = np.full((len(films.copy_s), len(lines) + 1), FOREIGN_BITS, np.float32)
    for column, line in enumerate(lines, start=1):
        # Unlike frames all count the same, and a missing stored frame (flat, dropped) a little against.
        cost = films.told(line) + (ODD_BITS if line.speed <= 0 else 0.0)
        costs[:, column] = np.where(np.isfinite(cost), np.minimum(cost, 128), FOREIGN_BITS + 1)
    return [(lines[state - 1], a, b) for state, a, b in runs(best_path(costs, SWITCH_BITS)) if state]


def _joined(films: Films, parts: list[_Part]) -> list[_Part]:
    """Return the parts with refitted lines, neighbours of one and the same line joined."""
    joined: list[_Part] = []
    for line, first, end in parts:
        fitted = _fit(films, line, first, end)
        if joined and joined[-1][2] == first:
            before, began, _ = joined[-1]
            seam = float(films.copy_s[first])
            if (
                abs(before.at(seam) - fitted.at(seam)) <= films.reach
                and abs(before.speed - fitted.speed) < 0.02
            ):
                joined[-1] = (_fit(films, before, began, end), began, end)
                continue
        joined.append((fitted, first, end))
    return joined


def _trimmed(films: Films, parts: list[_Part]) -> list[_Part]:
    """Return the parts without foreign frames at their ends: between stored frames those cost a line nothing."""
    trimmed: list[_Part] = []
    for line, first, end in parts:
        near = first + np.flatnonzero(~(films.cost(line)[first:end] > HELD_BITS))
        if line.speed <= 0 or not len(near) or len(near) == end - first:
            trimmed.append((line, first, end))
            continue
        a, b = int(near[0]), int(near[-1]) + 1
        trimmed.append((_fit(films, line, a, b), a, b))
    return trimmed


def _frozen(parts: list[_Part], films: Films) -> list[_Part]:
    """Return the parts with stills as long as the frame stands, at the very moment the part before them left.

    The path gives their first frames to the part before, which shows nearly the same; their own time is known to
    the next stored frame only; and in fast motion they may be like no stored frame at all.
    """
    made = list(parts)
    for stands, end in _stands(films):
        at = next((n for n, part in enumerate(made) if part[0].speed and _runs_into(part, stands, end)), None)
        if at is None:
            continue
        line, first, _ = made[at]
        line = _told(films, _fit(films, line, first, stands), first, stands)
        seam_s = line.at(float(films.copy_s[stands]) - films.copy_step / 2)
        beside = made[at + 1] if at + 1 < len(made) and made[at + 1][1] < end else None
        near = beside is not None and not beside[0].speed and abs(seam_s - beside[0].offset_s) <= films.reach
        if near or (beside is None and _held(films, stands, seam_s)):
            made[at : at + 1 + near] = [(line, first, stands), (Line(0.0, seam_s), stands, end)]
    return made


def _runs_into(part: _Part, stands: int, end: int) -> bool:
    """Return whether a part ends where a still begins, or within it."""
    _, first, after = part
    return first + 1 < stands <= after + 1 and after < end


def _held(films: Films, stands: int, seam_s: float) -> bool:
    """Return whether a still goes on from the frame before it and is not unlike the asset there."""
    around = np.abs(films.ref_s - seam_s) <= films.reach
    there = np.bitwise_count(films.ref[around] ^ films.copy[stands]).sum(axis=1)
    before = _bits(films, stands - 1, stands)
    return bool(there.size and there.min() <= HELD_BITS and before <= HELD_BITS)


def _bits(films: Films, one: int, other: int) -> int:
    return int(np.bitwise_count(films.copy[one] ^ films.copy[other]).sum())


def _segment(films: Films, line: Line, first: int, end: int) -> Segment | None:
    """Return the segment of a part; None where its frames are too few or too alike to be evidence."""
    cost = films.cost(line)[first:end]
    compared = np.isfinite(cost)
    # A still that goes on from the part before it rests on that part; it may lie between stored frames.
    held = not line.speed and first > 0 and _held(films, first, line.offset_s)
    agrees = np.isfinite(cost) if held else cost <= FRAME_RADIUS
    if not held and _evidence(films.copy[first:end][agrees], cost[agrees]) < MIN_EVIDENCE:
        return None
    half = films.copy_step / 2
    start_s, end_s = float(films.copy_s[first]), float(films.copy_s[end - 1])
    # The true seam lies anywhere between two frames; at the ends of the copy there is none.
    start_s -= half if first else 0.0
    end_s += half if end < len(films.copy_s) else 2 * half
    strength = float(agrees.sum()) / max(float(compared.sum()), 1.0)
    made = line.segment(Channel.PICTURE, Span(start_s, end_s), strength)
    return replace(made, uncertain_s=0.0 if held else uncertain_s(films, line, first, end))


def _evidence(codes: NDArray[np.uint64], cost: NDArray[np.float32]) -> float:
    """Return by how many bits the frames are nearer than the radius, each kind of frame counted once."""
    total = 0.0
    left = np.ones(len(codes), np.bool_)
    while left.any() and total < MIN_EVIDENCE:
        at = int(np.where(left, cost, np.inf).argmin())
        total += FRAME_RADIUS - float(cost[at])
        left &= np.bitwise_count(codes ^ codes[at]).sum(axis=1) >= _DISTINCT_BITS
    return total
