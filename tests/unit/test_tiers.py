"""The second tier looks only where the first left something open."""

import numpy as np

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
from provenance.examination import FrameTrack
from provenance.examiner import PART_S, Part
from provenance.tiers import _woven, open_parts
from tests.fakes.reports import RECORD


def match(*spans, differences=(), families=(Family.GLOBAL, Family.LOCAL)):
    segments = tuple(Segment(Channel.PICTURE, Span(a, b), Span(a, b), 1.0, 1.0) for a, b in spans)
    found = tuple(Found(family, "", 0.0, 1.0) for family in families)
    return Match(RECORD, found, Alignment(segments=segments), Comparison(tuple(differences), compared=1.0))


def starts(matches, duration_s=4 * PART_S):
    return [one.start_s for one in open_parts(matches, duration_s)]


def test_without_a_confirmed_match_all_is_looked_at():
    assert len(starts([])) == 4
    assert len(starts([match((0, 4 * PART_S), families=(Family.GLOBAL,))])) == 4


def test_an_explained_film_has_nothing_open():
    assert starts([match((2.0, 4 * PART_S - 3.0))]) == []


def test_parts_around_a_cut_and_with_a_difference_are_open():
    cut = match((0, 1.5 * PART_S), (1.5 * PART_S + 30, 4 * PART_S))
    assert starts([cut]) == [PART_S]
    odd = Difference(DifferenceKind.REPLACED, Channel.PICTURE, span=Span(10.0, 14.0))
    assert starts([match((0, 4 * PART_S), differences=[odd])]) == [0.0]


def test_codes_of_both_tiers_are_woven_in_order():
    def track(times):
        return FrameTrack(bytes(32 * len(times)), np.array(times, "<f8").tobytes())

    woven = _woven(track([0.0, 100.0, 250.0, 500.0]), track([240.0, 240.25]), [Part(240.0, 480.0)])
    assert woven.time_array().tolist() == [0.0, 100.0, 240.0, 240.25, 500.0]
    assert len(woven.code_array()) == 5
