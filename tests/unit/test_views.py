"""Views of a query picture: each is there for a change that the plain one does not survive."""

import cv2
import numpy as np

from provenance.fingerprint.local import Features
from provenance.fingerprint.views import COUNT, first_views, further_views
from tests.fakes.pictures import photograph


def forms(found):
    return [view.form for view in found]


def test_plain_and_mirrored_views_come_first():
    found = first_views(np.asarray(photograph()))
    assert forms(found) == ["as it is", "mirrored"]
    assert all(0 < len(Features.from_bytes(view.features)) <= COUNT for view in found)


def test_a_border_of_a_tenth_gets_views_of_what_is_inside():
    rgb = np.asarray(photograph())
    wide = cv2.copyMakeBorder(rgb, 60, 60, 0, 0, cv2.BORDER_CONSTANT)
    narrow = cv2.copyMakeBorder(rgb, 12, 12, 0, 0, cv2.BORDER_CONSTANT)
    assert forms(first_views(wide))[2:] == ["border trimmed", "mirrored, border trimmed"]
    assert len(first_views(narrow)) == 2


def test_further_views_are_scales_and_the_negative():
    assert forms(further_views(np.asarray(photograph()))) == [
        "256 px",
        "mirrored, 256 px",
        "1024 px",
        "mirrored, 1024 px",
        "negative",
        "mirrored, negative",
    ]


def test_flat_pictures_and_ribbons_have_no_view():
    assert first_views(np.full((200, 300, 3), 90, np.uint8)) == ()
    assert first_views(np.zeros((20, 900, 3), np.uint8)) == ()
