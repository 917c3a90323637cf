"""Local features: spread over the picture, the same from every prefix, stored in 36 bytes each."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import skimage
from hypothesis import given, settings
from hypothesis import strategies as st

from provenance.errors import FormatError, UnmatchableError
from provenance.fingerprint.local import DESCRIPTOR_BYTES, Features, features

DATA = Path(skimage.__file__).parent / "data"
NAMES = ("astronaut.png", "chelsea.png", "coffee.png")


def luma(name):
    return cv2.imread(str(DATA / name), cv2.IMREAD_GRAYSCALE)


@pytest.mark.parametrize("name", NAMES)
def test_features_have_the_documented_form(name):
    found = features(luma(name))
    assert len(found) == 200
    assert found.points.dtype == np.float32
    assert found.descriptors.dtype == np.uint8
    assert found.descriptors.shape == (200, DESCRIPTOR_BYTES)
    assert ((found.points >= 0) & (found.points <= 1)).all()
    assert ((found.angle >= 0) & (found.angle < 360)).all()
    assert (found.octave < 8).all()


@pytest.mark.parametrize("count", [1, 64, 100, 199])
def test_fewer_features_are_the_start_of_more(count):
    gray = luma("astronaut.png")
    few, many = features(gray, count), features(gray).first(count)
    assert np.array_equal(few.descriptors, many.descriptors)
    assert np.array_equal(few.points, many.points)


def test_every_prefix_is_spread_over_the_cells():
    found = features(luma("coffee.png"), 64)
    cells = {(int(x * 8), int(y * 8)) for x, y in found.points}
    assert len(cells) >= 40


def test_overlaid_text_cannot_take_the_features():
    gray = luma("chelsea.png")
    for row in range(20, 70, 12):
        cv2.putText(gray, "BREAKING NEWS " * 3, (0, row), cv2.FONT_HERSHEY_SIMPLEX, 0.4, 255, 1)
    found = features(gray)
    assert (found.points[:, 1] > 80 / gray.shape[0]).mean() > 0.6


@pytest.mark.parametrize("name", NAMES)
def test_copy_at_another_size_aligns(name):
    gray = luma(name)
    copy = cv2.resize(gray, None, fx=0.7, fy=0.7, interpolation=cv2.INTER_AREA)
    asset, query = features(gray), features(copy)
    pairs = cv2.BFMatcher(cv2.NORM_HAMMING, crossCheck=True).match(query.descriptors, asset.descriptors)
    near = [
        np.abs(query.points[pair.queryIdx] - asset.points[pair.trainIdx]).max() < 0.01
        for pair in pairs
        if pair.distance <= 40
    ]
    assert sum(near) >= 50
    assert np.mean(near) > 0.9


@settings(max_examples=40)
@given(st.integers(0, 60), st.integers(0, 2**32 - 1))
def test_stored_form_round_trips_within_its_steps(count, seed):
    rng = np.random.default_rng(seed)
    made = Features(
        rng.random((count, 2), np.float32),
        (rng.random(count, np.float32) * 359.9).astype(np.float32),
        rng.integers(0, 8, count, np.uint8),
        rng.integers(0, 256, (count, DESCRIPTOR_BYTES), np.uint8),
    )
    stored = made.to_bytes()
    read = Features.from_bytes(stored)
    assert len(stored) == 5 + 36 * count
    assert np.array_equal(read.descriptors, made.descriptors)
    assert np.array_equal(read.octave, made.octave)
    assert (np.abs(read.points - made.points) <= 0.5 / 4095 + 1e-6).all()
    turn = np.abs(read.angle - made.angle)
    assert (np.minimum(turn, 360 - turn) <= 5.63).all()
    assert read.to_bytes() == stored


@pytest.mark.parametrize(
    "damage",
    [lambda s: b"", lambda s: s[:4], lambda s: b"LF\x02" + s[3:], lambda s: s[:-1], lambda s: s + b"\0"],
    ids=["empty", "cut head", "other version", "cut", "longer"],
)
def test_damaged_stored_form_is_refused(damage):
    with pytest.raises(FormatError):
        Features.from_bytes(damage(features(luma("coffee.png"), 10).to_bytes()))


@pytest.mark.parametrize("size", [(100, 100), (512, 40)])
def test_flat_picture_has_no_features(size):
    """Case 102."""
    found = features(np.full(size, 90, np.uint8))
    assert len(found) == 0
    assert Features.from_bytes(found.to_bytes()).descriptors.shape == (0, DESCRIPTOR_BYTES)


def test_ribbon_is_refused_with_its_size():
    with pytest.raises(UnmatchableError, match="512 x 24"):
        features(np.zeros((30, 640), np.uint8))


@pytest.mark.parametrize(
    "array", [np.zeros((9, 9, 3), np.uint8), np.zeros((9, 9)), np.zeros((0, 9), np.uint8)]
)
def test_other_arrays_are_refused(array):
    with pytest.raises(FormatError, match="uint8 luma"):
        features(array)


def test_arrays_of_different_lengths_are_no_features():
    with pytest.raises(ValueError, match="one length"):
        Features(
            np.zeros((2, 2), np.float32),
            np.zeros(1, np.float32),
            np.zeros(2, np.uint8),
            np.zeros((2, 32), np.uint8),
        )
