"""References keep their budget, open as what they were, and refuse everything else."""

import importlib.util
import struct
from pathlib import Path

import cv2
import numpy as np
import pytest

from provenance.errors import FormatError, UnmatchableError
from provenance.match import reference

SAMPLES = Path(importlib.util.find_spec("skimage").origin).parent / "data"


def photograph(name: str) -> np.ndarray:
    return np.ascontiguousarray(cv2.imread(str(SAMPLES / name), cv2.IMREAD_COLOR)[:, :, ::-1])


@pytest.mark.parametrize("name", ["astronaut.png", "coffee.png", "retina.jpg", "grass.png"])
def test_a_reference_is_within_its_budget_and_shows_the_picture(name):
    rgb = photograph(name)
    stored = reference.make_reference(rgb)
    assert len(stored) <= reference.PICTURE_BYTES
    opened = reference.open_reference(stored)
    assert max(opened.shape[:2]) == min(512, max(rgb.shape[:2]))
    same = reference.shrunk(rgb, 512)
    assert np.abs(opened.astype(int) - same).mean() < 12
    assert abs(opened.astype(float).mean((0, 1)) - same.mean((0, 1))).max() < 3  # channels in order


def test_a_frame_reference_is_within_its_budget_even_for_noise():
    noise = np.random.default_rng(0).integers(0, 256, (400, 700, 3), dtype=np.uint8)
    stored = reference.make_frame_reference(noise)
    assert len(stored) <= reference.FRAME_BYTES
    assert max(reference.open_reference(stored).shape) <= 256


def test_a_small_picture_is_not_enlarged():
    rgb = photograph("chelsea.png")[:90, :120]
    assert reference.open_reference(reference.make_reference(rgb)).shape == (90, 120, 3)


def test_the_same_picture_gives_the_same_bytes():
    rgb = photograph("rocket.jpg")
    assert reference.make_reference(rgb) == reference.make_reference(rgb.copy())


@pytest.mark.parametrize(
    "wrong", [np.zeros((8, 8), np.uint8), np.zeros((8, 8, 3), np.float32), np.zeros((0, 8, 3), np.uint8)]
)
def test_other_arrays_are_refused(wrong):
    with pytest.raises(FormatError):
        reference.make_reference(wrong)


def test_a_hair_line_is_refused():
    with pytest.raises(UnmatchableError):
        reference.make_reference(np.zeros((1, 5000, 3), np.uint8))


def test_bytes_that_are_no_reference_are_refused_before_decoding():
    stored = reference.make_reference(photograph("chelsea.png"))
    png = cv2.imencode(".png", photograph("chelsea.png")[:40, :40])[1].tobytes()
    bomb = stored[:26] + struct.pack("<HH", 16000, 16000) + stored[30:]
    for wrong in (b"", png, stored[:-1], stored + b"\0", bomb, bytes(60_000)):
        with pytest.raises(FormatError):
            reference.open_reference(wrong)


def test_damaged_picture_data_is_refused_or_still_a_picture_of_the_stated_size():
    stored = bytearray(reference.make_reference(photograph("chelsea.png")))
    stored[30:200] = bytes(170)
    try:
        opened = reference.open_reference(bytes(stored))
    except FormatError:
        return
    assert opened.shape == (300, 451, 3)
