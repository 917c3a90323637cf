"""A model's score of a picture: calibrated for its compression history, or an abstention with its reason."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from provenance.detect.card import Bucket, ModelCard
from provenance.detect.runtime import Network, Pixels
from provenance.evidence import Score

#: JPEG quality from which a picture counts as finely stored.
#: Source: docs/measurements.md, detector: calibration differs between the two histories, not within them.
FINE_QUALITY: Final = 85
#: Longest side pictures are decoded to before they are scored, pixels.
SIDE_PX: Final = 960

Rgb = NDArray[np.uint8]


def bucket_name(quality: int | None, *, lossless: bool) -> str:
    """Return the compression history: ``fine`` where it is known to be, else ``coarse``.

    Args:
        quality: Estimated JPEG quality 1..100, or None where unknown.
        lossless: Whether the file stores pixels without loss.
    """
    return "fine" if lossless or (quality is not None and quality >= FINE_QUALITY) else "coarse"


def prepared(rgb: Rgb, card: ModelCard) -> Pixels:
    """Return the middle square of a picture as the model takes it, float32, shape (1, 3, side, side).

    Args:
        rgb: uint8, shape (height, width, 3), upright, sRGB.
        card: The model's.
    """
    square = centred(rgb, card.side_px) / 255
    made = (square - np.array(card.mean, np.float32)) / np.array(card.std, np.float32)
    return np.ascontiguousarray(made.transpose(2, 0, 1)[None], np.float32)


def centred(rgb: Rgb, side_px: int) -> NDArray[np.float32]:
    """Return the middle square of a picture, reduced to ``side_px``; float32, shape (side, side, 3), 0..255."""
    height, width = rgb.shape[:2]
    scale = side_px / min(height, width)
    size = (max(side_px, round(width * scale)), max(side_px, round(height * scale)))
    small = np.asarray(Image.fromarray(rgb).resize(size, Image.Resampling.BICUBIC), np.float32)
    left, top = (size[0] - side_px) // 2, (size[1] - side_px) // 2
    return small[top : top + side_px, left : left + side_px]


def score_picture(rgb: Rgb, history: str, card: ModelCard, network: Network) -> Score:
    """Return the calibrated score of one picture.

    Args:
        rgb: uint8, shape (height, width, 3), upright, sRGB; reduced to 960 pixels a side.
        history: ``fine`` or ``coarse``.
        card: The model's card.
        network: Its graph.
    """
    bucket = card.bucket(history)
    if min(rgb.shape[:2]) < card.least_px:
        return _silent(card, bucket, f"the picture is under {card.least_px} pixels on its shorter side")
    if not bucket.competent:
        return _silent(card, bucket, f"the model is no better than chance on {history} pictures")
    raw, embedding = network.run(prepared(rgb, card))
    value = float(raw[0])
    if card.domain.distance(embedding[0]) > card.domain.radius:
        return _silent(card, bucket, "the picture is unlike everything the model was tested on", value)
    return replace(_silent(card, bucket, "", value), log10_lr=bucket.log10_lr(value))


def combined(scores: Sequence[Score]) -> Score:
    """Return one score for the frames of a film: the median of those that speak.

    Frames of one film are not independent, so likelihood ratios are not multiplied; the median needs half of
    the frames to agree. Where fewer than half of the frames speak, so does the film not.

    Args:
        scores: At least one, all of one model.
    """
    spoken = [one.log10_lr for one in scores if one.log10_lr is not None]
    first = scores[0]
    if 2 * len(spoken) < len(scores):
        silent = next(one for one in scores if one.log10_lr is None)
        share = f"on {len(scores) - len(spoken)} of {len(scores)} frames"
        return replace(first, log10_lr=None, raw=None, abstained=f"{share}: {silent.abstained}")
    return replace(first, log10_lr=float(np.median(spoken)), raw=None, abstained="")


def _silent(card: ModelCard, bucket: Bucket, reason: str, raw: float | None = None) -> Score:
    rate = bucket.false_positive_rate
    return Score(card.title, None, bucket.band, reason, rate, card.operating_range, card.untested, raw)
