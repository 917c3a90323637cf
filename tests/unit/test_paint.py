"""Paint: lettering, bars, logos and stickers are told from pasted, filled and moved picture."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from provenance.evidence import DifferenceKind
from provenance.match.align import align_picture
from provenance.match.compare import compare_picture
from provenance.match.paint import look
from provenance.match.reference import make_reference, open_reference
from tests.fakes.pictures import load, saved


@pytest.fixture(scope="module", params=["coffee.png", "rocket.jpg"])
def picture(request):
    return load(request.param)


@pytest.fixture(scope="module")
def stored(picture):
    return open_reference(make_reference(picture))


def kinds(copy, stored):
    geometry = align_picture(copy, stored)
    assert geometry is not None
    return [one.kind for one in compare_picture(copy, stored, geometry).differences]


def lettering(pen, width, height):
    pen.text((width * 0.1, height * 0.1), "BREAKING NEWS", fill="white", font=ImageFont.load_default(44))


def meme(pen, width, height):
    pen.text(
        (width / 2, height * 0.86),
        "ONE DOES NOT",
        fill="white",
        stroke_fill="black",
        stroke_width=4,
        anchor="mm",
        font=ImageFont.load_default(52),
    )


def bar(pen, width, height):
    pen.rectangle((0, height * 0.82, width, height * 0.95), fill="#b01020")
    pen.text(
        (20, height * 0.84), "they do not want you to see", fill="white", font=ImageFont.load_default(26)
    )


def circle(pen, width, height):
    pen.ellipse((width * 0.3, height * 0.3, width * 0.7, height * 0.75), outline="red", width=7)


@pytest.mark.parametrize("draw", [lettering, meme, bar, circle])
def test_what_is_laid_over_is_an_overlay(picture, stored, draw):
    copy = Image.fromarray(picture)
    draw(ImageDraw.Draw(copy), *copy.size)
    found = kinds(saved(copy, 80), stored)
    assert found
    assert set(found) == {DifferenceKind.OVERLAY}


def test_translucent_bar_is_an_overlay(picture, stored):
    copy = picture.copy()
    height = len(copy)
    part = slice(height * 7 // 10, height * 17 // 20)
    copy[part] = copy[part] * 0.4
    found = kinds(saved(copy, 80), stored)
    assert found
    assert set(found) == {DifferenceKind.OVERLAY}


def test_pasted_photograph_is_no_overlay(picture, stored):
    other = cv2.resize(load("chelsea.png"), (300, 200))[40:160, 60:220]
    copy = picture.copy()
    copy[100:220, 200:360] = other
    assert DifferenceKind.OVERLAY not in kinds(saved(copy, 80), stored)


def test_part_painted_out_in_its_surroundings_is_no_overlay(picture, stored):
    hole = np.zeros(picture.shape[:2], np.uint8)
    hole[120:260, 220:360] = 1
    copy = cv2.inpaint(picture, hole, 5, cv2.INPAINT_TELEA)
    assert DifferenceKind.OVERLAY not in kinds(saved(copy, 85), stored)


def planes(rgb):
    return cv2.cvtColor(rgb.astype(np.float32) / 255, cv2.COLOR_RGB2YCrCb) * 255


def test_change_of_hue_is_no_overlay():
    rng = np.random.default_rng(4)
    ground = cv2.GaussianBlur(rng.integers(0, 256, (80, 80, 3)).astype(np.uint8), (0, 0), 3)
    ground[20:60, 20:60] = (180, 60, 50)
    turned, changed = ground.copy(), np.zeros((80, 80), np.bool_)
    turned[20:60, 20:60] = (50, 90, 190)
    changed[20:60, 20:60] = True
    seen = look(planes(turned), planes(ground), changed, np.ones((80, 80), np.bool_))
    assert seen is not None
    assert not seen.paint


def test_a_handful_of_pixels_is_not_judged():
    plane = np.full((20, 20, 3), 90, np.float32)
    changed = np.zeros((20, 20), np.bool_)
    changed[4:6, 4:6] = True
    assert look(plane, plane + 40, changed, np.ones((20, 20), np.bool_)) is None


def test_a_bar_across_something_of_its_own_colour_is_one_overlay():
    picture = load("astronaut.png")  # the helmet at the bottom is as black as the bar
    part = Image.fromarray(picture[51:461, 51:460])
    copy = Image.new("RGB", (part.width, part.height + 45), "black")
    copy.paste(part, (0, 0))
    ImageDraw.Draw(copy).text((12, part.height + 11), "Shared by thousands: what they saw", fill="white")
    found = kinds(saved(copy, 82), open_reference(make_reference(picture)))
    assert found
    assert set(found) == {DifferenceKind.OVERLAY}
