"""Tasks on still pictures and films, run inside a media worker: a still of a film, a picture within a film.

Part of what :mod:`provenance.tasks` offers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final, cast

from provenance.compare_tasks import unlike
from provenance.evidence import Geometry
from provenance.examination import Pixels
from provenance.fingerprint import image
from provenance.match import align, reference, warp
from provenance.match.suspects import shared_part
from provenance.media import decode
from provenance.media.sandbox import Job
from provenance.picture_tasks import compared, queried
from provenance.plain import from_plain, to_plain

#: Longest side of a film's frames that are looked up as pictures, pixels.
FRAME_SIDE_PX: Final = 640
#: Stored frames of one film that are refined and compared in detail, those with the most agreeing features first.
_REFINED: Final = 6
#: Agreement of detail by which a frame may fall short of the best and still be the moment.
_CLOSE: Final = 0.2
#: Stored frames this near are neighbours, seconds.
_BESIDE_S: Final = 0.6

Blob = Mapping[str, object]


def place_still(job: Job) -> object:
    """Return, for each film, the stored frame that a picture shows and how it lies in it, or None.

    Params: ``pixels``: :class:`Pixels`; ``films``: list of {``mirrored``, ``stored``: list of {``time_s``,
    ``blob``}, likeliest first}. Result: per film None or {``time_s``, ``geometry``, ``comparison``,
    ``aligned_distance``: PDQ bits of the shared part, or None}.
    """
    rgb = from_plain(Pixels, job.params["pixels"]).array()
    aligner = align.Aligner(rgb)
    answers: list[object] = []
    for film in cast("Sequence[Blob]", job.params["films"]):
        stored = [
            (
                float(cast("float", one["time_s"])),
                align.Known(reference.open_reference(cast("bytes", one["blob"]))),
            )
            for one in cast("Sequence[Blob]", film["stored"])
        ]
        placed = _placed(rgb, aligner, stored, mirrored=bool(film["mirrored"]))
        if placed is None:
            answers.append(None)
            continue
        time_s, known, geometry = placed
        laid = warp.lay(rgb, known.rgb, geometry)
        comparison, _ = compared(rgb, laid, known.rgb, geometry)
        shared = shared_part(laid, known.rgb, negative=geometry.negative)
        answers.append(
            {
                "time_s": time_s,
                "geometry": to_plain(geometry),
                "comparison": to_plain(comparison),
                "aligned_distance": shared.distance,
            }
        )
    return answers


def _placed(
    rgb: image.Rgb, aligner: align.Aligner, stored: Sequence[tuple[float, align.Known]], *, mirrored: bool
) -> tuple[float, align.Known, Geometry] | None:
    """Return the stored frame most like the picture of those it can be laid onto, by features or as a whole."""
    rough = [
        (aligner.place(known, mirrored=mirrored, refined=False), time_s, known) for time_s, known in stored
    ]
    likely = sorted(
        ((one, time_s, known) for one, time_s, known in rough if one is not None),
        key=lambda one: -one[0].inliers,
    )
    fine = [
        (geometry, time_s, known)
        for _, time_s, known in likely[:_REFINED]
        if (geometry := aligner.place(known, mirrored=mirrored, refined=True)) is not None
    ]
    if not fine and stored:
        time_s, known = stored[0]
        whole = aligner.align_whole(known.rgb, known.size)
        fine = [] if whole is None else [(whole, time_s, known)]
    if not fine:
        return None
    # The ground of a scene agrees for seconds; what moves before it tells the moment.
    best = max(geometry.agreement for geometry, _, _ in fine)
    close = [one for one in fine if one[0].agreement >= best - _CLOSE]
    ranked = sorted(
        ((unlike(rgb, known.rgb, geometry), time_s, geometry, known) for geometry, time_s, known in close),
        key=lambda one: one[0],
    )
    off, time_s, geometry, known = ranked[0]
    return _between(time_s, off, [(one[1], one[0]) for one in ranked[1:]]), known, geometry


def _between(time_s: float, off: float, others: Sequence[tuple[float, float]]) -> float:
    """Return the moment between a stored frame and its likelier neighbour, as near to each as it is like it."""
    beside = [(there, unlikeness) for there, unlikeness in others if abs(there - time_s) <= _BESIDE_S]
    if not beside:
        return time_s
    there, unlikeness = min(beside, key=lambda one: one[1])
    return time_s + (there - time_s) * off / max(off + unlikeness, 1e-6)


def frame_pictures(job: Job) -> object:
    """Return, for each of some moments of a film, what is looked up of its frame as of a picture, or None.

    Params: ``times``: seconds, ascending, at most a dozen. Result: list of :class:`PictureExam` or None.
    """
    times = cast("list[float]", job.params["times"])
    shown = dict(decode.read_moments(job.files[0], times, FRAME_SIDE_PX, limits=job.limits))
    answers: list[object] = []
    for time_s in times:
        rgb = shown.get(time_s)
        if rgb is None:
            answers.append(None)
            continue
        exam, _ = queried(decode.Picture(rgb, rgb.shape[1], rgb.shape[0]))
        answers.append(None if exam is None else to_plain(exam))
    return answers


#: What a worker may be asked to do, by name.
TASKS: Final[Mapping[str, Callable[[Job], object]]] = {
    "frame_pictures": frame_pictures,
    "place_still": place_still,
}
