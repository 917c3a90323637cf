"""Sound: which stretch of the copy is which stretch of the asset, by its codes.

Windows of the copy's codes are slid over the asset's; the best places become lines of time, which are grown,
fitted and given out by the cheapest path, as frames are. Windows overlap by construction (a code speaks of
2.72 s), so times here are those of the middle of a code.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from provenance.errors import FormatError
from provenance.evidence import Channel, Segment, Span
from provenance.fingerprint.sound import CODE_SAMPLES, PITCHES, RATE_HZ, STEP_S
from provenance.match.path import Line, best_path, best_stretch, fit_line, runs

#: Codes a second.
CODE_RATE: Final = 1 / STEP_S
#: Fewest codes that are a segment: 4.1 s of sound, as one code needs 2.72 s.
MIN_CODES: Final = 12
#: Number of codes and share of differing bits up to which a place is worth a look at its spectrum. Source:
#: docs/measurements.md, clips: genuine stretches of 19 codes over a telephone differ by up to .34; unrelated ones
#: come as near now and then, above all of one voice, so a segment counts only with
#: :func:`provenance.match.sound_match.same_sound`.
BIT_ERROR: Final = ((12, 0.31), (19, 0.345), (59, 0.37), (221, 0.40))
#: Bits of a code, of 32, up to which its second counts as agreeing: between clean copies and unrelated sound.
CODE_BITS: Final = 11.5
#: Cost of beginning, ending or changing a line, bits.
SWITCH_BITS: Final = 30.0
#: Longest stretch of other sound, seconds, that two parts on one line are joined over: a sentence replaced in a
#: recording is a difference within it, a longer stretch is another sound.
JOIN_S: Final = 15.0
#: Bits a code, over the whole copy, by which a form must be nearer than :data:`CODE_BITS` for other pitches not to be
#: tried: clean copies have 8 and more, half a semitone costs 4.
PLAIN: Final = 7.0

Codes = NDArray[np.uint32]
Mask = NDArray[np.bool_]

# A line with its first code and the code after its last.
_Part = tuple[Line, int, int]

_BITS = 32
_HALF_S = CODE_SAMPLES / RATE_HZ / 2
# Codes of the windows that are slid, long ones first: they bear more noise, short ones find short parts.
_WINDOWS = (59, 19, MIN_CODES)
# Other speeds tried with the longest window, where more than this share of bits differs at normal speed; tempo
# only, pitch moves the codes.
_SPEEDS, _PLAIN = (0.9, 1.1, 0.8, 1.25), 0.15
# Neighbouring codes share 19 of their 20 frames: every second one says the same. Source: measured, the share
# of differing bits that separates moves by .005.
_STRIDE = 2
_MAX_LINES = 64
# Most windows of one length: beyond, they are spread over the copy, for the cost grows with both lengths.
_MAX_WINDOWS = 400
_MAX_FITS = 6
# Codes in a fitted piece, and how far from the line, codes, its best place is looked for.
_PIECE, _REACH = 16, 4
# Codes that show a speed, and share by which a speed may move at a time: the tried ones are 10 % apart.
_SPEED_CODES, _SPEED_MOVE = 40, 0.13
# Codes over which nearness is averaged, and mean of differing bits that a line always explains: clean copies have 2.
_NEAR_CODES, _NEAR_BITS = 7, 4.0
# Codes of a piece through which a half is tried at normal speed.
_HALF = 27
# As many equal codes in a row are silence or a tone, which matches any other.
_STILL = 6


def max_bit_error(codes: int) -> float:
    """Return the share of differing bits, 0..0.5, up to which ``codes`` codes (at least 1) are a place."""
    known, limits = zip(*BIT_ERROR, strict=True)
    return float(np.interp(math.log(max(codes, 1)), [math.log(count) for count in known], limits))


@dataclass(frozen=True, slots=True, eq=False)
class _Sounds:
    """Codes of both recordings, and which of them say anything."""

    copy: Codes
    copy_on: Mask
    ref: Codes
    ref_on: Mask
    rate: float
    pitch: float = 0.0

    @property
    def speeds(self) -> tuple[float, ...]:
        """Speeds that need no proof: normal, and that which makes sound as much higher as this form assumes."""
        return (1.0,) if self.pitch == 0.0 else (1.0, 2 ** (self.pitch / 12))

    def places(self, line: Line, shift: int = 0) -> NDArray[np.intp]:
        """Return the asset's code at each of the copy's along a line; may lie outside."""
        middle = np.arange(len(self.copy)) / self.rate + _HALF_S
        return np.rint((line.along(middle) - _HALF_S) * self.rate).astype(np.intp) + shift

    def errors(self, line: Line, shift: int = 0) -> tuple[NDArray[np.float64], Mask]:
        """Return differing bits of each code along a line, and where both sides say anything."""
        places = self.places(line, shift)
        inside = (places >= 0) & (places < len(self.ref))
        places = np.clip(places, 0, len(self.ref) - 1)
        bits = np.bitwise_count(self.copy ^ self.ref[places]).astype(np.float64)
        return bits, inside & self.copy_on & self.ref_on[places]

    def gain(self, line: Line) -> NDArray[np.float64]:
        """Return by how many bits each code is nearer than CODE_BITS; 0 where either says nothing."""
        bits, told = self.errors(line)
        places = self.places(line)
        outside = (places < 0) | (places >= len(self.ref))
        return np.where(told, CODE_BITS - bits, np.where(outside, -CODE_BITS, 0.0))


def align_sound(
    copy_codes: Codes,
    ref_codes: Codes,
    rate: float = CODE_RATE,
    *,
    copy_loud: Mask | None = None,
    ref_loud: Mask | None = None,
    pitched: Sequence[Codes] = (),
) -> list[Segment]:
    """Return which stretches of a copy's sound are which stretches of an asset's, in order of the copy.

    Args:
        copy_codes: uint32, shape (n,), codes of the copy.
        ref_codes: uint32, shape (m,), codes of the registered recording.
        rate: Codes a second.
        copy_loud: bool, shape (n,): which codes speak of sound, not silence; None to tell by the codes alone.
        ref_loud: bool, shape (m,), likewise.
        pitched: Codes of the copy taken as :data:`provenance.fingerprint.sound.PITCHES` semitones too high; the form
            of which most is found counts, the plain one where it is found nearly whole.

    Returns:
        Segments of channel sound that do not overlap in the copy, each at least :data:`MIN_CODES` long;
        ``strength`` is the share of their telling codes that agree. Parts on one line are joined over up to
        :data:`JOIN_S` of other sound, which :mod:`provenance.match.sound_changes` then tells.

    Raises:
        FormatError: A shape or type is another.
    """
    best: list[Segment] = []
    most = 0.0
    for pitch, codes in zip((0.0, *PITCHES), (copy_codes, *pitched), strict=False):
        sounds = _sounds(codes, ref_codes, rate, copy_loud, ref_loud, pitch)
        parts = _aligned(sounds)
        # Bits by which all parts together are nearer than unrelated sound: long and near counts.
        nearer = sum(float(sounds.gain(line)[first:end].sum()) for line, first, end in parts)
        if nearer > most:
            best, most = [_segment(sounds, part) for part in parts], nearer
        if most >= PLAIN * len(codes):
            break
    return best


def _aligned(sounds: _Sounds) -> list[_Part]:
    if min(len(sounds.copy), len(sounds.ref)) < MIN_CODES:
        return []
    lines = list(_candidates(sounds))
    if not lines:
        return []
    parts = [(_fit(sounds, line, a, b), a, b) for line, a, b in _assign(sounds, lines)]
    parts = [part for part in _assign(sounds, [line for line, _, _ in parts]) if _accepted(sounds, part)]
    return _joined(sounds, parts)


def _sounds(
    copy: Codes, ref: Codes, rate: float, copy_loud: Mask | None, ref_loud: Mask | None, pitch: float
) -> _Sounds:
    masks = []
    for codes, loud in ((copy, copy_loud), (ref, ref_loud)):
        if codes.ndim != 1 or codes.dtype != np.uint32:
            raise FormatError(f"expected uint32 codes of shape (n,), found {codes.dtype} {codes.shape}")
        if loud is not None and (loud.shape != codes.shape or loud.dtype != np.bool_):
            raise FormatError(f"expected {len(codes)} flags of type bool, found {loud.dtype} {loud.shape}")
        masks.append(_telling(codes) if loud is None else loud & _telling(codes))
    if not rate > 0:
        raise ValueError(f"the rate of codes is above 0, not {rate}")
    return _Sounds(copy, masks[0], ref, masks[1], rate, pitch)


def _telling(codes: Codes) -> Mask:
    """Return which codes are not among :data:`_STILL` equal ones in a row."""
    telling = np.ones(len(codes), np.bool_)
    edges = [0, *(np.flatnonzero(np.diff(codes)) + 1).tolist(), len(codes)]
    for a, b in pairwise(edges):
        telling[a:b] = b - a < _STILL
    return telling


def bit_error(forms: Sequence[Codes], ref_codes: Codes, segment: Segment, rate: float = CODE_RATE) -> float:
    """Return the share of bits in which copy and asset differ along a segment, 0..1; .5 where nothing is told.

    Args:
        forms: Codes of the copy as it is and at :data:`provenance.fingerprint.sound.PITCHES`.
        ref_codes: uint32, shape (m,).
        segment: A segment of :func:`align_sound`; the form is that of its pitch.
        rate: Codes a second.
    """
    codes = forms[(0.0, *PITCHES).index(segment.pitch)]
    bits, told = _sounds(codes, ref_codes, rate, None, None, segment.pitch).errors(Line.of(segment))
    middle = np.arange(len(codes)) / rate + _HALF_S
    told &= (middle >= segment.copy.start_s) & (middle <= segment.copy.end_s)
    return float(bits[told].mean()) / _BITS if told.any() else 0.5


# --- lines -----------------------------------------------------------------------------------------------


def _candidates(sounds: _Sounds) -> Iterator[Line]:
    """Yield grown lines for the windows of the copy that no line explains yet."""
    open_codes = sounds.copy_on.copy()
    tried = 0
    for width in _WINDOWS:
        hop = max(1, width // 2, len(sounds.copy) // _MAX_WINDOWS)
        for first in range(0, len(sounds.copy) - width + 1, hop):
            if tried >= _MAX_LINES:
                return
            if 2 * int(open_codes[first : first + width].sum()) < width:
                continue
            found = _found(sounds, first, width)
            if found is None:
                continue
            tried += 1
            line, a, b = _grow(sounds, found, first, first + width)
            yield line
            yield from _halves(sounds, line, a, b)
            # What the line covers but does not explain may lie elsewhere: texts have sentences with one beginning.
            open_codes[a:b] &= ~_explained(sounds, line, a, b)


def _explained(sounds: _Sounds, line: Line, first: int, end: int) -> Mask:
    """Return which codes of a stretch are about as near along the line as half of them are, or nearer."""
    bits = sounds.errors(line)[0][first:end]
    count = min(_NEAR_CODES, len(bits))
    padded = np.pad(bits, (count // 2, count - 1 - count // 2), mode="edge")
    near = np.convolve(padded, np.ones(count) / count, "valid")
    return np.asarray(near <= max(_NEAR_BITS, 2 * float(np.median(bits))), np.bool_)


def _halves(sounds: _Sounds, line: Line, first: int, end: int) -> Iterator[Line]:
    """Yield lines of normal speed through both halves: a word put in passes for a slower copy."""
    width = min(_HALF, (end - first) // 2)
    if line.speed in sounds.speeds or width < MIN_CODES:
        return
    for quarter in (1, 3):
        begin = first + quarter * (end - first) // 4 - width // 2
        yield _slide(sounds, begin, width, 1.0)[0]


def _found(sounds: _Sounds, first: int, width: int) -> Line | None:
    """Return the line through the window's best place, at another speed where normal speed is not plain."""
    plain = [_slide(sounds, first, width, speed) for speed in sounds.speeds]
    line, share = min(plain, key=lambda one: one[1])
    # Short windows are near at any speed, and unrelated sound is near to them at some speed.
    if width == _WINDOWS[0] and share > _PLAIN:
        others = [_slide(sounds, first, width, speed) for speed in _SPEEDS]
        line, share = min([(line, share), *others], key=lambda one: one[1])
    return line if share <= max_bit_error(width) else None


def _slide(sounds: _Sounds, first: int, width: int, speed: float) -> tuple[Line, float]:
    """Return the line through the window's best place in the asset, and the share of bits that differ."""
    steps = np.arange(0, width, _STRIDE)
    columns = np.rint(steps * speed).astype(np.intp)
    reach = int(columns[-1]) + 1
    if reach > len(sounds.ref):
        return Line(speed, 0.0), 1.0
    there = np.lib.stride_tricks.sliding_window_view(sounds.ref, reach)[:, columns]
    on = np.lib.stride_tricks.sliding_window_view(sounds.ref_on, reach)[:, columns].mean(axis=1) >= 0.5
    share = np.where(on, np.bitwise_count(there ^ sounds.copy[first + steps]).mean(axis=1) / _BITS, 1.0)
    place = int(share.argmin())
    line = Line(speed, place / sounds.rate + _HALF_S - speed * (first / sounds.rate + _HALF_S))
    return line, float(share[place])


def _grow(sounds: _Sounds, line: Line, first: int, end: int) -> _Part:
    """Return the line fitted to all codes around it that agree, with their stretch."""
    for _ in range(_MAX_FITS):
        before, line = line, _fit(sounds, line, first, end)
        a, b = best_stretch(sounds.gain(line))
        if b <= a:
            return line, first, end
        settled = (a, b) == (first, end) and abs(before.offset_s - line.offset_s) < 1e-3
        first, end = a, b
        if settled:
            break
    return line, first, end


def _fit(sounds: _Sounds, line: Line, first: int, end: int) -> Line:
    """Return the line through the best places of short pieces; a piece counts by how much it stands out."""
    shifts = np.arange(-_REACH, _REACH + 1)
    bits, told = zip(*(sounds.errors(line, int(shift)) for shift in shifts), strict=True)
    errors = np.where(np.stack(told), np.stack(bits), _BITS / 2)[:, first:end]
    piece = min(_PIECE, end - first)
    sums = np.cumsum(np.pad(errors, ((0, 0), (1, 0))), axis=1)
    starts = np.arange(0, end - first - piece + 1, max(1, piece // 2))
    means = (sums[:, starts + piece] - sums[:, starts]) / piece
    weight = np.asarray(means.mean(axis=0) - means.min(axis=0), np.float64)
    # Nearness-weighted mean of the places: finer than the step of the codes.
    near = np.exp(means.min(axis=0) - means)
    shift = (near * shifts[:, None]).sum(axis=0) / near.sum(axis=0)
    middle = np.asarray((first + starts + (piece - 1) / 2) / sounds.rate + _HALF_S, np.float64)
    found = np.cumsum(np.pad(sounds.places(line)[first:end].astype(np.float64), (1, 0)))
    places = (found[starts + piece] - found[starts]) / piece
    # Pieces overlap by half; the speed of a few of them is that of their noise.
    short = end - first < _SPEED_CODES
    fitted = fit_line(middle, (places + shift) / sounds.rate + _HALF_S, weight, line, hold=short)
    return fitted if abs(fitted.speed / line.speed - 1) <= _SPEED_MOVE else line


# --- parts -----------------------------------------------------------------------------------------------


def _assign(sounds: _Sounds, lines: list[Line]) -> list[_Part]:
    """Return the parts of the cheapest path over lines and no line: (line, first code, code after)."""
    if not lines:
        return []
    costs = np.zeros((len(sounds.copy), len(lines) + 1), np.float32)
    for column, line in enumerate(lines, start=1):
        costs[:, column] = -sounds.gain(line)
    return [(lines[state - 1], a, b) for state, a, b in runs(best_path(costs, SWITCH_BITS)) if state]


def _accepted(sounds: _Sounds, part: _Part) -> bool:
    """Return whether a part is long enough for its speed and has few enough differing bits."""
    line, first, end = part
    bits, told = sounds.errors(line)
    bits, told = bits[first:end], told[first:end]
    count = int(told.sum())
    # Another speed was looked for with long windows, and is believed on a long part only.
    usual = line.speed in sounds.speeds
    if count < (MIN_CODES if usual else _SPEED_CODES):
        return False
    return float(bits[told].mean()) / _BITS <= max_bit_error(count)


def _joined(sounds: _Sounds, parts: list[_Part]) -> list[_Part]:
    """Return the parts, those of one line joined over short stretches of other sound."""
    joined: list[_Part] = []
    for line, first, end in parts:
        if joined:
            before, began, ended = joined[-1]
            seam = (first + ended) / 2 / sounds.rate
            same = (
                abs(before.at(seam) - line.at(seam)) <= 2 / sounds.rate
                and abs(before.speed - line.speed) < 0.02
            )
            if same and (first - ended) / sounds.rate <= JOIN_S:
                joined[-1] = (_fit(sounds, before, began, end), began, end)
                continue
        joined.append((line, first, end))
    return joined


def _segment(sounds: _Sounds, part: _Part) -> Segment:
    line, first, end = part
    bits, told = sounds.errors(line)
    agrees = told[first:end] & (bits[first:end] <= CODE_BITS)
    strength = float(agrees.sum()) / max(1, int(told[first:end].sum()))
    # A seam is half a code before the middle of the first; the ends of the recording have no seam.
    start_s = 0.0 if first == 0 else (first - 0.5) / sounds.rate + _HALF_S
    last = len(sounds.copy)
    end_s = (last - 1) / sounds.rate + 2 * _HALF_S if end == last else (end - 0.5) / sounds.rate + _HALF_S
    return replace(line.segment(Channel.SOUND, Span(start_s, end_s), strength), pitch=sounds.pitch)
