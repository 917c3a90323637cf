"""Settle: a map that is a few pixels off is put right; what was altered does not pull, and nothing is moved in vain."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from provenance.match.settle import settled
from tests.fakes.pictures import load


@pytest.fixture(scope="module")
def known():
    return load("coffee.png")[:320, :480].astype(np.float32)


def seen_askew(known):
    matrix = np.array([[1.004, 0.003, 1.6], [-0.002, 0.996, -2.2], [1e-5, -8e-6, 1]], np.float64)
    size = (known.shape[1], known.shape[0])
    laid = cv2.warpPerspective(known, matrix, size, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    return np.clip(laid, 0, 255)


def off(copy, known):
    return float(np.abs(copy - known)[16:-16, 16:-16].mean())


def test_a_map_a_few_pixels_off_is_put_right(known):
    copy, inside = seen_askew(known), np.ones(known.shape[:2], np.bool_)
    better, covered = settled(copy, known, inside)
    assert off(better, known) < 0.35 * off(copy, known)
    assert covered[16:-16, 16:-16].all()


def test_what_was_altered_does_not_pull(known):
    copy, inside = seen_askew(known), np.ones(known.shape[:2], np.bool_)
    copy[100:220, 150:300] = cv2.resize(load("rocket.jpg"), (150, 120))
    better, _ = settled(copy, known, inside)
    untouched = np.ones(known.shape[:2], np.bool_)
    untouched[90:230, 140:310] = False
    untouched[:16], untouched[-16:], untouched[:, :16], untouched[:, -16:] = False, False, False, False
    assert np.abs(better - known)[untouched].mean() < 0.4 * np.abs(copy - known)[untouched].mean()


def test_a_bend_within_the_picture_is_left(known):
    y, x = np.mgrid[: known.shape[0], : known.shape[1]].astype(np.float32)
    fall = np.clip(1 - np.hypot(x - 240, y - 160) / 60, 0, 1)
    bent = cv2.remap(known, x - (x - 240) * fall * 0.4, y - (y - 160) * fall * 0.4, cv2.INTER_CUBIC)
    better, _ = settled(bent, known, np.ones(known.shape[:2], np.bool_))
    place = (slice(110, 210), slice(190, 290))
    assert np.abs(better - known)[place].mean() > 0.8 * np.abs(bent - known)[place].mean()


def test_what_lies_well_is_not_moved(known):
    inside = np.ones(known.shape[:2], np.bool_)
    assert settled(known, known, inside)[0] is known
    flat = np.full_like(known, 128)
    assert settled(flat, flat, inside)[0] is flat
