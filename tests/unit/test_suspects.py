"""Suspects get the effort they deserve, and shared parts are measured as they are."""

import cv2
import numpy as np
import pytest

from provenance.examination import View
from provenance.fingerprint import local
from provenance.fingerprint.code import PDQ256
from provenance.match import suspects as module
from provenance.match.align import Aligner, align_picture
from provenance.match.reference import make_reference, open_reference
from provenance.match.suspects import Suspect, aligned, shared_part
from provenance.match.warp import lay
from tests.fakes.pictures import photograph
from tests.unit.test_pictures import photograph as sample


def suspect(rgb, view=None, distance=None):
    features = local.features(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)).to_bytes()
    height, width = rgb.shape[:2]
    return Suspect(make_reference(rgb), features, width, height, view or View(), distance)


def shared_of(copy, stored):
    found = align_picture(copy, stored)
    return shared_part(lay(copy, stored, found), stored, negative=found.negative)


@pytest.fixture(scope="module")
def rgb():
    return np.asarray(photograph())


def test_a_crop_is_aligned_in_the_view_it_was_found_in(rgb):
    found = aligned(
        Aligner(np.ascontiguousarray(rgb[60:, 90:460][:, ::-1])), suspect(rgb, View(mirrored=True))
    )
    assert found is not None
    assert found.mirrored


def test_a_stranger_is_dropped_before_it_is_aligned(rgb, monkeypatch):
    def refuse(*_args, **_more):
        raise AssertionError("a stranger was aligned in full")

    monkeypatch.setattr(module.align.Aligner, "align", refuse)
    strangers = [
        sample(name) for name in ("chelsea.png", "coffee.png", "rocket.jpg", "coins.png", "brick.png")
    ]
    aligner = Aligner(rgb)
    assert all(aligned(aligner, suspect(one)) is None for one in strangers)
    assert all(aligned(aligner, suspect(one, distance=80)) is None for one in strangers)


def test_a_picture_with_nearly_the_same_code_is_aligned_by_all_means(rgb):
    blurred = cv2.GaussianBlur(rgb, (0, 0), 9)
    found = aligned(Aligner(blurred), suspect(rgb, distance=PDQ256.radius))
    assert found is not None


def test_shared_part_of_a_crop_and_of_its_negative_is_the_same(rgb):
    stored = open_reference(make_reference(rgb))
    crop = np.ascontiguousarray(rgb[40:460, 70:500])
    for copy in (crop, 255 - crop):
        shared = shared_of(copy, stored)
        assert shared.distance <= PDQ256.radius
        assert shared.sharpness == pytest.approx(1, abs=0.15)
    blurred = cv2.GaussianBlur(crop, (0, 0), 3)
    assert shared_of(blurred, stored).sharpness < 0.5
