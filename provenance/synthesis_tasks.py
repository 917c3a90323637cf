"""Tasks of a media worker that look for signs of synthesis: declared marks, watermarks, a model's score."""

from __future__ import annotations

from itertools import islice
from typing import Final, cast

import numpy as np
from numpy.typing import NDArray

from provenance.detect import marks, watermark
from provenance.detect import score as scoring
from provenance.detect.card import ModelCard
from provenance.detect.runtime import Network
from provenance.digest import Digest
from provenance.errors import FormatError, MediaError
from provenance.media import decode, metadata
from provenance.media.asset import Kind, MediaType
from provenance.media.job import Job
from provenance.plain import to_plain


def read_marks(job: Job) -> object:
    """Return the declared marks and pixel watermarks of the first file as a list of plain :class:`Mark`.

    Params: ``media_type``.
    """
    file, media_type = job.files[0], MediaType(str(job.params["media_type"]))
    found = list(marks.marks_of(metadata.read_fields(file, media_type, job.limits)))
    if media_type in marks.LOSSLESS:
        width, height = decode.picture_size(file, media_type, job.limits)
        if width * height <= marks.WATERMARK_PIXELS:
            pixels = decode.read_picture(file, media_type, job.limits).rgb
            found += marks.of_watermark(watermark.read_watermark(pixels))
    return to_plain(found)


def score(job: Job) -> object:
    """Return the plain :class:`Score` of the first file by the model in the second.

    Params: ``media_type``; ``card``: the model's card as JSON; ``times``: moments of a film to look at, seconds.
    """
    file, media_type = job.files[0], MediaType(str(job.params["media_type"]))
    card = ModelCard.parse(str(job.params["card"]))
    network = _network(job.files[1].read(), card)
    if media_type.kind is Kind.IMAGE:
        picture = decode.read_picture(file, media_type, job.limits, max_side=scoring.SIDE_PX)
        quality = metadata.jpeg_quality(file, media_type, job.limits)
        history = scoring.bucket_name(quality, lossless=media_type in marks.LOSSLESS)
        return to_plain(scoring.score_picture(picture.rgb, history, card, network))
    times = cast("list[float]", job.params["times"])
    shown = [rgb for time_s in times for rgb in _frame_near(job, time_s)]
    scores = [scoring.score_picture(rgb, "coarse", card, network) for rgb in shown]
    if not scores:
        raise MediaError("expected a frame at one of the chosen moments, found none")
    return to_plain(scoring.combined(scores))


def duration(job: Job) -> object:
    """Return the length of a film or recording, seconds of media time. Params: ``media_type``."""
    return decode.probe(job.files[0], MediaType(str(job.params["media_type"])), job.limits).duration_s


#: The graph a worker used last, by the digest of its file: loading takes longer than scoring.
_networks: Final[dict[Digest, Network]] = {}


def _network(content: bytes, card: ModelCard) -> Network:
    digest = Digest.of(content)
    if digest != card.digest:
        raise FormatError(f"expected weights with the digest {card.digest}, found {digest}")
    if digest not in _networks:
        _networks.clear()
        _networks[digest] = Network(content)
    return _networks[digest]


def _frame_near(job: Job, time_s: float) -> list[NDArray[np.uint8]]:
    """Return the first frame shown within half a second of a moment of a film, or none."""
    job.files[0].seek(0)
    start_s = max(time_s - 0.25, 0.0)
    frames = decode.read_frames(job.files[0], 4.0, scoring.SIDE_PX, start_s, start_s + 0.5, limits=job.limits)
    return [rgb for _, rgb in islice(frames, 1)]
