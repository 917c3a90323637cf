"""Places: what several matches explain of one copy, and what is left to look at."""

from dataclasses import replace

import numpy as np
import pytest

from provenance.evidence import (
    Alignment,
    Box,
    Channel,
    Comparison,
    Difference,
    DifferenceKind,
    Family,
    Found,
    Geometry,
    Match,
)
from provenance.match.places import attributed, unexplained
from tests.fakes.reports import RECORD


def match_at(box, *differences):
    """A confirmed match whose original lies in ``box`` of the copy."""
    matrix = np.linalg.inv(np.array([[box.w, 0, box.x], [0, box.h, box.y], [0, 0, 1]]))
    geometry = Geometry(tuple(matrix.ravel().tolist()), False, Box(0, 0, 1, 1), 0.0, 1.0, 40, 0.9)
    found = (Found(Family.LOCAL, "", 40.0, 9.0), Found(Family.DETAIL, "", 0.1, 0.5))
    return Match(RECORD, found, Alignment(geometry), Comparison(differences, compared=1.0))


def difference(box, kind=DifferenceKind.REPLACED):
    return Difference(kind, Channel.PICTURE, box=box, strength=9.0)


def test_a_copy_explained_whole_leaves_nothing():
    assert unexplained([match_at(Box(0, 0, 1, 1))]) == []
    assert unexplained([match_at(Box(-0.3, -0.2, 1.6, 1.5))]) == []


def test_the_other_half_of_a_pair_is_left():
    [part] = unexplained([match_at(Box(0, 0, 0.5, 1))])
    assert part == pytest.approx((0.5, 0, 1, 1), abs=0.02)


def test_a_difference_within_a_match_is_left_to_be_explained():
    inset = Box(0.6, 0.6, 0.3, 0.3)
    [part] = unexplained([match_at(Box(0, 0, 1, 1), difference(inset))])
    assert part == pytest.approx((0.6, 0.6, 0.9, 0.9), abs=0.03)


def test_seams_and_specks_are_not_looked_at():
    assert unexplained([match_at(Box(0, 0, 0.98, 1)), match_at(Box(0.1, 0.1, 0.1, 0.1))]) == []


def test_several_parts_come_largest_first():
    found = unexplained([match_at(Box(0, 0.2, 1, 0.5))])
    assert found == [pytest.approx((0, 0.7, 1, 1), abs=0.02), pytest.approx((0, 0, 1, 0.2), abs=0.02)]


def test_nothing_matched_leaves_all():
    assert unexplained([]) == [(0, 0, 1, 1)]


def test_a_registered_picture_on_another_is_an_overlay_of_it():
    inset = Box(0.6, 0.6, 0.3, 0.3)
    outer = match_at(
        Box(0, 0, 1, 1), difference(Box(0.61, 0.6, 0.28, 0.29)), difference(Box(0.1, 0.1, 0.2, 0.2))
    )
    found, other = attributed([outer, match_at(inset)])
    kinds = [one.kind for one in found.comparison.differences]
    assert kinds == [DifferenceKind.OVERLAY, DifferenceKind.REPLACED]
    assert other.comparison.differences == ()


def test_faces_of_the_picture_on_it_are_no_alteration():
    inset = Box(0.6, 0.6, 0.3, 0.3)
    parts = (replace(difference(Box(0.6, 0.6, 0.3, 0.14)), face=True), difference(Box(0.6, 0.76, 0.28, 0.14)))
    found, _ = attributed([match_at(Box(0, 0, 1, 1), *parts), match_at(inset)])
    [overlay] = found.comparison.differences
    assert (overlay.kind, overlay.face) == (DifferenceKind.OVERLAY, False)
    assert overlay.share == pytest.approx(0.09, abs=0.01)


def test_a_face_out_of_a_registered_picture_stays_an_alteration():
    """The picture the face was taken from would lie over half of the copy, were it there."""
    face = replace(difference(Box(0.4, 0.3, 0.1, 0.15)), face=True)
    source = match_at(Box(0.15, 0.1, 0.6, 0.7))
    assert attributed([match_at(Box(0, 0, 1, 1), face), source])[0].comparison.differences == (face,)


def test_another_registration_of_the_same_picture_explains_no_difference():
    """Two versions of one picture are both found; what differs between them is no overlay."""
    one = match_at(Box(0, 0, 1, 1), difference(Box(0.2, 0.2, 0.2, 0.2)))
    assert attributed([one, match_at(Box(0, 0, 1, 1))])[0] == one


def test_a_look_alike_explains_nothing():
    inset = Box(0.6, 0.6, 0.3, 0.3)
    unsure = replace(match_at(inset), found=(Found(Family.LOCAL, "", 9.0, 9.0),))
    one = match_at(Box(0, 0, 1, 1), difference(inset))
    assert attributed([one, unsure])[0] == one
