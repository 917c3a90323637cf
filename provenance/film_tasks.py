"""Tasks on films, run inside a media worker: features of frames, where they lie, codes of the shared part.

Part of what :mod:`provenance.tasks` offers; memory is bounded by a few small frames, whatever the film.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import BinaryIO, Final, cast

import cv2
import numpy as np

from provenance.errors import UnmatchableError
from provenance.examination import FRAME_FEATURE_REFERENCE, FRAME_REFERENCE, FrameTrack
from provenance.fingerprint import frame_features, frames, image, local
from provenance.match import align, reference, warp
from provenance.media import decode
from provenance.media.sandbox import Job
from provenance.plain import to_plain

#: Longest side of film frames that are looked at, pixels; part of every frame code's version.
FRAME_SIDE_PX: Final = 512
#: Seconds between stored frame references. Source: storage budget of docs/measurements.md.
REFERENCE_STEP_S: Final = 0.5
#: Longest side of frames whose features are looked up: a film within a film needs the pixels.
_VIEW_SIDE_PX: Final = 1024
#: Features of a frame at one scale, over the same cells as registered ones.
_VIEW_COUNT: Final = 250
#: Scales at which a frame is looked at: 256 finds half crops, 1024 finds a film within a film.
#: Source: docs/measurements.md, candidates by votes.
_VIEW_SIDES: Final = (512, 256, 1024)
#: Share of agreeing blocks from which two frames are parts of one still picture, and least move of a corner between
#: them, fraction of the frame. Source: frames 1.5 s apart of panned photographs agree in 1.00, all 14 of them; those of
#: ten films with motion of their own under a moving camera in at most .81.
RIGID: Final = 0.93
MOVED: Final = 0.01
Blob = Mapping[str, object]


def frame_views(job: Job) -> object:
    """Return features of frames of a film at three scales, as they are and mirrored.

    Params: ``times``: seconds, ascending, at most 64. Result: list of {``time_s``, ``mirrored``,
    ``features``}; a frame without texture has none.
    """
    views: list[object] = []
    for time_s, rgb in decode.read_moments(
        job.files[0], cast("list[float]", job.params["times"]), _VIEW_SIDE_PX, limits=job.limits
    ):
        gray = np.asarray(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), np.uint8)
        for mirrored in (False, True):
            shown = np.ascontiguousarray(gray[:, ::-1]) if mirrored else gray
            for side_px in _VIEW_SIDES:
                try:
                    found = local.features(shown, _VIEW_COUNT, side_px=side_px)
                except UnmatchableError:
                    continue
                if len(found):
                    views.append({"time_s": time_s, "mirrored": mirrored, "features": found.to_bytes()})
    return views


def frame_track(
    job: Job,
    file: BinaryIO,
    *,
    register: bool,
    start_s: float | None = None,
    end_s: float | None = None,
    keys: bool = False,
) -> FrameTrack:
    """Return codes of a film's frames; for registration, stored frames are handed over through ``keep``.

    Args:
        job: The job.
        file: The film.
        register: Whether it is to be registered: fewer frames, with references.
        start_s: Where to begin; default the beginning.
        end_s: First time that is left out; default the end.
        keys: Whether only key frames are looked at.

    Raises:
        UnmatchableError: No frame has a code.
    """
    collector, features = frames.FrameCollector(), frame_features.FeatureCollector()
    next_reference_s = 0.0
    if keys:
        shown = decode.read_key_frames(file, FRAME_SIDE_PX, limits=job.limits)
    else:
        rate = frames.REFERENCE_RATE if register else frames.QUERY_RATE
        shown = decode.read_frames(file, rate, FRAME_SIDE_PX, start_s, end_s, limits=job.limits)
    for time_s, rgb in shown:
        matchable = collector.add(time_s, rgb)
        if register and matchable and time_s >= next_reference_s:
            _keep(job, FRAME_REFERENCE, time_s, reference.make_frame_reference(rgb))
            gray = np.asarray(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), np.uint8)
            if (new := features.add(time_s, gray)) is not None:
                _keep(job, FRAME_FEATURE_REFERENCE, time_s, new.to_bytes())
            next_reference_s = time_s + REFERENCE_STEP_S - 1e-6
    collected = collector.finish()
    return FrameTrack(collected.codes.tobytes(), collected.times.astype("<f8").tobytes())


def _keep(job: Job, kind: str, time_s: float, blob: bytes) -> None:
    """Hand a stored reference to the parent."""
    job.call("keep", {"kind": kind, "time_s": time_s, "blob": blob})


def examine_part(job: Job) -> object:
    """Return the :class:`FrameTrack` of a part of a film, or None where no frame of it has a code.

    Params: ``start_s``, ``end_s``, ``register``, ``keys``. Callback: ``keep`` for registration.
    """
    start_s, end_s = (cast("float | None", job.params[name]) for name in ("start_s", "end_s"))
    register, keys = bool(job.params["register"]), bool(job.params["keys"])
    try:
        found = frame_track(job, job.files[0], register=register, start_s=start_s, end_s=end_s, keys=keys)
    except UnmatchableError:
        return None
    return to_plain(found)


def place_frames(job: Job) -> object:
    """Return how frames of a film lie in stored frames, by their local features.

    Params: ``moments``: list of {``time_s``, ``mirrored``, ``stored``: list of {``time_s``, ``blob``}},
    ascending, at most 64. Result: list of {``copy_s``, ``asset_s``, ``geometry``} of every pair that fits; the
    geometry is refined where a moment has one stored frame only.
    """
    moments = cast("list[Mapping[str, object]]", job.params["moments"])
    known = {
        time_s: align.Known(reference.open_reference(blob))
        for moment in moments
        for time_s, blob in _timed(cast("Sequence[Blob]", moment["stored"]))
    }
    waiting = deque(moments)
    answers: list[object] = []
    times = sorted({_seconds(one) for one in moments})
    for time_s, rgb in decode.read_moments(job.files[0], times, FRAME_SIDE_PX, limits=job.limits):
        aligner = align.Aligner(rgb)
        while waiting and _seconds(waiting[0]) == time_s:
            moment = waiting.popleft()
            stored = [(one, known[one]) for one, _ in _timed(cast("Sequence[Blob]", moment["stored"]))]
            mirrored, refined = bool(moment["mirrored"]), len(stored) == 1
            for asset_s, one in stored:
                geometry = aligner.place(one, mirrored=mirrored, refined=refined)
                if geometry is not None:
                    placed = {"copy_s": time_s, "asset_s": asset_s, "geometry": to_plain(geometry)}
                    answers.append(placed)
    return answers


def one_picture(job: Job) -> object:
    """Return whether stored frames are parts of one still picture, met by a camera that moves over it.

    A crop of such a scene fits at many moments: what is the whole of one moment is a part of the next.

    Params: ``pairs``: list of two blobs each, of frames some time apart. Result: whether most pairs that can be laid
    onto each other agree in all they show, though the camera moved between them.
    """
    told: list[bool] = []
    for blobs in cast("Sequence[Sequence[bytes]]", job.params["pairs"]):
        one, other = (reference.open_reference(blob) for blob in blobs)
        laid = align.Aligner(one).place(align.Known(other), mirrored=False, refined=True)
        if laid is not None:
            moved = float(np.abs(warp.apply(warp.matrix_of(laid), warp.CORNERS) - warp.CORNERS).max())
            told.append(laid.agreement >= RIGID and moved >= MOVED)
    return sum(told) > len(told) / 2


def _seconds(part: Blob) -> float:
    return float(cast("float", part["time_s"]))


def _timed(stored: Sequence[Blob]) -> Iterator[tuple[float, bytes]]:
    for one in stored:
        yield _seconds(one), cast("bytes", one["blob"])


def shared_codes(job: Job) -> object:
    """Return codes of that part of a film which lies in stored frames, and of the same part of those.

    Every frame of the film is laid onto the stored frames' grid by one geometry; what it does not cover is
    blank in both, so that bars, frames around it and cropped edges take no part in the codes.

    Params: ``matrix``: nine numbers; ``stored``: list of {``time_s``, ``blob``}, ascending, not empty; ``rate``:
    frames a second of the film. Result: {``copy``: {``codes``, ``times``}, ``asset``: the same}; empty codes
    where the shared part is too small or too flat.
    """
    matrix = np.array(cast("list[float]", job.params["matrix"]), np.float64).reshape(3, 3)
    stored = cast("Sequence[Blob]", job.params["stored"])
    grid = reference.open_reference(cast("bytes", stored[0]["blob"])).shape[:2]
    window = _window(matrix, grid)
    if window is None:
        return {"copy": _coded([]), "asset": _coded([])}
    part, mask = window
    asset = ((time_s, reference.open_reference(blob)) for time_s, blob in _timed(stored))
    rate_hz = float(cast("float", job.params["rate"]))
    copy = decode.read_frames(job.files[0], rate_hz=rate_hz, max_side=FRAME_SIDE_PX, limits=job.limits)
    return {
        "asset": _coded((time_s, _cut(_on_grid(rgb, grid), part, mask)) for time_s, rgb in asset),
        "copy": _coded((time_s, _cut(warp.onto(rgb, grid, matrix)[0], part, mask)) for time_s, rgb in copy),
    }


def _window(matrix: warp.Matrix, grid: tuple[int, ...]) -> tuple[tuple[slice, slice], warp.Mask] | None:
    """Return the rectangle of the grid around what a copy covers, and its covered pixels; None if tiny."""
    blank = np.zeros((*grid, 3), np.uint8)
    inside = warp.onto(blank, grid, matrix)[1]
    rows, columns = np.flatnonzero(inside.any(axis=1)), np.flatnonzero(inside.any(axis=0))
    if len(rows) < align.MIN_SHARED_PX or len(columns) < align.MIN_SHARED_PX:
        return None
    part = (slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1))
    return part, inside[part]


def _on_grid(rgb: image.Rgb, grid: tuple[int, ...]) -> image.Rgb:
    """Return a stored frame at the size of the first: frames of much detail are stored smaller."""
    if rgb.shape[:2] == tuple(grid):
        return rgb
    return np.asarray(cv2.resize(rgb, (grid[1], grid[0]), interpolation=cv2.INTER_CUBIC), np.uint8)


def _cut(rgb: image.Rgb, part: tuple[slice, slice], mask: warp.Mask) -> image.Rgb:
    shown = np.where(mask[:, :, None], rgb[part], np.uint8(0))
    if min(mask.shape) < image.MIN_SIDE_PX:  # a narrow crop of a small stored frame: both sides alike
        shown = cv2.resize(shown, None, fx=2.0, fy=2.0, interpolation=cv2.INTER_LINEAR)
    return np.ascontiguousarray(shown, np.uint8)


def _coded(shown: Iterator[tuple[float, image.Rgb]] | Sequence[tuple[float, image.Rgb]]) -> dict[str, bytes]:
    codes, times = bytearray(), []
    for time_s, rgb in shown:
        try:
            codes += image.pdq(rgb)[0].value
        except UnmatchableError:
            continue
        times.append(time_s)
    return {"codes": bytes(codes), "times": np.array(times, "<f8").tobytes()}


#: What a worker may be asked to do with films, by name.
TASKS: Final[Mapping[str, Callable[[Job], object]]] = {
    "examine_part": examine_part,
    "frame_views": frame_views,
    "one_picture": one_picture,
    "place_frames": place_frames,
    "shared_codes": shared_codes,
}
