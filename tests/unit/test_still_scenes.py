"""Scenes of one still picture: a pan over a photograph is told from a scene that moves by itself."""

from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np
import pytest

from provenance import film_tasks
from provenance.match.reference import make_frame_reference
from provenance_cli import demo_media as media


@dataclass
class Asked:
    """What a task sees of a job."""

    params: dict


@pytest.fixture(scope="module")
def photo(tmp_path_factory):
    path = tmp_path_factory.mktemp("photo") / "coffee.jpg"
    media.photograph("coffee.png", path)
    return np.ascontiguousarray(cv2.resize(cv2.imread(str(path)), (720, 480))[:, :, ::-1])


def part(photo, at):
    """A part of the photograph, as a camera that moves across it sees it."""
    return np.ascontiguousarray(photo[20 + at : 290 + at, 30 + 2 * at : 510 + 2 * at])


def told(frames):
    blobs = [make_frame_reference(rgb) for rgb in frames]
    pairs = [list(pair) for pair in pairwise(blobs)]
    return film_tasks.one_picture(Asked({"pairs": pairs}))


def test_a_pan_is_of_one_picture(photo):
    assert told([part(photo, at) for at in (0, 25, 50, 75)])


def test_a_camera_that_stands_is_no_pan(photo):
    assert not told([part(photo, 10)] * 4)


def test_things_that_move_by_themselves_make_it_a_scene(photo):
    shown = []
    for number, at in enumerate((0, 25, 50, 75)):
        rgb = part(photo, at)
        for x, y in ((60, 50), (200, 140), (330, 60), (120, 190)):
            middle = ((x + 70 * number) % 480, (y + 45 * number) % 270)
            cv2.circle(rgb, middle, 42, (200, 40 + 60 * number, 90), -1)
        shown.append(rgb)
    assert not told(shown)


def test_nothing_to_lay_says_nothing():
    assert not told([])
