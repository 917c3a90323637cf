"""What a media worker does with a picture after its first examination: further views, and comparing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import cache, partial
from typing import Final, cast

import numpy as np

from provenance.errors import UnmatchableError
from provenance.evidence import Box, Comparison, Geometry
from provenance.examination import FeatureView, Part, PictureCode, PictureExam, Pixels
from provenance.fingerprint import views
from provenance.match import align, compare, covering, reference, warp
from provenance.match.colour import colours
from provenance.match.description import described
from provenance.match.suspects import Suspect, aligned, shared_part
from provenance.media import decode, faces
from provenance.media.sandbox import Job
from provenance.media.wire import MAX_FRAME_BYTES
from provenance.plain import from_plain, to_plain
from provenance.report import draw

#: Bytes of the drawings of one answer: half of what a message between processes may have. Each takes at most a third
#: of what is left, so that the likeliest originals are shown in full and however many follow have room.
_SKETCHES_BYTES: Final = MAX_FRAME_BYTES // 2


def queried(picture: decode.Picture) -> tuple[PictureExam | None, tuple[str, ...]]:
    """Return what to look up, and why not all of it could be had.

    A picture too flat for a code may still show an asset in a part of it.
    """
    rgb = picture.rgb
    codes: tuple[PictureCode, ...] = ()
    refusals: tuple[str, ...] = ()
    try:
        codes = views.codes(rgb)
    except UnmatchableError as refusal:
        refusals = (refusal.message,)
    first = views.first_look(rgb)
    codes = (*codes, *first.codes)
    if not codes and not first.views:
        return None, refusals
    rows, columns = rgb.shape[:2]
    pixels = Pixels(rgb.tobytes(), rows, columns, picture.width, picture.height, picture.jpeg_quality)
    return PictureExam(codes, None, first.views, None, pixels), refusals


def look_further(job: Job) -> object:
    """Return a :class:`Look` at parts of the picture, or at what the first look leaves out.

    Params: ``pixels``: :class:`Pixels`; ``parts``: list of parts, each left, top, right, bottom as fractions of
    the picture, at most four; absent for what the first look leaves out.
    """
    rgb = from_plain(Pixels, job.params["pixels"]).array()
    parts = cast("list[list[float]] | None", job.params.get("parts"))
    if parts is None:
        return to_plain(views.further_look(rgb))
    wanted: list[Part] = [(left, top, right, bottom) for left, top, right, bottom in parts]
    return to_plain(views.look(rgb, wanted))


def compare_picture(job: Job) -> object:
    """Return, for each suspect, how the picture lies in it and where it differs, or None.

    Params: ``pixels``: :class:`Pixels`; ``views``: list of :class:`FeatureView`, what the picture was looked up by;
    ``suspects``: list of :class:`Suspect`, likeliest first. Result: per suspect None or {``geometry``,
    ``comparison``, ``drawing``, ``transformation``, ``aligned_distance``: PDQ bits of the shared part, or None where
    it was found by codes or has none}.
    """
    picture = from_plain(Pixels, job.params["pixels"])
    rgb = picture.array()
    looked = [from_plain(FeatureView, plain) for plain in cast("list[object]", job.params["views"])]
    aligner = align.Aligner(rgb, looked)
    answers: list[object] = []
    room = _SKETCHES_BYTES
    for plain in cast("list[object]", job.params["suspects"]):
        suspect = from_plain(Suspect, plain)
        opened = cache(partial(reference.open_reference, suspect.picture))
        geometry = aligned(aligner, suspect, opened)
        if geometry is None:
            answers.append(None)
            continue
        stored = opened()
        laid = warp.lay(rgb, stored, geometry)
        comparison, field = compared(rgb, laid, stored, geometry)
        # Who was found by a code has one already.
        shared = shared_part(laid, stored, negative=geometry.negative, coded=suspect.distance is None)
        sizes = ((picture.width, picture.height), (suspect.width, suspect.height))
        made = described(
            geometry,
            comparison,
            sizes,
            picture.jpeg_quality,
            shared.sharpness,
            colours(laid, stored, negative=geometry.negative),
        )
        sketch = draw.sketch(rgb, stored, geometry, comparison, field, room // 3)
        room = max(0, room - len(sketch))
        answers.append(
            {
                "geometry": to_plain(geometry),
                "comparison": to_plain(comparison),
                "drawing": sketch,
                "transformation": to_plain(made),
                "aligned_distance": shared.distance,
            }
        )
    return answers


def compared(
    copy: warp.Rgb, laid: warp.Laid, stored: warp.Rgb, geometry: Geometry
) -> tuple[Comparison, compare.Field]:
    """Return where the copy differs and how strongly; faces are looked for only around what does.

    Args:
        copy: uint8, shape (h, w, 3), upright.
        laid: The same as it lies in the reference.
        stored: uint8, shape (h, w, 3): the stored reference.
        geometry: How the copy lies in the reference.
    """
    comparison, field = compare.compare_in_full(laid, stored, geometry)
    matrix = warp.matrix_of(geometry)
    back = np.linalg.inv(matrix).astype(np.float64)
    places = [warp.box_through(matrix, one) for one in covering.bare(comparison)]
    known = [warp.box_through(back, Box(*face)) for face in faces.find_faces(stored, _parts(places))]
    comparison = covering.with_faces(comparison, known)
    # What the original's faces decide need not be looked at in the copy.
    shown = [Box(*face) for face in faces.find_faces(copy, _parts(covering.bare(comparison)))]
    return covering.with_faces(comparison, shown), field


def _parts(boxes: Iterable[Box]) -> list[faces.Face]:
    return [(one.x, one.y, one.w, one.h) for one in boxes]


#: What a worker may be asked to do with a picture, by name.
TASKS: Final[Mapping[str, Callable[[Job], object]]] = {
    "look_further": look_further,
    "compare_picture": compare_picture,
}
