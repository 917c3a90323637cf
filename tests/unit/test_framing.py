"""How the frames of a film lie in the original's, in words."""

from __future__ import annotations

from dataclasses import replace

import pytest

from provenance.evidence import Box, Geometry
from provenance.transformation import framing_text

WHOLE = Geometry(
    (1, 0, 0, 0, 1, 0, 0, 0, 1), mirrored=False, crop=Box(0, 0, 1, 1), rotation_deg=0, scale=1, inliers=20
)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, ""),
        ({"mirrored": True}, "Its frames are mirrored."),
        ({"crop": Box(0.2, 0, 0.5, 1)}, "Its frames show 50% of the original's picture."),
        (
            {"crop": Box(0.2, 0, 0.5, 1), "mirrored": True, "rotation_deg": 90.0},
            "Its frames show 50% of the original's picture and are mirrored and are turned by 90°.",
        ),
    ],
)
def test_framing(changes, words):
    assert framing_text(replace(WHOLE, **changes)) == words
