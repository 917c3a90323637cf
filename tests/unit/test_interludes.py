"""Interludes: what the parts beside a stretch say it should be."""

import pytest

from provenance.evidence import Channel, Segment, Span
from provenance.match.interludes import gaps
from provenance.match.tracks import within


def picture(start_s, end_s, asset_s, speed=1.0):
    asset = Span(asset_s, asset_s + (end_s - start_s) * speed)
    return Segment(Channel.PICTURE, Span(start_s, end_s), asset, speed, 1.0)


def test_a_gap_between_parts_of_one_line_has_that_line():
    [gap] = gaps([picture(0, 5, 20), picture(7, 12, 27)], 12.0)
    assert gap.copy == Span(5, 7)
    assert gap.line is not None
    assert gap.line.at(6.0) == pytest.approx(26.0)
    assert not gap.adjoins


def test_a_gap_between_parts_that_adjoin_in_the_original_was_put_in():
    [gap] = gaps([picture(0, 5, 20), picture(8, 12, 25.2)], 12.0)
    assert gap.line is None
    assert gap.adjoins


def test_head_and_tail_have_a_part_on_one_side_and_short_gaps_are_none():
    found = {gap.copy: gap for gap in gaps([picture(3, 5, 20), picture(5.5, 12, 22.5)], 14.0)}
    assert list(found) == [Span(0, 3), Span(12, 14)]
    assert found[Span(0, 3)].before is None
    assert found[Span(12, 14)].after is None


def test_parts_that_stand_or_run_backwards_have_no_line():
    [gap] = gaps([picture(0, 5, 20, speed=0.0), picture(7, 12, 27)], 12.0)
    assert gap.line is None


def test_a_segment_ends_where_its_media_do():
    cut = within(picture(0, 19.5, 0.04), 19.28, 19.285)
    assert cut.copy.end_s <= 19.28
    assert cut.asset.end_s <= 19.285
    assert cut.asset.end_s - cut.copy.end_s == pytest.approx(0.04)
    assert within(picture(20, 21, 20), 19.28, 30.0) is None
