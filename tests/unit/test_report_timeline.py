"""Timelines: what the text and the drawing show, and that they hold nothing else."""

import xml.etree.ElementTree as ET

import pytest

from provenance.evidence import Channel, Difference, DifferenceKind, Segment, Span
from provenance.report.timeline import timeline_svg, timeline_text

SVG = "{http://www.w3.org/2000/svg}"
PICTURES = (
    Segment(Channel.PICTURE, Span(0, 10), Span(20, 30), 1.0, 1.0),
    Segment(Channel.PICTURE, Span(15, 25), Span(35, 46), 1.1, 1.0),
)
SOUND = Segment(Channel.SOUND, Span(0, 30), Span(20, 50), 1.0, 1.0)
REPLACED = Difference(DifferenceKind.PICTURE_REPLACED, Channel.PICTURE, None, Span(10, 15), Span(30, 35), 9.0)
SPOKEN = Difference(DifferenceKind.SOUND_DIFFERS, Channel.SOUND, None, Span(20, 20.2), Span(40, 40.2), 9.0)


def test_the_lanes_show_what_agrees_and_what_differs():
    text = timeline_text(30, (*PICTURES, SOUND), (REPLACED, SPOKEN), width=68)
    picture, sound, ruler, key, *words = text.splitlines()
    lane = picture.removeprefix("picture ")
    assert len(lane) == 60
    assert lane == "=" * 20 + "x" * 10 + "=" * 20 + "." * 10
    assert sound.removeprefix("sound   ") == "=" * 40 + "x" + "=" * 19
    assert ruler.split() == ["0:00.0", "0:15.0", "0:30.0"]
    assert "differs" in key
    assert words == [
        "Picture 0:00.0 to 0:10.0 is 0:20.0 to 0:30.0 of the original.",
        "Picture 0:15.0 to 0:25.0 is 0:35.0 to 0:46.0 of the original at 1.10 x speed.",
        "Sound 0:00.0 to 0:30.0 is 0:20.0 to 0:50.0 of the original.",
        "1. Another picture in the copy from 0:10.0 to 0:15.0 (original 0:30.0 to 0:35.0)",
        "2. Sound differs in the copy from 0:20.0 to 0:20.2 (original 0:40.0 to 0:40.2)",
    ]
    assert text.isascii()


@pytest.mark.parametrize("width", [30, 60, 100])
def test_lanes_keep_to_their_width(width):
    lines = timeline_text(3600, (SOUND,), (SPOKEN,), width=width).splitlines()
    assert {len(line) for line in lines[:2]} == {width}
    assert "x" in lines[0]


def test_a_channel_without_findings_has_no_lane():
    assert "picture" not in timeline_text(30, (SOUND,), ())
    assert timeline_text(30, (), ()) == ""


def test_the_drawing_is_well_formed_and_says_in_words_what_it_shows():
    root = ET.fromstring(timeline_svg(30, (*PICTURES, SOUND), (REPLACED, SPOKEN), 60.0))
    assert root.tag == f"{SVG}svg"
    assert root.get("role") == "img"
    assert root.findtext(f"{SVG}title")
    description = root.findtext(f"{SVG}desc")
    for words in (
        "Picture 0:00.0 to 0:10.0",
        "Sound 0:00.0 to 0:30.0",
        "1: Another picture",
        "2: Sound differs",
    ):
        assert words in description
    shown = [text.text for text in root.iter(f"{SVG}text")]
    assert {"Copy picture", "Original picture", "Copy sound", "Original sound", "1", "2"} <= set(shown)
    assert "0:15.0 to 0:25.0, 1.10 x speed" in shown
    assert len(list(root.iter(f"{SVG}polygon"))) == 3
    hatched = [rect for rect in root.iter(f"{SVG}rect") if rect.get("fill") == "url(#differs)"]
    assert len(hatched) == 2


def test_the_drawing_fetches_and_runs_nothing():
    drawing = timeline_svg(30, (*PICTURES, SOUND), (REPLACED, SPOKEN))
    root = ET.fromstring(drawing)
    used = {element.tag.removeprefix(SVG) for element in root.iter()}
    assert used <= {"svg", "title", "desc", "defs", "pattern", "path", "rect", "polygon", "circle", "text"}
    names = {name for element in root.iter() for name in element.attrib}
    assert not any(name.startswith("on") or name == "style" or "href" in name for name in names)


def test_every_mark_lies_within_the_drawing():
    late = Segment(Channel.SOUND, Span(25, 40), Span(80, 95), 1.0, 1.0)
    root = ET.fromstring(timeline_svg(30, (late,), (SPOKEN,), 60.0))
    width, height = float(root.get("width")), float(root.get("height"))
    for rect in root.iter(f"{SVG}rect"):
        assert 0 <= float(rect.get("x", 0)) <= float(rect.get("x", 0)) + float(rect.get("width")) <= width
        assert 0 <= float(rect.get("y", 0)) <= float(rect.get("y", 0)) + float(rect.get("height")) <= height
    for polygon in root.iter(f"{SVG}polygon"):
        for pair in polygon.get("points").split():
            x, y = map(float, pair.split(","))
            assert 0 <= x <= width
            assert 0 <= y <= height


@pytest.mark.parametrize("duration_s", [0.2, 1.0, 59.0, 4 * 3600.0, 100 * 3600.0])
def test_rulers_have_few_round_marks_at_any_length(duration_s):
    segment = Segment(Channel.SOUND, Span(0, duration_s), Span(0, duration_s), 1.0, 1.0)
    root = ET.fromstring(timeline_svg(duration_s, (segment,), ()))
    ticks = [path for path in root.iter(f"{SVG}path") if path.get("d").endswith("v5")]
    assert 2 <= len(ticks) <= 22


@pytest.mark.parametrize("duration_s", [0.0, -1.0, float("nan"), float("inf")])
def test_a_timeline_without_length_is_refused(duration_s):
    with pytest.raises(ValueError, match="above 0"):
        timeline_text(duration_s, (SOUND,), ())
    with pytest.raises(ValueError, match="above 0"):
        timeline_svg(duration_s, (SOUND,), ())


def test_a_lane_too_narrow_to_read_is_refused():
    with pytest.raises(ValueError, match="columns"):
        timeline_text(30, (SOUND,), (), width=20)


def test_backwards_and_stills_have_signs_and_words_of_their_own():
    odd = (
        Segment(Channel.PICTURE, Span(0, 10), Span(20, 30), -1.0, 1.0),
        Segment(Channel.PICTURE, Span(10, 15), Span(20, 20), 0.0, 1.0),
        Segment(Channel.PICTURE, Span(15, 20), Span(0, 0), 0.0, 1.0),
    )
    picture, _, key, *words = timeline_text(20, odd, (), width=48).splitlines()
    assert picture.removeprefix("picture ") == "<" * 20 + "-" * 20
    assert "< original, backwards   - original, standing still" in key
    assert words == [
        "Picture 0:00.0 to 0:10.0 is 0:20.0 to 0:30.0 of the original, backwards.",
        "Picture 0:10.0 to 0:15.0 stands still at the frame at 0:20.0 of the original.",
        "Picture 0:15.0 to 0:20.0 shows the original picture.",
    ]
    drawing = timeline_svg(20, odd, ())
    assert "backwards" in drawing
    assert ">0:10.0 to 0:15.0, still<" in drawing
    # The band of what runs backwards crosses over itself: its lower corners are exchanged.
    points = [
        tuple(map(float, pair.split(","))) for pair in drawing.split('points="')[1].split('"')[0].split()
    ]
    assert points[2][0] < points[3][0]
