"""Registered pictures within films: scenes, which of them are looked up, and what is said of them."""

import numpy as np
import pytest

from provenance.evidence import (
    Alignment,
    Channel,
    Comparison,
    Difference,
    DifferenceKind,
    Family,
    Found,
    Match,
    Segment,
    Span,
)
from provenance.match.shown import MAX_SCENES, in_scene, joined, open_scenes, scenes
from tests.fakes.reports import RECORD

RNG = np.random.default_rng(1)


def codes_of(*lengths):
    return np.concatenate([np.repeat(RNG.integers(0, 255, (1, 32), np.uint8), n, axis=0) for n in lengths])


def match(*segments, families=(Family.GLOBAL, Family.LOCAL), differences=()):
    found = tuple(Found(one, "test", 0.0, 1.0) for one in families)
    return Match(RECORD, found, Alignment(segments=segments), Comparison(differences, compared=1.0))


def test_scenes_are_what_lies_between_cuts():
    times = np.arange(24) / 4
    found = scenes(codes_of(8, 4, 12), times, 6.0)
    assert [(one.start_s, one.end_s) for one in found] == [(0, 1.875), (1.875, 2.875), (2.875, 6.0)]
    assert scenes(np.zeros((0, 32), np.uint8), np.zeros(0), 5.0) == []


def test_scenes_of_registered_films_and_short_ones_are_not_looked_up():
    found = [Span(0, 4), Span(4, 4.5), Span(4.5, 9), Span(9, 13)]
    film = match(Segment(Channel.PICTURE, Span(0, 4.2), Span(10, 14.2), 1.0, 1.0))
    assert open_scenes(found, [film]) == [Span(4.5, 9), Span(9, 13)]
    lookalike = match(Segment(Channel.PICTURE, Span(0, 13), Span(0, 13), 1.0, 1.0), families=(Family.GLOBAL,))
    assert len(open_scenes(found, [lookalike])) == 3


def test_the_longest_scenes_come_first_and_stay_in_order():
    found = [Span(10 * n, 10 * n + 1 + n) for n in range(MAX_SCENES + 3)]
    assert open_scenes(found, []) == found[3:]


def test_a_picture_stands_at_zero_and_its_differences_have_the_time_of_the_scene():
    difference = Difference(DifferenceKind.REPLACED, Channel.PICTURE)
    one = in_scene(match(differences=(difference,)), Span(2, 6), 20.0)
    [segment] = one.alignment.segments
    assert (segment.copy, segment.asset, segment.speed) == (Span(2, 6), Span(0, 0), 0)
    assert one.comparison.differences[0].span == Span(2, 6)
    assert one.comparison.compared == pytest.approx(0.2)
    both = joined(one, in_scene(match(), Span(10, 12), 20.0))
    assert [part.copy for part in both.alignment.segments] == [Span(2, 6), Span(10, 12)]
    assert both.comparison.compared == pytest.approx(0.3)
    assert len(both.comparison.differences) == 1
