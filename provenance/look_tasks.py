"""The task that looks at moments of a film beside stored frames, run inside a media worker."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final, cast

from provenance.evidence import Geometry
from provenance.fingerprint import image
from provenance.match import looks, reference
from provenance.media import decode
from provenance.media.sandbox import Job
from provenance.plain import from_plain, to_plain

#: Longest side of the copy's frames, pixels: stored ones have 256.
SIDE_PX: Final = 320
#: Moments around the expected one that are tried, seconds: as far as the place of a stretch may be off.
_TRIED_S: Final = tuple(step * 0.04 for step in range(-7, 8))
#: How far a frame may be from a moment to be its own, seconds: films of six frames a second have one.
_WITHIN_S: Final = 0.09
#: Moments whose frames are held at a time: a hundred small frames.
_GROUP: Final = 6


def look_at_moments(job: Job) -> object:
    """Return what moments of a film show, beside the stored frames they should be.

    Params: ``geometry``; ``start_s``, ``end_s``: frames outside are not looked at; ``moments``: list of {``copy_s``,
    ``stored``: list of blobs}, ascending, at most a few dozen. Result: list of :class:`provenance.match.looks.Seen`.
    """
    geometry = from_plain(Geometry, job.params["geometry"])
    first_s, last_s = (float(cast("float", job.params[name])) for name in ("start_s", "end_s"))
    moments = cast("Sequence[Mapping[str, object]]", job.params["moments"])
    opened: dict[bytes, image.Rgb] = {}
    answers: list[object] = []
    for start in range(0, len(moments), _GROUP):
        group = moments[start : start + _GROUP]
        tried = [_tried(float(cast("float", one["copy_s"])), first_s, last_s) for one in group]
        wanted = sorted({time_s for each in tried for time_s in each})
        shown: dict[float, image.Rgb] = dict(
            decode.read_moments(job.files[0], wanted, SIDE_PX, within_s=_WITHIN_S, limits=job.limits)
        )
        for one, times in zip(group, tried, strict=True):
            frames = [shown[time_s] for time_s in times if time_s in shown]
            blobs = cast("Sequence[bytes]", one["stored"])
            known = [opened.setdefault(blob, reference.open_reference(blob)) for blob in blobs]
            answers.append(
                to_plain(looks.look_at(float(cast("float", one["copy_s"])), frames, known, geometry))
            )
    return answers


def _tried(copy_s: float, first_s: float, last_s: float) -> list[float]:
    """Return the times tried for a moment, seconds, within bounds; the nearest bound where none is."""
    inside = [time_s for step in _TRIED_S if first_s <= (time_s := max(copy_s + step, 0.0)) <= last_s]
    return sorted(set(inside)) or [min(max(copy_s, first_s), last_s)]


#: What a worker may be asked to look at, by name.
TASKS: Final[Mapping[str, Callable[[Job], object]]] = {"look_at_moments": look_at_moments}
