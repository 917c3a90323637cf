"""False-match rates: how often unrelated pictures reach the strength of a match, as measured."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

#: Share of agreeing blocks from which detail counts as a family of its own beside local features.
DETAIL_AGREEING: Final = 0.5
#: Agreeing local features -> rate of unrelated pairs with as many, upper end of the 95 % interval: none of
#: 299,471 pairs of the report half had seven or more. Source: docs/measurements.md, `make bench-images`.
LOCAL: Final[Sequence[tuple[float, float]]] = ((9, 1.0e-5),)
#: Share of agreeing blocks -> rate among unrelated pairs laid onto each other whole and refined, likewise: 1 of 1,818.
DETAIL: Final[Sequence[tuple[float, float]]] = ((DETAIL_AGREEING, 3.1e-3),)


def local_rate(inliers: int) -> float | None:
    """Return the measured rate at this number of agreeing features; None below the least that was measured."""
    return _at(LOCAL, float(inliers))


def detail_rate(agreement: float) -> float | None:
    """Return the measured rate at this share of agreeing blocks; None below the least that was measured."""
    return _at(DETAIL, agreement)


def _at(table: Sequence[tuple[float, float]], strength: float) -> float | None:
    reached = [rate for least, rate in table if strength >= least]
    return reached[-1] if reached else None
