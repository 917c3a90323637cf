"""A model's card: what it is, what it was trained on, what its scores mean, and where it must stay silent."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final, Self

import numpy as np

from provenance.digest import Digest
from provenance.errors import FormatError
from provenance.plain import from_plain

#: Version of the card's form.
FORM: Final = "provenance-model-card/1"
#: Area under the curve below whose lower bound a model carries no weight.
#: Source: provenance design decision; .5 is chance, and a bound under .65 lets chance back in.
COMPETENT: Final = 0.65


@dataclass(frozen=True, slots=True)
class Bucket:
    """Calibration of raw scores for pictures of one compression history.

    Attributes:
        name: ``fine`` (lossless, or JPEG of quality 85 and more) or ``coarse`` (everything else).
        points: Raw score and log10 likelihood ratio, rising in both; between them it is interpolated.
        band: log10 likelihood ratio that must be passed to count.
        false_positive_rate: Share of real pictures beyond the band, in the worst held-out real source.
        detected: Share of generated pictures beyond the band, mean over held-out generators.
        auc: Area under the curve, generator and real source held out, mean.
        auc_low: Its lower 95 % bound in the worst real source.
        pictures: Pictures it was measured on.
        calibration_error: Expected calibration error, generator and real source of each picture held out of the
            calibration too; None where it was not measured.
        calibration_worst: The same in the worst real source.
    """

    name: str
    points: tuple[tuple[float, float], ...]
    band: float
    false_positive_rate: float
    detected: float
    auc: float
    auc_low: float
    pictures: int
    calibration_error: float | None = None
    calibration_worst: float | None = None

    def __post_init__(self) -> None:
        raw, lr = [one[0] for one in self.points], [one[1] for one in self.points]
        if len(raw) < 2 or sorted(set(raw)) != raw or sorted(lr) != lr or not np.isfinite(raw + lr).all():
            raise ValueError("calibration points rise in score and likelihood ratio, at least two of them")

    @property
    def competent(self) -> bool:
        """Whether the model is better than chance beyond doubt; if not, it carries no weight."""
        return self.auc_low >= COMPETENT

    @property
    def asks(self) -> bool:
        """Whether any score lies beyond the band; a weak model states a ratio and never asks for a review."""
        return self.points[-1][1] > self.band

    def log10_lr(self, raw: float) -> float:
        """Return the calibrated log10 likelihood ratio (generated : not) of a raw score."""
        return float(np.interp(raw, [p[0] for p in self.points], [p[1] for p in self.points]))


@dataclass(frozen=True, slots=True)
class Domain:
    """What the model has seen: beyond it the model abstains.

    Attributes:
        centre: Mean embedding of the training pictures, standardised coordinates.
        spread: Standard deviation per coordinate.
        radius: Distance (root mean square of standardised coordinates) that 99 % of held-out pictures keep.
    """

    centre: tuple[float, ...]
    spread: tuple[float, ...]
    radius: float

    def distance(self, embedding: np.ndarray[Any, np.dtype[np.float32]]) -> float:
        """Return the distance of one embedding, shape (d,); infinite for another length."""
        if embedding.shape != (len(self.centre),):
            return math.inf
        steps = (embedding - np.array(self.centre)) / np.array(self.spread)
        return float(np.sqrt(np.mean(steps * steps)))


@dataclass(frozen=True, slots=True)
class ModelCard:
    """Everything about one picture model but its weights.

    Attributes:
        name: Short name, letters, digits and hyphens.
        version: Version.
        weights_sha256: SHA-256 of the ONNX file, hex.
        licence: Licence of the weights.
        trained_on: Sources of the training pictures.
        side_px: Side of the square input, pixels.
        mean: Per channel, subtracted from values 0..1.
        std: Per channel, divided by afterwards.
        least_px: Shorter side below which it abstains.
        operating_range: What it was measured on, as a sentence.
        untested: What it has never been tested on.
        buckets: Calibration by compression history.
        domain: What it has seen.
    """

    name: str
    version: str
    weights_sha256: str
    licence: str
    trained_on: tuple[str, ...]
    side_px: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    least_px: int
    operating_range: str
    untested: tuple[str, ...]
    buckets: tuple[Bucket, ...]
    domain: Domain

    def __post_init__(self) -> None:
        if not self.name or not all(char.isascii() and (char.isalnum() or char == "-") for char in self.name):
            raise ValueError("a model's name is letters, digits and hyphens")
        if not 32 <= self.side_px <= 1024 or self.least_px < 1:
            raise ValueError("a model's input is 32 to 1024 pixels a side")
        if {one.name for one in self.buckets} != {"fine", "coarse"}:
            raise ValueError("a card has the buckets fine and coarse")

    @property
    def title(self) -> str:
        """Name and version."""
        return f"{self.name} {self.version}"

    @property
    def digest(self) -> Digest:
        """Digest of the weights."""
        return Digest.parse(f"sha256:{self.weights_sha256}")

    def bucket(self, name: str) -> Bucket:
        """Return the calibration ``fine`` or ``coarse``."""
        return next(one for one in self.buckets if one.name == name)

    def to_json(self) -> str:
        """Return the card as JSON text."""
        return json.dumps({"form": FORM, **asdict(self)}, indent=1, ensure_ascii=False) + "\n"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the card that :meth:`to_json` wrote.

        Raises:
            FormatError: It is no card of this form.
        """
        try:
            stated = json.loads(text)
        except ValueError as cause:
            raise _no_card(f"no JSON: {cause}") from cause
        if not isinstance(stated, Mapping) or stated.get("form") != FORM:
            raise _no_card(f"no {FORM}")
        try:
            return from_plain(cls, _whole({name: value for name, value in stated.items() if name != "form"}))
        except FormatError as cause:
            raise _no_card(cause.message) from cause


def _whole(stated: dict[str, Any]) -> dict[str, Any]:
    """Return a card with what cards of its first days do not state given as not measured."""
    buckets = stated.get("buckets")
    if isinstance(buckets, list):
        unknown = {"calibration_error": None, "calibration_worst": None}
        stated["buckets"] = [unknown | one if isinstance(one, dict) else one for one in buckets]
    return stated


def _no_card(found: str) -> FormatError:
    return FormatError(
        f"expected a model card of the form {FORM}, found {found}"[:300], hint="see docs/detector.md"
    )
