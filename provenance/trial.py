"""Trial: any model measured on a folder of labelled pictures, in the same workers that verify.

A folder holds ``real`` and ``generated``; folders inside them are groups (sources, generators) and are
reported one by one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from provenance.detect.card import COMPETENT
from provenance.detect.curve import auc, auc_bounds, calibration, calibration_floor, share_bounds
from provenance.detect.models import Model
from provenance.errors import InputError, NotFoundError
from provenance.evidence import Score
from provenance.media.asset import open_asset
from provenance.media.sandbox import WorkerPool
from provenance.plain import from_plain
from provenance.settings import Limits

#: Fewest pictures of each label: below, the bounds say nothing.
LEAST: Final = 20
REAL, GENERATED = "real", "generated"

Raw = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Scored:
    """One picture's score: its path, group, label and what the model said."""

    path: Path
    group: str
    generated: bool
    score: Score


@dataclass(frozen=True, slots=True)
class GroupResult:
    """What the model says of one group.

    Attributes:
        group: Its name.
        generated: Its label.
        pictures: Pictures scored or abstained on.
        abstained: Of these, abstained on.
        beyond: Share beyond the band, abstentions counted as not, with its 95 % interval.
        auc: Area against all pictures of the other label with its 95 % interval, or None without raw scores.
    """

    group: str
    generated: bool
    pictures: int
    abstained: int
    beyond: tuple[float, float, float]
    auc: tuple[float, float, float] | None


@dataclass(frozen=True, slots=True)
class TrialResult:
    """A model measured on a folder.

    Attributes:
        model: Name and version.
        scored: Every picture.
        unreadable: Pictures that could not be scored, with the reason.
        auc: Area under the curve of raw scores.
        auc_bounds: Its 95 % interval.
        false_positives: Share of real pictures beyond the band, with its 95 % interval.
        calibration_error: Expected calibration error of those that speak, and what an honest score would show
            by chance with as few pictures (95 % quantile); None where they are of one label.
        groups: By group.
    """

    model: str
    scored: tuple[Scored, ...]
    unreadable: tuple[tuple[Path, str], ...]
    auc: float
    auc_bounds: tuple[float, float]
    false_positives: tuple[float, float, float]
    calibration_error: tuple[float, float] | None
    groups: tuple[GroupResult, ...]

    @property
    def competent(self) -> bool:
        """Whether the model is better than chance beyond doubt on this folder."""
        return self.auc_bounds[0] >= COMPETENT


def try_model(
    model: Model,
    folder: Path,
    pool: WorkerPool,
    limits: Limits,
    tell: Callable[[str, int, int], None] = lambda *_: None,
) -> TrialResult:
    """Return what ``model`` says of the pictures in ``folder``.

    Raises:
        NotFoundError: The folder lacks ``real`` or ``generated``, or holds fewer than 20 pictures of one.
        UnavailableError: A worker could not be had.
    """
    scored: list[Scored] = []
    unreadable: list[tuple[Path, str]] = []
    work = [(path, name) for name in (REAL, GENERATED) for path in _files(folder / name)]
    for number, (path, name) in enumerate(work):
        tell(path.name, number, len(work))
        group = path.relative_to(folder / name).parts[0] if path.parent != folder / name else name
        try:
            scored.append(Scored(path, group, name == GENERATED, _score(model, path, pool, limits)))
        except InputError as cause:
            unreadable.append((path, cause.message))
    return result_of(model.card.title, scored, unreadable)


def _files(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise NotFoundError(
            f"expected a folder {folder}, found none",
            hint="put pictures into FOLDER/real and FOLDER/generated",
        )
    return sorted(path for path in folder.rglob("*") if path.is_file())


def _score(model: Model, path: Path, pool: WorkerPool, limits: Limits) -> Score:
    asset = open_asset(path, limits)
    params = {"media_type": asset.media_type.value, "card": model.card.to_json(), "times": [0.0]}
    made = pool.run("score", [path, model.weights], params, timeout_s=limits.worker_seconds)
    return from_plain(Score, made)


def result_of(
    model: str, scored: Sequence[Scored], unreadable: Sequence[tuple[Path, str]] = ()
) -> TrialResult:
    """Return the measures of scored pictures.

    Raises:
        NotFoundError: Fewer than 20 pictures of one label have a raw score.
    """
    raw = {
        label: np.array(
            [one.score.raw for one in scored if one.generated is label and one.score.raw is not None]
        )
        for label in (False, True)
    }
    if min(len(one) for one in raw.values()) < LEAST:
        raise NotFoundError(
            f"expected at least {LEAST} pictures of each label, found {len(raw[False])} real and "
            f"{len(raw[True])} generated that could be scored",
            hint="add pictures",
        )
    area = auc(raw[False], raw[True])
    real = [one for one in scored if not one.generated]
    hits = sum(_beyond(one) for one in real)
    return TrialResult(
        model,
        tuple(scored),
        tuple(unreadable),
        area,
        auc_bounds(area, len(raw[False]), len(raw[True])),
        (hits / len(real), *share_bounds(hits, len(real))),
        _calibration_error(scored),
        tuple(
            _group(name, label, scored) for label, name in sorted({(s.generated, s.group) for s in scored})
        ),
    )


def _beyond(one: Scored) -> bool:
    return one.score.log10_lr is not None and one.score.log10_lr > one.score.band


def _calibration_error(scored: Sequence[Scored]) -> tuple[float, float] | None:
    spoken = [(one.score.log10_lr, one.generated) for one in scored if one.score.log10_lr is not None]
    labels = np.array([label for _, label in spoken], np.bool_)
    if not labels.any() or labels.all():
        return None
    ratios = np.array([lr for lr, _ in spoken], np.float64)
    return calibration(ratios, labels)[2], calibration_floor(ratios, labels)


def _group(name: str, generated: bool, scored: Sequence[Scored]) -> GroupResult:  # noqa: FBT001 - a label
    own = [one for one in scored if one.group == name and one.generated is generated]
    others = np.array(
        [s.score.raw for s in scored if s.generated is not generated and s.score.raw is not None]
    )
    raw = np.array([one.score.raw for one in own if one.score.raw is not None])
    hits = sum(_beyond(one) for one in own)
    return GroupResult(
        name,
        generated,
        len(own),
        sum(one.score.log10_lr is None for one in own),
        (hits / len(own), *share_bounds(hits, len(own))),
        _area(*((others, raw) if generated else (raw, others))),
    )


def _area(real: Raw, generated: Raw) -> tuple[float, float, float] | None:
    if not len(real) or not len(generated):
        return None
    area = auc(real, generated)
    return area, *auc_bounds(area, len(real), len(generated))


def incompetent(model: Model) -> Model:
    """Return the model with a card that lets it carry no weight: it was found no better than chance."""
    buckets = tuple(replace(one, auc_low=min(one.auc_low, 0.5)) for one in model.card.buckets)
    return replace(model, card=replace(model.card, buckets=buckets))
