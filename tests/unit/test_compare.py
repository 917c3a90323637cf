"""Compare: what copying explains is no difference, what it does not explain is one, in its place."""

from __future__ import annotations

import cv2
import pytest

from provenance.evidence import DifferenceKind
from provenance.match.align import align_picture
from provenance.match.compare import compare_picture
from provenance.match.reference import make_reference, open_reference
from provenance.report.draw import drawn, sketch
from tests.fakes.pictures import clean_copies, load, saved


@pytest.fixture(scope="module")
def picture():
    return load("rocket.jpg")


@pytest.fixture(scope="module")
def stored(picture):
    return open_reference(make_reference(picture))


def compared(copy, stored):
    geometry = align_picture(copy, stored)
    assert geometry is not None
    return geometry, compare_picture(copy, stored, geometry)


def test_clean_copies_show_no_difference(picture, stored):
    for name, copy in clean_copies(picture):
        assert compared(copy, stored)[1].differences == (), name


def test_pasted_square_is_found_in_its_place(picture, stored):
    height, width = picture.shape[:2]
    spoiled = picture.copy()
    other = cv2.resize(load("coffee.png"), (120, 120))
    spoiled[100:220, 200:320] = other
    geometry, comparison = compared(saved(spoiled, 80), stored)
    [found] = comparison.differences
    assert found.kind is DifferenceKind.REPLACED
    assert found.box.x == pytest.approx(200 / width, abs=0.06)
    assert found.box.y == pytest.approx(100 / height, abs=0.06)
    assert found.box.w == pytest.approx(120 / width, abs=0.10)
    assert drawn(sketch(spoiled, stored, geometry, comparison)).startswith(b"\x89PNG")


def test_caption_bar_is_an_overlay_and_crop_is_named(picture, stored):
    height = picture.shape[0]
    copy = picture[: height * 4 // 5].copy()
    copy[-50:] = 0
    cv2.putText(
        copy, "they do not want you to see this", (20, copy.shape[0] - 18), 0, 0.7, (255, 255, 255), 2
    )
    _, comparison = compared(saved(copy, 85), stored)
    assert {one.kind for one in comparison.differences} == {DifferenceKind.OVERLAY}
    assert any("cropped away" in gap for gap in comparison.not_compared)
