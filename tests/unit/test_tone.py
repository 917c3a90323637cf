"""Tone: curve, colour and light of a copy are found though a part of it was altered."""

from __future__ import annotations

import numpy as np
import pytest

from provenance.match.tone import toned
from tests.fakes.pictures import load


@pytest.fixture(scope="module")
def known():
    return load("coffee.png")[:320, :480].astype(np.float32)


def vignette(rgb):
    y, x = np.mgrid[: rgb.shape[0], : rgb.shape[1]]
    away = (x / rgb.shape[1] * 2 - 1) ** 2 + (y / rgb.shape[0] * 2 - 1) ** 2
    return rgb * (1 - 0.25 * away / 2)[..., None]


CHANGES = {
    "brighter": lambda rgb: rgb * 1.15 + 10,
    "gamma": lambda rgb: 255 * (rgb / 255) ** 1.4,
    "warmer": lambda rgb: rgb * np.array([1.1, 1.0, 0.85]),
    "negative": lambda rgb: 255 - rgb,
    "vignette": vignette,
}


@pytest.mark.parametrize("name", CHANGES)
def test_what_was_done_to_all_is_explained(known, name):
    copy = np.clip(CHANGES[name](known), 0, 255).astype(np.float32)
    inside = np.ones(known.shape[:2], np.bool_)
    assert np.abs(copy - toned(copy, known, inside)).mean() < 2.5


def test_what_was_done_to_a_part_is_not(known):
    copy = np.clip(known * 1.1, 0, 255).astype(np.float32)
    copy[40:140, 60:180] = 255 - copy[40:140, 60:180]
    rest = np.abs(copy - toned(copy, known, np.ones(known.shape[:2], np.bool_))).mean(axis=2)
    outside = np.ones(rest.shape, np.bool_)
    outside[40:140, 60:180] = False
    assert rest[outside].mean() < 3
    assert rest[40:140, 60:180].mean() > 25
