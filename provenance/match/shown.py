"""Registered pictures that a film shows: a photograph held before the camera, panned over, or cut in.

A scene lasts from one cut to the next. One frame of each longer scene is looked up as a picture is, in the scenes
that no registered film explains; a picture found there stands for the scene.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Final, cast

import numpy as np
from numpy.typing import NDArray

from provenance.evidence import Alignment, Channel, Comparison, Match, Segment, Span
from provenance.examination import FrameTrack, PictureExam
from provenance.match.edits import mid, overlap
from provenance.match.picture_finder import PictureFinder
from provenance.media.sandbox import WorkerPool
from provenance.plain import from_plain
from provenance.settings import Limits

#: Change between neighbouring frames of the copy from which it is a cut, bits of PDQ. Source: frames a quarter of a
#: second apart are 20 to 50 bits apart in motion and 128 at cuts, docs/measurements.md, film.
CUT_BITS: Final = 76
#: Shortest scene that is looked up, seconds.
MIN_SCENE_S: Final = 0.9
#: Most scenes that are looked up, longest first.
MAX_SCENES: Final = 6
#: Share of a scene that registered films must explain for it not to be looked up.
EXPLAINED: Final = 0.5


class ShownFinder:
    """Finds registered pictures in the scenes of a film; looks at media in workers only.

    Args:
        pool: Media workers.
        pictures: Finds registered pictures.
        limits: Limits on one file.
    """

    def __init__(self, pool: WorkerPool, pictures: PictureFinder, limits: Limits) -> None:
        self._pool, self._pictures, self._limits = pool, pictures, limits

    def find(
        self, path: Path, frames: FrameTrack | None, duration_s: float, films: Sequence[Match]
    ) -> list[Match]:
        """Return the registered pictures that a film shows, each with the scenes that show it.

        Args:
            path: The film.
            frames: Codes of its frames.
            duration_s: Its length, seconds.
            films: Matches with registered films; what confirmed ones explain is not looked up.
        """
        if frames is None or not self._pictures.any:
            return []
        wanted = open_scenes(scenes(frames.code_array(), frames.time_array(), duration_s), films)
        if not wanted:
            return []
        patience_s = self._limits.worker_seconds * 2 + duration_s
        params = {"times": [mid(one) for one in wanted]}
        answers = self._pool.run("frame_pictures", [path], params, timeout_s=patience_s)
        found: dict[str, Match] = {}
        for scene, answer in zip(wanted, cast("Sequence[object]", answers), strict=True):
            if answer is None:
                continue
            for match in self._pictures.find(from_plain(PictureExam, answer), thorough=False):
                if match.confirmed:
                    known, more = found.get(match.record.asset_id), in_scene(match, scene, duration_s)
                    found[match.record.asset_id] = more if known is None else joined(known, more)
        return list(found.values())


def scenes(codes: NDArray[np.uint8], times: NDArray[np.float64], duration_s: float) -> list[Span]:
    """Return the scenes of a film, in order.

    Args:
        codes: uint8, shape (n, 32), of its frames.
        times: float64, shape (n,), ascending, seconds.
        duration_s: Its length, seconds.
    """
    if not len(times):
        return []
    words = np.ascontiguousarray(codes).view(np.uint64)
    change = np.bitwise_count(words[1:] ^ words[:-1]).sum(axis=1)
    cuts = ((times[1:] + times[:-1]) / 2)[change >= CUT_BITS].tolist()
    edges = [float(times[0]), *cuts, max(duration_s, float(times[-1]))]
    return [Span(start_s, end_s) for start_s, end_s in pairwise(edges) if end_s > start_s]


def open_scenes(found: Sequence[Span], films: Sequence[Match]) -> list[Span]:
    """Return the scenes worth looking up, in order: long enough, and not explained by a registered film."""
    known = [segment.copy for one in films if one.confirmed for segment in _pictured(one)]
    wanted = [
        scene
        for scene in found
        if scene.length_s >= MIN_SCENE_S
        and sum(max(0.0, overlap(scene, span).length_s) for span in known) < EXPLAINED * scene.length_s
    ]
    longest = sorted(wanted, key=lambda one: -one.length_s)[:MAX_SCENES]
    return sorted(longest, key=lambda one: one.start_s)


def in_scene(match: Match, scene: Span, duration_s: float) -> Match:
    """Return a match of one frame as one of its scene: a picture has no time, so it is at 0 in it."""
    geometry = match.alignment.geometry if match.alignment is not None else None
    strength = geometry.agreement if geometry is not None else 0.0
    segment = Segment(Channel.PICTURE, scene, Span(0.0, 0.0), 0.0, strength, geometry=geometry)
    comparison = match.comparison
    if isinstance(comparison, Comparison):
        share = min(scene.length_s / duration_s, 1.0) if duration_s else 1.0
        differences = tuple(replace(one, span=scene) for one in comparison.differences)
        comparison = replace(comparison, differences=differences, compared=comparison.compared * share)
    return replace(
        match, alignment=Alignment(geometry, (segment,)), comparison=comparison, transformation=None
    )


def joined(one: Match, more: Match) -> Match:
    """Return the match of a picture in two scenes: the segments and differences of both."""
    segments = (*_pictured(one), *_pictured(more))
    alignment = replace(one.alignment or Alignment(), segments=segments)
    if not (isinstance(one.comparison, Comparison) and isinstance(more.comparison, Comparison)):
        return replace(one, alignment=alignment)
    comparison = replace(
        one.comparison,
        differences=(*one.comparison.differences, *more.comparison.differences),
        compared=min(one.comparison.compared + more.comparison.compared, 1.0),
    )
    return replace(one, alignment=alignment, comparison=comparison)


def _pictured(match: Match) -> Iterator[Segment]:
    segments = match.alignment.segments if match.alignment is not None else ()
    yield from (one for one in segments if one.channel is Channel.PICTURE)
