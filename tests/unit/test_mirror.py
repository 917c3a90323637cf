"""Features of a mirror image come from those of the picture, and are the ones that would be found in it."""

import cv2
import numpy as np
import pytest

from provenance.fingerprint import local
from provenance.fingerprint.mirror import mirrored
from tests.unit.test_pictures import photograph


@pytest.mark.parametrize("name", ["astronaut.png", "chelsea.png", "coffee.png", "rocket.jpg"])
def test_they_are_those_found_in_the_mirror_image(name):
    gray = cv2.cvtColor(photograph(name), cv2.COLOR_RGB2GRAY)
    flipped = np.ascontiguousarray(gray[:, ::-1])
    made = mirrored(local.features(gray, 1000, 10), flipped, local.SIDE_PX)
    found = local.features(flipped, 1000, 10)
    near = np.abs(made.points[:, None] - found.points[None]).max(axis=2) < 0.5 / local.SIDE_PX
    near &= made.octave[:, None] == found.octave[None]
    assert near.any(axis=1).mean() > 0.97
    one, other = np.nonzero(near)
    bits = np.bitwise_count(made.descriptors[one] ^ found.descriptors[other]).sum(axis=1)
    assert np.median(bits) == 0
    assert np.mean(bits <= 8) > 0.95


def test_a_picture_without_features_has_none_in_the_mirror():
    flat = np.full((300, 400), 90, np.uint8)
    assert len(mirrored(local.features(flat), flat, local.SIDE_PX)) == 0
