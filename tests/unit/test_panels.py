"""Pictures within a picture are found by the gutters around them and by their straight edges."""

import cv2
import numpy as np
import pytest

from provenance.fingerprint.panels import MOST, edged_panels, gutter_panels, overlap
from tests.unit.test_pictures import photograph


@pytest.fixture(scope="module")
def gray():
    return cv2.cvtColor(np.ascontiguousarray(photograph("coffee.png")), cv2.COLOR_RGB2GRAY)


@pytest.fixture(scope="module")
def ground():
    rgb = photograph("chelsea.png")
    return cv2.resize(cv2.cvtColor(np.ascontiguousarray(rgb), cv2.COLOR_RGB2GRAY), (900, 600))


def shown(gray, width, height):
    return cv2.resize(gray, (width, height), interpolation=cv2.INTER_AREA)


def saved(picture, quality):
    return cv2.imdecode(
        cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])[1], cv2.IMREAD_GRAYSCALE
    )


def fractions(left, top, width, height, picture):
    rows, columns = picture.shape
    return left / columns, top / rows, (left + width) / columns, (top + height) / rows


@pytest.mark.parametrize("paper", [250, 18])
def test_the_picture_of_a_page_is_told_from_its_text(gray, paper):
    page = np.full((1400, 720), paper, np.uint8)
    page[200:680] = shown(gray, 720, 480)
    for line in range(6):
        place = (60, 760 + 50 * line)
        cv2.putText(page, "words below the picture", place, cv2.FONT_HERSHEY_SIMPLEX, 1, 255 - paper, 2)
    [found] = gutter_panels(saved(page, 60))
    assert overlap(found, fractions(0, 200, 720, 480, page)) > 0.95


def test_all_pictures_of_a_collage_are_found(gray):
    cell = shown(gray, 400, 300)
    rows = [np.hstack([cell, np.full((300, 10), 255, np.uint8), cell[::-1]]) for _ in range(2)]
    collage = np.vstack([rows[0], np.full((10, 810), 255, np.uint8), rows[1]])
    found = gutter_panels(saved(collage, 75))
    assert len(found) == 4
    for left in (0, 410):
        for top in (0, 310):
            assert max(overlap(one, fractions(left, top, 400, 300, collage)) for one in found) > 0.95


def test_a_picture_in_a_picture_is_found_by_its_edges(gray, ground):
    inset = shown(gray, 900, 600)
    inset[40:240, 560:860] = shown(ground, 300, 200)
    found = edged_panels(saved(inset, 75))
    assert max(overlap(one, fractions(560, 40, 300, 200, inset)) for one in found) > 0.9
    assert gutter_panels(inset) == ()


def test_a_photograph_alone_has_no_panels(gray, ground):
    for one in (gray, ground):
        assert gutter_panels(one) == ()
        assert edged_panels(one) == ()


def test_no_more_than_four_panels_largest_first(gray):
    page = np.full((900, 1200), 255, np.uint8)
    for place in range(6):
        width, height = 330 - 20 * place, 330 - 20 * place
        left, top = 20 + 390 * (place % 3), 20 + 420 * (place // 3)
        page[top : top + height, left : left + width] = shown(gray, width, height)
    found = gutter_panels(page)
    areas = [(right - left) * (bottom - top) for left, top, right, bottom in found]
    assert len(found) == MOST
    assert areas == sorted(areas, reverse=True)


@pytest.mark.parametrize("shape", [(1, 1), (1, 4000), (3000, 2), (40, 40)])
def test_ribbons_and_specks_have_none(shape):
    for level in (0, 128):
        flat = np.full(shape, level, np.uint8)
        assert gutter_panels(flat) == ()
        assert edged_panels(flat) == ()
