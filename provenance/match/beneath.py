"""Sound beneath a genuine picture, where its genuine stretches are too short for codes: a voice cloned for a while.

Codes need four seconds of one place. The picture says where the sound should come from, so two seconds of the stored
spectrum tell whether it does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from provenance.evidence import Channel, Segment, Span
from provenance.fingerprint.sound import MEL_RATE
from provenance.match.edits import overlap, uncovered
from provenance.match.path import Line
from provenance.match.spectrum import Mel, placed, settled
from provenance.match.takes import ONE_TAKE_DB, loud_difference

#: Seconds of sound that are compared at a time, and from one such stretch to the next.
WINDOW_S: Final = 2.0
HOP_S: Final = 0.5
#: Agreement from which a stretch is the original's. Source: docs/measurements.md, sound: of 2 s of the same words in
#: another voice none reaches .7 and differs by less than :data:`provenance.match.takes.ONE_TAKE_DB`.
AGREEMENT: Final = 0.7
#: Longest stretch that is looked through, seconds: longer ones have genuine parts that codes find.
LONGEST_S: Final = 120.0
# Seconds by which neighbouring stretches may be off each other and still be one.
_APART_S = 0.1


def sound_beneath(
    copy_mel: Mel, ref_mel: Mel, pictures: Sequence[Segment], heard: Sequence[Segment] = ()
) -> list[Segment]:
    """Return the segments of a copy's sound with the stretches between them that belong to the picture above.

    Args:
        copy_mel: uint8, shape (n, 32).
        ref_mel: uint8, shape (m, 32).
        pictures: Segments of the picture, in order of the copy; those that stand still or run backwards have no
            sound of their own.
        heard: Segments of the sound that codes have found, in order of the copy.

    Returns:
        Segments of channel sound, in order of the copy; added ones have :data:`WINDOW_S` and more.
    """
    added: list[Segment] = []
    for gap in uncovered([one.copy for one in heard], len(copy_mel) / MEL_RATE):
        found: list[Segment] = []
        for picture in pictures:
            span = overlap(picture.copy, gap)
            if picture.speed > 0 and WINDOW_S <= span.length_s <= LONGEST_S:
                _look(copy_mel, ref_mel, Line.of(picture), span, found)
        added += found
    if not added:
        return list(heard)
    return settled(copy_mel, ref_mel, sorted([*heard, *added], key=lambda one: one.copy.start_s))


def _look(copy_mel: Mel, ref_mel: Mel, line: Line, span: Span, found: list[Segment]) -> None:
    for start_s in np.arange(span.start_s, span.end_s - WINDOW_S + 1e-3, HOP_S).tolist():
        window = line.segment(Channel.SOUND, Span(start_s, start_s + WINDOW_S), 0.0)
        put, agreement = placed(copy_mel, ref_mel, window)
        if agreement >= AGREEMENT and loud_difference(copy_mel, ref_mel, put) <= ONE_TAKE_DB:
            _add(found, replace(put, strength=agreement))


def _add(found: list[Segment], window: Segment) -> None:
    """Add a stretch to the last one where they overlap on one line, or after it."""
    if found and window.copy.start_s < found[-1].copy.end_s:
        last = found[-1]
        if abs(Line.of(last).at(window.copy.end_s) - window.asset.end_s) > _APART_S:
            return
        whole = Span(last.copy.start_s, window.copy.end_s)
        found[-1] = Line.of(window).segment(Channel.SOUND, whole, min(last.strength, window.strength))
    else:
        found.append(window)
