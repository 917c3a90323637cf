"""Descriptions are measured on real copies: what was done is what is described."""

import cv2
import numpy as np
import pytest

from provenance.evidence import Box, Channel, Comparison, Difference, DifferenceKind
from provenance.match.align import align_picture
from provenance.match.description import described
from provenance.match.reference import make_reference, open_reference
from tests.fakes.pictures import photograph


def made_from(copy, rgb=None, comparison=None, quality=None, sharpness=None):
    original = np.asarray(photograph()) if rgb is None else rgb
    size = (original.shape[1], original.shape[0])
    geometry = align_picture(np.ascontiguousarray(copy), open_reference(make_reference(original)), size)
    assert geometry is not None
    sizes = ((copy.shape[1], copy.shape[0]), size)
    return described(geometry, comparison or Comparison(), sizes, quality, sharpness)


@pytest.fixture(scope="module")
def rgb():
    return np.asarray(photograph())


def test_untouched_picture(rgb):
    assert made_from(rgb).words == ()


def test_crop(rgb):
    made = made_from(rgb[51:461, 102:])
    assert made.shown_share == pytest.approx(0.8 * 0.8, abs=0.02)
    assert (made.shown.x, made.shown.y, made.shown.w, made.shown.h) == pytest.approx(
        (0.2, 0.1, 0.8, 0.8), abs=0.01
    )
    assert made.place.area == pytest.approx(1, abs=0.01)
    assert made.scale == pytest.approx(1, abs=0.01)


def test_mirror_and_quarter_turn(rgb):
    made = made_from(np.rot90(rgb[:, ::-1], -1))
    assert made.mirrored
    assert made.rotation_deg == pytest.approx(90, abs=0.5)
    assert made.words == ("mirrored", "turned a quarter clockwise")


def test_negative(rgb):
    assert made_from(255 - rgb).words == ("turned into a negative",)


def test_stretch_and_size(rgb):
    made = made_from(cv2.resize(rgb, (384, 256), interpolation=cv2.INTER_AREA))
    assert made.stretch == pytest.approx(1.5, abs=0.02)
    assert made.scale == pytest.approx(0.5, abs=0.01)


def test_perspective(rgb):
    seen = np.array([[20, 40], [500, 0], [512, 512], [0, 470]], np.float32)
    corners = np.array([[0, 0], [512, 0], [512, 512], [0, 512]], np.float32)
    made = made_from(cv2.warpPerspective(rgb, cv2.getPerspectiveTransform(corners, seen), (512, 512)))
    assert made.perspective > 0.1


def test_place_in_a_larger_picture(rgb):
    page = np.full((900, 1400, 3), 235, np.uint8)
    page[100:612, 700:1212] = rgb
    made = made_from(page)
    expected = (0.5, 100 / 900, 512 / 1400, 512 / 900)
    assert (made.place.x, made.place.y, made.place.w, made.place.h) == pytest.approx(expected, abs=0.01)
    assert made.shown_share == pytest.approx(1, abs=0.02)


def test_overlays_quality_and_sharpness_are_carried(rgb):
    bar = Box(0.0, 0.9, 1.0, 0.1)
    comparison = Comparison(
        (
            Difference(DifferenceKind.OVERLAY, Channel.PICTURE, box=bar),
            Difference(DifferenceKind.REPLACED, Channel.PICTURE, box=Box(0, 0, 0.1, 0.1)),
        )
    )
    made = made_from(rgb, comparison=comparison, quality=55, sharpness=0.5)
    assert (made.overlays, made.jpeg_quality, made.sharpness) == ((bar,), 55, 0.5)
