"""Only values cross to and from a worker."""

from __future__ import annotations

import pytest

from provenance.errors import FormatError
from provenance.evidence import Box, Channel, Comparison, Difference, DifferenceKind, Geometry, Span
from provenance.plain import from_plain, to_plain

COMPARISON = Comparison(
    differences=(
        Difference(
            DifferenceKind.REPLACED, Channel.PICTURE, Box(0.1, 0.2, 0.3, 0.4), Span(1, 2), strength=7.5
        ),
    ),
    compared=0.8,
    not_compared=("the sky is too flat",),
    drawing=b"\x89PNG",
)


def test_round_trip_of_nested_values():
    assert from_plain(Comparison, to_plain(COMPARISON)) == COMPARISON
    geometry = Geometry(
        (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0),
        mirrored=True,
        crop=Box(0, 0, 1, 1),
        rotation_deg=0.0,
        scale=1.0,
        inliers=40,
    )
    assert from_plain(Geometry, to_plain(geometry)) == geometry


@pytest.mark.parametrize(
    "spoil",
    [
        lambda plain: plain | {"compared": "all"},
        lambda plain: plain | {"extra": 1},
        lambda plain: {key: value for key, value in plain.items() if key != "edits"},
        lambda plain: plain | {"differences": [{"kind": "replaced"}]},
        lambda plain: plain | {"edits": ["teleported"]},
        lambda plain: [plain],
    ],
)
def test_odd_answers_are_refused(spoil):
    with pytest.raises(FormatError):
        from_plain(Comparison, spoil(to_plain(COMPARISON)))


def test_behaviour_does_not_cross():
    with pytest.raises(FormatError, match="cannot cross"):
        to_plain(print)
