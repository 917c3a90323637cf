"""What a filter does to colours is measured and said; what compression does is not."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image, ImageEnhance

from provenance.match import warp
from provenance.match.colour import UNKNOWN, colours
from provenance.transformation import GREY, UNSAID_COLOUR, UNSAID_LEVELS, UNSAID_TINT
from tests.fakes.pictures import encoded, load


@pytest.fixture(scope="module")
def known():
    return np.ascontiguousarray(load("coffee.png")[:300, :400])


def measured(shown, known, **options):
    laid = warp.Laid(np.asarray(shown, np.uint8), np.ones(known.shape[:2], np.bool_))
    return colours(laid, known, **options)


def test_shades_of_grey(known):
    found = measured(np.repeat(np.asarray(Image.fromarray(known).convert("L"))[..., None], 3, axis=2), known)
    assert found.colour < GREY
    assert found.tint <= UNSAID_TINT


def test_weak_and_strong_colours(known):
    shown = Image.fromarray(known)
    assert measured(ImageEnhance.Color(shown).enhance(0.5), known).colour == pytest.approx(0.5, abs=0.05)
    assert measured(ImageEnhance.Color(shown).enhance(1.6), known).colour > UNSAID_COLOUR[1]


def test_light_and_tint(known):
    brighter = np.clip(known.astype(np.int16) + 30, 0, 255)
    assert measured(brighter, known).brightness > UNSAID_LEVELS
    tinted = np.clip(known + np.array([20, 0, -20], np.int16), 0, 255)
    assert measured(tinted, known).tint > UNSAID_TINT


@pytest.mark.parametrize(
    ("form", "options"), [("JPEG", {"quality": 30}), ("WEBP", {"quality": 40}), ("GIF", {})]
)
def test_compression_is_no_filter(known, form, options):
    with Image.open(io.BytesIO(encoded(Image.fromarray(known), form, **options))) as shown:
        found = measured(shown.convert("RGB"), known)
    assert UNSAID_COLOUR[0] <= found.colour <= UNSAID_COLOUR[1]
    assert found.tint <= UNSAID_TINT
    assert abs(found.brightness) <= UNSAID_LEVELS


def test_a_negative_is_turned_back_first(known):
    found = measured(255 - known, known, negative=True)
    assert found.colour == pytest.approx(1.0, abs=0.01)


def test_what_cannot_be_measured_is_unknown(known):
    nothing = warp.Laid(known, np.zeros(known.shape[:2], np.bool_))
    assert colours(nothing, known) == UNKNOWN
    grey = np.repeat(known[..., :1], 3, axis=2)
    assert measured(grey, grey).colour is None
