"""Pictures of a detector's trial; the only user of matplotlib, which is an extra."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from provenance.detect.curve import calibration, roc
from provenance.errors import UnavailableError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from provenance.evidence import Score


def draw_trial(title: str, scores: Sequence[tuple[str, bool, Score]], target: Path) -> None:
    """Write ROC, calibration and the scores of every group as one picture.

    Args:
        title: The model's name.
        scores: Group, label (generated or not) and score of every picture.
        target: PNG, SVG or PDF by its ending; replaced if it exists.

    Raises:
        UnavailableError: matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure  # noqa: PLC0415 - the extra may be missing
    except ModuleNotFoundError as cause:
        raise UnavailableError(
            "expected matplotlib for plots, found none", hint="pip install 'content-provenance[plots]'"
        ) from cause
    figure = Figure(figsize=(13, 4.2), layout="constrained")
    left, middle, right = figure.subplots(1, 3)
    spoken = [(group, generated, score) for group, generated, score in scores if score.raw is not None]
    raw = {
        label: np.array([s.raw for _, g, s in spoken if g is label], np.float64) for label in (False, True)
    }
    left.plot(*roc(raw[False], raw[True]), color="black")
    left.plot([0, 1], [0, 1], linestyle=":", color="grey")
    left.set(
        title=f"{title}: ROC", xlabel="false positives", ylabel="generated found", xlim=(0, 1), ylim=(0, 1)
    )
    said = [(s.log10_lr, g) for _, g, s in scores if s.log10_lr is not None]
    labels = np.array([g for _, g in said], np.bool_)
    if labels.any() and not labels.all():
        stated, found, error = calibration(np.array([lr for lr, _ in said], np.float64), labels)
        middle.plot(stated, found, marker="o", color="black")
        middle.set_title(f"calibration (error {error:.3f})")
    middle.plot([0, 1], [0, 1], linestyle=":", color="grey")
    middle.set(xlabel="stated", ylabel="found", xlim=(0, 1), ylim=(0, 1))
    names = sorted({(generated, group) for group, generated, _ in spoken})
    rows = [[s.raw for g, label, s in spoken if (label, g) == name] for name in names]
    right.boxplot(rows, orientation="horizontal", showfliers=False)
    right.set_yticks(
        range(1, len(names) + 1), [f"{'◆ ' if label else '○ '}{group}" for label, group in names]
    )
    right.set(title="raw score by group (◆ generated, ○ real)")
    figure.savefig(target, dpi=110)
