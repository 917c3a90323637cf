"""Views of a query picture: each is there for a change that the plain one does not survive."""

import cv2
import numpy as np
import pytest

from provenance.examination import View
from provenance.fingerprint.local import Features
from provenance.fingerprint.views import COUNT, first_views, further_views, part_views, seen
from tests.fakes.pictures import photograph


def words(views):
    return [view.words for view in views]


def test_plain_and_mirrored_views_come_first():
    rgb = np.asarray(photograph())
    assert words(first_views(rgb)) == ["as it is", "mirrored"]
    found = seen(rgb, first_views(rgb))
    assert all(0 < len(Features.from_bytes(one.features)) <= COUNT for one in found)


def test_a_border_of_a_tenth_gets_views_of_what_is_inside():
    rgb = np.asarray(photograph())
    wide = cv2.copyMakeBorder(rgb, 60, 60, 0, 0, cv2.BORDER_CONSTANT)
    narrow = cv2.copyMakeBorder(rgb, 12, 12, 0, 0, cv2.BORDER_CONSTANT)
    assert words(first_views(wide))[2:] == ["border trimmed", "mirrored, border trimmed"]
    assert len(first_views(narrow)) == 2


def test_further_views_are_the_negative_and_other_scales():
    assert words(further_views()) == [
        "negative",
        "mirrored, negative",
        "at 256 px",
        "mirrored, at 256 px",
        "at 1024 px",
        "mirrored, at 1024 px",
    ]


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("inverted", [False, True])
def test_a_view_maps_places_where_it_shows_them(mirrored, inverted):
    gray = np.zeros((100, 200), np.uint8)
    gray[30, 60] = 255
    view = View(mirrored, inverted, part=(0.2, 0.1, 0.7, 0.9))
    shown = view.shown(gray)
    assert shown.shape == (80, 100)
    row, column = np.argwhere(shown == (0 if inverted else 255))[0]
    x, y, one = view.matrix() @ [60.5 / 200, 30.5 / 100, 1]
    assert (x / one * 100, y / one * 80) == pytest.approx((column + 0.5, row + 0.5))


def test_a_part_has_two_views():
    assert words(part_views((0.5, 0, 1, 1), "a part")) == ["a part", "mirrored, a part"]


def test_flat_pictures_and_ribbons_have_no_features():
    for rgb in (np.full((200, 300, 3), 90, np.uint8), np.zeros((20, 900, 3), np.uint8)):
        assert seen(rgb, first_views(rgb)) == ()
