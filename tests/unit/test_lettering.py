"""Lettering: changed and erased writing is told from writing laid over a picture; small letters are seen."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from provenance.evidence import DifferenceKind
from provenance.match.align import align_picture
from provenance.match.compare import compare_picture
from provenance.match.lettering import kind_of_writing
from provenance.match.reference import make_reference, open_reference
from provenance.match.structure import contradiction
from tests.fakes.pictures import load, saved


def document(number, size):
    """A photograph with a plate that bears a name and a number."""
    shown = Image.fromarray(load("coffee.png"))
    pen = ImageDraw.Draw(shown)
    pen.rectangle((60, 240, 340, 370), fill=(244, 243, 238))
    pen.text((80, 260), "Registered owner", fill=(25, 25, 30), font=ImageFont.load_default(20))
    pen.text((80, 310), number, fill=(25, 25, 30), font=ImageFont.load_default(size))
    return np.asarray(shown)


@pytest.mark.parametrize("size", [16, 36])
def test_a_changed_number_is_replaced_and_no_overlay(size):
    stored = open_reference(make_reference(document("48 173 902", size)))
    copy = saved(document("61 925 347", size), 80)
    geometry = align_picture(copy, stored)
    found = compare_picture(copy, stored, geometry).differences
    assert [one.kind for one in found] == [DifferenceKind.REPLACED]
    assert 0.05 < found[0].box.x < found[0].box.x + found[0].box.w < 0.55
    assert 0.7 < found[0].box.y + found[0].box.h / 2 < 0.9


@pytest.mark.parametrize(("number", "size"), [("48 193 902", 16), ("48 113 902", 24)])
def test_one_changed_digit_is_replaced(number, size):
    stored = open_reference(make_reference(document("48 173 902", size)))
    copy = saved(document(number, size), 85)
    found = compare_picture(copy, stored, align_picture(copy, stored)).differences
    assert [one.kind for one in found] == [DifferenceKind.REPLACED]


def test_the_same_document_sent_on_shows_no_difference():
    stored = open_reference(make_reference(document("48 173 902", 16)))
    copy = saved(document("48 173 902", 16), 40)
    assert compare_picture(copy, stored, align_picture(copy, stored)).differences == ()


def planes(text, ground=(240, 240, 240)):
    shown = Image.new("RGB", (160, 48), ground)
    ImageDraw.Draw(shown).text((12, 8), text, fill=(20, 20, 20), font=ImageFont.load_default(28))
    luma = np.asarray(shown.convert("L"), np.float32)
    return np.dstack([luma, np.full_like(luma, 127.5), np.full_like(luma, 127.5)])


def judged(shown, expected):
    changed = np.abs(shown - expected).max(axis=2) > 10
    return kind_of_writing(shown, expected, changed, np.ones(changed.shape, np.bool_))


def test_other_words_on_the_ground_are_replaced_erased_ones_removed():
    assert judged(planes("HARBOUR"), planes("MARKET")) is DifferenceKind.REPLACED
    assert judged(planes(""), planes("MARKET")) is DifferenceKind.REMOVED


def test_words_on_empty_ground_or_on_a_picture_say_nothing():
    assert judged(planes("MARKET"), planes("")) is None
    noise = planes("") + np.random.default_rng(2).normal(0, 50, (48, 160, 1)).astype(np.float32)
    over = np.where(planes("MARKET") < 100, planes("MARKET"), noise).astype(np.float32)
    assert judged(over, noise) is None
    assert judged(planes("MARKET"), planes("MARKET")) is None


def test_marks_contradict_only_where_both_have_them_and_differ():
    sigma = np.ones((48, 160), np.float32)
    one, other, empty = (planes(text)[..., 0] for text in ("8 1 7", "3 4 9", ""))
    assert contradiction(one, other, sigma).max() > 1
    assert contradiction(one, one * 0.8 + 20, sigma).max() < 0.2
    assert contradiction(one, empty, sigma).max() < 0.2
    assert contradiction(one, other, 40 * sigma).max() < 0.5
