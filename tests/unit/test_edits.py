"""Edits: what one excerpt, cuts, order, speed and shifted or foreign tracks are called."""

from dataclasses import replace

import pytest

from provenance.evidence import (
    Alignment,
    Channel,
    Comparison,
    Difference,
    DifferenceKind,
    Edit,
    Family,
    Found,
    Match,
    Segment,
    Span,
)
from provenance.match.edits import classify_edits, mid, overlap, share_covered, uncovered, with_joins
from provenance.splices import gone_back, left_out
from provenance.wording import edit_text
from tests.fakes.reports import RECORD


def picture(start_s, end_s, asset_s, speed=1.0, channel=Channel.PICTURE):
    asset = Span(asset_s, asset_s + (end_s - start_s) * speed)
    return Segment(channel, Span(start_s, end_s), asset, speed, 1.0)


def sound(start_s, end_s, asset_s, speed=1.0):
    return picture(start_s, end_s, asset_s, speed, Channel.SOUND)


@pytest.mark.parametrize(
    ("pictures", "sounds", "expected"),
    [
        ([picture(0, 10, 30)], None, ()),
        ([picture(0, 10, 30)], [sound(0, 10, 30)], ()),
        ([picture(5, 10, 30)], None, ()),
        ([picture(0, 5, 30), picture(5, 10, 35.3)], None, ()),
        ([picture(0, 5, 30), picture(5, 10, 38)], None, (Edit.CUT,)),
        ([picture(0, 5, 30), picture(5, 10, 10)], None, (Edit.REORDERED,)),
        ([picture(5, 10, 10), picture(0, 5, 30)], None, (Edit.REORDERED,)),
        ([picture(0, 5, 30), picture(5, 10, 30)], None, (Edit.REORDERED,)),
        ([picture(0, 5, 30), picture(8, 12, 38)], None, ()),
        ([picture(0, 5, 30), picture(8, 12, 41)], None, (Edit.CUT,)),
        ([picture(0, 20, 30, 1.1)], None, (Edit.SPEED,)),
        ([picture(0, 20, 30, 1.015)], None, ()),
        ([picture(0, 3, 30, 1.1)], None, ()),
        ([picture(0, 10, 30)], [], (Edit.OTHER_SOUND,)),
        ([], [sound(0, 10, 30)], (Edit.OTHER_PICTURE,)),
        (None, [sound(0, 10, 30)], ()),
        ([], [], ()),
        (None, None, ()),
        ([picture(0, 10, 30)], [sound(0, 10, 31)], (Edit.SOUND_SHIFTED,)),
        ([picture(0, 10, 30)], [sound(0, 10, 30.3)], ()),
        ([picture(0, 10, 30)], [sound(9, 12, 50)], ()),
        (None, [sound(0, 10, 30), sound(10, 20, 40.3)], ()),
        (None, [sound(0, 10, 30), sound(10, 20, 41)], (Edit.CUT,)),
        (None, [sound(0, 10, 30), sound(10, 20, 42)], (Edit.CUT,)),
        (
            [picture(0, 10, 30, 1.2), picture(10, 20, 5, 1.2)],
            [],
            (Edit.REORDERED, Edit.SPEED, Edit.OTHER_SOUND),
        ),
    ],
)
def test_edits_of_every_arrangement(pictures, sounds, expected):
    assert classify_edits(pictures, sounds) == expected


def test_replaced_tracks_are_edits_and_passages_are_not():
    one = [picture(0, 10, 30)]
    for kind, expected in (
        (DifferenceKind.SOUND_REPLACED, (Edit.OTHER_SOUND,)),
        (DifferenceKind.PICTURE_REPLACED, (Edit.OTHER_PICTURE,)),
        (DifferenceKind.SOUND_DIFFERS, ()),
        (DifferenceKind.REPLACED, ()),
    ):
        assert classify_edits(one, None, [Difference(kind, Channel.SOUND, span=Span(2, 4))]) == expected


def test_spans_are_measured_against_the_whole():
    covered = [Span(6, 8), Span(1, 3), Span(2, 4)]
    assert uncovered(covered, 10) == (Span(0, 1), Span(4, 6), Span(8, 10))
    assert share_covered(covered, 10) == pytest.approx(0.5)
    assert uncovered([Span(0, 12)], 10) == ()
    assert share_covered([Span(0, 12)], 10) == 1
    assert share_covered([], 0) == 0
    assert overlap(Span(0, 4), Span(3, 9)) == Span(3, 4)
    assert overlap(Span(0, 2), Span(3, 9)).length_s < 0
    assert mid(Span(2, 4)) == 3


def matched(*spans, confirmed=True):
    found = (Found(Family.GLOBAL, "", 0.0, 1.0), Found(Family.LOCAL, "", 9.0, 9.0))[: 2 if confirmed else 1]
    segments = tuple(Segment(Channel.PICTURE, Span(a, b), Span(a, b), 1.0, 1.0) for a, b in spans)
    return Match(RECORD, found, Alignment(segments=segments), Comparison(compared=0.5))


def joins(*matches):
    return [Edit.JOINED in one.comparison.edits for one in with_joins(matches)]


def test_parts_of_two_assets_are_joined_and_two_names_of_one_part_are_not():
    assert joins(matched((0, 5)), matched((5, 12))) == [True, True]
    assert joins(matched((0, 5)), matched((0, 5))) == [False, False]
    assert joins(matched((0, 5)), matched((1, 4))) == [False, False]
    assert joins(matched((0, 5)), matched((5, 5.4))) == [False, False]


def test_the_picture_of_a_joined_asset_is_not_foreign_to_the_copy():
    foreign = [
        Difference(DifferenceKind.PICTURE_FOREIGN, Channel.PICTURE, span=Span(5, 12)),
        Difference(DifferenceKind.PICTURE_FOREIGN, Channel.PICTURE, span=Span(12, 15)),
    ]
    first, second = matched((0, 5)), matched((5, 12))
    comparison = Comparison(tuple(foreign), (Edit.EXTENDED,), 0.3)
    kept, _ = with_joins([replace(first, comparison=comparison), second])
    assert kept.comparison.differences == tuple(foreign[1:])
    assert kept.comparison.edits == (Edit.JOINED, Edit.EXTENDED)
    kept, _ = with_joins([replace(first, comparison=replace(comparison, differences=(foreign[0],))), second])
    assert kept.comparison.edits == (Edit.JOINED,)


def test_what_is_left_out_is_told_in_seconds_of_the_original_and_replaced_picture_leaves_nothing_out():
    assert left_out([picture(0, 5, 10), picture(5, 9, 20)]) == [Span(15, 20)]
    assert left_out([picture(0, 5, 10), picture(8, 12, 18)]) == []
    assert not gone_back([picture(0, 5, 10), picture(8, 12, 15)])
    assert gone_back([picture(0, 5, 10), picture(5, 9, 12)])
    text = edit_text(Edit.CUT, Comparison(), [picture(0, 5, 10), picture(5, 9, 20)])
    assert text == "parts of the original are left out: 0:15.0 to 0:20.0"


def test_look_alikes_join_nothing():
    assert joins(matched((0, 5)), matched((5, 12), confirmed=False)) == [False, False]
