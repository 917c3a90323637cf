"""Bend: what moved smoothly is told from what is other content."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from provenance.match.bend import is_bend
from tests.fakes.pictures import load


@pytest.fixture(scope="module")
def luma():
    return cv2.cvtColor(load("coffee.png")[60:220, 100:260], cv2.COLOR_RGB2GRAY).astype(np.float32)


def region():
    made = np.zeros((160, 160), np.bool_)
    made[40:120, 40:120] = True
    return made


def test_a_bulge_is_a_bend(luma):
    y, x = np.mgrid[:160, :160].astype(np.float32)
    fall = np.clip(1 - np.hypot(x - 80, y - 80) / 50, 0, 1)
    shown = cv2.remap(luma, x - (x - 80) * fall * 0.4, y - (y - 80) * fall * 0.4, cv2.INTER_CUBIC)
    assert is_bend(shown, luma, region())


def test_other_content_is_no_bend(luma):
    shown = luma.copy()
    other = cv2.cvtColor(load("rocket.jpg")[100:180, 200:280], cv2.COLOR_RGB2GRAY)
    shown[40:120, 40:120] = other
    assert not is_bend(shown, luma, region())


def test_a_figure_that_was_painted_over_with_its_ground_is_no_bend(luma):
    rows = np.linspace(90, 140, 160, dtype=np.float32)[:, None]
    ground = np.repeat(rows, 160, axis=1) + np.random.default_rng(3).normal(0, 1.5, (160, 160)).astype(
        np.float32
    )
    with_figure = ground.copy()
    cv2.ellipse(with_figure, (80, 80), (9, 30), 0, 0, 360, 20, -1)
    changed = np.abs(with_figure - ground) > 10
    assert not is_bend(ground, with_figure, changed)


def test_the_same_content_and_slivers_are_no_bend(luma):
    assert not is_bend(luma, luma, region())
    assert not is_bend(luma[:10], luma[:10], region()[:10])
