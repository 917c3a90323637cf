"""What an alignment is worth: features, and detail beside features or beside a code as near as PDQ's own radius."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from provenance.evidence import Box, Family, Geometry
from provenance.examination import View
from provenance.fingerprint.code import PDQ256
from provenance.match.align import INLIERS, align_picture
from provenance.match.candidates import Candidate
from provenance.match.picture_finder import found_by_geometry, joined
from provenance.match.rates import DETAIL_AGREEING
from provenance.match.reference import make_reference, open_reference
from tests.unit.test_pictures import photograph

IDENTITY = (1.0, 0, 0, 0, 1.0, 0, 0, 0, 1.0)


def families(inliers, agreement, bits):
    geometry = Geometry(IDENTITY, False, Box(0, 0, 1, 1), 0.0, 1.0, inliers, agreement)
    return {one.family for one in found_by_geometry(geometry, bits)}


@pytest.mark.parametrize(
    ("inliers", "agreement", "bits", "expected"),
    [
        (INLIERS, DETAIL_AGREEING, None, {Family.LOCAL, Family.DETAIL}),
        (INLIERS, DETAIL_AGREEING - 0.1, None, {Family.LOCAL}),
        (0, 1.0, None, set()),
        (0, 1.0, PDQ256.radius, {Family.DETAIL}),
        (0, 1.0, PDQ256.radius + 1, set()),
        (0, DETAIL_AGREEING - 0.1, 0, set()),
    ],
)
def test_detail_counts_beside_features_or_a_near_code(inliers, agreement, bits, expected):
    assert families(inliers, agreement, bits) == expected


def test_a_picture_without_features_agrees_in_its_coarser_detail():
    rgb = cv2.GaussianBlur(np.ascontiguousarray(photograph("coffee.png")), (0, 0), 9)
    stored = open_reference(make_reference(rgb))
    copy = cv2.imdecode(
        cv2.imencode(".jpg", rgb[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, 60])[1], cv2.IMREAD_COLOR
    )
    found = align_picture(np.ascontiguousarray(copy[:, :, ::-1]), stored)
    assert found is not None
    assert found.agreement >= DETAIL_AGREEING
    assert Family.DETAIL in {one.family for one in found_by_geometry(found, 4)}


def test_a_near_code_keeps_its_part_and_a_far_one_takes_the_view_of_the_features():
    part = View(part=(0.0, 0.1, 1.0, 0.5), name="a part")
    voted = Candidate("asset", 4.0, view=View(mirrored=True))
    near = Candidate("asset", 250.0, 6, "as it is, a part", part)
    assert joined(near, voted).view == part
    assert joined(replace(near, distance=PDQ256.radius + 1), voted).view == voted.view
    assert joined(None, voted) is voted
