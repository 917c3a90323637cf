"""Frames that lie alike are one framing; a zoom does not pass for a crop where the offset says otherwise."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from provenance.evidence import Box, Channel, Geometry, Segment, Span
from provenance.match import clips
from provenance.match.clips import Placed
from provenance.plain import to_plain


def crop(scale, shift=0.0, inliers=50):
    matrix = (scale, 0.0, shift, 0.0, scale, shift, 0.0, 0.0, 1.0)
    return Geometry(matrix, False, Box(shift, shift, scale, scale), 0.0, 1.0, inliers)


def test_one_offset_wins_over_more_agreeing_features():
    true = [Placed(float(t), t + 40.0, crop(0.8, 0.1, inliers=20)) for t in range(6)]
    zoomed = [Placed(float(t), t + 40.0 + 1.5 * t, crop(1.0, 0.0, inliers=90)) for t in range(1, 5)]
    [first, *_] = clips._grouped([*zoomed, *true])
    assert first.geometry.matrix[0] == 0.8
    assert len(first.placed) == 6


def test_another_speed_is_grouped_by_geometry_alone():
    placed = [Placed(float(t), 20 + 2.0 * t, crop(0.8)) for t in range(6)]
    assert len(clips._grouped(placed)[0].placed) + len(clips._grouped(placed)[-1].placed) >= 6


def test_a_single_frame_is_no_framing():
    assert clips._grouped([Placed(0.0, 10.0, crop(0.8))]) == []


def test_merged_keeps_what_was_there_first():
    def segment(a, b):
        return Segment(Channel.PICTURE, Span(a, b), Span(a, b), 1.0, 1.0)

    kept = clips.merged([segment(0, 5)], [segment(1, 4), segment(5, 9)])
    assert [(one.copy.start_s, one.copy.end_s) for one in kept] == [(0, 5), (5, 9)]
    assert clips.explained(kept, 10.0) == pytest.approx(0.9)


def test_view_times_are_on_the_grid_and_inside():
    for duration_s in (0.1, 3.0, 10.0, 3600.0):
        times = clips.view_times(duration_s)
        assert 1 <= len(times) <= clips.VIEWED + 2
        assert np.all(np.diff(times) > 0)
        assert times[0] >= 0
        assert times[-1] <= max(duration_s, 0.25)


class AgreesAt:
    """A pool whose frames agree best at one offset in time, where the geometry is 0.8."""

    def __init__(self, true_s):
        self.true_s = true_s

    def run(self, task, _files, params, *, timeout_s):
        assert task == "place_frames"
        assert len(params["moments"]) <= 64
        answers = []
        for moment in params["moments"]:
            [one] = moment["stored"]
            off = abs(one["time_s"] - moment["time_s"] - self.true_s)
            made = replace(crop(0.8 + 0.1 * off), agreement=0.95 - off)
            answers.append(to_plain(Placed(moment["time_s"], one["time_s"], made)))
        return answers


def test_the_geometry_is_taken_where_the_frames_agree_most():
    stored = [(number / 2, b"") for number in range(100)]
    met = clips.Framing(crop(0.83), tuple(Placed(float(t), t + 20.7, crop(0.83)) for t in range(3)))
    aligner = clips.ClipAligner(AgreesAt(20.95), Path("copy.mp4"), 1.0)
    best = aligner.timed(met, stored, 6.0)
    assert best.geometry.matrix[0] == pytest.approx(0.8)
    assert {round(one.offset_s, 2) for one in best.placed} == {20.95}
