"""The picture of an aligned film against stored frames: which stretches are compared, and what comes of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final, cast

import numpy as np

from provenance.evidence import Channel, Comparison, Difference, Geometry, Match, Segment, Span
from provenance.match.path import Line
from provenance.media.sandbox import WorkerPool
from provenance.plain import from_plain, to_plain

#: Most stored frames one stretch is compared with; two minutes at two a second, longer ones more thinly.
MAX_FRAMES: Final = 240
#: Most stretches that are compared; a copy cut into more is compared in its longest.
MAX_STRETCHES: Final = 8
#: Stored frames a stretch must have to be compared.
MIN_FRAMES: Final = 2
#: Correction of time below which a segment stays as it was, seconds: a frame at 50 a second.
MIN_SHIFT_S: Final = 0.02

Stored = Sequence[tuple[float, bytes]]
#: Moments of the copy, seconds, whose frames could not be laid, by the segment they lie in.
Unlaid = Mapping[Segment, Sequence[float]]


def has_picture(match: Match) -> bool:
    """Return whether a match has picture segments and a geometry to compare them in."""
    return match.alignment is not None and any(
        one.channel is Channel.PICTURE for one in match.alignment.segments
    )


class FilmComparer:
    """Compares the frames of one film with stored ones; looks at media in workers only.

    Args:
        pool: Media workers.
        path: The film.
        patience_s: Seconds a worker may take for one stretch.
    """

    def __init__(self, pool: WorkerPool, path: Path, patience_s: float) -> None:
        self._pool, self._path, self._patience_s = pool, path, patience_s

    def compared(self, match: Match, stored: Stored) -> tuple[Match, Unlaid]:
        """Return the match with differences of its picture, segments set right in time, and a strip of frames.

        With it come the moments whose frames could not be laid onto the stored ones, of each segment.

        Args:
            match: With picture segments.
            stored: All stored frames of the asset.
        """
        alignment, before = match.alignment, match.comparison
        if alignment is None or not isinstance(before, Comparison):
            return match, {}
        unlaid: dict[Segment, list[float]] = {}
        chosen = set(_longest(alignment.segments))
        segments: list[Segment] = []
        differences, gaps, strips = list(before.differences), list(before.not_compared), list[bytes]()
        for segment in alignment.segments:
            geometry = segment.geometry or alignment.geometry
            pairs = _pairs(segment, stored) if segment in chosen and geometry is not None else []
            if len(pairs) < MIN_FRAMES or geometry is None:
                segments.append(segment)
                gaps += [_gap(segment)] if segment.channel is Channel.PICTURE else []
                continue
            answer = self._answer(geometry, pairs)
            if off := cast("list[float]", answer["unlaid"]):
                unlaid[segment] = off
            if not answer["compared"]:
                segments.append(segment)
                gaps.append(_gap(segment))
                continue
            segments.append(_shifted(segment, float(cast("float", answer["shift_s"]))))
            found = cast("list[object]", answer["differences"])
            differences += [from_plain(Difference, one) for one in found]
            strips += [cast("bytes", answer["strip"])] if answer["strip"] is not None else []
        comparison = replace(
            before,
            differences=tuple(differences),
            not_compared=tuple(gaps),
            drawing=strips[0] if strips else before.drawing,
        )
        alignment = replace(alignment, segments=tuple(segments))
        return replace(match, alignment=alignment, comparison=comparison), unlaid

    def _answer(self, geometry: Geometry, pairs: Sequence[Mapping[str, object]]) -> Mapping[str, object]:
        params = {"geometry": to_plain(geometry), "pairs": list(pairs)}
        answer = self._pool.run("compare_film", [self._path], params, timeout_s=self._patience_s)
        return cast("Mapping[str, object]", answer)


def _longest(segments: Sequence[Segment]) -> Iterator[Segment]:
    """Yield the picture segments that run, longest first, as many as are compared."""
    running = [one for one in segments if one.channel is Channel.PICTURE and one.speed]
    yield from sorted(running, key=lambda one: -one.copy.length_s)[:MAX_STRETCHES]


def _pairs(segment: Segment, stored: Stored) -> list[dict[str, object]]:
    line = Line.of(segment)
    inside = [one for one in stored if segment.asset.start_s <= one[0] <= segment.asset.end_s]
    if len(inside) > MAX_FRAMES:
        inside = [inside[i] for i in np.linspace(0, len(inside) - 1, MAX_FRAMES).astype(int).tolist()]
    shown = [
        {"copy_s": max(line.back(asset_s), 0.0), "asset_s": asset_s, "blob": blob} for asset_s, blob in inside
    ]
    return shown if line.speed > 0 else shown[::-1]


def _shifted(segment: Segment, shift_s: float) -> Segment:
    """Return the segment with the copy's moments ``shift_s`` later than it said."""
    if abs(shift_s) < MIN_SHIFT_S:
        return segment
    off = shift_s * segment.speed
    asset = Span(max(segment.asset.start_s - off, 0.0), max(segment.asset.end_s - off, 0.0))
    return replace(segment, asset=asset)


def _gap(segment: Segment) -> str:
    return (
        f"picture: {segment.copy.start_s:.1f} to {segment.copy.end_s:.1f} s was placed in time, but its frames "
        "were not compared with the original's: too few stored frames, or none could be laid onto the copy's"
    )
