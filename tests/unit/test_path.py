"""Lines of time, the cheapest path over them and the fit of a line."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from provenance.evidence import Channel, Span
from provenance.match.path import Line, best_path, best_stretch, fit_line, runs


@given(
    st.integers(1, 6).flatmap(
        lambda n: st.integers(1, 3).flatmap(
            lambda k: st.lists(st.lists(st.integers(0, 9), min_size=k, max_size=k), min_size=n, max_size=n)
        )
    ),
    st.integers(0, 8),
)
def test_the_path_is_the_cheapest_of_all(costs, switch):
    table = np.array(costs, np.float32)

    def price(path):
        steps = sum(a != b for a, b in itertools.pairwise(path))
        return sum(table[i, state] for i, state in enumerate(path)) + switch * steps

    best = min(price(path) for path in itertools.product(range(table.shape[1]), repeat=len(table)))
    assert price(best_path(table, switch)) == best


@given(st.lists(st.integers(-9, 9), min_size=1, max_size=12))
def test_the_stretch_is_the_greatest_of_all(gain):
    first, end = best_stretch(np.array(gain, float))
    every = [sum(gain[a:b]) for a in range(len(gain)) for b in range(a, len(gain) + 1)]
    assert sum(gain[first:end]) == max(0, *every)


def test_runs_cover_the_path():
    assert runs(np.array([2, 2, 0, 1, 1, 1])) == [(2, 0, 2), (0, 2, 3), (1, 3, 6)]


def test_a_line_is_fitted_through_weighted_pairs():
    copy_s = np.arange(0, 20, 0.25)
    asset_s = 1.1 * copy_s + 7
    found = fit_line(copy_s, asset_s, np.ones(len(copy_s)), Line(1.0, 8.0))
    assert (found.speed, found.offset_s) == (pytest.approx(1.1), pytest.approx(7))
    held = fit_line(copy_s, asset_s, np.ones(len(copy_s)), Line(1.0, 8.0), hold=True)
    assert held.speed == 1.0
    assert fit_line(copy_s, asset_s, np.zeros(len(copy_s)), Line(1.0, 8.0)) == Line(1.0, 8.0)


def test_a_speed_that_moves_no_end_by_a_quarter_second_is_none():
    copy_s = np.arange(0, 10, 0.25)
    assert fit_line(copy_s, 1.01 * copy_s, np.ones(len(copy_s)), Line(1.0, 0.0)).speed == 1.0


def test_a_segment_gives_its_line_back_even_when_cut_at_zero():
    line = Line(1.2, -1.0)
    segment = line.segment(Channel.SOUND, Span(0.5, 10), 1.0)
    assert segment.asset.start_s == 0
    again = Line.of(segment)
    assert (again.speed, again.offset_s) == (1.2, pytest.approx(-1.0))


def test_a_line_backwards_gives_a_segment_in_order_and_comes_back():
    line = Line(-1.0, 20.0)
    segment = line.segment(Channel.PICTURE, Span(2, 5), 1.0)
    assert (segment.asset.start_s, segment.asset.end_s) == (15, 18)
    assert Line.of(segment) == line
    assert line.back(16.0) == 4.0


def test_a_still_has_one_moment_and_no_way_back():
    segment = Line(0.0, 7.5).segment(Channel.PICTURE, Span(2, 5), 1.0)
    assert (segment.asset.start_s, segment.asset.end_s) == (7.5, 7.5)
    assert Line.of(segment) == Line(0.0, 7.5)
    with pytest.raises(ValueError, match="no one moment"):
        Line(0.0, 7.5).back(7.5)


def test_fitting_keeps_the_direction_and_stills_still():
    copy_s = np.arange(0, 10, 0.5)
    weight = np.ones(len(copy_s))
    assert fit_line(copy_s, 30 - 1.1 * copy_s, weight, Line(-1.0, 29.0)).speed == pytest.approx(-1.1)
    assert fit_line(copy_s, 12 + 0.01 * copy_s, weight, Line(0.0, 12.0)).speed == 0


def test_lines_and_paths_of_nothing_are_refused():
    with pytest.raises(ValueError, match="finite"):
        Line(float("nan"), 1.0)
    with pytest.raises(ValueError, match="at least one"):
        best_path(np.zeros((0, 1), np.float32), 1.0)
