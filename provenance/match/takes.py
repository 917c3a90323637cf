"""Whether two aligned sounds are one take, or one voice that says the same words again.

Another reading by the same voice is near in codes and moves alike, so both families may speak for it. But where
original and copy are loud, a copy keeps the level to within a decibel or two, band by band, whatever codec, noise or
telephone it went through; a voice never says a word twice that evenly.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from provenance.evidence import Segment, Span
from provenance.match.path import Line
from provenance.match.soundtrack import bit_error
from provenance.match.spectrum import MIN_ROWS, Mel, grid, heard, levels

#: Seconds of a stretch that is judged: what is altered elsewhere in the copy does not count against it.
STRETCH_S: Final = 5.0
#: Share of differing bits up to which a stretch is one take. Source: docs/measurements.md, sound: of 1,920 stretches of
#: 5 s beside other recordings of the same voices the nearest differs by .20.
ONE_TAKE_BITS: Final = 0.16
#: ... and mean difference of loud levels, dB. Source: the same: other readings have 2.6 and more, copies through a
#: telephone, whose bits say little, at most 1.8.
ONE_TAKE_DB: Final = 2.2

# A level is loud above these shares of its band's levels, in original and copy.
_LOUD, _LOUD_COPY = 70, 50
# Loud bands that a moment needs for its level to be told, and dB by which a level control may move it.
_BANDS, _CONTROL_DB = 4, 6.0


def one_take(
    forms: Sequence[NDArray[np.uint32]],
    ref_codes: NDArray[np.uint32],
    spectra: tuple[Mel, Mel],
    aligned: Segment,
    put: Segment,
) -> bool:
    """Return whether some stretch of an alignment is a copy rather than another reading.

    Args:
        forms: Codes of the copy as it is and at other pitches, uint32 (n,) each.
        ref_codes: uint32, shape (m,).
        spectra: Spectrum of the copy and of the original, uint8 (n, 32).
        aligned: The segment of :func:`provenance.match.soundtrack.align_sound`.
        put: The same, put right by :func:`provenance.match.spectrum.placed`.
    """
    return any(
        bit_error(forms, ref_codes, _within(aligned, span)) <= ONE_TAKE_BITS
        or loud_difference(*spectra, _within(put, span)) <= ONE_TAKE_DB
        for span in _stretches(aligned.copy)
    )


def loud_difference(copy_mel: Mel, ref_mel: Mel, segment: Segment) -> float:
    """Return by how many dB loud levels of a segment differ on average, after tone and level; infinite for too few."""
    rows, places = grid(copy_mel, ref_mel, segment.copy, Line.of(segment))
    if len(rows) < MIN_ROWS:
        return float("inf")
    copy, ref = heard(copy_mel, rows, segment), levels(ref_mel, places)
    loud = (ref >= np.percentile(ref, _LOUD, axis=0)) & (copy >= np.percentile(copy, _LOUD_COPY, axis=0))
    told = loud.any(axis=0)
    if not told.any():
        return float("inf")
    off = np.where(loud, copy - ref, np.nan)[:, told]
    off -= np.nanmedian(off, axis=0)
    many = np.isfinite(off).sum(axis=1) >= _BANDS
    off[many] -= np.clip(np.nanmedian(off[many], axis=1, keepdims=True), -_CONTROL_DB, _CONTROL_DB)
    return float(np.nanmean(np.abs(off)))


def _within(segment: Segment, span: Span) -> Segment:
    part = Line.of(segment).segment(segment.channel, span, segment.strength)
    return replace(part, pitch=segment.pitch)


def _stretches(copy: Span) -> Iterator[Span]:
    """Yield stretches of a segment, half overlapping; the whole of a short one."""
    if copy.length_s < 1.5 * STRETCH_S:
        yield copy
        return
    for start_s in np.arange(copy.start_s, copy.end_s - STRETCH_S + 0.01, STRETCH_S / 2).tolist():
        yield Span(start_s, start_s + STRETCH_S)
