"""Frame strips show the moments of each difference, copy above original, marked by number and words."""

import cv2
import numpy as np

from provenance.evidence import Box, Channel, Difference, DifferenceKind, Geometry, Span
from provenance.report.strip import FRAME_PX, MOMENTS, Row, View, strip_png

WHOLE = Geometry((1, 0, 0, 0, 1, 0, 0, 0, 1), False, Box(0, 0, 1, 1), 0.0, 1.0, 50)


def row(moments=3, size=(90, 160)):
    one = Difference(
        DifferenceKind.REPLACED,
        Channel.PICTURE,
        Box(0.4, 0.3, 0.2, 0.3),
        Span(3.0, 6.0),
        strength=9.0,
        face=True,
    )
    views = tuple(
        View(3.0 + n, 43.0 + n, np.full((*size, 3), 200, np.uint8), np.full((*size, 3), 90, np.uint8))
        for n in range(moments)
    )
    return Row(one, views)


def opened(png):
    return cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR)


def test_copy_stands_above_the_original():
    picture = opened(strip_png([row()], WHOLE))
    assert picture.shape[1] > MOMENTS * FRAME_PX
    column = picture[:, 30].mean(axis=1)
    copies, originals = np.flatnonzero(np.abs(column - 200) < 4), np.flatnonzero(np.abs(column - 90) < 4)
    assert copies.max() < originals.min()


def test_every_difference_has_a_row_and_one_without_moments_none():
    one, two = opened(strip_png([row()], WHOLE)), opened(strip_png([row(), row(1), row(0)], WHOLE))
    assert one.shape[0] * 1.8 < two.shape[0] < one.shape[0] * 2.2


def test_narrow_frames_are_drawn():
    assert opened(strip_png([row(size=(160, 90))], WHOLE)).size
