"""Refinement places a copy to a small part of a pixel, or leaves it where the features put it."""

import numpy as np
import pytest

from provenance.match import warp
from provenance.match.reference import make_reference, open_reference
from provenance.match.refine import refined
from tests.unit.test_align import jpeg, photograph


def off_by_px(matrix, true):
    return np.abs(warp.apply(matrix, warp.CORNERS) - warp.apply(true, warp.CORNERS)).max() * 512


@pytest.mark.parametrize("name", ["astronaut.png", "coffee.png", "chelsea.png"])
def test_a_map_off_by_two_pixels_is_brought_to_a_tenth(name):
    rgb = photograph(name)
    height, width = rgb.shape[:2]
    left, top, right, bottom = width // 8, height // 10, width, height * 9 // 10
    copy = jpeg(rgb[top:bottom, left:right], 80)
    true = np.array(
        [
            [(right - left) / width, 0, left / width],
            [0, (bottom - top) / height, top / height],
            [0, 0, 1],
        ]
    )
    start = np.array([[1.002, 0.001, 2 / 512], [0, 0.998, -1.5 / 512], [0, 0, 1]]) @ true
    matrix, share = refined(copy, open_reference(make_reference(rgb)), start, inverted=False)
    assert off_by_px(start, true) > 2
    assert off_by_px(matrix, true) < 0.15
    assert share > 0.95


def test_a_negative_is_refined_as_one():
    rgb = photograph("coffee.png")
    start = np.array([[1, 0, 2 / 512], [0, 1, 0], [0, 0, 1]], np.float64)
    matrix, share = refined(255 - rgb, open_reference(make_reference(rgb)), start, inverted=True)
    assert off_by_px(matrix, np.eye(3)) < 0.15
    assert share > 0.95


def test_an_unrelated_picture_is_not_made_to_agree():
    known = open_reference(make_reference(photograph("coffee.png")))
    _, share = refined(photograph("chelsea.png"), known, np.eye(3), inverted=False)
    assert share < 0.2
