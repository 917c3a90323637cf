"""Looking up a file in tiers: a long film by its sound and key frames first, then where that left something open.

1. Sound and key frames of the whole film: a tenth of the cost of decoding it, and a first answer.
2. Parts of the film that the first answer does not explain, or where something differs, are decoded in full.

Short films, recordings and pictures have one tier.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np

from provenance.evidence import Channel, Comparison, Match
from provenance.examination import Examination, FrameTrack
from provenance.examiner import LONG_S, Examiner, Part, Tell, parts, silent
from provenance.match.find import Finder
from provenance.media.asset import MediaType

#: Takes matches that are not final, and what was not looked at yet.
Partly = Callable[[tuple[Match, ...], Examination, str], None]
#: What stays unsaid after the first tier.
KEY_FRAMES_ONLY: Final = (
    "picture: only key frames were looked at so far; what happens between them is not compared"
)
#: Seconds of a part's edges that a segment known by key frames alone does not explain: key frames are up to ten
#: seconds apart.
_MARGIN_S = 5.0


class TieredFinder:
    """Examines files and finds what they come from.

    Args:
        examiner: Examines files.
        finder: Finds registered assets.
    """

    def __init__(self, examiner: Examiner, finder: Finder) -> None:
        self._examiner, self._finder = examiner, finder

    def find(
        self,
        path: Path,
        media_type: MediaType,
        patience_s: float,
        *,
        tell: Tell = silent,
        partly: Partly | None = None,
    ) -> tuple[Examination, tuple[Match, ...]]:
        """Return what was taken out of a file and the registered assets it comes from, confirmed ones first.

        Args:
            path: The file.
            media_type: Its type.
            patience_s: Seconds one worker may take for a file of one tier.
            tell: Told stage, seconds of media done and in all.
            partly: Given the answer of the first tier of a long film.

        Raises:
            InputError: The file cannot be read.
            UnavailableError: A worker died or ran out of time.
        """
        outline = self._examiner.outline(path, media_type)
        if outline is None or not outline.picture or outline.duration_s < LONG_S:
            whole = self._examiner.whole(path, media_type, patience_s, tell=tell)
            return whole, self._finder.find(path, media_type, whole)
        quick = self._examiner.quick(path, outline, tell)
        first = self._finder.find(path, media_type, quick)
        wanted = open_parts(first, outline.duration_s)
        if partly is not None and wanted:
            partly(first, quick, KEY_FRAMES_ONLY)
        if not wanted:
            return replace(quick, refusals=(*quick.refusals, KEY_FRAMES_ONLY)), first
        full = self._examiner.joined(path, outline, quick.sound, quick.refusals, wanted, tell=tell)
        both = replace(full, frames=_woven(quick.frames, full.frames, wanted))
        return both, self._finder.find(path, media_type, both)


def open_parts(matches: Sequence[Match], duration_s: float) -> list[Part]:
    """Return the parts of a film that the best confirmed match does not explain, or where it differs.

    Args:
        matches: Best first.
        duration_s: Length of the film, seconds.
    """
    best = next((one for one in matches if one.confirmed), None)
    if best is None or best.alignment is None:
        return parts(duration_s)
    explained = [
        (max(one.copy.start_s - _MARGIN_S, 0.0), one.copy.end_s + _MARGIN_S)
        for one in best.alignment.segments
        if one.channel is Channel.PICTURE
    ]
    differing = [
        one.span
        for one in (best.comparison.differences if isinstance(best.comparison, Comparison) else ())
        if one.span is not None
    ]
    closed = {
        (one.start_s, one.end_s)
        for one in parts(duration_s)
        if any(a <= one.start_s and min(one.end_s, duration_s) <= b for a, b in explained)
        and not any(span.start_s < one.end_s and span.end_s > one.start_s for span in differing)
    }
    return [one for one in parts(duration_s) if (one.start_s, one.end_s) not in closed]


def _woven(keys: FrameTrack | None, full: FrameTrack | None, wanted: Sequence[Part]) -> FrameTrack | None:
    """Return the codes of the parts decoded in full, and of key frames elsewhere, in order of time."""
    if keys is None or full is None:
        return full or keys
    times = keys.time_array()
    outside = np.ones(len(times), np.bool_)
    for part in wanted:
        outside &= (times < part.start_s) | (times >= part.end_s)
    codes = np.concatenate([keys.code_array()[outside], full.code_array()])
    joined = np.concatenate([times[outside], full.time_array()])
    order = np.argsort(joined, kind="stable")
    return FrameTrack(codes[order].tobytes(), joined[order].astype("<f8").tobytes())
