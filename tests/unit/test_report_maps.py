"""Each registered picture that a copy shows has a picture of the answer."""

from dataclasses import replace

import pytest

from provenance.evidence import Alignment, Box, Comparison, Geometry
from provenance.match.description import described
from provenance.report.html import report_html
from tests.fakes.reports import examples, report

PNG = b"\x89PNG\r\n\x1a\n"


def shown_at(match, left, title, picture):
    """Return the match as a picture that fills half of the copy."""
    comparison = Comparison(compared=0.5, drawing=picture)
    sizes = ((800, 400), (400, 400))
    matrix = (2.0, 0.0, -2.0 * left, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0)
    geometry = Geometry(matrix, False, Box(0, 0, 1, 1), 0.0, 1.0, 40)
    return replace(
        match,
        record=replace(match.record, asset_id=title, title=title),
        alignment=Alignment(geometry=geometry),
        comparison=comparison,
        transformation=described(geometry, comparison, sizes, None, None),
    )


@pytest.fixture
def collage():
    found = examples(PNG)["altered-copy"]
    [match] = found.matches
    matches = (shown_at(match, 0.0, "left", PNG + b"1"), shown_at(match, 0.5, "right & <b>", PNG + b"2"))
    return report(replace(found, matches=matches))


def test_each_original_has_its_picture_in_the_order_of_the_matches(collage):
    assert collage.maps == (("left", PNG + b"1"), ("right & <b>", PNG + b"2"))
    assert collage.map_png == PNG + b"1"


def test_a_page_shows_all_of_them(collage):
    part = report_html(collage, map_href="/v1/reports/x/map.png", json_href="/x", standalone=False)
    assert 'src="/v1/reports/x/map.png"' in part
    assert 'src="/v1/reports/x/map.png?match=2"' in part
    assert "right &amp; &lt;b&gt;" in part
    assert report_html(collage).count("data:image/png;base64,") >= 2


def test_without_a_picture_of_the_best_match_there_is_none(collage):
    first, second = collage.evidence.matches
    bare = replace(first, comparison=Comparison(compared=0.5))
    assert replace(collage, evidence=replace(collage.evidence, matches=(bare, second))).maps == ()
