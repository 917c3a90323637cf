"""Fade: light has no outline, what was recoloured or laid over has one."""

from __future__ import annotations

import numpy as np

from provenance.match.fade import Outlines

HEIGHT, WIDTH = 240, 400


def judged(off, region):
    planes = np.repeat(off[..., None], 3, axis=2).astype(np.float32)
    return Outlines(planes, np.ones((HEIGHT, WIDTH), np.bool_)).fades(region)


def grid():
    return np.mgrid[:HEIGHT, :WIDTH].astype(np.float32)


def test_glare_fades():
    y, x = grid()
    off = 45 * np.exp(-(((x - 200) / 80) ** 2) - ((y - 120) / 60) ** 2)
    assert judged(off + np.random.default_rng(1).normal(0, 3, off.shape), off > 12)


def test_glare_at_the_edge_of_the_picture_fades():
    y, x = grid()
    off = 45 * np.exp(-(((x - 390) / 80) ** 2) - ((y - 10) / 60) ** 2)
    assert judged(off, off > 12)


def test_another_colour_with_an_outline_does_not():
    y, x = grid()
    inside = np.hypot(x - 200, y - 120) < 40
    assert not judged(np.where(inside, 30.0, 0.0), np.hypot(x - 200, y - 120) < 48)


def test_a_region_that_fills_the_picture_has_no_outline_to_judge_by():
    assert not judged(np.full((HEIGHT, WIDTH), 30.0), np.ones((HEIGHT, WIDTH), np.bool_))
