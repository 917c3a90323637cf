"""Aligning: every ordinary copy is laid where it belongs, and no other picture is aligned at all."""

from __future__ import annotations

import importlib.util
from itertools import permutations
from pathlib import Path

import cv2
import numpy as np
import pytest

from provenance.match import align, warp
from provenance.match.reference import make_reference, open_reference

SAMPLES = Path(importlib.util.find_spec("skimage").origin).parent / "data"
NAMES = ("astronaut.png", "chelsea.png", "coffee.png", "rocket.jpg", "coins.png", "moon.png")
UNRELATED = (*NAMES[1:4], "moon.png", "hubble_deep_field.jpg", "brick.png", "page.png")


def photograph(name):
    return np.ascontiguousarray(cv2.imread(str(SAMPLES / name), cv2.IMREAD_COLOR)[:, :, ::-1])


def jpeg(rgb, quality):
    stored = cv2.imencode(".jpg", rgb[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    return np.ascontiguousarray(cv2.imdecode(stored, cv2.IMREAD_COLOR)[:, :, ::-1])


def sized(rgb, side):
    scale = side / max(rgb.shape)
    return cv2.resize(rgb, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)


def turned(rgb, degrees):
    height, width = rgb.shape[:2]
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), -degrees, 1)
    return cv2.warpAffine(rgb, matrix, (width, height), flags=cv2.INTER_CUBIC)


def framed(rgb):
    return cv2.copyMakeBorder(rgb, 120, 60, 30, 30, cv2.BORDER_CONSTANT, value=(240, 240, 240))


def captioned(rgb):
    made = rgb.copy()
    made[len(made) * 7 // 8 :] = 0
    return made


def crop(rgb):
    height, width = rgb.shape[:2]
    top, left = height // 5, width // 10
    return np.ascontiguousarray(rgb[top : top + height * 7 // 10, left : left + width * 7 // 10])


def corners_of(geometry):
    return warp.apply(warp.matrix_of(geometry), warp.CORNERS)


@pytest.fixture(scope="module", params=NAMES)
def pair(request):
    rgb = photograph(request.param)
    return rgb, open_reference(make_reference(rgb))


def test_reencoded_resized_toned_and_captioned_copies_lie_on_the_whole_original(pair):
    rgb, stored = pair
    for copy in (jpeg(rgb, 30), sized(rgb, 320), sized(rgb, 1080), captioned(rgb), 255 - rgb):
        geometry = align.align_picture(copy, stored)
        assert geometry is not None
        # One part in 200 of the picture: below the smallest block that is compared.
        assert np.abs(corners_of(geometry) - warp.CORNERS).max() < 0.005
        assert not geometry.mirrored
        assert geometry.inliers >= align.INLIERS


def test_crop_names_the_part_of_the_original(pair):
    rgb, stored = pair
    geometry = align.align_picture(jpeg(crop(rgb), 80), stored)
    assert geometry is not None
    found = (geometry.crop.x, geometry.crop.y, geometry.crop.w, geometry.crop.h)
    assert found == pytest.approx((0.1, 0.2, 0.7, 0.7), abs=0.012)


def test_mirror_turn_and_frame_are_seen(pair):
    rgb, stored = pair
    mirrored = align.align_picture(np.ascontiguousarray(rgb[:, ::-1]), stored)
    assert mirrored is not None
    assert mirrored.mirrored
    assert mirrored.rotation_deg == pytest.approx(0, abs=0.5)
    for degrees in (5, -5):
        geometry = align.align_picture(turned(rgb, degrees), stored)
        assert geometry is not None
        assert geometry.rotation_deg == pytest.approx(degrees, abs=0.3)
    upright = align.align_picture(np.ascontiguousarray(np.rot90(rgb, -1)), stored)
    assert upright is not None
    assert upright.rotation_deg == pytest.approx(90, abs=0.5)
    inner = align.align_picture(framed(rgb), stored)
    assert inner is not None
    assert inner.crop.area == pytest.approx(1, abs=0.01)


def test_scale_counts_pixels_of_the_asset_not_of_the_reference():
    rgb = photograph("retina.jpg")
    stored = open_reference(make_reference(rgb))
    size = (rgb.shape[1], rgb.shape[0])
    geometry = align.align_picture(sized(rgb, size[0] // 2), stored, size)
    assert geometry is not None
    assert geometry.scale == pytest.approx(0.5, abs=0.01)


def test_unrelated_pictures_are_never_aligned():
    pictures = {name: photograph(name) for name in UNRELATED}
    stored = {name: open_reference(make_reference(rgb)) for name, rgb in pictures.items()}
    aligners = {name: align.Aligner(rgb) for name, rgb in pictures.items()}
    wrong = [
        pair for pair in permutations(UNRELATED, 2) if aligners[pair[0]].align(stored[pair[1]]) is not None
    ]
    assert wrong == []


def grey(levels):
    return np.repeat(np.clip(levels * 255, 0, 255).astype(np.uint8)[:, :, None], 3, axis=2)


def test_smooth_pictures_that_differ_are_not_aligned():
    y, x = np.mgrid[0:300, 0:400] / np.array([300, 400]).reshape(2, 1, 1)
    smooth = [
        np.full_like(x, 0.5),
        x,
        y,
        np.sqrt(x),
        1 - np.hypot(x - 0.5, y - 0.5),
        1 - 0.9 * np.hypot(x - 0.4, y - 0.6),
        0.5 + 0.4 * np.sin(3 * x + 2 * y),
        0.5 + 0.4 * np.sin(3.3 * x + 1.6 * y),
    ]
    pictures = [grey(levels) for levels in smooth]
    wrong = [(i, j) for i, j in permutations(range(8), 2) if align.align_picture(pictures[i], pictures[j])]
    assert wrong == []


def test_the_same_pictures_give_the_same_geometry():
    rgb = photograph("coffee.png")
    stored = open_reference(make_reference(rgb))
    copy = jpeg(crop(rgb), 60)
    assert align.align_picture(copy, stored) == align.align_picture(copy, stored)
