"""Views of a query picture: each is there for a change that the plain one does not survive."""

import cv2
import numpy as np
import pytest

from provenance.examination import View
from provenance.fingerprint import image
from provenance.fingerprint.code import PDQ256
from provenance.fingerprint.local import Features
from provenance.fingerprint.views import COUNT, first_look, further_look, look, part_views
from tests.fakes.pictures import photograph


def words(views):
    return [view.words for view in views]


def test_plain_and_mirrored_views_come_first():
    found = first_look(np.asarray(photograph()))
    assert words(one.view for one in found.views) == ["as it is", "mirrored"]
    assert all(0 < len(Features.from_bytes(one.features)) <= COUNT for one in found.views)
    assert found.codes == ()


def test_a_border_of_a_tenth_gets_views_of_what_is_inside():
    rgb = np.asarray(photograph())
    wide = cv2.copyMakeBorder(rgb, 60, 60, 0, 0, cv2.BORDER_CONSTANT)
    narrow = cv2.copyMakeBorder(rgb, 12, 12, 0, 0, cv2.BORDER_CONSTANT)
    named = words(one.view for one in first_look(wide).views)
    assert named[2:] == ["border trimmed", "mirrored, border trimmed"]
    assert len(first_look(narrow).views) == 2


def test_pictures_on_a_page_get_views_and_codes_of_their_own():
    rgb = np.asarray(photograph())[:400, :500]
    page = np.full((700, 1200, 3), 250, np.uint8)
    page[150:550, 100:600] = rgb
    page[150:550, 640:1140] = rgb[::-1]
    found = first_look(page)
    assert words(one.view for one in found.views).count("a part") == 2
    assert len({code.part for code in found.codes}) == 2
    own = min(distance(code, image.pdq(rgb)[0]) for code in found.codes)
    assert own <= PDQ256.radius


def distance(code, fingerprint):
    pair = (np.frombuffer(value, np.uint8) for value in (code.value, fingerprint.value))
    return int(np.bitwise_count(np.bitwise_xor(*pair)).sum())


def test_the_further_look_is_the_negative_other_scales_and_pictures_in_the_picture():
    rgb = np.asarray(photograph())
    assert words(one.view for one in further_look(rgb).views)[:8] == [
        "negative",
        "mirrored, negative",
        "at 384 px",
        "mirrored, at 384 px",
        "at 256 px",
        "mirrored, at 256 px",
        "at 1024 px",
        "mirrored, at 1024 px",
    ]
    inset = rgb.copy()
    inset[40:220, 250:480] = cv2.resize(rgb[::-1], (230, 180), interpolation=cv2.INTER_AREA)
    found = further_look(inset)
    assert words(one.view for one in found.views)[-2:] == ["a part", "mirrored, a part"]
    assert found.codes


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
        assert first_look(rgb).views == ()
        assert further_look(rgb).views == ()


def test_a_part_too_small_for_a_code_keeps_its_features():
    rgb = np.asarray(photograph())
    found = look(rgb, [(0.4, 0.4, 0.5, 0.5)])
    assert found.codes == ()
    assert found.views
