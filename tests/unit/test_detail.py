"""Detail agrees between copies of one picture and not between two pictures."""

import cv2
import numpy as np
import pytest

from provenance.match import align, detail
from provenance.match.reference import make_reference, open_reference
from tests.unit.test_align import photograph


def test_agreement_falls_to_nothing_for_another_picture():
    rgb, other = photograph("coffee.png"), photograph("chelsea.png")
    stored = open_reference(make_reference(rgb))
    assert detail.agreement(rgb, stored, np.eye(3)) > 0.95
    assert detail.agreement(other, stored, np.eye(3)) < align.AGREEING


def test_sharpness_is_the_share_of_fine_detail():
    rgb = photograph("coffee.png")
    assert detail.sharpness(rgb, rgb) == pytest.approx(1)
    assert detail.sharpness(cv2.GaussianBlur(rgb, (0, 0), 3), rgb) < 0.6
    assert detail.sharpness(rgb, np.full_like(rgb, 100)) is None
