"""Whole-picture codes: interoperable, stable under what platforms do, refused where they mean nothing."""

import io
from pathlib import Path

import cv2
import imagehash
import numpy as np
import pdqhash
import pytest
import skimage
from PIL import Image

from provenance.errors import FormatError, UnmatchableError
from provenance.fingerprint.code import PDQ256, PHASH64, distance
from provenance.fingerprint.image import (
    MIN_QUALITY,
    MIN_SIDE_PX,
    SET_BITS,
    pdq,
    pdq_forms,
    phash64,
    trim_border,
)

DATA = Path(skimage.__file__).parent / "data"
NAMES = ("astronaut.png", "chelsea.png", "coffee.png", "motorcycle_left.png")


def picture(name):
    with Image.open(DATA / name) as opened:
        return np.asarray(opened.convert("RGB"))


def jpeg(rgb, quality):
    held = io.BytesIO()
    Image.fromarray(rgb).save(held, "JPEG", quality=quality)
    with Image.open(held) as opened:
        return np.asarray(opened.convert("RGB"))


def resized(rgb, factor):
    return cv2.resize(rgb, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)


@pytest.mark.parametrize("name", NAMES)
def test_phash64_equals_imagehash(name):
    rgb = picture(name)
    assert str(phash64(rgb)) == f"phash64-v1:{imagehash.phash(Image.fromarray(rgb))}"


@pytest.mark.parametrize("name", NAMES)
def test_pdq_stays_near_the_unprepared_pdq(name):
    rgb = picture(name)
    bits, quality = pdqhash.compute(rgb)
    ours, found = pdq(rgb)
    apart = int((np.unpackbits(np.frombuffer(ours.value, np.uint8)) != bits).sum())
    assert apart <= PDQ256.radius
    assert found == quality >= MIN_QUALITY


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "copy",
    [lambda p: jpeg(p, 40), lambda p: resized(p, 0.5), lambda p: jpeg(resized(p, 0.6), 50)],
    ids=["jpeg 40", "half", "0.6 and jpeg 50"],
)
def test_reencoding_and_resizing_stay_within_the_radius(name, copy):
    rgb = picture(name)
    assert distance(pdq(copy(rgb))[0], pdq(rgb)[0]) <= PDQ256.radius
    assert distance(phash64(copy(rgb)), phash64(rgb)) <= PHASH64.radius


def test_unrelated_pictures_are_beyond_the_wide_radius():
    codes = [pdq(picture(name))[0] for name in NAMES]
    apart = [distance(a, b) for i, a in enumerate(codes) for b in codes[:i]]
    assert min(apart) > PDQ256.wide_radius


def turned(rgb, mirrored, turns):
    """The documented meaning of a form: mirrored left to right, then turned clockwise."""
    return np.ascontiguousarray(np.rot90(rgb[:, ::-1] if mirrored else rgb, -turns))


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("turns", range(4))
def test_each_turned_or_mirrored_copy_is_found_by_the_form_that_names_it(mirrored, turns):
    rgb = picture("coffee.png")
    asset = pdq(rgb)[0]
    forms = pdq_forms(turned(rgb, mirrored, turns))
    best = min(forms, key=lambda form: distance(form.fingerprint, asset))
    assert (best.mirrored, best.quarter_turns, best.negative, best.trimmed) == (mirrored, turns, False, False)
    assert distance(best.fingerprint, asset) <= 2


@pytest.mark.parametrize("mirrored", [False, True])
def test_negative_is_found_as_one(mirrored):
    rgb = picture("coffee.png")
    asset = pdq(rgb)[0]
    forms = pdq_forms(255 - turned(rgb, mirrored, 0))
    best = min(forms, key=lambda form: distance(form.fingerprint, asset))
    assert best.negative
    assert best.mirrored is mirrored
    assert distance(best.fingerprint, asset) <= 4


def test_names_say_what_was_done():
    names = [form.name for form in pdq_forms(picture("coffee.png"))]
    assert names[0] == "as it is"
    assert {"mirrored", "rotated 90", "mirrored, rotated 270", "negative"} <= set(names)
    assert len(set(names)) == len(names) == 10


def bordered(rgb, top, right, bottom, left, colour):
    return cv2.copyMakeBorder(rgb, top, bottom, left, right, cv2.BORDER_CONSTANT, value=colour)


@pytest.mark.parametrize(
    ("sides", "colour"),
    [((60, 0, 60, 0), (0, 0, 0)), ((0, 80, 0, 80), (0, 0, 0)), ((40, 30, 90, 70), (250, 250, 250))],
    ids=["letterbox", "pillarbox", "screenshot"],
)
def test_border_is_trimmed_and_the_rest_found(sides, colour):
    rgb = picture("coffee.png")
    copy = jpeg(bordered(rgb, *sides, colour), 70)
    left, top, right, bottom = trim_border(copy)
    expected = np.array([sides[3], sides[0], copy.shape[1] - sides[1], copy.shape[0] - sides[2]])
    assert np.abs(np.array([left, top, right, bottom]) - expected).max() <= 4
    asset = pdq(rgb)[0]
    best = min(pdq_forms(copy), key=lambda form: distance(form.fingerprint, asset))
    assert best.name == "border trimmed"
    assert distance(best.fingerprint, asset) <= PDQ256.radius


@pytest.mark.parametrize("name", NAMES)
def test_picture_without_border_is_left_whole(name):
    rgb = picture(name)
    assert trim_border(rgb) == (0, 0, rgb.shape[1], rgb.shape[0])


def test_small_thing_on_plain_ground_is_not_a_border():
    rgb = np.full((400, 400, 3), 200, np.uint8)
    rgb[190:210, 190:210] = 10
    assert trim_border(rgb) == (0, 0, 400, 400)


@pytest.mark.parametrize("level", [0, 127, 255])
@pytest.mark.parametrize("make", [phash64, pdq, pdq_forms])
def test_flat_picture_is_refused_with_a_reason(level, make):
    """Case 102, SR-29."""
    with pytest.raises(UnmatchableError, match="too flat"):
        make(np.full((300, 400, 3), level, np.uint8))


def test_smooth_gradient_is_refused_by_its_quality():
    """SR-29: any smooth gradient has nearly the code of any other."""
    ramp = np.linspace(100, 140, 400).astype(np.uint8)
    with pytest.raises(UnmatchableError, match=r"quality \d+ of 100"):
        pdq(np.repeat(np.tile(ramp, (300, 1))[..., None], 3, axis=2))


@pytest.mark.parametrize(("height", "width"), [(63, 200), (200, 63), (1, 1)])
@pytest.mark.parametrize("make", [phash64, pdq, pdq_forms])
def test_small_picture_is_refused_with_its_size(height, width, make):
    noise = np.random.default_rng(1).integers(0, 256, (height, width, 3), np.uint8)
    with pytest.raises(UnmatchableError, match=f"{width} x {height}"):
        make(noise)


def test_smallest_picture_has_codes():
    noise = np.random.default_rng(1).integers(0, 256, (MIN_SIDE_PX, MIN_SIDE_PX, 3), np.uint8)
    assert pdq(noise)[1] >= MIN_QUALITY
    assert int.from_bytes(phash64(noise).value).bit_count() in SET_BITS


@pytest.mark.parametrize(
    "array",
    [np.zeros((100, 100), np.uint8), np.zeros((100, 100, 4), np.uint8), np.zeros((100, 100, 3), np.float32)],
)
@pytest.mark.parametrize("make", [phash64, pdq, pdq_forms])
def test_other_arrays_are_refused(array, make):
    with pytest.raises(FormatError, match="expected uint8 RGB"):
        make(array)


def test_large_picture_has_nearly_the_code_of_its_reduction():
    rgb = picture("astronaut.png")
    large = cv2.resize(rgb, (2400, 2400), interpolation=cv2.INTER_CUBIC)
    assert distance(pdq(large)[0], pdq(rgb)[0]) <= 8
