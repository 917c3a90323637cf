"""The picture of the answer shows both pictures, marks each difference and says so where there is none."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from provenance.errors import FormatError
from provenance.evidence import Box, Channel, Comparison, Difference, DifferenceKind, Geometry
from provenance.match.compare import Field
from provenance.report import draw
from provenance.report.draw import PANEL_PX, sketch

WHOLE = Geometry((1, 0, 0, 0, 1, 0, 0, 0, 1), False, Box(0, 0, 1, 1), 0.0, 1.0, 50)
MIRRORED = Geometry((-1, 0, 1, 0, 1, 0, 0, 0, 1), True, Box(0, 0, 1, 1), 0.0, 1.0, 50)
KINDS = [DifferenceKind.REPLACED, DifferenceKind.REMOVED, DifferenceKind.WARPED, DifferenceKind.OVERLAY]


def halves():
    rgb = np.full((300, 400, 3), 60, np.uint8)
    rgb[:, 200:] = 200
    return rgb


def drawn(copy, reference, geometry, *differences):
    png = draw.drawn(sketch(copy, reference, geometry, Comparison(tuple(differences), compared=1.0)))
    return cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR)[:, :, ::-1]


def difference(kind=DifferenceKind.REPLACED, box=Box(0.2, 0.3, 0.25, 0.3)):  # noqa: B008 - a frozen value
    return Difference(kind, Channel.PICTURE, box=box, strength=9.0)


def test_copy_and_original_stand_side_by_side():
    picture = drawn(halves(), halves(), WHOLE)
    height, width = picture.shape[:2]
    assert width > 2 * PANEL_PX
    assert height > PANEL_PX * 300 // 400


def test_a_mirrored_copy_is_shown_beside_the_original_as_the_copy_shows_it():
    copy = np.ascontiguousarray(halves()[:, ::-1])
    picture = drawn(copy, halves(), MIRRORED)
    row = picture[picture.shape[0] // 2].astype(int)
    left, right = row[: len(row) // 2], row[len(row) // 2 :]
    for panel in (left, right):
        assert panel[len(panel) // 4].mean() == pytest.approx(200, abs=6)
        assert panel[len(panel) * 3 // 4].mean() == pytest.approx(60, abs=6)


@pytest.mark.parametrize("kind", KINDS)
def test_a_difference_changes_both_panels_only_around_its_box(kind):
    plain, marked = drawn(halves(), halves(), WHOLE), drawn(halves(), halves(), WHOLE, difference(kind))
    low = min(len(plain), len(marked))  # the words below take more lines where there is more to say
    changed = (plain[:low] != marked[:low]).any(axis=2)
    width = changed.shape[1]
    panels = changed[40 : 40 + PANEL_PX * 300 // 400]
    assert panels[:, : width // 2].any()
    assert panels[:, width // 2 :].any()
    assert not panels[:, width * 3 // 10 : width // 2].any()  # right of the box in the copy's panel


def test_the_strength_is_shown_and_what_was_not_compared_is_hatched():
    strength, seen = np.zeros((300, 400), np.float32), np.ones((300, 400), np.bool_)
    strength[100:200, 100:200] = 30
    seen[:, 300:] = False
    png = draw.drawn(sketch(halves(), halves(), WHOLE, Comparison((difference(),)), Field(strength, seen)))
    picture = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR)[:, :, ::-1].astype(int)
    below = 2 * 40 + PANEL_PX * 300 // 400  # the third panel
    heat = picture[below + 180, 16 + 180]
    calm = picture[below + 300, 16 + 60]
    assert heat.max() < 60  # full heat is dark
    assert np.ptp(calm) < 4  # elsewhere the copy in pale grey
    hatched = picture[below + 100 : below + 200, 16 + 400 : 16 + 470]
    assert len(np.unique(hatched.reshape(-1, 3), axis=0)) >= 2


def test_two_kinds_differ_in_more_than_colour():
    one = drawn(halves(), halves(), WHOLE, difference(DifferenceKind.REPLACED))
    other = drawn(halves(), halves(), WHOLE, difference(DifferenceKind.REMOVED))
    foot = [cv2.cvtColor(np.ascontiguousarray(p[-26:]), cv2.COLOR_RGB2GRAY) for p in (one, other)]
    assert (foot[0] != foot[1]).any()  # the words name the kind


def test_marks_at_the_edges_and_differences_in_time_are_drawn_without_failing():
    edges = [Box(0, 0, 1, 1), Box(0.99, 0.99, 0.01, 0.01), Box(0, 0.5, 0, 0)]
    sound = Difference(DifferenceKind.SOUND_DIFFERS, Channel.SOUND)
    picture = drawn(halves(), halves(), WHOLE, *(difference(box=box) for box in edges), sound)
    assert picture.size > 0


@pytest.mark.parametrize("shape", [(2000, 60, 3), (60, 2000, 3), (3, 3, 3)])
def test_odd_shapes_are_drawn(shape):
    rgb = np.full(shape, 90, np.uint8)
    assert drawn(rgb, rgb, WHOLE).size > 0


def test_what_was_laid_down_is_drawn_later_and_pictures_are_left_as_they_are():
    comparison = Comparison((difference(),), compared=0.5, not_compared=("picture: a gap",))
    strength = np.zeros((60, 80), np.float32)
    field = Field(strength, strength == 0)
    laid = sketch(halves(), halves(), WHOLE, comparison, field)
    assert draw.drawn(laid) == draw.drawn(sketch(halves(), halves(), WHOLE, comparison, field))
    assert draw.drawn(draw.drawn(laid)) == draw.drawn(laid)


def test_what_a_worker_laid_down_wrongly_is_refused():
    laid = sketch(halves(), halves(), WHOLE, Comparison((difference(),)))
    for wrong in (
        b"",
        laid[:9],
        laid[:-1],
        laid + b"0",
        b"SKT2" + laid[4:],
        laid.replace(b"replaced", b"replacer"),
    ):
        with pytest.raises(FormatError):
            draw.drawn(wrong)
    braces = laid.replace(b'{"differences"', b'["differences"')
    with pytest.raises(FormatError):
        draw.drawn(braces)


@pytest.mark.parametrize("room", [0, 20_000, 400_000])
def test_what_is_laid_small_for_want_of_room_is_drawn_as_large(room):
    field = Field(np.ones((60, 80), np.float32), np.ones((60, 80), bool))
    comparison = Comparison((difference(),))
    small = sketch(halves(), halves(), WHOLE, comparison, field, room)
    whole = sketch(halves(), halves(), WHOLE, comparison, field)
    assert len(small) < min(len(whole), room + 1_000)
    shown = [cv2.imdecode(np.frombuffer(draw.drawn(one), np.uint8), 1) for one in (small, whole)]
    assert shown[0].shape == shown[1].shape
