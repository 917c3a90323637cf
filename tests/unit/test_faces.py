"""Faces: found where they are, not where there are none, and named where a difference lies on one."""

from __future__ import annotations

from importlib import resources

import numpy as np
import pytest

from provenance.errors import FormatError
from provenance.evidence import Box, Channel, Comparison, Difference, DifferenceKind
from provenance.match.covering import bare, with_faces
from provenance.media import faces
from tests.fakes.pictures import load

ASTRONAUT = Box(0.35, 0.13, 0.19, 0.21)


def test_the_face_of_a_portrait_is_found_in_its_place():
    [(x, y, w, h)] = faces.find_faces(load("astronaut.png"))
    assert (x, y, w, h) == pytest.approx((0.34, 0.13, 0.21, 0.21), abs=0.05)


def test_a_small_face_is_found_in_a_larger_picture():
    whole = np.full((960, 960, 3), 90, np.uint8)
    whole[600:800, 500:700] = load("astronaut.png")[20:220, 120:320]
    [(x, y, w, h)] = faces.find_faces(whole)
    assert 0.5 < x < x + w < 0.75
    assert 0.6 < y < y + h < 0.85


@pytest.mark.parametrize("corner", [(500, 600), (20, 20), (720, 40)])
def test_a_face_that_a_part_touches_is_found_where_that_part_alone_is_looked_at(corner):
    x, y = corner
    whole = np.full((960, 960, 3), 90, np.uint8)
    whole[y : y + 200, x : x + 200] = load("astronaut.png")[20:220, 120:320]
    everywhere = faces.find_faces(whole)
    for place in (0.02, 0.5, 0.98):  # a stroke across it, at either side or in the middle
        [(left, top, w, h)] = everywhere
        stroke = (left + place * w, top + 0.4 * h, 0.01, 0.02)
        assert faces.find_faces(whole, [stroke]) == everywhere
    assert faces.find_faces(whole, []) == ()


@pytest.mark.parametrize("name", ["coffee.png", "rocket.jpg", "brick.png", "coins.png"])
def test_pictures_without_people_have_none(name):
    assert faces.find_faces(load(name)) == ()


@pytest.mark.parametrize("shape", [(3, 3, 3), (40, 2000, 3), (2000, 40, 3), (192, 192, 3)])
def test_odd_shapes_are_looked_at_without_failing(shape):
    assert faces.find_faces(np.full(shape, 128, np.uint8)) == ()


def test_damaged_weights_are_refused(monkeypatch, tmp_path):
    (tmp_path / "weights").mkdir()
    (tmp_path / "weights" / "face_detection_full_range.tflite").write_bytes(b"no network")
    monkeypatch.setattr(faces, "files", lambda name: tmp_path)
    monkeypatch.setattr(faces, "as_file", resources.as_file)
    faces._network.cache_clear()
    with pytest.raises(FormatError, match="weights"):
        faces.warm_up()
    faces._network.cache_clear()


def named(box, kind=DifferenceKind.REPLACED):
    comparison = Comparison((Difference(kind, Channel.PICTURE, box=box, strength=9.0),), compared=1.0)
    return with_faces(comparison, [ASTRONAUT]).differences[0].face


@pytest.mark.parametrize(
    ("box", "face"),
    [
        (Box(0.36, 0.15, 0.17, 0.18), True),  # the face
        (Box(0.40, 0.17, 0.03, 0.02), True),  # an eye
        (Box(0.0, 0.0, 1.0, 1.0), True),  # everything
        (Box(0.52, 0.32, 0.40, 0.40), False),  # touches a corner of it
        (Box(0.6, 0.6, 0.2, 0.2), False),
    ],
)
def test_a_difference_on_a_face_is_named(box, face):
    assert named(box) is face
    assert named(box, DifferenceKind.OVERLAY) is face


def test_only_differences_on_no_face_yet_are_bare():
    eye, corner = Box(0.40, 0.17, 0.03, 0.02), Box(0.6, 0.6, 0.2, 0.2)
    found = [Difference(DifferenceKind.OVERLAY, Channel.PICTURE, box=box) for box in (eye, corner)]
    comparison = Comparison((*found, Difference(DifferenceKind.SOUND_DIFFERS, Channel.SOUND)))
    assert bare(comparison) == (eye, corner)
    assert bare(with_faces(comparison, [ASTRONAUT])) == (corner,)


def test_a_difference_in_sound_has_no_face():
    comparison = Comparison((Difference(DifferenceKind.SOUND_DIFFERS, Channel.SOUND),))
    assert not with_faces(comparison, [ASTRONAUT]).differences[0].face
