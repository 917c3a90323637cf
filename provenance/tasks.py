"""What runs inside a media worker: each task takes open files and plain values and returns plain values.

This module and what it imports is all that a locked-down worker can run; see :mod:`provenance.media.sandbox`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import BinaryIO, Final, cast

import cv2
import numpy as np

from provenance import compare_tasks, film_tasks, look_tasks, picture_tasks, still_tasks, synthesis_tasks
from provenance.digest import Digest
from provenance.errors import CredentialError, UnmatchableError
from provenance.examination import (
    DECODE_SIDE_PX,
    Examination,
    PictureCode,
    PictureExam,
    SoundTrack,
)
from provenance.fingerprint import frames, image, iscc, local, sound
from provenance.match import align, reference
from provenance.media import decode, faces
from provenance.media.asset import Kind, MediaType
from provenance.media.sandbox import Job
from provenance.plain import to_plain
from provenance.signing import jumbf, manifest


def read_credentials(job: Job) -> object:
    """Return the engine's report on the manifest of the first file."""
    media_type = MediaType(str(job.params["media_type"]))
    trust = cast("Mapping[str, object]", job.params["trust"])
    return manifest.read_manifest(job.files[0], media_type, trust)


def sign(job: Job) -> object:
    """Write the first file with a manifest to the second, the manifest store alone to the third.

    The parent makes the signature.

    Params: ``media_type``, ``definition``, ``certificates``, ``algorithm``. Callback: ``sign``.
    """
    source, target, store = job.files
    made = manifest.write_manifest(
        source,
        target,
        MediaType(str(job.params["media_type"])),
        cast("dict[str, object]", job.params["definition"]),
        cast("bytes", job.params["certificates"]),
        str(job.params["algorithm"]),
        lambda data: cast("bytes", job.call("sign", data)),
    )
    store.write(made.store)
    store.flush()
    return {
        "manifest_id": made.manifest_id,
        "store_digest": made.store_digest.value,
        "claim_digest": made.claim_digest.value,
        "bound_digest": made.bound_digest,
    }


def inspect_store(job: Job) -> object:
    """Return what the engine says of the manifest store in the first file."""
    return manifest.inspect_store(job.files[0].read())


def active_manifest(job: Job) -> object:
    """Write the store in the first file, reduced to its active manifest, to the second; return its size."""
    source, target = job.files
    content = source.read()
    found = manifest.inspect_store(content)
    if found["found"] != "manifest":
        raise CredentialError("expected a C2PA manifest store, found other bytes")
    target.write(jumbf.only_manifest(content, found["manifest_id"]))
    target.flush()
    return target.tell()


def soft_binding(job: Job) -> object:
    """Return the ISCC-SEQ of the file as handed in, or None where its medium has no content unit."""
    file, media_type = job.files[0], MediaType(str(job.params["media_type"]))
    try:
        content = _content_unit(job, file, media_type)
    except UnmatchableError:
        return None
    if content is None:
        return None
    file.seek(0)
    return iscc.sequence([content, *iscc.stream_units(file)])


def _content_unit(job: Job, file: BinaryIO, media_type: MediaType) -> iscc.Unit | None:
    if media_type.kind is Kind.IMAGE:
        picture = decode.read_picture(file, media_type, job.limits, max_side=DECODE_SIDE_PX)
        return iscc.image_unit(picture.rgb)
    if media_type.kind is Kind.AUDIO:
        return iscc.audio_unit(_sound(job, file).codes)
    return None


# --- examining -------------------------------------------------------------------------------------------


def examine(job: Job) -> object:
    """Return the :class:`Examination` of the first file.

    Params: ``media_type``; ``register`` is true for registration: codes as it is, with references, which are
    handed over one by one through the callback ``keep`` so that a long film stays within bounded memory.
    """
    file, media_type = job.files[0], MediaType(str(job.params["media_type"]))
    register = bool(job.params["register"])
    if media_type.kind is Kind.IMAGE:
        return to_plain(_examine_picture(job, file, media_type, register=register))
    return to_plain(_examine_timed(job, file, media_type, register=register))


def _examine_picture(job: Job, file: BinaryIO, media_type: MediaType, *, register: bool) -> Examination:
    picture = decode.read_picture(file, media_type, job.limits, max_side=DECODE_SIDE_PX)
    exam, refusals = _registered_picture(picture) if register else picture_tasks.queried(picture)
    return Examination(
        picture.width, picture.height, None, exam, None, None, refusals=refusals, notes=tuple(picture.notes)
    )


def _registered_picture(picture: decode.Picture) -> tuple[PictureExam | None, tuple[str, ...]]:
    rgb = picture.rgb
    try:
        code, quality = image.pdq(rgb)
        stored = (code, image.phash64(rgb), iscc.image_code(rgb))
    except UnmatchableError as refusal:
        return None, (refusal.message,)
    codes = tuple(
        PictureCode(one.algorithm, one.value, "as it is", quality if one is code else None) for one in stored
    )
    return PictureExam(codes, _stored_features(rgb), (), reference.make_reference(rgb)), ()


def _stored_features(rgb: image.Rgb) -> bytes | None:
    found = local.features(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY).astype(np.uint8, copy=False))
    return found.to_bytes() if len(found) else None


def _examine_timed(job: Job, file: BinaryIO, media_type: MediaType, *, register: bool) -> Examination:
    probe = decode.probe(file, media_type, job.limits)
    frame_track, sound_track, refusals = None, None, []
    if probe.has_picture and media_type.kind is Kind.VIDEO:
        file.seek(0)
        try:
            frame_track = film_tasks.frame_track(job, file, register=register)
        except UnmatchableError as refusal:
            refusals.append(f"picture: {refusal.message}")
    if probe.has_sound:
        file.seek(0)
        try:
            sound_track = _sound_track(job, file, register=register)
        except UnmatchableError as refusal:
            refusals.append(f"sound: {refusal.message}")
    return Examination(
        probe.width or None,
        probe.height or None,
        probe.duration_s,
        None,
        frame_track,
        sound_track,
        refusals=tuple(refusals),
        notes=tuple(probe.notes),
    )


def _sound(job: Job, file: BinaryIO, pitches: tuple[float, ...] = ()) -> sound.Sound:
    collector = sound.SoundCollector(pitches)
    for chunk in decode.read_sound(file, rate_hz=sound.RATE_HZ, limits=job.limits):
        collector.add(chunk)
    return collector.finish()


def _sound_track(job: Job, file: BinaryIO, *, register: bool) -> SoundTrack:
    made = _sound(job, file, () if register else sound.PITCHES)
    pitched = tuple(codes.astype("<u4").tobytes() for codes in made.pitched)
    return SoundTrack(made.codes.astype("<u4").tobytes(), made.mel.tobytes(), made.duration_s, pitched)


def probe(job: Job) -> object:
    """Return length and tracks of a film or recording, as its headers state them.

    Params: ``media_type``. Result: {``width``, ``height``, ``duration_s``, ``picture``, ``sound``, ``notes``}.
    """
    media_type = MediaType(str(job.params["media_type"]))
    found = decode.probe(job.files[0], media_type, job.limits)
    return {
        "width": found.width or None,
        "height": found.height or None,
        "duration_s": found.duration_s,
        "picture": found.has_picture and media_type.kind is Kind.VIDEO,
        "sound": found.has_sound,
        "notes": list(found.notes),
    }


def examine_sound(job: Job) -> object:
    """Return the :class:`SoundTrack` of the first file. Params: ``register``.

    Raises:
        UnmatchableError: It is silent or too short.
    """
    return to_plain(_sound_track(job, job.files[0], register=bool(job.params["register"])))


# --- comparing -------------------------------------------------------------------------------------------


def compare_frames(job: Job) -> object:
    """Return, for each pair of a copy's moment and a stored frame, how the frame lies in it, or None.

    Params: ``pairs``: list of {``time_s`` in the copy, ``blob``}, at most a dozen.
    """
    pairs = cast("list[Mapping[str, object]]", job.params["pairs"])
    answers: list[object] = []
    for pair in pairs:
        wanted_s = float(cast("float", pair["time_s"]))
        job.files[0].seek(0)
        shown = _frame_at(job, wanted_s)
        if shown is None:
            answers.append(None)
            continue
        stored = reference.open_reference(cast("bytes", pair["blob"]))
        geometry = align.align_picture(shown, stored)
        answers.append(None if geometry is None else to_plain(geometry))
    return answers


def _frame_at(job: Job, time_s: float) -> image.Rgb | None:
    found: Iterator[tuple[float, image.Rgb]] = decode.read_frames(
        job.files[0],
        rate_hz=frames.QUERY_RATE,
        max_side=film_tasks.FRAME_SIDE_PX,
        start_s=max(time_s - 0.13, 0.0),
        end_s=time_s + 0.13,
        limits=job.limits,
    )
    nearest = min(found, key=lambda one: abs(one[0] - time_s), default=None)
    return None if nearest is None else nearest[1]


def digest(job: Job) -> object:
    """Return the SHA-256 of the first file, 32 bytes; the warm-up and self-test of a worker."""
    return Digest.of_stream(job.files[0]).value


def warm_up() -> None:
    """Load what tasks read from the package; a worker calls it before it locks itself down."""
    faces.warm_up()


#: What a worker may be asked to do, by name.
TASKS: Final[Mapping[str, Callable[[Job], object]]] = {
    "read_credentials": read_credentials,
    "read_marks": synthesis_tasks.read_marks,
    "score": synthesis_tasks.score,
    "duration": synthesis_tasks.duration,
    "sign": sign,
    "soft_binding": soft_binding,
    "inspect_store": inspect_store,
    "active_manifest": active_manifest,
    "examine": examine,
    "probe": probe,
    "examine_sound": examine_sound,
    "compare_frames": compare_frames,
    "digest": digest,
    **picture_tasks.TASKS,
    **film_tasks.TASKS,
    **still_tasks.TASKS,
    **compare_tasks.TASKS,
    **look_tasks.TASKS,
}
