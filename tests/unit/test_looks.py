"""Looks at one moment: a frame beside the stored frame it should be."""

import cv2
import numpy as np
import pytest
from skimage import data

from provenance.evidence import Box, Geometry
from provenance.match.looks import Look, Seen, look_at, runs_of

AS_IT_IS = Geometry((1, 0, 0, 0, 1, 0, 0, 0, 1), False, Box(0, 0, 1, 1), 0.0, 1.0, 50)


def frame(picture):
    return np.ascontiguousarray(cv2.resize(picture[:300, :450], (256, 171), interpolation=cv2.INTER_AREA))


CAT, ASTRONAUT = frame(data.chelsea()), frame(data.astronaut())
BLACK = np.zeros_like(CAT)


def look(shown, known):
    return look_at(1.0, shown, known, AS_IT_IS).look


@pytest.mark.parametrize(
    ("shown", "known", "is_what"),
    [
        ([CAT], [CAT], Look.ALIKE),
        ([ASTRONAUT, CAT], [CAT], Look.ALIKE),
        ([(CAT * 0.3).astype(np.uint8)], [CAT], Look.ALIKE),
        ([cv2.GaussianBlur(CAT, (0, 0), 2.0)], [CAT], Look.ALIKE),
        ([frame(data.chelsea()[40:, 60:])], [CAT], Look.ALIKE),
        ([np.ascontiguousarray(ASTRONAUT[:, ::-1])], [ASTRONAUT], Look.MIRRORED),
        ([ASTRONAUT], [CAT], Look.OTHER),
        ([BLACK], [CAT], Look.OTHER),
        ([ASTRONAUT], [], Look.OTHER),
        ([BLACK], [], Look.BLANK),
        ([BLACK], [BLACK], Look.BLANK),
        ([], [CAT], Look.MISSING),
    ],
)
def test_a_moment_is_told_by_what_it_shows(shown, known, is_what):
    assert look(shown, known) is is_what


def test_another_picture_is_many_deviations_of_clean_copies_away():
    assert look_at(1.0, [ASTRONAUT], [CAT], AS_IT_IS).strength >= 8
    assert look_at(1.0, [CAT], [CAT], AS_IT_IS).strength == 0


def test_a_single_moment_is_no_run_and_blank_ones_do_not_end_one():
    marks = {"o": Look.OTHER, "a": Look.ALIKE, "b": Look.BLANK}
    seen = [Seen(at / 2, marks[mark]) for at, mark in enumerate("oaobooaabo")]
    assert [[one.copy_s for one in run] for run in runs_of(seen, Look.OTHER)] == [[1.0, 2.0, 2.5]]
    assert runs_of([Seen(1.0, Look.OTHER), Seen(9.0, Look.OTHER)], Look.OTHER, apart_s=1.3) == []
